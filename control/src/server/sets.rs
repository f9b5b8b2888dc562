//! ipset over gRPC.

use super::Plane;
use crate::proto;
use crate::proto::sets_service_server::{SetsService, SetsServiceServer};
use crate::sets;
use std::sync::Arc;
use tonic::{Request, Response, Status};

pub(super) struct NamedSets(Arc<Plane>);

pub(super) fn service(plane: &Arc<Plane>) -> SetsServiceServer<NamedSets> {
    // Sets of a million elements are larger than tonic's four megabytes.
    SetsServiceServer::new(NamedSets(Arc::clone(plane))).max_decoding_message_size(usize::MAX)
}

#[tonic::async_trait]
impl SetsService for NamedSets {
    async fn command(
        &self,
        request: Request<proto::SetsCommandRequest>,
    ) -> Result<Response<proto::SetsCommandResponse>, Status> {
        let proto::SetsCommandRequest { arguments, input } = request.into_inner();
        let now = (self.0.clock)();
        let shared = self.0.lock().running.sets.clone();
        // A long restore is no work for the runtime's own threads.
        let done = tokio::task::spawn_blocking(move || sets::run(&shared, &arguments, &input, now));
        let answer = done.await.map_err(|error| Status::internal(error.to_string()))?;
        Ok(Response::new(proto::SetsCommandResponse {
            stdout: answer.stdout,
            stderr: answer.stderr,
            exit_code: answer.code.into(),
        }))
    }
}
