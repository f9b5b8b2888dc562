//! The connection-tracking stage (kernel `nf_conntrack_in`), and its end: confirming a connection and
//! remembering the verdict of its packets.

use super::joined::Joined;
use super::route::Out;
use super::{Env, Family, Lane};
use crate::address::IpVersion;
use crate::adjacency::Adjacency;
use crate::conntrack::{Begin, CtState, Direction, FlowRef, Update, in_zone, reply_of, tuple_of};
use crate::drop_reason::DropReason;
use crate::flight::{Flight, Flow, Stop, Tie, Verdict};
use crate::ids::{InterfaceId, NeighbourId};
use crate::interface::is_link_local;
use crate::packet::{Checksum, Packet};
use crate::rules::Rules;
use crate::snapshot::NextHop;
use crate::wire::checksum::L4ChecksumState;
use crate::wire::echo::is_echo_request;
use crate::wire::hop_by_hop;
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
        let tuple = tuple_of(source, destination, flight.headers.protocol, &flight.layer4);
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
        flight.tuple = tuple_of(source, destination, flight.headers.protocol, &flight.layer4);
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
        flight.tuple =
            tuple_of(flight.source, flight.destination, flight.headers.protocol, &flight.layer4);
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
                        if let Some(template) = flight.template.filter(|template| template.helped) {
                            new.set_helped(template.silenced_expectations);
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
        let Some(tuple) = tuple_of(source, destination, inner.protocol, inner_l4) else {
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

    /// The packet reaches the host: its connection is confirmed.
    pub(super) fn deliver<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
    ) -> Result<Verdict, Stop> {
        self.confirm(env, flight)?;
        // The host's stack reassembles and answers what comes in fragments, and knows what to think of authentication.
        let echo = flight.rest.is_empty()
            && flight.headers.fragment.is_none()
            && !flight.headers.authenticated
            && !env.snapshot.ip.ignore_echo
            && is_echo_request(&flight.layer4)
            && env.snapshot.interfaces.answers_for(flight.destination.to_ip());
        if echo {
            if A::VERSION == IpVersion::V6 {
                hop_by_hop::check_destination(flight.lead.data(), &flight.headers)?;
            }
            return Ok(Verdict::Echo);
        }
        let local = |hop| matches!(hop, NextHop::Local(_) | NextHop::Broadcast(_));
        self.remember(env, flight, InterfaceId::HOST, NeighbourId(0), local);
        Ok(Verdict::Host)
    }

    /// The packet leaves: its connection is confirmed.
    pub(super) fn send<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        out: Out,
    ) -> Result<Verdict, Stop> {
        let original = Self::begun_by(flight);
        self.confirm(env, flight)?;
        let neighbour = env.neighbours.find(out.egress, out.next_hop);
        if let Some(neighbour) = neighbour {
            if let Some(original) = original {
                self.learn_class(env, flight, &original, out, neighbour);
            }
            self.remember(env, flight, out.egress, neighbour, |hop| out.is_by(hop));
            self.remember_route(env, flight, out.egress, neighbour);
        }
        Ok(Verdict::Send { egress: out.egress, next_hop: out.next_hop, neighbour })
    }

    pub(super) fn confirm<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
    ) -> Result<(), Stop> {
        if let Flow::Known(flow) = flight.flow
            && self.conntrack.is_adjusted(flow)
        {
            self.help(env, flight, flow)?;
        } else if let Flow::New(new) = &flight.flow
            && new.helper().is_some()
        {
            self.help_first(env, flight)?;
        }
        if matches!(flight.flow, Flow::New(_))
            && let Flow::New(new) = std::mem::replace(&mut flight.flow, Flow::None)
        {
            let flow = self.conntrack.confirm(new, env.now).map_err(Stop::Drop)?;
            flight.flow = Flow::Known(flow);
        }
        match flight.flow {
            Flow::Known(flow) if self.conntrack.is_adjusted(flow) => self.adjust(env, flight, flow),
            Flow::None | Flow::New(_) | Flow::Unborn(_) | Flow::Known(_) | Flow::Error(_) => Ok(()),
        }
    }

    /// Keeps the verdict for the next packet of this direction, where it is sure to be the same.
    fn remember<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &Flight<A, P>,
        egress: InterfaceId,
        neighbour: NeighbourId,
        leads: impl Fn(NextHop) -> bool,
    ) {
        let Flow::Known(flow) = flight.flow else { return };
        // Rules see another state of the gateway's own answers than of the connection's packets.
        let own = match flight.tie {
            Tie::None | Tie::Host | Tie::Untracked | Tie::Proxied => true,
            Tie::Related(_) | Tie::Reply | Tie::Of(_) => false,
        };
        let may_keep = self.conntrack.may_keep_verdicts(flow);
        if !flight.cacheable || !flight.rest.is_empty() || !own || !may_keep {
            return;
        }
        let counters = A::rules(env.snapshot).counters(env.worker);
        let Some(path) = counters.and_then(|counters| counters.intern(&self.trail)) else {
            return;
        };
        // Routes may have changed since this packet was routed; and of what the host sends, two may count.
        let next_hop = self.fib.lookup(flight.destination).filter(|id| {
            flight.ingress != InterfaceId::HOST && env.snapshot.next_hop(*id).is_some_and(leads)
        });
        let life = env.neighbours.lives(neighbour);
        let ingress = Some(flight.ingress);
        self.keep(env, flow, Adjacency { ingress, egress, neighbour, life, next_hop, path });
    }

    /// Keeps where a router without connection tracking sends packets for this next hop, or for this
    /// neighbour where each address of the next hop has its own.
    fn remember_route<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &Flight<A, P>,
        egress: InterfaceId,
        neighbour: NeighbourId,
    ) {
        let rules = A::rules(env.snapshot);
        let Some(transit) = rules.transit().filter(|_| !rules.needs_conntrack()) else { return };
        // Which link such an address is on depends on where a packet comes from.
        if is_link_local(flight.destination.to_ip()) {
            return;
        }
        let Some(id) = self.fib.lookup(flight.destination) else { return };
        let counters = rules.counters(env.worker);
        let Some(path) = counters.and_then(|counters| counters.intern(transit)) else { return };
        let life = env.neighbours.lives(neighbour);
        let next_hop = Some(id);
        let adjacency = Adjacency { ingress: None, egress, neighbour, life, next_hop, path };
        match env.snapshot.next_hop(id) {
            Some(NextHop::Gateway { .. }) => self.adjacencies.note_next_hop(id, adjacency),
            Some(NextHop::Connected(_)) => self.adjacencies.note_neighbour(adjacency),
            Some(
                NextHop::Local(_)
                | NextHop::Broadcast(_)
                | NextHop::Blackhole
                | NextHop::Unreachable
                | NextHop::Prohibit
                | NextHop::Throw,
            )
            | None => {}
        }
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
