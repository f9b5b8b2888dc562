//! Which bits of a tuple the rules look at. First packets that agree in these bits, came in by one
//! interface and leave towards one next hop meet the same rules, as long as no rule looks at more than that.

use super::Chain;
use super::matches::Match;
use crate::address::{Address, L4Port};
use crate::tuple::Tuple;

/// Ones where some rule of `chains` looks; the protocol always counts.
pub(super) fn consulted<A: Address>(chains: &[Chain<A>]) -> Tuple<A> {
    let nothing = Tuple { protocol: 0xff, ..Tuple::default() };
    let matches = chains.iter().flat_map(|chain| &chain.rules).flat_map(|rule| &rule.matches);
    matches.fold(nothing, |mut bits, condition| {
        match condition {
            Match::Source(source) => bits.source = union(bits.source, source.mask()),
            Match::Destination(destination) => {
                bits.destination = union(bits.destination, destination.mask());
            }
            Match::SourcePort(_) => bits.source_port = ALL,
            Match::DestinationPort(_) => bits.destination_port = ALL,
            Match::Multiport(_) => (bits.source_port, bits.destination_port) = (ALL, ALL),
            Match::Icmp(_) => bits.icmp = 0xff,
            // Not of the tuple: the same for all first packets from one interface to another, or left out of what is
            // remembered.
            Match::Ingress(_)
            | Match::Egress(_)
            | Match::Protocol(_)
            | Match::Fragment(_)
            | Match::TcpFlags(_)
            | Match::State(_)
            | Match::Mark(_)
            | Match::Length(_) => {}
        }
        bits
    })
}

const ALL: L4Port = L4Port::new(0xffff);

fn union<A: Address>(one: A, other: A) -> A {
    A::from_bits(one.to_bits() | other.to_bits())
}
