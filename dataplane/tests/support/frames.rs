//! Frames made by hand, with a checksum routine of its own.

/// MAC of the gateway on an interface.
pub const fn gateway_mac(port: u16) -> [u8; 6] {
    [2, 0, 0, 0, 0, 0xf0 + port as u8]
}

/// MAC of the one neighbour of an interface.
pub const fn neighbour_mac(port: u16) -> [u8; 6] {
    [2, 0, 0, 0, 0, 0x10 + port as u8]
}

/// An endpoint: address and port.
pub type End = ([u8; 4], u16);

/// RFC 1071, word by word.
pub fn checksum(bytes: &[u8]) -> u16 {
    let mut sum = 0_u32;
    for pair in bytes.chunks(2) {
        sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// An IPv4 frame as it arrives at `port`; `bits` are the flags and the fragment offset.
pub fn ipv4(
    port: u16,
    protocol: u8,
    source: [u8; 4],
    destination: [u8; 4],
    bits: u16,
    payload: &[u8],
) -> Vec<u8> {
    let mut header = vec![0x45, 0];
    header.extend(((20 + payload.len()) as u16).to_be_bytes());
    header.extend([0x12, 0x34]);
    header.extend(bits.to_be_bytes());
    header.extend([64, protocol, 0, 0]);
    header.extend(source);
    header.extend(destination);
    let sum = checksum(&header);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    [&gateway_mac(port)[..], &neighbour_mac(port), &[8, 0], &header, payload].concat()
}

/// A UDP header and payload with its checksum.
pub fn udp_segment(from: End, to: End, payload: &[u8]) -> Vec<u8> {
    let length = (8 + payload.len()) as u16;
    let mut segment =
        [&from.1.to_be_bytes()[..], &to.1.to_be_bytes(), &length.to_be_bytes(), &[0, 0], payload]
            .concat();
    let pseudo = [&from.0[..], &to.0, &[0, 17], &length.to_be_bytes(), &segment].concat();
    // Zero would say that there is none.
    let sum = Some(checksum(&pseudo)).filter(|sum| *sum != 0).unwrap_or(u16::MAX);
    segment[6..8].copy_from_slice(&sum.to_be_bytes());
    segment
}

/// A UDP frame arriving at `port`.
pub fn udp(port: u16, from: End, to: End) -> Vec<u8> {
    ipv4(port, 17, from.0, to.0, 0, &udp_segment(from, to, b"sixteen bytes..."))
}

/// A TCP frame without options arriving at `port`, window 64240.
pub fn tcp(port: u16, from: End, to: End, flags: u8, seq: u32, ack: u32, data: &[u8]) -> Vec<u8> {
    let mut segment = [from.1.to_be_bytes(), to.1.to_be_bytes()].concat();
    segment.extend([seq.to_be_bytes(), ack.to_be_bytes()].concat());
    segment.extend([0x50, flags, 0xfa, 0xf0, 0, 0, 0, 0]);
    segment.extend(data);
    let length = (segment.len() as u16).to_be_bytes();
    let sum = checksum(&[&from.0[..], &to.0, &[0, 6], &length, &segment].concat());
    segment[16..18].copy_from_slice(&sum.to_be_bytes());
    ipv4(port, 6, from.0, to.0, 0, &segment)
}

/// The same UDP datagram in two fragments, the later one second.
pub fn udp_fragments(port: u16, from: End, to: End) -> [Vec<u8>; 2] {
    let segment = udp_segment(from, to, &[7; 100]);
    let (first, second) = segment.split_at(64);
    [ipv4(port, 17, from.0, to.0, 0x2000, first), ipv4(port, 17, from.0, to.0, 64 / 8, second)]
}

/// Source and destination of a UDP or TCP frame over IPv4.
pub fn ends(frame: &[u8]) -> (End, End) {
    let address = |at: usize| [frame[at], frame[at + 1], frame[at + 2], frame[at + 3]];
    let port = |at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
    ((address(26), port(34)), (address(30), port(36)))
}

/// TTL of an IPv4 frame.
pub fn ttl(frame: &[u8]) -> u8 {
    frame[22]
}

/// Checks both checksums of a whole UDP or TCP frame without IP options.
pub fn assert_checksums(frame: &[u8]) {
    assert_eq!(checksum(&frame[14..34]), 0, "IPv4 header checksum");
    let segment = &frame[34..];
    let length = (segment.len() as u16).to_be_bytes();
    let pseudo = [&frame[26..34], &[0, frame[23]], &length, segment].concat();
    assert_eq!(checksum(&pseudo), 0, "UDP or TCP checksum");
}
