//! The path of a packet, one stage a line.
//!
//! ```text
//!                        ┌─ Local ──> INPUT ──────────────────────────> host
//!  wire ─> PREROUTING ─> route
//!                        └─ Forward ─> FORWARD ─┐
//!                                               ├─> POSTROUTING ─> neighbour ─> wire
//!  host ─> route ─> OUTPUT ─> route again ──────┘
//! ```
//!
//! What a bridge switches goes from PREROUTING to FORWARD without being routed ([`bridge`]).
//!
//! Packets whose verdict is known take another way: plain ones the [fast path](fast), in bursts; other
//! packets of connections with a [cached](crate::cache) verdict [`Lane::established`], one by one.

mod bridge;
mod copy;
mod create;
mod epochs;
mod established;
mod fast;
mod first;
mod help;
mod hooks;
mod joined;
mod kin;
mod leave;
mod own_address;
mod proxy;
mod quote;
mod redirect;
mod route;
mod tell;
mod track;
mod translate;
mod untranslatable;

use crate::address::{Address, V4, V6};
use crate::adjacency::Adjacencies;
use crate::conntrack::Conntrack;
use crate::drop_reason::DropReason;
use crate::fib::Fib;
use crate::flight::{Flight, Flow, Stop, Tie, Verdict};
use crate::ids::WorkerId;
use crate::interface::{Interface, Interfaces};
use crate::nat::SourceMappings;
use crate::neighbour::NeighbourTable;
use crate::packet::Packet;
use crate::rules::report::Reports;
use crate::rules::{Hook, Rules, Surroundings, Table, Trail};
use crate::snapshot::Snapshot;
use crate::sockets::Sockets;
use crate::synproxy::SynCookies;
use crate::time::{Instant, WallClock};
use crate::trace::Tracing;
pub(crate) use bridge::Course;
use epochs::Epochs;
use fast::Ways;
pub(crate) use fast::{
    Arrival, BURST, Exit, Exits, Passed, Plain, Run, Slots, Vector, is_v6, prefetch,
};
pub(crate) use route::Route;
use route::{OwnRoute, check_v6_addresses};
use std::sync::Arc;
pub(crate) use tell::ports;
pub(crate) use translate::forget;

/// What differs between IPv4 and IPv6 in the pipeline.
pub trait Family: Address {
    /// This family's rules.
    fn rules(snapshot: &Snapshot) -> &Rules<Self>;
    /// Whether packets are forwarded.
    fn forwards(snapshot: &Snapshot) -> bool;
    /// An interface's addresses with their prefix lengths, primary first.
    fn addresses(interface: &Interface) -> &[(Self, u8)];
    /// Whether an address is the gateway's own, as no source from the wire may be. The kernel refuses only IPv4's.
    fn is_refused_source(interfaces: &Interfaces, address: Self) -> bool;
}

impl Family for V4 {
    fn rules(snapshot: &Snapshot) -> &Rules<Self> {
        &snapshot.rules4
    }
    fn forwards(snapshot: &Snapshot) -> bool {
        snapshot.ip.forward4
    }
    fn addresses(interface: &Interface) -> &[(Self, u8)] {
        &interface.v4
    }
    #[inline]
    fn is_refused_source(interfaces: &Interfaces, address: Self) -> bool {
        interfaces.owns_seldom(address)
    }
}

impl Family for V6 {
    fn rules(snapshot: &Snapshot) -> &Rules<Self> {
        &snapshot.rules6
    }
    fn forwards(snapshot: &Snapshot) -> bool {
        snapshot.ip.forward6
    }
    fn addresses(interface: &Interface) -> &[(Self, u8)] {
        &interface.v6
    }
    fn is_refused_source(_: &Interfaces, _: Self) -> bool {
        false
    }
}

/// What one burst is judged with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Env<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) neighbours: &'a NeighbourTable,
    pub(crate) worker: WorkerId,
    pub(crate) now: Instant,
    pub(crate) clock: &'a WallClock,
    pub(crate) reports: &'a Reports,
    pub(crate) cookies: &'a SynCookies,
    pub(crate) sockets: &'a Sockets,
    /// One random number per packet.
    pub(crate) random: u64,
    /// Where it is told what becomes of packets.
    pub(crate) tracing: &'a Tracing,
}

impl<'a> Env<'a> {
    /// What rules may ask for at a hook.
    fn around<A: Family>(&self, hook: Hook, fib: &'a Fib<A>) -> Surroundings<'a, A> {
        Surroundings {
            reassembled: A::rules(self.snapshot).reassembles(),
            now: self.now,
            unix: self.clock.unix(self.now),
            zone: self.clock.zone(),
            random: self.random,
            worker: self.worker,
            reports: Some(self.reports),
            sockets: Some(self.sockets),
            tracing: Some(self.tracing),
            ..Surroundings::of(hook, self.snapshot, fib)
        }
    }
}

/// One family's state in one worker.
#[derive(Debug)]
pub struct Lane<A: Address> {
    /// The connections this worker owns.
    pub conntrack: Conntrack<A>,
    /// Routes, shared by all workers.
    pub fib: Arc<Fib<A>>,
    /// External addresses and ports of sources, shared by all workers.
    pub mappings: Arc<SourceMappings<A>>,
    /// How long cached verdicts hold.
    pub(crate) epochs: Epochs,
    /// The ways packets have been found to go.
    pub(crate) adjacencies: Adjacencies,
    /// What they mean at this moment.
    ways: Ways,
    /// The rules that the packet at hand has met, as long as its verdict may be remembered.
    trail: Trail,
    /// What is known of first packets.
    classes: first::Classes<A>,
    /// What is known of connections that were judged anew.
    kin: kin::Kin<A>,
    /// Where a packet in fragments is put together.
    room: joined::Room,
    /// The packet at hand as it was when its sender was found to know no better.
    pub(crate) quote: quote::Quote,
}

impl<A: Address> Lane<A> {
    /// A worker's own `conntrack`, and what it shares with the others.
    #[must_use]
    pub fn new(
        conntrack: Conntrack<A>,
        fib: Arc<Fib<A>>,
        mappings: Arc<SourceMappings<A>>,
    ) -> Self {
        Self {
            conntrack,
            fib,
            mappings,
            epochs: Epochs::new(),
            adjacencies: Adjacencies::new(),
            ways: Ways::new(),
            trail: Trail::new(),
            classes: first::Classes::new(),
            kin: kin::Kin::new(),
            room: joined::Room::default(),
            quote: quote::Quote::default(),
        }
    }
}

impl<A: Family> Lane<A> {
    /// A packet from the wire.
    pub(crate) fn receive<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
    ) -> Result<Verdict, Stop> {
        let verdict = self.enter_from_wire(env, flight);
        self.finish(env, flight, verdict)
    }

    /// A packet from the host, or one the gateway made itself.
    pub(crate) fn originate<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
    ) -> Result<Verdict, Stop> {
        let verdict = self.enter_from_host(env, flight);
        self.finish(env, flight, verdict)
    }

    fn enter_from_wire<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
    ) -> Result<Verdict, Stop> {
        check_v6_addresses(flight.source.to_ip(), flight.destination.to_ip())?;
        self.enter(env, flight)?;
        let route = self.route(env, flight)?;
        self.go_on(env, flight, route)
    }

    /// PREROUTING.
    fn enter<P: Packet>(&mut self, env: &Env<'_>, flight: &mut Flight<A, P>) -> Result<(), Stop> {
        self.check_owner(env, flight)?;
        self.begin_trace(env, flight);
        self.trail.clear();
        self.table(env, flight, Table::Raw, Hook::Prerouting)?;
        self.track(env, flight)?;
        self.table(env, flight, Table::Mangle, Hook::Prerouting)?;
        self.translate_destination(env, flight, Hook::Prerouting)?;
        self.learn(env, flight);
        Ok(())
    }

    /// The way on from where PREROUTING ends.
    fn go_on<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        route: Route,
    ) -> Result<Verdict, Stop> {
        match route {
            Route::Local if Self::awaits_fragments(env, flight) => Ok(Verdict::Reassemble),
            Route::Local => {
                self.table(env, flight, Table::Mangle, Hook::Input)?;
                self.table(env, flight, Table::Filter, Hook::Input)?;
                let chosen = self.translate_source(env, flight, Hook::Input, None);
                // Priority 150 where iptables-nft makes its chains, behind nat's 100. What nat found no free tuple for
                // comes so far, and is dropped when its connection would be confirmed.
                if let Ok(())
                | Err(Stop::Drop(DropReason::NatExhausted | DropReason::ConntrackClash)) = chosen
                {
                    self.table(env, flight, Table::Security, Hook::Input)?;
                }
                chosen?;
                self.deliver(env, flight)
            }
            Route::Forward(out) => {
                self.check_forward(env, flight, out)?;
                self.table(env, flight, Table::Mangle, Hook::Forward)?;
                self.table(env, flight, Table::Filter, Hook::Forward)?;
                self.table(env, flight, Table::Security, Hook::Forward)?;
                self.table(env, flight, Table::Mangle, Hook::Postrouting)?;
                self.translate_source(env, flight, Hook::Postrouting, Some(out))?;
                self.send(env, flight, out)
            }
        }
    }

    /// Whether a fragment for the host has yet to be put to the others, which PREROUTING has seen one by one (kernel
    /// `ip_local_deliver`; in IPv6 INPUT sees them so, too). One that only might be is judged alone.
    fn awaits_fragments<P: Packet>(env: &Env<'_>, flight: &Flight<A, P>) -> bool {
        flight.headers.fragment.is_some()
            && flight.rest.is_empty()
            && A::rules(env.snapshot).reassembles_for_input()
            && !env.tracing.is_dry()
    }

    fn enter_from_host<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
    ) -> Result<Verdict, Stop> {
        let before = flight.destination;
        self.begin_trace(env, flight);
        self.trail.clear();
        let mut course = self.route_output(env, flight)?;
        match flight.tie {
            Tie::None | Tie::Host | Tie::Untracked | Tie::Proxied => {
                self.check_owner(env, flight)?;
                self.attach(env, flight)?;
                self.table(env, flight, Table::Raw, Hook::Output)?;
                self.track(env, flight)?;
            }
            Tie::Related(_) | Tie::Reply => {
                self.track_answer(env, flight)?;
                self.table(env, flight, Table::Raw, Hook::Output)?;
            }
            Tie::Of(flow) => {
                self.table(env, flight, Table::Raw, Hook::Output)?;
                Self::track_as(flight, flow);
            }
        }
        self.table(env, flight, Table::Mangle, Hook::Output)?;
        self.translate_destination(env, flight, Hook::Output)?;
        // All of OUTPUT sees the interface of the first way; a translation's shows in POSTROUTING.
        let seen = flight.egress;
        if flight.destination != before {
            course = self.route_output(env, flight)?;
        }
        let egress = std::mem::replace(&mut flight.egress, seen);
        self.table(env, flight, Table::Filter, Hook::Output)?;
        self.table(env, flight, Table::Security, Hook::Output)?;
        flight.egress = egress;
        self.table(env, flight, Table::Mangle, Hook::Postrouting)?;
        self.translate_source(env, flight, Hook::Postrouting, course.out())?;
        match course {
            OwnRoute::Out(out) => self.send(env, flight, out),
            OwnRoute::Back(ingress) => {
                // The packets that follow meet INPUT.
                flight.cacheable = false;
                flight.ingress = ingress;
                self.deliver(env, flight)
            }
        }
    }

    /// What the packet has done to its connection is told. A connection that did not come to be gives back what it had
    /// claimed.
    fn finish<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        verdict: Result<Verdict, Stop>,
    ) -> Result<Verdict, Stop> {
        self.conntrack.tell_held(env.now);
        if flight.traced.is_some() {
            self.tell_end(env, flight, &verdict);
        }
        if let Flow::New(new) = &flight.flow {
            if !env.tracing.is_dry() {
                A::rules(env.snapshot).forget_connection(&new.original);
            }
            let unborn = new.unclaimed();
            if let Flow::New(new) = std::mem::replace(&mut flight.flow, Flow::Unborn(unborn)) {
                self.conntrack.abandon(new);
            }
        }
        verdict
    }
}
