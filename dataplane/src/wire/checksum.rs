//! The Internet checksum: RFC 1071, its incremental update RFC 1624.

use super::options::Refused;
use super::parse::Headers;
use super::{protocol, put, sctp, u16_at};
use crate::address::{IpVersion, V4};

/// What a layer-4 checksum says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum L4ChecksumState {
    /// Right.
    Good,
    /// Wrong.
    Bad,
    /// Holds the sum of the pseudo-header only: a Linux peer left the rest to hardware that was not
    /// there (`CHECKSUM_PARTIAL`).
    Partial,
    /// There is none, or it cannot be judged: UDP zero, another protocol, a fragment.
    Absent,
}

fn fold(mut sum: u64) -> u16 {
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

fn add(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<4>();
    let sum: u64 = words.iter().map(|word| u64::from(u32::from_be_bytes(*word))).sum();
    let mut last = [0; 4];
    if let Some(place) = last.get_mut(..rest.len()) {
        place.copy_from_slice(rest);
    }
    sum + u64::from(u32::from_be_bytes(last))
}

/// The ones-complement sum of `bytes`, padded with a zero byte; 0xffff where they include a right
/// checksum.
#[must_use]
pub fn sum(bytes: &[u8]) -> u16 {
    fold(add(bytes))
}

/// The checksum of an IPv4 header whose checksum field is zero.
#[must_use]
pub fn ipv4_header(header: &[u8]) -> u16 {
    !sum(header)
}

/// Sum of the pseudo-header: RFC 9293 section 3.1, RFC 8200 section 8.1.
fn pseudo_header(data: &[u8], headers: &Headers, length: u32) -> u64 {
    let l3 = usize::from(headers.l3);
    let addresses = match headers.version {
        IpVersion::V4 => l3 + 12..l3 + 20,
        IpVersion::V6 => l3 + 8..l3 + 40,
    };
    add(data.get(addresses).unwrap_or_default()) + u64::from(headers.protocol) + u64::from(length)
}

/// Where the checksum of a protocol stands in its header, and whether the pseudo-header is in it.
fn place(headers: &Headers) -> Option<(usize, bool)> {
    match headers.protocol {
        protocol::TCP => Some((16, true)),
        protocol::UDP | protocol::UDP_LITE => Some((6, true)),
        protocol::ICMP if headers.version == IpVersion::V4 => Some((2, false)),
        protocol::ICMPV6 if headers.version == IpVersion::V6 => Some((2, true)),
        _ => None,
    }
}

/// Judges the layer-4 checksum of a packet that is not a fragment.
#[must_use]
pub fn l4_state(data: &[u8], headers: &Headers) -> L4ChecksumState {
    if headers.fragment.is_some() {
        return L4ChecksumState::Absent;
    }
    datagram_l4_state(data, headers, std::iter::empty())
}

/// Judges the layer-4 checksum of a whole datagram: its first frame, and the payloads of its later
/// fragments in order.
pub fn datagram_l4_state<'d>(
    data: &[u8],
    headers: &Headers,
    later: impl Iterator<Item = &'d [u8]>,
) -> L4ChecksumState {
    let Some((at, pseudo)) = place(headers) else {
        return match headers.protocol {
            protocol::SCTP => sctp_state(headers.payload(data), later),
            _ => L4ChecksumState::Absent,
        };
    };
    let payload = headers.payload(data);
    let Some(field) = u16_at(payload, at) else { return L4ChecksumState::Bad };
    let mut length = payload.len() as u32;
    let mut total = 0;
    for piece in later {
        // All but the last fragment are multiples of eight bytes: the sums just add up.
        total += add(piece);
        length += piece.len() as u32;
    }
    if !lengths_can_be(payload, headers, length) {
        return L4ChecksumState::Bad;
    }
    // RFC 8200 forbids it in IPv6; the kernel's udp_error does not look at the version.
    if headers.protocol == protocol::UDP && field == 0 {
        return L4ChecksumState::Absent;
    }
    let mut payload = payload;
    if headers.protocol == protocol::UDP_LITE {
        let covered = u16_at(payload, 4).unwrap_or_default();
        match payload.get(..covered.into()) {
            _ if covered == 0 => {}
            Some(part) => (payload, total) = (part, 0),
            // It ends in a later fragment.
            None => return L4ChecksumState::Absent,
        }
    }
    let before = if pseudo { pseudo_header(data, headers, length) } else { 0 };
    if fold(before + total + add(payload)) == 0xffff {
        return L4ChecksumState::Good;
    }
    if pseudo && field == fold(before) { L4ChecksumState::Partial } else { L4ChecksumState::Bad }
}

/// Judges the CRC-32c of SCTP. A Linux peer that leaves it to hardware leaves zeroes in its place.
fn sctp_state<'d>(first: &[u8], later: impl Iterator<Item = &'d [u8]>) -> L4ChecksumState {
    match (sctp::stated_checksum(first), sctp::checksum(first, later)) {
        (Some(stated), Some(right)) if stated == right => L4ChecksumState::Good,
        (Some(0), Some(_)) => L4ChecksumState::Partial,
        (Some(_) | None, _) => L4ChecksumState::Bad,
    }
}

/// Whether the lengths that a datagram's UDP or UDP-Lite header says can be. The kernel asks that too where it looks at no
/// checksum.
pub fn lengths_hold<'d>(
    data: &[u8],
    headers: &Headers,
    later: impl Iterator<Item = &'d [u8]>,
) -> bool {
    let payload = headers.payload(data);
    let more: usize = later.map(<[u8]>::len).sum();
    lengths_can_be(payload, headers, (payload.len() + more) as u32)
}

fn lengths_can_be(payload: &[u8], headers: &Headers, length: u32) -> bool {
    let word = |at| u16_at(payload, at).unwrap_or_default();
    match headers.protocol {
        // It may be shorter than the packet; the kernel's conntrack judges by the packet.
        protocol::UDP => (8..=length).contains(&word(4).into()),
        // RFC 3828: it says how much the checksum covers, which must not be zero.
        protocol::UDP_LITE => {
            word(6) != 0 && (word(4) == 0 || (8..=length).contains(&word(4).into()))
        }
        _ => true,
    }
}

/// Leaves the checksum of a TCP segment or UDP datagram to hardware: what stands there is the sum of the pseudo-header, as where
/// a Linux has changed the payload and has not sent it yet (kernel `nf_nat_csum_recalc`). A UDP datagram without one stays so.
pub(crate) fn leave_l4(data: &mut [u8], headers: &Headers) {
    let Some((at, true)) = place(headers) else { return };
    let position = usize::from(headers.l4) + at;
    let absent = headers.protocol == protocol::UDP && super::u16_at(data, position) == Some(0);
    if position + 2 <= usize::from(headers.end) && !absent {
        let length = u32::from(headers.end - headers.l4);
        let sum = fold(pseudo_header(data, headers, length));
        put(data, position, &sum.to_be_bytes());
    }
}

/// Computes the layer-4 checksum and stores it. The packet must not be a fragment.
pub fn complete_l4(data: &mut [u8], headers: &Headers) {
    if headers.protocol == protocol::SCTP {
        let place = usize::from(headers.l4) + sctp::CHECKSUM;
        if let Some(sum) = sctp::checksum(headers.payload(data), std::iter::empty()) {
            put(data, place, &sum.to_le_bytes());
        }
        return;
    }
    let Some((at, pseudo)) = place(headers) else { return };
    let position = usize::from(headers.l4) + at;
    if position + 2 > usize::from(headers.end) {
        return;
    }
    put(data, position, &[0, 0]);
    let payload = headers.payload(data);
    let before = if pseudo { pseudo_header(data, headers, payload.len() as u32) } else { 0 };
    let mut value = !fold(before + add(payload));
    if value == 0 && headers.protocol == protocol::UDP {
        value = 0xffff;
    }
    put(data, position, &value.to_be_bytes());
}

/// A checksum after two bytes of what it covers changed: RFC 1624 equation 3.
#[must_use]
pub fn update16(checksum: u16, old: u16, new: u16) -> u16 {
    !fold(u64::from(!checksum) + u64::from(!old) + u64::from(new))
}

/// Whether REJECT answers a packet, as far as its checksum goes (kernel `nf_reject_verify_csum` and
/// `nf_ip_checksum`; of IPv6 `reject6_csum_ok`): one that cannot be shown to be whole may be anybody's. The kernel
/// takes protocols it does not know to have a checksum over their payload, in IPv6 with the pseudo-header.
#[must_use]
pub fn may_reject(data: &[u8], headers: &Headers) -> bool {
    // Linux 6.18 knows DCCP no more.
    const EXEMPT: [u8; 5] = [47, 50, 51, protocol::SCTP, protocol::UDP_LITE];
    let payload = headers.payload(data);
    if headers.version == IpVersion::V6 && (payload.is_empty() || !headers.is_first_fragment()) {
        return false;
    }
    if EXEMPT.contains(&headers.protocol) {
        return true;
    }
    match headers.protocol {
        protocol::UDP if u16_at(payload, 6) == Some(0) => true,
        _ if headers.version == IpVersion::V6 => {
            let before = pseudo_header(data, headers, payload.len() as u32);
            fold(before + add(payload)) == 0xffff
        }
        // It sums up the IP header too, whose sum is all ones where no option has been filled in.
        _ if headers.options && Refused::read(data, headers, V4::default()).is_recorded() => false,
        protocol::TCP | protocol::UDP | protocol::ICMP => {
            headers.fragment.is_none() && l4_state(data, headers) != L4ChecksumState::Bad
        }
        // The sum of the header is all ones: so may be that of nothing but zeroes.
        _ => matches!(sum(payload), 0 | 0xffff),
    }
}
