//! Owns the numbers in TCP headers that a router draws: sequence numbers and clocks.

use std::ops::Range;

use crate::frame;

const TIMESTAMPS: u8 = 8;
const SACK: u8 = 5;
/// How far from a number that was drawn others still count from it.
const REACH: u32 = 1 << 16;

/// Numbers that were drawn, and what stands for them where runs are compared.
#[derive(Debug, Default)]
pub struct Numbers(Vec<(u32, u32)>);

impl Numbers {
    /// Says that `actual` was drawn: it and the numbers after it are compared as `canonical` and those after that.
    pub fn note(&mut self, actual: u32, canonical: u32) {
        self.0.push((actual, canonical));
    }

    /// Replaces numbers that were drawn in a TCP segment with a right checksum: sequence and acknowledgement, SACK
    /// blocks, timestamps.
    pub fn replace(&self, packet: &mut [u8]) {
        let Some(segment) = segment(packet) else { return };
        let sum = |packet: &[u8]| {
            let (source, destination) = frame::addresses(packet);
            frame::transport_checksum(source, destination, frame::TCP, &packet[segment.clone()])
        };
        if self.0.is_empty() || sum(packet) != 0 {
            return;
        }
        let l4 = segment.start;
        let places = [l4 + 4, l4 + 8].into_iter().chain(option_numbers(packet, l4));
        for at in places.collect::<Vec<_>>() {
            let number = u32::from_be_bytes(packet[at..at + 4].try_into().expect("4 bytes"));
            let distance = |(actual, _): &&(u32, u32)| number.wrapping_sub(*actual);
            let nearest = self.0.iter().min_by_key(distance);
            if let Some((actual, canonical)) = nearest.filter(|drawn| distance(drawn) < REACH) {
                let number = number.wrapping_sub(*actual).wrapping_add(*canonical);
                packet[at..at + 4].copy_from_slice(&number.to_be_bytes());
            }
        }
        packet[l4 + 16..l4 + 18].fill(0);
        let sum = sum(packet).to_be_bytes();
        packet[l4 + 16..l4 + 18].copy_from_slice(&sum);
    }
}

/// Where the TCP segment of a packet without extension headers stands.
fn segment(packet: &[u8]) -> Option<Range<usize>> {
    let (protocol, start) = match packet.first()? >> 4 {
        6 => (*packet.get(6)?, 40),
        _ => (*packet.get(9)?, usize::from(packet[0] & 15) * 4),
    };
    (protocol == frame::TCP && packet.len() >= start + 20).then_some(start..packet.len())
}

/// Where the numbers in the options of a TCP header stand.
fn option_numbers(packet: &[u8], l4: usize) -> Vec<usize> {
    let end = packet.len().min(l4 + usize::from(packet[l4 + 12] >> 4) * 4);
    let (mut at, mut found) = (l4 + 20, Vec::new());
    while at + 1 < end {
        let length = usize::from(packet[at + 1]);
        match packet[at] {
            0 => break,
            1 => {
                at += 1;
                continue;
            }
            TIMESTAMPS | SACK if at + length <= end => {
                found.extend((at + 2..(at + length).saturating_sub(3)).step_by(4));
            }
            _ => {}
        }
        at += length.max(2);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Packet, flags};

    #[test]
    fn what_was_drawn_is_replaced_and_nothing_else() {
        let options = |own: u32, edge: u32| {
            let mut options = vec![1, 1, TIMESTAMPS, 10];
            options.extend(own.to_be_bytes());
            options.extend([9, 0, 0, 9, 1, 1, SACK, 10]);
            options.extend([0x0700_0007, edge].iter().flat_map(|number| number.to_be_bytes()));
            options
        };
        for (own, other) in [("10.1.0.2", "10.1.0.3"), ("fd00:1::2", "fd00:1::3")] {
            let packet = |seq, ack, time, edge| {
                let packet = Packet::new(own, other);
                packet.tcp_with((1, 2), flags::ACK, [seq, ack], &options(time, edge), b"x").bytes()
            };
            let mut numbers = Numbers::default();
            numbers.note(0xffff_fff0, 5000);
            let mut changed = packet(3, 0xffff_fff1, 4_000_000, 0x10);
            numbers.replace(&mut changed);
            assert_eq!(changed, packet(5019, 5001, 4_000_000, 5032));
            // Its checksum is wrong.
            let mut spoiled = packet(3, 0, 0, 0);
            *spoiled.last_mut().unwrap() ^= 1;
            let before = spoiled.clone();
            numbers.replace(&mut spoiled);
            assert_eq!(spoiled, before);
        }
    }
}
