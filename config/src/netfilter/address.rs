//! Addresses with masks and ranges of ports.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Family;

/// An address and the bits of it that count; the mask need not be contiguous. The address has no
/// bit outside its mask. Both have the same family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AddressMask {
    address: IpAddr,
    mask: IpAddr,
}

impl AddressMask {
    /// `address` masked by `mask`; `None` if their families differ.
    pub fn new(address: IpAddr, mask: IpAddr) -> Option<Self> {
        let address = match (address, mask) {
            (IpAddr::V4(a), IpAddr::V4(m)) => {
                IpAddr::V4(Ipv4Addr::from(u32::from(a) & u32::from(m)))
            }
            (IpAddr::V6(a), IpAddr::V6(m)) => {
                IpAddr::V6(Ipv6Addr::from(u128::from(a) & u128::from(m)))
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return None,
        };
        Some(Self { address, mask })
    }

    /// One single address.
    pub fn host(address: IpAddr) -> Self {
        let mask = match address {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::BROADCAST),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from(u128::MAX)),
        };
        Self { address, mask }
    }

    /// `address/length`; `None` if the length exceeds the family's.
    pub fn prefix(address: IpAddr, length: u8) -> Option<Self> {
        let mask = match address {
            IpAddr::V4(_) if length <= 32 => {
                let bits = u32::MAX.checked_shl(u32::from(32 - length)).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from(bits))
            }
            IpAddr::V6(_) if length <= 128 => {
                let bits = u128::MAX.checked_shl(u32::from(128 - length)).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from(bits))
            }
            IpAddr::V4(_) | IpAddr::V6(_) => return None,
        };
        Self::new(address, mask)
    }

    /// The address, with no bit outside the mask.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// The bits that count.
    pub fn mask(&self) -> IpAddr {
        self.mask
    }

    /// The mask as a prefix length, where it is one.
    pub fn prefix_length(&self) -> Option<u8> {
        let (bits, ones) = match self.mask {
            IpAddr::V4(mask) => {
                let mask = u32::from(mask);
                (mask.leading_ones(), mask.count_ones())
            }
            IpAddr::V6(mask) => {
                let mask = u128::from(mask);
                (mask.leading_ones(), mask.count_ones())
            }
        };
        if bits == ones { u8::try_from(bits).ok() } else { None }
    }

    /// The family of both.
    pub fn family(&self) -> Family {
        match self.address {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        }
    }

    /// Whether `address` is covered.
    pub fn contains(&self, address: IpAddr) -> bool {
        Self::new(address, self.mask).is_some_and(|masked| masked.address == self.address)
    }
}

/// An inclusive range of ports (or ICMP ids), host byte order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PortRange {
    /// Lowest.
    pub min: u16,
    /// Highest; not below `min` except where the kernel too accepts a range that never matches.
    pub max: u16,
}

impl PortRange {
    /// Every port.
    pub const ALL: Self = Self { min: 0, max: u16::MAX };

    /// One port.
    pub fn single(port: u16) -> Self {
        Self { min: port, max: port }
    }

    /// Whether `port` lies within.
    pub fn contains(&self, port: u16) -> bool {
        self.min <= port && port <= self.max
    }
}
