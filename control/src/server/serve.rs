//! Listening: sockets, reflection, health, and the end.

use super::{Plane, config, conntrack, metrics, network, recent, rules, sets, stats, trace};
use crate::proto;
use sluice_config::gateway::{Api, Listen};
use std::future::{Future, IntoFuture};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;
use tokio_stream::wrappers::{TcpListenerStream, UnixListenerStream};
use tonic::service::RoutesBuilder;
use tonic::transport::Server;

/// Why the API cannot be served.
#[derive(Debug, Error)]
pub enum ServerError {
    /// The asynchronous runtime did not start.
    #[error("the API's runtime did not start: {0}")]
    Runtime(std::io::Error),
    /// An address cannot be listened on.
    #[error("{address}: cannot listen: {source}; {remedy}")]
    Listen {
        /// The address.
        address: String,
        /// What the system said.
        source: std::io::Error,
        /// What to do.
        remedy: &'static str,
    },
    /// Another gateway answers there.
    #[error("{}: another sluice is listening; stop it, or give this one another api.listen", .0.display())]
    Busy(PathBuf),
    /// Reflection could not be built.
    #[error("reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// Serving failed.
    #[error("the API failed: {0}")]
    Serve(#[from] tonic::transport::Error),
}

/// Sockets that are listened on, and nobody answers yet. Those of files go away with it.
#[derive(Debug)]
pub struct Listeners {
    unix: Vec<(PathBuf, UnixListener)>,
    tcp: Vec<TcpListener>,
    metrics: Option<TcpListener>,
}

impl Drop for Listeners {
    fn drop(&mut self) {
        for (path, _) in &self.unix {
            drop(std::fs::remove_file(path));
        }
    }
}

/// Listens on every address of `api`; before anything else is started, so that a refusal leaves nothing.
///
/// # Errors
/// Names the address that cannot be listened on.
pub fn listen(api: &Api) -> Result<Listeners, ServerError> {
    let mut listeners = Listeners { unix: Vec::new(), tcp: Vec::new(), metrics: None };
    for listen in &api.listen {
        match listen {
            Listen::Unix(path) => listeners.unix.push((path.clone(), unix(path)?)),
            Listen::Tcp(address) => {
                listeners.tcp.push(tcp(address, "choose another address or port in api.listen")?);
            }
        }
    }
    let remedy = "choose another address or port in api.metrics";
    listeners.metrics = api.metrics.as_ref().map(|address| tcp(address, remedy)).transpose()?;
    Ok(listeners)
}

/// Serves the API until `stop` resolves. Blocks the calling thread.
///
/// # Errors
/// When it cannot be served.
pub fn serve(
    plane: Arc<Plane>,
    listeners: Listeners,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServerError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(ServerError::Runtime)?;
    let result = runtime.block_on(run(plane, &listeners, stop));
    // Calls that wait for a worker end by their own time limit.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    result
}

async fn run(
    plane: Arc<Plane>,
    listeners: &Listeners,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServerError> {
    let (tell, told) = tokio::sync::watch::channel(false);
    let mut tasks = tokio::task::JoinSet::new();
    let stopped = || {
        let mut told = told.clone();
        async move { drop(told.wait_for(|stop| *stop).await) }
    };
    for (_, listener) in &listeners.unix {
        let listener = listener.try_clone().and_then(tokio::net::UnixListener::from_std);
        let incoming = UnixListenerStream::new(listener.map_err(ServerError::Runtime)?);
        let server = Server::builder().add_routes(routes(&plane).await?);
        tasks.spawn(server.serve_with_incoming_shutdown(incoming, stopped()));
    }
    for listener in &listeners.tcp {
        let listener = listener.try_clone().and_then(tokio::net::TcpListener::from_std);
        let incoming = TcpListenerStream::new(listener.map_err(ServerError::Runtime)?);
        let server = Server::builder().add_routes(routes(&plane).await?);
        tasks.spawn(server.serve_with_incoming_shutdown(incoming, stopped()));
    }
    if let Some(listener) = &listeners.metrics {
        let listener = listener.try_clone().and_then(tokio::net::TcpListener::from_std);
        let listener = listener.map_err(ServerError::Runtime)?;
        let server = axum::serve(listener, metrics::router(&plane));
        let server = server.with_graceful_shutdown(stopped()).into_future();
        tasks.spawn(async {
            // It ends when it is told to, and in no other way.
            drop(server.await);
            Ok(())
        });
    }
    stop.await;
    let _ = tell.send(true);
    // Streams that a client keeps open must not keep the gateway: a second, then they are cut.
    let rest = async { while tasks.join_next().await.is_some() {} };
    drop(tokio::time::timeout(std::time::Duration::from_secs(1), rest).await);
    Ok(())
}

/// All services over one plane, for whoever serves or calls them.
///
/// # Errors
/// When reflection cannot be built.
pub async fn routes(plane: &Arc<Plane>) -> Result<tonic::service::Routes, ServerError> {
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<proto::config_service_server::ConfigServiceServer<config::Config>>().await;
    health.set_serving::<proto::stats_service_server::StatsServiceServer<stats::Stats>>().await;
    health
        .set_serving::<proto::conntrack_service_server::ConntrackServiceServer<conntrack::Conntrack>>()
        .await;
    health
        .set_serving::<proto::network_service_server::NetworkServiceServer<network::Network>>()
        .await;
    health.set_serving::<proto::recent_service_server::RecentServiceServer<recent::Lists>>().await;
    health.set_serving::<proto::rules_service_server::RulesServiceServer<rules::Rules>>().await;
    health.set_serving::<proto::sets_service_server::SetsServiceServer<sets::NamedSets>>().await;
    health.set_serving::<proto::trace_service_server::TraceServiceServer<trace::Trace>>().await;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(proto::FILE_DESCRIPTOR_SET)
        .build_v1()?;
    let mut builder = RoutesBuilder::default();
    builder
        .add_service(health_service)
        .add_service(reflection)
        .add_service(config::service(plane))
        .add_service(stats::service(plane))
        .add_service(conntrack::service(plane))
        .add_service(network::service(plane))
        .add_service(recent::service(plane))
        .add_service(rules::service(plane))
        .add_service(sets::service(plane))
        .add_service(trace::service(plane));
    Ok(builder.routes())
}

fn tcp(address: &SocketAddr, remedy: &'static str) -> Result<TcpListener, ServerError> {
    let bound = TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    bound.map_err(|source| ServerError::Listen { address: address.to_string(), source, remedy })
}

/// A socket for the owner alone; one that nobody answers on any more is replaced.
fn unix(path: &Path) -> Result<UnixListener, ServerError> {
    let failed = |source| ServerError::Listen {
        address: format!("unix:{}", path.display()),
        source,
        remedy: "check that the folder can be written, or name another socket in api.listen",
    };
    if UnixStream::connect(path).is_ok() {
        return Err(ServerError::Busy(path.to_owned()));
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    drop(std::fs::remove_file(path));
    let listener = UnixListener::bind(path).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
    Ok(listener)
}
