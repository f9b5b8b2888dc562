//! Owns the tests of traffic that nobody sends by accident: floods, fragments without end, frames that are none.
//! The gateway stays up, says why it drops, and has its buffers back.

use std::time::{Duration, Instant};

use sluice_tests::frame::{self, Packet};
use sluice_tests::gateway::Gateway;
use sluice_tests::router::Setup;
use sluice_tests::topology::LAN;
use sluice_tests::wire::Wire;
use sluice_tests::{Topology, eventually, on_sluice};

use crate::MASQUERADE;

on_sluice!(arp_requests, endless_fragments, broken_frames);

/// How long each flood lasts.
const FLOOD: Duration = Duration::from_secs(3);

fn ethernet(to: &str, kind: u16, payload: &[u8]) -> Vec<u8> {
    frame::ethernet(to, LAN.host_mac, kind, payload)
}

/// Sends what `frames` makes of a running number until the time is over, or there are a million.
fn flood(net: &Topology, frames: impl Fn(u32) -> Vec<u8>) {
    let wire = Wire::open(&net.client, "eth0");
    let start = Instant::now();
    for number in 0..1_000_000 {
        wire.send(&frames(number));
        if number % 64 == 0 && start.elapsed() > FLOOD {
            break;
        }
    }
}

/// A gateway that has been flooded and is as it was: it answers, forwards, accounts for every packet, and holds
/// no more buffers than before (which its end checks too).
fn flooded(workers: u32, frames: impl Fn(u32) -> Vec<u8>) -> (Topology, Gateway) {
    let net = Topology::new();
    let setup = Setup::new(MASQUERADE);
    let gateway = Gateway::start(&net.router, net.scratch(), &setup, workers);
    net.client.must("ping -c 2 -i 0.2 -W 2 192.168.1.9");
    flood(&net, frames);
    net.client.must("ping -c 3 -i 0.2 -W 2 192.168.1.9");
    net.client.must("ping -c 3 -i 0.2 -W 2 10.1.0.1");
    gateway.assert_accounted();
    let received = gateway.stats()["totals"]["rx"].as_u64().unwrap();
    assert!(received > 10_000, "that was no flood: {received} packets");
    for worker in gateway.stats()["workers"].as_array().unwrap() {
        assert_eq!(worker["healthy"], true, "{worker}");
    }
    (net, gateway)
}

/// Who has the gateway's address, asked by a hundred thousand that are not there; and who has others'.
fn arp_requests(workers: u32) {
    let (net, gateway) = flooded(workers, |number| {
        let [_, a, b, c] = number.to_be_bytes();
        let mut arp = vec![0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 1, a, b, c, 10, 1, b | 1, c];
        arp.extend([0; 6]);
        arp.extend([10, 1, 0, if number % 4 == 0 { 77 } else { 1 }]);
        ethernet("ff:ff:ff:ff:ff:ff", 0x0806, &arp)
    });
    // A host that comes after the flood is found when the last strangers are five seconds old (the kernel's
    // `neigh_forced_gc`), and not before.
    net.client.must("ip addr add 10.1.0.3/16 dev eth0");
    let found = || net.client.shell("ping -c 1 -W 1 -I 10.1.0.3 192.168.1.9").code == 0;
    assert!(eventually(Duration::from_secs(20), found), "{:#}", gateway.stats()["drops"]);
    let neighbours = gateway.must("ip neigh").lines().count();
    assert!(neighbours < 9000, "{neighbours} neighbours kept");
}

/// First halves whose second never comes, and second halves without a first.
fn endless_fragments(workers: u32) {
    let (net, gateway) = flooded(workers, |number| {
        let [high, low, ..] = number.to_le_bytes();
        let whole = Packet::new("10.1.0.2", "192.168.1.9").id(u16::from_be_bytes([low, high]));
        let parts = whole.udp(4000, 53, &[7; 2000]).fragments(&[1000]);
        let part = &parts[usize::from(number % 3 == 0)];
        let mut part = part.clone();
        // Not the same datagram over and over.
        part.source = std::net::Ipv4Addr::new(10, 1, (number >> 16) as u8, 2).into();
        ethernet(LAN.mac, 0x0800, &part.bytes())
    });
    assert!(gateway.drops("reassembly-full") > 0, "{:#}", gateway.stats());
    // They are let go after their time, and there is room for honest ones again.
    let gone = || {
        let held = gateway.stats()["totals"]["held"].as_u64();
        held == Some(0)
    };
    assert!(eventually(Duration::from_secs(45), gone), "{:#}", gateway.stats());
    assert!(gateway.drops("reassembly-timeout") > 0, "{:#}", gateway.stats());
    net.client.must("ping -c 2 -i 0.2 -W 2 -s 4000 192.168.1.9");
    gateway.assert_accounted();
}

/// Cut short, sent to itself, longer than it is, of no known kind.
fn broken_frames(workers: u32) {
    let good = Packet::new("10.1.0.2", "192.168.1.9").tcp((4000, 80), 2, 1, 0, b"x").bytes();
    let (_net, gateway) = flooded(workers, |number| {
        let mut packet = good.clone();
        match number % 8 {
            // No more than a piece of an IP header.
            0 => packet.truncate(number as usize / 8 % 20),
            // Less than the header says there is.
            1 => packet.truncate(20 + number as usize / 8 % 20),
            // A total length beyond the frame; the header's checksum right.
            2 => {
                packet = Packet::new("10.1.0.2", "192.168.1.9").raw(17, &[0; 900]).bytes();
                packet.truncate(200);
            }
            // From the gateway itself, from nowhere, from everybody.
            3 => packet = Packet::new("10.1.0.1", "192.168.1.9").udp(1, 2, b"loop").bytes(),
            4 => packet = Packet::new("127.0.0.1", "192.168.1.9").udp(1, 2, b"loop").bytes(),
            5 => packet = Packet::new("10.1.255.255", "10.1.0.2").udp(1, 2, b"loop").ttl(1).bytes(),
            // Back where it came from, until its time is over.
            6 => packet = Packet::new("10.1.0.2", "10.1.0.2").ttl(1).udp(1, 2, b"loop").bytes(),
            _ => return ethernet(LAN.mac, 0x1234, &packet),
        }
        ethernet(LAN.mac, 0x0800, &packet)
    });
    for reason in
        ["truncated", "bad-ip-length", "martian-source", "ttl-exceeded", "unknown-ethertype"]
    {
        assert!(gateway.drops(reason) > 100, "{reason} is missing: {:#}", gateway.stats()["drops"]);
    }
}
