//! Zones: spaces of connections that never meet (kernel `nf_conntrack_zones.h`).
//!
//! A tuple bears the zone of its direction, so that all that is unique is unique in its zone. A packet brings a zone for
//! each direction: it is looked for as the first packet's direction in the one, and as the answers' in the other.
//! Where both are one zone, which they are unless a rule says `--zone-orig` or `--zone-reply`, that is one look.

use super::{Conntrack, Direction, FlowRef};
use crate::address::Address;
use crate::ids::WorkerId;
use crate::tuple::{Tuple, Zone};

/// The zones of the two directions of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Zones {
    /// Of the tuple of its first packet.
    pub original: Zone,
    /// Of the tuple of the answers.
    pub reply: Zone,
}

impl Zones {
    /// Whether both are the zone of those who name none.
    #[must_use]
    pub fn are_default(self) -> bool {
        self == Self::default()
    }
}

/// The same in another zone.
pub(crate) const fn in_zone<A: Copy>(tuple: &Tuple<A>, zone: Zone) -> Tuple<A> {
    Tuple { zone, ..*tuple }
}

impl<A: Address> Conntrack<A> {
    /// The direction of a connection of this worker that a packet with `tuple` in `zones` belongs to.
    #[must_use]
    pub fn lookup_in(&self, zones: Zones, tuple: &Tuple<A>) -> Option<FlowRef> {
        let find = |zone| {
            let tuple = in_zone(tuple, zone);
            self.lookup(self.hash(&tuple), &tuple)
        };
        if zones.original == zones.reply {
            return find(zones.original);
        }
        let of = |zone, direction| find(zone).filter(|flow| flow.direction() == direction);
        of(zones.original, Direction::Original).or_else(|| of(zones.reply, Direction::Reply))
    }

    /// The other worker that may have its connection. Which direction a worker owns a tuple for is not known.
    #[must_use]
    pub fn owner_in(&self, zones: Zones, tuple: &Tuple<A>) -> Option<WorkerId> {
        let owner = |zone| self.owner(&in_zone(tuple, zone));
        let other = || owner(zones.reply).filter(|_| zones.original != zones.reply);
        owner(zones.original).or_else(other)
    }

    /// The zones of a connection.
    #[must_use]
    pub fn zones_of(&self, flow: FlowRef) -> Zones {
        let (own, other) = (self.half(flow).key.zone, self.half(flow.peer()).key.zone);
        match flow.direction() {
            Direction::Original => Zones { original: own, reply: other },
            Direction::Reply => Zones { original: other, reply: own },
        }
    }
}
