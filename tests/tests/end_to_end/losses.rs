//! Owns the tests of what is lost between the wire and the workers: it has a name too.

use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use sluice_tests::frame::{self, Packet};
use sluice_tests::gateway::{Gateway, number};
use sluice_tests::router::Setup;
use sluice_tests::topology::LAN;
use sluice_tests::wire::Wire;
use sluice_tests::{Topology, eventually};

/// More than any ring holds.
const FLOOD: u64 = 40_000;

/// A gateway that stands still receives nothing; what did not fit the kernel's ring meanwhile is told as missed.
#[test]
fn a_full_ring_is_told() {
    let net = Topology::new();
    let gateway = Gateway::start(&net.router, net.scratch(), &Setup::new(""), 1);
    net.client.must("ping -c 1 -W 2 10.1.0.1");
    let wire = Wire::open(&net.client, "eth0");
    let before = gateway.interface("lan0");
    kill(gateway.pid(), Signal::SIGSTOP).unwrap();
    let packet = Packet::new("10.1.0.2", "10.1.0.1").udp(1000, 9, b"one of many");
    let frame = frame::ethernet(LAN.mac, LAN.host_mac, 0x0800, &packet.bytes());
    for _ in 0..FLOOD {
        wire.send(&frame);
    }
    kill(gateway.pid(), Signal::SIGCONT).unwrap();
    let more = |field: &str| number(&gateway.interface("lan0")[field]) - number(&before[field]);
    let all = || more("rx_packets") + more("rx_missed") >= FLOOD;
    assert!(eventually(Duration::from_secs(10), all), "{:#}", gateway.interface("lan0"));
    assert!(more("rx_missed") > 0, "{:#}", gateway.interface("lan0"));
    // Reading takes nothing away from what was read before.
    let missed = more("rx_missed");
    assert_eq!(more("rx_missed"), missed);
    assert!(gateway.must("ip -s link show lan0").contains(&missed.to_string()));
    gateway.assert_accounted();
}
