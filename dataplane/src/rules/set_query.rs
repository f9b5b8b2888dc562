//! A packet as sets see it.

use super::View;
use crate::address::{Address, IpVersion, Mac};
use crate::ids::InterfaceId;
use crate::sets::Query;
use crate::wire::layer4::Layer4Kind;
use crate::wire::protocol;

/// What a set may look for in a packet.
pub(super) fn of<'v, A: Address>(view: &'v View<'_, A>) -> Query<'v> {
    let name = |id: Option<InterfaceId>| {
        let interface = id.and_then(|id| view.around.interfaces.get(id));
        interface.map_or("", |interface| interface.name.as_str())
    };
    let from_wire = view.ingress != InterfaceId::HOST;
    Query {
        version: A::VERSION,
        source: view.source.to_bits(),
        destination: view.destination.to_bits(),
        ports: ports(view),
        protocol: view.headers.protocol,
        mark: view.mark.get(),
        macs: macs(view.data).filter(|_| from_wire),
        ingress: name(Some(view.ingress).filter(|_| from_wire)),
        egress: name(view.egress),
        length: view.length,
        now: view.around.now,
        fleeting: Some(&view.fleeting),
    }
}

/// Kernel `ip_set_get_ip_port`.
fn ports<A: Address>(view: &View<'_, A>) -> Option<(u16, u16)> {
    let number = view.headers.protocol;
    // Kernel `ipv6_skip_exthdr` finds nothing behind the headers.
    let is_nothing = A::VERSION == IpVersion::V6 && number == protocol::NO_NEXT_HEADER;
    if view.is_later_fragment() || is_nothing {
        return None;
    }
    let with_ports = [protocol::TCP, protocol::UDP, protocol::SCTP, protocol::UDP_LITE];
    match view.layer4.kind {
        Layer4Kind::Icmp { kind, code, .. } | Layer4Kind::Icmp6 { kind, code, .. } => {
            let both = u16::from_be_bytes([kind, code]);
            Some((both, both))
        }
        Layer4Kind::Truncated => None,
        Layer4Kind::Tcp(_)
        | Layer4Kind::OddTcp { .. }
        | Layer4Kind::Udp { .. }
        | Layer4Kind::Gre { .. }
        | Layer4Kind::Other => {
            let ports = (view.layer4.source_port.get(), view.layer4.destination_port.get());
            Some(if with_ports.contains(&number) { ports } else { (0, 0) })
        }
    }
}

/// Source and destination MAC.
fn macs(frame: &[u8]) -> Option<(Mac, Mac)> {
    let (to, from) = (frame.first_chunk()?, frame.get(6..)?.first_chunk()?);
    Some((Mac(*from), Mac(*to)))
}
