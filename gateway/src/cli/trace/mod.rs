//! `sluice trace`: what becomes of packets, step by step; and `iptables --explain`, the same of a packet that never
//! was.
//!
//! ```text
//!   words ─▶ TraceFilter ──gRPC──▶ TraceStep ─┬─text─▶ lines
//!   words ─▶ ExplainRequest ─gRPC─▶ TraceStep ┴─json─▶ objects
//! ```

mod explain;
mod json;
mod text;
mod words;

use std::process::ExitCode;
use std::time::Duration;

use sluice_control::proto::{FollowTraceRequest, TraceFilter, TraceKind, TraceStep};
use tokio::signal::unix::{SignalKind, signal};

use super::arguments::TraceArgs;
use super::failure::Failure;
use super::output;
use super::remote::Remote;

pub(crate) use explain::run as explain;
pub(crate) use words::{any_port, any_prefix};

/// Runs `sluice trace`.
pub(crate) async fn run(args: &TraceArgs, remote: &Remote) -> Result<ExitCode, Failure> {
    let request = FollowTraceRequest { filter: filter(args)?, count: args.count.unwrap_or(0) };
    let mut stream = remote.trace().await?.follow(request).await?.into_inner();
    if !args.json {
        output::complain("tracing; end with Ctrl-C");
    }
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let limit = tokio::time::sleep(args.timeout.map_or(Duration::MAX, Duration::from_secs));
    tokio::pin!(limit);
    let mut ended = 0;
    while args.count.is_none_or(|count| ended < count) {
        let step = tokio::select! {
            step = stream.message() => step?,
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            () = &mut limit => break,
        };
        let Some(step) = step else {
            return Err(Failure::Refused(
                "the gateway ended the trace; is it still running?".into(),
            ));
        };
        ended += u32::from(step.kind() == TraceKind::End);
        show(&step, args.json)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn show(step: &TraceStep, as_json: bool) -> Result<(), Failure> {
    if step.lost > 0 {
        output::complain(&format!("{} steps were lost: they came too fast to be read", step.lost));
    }
    if as_json {
        output::print_json(&json::step(step), false)?;
    } else {
        output::print(&text::line(step))?;
    }
    Ok(())
}

/// The filter the words describe; none where they name no packet: those that TRACE rules choose.
fn filter(args: &TraceArgs) -> Result<Option<TraceFilter>, Failure> {
    let family = words::family(args.ipv4, args.ipv6);
    let filter = TraceFilter {
        family: family.into(),
        interface: args.interface.clone().unwrap_or_default(),
        protocol: args.protocol.as_deref().map(words::protocol).transpose()?,
        source: args.source.clone(),
        destination: args.destination.clone(),
        host: args.host.clone(),
        source_port: args.sport,
        destination_port: args.dport,
        port: args.port,
    };
    Ok(Some(filter).filter(|filter| args.all || *filter != TraceFilter::default()))
}
