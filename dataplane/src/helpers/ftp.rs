//! What an FTP control connection says of the data connection to come (RFC 959, RFC 1123 section 4.1.2.6, RFC 2428; kernel
//! `nf_conntrack_ftp.c`).
//!
//! ```text
//!   client  PORT 10,0,0,2,4,1              EPRT |2|fd00::2|1025|
//!   server  227 Entering Passive Mode (10,0,0,9,4,1).    229 Entering Extended Passive Mode (|||1025|)
//!                                      └ numbers ─┘
//! ```
//!
//! A segment is looked at that begins a line. As in the kernel, one that begins like a command and cannot be read to its
//! end is [partial](Found::Partial): nobody could tell what the rest of it says.

use super::text::Text;
use crate::address::{Address, IpVersion};
use crate::conntrack::{Direction, after, before};
use std::net::Ipv6Addr;
use zerocopy::FromZeros;

/// Where lines of one direction begin, as far as known: sequence numbers behind a newline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromZeros)]
pub(crate) struct Lines {
    count: u32,
    starts: [u32; 2],
}

impl Lines {
    /// Whether a line begins there.
    pub(crate) fn begin_at(&self, seq: u32) -> bool {
        self.starts.iter().take(self.count as usize).any(|start| *start == seq)
    }

    /// A line begins there; the two latest are kept.
    pub(crate) fn note(&mut self, seq: u32) {
        if self.begin_at(seq) {
            return;
        }
        let [one, other] = &mut self.starts;
        match self.count {
            0 => (*one, self.count) = (seq, 1),
            1 => (*other, self.count) = (seq, 2),
            _ => {
                let oldest = if before(*one, *other) { one } else { other };
                if after(seq, *oldest) {
                    *oldest = seq;
                }
            }
        }
    }
}

/// Which words announce a connection, and so how its address is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `PORT` and `227`: six numbers.
    Numbers,
    /// `EPRT`: family, address and port.
    Extended,
    /// `229`: the port alone.
    PortAlone,
}

/// What a line announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Announced<A> {
    pub(crate) form: Form,
    /// Where the numbers begin, and how many bytes they are.
    pub(crate) at: usize,
    pub(crate) length: usize,
    pub(crate) address: A,
    pub(crate) port: u16,
}

/// What a segment that begins a line comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found<A> {
    /// It announces nothing.
    Nothing,
    /// It begins to.
    Partial,
    /// It does.
    Announced(Announced<A>),
}

/// A command or reply.
struct Word {
    text: &'static [u8],
    /// Up to this byte everything is skipped; zero skips to the first digit.
    skip: u8,
    /// What the numbers end with; zero for anything.
    end: u8,
    form: Form,
}

const fn word(text: &'static [u8], skip: u8, end: u8, form: Form) -> Word {
    Word { text, skip, end, form }
}

const COMMANDS: [Word; 2] =
    [word(b"PORT", b' ', b'\r', Form::Numbers), word(b"EPRT", b' ', b'\r', Form::Extended)];
const REPLIES: [Word; 2] =
    [word(b"227 ", 0, 0, Form::Numbers), word(b"229 ", b'(', b')', Form::PortAlone)];

/// Looks at a segment of `direction` that begins a line; its sender's address is `own`.
pub(crate) fn search<A: Address>(direction: Direction, line: &[u8], own: A) -> Found<A> {
    let words = match direction {
        Direction::Original => &COMMANDS,
        Direction::Reply => &REPLIES,
    };
    let mut found = words.iter().map(|word| read_word(word, line, own));
    found.find(|found| *found != Found::Nothing).unwrap_or(Found::Nothing)
}

fn read_word<A: Address>(word: &Word, line: &[u8], own: A) -> Found<A> {
    let known = line.len().min(word.text.len());
    let alike = line.iter().zip(word.text).all(|(one, other)| one.eq_ignore_ascii_case(other));
    match alike {
        false => return Found::Nothing,
        true if line.len() <= known => return Found::Partial,
        true => {}
    }
    let rest = line.get(known..).unwrap_or_default();
    let skipped = match word.skip {
        0 => rest.iter().position(u8::is_ascii_digit),
        skip => rest.iter().position(|byte| *byte == skip).map(|at| at + 1),
    };
    let Some(at) = skipped.map(|skipped| known + skipped) else { return Found::Partial };
    let text = line.get(at..).unwrap_or_default();
    let read = match word.form {
        Form::Numbers => read_numbers(text, word.end, own),
        Form::Extended => read_extended(text, own),
        Form::PortAlone => read_port_alone(text).map(|(port, length)| (own, port, length)),
    };
    match read {
        Some((address, port, length)) => {
            Found::Announced(Announced { form: word.form, at, length, address, port })
        }
        None => Found::Partial,
    }
}

/// `count` numbers with `between` between them, up to `end`, and how many bytes they are. They may overflow.
fn numbers<const COUNT: usize>(text: &[u8], between: u8, end: u8) -> Option<([u32; COUNT], usize)> {
    let mut numbers = [0_u32; COUNT];
    let mut at = 0;
    for (length, &byte) in text.iter().enumerate() {
        let number = numbers.get_mut(at)?;
        if byte.is_ascii_digit() {
            *number = number.wrapping_mul(10).wrapping_add(u32::from(byte - b'0'));
        } else if byte == between {
            at += 1;
        } else {
            let ends = (byte == end || end == 0) && at + 1 == COUNT && length > 0;
            return ends.then_some((numbers, length));
        }
    }
    None
}

/// Shifts of numbers that may be above 255, as the kernel has it.
const fn join(one: u32, two: u32, three: u32, four: u32) -> [u8; 4] {
    (one << 24 | two << 16 | three << 8 | four).to_be_bytes()
}

/// `own` with its first four bytes replaced: to IPv6 that is hardly an address of its own.
fn replaced<A: Address>(own: A, first: [u8; 4]) -> Option<A> {
    let mut bytes = [0; 16];
    let place = bytes.get_mut(..A::SIZE)?;
    place.copy_from_slice(own.bytes());
    place.get_mut(..4)?.copy_from_slice(&first);
    A::read(place)
}

fn read_numbers<A: Address>(text: &[u8], end: u8, own: A) -> Option<(A, u16, usize)> {
    let ([a, b, c, d, high, low], length) = numbers::<6>(text, b',', end)?;
    let [.., high, low] = (high << 8 | low).to_be_bytes();
    Some((replaced(own, join(a, b, c, d))?, u16::from_be_bytes([high, low]), length))
}

/// What may stand between the parts of an extended address.
fn delimiter(text: &[u8]) -> Option<u8> {
    let first = *text.first().filter(|_| text.len() > 3)?;
    (first.is_ascii_graphic() && !first.is_ascii_digit()).then_some(first)
}

fn read_extended<A: Address>(text: &[u8], own: A) -> Option<(A, u16, usize)> {
    let between = delimiter(text)?;
    let family = match A::VERSION {
        IpVersion::V4 => b'1',
        IpVersion::V6 => b'2',
    };
    if text.get(1..3) != Some(&[family, between]) {
        return None;
    }
    let rest = text.get(3..)?;
    let (address, length) = match A::VERSION {
        IpVersion::V4 => {
            let ([a, b, c, d], length) = numbers::<4>(rest, b'.', between)?;
            (replaced(own, join(a, b, c, d))?, length)
        }
        IpVersion::V6 => {
            let length = rest.iter().position(|byte| *byte == between)?;
            let address: Ipv6Addr = std::str::from_utf8(rest.get(..length)?).ok()?.parse().ok()?;
            (A::from_ip(address.into())?, length)
        }
    };
    let start = 3 + length + 1;
    let (port, length) = read_port(text.get(start..)?, between)?;
    Some((address, port, start + length))
}

fn read_port_alone(text: &[u8]) -> Option<(u16, usize)> {
    let between = delimiter(text)?;
    if text.get(1..3) != Some(&[between, between]) {
        return None;
    }
    let (port, length) = read_port(text.get(3..)?, between)?;
    Some((port, 3 + length))
}

/// A port that is not zero, and how many bytes it is with the `end` behind it. It may overflow.
fn read_port(text: &[u8], end: u8) -> Option<(u16, usize)> {
    let mut port = 0_u16;
    for (length, &byte) in text.iter().enumerate() {
        if byte == end {
            return (port != 0).then_some((port, length + 1));
        }
        if !byte.is_ascii_digit() {
            return None;
        }
        port = port.wrapping_mul(10).wrapping_add(u16::from(byte - b'0'));
    }
    None
}

/// The numbers that announce an address and a port, as a line of that form has them.
pub(crate) fn written<A: Address>(form: Form, address: A, port: u16) -> Text {
    let mut written = Text::new();
    let [high, low] = port.to_be_bytes();
    match form {
        Form::Numbers => {
            let first = address.bytes().iter().take(4).copied();
            for (at, number) in first.chain([high, low]).enumerate() {
                if at > 0 {
                    written.push(b',');
                }
                written.push_number(number.into());
            }
        }
        Form::Extended => {
            push_extended(&mut written, address);
            written.push_number(port.into());
            written.push(b'|');
        }
        Form::PortAlone => {
            (0..3).for_each(|_| written.push(b'|'));
            written.push_number(port.into());
            written.push(b'|');
        }
    }
    written
}

/// IPv6 addresses in full, as the kernel writes them.
fn push_extended<A: Address>(text: &mut Text, address: A) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    match A::VERSION {
        IpVersion::V4 => {
            text.push(b'|');
            text.push(b'1');
            let before = std::iter::once(b'|').chain(std::iter::repeat(b'.'));
            for (before, number) in before.zip(address.bytes()) {
                text.push(before);
                text.push_number((*number).into());
            }
        }
        IpVersion::V6 => {
            text.push(b'|');
            text.push(b'2');
            for (at, byte) in address.bytes().iter().enumerate() {
                if at % 2 == 0 {
                    text.push(if at == 0 { b'|' } else { b':' });
                }
                text.push(DIGITS[usize::from(byte >> 4)]);
                text.push(DIGITS[usize::from(byte & 15)]);
            }
        }
    }
    text.push(b'|');
}

#[cfg(test)]
#[path = "ftp_tests.rs"]
mod tests;
