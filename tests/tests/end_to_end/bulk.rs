//! Owns the tests that move much: files with their hash checked, iperf3 both ways.

use std::fs;
use std::time::Duration;

use serde_json::Value;
use sluice_tests::router::Setup;
use sluice_tests::{Kind, Namespace, Router, Topology, eventually, http, on_every_router, process};

use crate::MASQUERADE;

on_every_router!(hundred_megabytes, hundred_megabytes_ipv6, iperf_tcp, iperf_udp);

fn hundred_megabytes(kind: Kind) {
    fetch(kind, "0.0.0.0:80", "http://192.168.1.9/file");
}

fn hundred_megabytes_ipv6(kind: Kind) {
    fetch(kind, "[::]:80", "http://[fd00:2::9]/file");
}

fn fetch(kind: Kind, listen: &str, url: &str) {
    let net = Topology::new();
    let router = Router::start(kind, &net, &Setup::new(MASQUERADE));
    let file = http::noise(100_000_000);
    let kept = net.scratch().join("file");
    fs::write(&kept, &file).unwrap();
    let expected = process::must(&[], &format!("sha256sum < {}", kept.display()));
    http::serve(&net.server, listen, "server", file);
    let fetched = net.client.must(&format!("curl -sS -m 100 {url} | sha256sum"));
    assert_eq!(fetched, expected, "the file came out different");
    if let Router::Sluice(gateway) = &router {
        gateway.assert_accounted();
    }
}

fn iperf_tcp(kind: Kind) {
    let net = Topology::new();
    let _router = Router::start(kind, &net, &Setup::new(MASQUERADE));
    for (server, direction) in [("192.168.1.9", ""), ("192.168.1.9", "-R"), ("fd00:2::9", "")] {
        let report = iperf(&net, &format!("-c {server} -t 3 {direction}"));
        let bytes = report["end"]["sum_received"]["bytes"].as_f64().unwrap();
        assert!(bytes > 1e6, "only {bytes} bytes in 3 s: {report:#}");
    }
}

/// A rate any machine carries, so that a loss is the router's.
fn iperf_udp(kind: Kind) {
    let net = Topology::new();
    let _router = Router::start(kind, &net, &Setup::new(MASQUERADE));
    for direction in ["", "-R"] {
        let report = iperf(&net, &format!("-c 192.168.1.9 -u -b 10M -l 1200 -t 3 {direction}"));
        let sum = &report["end"]["sum"];
        let packets = sum["packets"].as_f64().unwrap();
        let lost = sum["lost_packets"].as_f64().unwrap();
        assert!(packets > 1000.0, "{report:#}");
        assert!(lost / packets < 0.02, "{lost} of {packets} packets lost: {report:#}");
    }
}

/// One run of iperf3 from the client against a server of its own.
fn iperf(net: &Topology, arguments: &str) -> Value {
    let _server = net.server.start(&["iperf3", "-s", "-1"], &net.scratch().join("iperf3.log"));
    assert!(eventually(Duration::from_secs(5), || listens(&net.server)), "no iperf3 server");
    let text = net.client.must(&format!("iperf3 -J {arguments}"));
    serde_json::from_str(&text).unwrap()
}

fn listens(namespace: &Namespace) -> bool {
    namespace.must("ss -Hltn sport = :5201").contains("5201")
}
