//! Owns what comes out of a router, as bytes that may be compared: without what it may choose freely.

use std::collections::BTreeSet;

use crate::frame::{self, addresses, is_v6};

/// A frame that came out of the router.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seen {
    /// The router's interface.
    pub interface: &'static str,
    /// The frame, Ethernet header included.
    pub frame: Vec<u8>,
}

impl Seen {
    /// The IP packet.
    pub fn packet(&self) -> &[u8] {
        &self.frame[14..]
    }

    /// Source and destination port of a TCP or UDP packet without IP options and extension headers.
    pub fn ports(&self) -> (u16, u16) {
        let at = if is_v6(self.packet()) { 54 } else { 34 };
        let word = |at: usize| u16::from_be_bytes([self.frame[at], self.frame[at + 1]]);
        (word(at), word(at + 2))
    }

    /// Without what a router may choose freely: the identification of packets that are its own (`ids` are those that
    /// hosts chose), and ports which were drawn, given as `(actual, canonical)`.
    pub(crate) fn normalised(&self, ids: &BTreeSet<u16>, aliases: &[(u16, u16)]) -> Self {
        let mut seen = self.clone();
        if seen.frame[12..14] == [0x08, 0x00] && seen.frame.len() >= 34 {
            let length = usize::from(u16::from_be_bytes([seen.frame[16], seen.frame[17]]));
            // Short frames are padded on some ways and not on others.
            seen.frame.truncate(14 + length);
            mask_id(&mut seen.frame[14..], ids);
            mask_time(&mut seen.frame[14..]);
            for &(actual, canonical) in aliases {
                replace_port(&mut seen.frame[14..], actual, canonical);
            }
        }
        if let Some(packet) = seen.frame.get_mut(14..).filter(|packet| is_v6(packet)) {
            let length = usize::from(u16::from_be_bytes([packet[4], packet[5]]));
            // Drawn at random wherever the kernel cuts a packet.
            if packet[6] == frame::FRAGMENT && length >= 8 {
                packet[44..48].fill(0);
            }
            seen.frame.truncate(14 + 40 + length);
            for &(actual, canonical) in aliases {
                replace_port(&mut seen.frame[14..], actual, canonical);
            }
        }
        seen
    }
}

/// Zeroes an identification that no host chose; the header checksum stays as right as it was.
fn mask_id(packet: &mut [u8], ids: &BTreeSet<u16>) {
    let header = usize::from(packet[0] & 15) * 4;
    let id = u16::from_be_bytes([packet[4], packet[5]]);
    // Once in 65,536 times a router draws what a host chose; its errors are known by their precedence.
    let error = packet[9] == 1
        && packet[1] & 0xc0 == 0xc0
        && matches!(packet.get(header), Some(3 | 5 | 11 | 12));
    if ids.contains(&id) && !error || frame::checksum(&packet[..header]) != 0 {
        return;
    }
    packet[4..6].fill(0);
    packet[10..12].fill(0);
    let sum = frame::checksum(&packet[..header]).to_be_bytes();
    packet[10..12].copy_from_slice(&sum);
}

/// Zeroes what an ICMP timestamp reply says of its maker's clock (RFC 792), and the checksum.
fn mask_time(packet: &mut [u8]) {
    let header = usize::from(packet[0] & 15) * 4;
    if packet[9] != frame::ICMP || packet.get(header) != Some(&14) {
        return;
    }
    for place in [2..4, 12..20] {
        if let Some(bytes) = packet.get_mut(header + place.start..header + place.end) {
            bytes.fill(0);
        }
    }
}

/// Replaces a port that was drawn at random in a TCP or UDP packet with a right checksum.
fn replace_port(packet: &mut [u8], actual: u16, canonical: u16) {
    let (protocol, header) = if is_v6(packet) { (packet[6], 40) } else { (packet[9], 20) };
    let at = match protocol {
        frame::TCP => 16,
        frame::UDP => 6,
        _ => return,
    };
    let (source, destination) = addresses(packet);
    let segment = &mut packet[header..];
    if frame::transport_checksum(source, destination, protocol, segment) != 0 {
        return;
    }
    for port in [0, 2] {
        if segment[port..port + 2] == actual.to_be_bytes() {
            segment[port..port + 2].copy_from_slice(&canonical.to_be_bytes());
        }
    }
    segment[at..at + 2].fill(0);
    let sum = frame::transport_checksum(source, destination, protocol, segment);
    segment[at..at + 2].copy_from_slice(&sum.to_be_bytes());
}

/// Whether a host says this by itself: neighbour discovery (RFC 4861, ICMPv6 133 to 136), or who wants which multicast
/// (RFC 3810, to ff02::16 behind a hop-by-hop header).
pub(crate) fn announces(frame: &[u8]) -> bool {
    let Some(packet) = frame.get(14..).filter(|packet| is_v6(packet)) else { return false };
    let kind = packet.get(40);
    let discovery =
        packet[6] == frame::ICMPV6 && kind.is_some_and(|kind| (133..=136).contains(kind));
    discovery || packet[24..26] == [0xff, 0x02]
}
