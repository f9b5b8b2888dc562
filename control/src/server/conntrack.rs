//! The connection table over gRPC.
//!
//! Only workers know connections, so each is asked for one page after another:
//!
//! ```text
//!   client <─ stream ─ pages ── Request::List(cursor) ──> worker 0, worker 1 …
//!                        └───── Request::Delete(page) ──>
//! ```
//!
//! Expectations lie in a table that all workers share, and are read there.
//!
//! Waiting is done off the asynchronous threads and has a limit: a dead worker must not hang the API.

mod create;
mod events;
mod expectations;
mod filter;
mod follow;
mod message;
mod pages;

pub use expectations::Expected;
pub(super) use expectations::expectation;
pub(super) use message::connection;
pub(super) use pages::{ask, remove_masqueraded};

use super::Plane;
use crate::proto;
use crate::proto::conntrack_service_server::{ConntrackService, ConntrackServiceServer};
use events::Hub;
use filter::Filter;
use sluice_dataplane::conntrack::{Change, News};
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
    type FollowExpectationsStream = ReceiverStream<Result<proto::ExpectationEvent, Status>>;

    async fn list(
        &self,
        request: Request<proto::ListConnectionsRequest>,
    ) -> Result<Response<Self::ListStream>, Status> {
        let proto::ListConnectionsRequest { filter, zero } = request.into_inner();
        let filter = filter.unwrap_or_default();
        let only = proto::ConnectionFilter {
            family: filter.family,
            source_nat: filter.source_nat.clone(),
            destination_nat: filter.destination_nat.clone(),
            any_nat: filter.any_nat.clone(),
            ..Default::default()
        };
        // As with the kernel, all of a family begin anew, whatever of them is shown.
        if zero && filter != only {
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
        let proto::DeleteConnectionsRequest { filter, portid } = request.into_inner();
        let filter = Filter::read(filter.unwrap_or_default())?;
        let plane = Arc::clone(&self.plane);
        let deleted = blocking(move || {
            let mut deleted = Vec::new();
            pages::remove(&plane, &filter, portid, |worker, page| {
                deleted.extend(page.iter().map(|listed| message::connection(worker.id, listed)));
            })?;
            Ok(deleted)
        })
        .await?;
        let count = deleted.len() as u64;
        Ok(Response::new(proto::DeleteConnectionsResponse { deleted, count }))
    }

    async fn update(
        &self,
        request: Request<proto::UpdateConnectionsRequest>,
    ) -> Result<Response<proto::UpdateConnectionsResponse>, Status> {
        let proto::UpdateConnectionsRequest { filter, change, portid } = request.into_inner();
        let filter = Filter::read(filter.unwrap_or_default())?;
        let asked = change.unwrap_or_default();
        let mark = asked.mark.map(|mark| (mark.value, mark.mask));
        let state = match asked.state.as_str() {
            "" => None,
            name => Some(create::tcp_state(name)?),
        };
        let proto::ConnectionChange { timeout_s, assured, seen_reply, refused, .. } = asked;
        let liberal = asked.liberal || state.is_some();
        let change = Change { timeout_s, mark, assured, seen_reply, liberal, state, refused };
        let plane = Arc::clone(&self.plane);
        let updated = blocking(move || {
            let mut updated = Vec::new();
            pages::update(&plane, &filter, change, portid, |worker, page| {
                updated.extend(page.iter().map(|listed| message::connection(worker.id, listed)));
            })?;
            Ok(updated)
        })
        .await?;
        Ok(Response::new(proto::UpdateConnectionsResponse { updated }))
    }

    async fn create(
        &self,
        request: Request<proto::CreateConnectionRequest>,
    ) -> Result<Response<proto::CreateConnectionResponse>, Status> {
        let (plane, asked) = (Arc::clone(&self.plane), request.into_inner());
        let created = tokio::task::spawn_blocking(move || create::create(&plane, &asked)).await;
        let created = created.map_err(|error| Status::internal(error.to_string()))??;
        Ok(Response::new(proto::CreateConnectionResponse { created: Some(created) }))
    }

    async fn flush(
        &self,
        request: Request<proto::FlushConnectionsRequest>,
    ) -> Result<Response<proto::FlushConnectionsResponse>, Status> {
        let proto::FlushConnectionsRequest { family, portid } = request.into_inner();
        let filter = Filter::read(proto::ConnectionFilter { family, ..Default::default() })?;
        let plane = Arc::clone(&self.plane);
        let count = blocking(move || {
            let mut count = 0;
            pages::remove(&plane, &filter, portid, |_, page| count += page.len() as u64)?;
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
        let follower = follow::Follower::new(filter, asked.kinds);
        self.begin_following(move |news, lost| follower.said(news, lost))
    }

    async fn list_expectations(
        &self,
        request: Request<proto::ListExpectationsRequest>,
    ) -> Result<Response<proto::ListExpectationsResponse>, Status> {
        let expectations = expectations::list(&self.plane, &request.into_inner())?;
        Ok(Response::new(proto::ListExpectationsResponse { expectations }))
    }

    async fn delete_expectation(
        &self,
        request: Request<proto::DeleteExpectationRequest>,
    ) -> Result<Response<proto::DeleteExpectationResponse>, Status> {
        let deleted = expectations::delete(&self.plane, request.into_inner().met_by)?;
        Ok(Response::new(proto::DeleteExpectationResponse { deleted }))
    }

    async fn flush_expectations(
        &self,
        _: Request<proto::FlushExpectationsRequest>,
    ) -> Result<Response<proto::FlushExpectationsResponse>, Status> {
        expectations::clear(&self.plane);
        Ok(Response::new(proto::FlushExpectationsResponse {}))
    }

    async fn follow_expectations(
        &self,
        _: Request<proto::FollowExpectationsRequest>,
    ) -> Result<Response<Self::FollowExpectationsStream>, Status> {
        self.begin_following(expectations::said)
    }
}

impl Conntrack {
    /// A stream of what `say` makes of the news.
    fn begin_following<T: Send + 'static>(
        &self,
        say: impl Fn(&News, u64) -> Option<T> + Send + 'static,
    ) -> Result<Response<ReceiverStream<Result<T, Status>>>, Status> {
        let permit = Arc::clone(&self.followers).try_acquire_owned().map_err(|_| {
            Status::resource_exhausted(format!("{FOLLOWERS} clients follow connections already"))
        })?;
        let (sender, receiver) = mpsc::channel(BACKLOG);
        let hub = Arc::clone(&self.hub);
        tokio::spawn(async move {
            follow::follow(hub, sender, say).await;
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
