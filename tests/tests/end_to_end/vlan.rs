//! Owns the tests of VLAN sub-interfaces. A host behind a switch whose port to it is an access port and whose port to
//! the gateway is a trunk: the switch is a thread that puts tags on and takes them off.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use sluice_tests::gateway::Gateway;
use sluice_tests::topology::{self, Cable, LAN, WAN};
use sluice_tests::wire::{self, Wire};
use sluice_tests::{Namespace, eventually, http, on_sluice};

use crate::nat::DNSMASQ;

on_sluice!(both_ways, a_smaller_mtu);

/// The host's cable to the switch.
const ACCESS: Cable = Cable {
    interface: "access",
    mac: "02:00:00:00:05:01",
    addresses: &[],
    host_mac: "02:00:00:00:05:02",
};
const VLAN: u16 = 5;

/// Tagged host, switch, gateway, server.
struct Net {
    tagged: Namespace,
    router: Namespace,
    server: Namespace,
    scratch: tempfile::TempDir,
    stop: Arc<AtomicBool>,
    switch: Option<JoinHandle<()>>,
    trunk: Namespace,
}

impl Net {
    fn new() -> Self {
        let [tagged, trunk, router, server] =
            ["tagged", "switch", "router", "server"].map(Namespace::new);
        trunk.must("sysctl -qw net.ipv6.conf.default.disable_ipv6=1");
        topology::connect(&trunk, &ACCESS, &tagged);
        topology::connect(&router, &LAN, &trunk);
        topology::connect(&router, &WAN, &server);
        trunk.must("ip link set eth0 arp off; ip link set access arp off");
        tagged.must(
            "ip addr add 10.5.0.2/24 dev eth0; ip -6 addr add fd00:5::2/64 dev eth0
             ip route add default via 10.5.0.1; ip -6 route add default via fd00:5::1",
        );
        server.must(
            "ip addr add 192.168.1.9/24 dev eth0; ip -6 addr add fd00:2::9/64 dev eth0
             ip route add default via 192.168.1.146; ip -6 route add default via fd00:2::1",
        );
        let (access, up) = (Wire::open(&trunk, "access"), Wire::open(&trunk, "eth0"));
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let switch = thread::spawn(move || switch(&access, &up, &told));
        let scratch = tempfile::tempdir().expect("cannot make a temporary folder");
        Self { tagged, router, server, scratch, stop, switch: Some(switch), trunk }
    }

    fn start(&self, workers: u32, mtu: u32) -> Gateway {
        let toml = format!(
            "\n[[interface]]\nname = \"lan0\"\ndevice = \"af_packet:lan0\"\nmac = {:?}\n\
             [[interface]]\nname = \"lan0.5\"\nvlan = {{ parent = \"lan0\", id = {VLAN} }}\nmtu = {mtu}\n\
             address = [\"10.5.0.1/24\", \"fd00:5::1/64\"]\n\
             [[interface]]\nname = \"wan0\"\ndevice = \"af_packet:wan0\"\nmac = {:?}\n\
             address = [\"192.168.1.146/24\", \"fd00:2::1/64\"]\n\
             [sysctl]\n\"net.ipv4.ip_forward\" = 1\n\"net.ipv6.conf.all.forwarding\" = 1\n\
             \"net.ipv4.icmp_ratelimit\" = 0\n",
            LAN.mac, WAN.mac
        );
        Gateway::start_with(&self.router, self.scratch.path(), workers, &toml)
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(switch) = self.switch.take() {
            let ended = switch.join();
            assert!(ended.is_ok() || thread::panicking(), "the switch panicked");
        }
    }
}

/// Tags what comes from the access port. What comes from the trunk has lost its tag already: the kernel takes it off
/// before a socket sees the frame, and only tcpdump's asks for it.
fn switch(access: &Wire, trunk: &Wire, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        wire::wait(&[access, trunk], 100);
        while let Some(frame) = access.receive() {
            let (ends, rest) = frame.split_at(12);
            trunk.send(&[ends, &0x8100_u16.to_be_bytes(), &VLAN.to_be_bytes(), rest].concat());
        }
        while let Some(frame) = trunk.receive() {
            access.send(&frame);
        }
    }
}

/// Echo, TCP and UDP between a tagged and an untagged host, each asking the other; full-sized frames too.
fn both_ways(workers: u32) {
    let net = Net::new();
    let gateway = net.start(workers, 1500);
    let capture =
        ["tcpdump", "-nn", "-e", "-l", "-i", "eth0", "-c", "20", "src", "host", "192.168.1.9"];
    let seen = net.trunk.start(&capture, &net.scratch.path().join("trunk"));
    assert!(eventually(Duration::from_secs(5), || seen.said().contains("listening on")));
    for (host, other) in [(&net.tagged, "192.168.1.9"), (&net.server, "10.5.0.2")] {
        host.must(&format!("ping -c 3 -i 0.2 -W 2 {other}"));
        host.must(&format!("ping -c 2 -i 0.2 -W 2 -M do -s 1472 {other}"));
    }
    for (host, other) in [(&net.tagged, "fd00:2::9"), (&net.server, "fd00:5::2")] {
        host.must(&format!("ping -c 3 -i 0.2 -W 2 {other}"));
        host.must(&format!("ping -c 2 -i 0.2 -W 2 -M do -s 1452 {other}"));
    }
    net.tagged.must("ping -c 2 -i 0.2 -W 2 10.5.0.1; ping -c 2 -i 0.2 -W 2 fd00:5::1");
    http::serve(&net.server, "[::]:80", "server", http::noise(2_000_000));
    http::serve(&net.tagged, "[::]:80", "tagged", http::noise(2_000_000));
    for (host, other) in [(&net.tagged, "192.168.1.9"), (&net.server, "10.5.0.2")] {
        let length = host.must(&format!("curl -sS -m 30 http://{other}/file | wc -c"));
        assert_eq!(length.trim(), "2000000");
    }
    for (server, host, address) in
        [(&net.server, &net.tagged, "192.168.1.9"), (&net.tagged, &net.server, "10.5.0.2")]
    {
        let _dns = server.start(&DNSMASQ, &net.scratch.path().join("dnsmasq.log"));
        let ask = format!("dig +short +time=2 @{address} web.example");
        let answered = || host.shell(&ask).stdout == "203.0.113.5\n";
        assert!(eventually(Duration::from_secs(10), answered), "{ask}");
    }
    let said = seen.said();
    let frames: Vec<_> = said.lines().filter(|line| line.contains("192.168.1.9")).collect();
    assert!(!frames.is_empty(), "{said}");
    assert!(frames.iter().all(|line| line.contains("vlan 5")), "without its tag:\n{said}");
    // The kernel that a tagged frame meets has no VLAN of this number, and that is no loss.
    assert_eq!(gateway.interface("lan0")["rx_missed"], 0);
    gateway.assert_accounted();
}

/// The sub-interface carries less than its parent: senders on both sides are told.
fn a_smaller_mtu(workers: u32) {
    let net = Net::new();
    let gateway = net.start(workers, 1400);
    let told = net.server.shell("ping -c 2 -i 0.3 -W 2 -M do -s 1472 10.5.0.2");
    assert!(told.stdout.contains("mtu = 1400"), "{told:?}");
    net.server.must("ping -c 1 -W 2 -M do -s 1372 10.5.0.2");
    // What may be cut is cut, each piece under its tag.
    net.server.must("ip route flush cache; ping -c 2 -i 0.3 -W 2 -M dont -s 1472 10.5.0.2");
    http::serve(&net.tagged, "[::]:80", "tagged", http::noise(1_000_000));
    for url in ["http://10.5.0.2/file", "http://[fd00:5::2]/file"] {
        let length = net.server.must(&format!("curl -sS -m 30 {url} | wc -c"));
        assert_eq!(length.trim(), "1000000");
    }
    gateway.assert_accounted();
}
