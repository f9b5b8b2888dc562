//! The choice of a tuple over the connection tables of two workers.

use super::{NatRange, SourceMappings, select_source};
use crate::address::{IpVersion, L4Port, V4};
use crate::conntrack::{Begin, Conntrack, ConntrackSettings, Directory, NewConnection};
use crate::ids::WorkerId;
use crate::time::Instant;
use crate::tuple::Tuple;
use crate::wire::layer4::layer4;
use crate::wire::parse::parse_ip;
use std::sync::Arc;

/// A datagram from port 5000 of client 10.0.0.`client` to 192.0.2.80:53.
fn datagram(client: u8) -> (Tuple<V4>, Vec<u8>) {
    let mut bytes = vec![0; 28];
    (bytes[0], bytes[3], bytes[8], bytes[9]) = (0x45, 28, 64, 17);
    bytes[12..20].copy_from_slice(&[10, 0, 0, client, 192, 0, 2, 80]);
    bytes[20..26].copy_from_slice(&[0x13, 0x88, 0, 53, 0, 8]);
    let header = crate::wire::checksum::ipv4_header(&bytes[..20]);
    bytes[10..12].copy_from_slice(&header.to_be_bytes());
    let tuple = Tuple {
        source: V4([10, 0, 0, client]),
        destination: V4([192, 0, 2, 80]),
        source_port: L4Port::new(5000),
        destination_port: L4Port::new(53),
        protocol: 17,
        ..Tuple::default()
    };
    (tuple, bytes)
}

fn begin(worker: &mut Conntrack<V4>, client: u8) -> NewConnection<V4> {
    let (tuple, bytes) = datagram(client);
    let headers = parse_ip(&bytes, 0, IpVersion::V4).unwrap();
    let udp = layer4(&bytes, &headers);
    let settings = ConntrackSettings::default();
    match worker.begin(tuple, &udp, &bytes, &headers, Instant(0), &settings) {
        Begin::New(new) => new,
        _ => panic!("no new connection"),
    }
}

/// Connections of many clients with one port, on two workers, leave by one address: the first keeps
/// the port, and all external tuples differ.
#[test]
fn external_tuples_are_unique_over_workers() {
    let directory = Arc::new(Directory::new(256, [1, 2]));
    let settings = ConntrackSettings::default();
    let mut workers = [0, 1].map(|number| {
        let directory = Some(Arc::clone(&directory));
        Conntrack::<V4>::new(WorkerId(number), &settings, [3, 4], 128, directory).unwrap()
    });
    let mappings = SourceMappings::new(64, 5).unwrap();
    let range = NatRange::single(V4([198, 51, 100, 1]));
    let mut ports = Vec::new();
    for client in 1..=40 {
        let worker = &mut workers[usize::from(client % 2)];
        let mut new = begin(worker, client);
        new.reply =
            select_source(&new.original, &new.reply, &range, worker, &mappings, u64::from(client))
                .unwrap();
        assert!(worker.claim_reply(&mut new));
        ports.push(new.reply.destination_port.get());
        worker.confirm(new, Instant(0)).unwrap();
    }
    assert_eq!(ports[0], 5000);
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), 40);
}
