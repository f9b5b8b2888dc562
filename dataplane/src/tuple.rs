//! The tuple that names one direction of a connection.

use crate::address::{Address, L4Port};

/// One direction of a connection, in network byte order: 16 bytes for IPv4, 40 for IPv6.
///
/// For ICMP queries both ports hold the identifier and `icmp` the type of this direction, as the
/// kernel's `nf_conntrack_tuple` does; for protocols without ports they are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(C)]
pub struct Tuple<A> {
    /// Source address.
    pub source: A,
    /// Destination address.
    pub destination: A,
    /// Source port or ICMP identifier.
    pub source_port: L4Port,
    /// Destination port, or the ICMP identifier again.
    pub destination_port: L4Port,
    /// IP protocol number.
    pub protocol: u8,
    /// ICMP query type of this direction; zero otherwise.
    pub icmp: u8,
    /// Conntrack zone; zero unless a CT target sets one.
    pub zone: u16,
}

impl<A: Address> Tuple<A> {
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
