//! Frames with a mark by which the sink knows them again, whatever NAT does to their headers.
//!
//! ```text
//!   Ethernet 14 │ IPv4 20 or IPv6 40 │ UDP 8, TCP 20 or ICMP echo 8 │ mark 18: magic 2, flow 4, number 6, TSC 6 │ zeros
//! ```

use crate::traffic::sum;
use sluice_dataplane::address::Mac;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const MAGIC: [u8; 2] = [0x51, 0xce];
const MARK: usize = 18;
const ETHERNET: usize = 14;
const IP4: usize = 20;
const IP6: usize = 40;
const TYPE4: [u8; 2] = [0x08, 0x00];
const TYPE6: [u8; 2] = [0x86, 0xdd];
const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP6: u8 = 58;
const ECHO: u8 = 8;
const ECHO6: u8 = 128;
/// Counts in marks have 48 bits.
const MASK: u64 = (1 << 48) - 1;

/// TCP flags used here.
pub(super) const SYN: u8 = 0x02;
pub(super) const ACK: u8 = 0x10;

/// What a frame carries above IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layer4 {
    Udp,
    Tcp {
        flags: u8,
        sequence: u32,
        acknowledgement: u32,
    },
    /// An echo request of ICMP or ICMPv6; its identifier is the source's port, the destination's is 0.
    Echo {
        sequence: u16,
    },
}

/// Addresses, of one family, and ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) source: (IpAddr, u16),
    pub(super) destination: (IpAddr, u16),
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
    let (is6, header) = (ends.source.0.is_ipv6(), header(layer4));
    let above = ETHERNET + if is6 { IP6 } else { IP4 };
    let payload = above + header;
    let length = size.saturating_sub(4).clamp(payload + MARK, 1514);
    frame[..length].fill(0);
    frame[0..6].copy_from_slice(&to.0);
    frame[6..12].copy_from_slice(&from.0);
    // An odd last byte is summed with the zero behind it.
    let even = length + length % 2;
    if let Some(behind) = frame.get_mut(length..even) {
        behind.fill(0);
    }
    frame[payload..payload + MARK].copy_from_slice(&mark.encode());
    let protocol = protocol(layer4, is6);
    let pseudo = write_ip(frame, ends, protocol, length);
    let checksum_at = write_layer4(&mut frame[above..payload], ends, layer4, length - above);
    // ICMP, of IPv4, sums no pseudo header.
    let pseudo = if protocol == ICMP { 0 } else { pseudo };
    let checksum = match !sum(pseudo, &frame[above..even]) {
        0 if protocol == UDP => 0xffff,
        checksum => checksum,
    };
    let at = above + checksum_at;
    frame[at..at + 2].copy_from_slice(&checksum.to_be_bytes());
    length
}

const fn header(layer4: Layer4) -> usize {
    match layer4 {
        Layer4::Udp | Layer4::Echo { .. } => 8,
        Layer4::Tcp { .. } => 20,
    }
}

const fn protocol(layer4: Layer4, is6: bool) -> u8 {
    match layer4 {
        Layer4::Udp => UDP,
        Layer4::Tcp { .. } => TCP,
        Layer4::Echo { .. } if is6 => ICMP6,
        Layer4::Echo { .. } => ICMP,
    }
}

/// The IP header of a frame of `length` bytes; returns the sum of its pseudo header.
fn write_ip(frame: &mut [u8; 1518], ends: Ends, protocol: u8, length: usize) -> u32 {
    let (addresses, payload) = match (ends.source.0, ends.destination.0) {
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let payload = word(length - ETHERNET - IP6);
            frame[12..14].copy_from_slice(&TYPE6);
            frame[14] = 0x60;
            frame[18..20].copy_from_slice(&payload);
            frame[20..22].copy_from_slice(&[protocol, 64]);
            frame[22..38].copy_from_slice(&source.octets());
            frame[38..54].copy_from_slice(&destination.octets());
            (22..54, payload)
        }
        (source, destination) => {
            frame[12..14].copy_from_slice(&TYPE4);
            frame[14] = 0x45;
            frame[16..18].copy_from_slice(&word(length - ETHERNET));
            frame[22..24].copy_from_slice(&[64, protocol]);
            frame[26..30].copy_from_slice(&four(source));
            frame[30..34].copy_from_slice(&four(destination));
            let header = !sum(0, &frame[ETHERNET..ETHERNET + IP4]);
            frame[24..26].copy_from_slice(&header.to_be_bytes());
            (26..34, word(length - ETHERNET - IP4))
        }
    };
    let pseudo = u32::from(protocol) + u32::from(u16::from_be_bytes(payload));
    u32::from(sum(pseudo, &frame[addresses]))
}

/// Ends are of one family: whoever makes them sees to that.
fn four(address: IpAddr) -> [u8; 4] {
    match address {
        IpAddr::V4(v4) => v4.octets(),
        IpAddr::V6(_) => [0; 4],
    }
}

/// The header above IP, with `size` bytes from there on; returns where its checksum is.
fn write_layer4(header: &mut [u8], ends: Ends, layer4: Layer4, size: usize) -> usize {
    if let Layer4::Echo { sequence } = layer4 {
        header[0] = if ends.source.0.is_ipv6() { ECHO6 } else { ECHO };
        header[4..6].copy_from_slice(&ends.source.1.to_be_bytes());
        header[6..8].copy_from_slice(&sequence.to_be_bytes());
        return 2;
    }
    header[0..2].copy_from_slice(&ends.source.1.to_be_bytes());
    header[2..4].copy_from_slice(&ends.destination.1.to_be_bytes());
    match layer4 {
        Layer4::Tcp { flags, sequence, acknowledgement } => {
            header[4..8].copy_from_slice(&sequence.to_be_bytes());
            header[8..12].copy_from_slice(&acknowledgement.to_be_bytes());
            header[12..16].copy_from_slice(&[0x50, flags, 0xff, 0xff]);
            16
        }
        Layer4::Udp | Layer4::Echo { .. } => {
            header[4..6].copy_from_slice(&word(size));
            6
        }
    }
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
    let head = frame.first_chunk::<34>()?;
    let (protocol, above) = match (head[12], head[13], head[14]) {
        (8, 0, 0x45) => (head[23], ETHERNET + IP4),
        (0x86, 0xdd, 0x60..=0x6f) => (head[20], ETHERNET + IP6),
        _ => return None,
    };
    let (source, destination) = match above {
        54 => {
            let address = |bytes: &[u8]| Some(Ipv6Addr::from(*bytes.first_chunk::<16>()?).into());
            (address(frame.get(22..)?)?, address(frame.get(38..)?)?)
        }
        _ => {
            let address = |at: usize| {
                Ipv4Addr::new(head[at], head[at + 1], head[at + 2], head[at + 3]).into()
            };
            (address(26), address(30))
        }
    };
    let above = frame.get(above..)?;
    let fields = above.first_chunk::<8>()?;
    let port = |at: usize| u16::from_be_bytes([fields[at], fields[at + 1]]);
    let (layer4, ports) = match (protocol, fields[0]) {
        (UDP, _) => (Layer4::Udp, (port(0), port(2))),
        (TCP, _) => (read_tcp(above.first_chunk()?), (port(0), port(2))),
        (ICMP, ECHO) | (ICMP6, ECHO6) => (Layer4::Echo { sequence: port(6) }, (port(4), 0)),
        _ => return None,
    };
    let mark = Mark::decode(above.get(header(layer4)..)?)?;
    let from = Mac([head[6], head[7], head[8], head[9], head[10], head[11]]);
    let ends = Ends { source: (source, ports.0), destination: (destination, ports.1) };
    Some(Seen { ends, layer4, mark, from })
}

fn read_tcp(tcp: &[u8; 20]) -> Layer4 {
    let wide = |at: usize| u32::from_be_bytes([tcp[at], tcp[at + 1], tcp[at + 2], tcp[at + 3]]);
    Layer4::Tcp { flags: tcp[13], sequence: wide(4), acknowledgement: wide(8) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_dataplane::wire::checksum::{L4ChecksumState, l4_state};
    use sluice_dataplane::wire::parse::{Payload, parse};

    fn ends(source: &str, destination: &str, port: u16) -> Ends {
        Ends {
            source: (source.parse().unwrap(), 1025),
            destination: (destination.parse().unwrap(), port),
        }
    }

    #[test]
    fn frames_are_whole_and_known_again() {
        let mark = Mark { flow: 7, number: 123_456_789_012, sent: 99 };
        let macs = (Mac([2; 6]), Mac([4; 6]));
        let tcp = Layer4::Tcp { flags: SYN, sequence: 1, acknowledgement: 2 };
        let echo = Layer4::Echo { sequence: 77 };
        for (source, destination) in [("10.0.0.1", "198.18.0.1"), ("fd00:a::1", "2001:db8::1")] {
            for (layer4, port) in [(Layer4::Udp, 80), (tcp, 80), (echo, 0)] {
                let ends = ends(source, destination, port);
                for size in [64, 65, 129, 594, 1518, 9000] {
                    let mut frame = [0xff; 1518];
                    let length = build(&mut frame, macs, ends, layer4, mark, size);
                    let frame = &frame[..length];
                    let Payload::Ip(headers) = parse(frame).unwrap().payload else {
                        panic!("not IP")
                    };
                    assert_eq!(l4_state(frame, &headers), L4ChecksumState::Good, "{size} {ends:?}");
                    assert_eq!(read(frame), Some(Seen { ends, layer4, mark, from: macs.1 }));
                }
            }
        }
        assert_eq!(mark.age(100), 1);
        assert_eq!(read(&[0; 60]), None);
    }
}
