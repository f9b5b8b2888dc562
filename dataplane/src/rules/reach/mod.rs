//! What packets of a connection can reach of the rules: partial evaluation, the connection's state known.
//!
//! ```text
//!   -A FORWARD -m state --state NEW -p tcp -j ACCEPT         cut: answered connections never match
//!   -A FORWARD -m state --state ESTABLISHED,RELATED -j ACCEPT   all of them do
//!   -A FORWARD -s 192.0.2.0/24 -j DROP                       cut: nobody gets here, nor to the policy
//! ```
//!
//! Cached verdicts hold as long as this part stays as it was: it has a [`Stamp`] for each [`Kind`] of packets, which
//! the next rules carry over where they have the same. nat is in no part: packets of a connection that is in the table
//! do not walk it.

mod pairs;
mod walker;

use super::matches::Match;
use super::paths::Slots;
use super::{ChainId, Hook, Prepared, Rules, Table};
use crate::address::Address;
use crate::conntrack::CtState;
use crate::stamp::Stamp;
use pairs::{Pairing, pairs};
use std::collections::HashMap;
use std::sync::Arc;
use walker::Walker;

/// Which hooks packets pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Course {
    /// Through.
    Forward,
    /// To the host.
    In,
    /// From the host.
    Out,
}

/// Packets of connections in the table, told apart by what they can reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) course: Course,
    /// Whether both directions were seen.
    pub(crate) answered: bool,
}

impl Kind {
    pub(crate) const COUNT: usize = 6;

    const ALL: [Self; Self::COUNT] = [
        Self { course: Course::Forward, answered: false },
        Self { course: Course::Forward, answered: true },
        Self { course: Course::In, answered: false },
        Self { course: Course::In, answered: true },
        Self { course: Course::Out, answered: false },
        Self { course: Course::Out, answered: true },
    ];

    /// Its place in lists.
    #[inline]
    pub(crate) const fn index(self) -> usize {
        2 * self.course as usize + self.answered as usize
    }

    fn passes(self, part: &Part) -> bool {
        self.answered == part.answered && self.places().contains(&part.place)
    }

    /// What its packets walk.
    const fn places(self) -> &'static [(Table, Hook)] {
        use Hook::{Forward, Input, Output, Postrouting, Prerouting};
        use Table::{Filter, Mangle, Raw, Security};
        match self.course {
            Course::Forward => &[
                (Raw, Prerouting),
                (Mangle, Prerouting),
                (Mangle, Forward),
                (Filter, Forward),
                (Security, Forward),
                (Mangle, Postrouting),
            ],
            Course::In => &[
                (Raw, Prerouting),
                (Mangle, Prerouting),
                (Mangle, Input),
                (Filter, Input),
                (Security, Input),
            ],
            Course::Out => &[
                (Raw, Output),
                (Mangle, Output),
                (Filter, Output),
                (Security, Output),
                (Mangle, Postrouting),
            ],
        }
    }
}

/// The stamps of all kinds.
pub(crate) type Stamps = [Stamp; Kind::COUNT];

/// What packets can reach from one base chain.
#[derive(Debug)]
struct Part {
    place: (Table, Hook),
    answered: bool,
    /// In the order in which they are found, the base chain first.
    chains: Vec<Reached>,
}

/// Of one chain.
#[derive(Debug)]
struct Reached {
    id: ChainId,
    rules: Vec<u32>,
    /// Whether its end can be reached.
    end: bool,
}

/// What is reached of one generation of rules.
#[derive(Debug)]
pub(super) struct Reach {
    parts: Vec<Part>,
    pub(super) stamps: Stamps,
}

impl Reach {
    /// Of chains that have nothing to do with others before.
    pub(super) fn new<A: Address>(
        chains: &[Arc<Prepared<A>>],
        entries: &[[Option<ChainId>; 5]; 5],
    ) -> Self {
        let mut parts = Vec::new();
        for answered in [false, true] {
            for &place in &places() {
                let entry = entries[place.0 as usize][place.1 as usize];
                if let Some(entry) = entry {
                    // Raw comes before tracking.
                    let state = (place.0 != Table::Raw).then(|| state(answered));
                    let chains = Walker::new(chains, state).reached(entry);
                    parts.push(Part { place, answered, chains });
                }
            }
        }
        Self { parts, stamps: std::array::from_fn(|_| Stamp::fresh()) }
    }

    /// Of each kind, whether it meets a rule with such a match.
    pub(super) fn meets<A: Address>(
        &self,
        chains: &[Arc<Prepared<A>>],
        such: impl Fn(&Match<A>) -> bool,
    ) -> [bool; Kind::COUNT] {
        let has = |part: &Part| {
            let mut rules = part.chains.iter().flat_map(|reached| {
                let chain = chains.get(reached.id.0 as usize);
                reached.rules.iter().filter_map(move |at| chain?.rules.get(*at as usize))
            });
            rules.any(|rule| rule.matches.iter().any(&such))
        };
        let having: Vec<&Part> = self.parts.iter().filter(|part| has(part)).collect();
        Kind::ALL.map(|kind| having.iter().any(|part| kind.passes(part)))
    }

    fn part(&self, place: (Table, Hook), answered: bool) -> Option<&Part> {
        self.parts.iter().find(|part| part.place == place && part.answered == answered)
    }

    /// Takes over the stamps of kinds that reach in `chains` what they reached in `previous`, and gives the slots of
    /// their rules; `counters` are those of `chains`.
    pub(super) fn carry_over<A: Address>(
        &mut self,
        previous: &Rules<A>,
        chains: &[Arc<Prepared<A>>],
        counters: usize,
        slots: &Slots,
    ) -> Slots {
        let mut pairing = Pairing::new(slots.len(), counters);
        let mut same = HashMap::new();
        for answered in [false, true] {
            for &place in &places() {
                let both = (previous.reach.part(place, answered), self.part(place, answered));
                let is_same = match both {
                    (None, None) => true,
                    (Some(old), Some(new)) => {
                        let state = (place.0 != Table::Raw).then(|| state(answered));
                        pairs(&previous.chains, old, chains, new, state)
                            .is_some_and(|pairs| pairing.add(&pairs))
                    }
                    (Some(_), None) | (None, Some(_)) => false,
                };
                same.insert((place, answered), is_same);
            }
        }
        for kind in Kind::ALL {
            let is_same = |place| same.get(&(place, kind.answered)) == Some(&true);
            if kind.places().iter().all(|&place| is_same(place)) {
                self.stamps[kind.index()] = previous.reach.stamps[kind.index()];
            }
        }
        let kept: Vec<_> = pairing.old_of.iter().map(|old| slots.of((*old)?)).collect();
        Slots::new(counters, Some(slots), &kept)
    }
}

const fn state(answered: bool) -> CtState {
    if answered { CtState::Established } else { CtState::New }
}

/// Every table at every hook that some kind passes, once.
fn places() -> Vec<(Table, Hook)> {
    let mut places: Vec<(Table, Hook)> = Vec::new();
    for place in Kind::ALL.iter().flat_map(|kind| kind.places()) {
        if !places.contains(place) {
            places.push(*place);
        }
    }
    places
}

#[cfg(test)]
mod tests;
