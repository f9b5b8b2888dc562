//! `sluice conntrack`: the connection table with conntrack-tools 1.4.7's options and lines.
//!
//! ```text
//!  words ─options─▶ Ask ─filter─▶ ConnectionFilter ──gRPC──▶ Connection ─text─▶ line
//! ```

mod filter;
mod options;
pub(super) mod protocol;
mod text;

use std::process::ExitCode;

use sluice_control::proto::{
    Connection, ConnectionEventKind, ConnectionFilter, CountConnectionsRequest,
    DeleteConnectionsRequest, FlushConnectionsRequest, FollowConnectionsRequest, GetStatsRequest,
    ListConnectionsRequest,
};
use tokio::signal::unix::{SignalKind, signal};

use super::failure::Failure;
use super::output;
use super::remote::Remote;
use options::{Ask, Task};
use text::Style;

/// The name and version that stand before every message of the original.
const SELF: &str = "conntrack v1.4.7 (conntrack-tools)";

/// Runs `conntrack`.
pub(crate) async fn run(words: &[String], remote: &Remote) -> Result<ExitCode, Failure> {
    match options::parse(words)? {
        Ask::Help => output::print(options::HELP)?,
        Ask::Version => output::print(&format!("{SELF}\n"))?,
        Ask::Expectations => complain("0 expectations have been shown."),
        Ask::Table(task) => return perform(*task, remote).await,
    }
    Ok(ExitCode::SUCCESS)
}

async fn perform(task: Task, remote: &Remote) -> Result<ExitCode, Failure> {
    match task {
        Task::List { filter, style, zero } => {
            let shown = list(remote, filter, style, zero).await?;
            complain(&format!("{shown} flow entries have been shown."));
        }
        Task::Get { filter, style } => {
            if list(remote, filter, style, false).await? == 0 {
                return Err(failed("Operation failed: such conntrack doesn't exist"));
            }
            complain("1 flow entries have been shown.");
        }
        Task::Delete { filter, style } => return delete(remote, filter, style).await,
        Task::Follow { filter, kinds, style } => follow(remote, filter, kinds, style).await?,
        Task::Flush { family } => {
            let request = FlushConnectionsRequest { family: family.into() };
            remote.conntrack().await?.flush(request).await?;
            complain("connection tracking table has been emptied.");
        }
        Task::Count => {
            let answer = remote.conntrack().await?.count(CountConnectionsRequest {}).await?;
            output::print(&format!("{}\n", answer.into_inner().count))?;
        }
        Task::Stats => {
            let answer = remote.stats().await?.get(GetStatsRequest {}).await?.into_inner();
            let lines = answer.workers.iter().map(text::statistics);
            output::print(&lines.collect::<String>())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints what passes the filter, as it arrives; returns how many did.
async fn list(
    remote: &Remote,
    filter: ConnectionFilter,
    style: Style,
    zero: bool,
) -> Result<u64, Failure> {
    let request = ListConnectionsRequest { filter: Some(filter), zero };
    let mut stream = remote.conntrack().await?.list(request).await?.into_inner();
    let mut shown = 0;
    let mut lines = String::new();
    while let Some(connection) = stream.message().await? {
        push_line(&mut lines, &connection, style);
        shown += 1;
        // Large tables are written in large pieces.
        if lines.len() > 60_000 {
            output::print(&std::mem::take(&mut lines))?;
        }
    }
    output::print(&lines)?;
    Ok(shown)
}

async fn delete(
    remote: &Remote,
    filter: ConnectionFilter,
    style: Style,
) -> Result<ExitCode, Failure> {
    let request = DeleteConnectionsRequest { filter: Some(filter) };
    let answer = remote.conntrack().await?.delete(request).await?.into_inner();
    let mut lines = String::new();
    for connection in &answer.deleted {
        push_line(&mut lines, connection, style);
    }
    output::print(&lines)?;
    complain(&format!("{} flow entries have been deleted.", answer.count));
    // As the original: to have deleted nothing is to have failed.
    Ok(if answer.count == 0 { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// Prints events until SIGINT or SIGTERM.
async fn follow(
    remote: &Remote,
    filter: ConnectionFilter,
    kinds: Vec<ConnectionEventKind>,
    style: Style,
) -> Result<(), Failure> {
    let kinds = kinds.into_iter().map(i32::from).collect();
    let request = FollowConnectionsRequest { filter: Some(filter), kinds };
    let mut stream = remote.conntrack().await?.follow(request).await?.into_inner();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut shown = 0_u64;
    loop {
        let event = tokio::select! {
            event = stream.message() => event?,
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
        };
        let Some(event) = event else {
            return Err(failed("the gateway ended the events; is it still running?"));
        };
        if event.lost > 0 {
            complain(&format!("{} events were lost: they came too fast to be read.", event.lost));
        }
        output::print(&text::event(&event, style))?;
        shown += 1;
    }
    complain(&format!("{shown} flow events have been shown."));
    Ok(())
}

fn push_line(lines: &mut String, connection: &Connection, style: Style) {
    lines.push_str(&text::entry(connection, style));
    lines.push('\n');
}

fn complain(message: &str) {
    output::complain(&format!("{SELF}: {message}"));
}

/// Failure in the original's form.
fn failed(message: &str) -> Failure {
    Failure::Verbatim(format!("{SELF}: {message}"))
}

/// Wrong usage in the original's form.
fn usage(message: &str) -> Failure {
    Failure::UsageVerbatim(format!(
        "{SELF}: {message}\nTry `conntrack -h' or 'conntrack --help' for more information."
    ))
}
