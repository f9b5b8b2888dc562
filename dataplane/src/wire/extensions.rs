//! Looking for one IPv6 extension header, as kernel `ipv6_find_hdr` does.

use super::parse::Headers;
use super::u16_at;

/// Hop-by-hop options.
pub const HOP_BY_HOP: u8 = 0;
/// Routing header.
pub const ROUTING: u8 = 43;
/// Fragment header.
pub const FRAGMENT: u8 = 44;
/// ESP, behind which nothing can be read.
pub const ESP: u8 = 50;
/// Authentication header.
pub const AUTHENTICATION: u8 = 51;
/// No next header.
pub const NONE: u8 = 59;
/// Destination options.
pub const DESTINATION: u8 = 60;

/// Bytes of a fragment header.
pub(crate) const FRAGMENT_HEADER: u16 = 8;

/// A header that ends before it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CutShort;

/// Bytes of an extension header whose second byte is `units`; none for what is no such header (RFC 8200
/// section 4, RFC 4302 section 2.2).
pub(crate) fn length(kind: u8, units: u8) -> Option<usize> {
    match kind {
        HOP_BY_HOP | ROUTING | DESTINATION => Some((usize::from(units) + 1) * 8),
        AUTHENTICATION => Some((usize::from(units) + 2) * 4),
        FRAGMENT => Some(8),
        _ => None,
    }
}

/// The IPv6 packet without what lies around it in the frame: offsets in it count from its header.
#[must_use]
pub fn packet<'d>(data: &'d [u8], headers: &Headers) -> &'d [u8] {
    data.get(usize::from(headers.l3)..usize::from(headers.end)).unwrap_or_default()
}

/// Where in an IPv6 packet the first header of a kind begins; none where it has no such header, or where a fragment's
/// bytes begin before it.
///
/// # Errors
/// A header on the way is cut short.
pub fn find(packet: &[u8], wanted: u8) -> Result<Option<usize>, CutShort> {
    let mut kind = *packet.get(6).ok_or(CutShort)?;
    let mut at = 40;
    loop {
        let units = packet.get(at + 1).copied();
        let Some(length) = length(kind, units.unwrap_or_default()) else { return Ok(None) };
        let next = *packet.get(at).ok_or(CutShort)?;
        units.ok_or(CutShort)?;
        if kind == ROUTING {
            packet.get(at..at + 4).ok_or(CutShort)?;
        }
        if kind == FRAGMENT {
            let later = u16_at(packet, at + 2).ok_or(CutShort)? & !7 != 0;
            if later && kind != wanted {
                return Ok(None);
            }
        }
        if kind == wanted {
            return Ok(Some(at));
        }
        (kind, at) = (next, at + length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An IPv6 packet of these headers: kind, bytes after the first.
    fn of(headers: &[(u8, &[u8])], last: u8) -> Vec<u8> {
        let mut packet = vec![0; 40];
        packet[6] = headers.first().map_or(last, |(kind, _)| *kind);
        for (place, (_, rest)) in headers.iter().enumerate() {
            packet.push(headers.get(place + 1).map_or(last, |(kind, _)| *kind));
            packet.extend(*rest);
        }
        packet
    }

    #[test]
    fn each_header_is_found_where_it_begins() {
        let packet = of(
            &[
                (HOP_BY_HOP, &[0; 7]),
                (DESTINATION, &[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
                (ROUTING, &[0; 7]),
                (FRAGMENT, &[9, 0, 1, 0, 0, 0, 7]),
                (AUTHENTICATION, &[4; 23]),
                (DESTINATION, &[0; 7]),
            ],
            17,
        );
        let places = [HOP_BY_HOP, DESTINATION, ROUTING, FRAGMENT, AUTHENTICATION]
            .map(|kind| find(&packet, kind));
        assert_eq!(places, [40, 48, 64, 72, 80].map(|at| Ok(Some(at))));
        assert_eq!(find(&of(&[], 17), FRAGMENT), Ok(None));
        assert_eq!(find(&of(&[(HOP_BY_HOP, &[0; 7])], ESP), FRAGMENT), Ok(None));
        assert_eq!(find(&of(&[(HOP_BY_HOP, &[0; 7])], NONE), FRAGMENT), Ok(None));
    }

    #[test]
    fn behind_a_later_fragment_there_are_no_headers() {
        let later = of(&[(FRAGMENT, &[0, 0, 8, 0, 0, 0, 7]), (DESTINATION, &[0; 7])], 17);
        assert_eq!(find(&later, FRAGMENT), Ok(Some(40)));
        assert_eq!(find(&later, DESTINATION), Ok(None));
        let first = of(&[(FRAGMENT, &[0, 0, 1, 0, 0, 0, 7]), (DESTINATION, &[0; 7])], 17);
        assert_eq!(find(&first, DESTINATION), Ok(Some(48)));
    }

    #[test]
    fn cut_short() {
        let whole = of(&[(ROUTING, &[0; 7]), (FRAGMENT, &[0; 7])], 17);
        for (length, routing, fragment) in [
            (41, Err(CutShort), Err(CutShort)),
            (43, Err(CutShort), Err(CutShort)),
            (44, Ok(Some(40)), Err(CutShort)),
            (51, Ok(Some(40)), Err(CutShort)),
            (52, Ok(Some(40)), Ok(Some(48))),
        ] {
            assert_eq!(find(&whole[..length], ROUTING), routing, "{length}");
            assert_eq!(find(&whole[..length], FRAGMENT), fragment, "{length}");
        }
        assert_eq!(find(&[], ROUTING), Err(CutShort));
        // Longer than the packet.
        assert_eq!(find(&of(&[(DESTINATION, &[9; 7])], FRAGMENT), FRAGMENT), Err(CutShort));
    }
}
