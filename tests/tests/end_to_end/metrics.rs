//! Owns the test of the page that Prometheus reads.

use std::time::Duration;

use sluice_tests::gateway::Gateway;
use sluice_tests::topology::LAN;
use sluice_tests::{Topology, eventually, on_sluice};

on_sluice!(a_page_for_prometheus);

/// The value of one line; its labels are part of the name.
fn value(page: &str, name: &str) -> u64 {
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in\n{page}")).parse().unwrap()
}

fn a_page_for_prometheus(workers: u32) {
    let net = Topology::new();
    let toml = format!(
        "metrics = \"127.0.0.1:9477\"\n\
         [[interface]]\nname = \"lan0\"\ndevice = \"af_packet:lan0\"\nmac = {:?}\naddress = [\"10.1.0.1/16\"]\n\
         [sysctl]\n\"net.ipv4.ip_forward\" = 1\n",
        LAN.mac
    );
    let gateway = Gateway::start_with(&net.router, net.scratch(), workers, &toml);
    net.client.must("ping -c 4 -i 0.2 -W 2 10.1.0.1");
    // Nobody knows the way: a drop with a name.
    net.client.shell("ping -c 3 -i 0.2 -W 1 203.0.113.1");
    let ask = "curl -sS -m 5 -D /dev/stderr http://127.0.0.1:9477/metrics";
    let sum = |page: &str, name: &str, rest: &str| -> u64 {
        (0..workers).map(|w| value(page, &format!("{name}{{worker=\"{w}\"{rest}}}"))).sum()
    };
    let counted = || {
        let page = net.router.must(ask);
        sum(&page, "sluice_dropped_packets_total", ",reason=\"no-route\"")
            == gateway.drops("no-route")
            && gateway.drops("no-route") == 3
    };
    assert!(eventually(Duration::from_secs(5), counted), "{}", net.router.must(ask));
    let output = net.router.shell(ask);
    let page = output.stdout;
    let head = output.stderr.to_lowercase();
    assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{head}");
    assert!(page.ends_with("# EOF\n"), "{page}");
    assert!(value(&page, "sluice_interface_receive_packets_total{interface=\"lan0\"}") >= 7);
    assert_eq!(value(&page, "sluice_interface_receive_missed_total{interface=\"lan0\"}"), 0);
    assert_eq!(
        value(&page, "sluice_interface_up{interface=\"lan0\",device=\"af_packet:lan0\"}"),
        1
    );
    assert!(sum(&page, "sluice_worker_received_packets_total", "") >= 7);
    assert_eq!(sum(&page, "sluice_worker_healthy", ""), u64::from(workers));
    assert!(value(&page, "sluice_mempool_buffers{}") > 1000);
    assert!(value(&page, "sluice_conntrack_entries_limit{}") > 1000);
    // Anything else is not there, and changes nothing.
    let code = |words: &str| {
        net.router.must(&format!("curl -s -m 5 -o /dev/null -w '%{{http_code}}' {words}"))
    };
    assert_eq!(code("http://127.0.0.1:9477/"), "404");
    assert_eq!(code("-X POST http://127.0.0.1:9477/metrics"), "405");
}
