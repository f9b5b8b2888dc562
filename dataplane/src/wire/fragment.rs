//! Cutting an IPv4 packet that is too big for the way out: RFC 791 section 3.2, kernel `ip_do_fragment`.

use super::options::{refresh_checksum, strip_uncopied};
use super::parse::Headers;
use super::put;
use crate::address::IpVersion;
use crate::drop_reason::DropReason;
use crate::packet::{Packet, Pool};

/// Cuts `packet` into pieces of at most `mtu` bytes and hands each to `emit`, first to last. Offsets and
/// the more-fragments bit of a packet that is a fragment itself go on.
///
/// # Errors
/// No buffer, an `mtu` that holds no payload, or IPv6, whose routers never cut. Pieces already emitted stay emitted.
pub fn fragment<P: Packet, L: Pool<Packet = P>>(
    packet: &P,
    headers: &Headers,
    mtu: u16,
    pool: &mut L,
    mut emit: impl FnMut(&mut L, P),
) -> Result<(), DropReason> {
    if headers.version == IpVersion::V6 {
        return Err(DropReason::TooBig);
    }
    let data = packet.data();
    let header = data.get(usize::from(headers.l3)..usize::from(headers.l4)).unwrap_or_default();
    let payload = headers.payload(data);
    let room = usize::from(mtu).saturating_sub(header.len());
    if room < 8 {
        return Err(DropReason::TooBig);
    }
    let before = headers.fragment.map_or(0, |fragment| usize::from(fragment.offset));
    let more_after = headers.fragment.is_some_and(|fragment| fragment.more);
    let mut offset = before;
    let mut rest = payload;
    while !rest.is_empty() {
        // All but the last are multiples of eight; the last may fill the MTU to the byte.
        let size = if rest.len() > room { room & !7 } else { rest.len() };
        let (own, after) = rest.split_at(size);
        let more = !after.is_empty() || more_after;
        let piece = Piece { offset, size, more, dont_fragment: false };
        let out = write_piece(pool, headers, header, piece, |room| put(room, 0, own))?;
        emit(pool, out);
        offset += size;
        rest = after;
    }
    Ok(())
}

/// Cuts a datagram anew that came in fragments: `lead`, whose `headers` it takes, and the payloads of
/// later ones. Of every piece `size_at` says, by its offset and what is left, how many bytes it carries.
///
/// # Errors
/// No buffer. Pieces already emitted stay emitted.
pub(crate) fn refragment<P: Packet, L: Pool<Packet = P>>(
    lead: &P,
    headers: &Headers,
    later: &[(P, Headers)],
    dont_fragment: bool,
    size_at: impl Fn(usize, usize) -> usize,
    pool: &mut L,
    mut emit: impl FnMut(&mut L, P),
) -> Result<(), DropReason> {
    let data = lead.data();
    let header = data.get(usize::from(headers.l3)..usize::from(headers.l4)).unwrap_or_default();
    let payloads = || {
        let later = later.iter().map(|(packet, headers)| headers.payload(packet.data()));
        std::iter::once(headers.payload(data)).chain(later)
    };
    let total: usize = payloads().map(<[u8]>::len).sum();
    let mut offset = 0;
    while offset < total {
        let size = size_at(offset, total - offset).clamp(1, total - offset);
        let piece = Piece { offset, size, more: offset + size < total, dont_fragment };
        let out = write_piece(pool, headers, header, piece, |room| {
            let (mut skip, mut at) = (offset, 0);
            for bytes in payloads() {
                let skipped = skip.min(bytes.len());
                skip -= skipped;
                let take = (bytes.len() - skipped).min(size - at);
                put(room, at, bytes.get(skipped..skipped + take).unwrap_or_default());
                at += take;
            }
        })?;
        emit(pool, out);
        offset += size;
    }
    Ok(())
}

/// Makes the headers of a datagram's fragments those of its first, as the kernel's `ip_fraglist_prepare` does;
/// each keeps its size. All headers are of one length.
pub(crate) fn align_fragments<P: Packet>(
    lead: &mut P,
    headers: &Headers,
    later: &mut [(P, Headers)],
) {
    const MORE: u16 = 0x2000;
    let mut first = [0; 60];
    let header = lead.data().get(usize::from(headers.l3)..usize::from(headers.l4));
    let header = header.unwrap_or_default();
    put(&mut first, 0, header);
    let first = first.get(..header.len()).unwrap_or_default();
    put(lead.data_mut(), usize::from(headers.l3) + 6, &MORE.to_be_bytes());
    refresh_checksum(lead.data_mut(), headers);
    for (packet, headers) in later {
        let l3 = usize::from(headers.l3);
        let (offset, more) =
            headers.fragment.map_or((0, false), |fragment| (fragment.offset, fragment.more));
        let bits = (offset / 8) | if more { MORE } else { 0 };
        let data = packet.data_mut();
        put(data, l3, first);
        put(data, l3 + 2, &headers.ip_length().to_be_bytes());
        put(data, l3 + 6, &bits.to_be_bytes());
        strip_uncopied(data, headers);
        refresh_checksum(data, headers);
    }
}

/// Which part of a datagram's payload a fragment carries.
struct Piece {
    offset: usize,
    size: usize,
    more: bool,
    dont_fragment: bool,
}

/// Builds a fragment under `header`, its payload written by `fill`, behind room for an Ethernet header.
fn write_piece<P: Packet, L: Pool<Packet = P>>(
    pool: &mut L,
    headers: &Headers,
    header: &[u8],
    piece: Piece,
    fill: impl FnOnce(&mut [u8]),
) -> Result<P, DropReason> {
    const ETHERNET: usize = 14;
    let mut out = pool.alloc().ok_or(DropReason::NoBuffer)?;
    let l4 = ETHERNET + header.len();
    if !out.append(l4 + piece.size) {
        return Err(DropReason::NoBuffer);
    }
    let bits = (piece.offset / 8) as u16
        | if piece.more { 0x2000 } else { 0 }
        | if piece.dont_fragment { 0x4000 } else { 0 };
    let built =
        Headers { l3: ETHERNET as u16, l4: l4 as u16, end: (l4 + piece.size) as u16, ..*headers };
    let data = out.data_mut();
    super::ethernet::write_header(data, Default::default(), Default::default(), None, 0x0800);
    put(data, ETHERNET, header);
    if let Some(room) = data.get_mut(l4..) {
        fill(room);
    }
    put(data, ETHERNET + 2, &((header.len() + piece.size) as u16).to_be_bytes());
    put(data, ETHERNET + 6, &bits.to_be_bytes());
    if piece.offset != 0 {
        strip_uncopied(data, &built);
    }
    refresh_checksum(data, &built);
    Ok(out)
}
