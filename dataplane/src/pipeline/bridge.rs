//! What a bridge switches between its ports, past the tables (kernel `br_netfilter_hooks.c`).
//!
//! ```text
//!   port ─> PREROUTING, learn ─┬─ destination as it came ─────────────────────> to its MAC ─┐
//!                              └─ changed ─> route ─┬─ to a neighbour on the bridge ────────┤
//!                                                   └─ elsewhere ─> up, to be routed        │
//!   port <─ POSTROUTING <─ FORWARD, once for each port <────────────────────────────────────┘
//! ```

use super::route::{Out, Route};
use super::{Env, Family, Lane};
use crate::address::Mac;
use crate::drop_reason::DropReason;
use crate::flight::{Flight, Flow, Stop, Verdict};
use crate::ids::InterfaceId;
use crate::neighbour::Link;
use crate::packet::Packet;
use crate::rules::{Hook, Table};
use crate::wire::put;

/// Where a datagram goes when PREROUTING is through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Course {
    /// To whoever has this MAC.
    To(Mac),
    /// To a neighbour on the bridge whose MAC is not known.
    Unresolved(Out),
    /// Handed up.
    Up(Route),
}

impl<A: Family> Lane<A> {
    /// Learns where the sender of a frame from a port of a bridge is.
    #[inline]
    pub(super) fn learn<P: Packet>(&self, env: &Env<'_>, flight: &Flight<A, P>) {
        if let Some(port) = flight.ports.ingress
            && !env.tracing.is_dry()
        {
            env.snapshot.interfaces.learn(port, flight.macs().1, env.now);
        }
    }

    /// PREROUTING of a datagram that may be switched.
    pub(crate) fn enter_bridge<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
    ) -> Result<Course, Stop> {
        let course = self.find_course(env, flight);
        course.map_err(|stop| self.end(env, flight, stop))
    }

    fn find_course<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
    ) -> Result<Course, Stop> {
        let before = flight.destination;
        self.enter(env, flight)?;
        if flight.destination == before {
            return Ok(Course::To(flight.macs().0));
        }
        let route = match self.route(env, flight) {
            // To another host on the bridge it needs no forwarding.
            Err(Stop::Drop(DropReason::NotForwarding)) => self.route_along(env, flight)?,
            other => other?,
        };
        let out = match route {
            Route::Forward(out) if out.egress == flight.ingress => out,
            Route::Local | Route::Forward(_) => {
                let own = env.snapshot.interfaces.get(flight.ingress).map(|bridge| bridge.mac);
                readdress(flight, own.unwrap_or_default());
                return Ok(Course::Up(route));
            }
        };
        let neighbour = env.neighbours.find(out.egress, out.next_hop);
        match neighbour.map(|id| env.neighbours.link(id)) {
            Some(Link::Resolved(mac)) => {
                readdress(flight, mac);
                Ok(Course::To(mac))
            }
            Some(Link::Unresolved | Link::Failed) | None => Ok(Course::Unresolved(out)),
        }
    }

    /// The way to a host on the bridge the datagram came in by.
    fn route_along<P: Packet>(&self, env: &Env<'_>, flight: &Flight<A, P>) -> Result<Route, Stop> {
        let out = self.way_beyond(env, flight.destination);
        out.filter(|out| out.egress == flight.ingress)
            .map(Route::Forward)
            .ok_or(Stop::Drop(DropReason::NotForwarding))
    }

    /// FORWARD and POSTROUTING of a datagram that leaves by `port` of the bridge it came in by. `last`: no other copy of
    /// it is to follow.
    pub(crate) fn leave_bridge<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        port: InterfaceId,
        last: bool,
    ) -> Result<Verdict, Stop> {
        flight.egress = Some(flight.ingress);
        flight.ports.egress = Some(port);
        let verdict = self.pass_bridge(env, flight).map(|()| Verdict::Bridge { port });
        if last {
            return self.finish(env, flight, verdict);
        }
        if flight.traced.is_some() {
            self.tell_end(env, flight, &verdict);
        }
        verdict
    }

    fn pass_bridge<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
    ) -> Result<(), Stop> {
        self.table(env, flight, Table::Mangle, Hook::Forward)?;
        self.table(env, flight, Table::Filter, Hook::Forward)?;
        self.table(env, flight, Table::Security, Hook::Forward)?;
        self.table(env, flight, Table::Mangle, Hook::Postrouting)?;
        let out = Out { egress: flight.ingress, next_hop: flight.destination.to_ip() };
        self.translate_source(env, flight, Hook::Postrouting, Some(out))?;
        self.confirm(env, flight)
    }

    /// Hands a datagram up that has passed PREROUTING.
    pub(crate) fn hand_up<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        route: Option<Route>,
    ) -> Result<Verdict, Stop> {
        (flight.egress, flight.ports.egress) = (None, None);
        let verdict = match route {
            Some(route) => self.go_on(env, flight, route),
            None => self.route(env, flight).and_then(|route| self.go_on(env, flight, route)),
        };
        self.finish(env, flight, verdict)
    }

    /// A reset is about to answer this datagram past all rules: its connection closes. False where the sender is not to
    /// be reached.
    pub(crate) fn closes_for<P: Packet>(&mut self, env: &Env<'_>, flight: &Flight<A, P>) -> bool {
        if self.next_hop(env, flight.source).is_none() {
            return false;
        }
        if let Flow::Known(flow) = flight.flow {
            self.conntrack.close(flow, env.now, &env.snapshot.conntrack);
            self.note_state(env, flow);
        }
        true
    }

    /// It goes nowhere: a connection that it would have begun does not come to be.
    pub(crate) fn end<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        stop: Stop,
    ) -> Stop {
        match self.finish(env, flight, Err(stop)) {
            Err(stop) => stop,
            Ok(_) => stop,
        }
    }
}

/// Writes another destination to all frames of a datagram.
fn readdress<A: Family, P: Packet>(flight: &mut Flight<A, P>, to: Mac) {
    for (packet, _) in flight.frames_mut() {
        put(packet.data_mut(), 0, &to.0);
    }
}
