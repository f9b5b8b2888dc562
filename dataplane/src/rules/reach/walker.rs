//! Which rules packets reach from a base chain, their connection's state known.

use super::Reached;
use crate::address::Address;
use crate::conntrack::CtState;
use crate::rules::matches::{Depends, Match};
use crate::rules::targets::Target;
use crate::rules::{ChainId, Prepared, Rule};
use std::sync::Arc;

/// How deep chains are followed: more than a walk does.
const MAX_DEPTH: usize = 20;

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

/// Whether a condition holds, where the state alone says so.
pub(super) fn known<A>(condition: &Match<A>, state: Option<CtState>) -> Option<bool> {
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
            Depends::Flow
            | Depends::TranslatedDestination
            | Depends::TranslatedSource
            | Depends::Control => {}
            Depends::Counted | Depends::Packet => return Fate::Asked,
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
pub(super) struct Walker<'c, A> {
    chains: &'c [Arc<Prepared<A>>],
    state: Option<CtState>,
    /// Whether no packet comes back from a chain, where that is known.
    ends: Vec<Option<bool>>,
}

impl<'c, A: Address> Walker<'c, A> {
    pub(super) fn new(chains: &'c [Arc<Prepared<A>>], state: Option<CtState>) -> Self {
        Self { chains, state, ends: vec![None; chains.len()] }
    }

    /// All that packets reach from `entry`.
    pub(super) fn reached(&mut self, entry: ChainId) -> Vec<Reached> {
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
