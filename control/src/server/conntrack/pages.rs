//! Walking the workers' connections page by page.

use super::filter::Filter;
use crate::server::{Plane, WorkerHandle};
use crossbeam_channel::bounded;
use sluice_dataplane::conntrack::{Change, Listed, Status};
use sluice_dataplane::ids::{InterfaceId, WorkerId};
use sluice_dataplane::worker::{Lanes, Request};
use std::net::IpAddr;
use std::time::Duration;
use thiserror::Error;

/// Connections of one page: what a worker does between two bursts.
const PAGE: usize = 256;
/// How long a worker may take to answer; a live one takes microseconds.
const PATIENCE: Duration = Duration::from_secs(2);

/// A worker that does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("worker {} on core {core} does not answer; its connections are not known", id.0)]
pub(in crate::server) struct Stalled {
    id: WorkerId,
    core: usize,
}

impl From<Stalled> for tonic::Status {
    fn from(stalled: Stalled) -> Self {
        Self::unavailable(stalled.to_string())
    }
}

/// Asks a worker and waits for its answer.
pub(in crate::server) fn ask<T>(
    worker: &WorkerHandle,
    request: impl FnOnce(crossbeam_channel::Sender<T>) -> Request,
) -> Result<T, Stalled> {
    let stalled = Stalled { id: worker.id, core: worker.core };
    // Room for the one answer: the worker never waits to give it.
    let (reply, answer) = bounded(1);
    worker.requests.send_timeout(request(reply), PATIENCE).map_err(|_| stalled)?;
    answer.recv_timeout(PATIENCE).map_err(|_| stalled)
}

/// Shows `each` the connections that pass `filter`, page by page, until it says false. With `zero` the accounts of all of
/// the families that it asks for begin anew.
pub(super) fn matching(
    plane: &Plane,
    filter: &Filter,
    zero: bool,
    each: impl FnMut(&WorkerHandle, &[Listed]) -> bool,
) -> Result<(), Stalled> {
    let lanes = [Lanes::V4, Lanes::V6].into_iter().filter(|lanes| filter.has(*lanes));
    walk(plane, lanes, zero, |listed| filter.matches(listed), each)
}

fn walk(
    plane: &Plane,
    families: impl Iterator<Item = Lanes> + Clone,
    zero: bool,
    wanted: impl Fn(&Listed) -> bool,
    mut each: impl FnMut(&WorkerHandle, &[Listed]) -> bool,
) -> Result<(), Stalled> {
    for worker in &plane.workers {
        for lanes in families.clone() {
            let mut room = Vec::with_capacity(PAGE);
            let mut next = Some(0);
            while let Some(cursor) = next {
                room.clear();
                let page = ask(worker, |reply| Request::List { lanes, cursor, zero, room, reply })?;
                (room, next) = (page.connections, page.next);
                room.retain(&wanted);
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
    portid: u32,
    each: impl FnMut(&WorkerHandle, &[Listed]),
) -> Result<(), Stalled> {
    let lanes = [Lanes::V4, Lanes::V6].into_iter().filter(|lanes| filter.has(*lanes));
    remove_where(plane, lanes, |listed| filter.matches(listed), portid, each)
}

/// Removes what MASQUERADE sent out by an interface: its addresses may be others when it comes back
/// (kernel
/// `nf_nat_masquerade.c`, `masq_device_event`); or only what it sent out as one address.
pub(in crate::server) fn remove_masqueraded(
    plane: &Plane,
    egress: InterfaceId,
    as_address: Option<IpAddr>,
) -> Result<(), Stalled> {
    let by = |listed: &Listed| {
        listed.status.has(Status::MASQUERADED)
            && listed.egress == egress
            && as_address.is_none_or(|address| listed.reply.destination == address)
    };
    remove_where(plane, [Lanes::V4, Lanes::V6].into_iter(), by, 0, |_, _| ())
}

/// Changes the connections that pass `filter` and shows those that are others then.
pub(super) fn update(
    plane: &Plane,
    filter: &Filter,
    change: Change,
    portid: u32,
    mut each: impl FnMut(&WorkerHandle, &[Listed]),
) -> Result<(), Stalled> {
    let mut failed = None;
    matching(plane, filter, false, |worker, page| {
        let connections = page.to_vec();
        let request = |reply| Request::Update { connections, change, reply, portid };
        match ask(worker, request) {
            Ok(changed) => each(worker, &changed),
            Err(stalled) => failed = Some(stalled),
        }
        failed.is_none()
    })?;
    failed.map_or(Ok(()), Err)
}

fn remove_where(
    plane: &Plane,
    families: impl Iterator<Item = Lanes> + Clone,
    wanted: impl Fn(&Listed) -> bool,
    portid: u32,
    mut each: impl FnMut(&WorkerHandle, &[Listed]),
) -> Result<(), Stalled> {
    let mut failed = None;
    walk(plane, families, false, wanted, |worker, page| {
        let connections = page.to_vec();
        match ask(worker, |reply| Request::Delete { connections, reply, portid }) {
            Ok(_) => each(worker, page),
            Err(stalled) => failed = Some(stalled),
        }
        failed.is_none()
    })?;
    failed.map_or(Ok(()), Err)
}
