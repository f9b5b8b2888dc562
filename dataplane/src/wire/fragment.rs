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
    const ETHERNET: usize = 14;
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
        let (piece, after) = rest.split_at(size);
        let mut out = pool.alloc().ok_or(DropReason::NoBuffer)?;
        let l4 = ETHERNET + header.len();
        if !out.append(l4 + piece.len()) {
            return Err(DropReason::NoBuffer);
        }
        let more = !after.is_empty() || more_after;
        let bits = (offset / 8) as u16 | if more { 0x2000 } else { 0 };
        let built = Headers {
            l3: ETHERNET as u16,
            l4: l4 as u16,
            end: (l4 + piece.len()) as u16,
            ..*headers
        };
        let data = out.data_mut();
        super::ethernet::write_header(data, Default::default(), Default::default(), None, 0x0800);
        put(data, ETHERNET, header);
        put(data, l4, piece);
        put(data, ETHERNET + 2, &((header.len() + piece.len()) as u16).to_be_bytes());
        put(data, ETHERNET + 6, &bits.to_be_bytes());
        if offset != 0 {
            strip_uncopied(data, &built);
        }
        refresh_checksum(data, &built);
        emit(pool, out);
        offset += size;
        rest = after;
    }
    Ok(())
}
