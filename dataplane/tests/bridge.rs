//! A bridge over the public interface of the data plane: two ports, and a routed third: what goes where, on one worker and on several, and that every frame is
//! counted.

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use sluice_dataplane::address::{Mac, V4};
use sluice_dataplane::bridge::{Bridge, Fdb};
use sluice_dataplane::ids::InterfaceId;
use sluice_dataplane::interface::{Interface, Interfaces};
use sluice_dataplane::rules::Rules;
use sluice_dataplane::rules::matches::Kept;
use sluice_dataplane::rules::targets::Target;
use sluice_dataplane::rules::{Hook, Table};
use sluice_dataplane::snapshot::Snapshot;
use std::sync::Arc;
use support::frames::{gateway_mac, neighbour_mac, udp};
use support::rules::{compile, new_only};
use support::{CLIENT, Gateway, LAN, SERVER, SPREADS, WAN, snapshot_with};

/// The ports of the bridge; the interface `lan` becomes the bridge itself.
const FIRST: u16 = 2;
const SECOND: u16 = 3;
/// The bridge's virtual port.
const BRIDGE: u16 = 4;

const OTHER: [u8; 4] = [10, 1, 0, 3];

/// A MAC behind a port.
fn host(number: u8) -> [u8; 6] {
    [2, 0, 0, 0, 9, number]
}

fn bridged(rules: Rules<V4>) -> Snapshot {
    let plain = snapshot_with(rules, Rules::empty(4), |_| {});
    let mut list: Vec<Option<Interface>> =
        plain.interfaces.iter().map(|(_, own)| Some(own.clone())).collect();
    let lan = list[usize::from(LAN)].as_mut().unwrap();
    (lan.name, lan.port) = ("br0".into(), BRIDGE);
    let port = |name: &str, port: u16| Interface {
        name: name.into(),
        port,
        mac: Mac(gateway_mac(port)),
        v4: Vec::new(),
        v6: Vec::new(),
        ..lan.clone()
    };
    let ports = [port("eth1", FIRST), port("eth2", SECOND)];
    list.extend(ports.map(Some));
    let bridge = Bridge {
        id: InterfaceId(LAN),
        ports: vec![InterfaceId(2), InterfaceId(3)],
        call_iptables: true,
        call_ip6tables: true,
        fdb: Kept(Arc::new(Fdb::new(5))),
    };
    Snapshot { interfaces: Interfaces::new(list).with_bridges(vec![bridge]), ..plain }
}

/// With connection tracking, or without; on one worker, or several that get each other's packets.
fn gateways() -> impl Iterator<Item = Gateway> {
    let counts = [1, 2, 3].into_iter();
    let all = counts.flat_map(|count| SPREADS.into_iter().map(move |spread| (count, spread)));
    all.flat_map(|(count, spread)| {
        let tracks = vec![(Table::Filter, Hook::Forward, vec![(vec![new_only()], Target::Accept)])];
        [compile(tracks, count), Rules::empty(count)].map(|rules| {
            let mut gateway = Gateway::new(count, spread, Rules::empty(count));
            gateway.publish_snapshot(Arc::new(bridged(rules)));
            gateway
        })
    })
}

/// A frame between two MACs.
fn frame(to: [u8; 6], from: [u8; 6], source: [u8; 4], destination: [u8; 4], port: u16) -> Vec<u8> {
    let mut frame = udp(LAN, (source, port), (destination, 7));
    frame[..6].copy_from_slice(&to);
    frame[6..12].copy_from_slice(&from);
    frame
}

fn ports(sent: &[(u16, Vec<u8>)]) -> Vec<u16> {
    let mut ports: Vec<u16> = sent.iter().map(|(port, _)| *port).collect();
    ports.sort_unstable();
    ports
}

#[test]
fn frames_go_where_their_destination_is() {
    for mut gateway in gateways() {
        let there = frame(host(2), host(1), CLIENT, OTHER, 1000);
        assert_eq!(ports(&gateway.receive(FIRST, &there)), [SECOND], "unknown: all others");
        let back = frame(host(1), host(2), OTHER, CLIENT, 7);
        let sent = gateway.receive(SECOND, &back);
        assert_eq!(ports(&sent), [FIRST]);
        assert_eq!(sent[0].1, back, "as it came");
        let home = frame(host(1), host(3), OTHER, CLIENT, 7);
        assert_eq!(ports(&gateway.receive(FIRST, &home)), [], "not back to where it came from");
        gateway.check_accounts();
    }
}

#[test]
fn the_gateways_own_addresses_are_not_learned() {
    for mut gateway in gateways() {
        let mine = frame(host(2), gateway_mac(SECOND), CLIENT, OTHER, 1000);
        assert_eq!(ports(&gateway.receive(FIRST, &mine)), [SECOND]);
        let reader = gateway.published.reader();
        let bridge = &reader.get().interfaces.bridges()[0];
        assert_eq!(bridge.fdb.entries(gateway.now).count(), 0);
        gateway.check_accounts();
    }
}

#[test]
fn what_is_routed_finds_its_port() {
    for mut gateway in gateways() {
        let mac = gateway_mac(LAN);
        for port in 1000..1010 {
            let out = frame(mac, neighbour_mac(LAN), CLIENT, SERVER, port);
            assert_eq!(ports(&gateway.receive(FIRST, &out)), [WAN]);
        }
        // The client is known to be behind the first port, so nothing is flooded. In a burst, for the fast path.
        let answers: Vec<_> =
            (1000..1010).map(|port| udp(WAN, (SERVER, 7), (CLIENT, port))).collect();
        assert_eq!(ports(&gateway.receive_burst(0, WAN, &answers)), [FIRST; 10]);
        gateway.check_accounts();
        // The client moves.
        let moved = frame(mac, neighbour_mac(LAN), CLIENT, SERVER, 1000);
        assert_eq!(ports(&gateway.receive(SECOND, &moved)), [WAN]);
        assert_eq!(ports(&gateway.receive_burst(0, WAN, &answers)), [SECOND; 10]);
        gateway.check_accounts();
    }
}

#[test]
fn a_group_gets_copies_and_the_gateway_one_too() {
    for mut gateway in gateways() {
        let all = frame([0xff; 6], host(1), CLIENT, [10, 1, 255, 255], 1000);
        assert_eq!(ports(&gateway.receive(FIRST, &all)), [SECOND]);
        let unknown = frame(host(9), host(1), CLIENT, [10, 1, 0, 9], 1000);
        assert_eq!(ports(&gateway.receive(FIRST, &unknown)), [SECOND]);
        // Routed to somebody whose port nobody knows: to all.
        let answer = udp(WAN, (SERVER, 7), (CLIENT, 1000));
        assert_eq!(ports(&gateway.receive(WAN, &answer)), [FIRST, SECOND]);
        gateway.check_accounts();
    }
}
