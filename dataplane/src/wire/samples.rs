//! Frames made by hand for the tests, with a checksum routine of its own.

use crate::wire::parse::{Headers, Payload, parse};

pub(crate) const SOURCE: [u8; 4] = [10, 1, 0, 2];
pub(crate) const DESTINATION: [u8; 4] = [192, 0, 2, 7];

/// RFC 1071 word by word: the reference for the one the data plane uses.
pub(crate) fn plain_checksum(bytes: &[u8]) -> u16 {
    let mut sum = 0_u32;
    for pair in bytes.chunks(2) {
        sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

fn ethernet(ethertype: u16) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    frame.extend(ethertype.to_be_bytes());
    frame
}

/// An IPv4 frame; `options` a multiple of four long, `bits` the flags and fragment offset field.
pub(crate) fn ipv4(protocol: u8, bits: u16, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let length = 20 + options.len();
    let mut header = vec![0x40 | (length / 4) as u8, 0x10];
    header.extend(((length + payload.len()) as u16).to_be_bytes());
    header.extend([0x12, 0x34]);
    header.extend(bits.to_be_bytes());
    header.extend([64, protocol, 0, 0]);
    header.extend(SOURCE);
    header.extend(DESTINATION);
    header.extend(options);
    let sum = plain_checksum(&header);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    [ethernet(0x0800), header, payload.to_vec()].concat()
}

/// An IPv6 frame from 2001:db8::1 to 2001:db8::2; `payload` begins with the header `next` names.
pub(crate) fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let mut header = vec![0x60, 0, 0, 0];
    header.extend((payload.len() as u16).to_be_bytes());
    header.extend([next, 64]);
    for last in [1, 2] {
        header.extend([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
    }
    [ethernet(0x86dd), header, payload.to_vec()].concat()
}

/// The pseudo-header of a frame made here.
pub(crate) fn pseudo(frame: &[u8], protocol: u8, length: usize) -> Vec<u8> {
    let addresses = if frame[14] >> 4 == 4 { &frame[26..34] } else { &frame[22..54] };
    [addresses, &(length as u32).to_be_bytes(), &[0, 0, 0, protocol]].concat()
}

/// A UDP header and payload without a checksum.
pub(crate) fn udp(payload: &[u8]) -> Vec<u8> {
    let length = (8 + payload.len()) as u16;
    [&[0x04, 0xd2, 0, 53], &length.to_be_bytes()[..], &[0, 0], payload].concat()
}

/// A TCP header without a checksum, sequence number 1000, acknowledgment 2000.
pub(crate) fn tcp(flags: u8, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let offset = ((20 + options.len()) / 4) as u8;
    let fixed = [0x9c, 0x40, 0, 80, 0, 0, 0x03, 0xe8, 0, 0, 0x07, 0xd0, offset << 4, flags];
    [&fixed, &[0x20, 0, 0, 0, 0, 0][..], options, payload].concat()
}

/// An echo request without a checksum, identifier 7, sequence 1.
pub(crate) fn echo(kind: u8, payload: &[u8]) -> Vec<u8> {
    [&[kind, 0, 0, 0, 0, 7, 0, 1], payload].concat()
}

/// Writes the layer-4 checksum at `at` within layer 4, by the reference.
pub(crate) fn completed(mut frame: Vec<u8>, at: usize) -> Vec<u8> {
    let headers = headers(&frame);
    let (l4, end) = (usize::from(headers.l4), usize::from(headers.end));
    frame[l4 + at..l4 + at + 2].fill(0);
    let mut covered = match headers.protocol {
        1 => Vec::new(),
        protocol => pseudo(&frame, protocol, end - l4),
    };
    covered.extend(&frame[l4..end]);
    let sum = match (headers.protocol, plain_checksum(&covered)) {
        // Zero would say that there is no checksum (RFC 768).
        (17, 0) => 0xffff,
        (_, sum) => sum,
    };
    frame[l4 + at..l4 + at + 2].copy_from_slice(&sum.to_be_bytes());
    frame
}

/// The headers of a frame that must be IP.
pub(crate) fn headers(frame: &[u8]) -> Headers {
    match parse(frame).unwrap().payload {
        Payload::Ip(headers) => headers,
        other => panic!("{other:?}"),
    }
}

/// A TCP segment with a right checksum and that payload.
pub(crate) fn tcp_with(v6: bool, payload: &[u8]) -> Vec<u8> {
    let segment = tcp(0x18, &[], payload);
    completed(if v6 { ipv6(6, &segment) } else { ipv4(6, 0, &[], &segment) }, 16)
}
