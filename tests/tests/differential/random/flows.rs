//! Owns the drawing of conversations: what hosts send, each list in its order.

use sluice_tests::frame::{self, Packet, TCP, UDP, UDP_LITE, flags};

use super::about::About;
use super::associations;
use super::dice::Dice;
use super::family::Family;
use super::helpers;
use super::packets::{Answer, data, error, tcp_flags, tcp_options, varied};
use super::round::Action;
use super::settings::Settings;
use super::steps::Steps;

/// A flow being drawn: who talks with whom, and the number that is nobody else's port or identifier.
struct Flow<'a> {
    dice: &'a mut Dice,
    family: Family,
    source: String,
    destination: String,
    own: u16,
    steps: Steps,
}

/// A conversation begun inside or outside.
/// `sound`: no TCP header is shorter or longer than it says, for which the kernel drops where some rules ask for more.
pub(super) fn draw(dice: &mut Dice, family: Family, own: u16, sound: bool) -> Vec<Action> {
    let inside = !dice.once_in(3);
    let (source, destination) = if inside {
        let to = [
            "<out>",
            "<out>",
            "<out>",
            "<far>",
            "<far>",
            "<own-in>",
            "<own-out>",
            "<in2>",
            "<pool-out>",
        ];
        let from = if dice.about.has_headers() { "<eui>" } else { "<in>" };
        (dice.one(&["<in>", from, "<in2>"]), dice.one(&to))
    } else {
        let to =
            ["<in>", "<in>", "<in2>", "<own-out>", "<own-out>", "<own-in>", "<pool-out>", "<far2>"];
        (dice.one(&["<out>", "<far>"]), dice.one(&to))
    };
    // Who talks to itself by way of the router clashes with itself, and has a port drawn at random.
    let destination = if source == destination { "<in>" } else { destination };
    let destination = match dice.once_in(16) {
        true => dice.one(&["<group>", "<other-group>", "<everyone>"]),
        false => destination,
    };
    let (source, destination) = (family.named(source), family.named(destination));
    if dice.about == About::Helpers && !dice.once_in(4) {
        let packet = Packet::new(&source, &destination);
        return helpers::draw(dice, family, inside, &packet, own);
    }
    let mut flow = Flow { dice, family, source, destination, own, steps: Steps::begun(inside) };
    match flow.dice.below(17) {
        0..=3 => flow.udp(),
        5 | 6 if flow.dice.about.has_headers() => flow.other_protocol(),
        4..=7 => flow.tcp(),
        9 | 10 => flow.ping(),
        11 | 12 if flow.dice.about.has_fragments(family) && flow.dice.pieces => flow.fragments(),
        11 | 12 => flow.udp(),
        13 => flow.unknown_error(),
        14 => flow.other_protocol(),
        8 | 15 if flow.dice.associations => flow.sctp(),
        8 | 15 => flow.odd_tcp(),
        _ => flow.broken(sound),
    }
    flow.steps.list
}

impl Flow<'_> {
    fn packet(&self) -> Packet {
        Packet::new(&self.source, &self.destination)
    }

    fn vary(&mut self, packet: Packet) -> Packet {
        let packet = varied(self.dice, self.family, packet);
        self.dice.about.packet(self.dice, self.family, packet)
    }

    fn udp(&mut self) {
        let port = self.dice.one(&[53, 53, 54, 80, 8080]);
        let mut last = None;
        for _ in 0..1 + self.dice.below(3) {
            let data = data(self.dice);
            let packet = self.packet().udp(self.own, port, &data);
            let packet = self.vary(packet);
            let sent = self.steps.send(packet);
            for _ in 0..self.dice.below(3) {
                let how = match self.dice.below(5) {
                    0 => error(self.dice, self.family),
                    1 if self.dice.pieces && self.dice.about.has_fragments(self.family) => {
                        Answer::Udp(vec![7; 600], vec![304])
                    }
                    _ => Answer::Udp(
                        self.dice.one(&[&b"answer"[..], b"ooxx", b""]).into(),
                        Vec::new(),
                    ),
                };
                last = Some(self.steps.answer(sent, how));
            }
        }
        if let Some(answer) = last.filter(|_| self.dice.once_in(4)) {
            // An error about an answer.
            let how = error(self.dice, self.family);
            self.steps.answer(answer, how);
        }
    }

    fn ping(&mut self) {
        for sequence in 0..1 + u16::try_from(self.dice.below(3)).expect("a few") {
            let data = data(self.dice);
            let packet = self.packet().ping(self.own, sequence, &data);
            let packet = self.vary(packet);
            let sent = self.steps.send(packet);
            let how = match self.dice.below(4) {
                0 => error(self.dice, self.family),
                _ => Answer::Pong,
            };
            self.steps.answer(sent, how);
        }
    }

    /// The life of a connection, now and then with something else in place of a step, or a step left out.
    fn tcp(&mut self) {
        use flags::{ACK, FIN, PSH, SYN};
        let ports = (self.own, self.dice.one(&[80, 80, 443, 53]));
        let options = tcp_options(self.dice);
        let (client, server) = (u32::from(self.own) * 1000, 0xffff_fff0_u32);
        let say = |number: u32, back: u32| [client.wrapping_add(number), server.wrapping_add(back)];
        let reply =
            |back: u32, number: u32| [server.wrapping_add(back), client.wrapping_add(number)];
        let open = self.packet().tcp_with(ports, SYN, [client, 0], &options, b"");
        let open = self.vary(open);
        let opened = self.steps.send(open);
        // From the client or not, flags, numbers, data.
        let life: [(bool, u8, [u32; 2], &[u8]); 9] = [
            (false, SYN | ACK, reply(0, 1), b""),
            (true, ACK, say(1, 1), b""),
            (true, PSH | ACK, say(1, 1), b"data"),
            (false, PSH | ACK, reply(1, 5), b"answer"),
            (true, ACK, say(5, 7), b""),
            (true, FIN | ACK, say(5, 7), b""),
            (false, ACK, reply(7, 6), b""),
            (false, FIN | ACK, reply(7, 6), b""),
            (true, ACK, say(6, 8), b""),
        ];
        let end = 2 + self.dice.below(life.len() - 1);
        for (mine, mut flags, mut numbers, data) in life.into_iter().take(end) {
            match self.dice.below(20) {
                0 => continue,
                1 => flags = tcp_flags(self.dice),
                2 => {
                    numbers[self.dice.below(2)] ^= self.dice.one(&[1, 0x400, 0x1_0000, 0x8000_0000])
                }
                _ => {}
            }
            let options = if self.dice.once_in(6) { tcp_options(self.dice) } else { Vec::new() };
            for _ in 0..if self.dice.once_in(12) { 2 } else { 1 } {
                if mine {
                    let packet = self.packet().tcp_with(ports, flags, numbers, &options, data);
                    let packet = if self.dice.once_in(6) { self.vary(packet) } else { packet };
                    self.steps.send(packet);
                } else {
                    self.steps
                        .answer(opened, Answer::Tcp(flags, numbers, options.clone(), data.into()));
                }
            }
            if self.dice.once_in(12) {
                let how = error(self.dice, self.family);
                let about = self.dice.below(self.steps.list.len());
                self.steps.answer(about, how);
            }
        }
    }

    fn sctp(&mut self) {
        let packet = self.packet();
        let inside = self.steps.inside;
        self.steps.list = associations::draw(self.dice, inside, &packet, self.own);
        if self.dice.once_in(3) {
            let how = error(self.dice, self.family);
            let about = self.dice.below(self.steps.list.len());
            self.steps.answer(about, how);
        }
    }

    /// Segments without a plan, from both ends.
    fn odd_tcp(&mut self) {
        let ports = (self.own, 80);
        let mut first = None;
        for _ in 0..2 + self.dice.below(4) {
            let flags = tcp_flags(self.dice);
            let numbers = [self.dice.one(&[1, 2, 1000]), self.dice.one(&[0, 10, 1000])];
            let options = tcp_options(self.dice);
            match first.filter(|_| self.dice.once_in(2)) {
                Some(step) => {
                    self.steps.answer(
                        step,
                        Answer::Tcp(flags, [numbers[1], numbers[0]], options, b"".into()),
                    );
                }
                None => {
                    let data = data(self.dice);
                    let data = &data[..data.len().min(400)];
                    let packet = self.packet().tcp_with(ports, flags, numbers, &options, data);
                    let packet = self.vary(packet);
                    let sent = self.steps.send(packet);
                    first.get_or_insert(sent);
                }
            }
        }
    }

    /// A datagram in pieces: in order or not, sometimes one missing, twice, or overlapping.
    fn fragments(&mut self) {
        // What an error about a long datagram quotes of it depends in the kernel on how its pieces lie in memory.
        let ttl = self.dice.one(&[64, 64, 2, 1]);
        let short = ttl == 1;
        let sizes: &[usize] = if short { &[64, 200] } else { &[64, 200, 1600, 2900] };
        let long = vec![7; self.dice.one(sizes)];
        let whole = match self.dice.below(4) {
            0 => self.packet().ping(self.own, 1, &long),
            // Without tracking iptables-nft reads flags where a later piece has none.
            1 if self.dice.about != About::Untracked => {
                self.packet().tcp((self.own, 80), flags::ACK, 1, 1, &long)
            }
            _ => self.packet().udp(self.own, 53, &long),
        };
        let whole = whole.tos(self.dice.one(&[0, 0x10, 2])).ttl(ttl).id(0x4000 + self.own);
        // The first fragment holds the layer-4 header: in IPv6 it must, and a TCP header in pieces is cut anew by the kernel
        // (docs/NETFILTER.md).
        let tiny = self.family == Family::V4 && whole.protocol != TCP;
        let short: &[usize] = if tiny { &[8, 8, 8] } else { &[24, 8, 8] };
        let lengths = self.dice.one(&[&[40][..], &[24, 16], &[600, 800], &[1376], short]);
        let lengths: Vec<_> = lengths.iter().copied().chain([1376, 1376]).collect();
        let mut parts = whole.fragments(&lengths);
        parts.retain(|part| !part.payload.is_empty());
        match self.dice.below(8) {
            0 => parts.reverse(),
            1 => {
                let last = parts.len() - 1;
                parts.swap(0, last);
            }
            2 => drop(parts.remove(self.dice.below(parts.len()))),
            3 => parts.insert(0, parts[self.dice.below(parts.len())].clone()),
            4 => {
                // In IPv6 one of another protocol is of the same datagram, and may overtake it where there are two workers.
                let other = match self.family {
                    Family::V4 => self.packet().udp(self.own, 53, &[9; 120]),
                    Family::V6 => self.packet().raw(whole.protocol, &[9; 128]),
                };
                let other = other.id(0x4000 + self.own);
                parts.insert(1, other.fragments(&[48])[1].clone());
            }
            _ => {}
        }
        let mut last = 0;
        for part in parts {
            last = self.steps.send(part);
        }
        let how = match self.dice.below(3) {
            0 => error(self.dice, self.family),
            1 => Answer::Pong,
            _ => Answer::Udp(vec![9; 700], vec![304, 200]),
        };
        self.steps.answer(last, how);
    }

    /// An error about a packet that never was.
    fn unknown_error(&mut self) {
        let (receiver, sender) = (self.source.clone(), self.destination.clone());
        let inner = Packet::new(&sender, &receiver);
        let inner = match self.dice.below(3) {
            0 => inner.tcp((80, self.own), flags::ACK, 1, 1, b"data"),
            1 => inner.ping(self.own, 1, b"data"),
            _ => inner.udp(53, self.own, b"data"),
        };
        if let Answer::Error { kind, code, mtu, quote, .. } = error(self.dice, self.family) {
            let inner = inner.bytes();
            let inner = &inner[..inner.len().min(quote)];
            let packet = self.packet().icmp_error(kind, code, mtu, inner);
            let packet = self.vary(packet);
            self.steps.send(packet);
        }
    }

    fn other_protocol(&mut self) {
        // What the host's stack says to such is of the connection's zone in the kernel (docs/NETFILTER.md).
        if self.dice.about == About::Zones {
            return self.udp();
        }
        let ports = [self.own.to_be_bytes(), 80_u16.to_be_bytes()].concat();
        // In IPv6 some numbers are extension headers, which would end before they should.
        let number = match self.family {
            Family::V4 => self.dice.one(&[47, 50, 51, 136, 33, 200, 4, 41, 2, 108]),
            Family::V6 => self.dice.one(&[47, 50, 136, 33, 200, 4, 41, 59, 108]),
        };
        // GRE of version 0, and calls of PPTP.
        let gre = self.dice.one(&[[0, 0, 8, 0], [0x30, 1, 0x88, 0x0b]]);
        let head = if number == 47 { gre.to_vec() } else { ports };
        let payload = [head, vec![7; self.dice.one(&[8, 20, 60])]].concat();
        let kind = self.dice.one(&[0, 3, 5, 9, 10, 13, 14, 15, 17, 18, 30, 42]);
        let packet = match self.dice.below(4) {
            // The kernel reckons with UDP's number, and takes what is right for wrong.
            3 if self.dice.settings == Settings::Strict => self.udp_lite(),
            // Neighbour discovery would not be for the test to answer.
            0 if self.family == Family::V4 => {
                self.packet().icmp(kind, 0, &self.own.to_be_bytes(), &payload)
            }
            0 => {
                self.packet().icmp(self.dice.one(&[129, 100, 139, 140, 200]), 0, &payload, b"ooxx")
            }
            _ => self.packet().raw(number, &payload),
        };
        let own = self.own.to_be_bytes();
        let special = self.dice.about.other(self.dice, self.family, [own[0], own[1], 0, 80]);
        // Headers that are not whole are no comparison.
        let packet = match special {
            Some((number, payload)) => {
                self.packet().raw(number, &payload).ttl(self.dice.one(&[64, 2, 1]))
            }
            None => self.vary(packet),
        };
        let sent = self.steps.send(packet);
        for _ in 0..self.dice.below(3) {
            let how = match self.dice.below(3) {
                0 => error(self.dice, self.family),
                _ => Answer::Echo,
            };
            self.steps.answer(sent, how);
        }
    }

    /// RFC 3828: like UDP, but the checksum covers all of it or the header.
    fn udp_lite(&mut self) -> Packet {
        let packet = self.packet();
        let cover = self.dice.one(&[0_u16, 8, 12]);
        let mut bytes = frame::words(&[self.own, self.dice.one(&[80, 53]), cover, 0]);
        bytes.extend([7; 12]);
        let end = if cover == 0 { bytes.len() } else { usize::from(cover) };
        // What the pseudo header says of the length is all of it.
        let length = u16::try_from(bytes.len()).expect("short");
        let sum = frame::pseudo_checksum(
            packet.source,
            packet.destination,
            UDP_LITE,
            length,
            &bytes[..end],
        );
        bytes[6..8].copy_from_slice(&sum.to_be_bytes());
        packet.raw(UDP_LITE, &bytes)
    }

    /// Packets with something wrong in them.
    fn broken(&mut self, sound: bool) {
        let whole = self.packet().udp(self.own, 53, b"ooxx");
        let packet = match self.dice.below(8) {
            // No checksum, which only IPv4 allows.
            0 | 1 => {
                let mut payload = whole.payload.clone();
                payload[6..8].fill(0);
                whole.raw(UDP, &payload)
            }
            2 => whole.spoil(6),
            // A length that says more, or less.
            3 => whole.spoil(5),
            4 if !sound => {
                let payload = whole.payload[..self.dice.below(8)].to_vec();
                whole.raw(UDP, &payload)
            }
            5 if !sound => {
                let whole = whole.tcp((self.own, 80), flags::SYN, 1, 0, b"");
                let payload = whole.payload[..self.dice.below(20)].to_vec();
                whole.raw(TCP, &payload)
            }
            // A header that says it is shorter or longer than it is.
            6 if !sound => self.packet().tcp((self.own, 80), flags::SYN, 1, 0, b"").spoil(12),
            _ => self.packet().ping(self.own, 1, b"").spoil(2),
        };
        let sent = self.steps.send(packet);
        self.steps.answer(sent, Answer::Udp(b"answer".into(), Vec::new()));
    }
}
