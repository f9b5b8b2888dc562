//! IP packets as hosts make them and as nobody should: their checksums are put in later, with the frame.

use super::choices::Choices;

pub const ENDS4: [[u8; 4]; 12] = [
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
pub const ENDS6: [(u16, u8, u8); 10] = [
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

pub fn end6((first, net, last): (u16, u8, u8)) -> [u8; 16] {
    let mut address = [0; 16];
    address[..2].copy_from_slice(&first.to_be_bytes());
    (address[3], address[15]) = (net, last);
    address
}

/// An IP packet without checksums: mostly from one side to the other.
pub fn packet(choices: &mut Choices<'_>, v6: bool, place: usize) -> Vec<u8> {
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

pub fn v4_packet(
    choices: &mut Choices<'_>,
    ends: [usize; 2],
    number: u8,
    segment: &[u8],
) -> Vec<u8> {
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

pub fn v6_packet(
    choices: &mut Choices<'_>,
    ends: [usize; 2],
    number: u8,
    segment: &[u8],
) -> Vec<u8> {
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
                (((20 + options.len()) / 4) << 4) as u8,
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

pub fn flags(choices: &mut Choices<'_>) -> u8 {
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
