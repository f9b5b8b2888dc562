//! What would become of a packet: the trace of one that never was.
//!
//! The packet goes the long way of a worker of its own, with the rules, routes, interfaces and neighbours in force, on
//! a dry run: nothing is counted, no bucket loses a token, no list or set changes, and its connection lives in a table
//! that is thrown away. So it can say nothing that the data plane would not do; but a source port that translation would
//! have to change because another connection has it stays as it is.
//!
//! ```text
//!   explain, nobody known ─> Sought ─> workers, expectations ─> Met ─> explain anew
//! ```
//!
//! Which connection a packet belongs to is known behind the raw table only, which may put it into a zone. So whoever
//! wants live connections to count explains twice: the first explanation says what the packet is looked for by, and the
//! second has a copy of what was found.

use crate::conntrack::{Conntrack, CtState, Excerpt, Foreseen, Sought, TableTooLarge, tuple_of};
use crate::drop_reason::DropReason;
use crate::fib::Fib;
use crate::flight::Flight;
use crate::ids::{InterfaceId, WorkerId};
use crate::nat::SourceMappings;
use crate::neighbour::NeighbourTable;
use crate::packet::MemoryPacket;
use crate::pipeline::{Env, Family, Lane};
use crate::rules::report::Reports;
use crate::snapshot::Snapshot;
use crate::sockets::Sockets;
use crate::synproxy::SynCookies;
use crate::time::{Instant, WallClock};
use crate::trace::{Event, Step, Traces, Tracing};
use crate::wire::layer4::layer4;
use crate::wire::parse::Headers;
use crate::worker::tell_refused;
use std::sync::Arc;

/// Steps of one packet that are told; more rules than that in one way are counted as lost.
const STEPS: usize = 4096;
/// Connections of the table that is thrown away.
const CONNECTIONS: usize = 4;

/// What the packet would meet.
#[derive(Debug, Clone, Copy)]
pub struct World<'a> {
    /// Rules and interfaces.
    pub snapshot: &'a Snapshot,
    /// Neighbours.
    pub neighbours: &'a NeighbourTable,
    /// When.
    pub now: Instant,
    /// And what time of day that is.
    pub clock: &'a WallClock,
    /// The host's sockets.
    pub sockets: &'a Sockets,
    /// What chance would say.
    pub random: u64,
}

/// A packet that might be.
#[derive(Debug)]
pub struct Supposed {
    /// The frame, with right lengths and checksums.
    pub frame: Vec<u8>,
    /// Where its headers are.
    pub headers: Headers,
    /// Interface it would come in by; [`InterfaceId::HOST`]: the gateway itself would send it.
    pub ingress: InterfaceId,
    /// Its mark.
    pub mark: u32,
    /// The state of its connection, whatever tracking would say.
    pub state: Option<CtState>,
}

/// What is known of the packet's connection.
#[derive(Debug)]
pub enum Met<A> {
    /// Nothing: it would begin one.
    Nobody,
    /// It is there.
    Connection(Box<Excerpt<A>>),
    /// A helper expects it.
    Expectation(Box<Foreseen<A>>),
}

/// What would become of a packet.
#[derive(Debug)]
pub struct Explanation<A> {
    /// Step by step.
    pub steps: Vec<Event>,
    /// What its connection is looked for by; none where that does not matter.
    pub sought: Option<Sought<A>>,
}

/// What would become of it.
///
/// # Errors
/// The system has no memory for the table that is thrown away.
pub fn explain<A: Family>(
    world: World<'_>,
    fib: &Arc<Fib<A>>,
    supposed: &Supposed,
    met: &Met<A>,
) -> Result<Explanation<A>, TableTooLarge> {
    let Supposed { ref frame, headers, ingress, mark, state } = *supposed;
    let traces = Arc::new(Traces::new(STEPS));
    let tracing = Tracing::dry(Arc::clone(&traces), world.snapshot.number);
    let reports = Reports::new(1);
    let key = [world.random, !world.random];
    // No ACK that might be has a cookie.
    let cookies = SynCookies::new([world.random; 4]);
    let settings = &world.snapshot.conntrack;
    let mut conntrack = Conntrack::new(WorkerId(0), settings, key, CONNECTIONS, None)?;
    match met {
        Met::Nobody => {}
        Met::Connection(excerpt) => conntrack.graft(excerpt),
        Met::Expectation(foreseen) => conntrack.foresee(foreseen, world.now),
    }
    let mappings = Arc::new(SourceMappings::new(CONNECTIONS, world.random)?);
    let mut lane = Lane::new(conntrack, Arc::clone(fib), mappings);
    let env = Env {
        snapshot: world.snapshot,
        neighbours: world.neighbours,
        // A worker that is not there, so that nothing is counted.
        worker: WorkerId(u8::MAX),
        now: world.now,
        clock: world.clock,
        reports: &reports,
        cookies: &cookies,
        sockets: world.sockets,
        random: world.random,
        tracing: &tracing,
    };
    let packet = MemoryPacket::new(frame);
    let mut zones = None;
    let from = world.snapshot.interfaces.get(ingress).filter(|interface| !interface.up);
    if let Some(interface) = from {
        let reason = DropReason::InterfaceDown;
        tell_refused(&env, (ingress, interface), &packet, &headers, reason);
    } else {
        let mut flight = Flight::<A, _>::new(packet, Vec::new(), headers, ingress);
        (flight.mark, flight.supposed) = (mark, state);
        // The steps say how it ended.
        let _ = match ingress {
            InterfaceId::HOST => lane.originate(&env, &mut flight),
            _ => lane.receive(&env, &mut flight),
        };
        zones = Some(flight.zones).filter(|_| A::rules(world.snapshot).needs_conntrack());
    }
    let steps: Vec<Event> = std::iter::from_fn(|| traces.pop()).collect();
    let is_tracked = |event: &Event| matches!(event.step, Step::Connection { state, .. } if state != CtState::Untracked);
    let zones = zones.filter(|_| state.is_none() && steps.iter().any(is_tracked));
    let (source, destination) = (headers.source(frame), headers.destination(frame));
    let tuple = tuple_of(source, destination, headers.protocol, &layer4(frame, &headers));
    let sought = zones.zip(tuple).map(|(zones, tuple)| Sought { tuple, zones });
    Ok(Explanation { steps, sought })
}
