//! Which connections a request means.

use super::message::{GRE, Zones, has_ports, has_queries};
use crate::proto;
use ipnet::IpNet;
use sluice_dataplane::address::L4Port;
use sluice_dataplane::conntrack::{Listed, Status as Bits};
use sluice_dataplane::tuple::Tuple;
use sluice_dataplane::worker::Lanes;
use std::net::IpAddr;
use tonic::Status;

/// A filter whose addresses have been read. Every field that is set must match.
#[derive(Debug)]
pub(super) struct Filter {
    asked: proto::ConnectionFilter,
    lanes: Option<Lanes>,
    original: Ends,
    reply: Ends,
    source_nat: Option<Translated>,
    destination_nat: Option<Translated>,
    any_nat: Option<Translated>,
}

/// Addresses of one direction.
#[derive(Debug)]
struct Ends {
    source: Option<IpNet>,
    destination: Option<IpNet>,
}

/// What something was translated to.
#[derive(Debug)]
struct Translated {
    address: Option<IpNet>,
    port: Option<u32>,
}

fn net(name: &str, asked: Option<&proto::MaskedAddress>) -> Result<Option<IpNet>, Status> {
    let Some(asked) = asked.filter(|asked| !asked.address.is_empty()) else { return Ok(None) };
    let address = super::super::network::address(&asked.address).map_err(|status| {
        Status::invalid_argument(format!("filter.{name}: {}", status.message()))
    })?;
    let length = u8::try_from(asked.length).ok();
    match length.and_then(|length| IpNet::new(address, length).ok()) {
        Some(net) => Ok(Some(net)),
        None => Err(Status::invalid_argument(format!(
            "filter.{name}: a prefix length of {} is too long for {address}",
            asked.length
        ))),
    }
}

fn translated(name: &str, asked: Option<&proto::NatFilter>) -> Result<Option<Translated>, Status> {
    let Some(asked) = asked else { return Ok(None) };
    Ok(Some(Translated { address: net(name, asked.address.as_ref())?, port: asked.port }))
}

fn within(net: Option<&IpNet>, address: IpAddr) -> bool {
    net.is_none_or(|net| net.contains(&address))
}

fn is<T: PartialEq>(asked: Option<T>, found: T) -> bool {
    asked.is_none_or(|asked| asked == found)
}

impl Ends {
    fn matches(&self, tuple: &Tuple<IpAddr>) -> bool {
        within(self.source.as_ref(), tuple.source)
            && within(self.destination.as_ref(), tuple.destination)
    }
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// INVALID_ARGUMENT names the field that is wrong.
    pub(super) fn read(asked: proto::ConnectionFilter) -> Result<Self, Status> {
        let lanes = match proto::Family::try_from(asked.family) {
            Ok(proto::Family::Unspecified) => None,
            Ok(proto::Family::Ipv4) => Some(Lanes::V4),
            Ok(proto::Family::Ipv6) => Some(Lanes::V6),
            Err(_) => return Err(Status::invalid_argument("family: no such family")),
        };
        Ok(Self {
            lanes,
            original: Ends {
                source: net("original_source", asked.original_source.as_ref())?,
                destination: net("original_destination", asked.original_destination.as_ref())?,
            },
            reply: Ends {
                source: net("reply_source", asked.reply_source.as_ref())?,
                destination: net("reply_destination", asked.reply_destination.as_ref())?,
            },
            source_nat: translated("source_nat", asked.source_nat.as_ref())?,
            destination_nat: translated("destination_nat", asked.destination_nat.as_ref())?,
            any_nat: translated("any_nat", asked.any_nat.as_ref())?,
            asked,
        })
    }

    /// Whether connections of that family can match.
    pub(super) fn has(&self, lanes: Lanes) -> bool {
        is(self.lanes, lanes)
    }

    /// Whether a connection is of the family asked for.
    pub(super) fn is_of_family(&self, listed: &Listed) -> bool {
        self.has(if listed.original.source.is_ipv4() { Lanes::V4 } else { Lanes::V6 })
    }

    /// Whether a connection matches.
    pub(super) fn matches(&self, listed: &Listed) -> bool {
        let (asked, zones) = (&self.asked, Zones::of(listed));
        is(asked.protocol, listed.original.protocol.into())
            && self.original.matches(&listed.original)
            && self.reply.matches(&listed.reply)
            && self.ports(listed)
            && self.query(&listed.original)
            && (asked.state.is_empty() || asked.state == listed.state)
            && asked.mark.is_none_or(|mark| listed.mark & mark.mask == mark.value)
            && is(asked.zone, zones.both)
            && is(asked.original_zone, zones.original)
            && is(asked.reply_zone, zones.reply)
            && is(asked.assured, listed.status.has(Bits::ASSURED))
            && is(asked.seen_reply, listed.status.has(Bits::SEEN_REPLY))
            && is(asked.expected, listed.status.has(Bits::EXPECTED))
            && is(asked.offload, false)
            && self.translation(listed)
    }

    fn ports(&self, listed: &Listed) -> bool {
        let (asked, original, reply) = (&self.asked, &listed.original, &listed.reply);
        [
            (asked.original_source_port, original.source_port),
            (asked.original_destination_port, original.destination_port),
            (asked.reply_source_port, reply.source_port),
            (asked.reply_destination_port, reply.destination_port),
        ]
        .into_iter()
        .filter_map(|(asked, found)| Some((asked?, found)))
        .all(|(asked, found)| {
            let there = has_ports(original.protocol) || original.protocol == GRE;
            there && asked == u32::from(found.get())
        })
    }

    /// Queries are told apart by type and id; their code is always zero.
    fn query(&self, original: &Tuple<IpAddr>) -> bool {
        [
            (self.asked.icmp_type, u32::from(original.icmp)),
            (self.asked.icmp_code, 0),
            (self.asked.icmp_id, original.source_port.get().into()),
        ]
        .into_iter()
        .filter_map(|(asked, found)| Some((asked?, found)))
        .all(|(asked, found)| has_queries(original.protocol) && asked == found)
    }

    /// A translated source is where answers go to; a translated destination where they come from. An address or a port that
    /// is asked for has to be another than before.
    fn translation(&self, listed: &Listed) -> bool {
        let (original, reply) = (&listed.original, &listed.reply);
        let became = |to: &Translated, address: [IpAddr; 2], port: [L4Port; 2]| {
            to.address
                .as_ref()
                .is_none_or(|net| address[0] != address[1] && net.contains(&address[1]))
                && to
                    .port
                    .is_none_or(|wanted| port[0] != port[1] && wanted == u32::from(port[1].get()))
        };
        let source = |to: &Translated| {
            let addresses = [original.source, reply.destination];
            let ports = [original.source_port, reply.destination_port];
            listed.status.has(Bits::SRC_NAT) && became(to, addresses, ports)
        };
        let destination = |to: &Translated| {
            let addresses = [original.destination, reply.source];
            let ports = [original.destination_port, reply.source_port];
            listed.status.has(Bits::DST_NAT) && became(to, addresses, ports)
        };
        self.source_nat.as_ref().is_none_or(source)
            && self.destination_nat.as_ref().is_none_or(destination)
            && self.any_nat.as_ref().is_none_or(|to| source(to) || destination(to))
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::masqueraded;
    use super::*;
    use proto::{ConnectionFilter as Asked, MaskedAddress, MaskedMark, NatFilter};

    fn passes(asked: Asked) -> bool {
        Filter::read(asked).unwrap().matches(&masqueraded())
    }

    fn masked(address: [u8; 4], length: u32) -> Option<MaskedAddress> {
        Some(MaskedAddress { address: address.to_vec(), length })
    }

    #[test]
    fn no_condition_matches_everything() {
        assert!(passes(Asked::default()));
    }

    #[test]
    fn each_direction_has_its_own_addresses() {
        let source = masked([10, 0, 0, 0], 8);
        assert!(passes(Asked { original_source: source.clone(), ..Default::default() }));
        assert!(!passes(Asked { reply_source: source, ..Default::default() }));
        let destination = masked([198, 51, 100, 1], 32);
        assert!(passes(Asked { reply_destination: destination.clone(), ..Default::default() }));
        assert!(!passes(Asked { original_destination: destination, ..Default::default() }));
    }

    #[test]
    fn a_prefix_of_length_zero_is_everything_of_that_family() {
        assert!(passes(Asked { original_source: masked([0; 4], 0), ..Default::default() }));
        let six = Some(MaskedAddress { address: vec![0; 16], length: 0 });
        assert!(!passes(Asked { original_source: six, ..Default::default() }));
    }

    #[test]
    fn what_is_no_address_is_refused_by_name() {
        for (address, length) in [(vec![10, 0, 0], 8), (vec![10, 0, 0, 0], 33)] {
            let reply_source = Some(MaskedAddress { address, length });
            let refused = Filter::read(Asked { reply_source, ..Default::default() }).unwrap_err();
            assert_eq!(refused.code(), tonic::Code::InvalidArgument);
            assert!(refused.message().starts_with("filter.reply_source: "), "{refused}");
        }
    }

    #[test]
    fn ports_belong_to_protocols_that_have_them() {
        let port = |port| Asked { original_destination_port: Some(port), ..Default::default() };
        assert!(passes(port(80)));
        assert!(!passes(port(81)));
        let mut query = masqueraded();
        query.original.protocol = 1;
        assert!(!Filter::read(port(80)).unwrap().matches(&query));
        let id = Filter::read(Asked { icmp_id: Some(40000), ..Default::default() }).unwrap();
        assert!(id.matches(&query) && !id.matches(&masqueraded()));
    }

    #[test]
    fn translation_is_selected_by_what_it_became() {
        let to = |address, port| Some(NatFilter { address, port });
        let own = masked([198, 51, 100, 1], 32);
        assert!(passes(Asked { source_nat: to(own.clone(), Some(1024)), ..Default::default() }));
        assert!(passes(Asked { any_nat: to(own.clone(), None), ..Default::default() }));
        assert!(!passes(Asked { source_nat: to(own, Some(1025)), ..Default::default() }));
        assert!(!passes(Asked { destination_nat: to(None, None), ..Default::default() }));
    }

    #[test]
    fn a_zone_of_one_direction_is_not_the_connections() {
        let passes = |original, reply, asked: Asked| {
            let mut listed = masqueraded();
            listed.original.zone = sluice_dataplane::tuple::Zone::new(original);
            listed.reply.zone = sluice_dataplane::tuple::Zone::new(reply);
            Filter::read(asked).unwrap().matches(&listed)
        };
        let zone = |zone| Asked { zone: Some(zone), ..Default::default() };
        let original = |zone| Asked { original_zone: Some(zone), ..Default::default() };
        assert!(passes(5, 5, zone(5)) && !passes(5, 5, zone(0)) && !passes(5, 5, original(5)));
        assert!(passes(6, 0, original(6)) && passes(6, 0, zone(0)) && !passes(6, 0, zone(6)));
    }

    #[test]
    fn marks_and_states_and_absences_match() {
        let mark =
            |value, mask| Asked { mark: Some(MaskedMark { value, mask }), ..Default::default() };
        assert!(passes(mark(0x10, 0xf0)));
        assert!(!passes(mark(0x20, 0xf0)));
        assert!(passes(Asked { state: "ESTABLISHED".into(), ..Default::default() }));
        assert!(!passes(Asked { state: "CLOSE".into(), ..Default::default() }));
        assert!(passes(Asked { assured: Some(false), ..Default::default() }));
        assert!(!passes(Asked { seen_reply: Some(true), ..Default::default() }));
    }
}
