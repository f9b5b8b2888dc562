//! Walking the workers' connections page by page.

use super::filter::Filter;
use crate::server::{Plane, WorkerHandle};
use crossbeam_channel::bounded;
use sluice_dataplane::conntrack::Listed;
use sluice_dataplane::ids::WorkerId;
use sluice_dataplane::worker::{Lanes, Request};
use std::time::Duration;
use thiserror::Error;

/// Connections of one page: what a worker does between two bursts.
const PAGE: usize = 256;
/// How long a worker may take to answer; a live one takes microseconds.
const PATIENCE: Duration = Duration::from_secs(2);

/// A worker that does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("worker {} on core {core} does not answer; its connections are not known", id.0)]
pub(super) struct Stalled {
    id: WorkerId,
    core: usize,
}

impl From<Stalled> for tonic::Status {
    fn from(stalled: Stalled) -> Self {
        Self::unavailable(stalled.to_string())
    }
}

/// Asks a worker and waits for its answer.
fn ask<T>(
    worker: &WorkerHandle,
    request: impl FnOnce(crossbeam_channel::Sender<T>) -> Request,
) -> Result<T, Stalled> {
    let stalled = Stalled { id: worker.id, core: worker.core };
    // Room for the one answer: the worker never waits to give it.
    let (reply, answer) = bounded(1);
    worker.requests.send_timeout(request(reply), PATIENCE).map_err(|_| stalled)?;
    answer.recv_timeout(PATIENCE).map_err(|_| stalled)
}

/// Shows `each` the connections that pass `filter`, page by page, until it says false.
pub(super) fn matching(
    plane: &Plane,
    filter: &Filter,
    mut each: impl FnMut(&WorkerHandle, &[Listed]) -> bool,
) -> Result<(), Stalled> {
    for worker in &plane.workers {
        for lanes in [Lanes::V4, Lanes::V6].into_iter().filter(|lanes| filter.has(*lanes)) {
            let mut room = Vec::with_capacity(PAGE);
            let mut next = Some(0);
            while let Some(cursor) = next {
                room.clear();
                let page = ask(worker, |reply| Request::List { lanes, cursor, room, reply })?;
                (room, next) = (page.connections, page.next);
                room.retain(|listed| filter.matches(listed));
                if !room.is_empty() && !each(worker, &room) {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// Removes the connections that pass `filter` and shows them. One that ended by itself between listing
/// and removal is gone as well and is shown too.
pub(super) fn remove(
    plane: &Plane,
    filter: &Filter,
    mut each: impl FnMut(&WorkerHandle, &[Listed]),
) -> Result<(), Stalled> {
    let mut failed = None;
    matching(plane, filter, |worker, page| {
        let connections = page.to_vec();
        match ask(worker, |reply| Request::Delete { connections, reply }) {
            Ok(_) => each(worker, page),
            Err(stalled) => failed = Some(stalled),
        }
        failed.is_none()
    })?;
    failed.map_or(Ok(()), Err)
}
