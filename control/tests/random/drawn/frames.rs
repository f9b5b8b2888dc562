//! Frames as they come from hosts, from attackers and from broken cables.

use super::choices::Choices;
use super::packets::{ENDS4, ENDS6, end6, flags, packet, v4_packet, v6_packet};
use super::support::frames::{checksum, gateway_mac, neighbour_mac};
use sluice_dataplane::wire::checksum::complete_l4;
use sluice_dataplane::wire::parse::{Payload, parse_trusted};

/// What makes a frame one of lan.5.
const TAG: [u8; 4] = [0x81, 0, 0, 5];

/// A frame and the port it comes in by.
pub type Arriving = (u16, Vec<u8>);

/// One or more frames; `past` are some that came or that the gateway sent.
pub fn draw(choices: &mut Choices<'_>, past: &Past) -> Vec<Arriving> {
    let frames = match choices.below(16) {
        5 | 6 if !past.came.is_empty() => vec![choices.picked(&past.came)],
        7..=10 if !past.sent.is_empty() => vec![answer(choices, &past.sent)],
        11 if !past.sent.is_empty() => vec![error(choices, &past.sent)],
        12 | 13 => fragments(choices),
        14 => vec![neighbour(choices)],
        15 => vec![noise(choices)],
        _ => vec![whole(choices)],
    };
    frames.into_iter().map(|(port, frame)| (port, spoilt(choices, frame))).collect()
}

/// The last frames.
#[derive(Debug, Default)]
pub struct Past {
    came: Vec<Arriving>,
    sent: Vec<Arriving>,
}

impl Past {
    /// Frames that came, and those that left for it.
    pub fn remember(&mut self, came: &[Arriving], sent: Vec<Arriving>) {
        const REMEMBERED: usize = 12;
        self.came.extend(came.iter().cloned());
        self.sent.extend(sent);
        for list in [&mut self.came, &mut self.sent] {
            let more = list.len().saturating_sub(REMEMBERED);
            list.drain(..more);
        }
    }
}

/// UDP datagrams of both families that hold these bytes.
pub fn carrying(bytes: &[u8]) -> [Vec<u8>; 2] {
    let choices = &mut Choices::new(&[]);
    let bytes = &bytes[..bytes.len().min(1400)];
    let length = (8 + bytes.len()) as u16;
    let segment = [&[15, 160, 0, 53][..], &length.to_be_bytes(), &[0, 0], bytes].concat();
    let v4 = v4_packet(choices, [0, 1], 17, &segment);
    let v6 = v6_packet(choices, [0, 1], 17, &segment);
    [framed(choices, 0, false, &v4).1, framed(choices, 0, true, &v6).1]
}

/// A packet of its own accord.
pub fn whole(choices: &mut Choices<'_>) -> Arriving {
    let (place, v6) = (choices.below(8), choices.once_in(3));
    let packet = packet(choices, v6, place);
    framed(choices, place, v6, &packet)
}

/// The frame of an IP packet, its checksums right.
fn framed(choices: &mut Choices<'_>, place: usize, v6: bool, packet: &[u8]) -> Arriving {
    let port = [0, 0, 0, 1, 1, 0, 2, 3][place];
    let kind = if v6 { [0x86, 0xdd] } else { [8, 0] };
    let to = if choices.once_in(24) { [0xff; 6] } else { gateway_mac(port % 2) };
    let tag = if place == 5 { &TAG[..] } else { &[] };
    let mut frame = [&to[..], &neighbour_mac(port % 2), tag, &kind, packet].concat();
    mend(&mut frame, true);
    (port, frame)
}

/// A datagram in pieces, in any order, some of them twice or not at all, now and then overlapping.
fn fragments(choices: &mut Choices<'_>) -> Vec<Arriving> {
    let (place, v6) = (choices.below(6), choices.once_in(3));
    let packet = packet(choices, v6, place);
    let (_, whole) = framed(choices, place, v6, &packet);
    let l3 = if place == 5 { 18 } else { 14 };
    let header = if v6 { 40 } else { 4 * usize::from(whole[l3] & 15) };
    let (before, payload) = whole[l3..].split_at(header);
    let step = 8 * (1 + choices.below(12));
    let mut pieces = Vec::new();
    for at in (0..payload.len()).step_by(step).take(20) {
        let longer = if choices.once_in(16) { 8 } else { 0 };
        let end = (at + step + longer).min(payload.len());
        let more = end < payload.len() || choices.once_in(16);
        let piece = &payload[at..end];
        let mut packet = before.to_vec();
        if v6 {
            packet[4..6].copy_from_slice(&((piece.len() + 8) as u16).to_be_bytes());
            let next = std::mem::replace(&mut packet[6], 44);
            packet.extend([next, 0]);
            packet.extend((at as u16 | u16::from(more)).to_be_bytes());
            packet.extend([0, 0, 0, 3]);
        } else {
            packet[2..4].copy_from_slice(&((header + piece.len()) as u16).to_be_bytes());
            packet[6..8].copy_from_slice(&((at / 8) as u16 | u16::from(more) << 13).to_be_bytes());
        }
        let mut frame = [&whole[..l3], &packet, piece].concat();
        mend(&mut frame, false);
        pieces.push((if place == 3 || place == 4 { 1 } else { 0 }, frame));
    }
    let mut out = Vec::new();
    while !pieces.is_empty() {
        let piece = pieces.remove(choices.below(pieces.len()));
        match choices.below(16) {
            14 => {}
            15 => out.extend([piece.clone(), piece]),
            _ => out.push(piece),
        }
    }
    out
}

/// What the receiver of a frame that was sent says: addresses and ports change places, flags are others.
pub fn answer(choices: &mut Choices<'_>, sent: &[Arriving]) -> Arriving {
    let (port, mut frame) = choices.picked(sent);
    let Ok(parsed) = parse_trusted(&frame) else { return (port, frame) };
    let Payload::Ip(headers) = parsed.payload else { return (port, frame) };
    let (l3, l4) = (usize::from(headers.l3), usize::from(headers.l4));
    let (at, size) = if frame[l3] >> 4 == 4 { (l3 + 12, 4) } else { (l3 + 8, 16) };
    let mut swap = |at: usize, size: usize| {
        if at + 2 * size <= frame.len() {
            (0..size).for_each(|byte| frame.swap(at + byte, at + size + byte));
        }
    };
    swap(at, size);
    swap(0, 6);
    match headers.protocol {
        6 => {
            swap(l4, 2);
            swap(l4 + 4, 4);
            if let Some(byte) = frame.get_mut(l4 + 13) {
                *byte = flags(choices);
            }
            if let Some(byte) = frame.get_mut(l4 + 11) {
                *byte = byte.wrapping_add(choices.byte() % 3);
            }
        }
        17 | 33 | 132 => swap(l4, 2),
        1 if frame.get(l4) == Some(&8) => frame[l4] = 0,
        58 if frame.get(l4) == Some(&128) => frame[l4] = 129,
        _ => {}
    }
    mend(&mut frame, true);
    (port, frame)
}

/// An ICMP error about a frame that was sent, which it quotes.
fn error(choices: &mut Choices<'_>, sent: &[Arriving]) -> Arriving {
    let (port, frame) = choices.picked(sent);
    let place = if port == 1 { 3 } else { 0 };
    let quote = frame.get(14..).unwrap_or_default();
    let v6 = quote.first().is_some_and(|byte| byte >> 4 == 6);
    let kinds = [(3, 1), (3, 3), (3, 4), (11, 0), (12, 0), (5, 1), (4, 0), (1, 4), (2, 0), (4, 1)];
    let (kind, code) = choices.one(&kinds);
    let length = quote.len().min(choices.one(&[2000, 2000, 28, 48, 20, 60, 7, 0]));
    let mut message = vec![kind, code, 0, 0, 0, 0, choices.byte() % 8, choices.byte()];
    message.extend(&quote[..length]);
    message.truncate(1400);
    let to = match (v6, quote.len()) {
        (true, 40..) => quote[8..24].to_vec(),
        (false, 20..) => quote[12..16].to_vec(),
        _ => return (port, frame),
    };
    let mut packet = match v6 {
        true => v6_packet(choices, [1, 0], 58, &message),
        false => v4_packet(choices, [1, 0], 1, &message),
    };
    let at = if v6 { 24 } else { 16 };
    packet[at..at + to.len()].copy_from_slice(&to);
    framed(choices, place, v6, &packet)
}

/// ARP, or neighbour discovery.
fn neighbour(choices: &mut Choices<'_>) -> Arriving {
    let port = choices.below(2) as u16;
    let to = if choices.below(2) == 0 { [0xff; 6] } else { gateway_mac(port) };
    let own = neighbour_mac(port);
    if choices.below(2) == 0 {
        let mut frame =
            [&to[..], &own, &[8, 6, 0, 1, 8, 0, 6, 4, 0, 1 + choices.byte() % 3], &own].concat();
        frame.extend(ENDS4[choices.below(12)]);
        frame.extend(gateway_mac(port));
        frame.extend(ENDS4[choices.below(12)]);
        return (port, frame);
    }
    let kind = choices.one(&[135, 136, 135, 136, 133, 134, 137]);
    let mut message = vec![kind, 0, 0, 0, choices.byte(), 0, 0, 0];
    message.extend(end6(ENDS6[choices.below(10)]));
    for _ in 0..choices.below(3) {
        message.extend([1 + choices.byte() % 3, choices.one(&[1, 1, 1, 0, 2])]);
        message.extend(own);
    }
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend((message.len() as u16).to_be_bytes());
    packet.extend([58, choices.one(&[255, 255, 255, 64])]);
    packet.extend(end6(ENDS6[choices.below(10)]));
    packet.extend(end6(ENDS6[choices.below(10)]));
    packet.extend(message);
    framed(choices, if port == 1 { 3 } else { 0 }, true, &packet)
}

/// Anything behind an Ethernet header, or less than one.
fn noise(choices: &mut Choices<'_>) -> Arriving {
    let port = choices.below(6) as u16;
    let kind = choices.one(&[[8, 0], [0x86, 0xdd], [8, 6], [0x81, 0], [0x88, 0xa8], [0, 40]]);
    let count = choices.below(80);
    let rest = choices.bytes(count);
    let mut frame = [&gateway_mac(port % 2)[..], &neighbour_mac(port % 2), &kind, &rest].concat();
    if choices.once_in(8) {
        frame.truncate(choices.below(16));
    }
    (port, frame)
}

/// Some bytes of some frames become others, or are cut off, or more.
fn spoilt(choices: &mut Choices<'_>, mut frame: Vec<u8>) -> Vec<u8> {
    if !choices.once_in(6) || frame.is_empty() {
        return frame;
    }
    for _ in 0..choices.below(4) {
        let at = choices.below(frame.len().min(120));
        frame[at] = choices.byte();
    }
    match choices.below(6) {
        4 => frame.truncate(choices.below(frame.len().min(256))),
        5 => frame.extend([0xee; 20]),
        _ => {}
    }
    if choices.below(4) < 3 {
        let layer4 = choices.below(2) == 1;
        mend(&mut frame, layer4);
    }
    frame
}

/// Makes the checksum of an IPv4 header right, as far as there is one, and that of layer 4.
fn mend(frame: &mut [u8], layer4: bool) {
    let l3 = if frame.get(12..14) == Some(&[0x81, 0]) { 18 } else { 14 };
    if frame.get(l3 - 2..l3) == Some(&[8, 0])
        && let Some(first) = frame.get(l3)
    {
        let end = l3 + 4 * usize::from(first & 15);
        if (l3 + 20..=frame.len()).contains(&end) {
            frame[l3 + 10..l3 + 12].fill(0);
            let sum = checksum(&frame[l3..end]);
            frame[l3 + 10..l3 + 12].copy_from_slice(&sum.to_be_bytes());
        }
    }
    if layer4
        && let Ok(parsed) = parse_trusted(frame)
        && let Payload::Ip(headers) = parsed.payload
        && headers.fragment.is_none()
    {
        complete_l4(frame, &headers);
    }
}
