//! Helpers at work: a packet of a connection with a helper, about to leave, is read for what it announces (kernel
//! `nf_confirm`), and a first packet that was announced begins its connection as its master's.

use super::{Env, Family, Lane};
use crate::address::{Address, IpVersion, L4Port};
use crate::conntrack::ftp::{Announced, Found, Written, search};
use crate::conntrack::{
    Changes, CtState, Direction, Expected, FlowRef, Follow, Helper, NewConnection, Refused, Zones,
    in_zone, reply_of,
};
use crate::drop_reason::DropReason;
use crate::flight::{Flight, Flow, Stop};
use crate::nat::{NatRange, select_source};
use crate::packet::Packet;
use crate::tuple::Tuple;
use crate::wire::layer4::{Layer4Kind, TcpFields};
use crate::wire::parse::Headers;
use crate::wire::protocol::{TCP, UDP};
use crate::wire::{tcp_text, u16_at};

/// TFTP's first messages: read and write requests (RFC 1350 section 5).
const REQUESTS: [u16; 2] = [1, 2];
/// Ports that are tried for an announced connection (kernel `nf_nat_exp_find_port`).
const ATTEMPTS: u32 = 128;

impl<A: Family> Lane<A> {
    /// A first packet that meets an expectation: its connection takes over the mark and, where its master is translated,
    /// the translation.
    pub(super) fn meet(
        &mut self,
        env: &Env<'_>,
        new: &mut NewConnection<A>,
        expected: &Expected<A>,
    ) -> Result<(), Stop> {
        self.classes.forget();
        new.set_expected(expected.mark);
        match &expected.follow {
            Some(follow) => self.follow(env, new, follow),
            None => Ok(()),
        }
    }

    /// The source is chosen first, while the destination still is what the packet says (kernel `nf_nat_follow_master`).
    fn follow(
        &mut self,
        env: &Env<'_>,
        new: &mut NewConnection<A>,
        follow: &Follow<A>,
    ) -> Result<(), Stop> {
        let range = NatRange::single(follow.source);
        let (space, mappings, before) = (&self.conntrack, &self.mappings, new.reply);
        let reply = select_source(&new.original, &before, &range, space, mappings, env.random)
            .map_err(Stop::Drop)?;
        new.reply = Tuple { source: follow.destination, source_port: follow.port, ..reply };
        new.followed = true;
        let Some(plain) = reply_of(&new.original) else { return Ok(()) };
        let (reply, own) = (new.reply, plain);
        if (reply.destination, reply.destination_port) != (own.destination, own.destination_port) {
            new.set_source_translated();
        }
        if (reply.source, reply.source_port) != (own.source, own.source_port) {
            new.set_destination_translated();
        }
        if !self.conntrack.claim_reply(new) {
            return Err(Stop::Drop(DropReason::ConntrackClash));
        }
        if range.needs_mapping(&new.original, &new.reply) {
            let (address, port) = (new.reply.destination, new.reply.destination_port);
            new.mapped = self.mappings.insert_or_ref(&new.original, address, port);
        }
        Ok(())
    }

    /// A first packet whose connection gets a helper is about to leave. FTP has nothing to say yet.
    #[inline(never)]
    pub(super) fn help_first<P: Packet>(
        &self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
    ) -> Result<(), Stop> {
        let Flow::New(new) = &mut flight.flow else { return Ok(()) };
        match new.helper() {
            Some(Helper::Tftp) if is_request(flight.lead.data(), &flight.headers) => {
                let zones = Zones { original: new.original.zone, reply: new.reply.zone };
                let expected = transfer(&new.original, &new.reply, zones, new.mark);
                self.conntrack.expect_from(new, expected, env.now).map_err(refuse)
            }
            Some(Helper::Tftp | Helper::Ftp) | None => Ok(()),
        }
    }

    /// A packet of a connection with a helper is about to leave.
    pub(super) fn help<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        flow: FlowRef,
    ) -> Result<(), Stop> {
        match (self.conntrack.helper(flow), flight.layer4.kind) {
            (Some(Helper::Tftp), _) if is_request(flight.lead.data(), &flight.headers) => {
                let original = match flow.direction() {
                    Direction::Original => flow,
                    Direction::Reply => flow.peer(),
                };
                let [own, other] = self.conntrack.tuples(original);
                let zones = self.conntrack.zones_of(flow);
                let mark = self.conntrack.common(flow).mark;
                let expected = transfer(&own, &other, zones, mark);
                self.conntrack.expect(flow, expected, env.now).map_err(refuse)
            }
            (Some(Helper::Ftp), Layer4Kind::Tcp(tcp)) => self.help_ftp(env, flight, flow, tcp),
            (Some(Helper::Tftp | Helper::Ftp) | None, _) => Ok(()),
        }
    }

    /// A segment of an FTP control connection. Both ends have spoken before one is read.
    fn help_ftp<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        flow: FlowRef,
        tcp: TcpFields,
    ) -> Result<(), Stop> {
        if flight.state != CtState::Established || !flight.gather() {
            return Ok(());
        }
        // The kernel has it in one piece from here on.
        flight.recut |= A::VERSION == IpVersion::V4 && !flight.rest.is_empty();
        let text = text_of(flight.lead.data(), &flight.headers, tcp);
        let Some(last) = text.last() else { return Ok(()) };
        let (ends_line, length) = (*last == b'\n', text.len() as u32);
        if self.conntrack.begins_line(flow, tcp.seq) {
            let own = self.conntrack.half(flow).key.source;
            match search(flow.direction(), text, own) {
                Found::Nothing => {}
                Found::Partial => return Err(Stop::Drop(DropReason::Helper)),
                Found::Announced(announced) if announced.address != own => {}
                Found::Announced(announced) => {
                    self.announce(env, flight, flow, tcp, &announced)?;
                }
            }
        }
        if ends_line {
            self.conntrack.note_line(flow, tcp.seq.wrapping_add(length));
        }
        Ok(())
    }

    /// Expects the data connection that a command or reply of `flow` announces; where the connection is translated, writes
    /// into it how the other end sees that.
    fn announce<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        flow: FlowRef,
        tcp: TcpFields,
        announced: &Announced<A>,
    ) -> Result<(), Stop> {
        let [own, other] = self.conntrack.tuples(flow);
        let port = L4Port::new(announced.port);
        let translated = is_translated(&own, &other);
        let follow = Follow { source: own.destination, destination: own.source, port };
        let zone = self.conntrack.zones_of(flow).number();
        let mut expected = Expected {
            tuple: Tuple { protocol: TCP, destination_port: port, ..in_zone(&other, zone) },
            master: self.conntrack.original(flow),
            mark: self.conntrack.common(flow).mark,
            follow: translated.then_some(follow),
            silenced: Changes::default(),
        };
        if !translated {
            return self.conntrack.expect(flow, expected, env.now).map_err(refuse);
        }
        if !flight.rest.is_empty() && A::VERSION == IpVersion::V6 {
            // Nothing here cuts a datagram of IPv6 anew.
            return Ok(());
        }
        self.expect_at_free_port(env, flow, &mut expected)?;
        let port = expected.tuple.destination_port.get();
        let text = Written::new(announced.form, other.destination, port);
        let (headers, by) = (&mut flight.headers, usize::from(tcp.data_offset) + announced.at);
        let place = usize::from(headers.l4) + by;
        let place = place..place + announced.length;
        let Some(grown) = tcp_text::replace(&mut flight.lead, headers, place, text.as_bytes())
        else {
            self.conntrack.expect_nothing(flow);
            return Err(Stop::Drop(DropReason::Helper));
        };
        flight.keep_gathered();
        flight.length = flight.length.wrapping_add(grown);
        flight.reread();
        self.conntrack.grow(flow, tcp.seq, grown);
        Ok(())
    }

    /// The port that was announced where nobody else expects the same; otherwise another above it.
    fn expect_at_free_port(
        &mut self,
        env: &Env<'_>,
        flow: FlowRef,
        expected: &mut Expected<A>,
    ) -> Result<(), Stop> {
        let least = expected.tuple.destination_port.get();
        let range = u32::from(u16::MAX - least);
        let mut random = env.random;
        for _ in 0..=range.min(ATTEMPTS) {
            match self.conntrack.expect(flow, *expected, env.now) {
                Ok(()) if least == 0 => self.conntrack.expect_nothing(flow),
                Ok(()) => return Ok(()),
                Err(Refused::Full) => break,
                Err(Refused::Clash) if range == 0 => break,
                Err(Refused::Clash) => {
                    // Knuth's numbers of 64 bits; the upper ones are the better.
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    let above = u16::try_from((random >> 40) % u64::from(range)).unwrap_or(0);
                    expected.tuple.destination_port = L4Port::new(least.saturating_add(above));
                }
            }
        }
        Err(Stop::Drop(DropReason::Helper))
    }
}

fn refuse(_: Refused) -> Stop {
    Stop::Drop(DropReason::Helper)
}

/// Whether the packets of a connection leave otherwise than they came.
fn is_translated<A: Address>(own: &Tuple<A>, other: &Tuple<A>) -> bool {
    reply_of(other).is_some_and(|target| in_zone(&target, own.zone) != *own)
}

/// The data of a segment.
fn text_of<'d>(data: &'d [u8], headers: &Headers, tcp: TcpFields) -> &'d [u8] {
    let start = usize::from(headers.l4) + usize::from(tcp.data_offset);
    data.get(start..usize::from(headers.end)).unwrap_or_default()
}

fn is_request(data: &[u8], headers: &Headers) -> bool {
    let at = usize::from(headers.l4) + 8;
    let fits = at + 2 <= usize::from(headers.end);
    fits && u16_at(data, at).is_some_and(|operation| REQUESTS.contains(&operation))
}

/// What a TFTP request asks for: the server answers from a port of its choice.
fn transfer<A: Address>(
    original: &Tuple<A>,
    reply: &Tuple<A>,
    zones: Zones,
    mark: u32,
) -> Expected<A> {
    let follow = Follow {
        source: original.destination,
        destination: original.source,
        port: original.source_port,
    };
    Expected {
        tuple: Tuple { protocol: UDP, ..in_zone(reply, zones.number()) },
        master: *original,
        mark,
        follow: is_translated(original, reply).then_some(follow),
        silenced: Changes::default(),
    }
}
