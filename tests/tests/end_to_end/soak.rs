//! Owns the long run: TCP through the gateway without an end, no error, no buffer lost.

use std::time::Duration;

use serde_json::Value;
use sluice_tests::gateway::{Gateway, number};
use sluice_tests::router::Setup;
use sluice_tests::{Topology, eventually};

use crate::MASQUERADE;

/// Twenty seconds, or what the variable `SLUICE_SOAK_SECONDS` says: ten minutes before a release.
#[test]
fn tcp_without_an_end() {
    let seconds = std::env::var("SLUICE_SOAK_SECONDS").map_or(20, |text| text.parse().unwrap());
    let net = Topology::new();
    let gateway = Gateway::start(&net.router, net.scratch(), &Setup::new(MASQUERADE), 1);
    net.client.must("ping -c 3 -i 0.2 -W 2 192.168.1.9");
    let before = gateway.stats();
    let _server = net.server.start(&["iperf3", "-s", "-1"], &net.scratch().join("server.log"));
    let listens = || net.server.must("ss -Hltn sport = :5201").contains("5201");
    assert!(eventually(Duration::from_secs(5), listens), "no iperf3 server");
    let time = seconds.to_string();
    let words = ["iperf3", "-J", "-c", "192.168.1.9", "-P", "4", "-t", &time];
    let mut client = net.client.start(&words, &net.scratch().join("client.log"));
    let ended = eventually(Duration::from_secs(seconds + 30), || client.ended().is_some());
    assert!(ended, "iperf3 did not come to its end");
    let report: Value = serde_json::from_str(&client.said()).unwrap();
    let received = &report["end"]["sum_received"];
    let bytes = received["bytes"].as_f64().unwrap();
    let after = gateway.stats();
    println!(
        "{seconds} s: {:.0} Mbit/s, {bytes:.0} bytes, {} retransmits; buffers in use {} before, {} after",
        received["bits_per_second"].as_f64().unwrap() / 1e6,
        report["end"]["sum_sent"]["retransmits"],
        before["mempool"]["in_use"],
        after["mempool"]["in_use"],
    );
    let mut named = 0;
    for interface in after["interfaces"].as_array().unwrap() {
        named += number(&interface["rx_missed"]) + number(&interface["tx_dropped"]);
        let [name, missed, dropped] =
            ["name", "rx_missed", "tx_dropped"].map(|key| &interface[key]);
        println!("{name}: {missed} frames missed, {dropped} dropped");
    }
    println!("{:#}", after["totals"]);
    println!("{:#}", after["drops"]);
    assert!(bytes > 1e6 * seconds as f64, "hardly anything came: {report:#}");
    // Whatever was lost has a name. Hosts that do not get their turn send one in a thousand again for nothing.
    named += after["drops"].as_object().unwrap().values().map(number).sum::<u64>();
    let again = number(&report["end"]["sum_sent"]["retransmits"]);
    assert!(
        again <= named + bytes as u64 / 1_448_000,
        "{again} sent again, {named} lost: {after:#}"
    );
    let same = || gateway.stats()["mempool"]["in_use"] == before["mempool"]["in_use"];
    assert!(eventually(Duration::from_secs(10), same), "{:#}", gateway.stats()["mempool"]);
    for interface in after["interfaces"].as_array().unwrap() {
        for count in ["rx_errors", "tx_errors", "rx_nombuf"] {
            assert_eq!(interface[count], 0, "{count}: {interface:#}");
        }
    }
    gateway.assert_accounted();
}
