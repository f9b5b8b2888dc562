//! Which rules of one generation are which of the next, among those that packets reach.

use super::Part;
use super::walker::known;
use crate::address::Address;
use crate::conntrack::CtState;
use crate::rules::matches::Match;
use crate::rules::targets::Target;
use crate::rules::{ChainId, Prepared, Rule};
use std::collections::HashMap;
use std::sync::Arc;

/// The counters of rules and policies of `old` with those in the same place of `new`; none where the two differ.
pub(super) fn pairs<A: Address>(
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
pub(super) struct Pairing {
    pub(super) old_of: Vec<Option<u32>>,
    new_of: Vec<Option<u32>>,
}

impl Pairing {
    pub(super) fn new(before: usize, counters: usize) -> Self {
        Self { old_of: vec![None; counters], new_of: vec![None; before] }
    }

    /// Adds pairs; false, and nothing added, where they contradict those before.
    pub(super) fn add(&mut self, pairs: &[(u32, u32)]) -> bool {
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
