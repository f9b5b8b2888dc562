//! The tuple that names one direction of a connection.

use crate::address::{Address, L4Port, V4};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// One direction of a connection, in network byte order: 16 bytes for IPv4, 40 for IPv6.
///
/// For ICMP queries both ports hold the identifier and `icmp` the type of this direction, as the
/// kernel's `nf_conntrack_tuple` does; for protocols without ports they are zero.
///
/// The fields stand as they do in an IPv4 packet from the TTL on, so that the key of a TCP or UDP packet
/// is 16 of its bytes with TTL and checksum masked:
///
/// ```text
///   IPv4 header + 8    TTL | protocol | checksum | source | destination | ports
///   Tuple<V4>         icmp | protocol |   zone   | source | destination | ports
/// ```
#[derive(
    Debug,
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
#[repr(C)]
pub struct Tuple<A> {
    /// ICMP query type of this direction; zero otherwise.
    pub icmp: u8,
    /// IP protocol number.
    pub protocol: u8,
    /// Conntrack zone; zero unless a CT target sets one.
    pub zone: Zone,
    /// Source address.
    pub source: A,
    /// Destination address.
    pub destination: A,
    /// Source port or ICMP identifier.
    pub source_port: L4Port,
    /// Destination port, or the ICMP identifier again.
    pub destination_port: L4Port,
}

/// A conntrack zone: connections of different zones never meet.
#[derive(
    Debug,
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
pub struct Zone([u8; 2]);

impl Zone {
    /// The zone of that number.
    #[must_use]
    pub const fn new(number: u16) -> Self {
        Self(number.to_be_bytes())
    }
    /// Its number.
    #[must_use]
    pub const fn get(self) -> u16 {
        u16::from_be_bytes(self.0)
    }
}

const _: () = assert!(size_of::<Tuple<V4>>() == 16);

impl<A: Address> Tuple<A> {
    /// Whether `other` is the same: `==` in one comparison of bytes.
    #[must_use]
    #[inline]
    pub fn is(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }

    /// Zero where `bits` is.
    #[must_use]
    #[inline]
    pub fn masked(&self, bits: &Self) -> Self {
        let mut masked = *self;
        // 16 and 40 bytes are whole words.
        let (words, _) = masked.as_mut_bytes().as_chunks_mut::<8>();
        let (bits, _) = bits.as_bytes().as_chunks::<8>();
        for (word, bits) in words.iter_mut().zip(bits) {
            *word = (u64::from_ne_bytes(*word) & u64::from_ne_bytes(*bits)).to_ne_bytes();
        }
        masked
    }

    /// The tuple of the answer to this one, before any NAT. `icmp` must be turned by the caller
    /// (request to reply), as only conntrack knows the pairs.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self {
            source: self.destination,
            destination: self.source,
            source_port: self.destination_port,
            destination_port: self.source_port,
            ..self
        }
    }
}
