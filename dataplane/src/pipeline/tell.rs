//! What becomes of a chosen packet, told where it happens; see [`crate::trace`]. Rules tell their own part.

use super::route::Route;
use super::{Env, Family, Lane};
use crate::address::Address;
use crate::conntrack::Direction;
use crate::drop_reason::DropReason;
use crate::flight::{Flight, Flow, Stop, Verdict};
use crate::ids::InterfaceId;
use crate::packet::Packet;
use crate::trace::{End, Facts, Seen, Step};
use crate::wire::layer4::{Layer4, Layer4Kind};
use std::net::IpAddr;

/// An address and a port, or an ICMP query's identifier.
type Endpoint = (IpAddr, u16);

impl<A: Address, P: Packet> Flight<A, P> {
    /// Both ends of the packet as it stands.
    pub(super) fn ends(&self) -> (Endpoint, Endpoint) {
        let (source, destination) = match self.layer4.kind {
            Layer4Kind::Icmp { id, .. } | Layer4Kind::Icmp6 { id, .. } => (id, id),
            Layer4Kind::Tcp(_)
            | Layer4Kind::OddTcp { .. }
            | Layer4Kind::Udp { .. }
            | Layer4Kind::Gre { .. }
            | Layer4Kind::Other
            | Layer4Kind::Truncated => (self.layer4.source_port, self.layer4.destination_port),
        };
        ((self.source.to_ip(), source.get()), (self.destination.to_ip(), destination.get()))
    }
}

/// Source and destination port of what has ports.
pub(crate) const fn ports(layer4: &Layer4) -> Option<(u16, u16)> {
    match layer4.kind {
        Layer4Kind::Tcp(_) | Layer4Kind::OddTcp { .. } | Layer4Kind::Udp { .. } => {
            Some((layer4.source_port.get(), layer4.destination_port.get()))
        }
        Layer4Kind::Other if layer4.source_port.get() != 0 => {
            Some((layer4.source_port.get(), layer4.destination_port.get()))
        }
        Layer4Kind::Icmp { .. }
        | Layer4Kind::Icmp6 { .. }
        | Layer4Kind::Gre { .. }
        | Layer4Kind::Other
        | Layer4Kind::Truncated => None,
    }
}

impl<A: Family> Lane<A> {
    /// Begins to tell of a packet that some client has chosen.
    #[inline]
    pub(super) fn begin_trace<P: Packet>(&self, env: &Env<'_>, flight: &mut Flight<A, P>) {
        if env.tracing.filters().is_some() {
            self.choose(env, flight);
        }
    }

    #[cold]
    fn choose<P: Packet>(&self, env: &Env<'_>, flight: &mut Flight<A, P>) {
        let Some(filters) = env.tracing.filters() else { return };
        let from_wire = Some(flight.ingress).filter(|id| *id != InterfaceId::HOST);
        let interface = from_wire.and_then(|id| env.snapshot.interfaces.get(id));
        let clients = filters.take(&Facts {
            version: A::VERSION,
            ingress: interface.map(|interface| interface.name.as_str()),
            protocol: flight.headers.protocol,
            source: flight.source.to_ip(),
            destination: flight.destination.to_ip(),
            ports: ports(&flight.layer4),
        });
        if clients == 0 {
            return;
        }
        flight.traced = Some(env.tracing.chosen(clients));
        let mut seen = Seen::of(flight.lead.data(), &flight.headers, flight.length);
        (seen.ingress, seen.egress, seen.mark) = (flight.ingress, flight.egress, flight.mark);
        seen.ports = flight.ports;
        self.tell(env, flight, Step::Packet(seen));
        if from_wire.is_some() && !env.tracing.is_dry() {
            let cached = self.has_cached_verdict(env, flight);
            self.tell(env, flight, Step::Cached(cached));
        }
    }

    /// Whether a verdict is kept that holds for the packet's direction of its connection.
    fn has_cached_verdict<P: Packet>(&self, env: &Env<'_>, flight: &Flight<A, P>) -> bool {
        let (source, destination) = (flight.source, flight.destination);
        self.conntrack
            .tuple_of(source, destination, flight.headers.protocol, &flight.layer4)
            .and_then(|tuple| self.conntrack.lookup(self.conntrack.hash(&tuple), &tuple))
            .is_some_and(|flow| self.holds(env, flow))
    }

    fn tell<P: Packet>(&self, env: &Env<'_>, flight: &Flight<A, P>, step: Step) {
        if let Some(traced) = flight.traced {
            env.tracing.tell(traced, A::VERSION, env.clock.unix(env.now), step);
        }
    }

    #[cold]
    pub(super) fn tell_connection<P: Packet>(&self, env: &Env<'_>, flight: &Flight<A, P>) {
        let direction = match &flight.flow {
            Flow::None => None,
            Flow::New(_) => Some(Direction::Original),
            Flow::Unborn(_) => Some(Direction::Reply),
            Flow::Known(flow) | Flow::Error(flow) => Some(flow.direction()),
        };
        self.tell(env, flight, Step::Connection { state: flight.state, direction });
    }

    /// What has changed of the packet's ends since `before`.
    pub(super) fn tell_translation<P: Packet>(
        &self,
        env: &Env<'_>,
        flight: &Flight<A, P>,
        before: Option<(Endpoint, Endpoint)>,
    ) {
        let Some((source, destination)) = before else { return };
        let (new_source, new_destination) = flight.ends();
        if source != new_source {
            self.tell(env, flight, Step::Source { from: source, to: new_source });
        }
        if destination.0 != new_destination.0
            || ports(&flight.layer4).is_some() && destination != new_destination
        {
            self.tell(env, flight, Step::Destination { from: destination, to: new_destination });
        }
    }

    #[cold]
    pub(super) fn tell_route<P: Packet>(&self, env: &Env<'_>, flight: &Flight<A, P>, route: Route) {
        let step = match route {
            Route::Local => Step::Local,
            Route::Forward(out) => Step::Forward { egress: out.egress, next_hop: out.next_hop },
        };
        self.tell(env, flight, step);
    }

    #[cold]
    pub(super) fn tell_end<P: Packet>(
        &self,
        env: &Env<'_>,
        flight: &Flight<A, P>,
        verdict: &Result<Verdict, Stop>,
    ) {
        let end = match *verdict {
            Ok(Verdict::Send { egress, next_hop, neighbour }) => {
                End::Sent { egress, next_hop, known: neighbour.is_some() }
            }
            Ok(Verdict::Bridge { port }) => End::Bridged { port },
            Ok(Verdict::Host) => End::Delivered,
            Ok(Verdict::Echo) => End::Answered,
            // What becomes of its datagram is told of the fragment that completes it.
            Ok(Verdict::Reassemble) => return,
            Err(Stop::Drop(reason)) => End::Dropped(reason),
            Err(Stop::Refuse(reason, error)) => End::Refused(reason, error),
            Err(Stop::Reset) => End::Reset,
            Err(Stop::Proxy(_)) => End::Dropped(DropReason::SynProxy),
            Err(Stop::HandOff(worker)) => End::HandedOver(worker),
        };
        self.tell(env, flight, Step::End(end));
    }
}
