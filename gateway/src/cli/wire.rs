//! The byte forms of the protocol buffers ↔ the standard types: addresses, prefixes, MACs, families.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use sluice_control::proto::{Family, Prefix};

/// The address that 4 or 16 bytes in network order stand for.
pub(crate) fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(octets) = <[u8; 4]>::try_from(bytes) {
        return Some(IpAddr::V4(Ipv4Addr::from(octets)));
    }
    <[u8; 16]>::try_from(bytes).ok().map(|octets| IpAddr::V6(Ipv6Addr::from(octets)))
}

/// The address as text; "?" for bytes that are none.
pub(crate) fn address_text(bytes: &[u8]) -> String {
    address(bytes).map_or_else(|| "?".to_owned(), |address| address.to_string())
}

/// An address in network byte order.
pub(crate) fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

pub(crate) fn family_of(address: IpAddr) -> Family {
    match address {
        IpAddr::V4(_) => Family::Ipv4,
        IpAddr::V6(_) => Family::Ipv6,
    }
}

/// Bits in an address of that family: 32 or 128.
pub(crate) fn width(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

pub(crate) fn prefix(address: IpAddr, length: u32) -> Prefix {
    Prefix { address: octets(address), length }
}

/// `aa:bb:cc:dd:ee:ff`
pub(crate) fn mac_text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

/// The 6 bytes of `aa:bb:cc:dd:ee:ff`; single digits and dashes are fine, as in iproute2.
pub(crate) fn parse_mac(text: &str) -> Option<Vec<u8>> {
    let bytes: Vec<u8> = text
        .split([':', '-'])
        .map(|part| {
            let digits = part.bytes().all(|byte| byte.is_ascii_hexdigit());
            u8::from_str_radix(part, 16).ok().filter(|_| digits && part.len() <= 2)
        })
        .collect::<Option<_>>()?;
    (bytes.len() == 6).then_some(bytes)
}

/// Whether the first `length` bits of two addresses agree.
pub(crate) fn same_prefix(a: &[u8], b: &[u8], length: u32) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut left = length;
    for (x, y) in a.iter().zip(b) {
        let bits = left.min(8);
        let mask = !(0xff_u16 >> bits) as u8;
        if (x ^ y) & mask != 0 {
            return false;
        }
        left -= bits;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macs() {
        assert_eq!(parse_mac("2:0:0:0:0:a"), Some(vec![2, 0, 0, 0, 0, 10]));
        assert_eq!(parse_mac("02:00:00:00:00"), None);
        assert_eq!(parse_mac("02:00:00:00:00:zz"), None);
        assert_eq!(parse_mac("02:00:00:00:00:+1"), None);
        assert_eq!(mac_text(&[2, 0, 0, 0, 0, 10]), "02:00:00:00:00:0a");
    }

    #[test]
    fn prefixes_compare_bit_by_bit() {
        assert!(same_prefix(&[10, 1, 2, 3], &[10, 1, 9, 9], 16));
        assert!(same_prefix(&[10, 1, 128, 3], &[10, 1, 255, 9], 17));
        assert!(!same_prefix(&[10, 1, 128, 3], &[10, 1, 127, 9], 17));
        assert!(same_prefix(&[1, 2, 3, 4], &[5, 6, 7, 8], 0));
        assert!(!same_prefix(&[0; 4], &[0; 16], 0));
    }
}
