//! Addresses with masks and ranges of ports.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use std::fmt;

use super::Family;
use super::fault::Fault;

/// An address and the bits of it that count; the mask need not be contiguous. Both have the same
/// family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AddressMask {
    /// As it is written; its bits outside the mask mean nothing.
    written: IpAddr,
    mask: IpAddr,
}

impl AddressMask {
    /// `address` masked by `mask`; `None` if their families differ.
    pub fn new(address: IpAddr, mask: IpAddr) -> Option<Self> {
        masked(address, mask).map(|written| Self { written, mask })
    }

    /// The same, but its text keeps the address as it is; `None` if the length exceeds the
    /// family's.
    pub(crate) fn written(address: IpAddr, length: u8) -> Option<Self> {
        Self::prefix(address, length).map(|prefix| Self { written: address, ..prefix })
    }

    /// One single address.
    pub fn host(address: IpAddr) -> Self {
        let mask = match address {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::BROADCAST),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from(u128::MAX)),
        };
        Self { written: address, mask }
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
        masked(self.written, self.mask).unwrap_or(self.written)
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

    /// `ADDRESS[/MASK]` as the command line takes it: IPv4 may be shortened (`10/8`), a mask may be
    /// a length or an address. Names are not looked up, `localhost` aside.
    pub(crate) fn parse(text: &str, family: Family) -> Result<Self, Fault> {
        let (host, mask) =
            text.rsplit_once('/').map_or((text, None), |(host, mask)| (host, Some(mask)));
        let not_found = || {
            Fault::usage(format!("host/network `{host}' not found")).help(match family {
                Family::V4 => "write an IPv4 address, as in `10.1.0.0/16`; names are not looked up",
                Family::V6 => "write an IPv6 address, as in `fd00:1::/64`; names are not looked up",
            })
        };
        let invalid = |mask: &str| {
            let help = format!("write a length from 0 to {} or a mask", family.bits());
            Fault::usage(format!("invalid mask `{mask}' specified")).help(help)
        };
        let mask =
            mask.map(|text| mask_of(text, family).ok_or_else(|| invalid(text))).transpose()?;
        // Behind `/0` any name will do, as in `any/0`.
        if let Some(all) = mask.filter(IpAddr::is_unspecified) {
            return Ok(Self { written: all, mask: all });
        }
        let address = match (family, host) {
            (Family::V4, "localhost") => IpAddr::V4(Ipv4Addr::LOCALHOST),
            (Family::V6, "localhost") => IpAddr::V6(Ipv6Addr::LOCALHOST),
            (_, _) => numeric(host, family).ok_or_else(not_found)?,
        };
        let Some(mask) = mask else { return Ok(Self::host(address)) };
        Self::new(address, mask).ok_or_else(not_found)
    }

    /// `ADDRESS/LENGTH` or `ADDRESS/MASK`.
    fn mask_text(&self) -> String {
        self.prefix_length().map_or_else(|| shown(self.mask), |length| length.to_string())
    }

    /// The same, a single address without its length.
    pub(crate) fn short_text(&self) -> String {
        match self.prefix_length() == Some(self.family().bits()) {
            true => shown(self.written),
            false => self.to_string(),
        }
    }

    /// The family of both.
    pub fn family(&self) -> Family {
        match self.written {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        }
    }

    /// Whether `address` is covered.
    pub fn contains(&self, address: IpAddr) -> bool {
        masked(address, self.mask) == Some(self.address())
    }
}

impl fmt::Display for AddressMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", shown(self.written), self.mask_text())
    }
}

/// The bits of an address that are in the mask; `None` if their families differ.
fn masked(address: IpAddr, mask: IpAddr) -> Option<IpAddr> {
    match (address, mask) {
        (IpAddr::V4(a), IpAddr::V4(m)) => {
            Some(IpAddr::V4(Ipv4Addr::from(u32::from(a) & u32::from(m))))
        }
        (IpAddr::V6(a), IpAddr::V6(m)) => {
            Some(IpAddr::V6(Ipv6Addr::from(u128::from(a) & u128::from(m))))
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => None,
    }
}

/// A mask by its length or as an address of the family.
fn mask_of(text: &str, family: Family) -> Option<IpAddr> {
    let length = super::words::number(text).and_then(|length| u8::try_from(length).ok());
    let ones = match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::BROADCAST),
        Family::V6 => IpAddr::V6(Ipv6Addr::from(u128::MAX)),
    };
    match length {
        Some(length) => AddressMask::prefix(ones, length).map(|masked| masked.mask),
        None => text.parse().ok().filter(|mask: &IpAddr| mask.is_ipv4() == ones.is_ipv4()),
    }
}

/// An address of the family as the tools read one that is no name.
pub(crate) fn numeric(text: &str, family: Family) -> Option<IpAddr> {
    match family {
        Family::V4 => short_ipv4(text).map(IpAddr::V4),
        Family::V6 => text.parse().ok().map(IpAddr::V6),
    }
}

/// `a[.b[.c[.d]]]`, absent parts zero, each in C's notation.
fn short_ipv4(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0u8; 4];
    let mut words = text.split('.');
    for (nth, octet) in octets.iter_mut().enumerate() {
        match words.next() {
            Some(word) => *octet = super::words::number(word)?.try_into().ok()?,
            None if nth == 0 => return None,
            None => {}
        }
    }
    words.next().is_none().then(|| Ipv4Addr::from(octets))
}

/// `a[.b[.c[.d]]]` as C's `inet_aton` reads it: the last number fills all bytes that are left.
pub(crate) fn inet_aton(text: &str) -> Option<Ipv4Addr> {
    let numbers: Option<Vec<u64>> = text.split('.').map(super::words::number).collect();
    let numbers = numbers?;
    let (last, firsts) = numbers.split_last()?;
    let bits = 8 * u32::try_from(4usize.checked_sub(firsts.len())?).ok()?;
    if firsts.iter().any(|octet| *octet > 255) || bits == 0 || last >> bits != 0 {
        return None;
    }
    let above = firsts.iter().fold(0u64, |sum, octet| sum << 8 | octet);
    u32::try_from(above << bits | last).ok().map(Ipv4Addr::from)
}

/// An address as the tools' options take one that they look up as a host (XTTYPE_HOST).
pub(crate) fn host(text: &str, family: Family) -> Result<IpAddr, Fault> {
    let address = match family {
        Family::V4 => inet_aton(text).map(IpAddr::V4),
        Family::V6 => numeric(text, Family::V6),
    };
    let of_other_family = match family {
        Family::V4 => text.parse::<Ipv6Addr>().is_ok(),
        Family::V6 => inet_aton(text).is_some(),
    };
    address.ok_or_else(|| {
        let reason = match of_other_family {
            true => "Address family for hostname not supported",
            false => "Name or service not known",
        };
        Fault::usage(format!("getaddrinfo: {reason}\n"))
            .help("write an address of the rule's family; names are not looked up")
    })
}

/// The address as the C library writes it: an IPv6 address whose first 96 bits are zero ends in
/// dotted notation.
pub(crate) fn shown(address: IpAddr) -> String {
    let compatible = |six: Ipv6Addr| match six.segments() {
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => {
            Some(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
        }
        _ => None,
    };
    match address {
        IpAddr::V6(six) => compatible(six).map_or(six.to_string(), |four| format!("::{four}")),
        IpAddr::V4(four) => four.to_string(),
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

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.min == self.max {
            true => write!(f, "{}", self.min),
            false => write!(f, "{}:{}", self.min, self.max),
        }
    }
}
