//! Owns the tests with the hosts' offloads left on, as every container has them: checksums that are not filled
//! in, segments longer than the wire carries.

use std::io::Read;
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use sluice_tests::gateway::Gateway;
use sluice_tests::router::Setup;
use sluice_tests::{Namespace, Topology, eventually, http, on_sluice};

use crate::MASQUERADE;

on_sluice!(checksums, segments);

const BYTES: usize = 20_000_000;

/// What a veth has when nobody touches it.
const ON: &str = "tx on rx on tso on gso on";

fn offloads(namespace: &Namespace, interface: &str, switches: &str) {
    namespace.must(&format!("ethtool -K {interface} {switches} >/dev/null"));
}

/// A file each way, and what the server's side of the wire shows of it: every checksum right, and no frame
/// longer than the wire carries.
fn both_ways(net: &Topology) {
    let log = net.scratch().join("tcpdump.log");
    let words = ["tcpdump", "-i", "eth0", "-Q", "in", "-nn", "-vv", "-c", "3000", "tcp"];
    let mut capture = net.server.start(&words, &log);
    assert!(eventually(Duration::from_secs(5), || capture.said().contains("listening on")));
    upload(net, BYTES);
    http::serve(&net.server, "0.0.0.0:80", "server", http::noise(BYTES));
    let size = net.client.must("curl -sS -m 60 http://192.168.1.9/file | wc -c");
    assert_eq!(size.trim(), BYTES.to_string());
    assert!(
        eventually(Duration::from_secs(10), || capture.ended().is_some()),
        "{}",
        capture.said()
    );
    let said = capture.said();
    assert!(said.matches("(correct)").count() >= 3000, "{said}");
    assert!(!said.contains("incorrect"), "{said}");
    let lengths = said.lines().filter_map(|line| line.split("proto TCP (6), length ").nth(1));
    let longest = lengths.filter_map(|rest| rest.trim_end_matches(')').parse::<u32>().ok()).max();
    assert!(longest.is_some_and(|longest| (1400..=1500).contains(&longest)), "{longest:?}");
}

/// The client sends so many bytes to the server.
fn upload(net: &Topology, bytes: usize) {
    let listener = net.server.enter(|| TcpListener::bind("0.0.0.0:0").unwrap());
    let port = listener.local_addr().unwrap().port();
    let sink = thread::spawn(move || {
        let mut received = Vec::new();
        listener.accept().unwrap().0.read_to_end(&mut received).unwrap();
        received.len()
    });
    net.client.must(&format!("head -c {bytes} /dev/zero > /dev/tcp/192.168.1.9/{port}"));
    assert_eq!(sink.join().unwrap(), bytes);
}

/// Checksums are left to hardware that is not there; segments are cut by the hosts.
fn checksums(workers: u32) {
    let net = Topology::new();
    for host in [&net.client, &net.server] {
        offloads(host, "eth0", "tx on rx on");
    }
    let gateway = Gateway::start(&net.router, net.scratch(), &Setup::new(MASQUERADE), workers);
    both_ways(&net);
    assert!(net.client.must("ping -c 2 -i 0.2 -W 2 fd00:2::9").contains("0% packet loss"));
    assert_eq!(gateway.drops("oversized"), 0);
    gateway.assert_accounted();
}

/// Everything on. The first segments that are too long are dropped; the kernel is told to cut, it is said once,
/// and the hosts have their offloads back when the gateway is gone.
fn segments(workers: u32) {
    let net = Topology::new();
    for (namespace, interface) in
        [(&net.client, "eth0"), (&net.server, "eth0"), (&net.router, "lan0"), (&net.router, "wan0")]
    {
        offloads(namespace, interface, ON);
    }
    let mut gateway = Gateway::start(&net.router, net.scratch(), &Setup::new(MASQUERADE), workers);
    both_ways(&net);
    assert!(gateway.drops("oversized") > 0, "no segment was too long: {:#}", gateway.stats());
    gateway.assert_accounted();
    let said = gateway.said();
    for (interface, host) in [("lan0", &net.client), ("wan0", &net.server)] {
        let line = format!("interface {interface}: frames longer than its MTU of 1500");
        assert_eq!(said.matches(&line).count(), 1, "{said}");
        assert!(said.contains(&remedy(host)), "{said}");
    }
    let tso = "ethtool -k eth0 | grep ^tcp-segmentation-offload";
    assert!(net.client.must(tso).contains("off"));
    gateway.stop();
    assert!(net.client.must(tso).contains("on"), "the host has not got its offloads back");
}

/// The command that cures it for good, run where the segments come from.
fn remedy(host: &Namespace) -> String {
    format!("ip netns exec {} ethtool -K eth0 tso off gso off", host.name())
}

/// Where the kernel cannot be told to cut, the log names the command that helps, and it does.
#[test]
fn segments_without_the_right_to_have_them_cut() {
    let net = Topology::new();
    offloads(&net.client, "eth0", ON);
    let setup = Setup::new(MASQUERADE);
    let prefix = ["setpriv", "--bounding-set", "-bpf,-sys_admin"];
    let gateway = Gateway::start_under(&net.router, net.scratch(), &setup, 1, &prefix);
    net.client.shell("timeout 2 bash -c 'head -c 1000000 /dev/zero > /dev/tcp/192.168.1.9/9'");
    let listener = net.server.enter(|| TcpListener::bind("0.0.0.0:9").unwrap());
    net.client.shell("timeout 3 bash -c 'head -c 1000000 /dev/zero > /dev/tcp/192.168.1.9/9'");
    drop(listener);
    // Nor may it look into other namespaces: the command finds the peer by its number, where it is run.
    let command = || {
        let said = gateway.said();
        let line = said.lines().find(|line| line.contains("cannot be told to cut"))?;
        line.split("until you run `").nth(1)?.strip_suffix('`').map(str::to_owned)
    };
    assert!(eventually(Duration::from_secs(2), || command().is_some()), "{}", gateway.said());
    assert!(gateway.must("stats").contains("oversized"));
    net.client.must(&command().unwrap());
    assert!(net.client.must("ethtool -k eth0 | grep ^tcp-seg").contains("off"));
    upload(&net, BYTES);
    gateway.assert_accounted();
}
