//! ICMP and `ICMPv6` errors: when they may be sent, how they are built, what they quote.
//! RFC 1812 section 4.3, RFC 4443 section 2.4, kernel `icmp_send`.

use super::layer4::{Layer4, layer4};
use super::options::Refused;
use super::parse::{Headers, is_icmp, walk_extensions};
use super::{checksum, protocol, put};
use crate::address::{Address, IpVersion, V4, V6};
use crate::packet::Packet;
use std::net::IpAddr;

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum IcmpError {
    NetUnreachable,
    HostUnreachable,
    ProtocolUnreachable,
    PortUnreachable,
    FragmentationNeeded { mtu: u16 },
    NetProhibited,
    HostProhibited,
    AdminProhibited,
    TimeExceeded,
    ReassemblyTimeExceeded,
    ParameterProblem { pointer: u8 },
    Redirect { gateway: V4, host: bool },
    V6NoRoute,
    V6AdminProhibited,
    V6BeyondScope,
    V6AddressUnreachable,
    V6PortUnreachable,
    V6PolicyFail,
    V6RejectRoute,
    V6PacketTooBig { mtu: u32 },
    V6HopLimit,
    V6ReassemblyTime,
    V6ParameterProblem { code: u8, pointer: u32 },
}

impl IcmpError {
    /// Type, code, and the four bytes that follow the checksum.
    #[must_use]
    pub const fn parts(self) -> (u8, u8, u32) {
        match self {
            Self::NetUnreachable => (3, 0, 0),
            Self::HostUnreachable => (3, 1, 0),
            Self::ProtocolUnreachable => (3, 2, 0),
            Self::PortUnreachable => (3, 3, 0),
            Self::FragmentationNeeded { mtu } => (3, 4, mtu as u32),
            Self::NetProhibited => (3, 9, 0),
            Self::HostProhibited => (3, 10, 0),
            Self::AdminProhibited => (3, 13, 0),
            Self::TimeExceeded => (11, 0, 0),
            Self::ReassemblyTimeExceeded => (11, 1, 0),
            Self::ParameterProblem { pointer } => (12, 0, (pointer as u32) << 24),
            Self::Redirect { gateway, host } => (5, host as u8, u32::from_be_bytes(gateway.0)),
            Self::V6NoRoute => (1, 0, 0),
            Self::V6AdminProhibited => (1, 1, 0),
            Self::V6BeyondScope => (1, 2, 0),
            Self::V6AddressUnreachable => (1, 3, 0),
            Self::V6PortUnreachable => (1, 4, 0),
            Self::V6PolicyFail => (1, 5, 0),
            Self::V6RejectRoute => (1, 6, 0),
            Self::V6PacketTooBig { mtu } => (2, 0, mtu),
            Self::V6HopLimit => (3, 0, 0),
            Self::V6ReassemblyTime => (3, 1, 0),
            Self::V6ParameterProblem { code, pointer } => (4, code, pointer),
        }
    }

    /// The ICMP type.
    #[must_use]
    pub const fn kind(self) -> u8 {
        self.parts().0
    }
}

/// Whether a type is an error, about which no error may be sent.
const fn is_error(version: IpVersion, kind: u8) -> bool {
    match version {
        // Kernel icmp_pointers: everything that is not a known query.
        IpVersion::V4 => !matches!(kind, 0 | 8 | 13..=18),
        IpVersion::V6 => kind < 128 || kind == 137,
    }
}

/// Whether an error may be sent about this packet, as far as its headers tell; the caller knows what is sent to many.
#[must_use]
pub fn may_answer(data: &[u8], headers: &Headers) -> bool {
    // RFC 1812 section 4.3.2.7. ICMPv6 has no such rule: path MTU discovery needs the answer.
    if headers.version == IpVersion::V4 && !headers.is_first_fragment() {
        return false;
    }
    let source = match headers.version {
        IpVersion::V4 => headers.source::<V4>(data).to_ip(),
        IpVersion::V6 => headers.source::<V6>(data).to_ip(),
    };
    let is_broadcast = matches!(source, IpAddr::V4(v4) if v4.is_broadcast());
    let is_nobody = source.is_unspecified() || source.is_loopback();
    if is_nobody || source.is_multicast() || is_broadcast {
        return false;
    }
    if !is_icmp(headers) || !headers.is_first_fragment() {
        return true;
    }
    headers.payload(data).first().is_some_and(|&kind| !is_error(headers.version, kind))
}

/// The headers of the packet an ICMP error quotes: for each error of kernel `nf_conntrack_icmp`, with
/// at least eight bytes of the quoted layer-4 header.
#[must_use]
pub fn quoted(data: &[u8], headers: &Headers) -> Option<(Headers, Layer4)> {
    if !is_icmp(headers) || !headers.is_first_fragment() {
        return None;
    }
    let kind = *headers.payload(data).first()?;
    let carries_quote = match headers.version {
        IpVersion::V4 => matches!(kind, 3 | 4 | 5 | 11 | 12),
        IpVersion::V6 => kind < 128,
    };
    if !carries_quote {
        return None;
    }
    let at = usize::from(headers.l4) + 8;
    let quote = data.get(..usize::from(headers.end))?;
    let inner = quoted_headers(quote, at, headers.version)?;
    let ports = quoted_ports(quote, &inner);
    Some((inner, ports))
}

/// The quote is cut short, so its length fields cannot be trusted: only the fixed parts are read.
fn quoted_headers(quote: &[u8], at: usize, version: IpVersion) -> Option<Headers> {
    let first = *quote.get(at)?;
    let end = u16::try_from(quote.len()).ok()?;
    let at_protocol = |header: usize, next: usize| {
        Some(Headers {
            version,
            l3: u16::try_from(at).ok()?,
            l4: u16::try_from(at + header).ok()?,
            end,
            protocol: *quote.get(at + next)?,
            ttl: 0,
            tos: 0,
            fragment: None,
            options: false,
            authenticated: false,
        })
    };
    let mut inner = match version {
        IpVersion::V4 if first >> 4 == 4 && first & 0xf >= 5 => {
            if super::u16_at(quote, at + 6)? & 0x1fff != 0 {
                return None;
            }
            at_protocol(usize::from(first & 0xf) * 4, 9)?
        }
        IpVersion::V6 if first >> 4 == 6 => {
            let mut inner = at_protocol(40, 6)?;
            walk_extensions(quote, &mut inner).ok()?;
            inner
        }
        IpVersion::V4 | IpVersion::V6 => return None,
    };
    // The kernel's nf_ct_get_tuple reads an ICMP header whole, ports from the first four bytes, and nothing of others.
    let needed = match inner.protocol {
        _ if is_icmp(&inner) => 8,
        protocol::TCP | protocol::UDP | protocol::UDP_LITE | protocol::SCTP => 4,
        _ => 0,
    };
    if !inner.is_first_fragment() || usize::from(inner.l4) + needed > quote.len() {
        return None;
    }
    inner.fragment = None;
    inner.options = false;
    Some(inner)
}

/// Ports of a quote that may hold but four bytes of layer 4.
fn quoted_ports(quote: &[u8], inner: &Headers) -> Layer4 {
    use super::layer4::{Layer4Kind, TcpFields};
    use crate::address::L4Port;
    if inner.protocol != protocol::TCP
        && inner.protocol != protocol::UDP
        && inner.protocol != protocol::UDP_LITE
        && inner.protocol != protocol::SCTP
    {
        return layer4(quote, inner);
    }
    let payload = inner.payload(quote);
    let port = |at: usize| {
        payload
            .get(at..)
            .and_then(|p| p.first_chunk())
            .map_or(L4Port::default(), |p| L4Port::from_wire(*p))
    };
    let kind = if inner.protocol == protocol::TCP {
        Layer4Kind::Tcp(TcpFields::default())
    } else {
        Layer4Kind::Other
    };
    Layer4 { source_port: port(0), destination_port: port(2), kind }
}

/// Writes the error about `about` as an IP packet behind room for an Ethernet header. False when it
/// does not fit the buffer.
pub fn build<P: Packet>(
    out: &mut P,
    about: &[u8],
    headers: &Headers,
    error: IcmpError,
    source: IpAddr,
    ttl: u8,
    id: u16,
) -> bool {
    const ETHERNET: usize = 14;
    let whole = about.get(usize::from(headers.l3)..usize::from(headers.end)).unwrap_or_default();
    let refused = match source {
        IpAddr::V4(own) if headers.options => Some(Refused::read(about, headers, V4(own.octets()))),
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    };
    let echoed = refused.as_ref().map_or(&[][..], Refused::echoed);
    let (header_size, limit) = match headers.version {
        IpVersion::V4 => (20 + echoed.len(), 576),
        IpVersion::V6 => (40, 1280),
    };
    let quote = whole.get(..whole.len().min(limit - header_size - 8)).unwrap_or_default();
    let total = header_size + 8 + quote.len();
    if !out.append(ETHERNET + total) {
        return false;
    }
    let (kind, code, rest) = error.parts();
    let l4 = ETHERNET + header_size;
    let data = out.data_mut();
    put(data, l4, &[kind, code, 0, 0]);
    put(data, l4 + 4, &rest.to_be_bytes());
    put(data, l4 + 8, quote);
    if let Some(refused) = &refused {
        put(data, l4 + 8, refused.header());
    }
    let destination = about
        .get(usize::from(headers.l3)..)
        .and_then(|packet| match headers.version {
            IpVersion::V4 => packet.get(12..16),
            IpVersion::V6 => packet.get(8..24),
        })
        .unwrap_or_default();
    let built = Headers {
        version: headers.version,
        l3: ETHERNET as u16,
        l4: l4 as u16,
        end: (ETHERNET + total) as u16,
        protocol: if headers.version == IpVersion::V4 { protocol::ICMP } else { protocol::ICMPV6 },
        ttl,
        tos: 0,
        fragment: None,
        options: !echoed.is_empty(),
        authenticated: false,
    };
    match (headers.version, source) {
        (IpVersion::V4, IpAddr::V4(source)) => {
            super::ethernet::write_header(
                data,
                Default::default(),
                Default::default(),
                None,
                0x0800,
            );
            // RFC 1812 section 4.3.2.5: precedence "internetwork control", the rest of the TOS kept.
            let tos = headers.tos & 0x1e | 0xc0;
            put(data, ETHERNET, &[0x40 | (header_size / 4) as u8, tos]);
            put(data, ETHERNET + 20, echoed);
            put(data, ETHERNET + 2, &(total as u16).to_be_bytes());
            put(data, ETHERNET + 4, &id.to_be_bytes());
            put(data, ETHERNET + 6, &[0, 0, ttl, protocol::ICMP, 0, 0]);
            put(data, ETHERNET + 12, &source.octets());
            put(data, ETHERNET + 16, destination);
            let sum = data.get(ETHERNET..l4).map_or(0, checksum::ipv4_header);
            put(data, ETHERNET + 10, &sum.to_be_bytes());
        }
        (IpVersion::V6, IpAddr::V6(source)) => {
            super::ethernet::write_header(
                data,
                Default::default(),
                Default::default(),
                None,
                0x86dd,
            );
            put(data, ETHERNET, &[0x60, 0, 0, 0]);
            put(data, ETHERNET + 4, &((total - header_size) as u16).to_be_bytes());
            put(data, ETHERNET + 6, &[protocol::ICMPV6, ttl]);
            put(data, ETHERNET + 8, &source.octets());
            put(data, ETHERNET + 24, destination);
        }
        (IpVersion::V4 | IpVersion::V6, _) => return false,
    }
    checksum::complete_l4(data, &built);
    true
}
