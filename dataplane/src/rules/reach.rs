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

use super::matches::{Depends, Match};
use super::paths::Slots;
use super::targets::Target;
use super::{ChainId, Hook, Prepared, Rule, Rules, Table};
use crate::address::Address;
use crate::conntrack::CtState;
use crate::stamp::Stamp;
use std::collections::HashMap;
use std::sync::Arc;

/// How deep chains are followed: more than a walk does.
const MAX_DEPTH: usize = 20;

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

    /// Whether some rule in it asks for routes.
    pub(super) fn asks_routes<A: Address>(&self, chains: &[Arc<Prepared<A>>]) -> bool {
        let reached = self.parts.iter().flat_map(|part| &part.chains);
        let mut rules = reached.flat_map(|reached| {
            let chain = chains.get(reached.id.0 as usize);
            reached.rules.iter().filter_map(move |at| chain?.rules.get(*at as usize))
        });
        rules.any(|rule| rule.matches.iter().any(Match::asks_routes))
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

/// What becomes of packets at a rule.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// None matches it, or leaves a mark there.
    Missed,
    /// Some may match.
    Asked,
    /// All match.
    Matched,
}

fn known<A>(condition: &Match<A>, state: Option<CtState>) -> Option<bool> {
    match (condition, state) {
        (Match::State(asked), Some(state)) => asked.known(state),
        _ => None,
    }
}

fn fate<A: Address>(rule: &Rule<A>, state: Option<CtState>) -> Fate {
    let mut fate = Fate::Matched;
    for condition in &rule.matches {
        match known(condition, state) {
            Some(true) => continue,
            Some(false) => return Fate::Missed,
            None => fate = Fate::Asked,
        }
        // What remembers packets must see them, whatever is asked after it.
        match condition.depends() {
            Depends::Flow | Depends::Control => {}
            Depends::Packet => return Fate::Asked,
        }
    }
    fate
}

/// How packets may leave a rule's target, or a chain.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Exit {
    /// All go on.
    On,
    /// None does: it ends here.
    Ends,
    /// None does, and some return to where the chain was called from.
    Back,
}

/// Follows chains.
struct Walker<'c, A> {
    chains: &'c [Arc<Prepared<A>>],
    state: Option<CtState>,
    /// Whether no packet comes back from a chain, where that is known.
    ends: Vec<Option<bool>>,
}

impl<'c, A: Address> Walker<'c, A> {
    fn new(chains: &'c [Arc<Prepared<A>>], state: Option<CtState>) -> Self {
        Self { chains, state, ends: vec![None; chains.len()] }
    }

    /// All that packets reach from `entry`.
    fn reached(&mut self, entry: ChainId) -> Vec<Reached> {
        let mut found = vec![entry];
        let mut known = vec![false; self.chains.len()];
        let mut reached = Vec::new();
        while let Some(&id) = found.get(reached.len()) {
            if let Some(known) = known.get_mut(id.0 as usize) {
                *known = true;
            }
            let own = self.chain(id, 0);
            for rule in own.rules.iter().filter_map(|at| self.rule(id, *at)) {
                if let Some(called) = rule.target.called()
                    && known.get(called.0 as usize) == Some(&false)
                {
                    known[called.0 as usize] = true;
                    found.push(called);
                }
            }
            reached.push(own);
        }
        reached
    }

    fn rule(&self, chain: ChainId, at: u32) -> Option<&'c Rule<A>> {
        self.chains.get(chain.0 as usize)?.rules.get(at as usize)
    }

    /// What packets reach of one chain.
    fn chain(&mut self, id: ChainId, depth: usize) -> Reached {
        let mut reached = Reached { id, rules: Vec::new(), end: false };
        let chains = self.chains;
        let rules = chains.get(id.0 as usize).map_or(&[][..], |chain| &chain.rules);
        for (at, rule) in (0..).zip(rules) {
            let fate = fate(rule, self.state);
            if fate == Fate::Missed {
                continue;
            }
            reached.rules.push(at);
            let exit = self.exit(&rule.target, depth);
            reached.end |= exit == Exit::Back;
            if fate == Fate::Matched && exit != Exit::On {
                return reached;
            }
        }
        reached.end = true;
        reached
    }

    /// Whether no packet that enters a chain comes back from it; no where that is too hard to tell.
    fn ends(&mut self, id: ChainId, depth: usize) -> bool {
        let Some(known) = self.ends.get_mut(id.0 as usize) else { return false };
        if let Some(known) = *known {
            return known;
        }
        // What it is as long as it is not known, where chains should call one another in a circle.
        *known = Some(false);
        let ends = depth < MAX_DEPTH && !self.chain(id, depth + 1).end;
        if let Some(known) = self.ends.get_mut(id.0 as usize) {
            *known = Some(ends);
        }
        ends
    }

    fn exit(&mut self, target: &Target<A>, depth: usize) -> Exit {
        match target {
            Target::Accept
            | Target::Drop
            | Target::Reject(_)
            | Target::Snat(_)
            | Target::Dnat(_)
            | Target::Masquerade(_)
            | Target::Redirect(_)
            | Target::Netmap(_) => Exit::Ends,
            Target::Return => Exit::Back,
            Target::Goto(chain) if self.ends(*chain, depth) => Exit::Ends,
            Target::Goto(_) => Exit::Back,
            Target::Jump(chain) if self.ends(*chain, depth) => Exit::Ends,
            Target::Jump(_)
            | Target::Continue
            | Target::Notrack
            | Target::Ct(_)
            | Target::Mark { .. }
            | Target::Ttl(_)
            | Target::Tos(_)
            | Target::TcpEcn(_)
            | Target::Mss(_)
            | Target::OptionStrip(_)
            | Target::Connmark(_)
            | Target::Npt(_)
            | Target::Set(_)
            | Target::Tell(_)
            | Target::Tee(_)
            // What is no TCP goes on.
            | Target::SynProxy(_)
            | Target::Trace => Exit::On,
        }
    }
}

/// The counters of rules and policies of `old` with those in the same place of `new`; none where the two differ.
fn pairs<A: Address>(
    old_chains: &[Arc<Prepared<A>>],
    old: &Part,
    new_chains: &[Arc<Prepared<A>>],
    new: &Part,
    state: Option<CtState>,
) -> Option<Vec<(u32, u32)>> {
    let places = |part: &Part| -> HashMap<u32, usize> {
        part.chains.iter().enumerate().map(|(at, chain)| (chain.id.0, at)).collect()
    };
    let (old_places, new_places) = (places(old), places(new));
    let mut pairs = Vec::new();
    if old.chains.len() != new.chains.len() {
        return None;
    }
    for (one, other) in old.chains.iter().zip(&new.chains) {
        let old_chain = old_chains.get(one.id.0 as usize)?;
        let new_chain = new_chains.get(other.id.0 as usize)?;
        if one.rules.len() != other.rules.len() || one.end != other.end {
            return None;
        }
        let is_kept = Arc::ptr_eq(old_chain, new_chain);
        for (one, other) in one.rules.iter().zip(&other.rules) {
            let one = old_chain.rules.get(*one as usize)?;
            let other = new_chain.rules.get(*other as usize)?;
            let (to, from) = (other.target.called(), one.target.called());
            let led = |places: &HashMap<u32, usize>, chain: Option<ChainId>| {
                chain.and_then(|chain| places.get(&chain.0).copied())
            };
            let alike = (is_kept
                || ask_alike(one, other, state) && does_alike(&one.target, &other.target))
                && led(&new_places, to) == led(&old_places, from);
            if !alike {
                return None;
            }
            pairs.push((one.counter.0, other.counter.0));
        }
        if one.end {
            match (old_chain.policy, new_chain.policy) {
                (None, None) => {}
                (Some((one, from)), Some((other, to))) if one == other => {
                    pairs.push((from.0, to.0));
                }
                (Some(_), Some(_)) | (Some(_), None) | (None, Some(_)) => return None,
            }
        }
    }
    Some(pairs)
}

/// Whether two rules ask the same of packets in `state`.
fn ask_alike<A: Address>(one: &Rule<A>, other: &Rule<A>, state: Option<CtState>) -> bool {
    let asked = |condition: &&Match<A>| known(*condition, state) != Some(true);
    one.matches.iter().filter(asked).eq(other.matches.iter().filter(asked))
}

/// Whether two targets do the same, wherever they lead.
fn does_alike<A: PartialEq>(one: &Target<A>, other: &Target<A>) -> bool {
    match (one, other) {
        (Target::Jump(_), Target::Jump(_)) | (Target::Goto(_), Target::Goto(_)) => true,
        // No verdict that met one is kept, whatever it tells.
        (Target::Tell(_), Target::Tell(_)) => true,
        (one, other) => one == other,
    }
}

/// Which counter of the rules before is which of the new ones.
struct Pairing {
    old_of: Vec<Option<u32>>,
    new_of: Vec<Option<u32>>,
}

impl Pairing {
    fn new(before: usize, counters: usize) -> Self {
        Self { old_of: vec![None; counters], new_of: vec![None; before] }
    }

    /// Adds pairs; false, and nothing added, where they contradict those before.
    fn add(&mut self, pairs: &[(u32, u32)]) -> bool {
        let agrees = pairs.iter().all(|(old, new)| {
            let there =
                self.old_of.get(*new as usize).is_some_and(|own| own.is_none_or(|own| own == *old));
            let there_too =
                self.new_of.get(*old as usize).is_some_and(|own| own.is_none_or(|own| own == *new));
            there && there_too
        });
        if agrees {
            for &(old, new) in pairs {
                if let Some(own) = self.old_of.get_mut(new as usize) {
                    *own = Some(old);
                }
                if let Some(own) = self.new_of.get_mut(old as usize) {
                    *own = Some(new);
                }
            }
        }
        agrees
    }
}

#[cfg(test)]
#[path = "reach_tests.rs"]
mod tests;
