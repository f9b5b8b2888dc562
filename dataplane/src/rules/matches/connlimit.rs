//! `-m connlimit`: connections of one address or network that are alive (kernel `xt_connlimit`).
//!
//! A table counts a connection from the first packet that asks, until it ends, closes (TCP in `TIME_WAIT` or CLOSE) or
//! does not come to be: whoever sees that tells the tables of the rules in force.

use super::{Condition, Kept};
use crate::address::{Address, IpVersion};
use crate::conntrack::{Direction, tuple_of};
use crate::rules::View;
use crate::rules::spin::Spin;
use crate::tuple::Tuple;
use crate::wire::layer4::Layer4Kind;
use crate::wire::protocol::{ICMP, ICMPV6, NO_NEXT_HEADER};
use hashbrown::HashMap;

/// Whether more connections are alive than allowed.
#[derive(Debug, Clone, PartialEq)]
pub struct ConnLimit<A> {
    /// Who counts them.
    pub counts: Kept<Counts<A>>,
    /// How many are allowed.
    pub limit: u32,
    /// Bits of the address that tell counts apart.
    pub mask: A,
    /// `--connlimit-daddr`: of the destination, not the source.
    pub destination: bool,
    /// `--connlimit-upto`: whether no more are alive.
    pub upto: bool,
}

/// The connections that one rule has counted.
#[derive(Debug)]
pub struct Counts<A>(Spin<Inner<A>>);

#[derive(Debug)]
struct Inner<A> {
    /// By tuple of the first packet: for whom it counts.
    connections: HashMap<Tuple<A>, A>,
    counts: HashMap<A, u32>,
}

impl<A: Address> Default for Counts<A> {
    /// All memory is taken here.
    fn default() -> Self {
        let (connections, counts) =
            (HashMap::with_capacity(Self::MOST), HashMap::with_capacity(Self::MOST));
        Self(Spin::new(Inner { connections, counts }))
    }
}

impl<A: Address> Counts<A> {
    /// Connections one rule counts at a time; more go uncounted.
    const MOST: usize = 1 << 16;

    /// Counts a connection, if it is not counted yet; how many are alive.
    fn count(&self, tuple: &Tuple<A>, of: A) -> u32 {
        let mut inner = self.0.hold();
        let Inner { connections, counts } = &mut *inner;
        let alive = counts.get(&of).copied().unwrap_or(0);
        if connections.contains_key(tuple) {
            return alive;
        }
        if connections.len() < Self::MOST {
            connections.insert(*tuple, of);
            counts.insert(of, alive + 1);
        }
        alive + 1
    }

    /// How many would be alive with this one.
    fn with(&self, tuple: &Tuple<A>, of: A) -> u32 {
        let inner = self.0.hold();
        let alive = inner.counts.get(&of).copied().unwrap_or(0);
        alive + u32::from(!inner.connections.contains_key(tuple))
    }

    /// A connection is no more.
    pub(crate) fn forget(&self, tuple: &Tuple<A>) {
        let mut inner = self.0.hold();
        let Inner { connections, counts } = &mut *inner;
        let Some(of) = connections.remove(tuple) else { return };
        match counts.get_mut(&of) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) | None => {
                counts.remove(&of);
            }
        }
    }
}

/// The tuple of a packet that is of no connection and may never be of one; none of one that is too short to have any.
fn own_tuple<A: Address>(view: &View<'_, A>) -> Option<Tuple<A>> {
    let (source, destination) = (view.source, view.destination);
    let protocol = view.headers.protocol;
    let is_cut_short = view.layer4.kind == Layer4Kind::Truncated;
    let is_nothing = A::VERSION == IpVersion::V6 && protocol == NO_NEXT_HEADER;
    if is_cut_short && matches!(protocol, ICMP | ICMPV6) || is_nothing {
        return None;
    }
    let bare = || {
        let (source_port, destination_port) = (view.source_port()?, view.destination_port()?);
        let (icmp, zone) = Default::default();
        Some(Tuple { icmp, protocol, zone, source, destination, source_port, destination_port })
    };
    tuple_of(source, destination, protocol, &view.layer4).or_else(bare)
}

impl<A: Address> Condition<A> for ConnLimit<A> {
    fn holds(&self, view: &View<'_, A>) -> bool {
        let address = if self.destination { view.destination } else { view.source };
        let of = A::from_bits(address.to_bits() & self.mask.to_bits());
        let alive = match &view.connection {
            Some(connection) if view.is_dry() => {
                self.counts.with(connection.tuple(Direction::Original), of)
            }
            Some(connection) => self.counts.count(connection.tuple(Direction::Original), of),
            // Of no connection: it counts for itself, and no longer than this.
            None => {
                let Some(tuple) = own_tuple(view) else { return view.hotdrop() };
                if view.is_dry() {
                    return (self.counts.with(&tuple, of) > self.limit) != self.upto;
                }
                let alive = self.counts.count(&tuple, of);
                self.counts.forget(&tuple);
                alive
            }
        };
        (alive > self.limit) != self.upto
    }

    fn keeps(&self) -> Option<&'static str> {
        Some("connlimit")
    }

    fn needs_conntrack(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::{L4Port, V4};

    #[test]
    fn a_connection_counts_once_until_it_is_forgotten() {
        let counts = Counts::<V4>::default();
        let tuple = |port| Tuple { source_port: L4Port::new(port), ..Tuple::default() };
        let (one, other) = (V4([10, 0, 0, 1]), V4([10, 0, 0, 2]));
        assert_eq!([1, 2, 2, 1].map(|port| counts.count(&tuple(port), one)), [1, 2, 2, 2]);
        assert_eq!(counts.count(&tuple(3), other), 1);
        counts.forget(&tuple(1));
        counts.forget(&tuple(1));
        assert_eq!(counts.count(&tuple(4), one), 2);
    }

    proptest::proptest! {
        #[test]
        fn looking_counts_as_asking_would_and_changes_nothing(
            steps in proptest::collection::vec((0..6_u16, 0..3_u8, proptest::prelude::any::<bool>()), 1..60),
        ) {
            let counts = Counts::<V4>::default();
            for (port, host, forgets) in steps {
                let tuple = Tuple { source_port: L4Port::new(port), ..Tuple::default() };
                let of = V4([10, 0, 0, host]);
                let with = counts.with(&tuple, of);
                proptest::prop_assert_eq!(counts.with(&tuple, of), with);
                proptest::prop_assert_eq!(counts.count(&tuple, of), with);
                if forgets {
                    counts.forget(&tuple);
                }
            }
        }
    }
}
