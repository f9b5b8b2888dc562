//! A connection that a client asks for. Any worker may own it; which one does is as good as drawn.

use super::message::{GRE, connection, has_ports, has_queries};
use super::pages::ask;
use crate::proto;
use crate::server::Plane;
use crate::server::network::address;
use sluice_dataplane::address::{Address, IpVersion, L4Port, V4, V6};
use sluice_dataplane::conntrack::{
    Creation, GivenState, NotCreated, SctpConnectionState, TcpConnectionState, reply_of,
};
use sluice_dataplane::nat::NatRange;
use sluice_dataplane::tuple::{Tuple, Zone};
use sluice_dataplane::wire::protocol::{ICMP, ICMPV6, SCTP, TCP};
use sluice_dataplane::worker::{Order, Request};
use std::hash::{BuildHasher, RandomState};
use tonic::Status;

/// Creates it; how it is then.
pub(super) fn create(
    plane: &Plane,
    asked: &proto::CreateConnectionRequest,
) -> Result<proto::Connection, Status> {
    match asked.family() {
        proto::Family::Ipv4 => create_in::<V4>(plane, asked, Request::Create4),
        proto::Family::Ipv6 => create_in::<V6>(plane, asked, Request::Create6),
        proto::Family::Unspecified => Err(wrong("family", "is missing")),
    }
}

fn create_in<A: Address>(
    plane: &Plane,
    asked: &proto::CreateConnectionRequest,
    request: fn(Order<A>) -> Request,
) -> Result<proto::Connection, Status> {
    let creation = read::<A>(asked)?;
    let random = RandomState::new().hash_one(asked.portid);
    let number = random as usize % plane.workers.len().max(1);
    let worker = plane.workers.get(number);
    let worker = worker.ok_or_else(|| Status::unavailable("there is no worker"))?;
    let created = ask(worker, |reply| request(Order { creation, random, reply }))?;
    match created {
        Ok(listed) => Ok(connection(worker.id, &listed)),
        Err(why @ NotCreated::Exists) => Err(Status::already_exists(why.to_string())),
        Err(why @ NotCreated::Full) => Err(Status::resource_exhausted(why.to_string())),
        Err(why @ NotCreated::Untranslated) => Err(Status::failed_precondition(why.to_string())),
    }
}

fn wrong(field: &str, how: &str) -> Status {
    Status::invalid_argument(format!("{field}: {how}"))
}

/// A state of TCP by its name.
pub(super) fn tcp_state(name: &str) -> Result<TcpConnectionState, Status> {
    let state = TcpConnectionState::named(name);
    state.ok_or_else(|| wrong("state", "no such state of TCP"))
}

fn state(asked: &proto::CreateConnectionRequest, protocol: u8) -> Result<GivenState, Status> {
    match protocol {
        TCP => tcp_state(&asked.state).map(GivenState::Tcp),
        SCTP => {
            let state = SctpConnectionState::named(&asked.state);
            let state = state.ok_or_else(|| wrong("state", "no such state of SCTP"))?;
            Ok(GivenState::Sctp(state, [asked.original_tag, asked.reply_tag]))
        }
        _ if asked.state.is_empty() => Ok(GivenState::None),
        _ => Err(wrong("state", "connections of this protocol have none")),
    }
}

fn read<A: Address>(asked: &proto::CreateConnectionRequest) -> Result<Creation<A>, Status> {
    let protocol = u8::try_from(asked.protocol).map_err(|_| wrong("protocol", "is above 255"))?;
    let of_the_other = match A::VERSION {
        IpVersion::V4 => ICMPV6,
        IpVersion::V6 => ICMP,
    };
    if protocol == of_the_other {
        return Err(wrong("protocol", "is of the other family"));
    }
    let original = asked.original.as_ref().ok_or_else(|| wrong("original", "is missing"))?;
    let reply_zone = asked.reply.as_ref().map_or(0, |reply| reply.zone);
    let zones = match asked.zone {
        0 => [original.zone, reply_zone],
        both => [both; 2],
    };
    let [original_zone, reply_zone] = zones.map(|zone| {
        u16::try_from(zone).map(Zone::new).map_err(|_| wrong("zone", "is above 65535"))
    });
    let original = Tuple { zone: original_zone?, ..tuple("original", original, protocol)? };
    let answer =
        reply_of(&original).ok_or_else(|| wrong("original", "nobody answers this type"))?;
    let reply = match &asked.reply {
        Some(reply) if !reply.source.is_empty() => tuple("reply", reply, protocol)?,
        Some(_) | None => answer,
    };
    let reply = Tuple { zone: reply_zone?, ..reply };
    if reply.icmp != answer.icmp {
        return Err(wrong("reply", "is of a type that does not answer the original"));
    }
    Ok(Creation {
        original,
        reply,
        source: range("source_nat", asked.source_nat.as_ref())?,
        destination: range("destination_nat", asked.destination_nat.as_ref())?,
        timeout_s: asked.timeout_s,
        mark: asked.mark,
        assured: asked.assured,
        seen_reply: asked.seen_reply,
        state: state(asked, protocol)?,
        portid: asked.portid,
    })
}

fn host<A: Address>(field: &str, bytes: &[u8]) -> Result<A, Status> {
    A::from_ip(address(bytes)?).ok_or_else(|| wrong(field, "is of the other family"))
}

fn short(field: &str, number: u32) -> Result<u16, Status> {
    u16::try_from(number).map_err(|_| wrong(field, "ports and identifiers end at 65535"))
}

fn tuple<A: Address>(field: &str, said: &proto::Tuple, protocol: u8) -> Result<Tuple<A>, Status> {
    use proto::tuple::Layer4;
    let (source_port, destination_port, icmp) = match &said.layer4 {
        Some(Layer4::Ports(ports)) if has_ports(protocol) => {
            (short(field, ports.source)?, short(field, ports.destination)?, 0)
        }
        Some(Layer4::Icmp(query)) if has_queries(protocol) => {
            let kind = u8::try_from(query.r#type).map_err(|_| wrong(field, "types end at 255"))?;
            let id = short(field, query.id)?;
            (id, id, kind)
        }
        Some(Layer4::Gre(keys)) if protocol == GRE => {
            (short(field, keys.source)?, short(field, keys.destination)?, 0)
        }
        None if !has_ports(protocol) && !has_queries(protocol) => (0, 0, 0),
        Some(_) | None => return Err(wrong(field, "layer4 is not that of this protocol")),
    };
    Ok(Tuple {
        source: host(field, &said.source)?,
        destination: host(field, &said.destination)?,
        source_port: L4Port::new(source_port),
        destination_port: L4Port::new(destination_port),
        protocol,
        icmp,
        zone: Zone::default(),
    })
}

fn range<A: Address>(
    field: &str,
    asked: Option<&proto::NatFilter>,
) -> Result<Option<NatRange<A>>, Status> {
    let Some(asked) = asked else { return Ok(None) };
    let address = asked.address.as_ref().map(|masked| host(field, &masked.address)).transpose()?;
    let port = asked.port.map(|port| short(field, port)).transpose()?;
    let range = NatRange {
        addresses: address.map(|address| (address, address)),
        ports: port.map(|port| (port, port)),
        ..NatRange::default()
    };
    Ok(Some(range).filter(|_| address.is_some() || port.is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> proto::CreateConnectionRequest {
        let ports = proto::Ports { source: 5, destination: 6 };
        let tuple = proto::Tuple {
            source: vec![10, 0, 0, 1],
            destination: vec![10, 0, 0, 2],
            layer4: Some(proto::tuple::Layer4::Ports(ports)),
            zone: 0,
        };
        proto::CreateConnectionRequest {
            family: proto::Family::Ipv4.into(),
            protocol: 6,
            original: Some(tuple),
            state: "ESTABLISHED".into(),
            ..Default::default()
        }
    }

    #[test]
    fn the_answer_is_the_reply_where_none_is_said() {
        let creation = read::<V4>(&asked()).unwrap();
        assert_eq!(creation.reply.destination, V4([10, 0, 0, 1]));
        assert_eq!(creation.reply.source_port.get(), 6);
        assert_eq!(creation.state, GivenState::Tcp(TcpConnectionState::Established));
        let zoned = proto::CreateConnectionRequest { zone: 7, ..asked() };
        let creation = read::<V4>(&zoned).unwrap();
        assert_eq!((creation.original.zone, creation.reply.zone), (Zone::new(7), Zone::new(7)));
    }

    #[test]
    fn what_is_no_connection_is_refused() {
        let wrong = |asked: proto::CreateConnectionRequest| read::<V4>(&asked).is_err();
        assert!(!wrong(asked()));
        assert!(wrong(proto::CreateConnectionRequest { original: None, ..asked() }));
        assert!(wrong(proto::CreateConnectionRequest { protocol: 256, ..asked() }));
        assert!(wrong(proto::CreateConnectionRequest { protocol: 1, ..asked() }), "it has ports");
        assert!(wrong(proto::CreateConnectionRequest { state: "OPEN".into(), ..asked() }));
        assert!(wrong(proto::CreateConnectionRequest { protocol: 17, ..asked() }), "a state");
        assert!(wrong(proto::CreateConnectionRequest { zone: 65_536, ..asked() }));
        let port = proto::NatFilter { address: None, port: Some(65_536) };
        assert!(wrong(proto::CreateConnectionRequest { source_nat: Some(port), ..asked() }));
        assert!(read::<V6>(&asked()).is_err(), "of the other family");
    }
}
