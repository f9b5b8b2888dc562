//! A chain with what is found out about it once, shared by one generation of rules after the other.

use super::classifier::Classifier;
use super::matches::connlimit::Counts;
use super::matches::{Kept, Match};
use super::targets::Target;
use super::{Chain, ChainId};
use crate::address::Address;
use crate::sets::SetChanges;
use std::ops::Deref;
use std::sync::Arc;

/// A chain that rules are made of, with its index.
#[derive(Debug)]
pub struct Prepared<A> {
    chain: Chain<A>,
    /// Where it is long enough for one.
    index: Option<Arc<Classifier<A>>>,
    /// The chains its rules lead to, one for each such rule.
    calls: Box<[ChainId]>,
    pub(super) needs_conntrack: bool,
    pub(super) needs_accounting: bool,
    pub(super) asks_sockets: bool,
    pub(super) copies: bool,
    pub(super) zones: bool,
    /// What counts changes of sets, where its rules look into some.
    pub(super) sets: Option<SetChanges>,
    pub(super) counted: Box<[Kept<Counts<A>>]>,
}

impl<A: Address> Prepared<A> {
    /// Prepares a chain; where `like` matches what it does, its index is taken over.
    #[must_use]
    pub fn new(chain: Chain<A>, like: Option<&Self>) -> Self {
        let index = like.filter(|like| like.matches_alike(&chain)).map(|like| like.index.clone());
        let index = index.unwrap_or_else(|| Classifier::new(&chain.rules).map(Arc::new));
        Self::with_index(chain, index)
    }

    fn with_index(chain: Chain<A>, index: Option<Arc<Classifier<A>>>) -> Self {
        let (rules, matches) =
            (|| chain.rules.iter(), || chain.rules.iter().flat_map(|rule| &rule.matches));
        Self {
            calls: rules().filter_map(|rule| rule.target.called()).collect(),
            needs_conntrack: rules().any(|rule| rule.target.needs_conntrack())
                || matches().any(Match::needs_conntrack),
            needs_accounting: matches().any(Match::needs_accounting),
            asks_sockets: matches().any(|condition| matches!(condition, Match::Socket(_))),
            copies: rules().any(|rule| matches!(rule.target, Target::Tee(_))),
            zones: rules()
                .any(|rule| matches!(rule.target, Target::Ct(template) if template.has_zone())),
            // There is one count for all sets.
            sets: matches().find_map(Match::asks_sets),
            counted: matches().filter_map(Match::counts).cloned().collect(),
            index,
            chain,
        }
    }

    /// No rules.
    #[must_use]
    pub fn empty() -> Self {
        Self::with_index(Chain { rules: Vec::new(), policy: None }, None)
    }

    /// The chains its rules lead to, one for each such rule.
    #[must_use]
    pub fn calls(&self) -> &[ChainId] {
        &self.calls
    }

    pub(super) const fn index(&self) -> Option<&Arc<Classifier<A>>> {
        self.index.as_ref()
    }
}

impl<A> Deref for Prepared<A> {
    type Target = Chain<A>;
    fn deref(&self) -> &Chain<A> {
        &self.chain
    }
}

/// Prepares chains, each like the one that stood where it stands, or as many places further on or back as the last one
/// found: when one is added, those behind it move.
pub(super) fn all<A: Address>(
    chains: Vec<Chain<A>>,
    previous: &[Arc<Prepared<A>>],
) -> Vec<Arc<Prepared<A>>> {
    let mut moved = 0_isize;
    let mut like = |at: usize, chain: &Chain<A>| {
        [moved, moved + 1, moved - 1].into_iter().find_map(|by| {
            let old = previous.get(at.checked_add_signed(by)?)?;
            old.index.as_ref().filter(|_| old.matches_alike(chain))?;
            moved = by;
            Some(old)
        })
    };
    let prepare = |(at, chain): (usize, Chain<A>)| {
        let like = like(at, &chain).map(Arc::as_ref);
        Arc::new(Prepared::new(chain, like))
    };
    chains.into_iter().enumerate().map(prepare).collect()
}
