//! Addresses and ports as they stand on the wire.
//!
//! Connection tracking and NAT are written once and compiled twice, for [`V4`] and [`V6`], so that an
//! IPv4 key stays 16 bytes.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// An Ethernet address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// ff:ff:ff:ff:ff:ff.
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// Whether the group bit is set (multicast and broadcast).
    #[must_use]
    pub fn is_multicast(self) -> bool {
        self.0[0] & 1 == 1
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A layer-4 port, or an ICMP identifier, in network byte order.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Default,
    FromBytes,
    IntoBytes,
    Immutable,
    Unaligned,
    KnownLayout,
)]
#[repr(transparent)]
pub struct L4Port([u8; 2]);

impl L4Port {
    /// From the number people write.
    #[must_use]
    pub const fn new(host_order: u16) -> Self {
        Self(host_order.to_be_bytes())
    }
    /// From the two bytes on the wire.
    #[must_use]
    pub const fn from_wire(bytes: [u8; 2]) -> Self {
        Self(bytes)
    }
    /// The two bytes on the wire.
    #[must_use]
    pub const fn wire(self) -> [u8; 2] {
        self.0
    }
    /// The number people write.
    #[must_use]
    pub const fn get(self) -> u16 {
        u16::from_be_bytes(self.0)
    }
}

impl fmt::Debug for L4Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.get(), f)
    }
}

/// IP version 4 or 6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IpVersion {
    /// RFC 791.
    V4,
    /// RFC 8200.
    V6,
}

/// An IPv4 address in network byte order.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Default,
    FromBytes,
    IntoBytes,
    Immutable,
    Unaligned,
    KnownLayout,
)]
#[repr(transparent)]
pub struct V4(pub [u8; 4]);

/// An IPv6 address in network byte order.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Default,
    FromBytes,
    IntoBytes,
    Immutable,
    Unaligned,
    KnownLayout,
)]
#[repr(transparent)]
pub struct V6(pub [u8; 16]);

/// An address of one family.
pub trait Address:
    Copy
    + Eq
    + std::hash::Hash
    + Default
    + fmt::Debug
    + FromBytes
    + IntoBytes
    + Immutable
    + Unaligned
    + KnownLayout
    + Send
    + Sync
    + 'static
{
    /// The family.
    const VERSION: IpVersion;
    /// Bytes on the wire: 4 or 16.
    const SIZE: usize;
    /// Offset of the source address in the IP header; the destination follows it.
    const OFFSET: usize;
    /// Reads the address at the start of `bytes`; none when they are too few.
    fn read(bytes: &[u8]) -> Option<Self>;
    /// The wire bytes.
    fn bytes(&self) -> &[u8];
    /// The address as a number: an IPv4 address fills the low 32 bits.
    fn to_bits(self) -> u128;
    /// The inverse of [`Self::to_bits`]; the upper bits of an IPv4 address are ignored.
    fn from_bits(bits: u128) -> Self;
    /// For people.
    fn to_ip(self) -> IpAddr;
    /// From a general address, if the family fits.
    fn from_ip(ip: IpAddr) -> Option<Self>;
}

impl Address for V4 {
    const VERSION: IpVersion = IpVersion::V4;
    const SIZE: usize = 4;
    const OFFSET: usize = 12;
    #[inline]
    fn read(bytes: &[u8]) -> Option<Self> {
        bytes.first_chunk().map(|chunk| Self(*chunk))
    }
    #[inline(always)]
    fn bytes(&self) -> &[u8] {
        &self.0
    }
    #[inline]
    fn to_bits(self) -> u128 {
        u128::from(u32::from_be_bytes(self.0))
    }
    #[allow(clippy::cast_possible_truncation)]
    #[inline]
    fn from_bits(bits: u128) -> Self {
        Self((bits as u32).to_be_bytes())
    }
    fn to_ip(self) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from(self.0))
    }
    fn from_ip(ip: IpAddr) -> Option<Self> {
        match ip {
            IpAddr::V4(v4) => Some(Self(v4.octets())),
            IpAddr::V6(_) => None,
        }
    }
}

impl Address for V6 {
    const VERSION: IpVersion = IpVersion::V6;
    const SIZE: usize = 16;
    const OFFSET: usize = 8;
    #[inline]
    fn read(bytes: &[u8]) -> Option<Self> {
        bytes.first_chunk().map(|chunk| Self(*chunk))
    }
    #[inline(always)]
    fn bytes(&self) -> &[u8] {
        &self.0
    }
    #[inline]
    fn to_bits(self) -> u128 {
        u128::from_be_bytes(self.0)
    }
    #[inline]
    fn from_bits(bits: u128) -> Self {
        Self(bits.to_be_bytes())
    }
    fn to_ip(self) -> IpAddr {
        IpAddr::V6(Ipv6Addr::from(self.0))
    }
    fn from_ip(ip: IpAddr) -> Option<Self> {
        match ip {
            IpAddr::V6(v6) => Some(Self(v6.octets())),
            IpAddr::V4(_) => None,
        }
    }
}

impl fmt::Debug for V4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_ip(), f)
    }
}

impl fmt::Debug for V6 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_ip(), f)
    }
}
