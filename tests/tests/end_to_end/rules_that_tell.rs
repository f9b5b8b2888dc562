//! Owns the tests of rules that do more than decide: LOG's lines, sets that packets change.

use std::time::Duration;

use sluice_tests::gateway::Gateway;
use sluice_tests::router::unindent;
use sluice_tests::topology::LAN;
use sluice_tests::{Topology, eventually, on_sluice};

on_sluice!(log_writes_the_kernels_line, packets_change_a_set_and_rules_look_into_it);

fn start(net: &Topology, workers: u32, log: &str) -> Gateway {
    let toml = format!(
        "[[interface]]\nname = \"lan0\"\ndevice = \"af_packet:lan0\"\nmac = {:?}\naddress = [\"10.1.0.1/16\"]\n\
         [rules]\nlog = {log:?}\n[sysctl]\n\"net.ipv4.ip_forward\" = 1\n",
        LAN.mac
    );
    Gateway::start_with(&net.router, net.scratch(), workers, &toml)
}

fn log_writes_the_kernels_line(workers: u32) {
    let net = Topology::new();
    let file = net.scratch().join("packets.log");
    let gateway = start(&net, workers, &format!("file:{}", file.display()));
    gateway.load_rules(&unindent(
        "
         *filter
         -A INPUT -p icmp -m limit --limit 1/hour --limit-burst 2 -j LOG --log-prefix \"pinged: \" --log-level info
         COMMIT",
    ));
    net.client.must("ping -c 4 -i 0.2 -W 2 -s 8 10.1.0.1");
    let lines = || std::fs::read_to_string(&file).unwrap_or_default();
    let told = eventually(Duration::from_secs(5), || lines().lines().count() >= 2);
    assert!(told, "{:?}", lines());
    assert_eq!(lines().lines().count(), 2, "as many as the limit lets through: {}", lines());
    for line in lines().lines() {
        let head = format!("<6>pinged: IN=lan0 OUT= MAC={}:", LAN.mac);
        assert!(line.starts_with(&head), "{line}");
        let body = ":08:00 SRC=10.1.0.2 DST=10.1.0.1 LEN=36 TOS=0x00 PREC=0x00 TTL=64 ID=";
        assert!(line.contains(body), "{line}");
        assert!(line.contains(" DF PROTO=ICMP TYPE=8 CODE=0 ID="), "{line}");
    }
}

fn packets_change_a_set_and_rules_look_into_it(workers: u32) {
    let net = Topology::new();
    let gateway = start(&net, workers, "syslog");
    gateway.must("ipset create seen hash:ip timeout 60");
    gateway.load_rules(&unindent(
        "
         *filter
         :INPUT ACCEPT [0:0]
         -A INPUT -p icmp -m set --match-set seen src -j DROP
         -A INPUT -p icmp -j SET --add-set seen src
         COMMIT",
    ));
    let pings = || net.client.shell("ping -c 1 -W 1 10.1.0.1").code == 0;
    assert!(pings());
    assert!(!pings());
    assert!(gateway.must("ipset list seen").contains("10.1.0.2 timeout "));
    let refused = gateway.sluice("ipset destroy seen");
    assert!(refused.stderr.contains("it is in use by a kernel component"), "{}", refused.stderr);
    gateway.must("ipset del seen 10.1.0.2");
    assert!(pings());
    let missing = gateway.sluice("iptables -A INPUT -m set --match-set nowhere src -j DROP");
    assert!(missing.stderr.contains("Set nowhere doesn't exist."), "{}", missing.stderr);
}
