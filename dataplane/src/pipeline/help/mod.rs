//! Helpers at work: a packet of a connection with a helper, about to leave, is read for what it announces (kernel
//! `nf_confirm`), and a first packet that was announced begins its connection as its master's.
//!
//! ```text
//!   confirm ─> help ─> ftp, irc, …   read (crate::helpers) ─> expect (announce) ─> where translated: write (message)
//! ```

mod amanda;
mod announce;
mod broadcast;
mod ftp;
mod h323;
mod irc;
mod message;
mod pptp;
mod ras;
mod sane;
mod sip;
mod snmp;
mod tftp;

use super::{Env, Family, Lane};
use crate::address::Address;
use crate::conntrack::{Expected, FlowRef, Follow, Helper, NewConnection, Refused, reply_of};
use crate::drop_reason::DropReason;
use crate::flight::{Flight, Stop};
use crate::nat::{NatRange, select_source};
use crate::packet::Packet;
use crate::tuple::Tuple;

impl<A: Family> Lane<A> {
    /// A packet of a connection with a helper is about to leave.
    pub(super) fn help<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        flow: FlowRef,
        helper: Helper,
    ) -> Result<(), Stop> {
        match helper {
            Helper::Ftp => self.help_ftp(env, flight, flow),
            Helper::Tftp => self.help_tftp(env, flight, flow),
            Helper::Irc => self.help_irc(env, flight, flow),
            Helper::Amanda => self.help_amanda(env, flight, flow),
            Helper::Sane => self.help_sane(env, flight, flow),
            Helper::Snmp => {
                self.help_broadcast(env, flight, flow, helper, broadcast::SNMP);
                self.help_snmp(flight, flow)
            }
            Helper::SnmpTrap => self.help_snmp(flight, flow),
            Helper::NetbiosNs => {
                self.help_broadcast(env, flight, flow, helper, broadcast::NAMES);
                Ok(())
            }
            Helper::Pptp => self.help_pptp(env, flight, flow),
            Helper::Q931 | Helper::H245 => self.help_h323(env, flight, flow, helper),
            Helper::Ras => self.help_ras(env, flight, flow),
            Helper::Sip => self.help_sip(env, flight, flow),
        }
    }

    /// A first packet that meets an expectation: its connection takes over the mark and, where its master is translated,
    /// the translation.
    pub(super) fn meet(
        &mut self,
        env: &Env<'_>,
        new: &mut NewConnection<A>,
        expected: &Expected<A>,
    ) -> Result<(), Stop> {
        self.classes.forget();
        new.set_expected(expected);
        if let Some(helper) = expected.gives {
            new.set_helped(helper, expected.silenced);
        }
        if let Some(follow) = &expected.follow {
            if expected.helper == Helper::Sip {
                let follow = self.follow_of_sip(env, new, expected, follow);
                self.follow(env, new, &follow)?;
            } else {
                self.follow(env, new, follow)?;
            }
        }
        if expected.helper == Helper::Pptp {
            self.conntrack.expect_one_way(new, expected, env.now);
        }
        Ok(())
    }

    /// For most the source is chosen first, while the destination still is what the packet says (kernel
    /// `nf_nat_follow_master`).
    fn follow(
        &mut self,
        env: &Env<'_>,
        new: &mut NewConnection<A>,
        follow: &Follow<A>,
    ) -> Result<(), Stop> {
        let ports = follow.source_port.map(|port| (port.get(), port.get()));
        let range = NatRange { ports, ..NatRange::single(follow.source) };
        let moved = follow.only_from.is_none_or(|source| source == new.original.source);
        let mut reply = new.reply;
        if follow.destination_first {
            reply = turned(&reply, follow);
        }
        if moved {
            let (space, mappings) = (&self.conntrack, &self.mappings);
            reply = select_source(&new.original, &reply, &range, space, mappings, env.random)
                .map_err(Stop::Drop)?;
        }
        new.reply = turned(&reply, follow);
        new.followed = true;
        let Some(plain) = reply_of(&new.original) else { return Ok(()) };
        let (reply, own) = (new.reply, plain);
        if (reply.destination, reply.destination_port) != (own.destination, own.destination_port) {
            new.set_source_translated();
        }
        if (reply.source, reply.source_port) != (own.source, own.source_port) {
            new.set_destination_translated();
        }
        // Where another has it, this one comes as far as to where it would be confirmed.
        let claimed = self.conntrack.claim_reply(new);
        if claimed && moved && range.needs_mapping(&new.original, &new.reply) {
            let (address, port) = (new.reply.destination, new.reply.destination_port);
            new.mapped = self.mappings.insert_or_ref(&new.original, address, port);
        }
        Ok(())
    }
}

/// What answers, coming from where the packets go.
fn turned<A: Address>(reply: &Tuple<A>, follow: &Follow<A>) -> Tuple<A> {
    let source_port = follow.port.unwrap_or(reply.source_port);
    Tuple { source: follow.destination, source_port, ..*reply }
}

fn refuse(_: Refused) -> Stop {
    Stop::Drop(DropReason::Helper)
}
