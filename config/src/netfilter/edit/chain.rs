//! A chain while commands change it: as it was until the first change, then with its rules where they are quick to move.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::netfilter::ruleset::Edition;
use crate::netfilter::{Chain, Rule};

/// A rule, the line that wrote it (0: it was there before) and the kernel's name for how.
#[derive(Debug, Clone)]
pub(in crate::netfilter) struct Placed {
    pub(in crate::netfilter) rule: Rule,
    pub(in crate::netfilter) line: usize,
    pub(in crate::netfilter) operation: &'static str,
}

/// What a rule that was there before would be called.
const APPENDED: &str = "RULE_APPEND";

/// A chain, copied only if it is changed.
#[derive(Debug, Clone)]
pub(in crate::netfilter) struct EditChain {
    /// As it was; an empty one, if it is new.
    pub(in crate::netfilter) before: Arc<Chain>,
    pub(in crate::netfilter) open: Option<Box<Open>>,
}

/// What becomes of a chain.
#[derive(Debug, Clone)]
pub(in crate::netfilter) struct Open {
    /// Its `rules` are empty: they stand beside it.
    pub(super) chain: Chain,
    /// With room at both ends: a text may insert or delete its hundred thousand rules one by one at the front.
    pub(super) rules: VecDeque<Placed>,
    pub(super) gone: bool,
}

/// A rule where it stands.
#[derive(Debug, Clone, Copy)]
pub(in crate::netfilter) struct Stand<'e> {
    pub(in crate::netfilter) rule: &'e Rule,
    pub(in crate::netfilter) line: usize,
    pub(in crate::netfilter) operation: &'static str,
}

impl EditChain {
    /// Name, policy and policy's counters.
    pub(in crate::netfilter) fn head(&self) -> &Chain {
        self.open.as_ref().map_or(&self.before, |open| &open.chain)
    }

    pub(super) fn len(&self) -> usize {
        self.open.as_ref().map_or(self.before.rules.len(), |open| open.rules.len())
    }

    pub(in crate::netfilter) fn rules(&self) -> impl Iterator<Item = Stand<'_>> {
        let (kept, placed) = match &self.open {
            None => (Some(&self.before.rules), None),
            Some(open) => (None, Some(&open.rules)),
        };
        let kept = kept.into_iter().flatten();
        let kept = kept.map(|rule| Stand { rule, line: 0, operation: APPENDED });
        kept.chain(placed.into_iter().flatten().map(|Placed { rule, line, operation }| Stand {
            rule,
            line: *line,
            operation,
        }))
    }

    pub(super) fn open(&mut self) -> &mut Open {
        let Self { before, open } = self;
        open.get_or_insert_with(|| {
            let rules = before.rules.iter().cloned();
            let rules = rules.map(|rule| Placed { rule, line: 0, operation: APPENDED });
            Box::new(Open { rules: rules.collect(), ..Open::empty(before) })
        })
    }

    /// Takes its rules away, which are not copied first.
    pub(super) fn clear(&mut self) {
        let Self { before, open } = self;
        open.get_or_insert_with(|| Box::new(Open::empty(before))).rules.clear();
    }

    pub(super) fn is_gone(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.gone)
    }

    /// None where it is gone.
    pub(super) fn finish(self) -> Option<Arc<Chain>> {
        let Some(open) = self.open else { return Some(self.before) };
        let Open { chain, rules, gone } = *open;
        let rules = rules.into_iter().map(|placed| placed.rule).collect();
        (!gone).then(|| Arc::new(Chain { rules, edition: Edition::default(), ..chain }))
    }
}

impl Open {
    fn empty(chain: &Chain) -> Self {
        let chain = Chain { rules: Vec::new(), name: chain.name.clone(), ..*chain };
        Self { chain, rules: VecDeque::new(), gone: false }
    }
}
