//! Owns the drawing of conversations that helpers read: FTP's control connections and IRC's, what they announce and who comes
//! of it, TFTP and Amanda. Translation changes addresses, ports and the text: hosts go by what has reached them.

use std::net::IpAddr;

use sluice_tests::frame::{Packet, flags};

use super::dice::Dice;
use super::family::Family;
use super::packets::{Answer, error, tcp_options};
use super::round::Action;
use super::steps::Steps;

use flags::{ACK, FIN, PSH, SYN};

/// How a host goes on from a packet that has reached it.
#[derive(Debug, Clone)]
pub(super) enum Onward {
    /// It says the beginning of a text, behind so many bytes of its own that the packet does not know of. `<address>`,
    /// `<numbers>` and `<number>` are its own.
    Say { flags: u8, behind: u32, text: String, length: usize },
    /// It, or another host, connects from this port to where the packet says that somebody listens.
    Connect { from: u16, by: Option<&'static str> },
    /// It, or another host, answers a datagram from this port.
    Transfer { from: u16, by: Option<&'static str>, data: &'static [u8] },
    /// It, or another host, connects from this port to one that a datagram says its sender listens at.
    Stream { from: u16, by: Option<&'static str>, name: &'static str },
}

impl Onward {
    /// Whether it follows a datagram of UDP, not a segment.
    pub(super) const fn is_udp(&self) -> bool {
        match self {
            Self::Say { .. } | Self::Connect { .. } => false,
            Self::Transfer { .. } | Self::Stream { .. } => true,
        }
    }

    /// What a host sends that saw `segment` (its header and data), which came with such ports and is answered with `back`.
    pub(super) fn to(
        &self,
        segment: &[u8],
        (to, from): (u16, u16),
        back: Packet,
        family: Family,
    ) -> Option<Packet> {
        // Who talks to itself by way of the router clashes with itself: see `flows`.
        let other = |by: Option<&str>, to: IpAddr| {
            let source = by.map_or(back.source.to_string(), |name| family.named(name));
            let packet = Packet::new(&source, &to.to_string());
            (packet.source != to).then_some(packet)
        };
        Some(match self {
            Self::Say { flags, behind, text, length } => {
                let mut text = filled(text, back.source);
                text.truncate(*length);
                let own = number(segment, 8)?.wrapping_add(*behind);
                let opens = u32::from(*segment.get(13)? & (SYN | FIN) != 0);
                let said = u32::try_from(data_of(segment)?.len()).ok()?;
                let heard = number(segment, 4)?.wrapping_add(said).wrapping_add(opens);
                back.tcp((from, to), *flags, own, heard, text.as_bytes())
            }
            Self::Connect { from, by } => {
                let (address, port) = announced(data_of(segment)?)?;
                let to = address.unwrap_or(back.destination);
                let same = to.is_ipv4() == back.source.is_ipv4();
                let packet = other(*by, to).filter(|_| same)?;
                packet.tcp((*from, port), SYN, 100, 0, b"")
            }
            Self::Transfer { from, by, data } => other(*by, back.destination)?.udp(*from, to, data),
            Self::Stream { from, by, name } => {
                let text = String::from_utf8_lossy(segment.get(8..)?);
                let mut words = text.split_ascii_whitespace();
                words.find(|word| word == name)?;
                let port = words.next()?.parse().ok()?;
                other(*by, back.destination)?.tcp((*from, port), SYN, 100, 0, b"")
            }
        })
    }
}

fn number(segment: &[u8], at: usize) -> Option<u32> {
    segment.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes)
}

fn data_of(segment: &[u8]) -> Option<&[u8]> {
    segment.get(usize::from(segment.get(12)? >> 4) * 4..)
}

/// `<numbers>`: the first four bytes with commas between, in IPv6 too.
fn filled(text: &str, address: IpAddr) -> String {
    let (bytes, family) = match address {
        IpAddr::V4(address) => (address.octets().to_vec(), "1"),
        IpAddr::V6(address) => (address.octets().to_vec(), "2"),
    };
    let numbers: Vec<_> = bytes.iter().take(4).map(u8::to_string).collect();
    let first: [u8; 4] = bytes[..4].try_into().expect("an address");
    text.replace("<numbers>", &numbers.join(","))
        .replace("<number>", &u32::from_be_bytes(first).to_string())
        .replace("<address>", &address.to_string())
        .replace("<family>", family)
}

/// What a host makes of a line: an address, if it names one, and a port.
fn announced(line: &[u8]) -> Option<(Option<IpAddr>, u16)> {
    let line = String::from_utf8_lossy(line).replace('!', "|");
    if let Some((_, said)) = line.split_once("DCC ") {
        let numbers: Vec<u32> = said.split([' ', '\x01']).filter_map(|w| w.parse().ok()).collect();
        let [address, port, ..] = numbers[..] else { return None };
        return Some((Some(IpAddr::from(address.to_be_bytes())), port.try_into().ok()?));
    }
    let parts: Vec<_> = line.split('|').collect();
    if let [_, _, address, port, ..] = parts[..] {
        return Some((address.parse().ok(), port.parse().ok()?));
    }
    let rest = line.strip_prefix("227").unwrap_or(&line);
    let numbers = rest.split(|letter: char| !letter.is_ascii_digit());
    let numbers: Vec<u8> = numbers.filter_map(|number| number.parse().ok()).collect();
    let [a, b, c, d, high, low] = numbers[..] else { return None };
    Some((Some(IpAddr::from([a, b, c, d])), u16::from_be_bytes([high, low])))
}

/// What a client says, before the port is known.
const ACTIVE: [&str; 9] = [
    "PORT <numbers>,<high,low>\r\n",
    "PORT <numbers>,<high,low>\r\n",
    "PORT <numbers>,<high,low>\r\n",
    "EPRT |<family>|<address>|<port>|\r\n",
    "EPRT |<family>|<address>|<port>|\r\n",
    "EPRT |<family>|<address>|<port>|\r\n",
    "EPRT !<family>!<address>!<port>!\r\n",
    "port <numbers>,<high,low>\r\nNOOP\r\n",
    "NOOP\r\nPORT <numbers>,<high,low>\r\n",
];

/// What a server says.
const PASSIVE: [&str; 6] = [
    "227 Entering Passive Mode (<numbers>,<high,low>).\r\n",
    "227 Entering Passive Mode (<numbers>,<high,low>).\r\n",
    "227 =<numbers>,<high,low>\r\n",
    "229 Entering Extended Passive Mode (|||<port>|)\r\n",
    "229 Entering Extended Passive Mode (|||<port>|)\r\n",
    "229 (!!!<port>!)\r\n",
];

/// What a client of IRC says.
const DIRECT: [&str; 7] = [
    "PRIVMSG you :\x01DCC SEND file <number> <port> 77\x01\r\n",
    "PRIVMSG you :\x01DCC SEND file <number> <port> 77\x01\r\n",
    "PRIVMSG you :\x01DCC CHAT chat <number> <port>\x01\r\n",
    "privmsg you :\x01DCC SCHAT chat 00<number>  0<port>\x01\n",
    " \r\nPRIVMSG you :\x01DCC TSEND file <number> <port> 77\x01\r\n",
    "PRIVMSG you :\x01DCC RESUME file <number> <port> 77\x01\r\n",
    "PRIVMSG you :\x01DCC MOVE a file <number> <port>\x01\r\n",
];

/// A conversation being drawn: its client has four ports that are nobody else's.
struct Talk<'a> {
    dice: &'a mut Dice,
    family: Family,
    packet: &'a Packet,
    own: u16,
    steps: Steps,
    /// The last step of the server and of the client.
    last: [usize; 2],
}

/// Of a client with an empty packet to its server.
pub(super) fn draw(
    dice: &mut Dice,
    family: Family,
    inside: bool,
    packet: &Packet,
    own: u16,
) -> Vec<Action> {
    let which = dice.below(6);
    let steps = Steps::begun(inside);
    let mut talk = Talk { dice, family, packet, own, steps, last: [0; 2] };
    match (which, family) {
        (0, _) => talk.tftp(),
        (1, _) => talk.amanda(),
        (2 | 3, Family::V4) => talk.irc(),
        _ => talk.ftp(),
    }
    talk.steps.list
}

impl Talk<'_> {
    fn onward(&mut self, of: usize, how: Onward) -> usize {
        self.steps.answer(of, Answer::Onward(how))
    }

    fn error(&mut self, about: usize) {
        if self.dice.once_in(12) {
            let how = error(self.dice, self.family);
            self.steps.answer(about, how);
        }
    }

    /// A connection to one of these ports.
    fn open(&mut self, services: &[u16]) {
        let ports = (self.own, self.dice.one(services));
        let (client, server) = (u32::from(self.own) * 1000, self.dice.one(&[5000, 0xffff_fff0]));
        let options = tcp_options(self.dice);
        let packet = self.packet.clone().tcp_with(ports, SYN, [client, 0], &options, b"");
        let opened = self.steps.send(packet);
        let opens = Answer::Tcp(SYN | ACK, [server, client.wrapping_add(1)], options, b"".into());
        let taken = self.steps.answer(opened, opens);
        self.last = [taken, opened];
        self.say_with(true, ACK, "");
    }

    /// What clients of IRC tell one another of where they wait, and who comes.
    fn irc(&mut self) {
        self.open(&[6667, 6667, 6667, 6667, 6667, 80]);
        self.say(true, "NICK me\r\n");
        self.say(false, ":server 001 me :Welcome\r\n");
        let mut later = Vec::new();
        for number in 0..1 + self.dice.below(4) {
            let port = self.own + 1 + u16::from(number > 0 && self.dice.once_in(2));
            let mut line = self.dice.one(&DIRECT).replace("<port>", &port.to_string());
            if self.dice.once_in(8) {
                let other = self.dice.one(&["<in2>", "<far2>", "<own-out>"]);
                line = filled(&line, self.family.named(other).parse().expect("an address"));
            }
            let at = self.say(true, &line);
            if self.dice.once_in(3) {
                self.say(false, ":you PRIVMSG me :thanks\r\n");
            }
            if self.dice.once_in(3) { later.push((at, port)) } else { self.data(at, port) }
        }
        later.into_iter().for_each(|(at, port)| self.data(at, port));
    }

    /// Backups that are asked for, and the streams of the answers.
    fn amanda(&mut self) {
        let asked = self.dice.one(&[10_080, 10_080, 10_080, 10_080, 10_081]);
        let question = self.packet.clone().udp(self.own, asked, b"Amanda 2.5 REQ\n");
        let sent = self.steps.send(question);
        for _ in 0..1 + self.dice.below(2) {
            let answer = self.dice.one(&[
                "REP\nCONNECT DATA <1> MESG <2> INDEX <3>\nOPTIONS ;\n",
                "REP\nCONNECT DATA <1> MESG <2> INDEX <3>\nOPTIONS ;\n",
                "CONNECT DATA <1> STATE <2>\n",
                "CONNECT MESG <1> DATA 0\n",
                "CONNECT DATA <1>",
                "ACK\n",
            ]);
            // Ports of its own: where two told the same, another would be drawn for one.
            let answer = (1..=3).fold(answer.to_owned(), |text, number| {
                text.replace(&format!("<{number}>"), &(self.own + number).to_string())
            });
            let answered = self.steps.answer(sent, Answer::Udp(answer.into(), Vec::new()));
            self.error(answered);
            for number in 0..self.dice.below(4) as u16 {
                let name = self.dice.one(&["DATA", "DATA", "MESG", "INDEX", "STATE"]);
                let by = self.dice.one(&[None, None, None, None, Some("<in2>"), Some("<far2>")]);
                let from = self.own + number;
                let opened = self.onward(answered, Onward::Stream { from, by, name });
                let accepts = Answer::Tcp(SYN | ACK, [900, 101], Vec::new(), b"".into());
                self.steps.answer(opened, accepts);
            }
        }
    }

    /// A control connection up to where both have spoken, what is announced on it, perhaps its end.
    fn ftp(&mut self) {
        self.open(&[21, 21, 21, 21, 21, 2121, 80]);
        self.say(false, "220 speak\r\n");
        self.say(true, "USER me\r\n");
        self.say(false, "230 fine\r\n");
        let mut later = Vec::new();
        for number in 0..1 + self.dice.below(3) {
            let port = self.own + 1 + u16::from(number > 0 && self.dice.once_in(2));
            let at = self.announce(port);
            if self.dice.once_in(4) { later.push((at, port)) } else { self.data(at, port) }
        }
        if self.dice.once_in(3) {
            self.say(true, "QUIT\r\n");
            self.say_with(false, FIN | ACK, "221 bye\r\n");
            self.say_with(true, FIN | ACK, "");
            self.say_with(false, ACK, "");
        }
        later.into_iter().for_each(|(at, port)| self.data(at, port));
    }

    fn say(&mut self, mine: bool, text: &str) -> usize {
        self.say_with(mine, PSH | ACK, text)
    }

    /// What one end says to the last that the other has said: now and then not at all, twice, or cut.
    fn say_with(&mut self, mine: bool, flags: u8, text: &str) -> usize {
        let of = self.last[usize::from(!mine)];
        let (mut behind, mut length) = (0, usize::MAX);
        match self.dice.below(32) {
            0 => return of,
            1 => behind = self.dice.one(&[1, 20, 0x1_0000, 0xffff_fffe]),
            2 => length = self.dice.below(text.len() + 1),
            _ => {}
        }
        let more = if self.dice.once_in(12) { 2 } else { 1 };
        for _ in 0..more {
            let how = Onward::Say { flags, behind, text: text.into(), length };
            self.last[usize::from(mine)] = self.onward(of, how);
        }
        self.last[usize::from(mine)]
    }

    /// An end announces that it listens at this port, or, rarely, that another host does; the step in which it does.
    fn announce(&mut self, port: u16) -> usize {
        let active = self.dice.once_in(2);
        let line = self.dice.one(if active { &ACTIVE[..] } else { &PASSIVE });
        let [high, low] = port.to_be_bytes();
        let line = line.replace("<port>", &port.to_string());
        let mut line = line.replace("<high,low>", &format!("{high},{low}"));
        if self.dice.once_in(10) {
            let other = self.dice.one(&["<in2>", "<far2>", "<own-out>"]);
            let other = self.family.named(other).parse().expect("an address");
            line = filled(&line, other);
        }
        if !active {
            self.say(true, if line.starts_with("227") { "PASV\r\n" } else { "EPSV\r\n" });
        }
        let at = self.say(active, &line);
        if self.dice.once_in(8) {
            // The same place in the stream, or the next, before anybody has answered.
            let length = u32::try_from(line.len()).expect("a line");
            let behind = self.dice.one(&[0, length]);
            let text = line.replace(&format!("{high},{low}"), &format!("{high},{}", low ^ 1));
            let how = Onward::Say { flags: PSH | ACK, behind, text, length: usize::MAX };
            self.last[usize::from(active)] = self.onward(self.last[usize::from(!active)], how);
        }
        if active {
            self.say(false, "200 fine\r\n");
        }
        if self.dice.once_in(2) {
            self.say(true, "RETR it\r\n");
            self.say(false, "150 it comes\r\n");
        }
        at
    }

    /// The connection that was announced in this step, or another in its place.
    fn data(&mut self, announced: usize, port: u16) {
        // From 20 more than one may be redirected to the same port, where one's own is then drawn at random.
        let from = self.dice.one(&[20, self.own + 3, self.own + 3]);
        let by =
            self.dice.one(&[None, None, None, None, None, None, Some("<in2>"), Some("<far2>")]);
        let mut opened = if self.dice.once_in(10) {
            // The client goes where it is itself awaited, or to a name that was not translated.
            let packet = self.packet.clone().tcp((from, port), SYN, 100, 0, b"");
            self.steps.send(packet)
        } else {
            self.onward(announced, Onward::Connect { from, by })
        };
        self.error(opened);
        if self.dice.once_in(8) {
            // Again, or one more than was announced.
            let from = self.dice.one(&[from, from, self.own + 2]);
            opened = self.onward(announced, Onward::Connect { from, by: None });
        }
        let accepts = Answer::Tcp(SYN | ACK, [900, 101], Vec::new(), b"".into());
        let taken = self.steps.answer(opened, accepts);
        let say = |flags, text: &str| Onward::Say {
            flags,
            behind: 0,
            text: text.into(),
            length: usize::MAX,
        };
        let open = self.onward(taken, say(ACK, ""));
        let end = self.dice.one(&[PSH | ACK, FIN | ACK]);
        let said = match self.dice.below(3) {
            0 => return,
            1 => self.onward(taken, say(end, "a file")),
            _ => self.onward(open, say(end, "a file")),
        };
        self.onward(said, say(ACK, ""));
        self.error(said);
    }

    /// Requests, answered from a port of the server's choice.
    fn tftp(&mut self) {
        const DATA: &[u8] = b"\x00\x03\x00\x01data";
        let asked = self.dice.one(&[69, 69, 69, 69, 69, 6969]);
        for _ in 0..1 + self.dice.below(2) {
            let request = self.dice.one(&[
                &b"\x00\x01name\x00octet\x00"[..],
                b"\x00\x01name\x00octet\x00",
                b"\x00\x01name\x00octet\x00",
                b"\x00\x02name\x00octet\x00",
                b"\x00\x03\x00\x01",
                b"\x00",
            ]);
            let packet = self.packet.clone().udp(self.own, asked, request);
            let mut sent = self.steps.send(packet.clone());
            if self.dice.once_in(8) {
                sent = self.steps.send(packet);
            }
            self.error(sent);
            let from = self.own + 1;
            let from = self.dice.one(&[from, from, from, from, asked]);
            let by = self.dice.one(&[None, None, None, None, None, Some("<in2>"), Some("<far2>")]);
            let first = self.onward(sent, Onward::Transfer { from, by, data: DATA });
            self.error(first);
            let mut last = first;
            for round in 0..self.dice.below(4) {
                let data = if round % 2 == 0 { &b"\x00\x04\x00\x01"[..] } else { DATA };
                last = self.steps.answer(last, Answer::Udp(data.into(), Vec::new()));
            }
            if self.dice.once_in(3) {
                // One more than was asked for.
                self.onward(sent, Onward::Transfer { from: self.own + 2, by: None, data: DATA });
            }
        }
    }
}
