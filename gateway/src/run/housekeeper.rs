//! The housekeeping thread: neighbours, retired snapshots, multicast groups, and a watch on the workers.

use super::clock;
use super::memberships;
use super::ports::Twins;
use dpdk::Mbuf;
use sluice_control::server::{Plane, WorkerHandle};
use sluice_dataplane::neighbour::Output;
use sluice_dataplane::published::{Quiescence, Watchdog};
use sluice_dataplane::worker::Shared;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tracing::{error, info};

const TURN: Duration = Duration::from_millis(1);
const TELL_TIME: Duration = Duration::from_millis(100);
/// How often sets free what has timed out and make room for what packets add.
const SETS_EVERY: Duration = Duration::from_millis(250);
/// How often it is looked what the host's programs have joined.
const GROUPS_EVERY: Duration = Duration::from_millis(250);

/// Starts the thread.
pub(super) fn start(
    plane: Arc<Plane>,
    shared: Arc<Shared<Mbuf>>,
    quiescence: &Arc<Quiescence>,
    twins: Twins,
    stop: Arc<AtomicBool>,
) -> std::io::Result<JoinHandle<()>> {
    let mut watchdog = Watchdog::new(Arc::clone(quiescence), clock::now());
    let quiescence = Arc::clone(quiescence);
    std::thread::Builder::new().name("housekeeper".into()).spawn(move || {
        let mut outputs = Vec::new();
        let mut stalled = vec![false; plane.workers.len()];
        let (mut told, mut maintained) = (clock::now(), clock::now());
        let mut looked = None;
        while !stop.load(Ordering::Acquire) {
            neighbours(&plane, &shared, &quiescence, &mut outputs);
            watch(&plane, &mut watchdog, &mut stalled);
            // The time of day may be set at any moment.
            if clock::now().since(told) >= TELL_TIME {
                told = clock::now();
                clock::tell(&shared.clock);
            }
            let sets = plane.lock().running.sets.clone();
            if clock::now().since(maintained) >= SETS_EVERY || sets.wants_maintenance() {
                maintained = clock::now();
                sets.maintain(maintained);
            }
            if looked.is_none_or(|looked| clock::now().since(looked) >= GROUPS_EVERY) {
                looked = Some(clock::now());
                memberships::look(&twins, &plane.lock().interfaces);
            }
            std::thread::sleep(TURN);
        }
    })
}

/// Feeds the neighbour state machine and does what it says.
fn neighbours(
    plane: &Plane,
    shared: &Shared<Mbuf>,
    quiescence: &Quiescence,
    outputs: &mut Vec<Output>,
) {
    let now = clock::now();
    let mut controller = plane.lock();
    while let Some(event) = shared.events.pop() {
        controller.neighbours.handle(event, now, outputs);
    }
    controller.neighbours.poll(now, outputs);
    plane.carry_out(&controller, outputs.drain(..));
    controller.reclaim(quiescence);
}

/// Says when a worker stalls, and when it is back.
fn watch(plane: &Plane, watchdog: &mut Watchdog, stalled: &mut [bool]) {
    for (worker, was) in plane.workers.iter().zip(stalled) {
        // One that is offline has ended, or has not begun yet.
        let age = watchdog.age(worker.id, clock::now()).unwrap_or(Duration::MAX);
        worker.age_ms.store(u64::try_from(age.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
        let is = age > WorkerHandle::STALLED;
        let (id, core) = (worker.id.0, worker.core);
        match (*was, is) {
            (false, true) => error!(
                "worker {id} on core {core} is stalled: no turn finished for {} ms; what its queues receive is \
                 lost. See what else runs on core {core}; `sluice stats` shows the workers",
                age.as_millis()
            ),
            (true, false) => info!("worker {id} on core {core} runs again"),
            (true, true) | (false, false) => {}
        }
        *was = is;
    }
}
