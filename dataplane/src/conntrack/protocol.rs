//! What the first packet of a connection means to its protocol, and how long connections of protocols
//! without windows rest.

use super::segment::Segment;
use super::tcp::{self, TcpOutcome};
use super::timeouts::ConntrackSettings;
use super::{Direction, FirstPacket, Status, icmp};
use crate::address::Address;
use crate::tuple::Tuple;
use crate::wire::layer4::{Layer4, Layer4Kind};
use crate::wire::parse::Headers;
use crate::wire::protocol;

/// Generic Routing Encapsulation.
const GRE: u8 = 47;

/// What a connection that begins with this packet starts from; none when the packet cannot begin one.
pub(super) fn first_packet<A: Address>(
    tuple: &Tuple<A>,
    layer4: &Layer4,
    data: &[u8],
    headers: &Headers,
    settings: &ConntrackSettings,
) -> Option<FirstPacket> {
    let timeout = match layer4.kind {
        Layer4Kind::Tcp(fields) => {
            return first_segment(&Segment { fields, data, headers, ack_shift: 0 }, settings);
        }
        Layer4Kind::Icmp { kind, .. } | Layer4Kind::Icmp6 { kind, .. } => {
            if !icmp::begins(tuple.protocol, kind) {
                return None;
            }
            rest(tuple.protocol, false, settings)
        }
        Layer4Kind::Udp { .. } | Layer4Kind::Other => rest(tuple.protocol, false, settings),
        Layer4Kind::OddTcp { .. } | Layer4Kind::Truncated => return None,
    };
    Some(FirstPacket { timeout, ..FirstPacket::default() })
}

fn first_segment(segment: &Segment<'_>, settings: &ConntrackSettings) -> Option<FirstPacket> {
    let (mut tcp, mut windows) = tcp::begin(segment, settings)?;
    let [sender, receiver] = &mut windows;
    let original = Direction::Original;
    let status = Status::default();
    match tcp::track(&mut tcp, sender, receiver, original, segment, status, settings) {
        TcpOutcome::Accept { timeout, .. } => {
            let timeout = timeout.unwrap_or(settings.tcp.of(tcp.state));
            Some(FirstPacket { tcp, windows, timeout })
        }
        TcpOutcome::Invalid { .. } | TcpOutcome::Kill | TcpOutcome::Reopen => None,
    }
}

/// Seconds that a connection without windows rests; `stream` when it is an exchange that lasts.
pub(super) const fn rest(protocol: u8, stream: bool, settings: &ConntrackSettings) -> u32 {
    match (protocol, stream) {
        (protocol::UDP | protocol::UDP_LITE, false) => settings.udp,
        (protocol::UDP | protocol::UDP_LITE, true) => settings.udp_stream,
        (GRE, false) => settings.gre,
        (GRE, true) => settings.gre_stream,
        (protocol::ICMP, _) => settings.icmp,
        (protocol::ICMPV6, _) => settings.icmpv6,
        _ => settings.generic,
    }
}

/// Seconds that a UDP exchange must last to be a stream (`nf_conntrack_proto_udp.c`).
pub(super) const STREAM_AFTER: u32 = 2;

/// How a protocol without windows becomes a stream once both ends have spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    /// After [`STREAM_AFTER`].
    Later,
    /// At once.
    Now,
    /// Never: it is not assured either.
    Never,
}

impl Stream {
    pub(super) const fn of(protocol: u8) -> Self {
        match protocol {
            protocol::UDP | protocol::UDP_LITE => Self::Later,
            GRE => Self::Now,
            _ => Self::Never,
        }
    }
}
