//! Owns the tests of SYNPROXY between real hosts: before a server beyond the gateway, before one on it, under a flood
//! of SYNs.

use std::time::Duration;

use sluice_tests::frame::{self, Packet, flags};
use sluice_tests::gateway::Gateway;
use sluice_tests::router::Setup;
use sluice_tests::topology::LAN;
use sluice_tests::wire::Wire;
use sluice_tests::{Kind, Router, Topology, eventually, http, on_every_router, on_sluice, process};

on_every_router!(ten_megabytes, before_the_gateway_itself, a_closed_port);
on_sluice!(syn_flood);

/// What a client asks of port 80 in `chain` goes to SYNPROXY first, as `iptables-extensions(8)` has it.
fn rules(chain: &str) -> String {
    format!(
        "*raw
        -A PREROUTING -i lan0 -p tcp --syn --dport 80 -j CT --notrack
        COMMIT
        *filter
        -A {chain} -i lan0 -p tcp --dport 80 -m conntrack --ctstate INVALID,UNTRACKED -j SYNPROXY \
            --sack-perm --timestamp --wscale 7 --mss 1460
        -A {chain} -m conntrack --ctstate INVALID -j DROP
        COMMIT"
    )
}

fn setup(chain: &str) -> Setup {
    Setup::new(&rules(chain))
        .with_ip6tables(&rules(chain))
        .with_sysctl("net.netfilter.nf_conntrack_tcp_loose", 0)
}

/// Files fetched from and sent to `servers`, with their hashes.
fn exchange(net: &Topology, servers: &[&str]) {
    let file = net.scratch().join("file");
    std::fs::write(&file, http::noise(10_000_000)).unwrap();
    let expected = process::must(&[], &format!("sha256sum < {}", file.display()));
    for server in servers {
        let url = format!("http://{server}/file");
        for _ in 0..3 {
            let fetched = net.client.must(&format!("curl -sS -m 60 {url} | sha256sum"));
            assert_eq!(fetched, expected, "{url}: the file came out different");
        }
        let sent = format!("curl -sS -m 60 -H Expect: -T {} http://{server}/", file.display());
        let page = net.client.must(&sent);
        assert!(page.contains(" saw "), "{page}");
    }
}

fn ten_megabytes(kind: Kind) {
    let net = Topology::new();
    net.route_back();
    let router = Router::start(kind, &net, &setup("FORWARD"));
    http::serve(&net.server, "[::]:80", "server", http::noise(10_000_000));
    exchange(&net, &["192.168.1.9", "[fd00:2::9]"]);
    let table = router.connections();
    assert!(table.contains("src=10.1.0.2 dst=192.168.1.9"), "{table}");
    if let Router::Sluice(gateway) = &router {
        gateway.assert_accounted();
        assert!(gateway.drops("synproxy") >= 24, "{:#}", gateway.stats()["drops"]);
    }
}

fn before_the_gateway_itself(kind: Kind) {
    let net = Topology::new();
    http::serve(&net.router, "[::]:80", "gateway", http::noise(10_000_000));
    let router = Router::start(kind, &net, &setup("INPUT"));
    exchange(&net, &["10.1.0.1", "[fd00:1::1]", "192.168.1.146"]);
    if let Router::Sluice(gateway) = &router {
        gateway.assert_accounted();
    }
}

/// The client is let in first, and then told that nobody listens.
fn a_closed_port(kind: Kind) {
    let net = Topology::new();
    net.route_back();
    let _router = Router::start(kind, &net, &setup("FORWARD"));
    for server in ["192.168.1.9", "[fd00:2::9]"] {
        let output = net.client.shell(&format!("curl -sS -m 5 http://{server}/"));
        assert!([7, 52, 56].contains(&output.code), "not reset: {output:?}");
    }
}

/// Thousands of SYNs with sources that are not there begin no connection, and who means it gets through.
fn syn_flood(workers: u32) {
    const SYNS: u32 = 20_000;
    let net = Topology::new();
    net.route_back();
    http::serve(&net.server, "[::]:80", "server", http::noise(1_000_000));
    let gateway = Gateway::start(&net.router, net.scratch(), &setup("FORWARD"), workers);
    let wire = Wire::open(&net.client, "eth0");
    for number in 0..SYNS {
        let [_, high, middle, low] = number.to_be_bytes();
        let source = format!("198.18.{}.{}", high ^ middle, low);
        let port = 1024 + (number >> 8) as u16;
        let syn = Packet::new(&source, "192.168.1.9").tcp((port, 80), flags::SYN, number, 0, b"");
        wire.send(&frame::ethernet(LAN.mac, LAN.host_mac, 0x0800, &syn.bytes()));
        if number % 200 == 0 {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    let taken = || gateway.drops("synproxy") > u64::from(SYNS) / 2;
    assert!(eventually(Duration::from_secs(10), taken), "{:#}", gateway.stats()["drops"]);
    assert_eq!(gateway.connections().lines().count(), 0, "{}", gateway.connections());
    let length = net.client.must("curl -sS -m 20 http://192.168.1.9/file | wc -c");
    assert_eq!(length.trim(), "1000000");
    gateway.assert_accounted();
}
