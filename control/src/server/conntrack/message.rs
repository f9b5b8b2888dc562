//! Connections in the interface's words.

use crate::proto;
use sluice_dataplane::conntrack::{Carried, Listed, Status};
use sluice_dataplane::ids::WorkerId;
use sluice_dataplane::tuple::Tuple;
pub(super) use sluice_dataplane::wire::protocol::GRE;
use sluice_dataplane::wire::protocol::{DCCP, ICMP, ICMPV6, SCTP, TCP, UDP, UDP_LITE};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;

/// 4 or 16 bytes in network byte order.
pub(in crate::server) fn bytes(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

/// Whether a protocol's tuples hold ports.
pub(super) const fn has_ports(protocol: u8) -> bool {
    matches!(protocol, TCP | UDP | DCCP | SCTP | UDP_LITE)
}

/// Whether a protocol's tuples hold a query's type and id.
pub(super) const fn has_queries(protocol: u8) -> bool {
    matches!(protocol, ICMP | ICMPV6)
}

/// `zone`: of this direction alone.
pub(super) fn tuple(from: &Tuple<IpAddr>, zone: u32) -> proto::Tuple {
    use proto::tuple::Layer4;
    let (source, destination) = (from.source_port.get().into(), from.destination_port.get().into());
    let layer4 = match from.protocol {
        protocol if has_ports(protocol) => {
            Some(Layer4::Ports(proto::Ports { source, destination }))
        }
        protocol if has_queries(protocol) => {
            Some(Layer4::Icmp(proto::IcmpQuery { r#type: from.icmp.into(), code: 0, id: source }))
        }
        GRE => Some(Layer4::Gre(proto::GreKeys { source, destination })),
        _ => None,
    };
    proto::Tuple { source: bytes(from.source), destination: bytes(from.destination), layer4, zone }
}

/// Zones as they are said: one for both directions, or one for each alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Zones {
    pub(super) both: u32,
    pub(super) original: u32,
    pub(super) reply: u32,
}

impl Zones {
    pub(super) fn of(listed: &Listed) -> Self {
        let (original, reply) = (listed.original.zone.get().into(), listed.reply.zone.get().into());
        match original == reply {
            true => Self { both: original, original: 0, reply: 0 },
            false => Self { both: 0, original, reply },
        }
    }
}

const fn counters(carried: Carried) -> proto::DirectionCounters {
    proto::DirectionCounters { packets: carried.packets, bytes: carried.bytes }
}

/// One connection of a worker.
pub(in crate::server) fn connection(worker: WorkerId, listed: &Listed) -> proto::Connection {
    let has = |bit| listed.status.has(bit);
    let zones = Zones::of(listed);
    let mut id = DefaultHasher::new();
    (listed.original, listed.reply).hash(&mut id);
    let family = match listed.original.source {
        IpAddr::V4(_) => proto::Family::Ipv4,
        IpAddr::V6(_) => proto::Family::Ipv6,
    };
    proto::Connection {
        family: family.into(),
        protocol: listed.original.protocol.into(),
        timeout_s: listed.timeout_s,
        state: listed.state.to_owned(),
        original: Some(tuple(&listed.original, zones.original)),
        reply: Some(tuple(&listed.reply, zones.reply)),
        status: Some(proto::ConnectionStatus {
            seen_reply: has(Status::SEEN_REPLY),
            assured: has(Status::ASSURED),
            confirmed: has(Status::CONFIRMED),
            source_nat: has(Status::SRC_NAT),
            destination_nat: has(Status::DST_NAT),
            dying: has(Status::DYING),
            expected: has(Status::EXPECTED),
            offload: false,
        }),
        mark: listed.mark,
        zone: zones.both,
        original_counters: listed.account.map(|account| counters(account.original)),
        reply_counters: listed.account.map(|account| counters(account.reply)),
        r#use: 1,
        worker: worker.0.into(),
        // As wide as the kernel's.
        id: id.finish() & u64::from(u32::MAX),
        helper: listed.helper.map_or_else(String::new, |helper| helper.name().to_owned()),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use sluice_dataplane::address::L4Port;
    use sluice_dataplane::ids::InterfaceId;
    use sluice_dataplane::tuple::Zone;

    /// 10.0.0.2:40000 to 192.0.2.80:80, masqueraded as 198.51.100.1:1024.
    pub(in super::super) fn masqueraded() -> Listed {
        let original = Tuple {
            source: IpAddr::from([10, 0, 0, 2]),
            destination: IpAddr::from([192, 0, 2, 80]),
            source_port: L4Port::new(40000),
            destination_port: L4Port::new(80),
            protocol: TCP,
            icmp: 0,
            zone: Zone::default(),
        };
        let reply = Tuple {
            source: original.destination,
            destination: IpAddr::from([198, 51, 100, 1]),
            source_port: original.destination_port,
            destination_port: L4Port::new(1024),
            ..original
        };
        Listed {
            original,
            reply,
            timeout_s: 431_999,
            state: "ESTABLISHED",
            status: Status::SRC_NAT,
            mark: 0x17,
            egress: InterfaceId(1),
            account: None,
            helper: None,
        }
    }

    #[test]
    fn ports_addresses_and_translation_are_said() {
        let said = connection(WorkerId(3), &masqueraded());
        let reply = said.reply.clone().unwrap();
        assert_eq!(reply.destination, [198, 51, 100, 1]);
        let ports = proto::Ports { source: 80, destination: 1024 };
        assert_eq!(reply.layer4, Some(proto::tuple::Layer4::Ports(ports)));
        assert_eq!((said.worker, said.family()), (3, proto::Family::Ipv4));
        let status = said.status.as_ref().unwrap();
        assert!(status.source_nat && !status.destination_nat && !status.assured);
    }

    #[test]
    fn a_zone_is_said_of_the_connection_or_of_its_direction() {
        let said = |original, reply| {
            let mut listed = masqueraded();
            (listed.original.zone, listed.reply.zone) = (Zone::new(original), Zone::new(reply));
            let said = connection(WorkerId(0), &listed);
            (said.zone, said.original.unwrap().zone, said.reply.unwrap().zone)
        };
        assert_eq!(said(5, 5), (5, 0, 0));
        assert_eq!(said(6, 0), (0, 6, 0));
        assert_eq!(said(0, 7), (0, 0, 7));
    }

    #[test]
    fn a_query_has_a_type_and_an_id() {
        let mut listed = masqueraded();
        listed.original.protocol = ICMP;
        listed.original.icmp = 8;
        let said = connection(WorkerId(0), &listed).original.unwrap().layer4;
        let query = proto::IcmpQuery { r#type: 8, code: 0, id: 40000 };
        assert_eq!(said, Some(proto::tuple::Layer4::Icmp(query)));
    }
}
