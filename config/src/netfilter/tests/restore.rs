//! Restore text: what iptables-nft-restore 1.8.9 makes of it, recorded from the tool.

use super::{build, run, save};
use crate::netfilter::{Counters, Family, RestoreOptions, Ruleset, SaveOptions, Table};

const PLAIN: RestoreOptions = RestoreOptions { noflush: false, counters: false, table: None };

fn restore(text: &str) -> Ruleset {
    Ruleset::new(Family::V4).restore(text, "in", &PLAIN).unwrap()
}

#[test]
fn a_chain_that_is_not_named_is_reset() {
    let before = build(Family::V4, &["-P INPUT DROP", "-N OLD"]);
    let after = before.restore("*filter\n:FORWARD DROP [7:8]\nCOMMIT\n", "in", &PLAIN).unwrap();
    assert_eq!(
        save(&after),
        "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n"
    );
}

#[test]
fn noflush_keeps_what_is_not_named_and_empties_declared_user_chains() {
    let before =
        build(Family::V4, &["-P INPUT DROP", "-A INPUT -j ACCEPT", "-N FOO", "-A FOO -j DROP"]);
    let options = RestoreOptions { noflush: true, ..PLAIN };
    let text = "*filter\n:INPUT - [0:0]\n:FOO - [0:0]\n-A FOO -j RETURN\nCOMMIT\n";
    let after = before.restore(text, "in", &options).unwrap();
    assert_eq!(
        save(&after),
        "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:FOO - [0:0]\n\
         -A INPUT -j ACCEPT\n-A FOO -j RETURN\nCOMMIT\n"
    );
}

#[test]
fn counters_are_taken_only_when_asked_for() {
    let text = "*filter\n:INPUT DROP [5:6]\n[1:2] -A INPUT -j ACCEPT\nCOMMIT\n";
    let chain = |options| {
        let ruleset = Ruleset::new(Family::V4).restore(text, "in", &options).unwrap();
        let chain = ruleset.table(Table::Filter).unwrap().chain("INPUT").unwrap().clone();
        (chain.counters, chain.rules[0].counters)
    };
    assert_eq!(chain(PLAIN), (Counters::default(), Counters::default()));
    let some = |packets, bytes| Counters { packets, bytes };
    assert_eq!(chain(RestoreOptions { counters: true, ..PLAIN }), (some(5, 6), some(1, 2)));
}

#[test]
fn commands_of_every_kind_stand_in_the_text() {
    let text = "# a comment\n*filter\n\n\
        -A INPUT -s 1.2.3.4,1.2.3.5 -d 5.6.7.8,9.9.9.9 -j ACCEPT\n-I INPUT 1 -j DROP\n\
        -D INPUT 2\n-N X\n-N Y\n-E Y Z\n-P INPUT DROP\n-R INPUT 1 -j RETURN\n-X Z\nCOMMIT\n";
    assert_eq!(
        save(&restore(text)),
        "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:X - [0:0]\n\
         -A INPUT -j RETURN\n-A INPUT -s 1.2.3.4/32 -d 9.9.9.9/32 -j ACCEPT\n\
         -A INPUT -s 1.2.3.5/32 -d 5.6.7.8/32 -j ACCEPT\n\
         -A INPUT -s 1.2.3.5/32 -d 9.9.9.9/32 -j ACCEPT\nCOMMIT\n"
    );
}

#[test]
fn a_table_nothing_is_put_in_is_gone() {
    let before = build(Family::V4, &["-A INPUT -j ACCEPT"]);
    let after = before.restore("*filter\n-X\n-F\nCOMMIT\n", "in", &PLAIN).unwrap();
    assert_eq!(after.table(Table::Filter), None);
}

#[test]
fn only_the_table_asked_for_changes() {
    let options = RestoreOptions { table: Some(Table::Nat), ..PLAIN };
    let text = "*filter\n-A INPUT -j DROP\nCOMMIT\n*nat\n-A PREROUTING -j ACCEPT\nCOMMIT\n";
    let after = Ruleset::new(Family::V4).restore(text, "in", &options).unwrap();
    assert!(after.table(Table::Filter).is_none() && after.table(Table::Nat).is_some());
}

#[test]
fn quotes_hold_words_together() {
    let text = "*filter\n-A INPUT -m comment --comment \"a \\\"b\\\" c\" -j DROP\n\
        -A INPUT -m comment --comment \"\"\nCOMMIT\n";
    let saved = save(&restore(text));
    assert!(saved.contains("-A INPUT -m comment --comment \"a \\\"b\\\" c\" -j DROP\n"), "{saved}");
    assert!(saved.contains("-A INPUT -m comment --comment \"\"\n"), "{saved}");
}

#[test]
fn what_would_not_survive_a_save_is_quoted_or_refused() {
    use super::Invocation;
    let ruleset = Ruleset::new(Family::V4);
    let odd = Invocation::parse(Family::V4, &["-A", "INPUT", "-i", "a \"b\\"]).unwrap();
    let odd = odd.run(&ruleset).unwrap().ruleset.unwrap();
    assert_eq!(Ruleset::parse(Family::V4, &save(&odd), "saved"), Ok(super::declared(odd)));
    for words in [
        ["-N", "a\"b", "-v", "-v", "-v", "-v"],
        ["-A", "INPUT", "-m", "comment", "--comment", "a\nb"],
        ["-A", "INPUT", "-j", "ACCEPT", "-i", "a\nb"],
    ] {
        assert!(Invocation::parse(Family::V4, &words).is_err(), "{words:?}");
    }
}

/// Text, exit code, what the tool writes to standard error up to its hint.
const REFUSED: &[(&str, u8, &str)] = &[
    (
        "*filter\n-A INPUT --foo\nCOMMIT\n",
        2,
        "iptables-restore v1.8.9 (nf_tables): unknown option \"--foo\"\nError occurred at line: 2",
    ),
    (
        "*filter\n-A INPUT -j NOPE\nCOMMIT\n",
        2,
        "iptables-restore v1.8.9 (nf_tables): Chain 'NOPE' does not exist\nError occurred at line: 3",
    ),
    (
        "*filter\n-A NOPE -j ACCEPT\nCOMMIT\n",
        1,
        "iptables-restore: line 2 failed: No chain/target/match by that name.",
    ),
    ("*filter\n-A INPUT -j ACCEPT\n", 1, "iptables-restore: COMMIT expected at line 3"),
    ("-A INPUT -j ACCEPT\nCOMMIT\n", 1, "iptables-restore: line 1 failed"),
    (
        "*foo\nCOMMIT\n",
        2,
        "iptables-restore v1.8.9 (nf_tables): iptables-restore: line 1 table name 'foo' invalid\nError occurred at line: 1",
    ),
    ("*filter\n:INPUT FOO [0:0]\nCOMMIT\n", 1, "iptables-restore: line 2 failed: Bad policy name."),
    (
        "*filter\n:INPUT\nCOMMIT\n",
        2,
        "iptables-restore v1.8.9 (nf_tables): iptables-restore: line 2 policy invalid\nError occurred at line: 2",
    ),
    ("*filter\nfoo\nCOMMIT\n", 2, "Bad argument `foo'\nError occurred at line: 2"),
    (
        "*filter\n-t nat -A INPUT\nCOMMIT\n",
        2,
        "iptables-restore v1.8.9 (nf_tables): The -t option cannot be used in iptables-restore.\n\nError occurred at line: 2",
    ),
    (
        "*filter\n-D INPUT -j LOG\nCOMMIT\n",
        1,
        "iptables-restore: line 2 failed: Bad rule (does a matching rule exist in that chain?).",
    ),
    (
        "*nat\n\n-A PREROUTING -j MASQUERADE\nCOMMIT\n",
        4,
        "iptables-restore v1.8.9 (nf_tables): \nline 3: RULE_APPEND failed (Invalid argument): rule in chain PREROUTING",
    ),
    (
        "*filter\n:FOO - [0:0]\n-A INPUT -j FOO\n-X FOO\nCOMMIT\n",
        4,
        "iptables-restore v1.8.9 (nf_tables): \nline 4: CHAIN_DEL failed (Device or resource busy): chain FOO",
    ),
    (
        "*filter\n-A INPUT -j RETURN\n*nat\nCOMMIT\n",
        2,
        "Bad argument `*nat'\nError occurred at line: 3",
    ),
];

#[test]
fn refuses_in_the_tools_words() {
    for (text, code, said) in REFUSED {
        let error = Ruleset::new(Family::V4).restore(text, "in", &PLAIN).unwrap_err();
        let hint = "\nTry `iptables-restore -h' or 'iptables-restore --help' for more information.";
        let stderr = error.stderr.strip_suffix(hint).unwrap_or(&error.stderr);
        assert_eq!((stderr, error.code), (*said, *code), "{text}");
        assert_eq!(stderr.len() == error.stderr.len(), *code != 2, "{text}");
    }
}

#[test]
fn tables_before_the_error_are_committed_and_the_ruleset_stays() {
    let before = build(Family::V4, &["-P INPUT DROP"]);
    let text = "*filter\n-A INPUT -j RETURN\nCOMMIT\n*nat\n-A PREROUTING -j NOPE\nCOMMIT\n";
    let error = before.restore(text, "in", &PLAIN).unwrap_err();
    assert!(save(&error.committed).contains("-A INPUT -j RETURN"));
    assert!(save(&before).contains(":INPUT DROP"));
}

#[test]
fn names_every_error_with_its_place_and_a_remedy() {
    let text = "*filter\n:INPUT DROP [0:0]\n[0:0] -A INPUT -p tcp --dprt 80 -j ACCEPT\n\
        -A INPUT -m conntrack --ctstate ESTABLISHD -j ACCEPT\n-A FORWARD -m geoip -j DROP\n\
        -A FORWARD -o wan -j TPROXY\n-A INPUT -o wan\nCOMMIT\n*nat\n-A PREROUTING -j MASQUERADE\nCOMMIT\n";
    let errors = Ruleset::parse(Family::V4, text, "rules.v4").unwrap_err();
    let shown: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let starts = [
        "rules.v4:3:23: error: unknown option \"--dprt\"\n  help: did you mean `--dport`?",
        "rules.v4:4:23: error: Bad ctstate \"ESTABLISHD\"\n  help: did you mean `ESTABLISHED`?",
        "rules.v4:5:12: error: Couldn't load match `geoip':No such file or directory",
        "rules.v4:6:19: error: Couldn't load target `TPROXY':No such file or directory",
        "rules.v4:7:13: error: Can't use -o with INPUT",
        "rules.v4:10:1: error: RULE_APPEND failed (Invalid argument): rule in chain PREROUTING\n  help: MASQUERADE works in POSTROUTING only, not in PREROUTING",
    ];
    assert_eq!(shown.len(), starts.len(), "{shown:#?}");
    for (shown, start) in shown.iter().zip(starts) {
        assert!(shown.starts_with(start), "{shown}\nis not\n{start}");
    }
}

#[test]
fn the_saved_text_has_the_tools_frame() {
    let ruleset =
        build(Family::V4, &["-t nat -A POSTROUTING -j MASQUERADE", "-A INPUT -c 5 6 -j ACCEPT"]);
    let time = Some("Mon Nov 23 11:17:01 2026");
    let options = SaveOptions { counters: true, table: Some(Table::Filter), time };
    assert_eq!(
        ruleset.save(&options),
        "# Generated by iptables-save v1.8.9 (nf_tables) on Mon Nov 23 11:17:01 2026\n*filter\n\
         :INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
         [5:6] -A INPUT -j ACCEPT\nCOMMIT\n# Completed on Mon Nov 23 11:17:01 2026\n"
    );
}

#[test]
fn listings_have_the_tools_columns() {
    let ruleset = build(
        Family::V4,
        &[
            "-N FOO",
            "-A INPUT -c 123456 99999 -i eth+ ! -s 10.0.0.0/8 -g FOO",
            "-P INPUT DROP -c 1 2",
        ],
    );
    let list = |line| run(Family::V4, &ruleset, line).unwrap().output;
    assert_eq!(
        list("-nvL INPUT --line-numbers"),
        "Chain INPUT (policy DROP 0 packets, 0 bytes)\n\
         num   pkts bytes target     prot opt in     out     source               destination         \n\
         1     123K 99999 FOO        0    --  eth+   *      !10.0.0.0/8           0.0.0.0/0           [goto] \n"
    );
    assert_eq!(
        list("-L FOO"),
        "Chain FOO (1 references)\ntarget     prot opt source               destination         \n"
    );
    assert_eq!(
        list("-S -v"),
        "-P INPUT DROP -c 0 0\n-P FORWARD ACCEPT -c 0 0\n-P OUTPUT ACCEPT -c 0 0\n-N FOO\n\
         -A INPUT ! -s 10.0.0.0/8 -i eth+ -c 123456 99999 -g FOO\n"
    );
}

#[test]
fn a_ruleset_of_twenty_thousand_chains_loads() {
    use std::fmt::Write;
    let mut text = String::from("*filter\n");
    for n in 0..20_000 {
        let _ = writeln!(text, ":C{n} - [0:0]");
    }
    for n in 0..20_000 {
        let _ = writeln!(
            text,
            "-A C{n} -s 10.0.{}.{}/32 -j ACCEPT\n-A FORWARD -j C{n}",
            n / 256,
            n % 256
        );
    }
    text.push_str("COMMIT\n");
    let ruleset = restore(&text);
    assert_eq!(ruleset.table(Table::Filter).unwrap().chains.len(), 20_003);
}
