//! Addresses, ports and numbers as text (kernel `%pI4`, `%pI6c`, `%u`).

use crate::address::{Address, IpVersion, L4Port};
use crate::helpers::text::Text;
use std::ops::Range;

/// A decimal number.
pub(super) fn number(number: u32) -> Text {
    let mut text = Text::new();
    text.push_number(number);
    text
}

/// An address alone, as SDP and `received=` have it.
pub(super) fn address<A: Address>(address: A) -> Text {
    let mut text = Text::new();
    push_address(&mut text, address);
    text
}

/// An address as part of a URI: that of IPv6 stands in brackets.
pub(super) fn host<A: Address>(address: A) -> Text {
    let mut text = Text::new();
    match A::VERSION {
        IpVersion::V4 => push_address(&mut text, address),
        IpVersion::V6 => {
            text.push(b'[');
            push_address(&mut text, address);
            text.push(b']');
        }
    }
    text
}

/// An address and a port.
pub(super) fn endpoint<A: Address>(address: A, port: L4Port) -> Text {
    let mut text = host(address);
    text.push(b':');
    text.push_number(port.get().into());
    text
}

fn push_address<A: Address>(text: &mut Text, address: A) {
    match A::VERSION {
        IpVersion::V4 => push_quad(text, address.bytes()),
        IpVersion::V6 => push_groups(text, address.to_bits()),
    }
}

fn push_quad(text: &mut Text, bytes: &[u8]) {
    for (index, byte) in bytes.iter().enumerate() {
        if index > 0 {
            text.push(b'.');
        }
        text.push_number((*byte).into());
    }
}

/// The longest run of zero groups is left out; mapped and ISATAP addresses end as IPv4 ones.
fn push_groups(text: &mut Text, bits: u128) {
    let ends_in_v4 = is_mapped(bits) || is_isatap(bits);
    let count = if ends_in_v4 { 6 } else { 8 };
    let gap = longest_zeros(bits, count);
    for index in 0..count {
        if index == gap.start && !gap.is_empty() {
            text.push(b':');
        }
        if !gap.contains(&index) {
            if index > 0 {
                text.push(b':');
            }
            push_group(text, group(bits, index));
        }
    }
    if ends_in_v4 {
        let [.., a, b, c, d] = bits.to_be_bytes();
        text.push(b':');
        push_quad(text, &[a, b, c, d]);
    } else if gap.end == count && !gap.is_empty() {
        text.push(b':');
    }
}

fn push_group(text: &mut Text, group: u16) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for shift in [12, 8, 4, 0] {
        if group >> shift != 0 || shift == 0 {
            text.push(DIGITS[usize::from(group >> shift & 15)]);
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

    fn text(text: Text) -> String {
        String::from_utf8(text.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn endpoints_are_written_as_in_uris() {
        let port = L4Port::new(5060);
        assert_eq!(text(endpoint(V4([10, 0, 0, 200]), port)), "10.0.0.200:5060");
        let v6 = V6("fd00::2".parse::<Ipv6Addr>().unwrap().octets());
        assert_eq!(text(endpoint(v6, port)), "[fd00::2]:5060");
        assert_eq!(text(host(v6)), "[fd00::2]");
        let isatap = V6("fd00::5efe:102:304".parse::<Ipv6Addr>().unwrap().octets());
        assert_eq!(text(address(isatap)), "fd00::5efe:1.2.3.4");
        let longest = V6([0x11; 16]);
        assert_eq!(text(endpoint(longest, L4Port::new(65535))).len(), 47);
    }

    proptest! {
        #[test]
        fn numbers_and_addresses_are_written_as_everywhere(value: u32, v4: [u8; 4], groups in prop::array::uniform8(0_u16..3)) {
            prop_assert_eq!(text(number(value)), value.to_string());
            prop_assert_eq!(text(address(V4(v4))), Ipv4Addr::from(v4).to_string());
            let v6 = Ipv6Addr::from(groups);
            prop_assert_eq!(text(address(V6(v6.octets()))), v6.to_string());
        }
    }
}
