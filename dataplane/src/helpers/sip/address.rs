//! Addresses in text (kernel `in4_pton`, `in6_pton` and `%pI6c`): read with whatever stands behind them, written in
//! the one way of RFC 5952.

use super::text::{is_digit, number, span};
use crate::address::{Address, IpVersion, L4Port};
use std::ops::Range;

/// The port of SIP where none is said (RFC 3261 section 19.1.2).
const PORT: u16 = 5060;
/// Ports below are not believed.
const LEAST_PORT: u32 = 1024;

/// An address with its port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint<A> {
    /// The bytes that say so.
    pub(super) place: Range<usize>,
    pub(super) address: A,
    pub(super) port: L4Port,
}

/// Whether an IPv6 address has to stand in brackets, as it does in a URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Brackets {
    Needed,
    Allowed,
}

/// The address at `at` and where it ends.
pub(super) fn read<A: Address>(text: &[u8], at: usize) -> Option<(A, usize)> {
    match A::VERSION {
        IpVersion::V4 => {
            let (bytes, end) = read_v4(text, at)?;
            Some((A::read(&bytes)?, end))
        }
        IpVersion::V6 => {
            let (groups, end) = read_v6(text, at)?;
            Some((A::from_bits(u128::from_be_bytes(groups)), end))
        }
    }
}

/// The same as part of a URI or of one of its parameters.
pub(super) fn read_host<A: Address>(
    text: &[u8],
    at: usize,
    brackets: Brackets,
) -> Option<(A, usize)> {
    if A::VERSION == IpVersion::V4 {
        return read(text, at);
    }
    let opened = text.get(at) == Some(&b'[');
    let (address, end) = read(text, at + usize::from(opened))?;
    let closed = text.get(end) == Some(&b']');
    let right = (opened && closed) || brackets == Brackets::Allowed;
    right.then_some((address, end + usize::from(closed)))
}

/// Address and port at `at`. A text that ends with them is not believed.
pub(super) fn read_endpoint<A: Address>(text: &[u8], at: usize) -> Option<Endpoint<A>> {
    let (address, end) = read_host(text, at, Brackets::Needed)?;
    if *text.get(end)? != b':' {
        return Some(Endpoint { place: at..end, address, port: L4Port::new(PORT) });
    }
    let port = number(text, end + 1).filter(|port| port.end - end <= 6)?;
    let believed = port.value >= LEAST_PORT && port.end < text.len();
    let value = u16::try_from(port.value).ok().filter(|_| believed)?;
    Some(Endpoint { place: at..port.end, address, port: L4Port::new(value) })
}

/// Four numbers; a hexadecimal digit or another dot behind them is one too many.
fn read_v4(text: &[u8], at: usize) -> Option<([u8; 4], usize)> {
    let mut bytes = [0; 4];
    let mut at = at;
    for (index, byte) in bytes.iter_mut().enumerate() {
        let length = span(text, at, is_digit);
        let digits = text.get(at..at + length).filter(|digits| !digits.is_empty())?;
        *byte = digits.iter().try_fold(0_u8, |value, digit| {
            value.checked_mul(10).and_then(|value| value.checked_add(digit - b'0'))
        })?;
        at += length;
        match text.get(at) {
            Some(b'.') if index < 3 => at += 1,
            Some(behind) if index < 3 || *behind == b'.' || behind.is_ascii_hexdigit() => {
                return None;
            }
            None if index < 3 => return None,
            Some(_) | None => {}
        }
    }
    Some((bytes, at))
}

/// The bytes of an IPv6 address as they are read.
#[derive(Default)]
struct Groups {
    bytes: [u8; 16],
    /// How many bytes are known. "::" counts as one group of zeros or more.
    known: usize,
    /// Where "::" ends.
    gap: Option<usize>,
}

impl Groups {
    fn push(&mut self, bytes: &[u8]) -> Option<()> {
        self.bytes.get_mut(self.known..self.known + bytes.len())?.copy_from_slice(bytes);
        self.known += bytes.len();
        Some(())
    }

    fn open_gap(&mut self) -> Option<()> {
        self.push(&[0; 2])?;
        self.gap = Some(self.known);
        Some(())
    }

    /// With the gap as wide as it has to be.
    fn spread(mut self) -> Option<[u8; 16]> {
        match self.gap {
            Some(gap) => {
                let behind = self.known - gap;
                self.bytes.copy_within(gap..self.known, 16 - behind);
                self.bytes.get_mut(gap..16 - behind)?.fill(0);
                Some(self.bytes)
            }
            None => (self.known == 16).then_some(self.bytes),
        }
    }
}

fn read_v6(text: &[u8], at: usize) -> Option<([u8; 16], usize)> {
    let mut groups = Groups::default();
    let mut at = at;
    if text.get(at) == Some(&b':') {
        if text.get(at + 1) != Some(&b':') {
            return None;
        }
        groups.open_gap()?;
        at += 2;
    }
    loop {
        let length = span(text, at, |byte| byte.is_ascii_hexdigit());
        if length == 0 {
            // Only "::" may end an address.
            let ends =
                groups.gap == Some(groups.known) && !matches!(text.get(at), Some(b':' | b'.'));
            return ends.then(|| groups.spread()).flatten().map(|bytes| (bytes, at));
        }
        let room = 16 - groups.known;
        if text.get(at + length) == Some(&b'.') {
            let fits = room == 4 || (room > 4 && groups.gap.is_some());
            let (bytes, end) = read_v4(text, at).filter(|_| fits)?;
            groups.push(&bytes)?;
            return Some((groups.spread()?, end));
        }
        groups.push(&group(text.get(at..at + length)?)?)?;
        at += length;
        if text.get(at) != Some(&b':') {
            return Some((groups.spread()?, at));
        }
        at += 1;
        if text.get(at) == Some(&b':') {
            if groups.gap.is_some() {
                return None;
            }
            groups.open_gap()?;
            at += 1;
        }
    }
}

/// Hexadecimal digits of one group, however many zeros they begin with.
fn group(digits: &[u8]) -> Option<[u8; 2]> {
    let value = digits.iter().try_fold(0_u16, |value, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        value.checked_mul(16)?.checked_add(u16::try_from(digit).ok()?)
    })?;
    Some(value.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::{V4, V6};
    use proptest::prelude::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    fn v4(text: &str) -> Option<(Ipv4Addr, usize)> {
        read::<V4>(text.as_bytes(), 0).map(|(address, end)| (address.0.into(), end))
    }
    fn v6(text: &str) -> Option<(Ipv6Addr, usize)> {
        read::<V6>(text.as_bytes(), 0).map(|(address, end)| (address.0.into(), end))
    }
    fn endpoint(text: &str) -> Option<(u16, usize)> {
        let found = read_endpoint::<V4>(text.as_bytes(), 0)?;
        Some((found.port.get(), found.place.end))
    }

    #[test]
    fn ipv4_ends_before_anything_but_digits() {
        let one = Ipv4Addr::new(10, 0, 0, 1);
        assert_eq!(v4("10.0.0.1"), Some((one, 8)));
        assert_eq!(v4("010.0.00.0001>"), Some((one, 13)));
        assert_eq!(v4("10.0.0.1:5060"), Some((one, 8)));
        assert_eq!(v4("10.0.0.1g"), Some((one, 8)));
        for wrong in
            ["", "10", "10.0.0", "10.0.0.", "10.0.0.1.", "10.0.0.1a", "256.0.0.1", ".0.0.0.1"]
        {
            assert_eq!(v4(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn ipv6_is_read_as_the_kernel_does() {
        for right in [
            "::",
            "::1",
            "1::",
            "fd00::2",
            "1:2:3:4:5:6:7:8",
            "1:2:3:4:5:6:7::",
            "::2:3:4:5:6:7:8",
            "::ffff:10.0.0.1",
            "1:2:3:4:5:6:10.0.0.1",
        ] {
            assert_eq!(v6(right), Some((right.parse().unwrap(), right.len())), "{right}");
            assert_eq!(v6(&format!("{right}]")), Some((right.parse().unwrap(), right.len())));
        }
        assert_eq!(v6("00001::2"), Some(("1::2".parse().unwrap(), 8)));
        for wrong in [
            "",
            ":",
            "1",
            "1:2",
            "1:2:3:4:5:6:7:",
            "1:2:3:4:5:6:7:8:",
            ":1",
            "1::2::3",
            "1:::2",
            "12345::",
            "1:2:3:4:5:6:7::8",
            "::1.2.3",
            "1.2.3.4",
            "1::2:",
        ] {
            assert_eq!(v6(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_port_is_of_five_digits_and_not_a_privileged_one() {
        assert_eq!(endpoint("10.0.0.1>"), Some((5060, 8)));
        assert_eq!(endpoint("10.0.0.1:5070>"), Some((5070, 13)));
        assert_eq!(endpoint("10.0.0.1:05070>"), Some((5070, 14)));
        for wrong in [
            "10.0.0.1",
            "10.0.0.1:5070",
            "10.0.0.1:>",
            "10.0.0.1:005070>",
            "10.0.0.1:80>",
            "10.0.0.1:65536>",
        ] {
            assert_eq!(endpoint(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "[0-9a-f:.\\[\\]x]{0,30}") {
            for at in 0..=text.len() {
                let _ = read::<V4>(text.as_bytes(), at);
                let _ = read::<V6>(text.as_bytes(), at);
                let _ = read_endpoint::<V6>(text.as_bytes(), at);
            }
        }
        #[test]
        fn what_is_right_is_read(bits: [u8; 16]) {
            let text = Ipv6Addr::from(bits).to_string();
            prop_assert_eq!(v6(&text), Some((bits.into(), text.len())));
        }
    }
}
