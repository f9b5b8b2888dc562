//! What rules remember from packet to packet, kept while rules around them change.
//!
//! ```text
//!   a rule's own (limit, quota, statistic)   by identity of the rule and place of the match in it
//!   by name (recent, hashlimit)              by kind and name; shared by all rules that say it
//! ```
//!
//! A state lives as long as some rule holds it: [`States::sweep`] drops the others, once workers have let go of
//! the rules before.

use sluice_config::netfilter::Identity;
use sluice_dataplane::rules::matches::Kept;
use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The kind of `-m recent`'s lists.
pub const RECENT: &str = "recent";

type AnyState = Arc<dyn Any + Send + Sync>;

/// All states of one gateway.
#[derive(Debug, Default)]
pub struct States {
    /// With the identity, so that no other rule takes its number.
    own: Mutex<HashMap<(usize, usize), (Identity, AnyState)>>,
    named: Mutex<HashMap<(&'static str, String), AnyState>>,
}

impl States {
    /// The state of the match or target at `place` of a rule; made if it has none.
    pub(super) fn own<T: Send + Sync + 'static>(
        &self,
        rule: &Identity,
        place: usize,
        make: impl FnOnce() -> T,
    ) -> Kept<T> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (rule.number(), place);
        if let Some(state) = own.get(&key).and_then(|(_, state)| as_kept(state)) {
            return state;
        }
        let state = Arc::new(make());
        own.insert(key, (rule.clone(), Arc::clone(&state) as AnyState));
        Kept(state)
    }

    /// The state that all rules of a kind share under a name; made if there is none.
    pub(super) fn named<T: Send + Sync + 'static>(
        &self,
        kind: &'static str,
        name: &str,
        make: impl FnOnce() -> T,
    ) -> Kept<T> {
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (kind, name.to_owned());
        if let Some(state) = named.get(&key).and_then(as_kept) {
            return state;
        }
        let state = Arc::new(make());
        named.insert(key, Arc::clone(&state) as AnyState);
        Kept(state)
    }

    /// Every named state of a kind, for those who list or change it by command.
    pub fn of_kind<T: Send + Sync + 'static>(&self, kind: &'static str) -> Vec<(String, Arc<T>)> {
        let named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        let of_kind = named.iter().filter(|((other, _), _)| *other == kind);
        let mut found: Vec<_> = of_kind
            .filter_map(|((_, name), state)| Some((name.clone(), as_kept::<T>(state)?.0)))
            .collect();
        found.sort_by(|(one, _), (other, _)| one.cmp(other));
        found
    }

    /// Drops what no rule holds any more.
    pub fn sweep(&self) {
        let held = |state: &AnyState| Arc::strong_count(state) > 1;
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        own.retain(|_, (_, state)| held(state));
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        named.retain(|_, state| held(state));
    }
}

fn as_kept<T: Send + Sync + 'static>(state: &AnyState) -> Option<Kept<T>> {
    Arc::clone(state).downcast().ok().map(Kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_lives_as_long_as_somebody_holds_it() {
        let (states, rule) = (States::default(), Identity::default());
        let first = states.own(&rule, 0, || 1_u32);
        assert_eq!(*states.own(&rule, 0, || 2_u32), 1, "the same rule");
        assert_eq!(*states.own(&rule.clone(), 1, || 3_u32), 3, "another match of it");
        assert_eq!(*states.own(&Identity::default(), 0, || 4_u32), 4, "another rule");
        states.sweep();
        assert_eq!(*states.own(&rule, 1, || 5_u32), 5, "nobody held it");
        assert_eq!(*states.own(&rule, 0, || 6_u32), 1);
        drop(first);
    }

    #[test]
    fn a_name_is_shared_within_its_kind() {
        let states = States::default();
        let ssh = states.named("recent", "ssh", || 1_u32);
        assert_eq!(states.named("recent", "ssh", || 2_u32), ssh);
        assert_ne!(states.named("hashlimit", "ssh", || 3_u32), ssh);
        let names: Vec<_> = states.of_kind::<u32>("recent").into_iter().map(|(n, _)| n).collect();
        assert_eq!(names, ["ssh"]);
        drop(ssh);
        states.sweep();
        assert!(states.of_kind::<u32>("recent").is_empty());
    }
}
