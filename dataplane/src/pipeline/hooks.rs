//! One table at one hook.

use super::{Env, Family, Lane};
use crate::drop_reason::DropReason;
use crate::flight::{Flight, Stop, Tie};
use crate::packet::Packet;
use crate::rules::targets::RejectWith;
use crate::rules::{ChainId, Hook, Outcome, Table, Walk};

impl<A: Family> Lane<A> {
    /// Walks a table other than nat, if it has rules at that hook.
    #[inline]
    pub(super) fn table<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        table: Table,
        hook: Hook,
    ) -> Result<(), Stop> {
        match A::rules(env.snapshot).entry(table, hook) {
            Some(entry) => self.walk(env, flight, (table, hook), entry),
            None => Ok(()),
        }
    }

    fn walk<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        (table, hook): (Table, Hook),
        entry: ChainId,
    ) -> Result<(), Stop> {
        let rules = A::rules(env.snapshot);
        let counted = table == Table::Raw && flight.raw_counted;
        let counters = rules.counters(env.worker).filter(|_| !counted);
        let around = env.around(hook, &self.fib);
        // What is not remembered need not say what it met.
        let trail = flight.cacheable.then_some(&mut self.trail);
        let (mut view, cacheable) = flight.view(&mut self.conntrack, around);
        if counted {
            // And copied it.
            view.copier = None;
        }
        let walk = Walk { counters, trail, cacheable };
        let outcome = rules.evaluate(entry, &mut view, walk);
        let (added, changed) = (view.added, view.connection_changed);
        let (notrack, template, state) = (view.notrack, view.template, view.state);
        // ECN may have changed flags.
        (flight.mark, flight.traced, flight.layer4) = (view.mark.get(), view.traced, view.layer4);
        flight.state = state;
        flight.cacheable &= !changed;
        // A SYN of SYNPROXY's brings its connection along, and CT leaves that as it is.
        if flight.tie != Tie::Proxied {
            (flight.notrack, flight.template) = (notrack, template);
        }
        flight.complete_copies();
        flight.settle(added);
        flight.raw_counted |= table == Table::Raw;
        match outcome {
            Outcome::Accept => Ok(()),
            Outcome::Reject(RejectWith::Icmp(error)) => {
                Err(Stop::Refuse(DropReason::Reject, error))
            }
            Outcome::Reject(RejectWith::TcpReset) => Err(Stop::Reset),
            Outcome::SynProxy(proxy) => Err(self.take_over(env, flight, proxy)),
            // Translation outside nat is refused when rules are compiled.
            Outcome::Drop
            | Outcome::Snat(_)
            | Outcome::Dnat(_)
            | Outcome::Masquerade(_)
            | Outcome::Redirect(_) => Err(Stop::Drop(DropReason::Rule)),
        }
    }

    /// Walks nat, for the first packet of a connection: its counters count connections.
    pub(super) fn nat_table<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        hook: Hook,
    ) -> Option<Outcome<A>> {
        let rules = A::rules(env.snapshot);
        let entry = rules.entry(Table::Nat, hook)?;
        let around = env.around(hook, &self.fib);
        let mark = flight.mark;
        let (mut view, _) = flight.view(&mut self.conntrack, around);
        let counters = rules.counters(env.worker);
        // It is walked once a connection: what it does is remembered for first packets only.
        let (trail, cacheable) = self.classes.marks();
        let walk = Walk { counters, trail: Some(trail), cacheable };
        let outcome = rules.evaluate(entry, &mut view, walk);
        // A mark that it gives is the first packet's alone: others meet the tables behind it without.
        let changed = view.connection_changed || view.mark.get() != mark;
        (flight.mark, flight.traced) = (view.mark.get(), view.traced);
        flight.cacheable &= !changed;
        flight.complete_copies();
        Some(outcome)
    }
}
