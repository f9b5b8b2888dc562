//! The message of a packet: where it stands, and parts of it that become others.

use super::super::{Family, Lane};
use crate::address::{Address, IpVersion};
use crate::conntrack::FlowRef;
use crate::drop_reason::DropReason;
use crate::flight::{Flight, Stop};
use crate::packet::Packet;
use crate::wire::layer4::Layer4Kind;
use crate::wire::text;
use std::ops::Range;

const UDP_HEADER: usize = 8;

/// The message of a TCP segment or a UDP datagram, as far as the first frame [holds](Flight::gather) it; empty in others.
pub(super) fn message<A: Address, P: Packet>(flight: &Flight<A, P>) -> &[u8] {
    let place = place(flight);
    flight.lead.data().get(place).unwrap_or_default()
}

/// Where in the first frame.
pub(super) fn place<A: Address, P: Packet>(flight: &Flight<A, P>) -> Range<usize> {
    let (l4, end) = (usize::from(flight.headers.l4), usize::from(flight.headers.end));
    let header = match flight.layer4.kind {
        Layer4Kind::Tcp(tcp) => tcp.data_offset.into(),
        Layer4Kind::Udp { .. } => UDP_HEADER,
        Layer4Kind::Icmp { .. }
        | Layer4Kind::Icmp6 { .. }
        | Layer4Kind::Gre { .. }
        | Layer4Kind::Other
        | Layer4Kind::OddTcp { .. }
        | Layer4Kind::Truncated => end - l4.min(end),
    };
    l4 + header..end
}

/// Has the first frame hold the whole message; false where it cannot. Where the kernel `joins` it to read it, it cuts it
/// anew afterwards.
pub(super) fn gather<A: Address, P: Packet>(flight: &mut Flight<A, P>, joins: bool) -> bool {
    let gathered = flight.gather();
    flight.recut |= gathered && joins && A::VERSION == IpVersion::V4 && !flight.rest.is_empty();
    gathered
}

/// Whether the message can be changed: nothing here cuts a datagram of IPv6 anew.
pub(super) fn is_writable<A: Address, P: Packet>(flight: &Flight<A, P>) -> bool {
    flight.rest.is_empty() || A::VERSION == IpVersion::V4
}

/// Writes `text` in place of a part of the message, which was gathered. Gives by how much it has grown, modulo 2³²; none, and
/// nothing changed, where there is no room.
pub(super) fn rewrite<A: Family, P: Packet>(
    flight: &mut Flight<A, P>,
    part: Range<usize>,
    text: &[u8],
) -> Option<u32> {
    let start = place(flight).start;
    let part = start + part.start..start + part.end;
    let grown = text::replace(&mut flight.lead, &mut flight.headers, part, text)?;
    flight.keep_gathered();
    flight.length = flight.length.wrapping_add(grown);
    flight.reread();
    Some(grown)
}

impl<A: Family> Lane<A> {
    /// Writes `text` in place of a part of the message of `flow`, which was gathered; false, and nothing changed, where there
    /// is no room.
    pub(super) fn replace<P: Packet>(
        &mut self,
        flight: &mut Flight<A, P>,
        flow: FlowRef,
        part: Range<usize>,
        text: &[u8],
    ) -> bool {
        let kind = flight.layer4.kind;
        let Some(grown) = rewrite(flight, part, text) else { return false };
        if let Layer4Kind::Tcp(tcp) = kind {
            self.conntrack.grow(flow, tcp.seq, grown);
        }
        true
    }

    /// The same, of a part that announces what `flow` has just been made to expect, which it does not where there is no room.
    pub(super) fn replace_announced<P: Packet>(
        &mut self,
        flight: &mut Flight<A, P>,
        flow: FlowRef,
        part: Range<usize>,
        text: &[u8],
    ) -> Result<(), Stop> {
        if self.replace(flight, flow, part, text) {
            return Ok(());
        }
        self.conntrack.expect_not(flow);
        Err(Stop::Drop(DropReason::Helper))
    }
}
