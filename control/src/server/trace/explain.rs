//! An explanation: twice under the lock that keeps rules and routes as they are, and in between, without it, the question
//! to workers and helpers which connection the packet belongs to.

use crate::controller::Controller;
use crate::proto::{ExplainRequest, TraceKind, TraceStep};
use crate::server::conntrack::{ask, connection, expectation};
use crate::server::{Plane, family};
use crate::trace::{Book, step, supposed};
use sluice_config::netfilter::{Family, Ruleset};
use sluice_dataplane::address::{Address, V4, V6};
use sluice_dataplane::conntrack::{CtState, Excerpt, Expectations, Sought};
use sluice_dataplane::explain::{Explanation, Met, World, explain as explain_packet};
use sluice_dataplane::fib::Fib;
use sluice_dataplane::nat::masquerade_address;
use sluice_dataplane::pipeline::Family as Lane;
use sluice_dataplane::snapshot::NextHop;
use sluice_dataplane::time::WallClock;
use sluice_dataplane::trace::Step;
use sluice_dataplane::worker::{Request, Search};
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use tonic::Status;

/// Of one family: where its parts are.
trait Side: Lane {
    fn fib(plane: &Plane) -> &Arc<Fib<Self>>;
    fn expectations(plane: &Plane) -> &Expectations<Self>;
    fn ruleset(controller: &Controller) -> &Ruleset;
    fn find(search: Search<Self>) -> Request;
}

impl Side for V4 {
    fn fib(plane: &Plane) -> &Arc<Fib<Self>> {
        &plane.insight.fib4
    }
    fn expectations(plane: &Plane) -> &Expectations<Self> {
        &plane.expected.v4
    }
    fn ruleset(controller: &Controller) -> &Ruleset {
        &controller.running.rules4
    }
    fn find(search: Search<Self>) -> Request {
        Request::Find4(search)
    }
}

impl Side for V6 {
    fn fib(plane: &Plane) -> &Arc<Fib<Self>> {
        &plane.insight.fib6
    }
    fn expectations(plane: &Plane) -> &Expectations<Self> {
        &plane.expected.v6
    }
    fn ruleset(controller: &Controller) -> &Ruleset {
        &controller.running.rules6
    }
    fn find(search: Search<Self>) -> Request {
        Request::Find6(search)
    }
}

/// What would become of the packet that is asked about.
pub(super) fn explain(plane: &Plane, asked: &ExplainRequest) -> Result<Vec<TraceStep>, Status> {
    match family(asked.family)? {
        family @ Family::V4 => steps::<V4>(plane, family, asked),
        family @ Family::V6 => steps::<V6>(plane, family, asked),
    }
}

fn steps<A: Side>(
    plane: &Plane,
    family: Family,
    asked: &ExplainRequest,
) -> Result<Vec<TraceStep>, Status> {
    let (explained, told) = once::<A>(plane, family, asked, &Met::Nobody)?;
    // As a first packet, whatever connections there are.
    let sought = explained.sought.filter(|_| asked.state.is_empty());
    let met = match sought {
        Some(sought) => met(plane, &sought)?,
        None => Met::Nobody,
    };
    let found = match &met {
        Met::Nobody => return Ok(told),
        Met::Connection(excerpt) => TraceStep {
            connection: Some(connection(excerpt.worker, &excerpt.listed)),
            worker: excerpt.worker.0.into(),
            ..TraceStep::default()
        },
        Met::Expectation(foreseen) => {
            TraceStep { expectation: Some(expectation(&foreseen.listed)), ..TraceStep::default() }
        }
    };
    let (explained, mut told) = once::<A>(plane, family, asked, &met)?;
    // Rules that have changed since may leave the packet untracked, or drop it before.
    let tracked = |event: &Step| matches!(event, Step::Connection { state, .. } if *state != CtState::Untracked);
    let at = explained.steps.iter().position(|event| tracked(&event.step));
    if let Some((at, like)) = at.and_then(|at| Some((at, told.get(at)?))) {
        let found = TraceStep {
            kind: TraceKind::Found.into(),
            packet_number: like.packet_number,
            family: like.family,
            timestamp_us: like.timestamp_us,
            ..found
        };
        told.insert(at, found);
    }
    Ok(told)
}

/// An explanation with what is known of the packet's connection, and its steps in the interface's words.
fn once<A: Side>(
    plane: &Plane,
    family: Family,
    asked: &ExplainRequest,
    met: &Met<A>,
) -> Result<(Explanation<A>, Vec<TraceStep>), Status> {
    let controller = plane.lock();
    let (snapshot, fib) = (controller.snapshot(), A::fib(plane));
    let own = |destination| own_address(&controller, fib, destination);
    let numbers = match met {
        Met::Nobody | Met::Expectation(_) => None,
        Met::Connection(excerpt) => Some(excerpt.numbers()),
    };
    let supposed = supposed(asked, numbers.as_ref(), &controller.interfaces, own)
        .map_err(|wrong| Status::invalid_argument(wrong.to_string()))?;
    if supposed.headers.version != A::VERSION {
        return Err(Status::invalid_argument("the addresses are of the other family"));
    }
    let clock = WallClock::default();
    (plane.insight.tell_time)(&clock);
    let world = World {
        snapshot: &snapshot,
        neighbours: &plane.insight.neighbours,
        now: (plane.clock)(),
        clock: &clock,
        sockets: &plane.insight.sockets,
        random: RandomState::new().hash_one("explain"),
    };
    let explained = explain_packet(world, fib, &supposed, met)
        .map_err(|error| Status::resource_exhausted(error.to_string()))?;
    let book = Book::of(A::ruleset(&controller), controller.layout(family));
    let tell = |event| step(event, Some(&book), &controller.interfaces);
    let told = explained.steps.iter().map(tell).collect();
    Ok((explained, told))
}

/// The connection or expectation that a packet would meet.
fn met<A: Side>(plane: &Plane, sought: &Sought<A>) -> Result<Met<A>, Status> {
    for worker in &plane.workers {
        let find = |reply| A::find(Search { sought: *sought, reply });
        let found: Option<Excerpt<A>> = ask(worker, find)?;
        if let Some(excerpt) = found {
            return Ok(Met::Connection(Box::new(excerpt)));
        }
    }
    let foreseen = A::expectations(plane).foresee(sought, (plane.clock)());
    Ok(foreseen.map_or(Met::Nobody, |foreseen| Met::Expectation(Box::new(foreseen))))
}

/// The address that a packet of the gateway's own would have.
fn own_address<A: Lane>(
    controller: &Controller,
    fib: &Fib<A>,
    destination: IpAddr,
) -> Option<IpAddr> {
    let destination = A::from_ip(destination)?;
    let snapshot = controller.snapshot();
    let (interface, next_hop) = match snapshot.next_hop(fib.lookup(destination)?)? {
        NextHop::Connected(id) | NextHop::Broadcast(id) | NextHop::Local(id) => (id, destination),
        NextHop::Gateway { interface, address } => (interface, A::from_ip(address)?),
        NextHop::Blackhole | NextHop::Unreachable | NextHop::Prohibit | NextHop::Throw => {
            return None;
        }
    };
    let addresses = A::addresses(snapshot.interfaces.get(interface)?).iter().copied();
    masquerade_address(addresses, next_hop, destination).map(Address::to_ip)
}
