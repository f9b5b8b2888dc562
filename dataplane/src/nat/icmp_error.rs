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
use super::rewrite::{Rewrite, Sum, mend, protocol, word};
use crate::address::{Address, IpVersion};
use crate::tuple::Tuple;
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

/// Translates the error whose IP header starts at `ip` and ICMP header at `icmp` in `data`: the
/// quoted packet from `inner_from` to `inner_to`, the outer addresses where given. None, and
/// nothing changed, where there is no quoted packet of this family.
pub fn translate_error_at<A: Address>(
    data: &mut [u8],
    ip: usize,
    icmp: usize,
    inner_from: &Tuple<A>,
    inner_to: &Tuple<A>,
    outer_source: Option<A>,
    outer_destination: Option<A>,
) -> Option<()> {
    let quote = Quote::read::<A>(data.get(icmp + 8..)?)?;
    let old = ends::<A>(data.get(ip..)?)?;
    let new = Tuple {
        source: outer_source.unwrap_or(old.source),
        destination: outer_destination.unwrap_or(old.destination),
        ..old
    };
    let mut change = translate_quote(data.get_mut(icmp + 8..)?, quote, inner_from, inner_to)?;
    if let Some(outer) = Rewrite::changing(&old, &new) {
        outer.apply_ip(data.get_mut(ip..)?)?;
        if A::VERSION == IpVersion::V6 {
            change = change.and_folded(outer.ip_delta);
        }
    }
    mend(word(data, icmp + 2)?, change.fold());
    Some(())
}

/// Rewrites the quoted packet, and returns by how much the sum of its words changed.
fn translate_quote<A: Address>(
    bytes: &mut [u8],
    quote: Quote,
    from: &Tuple<A>,
    to: &Tuple<A>,
) -> Option<Sum> {
    let Some(rewrite) = Rewrite::changing(from, to) else { return Some(Sum::default()) };
    let touched = touched(bytes, quote);
    let before = Sum::default().minus(bytes.get(touched.clone())?);
    rewrite.apply_ip(bytes)?;
    let is_whole = bytes.len() >= quote.length;
    let l4 = bytes.get_mut(quote.l4..)?;
    if quote.has_ports {
        // What is cut off stays as it is; a CRC over a part of the packet would mean nothing.
        let _ = match quote.protocol {
            protocol::SCTP if !is_whole => rewrite.write_ports(l4),
            other => rewrite.apply_l4(other, l4),
        };
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
