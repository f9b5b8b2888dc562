//! The one owner of what is configured: text → model → validate → compile → publish → quiesce → drop.
//!
//! ```text
//!   gRPC ──> Controller ──> Snapshot ──> Published ──> workers
//!               │   └─────> Routes ────> FIBs ───────> workers (in place)
//!               └─────────> Machine ───> NeighbourTable, Notices
//! ```
//!
//! Not thread-safe by itself: the server keeps it behind a mutex that no worker ever touches.

use crate::basis::{Basis, Both, Ready, Retired};
use crate::candidate::{Candidate, load_sets};
use crate::compile::{CompileError, Layout, RECENT, States};
use crate::interfaces::{self, OpenPorts};
use crate::routes::{self, Origin, Route, Routes};
use crate::sets::SharedSets;
use crate::tally::Tally;
use ipnet::IpNet;
use sluice_config::Diagnostic;
use sluice_config::gateway::{Config, Route as AskedRoute, RouteKind};
use sluice_config::netfilter::{Family, Ruleset};
use sluice_dataplane::address::Mac;
use sluice_dataplane::ids::InterfaceId;
use sluice_dataplane::interface::Interfaces;
use sluice_dataplane::neighbour::Machine;
use sluice_dataplane::published::{Published, Quiescence};
use sluice_dataplane::rules::matches::recent::List;
use sluice_dataplane::snapshot::{NextHop, Snapshot};
use sluice_dataplane::time::Instant;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;

/// Why the running configuration was left as it was.
#[derive(Debug, Error)]
pub enum ApplyError {
    /// A rule that cannot be compiled.
    #[error(transparent)]
    Rules(#[from] CompileError),
    /// A set that cannot be made.
    #[error(transparent)]
    Sets(#[from] Diagnostic),
    /// An interface that cannot be had without a restart.
    #[error("{0}")]
    Interface(String),
    /// A route that leads nowhere.
    #[error("route {to}: {reason}")]
    Route {
        /// Destination.
        to: IpNet,
        /// What is wrong and what to write.
        reason: &'static str,
    },
    /// A neighbour on an interface that is not there.
    #[error(
        "neighbour {0}: there is no interface of that name; add an [[interface]] or correct the name"
    )]
    Neighbour(String),
}

/// The control plane's state.
#[derive(Debug)]
pub struct Controller {
    /// What is in force.
    pub running: Candidate,
    /// Interfaces in force.
    pub interfaces: Interfaces,
    /// Routes in force.
    pub routes: Routes,
    /// The neighbour state machine.
    pub neighbours: Machine,
    open: OpenPorts,
    workers: usize,
    published: Arc<Published<Snapshot>>,
    generation: u64,
    states: Arc<States>,
    layouts: Both<Arc<Layout>>,
    tallies: Both<Tally>,
    /// The sets that the rules in force were compiled with.
    compiled_sets: SharedSets,
    /// Who added a route, by destination and metric, where that is not the configuration: `boot` and the like,
    /// as `ip route add … proto NAME` says it. A whole configuration replaces them all.
    pub route_protocols: HashMap<(IpNet, u32), String>,
}

/// What a controller is made of.
#[derive(Debug)]
pub struct Parts {
    /// The configuration to begin with.
    pub candidate: Candidate,
    /// Ports opened for it.
    pub open: OpenPorts,
    /// How many workers will run.
    pub workers: usize,
    /// Routes, over the FIBs the workers read.
    pub routes: Routes,
    /// Neighbours, over the table the workers read.
    pub neighbours: Machine,
    /// Where snapshots are published; holds an empty one.
    pub published: Arc<Published<Snapshot>>,
}

impl Controller {
    /// Compiles and publishes the first configuration.
    ///
    /// # Errors
    /// What cannot be compiled.
    pub fn start(parts: Parts) -> Result<Self, ApplyError> {
        let Parts { candidate, open, workers, routes, neighbours, published } = parts;
        let mut controller = Self {
            running: candidate.clone(),
            interfaces: Interfaces::default(),
            routes,
            neighbours,
            open,
            workers,
            published,
            generation: 0,
            states: Arc::default(),
            layouts: Both::default(),
            tallies: Both::default(),
            compiled_sets: SharedSets::default(),
            route_protocols: HashMap::new(),
        };
        controller.apply(candidate, Instant::default())?;
        Ok(controller)
    }

    /// Number of the configuration in force; grows with every change.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// How many workers run.
    #[must_use]
    pub const fn workers(&self) -> usize {
        self.workers
    }

    /// The snapshot in force.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.published.current()
    }

    /// The lists that rules of `-m recent` name, by name.
    #[must_use]
    pub fn recent_lists(&self) -> Vec<(String, Arc<List>)> {
        self.states.of_kind(RECENT)
    }

    /// Puts a whole configuration in force, or none of it. Its rules count from zero.
    ///
    /// # Errors
    /// What cannot be had; the old configuration stays.
    pub fn apply(&mut self, mut candidate: Candidate, now: Instant) -> Result<u64, ApplyError> {
        self.fold_counters();
        candidate.sets = load_sets(&candidate.texts, now)?;
        let generation = self.install(candidate, now)?;
        self.route_protocols.clear();
        Ok(generation)
    }

    /// Puts another configuration in force under the rules there are, which go on counting.
    ///
    /// # Errors
    /// What cannot be had; the old configuration stays.
    pub fn reconfigure(&mut self, config: Config, now: Instant) -> Result<u64, ApplyError> {
        let candidate = Candidate { config, ..self.running.clone() };
        self.install(candidate, now)
    }

    /// Takes an interface out of use or back into it, its sub-interfaces with it. Its routes go and come; the
    /// configuration keeps them.
    ///
    /// # Errors
    /// As [`apply`](Self::apply); everything stays as it was.
    pub fn set_link(&mut self, id: InterfaceId, up: bool, now: Instant) -> Result<u64, ApplyError> {
        let changed = self.interfaces.with_state(id, up);
        if let Some(bridge) = self.interfaces.master(id).filter(|_| !up) {
            // Whoever was behind it is behind another port now, or nowhere (kernel `br_fdb_delete_by_port`).
            bridge.fdb.flush(id);
        }
        let before = std::mem::replace(&mut self.interfaces, changed);
        let done = self.reconfigure(self.running.config.clone(), now);
        if done.is_err() {
            self.interfaces = before;
        }
        done
    }

    fn install(&mut self, candidate: Candidate, now: Instant) -> Result<u64, ApplyError> {
        let interfaces = interfaces::build(&candidate.config, &self.open, &self.interfaces)
            .map_err(ApplyError::Interface)?;
        let mut wanted =
            routes::of_addresses(&interfaces, candidate.config.sysctl.ipv6_forwarding());
        for route in &candidate.config.routes {
            wanted.push(static_route(route, &interfaces, &wanted)?);
        }
        wanted.retain(|route| routes::is_usable(route, &interfaces));
        for neighbour in &candidate.config.neighbours {
            if interfaces.named(&neighbour.interface).is_none() {
                return Err(ApplyError::Neighbour(neighbour.interface.clone()));
            }
        }
        let Candidate { texts, config, rules4, rules6, sets } = candidate;
        let ready = Basis {
            config: config.clone(),
            rules: Both { v4: rules4, v6: rules6 },
            sets: sets.clone(),
            interfaces: interfaces.clone(),
            ..self.basis()
        }
        .compile()?;
        // Nothing below can fail.
        (self.running.texts, self.running.config, self.running.sets) = (texts, config, sets);
        self.interfaces = interfaces;
        for route in &wanted {
            self.routes.intern(route.next_hop);
        }
        drop(self.put(ready));
        self.routes.set(wanted);
        for neighbour in &self.running.config.neighbours {
            if let Some((id, _)) = self.interfaces.named(&neighbour.interface) {
                let mac = Mac(neighbour.mac.0);
                // A full table keeps the neighbours it has; the number of static ones is bounded by it.
                let _ = self.neighbours.set(id, neighbour.address, mac, true, now, &mut Vec::new());
            }
        }
        Ok(self.changed())
    }

    /// What rules are compiled from, as it is now.
    pub fn basis(&mut self) -> Basis {
        self.fold_counters();
        Basis {
            config: self.running.config.clone(),
            rules: Both { v4: self.running.rules4.clone(), v6: self.running.rules6.clone() },
            sets: self.running.sets.clone(),
            interfaces: self.interfaces.clone(),
            states: Arc::clone(&self.states),
            workers: self.workers,
            previous: self.published.current(),
            previous_sets: self.compiled_sets.clone(),
            layouts: self.layouts.clone(),
            tallies: self.tallies.clone(),
        }
    }

    /// Puts rules in force that were compiled from the basis there still is; and, once workers let go of the old ones,
    /// carries over what those have counted.
    pub fn put(&mut self, ready: Ready) -> Retired {
        let Ready { rules, layouts, tallies, snapshot } = ready;
        let old = self.published.current();
        let next_hops = self.routes.next_hops().to_vec();
        self.published.publish(Arc::new(Snapshot { next_hops, ..snapshot }.after(&old)));
        self.await_release(&old);
        let running = &mut self.running;
        let before4 = std::mem::replace(&mut running.rules4, rules.v4);
        let before6 = std::mem::replace(&mut running.rules6, rules.v6);
        let (totals4, totals6) = (old.rules4.totals(), old.rules6.totals());
        tallies.v4.carry((&before4, &self.layouts.v4), &mut running.rules4, &totals4);
        tallies.v6.carry((&before6, &self.layouts.v6), &mut running.rules6, &totals6);
        self.tallies = Both::default();
        self.layouts = layouts;
        self.compiled_sets = running.sets.clone();
        Retired { old: Some((old, [before4, before6])), states: Arc::clone(&self.states) }
    }

    /// Which numbers the rules in force have.
    #[must_use]
    pub fn layout(&self, family: Family) -> &Layout {
        self.layouts.of(family)
    }

    /// The rules of one family, their counters brought up to now.
    pub fn rules(&mut self, family: Family) -> &Ruleset {
        self.fold_counters();
        match family {
            Family::V4 => &self.running.rules4,
            Family::V6 => &self.running.rules6,
        }
    }

    /// Publishes the running configuration again, with what changed beside it.
    pub fn republish(&mut self) {
        if let Ok(ready) = self.basis().compile() {
            drop(self.put(ready));
        }
    }

    /// Makes places in the tables of routes and neighbours available again that no worker looks at any more. Call now
    /// and then.
    pub fn reclaim(&mut self, quiescence: &Quiescence) {
        self.neighbours.reclaim(quiescence);
        self.routes.reclaim(quiescence);
    }

    /// Numbers a change.
    pub const fn changed(&mut self) -> u64 {
        self.generation += 1;
        self.generation
    }

    /// Waits until no worker counts in `old` any more: a burst or two. A worker that takes longer is
    /// stalled (or not started yet) and what it counts later is lost.
    fn await_release(&self, old: &Arc<Snapshot>) {
        const PAUSE: Duration = Duration::from_micros(100);
        const PAUSES: usize = 200;
        for _ in 0..PAUSES {
            self.published.collect();
            if Arc::strong_count(old) == 1 {
                return;
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn fold_counters(&mut self) {
        let live = self.published.current();
        let (running, layouts) = (&mut self.running, &self.layouts);
        self.tallies.v4.fold(&mut running.rules4, &layouts.v4, live.rules4.totals());
        self.tallies.v6.fold(&mut running.rules6, &layouts.v6, live.rules6.totals());
    }
}

fn static_route(
    asked: &AskedRoute,
    interfaces: &Interfaces,
    connected: &[Route],
) -> Result<Route, ApplyError> {
    let wrong = |reason| ApplyError::Route { to: asked.to, reason };
    let named = match &asked.interface {
        None => None,
        Some(name) => Some(
            interfaces
                .named(name)
                .ok_or(wrong("there is no interface of that name; correct it"))?
                .0,
        ),
    };
    let next_hop = match (asked.kind, asked.via, named) {
        (RouteKind::Blackhole, ..) => NextHop::Blackhole,
        (RouteKind::Unreachable, ..) => NextHop::Unreachable,
        (RouteKind::Prohibit, ..) => NextHop::Prohibit,
        (RouteKind::Throw, ..) => NextHop::Throw,
        (RouteKind::Unicast, Some(address), named) => {
            let subnet = connected
                .iter()
                .filter(|route| route.to.contains(&address))
                .find_map(|route| route.next_hop.connected());
            let interface = named.or(subnet);
            let interface = interface
                .ok_or(wrong("its gateway is on no connected subnet; say interface = \"…\""))?;
            NextHop::Gateway { interface, address }
        }
        (RouteKind::Unicast, None, Some(interface)) => NextHop::Connected(interface),
        (RouteKind::Unicast, None, None) => {
            return Err(wrong("it leads nowhere; say via = \"…\" or interface = \"…\""));
        }
    };
    Ok(Route {
        to: asked.to.trunc(),
        next_hop,
        origin: Origin::Static,
        metric: asked.metric.unwrap_or_default(),
        source: asked.source,
    })
}
