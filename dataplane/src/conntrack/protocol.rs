//! What the first packet of a connection means to its protocol, and how long connections of protocols
//! without windows rest.

use super::sctp;
use super::segment::Segment;
use super::tcp::{self, TcpOutcome};
use super::timeouts::{ConntrackSettings, Timeouts};
use super::{Direction, FirstPacket, PolicyId, Status, Window, icmp};
use crate::address::Address;
use crate::tuple::Tuple;
use crate::wire::layer4::{Layer4, Layer4Kind};
use crate::wire::parse::Headers;
use crate::wire::protocol;

/// What a connection of that policy starts from that begins with this packet; none when the packet cannot begin one.
#[inline]
pub(super) fn first_packet<A: Address>(
    tuple: &Tuple<A>,
    layer4: &Layer4,
    data: &[u8],
    headers: &Headers,
    policy: PolicyId,
    settings: &ConntrackSettings,
) -> Option<FirstPacket> {
    let timeouts = settings.timeouts_of(policy);
    let timeout = match layer4.kind {
        Layer4Kind::Tcp(fields) => {
            let segment = Segment { fields, data, headers, ack_shift: 0, proxied: false };
            return first_segment(&segment, policy, settings);
        }
        Layer4Kind::Icmp { kind, .. } | Layer4Kind::Icmp6 { kind, .. } => {
            if !icmp::begins(tuple.protocol, kind) {
                return None;
            }
            rest(tuple.protocol, false, timeouts)
        }
        Layer4Kind::Other if tuple.protocol == protocol::SCTP => {
            let (state, timeout) = sctp::begin(headers.payload(data), &timeouts.sctp)?;
            let windows = [Window { policy, ..Window::default() }; 2];
            return Some(FirstPacket { tcp: state.into(), windows, timeout });
        }
        Layer4Kind::Udp { .. } | Layer4Kind::Gre { .. } | Layer4Kind::Other => {
            rest(tuple.protocol, false, timeouts)
        }
        Layer4Kind::OddTcp { .. } | Layer4Kind::Truncated => return None,
    };
    let windows = [Window { policy, ..Window::default() }; 2];
    Some(FirstPacket { timeout, windows, ..FirstPacket::default() })
}

fn first_segment(
    segment: &Segment<'_>,
    policy: PolicyId,
    settings: &ConntrackSettings,
) -> Option<FirstPacket> {
    let (mut tcp, mut windows) = tcp::begin(segment, settings)?;
    for window in &mut windows {
        window.policy = policy;
    }
    let [sender, receiver] = &mut windows;
    let original = Direction::Original;
    let status = Status::default();
    match tcp::track(&mut tcp, sender, receiver, original, segment, status, settings) {
        TcpOutcome::Accept { timeout, .. } => {
            let timeout = timeout.unwrap_or(settings.timeouts_of(policy).tcp.of(tcp.state));
            Some(FirstPacket { tcp, windows, timeout })
        }
        TcpOutcome::Invalid { .. } | TcpOutcome::Kill | TcpOutcome::Reopen => None,
    }
}

/// Seconds that a connection without windows rests; `stream` when it is an exchange that lasts.
pub(super) const fn rest(protocol: u8, stream: bool, timeouts: &Timeouts) -> u32 {
    match (protocol, stream) {
        (protocol::UDP | protocol::UDP_LITE, false) => timeouts.udp,
        (protocol::UDP | protocol::UDP_LITE, true) => timeouts.udp_stream,
        (protocol::GRE, false) => timeouts.gre,
        (protocol::GRE, true) => timeouts.gre_stream,
        (protocol::ICMP, _) => timeouts.icmp,
        (protocol::ICMPV6, _) => timeouts.icmpv6,
        _ => timeouts.generic,
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
            protocol::UDP => Self::Later,
            // `nf_conntrack_udplite_packet` knows nothing of streams that must last.
            protocol::UDP_LITE | protocol::GRE => Self::Now,
            _ => Self::Never,
        }
    }
}
