//! Reading a frame down to where its layer-4 header begins. Total over any bytes: what cannot be read
//! has a [`DropReason`].

use super::extensions::{self, AUTHENTICATION, FRAGMENT, HOP_BY_HOP};
use super::{checksum, protocol, u16_at, u32_at};
use crate::address::{Address, IpVersion, Mac};
use crate::drop_reason::DropReason;

const ETHERNET: usize = 14;
const VLAN_TAG: usize = 4;
/// Extension headers of one packet that are followed.
const MAX_EXTENSIONS: usize = 8;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Destination MAC.
    pub destination: Mac,
    /// Source MAC.
    pub source: Mac,
    /// 802.1Q tag, if there is one.
    pub vlan: Option<u16>,
    /// What it carries.
    pub payload: Payload,
}

/// What a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload {
    /// ARP, at this offset.
    Arp {
        /// Offset of the ARP header in the frame.
        offset: u16,
    },
    /// IPv4 or IPv6.
    Ip(Headers),
    /// Anything else.
    Other {
        /// Its `EtherType`.
        ethertype: u16,
    },
}

/// Where the headers of an IP packet are. Offsets are in bytes from the start of the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Headers {
    /// Which IP.
    pub version: IpVersion,
    /// The IP header.
    pub l3: u16,
    /// What follows the IP header and its extensions.
    pub l4: u16,
    /// End of the IP packet; Ethernet padding lies beyond.
    pub end: u16,
    /// Protocol number of what stands at `l4`.
    pub protocol: u8,
    /// TTL or hop limit.
    pub ttl: u8,
    /// TOS or traffic class.
    pub tos: u8,
    /// Set on fragments.
    pub fragment: Option<FragmentInfo>,
    /// IPv4 options, or an IPv6 hop-by-hop header.
    pub options: bool,
    /// An authentication header stands among the extension headers of an IPv6 packet. nf_tables goes no further: to rules
    /// that is its protocol (kernel `nft_set_pktinfo_ipv6`).
    pub authenticated: bool,
}

/// Which part of a datagram a fragment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FragmentInfo {
    /// Offset in bytes.
    pub offset: u16,
    /// More fragments follow.
    pub more: bool,
    /// Identification.
    pub id: u32,
    /// Don't Fragment was set.
    pub dont_fragment: bool,
}

impl Headers {
    /// Whether the frame holds the whole datagram: one with a fragment header of its own may (RFC 6946).
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        match &self.fragment {
            Some(fragment) => fragment.offset == 0 && !fragment.more,
            None => true,
        }
    }

    /// Source address; all zeroes when `data` is not the frame the headers were read from.
    #[must_use]
    pub fn source<A: Address>(&self, data: &[u8]) -> A {
        self.address(data, A::OFFSET)
    }
    /// Destination address.
    #[must_use]
    pub fn destination<A: Address>(&self, data: &[u8]) -> A {
        self.address(data, A::OFFSET + A::SIZE)
    }
    fn address<A: Address>(&self, data: &[u8], at: usize) -> A {
        data.get(usize::from(self.l3) + at..).and_then(A::read).unwrap_or_default()
    }
    /// Whether the packet may not be fragmented: DF, and every IPv6 packet.
    #[must_use]
    pub fn dont_fragment(&self, data: &[u8]) -> bool {
        match self.version {
            IpVersion::V4 => {
                data.get(usize::from(self.l3) + 6).is_some_and(|flags| flags & 0x40 != 0)
            }
            IpVersion::V6 => true,
        }
    }
    /// Whether the layer-4 header is in this packet.
    #[must_use]
    pub fn is_first_fragment(&self) -> bool {
        self.fragment.is_none_or(|fragment| fragment.offset == 0)
    }
    /// Bytes of the IP packet.
    #[must_use]
    pub const fn ip_length(&self) -> u16 {
        self.end - self.l3
    }
    /// The layer-4 header and what follows, without Ethernet padding.
    #[must_use]
    pub fn payload<'d>(&self, data: &'d [u8]) -> &'d [u8] {
        data.get(usize::from(self.l4)..usize::from(self.end)).unwrap_or_default()
    }
}

/// Reads a frame, and checks the IPv4 header checksum.
///
/// # Errors
/// Why the frame must be dropped.
pub fn parse(frame: &[u8]) -> Result<Frame, DropReason> {
    parse_frame(frame, true)
}

/// Reads a frame whose IPv4 header checksum the NIC has verified.
///
/// # Errors
/// Why the frame must be dropped.
pub fn parse_trusted(frame: &[u8]) -> Result<Frame, DropReason> {
    parse_frame(frame, false)
}

fn parse_frame(frame: &[u8], verify: bool) -> Result<Frame, DropReason> {
    let mac = |at: usize| frame.get(at..).and_then(|rest| rest.first_chunk().copied()).map(Mac);
    let (Some(destination), Some(source), Some(mut ethertype)) =
        (mac(0), mac(6), u16_at(frame, 12))
    else {
        return Err(DropReason::Truncated);
    };
    let (mut vlan, mut l3) = (None, ETHERNET);
    if ethertype == 0x8100 {
        vlan = Some(u16_at(frame, ETHERNET).ok_or(DropReason::Truncated)? & 0xfff);
        ethertype = u16_at(frame, ETHERNET + 2).ok_or(DropReason::Truncated)?;
        l3 += VLAN_TAG;
    }
    let payload = match ethertype {
        0x0800 => Payload::Ip(ipv4(frame, l3, verify)?),
        0x86dd => Payload::Ip(ipv6(frame, l3)?),
        0x0806 => Payload::Arp { offset: l3 as u16 },
        0x8100 | 0x88a8 => return Err(DropReason::UnknownVlan),
        _ => Payload::Other { ethertype },
    };
    Ok(Frame { destination, source, vlan, payload })
}

/// Reads an IP packet that starts at `l3`, as [`parse`] does for a frame.
///
/// # Errors
/// Why it must be dropped.
pub fn parse_ip(frame: &[u8], l3: usize, version: IpVersion) -> Result<Headers, DropReason> {
    match version {
        IpVersion::V4 => ipv4(frame, l3, true),
        IpVersion::V6 => ipv6(frame, l3),
    }
}

/// The checks of kernel `ip_rcv_core`, RFC 1812 section 5.2.2.
fn ipv4(frame: &[u8], l3: usize, verify: bool) -> Result<Headers, DropReason> {
    let header: &[u8; 20] =
        frame.get(l3..).and_then(|rest| rest.first_chunk()).ok_or(DropReason::Truncated)?;
    let length = usize::from(header[0] & 0x0f) * 4;
    if header[0] >> 4 != 4 || length < 20 {
        return Err(DropReason::BadIpHeader);
    }
    let whole = frame.get(l3..l3 + length).ok_or(DropReason::Truncated)?;
    if verify && checksum::sum(whole) != 0xffff {
        return Err(DropReason::BadIpChecksum);
    }
    let total = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let end = l3 + total;
    if total < length || end > frame.len() {
        return Err(DropReason::BadIpLength);
    }
    let bits = u16::from_be_bytes([header[6], header[7]]);
    let (offset, more) = ((bits & 0x1fff) << 3, bits & 0x2000 != 0);
    let fragment = (offset != 0 || more).then(|| FragmentInfo {
        offset,
        more,
        id: u32::from(u16::from_be_bytes([header[4], header[5]])),
        dont_fragment: bits & 0x4000 != 0,
    });
    Ok(Headers {
        version: IpVersion::V4,
        l3: offset16(l3)?,
        l4: offset16(l3 + length)?,
        end: offset16(end)?,
        protocol: header[9],
        ttl: header[8],
        tos: header[1],
        fragment,
        options: length > 20,
        authenticated: false,
    })
}

fn offset16(at: usize) -> Result<u16, DropReason> {
    u16::try_from(at).map_err(|_| DropReason::Oversized)
}

/// The checks of kernel `ip6_rcv_core`, RFC 8200.
fn ipv6(frame: &[u8], l3: usize) -> Result<Headers, DropReason> {
    let header: &[u8; 40] =
        frame.get(l3..).and_then(|rest| rest.first_chunk()).ok_or(DropReason::Truncated)?;
    if header[0] >> 4 != 6 {
        return Err(DropReason::BadIpHeader);
    }
    let payload = usize::from(u16::from_be_bytes([header[4], header[5]]));
    let end = l3 + 40 + payload;
    if end > frame.len() {
        return Err(DropReason::BadIpLength);
    }
    let mut headers = Headers {
        version: IpVersion::V6,
        l3: offset16(l3)?,
        l4: offset16(l3 + 40)?,
        end: offset16(end)?,
        protocol: header[6],
        ttl: header[7],
        tos: header[0] << 4 | header[1] >> 4,
        fragment: None,
        options: false,
        authenticated: false,
    };
    walk_extensions(frame, &mut headers)?;
    Ok(headers)
}

/// Moves `headers` from the first extension header, if there is one, to what follows the last.
pub(super) fn walk_extensions(frame: &[u8], headers: &mut Headers) -> Result<(), DropReason> {
    let packet = frame.get(..usize::from(headers.end)).unwrap_or_default();
    for _ in 0..MAX_EXTENSIONS {
        if !extension(packet, headers)? {
            return Ok(());
        }
    }
    Err(DropReason::BadIpOptions)
}

/// Where the bytes that a fragment's offset counts from begin. In the first fragment of an IPv6
/// datagram more extension headers may stand between the fragment header and layer 4.
pub(crate) fn fragment_data(frame: &[u8], headers: &Headers) -> u16 {
    if headers.version == IpVersion::V4 || headers.fragment.is_none() {
        return headers.l4;
    }
    let packet = frame.get(..usize::from(headers.end)).unwrap_or_default();
    let l3 = usize::from(headers.l3);
    let mut walk = Headers {
        l4: headers.l3.saturating_add(40),
        protocol: packet.get(l3 + 6).copied().unwrap_or_default(),
        fragment: None,
        ..*headers
    };
    for _ in 0..MAX_EXTENSIONS {
        if extension(packet, &mut walk) != Ok(true) || walk.fragment.is_some() {
            break;
        }
    }
    walk.l4
}

/// Steps over one extension header; false when there is none.
fn extension(packet: &[u8], headers: &mut Headers) -> Result<bool, DropReason> {
    let at = usize::from(headers.l4);
    let units = packet.get(at + 1).copied();
    let Some(length) = extensions::length(headers.protocol, units.unwrap_or_default()) else {
        return Ok(false);
    };
    units.ok_or(DropReason::BadIpOptions)?;
    if headers.protocol == FRAGMENT {
        let bits = u16_at(packet, at + 2).ok_or(DropReason::BadIpOptions)?;
        let id = u32_at(packet, at + 4).ok_or(DropReason::BadIpOptions)?;
        headers.fragment =
            Some(FragmentInfo { offset: bits & !7, more: bits & 1 != 0, id, dont_fragment: true });
    }
    // Beyond the first fragment there are no further headers to read.
    let stop = headers.protocol == FRAGMENT && !headers.is_first_fragment();
    headers.options |= headers.protocol == HOP_BY_HOP;
    headers.authenticated |= headers.protocol == AUTHENTICATION;
    headers.protocol = *packet.get(at).ok_or(DropReason::BadIpOptions)?;
    headers.l4 = offset16(at + length)?;
    if usize::from(headers.l4) > packet.len() {
        return Err(DropReason::BadIpOptions);
    }
    Ok(!stop)
}

/// Whether a protocol number is ICMP of this version.
#[must_use]
pub fn is_icmp(headers: &Headers) -> bool {
    match headers.version {
        IpVersion::V4 => headers.protocol == protocol::ICMP,
        IpVersion::V6 => headers.protocol == protocol::ICMPV6,
    }
}
