//! The connection table over gRPC.
//!
//! Only workers know connections, so each is asked for one page after another:
//!
//! ```text
//!   client <─ stream ─ pages ── Request::List(cursor) ──> worker 0, worker 1 …
//!                        └───── Request::Delete(page) ──>
//! ```
//!
//! Waiting is done off the asynchronous threads and has a limit: a dead worker must not hang the API.

mod events;
mod filter;
mod follow;
mod message;
mod pages;

pub(super) use pages::remove_masqueraded;

use super::Plane;
use crate::proto;
use crate::proto::conntrack_service_server::{ConntrackService, ConntrackServiceServer};
use events::Hub;
use filter::Filter;
use sluice_dataplane::worker::counters::Counter;
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

/// Connections or events that wait for a client to read them.
const BACKLOG: usize = 1024;
/// Followers there may be.
const FOLLOWERS: usize = 8;

pub(super) struct Conntrack {
    plane: Arc<Plane>,
    followers: Arc<Semaphore>,
    hub: Arc<Hub>,
}

pub(super) fn service(plane: &Arc<Plane>) -> ConntrackServiceServer<Conntrack> {
    let followers = Arc::new(Semaphore::new(FOLLOWERS));
    ConntrackServiceServer::new(Conntrack {
        plane: Arc::clone(plane),
        followers,
        hub: Hub::new(Arc::clone(&plane.journal)),
    })
}

#[tonic::async_trait]
impl ConntrackService for Conntrack {
    type ListStream = ReceiverStream<Result<proto::Connection, Status>>;
    type FollowStream = ReceiverStream<Result<proto::ConnectionEvent, Status>>;

    async fn list(
        &self,
        request: Request<proto::ListConnectionsRequest>,
    ) -> Result<Response<Self::ListStream>, Status> {
        let proto::ListConnectionsRequest { filter, zero } = request.into_inner();
        let filter = filter.unwrap_or_default();
        let family = filter.family;
        if zero && filter != (proto::ConnectionFilter { family, ..Default::default() }) {
            let message =
                "counters are set to zero by family only; leave zero or the rest of the filter out";
            return Err(Status::invalid_argument(message));
        }
        let filter = Filter::read(filter)?;
        let plane = Arc::clone(&self.plane);
        let (sender, receiver) = mpsc::channel(BACKLOG);
        tokio::task::spawn_blocking(move || {
            let walked = pages::matching(&plane, &filter, zero, |worker, page| {
                let mut page = page.iter().map(|listed| message::connection(worker.id, listed));
                page.all(|connection| sender.blocking_send(Ok(connection)).is_ok())
            });
            if let Err(stalled) = walked {
                // The client may have gone; then nobody is to be told.
                drop(sender.blocking_send(Err(stalled.into())));
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn delete(
        &self,
        request: Request<proto::DeleteConnectionsRequest>,
    ) -> Result<Response<proto::DeleteConnectionsResponse>, Status> {
        let filter = Filter::read(request.into_inner().filter.unwrap_or_default())?;
        let plane = Arc::clone(&self.plane);
        let deleted = blocking(move || {
            let mut deleted = Vec::new();
            pages::remove(&plane, &filter, |worker, page| {
                deleted.extend(page.iter().map(|listed| message::connection(worker.id, listed)));
            })?;
            Ok(deleted)
        })
        .await?;
        let count = deleted.len() as u64;
        Ok(Response::new(proto::DeleteConnectionsResponse { deleted, count }))
    }

    async fn flush(
        &self,
        request: Request<proto::FlushConnectionsRequest>,
    ) -> Result<Response<proto::FlushConnectionsResponse>, Status> {
        let family = request.into_inner().family;
        let filter = Filter::read(proto::ConnectionFilter { family, ..Default::default() })?;
        let plane = Arc::clone(&self.plane);
        let count = blocking(move || {
            let mut count = 0;
            pages::remove(&plane, &filter, |_, page| count += page.len() as u64)?;
            Ok(count)
        })
        .await?;
        Ok(Response::new(proto::FlushConnectionsResponse { count }))
    }

    async fn count(
        &self,
        _: Request<proto::CountConnectionsRequest>,
    ) -> Result<Response<proto::CountConnectionsResponse>, Status> {
        let workers = self.plane.workers.iter();
        let count = workers.map(|worker| worker.counters.get(Counter::Connections)).sum();
        let max = self.plane.lock().snapshot().conntrack.max.into();
        Ok(Response::new(proto::CountConnectionsResponse { count, max }))
    }

    async fn follow(
        &self,
        request: Request<proto::FollowConnectionsRequest>,
    ) -> Result<Response<Self::FollowStream>, Status> {
        let asked = request.into_inner();
        let filter = Filter::read(asked.filter.unwrap_or_default())?;
        let permit = Arc::clone(&self.followers).try_acquire_owned().map_err(|_| {
            Status::resource_exhausted(format!("{FOLLOWERS} clients follow connections already"))
        })?;
        let (sender, receiver) = mpsc::channel(BACKLOG);
        let follower = follow::Follower::new(filter, asked.kinds);
        let hub = Arc::clone(&self.hub);
        tokio::spawn(async move {
            follower.run(hub, sender).await;
            drop(permit);
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

/// Runs what waits for workers where waiting is allowed.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, pages::Stalled> + Send + 'static,
) -> Result<T, Status> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(Status::internal("the request was broken off")),
    }
}
