//! What helpers expect, listed and forgotten.

use super::follow::{kind, timestamp_us};
use super::message::tuple;
use crate::proto;
use crate::server::Plane;
use sluice_dataplane::address::{Address, L4Port, V4, V6};
use sluice_dataplane::conntrack::{Expectations, ListedExpectation, News};
use sluice_dataplane::tuple::Tuple;
use std::net::IpAddr;
use std::sync::Arc;
use tonic::Status;

/// The tables that all workers share.
#[derive(Debug, Clone)]
pub struct Expected {
    /// Of IPv4.
    pub v4: Arc<Expectations<V4>>,
    /// Of IPv6.
    pub v6: Arc<Expectations<V6>>,
}

/// Those of a family; or the one that a packet would meet.
pub(super) fn list(
    plane: &Plane,
    asked: &proto::ListExpectationsRequest,
) -> Result<Vec<proto::Expectation>, Status> {
    let now = (plane.clock)();
    let Expected { v4, v6 } = &plane.expected;
    let family = proto::Family::try_from(asked.family)
        .map_err(|_| Status::invalid_argument("family: no such family"))?;
    let found: Vec<ListedExpectation> = match (&asked.met_by, family) {
        (Some(packet), _) => match first_packet(packet)? {
            First::V4(tuple) => v4.find(&tuple, now).into_iter().collect(),
            First::V6(tuple) => v6.find(&tuple, now).into_iter().collect(),
        },
        (None, proto::Family::Ipv4) => v4.list(now),
        (None, proto::Family::Ipv6) => v6.list(now),
        (None, proto::Family::Unspecified) => [v4.list(now), v6.list(now)].concat(),
    };
    Ok(found.iter().map(expectation).collect())
}

/// Forgets the one that a packet would meet; whether there was one.
pub(super) fn delete(plane: &Plane, packet: Option<proto::FirstPacket>) -> Result<bool, Status> {
    let packet = packet.ok_or_else(|| {
        Status::invalid_argument("met_by: name a packet that would meet the expectation")
    })?;
    let now = (plane.clock)();
    Ok(match first_packet(&packet)? {
        First::V4(tuple) => plane.expected.v4.remove(&tuple, now),
        First::V6(tuple) => plane.expected.v6.remove(&tuple, now),
    })
}

/// Forgets all.
pub(super) fn clear(plane: &Plane) {
    let now = (plane.clock)();
    plane.expected.v4.clear(now);
    plane.expected.v6.clear(now);
}

/// What a follower of expectations is told.
pub(super) fn said(news: &News, lost: u64) -> Option<proto::ExpectationEvent> {
    match news {
        News::Connection(_) => None,
        News::Expectation(event) => Some(proto::ExpectationEvent {
            kind: kind(event.kind).into(),
            expectation: Some(expectation(&event.expectation)),
            lost,
            timestamp_us: timestamp_us(),
        }),
    }
}

/// In the interface's words.
pub(in crate::server) fn expectation(listed: &ListedExpectation) -> proto::Expectation {
    let family = match listed.tuple.source {
        IpAddr::V4(_) => proto::Family::Ipv4,
        IpAddr::V6(_) => proto::Family::Ipv6,
    };
    proto::Expectation {
        family: family.into(),
        protocol: listed.tuple.protocol.into(),
        timeout_s: listed.timeout_s,
        tuple: Some(tuple(&listed.tuple, 0)),
        master: Some(tuple(&listed.master, 0)),
        master_protocol: listed.master.protocol.into(),
        helper: listed.helper.name().to_owned(),
        class: listed.class.into(),
        source_mask: source_mask(listed),
        source_port_mask: if listed.from.port { 0xffff } else { 0 },
        permanent: listed.lasting,
        inactive: listed.inactive,
    }
}

fn source_mask(listed: &ListedExpectation) -> Vec<u8> {
    match listed.tuple.source {
        IpAddr::V4(_) => listed.from.address(V4([u8::MAX; 4])).bytes().to_vec(),
        IpAddr::V6(_) => listed.from.address(V6([u8::MAX; 16])).bytes().to_vec(),
    }
}

/// A packet of either family.
enum First {
    V4(Tuple<V4>),
    V6(Tuple<V6>),
}

fn first_packet(packet: &proto::FirstPacket) -> Result<First, Status> {
    let wrong = |what: &str| Status::invalid_argument(format!("met_by: {what}"));
    let protocol = u8::try_from(packet.protocol).map_err(|_| wrong("protocol is above 255"))?;
    let said = packet.tuple.as_ref().ok_or_else(|| wrong("tuple is missing"))?;
    let address = crate::server::network::address;
    let (source, destination) = (address(&said.source)?, address(&said.destination)?);
    let ports = match said.layer4 {
        Some(proto::tuple::Layer4::Ports(ports)) => {
            let number = |port, which: &str| {
                u16::try_from(port).map_err(|_| wrong(&format!("the {which} port is above 65535")))
            };
            [number(ports.source, "source")?, number(ports.destination, "destination")?]
        }
        Some(proto::tuple::Layer4::Gre(keys)) => {
            let number = |key, which: &str| {
                u16::try_from(key).map_err(|_| wrong(&format!("the {which} key is above 65535")))
            };
            [number(keys.source, "source")?, number(keys.destination, "destination")?]
        }
        Some(proto::tuple::Layer4::Icmp(_)) | None => [0, 0],
    };
    let one = tuple_of(source, destination, protocol, ports).map(First::V4);
    let other = || tuple_of(source, destination, protocol, ports).map(First::V6);
    one.or_else(other).ok_or_else(|| wrong("the addresses are of two families"))
}

fn tuple_of<A: Address>(
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    [source_port, destination_port]: [u16; 2],
) -> Option<Tuple<A>> {
    Some(Tuple {
        source: A::from_ip(source)?,
        destination: A::from_ip(destination)?,
        source_port: L4Port::new(source_port),
        destination_port: L4Port::new(destination_port),
        protocol,
        ..Tuple::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(source: &[u8], destination: &[u8], port: u32) -> proto::FirstPacket {
        let ports = proto::Ports { source: 20, destination: port };
        let tuple = proto::Tuple {
            source: source.to_vec(),
            destination: destination.to_vec(),
            layer4: Some(proto::tuple::Layer4::Ports(ports)),
            zone: 0,
        };
        proto::FirstPacket { protocol: 6, tuple: Some(tuple) }
    }

    #[test]
    fn a_packet_is_read_or_refused() {
        let read = first_packet(&packet(&[192, 0, 2, 7], &[10, 0, 0, 2], 1025)).unwrap();
        let First::V4(tuple) = read else { panic!("IPv4") };
        assert_eq!((tuple.protocol, tuple.destination_port.get()), (6, 1025));
        assert!(matches!(first_packet(&packet(&[1; 16], &[2; 16], 5)), Ok(First::V6(_))));
        for wrong in [
            packet(&[192, 0, 2, 7], &[1; 16], 5),
            packet(&[192, 0, 2, 7], &[10, 0, 0, 2], 65_536),
            packet(&[192, 0, 2], &[10, 0, 0, 2], 5),
            proto::FirstPacket { tuple: None, ..packet(&[1; 4], &[1; 4], 5) },
        ] {
            let code = first_packet(&wrong).map(|_| ()).unwrap_err().code();
            assert_eq!(code, tonic::Code::InvalidArgument, "{wrong:?}");
        }
    }
}
