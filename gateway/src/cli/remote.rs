//! The connection to the gateway: opened when the first call needs it, so that wrong usage never
//! depends on a running gateway.

use std::time::Duration;

use sluice_control::proto::config_service_client::ConfigServiceClient;
use sluice_control::proto::conntrack_service_client::ConntrackServiceClient;
use sluice_control::proto::network_service_client::NetworkServiceClient;
use sluice_control::proto::recent_service_client::RecentServiceClient;
use sluice_control::proto::rules_service_client::RulesServiceClient;
use sluice_control::proto::sets_service_client::SetsServiceClient;
use sluice_control::proto::stats_service_client::StatsServiceClient;
use sluice_control::proto::trace_service_client::TraceServiceClient;
use tonic::transport::{Channel, Endpoint};

use super::failure::{Failure, strerror};

/// How long a gateway may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A gateway's address.
pub(crate) struct Remote {
    address: String,
}

impl Remote {
    /// `unix:PATH`, `tcp:HOST:PORT` or `http://HOST:PORT`.
    pub(crate) fn new(address: String) -> Self {
        Self { address }
    }

    pub(crate) async fn config(&self) -> Result<ConfigServiceClient<Channel>, Failure> {
        let client = ConfigServiceClient::new(self.connect().await?);
        Ok(client.max_decoding_message_size(usize::MAX))
    }

    pub(crate) async fn stats(&self) -> Result<StatsServiceClient<Channel>, Failure> {
        let client = StatsServiceClient::new(self.connect().await?);
        Ok(client.max_decoding_message_size(usize::MAX))
    }

    pub(crate) async fn conntrack(&self) -> Result<ConntrackServiceClient<Channel>, Failure> {
        let client = ConntrackServiceClient::new(self.connect().await?);
        Ok(client.max_decoding_message_size(usize::MAX))
    }

    pub(crate) async fn network(&self) -> Result<NetworkServiceClient<Channel>, Failure> {
        let client = NetworkServiceClient::new(self.connect().await?);
        Ok(client.max_decoding_message_size(usize::MAX))
    }

    pub(crate) async fn recent(&self) -> Result<RecentServiceClient<Channel>, Failure> {
        Ok(RecentServiceClient::new(self.connect().await?))
    }

    pub(crate) async fn rules(&self) -> Result<RulesServiceClient<Channel>, Failure> {
        let client = RulesServiceClient::new(self.connect().await?);
        Ok(client.max_decoding_message_size(usize::MAX))
    }

    pub(crate) async fn sets(&self) -> Result<SetsServiceClient<Channel>, Failure> {
        let client = SetsServiceClient::new(self.connect().await?);
        Ok(client.max_decoding_message_size(usize::MAX))
    }

    pub(crate) async fn trace(&self) -> Result<TraceServiceClient<Channel>, Failure> {
        let client = TraceServiceClient::new(self.connect().await?);
        Ok(client.max_decoding_message_size(usize::MAX))
    }

    async fn connect(&self) -> Result<Channel, Failure> {
        let endpoint = endpoint_text(&self.address)?;
        let endpoint = Endpoint::from_shared(endpoint)
            .map_err(|_| bad_address(&self.address))?
            .connect_timeout(CONNECT_TIMEOUT);
        endpoint.connect().await.map_err(|error| unreachable(&self.address, &root_cause(&error)))
    }
}

/// The address in tonic's words.
fn endpoint_text(address: &str) -> Result<String, Failure> {
    if let Some(path) = address.strip_prefix("unix:") {
        return match path.trim_start_matches("//") {
            "" => Err(bad_address(address)),
            _ => Ok(address.to_owned()),
        };
    }
    if let Some(host) = address.strip_prefix("tcp:") {
        return match host {
            "" => Err(bad_address(address)),
            _ => Ok(format!("http://{}", host.trim_start_matches("//"))),
        };
    }
    match address.starts_with("http://") {
        true => Ok(address.to_owned()),
        false => Err(bad_address(address)),
    }
}

fn bad_address(address: &str) -> Failure {
    Failure::Usage(format!(
        "`{address}` is no address of a gateway: write unix:PATH, tcp:HOST:PORT or http://HOST:PORT"
    ))
}

fn unreachable(address: &str, reason: &str) -> Failure {
    let remedy = if reason.contains("Permission denied") {
        "the socket belongs to the user that runs the gateway: use that user or root"
    } else {
        "is sluice running? start it with `sluice run -c FILE`, or name another with -S ADDRESS"
    };
    Failure::Unreachable {
        address: address.to_owned(),
        reason: reason.to_owned(),
        remedy: remedy.to_owned(),
    }
}

/// The innermost error: "No such file or directory" says more than "transport error".
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    strerror(&cause.to_string()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_all_their_forms() {
        assert_eq!(endpoint_text("unix:/a/b").expect("path"), "unix:/a/b");
        assert_eq!(endpoint_text("tcp:[::1]:9").expect("tcp"), "http://[::1]:9");
        assert_eq!(endpoint_text("http://h:9").expect("http"), "http://h:9");
        for wrong in ["", "unix:", "unix://", "tcp:", "/run/x.sock", "ftp://h"] {
            assert!(endpoint_text(wrong).is_err(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_missing_gateway_is_named_with_a_remedy() {
        let remote = Remote::new("unix:/nonexistent/sluice.sock".into());
        let failure = remote.connect().await.expect_err("nothing listens there");
        let line = failure.line("stats").expect("a line");
        assert!(line.contains("unix:/nonexistent/sluice.sock"), "{line}");
        assert!(line.contains("is sluice running?"), "{line}");
        assert!(line.contains("No such file"), "{line}");
        assert_eq!(failure.exit_code(), std::process::ExitCode::from(1));
    }
}
