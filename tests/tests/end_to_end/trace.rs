//! Owns the tests of `sluice trace` and `iptables --explain`: what they tell is what packets do.

use std::time::Duration;

use serde_json::Value;
use sluice_tests::gateway::{self, Gateway};
use sluice_tests::process::Background;
use sluice_tests::router::{Setup, unindent};
use sluice_tests::{Topology, eventually, on_sluice};

on_sluice!(
    chosen_packets_leave_the_fast_path_and_count_as_before,
    explanations_agree_with_what_packets_do,
    an_explanation_changes_nothing,
    what_cannot_be_asked_is_refused,
);

const RULES: &str = "
    *raw
    -A PREROUTING -p udp --dport 7 -j CT --notrack
    COMMIT
    *nat
    -A PREROUTING -d 192.168.1.146/32 -p udp --dport 5353 -j DNAT --to-destination 10.1.0.2:53
    -A POSTROUTING -o wan0 -p udp --dport 9 -j SNAT --to-source 192.168.1.146
    COMMIT
    *filter
    :INPUT ACCEPT [0:0]
    :FORWARD DROP [0:0]
    :services -
    -A INPUT -p udp --dport 11 -j REJECT
    -A FORWARD -p icmp -j DROP
    -A FORWARD -i lan0 -j services
    -A FORWARD -i wan0 -d 10.1.0.2/32 -p udp --dport 53 -j ACCEPT
    -A services -p udp --dport 9 -j ACCEPT
    -A services -p udp --dport 10 -j DROP
    -A services -p udp --dport 12 -m limit --limit 1/hour --limit-burst 1 -j ACCEPT
    COMMIT
";

fn start(net: &Topology, workers: u32) -> Gateway {
    let rules = RULES.replace(":services -", ":services - [0:0]");
    let setup = Setup::new(&rules).with_ip6tables(
        "
        *filter
        :FORWARD ACCEPT [0:0]
        -A FORWARD -p udp --dport 10 -j REJECT --reject-with icmp6-adm-prohibited
        COMMIT",
    );
    let gateway = Gateway::start(&net.router, net.scratch(), &setup, workers);
    net.client.must("ping -c 1 -W 2 10.1.0.1; ping -6 -c 1 -W 2 fd00:1::1");
    net.server.must("ping -c 1 -W 2 192.168.1.146; ping -6 -c 1 -W 2 fd00:2::1");
    gateway
}

/// `sluice trace WORDS --json`, once it listens.
fn trace(net: &Topology, gateway: &Gateway, words: &str) -> Background {
    let (binary, socket) = (gateway::binary(), gateway.socket());
    let log = net.scratch().join("trace.log");
    let line = format!("exec {} -S {socket} trace {words} --json", binary.display());
    let trace = Background::start(&["sh", "-c", &line], &log);
    // Workers know of it before the client hears that it has begun; there is nothing to see of that.
    std::thread::sleep(Duration::from_millis(500));
    trace
}

fn steps(text: &str) -> Vec<Value> {
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn ends(trace: &Background) -> usize {
    steps(&trace.said()).iter().filter(|step| step["step"] == "end").count()
}

/// Rules, policies, translations and the end, in a line each.
fn told(steps: &[Value]) -> Vec<String> {
    let interesting =
        ["rule", "policy", "source-nat", "destination-nat", "local", "forward", "end"];
    let word = |step: &Value, name: &str| match &step[name] {
        Value::Null => String::new(),
        Value::String(text) => format!(" {text}"),
        other => format!(" {other}"),
    };
    let of_interest = steps
        .iter()
        .filter(|step| interesting.iter().any(|interesting| step["step"] == *interesting));
    let names =
        ["step", "table", "chain", "number", "verdict", "target", "interface", "reason", "answer"];
    of_interest
        .map(|step| names.iter().map(|name| word(step, name)).collect::<String>().trim().to_owned())
        .collect()
}

fn chosen_packets_leave_the_fast_path_and_count_as_before(workers: u32) {
    let net = Topology::new();
    let gateway = start(&net, workers);
    let count = || {
        let save = gateway.must("iptables-save -c -t filter");
        let line = save.lines().find(|line| line.contains("--dport 9 ")).unwrap_or("").to_owned();
        line.split_once(':').unwrap_or_default().0.trim_start_matches('[').to_owned()
    };
    let go = net.scratch().join("go");
    let stream = format!(
        "exec 3<>/dev/udp/192.168.1.9/9; for i in 1 2 3; do printf x >&3; sleep 0.1; done
         while [ ! -e {} ]; do sleep 0.1; done; printf y >&3; printf z >&3; sleep 5",
        go.display()
    );
    let _client = net.client.start(&["bash", "-c", &stream], &net.scratch().join("client"));
    assert!(eventually(Duration::from_secs(5), || count() == "3"), "{}", count());
    let mut trace = trace(&net, &gateway, "-i lan0 -p udp -d 192.168.1.0/24 --dport 9 --count 2");
    std::fs::write(&go, "").unwrap();
    let ended = eventually(Duration::from_secs(8), || trace.ended().is_some());
    assert!(ended, "it ends by itself after two packets: {}", trace.said());
    assert_eq!(count(), "5", "{}", trace.said());
    let steps = steps(&trace.said());
    let cached = steps.iter().filter(|step| step["step"] == "cached" && step["cached"] == true);
    assert_eq!(cached.count(), 2, "the fast path knew them: {}", trace.said());
    let first: Vec<_> =
        steps.iter().filter(|step| step["packet"] == steps[0]["packet"]).cloned().collect();
    assert!(first[0]["line"].as_str().unwrap_or("").starts_with("IN=lan0 OUT= MAC="), "{first:?}");
    assert_eq!(
        told(&first),
        [
            "policy raw PREROUTING ACCEPT",
            "forward wan0",
            "rule filter FORWARD 2 JUMP services",
            "rule filter services 1 ACCEPT",
            "source-nat",
            "end SENT wan0",
        ]
    );
    gateway.assert_accounted();
}

/// A packet: how it is described, who sends it, and how.
const PACKETS: [(&str, &str, &str); 7] = [
    (
        "iptables --explain -i lan0 -p udp -s 10.1.0.2 -d 192.168.1.9 --dport 9 --length 29",
        "client",
        "192.168.1.9/9",
    ),
    (
        "iptables --explain -i lan0 -p udp -s 10.1.0.2 -d 192.168.1.9 --dport 10 --length 29",
        "client",
        "192.168.1.9/10",
    ),
    (
        "iptables --explain -i lan0 -p udp -s 10.1.0.2 -d 192.168.1.9 --dport 7 --length 29",
        "client",
        "192.168.1.9/7",
    ),
    (
        "iptables --explain -i lan0 -p udp -s 10.1.0.2 -d 10.1.0.1 --dport 11 --length 29",
        "client",
        "10.1.0.1/11",
    ),
    (
        "iptables --explain -i wan0 -p udp -s 192.168.1.9 -d 192.168.1.146 --dport 5353 --length 29",
        "server",
        "192.168.1.146/5353",
    ),
    (
        "iptables --explain -i lan0 -p udp -s 10.1.0.2 -d 203.0.113.1 --dport 9 --length 29",
        "client",
        "203.0.113.1/9",
    ),
    (
        "ip6tables --explain -i lan0 -p udp -s fd00:1::2 -d fd00:2::9 --dport 10 --length 49",
        "client",
        "fd00:2::9/10",
    ),
];

fn explanations_agree_with_what_packets_do(workers: u32) {
    let net = Topology::new();
    let gateway = start(&net, workers);
    for (words, host, to) in PACKETS {
        let explained: Value =
            serde_json::from_str(&gateway.must(&format!("{words} --json"))).unwrap();
        let expected = told(explained["steps"].as_array().unwrap());
        let port = to.split_once('/').unwrap().1;
        let trace = trace(&net, &gateway, &format!("-p udp --dport {port} --count 1"));
        let sender = if host == "client" { &net.client } else { &net.server };
        sender.must(&format!("bash -c 'printf x >/dev/udp/{to}'"));
        assert!(
            eventually(Duration::from_secs(5), || ends(&trace) == 1),
            "{words}: {}",
            trace.said()
        );
        assert_eq!(told(&steps(&trace.said())), expected, "{words}");
    }
    let text = gateway.must(PACKETS[1].0);
    let fate = "=> dropped (rule) by filter:services:rule:2  -t filter -A services -p udp -m udp --dport 10 -j DROP";
    assert_eq!(text.lines().last(), Some(fate), "{text}");
    let text = gateway.must(PACKETS[3].0);
    assert!(text.contains("answered with icmp-port-unreachable by filter:INPUT:rule:1"), "{text}");
    let own = gateway.must("iptables --explain -p icmp -d 192.168.1.9");
    assert!(own.contains("IN= OUT= SRC=192.168.1.146 DST=192.168.1.9"), "{own}");
    assert!(own.contains("=> sent by wan0 to 192.168.1.9"), "{own}");
}

fn an_explanation_changes_nothing(workers: u32) {
    let net = Topology::new();
    let gateway = start(&net, workers);
    let state = || gateway.must("iptables-save -c") + &gateway.connections();
    let before = state();
    let words = "iptables --explain -i lan0 -p udp -s 10.1.0.2 -d 192.168.1.9 --dport 12";
    for _ in 0..3 {
        let text = gateway.must(words);
        assert!(text.contains("filter:services:rule:3:limit as it stands now"), "{text}");
        assert!(text.contains("=> sent by wan0"), "{text}");
    }
    assert_eq!(state(), before);
    net.client.must("bash -c 'printf x >/dev/udp/192.168.1.9/12'");
    let text = || gateway.must(words);
    assert!(
        eventually(Duration::from_secs(3), || text().contains("=> dropped (rule)")),
        "{}",
        text()
    );
}

fn what_cannot_be_asked_is_refused(workers: u32) {
    let net = Topology::new();
    let gateway = start(&net, workers);
    let refused = |words: &str, code: i32, says: &str| {
        let output = gateway.sluice(words);
        assert_eq!(output.code, code, "{words}: {output:?}");
        assert!(output.stderr.contains(says), "{words}: {}", output.stderr);
    };
    refused("iptables --explain -p tcp -d 10.1.0.2", 2, "say --dport");
    refused("iptables --explain -i dmz -p icmp -s 10.1.0.2 -d 10.1.0.1", 1, "no interface `dmz`");
    refused("iptables --explain -p icmp -d fd00:1::2", 1, "of the family");
    refused(
        "ip6tables --explain -i lan0 -p icmp -s 10.1.0.2 -d 10.1.0.1",
        1,
        "of the other family",
    );
    refused(
        "iptables --explain -i lan0 -p icmp -s 10.1.0.2 -d 10.1.0.1 --ctstate OLD",
        1,
        "no connection state",
    );
    refused("trace --sport http", 2, "no port");
    refused("trace -p tpc", 2, "no protocol");
    assert!(gateway.must("iptables --explain --help").contains("Nothing changes"));
    let nothing = gateway.must(&unindent("trace --all -i wan0 --timeout 1 --json"));
    assert!(steps(&nothing).len() < 100, "{nothing}");
}
