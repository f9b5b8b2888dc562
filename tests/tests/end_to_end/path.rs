//! Owns the tests of the path: echo, hops, path MTU, routes; IPv4 and IPv6.

use std::io::Read;
use std::net::TcpListener;
use std::thread;

use sluice_tests::router::Setup;
use sluice_tests::{Kind, Router, Topology, on_every_router};

use crate::MASQUERADE;

on_every_router!(ping, ping_of_every_size, hops, path_mtu, refusing_routes, no_neighbour);

fn ping(kind: Kind) {
    let net = Topology::new();
    net.route_back();
    let _router = Router::start(kind, &net, &Setup::new(""));
    net.client.must("ping -c 3 -i 0.2 -W 2 192.168.1.9");
    net.client.must("ping -c 3 -i 0.2 -W 2 fd00:2::9");
    net.server.must("ping -c 3 -i 0.2 -W 2 10.1.0.2");
    net.client.must("ping -c 3 -i 0.2 -W 2 10.1.0.1");
    net.client.must("ping -c 3 -i 0.2 -W 2 fd00:1::1");
    net.client.must("ping -c 3 -i 0.2 -W 2 192.168.1.146");
}

/// Up to what must be fragmented by the sender, with connection tracking putting it together.
fn ping_of_every_size(kind: Kind) {
    let net = Topology::new();
    let _router = Router::start(kind, &net, &Setup::new(MASQUERADE));
    for size in [0, 1, 56, 1471, 1472, 1473, 4000, 9000] {
        net.client.must(&format!("ping -c 2 -i 0.2 -W 2 -s {size} 192.168.1.9"));
        net.client.must(&format!("ping -c 2 -i 0.2 -W 2 -s {size} fd00:2::9"));
    }
}

fn hops(kind: Kind) {
    let net = Topology::new();
    let setup = Setup::new(MASQUERADE).with_sysctl("net.ipv4.icmp_ratelimit", 0);
    let _router = Router::start(kind, &net, &setup);
    for (option, router, server) in [
        ("", "10.1.0.1", "192.168.1.9"),
        ("-I", "10.1.0.1", "192.168.1.9"),
        ("-6", "fd00:1::1", "fd00:2::9"),
    ] {
        let trace = net.client.must(&format!("traceroute -n {option} -q 1 -w 2 -m 4 {server}"));
        let hops: Vec<_> =
            trace.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1)).collect();
        assert_eq!(hops, [router, server], "{trace}");
    }
}

/// The outside cable carries 1300 bytes. The server says it takes full segments, so only the
/// router's "fragmentation needed" can make the client send smaller ones.
fn path_mtu(kind: Kind) {
    let net = Topology::new();
    net.server.must(
        "ip link set eth0 mtu 1300
         ip route change 192.168.1.0/24 dev eth0 src 192.168.1.9 advmss 1460
         ip -6 route change default via fd00:2::1 advmss 1440",
    );
    let setup =
        Setup::new(MASQUERADE).with_mtu("wan0", 1300).with_sysctl("net.ipv4.icmp_ratelimit", 0);
    let _router = Router::start(kind, &net, &setup);

    let told = net.client.shell("ping -c 2 -i 0.3 -W 2 -M do -s 1400 192.168.1.9");
    assert!(told.stdout.contains("mtu = 1300"), "{told:?}");
    net.client.must("ping -c 1 -W 2 -M do -s 1272 192.168.1.9");
    net.client.must("ip route flush cache");
    for (address, target) in [("0.0.0.0:9000", "192.168.1.9"), ("[::]:9001", "fd00:2::9")] {
        let listener = net.server.enter(|| TcpListener::bind(address).unwrap());
        let port = listener.local_addr().unwrap().port();
        let sink = thread::spawn(move || {
            let mut received = Vec::new();
            listener.accept().unwrap().0.read_to_end(&mut received).unwrap();
            received.len()
        });
        net.client.must(&format!("head -c 2000000 /dev/zero > /dev/tcp/{target}/{port}"));
        assert_eq!(sink.join().unwrap(), 2_000_000);
        let route = net.client.must(&format!("ip route get {target}"));
        assert!(route.contains("mtu 1300"), "the client did not learn the path's MTU: {route}");
    }
}

fn refusing_routes(kind: Kind) {
    let net = Topology::new();
    let setup = Setup::new("")
        .with_sysctl("net.ipv4.icmp_ratelimit", 0)
        .with_route("172.16.0.0/12", "192.168.1.9")
        .with_refusing_route("unreachable", "172.16.1.0/24")
        .with_refusing_route("prohibit", "172.16.2.0/24")
        .with_refusing_route("blackhole", "172.16.3.0/24");
    let _router = Router::start(kind, &net, &setup);
    net.route_back();
    net.server.must("ip addr add 172.16.4.1/32 dev lo");
    net.client.must("ping -c 1 -W 2 172.16.4.1");
    for (address, answer) in [
        ("172.16.1.1", "Destination Host Unreachable"),
        ("172.16.2.1", "Packet filtered"),
        ("172.16.3.1", "100% packet loss"),
        ("203.0.113.1", "Destination Net Unreachable"),
    ] {
        let output = net.client.shell(&format!("ping -c 1 -W 1 {address}"));
        assert!(output.stdout.contains(answer), "{address}: {output:?}");
    }
}

/// Nobody answers ARP for the address: the packets wait, then the sender is told.
fn no_neighbour(kind: Kind) {
    let net = Topology::new();
    let setup = Setup::new("").with_sysctl("net.ipv4.icmp_ratelimit", 0);
    let _router = Router::start(kind, &net, &setup);
    let output = net.client.shell("ping -c 1 -W 6 192.168.1.77");
    assert!(output.stdout.contains("Destination Host Unreachable"), "{output:?}");
    let output = net.client.shell("ping -c 1 -W 6 fd00:2::77");
    assert!(output.stdout.contains("Destination unreachable: Address unreachable"), "{output:?}");
}
