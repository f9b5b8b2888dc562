//! Which tuple a packet has, and which its answer: the kernel's `nf_ct_get_tuple` and
//! `nf_ct_invert_tuple`.

use super::icmp;
use crate::address::{Address, IpVersion, L4Port};
use crate::tuple::{Tuple, Zone};
use crate::wire::layer4::{Layer4, Layer4Kind};
use crate::wire::protocol;

/// The tuple of a packet; none when it cannot belong to a connection: a header cut short, an ICMP
/// message that is no query, or GRE that PPTP knows nothing of. The source key of GRE is not in the packet.
#[must_use]
pub fn tuple_of<A: Address>(
    source: A,
    destination: A,
    protocol: u8,
    layer4: &Layer4,
) -> Option<Tuple<A>> {
    let ports = (layer4.source_port, layer4.destination_port);
    let (icmp, (source_port, destination_port)) = match layer4.kind {
        Layer4Kind::Icmp { kind, .. } | Layer4Kind::Icmp6 { kind, .. } => {
            icmp::answer(protocol, kind)?;
            (kind, ports)
        }
        Layer4Kind::Tcp(_) | Layer4Kind::Udp { .. } => (0, ports),
        // DCCP is a protocol without ports to connection tracking since Linux 6.18.
        Layer4Kind::Other if protocol == protocol::DCCP => Default::default(),
        Layer4Kind::Other => (0, ports),
        Layer4Kind::Gre { call } => (0, (L4Port::default(), call?)),
        Layer4Kind::OddTcp { .. } | Layer4Kind::Truncated => return None,
    };
    // No next header: there is nothing to track.
    if A::VERSION == IpVersion::V6 && protocol == protocol::NO_NEXT_HEADER {
        return None;
    }
    Some(Tuple {
        source,
        destination,
        source_port,
        destination_port,
        protocol,
        icmp,
        zone: Zone::default(),
    })
}

/// Whether packets that have no tuple are UNTRACKED rather than INVALID.
#[must_use]
pub fn is_untracked_protocol(protocol: u8, layer4: &Layer4) -> bool {
    match layer4.kind {
        Layer4Kind::Icmp { kind, .. } | Layer4Kind::Icmp6 { kind, .. } => {
            icmp::is_untracked(protocol, kind)
        }
        Layer4Kind::Tcp(_)
        | Layer4Kind::OddTcp { .. }
        | Layer4Kind::Udp { .. }
        | Layer4Kind::Gre { .. }
        | Layer4Kind::Other
        | Layer4Kind::Truncated => false,
    }
}

/// The tuple of the answer to `tuple`, before NAT; none for an ICMP type that has no answer.
#[must_use]
#[inline]
pub fn reply_of<A: Address>(tuple: &Tuple<A>) -> Option<Tuple<A>> {
    let icmp = match tuple.protocol {
        protocol::ICMP | protocol::ICMPV6 => icmp::answer(tuple.protocol, tuple.icmp)?,
        _ => 0,
    };
    Some(Tuple { icmp, ..tuple.reversed() })
}
