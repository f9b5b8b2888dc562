//! The first-match evaluator: one packet, one table, one hook.

use super::classifier::{Candidates, Classifier};
use super::counters::{RuleCounters, Trail};
use super::matches::{Depends, Match};
use super::targets::netmap::Mapped;
use super::targets::synproxy::{Claim, claim};
use super::targets::tcp_options::Clamped;
use super::targets::{RejectWith, Target};
use super::view::View;
use super::{Chain, ChainId, Policy, Prepared, Rule, Rules};
use crate::address::Address;
use crate::conntrack::CtState;
use crate::nat::NatRange;
use crate::synproxy::SynProxy;
use crate::trace::{self, Did};
use std::sync::Arc;

/// How deep user chains may call one another, as in the kernel's `NFT_JUMP_STACK_SIZE`.
const MAX_DEPTH: usize = 16;

/// How a table ended for a packet.
#[derive(Debug, PartialEq)]
pub enum Outcome<A> {
    /// On to the next table.
    Accept,
    /// Dropped by a rule or policy.
    Drop,
    /// Dropped, with an answer.
    Reject(RejectWith),
    /// Taken over by SYNPROXY.
    SynProxy(SynProxy),
    /// Translate the source.
    Snat(NatRange<A>),
    /// Translate the destination.
    Dnat(NatRange<A>),
    /// Translate the source to an address of the way out.
    Masquerade(NatRange<A>),
    /// Translate the destination to an address of the way in.
    Redirect(NatRange<A>),
}

/// Where a walk left its marks.
#[derive(Debug)]
pub(crate) struct Walk<'c> {
    pub(crate) counters: Option<&'c RuleCounters>,
    pub(crate) trail: Option<&'c mut Trail>,
    /// Cleared when a match was asked whose answer may differ for the next packet.
    pub(crate) cacheable: &'c mut bool,
}

impl Walk<'_> {
    /// The packet goes no further: what sets have answered counts.
    #[inline]
    fn end<A: Address>(&mut self, view: &View<'_, A>) {
        if view.fleeting.get() {
            *self.cacheable = false;
        }
    }
}

/// How a walk left a chain.
enum Left<A> {
    Ended(Outcome<A>),
    Returned,
    /// Into another, and back to `resume` at its end.
    Called {
        chain: ChainId,
        resume: Option<usize>,
    },
}

/// Walks one chain from `position` on until it is left.
#[inline]
fn in_chain<'r, A: Address>(
    chain: &'r Chain<A>,
    index: Option<&'r Classifier<A>>,
    position: usize,
    view: &mut View<'_, A>,
    walk: &mut Walk<'_>,
) -> Left<A> {
    if position >= chain.rules.len() {
        return Left::Returned;
    }
    let mut candidates = Candidates::from(index, position, view);
    loop {
        let at = candidates.next(view);
        let Some(rule) = chain.rules.get(at) else { return Left::Returned };
        match step(rule, view, walk) {
            Step::Next => {}
            // What was looked up holds no longer, nor what was left out because of it.
            Step::Readdressed => candidates = Candidates::from(index, at + 1, view),
            Step::End(outcome) => return Left::Ended(outcome),
            Step::Return => return Left::Returned,
            Step::Enter { chain, come_back } => {
                return Left::Called { chain, resume: come_back.then(|| candidates.resume()) };
            }
        }
    }
}

enum Step<A> {
    Next,
    /// To the next rule, with other addresses or another state.
    Readdressed,
    End(Outcome<A>),
    Return,
    Enter {
        chain: ChainId,
        come_back: bool,
    },
}

impl<A: Address> Rules<A> {
    /// Walks the chains of `entry`, first match first; of long chains only the rules that may match.
    pub(crate) fn evaluate(
        &self,
        entry: ChainId,
        view: &mut View<'_, A>,
        walk: Walk<'_>,
    ) -> Outcome<A> {
        self.walk(entry, view, walk, |chain| chain.index().map(Arc::as_ref))
    }

    /// The reference: asks every rule.
    #[cfg(test)]
    pub(super) fn evaluate_plainly(
        &self,
        entry: ChainId,
        view: &mut View<'_, A>,
        walk: Walk<'_>,
    ) -> Outcome<A> {
        self.walk(entry, view, walk, |_| None)
    }

    #[inline]
    fn walk<'r>(
        &'r self,
        entry: ChainId,
        view: &mut View<'_, A>,
        mut walk: Walk<'_>,
        index: impl Fn(&'r Prepared<A>) -> Option<&'r Classifier<A>>,
    ) -> Outcome<A> {
        let mut stack = [(entry, 0_usize); MAX_DEPTH];
        let mut depth = 0;
        let (mut chain, mut position) = (entry, 0);
        loop {
            let Some(current) = self.chains.get(chain.0 as usize) else { return Outcome::Accept };
            match in_chain(current, index(current), position, view, &mut walk) {
                Left::Ended(outcome) => {
                    walk.end(view);
                    return outcome;
                }
                // The end of the chain: policy of a base chain, or back to the caller.
                Left::Returned if depth == 0 => {
                    walk.end(view);
                    return self.policy(entry, view, &mut walk);
                }
                Left::Returned => {
                    view.tell(trace::Step::Return(chain));
                    depth -= 1;
                    (chain, position) = stack[depth];
                }
                Left::Called { chain: next, resume } => {
                    if let Some(resume) = resume {
                        let Some(slot) = stack.get_mut(depth) else { return Outcome::Drop };
                        *slot = (chain, resume);
                        depth += 1;
                    }
                    (chain, position) = (next, 0);
                }
            }
        }
    }

    fn policy(&self, entry: ChainId, view: &View<'_, A>, walk: &mut Walk<'_>) -> Outcome<A> {
        match self.chains.get(entry.0 as usize).and_then(|chain| chain.policy) {
            None => Outcome::Accept,
            Some((policy, counter)) => {
                count(counter, view, walk);
                let accept = policy == Policy::Accept;
                view.tell(trace::Step::Policy { counter, accept });
                match policy {
                    Policy::Accept => Outcome::Accept,
                    Policy::Drop => Outcome::Drop,
                }
            }
        }
    }
}

fn count<A: Address>(counter: super::CounterId, view: &View<'_, A>, walk: &mut Walk<'_>) {
    if let Some(trail) = &mut walk.trail {
        trail.note(counter);
    }
    if let Some(counters) = walk.counters {
        counters.count(counter, u64::from(view.length));
    }
}

fn step<A: Address>(rule: &Rule<A>, view: &mut View<'_, A>, walk: &mut Walk<'_>) -> Step<A> {
    for condition in &rule.matches {
        *walk.cacheable &= match condition.depends() {
            // What a look into a set has found is asked of the view in the end.
            Depends::Flow | Depends::Counted => true,
            Depends::TranslatedDestination => {
                view.knows_destination() || is_decided(condition, view)
            }
            Depends::TranslatedSource => !view.is_first() || is_decided(condition, view),
            Depends::Control => !view.is_control(),
            Depends::Packet => {
                view.tell_depends(rule.counter, condition);
                false
            }
        };
        if !condition.holds(view) {
            let dropped = view.hotdrop.get();
            return if dropped { Step::End(Outcome::Drop) } else { Step::Next };
        }
    }
    count(rule.counter, view, walk);
    *walk.cacheable &= rule.target.is_steady();
    let step = act(rule, view);
    if view.traced.is_some() {
        view.tell(trace::Step::Rule { counter: rule.counter, did: did(&step) });
    }
    step
}

/// Whether the state alone decides, whatever is translated.
fn is_decided<A: Address>(condition: &Match<A>, view: &View<'_, A>) -> bool {
    matches!(condition, Match::State(asked) if asked.known(view.state).is_some())
}

/// What came of a rule, for those who trace the packet.
fn did<A>(step: &Step<A>) -> Did {
    match step {
        Step::Next | Step::Readdressed => Did::Continue,
        Step::Return => Did::Return,
        Step::Enter { chain, come_back: true } => Did::Jump(*chain),
        Step::Enter { chain, come_back: false } => Did::Goto(*chain),
        Step::End(outcome) => match outcome {
            Outcome::Accept => Did::Accept,
            Outcome::Drop => Did::Drop,
            Outcome::Reject(with) => Did::Reject(*with),
            Outcome::SynProxy(_) => Did::SynProxy,
            Outcome::Snat(_) => Did::Snat,
            Outcome::Dnat(_) => Did::Dnat,
            Outcome::Masquerade(_) => Did::Masquerade,
            Outcome::Redirect(_) => Did::Redirect,
        },
    }
}

#[inline]
fn act<A: Address>(rule: &Rule<A>, view: &mut View<'_, A>) -> Step<A> {
    match &rule.target {
        Target::Continue => Step::Next,
        Target::Accept => Step::End(Outcome::Accept),
        Target::Drop => Step::End(Outcome::Drop),
        Target::Reject(with) => Step::End(Outcome::Reject(*with)),
        Target::Return => Step::Return,
        Target::Jump(chain) => Step::Enter { chain: *chain, come_back: true },
        Target::Goto(chain) => Step::Enter { chain: *chain, come_back: false },
        Target::Snat(range) => Step::End(Outcome::Snat(*range)),
        Target::Dnat(range) => Step::End(Outcome::Dnat(*range)),
        Target::Masquerade(range) => Step::End(Outcome::Masquerade(*range)),
        Target::Redirect(range) => Step::End(Outcome::Redirect(*range)),
        // Of no effect where the packet has a connection already, as an answer of the gateway's own.
        Target::Notrack if view.state != CtState::Invalid || view.template.is_some() => Step::Next,
        Target::Notrack => {
            view.notrack = true;
            view.state = CtState::Untracked;
            Step::Readdressed
        }
        Target::Ct(template) => {
            template.apply(view);
            Step::Readdressed
        }
        Target::Mark { value, mask } => {
            view.mark.set((view.mark.get() & !mask) ^ value);
            Step::Next
        }
        Target::Npt(translation) => match translation.apply(view) {
            Ok(()) => Step::Readdressed,
            Err(refusal) => Step::End(Outcome::Reject(refusal)),
        },
        Target::Mss(limit) => match limit.apply(view) {
            Clamped::Done => Step::Next,
            // It is put in behind the chain; later rules see it as if it were there. A second never raises it.
            Clamped::Add(mss) => {
                let before = view.added;
                view.added.mss = Some(before.mss.map_or(mss, |before| before.min(mss)));
                view.length += u32::from(view.added.length() - before.length());
                Step::Next
            }
            Clamped::Drop => Step::End(Outcome::Drop),
        },
        Target::OptionStrip(strip) if strip.apply(view) => Step::Next,
        Target::OptionStrip(_) => Step::End(Outcome::Drop),
        Target::SynProxy(proxy) => match claim(view) {
            Claim::Taken => Step::End(Outcome::SynProxy(*proxy)),
            Claim::Left => Step::Next,
            Claim::Drop => Step::End(Outcome::Drop),
        },
        Target::Netmap(netmap) => Step::End(match netmap.apply(view) {
            Mapped::Source(range) => Outcome::Snat(range),
            Mapped::Destination(range) => Outcome::Dnat(range),
        }),
        Target::Ttl(_)
        | Target::Tos(_)
        | Target::TcpEcn(_)
        | Target::Connmark(_)
        | Target::Set(_)
        | Target::Trace
        | Target::Tell(_)
        | Target::Tee(_) => {
            write(&rule.target, view);
            Step::Next
        }
    }
}

/// What targets do that let every packet go on: they write to it, to a mark, a set or a log.
fn write<A: Address>(target: &Target<A>, view: &mut View<'_, A>) {
    match target {
        Target::Ttl(change) => change.apply(view),
        Target::Tos(change) => change.apply(view),
        Target::TcpEcn(change) => change.apply(view),
        Target::Connmark(change) => change.apply(view),
        Target::Set(change) => change.apply(view),
        Target::Trace => view.begin_trace(),
        Target::Tell(telling) => {
            if let Some(reports) = view.around.reports {
                reports.tell(telling, view);
            }
        }
        Target::Tee(tee) => tee.apply(view),
        Target::Continue
        | Target::Accept
        | Target::Drop
        | Target::Reject(_)
        | Target::Return
        | Target::Jump(_)
        | Target::Goto(_)
        | Target::Snat(_)
        | Target::Dnat(_)
        | Target::Masquerade(_)
        | Target::Redirect(_)
        | Target::Notrack
        | Target::Mark { .. }
        | Target::Mss(_)
        | Target::OptionStrip(_)
        | Target::Npt(_)
        | Target::SynProxy(_)
        | Target::Ct(_)
        | Target::Netmap(_) => {}
    }
}
