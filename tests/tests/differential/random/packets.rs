//! Owns the drawing of single packets and of what hosts answer to one.

use std::net::IpAddr;

use sluice_tests::differential::Seen;
use sluice_tests::frame::{self, Packet, flags};

use super::dice::Dice;
use super::family::Family;
use super::helpers::Onward;
use super::settings::Settings;

/// The router's addresses.
pub(super) const OWN: [&str; 4] = ["10.1.0.1", "192.168.1.146", "fd00:1::1", "fd00:2::1"];

/// How a host answers a packet that reached it.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    /// UDP with these data, in fragments of such lengths if there are any.
    Udp(Vec<u8>, Vec<usize>),
    /// TCP: flags, sequence and acknowledgement, options, data.
    Tcp(u8, [u32; 2], Vec<u8>, Vec<u8>),
    /// SCTP: the tag, the chunks.
    Sctp(u32, Vec<u8>),
    /// ICMP echo.
    Pong,
    /// An ICMP error: type, code, the 16 bits that may be an MTU; how many bytes of the packet it quotes; who sends it, if
    /// not the packet's receiver; whether the quote is spoilt at some byte.
    Error {
        kind: u8,
        code: u8,
        mtu: u16,
        quote: usize,
        by: Option<&'static str>,
        spoilt: Option<usize>,
    },
    /// The same payload back.
    Echo,
    /// What follows in a conversation that helpers read.
    Onward(Onward),
}

impl Answer {
    /// What the host that saw this sends.
    pub(super) fn to(&self, seen: &Seen, family: Family) -> Option<Vec<Packet>> {
        let packet = seen.packet();
        let (source, destination, protocol, header) = parts(packet)?;
        // A copy of what was for the router. In IPv6 a packet that comes from its own address may make the kernel tell itself
        // something.
        if OWN.iter().any(|own| destination.to_string() == *own) {
            return None;
        }
        let back = Packet::new(&destination.to_string(), &source.to_string());
        let word = |at: usize| {
            packet.get(header + at..header + at + 2).map(|two| u16::from_be_bytes([two[0], two[1]]))
        };
        let (to, from) = (word(0)?, word(2)?);
        let of = |wanted: u8| (protocol == wanted).then_some(());
        Some(match self {
            Self::Udp(data, lengths) => {
                of(frame::UDP)?;
                let whole = back.udp(from, to, data);
                if lengths.is_empty() { vec![whole] } else { whole.id(0x4000).fragments(lengths) }
            }
            Self::Tcp(flags, numbers, options, data) => {
                of(frame::TCP)?;
                // A connection begun the other way would clash, and its port be drawn at random.
                let opens = flags & (flags::SYN | flags::ACK) == flags::SYN;
                let flags = flags | if opens { flags::ACK } else { 0 };
                vec![back.tcp_with((from, to), flags, *numbers, options, data)]
            }
            Self::Sctp(tag, chunks) => {
                of(frame::SCTP)?;
                vec![back.sctp((from, to), *tag, chunks)]
            }
            Self::Pong => {
                of(if family == Family::V4 { frame::ICMP } else { frame::ICMPV6 })?;
                vec![back.pong(word(4)?, word(6)?, packet.get(header + 8..)?)]
            }
            Self::Error { kind, code, mtu, quote, by, spoilt } => {
                let mut inner = packet[..packet.len().min(*quote)].to_vec();
                if let Some(byte) = spoilt.and_then(|at| inner.get_mut(at)) {
                    *byte ^= 0xff;
                }
                let by = by.map_or(destination.to_string(), |name| family.named(name));
                vec![Packet::new(&by, &source.to_string()).icmp_error(*kind, *code, *mtu, &inner)]
            }
            Self::Echo => {
                let mut payload = packet.get(header..)?.to_vec();
                // A sum does not mind the order.
                if protocol == frame::UDP_LITE {
                    payload.get_mut(..4)?.rotate_left(2);
                }
                vec![back.raw(protocol, &payload)]
            }
            Self::Onward(onward) => {
                of(if onward.is_udp() { frame::UDP } else { frame::TCP })?;
                let segment = packet.get(header..length(packet)?)?;
                vec![onward.to(segment, (to, from), back, family)?]
            }
        })
    }
}

/// How long a packet says it is; a short frame is padded.
fn length(packet: &[u8]) -> Option<usize> {
    let v6 = frame::is_v6(packet);
    let at = if v6 { 4 } else { 2 };
    let says = usize::from(u16::from_be_bytes(packet.get(at..at + 2)?.try_into().ok()?));
    Some(if v6 { 40 + says } else { says })
}

/// Source, destination, protocol and length of the header.
pub(super) fn parts(packet: &[u8]) -> Option<(IpAddr, IpAddr, u8, usize)> {
    let v4 = |at: usize| packet.get(at..at + 4).and_then(|own| <[u8; 4]>::try_from(own).ok());
    let v6 = |at: usize| packet.get(at..at + 16).and_then(|own| <[u8; 16]>::try_from(own).ok());
    Some(match packet.first()? >> 4 {
        4 => (v4(12)?.into(), v4(16)?.into(), packet[9], usize::from(packet[0] & 15) * 4),
        _ => {
            let (mut protocol, mut header) = (packet[6], 40);
            // A fragment is answered as if it were whole.
            while let 0 | 43 | 44 | 60 | 51 = protocol {
                let units = usize::from(*packet.get(header + 1)?);
                let length = match protocol {
                    44 => 8,
                    51 => (units + 2) * 4,
                    _ => (units + 1) * 8,
                };
                (protocol, header) = (*packet.get(header)?, header + length);
            }
            (v6(8)?.into(), v6(24)?.into(), protocol, header)
        }
    })
}

/// An ICMP error of some kind about whatever it will quote.
pub(super) fn error(dice: &mut Dice, family: Family) -> Answer {
    let (kind, code) = match family {
        Family::V4 => dice.one(&[
            (3, 0),
            (3, 1),
            (3, 2),
            (3, 3),
            (3, 3),
            (3, 4),
            (3, 10),
            (3, 13),
            (4, 0),
            (5, 1),
            (11, 0),
            (11, 1),
            (12, 0),
        ]),
        Family::V6 => dice.one(&[
            (1, 0),
            (1, 1),
            (1, 3),
            (1, 4),
            (1, 4),
            (2, 0),
            (3, 0),
            (3, 1),
            (4, 0),
            (4, 1),
        ]),
    };
    Answer::Error {
        kind,
        code,
        // A router that learns of a smaller MTU in IPv6 keeps to it in the rounds to come.
        mtu: if family == Family::V4 { dice.one(&[0, 1280, 1400]) } else { dice.one(&[1500; 3]) },
        quote: dice.one(&[2000, 2000, 28, 48, 20, 60]),
        by: dice.one(&[None, None, None, Some("<far2>"), Some("<own-out>"), Some("<in2>")]),
        spoilt: dice.one(&[
            None,
            None,
            None,
            None,
            Some(4),
            Some(20),
            Some(22),
            Some(30),
            Some(45),
        ]),
    }
}

/// Data of a packet: with and without what `string` looks for.
pub(super) fn data(dice: &mut Dice) -> Vec<u8> {
    match dice.below(8) {
        0 => Vec::new(),
        1 | 2 => b"ooxx".into(),
        3 => b"data".into(),
        4 => b"a long story: OOxx and xooxx.".into(),
        5 => vec![7; 200],
        6 => vec![b'o'; dice.below(64)],
        _ => vec![7; dice.one(&[1, 40, 1000, 1352, 1432])],
    }
}

/// Options of a TCP header. The MSS stands at an even byte.
pub(super) fn tcp_options(dice: &mut Dice) -> Vec<u8> {
    let all: [&[u8]; 7] = [
        &[2, 4, 5, 180],
        &[1, 3, 3, 7],
        &[4, 2, 1, 1],
        &[1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0],
        &[1, 1, 5, 10, 0, 0, 0, 20, 0, 0, 0, 30],
        &[253, 4, 1, 2],
        &[1, 1, 1, 1],
    ];
    let mut options = Vec::new();
    for option in all {
        if dice.once_in(3) && options.len() + option.len() <= 40 {
            options.extend(option);
        }
    }
    if dice.once_in(12) && options.len() <= 36 {
        options.extend(dice.one(&[[0, 2, 4, 5], [3, 0, 0, 0], [1, 1, 1, 8], [8, 40, 1, 1]]));
    }
    options
}

/// Any flags, the meaningful ones more often.
pub(super) fn tcp_flags(dice: &mut Dice) -> u8 {
    use flags::{ACK, FIN, PSH, RST, SYN};
    const URG: u8 = 0x20;
    const ECE_CWR: u8 = 0xc0;
    match dice.below(10) {
        0..=6 => dice.one(&[ACK, PSH | ACK, FIN | ACK, RST, RST | ACK, SYN, SYN | ACK]),
        7 => dice.one(&[FIN, 0, SYN | FIN, SYN | RST, URG, FIN | PSH | URG, SYN | URG, SYN | PSH]),
        8 => dice.one(&[SYN | ECE_CWR, ACK | ECE_CWR, SYN | ACK | 0x40, ACK | URG, ACK | 0x80]),
        _ => u8::try_from(dice.below(256)).expect("a byte"),
    }
}

/// Something about the packet that is not as usual.
pub(super) fn varied(dice: &mut Dice, family: Family, packet: Packet) -> Packet {
    let packet = packet
        .tos(dice.one(&[0, 0, 0, 0x10, 0x08, 1, 2, 3, 0xb8, 0x28]))
        .ttl(dice.one(&[64, 64, 64, 64, 64, 63, 2, 1, 0, 255]));
    match dice.below(24) {
        0 if !packet.payload.is_empty() => {
            let at = match dice.below(packet.payload.len()) {
                // Where no checksum is looked at, another code is another query (docs/NETFILTER.md).
                1 if dice.settings == Settings::Strict => 0,
                at => at,
            };
            let spoilt = packet.clone().spoil(at);
            if is_left_to_hardware(&spoilt) { packet } else { spoilt }
        }
        1 if family == Family::V4 => {
            let all: [&[u8]; 6] = [
                &[1, 1, 1, 1],
                &[148, 4, 0, 0],
                &[1, 0],
                &[136, 4, 0, 1],
                &[130, 4, 0, 0],
                &[1, 1, 148, 4, 0, 0],
            ];
            packet.options(dice.one(&all))
        }
        1 => {
            let all: [&[u8]; 3] =
                [&[1, 4, 0, 0, 0, 0], &[5, 2, 0, 0, 1, 0], &[0x1e, 2, 0, 0, 1, 0]];
            packet.options(dice.one(&all))
        }
        2 | 3 => packet.dont_fragment(),
        _ => packet,
    }
}

/// Whether a checksum is what a Linux peer on a virtual link leaves to hardware (docs/NETFILTER.md).
fn is_left_to_hardware(packet: &Packet) -> bool {
    let at = match packet.protocol {
        frame::TCP => 16,
        frame::UDP => 6,
        _ => return false,
    };
    let length = u16::try_from(packet.payload.len()).expect("short");
    let Packet { source, destination, protocol, payload, .. } = packet;
    let sum = !frame::pseudo_checksum(*source, *destination, *protocol, length, &[]);
    payload.get(at..at + 2) == Some(&sum.to_be_bytes())
}
