//! Reading layer-4 headers.

use super::parse::{Headers, is_icmp};
use super::{gre, protocol, u16_at, u32_at};
use crate::address::L4Port;

/// Ports and what the pipeline needs of the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layer4 {
    /// Source port; zero where there is none.
    pub source_port: L4Port,
    /// Destination port; zero where there is none.
    pub destination_port: L4Port,
    /// What it is.
    pub kind: Layer4Kind,
}

/// A layer-4 header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer4Kind {
    /// TCP.
    Tcp(TcpFields),
    /// UDP or UDP-Lite.
    Udp {
        /// The length field.
        length: u16,
    },
    /// ICMP.
    Icmp {
        /// Type.
        kind: u8,
        /// Code.
        code: u8,
        /// Identifier, of queries.
        id: L4Port,
        /// Sequence number, of queries.
        sequence: u16,
    },
    /// `ICMPv6`.
    Icmp6 {
        /// Type.
        kind: u8,
        /// Code.
        code: u8,
        /// Identifier, of queries.
        id: L4Port,
        /// Sequence number, of queries.
        sequence: u16,
    },
    /// GRE of version 1, as PPTP has it (RFC 2637 section 4.1).
    Gre {
        /// The call at its receiver; none where it carries something else than PPP.
        call: Option<L4Port>,
    },
    /// A protocol without a header the pipeline reads, or a later fragment.
    Other,
    /// A TCP header that says of itself that it is shorter or longer than it can be: nothing but its ports and flags can be
    /// asked for.
    OddTcp {
        /// As [`TcpFields::flags`].
        flags: u8,
    },
    /// The header is cut short.
    Truncated,
}

/// The fields of a TCP header (RFC 9293 section 3.1), in host order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TcpFields {
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgment number.
    pub ack: u32,
    /// FIN is bit 0, SYN 1, RST 2, PSH 3, ACK 4, URG 5, ECE 6, CWR 7.
    pub flags: u8,
    /// Window, unscaled.
    pub window: u16,
    /// Header length in bytes.
    pub data_offset: u8,
    /// Bytes of payload.
    pub payload_len: u16,
}

/// The options of a TCP header that connection tracking and SYNPROXY read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TcpOptions {
    /// Window scale, RFC 7323.
    pub window_scale: Option<u8>,
    /// SACK permitted, RFC 2018.
    pub sack_permitted: bool,
    /// Highest right edge of a SACK block.
    pub sack: Option<u32>,
    /// MSS.
    pub mss: Option<u16>,
    /// Timestamps, RFC 7323: the sender's own, and the one it echoes.
    pub timestamps: Option<[u32; 2]>,
}

/// Reads the layer-4 header. A later fragment has none.
#[must_use]
pub fn layer4(data: &[u8], headers: &Headers) -> Layer4 {
    let none =
        |kind| Layer4 { source_port: L4Port::default(), destination_port: L4Port::default(), kind };
    if !headers.is_first_fragment() {
        return none(Layer4Kind::Other);
    }
    // ICMP over IPv6, and ICMPv6 over IPv4, are just numbers.
    if matches!(headers.protocol, protocol::ICMP | protocol::ICMPV6) && !is_icmp(headers) {
        return none(Layer4Kind::Other);
    }
    read(headers.protocol, headers.payload(data)).unwrap_or(none(Layer4Kind::Truncated))
}

fn read(number: u8, payload: &[u8]) -> Option<Layer4> {
    let port = |at: usize| Some(L4Port::from_wire(*payload.get(at..)?.first_chunk()?));
    let kind = match number {
        protocol::TCP => {
            let flags = *payload.get(..20)?.get(13)?;
            tcp(payload).map_or(Layer4Kind::OddTcp { flags }, Layer4Kind::Tcp)
        }
        protocol::UDP | protocol::UDP_LITE => {
            payload.get(..8)?;
            Layer4Kind::Udp { length: u16_at(payload, 4)? }
        }
        protocol::SCTP => {
            payload.get(..12)?;
            Layer4Kind::Other
        }
        // Its keys are for connection tracking alone: rules see no ports.
        protocol::GRE => {
            let (source_port, destination_port) = Default::default();
            return Some(Layer4 { source_port, destination_port, kind: gre::kind(payload) });
        }
        // Its ports are for rules that ask; Linux 6.18 no longer tracks it, so that it is never too short.
        protocol::DCCP => {
            return Some(Layer4 {
                source_port: port(0).unwrap_or_default(),
                destination_port: port(2).unwrap_or_default(),
                kind: Layer4Kind::Other,
            });
        }
        protocol::ICMP | protocol::ICMPV6 => {
            let (kind, code) = (*payload.first()?, *payload.get(1)?);
            payload.get(..8)?;
            let (id, sequence) = (port(4)?, u16_at(payload, 6)?);
            let kind = if number == protocol::ICMP {
                Layer4Kind::Icmp { kind, code, id, sequence }
            } else {
                Layer4Kind::Icmp6 { kind, code, id, sequence }
            };
            return Some(Layer4 { source_port: id, destination_port: id, kind });
        }
        _ => {
            return Some(Layer4 {
                source_port: L4Port::default(),
                destination_port: L4Port::default(),
                kind: Layer4Kind::Other,
            });
        }
    };
    Some(Layer4 { source_port: port(0)?, destination_port: port(2)?, kind })
}

impl TcpFields {
    /// Of a segment of `length` bytes, header included: its sequence number and the eight bytes after that. None
    /// where the header claims to be shorter than one, or longer than the segment.
    #[inline]
    pub(crate) fn read(seq: u32, after_seq: &[u8; 8], length: u16) -> Option<Self> {
        let [a, b, c, d, offset, flags, e, f] = *after_seq;
        let data_offset = (offset >> 4) * 4;
        if data_offset < 20 {
            return None;
        }
        Some(Self {
            seq,
            ack: u32::from_be_bytes([a, b, c, d]),
            flags,
            window: u16::from_be_bytes([e, f]),
            data_offset,
            payload_len: length.checked_sub(u16::from(data_offset))?,
        })
    }
}

fn tcp(payload: &[u8]) -> Option<TcpFields> {
    let length = u16::try_from(payload.len()).ok()?;
    TcpFields::read(u32_at(payload, 4)?, payload.get(8..)?.first_chunk()?, length)
}

/// Reads the TCP options; what is malformed ends the reading.
#[must_use]
pub fn tcp_options(data: &[u8], headers: &Headers) -> TcpOptions {
    let payload = headers.payload(data);
    let length = payload.get(12).map_or(0, |offset| usize::from(offset >> 4) * 4);
    let mut rest = payload.get(20..length).unwrap_or_default();
    let mut found = TcpOptions::default();
    while let Some((&kind, after)) = rest.split_first() {
        let size = match kind {
            0 => break,
            1 => {
                rest = after;
                continue;
            }
            _ => after.first().map_or(0, |size| usize::from(*size)),
        };
        let Some(option) = rest.get(..size).filter(|_| size >= 2) else { break };
        match (kind, size) {
            (2, 4) => found.mss = u16_at(option, 2),
            // RFC 7323 section 2.3: more than 14 counts as 14.
            (3, 3) => found.window_scale = option.get(2).map(|scale| (*scale).min(14)),
            (4, 2) => found.sack_permitted = true,
            (8, 10) => {
                found.timestamps =
                    u32_at(option, 2).and_then(|own| Some([own, u32_at(option, 6)?]));
            }
            (5, _) => {
                found.sack = option
                    .get(2..)
                    .unwrap_or_default()
                    .chunks_exact(8)
                    .filter_map(|block| u32_at(block, 4))
                    .reduce(|a, b| if (b.wrapping_sub(a) as i32) > 0 { b } else { a });
            }
            _ => {}
        }
        rest = rest.get(size..).unwrap_or_default();
    }
    found
}
