//! Options of a TCP header, RFC 9293 section 3.1.

use super::parse::Headers;
use super::{checksum, header, put, u16_at};
use crate::packet::Packet;
use std::ops::Range;

/// Where the checksum stands in the header.
const CHECKSUM: usize = 16;

/// End of the list.
pub const END: u8 = 0;
/// One byte of nothing.
pub const NOP: u8 = 1;
/// Maximum segment size.
pub const MSS: u8 = 2;
/// Window scale, RFC 7323.
pub const WINDOW_SCALE: u8 = 3;
/// SACK permitted, RFC 2018.
pub const SACK_PERMITTED: u8 = 4;
/// Blocks that have arrived, RFC 2018.
pub const SACK: u8 = 5;
/// Timestamps, RFC 7323.
pub const TIMESTAMPS: u8 = 8;

/// Where the options of a whole TCP header stand in the frame.
fn room(data: &[u8], headers: &Headers) -> Option<Range<usize>> {
    let l4 = usize::from(headers.l4);
    let length = usize::from(data.get(l4 + 12)? >> 4) * 4;
    let end = l4 + length;
    (length >= 20 && end <= usize::from(headers.end) && end <= data.len()).then_some(l4 + 20..end)
}

/// Every option: its kind, and where kind, length and value stand in the frame. As lenient as netfilter
/// (`xt_tcpudp.c`, `xt_TCPMSS.c`): the end of the list does not end it, an option of no length has one byte, and
/// the last may be said to go beyond the header.
pub fn each<'d>(
    data: &'d [u8],
    headers: &Headers,
) -> impl Iterator<Item = (u8, Range<usize>)> + 'd {
    let mut room = room(data, headers).unwrap_or(0..0);
    std::iter::from_fn(move || {
        let at = room.start;
        let kind = *data.get(at).filter(|_| at < room.end)?;
        let length = match kind {
            END | NOP => 1,
            _ => data.get(at + 1).filter(|_| at + 1 < room.end).map_or(1, |length| *length),
        };
        room.start = at + usize::from(length.max(1));
        Some((kind, at..room.start))
    })
}

/// Every option up to the end of the list, as strict as `nf_conntrack_seqadj.c`: none in place of one that is cut
/// short, which ends them.
pub fn whole<'d>(
    data: &'d [u8],
    headers: &Headers,
) -> impl Iterator<Item = Option<(u8, Range<usize>)>> + 'd {
    let mut room = room(data, headers).unwrap_or(0..0);
    std::iter::from_fn(move || {
        let at =
            room.start + data.get(room.clone())?.iter().take_while(|&&kind| kind == NOP).count();
        let kind = *data.get(at).filter(|&&kind| at < room.end && kind != END)?;
        let length = data.get(at + 1).map_or(0, |length| usize::from(*length));
        let fits = at + 1 < room.end && length >= 2 && at + length <= room.end;
        room.start = if fits { at + length } else { room.end };
        Some(fits.then_some((kind, at..at + length)))
    })
}

/// Whether no option is cut short.
#[must_use]
pub fn are_whole(data: &[u8], headers: &Headers) -> bool {
    whole(data, headers).all(|option| option.is_some())
}

/// Where the maximum segment size stands, whole and of the right length.
#[must_use]
pub fn mss(data: &[u8], headers: &Headers) -> Option<Range<usize>> {
    let end = room(data, headers)?.end;
    each(data, headers)
        .find(|(kind, at)| *kind == MSS && at.len() == 4 && at.end <= end)
        .map(|(_, at)| at)
}

/// Overwrites bytes of a TCP header, `at` bytes from its beginning, and mends the checksum (RFC 1624).
pub fn replace(data: &mut [u8], headers: &Headers, at: usize, new: &[u8]) {
    let l4 = usize::from(headers.l4);
    let Some(mut sum) = u16_at(data, l4 + CHECKSUM) else { return };
    for (place, &byte) in (at..).zip(new) {
        let Some(old) = data.get_mut(l4 + place) else { break };
        // A byte is the upper or the lower half of a word of the header.
        let shift = if place % 2 == 0 { 8 } else { 0 };
        sum = checksum::update16(sum, u16::from(*old) << shift, u16::from(byte) << shift);
        *old = byte;
    }
    put(data, l4 + CHECKSUM, &sum.to_be_bytes());
}

/// Options that have yet to be put before the others of a segment, so that rules may go on looking at it as it lies there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Added {
    /// A maximum segment size.
    pub mss: Option<u16>,
    /// How many there were, and are nothing any more.
    pub nothing: u8,
}

impl Added {
    /// Bytes of one.
    const OPTION: usize = 4;

    /// Bytes of all.
    #[must_use]
    pub const fn length(self) -> u8 {
        (self.nothing + self.mss.is_some() as u8) * Self::OPTION as u8
    }

    /// Takes out the maximum segment size.
    pub const fn strip(&mut self) {
        if self.mss.take().is_some() {
            self.nothing += 1;
        }
    }

    /// Puts them before the other options of a segment without data, the newest first, as far as there is room: how many
    /// bytes.
    pub fn put<P: Packet>(self, packet: &mut P, headers: &mut Headers) -> u32 {
        let mss = self.mss.map(u16::to_be_bytes).map(|[high, low]| [MSS, 4, high, low]);
        let nothing = std::iter::repeat_n([NOP; Self::OPTION], self.nothing.into());
        let before = headers.end;
        for option in nothing.chain(mss) {
            put_option(packet, headers, option);
        }
        u32::from(headers.end - before)
    }
}

fn put_option<P: Packet>(packet: &mut P, headers: &mut Headers, option: [u8; Added::OPTION]) {
    let (l4, end) = (usize::from(headers.l4), usize::from(headers.end));
    let grown = packet.append(option.len());
    let data = packet.data_mut();
    let room = grown && end + option.len() <= data.len();
    let Some(offset) = data.get(l4 + 12).copied().filter(|_| room) else {
        return;
    };
    // Options and whatever pads the frame move back.
    data.copy_within(l4 + 20..end, l4 + 20 + option.len());
    put(data, l4 + 20, &option);
    let before = u16_at(data, l4 + 12).unwrap_or_default();
    put(data, l4 + 12, &[offset.wrapping_add(0x10)]);
    let after = u16_at(data, l4 + 12).unwrap_or_default();
    // What the checksum covers grows, also by the length in the pseudo-header; a wrong one stays wrong.
    let length = headers.end - headers.l4;
    let grown = option.len() as u16;
    let [a, b, c, d] = option;
    let changes = [
        (0, u16::from_be_bytes([a, b])),
        (0, u16::from_be_bytes([c, d])),
        (before, after),
        (length, length + grown),
    ];
    let old = u16_at(data, l4 + CHECKSUM).unwrap_or_default();
    let sum = changes.iter().fold(old, |sum, (old, new)| checksum::update16(sum, *old, *new));
    put(data, l4 + CHECKSUM, &sum.to_be_bytes());
    headers.end += grown;
    header::set_length(data, headers);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::MemoryPacket;
    use crate::wire::checksum::{L4ChecksumState, l4_state};
    use crate::wire::parse::{Payload, parse};

    /// A SYN with these options.
    fn segment(options: &[u8]) -> (MemoryPacket, Headers) {
        let total = 40 + options.len();
        let mut frame = vec![0; 12];
        frame.extend([
            8,
            0,
            0x45,
            0,
            0,
            total as u8,
            0,
            1,
            0,
            0,
            64,
            6,
            0,
            0,
            10,
            0,
            0,
            1,
            10,
            0,
            0,
            2,
        ]);
        let sum = !checksum::sum(&frame[14..]);
        frame[24..26].copy_from_slice(&sum.to_be_bytes());
        frame.extend([0, 1, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4]);
        frame.extend([(5 + options.len() as u8 / 4) << 4, 2, 9, 9, 0, 0, 0, 0]);
        frame.extend(options);
        let Ok(parsed) = parse(&frame) else { panic!("{frame:?}") };
        let Payload::Ip(headers) = parsed.payload else { panic!("{parsed:?}") };
        checksum::complete_l4(&mut frame, &headers);
        (MemoryPacket::new(&frame), headers)
    }

    #[test]
    fn options_are_found_behind_malformed_ones_too() {
        let (packet, headers) = segment(&[NOP, 3, 3, 7, MSS, 4, 5, 0xb4]);
        let kinds: Vec<u8> = each(packet.data(), &headers).map(|(kind, _)| kind).collect();
        assert_eq!(kinds, [NOP, 3, MSS]);
        assert_eq!(mss(packet.data(), &headers), Some(58..62));
        for (options, count) in [([5, 0, MSS, 4], 3), ([END, MSS, 4, 0], 2), ([MSS, 9, 5, 0], 1)] {
            let (packet, headers) = segment(&options);
            assert_eq!(each(packet.data(), &headers).count(), count, "{options:?}");
            assert_eq!(mss(packet.data(), &headers), None, "{options:?}");
        }
    }

    #[test]
    fn a_changed_header_keeps_a_right_checksum() {
        let (mut packet, headers) = segment(&[NOP, MSS, 4, 5, 0xb4, NOP, NOP, NOP]);
        // The value begins at an odd byte.
        replace(packet.data_mut(), &headers, 23, &1400_u16.to_be_bytes());
        assert_eq!(l4_state(packet.data(), &headers), L4ChecksumState::Good);
        assert_eq!(packet.data()[57..59], 1400_u16.to_be_bytes());
    }

    #[test]
    fn an_added_option_stands_first() {
        let (mut packet, mut headers) = segment(&[3, 3, 7, NOP]);
        let added = Added { mss: Some(536), nothing: 0 };
        assert_eq!((added.length(), added.put(&mut packet, &mut headers)), (4, 4));
        let parsed = parse(packet.data()).map(|frame| frame.payload);
        assert_eq!(parsed.ok(), Some(Payload::Ip(headers)), "length and checksum of IP");
        assert_eq!(l4_state(packet.data(), &headers), L4ChecksumState::Good);
        let kinds: Vec<u8> = each(packet.data(), &headers).map(|(kind, _)| kind).collect();
        assert_eq!(kinds, [MSS, 3, NOP]);
    }
}
