//! ICMP and ICMPv6 errors about a translated connection: the packet they quote is turned back into
//! the one its sender knows, and their own addresses with it (`nf_nat_icmp_reply_translation`).
//!
//! ```text
//!  | IP: source, destination | ICMP: checksum | quoted IP: addresses, checksum | ports, checksum |
//!    from anyone on the path       mended              as the sender knows         as far as quoted
//!    to the sender
//! ```
//!
//! The ICMP checksum is mended by what changed, so that a damaged error stays damaged.

use super::quote::Quote;
use super::rewrite::{Rewrite, Sum, mend, word};
use crate::address::{Address, IpVersion};
use crate::tuple::Tuple;
use crate::wire::parse::Headers;
use crate::wire::protocol;
use std::ops::Range;

/// The outer addresses of an error that quotes a packet which left looking like `sent` and which
/// its sender knows as `known`: source and destination, none where that end is not translated.
///
/// An error goes to the quoted packet's sender. It seems to come from the end the sender talks to
/// wherever that end is translated, though a router on the way may have sent it.
#[must_use]
pub fn outer_addresses<A: Address>(sent: &Tuple<A>, known: &Tuple<A>) -> (Option<A>, Option<A>) {
    // An identifier stands at both ends and tells nothing about either.
    let has_identifier = matches!(sent.protocol, protocol::ICMP | protocol::ICMPV6);
    let end = |sent_end: (A, _), known_end: (A, _)| {
        let moved = sent_end.0 != known_end.0 || (!has_identifier && sent_end.1 != known_end.1);
        moved.then_some(known_end.0)
    };
    let source =
        end((sent.destination, sent.destination_port), (known.destination, known.destination_port));
    let destination = end((sent.source, sent.source_port), (known.source, known.source_port));
    (source, destination)
}

/// Translates the error that `outer` describes, each part where given: the quoted packet from how
/// it left to how its sender knows it, and the outer addresses ([`outer_addresses`]). False, and nothing changed, where it
/// quotes no packet of this family.
pub fn translate_error<A: Address>(
    data: &mut [u8],
    outer: &Headers,
    inner: Option<(&Tuple<A>, &Tuple<A>)>,
    outer_source: Option<A>,
    outer_destination: Option<A>,
) -> bool {
    let (start, end) = (usize::from(outer.l3), usize::from(outer.end));
    let Some(packet) = data.get_mut(start..end) else { return false };
    let icmp = usize::from(outer.l4 - outer.l3);
    translate(packet, icmp, inner, outer_source, outer_destination).is_some()
}

/// As [`translate_error`], of an IP `packet` whose ICMP header starts at `icmp`.
fn translate<A: Address>(
    packet: &mut [u8],
    icmp: usize,
    inner: Option<(&Tuple<A>, &Tuple<A>)>,
    outer_source: Option<A>,
    outer_destination: Option<A>,
) -> Option<()> {
    let quote = Quote::read::<A>(packet.get(icmp + 8..)?)?;
    let old = ends::<A>(packet)?;
    let new = Tuple {
        source: outer_source.unwrap_or(old.source),
        destination: outer_destination.unwrap_or(old.destination),
        ..old
    };
    let mut change = translate_quote(packet.get_mut(icmp + 8..)?, quote, inner)?;
    if let Some(outer) = Rewrite::changing(&old, &new) {
        outer.apply_ip(packet)?;
        if A::VERSION == IpVersion::V6 {
            change = change.and_folded(outer.delta.ip);
        }
    }
    mend(word(packet, icmp + 2)?, change.fold());
    Some(())
}

/// Rewrites the quoted packet, and returns by how much the sum of its words changed.
fn translate_quote<A: Address>(
    bytes: &mut [u8],
    quote: Quote,
    ends: Option<(&Tuple<A>, &Tuple<A>)>,
) -> Option<Sum> {
    let Some(rewrite) = ends.and_then(|(from, to)| Rewrite::changing(from, to)) else {
        return Some(Sum::default());
    };
    let touched = touched(bytes, quote);
    let before = Sum::default().minus(bytes.get(touched.clone())?);
    rewrite.apply_ip(bytes)?;
    let l4 = bytes.get_mut(quote.l4..)?;
    if quote.has_ports {
        // What is cut off stays as it is. As in the kernel, SCTP's CRC is that over what is quoted.
        let _ = rewrite.apply_l4(quote.protocol, l4);
    }
    Some(before.plus(bytes.get(touched)?))
}

/// The bytes a translation may change: IP header, and layer 4 up to TCP's checksum.
fn touched(bytes: &[u8], quote: Quote) -> Range<usize> {
    0..bytes.len().min(quote.l4 + 20)
}

/// The addresses of an IP header, as a tuple without anything else.
fn ends<A: Address>(ip: &[u8]) -> Option<Tuple<A>> {
    let source = A::read(ip.get(A::OFFSET..)?)?;
    let destination = A::read(ip.get(A::OFFSET + A::SIZE..)?)?;
    Some(Tuple { source, destination, ..Tuple::default() })
}

#[cfg(test)]
#[path = "icmp_error_tests.rs"]
mod tests;
