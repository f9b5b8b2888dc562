//! `sluice conntrack`: the connection table with conntrack-tools 1.4.7's options and lines.
//!
//! ```text
//!  words ─read─▶ Ask ─filter─▶ ConnectionFilter ──gRPC──▶ Connection ─text─▶ line
//! ```

mod command;
mod create;
mod expectations;
mod filter;
mod help;
mod options;
pub(super) mod protocol;
mod read;
mod save;
mod statistics;
mod text;
mod words;
mod xml;

use std::process::{ExitCode, id};

use sluice_control::proto::{
    Connection, ConnectionEventKind, ConnectionFilter, CountConnectionsRequest,
    DeleteConnectionsRequest, Expectation, FlushConnectionsRequest, FollowConnectionsRequest,
    GetStatsRequest, ListConnectionsRequest, UpdateConnectionsRequest,
};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tonic::Streaming;

use super::failure::Failure;
use super::output;
use super::remote::Remote;
use read::{Ask, Task};
use text::Occasion;
use words::{Form, Style};

/// The name and version that stand before every message of the original.
const SELF: &str = "conntrack v1.4.7 (conntrack-tools)";

/// Runs `conntrack`.
pub(crate) async fn run(words: &[String], remote: &Remote) -> Result<ExitCode, Failure> {
    match read::parse(words)? {
        Ask::Help => output::print(help::HELP)?,
        Ask::Version => output::print(&format!("{SELF}\n"))?,
        Ask::Expect(task) => return expectations::perform(task, remote).await,
        Ask::Table(task) => return perform(*task, remote).await,
    }
    Ok(ExitCode::SUCCESS)
}

/// The line of a connection in a listing, without a newline.
pub(super) fn connection_line(connection: &Connection) -> String {
    text::entry(connection, Style::default(), Occasion::Listing)
}

/// The same of an expectation.
pub(super) fn expectation_line(expected: &Expectation) -> String {
    expectations::line(expected)
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
        Task::Update { filter, change, style } => {
            let request = UpdateConnectionsRequest {
                filter: Some(filter),
                change: Some(change),
                portid: id(),
            };
            let refused = request.change.as_ref().is_some_and(|change| change.refused);
            let answer = remote.conntrack().await?.update(request).await?.into_inner();
            if refused && let [first, others @ ..] = answer.updated.as_slice() {
                // As the original, which is told of the first, and gives up with the second.
                output::complain("Operation failed: Device or resource busy");
                if !others.is_empty() {
                    output::print(&(text::entry(first, style, Occasion::Listing) + "\n"))?;
                    return Err(failed("Operation failed: Device or resource busy"));
                }
            }
            return show(&answer.updated, style, Occasion::Listing, "updated");
        }
        Task::Nothing => complain("0 flow entries have been shown."),
        Task::Follow { filter, kinds, style } => follow(remote, filter, kinds, style).await?,
        Task::Flush { family } => {
            let request = FlushConnectionsRequest { family: family.into(), portid: id() };
            remote.conntrack().await?.flush(request).await?;
            complain("connection tracking table has been emptied.");
        }
        Task::Create { asked, unless_there } => {
            let created = create::perform(remote, *asked, unless_there).await?;
            let done = if unless_there { "added" } else { "created" };
            complain(&format!("{created} flow entries have been {done}."));
        }
        Task::Count => {
            let answer = remote.conntrack().await?.count(CountConnectionsRequest {}).await?;
            output::print(&format!("{}\n", answer.into_inner().count))?;
        }
        Task::Stats => {
            let answer = remote.stats().await?.get(GetStatsRequest {}).await?.into_inner();
            let lines = answer.workers.iter().map(statistics::line);
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
    let [head, end] = xml::frame("conntrack");
    let mut shown = 0;
    let mut lines = String::new();
    while let Some(connection) = stream.message().await? {
        if style.form == Form::Xml && shown == 0 {
            lines.push_str(head);
        }
        push_line(&mut lines, &connection, style, Occasion::Listing);
        shown += 1;
        // Large tables are written in large pieces.
        if lines.len() > 60_000 {
            output::print(&std::mem::take(&mut lines))?;
        }
    }
    if style.form == Form::Xml && shown > 0 {
        lines.push_str(end);
    }
    output::print(&lines)?;
    Ok(shown)
}

async fn delete(
    remote: &Remote,
    filter: ConnectionFilter,
    style: Style,
) -> Result<ExitCode, Failure> {
    let request = DeleteConnectionsRequest { filter: Some(filter), portid: id() };
    let answer = remote.conntrack().await?.delete(request).await?.into_inner();
    show(&answer.deleted, style, Occasion::Deletion, "deleted")
}

/// Prints what has been done to connections. As the original: to have done nothing is to have failed.
fn show(
    connections: &[Connection],
    style: Style,
    occasion: Occasion,
    done: &str,
) -> Result<ExitCode, Failure> {
    let mut lines = String::new();
    for connection in connections {
        push_line(&mut lines, connection, style, occasion);
    }
    output::print(&lines)?;
    complain(&format!("{} flow entries have been {done}.", connections.len()));
    Ok(if connections.is_empty() { ExitCode::from(1) } else { ExitCode::SUCCESS })
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
    let mut interrupts = Interrupts::new()?;
    let [head, end] = xml::frame("conntrack");
    let mut shown = 0_u64;
    while let Some(event) = interrupts.next(&mut stream).await? {
        complain_of_lost(event.lost);
        let head = if style.form == Form::Xml && shown == 0 { head } else { "" };
        output::print(&format!("{head}{}", text::event(&event, style)))?;
        shown += 1;
    }
    if style.form == Form::Xml && shown > 0 {
        output::print(end)?;
    }
    complain(&format!("{shown} flow events have been shown."));
    Ok(())
}

/// What ends the following of events.
struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    fn new() -> Result<Self, Failure> {
        let interrupt = signal(SignalKind::interrupt())?;
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self { interrupt, terminate })
    }

    /// The next event; none after SIGINT or SIGTERM.
    async fn next<T>(&mut self, stream: &mut Streaming<T>) -> Result<Option<T>, Failure> {
        let event = tokio::select! {
            event = stream.message() => event?,
            _ = self.interrupt.recv() => return Ok(None),
            _ = self.terminate.recv() => return Ok(None),
        };
        let ended = || failed("the gateway ended the events; is it still running?");
        event.map(Some).ok_or_else(ended)
    }
}

fn complain_of_lost(lost: u64) {
    if lost > 0 {
        complain(&format!("{lost} events were lost: they came too fast to be read."));
    }
}

fn push_line(lines: &mut String, connection: &Connection, style: Style, occasion: Occasion) {
    lines.push_str(&text::entry(connection, style, occasion));
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
