//! The connection-tracking stage (kernel `nf_conntrack_in`).

use super::joined::Joined;
use super::{Env, Family, Lane};
use crate::address::IpVersion;
use crate::conntrack::{Begin, CtState, Direction, FlowRef, Update, in_zone, reply_of, tuple_of};
use crate::drop_reason::DropReason;
use crate::flight::{Flight, Flow, Stop, Tie};
use crate::packet::{Checksum, Packet};
use crate::rules::Rules;
use crate::wire::checksum::L4ChecksumState;
use crate::wire::icmp_error::quoted;

impl<A: Family> Lane<A> {
    /// Hands over a packet of another worker's connection before any rule counts it: its owner may take
    /// the cached verdict, which counts all of them. Where there are zones, the raw table has to say first which
    /// connection it is.
    pub(super) fn check_owner<P: Packet>(
        &self,
        env: &Env<'_>,
        flight: &Flight<A, P>,
    ) -> Result<(), Stop> {
        let rules = A::rules(env.snapshot);
        if !rules.needs_conntrack() || rules.have_zones() {
            return Ok(());
        }
        let (source, destination) = (flight.source, flight.destination);
        let tuple =
            self.conntrack.tuple_of(source, destination, flight.headers.protocol, &flight.layer4);
        match tuple.and_then(|tuple| self.conntrack.owner(&tuple)) {
            Some(owner) => Err(Stop::HandOff(owner)),
            None => Ok(()),
        }
    }

    /// An answer of the gateway's own belongs to the connection it answers, which may be nobody's yet, or another
    /// worker's where the packet had been readdressed.
    pub(super) fn track_answer<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
    ) -> Result<(), Stop> {
        // What it says is no reason to remember how the connection's own packets go.
        flight.cacheable = false;
        let (source, destination) = (flight.source, flight.destination);
        flight.tuple =
            self.conntrack.tuple_of(source, destination, flight.headers.protocol, &flight.layer4);
        match flight.flow {
            Flow::Unborn(_) => {}
            Flow::Known(flow) if quoted(flight.lead.data(), &flight.headers).is_some() => {
                flight.flow = Flow::Error(flow);
            }
            Flow::Known(flow) => {
                self.conntrack.close(flow, env.now, &env.snapshot.conntrack);
                self.note_state(env, flow);
            }
            Flow::None | Flow::New(_) | Flow::Error(_) => match self.find_connection(env, flight) {
                Ok(()) | Err(Stop::HandOff(_)) => {}
                Err(stop @ (Stop::Drop(_) | Stop::Refuse(..) | Stop::Reset | Stop::Proxy(_))) => {
                    return Err(stop);
                }
            },
        }
        flight.state = match flight.tie {
            Tie::Reply => CtState::Established,
            Tie::None
            | Tie::Host
            | Tie::Related(_)
            | Tie::Untracked
            | Tie::Proxied
            | Tie::Of(_) => CtState::Related,
        };
        if flight.traced.is_some() {
            self.tell_connection(env, flight);
        }
        Ok(())
    }

    /// An ICMP error of the host's stack is of its connection before rules see it (kernel `nf_ct_attach`). Not that of a
    /// closed port: UDP has let go of the connection by then (`nf_reset_ct`). The owner of the connection judges either.
    pub(super) fn attach<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
    ) -> Result<(), Stop> {
        if flight.tie != Tie::Host || quoted(flight.lead.data(), &flight.headers).is_none() {
            return Ok(());
        }
        self.find_connection(env, flight)?;
        let closed = match A::VERSION {
            IpVersion::V4 => [3, 3],
            IpVersion::V6 => [1, 4],
        };
        if flight.headers.payload(flight.lead.data()).starts_with(&closed) {
            (flight.flow, flight.state) = (Flow::None, CtState::Invalid);
        }
        Ok(())
    }

    /// A packet that the gateway says in the name of an end of a connection.
    pub(super) fn track_as<P: Packet>(flight: &mut Flight<A, P>, flow: FlowRef) {
        flight.tuple =
            tuple_of(flight.source, flight.destination, flight.headers.protocol, &flight.layer4);
        flight.state = CtState::Established;
        flight.flow = Flow::Known(flow);
    }

    /// Finds the packet's connection, or begins one. What [`Self::attach`] has found stays.
    pub(super) fn track<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
    ) -> Result<(), Stop> {
        self.conntrack.hold_news(env.now);
        if !matches!(flight.flow, Flow::Error(_)) {
            self.find_connection(env, flight)?;
        }
        if flight.traced.is_some() {
            self.tell_connection(env, flight);
        }
        Ok(())
    }

    fn find_connection<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
    ) -> Result<(), Stop> {
        flight.tuple = self.conntrack.tuple_of(
            flight.source,
            flight.destination,
            flight.headers.protocol,
            &flight.layer4,
        );
        if let Some(state) = flight.supposed {
            flight.state = state;
            return Ok(());
        }
        if !A::rules(env.snapshot).needs_conntrack() || flight.notrack {
            return Ok(());
        }
        flight.state = CtState::Invalid;
        flight.zones = match (flight.tie, flight.template) {
            (Tie::Related(zones), _) => zones,
            (
                Tie::None | Tie::Host | Tie::Untracked | Tie::Reply | Tie::Proxied | Tie::Of(_),
                template,
            ) => template.map(|template| template.zones(flight.mark)).unwrap_or_default(),
        };
        let whole = match env.snapshot.conntrack.checksum {
            true => {
                // The kernel brings a header of TCP or SCTP into one piece to look at its checksum.
                flight.recut |= flight.is_header_in_pieces();
                checksum_holds(flight)
            }
            false => flight.lengths_hold(),
        };
        if !whole {
            return Ok(());
        }
        if let Some((inner, inner_l4)) = quoted(flight.lead.data(), &flight.headers) {
            return self.track_error(env, flight, &inner, &inner_l4);
        }
        let Some(tuple) = flight.tuple else {
            if crate::conntrack::is_untracked_protocol(flight.headers.protocol, &flight.layer4) {
                flight.state = CtState::Untracked;
            }
            return Ok(());
        };
        let joined = self.join(flight);
        let found = self.track_tuple(env, flight, tuple, joined.as_ref());
        self.take_back(joined);
        found
    }

    fn track_tuple<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        tuple: crate::tuple::Tuple<A>,
        joined: Option<&Joined>,
    ) -> Result<(), Stop> {
        let settings = &env.snapshot.conntrack;
        let zones = flight.zones;
        let tuple = in_zone(&tuple, zones.original);
        let known = self.conntrack.lookup_in(zones, &tuple);
        if known.is_none()
            && A::rules(env.snapshot).have_zones()
            && let Some(owner) = self.conntrack.owner_in(zones, &tuple)
        {
            return Err(Stop::HandOff(owner));
        }
        if let Some(flow) = known {
            let (data, headers) = Joined::or_lead(joined, flight);
            let bytes = match flight.tie {
                Tie::None | Tie::Host | Tie::Untracked | Tie::Proxied => Some(flight.length),
                Tie::Related(_) | Tie::Reply | Tie::Of(_) => None,
            };
            match self.conntrack.update(
                flow,
                &flight.layer4,
                data,
                headers,
                bytes,
                env.now,
                settings,
            ) {
                Update::Accept(state) => {
                    flight.state = state;
                    flight.flow = Flow::Known(flow);
                    self.note_state(env, flow);
                    return Ok(());
                }
                Update::Invalid => return Ok(()),
                // Outside this table nobody is told.
                Update::Reopen if env.tracing.is_dry() => self.conntrack.remove(flow, |_| ()),
                Update::Reopen => self.remove(A::rules(env.snapshot), flow),
            }
        }
        let (data, headers) = Joined::or_lead(joined, flight);
        match self.conntrack.begin(tuple, &flight.layer4, data, headers, env.now, settings) {
            Begin::New(mut new) => {
                new.open_account(flight.length, settings);
                new.reply.zone = zones.reply;
                if let Some(template) = &flight.template {
                    new.silence(template.silenced);
                    if !template.policy.is_none() {
                        let policy = template.policy;
                        new.follow(policy, &flight.layer4, data, headers, settings);
                    }
                }
                self.classes.begin();
                if flight.tie == Tie::Proxied {
                    new.set_proxied();
                }
                flight.state = CtState::New;
                let met = match self.conntrack.met(&tuple, zones, env.now) {
                    Some(expected) => {
                        flight.state = CtState::Related;
                        self.meet(env, &mut new, &expected)
                    }
                    None => {
                        if let Some(template) = &flight.template
                            && let Some(helper) = template.helper
                        {
                            new.set_helped(helper, template.silenced_expectations);
                        }
                        Ok(())
                    }
                };
                flight.flow = Flow::New(new);
                met
            }
            Begin::Invalid => Ok(()),
            Begin::Owned(owner) => Err(Stop::HandOff(owner)),
            Begin::Full => Err(Stop::Drop(DropReason::ConntrackFull)),
        }
    }

    /// An ICMP error belongs to the connection of the packet it quotes.
    fn track_error<P: Packet>(
        &mut self,
        _env: &Env<'_>,
        flight: &mut Flight<A, P>,
        inner: &crate::wire::parse::Headers,
        inner_l4: &crate::wire::layer4::Layer4,
    ) -> Result<(), Stop> {
        let data = flight.lead.data();
        let (source, destination) = (inner.source::<A>(data), inner.destination::<A>(data));
        let Some(tuple) = self.conntrack.tuple_of(source, destination, inner.protocol, inner_l4)
        else {
            return Ok(());
        };
        // The error is addressed to whoever sent the quoted packet.
        if source != flight.destination {
            return Ok(());
        }
        let zones = flight.zones;
        if let Some(flow) = self.conntrack.related(zones, &tuple) {
            flight.state = CtState::Related;
            flight.flow = Flow::Error(flow);
        } else if let Some(owner) =
            reply_of(&tuple).and_then(|reply| self.conntrack.owner_in(zones, &reply))
        {
            return Err(Stop::HandOff(owner));
        }
        Ok(())
    }

    /// Takes a connection out of the table, with what NAT had reserved for it.
    pub(crate) fn remove(&mut self, rules: &Rules<A>, flow: FlowRef) {
        let mappings = std::sync::Arc::clone(&self.mappings);
        self.conntrack.remove(flow, |gone| super::translate::forget(rules, &mappings, gone));
    }

    /// A connection that has closed no longer counts for connlimit.
    pub(super) fn note_state(&self, env: &Env<'_>, flow: FlowRef) {
        let rules = A::rules(env.snapshot);
        if rules.counts_connections() && self.conntrack.is_closed(flow) && !env.tracing.is_dry() {
            let original = match flow.direction() {
                Direction::Original => flow,
                Direction::Reply => flow.peer(),
            };
            rules.forget_connection(&self.conntrack.half(original).key);
        }
    }
}

/// Whether the layer-4 checksum is right, or nobody can tell.
pub(super) fn checksum_holds<A: Family, P: Packet>(flight: &Flight<A, P>) -> bool {
    if flight.rest.is_empty() {
        match flight.lead.l4_checksum() {
            Checksum::Good => return true,
            Checksum::Bad => return false,
            Checksum::Unknown => {}
        }
    }
    match flight.checksum() {
        L4ChecksumState::Good | L4ChecksumState::Absent => true,
        L4ChecksumState::Bad | L4ChecksumState::Partial => false,
    }
}
