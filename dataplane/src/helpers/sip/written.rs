//! Addresses, ports and numbers as text (kernel `%pI4`, `%pI6c`, `%u`), written into a fixed buffer.

use crate::address::{Address, IpVersion, L4Port};
use std::ops::Range;

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// A short text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written {
    bytes: [u8; Self::MOST],
    length: usize,
}

impl Written {
    /// `[`, 39 bytes of address, `]:65535`, and some room.
    const MOST: usize = 56;

    const fn new() -> Self {
        Self { bytes: [0; Self::MOST], length: 0 }
    }

    /// A decimal number.
    pub(super) fn number(number: u32) -> Self {
        let mut written = Self::new();
        written.push_number(number);
        written
    }

    /// An address alone, as SDP and `received=` have it.
    pub(super) fn address<A: Address>(address: A) -> Self {
        let mut written = Self::new();
        written.push_address(address);
        written
    }

    /// An address as part of a URI: that of IPv6 stands in brackets.
    pub(super) fn host<A: Address>(address: A) -> Self {
        let mut written = Self::new();
        written.push_host(address);
        written
    }

    /// An address and a port.
    pub(super) fn endpoint<A: Address>(address: A, port: L4Port) -> Self {
        let mut written = Self::host(address);
        written.push(b':');
        written.push_number(port.get().into());
        written
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
    }

    fn push_number(&mut self, number: u32) {
        let mut unit = 1_000_000_000;
        while unit > 0 {
            if number >= unit || unit == 1 {
                self.push_digit(number / unit % 10);
            }
            unit /= 10;
        }
    }

    fn push_digit(&mut self, digit: u32) {
        self.push(DIGITS.get(digit as usize).copied().unwrap_or(b'0'));
    }

    fn push_host<A: Address>(&mut self, address: A) {
        match A::VERSION {
            IpVersion::V4 => self.push_address(address),
            IpVersion::V6 => {
                self.push(b'[');
                self.push_address(address);
                self.push(b']');
            }
        }
    }

    fn push_address<A: Address>(&mut self, address: A) {
        match A::VERSION {
            IpVersion::V4 => self.push_quad(address.bytes()),
            IpVersion::V6 => self.push_groups(address.to_bits()),
        }
    }

    fn push_quad(&mut self, bytes: &[u8]) {
        for (index, byte) in bytes.iter().enumerate() {
            if index > 0 {
                self.push(b'.');
            }
            self.push_number((*byte).into());
        }
    }

    /// The longest run of zero groups is left out; mapped and ISATAP addresses end as IPv4 ones.
    fn push_groups(&mut self, bits: u128) {
        let ends_in_v4 = is_mapped(bits) || is_isatap(bits);
        let count = if ends_in_v4 { 6 } else { 8 };
        let gap = longest_zeros(bits, count);
        for index in 0..count {
            if index == gap.start && !gap.is_empty() {
                self.push(b':');
            }
            if !gap.contains(&index) {
                if index > 0 {
                    self.push(b':');
                }
                self.push_group(group(bits, index));
            }
        }
        if ends_in_v4 {
            let [.., a, b, c, d] = bits.to_be_bytes();
            self.push(b':');
            self.push_quad(&[a, b, c, d]);
        } else if gap.end == count && !gap.is_empty() {
            self.push(b':');
        }
    }

    fn push_group(&mut self, group: u16) {
        for shift in [12, 8, 4, 0] {
            if group >> shift != 0 || shift == 0 {
                self.push_digit(u32::from(group >> shift & 15));
            }
        }
    }
}

/// The group at `index` of eight.
const fn group(bits: u128, index: u32) -> u16 {
    (bits >> (112 - 16 * index)) as u16
}

/// ::ffff:0:0/96 (RFC 4291 section 2.5.5.2).
const fn is_mapped(bits: u128) -> bool {
    bits >> 32 == 0xffff
}

/// RFC 5214 section 6.1.
const fn is_isatap(bits: u128) -> bool {
    (bits >> 32) as u32 | 0x0200_0000 == 0x0200_5efe
}

/// The first of the longest runs of more than one zero group; empty where there is none.
fn longest_zeros(bits: u128, count: u32) -> Range<u32> {
    let mut longest = 0..0;
    for start in 0..count {
        let zeros = (start..count).take_while(|index| group(bits, *index) == 0).count() as u32;
        if zeros > 1 && zeros > longest.end - longest.start {
            longest = start..start + zeros;
        }
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::{V4, V6};
    use proptest::prelude::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    fn text(written: Written) -> String {
        String::from_utf8(written.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn endpoints_are_written_as_in_uris() {
        let port = L4Port::new(5060);
        assert_eq!(text(Written::endpoint(V4([10, 0, 0, 200]), port)), "10.0.0.200:5060");
        let v6 = V6("fd00::2".parse::<Ipv6Addr>().unwrap().octets());
        assert_eq!(text(Written::endpoint(v6, port)), "[fd00::2]:5060");
        assert_eq!(text(Written::host(v6)), "[fd00::2]");
        let isatap = V6("fd00::5efe:102:304".parse::<Ipv6Addr>().unwrap().octets());
        assert_eq!(text(Written::address(isatap)), "fd00::5efe:1.2.3.4");
        let longest = V6([0x11; 16]);
        assert_eq!(text(Written::endpoint(longest, L4Port::new(65535))).len(), 47);
    }

    proptest! {
        #[test]
        fn numbers_and_addresses_are_written_as_everywhere(number: u32, v4: [u8; 4], groups in prop::array::uniform8(0_u16..3)) {
            prop_assert_eq!(text(Written::number(number)), number.to_string());
            prop_assert_eq!(text(Written::address(V4(v4))), Ipv4Addr::from(v4).to_string());
            let v6 = Ipv6Addr::from(groups);
            prop_assert_eq!(text(Written::address(V6(v6.octets()))), v6.to_string());
        }
    }
}
