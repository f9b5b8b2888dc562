//! An explanation, under the lock that keeps rules and routes as they are.

use crate::controller::Controller;
use crate::proto::{ExplainRequest, TraceStep};
use crate::server::{Plane, family};
use crate::trace::{Book, step, supposed};
use sluice_config::netfilter::Family;
use sluice_dataplane::address::{Address, V4, V6};
use sluice_dataplane::explain::{World, explain as ask};
use sluice_dataplane::fib::Fib;
use sluice_dataplane::nat::masquerade_address;
use sluice_dataplane::pipeline::Family as Lane;
use sluice_dataplane::snapshot::NextHop;
use sluice_dataplane::time::WallClock;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use tonic::Status;

/// What would become of the packet that is asked about.
pub(super) fn explain(plane: &Plane, asked: &ExplainRequest) -> Result<Vec<TraceStep>, Status> {
    let family = family(asked.family)?;
    let controller = plane.lock();
    let insight = &plane.insight;
    match family {
        Family::V4 => steps::<V4>(
            plane,
            &controller,
            &insight.fib4,
            (family, &controller.running.rules4),
            asked,
        ),
        Family::V6 => steps::<V6>(
            plane,
            &controller,
            &insight.fib6,
            (family, &controller.running.rules6),
            asked,
        ),
    }
}

fn steps<A: Lane>(
    plane: &Plane,
    controller: &Controller,
    fib: &Arc<Fib<A>>,
    (family, ruleset): (Family, &sluice_config::netfilter::Ruleset),
    asked: &ExplainRequest,
) -> Result<Vec<TraceStep>, Status> {
    let snapshot = controller.snapshot();
    let own = |destination| own_address(controller, fib, destination);
    let supposed = supposed(asked, &controller.interfaces, own)
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
        random: RandomState::new().hash_one("explain"),
    };
    let events =
        ask(world, fib, supposed).map_err(|error| Status::resource_exhausted(error.to_string()))?;
    let book = Book::of(ruleset, controller.layout(family));
    Ok(events.iter().map(|event| step(event, Some(&book), &controller.interfaces)).collect())
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
