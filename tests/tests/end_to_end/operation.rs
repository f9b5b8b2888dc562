//! Owns the tests of the gateway as a process: start, refusal, new rules under traffic, the sums,
//! the end.

use std::fs;
use std::thread;

use sluice_tests::gateway::{self, Gateway};
use sluice_tests::router::Setup;
use sluice_tests::{Kind, Router, Topology, http, on_every_router, on_sluice, process, topology};

use crate::MASQUERADE;

on_every_router!(rules_change_under_traffic);
on_sluice!(sums, stops_under_traffic, starts_again);

/// New rules twenty times in two seconds of pings; none is lost, and they do come into force.
fn rules_change_under_traffic(kind: Kind) {
    let net = Topology::new();
    let router = Router::start(kind, &net, &Setup::new(MASQUERADE));
    net.client.must("ping -c 1 -W 2 192.168.1.9");
    thread::scope(|scope| {
        let ping = scope.spawn(|| net.client.must("ping -i 0.01 -c 300 -W 2 192.168.1.9"));
        for round in 0..20 {
            let port = 1000 + round;
            let drop = format!("-A FORWARD -p tcp --dport {port} -j DROP");
            let last = "-A FORWARD -i lan0 -j ACCEPT";
            let rules = MASQUERADE.replace(last, &format!("{drop}\n{last}"));
            router.load_rules(&rules);
        }
        let said = ping.join().unwrap();
        assert!(said.contains(" 0% packet loss"), "{said}");
    });
    http::serve(&net.server, "0.0.0.0:1019", "server", Vec::new());
    let output = net.client.shell("curl -sS -m 1 http://192.168.1.9:1019/");
    assert_eq!(output.code, 28, "the last rule does not hold: {output:?}");
}

/// rx + originated = tx + local + dropped, after traffic of every kind.
fn sums(workers: u32) {
    let net = Topology::new();
    http::serve(&net.server, "0.0.0.0:80", "server", http::noise(1_000_000));
    http::serve(&net.router, "0.0.0.0:80", "gateway", http::noise(1_000_000));
    let gateway = Gateway::start(&net.router, net.scratch(), &Setup::new(MASQUERADE), workers);
    net.client.must("curl -sS -m 20 http://192.168.1.9/file | wc -c");
    net.client.must("curl -sS -m 20 http://10.1.0.1/file | wc -c");
    net.router.must("curl -sS -m 20 http://192.168.1.9/file | wc -c");
    net.server.shell("ping -c 1 -W 1 10.1.0.2");
    net.client.shell("ping -c 1 -W 1 203.0.113.1");
    net.client.shell("ping -c 1 -t 1 -W 1 192.168.1.9");
    net.client.shell("curl -sS -m 2 http://192.168.1.77/");
    net.client.must("ping -c 2 -i 0.2 -s 4000 192.168.1.9");
    gateway.assert_accounted();

    let stats = gateway.stats();
    for interface in stats["interfaces"].as_array().unwrap() {
        assert_eq!(interface["rx_nombuf"], 0, "{stats:#}");
    }
    for worker in stats["workers"].as_array().unwrap() {
        assert_eq!(worker["healthy"], true, "{stats:#}");
    }
}

/// SIGTERM while a file is on its way: `stop` checks the exit code and the buffers.
fn stops_under_traffic(workers: u32) {
    let net = Topology::new();
    let mut gateway = Gateway::start(&net.router, net.scratch(), &Setup::new(MASQUERADE), workers);
    http::serve(&net.server, "0.0.0.0:80", "server", http::noise(50_000_000));
    let words = ["curl", "-s", "--limit-rate", "5M", "-o", "/dev/null", "http://192.168.1.9/file"];
    let mut curl = net.client.start(&words, &net.scratch().join("curl.log"));
    net.client.must("ping -c 3 -i 0.2 -W 2 192.168.1.9");
    assert!(curl.ended().is_none(), "the file came too soon for this test");
    gateway.stop();
    let left = net.router.must("ip -br link");
    let names: Vec<_> = left.lines().filter_map(|line| line.split(['@', ' ']).next()).collect();
    let own = ["lo", topology::LAN.interface, topology::WAN.interface];
    assert!(names.iter().all(|name| own.contains(name)), "devices left behind: {left}");
}

/// What one run leaves behind does not hinder the next.
fn starts_again(workers: u32) {
    let net = Topology::new();
    for _ in 0..3 {
        let _gateway = Gateway::start(&net.router, net.scratch(), &Setup::new(MASQUERADE), workers);
        net.client.must("ping -c 2 -i 0.2 -W 2 192.168.1.9");
    }
}

/// A wrong file starts nothing: exit code 1, and a line that names file and line.
#[test]
fn refused_configuration() {
    let net = Topology::new();
    let file = net.scratch().join("bad.toml");
    let rules = net.scratch().join("bad.v4");
    let interface = "[[interface]]\nname = \"lan0\"\ndevice = \"af_packet:lan0\"\n";
    let with_rules = format!("{interface}[rules]\niptables = {rules:?}\n");
    fs::write(&rules, "*filter\n-A FORWARD -p tcp --dport 70000 -j DROP\nCOMMIT\n").unwrap();
    for (text, named) in [
        ("[gateway]\nworkers = 0\n", "bad.toml:2"),
        ("[gateway]\nworkers = 1\nwrokers = 2\n", "bad.toml:3"),
        (&*format!("{interface}address = [\"10.1.0.1/33\"]\n"), "bad.toml:4"),
        (&*format!("{interface}[[route]]\nto = \"10.0.0.0/8\"\nvia = \"10.1\"\n"), "bad.toml:6"),
        (&*with_rules, "bad.v4:2"),
    ] {
        fs::write(&file, text).unwrap();
        for verb in ["check", "run"] {
            let command = format!("{} {verb} -c {}", gateway::binary().display(), file.display());
            let output = net.router.shell(&command);
            assert_eq!(output.code, 1, "{verb} took {text:?}: {output:?}");
            assert!(output.stderr.contains(named), "{verb}: {named} is not named: {output:?}");
            assert!(output.stdout.is_empty(), "errors belong on stderr: {output:?}");
        }
    }
}

/// A device that is not there is named, with exit code 1.
#[test]
fn missing_device() {
    let net = Topology::new();
    let file = net.scratch().join("sluice.toml");
    fs::write(&file, "[[interface]]\nname = \"lan\"\ndevice = \"af_packet:nosuch0\"\n").unwrap();
    let command = format!("{} run -c {}", gateway::binary().display(), file.display());
    let output = process::shell(&["ip", "netns", "exec", net.router.name()], &command);
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stderr.contains("nosuch0"), "{output:?}");
}

/// The demo ends well and leaves nothing behind.
#[test]
fn demo() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/demo.sh");
    let output = process::shell(&[], &format!("{script} {}", gateway::binary().display()));
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    for seen in [
        "5 received, 0% packet loss",
        "Hello from the server. You came from 192.168.1.146.",
        "Hello from the client. You came from 192.168.1.9.",
        "receiver",
        "src=10.1.0.2 dst=192.168.1.9",
    ] {
        assert!(output.stdout.contains(seen), "{seen} is missing: {}", output.stdout);
    }
    let left = process::must(&[], "ip netns list");
    assert!(!left.contains("sluicedemo-"), "left behind: {left}");
}
