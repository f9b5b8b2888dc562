//! The gRPC server: one file a service, all over one [`Plane`].
//!
//! The mutex around the controller is held for the time of a change and never waited on by a worker. What
//! only workers know (connections) is asked of them by message, with a time limit: a dead worker must not
//! hang the API.

mod config;
mod conntrack;
mod metrics;
mod network;
mod recent;
mod rules;
mod serve;
mod sets;
mod stats;
mod trace;

pub use conntrack::Expected;
pub use serve::{Listeners, ServerError, listen, routes, serve};
pub use trace::Insight;

use crate::basis::Basis;
use crate::compile::CompileError;
use crate::controller::Controller;
use crate::proto;
use crate::solicit;
use crossbeam_channel::Sender;
use sluice_config::netfilter::{Family, Ruleset};
use sluice_dataplane::conntrack::Journal;
use sluice_dataplane::ids::WorkerId;
use sluice_dataplane::neighbour::Output;
use sluice_dataplane::time::Instant;
use sluice_dataplane::worker::Request;
use sluice_dataplane::worker::counters::WorkerCounters;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A worker as the control plane sees it.
#[derive(Debug, Clone)]
pub struct WorkerHandle {
    /// Its number.
    pub id: WorkerId,
    /// The core it is pinned to.
    pub core: usize,
    /// Its counters.
    pub counters: Arc<WorkerCounters>,
    /// Where requests go.
    pub requests: Sender<Request>,
    /// Milliseconds since it was last seen to finish a turn, as the watch on the workers writes it.
    pub age_ms: Arc<AtomicU64>,
}

impl WorkerHandle {
    /// A worker that has not finished a turn for so long is stalled or dead.
    pub const STALLED: Duration = Duration::from_secs(2);

    /// How long it has not finished a turn.
    #[must_use]
    pub fn age(&self) -> Duration {
        Duration::from_millis(self.age_ms.load(Relaxed))
    }
}

/// A port's counters and state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs)]
pub struct PortCounters {
    pub link_up: bool,
    pub rx_packets: u64,
    pub rx_bytes: u64,
    pub tx_packets: u64,
    pub tx_bytes: u64,
    pub rx_errors: u64,
    pub tx_errors: u64,
    /// What the kernel behind the port took for sending and dropped.
    pub tx_dropped: u64,
    pub rx_missed: u64,
    pub rx_no_buffer: u64,
    /// Megabits per second; 0 where unknown.
    pub speed_mbps: u32,
}

/// Counters of a port's queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs)]
pub struct QueueCounters {
    pub rx_packets: u64,
    pub rx_bytes: u64,
    pub tx_packets: u64,
    pub tx_bytes: u64,
    /// Packets the driver would not take.
    pub tx_full: u64,
}

/// What the gateway knows of ports and buffers and the control plane shows.
pub trait Hardware: std::fmt::Debug + Send + Sync {
    /// The port of an interface.
    fn port(&self, interface: &str) -> Option<PortCounters>;
    /// The queues of an interface's port, by number; none where it has no port of its own.
    fn queues(&self, interface: &str) -> Vec<QueueCounters>;
    /// Buffers in all, and in use now.
    fn buffers(&self) -> (u64, u64);
    /// Where packet memory comes from.
    fn memory_mode(&self) -> String;
}

/// Everything the services work on.
#[derive(Debug)]
pub struct Plane {
    /// What is configured.
    pub controller: Mutex<Controller>,
    /// Held by whoever changes interfaces, routes, rules or sets as a whole, from what it reads until it is in force;
    /// the controller may be asked other things meanwhile.
    pub changing: tokio::sync::Mutex<()>,
    /// The workers.
    pub workers: Vec<WorkerHandle>,
    /// Ports and buffers.
    pub hardware: Arc<dyn Hardware>,
    /// What workers tell of connections.
    pub journal: Arc<Journal>,
    /// What their helpers expect.
    pub expected: Expected,
    /// What of packets, routes and neighbours is looked into.
    pub insight: Insight,
    /// The clock.
    pub clock: fn() -> Instant,
}

impl Plane {
    /// The controller. A panic of one request must not end the others: the state is changed last, in one
    /// step, so it is whole.
    pub fn lock(&self) -> MutexGuard<'_, Controller> {
        self.controller.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts rules of one family in force. The controller is locked for the last step only; the caller holds
    /// [`changing`](Self::changing) since it had the basis.
    ///
    /// # Errors
    /// The rule that cannot be compiled; the old rules stay.
    fn set_rules(
        &self,
        mut basis: Basis,
        family: Family,
        ruleset: Ruleset,
    ) -> Result<u64, CompileError> {
        *basis.rules.of_mut(family) = ruleset;
        let ready = basis.compile()?;
        let (generation, retired) = {
            let mut controller = self.lock();
            let retired = controller.put(ready);
            (controller.changed(), retired)
        };
        drop(retired);
        Ok(generation)
    }

    /// Asks every worker the same. A worker whose queue is full is stalled, and is told nothing more.
    pub fn tell_all(&self, request: impl Fn() -> Request) {
        for worker in &self.workers {
            drop(worker.requests.try_send(request()));
        }
    }

    /// Asks the first worker.
    pub fn tell_one(&self, request: Request) {
        if let Some(worker) = self.workers.first() {
            drop(worker.requests.try_send(request));
        }
    }

    /// Does what the neighbour state machine asks for.
    pub fn carry_out(&self, controller: &Controller, outputs: impl IntoIterator<Item = Output>) {
        for output in outputs {
            match output {
                Output::Solicit { interface, target, unicast_to } => {
                    let asking = controller.interfaces.get(interface);
                    if let Some(frame) = asking.and_then(|i| solicit::frame(i, target, unicast_to))
                    {
                        self.tell_one(Request::Send(interface, frame));
                    }
                }
                Output::Resolved { interface, address, .. } => {
                    self.tell_all(|| Request::Resolved(interface, address));
                }
                Output::Failed { interface, address, .. } => {
                    self.tell_all(|| Request::Failed(interface, address));
                }
            }
        }
    }
}

/// A diagnostic in the interface's words.
fn diagnostic(found: &sluice_config::Diagnostic) -> proto::Diagnostic {
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    proto::Diagnostic {
        severity: proto::diagnostic::Severity::Error.into(),
        file: found.file.clone(),
        line: number(found.line),
        column: number(found.column),
        message: found.message.clone(),
        help: found.help.clone().unwrap_or_default(),
    }
}

/// The family a request names.
fn family(number: i32) -> Result<sluice_config::netfilter::Family, tonic::Status> {
    match proto::Family::try_from(number) {
        Ok(proto::Family::Ipv4) => Ok(sluice_config::netfilter::Family::V4),
        Ok(proto::Family::Ipv6) => Ok(sluice_config::netfilter::Family::V6),
        Ok(proto::Family::Unspecified) | Err(_) => {
            Err(tonic::Status::invalid_argument("family must be FAMILY_IPV4 or FAMILY_IPV6"))
        }
    }
}
