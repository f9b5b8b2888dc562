//! SIP: a packet and its connection as the protocol's logic sees them.

use super::super::{Env, Family, Lane};
use super::message::{gather, is_writable, message, rewrite};
use crate::address::L4Port;
use crate::conntrack::{
    CtState, Expected, FlowRef, Follow, Helper, NewConnection, Refused, SourceMask, Status,
};
use crate::drop_reason::DropReason;
use crate::flight::{Flight, Stop};
use crate::helpers::sip::{
    Announced, Class, Conversation, Facts, Known, Memory, Refusal, read_datagram, read_segment,
};
use crate::packet::Packet;
use crate::tuple::Tuple;
use crate::wire::layer4::Layer4Kind;
use crate::wire::protocol::UDP;
use crate::wire::put;
use std::ops::Range;

/// Seconds that a connection lives from each of its messages on (kernel `sip_timeout`).
const TIMEOUT: u32 = 3600;
/// Where a UDP header has its destination port.
const DESTINATION_PORT: usize = 2;

impl<A: Family> Lane<A> {
    /// Both ends have spoken before a segment is read; a datagram is at once.
    pub(super) fn help_sip<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        flow: FlowRef,
    ) -> Result<(), Stop> {
        let kind = flight.layer4.kind;
        let translated = self.conntrack.common(flow).is_translated();
        if !gather(flight, true) || (translated && !is_writable(flight)) {
            return Ok(());
        }
        let state = flight.state;
        let mut call = Call { lane: self, env, flight, flow };
        let judged = match kind {
            Layer4Kind::Udp { .. } => read_datagram(&mut call),
            Layer4Kind::Tcp(_) if state == CtState::Established => read_segment(&mut call),
            Layer4Kind::Tcp(_)
            | Layer4Kind::Icmp { .. }
            | Layer4Kind::Icmp6 { .. }
            | Layer4Kind::Gre { .. }
            | Layer4Kind::Other
            | Layer4Kind::OddTcp { .. }
            | Layer4Kind::Truncated => Ok(()),
        };
        judged.map_err(|_| Stop::Drop(DropReason::Helper))
    }

    /// Of media, one half of a pair is expected of each end: what comes from where the other half goes seems to come from where
    /// that was announced (kernel `nf_nat_sip_expected`).
    pub(super) fn follow_of_sip(
        &self,
        env: &Env<'_>,
        new: &NewConnection<A>,
        expected: &Expected<A>,
        follow: &Follow<A>,
    ) -> Follow<A> {
        let media = expected.class != Class::Signalling.number();
        let half = || self.conntrack.other_half(expected, &new.original, env.now);
        match media.then(half).flatten() {
            Some((source, port)) => {
                Follow { source, source_port: Some(port), only_from: None, ..*follow }
            }
            None => *follow,
        }
    }
}

/// A packet with SIP in it.
struct Call<'c, 'e, A: Family, P> {
    lane: &'c mut Lane<A>,
    env: &'c Env<'e>,
    flight: &'c mut Flight<A, P>,
    flow: FlowRef,
}

impl<A: Family, P: Packet> Call<'_, '_, A, P> {
    /// What is announced, as connection tracking knows it.
    fn expected(&self, announced: &Announced<A>) -> Expected<A> {
        let [own, other] = self.lane.conntrack.tuples(self.flow);
        let tuple = Tuple {
            protocol: announced.protocol,
            source: announced.source,
            destination: announced.destination,
            destination_port: announced.port,
            ..Tuple::default()
        };
        let follow = announced.behind.map(|(destination, port)| Follow {
            only_from: Some(other.source),
            destination_first: true,
            ..Follow::new(own.destination, destination, port)
        });
        let signalling = announced.class == Class::Signalling;
        let from = SourceMask::ADDRESS;
        Expected {
            class: announced.class.number(),
            gives: signalling.then_some(Helper::Sip),
            follow,
            shared: !signalling,
            lasting: signalling,
            inactive: signalling,
            ..self.lane.conntrack.expected(self.flow, Helper::Sip, &tuple, from)
        }
    }
}

impl<A: Family, P: Packet> Conversation<A> for Call<'_, '_, A, P> {
    fn facts(&self) -> Facts<A> {
        let [own, other] = self.lane.conntrack.tuples(self.flow);
        let common = self.lane.conntrack.common(self.flow);
        Facts {
            own,
            other,
            direction: self.flow.direction(),
            translated: common.is_translated(),
            expected: common.status.has(Status::EXPECTED),
        }
    }

    fn text(&self) -> &[u8] {
        message(self.flight)
    }

    fn replace(&mut self, place: Range<usize>, by: &[u8]) -> bool {
        rewrite(self.flight, place, by).is_some()
    }

    fn has_grown(&mut self, by: u32) {
        if let Layer4Kind::Tcp(tcp) = self.flight.layer4.kind {
            self.lane.conntrack.grow(self.flow, tcp.seq, by);
        }
    }

    fn redirect(&mut self, port: L4Port) {
        let at = usize::from(self.flight.headers.l4) + DESTINATION_PORT;
        put(self.flight.lead.data_mut(), at, &port.wire());
        // Nothing in place of nothing: the checksum is mended.
        let _ = rewrite(self.flight, 0..0, b"");
    }

    fn keep(&mut self) {
        self.lane.conntrack.refresh(self.flow, TIMEOUT, self.env.now);
    }

    fn memory(&mut self) -> Memory {
        self.lane.conntrack.memory(self.flow).map_or_else(Memory::default, |memory| memory.sip)
    }

    fn remember(&mut self, memory: Memory) {
        if let Some(place) = self.lane.conntrack.memory(self.flow) {
            place.sip = memory;
        }
    }

    fn announce(&mut self, announced: &Announced<A>) -> Result<(), Refusal> {
        let expected = self.expected(announced);
        self.lane.conntrack.expect(self.flow, expected, self.env.now).map_err(refusal)
    }

    fn announce_somewhere(&mut self, announced: &Announced<A>) -> Result<L4Port, Refusal> {
        let mut expected = self.expected(announced);
        let done = self.lane.expect_at_free_port(self.env, self.flow, &mut expected);
        done.map_err(|_| Refusal::Full)?;
        Ok(expected.tuple.destination_port)
    }

    fn withdraw(&mut self) {
        self.lane.conntrack.expect_not(self.flow);
    }

    fn forget_media(&mut self) {
        let signalling = Class::Signalling.number();
        self.lane.conntrack.expect_no_more(self.flow, |class| class != signalling);
    }

    fn forget_signalling(&mut self) {
        let signalling = Class::Signalling.number();
        self.lane.conntrack.expect_no_more(self.flow, |class| class == signalling);
    }

    fn confirm_signalling(&mut self, protocol: u8, to: (A, L4Port), seconds: u32) -> bool {
        let (destination, destination_port) = to;
        let to = Tuple { protocol, destination, destination_port, ..Tuple::default() };
        let class = Class::Signalling.number();
        self.lane.conntrack.wait_for(self.flow, class, &to, seconds, self.env.now)
    }

    fn known(&self, source: A, to: (A, L4Port)) -> Option<Known<A>> {
        let conntrack = &self.lane.conntrack;
        let (destination, destination_port) = to;
        let tuple =
            Tuple { protocol: UDP, source, destination, destination_port, ..Tuple::default() };
        let known = conntrack.announced(self.flow, &tuple, self.env.now)?;
        let own = conntrack.original(self.flow);
        Some(Known {
            own: known.master == own,
            alike: known.helper == Helper::Sip && known.master.protocol == own.protocol,
            class: Class::numbered(known.class),
            behind: known.follow.and_then(|follow| Some((follow.destination, follow.port?))),
        })
    }
}

fn refusal(refused: Refused) -> Refusal {
    match refused {
        Refused::Already => Refusal::Already,
        Refused::Clash => Refusal::Clash,
        Refused::Full => Refusal::Full,
    }
}
