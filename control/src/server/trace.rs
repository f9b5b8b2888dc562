//! What becomes of packets, over gRPC.
//!
//! ```text
//!   Follow:  filter ── Request::Trace ──> every worker ── steps ──> ring ── hub ──> clients
//!   Explain: packet ── sluice_dataplane::explain ──> steps
//! ```

mod explain;
mod filter;
mod hub;

use super::Plane;
use crate::proto;
use crate::proto::trace_service_server::{TraceService, TraceServiceServer};
use hub::{Hub, News};
use sluice_dataplane::address::{V4, V6};
use sluice_dataplane::fib::Fib;
use sluice_dataplane::neighbour::NeighbourTable;
use sluice_dataplane::sockets::Sockets;
use sluice_dataplane::time::WallClock;
use sluice_dataplane::trace::Traces;
use std::sync::Arc;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

/// Steps that wait for a client to read them.
const BACKLOG: usize = 1024;

/// What of the data plane is looked into.
#[derive(Debug)]
pub struct Insight {
    /// Where workers tell of packets.
    pub traces: Arc<Traces>,
    /// IPv4 routes.
    pub fib4: Arc<Fib<V4>>,
    /// IPv6 routes.
    pub fib6: Arc<Fib<V6>>,
    /// Neighbours.
    pub neighbours: Arc<NeighbourTable>,
    /// The host's sockets.
    pub sockets: Arc<Sockets>,
    /// Sets a clock to the time of day.
    pub tell_time: fn(&WallClock),
}

pub(super) struct Trace {
    plane: Arc<Plane>,
    hub: Arc<Hub>,
}

pub(super) fn service(plane: &Arc<Plane>) -> TraceServiceServer<Trace> {
    TraceServiceServer::new(Trace { plane: Arc::clone(plane), hub: Hub::new(plane) })
}

#[tonic::async_trait]
impl TraceService for Trace {
    type FollowStream = ReceiverStream<Result<proto::TraceStep, Status>>;

    async fn follow(
        &self,
        request: Request<proto::FollowTraceRequest>,
    ) -> Result<Response<Self::FollowStream>, Status> {
        let asked = request.into_inner();
        let filter = asked.filter.map(|filter| filter::read(filter, asked.count)).transpose()?;
        let (sender, receiver) = mpsc::channel(BACKLOG);
        let (session, news) = Arc::clone(&self.hub).begin(filter).await?;
        tokio::spawn(async move {
            pass_on(session.client(), news, sender).await;
            session.end().await;
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn explain(
        &self,
        request: Request<proto::ExplainRequest>,
    ) -> Result<Response<proto::ExplainResponse>, Status> {
        let (plane, asked) = (Arc::clone(&self.plane), request.into_inner());
        let explained = tokio::task::spawn_blocking(move || explain::explain(&plane, &asked)).await;
        let steps = explained.map_err(|error| Status::internal(error.to_string()))??;
        Ok(Response::new(proto::ExplainResponse { steps }))
    }
}

/// Sends the steps of a client's packets until it goes away. Those that came faster than it reads are counted, and
/// the next step says how many they were.
async fn pass_on(
    client: u32,
    mut news: Receiver<News>,
    sender: mpsc::Sender<Result<proto::TraceStep, Status>>,
) {
    let mut lost = 0;
    loop {
        let heard = tokio::select! {
            heard = news.recv() => heard,
            () = sender.closed() => return,
        };
        match heard {
            Ok(News::Step(clients, step)) if clients & client != 0 => {
                let step = proto::TraceStep { lost, ..proto::TraceStep::clone(&step) };
                if sender.send(Ok(step)).await.is_err() {
                    return;
                }
                lost = 0;
            }
            Ok(News::Step(..)) => {}
            Ok(News::Lost(more)) | Err(RecvError::Lagged(more)) => lost += more,
            Err(RecvError::Closed) => return,
        }
    }
}
