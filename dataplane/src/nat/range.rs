//! What a translation target may choose from: the compiled form of `--to-source`, `--to-destination`
//! and `--to-ports` with their flags.

use crate::address::{Address, L4Port};
use crate::tuple::Tuple;

/// The addresses and ports a translation may choose from; both ends inclusive, ports in host order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NatRange<A> {
    /// Addresses; none leaves the address alone.
    pub addresses: Option<(A, A)>,
    /// Ports or ICMP identifiers; none keeps the port where the tuple is free.
    pub ports: Option<(u16, u16)>,
    /// `--random`: start the search for a port at a random place.
    pub random: bool,
    /// `--random-fully`: never keep the port, never reuse a mapping.
    pub random_fully: bool,
    /// `--persistent`: the address depends on the client only, not on the server.
    pub persistent: bool,
}

impl<A: Address> NatRange<A> {
    /// The range that holds nothing but `address`.
    #[must_use]
    pub fn single(address: A) -> Self {
        Self { addresses: Some((address, address)), ..Self::default() }
    }

    /// Its one address, where sources get that and keep their ports if they can.
    #[must_use]
    #[inline]
    pub(crate) fn only_address(&self) -> Option<A> {
        let (low, high) = self.addresses?;
        let plain = low == high && self.ports.is_none() && !self.random && !self.random_fully;
        plain.then_some(low)
    }

    /// Whether a connection from `original` that this range gave `reply` must be noted in the source
    /// mappings. Where the port stayed and there is one address, the source will look the same to
    /// other servers without that.
    #[must_use]
    pub fn needs_mapping(&self, original: &Tuple<A>, reply: &Tuple<A>) -> bool {
        let one_address = self.addresses.is_none_or(|(low, high)| low == high);
        !one_address || original.source_port != reply.destination_port
    }

    /// Whether `address` may be chosen.
    #[must_use]
    pub fn has_address(&self, address: A) -> bool {
        self.addresses
            .is_none_or(|(low, high)| (low.to_bits()..=high.to_bits()).contains(&address.to_bits()))
    }

    /// Whether `port` may be chosen.
    #[must_use]
    pub fn has_port(&self, port: L4Port) -> bool {
        self.ports.is_none_or(|(low, high)| (low..=high).contains(&port.get()))
    }
}
