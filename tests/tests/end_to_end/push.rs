//! Owns the tests of new configurations under traffic: none loses a packet, and one that is refused
//! changes nothing.

use std::collections::HashSet;
use std::fs;
use std::net::UdpSocket;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::socket::{setsockopt, sockopt::RcvBufForce};
use sluice_tests::gateway::Gateway;
use sluice_tests::router::Setup;
use sluice_tests::{Topology, on_sluice};

use crate::MASQUERADE;

on_sluice!(twenty_configurations, refused_whole);

/// A datagram a millisecond, each with a number of its own, from the client to the server while
/// `during` runs; how many were sent, and the numbers that did not arrive.
fn count_losses(net: &Topology, during: impl FnOnce()) -> (u32, Vec<u32>) {
    let receiver = net.server.enter(|| UdpSocket::bind("0.0.0.0:9999").unwrap());
    // A receiver that the machine keeps waiting must not be what loses them.
    setsockopt(&receiver, RcvBufForce, &(16 << 20)).unwrap();
    receiver.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let sender = net.client.enter(|| UdpSocket::bind("0.0.0.0:0").unwrap());
    sender.connect("192.168.1.9:9999").unwrap();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let sending = scope.spawn(|| {
            let start = Instant::now();
            let mut number = 0_u32;
            while !over.load(Ordering::Relaxed) {
                sender.send(&number.to_be_bytes()).unwrap();
                number += 1;
                let next = Duration::from_millis(number.into());
                thread::sleep(next.saturating_sub(start.elapsed()));
            }
            number
        });
        let receiving = scope.spawn(|| {
            let (mut arrived, mut bytes) = (HashSet::new(), [0; 4]);
            while receiver.recv(&mut bytes).is_ok() {
                arrived.insert(u32::from_be_bytes(bytes));
            }
            arrived
        });
        during();
        thread::sleep(Duration::from_millis(200));
        over.store(true, Ordering::Relaxed);
        let sent = sending.join().unwrap();
        let arrived = receiving.join().unwrap();
        (sent, (0..sent).filter(|number| !arrived.contains(number)).collect())
    })
}

/// The running configuration with another route and other rules; `round` tells them apart.
fn changed(gateway: &Gateway, round: u32) -> PathBuf {
    let file = gateway.configuration();
    let folder = file.parent().unwrap();
    let toml = fs::read_to_string(&file).unwrap();
    let rules = folder.join(format!("iptables-{round}.rules"));
    fs::write(&rules, with_port(1000 + round)).unwrap();
    let toml = toml.replace("iptables.rules", &format!("iptables-{round}.rules"));
    let route = format!("\n[[route]]\nto = \"172.16.{round}.0/24\"\nvia = \"192.168.1.9\"\n");
    let next = folder.join(format!("next-{round}.toml"));
    fs::write(&next, toml + &route).unwrap();
    next
}

fn with_port(port: u32) -> String {
    let last = "-A FORWARD -i lan0 -j ACCEPT";
    let drop = format!("-A FORWARD -p tcp --dport {port} -j DROP");
    sluice_tests::router::unindent(&MASQUERADE.replace(last, &format!("{drop}\n{last}")))
}

fn generation(gateway: &Gateway) -> u64 {
    gateway.stats()["generation"].as_u64().unwrap()
}

/// Twenty whole configurations and twenty sets of rules, each one generation, and every datagram arrives.
fn twenty_configurations(workers: u32) {
    let net = Topology::new();
    let gateway = Gateway::start(&net.router, net.scratch(), &Setup::new(MASQUERADE), workers);
    net.client.must("ping -c 1 -W 2 192.168.1.9");
    let before = generation(&gateway);
    let (sent, lost) = count_losses(&net, || {
        for round in 0..20 {
            let file = changed(&gateway, round);
            let said = gateway.must(&format!("config push {}", file.display()));
            let expected = before + 2 * u64::from(round) + 1;
            assert_eq!(said, format!("generation {expected} is in force\n"));
            gateway.load_rules(&with_port(2000 + round));
            // However fast the changes are, packets pass between them.
            thread::sleep(Duration::from_millis(25));
        }
    });
    assert_eq!(generation(&gateway), before + 40);
    assert!(sent > 500, "only {sent} datagrams were sent");
    assert!(lost.is_empty(), "{} of {sent} lost: {lost:?}", lost.len());
    let routes = gateway.must("ip route");
    assert!(routes.contains("172.16.19.0/24 via 192.168.1.9") && !routes.contains("172.16.18."));
    assert!(gateway.must("iptables-save").contains("--dport 2019 "));
    gateway.assert_accounted();
}

/// Every mistake of every file is told with its place, and what runs goes on running.
fn refused_whole(workers: u32) {
    let net = Topology::new();
    let gateway = Gateway::start(&net.router, net.scratch(), &Setup::new(MASQUERADE), workers);
    net.client.must("ping -c 1 -W 2 192.168.1.9");
    let running =
        || [gateway.must("config get"), gateway.must("iptables-save"), gateway.must("ip route")];
    // Policies' counters move with the traffic.
    let still = |[config, rules, routes]: [String; 3]| {
        let uncounted = |line: &str| line.split(" [").next().unwrap_or_default().to_owned();
        (config, rules.lines().map(uncounted).collect::<Vec<_>>(), routes)
    };
    let (before, number) = (still(running()), generation(&gateway));
    let folder = net.scratch().to_path_buf();
    fs::write(
        folder.join("bad.v4"),
        "*filter\n-A FORWARD -p tcp --dport 70000 -j DROP\n-A FORWARD --frob\nCOMMIT\n",
    )
    .unwrap();
    let file = folder.join("bad.toml");
    fs::write(
        &file,
        "[gateway]\nworkers = 0\nwrokers = 2\n\n[[interface]]\nname = \"lan0\"\n\
         device = \"af_packet:lan0\"\naddress = [\"10.1.0.1/33\"]\n\n[rules]\niptables = \"bad.v4\"\n",
    )
    .unwrap();
    let (_, lost) = count_losses(&net, || {
        let output = gateway.sluice(&format!("config push {}", file.display()));
        assert_eq!(output.code, 1, "{output:?}");
        for named in [
            "bad.toml:2:11: error: ",
            "bad.toml:3:1: error: unknown key `wrokers`",
            "bad.toml:8:12: error: ",
            "bad.v4:2:19: error: ",
            "bad.v4:3:12: error: ",
            "did you mean `workers`?",
            &format!("refused; generation {number} stays in force"),
        ] {
            assert!(output.stderr.contains(named), "{named} is missing: {}", output.stderr);
        }
        assert_eq!(output.stderr.matches("  help: ").count(), 5, "{}", output.stderr);
        // Sound by itself, but with an interface that cannot be had while running.
        let toml = fs::read_to_string(gateway.configuration()).unwrap();
        fs::write(&file, toml.replace("lan0", "lan7")).unwrap();
        let output = gateway.sluice(&format!("config push {}", file.display()));
        assert_eq!(output.code, 1, "{output:?}");
        assert!(output.stderr.contains("lan7") && output.stderr.contains("restart"), "{output:?}");
        let output = gateway.sluice(&format!("config push {}", folder.join("none").display()));
        assert_eq!(output.code, 1, "{output:?}");
    });
    assert!(lost.is_empty(), "lost: {lost:?}");
    assert_eq!(generation(&gateway), number);
    assert_eq!(still(running()), before);
}
