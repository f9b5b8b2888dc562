//! A datagram that came in fragments, as rules, connection tracking and whoever answers it see it: whole.
//!
//! ```text
//!   lead: | IP | first bytes |p p|      p: bytes pulled from later fragments, so that the layer-4
//!   rest: | IP |p p| next … |              header and the quote of an ICMP error stand in one place
//!         | IP | last … |
//! ```
//!
//! Pulled bytes stand twice while the pipeline has the datagram; what it did to them is written back before
//! the fragments leave. Follows kernel `ip_frag_reasm` and `nf_ct_frag6_reasm`.

use crate::address::IpVersion;
use crate::packet::{Packet, Pool};
use crate::wire::extensions::FRAGMENT_HEADER;
use crate::wire::options::refresh_checksum;
use crate::wire::parse::{Headers, fragment_data};
use crate::wire::{protocol, put};

/// A TCP header with all its options; an SCTP header with the fixed fields of an INIT; for other protocols a header.
const TCP_HEADER: u16 = 60;
const SCTP_INIT: u16 = 32;
const OTHER_HEADER: u16 = 16;
/// An ICMP error with the headers it quotes.
const ICMP_ERROR: u16 = 128;
const MOST_PULLED: usize = ICMP_ERROR as usize;
/// What an ICMP error can quote, and some.
const QUOTE: usize = 1280;

/// The sizes a datagram's fragments came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sizes {
    /// The largest fragment's IP bytes (kernel `frag_max_size`).
    pub(crate) largest: u16,
    /// None was larger than the largest that was not to be cut: the datagram is not to be either.
    pub(crate) dont_fragment: bool,
}

impl Sizes {
    /// Of the fragments that these headers describe.
    pub(crate) fn of<'h>(fragments: impl Iterator<Item = &'h Headers>) -> Self {
        let (mut largest, mut largest_kept) = (0, 0);
        for headers in fragments {
            let size = headers.ip_length();
            largest = largest.max(size);
            if headers.fragment.is_some_and(|fragment| fragment.dont_fragment) {
                largest_kept = largest_kept.max(size);
            }
        }
        Self { largest, dont_fragment: largest_kept == largest }
    }
}

fn piece<'d, P: Packet>(packet: &'d P, headers: &Headers) -> &'d [u8] {
    let start = usize::from(fragment_data(packet.data(), headers));
    packet.data().get(start..usize::from(headers.end)).unwrap_or_default()
}

/// Copies what the first fragment lacks of its layer-4 header from later ones to its end; how many bytes.
pub(crate) fn pull<P: Packet>(lead: &mut P, headers: &mut Headers, rest: &[(P, Headers)]) -> u16 {
    let wanted = match headers.protocol {
        protocol::TCP => TCP_HEADER,
        protocol::ICMP | protocol::ICMPV6 => ICMP_ERROR,
        protocol::SCTP => SCTP_INIT,
        _ => OTHER_HEADER,
    };
    let missing = usize::from(wanted.saturating_sub(headers.end.saturating_sub(headers.l4)));
    let mut bytes = [0; MOST_PULLED];
    let mut count = 0;
    for (packet, headers) in rest {
        let from = piece(packet, headers);
        let take = from.len().min(missing - count);
        put(&mut bytes, count, from.get(..take).unwrap_or_default());
        count += take;
    }
    let padding = lead.data().len().saturating_sub(usize::from(headers.end));
    if count == 0 || u16::try_from(usize::from(headers.end) + count).is_err() {
        return 0;
    }
    lead.trim_back(padding);
    if !lead.append(count) {
        return 0;
    }
    put(lead.data_mut(), usize::from(headers.end), bytes.get(..count).unwrap_or_default());
    headers.end += count as u16;
    count as u16
}

/// Copies all that is left of later fragments to the first one's end; how many bytes, or none, and nothing done, where there
/// is no room.
pub(crate) fn gather<P: Packet>(
    lead: &mut P,
    headers: &mut Headers,
    rest: &[(P, Headers)],
    pulled: u16,
) -> Option<u16> {
    let end = usize::from(headers.end);
    let count: usize = later_payloads(rest, pulled).map(<[u8]>::len).sum();
    let new_end = u16::try_from(end + count).ok()?;
    lead.trim_back(lead.data().len().saturating_sub(end));
    if !lead.append(count) {
        return None;
    }
    let mut at = end;
    for bytes in later_payloads(rest, pulled) {
        put(lead.data_mut(), at, bytes);
        at += bytes.len();
    }
    headers.end = new_end;
    u16::try_from(count).ok()
}

/// Writes pulled bytes back to where they came from, and takes them off the first fragment.
pub(crate) fn push_back<P: Packet>(
    lead: &mut P,
    headers: &mut Headers,
    rest: &mut [(P, Headers)],
    pulled: u16,
) {
    if pulled == 0 {
        return;
    }
    let end = usize::from(headers.end);
    let start = end - usize::from(pulled);
    let mut bytes = lead.data().get(start..end).unwrap_or_default();
    for (packet, headers) in rest {
        let at = usize::from(fragment_data(packet.data(), headers));
        let take = usize::from(headers.end).saturating_sub(at).min(bytes.len());
        let (own, others) = bytes.split_at(take);
        put(packet.data_mut(), at, own);
        bytes = others;
    }
    headers.end = start as u16;
    lead.trim_back(usize::from(pulled));
}

/// The payloads of later fragments, less what was pulled.
pub(crate) fn later_payloads<P: Packet>(
    rest: &[(P, Headers)],
    pulled: u16,
) -> impl Iterator<Item = &[u8]> {
    let mut skip = usize::from(pulled);
    rest.iter().map(move |(packet, headers)| {
        let bytes = piece(packet, headers);
        let skipped = skip.min(bytes.len());
        skip -= skipped;
        bytes.get(skipped..).unwrap_or_default()
    })
}

/// The datagram's beginning as one packet that was never cut, for an ICMP error to quote; none without a buffer.
pub(crate) fn beginning<P: Packet, L: Pool<Packet = P>>(
    pool: &mut L,
    lead: &P,
    headers: &Headers,
    rest: &[(P, Headers)],
    pulled: u16,
) -> Option<(P, Headers)> {
    const ETHERNET: usize = 14;
    let data = lead.data();
    let l3 = usize::from(headers.l3);
    let sizes = std::iter::once(headers).chain(rest.iter().map(|(_, headers)| headers));
    let dont_fragment = Sizes::of(sizes).dont_fragment;
    let start = usize::from(fragment_data(data, headers));
    // The fragment header of IPv6 goes.
    let cut = match headers.version {
        IpVersion::V4 => start,
        IpVersion::V6 => start.checked_sub(usize::from(FRAGMENT_HEADER))?,
    };
    let header = data.get(l3..cut)?;
    let first = data.get(start..usize::from(headers.end))?;
    let mut out = pool.alloc()?;
    let room = QUOTE.saturating_sub(header.len());
    let taken = first.len().min(room);
    if !out.append(ETHERNET + header.len() + taken) {
        return None;
    }
    put(out.data_mut(), ETHERNET, header);
    put(out.data_mut(), ETHERNET + header.len(), first.get(..taken)?);
    let mut total = first.len();
    for bytes in later_payloads(rest, pulled) {
        let at = out.data().len();
        let left = (ETHERNET + QUOTE).saturating_sub(at).min(bytes.len());
        if !out.append(left) {
            return None;
        }
        put(out.data_mut(), at, bytes.get(..left)?);
        total += bytes.len();
    }
    let shift = |at: u16| u16::try_from(usize::from(at) + ETHERNET - l3).ok();
    let whole = Headers {
        l3: ETHERNET as u16,
        l4: shift(headers.l4)? - (start - cut) as u16,
        end: u16::try_from(out.data().len()).ok()?,
        fragment: None,
        ..*headers
    };
    let data = out.data_mut();
    match headers.version {
        IpVersion::V4 => {
            let length = u16::try_from(header.len() + total).unwrap_or(u16::MAX);
            put(data, ETHERNET + 2, &length.to_be_bytes());
            put(data, ETHERNET + 6, &[if dont_fragment { 0x40 } else { 0 }, 0]);
            refresh_checksum(data, &whole);
        }
        IpVersion::V6 => {
            let length = u16::try_from(header.len() - 40 + total).unwrap_or(u16::MAX);
            put(data, ETHERNET + 4, &length.to_be_bytes());
            let next = lead.data().get(cut).copied()?;
            name_after_fragment_header(data, ETHERNET, ETHERNET + header.len(), next);
        }
    }
    Some((out, whole))
}

/// Takes the fragment header out of an IPv6 datagram that is whole by itself (kernel `nf_ct_frag6_reasm`); `headers` describe
/// it without.
pub(crate) fn take_fragment_header_out<P: Packet>(packet: &mut P, headers: &mut Headers) {
    let start = fragment_data(packet.data(), headers);
    let (l3, end) = (usize::from(headers.l3), usize::from(headers.end));
    let Some(cut) = start.checked_sub(FRAGMENT_HEADER).map(usize::from) else { return };
    let Some(&next) = packet.data().get(cut) else { return };
    if headers.version == IpVersion::V4 || headers.fragment.is_none() || end > packet.data().len() {
        return;
    }
    let data = packet.data_mut();
    data.copy_within(usize::from(start)..end, cut);
    put(data, l3 + 4, &(headers.end - headers.l3 - 40 - FRAGMENT_HEADER).to_be_bytes());
    name_after_fragment_header(data, l3, cut, next);
    packet.trim_back(usize::from(FRAGMENT_HEADER));
    *headers = Headers {
        l4: headers.l4 - FRAGMENT_HEADER,
        end: headers.end - FRAGMENT_HEADER,
        fragment: None,
        ..*headers
    };
}

/// In the header that named the fragment header as its next, what followed that.
pub(crate) fn name_after_fragment_header(data: &mut [u8], l3: usize, end: usize, next: u8) {
    let (mut name, mut at) = (l3 + 6, l3 + 40);
    while at < end {
        let Some(&[_, units]) = data.get(at..).and_then(|rest| rest.first_chunk()) else { return };
        (name, at) = (at, at + (usize::from(units) + 1) * 8);
    }
    put(data, name, &[next]);
}

#[cfg(test)]
#[path = "datagram_tests.rs"]
mod tests;
