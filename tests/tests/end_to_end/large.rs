//! Owns the tests of what is large: sets of a million elements, and rulesets of hundreds of thousands of lines, as
//! data centres have them. Bounds of time and memory are loose; each test prints what it measured.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::{Duration, Instant};

use sluice_tests::gateway::Gateway;
use sluice_tests::router::Setup;
use sluice_tests::{Topology, kube};

const MILLION: u32 = 1_000_000;

/// What it took, which is also printed.
fn timed<T>(what: &str, action: impl FnOnce() -> T) -> (T, Duration) {
    let begin = Instant::now();
    let done = action();
    let took = begin.elapsed();
    eprintln!("{what}: {:.3} s", took.as_secs_f64());
    (done, took)
}

/// Megabytes of memory that the gateway has in use.
fn megabytes(gateway: &Gateway) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

fn written(folder: &Path, name: &str, text: &str) -> String {
    let file = folder.join(name);
    std::fs::write(&file, text).unwrap();
    file.to_str().expect("a plain path").to_owned()
}

/// `hash:ip` with a million addresses: restored, saved, listed, tested, swapped, destroyed.
#[test]
fn a_million_addresses() {
    let net = Topology::new();
    let gateway = Gateway::start(&net.router, net.scratch(), &Setup::new(""), 1);
    let before = megabytes(&gateway);
    let mut text = format!("create a hash:ip maxelem {MILLION}\n");
    let address = |number: u32| Ipv4Addr::from((11 << 24) + number);
    (0..MILLION).for_each(|number| writeln!(text, "add a {}", address(number)).unwrap());
    let file = written(net.scratch(), "million", &text);
    let (_, restored) = timed("restore", || gateway.must(&format!("ipset restore < {file}")));
    eprintln!("memory: {} MB more", megabytes(&gateway) - before);
    let (saved, took) = timed("save", || gateway.must("ipset save a"));
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().skip(1).map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    assert!(sorted(&saved) == sorted(&text), "what is saved is not what was restored");
    let (listed, listing) = timed("list", || gateway.must("ipset list a"));
    assert!(listed.contains("\nNumber of entries: 1000000\n"), "{}", &listed[..300]);
    let (said, test) = timed("test", || gateway.sluice("ipset test a 11.3.4.5"));
    assert_eq!((said.code, &*said.stderr), (0, "Warning: 11.3.4.5 is in set a.\n"));
    let full = gateway.sluice("ipset add a 12.0.0.1");
    assert!(full.stderr.contains("Hash is full, cannot add more elements"), "{full:?}");
    gateway.must("ipset create b hash:ip maxelem 1000000");
    let (_, swap) = timed("swap", || gateway.must("ipset swap a b"));
    assert_eq!(gateway.sluice("ipset test a 11.3.4.5").code, 1);
    assert_eq!(gateway.sluice("ipset test b 11.3.4.5").code, 0);
    let (_, destroyed) = timed("destroy", || gateway.must("ipset destroy b"));
    let all = restored + took + listing + test + swap + destroyed;
    assert!(all < Duration::from_secs(25), "{all:?}");
}

/// The lines of each table in the order of chains' names, those of a chain in their own.
fn by_chain(text: &str) -> Vec<&str> {
    let mut tables = 0;
    let place = |line| {
        let line: &str = line;
        tables += usize::from(line.starts_with('*'));
        let chain = line.trim_start_matches("-A ").split(' ').next().unwrap_or("");
        ((tables, line == "COMMIT", line.starts_with("-A"), chain), line)
    };
    let mut lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).map(place).collect();
    lines.sort_by_key(|(place, _)| *place);
    lines.into_iter().map(|(_, line)| line).collect()
}

/// kube-proxy's rules for 10,000 services of ten endpoints each: some 430,000 lines. Saved as they were restored.
#[test]
fn ten_thousand_services() {
    let net = Topology::new();
    let gateway = Gateway::start(&net.router, net.scratch(), &Setup::new(""), 1);
    let before = megabytes(&gateway);
    let text = kube::ruleset(10_000, 10);
    assert!(text.lines().count() > 430_000);
    let file = written(net.scratch(), "kube", &text);
    let restore = || gateway.must(&format!("iptables-restore < {file}"));
    let (_, first) = timed("430,000 lines restored", restore);
    eprintln!("memory: {} MB more", megabytes(&gateway) - before);
    let (saved, saving) = timed("saved", || gateway.must("iptables-save"));
    assert!(by_chain(&saved) == by_chain(&text), "what is saved is not what was restored");
    // kube-proxy restores all of it again and again.
    let (_, again) = timed("restored again", restore);
    let after = megabytes(&gateway) - before;
    eprintln!("memory: {after} MB more");
    let service = kube::service(7);
    let rule = format!("KUBE-SERVICES -d {service}/32 -p tcp --dport 81 -j KUBE-MARK-MASQ");
    let (_, one) = timed("one rule", || gateway.must(&format!("iptables -t nat -A {rule}")));
    for (what, took) in [("restore", first), ("save", saving), ("restore", again), ("a rule", one)]
    {
        assert!(took < Duration::from_secs(30), "{what} took {took:?}");
    }
    assert!(after < 3000, "{after} MB");
}

/// Far more than anybody has: loaded within bounds, and gone again.
#[test]
fn a_million_lines() {
    let net = Topology::new();
    let gateway = Gateway::start(&net.router, net.scratch(), &Setup::new(""), 1);
    let before = megabytes(&gateway);
    let mut text = String::from("*filter\n");
    for number in 0..MILLION {
        let address = Ipv4Addr::from((11 << 24) + number);
        writeln!(
            text,
            "-A FORWARD -s {address}/32 -p tcp -m tcp --dport {} -j DROP",
            number % 1000 + 1
        )
        .unwrap();
    }
    let file = written(net.scratch(), "million", &(text + "COMMIT\n"));
    let (_, took) =
        timed("a million rules", || gateway.must(&format!("iptables-restore < {file}")));
    eprintln!("memory: {} MB more", megabytes(&gateway) - before);
    let last = gateway.must("iptables -S FORWARD 1000000");
    assert_eq!(last, "-A FORWARD -s 11.15.66.63/32 -p tcp -m tcp --dport 1000 -j DROP\n");
    let (_, flush) = timed("flush", || gateway.must("iptables -F"));
    assert!(took + flush < Duration::from_secs(60), "{took:?}, {flush:?}");
    assert_eq!(gateway.must("iptables -S FORWARD"), "-P FORWARD ACCEPT\n");
}

/// Rules come and go one at a time while there are ten thousand.
#[test]
fn one_of_ten_thousand_rules_changes_at_once() {
    let net = Topology::new();
    let mut rules = String::from("*filter\n");
    for number in 0..10_000_u32 {
        let address = Ipv4Addr::from((11 << 24) + number);
        writeln!(rules, "-A FORWARD -s {address}/32 -p tcp --dport 80 -j DROP").unwrap();
    }
    let setup = Setup::new(&(rules + "COMMIT\n"));
    let gateway = Gateway::start(&net.router, net.scratch(), &setup, 1);
    let (_, idle) = timed("a command that changes nothing", || {
        gateway.must("iptables -C FORWARD -s 11.0.0.7/32 -p tcp --dport 80 -j DROP")
    });
    let replace = |port: u16| {
        let rule = format!("iptables -R FORWARD 5000 -s 11.0.0.7/32 -p tcp --dport {port} -j DROP");
        timed("replaced", || gateway.must(&rule)).1
    };
    let best = (1..8).map(replace).min().expect("several");
    // With the start of a process, a call, and workers that let go of the old rules.
    assert!(best < idle + Duration::from_millis(150), "{best:?}, and {idle:?} without a change");
}
