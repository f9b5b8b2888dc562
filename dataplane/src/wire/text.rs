//! Text in a TCP segment or a UDP datagram that becomes other text, and so longer or shorter (kernel
//! `nf_nat_mangle_tcp_packet`, `nf_nat_mangle_udp_packet`).

use super::parse::Headers;
use super::{checksum, header, protocol, put, u16_at};
use crate::packet::Packet;
use std::ops::Range;

/// Replaces the bytes at `place` of a frame by `text`, and mends lengths and checksums. Gives by how much it has grown,
/// modulo 2³²; none, and nothing changed, where the place is not in it or there is no room. A UDP datagram without checksum
/// stays without.
pub fn replace<P: Packet>(
    packet: &mut P,
    headers: &mut Headers,
    place: Range<usize>,
    text: &[u8],
) -> Option<u32> {
    let end = usize::from(headers.end);
    let is_inside = usize::from(headers.l4) <= place.start
        && place.start <= place.end
        && place.end <= end
        && end <= packet.data().len();
    let new_end = (end + text.len()).checked_sub(place.len()).filter(|_| is_inside)?;
    let length = u16::try_from(new_end).ok()?;
    let missing = new_end.saturating_sub(packet.data().len());
    if missing > 0 && !packet.append(missing) {
        return None;
    }
    let data = packet.data_mut();
    let behind = place.start + text.len();
    data.copy_within(place.end..end, behind);
    data.get_mut(place.start..behind)?.copy_from_slice(text);
    // What is left behind is padding.
    data.get_mut(new_end..end.max(new_end))?.fill(0);
    headers.end = length;
    header::set_length(data, headers);
    let mut has_checksum = true;
    if headers.protocol == protocol::UDP {
        let l4 = usize::from(headers.l4);
        has_checksum = u16_at(data, l4 + 6) != Some(0);
        put(data, l4 + 4, &length.saturating_sub(headers.l4).to_be_bytes());
    }
    if has_checksum {
        checksum::complete_l4(data, headers);
    }
    Some(u32::from(length).wrapping_sub(end as u32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::MemoryPacket;
    use crate::wire::checksum::{L4ChecksumState, l4_state};
    use crate::wire::parse::{Payload, parse};
    use crate::wire::samples;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_changed_text_stands_in_a_right_packet(
            before in prop::collection::vec(any::<u8>(), 1..90),
            text in prop::collection::vec(any::<u8>(), 0..60),
            cut: prop::sample::Index, length: prop::sample::Index, v6: bool,
        ) {
            let frame = samples::tcp_with(v6, &before);
            let Payload::Ip(headers) = parse(&frame).unwrap().payload else { panic!("{frame:?}") };
            let start = usize::from(headers.end) - before.len();
            let from = cut.index(before.len());
            let to = from + length.index(before.len() - from + 1);
            let (mut packet, mut changed) = (MemoryPacket::new(&frame), headers);
            let grown =
                replace(&mut packet, &mut changed, start + from..start + to, &text).unwrap();
            let expected = [&before[..from], &text, &before[to..]].concat();
            prop_assert_eq!(grown, (expected.len() as u32).wrapping_sub(before.len() as u32));
            prop_assert_eq!(&packet.data()[start..usize::from(changed.end)], &expected[..]);
            let again = parse(packet.data()).map(|frame| frame.payload);
            prop_assert_eq!(again.ok(), Some(Payload::Ip(changed)));
            prop_assert_eq!(l4_state(packet.data(), &changed), L4ChecksumState::Good);
        }
    }
}
