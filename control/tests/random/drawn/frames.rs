//! Frames as they come from hosts, from attackers and from broken cables.

use super::choices::Choices;
use super::support::frames::{checksum, gateway_mac, neighbour_mac};
use sluice_dataplane::wire::checksum::complete_l4;
use sluice_dataplane::wire::parse::{Payload, parse_trusted};

/// Ports: lan (which also carries lan.5), wan, and the twins of the three in the host.
pub const PORTS: u16 = 5;
const TAG: [u8; 4] = [0x81, 0, 0, 5];

/// A frame and the port it comes in by.
pub type Arriving = (u16, Vec<u8>);

const ENDS4: [[u8; 4]; 12] = [
    [10, 1, 0, 2],
    [192, 168, 1, 1],
    [192, 168, 1, 146],
    [10, 1, 0, 1],
    [198, 51, 100, 7],
    [10, 1, 0, 9],
    [192, 168, 1, 200],
    [10, 5, 0, 9],
    [203, 0, 113, 5],
    [224, 0, 0, 5],
    [255, 255, 255, 255],
    [127, 0, 0, 1],
];
/// The seventh byte (or the first two) of fd00:N::, and the last.
const ENDS6: [(u16, u8, u8); 10] = [
    (0xfd00, 1, 2),
    (0xfd00, 2, 9),
    (0xfd00, 2, 1),
    (0xfd00, 1, 1),
    (0xfd00, 6, 7),
    (0xfd00, 3, 1),
    (0xfd00, 1, 0x77),
    (0xff02, 0, 1),
    (0xfe80, 0, 9),
    (0, 0, 1),
];

fn end6((first, net, last): (u16, u8, u8)) -> [u8; 16] {
    let mut address = [0; 16];
    address[..2].copy_from_slice(&first.to_be_bytes());
    (address[3], address[15]) = (net, last);
    address
}

/// One or more frames; `sent` are some that the gateway has sent before.
pub fn draw(choices: &mut Choices<'_>, sent: &[Arriving]) -> Vec<Arriving> {
    let frames = match choices.below(16) {
        11 | 12 if !sent.is_empty() => vec![answer(choices, sent)],
        13 if !sent.is_empty() => vec![error(choices, sent)],
        14 => vec![neighbour(choices)],
        15 => vec![noise(choices)],
        9 | 10 => fragments(choices),
        _ => vec![whole(choices)],
    };
    frames.into_iter().map(|(port, frame)| (port, spoilt(choices, frame))).collect()
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
fn whole(choices: &mut Choices<'_>) -> Arriving {
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

/// An IP packet without checksums: mostly from one side to the other.
fn packet(choices: &mut Choices<'_>, v6: bool, place: usize) -> Vec<u8> {
    let [from, to] = match place {
        3 | 4 => [choices.one(&[1, 1, 4]), choices.one(&[2, 0, 2, 8])],
        6 | 7 => [choices.one(&[2, 3]), choices.one(&[0, 1, 4])],
        _ => [0, choices.one(&[1, 4, 1, 2, 3])],
    };
    let mut end = |usual| if choices.once_in(8) { choices.below(12) } else { usual };
    let [from, to] = [end(from), end(to)];
    let (number, segment) = segment(choices, v6);
    if v6 {
        v6_packet(choices, [from, to], number, &segment)
    } else {
        v4_packet(choices, [from, to], number, &segment)
    }
}

fn v4_packet(choices: &mut Choices<'_>, ends: [usize; 2], number: u8, segment: &[u8]) -> Vec<u8> {
    const OPTIONS: [&[u8]; 7] = [
        &[1, 1, 1, 1],
        &[148, 4, 0, 0],
        &[7, 7, 4, 0, 0, 0, 0, 0],
        &[68, 12, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0],
        &[131, 7, 4, 10, 1, 0, 1, 0],
        &[136, 4, 0, 1],
        &[130, 40, 0, 0],
    ];
    let options = if choices.once_in(12) { choices.one(&OPTIONS) } else { &[] };
    let length = 20 + options.len();
    let mut packet = vec![0x40 | (length / 4) as u8, tos(choices)];
    packet.extend(((length + segment.len()) as u16).to_be_bytes());
    packet.extend([0, choices.byte() % 4, if choices.below(2) == 0 { 0x40 } else { 0 }, 0]);
    packet.extend([ttl(choices), number, 0, 0]);
    packet.extend(ENDS4[ends[0]]);
    packet.extend(ENDS4[ends[1]]);
    [&packet, options, segment].concat()
}

fn v6_packet(choices: &mut Choices<'_>, ends: [usize; 2], number: u8, segment: &[u8]) -> Vec<u8> {
    let (next, rest) = extended(choices, number, segment.to_vec());
    let tos = tos(choices);
    let mut packet = vec![0x60 | tos >> 4, tos << 4, 0, 0];
    packet.extend((rest.len() as u16).to_be_bytes());
    packet.extend([next, ttl(choices)]);
    ends.iter().for_each(|end| packet.extend(end6(ENDS6[end % ENDS6.len()])));
    [packet, rest].concat()
}

/// Extension headers before a segment, most often none.
fn extended(choices: &mut Choices<'_>, number: u8, segment: Vec<u8>) -> (u8, Vec<u8>) {
    let (mut next, mut rest) = (number, segment);
    while choices.once_in(6) && rest.len() < 600 {
        let kind = choices.one(&[0, 60, 43, 44, 51, 135, 60, 0]);
        let header = match kind {
            44 => vec![next, 0, 0, choices.byte() & 1, 0, 0, 0, 1],
            51 => vec![next, 4, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            43 => [
                vec![next, 2, choices.one(&[0, 2, 4]), choices.byte() % 3, 0, 0, 0, 0],
                end6(ENDS6[1]).into(),
            ]
            .concat(),
            _ => {
                let body = choices.one(&[
                    [5, 2, 0, 0, 1, 0],
                    [1, 4, 0, 0, 0, 0],
                    [30, 4, 1, 2, 3, 4],
                    [0x8b, 9, 1, 2, 3, 4],
                ]);
                [&[next, 0][..], &body].concat()
            }
        };
        (next, rest) = (kind, [header, rest].concat());
    }
    (next, rest)
}

fn tos(choices: &mut Choices<'_>) -> u8 {
    choices.one(&[0, 0, 0, 0, 0x10, 1, 2, 3, 0xb8])
}

fn ttl(choices: &mut Choices<'_>) -> u8 {
    choices.one(&[64, 64, 64, 64, 64, 64, 2, 1, 0, 255])
}

/// Protocol and segment.
fn segment(choices: &mut Choices<'_>, v6: bool) -> (u8, Vec<u8>) {
    let mut port = || choices.one(&[4000_u16, 80, 53, 4001, 4002, 6000, 8080, 1]).to_be_bytes();
    let ports = [port(), port()].concat();
    let mut segment = ports;
    let number = match choices.below(12) {
        0..=3 => {
            segment.extend(u32::from(choices.byte()).to_be_bytes());
            segment.extend(u32::from(choices.byte()).to_be_bytes());
            let options = tcp_options(choices);
            segment.extend([
                ((20 + options.len()) / 4 << 4) as u8,
                flags(choices),
                choices.byte(),
                0,
                0,
                0,
                0,
                0,
            ]);
            segment.extend(options);
            6
        }
        4 | 5 => {
            let mut message = vec![
                choices.one(if v6 { &[128, 129, 128, 1] } else { &[8, 0, 8, 13] }),
                0,
                0,
                0,
                0,
                7,
                0,
                1,
            ];
            message.resize(message.len() + choices.below(64), 0);
            return (if v6 { 58 } else { 1 }, message);
        }
        6 => {
            segment.extend([0; 8]);
            segment.extend(choices.one(&[
                &[0_u8, 3, 0, 20, 0, 0, 0, 1][..],
                &[1, 0, 0, 20, 0, 0],
                &[14, 1, 0, 0],
                &[0, 0, 0, 3],
            ]));
            132
        }
        7 => {
            segment.extend([
                choices.byte() % 8,
                0,
                0,
                0,
                choices.byte(),
                0,
                0,
                1,
                0,
                0,
                0,
                1,
                choices.byte() % 64,
                3,
                1,
                2,
            ]);
            33
        }
        8 => choices.one(&[47, 50, 51, 136, 135, 59, 255, 2]),
        _ => {
            segment.extend([0; 4]);
            17
        }
    };
    if choices.below(3) > 0 {
        segment.extend(choices.one(&[
            &b"data ooxx"[..],
            b"a",
            &[7; 200],
            &[0x66; 1400],
            b"aaaaaaaaaaaaaaab",
        ]));
    }
    if number == 17 {
        let length = (segment.len() as u16).to_be_bytes();
        segment[4..6].copy_from_slice(&length);
    }
    (number, segment)
}

fn flags(choices: &mut Choices<'_>) -> u8 {
    choices.one(&[2, 2, 0x12, 0x10, 0x10, 0x18, 0x11, 4, 0x14, 0, 3, 0xc2, 0x29])
}

fn tcp_options(choices: &mut Choices<'_>) -> Vec<u8> {
    const ALL: [&[u8]; 9] = [
        &[2, 4, 5, 180],
        &[1, 3, 3, 7],
        &[4, 2, 1, 1],
        &[1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0],
        &[1, 1, 5, 10, 0, 0, 0, 20, 0, 0, 0, 30],
        &[1, 2, 4, 5, 180, 0, 0, 0],
        &[3, 0, 0, 0],
        &[8, 40, 1, 1],
        &[253, 4, 1, 2],
    ];
    let mut options = Vec::new();
    for _ in 0..choices.below(4) {
        let option = choices.one(&ALL);
        if options.len() + option.len() <= 40 {
            options.extend(option);
        }
    }
    options
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
fn answer(choices: &mut Choices<'_>, sent: &[Arriving]) -> Arriving {
    let (port, mut frame) = sent[choices.below(sent.len())].clone();
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
    let (port, frame) = sent[choices.below(sent.len())].clone();
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
    if !choices.once_in(4) || frame.is_empty() {
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
