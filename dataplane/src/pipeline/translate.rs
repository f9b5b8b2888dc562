//! The NAT stages. As in the kernel, PREROUTING and OUTPUT change the destination, POSTROUTING and
//! INPUT the source, so that the rules between see what they see in Linux.

use super::first::SourceRule;
use super::own_address::{masquerade_range, redirect_address};
use super::route::Out;
use super::untranslatable::is_quote_in_later_fragments;
use super::{Env, Family, Lane};
use crate::address::Address;
use crate::conntrack::{Beside, Direction, FlowRef, NewConnection, in_zone, reply_of, tuple_of};
use crate::drop_reason::DropReason;
use crate::flight::{Flight, Flow, Stop};
use crate::nat::{
    NatRange, Rewrite, SourceMappings, outer_addresses, select_destination, select_null,
    select_source, translate_error,
};
use crate::packet::Packet;
use crate::rules::{Hook, Outcome, Rules, Table};
use crate::tuple::Tuple;
use crate::wire::icmp_error::quoted;

/// Which end of the packet a hook changes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Source,
    Destination,
}

impl<A: Family> Lane<A> {
    /// PREROUTING and OUTPUT.
    pub(super) fn translate_destination<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        hook: Hook,
    ) -> Result<(), Stop> {
        if let Flow::New(new) = &flight.flow
            && !new.followed
            && let Some(outcome) = self.nat_table(env, flight, hook)
        {
            let Flow::New(new) = &mut flight.flow else { return Ok(()) };
            let range = match outcome {
                Outcome::Dnat(range) => Some(range),
                Outcome::Redirect(range) => {
                    let Some(address) =
                        redirect_address(env, flight.ingress, hook, flight.destination)
                    else {
                        return Err(Stop::Drop(DropReason::NatExhausted));
                    };
                    Some(NatRange { addresses: Some((address, address)), ..range })
                }
                Outcome::Drop => return Err(Stop::Drop(DropReason::Rule)),
                Outcome::SynProxy(proxy) => return Err(self.take_over(env, flight, proxy)),
                Outcome::Accept
                | Outcome::Reject(_)
                | Outcome::Snat(_)
                | Outcome::Masquerade(_) => None,
            };
            if let Some(range) = range {
                self.classes.forget();
                let (space, before) = (&self.conntrack, new.reply);
                new.reply = select_destination(&new.original, &before, &range, space, env.random);
                // A rule that asks for what is there already translates nothing.
                if new.reply != before {
                    new.set_destination_translated();
                }
            }
        }
        self.check_translatable(env, flight, End::Destination)?;
        let before = flight.traced.map(|_| flight.ends());
        self.rewrite(flight, End::Destination);
        self.tell_translation(env, flight, before);
        Ok(())
    }

    /// POSTROUTING (with a way out) and INPUT (without).
    pub(super) fn translate_source<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        hook: Hook,
        out: Option<Out>,
    ) -> Result<(), Stop> {
        if let Flow::New(new) = &flight.flow
            && !new.followed
        {
            let range = match self.nat_table(env, flight, hook) {
                Some(Outcome::Snat(range)) => {
                    self.classes.note_source(SourceRule::Snat(range));
                    Some(range)
                }
                Some(Outcome::Masquerade(range)) => {
                    self.classes.note_source(SourceRule::Masquerade(range));
                    let range = masquerade_range(env, &range, out, flight.destination)?;
                    if let (Flow::New(new), Some(out)) = (&mut flight.flow, out) {
                        new.set_masqueraded(out.egress);
                    }
                    Some(range)
                }
                Some(Outcome::Drop) => return Err(Stop::Drop(DropReason::Rule)),
                Some(Outcome::SynProxy(proxy)) => {
                    return Err(self.take_over(env, flight, proxy));
                }
                Some(
                    Outcome::Accept | Outcome::Reject(_) | Outcome::Dnat(_) | Outcome::Redirect(_),
                )
                | None => None,
            };
            let Flow::New(new) = &mut flight.flow else { return Ok(()) };
            self.choose_source(env, new, range)?;
        }
        // The kernel asks for a source rule whenever none has been asked for this connection; what it finds for a reset
        // changes nothing any more.
        if matches!(flight.flow, Flow::Unborn(_)) && !is_error(flight) {
            self.nat_table(env, flight, hook);
        }
        self.check_translatable(env, flight, End::Source)?;
        let before = flight.traced.map(|_| flight.ends());
        self.rewrite(flight, End::Source);
        self.tell_translation(env, flight, before);
        Ok(())
    }

    /// Fixes the reply tuple and claims it over all workers.
    pub(super) fn choose_source(
        &mut self,
        env: &Env<'_>,
        new: &mut NewConnection<A>,
        range: Option<NatRange<A>>,
    ) -> Result<(), Stop> {
        self.choose_reply(env.random, has_nat::<A>(env), new, range)
    }

    /// As [`Self::choose_source`]; `has_nat`: whether there is a nat table.
    #[inline(never)]
    pub(super) fn choose_reply(
        &mut self,
        random: u64,
        has_nat: bool,
        new: &mut NewConnection<A>,
        range: Option<NatRange<A>>,
    ) -> Result<(), Stop> {
        // Another worker may take the tuple between the choice and the claim: choose again.
        const ATTEMPTS: u64 = 8;
        let before = new.reply;
        for attempt in 0..ATTEMPTS {
            let random = random.rotate_left(7 * attempt as u32) ^ attempt;
            let original = &new.original;
            let space = &Beside { conntrack: &self.conntrack, original };
            let reply = match &range {
                Some(range) => {
                    select_source(original, &before, range, space, &self.mappings, random)
                }
                None if has_nat => select_null(original, &before, space, random),
                None => Ok(before),
            }
            .map_err(Stop::Drop)?;
            new.reply = reply;
            // Both choices have looked whether the tuple is free.
            let claimed = match range {
                None if !has_nat => self.conntrack.claim_reply(new),
                Some(_) | None => self.conntrack.claim_free_reply(new),
            };
            if claimed {
                let mapped = new.reply.destination != new.original.source
                    || new.reply.destination_port != new.original.source_port;
                let note = match &range {
                    Some(range) => range.needs_mapping(&new.original, &new.reply),
                    None => mapped,
                };
                if note {
                    let (address, port) = (new.reply.destination, new.reply.destination_port);
                    new.mapped = self.mappings.insert_or_ref(&new.original, address, port);
                }
                if new.reply != before {
                    new.set_source_translated();
                }
                return Ok(());
            }
        }
        Err(Stop::Drop(if range.is_some() {
            DropReason::NatExhausted
        } else {
            DropReason::ConntrackClash
        }))
    }

    /// Brings the packet's headers to what its connection says, one end at a time.
    fn rewrite<P: Packet>(&mut self, flight: &mut Flight<A, P>, end: End) {
        let (from, target) = match &flight.flow {
            Flow::None => return,
            Flow::New(new) => (flight.tuple, reply_of(&new.reply)),
            Flow::Known(flow) if !self.turns(*flow, end) => return,
            Flow::Known(flow) => (flight.tuple, reply_of(&self.conntrack.half(flow.peer()).key)),
            Flow::Unborn(new) if is_error(flight) => {
                let (reply, original) = (new.reply, new.original);
                return rewrite_error(flight, &reply, &original, end);
            }
            Flow::Unborn(new) => (flight.tuple, reply_of(&new.original)),
            Flow::Error(flow) => {
                let own = self.conntrack.half(*flow).key;
                let peer = self.conntrack.half(flow.peer()).key;
                return rewrite_error(flight, &own, &peer, end);
            }
        };
        let (Some(from), Some(target)) = (from, target) else { return };
        let to = one_end(&from, &target, end);
        let Some(rewrite) = Rewrite::changing(&from, &to) else { return };
        flight.recut |= flight.is_header_in_pieces();
        for (packet, headers) in flight.frames_mut() {
            rewrite.apply(packet.data_mut(), headers);
        }
        flight.mend_sctp();
        flight.tuple = Some(to);
        flight.reread();
    }

    /// Whether that end of a direction's packets is translated.
    pub(super) fn turns(&self, flow: FlowRef, end: End) -> bool {
        let connection = self.conntrack.common(flow);
        match (flow.direction(), end) {
            (Direction::Original, End::Source) | (Direction::Reply, End::Destination) => {
                connection.is_source_translated()
            }
            (Direction::Original, End::Destination) | (Direction::Reply, End::Source) => {
                connection.is_destination_translated()
            }
        }
    }

    /// What packets of a direction leave looking like, in the zone in which they came: it is no part of them.
    pub(super) fn target_of(&self, flow: FlowRef) -> Option<Tuple<A>> {
        let target = reply_of(&self.conntrack.half(flow.peer()).key)?;
        Some(in_zone(&target, self.conntrack.half(flow).key.zone))
    }
}

/// An ICMP error that travels the way of packets with the tuple `own`, those of the other direction having `peer`: each
/// hook turns one of its own addresses, and the other end of the quoted packet, which went the other way.
fn rewrite_error<A: Address, P: Packet>(
    flight: &mut Flight<A, P>,
    own: &Tuple<A>,
    peer: &Tuple<A>,
    end: End,
) {
    let target = reply_of(peer).map(|target| in_zone(&target, own.zone));
    let Some(target) = target.filter(|target| target != own) else { return };
    let (Some(inner_from), Some(inner_to)) = (reply_of(own), reply_of(&target)) else { return };
    let headers = flight.headers;
    flight.recut |= flight.pulled > 0 && is_quote_in_later_fragments(flight);
    let (source, destination) = outer_addresses(&inner_from, &inner_to);
    let (quoted_end, source, destination) = match end {
        End::Destination => (End::Source, None, destination),
        End::Source => (End::Destination, source, None),
    };
    // What the gateway refuses between the hooks is translated by half.
    let found = quoted(flight.lead.data(), &headers).and_then(|(inner, inner_l4)| {
        let data = flight.lead.data();
        tuple_of(inner.source(data), inner.destination(data), inner.protocol, &inner_l4)
    });
    let from = found.unwrap_or(inner_from);
    let to = one_end(&from, &inner_to, quoted_end);
    translate_error(flight.lead.data_mut(), &headers, Some((&from, &to)), source, destination);
    flight.reread();
}

/// Whether it is an ICMP error, and quotes what it is about.
fn is_error<A: Address, P: Packet>(flight: &Flight<A, P>) -> bool {
    quoted(flight.lead.data(), &flight.headers).is_some()
}

/// Whether there is a nat table.
pub(super) fn has_nat<A: Family>(env: &Env<'_>) -> bool {
    [Hook::Prerouting, Hook::Postrouting, Hook::Output, Hook::Input]
        .iter()
        .any(|&hook| A::rules(env.snapshot).entry(Table::Nat, hook).is_some())
}

/// `from` with one end taken from `target`. An ICMP identifier belongs to both ends.
fn one_end<A: Address>(from: &Tuple<A>, target: &Tuple<A>, end: End) -> Tuple<A> {
    let mut to = *from;
    match end {
        End::Source => {
            to.source = target.source;
            to.source_port = target.source_port;
        }
        End::Destination => {
            to.destination = target.destination;
            to.destination_port = target.destination_port;
        }
    }
    if from.icmp != 0 || is_icmp(from.protocol) {
        to.source_port = target.source_port;
        to.destination_port = target.destination_port;
    }
    to
}

const fn is_icmp(protocol: u8) -> bool {
    protocol == 1 || protocol == 58
}

/// Gives back what NAT had reserved for a connection that is gone, and what rules had counted.
pub(crate) fn forget<A: Address>(
    rules: &Rules<A>,
    mappings: &SourceMappings<A>,
    gone: &crate::conntrack::Destroyed<A>,
) {
    rules.forget_connection(&gone.original);
    if gone.mapped {
        mappings.release(&gone.original, gone.reply.destination, gone.reply.destination_port);
    }
}
