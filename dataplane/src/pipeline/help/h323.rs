//! H.323's call signalling (Q.931 with H.225.0) and multimedia control (H.245), over TCP (kernel
//! `nf_conntrack_h323_main.c`, `nf_nat_h323.c`).
//!
//! ```text
//!   Q.931 ─ expects H.245, forwarded calls, and of fastStart and H.245 within: media and data
//!   H.245 ─ expects media (RTP and RTCP) and data (T.120)
//! ```
//!
//! Addresses are as long as what they become: where IPv4 is translated, they are written in place. IPv6 is not, as in the
//! kernel.

mod channels;

use super::super::{Env, Family, Lane};
use super::message::{gather, message};
use crate::address::{IpVersion, L4Port};
use crate::conntrack::{CtState, Direction, Expected, FlowRef, Follow, Helper, SourceMask};
use crate::flight::{Flight, Stop};
use crate::helpers::h323::signalling::{Role, read_h245, read_q931};
use crate::helpers::h323::{CallMemory, Place, tpkt, written};
use crate::packet::Packet;
use crate::tuple::Tuple;
use crate::wire::protocol::TCP;

/// An address that a message of a connection names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named<A> {
    pub(super) flow: FlowRef,
    /// The helper of that connection.
    pub(super) helper: Helper,
    /// From the beginning of what the packet says.
    pub(super) at: usize,
    pub(super) address: A,
    pub(super) port: u16,
}

impl<A: Family> Lane<A> {
    /// Both ends have spoken before a segment is read, message by message.
    pub(super) fn help_h323<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        flow: FlowRef,
        helper: Helper,
    ) -> Result<(), Stop> {
        if flight.state != CtState::Established || !gather(flight, false) {
            return Ok(());
        }
        let Some(calls) = self.call_memory(flow) else { return Ok(()) };
        let awaited = &mut calls.awaited[flow.direction() as usize];
        let mut next = tpkt::first(message(flight), awaited);
        while let Some(place) = next {
            let text = message(flight).get(place.clone()).unwrap_or_default();
            let read = if helper == Helper::H245 { read_h245(text) } else { read_q931(text) };
            let Ok(announced) = read else { break };
            for (role, at) in announced.iter() {
                if let Some(named) = self.name_place(flight, (flow, helper), place.start, at) {
                    self.announce_role(env, flight, role, named)?;
                }
            }
            next = tpkt::next(message(flight), &place);
        }
        Ok(())
    }

    /// The address at a place of a message that begins at `start`, if it is of this IP version.
    pub(super) fn name_place<P: Packet>(
        &self,
        flight: &Flight<A, P>,
        (flow, helper): (FlowRef, Helper),
        start: usize,
        place: Place,
    ) -> Option<Named<A>> {
        let (address, port) = place.read(message(flight).get(start..)?)?;
        Some(Named { flow, helper, at: start + usize::from(place.at), address, port })
    }

    fn announce_role<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        role: Role,
        named: Named<A>,
    ) -> Result<(), Stop> {
        let [own, other] = self.conntrack.tuples(named.flow);
        let is_own = named.address == own.source && named.port != 0;
        match role {
            Role::H245 if is_own => self.announce_control(env, flight, named),
            Role::Media if is_own => self.announce_media(env, flight, named),
            Role::Data if is_own => self.announce_stack(env, flight, named),
            Role::H245 | Role::Media | Role::Data => Ok(()),
            Role::Forwarded => self.announce_forwarded(env, flight, named),
            Role::DestinationSignal => {
                self.correct_end(flight, named, (other.source, other.source_port))
            }
            Role::SourceSignal => {
                self.correct_end(flight, named, (other.destination, other.destination_port))
            }
        }
    }

    /// The end of the call itself, as the other end knows it.
    fn correct_end<P: Packet>(
        &mut self,
        flight: &mut Flight<A, P>,
        named: Named<A>,
        (address, port): (A, L4Port),
    ) -> Result<(), Stop> {
        if self.rewrites_calls(named.flow) && named.address != address {
            self.write_named(flight, named, address, port.get())?;
        }
        Ok(())
    }

    /// A connection for H.245.
    fn announce_control<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        named: Named<A>,
    ) -> Result<(), Stop> {
        let Named { flow, helper, port, .. } = named;
        let other = self.conntrack.half(flow.peer()).key;
        let tuple = Tuple { protocol: TCP, destination_port: L4Port::new(port), ..other };
        let mut expected = self.conntrack.expected(flow, helper, &tuple, SourceMask::ADDRESS);
        expected.gives = Some(Helper::H245);
        let hidden = self.hides_speaker(flow);
        self.expect_signal(env, flight, named, expected, hidden).map(|_| ())
    }

    /// Connections to where the speaker is signalled, as what is named says. Where the speaker is `hidden`, gives the port at
    /// which the other end signals instead, if there is one.
    pub(super) fn expect_signal<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        named: Named<A>,
        mut expected: Expected<A>,
        hidden: bool,
    ) -> Result<Option<u16>, Stop> {
        let Named { flow, port, .. } = named;
        let follow = self.follow_to_speaker(flow, L4Port::new(port)).filter(|_| hidden);
        if hidden && let Some(calls) = self.call_memory(flow) {
            let first = calls.signal_outside(flow.direction(), port);
            expected.tuple.destination_port = L4Port::new(first);
        }
        let Some(outside) = self.expect_named(env, flow, expected, follow)? else {
            return Ok(None);
        };
        let other = self.conntrack.half(flow.peer()).key;
        self.write_named(flight, named, other.destination, outside)?;
        if let Some(calls) = self.call_memory(flow) {
            calls.note_signal(flow.direction(), port, outside);
        }
        Ok(Some(outside))
    }

    /// [Expects](Self::expect_announced) what is named; where no port is free for it, its message goes out as it is.
    pub(super) fn expect_named(
        &mut self,
        env: &Env<'_>,
        flow: FlowRef,
        expected: Expected<A>,
        follow: Option<Follow<A>>,
    ) -> Result<Option<u16>, Stop> {
        match self.expect_announced(env, flow, expected, follow) {
            Ok(outside) => Ok(outside.map(L4Port::get)),
            Err(_) if follow.is_some() => Ok(None),
            Err(stop) => Err(stop),
        }
    }

    /// The call is to be signalled to somebody else, who is elsewhere than the caller.
    fn announce_forwarded<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        named: Named<A>,
    ) -> Result<(), Stop> {
        let Named { flow, helper, address, port, .. } = named;
        let [_, other] = self.conntrack.tuples(flow);
        let way = self.way_beyond(env, address);
        if port == 0 || way.is_some() && way == self.way_beyond(env, other.source) {
            return Ok(());
        }
        let port = L4Port::new(port);
        let tuple = Tuple { protocol: TCP, destination: address, destination_port: port, ..other };
        let mut expected = self.conntrack.expected(flow, helper, &tuple, SourceMask::ADDRESS);
        expected.gives = Some(Helper::Q931);
        // The caller seems to come from whom it calls, where it was called that forwards.
        let source = match flow.direction() {
            Direction::Original => other.source,
            Direction::Reply => other.destination,
        };
        let follow = self.hides_speaker(flow).then(|| Follow::new(source, address, port));
        if follow.is_some() {
            expected.tuple.destination = other.destination;
        }
        let Some(outside) = self.expect_named(env, flow, expected, follow)? else { return Ok(()) };
        self.write_named(flight, named, other.destination, outside)
    }

    /// Whether addresses in messages are rewritten at all.
    pub(super) fn rewrites_calls(&self, flow: FlowRef) -> bool {
        A::VERSION == IpVersion::V4 && self.conntrack.common(flow).is_translated()
    }

    /// Whether the other end knows who speaks by another address.
    pub(super) fn hides_speaker(&self, flow: FlowRef) -> bool {
        let [own, other] = self.conntrack.tuples(flow);
        self.rewrites_calls(flow) && own.source != other.destination
    }

    /// Writes another address and port where one is named.
    pub(super) fn write_named<P: Packet>(
        &mut self,
        flight: &mut Flight<A, P>,
        named: Named<A>,
        address: A,
        port: u16,
    ) -> Result<(), Stop> {
        let text = written(address, port);
        let part = named.at..named.at + text.as_bytes().len();
        self.replace_announced(flight, named.flow, part, text.as_bytes())
    }

    /// What is remembered of the calls of a connection.
    pub(super) fn call_memory(&mut self, flow: FlowRef) -> Option<&mut CallMemory> {
        self.conntrack.memory(flow).map(|memory| &mut memory.calls)
    }
}
