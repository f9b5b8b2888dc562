//! Owns the comparison of traces: the rules that a packet meets, in order, with what came of each, as the kernel's
//! `xtables-monitor --trace` and `sluice trace` tell them.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;
use sluice_tests::gateway;
use sluice_tests::process::Background;
use sluice_tests::router::Setup;
use sluice_tests::{Kind, Router, Topology, eventually};

const RULES: &str = "
    *raw
    -A PREROUTING -p udp
    -A PREROUTING -p icmp -j TRACE
    -A PREROUTING -p icmp -m comment --comment \"behind the target\"
    COMMIT
    *mangle
    -A FORWARD -m length --length 0:2000 -j MARK --set-xmark 0x1/0xffffffff
    COMMIT
    *nat
    -A POSTROUTING -o wan0 -j MASQUERADE
    COMMIT
    *filter
    :FORWARD DROP [0:0]
    :mine - [0:0]
    :other - [0:0]
    -A FORWARD -p tcp -j DROP
    -A FORWARD -j mine
    -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
    -A FORWARD -i lan0 -g other
    -A mine -p udp -j DROP
    -A mine -m mark --mark 0x1 -j RETURN
    -A mine -j DROP
    -A other -m length --length 100:200 -j REJECT --reject-with icmp-port-unreachable
    -A other -m length --length 84 -j ACCEPT
    COMMIT
";

const RULES6: &str = "
    *raw
    -A PREROUTING -s fd00:1::2/128 -d fd00:2::9/128 -j TRACE
    COMMIT
    *filter
    :FORWARD ACCEPT [0:0]
    -A FORWARD -i lan0 -m conntrack --ctstate NEW -j ACCEPT
    COMMIT
";

/// The chains that have rules.
const CHAINS: [(&str, &str); 6] = [
    ("raw", "PREROUTING"),
    ("mangle", "FORWARD"),
    ("nat", "POSTROUTING"),
    ("filter", "FORWARD"),
    ("filter", "mine"),
    ("filter", "other"),
];

/// One step: `filter:FORWARD:rule:ACCEPT -A FORWARD …`.
type Steps = Vec<String>;

/// Packets that pass, one that a rule refuses, one that the policy drops.
fn play(net: &Topology) {
    net.client.must("ping -c 2 -i 0.3 -W 2 192.168.1.9");
    net.client.shell("ping -c 1 -W 1 -s 100 192.168.1.9");
    net.client.shell("ping -c 1 -W 1 -s 8 192.168.1.9");
    net.client.must("ping -6 -c 1 -W 2 fd00:2::9");
}

/// Steps by packet, packets in order.
fn by_packet(steps: impl IntoIterator<Item = (String, String)>) -> Vec<Steps> {
    let mut places = HashMap::new();
    let mut packets: Vec<Steps> = Vec::new();
    for (packet, step) in steps {
        let place = *places.entry(packet).or_insert_with(|| {
            packets.push(Vec::new());
            packets.len() - 1
        });
        packets[place].push(step);
    }
    packets
}

/// A line of xtables-monitor: ` TRACE: 2 8919bb59 filter:mine:rule:0x3:DROP  -4 -t filter -A mine …`.
fn kernel_step(line: &str) -> Option<(String, String)> {
    let (head, rule) = line.trim().strip_prefix("TRACE: ")?.split_once("  ").unwrap_or((line, ""));
    let head = head.trim().trim_start_matches("TRACE: ");
    let mut words = head.split(' ');
    let (_family, packet, step) = (words.next()?, words.next()?, words.next()?);
    // The tool has no name for NFT_RETURN; other numbers are the rules' handles.
    let step = step.replace("0xfffffffb", "RETURN");
    let step: Vec<&str> = step.split(':').filter(|part| !part.starts_with("0x")).collect();
    let rule = rule.split_once("-A ").map_or("", |(_, rule)| rule).trim();
    Some((packet.to_owned(), format!("{} {rule}", step.join(":")).trim().to_owned()))
}

/// The same of `sluice trace --json`; targets end as the kernel's verdicts do.
fn sluice_step(line: &str) -> Option<(String, String)> {
    let step: Value = serde_json::from_str(line).ok()?;
    let text = |name: &str| step[name].as_str().unwrap_or_default().to_owned();
    let kind = match text("step").as_str() {
        kind @ ("rule" | "policy") => kind.to_owned(),
        _ => return None,
    };
    let verdict = match text("verdict").as_str() {
        "SNAT" | "DNAT" | "MASQUERADE" | "REDIRECT" => "ACCEPT".to_owned(),
        "REJECT" => "DROP".to_owned(),
        jump @ ("JUMP" | "GOTO") => format!("{jump}:{}", text("target")),
        verdict => verdict.to_owned(),
    };
    // The kernel has no chain where there is no rule.
    let chain = (text("table"), text("chain"));
    if !CHAINS.iter().any(|(table, name)| (*table, *name) == (&chain.0, &chain.1)) {
        return None;
    }
    let rule = text("rule");
    let rule = rule.strip_prefix("-A ").unwrap_or_default();
    let told = format!("{}:{}:{kind}:{verdict} {rule}", chain.0, chain.1);
    Some((step["packet"].to_string(), told.trim().to_owned()))
}

fn setup() -> Setup {
    Setup::new(RULES).with_ip6tables(RULES6)
}

fn watched(monitor: &Background, read: fn(&str) -> Option<(String, String)>) -> Vec<Steps> {
    let packets = || by_packet(monitor.said().lines().filter_map(read));
    // The last step of the last packet has come once nothing more comes.
    let mut before = packets();
    eventually(Duration::from_secs(5), || {
        std::thread::sleep(Duration::from_millis(500));
        let now = packets();
        let quiet = now == before && !now.is_empty();
        before = now;
        quiet
    });
    before
}

fn of_kernel() -> Vec<Steps> {
    let net = Topology::new();
    let _router = Router::start(Kind::Kernel, &net, &setup());
    // Neighbours are found before anything is told.
    net.client.shell("ping -c 1 -W 2 10.1.0.1; ping -6 -c 1 -W 2 fd00:1::1");
    let log = net.scratch().join("monitor");
    let monitor = net.router.start(&["stdbuf", "-oL", "xtables-monitor", "--trace"], &log);
    std::thread::sleep(Duration::from_secs(1));
    play(&net);
    watched(&monitor, kernel_step)
}

fn of_sluice(workers: u32) -> Vec<Steps> {
    let net = Topology::new();
    let router = Router::start(Kind::Sluice { workers }, &net, &setup());
    net.client.shell("ping -c 1 -W 2 10.1.0.1; ping -6 -c 1 -W 2 fd00:1::1");
    let Router::Sluice(gateway) = &router else { unreachable!("asked for Sluice") };
    let log = net.scratch().join("monitor");
    let (binary, socket) = (gateway::binary(), gateway.socket());
    let words = [binary.to_str().expect("a path"), "-S", &socket, "trace", "--json"];
    let monitor = Background::start(&words, &log);
    std::thread::sleep(Duration::from_secs(1));
    play(&net);
    watched(&monitor, sluice_step)
}

#[test]
fn packets_meet_the_same_rules() {
    let kernel = of_kernel();
    assert!(kernel.len() >= 7, "{kernel:#?}");
    for workers in [1, 2] {
        let sluice = of_sluice(workers);
        assert_eq!(sluice, kernel, "{workers} workers: {sluice:#?}\nkernel: {kernel:#?}");
    }
}
