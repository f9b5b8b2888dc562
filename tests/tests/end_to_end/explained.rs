//! Owns the tests of `iptables --explain` with connections under way: whichever worker has them, what is told of their
//! next packet is what would happen to it.

use std::time::Duration;

use serde_json::Value;
use sluice_tests::ftp::{Client, Server};
use sluice_tests::gateway::Gateway;
use sluice_tests::router::Setup;
use sluice_tests::{Topology, eventually, on_sluice};

on_sluice!(live_connections, expected_connections, a_mark_and_a_zone);

const RULES: &str = "
    *raw
    -A PREROUTING -p tcp --dport 21 -j CT --helper ftp
    COMMIT
    *nat
    -A POSTROUTING -o wan0 -j MASQUERADE
    COMMIT
    *filter
    :FORWARD DROP [0:0]
    -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
    -A FORWARD -i lan0 -m conntrack --ctstate NEW -j ACCEPT
    COMMIT
";

/// Sends a datagram from 10.1.0.2:6000 to 192.168.1.9:9.
const DATAGRAM: &str =
    "python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((\"10.1.0.2\", 6000)); s.sendto(b\"x\", (\"192.168.1.9\", 9))'";

fn send(net: &Topology, gateway: &Gateway) {
    net.client.must(DATAGRAM);
    let there = || gateway.connections().contains("sport=6000 dport=9 ");
    assert!(eventually(Duration::from_secs(5), there), "{}", gateway.connections());
}

struct Told {
    steps: Vec<Value>,
    result: Value,
}

impl Told {
    fn step(&self, name: &str) -> &Value {
        self.steps.iter().find(|step| step["step"] == name).unwrap_or(&Value::Null)
    }

    /// The connection's state, which way the packet goes, the filter's rule, the fate.
    fn summary(&self) -> (String, bool, String, String) {
        let state = self.step("connection");
        let filter = self.steps.iter().find(|step| step["table"] == "filter");
        let rule = filter.map(|step| format!("{}:{}", step["chain"], step["number"]));
        let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
        let rule = rule.unwrap_or_default().replace('"', "");
        (text(&state["state"]), state["reply"] == true, rule, text(&self.result["verdict"]))
    }
}

fn explain(gateway: &Gateway, words: &str) -> Told {
    let text = gateway.must(&format!("iptables --explain {words} --json"));
    let mut told: Value = serde_json::from_str(&text).unwrap();
    let steps = told["steps"].as_array().unwrap().clone();
    Told { steps, result: told["result"].take() }
}

fn summary(state: &str, reply: bool, rule: &str, verdict: &str) -> (String, bool, String, String) {
    (state.into(), reply, rule.into(), verdict.into())
}

fn start(net: &Topology, rules: &str, workers: u32) -> Gateway {
    let gateway = Gateway::start(&net.router, net.scratch(), &Setup::new(rules), workers);
    net.client.must("ping -c 1 -W 2 10.1.0.1");
    net.server.must("ping -c 1 -W 2 192.168.1.146");
    gateway
}

fn live_connections(workers: u32) {
    let net = Topology::new();
    let gateway = start(&net, RULES, workers);
    let asked = "-i lan0 -p udp -s 10.1.0.2 --sport 6000 -d 192.168.1.9 --dport 9";
    let answer = "-i wan0 -p udp -s 192.168.1.9 --sport 9 -d 192.168.1.146 --dport 6000";
    let first = explain(&gateway, asked);
    assert_eq!(first.step("found"), &Value::Null);
    let delivered = summary("NEW", false, "INPUT:null", "DELIVERED");
    assert_eq!(explain(&gateway, answer).summary(), delivered, "nobody has asked for it");
    send(&net, &gateway);
    let state = || gateway.must("iptables-save -c");
    let before = state();
    let again = explain(&gateway, asked);
    assert_eq!(again.summary(), summary("NEW", false, "FORWARD:2", "SENT"));
    let line = again.step("found")["line"].as_str().unwrap();
    let ends = "src=10.1.0.2 dst=192.168.1.9 sport=6000 dport=9 [UNREPLIED] src=192.168.1.9 \
                dst=192.168.1.146 sport=9 dport=6000 mark=0 use=1";
    assert!(line.starts_with("udp      17 ") && line.ends_with(ends), "{line}");
    assert_eq!(again.step("found")["connection"]["source_nat"], true);
    let back = explain(&gateway, answer);
    assert_eq!(back.summary(), summary("ESTABLISHED", true, "FORWARD:1", "SENT"));
    assert_eq!(back.step("destination-nat")["to"], "10.1.0.2:6000");
    assert_eq!(
        back.step("found")["line"].as_str().unwrap().split(" src").nth(1),
        line.split(" src").nth(1)
    );
    assert_eq!(explain(&gateway, asked).summary().0, "NEW", "an explanation answers nothing");
    let new = explain(&gateway, &format!("{answer} --ctstate NEW"));
    assert_eq!((new.summary(), new.step("found")), (delivered, &Value::Null));
    let text = gateway.must(&format!("iptables --explain {answer}"));
    assert!(text.contains("\n FOUND: 2 ") && text.contains(&ends[..40]), "{text}");
    net.client.must("ping -c 1 -W 2 -e 77 192.168.1.9");
    let counted = state();
    assert_ne!(counted, before);
    let pong = "-i wan0 -p icmp -s 192.168.1.9 -d 192.168.1.146 --icmp-type 0";
    let found = explain(&gateway, &format!("{pong} --icmp-id 77"));
    assert_eq!(found.summary(), summary("ESTABLISHED", true, "FORWARD:1", "SENT"));
    assert_eq!(explain(&gateway, &format!("{pong} --icmp-id 78")).summary().0, "INVALID");
    assert_eq!(state(), counted);
}

fn expected_connections(workers: u32) {
    let net = Topology::new();
    let _server = Server::start(&net.server, "192.168.1.9:21", Vec::new());
    let gateway = start(&net, RULES, workers);
    let mut client = Client::connect(&net.client, "192.168.1.9:21");
    client.ask("PORT 10,1,0,2,8,1");
    let port = client.port();
    let control = format!("-i lan0 -p tcp -s 10.1.0.2 --sport {port} -d 192.168.1.9 --dport 21");
    let told = explain(&gateway, &control);
    assert_eq!(told.summary(), summary("ESTABLISHED", false, "FORWARD:1", "SENT"));
    let connection = &told.step("found")["connection"];
    assert_eq!(
        (&connection["helper"], &connection["state"]),
        (&"ftp".into(), &"ESTABLISHED".into())
    );
    let back = format!("-i wan0 -p tcp -s 192.168.1.9 --sport 21 -d 192.168.1.146 --dport {port}");
    let told = explain(&gateway, &back);
    assert_eq!(told.summary(), summary("ESTABLISHED", true, "FORWARD:1", "SENT"));
    assert_eq!(told.step("destination-nat")["to"], format!("10.1.0.2:{port}"));
    // What cannot be a part of it is none.
    let odd = explain(&gateway, &format!("{control} --tcp-flags ALL SYN,FIN"));
    assert_eq!(odd.summary().0, "INVALID");
    let data = "-i wan0 -p tcp -s 192.168.1.9 --sport 20 -d 192.168.1.146 --dport 2049";
    for _ in 0..2 {
        let told = explain(&gateway, data);
        assert_eq!(told.summary(), summary("RELATED", false, "FORWARD:1", "SENT"));
        assert_eq!(told.step("found")["expected"], true);
        let line = told.step("found")["line"].as_str().unwrap();
        assert!(line.contains("dport=2049") && line.ends_with("helper=ftp"), "{line}");
        assert_eq!(told.step("destination-nat")["to"], "10.1.0.2:2049");
        assert_eq!(gateway.must("conntrack -C expect"), "1\n", "it is still expected");
    }
    let other = data.replace("2049", "2050");
    assert_eq!(
        explain(&gateway, &other).summary(),
        summary("NEW", false, "INPUT:null", "DELIVERED")
    );
    assert!(client.ask("NOOP").starts_with('2') || client.port() == port);
}

fn a_mark_and_a_zone(workers: u32) {
    let net = Topology::new();
    let rules = "
        *raw
        -A PREROUTING -p udp -m multiport --ports 9 -j CT --zone 4
        COMMIT
        *mangle
        -A FORWARD -i lan0 -j CONNMARK --set-mark 7
        COMMIT
        *filter
        :FORWARD DROP [0:0]
        -A FORWARD -i lan0 -j ACCEPT
        -A FORWARD -m connmark --mark 7 -j ACCEPT
        COMMIT";
    let gateway = start(&net, rules, workers);
    let answer = "-i wan0 -p udp -s 192.168.1.9 --sport 9 -d 10.1.0.2 --dport 6000";
    assert_eq!(
        explain(&gateway, answer).summary(),
        summary("NEW", false, "FORWARD:null", "DROPPED")
    );
    send(&net, &gateway);
    let told = explain(&gateway, answer);
    assert_eq!(told.summary(), summary("ESTABLISHED", true, "FORWARD:2", "SENT"));
    let connection = &told.step("found")["connection"];
    assert_eq!((&connection["mark"], &connection["zone"]), (&7.into(), &4.into()));
}
