//! Frames with a mark by which the sink knows them again, whatever NAT does to their headers.
//!
//! ```text
//!   Ethernet 14 │ IPv4 20 │ UDP 8 or TCP 20 │ mark 18: magic 2, flow 4, number 6, TSC 6 │ zeros
//! ```

use crate::traffic::sum;
use sluice_dataplane::address::Mac;
use std::net::Ipv4Addr;

const MAGIC: [u8; 2] = [0x51, 0xce];
const MARK: usize = 18;
const ETHERNET: usize = 14;
const IP: usize = 20;
const UDP: u8 = 17;
const TCP: u8 = 6;
/// Counts in marks have 48 bits.
const MASK: u64 = (1 << 48) - 1;

/// TCP flags used here.
pub(super) const SYN: u8 = 0x02;
pub(super) const RST: u8 = 0x04;
pub(super) const ACK: u8 = 0x10;

/// What a frame carries above IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layer4 {
    Udp,
    Tcp { flags: u8, sequence: u32, acknowledgement: u32 },
}

/// Addresses and ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) source: (Ipv4Addr, u16),
    pub(super) destination: (Ipv4Addr, u16),
}

impl Ends {
    /// The other way.
    pub(super) const fn reversed(self) -> Self {
        Self { source: self.destination, destination: self.source }
    }
}

/// What the sink reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) flow: u32,
    /// Of all frames sent, modulo 2^48.
    pub(super) number: u64,
    /// When it was sent, in TSC cycles modulo 2^48.
    pub(super) sent: u64,
}

impl Mark {
    fn encode(self) -> [u8; MARK] {
        let mut bytes = [0; MARK];
        bytes[0..2].copy_from_slice(&MAGIC);
        bytes[2..6].copy_from_slice(&self.flow.to_be_bytes());
        bytes[6..12].copy_from_slice(&self.number.to_be_bytes()[2..]);
        bytes[12..18].copy_from_slice(&self.sent.to_be_bytes()[2..]);
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.first_chunk::<MARK>().filter(|bytes| bytes[0..2] == MAGIC)?;
        let wide = |at: usize| {
            let mut wide = [0; 8];
            wide[2..].copy_from_slice(&bytes[at..at + 6]);
            u64::from_be_bytes(wide)
        };
        let flow = u32::from_be_bytes([bytes[2], bytes[3], bytes[4], bytes[5]]);
        Some(Self { flow, number: wide(6), sent: wide(12) })
    }

    /// Cycles since it was sent, at `now`.
    pub(super) const fn age(self, now: u64) -> u64 {
        (now & MASK).wrapping_sub(self.sent) & MASK
    }
}

/// Writes a frame of about `size` bytes with FCS into `frame`; returns its length without FCS.
pub(super) fn build(
    frame: &mut [u8; 1518],
    (to, from): (Mac, Mac),
    ends: Ends,
    layer4: Layer4,
    mark: Mark,
    size: usize,
) -> usize {
    let header = match layer4 {
        Layer4::Udp => 8,
        Layer4::Tcp { .. } => 20,
    };
    let payload = ETHERNET + IP + header;
    let length = size.saturating_sub(4).clamp(payload + MARK, 1514);
    frame[..length].fill(0);
    frame[0..6].copy_from_slice(&to.0);
    frame[6..12].copy_from_slice(&from.0);
    frame[12..16].copy_from_slice(&[0x08, 0x00, 0x45, 0x00]);
    frame[16..18].copy_from_slice(&word(length - ETHERNET));
    let protocol = match layer4 {
        Layer4::Udp => UDP,
        Layer4::Tcp { .. } => TCP,
    };
    frame[22..24].copy_from_slice(&[64, protocol]);
    frame[26..30].copy_from_slice(&ends.source.0.octets());
    frame[30..34].copy_from_slice(&ends.destination.0.octets());
    frame[34..36].copy_from_slice(&ends.source.1.to_be_bytes());
    frame[36..38].copy_from_slice(&ends.destination.1.to_be_bytes());
    frame[payload..payload + MARK].copy_from_slice(&mark.encode());
    let header = !sum(0, &frame[ETHERNET..ETHERNET + IP]);
    frame[24..26].copy_from_slice(&header.to_be_bytes());
    let size = length - ETHERNET - IP;
    let checksum_at = match layer4 {
        Layer4::Udp => {
            frame[38..40].copy_from_slice(&word(size));
            40
        }
        Layer4::Tcp { flags, sequence, acknowledgement } => {
            frame[38..42].copy_from_slice(&sequence.to_be_bytes());
            frame[42..46].copy_from_slice(&acknowledgement.to_be_bytes());
            frame[46..50].copy_from_slice(&[0x50, flags, 0xff, 0xff]);
            50
        }
    };
    // An odd last byte is summed with the zero behind it.
    let even = length + length % 2;
    if let Some(behind) = frame.get_mut(length..even) {
        behind.fill(0);
    }
    let pseudo = u32::from(protocol) + u32::from(u16::from_be_bytes(word(size)));
    let checksum = match !sum(pseudo, &frame[26..even]) {
        0 if protocol == UDP => 0xffff,
        checksum => checksum,
    };
    frame[checksum_at..checksum_at + 2].copy_from_slice(&checksum.to_be_bytes());
    length
}

/// Lengths here are below 1,518.
fn word(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes()
}

/// A frame that came, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) ends: Ends,
    pub(super) layer4: Layer4,
    pub(super) mark: Mark,
    /// The MAC it came from.
    pub(super) from: Mac,
}

/// Reads a frame; none for what did not come from here.
pub(super) fn read(frame: &[u8]) -> Option<Seen> {
    let head = frame.first_chunk::<38>()?;
    if head[12..15] != [0x08, 0x00, 0x45] {
        return None;
    }
    let address = |at: usize| Ipv4Addr::new(head[at], head[at + 1], head[at + 2], head[at + 3]);
    let port = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
    let ends = Ends { source: (address(26), port(34)), destination: (address(30), port(36)) };
    let (layer4, payload) = match head[23] {
        UDP => (Layer4::Udp, 42),
        TCP => {
            let tcp = frame.get(38..54)?.first_chunk::<16>()?;
            let wide =
                |at: usize| u32::from_be_bytes([tcp[at], tcp[at + 1], tcp[at + 2], tcp[at + 3]]);
            (Layer4::Tcp { flags: tcp[9], sequence: wide(0), acknowledgement: wide(4) }, 54)
        }
        _ => return None,
    };
    let mark = Mark::decode(frame.get(payload..)?)?;
    let from = Mac([head[6], head[7], head[8], head[9], head[10], head[11]]);
    Some(Seen { ends, layer4, mark, from })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_dataplane::wire::checksum::{L4ChecksumState, l4_state};
    use sluice_dataplane::wire::parse::{Payload, parse};

    #[test]
    fn frames_are_whole_and_known_again() {
        let ends = Ends {
            source: (Ipv4Addr::new(10, 0, 0, 1), 1025),
            destination: (Ipv4Addr::new(198, 18, 0, 1), 80),
        };
        let mark = Mark { flow: 7, number: 123_456_789_012, sent: 99 };
        let macs = (Mac([2; 6]), Mac([4; 6]));
        let tcp = Layer4::Tcp { flags: SYN, sequence: 1, acknowledgement: 2 };
        for layer4 in [Layer4::Udp, tcp] {
            for size in [64, 65, 129, 594, 1518, 9000] {
                let mut frame = [0xff; 1518];
                let length = build(&mut frame, macs, ends, layer4, mark, size);
                let frame = &frame[..length];
                let Payload::Ip(headers) = parse(frame).unwrap().payload else { panic!("not IP") };
                assert_eq!(l4_state(frame, &headers), L4ChecksumState::Good, "{size}");
                assert_eq!(read(frame), Some(Seen { ends, layer4, mark, from: macs.1 }));
            }
        }
        assert_eq!(mark.age(100), 1);
        assert_eq!(read(&[0; 60]), None);
    }
}
