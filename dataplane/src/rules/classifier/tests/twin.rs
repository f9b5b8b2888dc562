//! The same rules with states of their own, equal at first: two walks that must not disturb each other. What several matches share
//! is shared by their twins.

use super::draw::key;
use crate::address::Address;
use crate::rules::matches::connlimit::{ConnLimit, Counts};
use crate::rules::matches::hashlimit::{HashLimit, Table};
use crate::rules::matches::limit::{Bucket, Limit};
use crate::rules::matches::quota::Quota;
use crate::rules::matches::recent::{List, Recent};
use crate::rules::matches::set::SetMatch;
use crate::rules::matches::statistic::{Statistic, Which};
use crate::rules::matches::{Kept, Match};
use crate::rules::{Chain, Rule};
use crate::sets::{Entry, SetRef, Sets};
use crate::time::Instant;
use crate::tuple::Tuple;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU32, AtomicU64};

/// Pairs of a state and its twin.
#[derive(Debug)]
struct Pairs<T>(Vec<(T, T)>);

impl<T: PartialEq + Clone> Pairs<T> {
    fn twin(&mut self, own: &T, make: impl FnOnce() -> T) -> T {
        if let Some((_, twin)) = self.0.iter().find(|(known, _)| known == own) {
            return twin.clone();
        }
        let twin = make();
        self.0.push((own.clone(), twin.clone()));
        twin
    }

    /// Both of each pair, one after the other.
    fn each(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flat_map(|(own, twin)| [own, twin])
    }
}

impl<T> Default for Pairs<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// All states of a ruleset and their twins.
#[derive(Debug)]
pub(super) struct Twins<A: Address> {
    buckets: Pairs<Kept<Bucket>>,
    turns: Pairs<Kept<AtomicU32>>,
    quotas: Pairs<Kept<AtomicU64>>,
    lists: Pairs<Kept<List>>,
    tables: Pairs<Kept<Table>>,
    counts: Pairs<Kept<Counts<A>>>,
    sets: Pairs<SetRef>,
}

impl<A: Address> Twins<A> {
    pub(super) fn new() -> Self {
        Self {
            buckets: Pairs::default(),
            turns: Pairs::default(),
            quotas: Pairs::default(),
            lists: Pairs::default(),
            tables: Pairs::default(),
            counts: Pairs::default(),
            sets: Pairs::default(),
        }
    }

    pub(super) fn chains(&mut self, chains: &[Chain<A>]) -> Vec<Chain<A>> {
        let chain = |chain: &Chain<A>| Chain {
            rules: chain.rules.iter().map(|rule| self.rule(rule)).collect(),
            policy: chain.policy,
        };
        chains.iter().map(chain).collect()
    }

    fn rule(&mut self, rule: &Rule<A>) -> Rule<A> {
        Rule { matches: self.matches(&rule.matches), ..rule.clone() }
    }

    pub(super) fn matches(&mut self, matches: &[Match<A>]) -> Vec<Match<A>> {
        matches.iter().map(|condition| self.condition(condition)).collect()
    }

    fn condition(&mut self, condition: &Match<A>) -> Match<A> {
        match condition {
            Match::Limit(own) => {
                let bucket = self.buckets.twin(&own.bucket, Kept::default);
                Match::Limit(Limit { bucket, ..own.clone() })
            }
            Match::Statistic(own) => {
                let which = match &own.which {
                    Which::Random { .. } => own.which.clone(),
                    Which::Nth { every, count } => {
                        let same = || Kept(Arc::new(count.load(Relaxed).into()));
                        Which::Nth { every: *every, count: self.turns.twin(count, same) }
                    }
                };
                Match::Statistic(Statistic { which, invert: own.invert })
            }
            Match::Quota(own) => {
                let same = || Kept(Arc::new(own.left.load(Relaxed).into()));
                let left = self.quotas.twin(&own.left, same);
                Match::Quota(Quota { left, invert: own.invert })
            }
            Match::Recent(own) => {
                let list = self.lists.twin(&own.list, Kept::default);
                Match::Recent(Recent { list, ..own.clone() })
            }
            Match::HashLimit(own) => {
                let same = || Kept(Arc::new(Table::new(own.table.terms(), 32)));
                let table = self.tables.twin(&own.table, same);
                Match::HashLimit(HashLimit { table, ..own.clone() })
            }
            Match::ConnLimit(own) => {
                let counts = self.counts.twin(&own.counts, Kept::default);
                Match::ConnLimit(ConnLimit { counts, ..own.clone() })
            }
            Match::Set(own) => {
                let set = self.sets.twin(&own.set, || copy(&own.set));
                Match::Set(SetMatch { set, ..own.clone() })
            }
            Match::Source(_)
            | Match::Destination(_)
            | Match::Ingress(_)
            | Match::Egress(_)
            | Match::Protocol(_)
            | Match::Fragment(_)
            | Match::Whole(_)
            | Match::SourcePort(_)
            | Match::DestinationPort(_)
            | Match::Multiport(_)
            | Match::TcpFlags(_)
            | Match::Icmp(_)
            | Match::State(_)
            | Match::Mark(_)
            | Match::Length(_)
            | Match::Range(_)
            | Match::Ttl(_)
            | Match::Tos(_)
            | Match::Ecn(_)
            | Match::Connmark(_)
            | Match::Conntrack(_)
            | Match::SourceMac(_)
            | Match::PacketType(_)
            | Match::AddressType(_)
            | Match::ReversePath(_)
            | Match::Socket(_)
            | Match::String(_)
            | Match::Time(_)
            | Match::TcpOption(_)
            | Match::Mss(_)
            | Match::Spi(_)
            | Match::Helper(_)
            | Match::ConnBytes(_)
            | Match::U32(_)
            | Match::Bpf(_)
            | Match::Cpu(_)
            | Match::Ah(_)
            | Match::Frag(_)
            | Match::Routing(_)
            | Match::OptionsHeader(_)
            | Match::Ipv6Header(_)
            | Match::Mobility(_)
            | Match::Eui64(_)
            | Match::Physdev(_)
            | Match::Chunks(_)
            | Match::DccpTypes(_)
            | Match::DccpOption(_)
            | Match::Always(_) => condition.clone(),
        }
    }

    /// An operator puts an address into all lists and sets.
    pub(super) fn put(&self, address: A, port: u16, now: Instant) {
        self.lists.each().for_each(|list| list.add(address.to_ip(), now));
        for set in self.sets.each().map(SetRef::set) {
            let entry = Entry { key: key(set.header().kind, address, port), ..Entry::default() };
            // It may be there, or the set full.
            let _ = set.insert(&entry, true, now);
        }
    }

    /// An operator takes an address out of all lists and sets.
    pub(super) fn take(&self, address: A, port: u16, now: Instant) {
        for list in self.lists.each() {
            list.remove(address.to_ip());
        }
        for set in self.sets.each().map(SetRef::set) {
            let _ = set.remove(&key(set.header().kind, address, port), now);
        }
    }

    /// An operator empties all lists and sets.
    pub(super) fn flush(&self) {
        self.lists.each().for_each(|list| list.flush());
        self.sets.each().for_each(|set| set.set().flush());
    }

    /// A connection ends.
    pub(super) fn forget(&self, tuple: &Tuple<A>) {
        self.counts.each().for_each(|counts| counts.forget(tuple));
    }
}

fn copy(of: &SetRef) -> SetRef {
    let mut sets = Sets::default();
    sets.create("drawn", *of.set().header()).expect("the first");
    let copy = sets.reference("drawn").expect("just made");
    for entry in of.set().entries(Instant(0)) {
        copy.set().insert(&entry, false, Instant(0)).expect("it was in the other");
    }
    copy
}
