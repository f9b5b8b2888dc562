//! Restore text: what `iptables-restore` takes and refuses, and what it leaves behind.

use std::fmt::Write as _;
use std::fs;

use sluice_config::netfilter::{
    AnySet, Family, Names, RestoreOptions, Ruleset, SaveOptions, Table,
};
use sluice_tests::Namespace;

/// Exit code, standard error, and the ruleset afterwards with its counters.
type Left = (u8, String, String);

/// Restored before each text.
const SETUP: &str = "*filter\n:INPUT ACCEPT [0:0]\n:OLD - [0:0]\n-A INPUT -s 9.9.9.9 -j OLD\n-A OLD -j RETURN\nCOMMIT\n*nat\n-A OUTPUT -j ACCEPT\nCOMMIT\n";

/// Options of iptables-restore and the text it is given.
const TEXTS: &[(&str, &str)] = &[
    ("", "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j ACCEPT\nCOMMIT\n"),
    ("", "*filter\n:INPUT DROP [5:6]\n[7:8] -A INPUT -j ACCEPT\nCOMMIT\n"),
    ("-c", "*filter\n:INPUT DROP [5:6]\n[7:8] -A INPUT -j ACCEPT\nCOMMIT\n"),
    ("-c", "*filter\n:INPUT DROP [x:6]\n[7:8] -A INPUT -j ACCEPT\nCOMMIT\n"),
    ("-c", "*filter\n:INPUT DROP\n[7:x] -A INPUT -j ACCEPT\nCOMMIT\n"),
    ("-c", "*filter\n:INPUT DROP\n[7:8 -A INPUT -j ACCEPT\nCOMMIT\n"),
    ("-c", "*filter\n:INPUT DROP\n-A INPUT -c 3 4 -j ACCEPT\nCOMMIT\n"),
    ("", "*filter\n:INPUT DROP\n-A INPUT -c 3 4 -j ACCEPT\nCOMMIT\n"),
    ("", "*filter\n-A INPUT -j ACCEPT\n"),
    ("", "-A INPUT -j ACCEPT\nCOMMIT\n"),
    ("", "*nope\nCOMMIT\n"),
    ("", "*filter\n*nat\nCOMMIT\n"),
    ("", "*filter\nCOMMIT\nCOMMIT\n"),
    ("", ""),
    ("", "# x\n\n"),
    ("", "*filter\n:FOO - [0:0]\n-A FOO -j ACCEPT\n-A INPUT -j FOO\nCOMMIT\n"),
    ("", "*filter\n-A INPUT -j FOO\n:FOO - [0:0]\nCOMMIT\n"),
    ("", "*filter\n-A INPUT -j FOO\nCOMMIT\n"),
    ("", "*filter\n-A FOO -j ACCEPT\nCOMMIT\n"),
    ("", "*filter\n-N FOO\n-A FOO -j ACCEPT\nCOMMIT\n"),
    ("", "*filter\n-N FOO\n-N FOO\nCOMMIT\n"),
    ("", "*filter\n:INPUT NOPE\nCOMMIT\n"),
    ("", "*filter\n:INPUT\nCOMMIT\n"),
    ("", "*filter\n:\nCOMMIT\n"),
    ("", "*filter\n:FOO DROP\nCOMMIT\n"),
    ("", "*filter\n:ACCEPT -\nCOMMIT\n"),
    ("", "*filter\n:a2345678901234567890123456789 -\nCOMMIT\n"),
    ("", "*filter\n:PREROUTING ACCEPT\nCOMMIT\n"),
    ("", "*nat\n:PREROUTING DROP\nCOMMIT\n"),
    ("", "*nat\n-A PREROUTING -j DROP\nCOMMIT\n"),
    ("", "*filter\n-t nat -A PREROUTING -j ACCEPT\nCOMMIT\n"),
    ("", "*filter\n-A INPUT --table nat -j ACCEPT\nCOMMIT\n"),
    ("", "*filter\n-A INPUT foo\nCOMMIT\n"),
    ("", "*filter\n-A INPUT --nope\nCOMMIT\n"),
    ("", "*filter\n-A INPUT -m nope\nCOMMIT\n"),
    ("", "*filter\n-A INPUT -j TCPMSS\nCOMMIT\n"),
    ("", "*filter\n-A INPUT -j TCPMSS --set-mss 4\nCOMMIT\n"),
    ("", "*filter\n-A INPUT -o eth0\nCOMMIT\n"),
    ("", "*filter\n-A INPUT -m comment --comment \"a b \\\" c\" -j ACCEPT\nCOMMIT\n"),
    ("", "*filter\n-A INPUT -m comment --comment 'a b' -j ACCEPT\nCOMMIT\n"),
    ("", "*filter\n-A INPUT -m comment --comment 'a' -j ACCEPT\nCOMMIT\n"),
    ("", "*filter\n-I INPUT 5 -j ACCEPT\nCOMMIT\n"),
    ("", "*filter\n-D INPUT 5\nCOMMIT\n"),
    ("", "*filter\n-D INPUT -j ACCEPT\nCOMMIT\n"),
    ("", "*filter\n-A INPUT -j ACCEPT\n-D INPUT 1\nCOMMIT\n"),
    ("", "*filter\n-P INPUT DROP\nCOMMIT\n"),
    ("", "*filter\n-C INPUT -j ACCEPT\nCOMMIT\n"),
    ("", "*filter\n-A INPUT -j ACCEPT\n-C INPUT -j ACCEPT\nCOMMIT\n"),
    ("", "*filter\n-6 -A INPUT -j DROP\n-4 -A INPUT -j ACCEPT\nCOMMIT\n"),
    ("", "*filter\n-w -A INPUT -j ACCEPT\nCOMMIT\n"),
    ("-n", "*filter\n-A INPUT -j ACCEPT\nCOMMIT\n"),
    ("-n", "*filter\n:FOO -\n-A INPUT -j FOO\nCOMMIT\n"),
    ("-n", "*filter\n:INPUT DROP\nCOMMIT\n"),
    ("-c", "*filter\n:INPUT - [5:6]\nCOMMIT\n"),
    ("-c", "*filter\n:INPUT -\nCOMMIT\n"),
    ("-c", "*filter\n:INPUT - [x:6]\nCOMMIT\n"),
    ("", "*filter\n:INPUT - [5:6]\nCOMMIT\n"),
    ("", "*filter\n:INPUT -\nCOMMIT\n"),
    ("-n", "*filter\n-P INPUT DROP\n:INPUT - [5:6]\nCOMMIT\n"),
    ("-n -c", "*filter\n-P INPUT DROP\n:INPUT - [5:6]\nCOMMIT\n"),
    ("-c", "*filter\n:MINE - [5:6]\nCOMMIT\n"),
    ("-c", "*filter\n:MINE -\nCOMMIT\n"),
    ("-c", "*filter\n:MINE ACCEPT\nCOMMIT\n"),
    ("-c", "*filter\n:MINE ACCEPT [x:6]\nCOMMIT\n"),
    ("-n", "*filter\n:OLD -\nCOMMIT\n"),
    ("-n", "*filter\n-X OLD\nCOMMIT\n"),
    ("-n", "*security\n-F\nCOMMIT\n"),
    ("-n", "*security\n-F INPUT\nCOMMIT\n"),
    ("-n", "*security\n-F OLD\nCOMMIT\n"),
    ("", "*filter\nCOMMIT\n"),
    ("", "*nat\nCOMMIT\n"),
    ("-T nat", "*filter\n-A INPUT -j ACCEPT\nCOMMIT\n*nat\n-A PREROUTING -j ACCEPT\nCOMMIT\n"),
    ("-T filter", "*filter\n-A INPUT -j ACCEPT\nCOMMIT\n*nat\n-A PREROUTING -j ACCEPT\nCOMMIT\n"),
    ("-T filter", "*nat\n-A NOPE -j ACCEPT\nCOMMIT\n*filter\n-A INPUT -j DROP\nCOMMIT\n"),
    ("", "*nat\n-A PREROUTING -j ACCEPT\nCOMMIT\n*filter\n-A INPUT -j NOPE\nCOMMIT\n"),
    ("", "*filter\n-A INPUT -j ACCEPT\nCOMMIT\n*filter\n-A INPUT -j DROP\nCOMMIT\n"),
    ("", "*filter\n  -A INPUT -j ACCEPT\nCOMMIT\n"),
    ("", "*filter\n\t-A INPUT -j ACCEPT\nCOMMIT \n"),
    ("", "*filter \n-A INPUT -j ACCEPT\nCOMMIT\n"),
    ("", "  *filter\n-A INPUT -j ACCEPT\nCOMMIT\n"),
    ("", "*filter\n:INPUT ACCEPT [0:0] x\n-A INPUT -j ACCEPT\nCOMMIT\n"),
    ("", "*filter\n-A INPUT -j ACCEPT\nCOMMIT"),
    ("", "*filter\n-A INPUT -j ACCEPT\nCOMMITx\n"),
    (
        "",
        "*filter\n:FOO - [0:0]\n:BAR - [0:0]\n-A FOO -j BAR\n-A BAR -j FOO\n-A INPUT -j FOO\nCOMMIT\n",
    ),
    ("", "*filter\n-A INPUT -j MASQUERADE\nCOMMIT\n"),
    ("", "*filter\n-A INPUT -s 1.1.1.1,2.2.2.2 -j ACCEPT\nCOMMIT\n"),
    ("", "*security\n-A INPUT -j ACCEPT\nCOMMIT\n"),
    // What is warned of, with and without an error.
    (
        "",
        "*filter\n-A INPUT -i a/b -j ACCEPT\n-A FORWARD -o c/d -j NFLOG --nflog-range 5\nCOMMIT\n",
    ),
    (
        "-n",
        "*filter\n-A INPUT -m time --localtz -j ACCEPT\nCOMMIT\n*mangle\n-A INPUT -i a/b\nCOMMIT\n",
    ),
    ("", "*filter\n-A INPUT -i a/b -j ACCEPT\n-A INPUT --nonsense\n-A INPUT -i c/d\nCOMMIT\n"),
    ("", "*filter\n-A INPUT -i a/b -j NOWHERE\n-A INPUT -i c/d\nCOMMIT\n"),
    ("-T mangle", "*filter\n-A INPUT -i a/b -j ACCEPT\nCOMMIT\n"),
    ("", "*filter\n-A INPUT -i a/b -j ACCEPT\n"),
];

fn ours(options: &str, text: &str) -> Left {
    let plain = RestoreOptions::default();
    let before = Ruleset::new(Family::V4).restore(SETUP, "setup", &plain);
    let before = before.expect("the setup is in order");
    let options = RestoreOptions {
        noflush: options.contains("-n"),
        counters: options.contains("-c"),
        table: options.strip_prefix("-T ").and_then(Table::from_name),
    };
    let names = Names { sets: &AnySet, policies: None };
    let (code, stderr, after) = match before.restore_warning(text, "text", &options, names) {
        Ok((after, warnings)) => (0, warnings.trim_end().to_owned(), after),
        Err(error) => (error.code, error.stderr.trim_end().to_owned(), error.committed),
    };
    (code, stderr, after.save(&SaveOptions { counters: true, ..SaveOptions::default() }))
}

fn real() -> Vec<Left> {
    let directory = tempfile::tempdir().expect("no temporary directory");
    let at = directory.path();
    let write = |name: &str, text: &str| fs::write(at.join(name), text).expect("cannot write");
    write("setup", SETUP);
    let mut script = format!("cd {}\n", at.display());
    for (nth, (options, text)) in TEXTS.iter().enumerate() {
        write(&format!("{nth}.text"), text);
        let _ = writeln!(
            script,
            "unshare -n bash <<'END'
iptables-restore <setup
iptables-restore {options} <{nth}.text 2>{nth}.err; echo $? >{nth}.code
iptables-save -c | grep -v '^#' >{nth}.save
END"
        );
    }
    write("script", &script);
    Namespace::new("restore").must(&format!("bash {}; true", at.join("script").display()));
    let read = |name: String| fs::read_to_string(at.join(name)).unwrap_or_default();
    let answers = (0..TEXTS.len()).map(|nth| {
        let code = read(format!("{nth}.code")).trim().parse().expect("no exit code");
        (code, read(format!("{nth}.err")).trim_end().to_owned(), read(format!("{nth}.save")))
    });
    answers.collect()
}

#[test]
fn restore_text() {
    let mut report = String::new();
    for ((options, text), real) in TEXTS.iter().zip(real()) {
        let ours = ours(options, text);
        if ours != real {
            let _ = writeln!(report, "{options} {text:?}\n  tool: {real:?}\n  Sluice: {ours:?}");
        }
    }
    assert!(report.is_empty(), "the text differs from the tool's:\n{report}");
}
