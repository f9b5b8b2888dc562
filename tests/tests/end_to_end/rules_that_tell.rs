//! Owns the tests of rules that do more than decide: LOG's lines, sets that packets change.

use std::time::Duration;

use sluice_tests::frame::Packet;
use sluice_tests::gateway::Gateway;
use sluice_tests::router::unindent;
use sluice_tests::topology::LAN;
use sluice_tests::wire::Wire;
use sluice_tests::{Topology, eventually, on_sluice};

on_sluice!(
    log_writes_the_kernels_line,
    packets_change_a_set_and_rules_look_into_it,
    a_burst_of_strangers_goes_into_a_set
);

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

/// Far more than an empty set holds come within a moment; each is in the set at once, and the next packet of it is known.
fn a_burst_of_strangers_goes_into_a_set(workers: u32) {
    const STRANGERS: usize = 5000;
    let net = Topology::new();
    let gateway = start(&net, workers, "syslog");
    gateway.must("ipset create strangers hash:ip");
    gateway.load_rules(&unindent(
        "
         *filter
         -A INPUT -p udp -m set --match-set strangers src -j DROP
         -A INPUT -p udp -j SET --add-set strangers src
         COMMIT",
    ));
    let wire = Wire::open(&net.client, "eth0");
    let send = |stranger: usize| {
        let source = format!("10.1.{}.{}", 100 + stranger / 250, 1 + stranger % 250);
        let packet = Packet::new(&source, "10.1.0.1").udp(1000, 9, b"who are you");
        wire.send(&[&ethernet()[..], &packet.bytes()].concat());
        // The port's ring holds 4096.
        if stranger % 500 == 499 {
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    (0..STRANGERS).for_each(send);
    let there = format!("Number of entries: {STRANGERS}\n");
    let all = eventually(Duration::from_secs(5), || {
        gateway.must("ipset list -t strangers").contains(&there)
    });
    assert!(all, "{}", gateway.must("ipset list -t strangers"));
    (0..STRANGERS).for_each(send);
    let known = format!("[{STRANGERS}:");
    let saved = || gateway.must("iptables-save -c");
    let known =
        eventually(Duration::from_secs(5), || saved().lines().any(|line| line.starts_with(&known)));
    assert!(known, "{}", saved());
}

/// Destination, source and type of a frame from the client to the gateway.
fn ethernet() -> Vec<u8> {
    let octets = |mac: &str| {
        mac.split(':').map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect::<Vec<_>>()
    };
    [octets(LAN.mac), octets(LAN.host_mac), vec![8, 0]].concat()
}
