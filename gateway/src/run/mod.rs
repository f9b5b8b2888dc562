//! `sluice run`: opens ports and twins, starts workers, the housekeeper and the API, and takes them down
//! again in the opposite order.
//!
//! ```text
//!   main thread ── tokio: gRPC, signals        owns Controller (behind a mutex)
//!   housekeeper ── neighbours, retired snapshots, multicast groups, watchdog
//!   sockets ── what the host's programs listen to, for rules that ask
//!   reporter ── what LOG and NFLOG tell, written down
//!   worker 0..n ── poll loops, pinned          own connections, queues, counters
//! ```

mod again;
mod clock;
mod fatal;
mod host;
mod housekeeper;
mod memberships;
mod oversized;
mod ports;
mod preflight;
mod reporter;
mod sockets;
mod views;
mod workers;

use anyhow::{Context, Result};
use sluice_control::candidate::{self, Texts};
use sluice_control::controller::{Controller, Parts};
use sluice_control::routes::Routes;
use sluice_control::server::{self, Insight, Plane};
use sluice_dataplane::fib::Fib;
use sluice_dataplane::neighbour::{Machine, NeighbourTable, Settings as NeighbourSettings};
use sluice_dataplane::published::{Published, Quiescence};
use sluice_dataplane::rules::Rules;
use sluice_dataplane::snapshot::{IpSettings, Snapshot};
use sluice_dataplane::stamp::Stamp;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tracing::info;

/// Neighbours the gateway can know; the kernel's gc_thresh3 is 1,024.
const NEIGHBOURS: usize = 8192;
/// Blocks of 1 KiB a FIB may grow to: several million routes.
const FIB_BLOCKS: usize = 1 << 18;

/// Runs the gateway in the foreground until SIGTERM or SIGINT.
///
/// # Errors
/// What kept it from starting: nothing is left running.
pub(crate) fn run(file: &Path) -> Result<ExitCode> {
    logging();
    fatal::end_on_panic();
    // Only once all that the failed start had taken is given back.
    start(file).map_err(again::start)
}

fn start(file: &Path) -> Result<ExitCode> {
    let texts = read_texts(file)?;
    let candidate = match candidate::read(texts) {
        Ok(candidate) => candidate,
        Err(diagnostics) => {
            for diagnostic in &diagnostics {
                eprintln!("{diagnostic}");
            }
            return Ok(ExitCode::FAILURE);
        }
    };
    let _claims = preflight::check(&candidate.config)?;
    let sinks = reporter::Sinks::open(&candidate.config.rules)?;
    let listeners = server::listen(&candidate.config.api)?;
    let opened = ports::open(&candidate.config)?;
    info!(memory = %opened.eal.memory_mode(), "EAL started");
    let count = candidate.config.gateway.workers.count();
    let table = NeighbourTable::new(NEIGHBOURS, workers::secret());
    let published = Arc::new(Published::new(Arc::new(empty_snapshot(count))));
    let quiescence = Quiescence::new(count);
    let (fib4, writer4) = Fib::new(FIB_BLOCKS)?;
    let (fib6, writer6) = Fib::new(FIB_BLOCKS)?;
    let shared = workers::shared(count, &candidate.config, Arc::clone(&table));
    let controller = Controller::start(Parts {
        candidate: candidate.clone(),
        open: opened.open.clone(),
        workers: count,
        routes: Routes::new(writer4, writer6),
        neighbours: Machine::new(table, NeighbourSettings::default()),
        published: Arc::clone(&published),
    })?;
    host::configure(&candidate.config, &opened)?;
    let stop = Arc::new(AtomicBool::new(false));
    let fibs = workers::Fibs { v4: fib4, v6: fib6 };
    let started =
        workers::start(&candidate.config, opened, &shared, &published, &quiescence, &fibs, &stop)?;
    let plane = Arc::new(Plane {
        controller: Mutex::new(controller),
        changing: tokio::sync::Mutex::default(),
        workers: started.handles.clone(),
        hardware: Arc::new(started.machine()),
        journal: Arc::clone(&started.journal),
        expected: started.expected.clone(),
        insight: Insight {
            traces: Arc::clone(&shared.traces),
            fib4: fibs.v4,
            fib6: fibs.v6,
            neighbours: Arc::clone(&shared.neighbours),
            sockets: Arc::clone(&shared.sockets),
            tell_time: clock::tell,
        },
        clock: clock::now,
    });
    let twins = ports::twins(&candidate.config);
    let housekeeper = housekeeper::start(
        Arc::clone(&plane),
        Arc::clone(&shared),
        &quiescence,
        twins.clone(),
        Arc::clone(&stop),
    )?;
    let sockets = sockets::start(published, Arc::clone(&shared.sockets), twins, Arc::clone(&stop))?;
    let watches = started.machine().watches;
    let oversized =
        oversized::start(&candidate.config, watches, Arc::clone(&plane), Arc::clone(&stop))?;
    let reports = Arc::clone(&shared.reports);
    let reporter = reporter::start(Arc::clone(&plane), reports, sinks, Arc::clone(&stop))?;
    let served = server::serve(Arc::clone(&plane), listeners, clock::stop_signal());
    info!("stopping");
    stop.store(true, Ordering::Release);
    let healthy = housekeeper.join().is_ok() && sockets.join().is_ok() && oversized.join().is_ok();
    let clean = workers::join(started) && healthy && reporter.join().is_ok();
    served.context("the API stopped")?;
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Log lines go to stderr, as a service manager expects.
fn logging() {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
}

fn empty_snapshot(workers: usize) -> Snapshot {
    Snapshot {
        number: 0,
        interfaces: Default::default(),
        next_hops: Vec::new(),
        rules4: Rules::empty(workers),
        rules6: Rules::empty(workers),
        ip: IpSettings::default(),
        conntrack: Default::default(),
        stamp: Stamp::fresh(),
    }
}

/// Reads the configuration and the rule files it names; relative names are relative to it.
fn read_texts(file: &Path) -> Result<Texts> {
    let read = |path: &Path| {
        std::fs::read_to_string(path).with_context(|| format!("{}: cannot be read", path.display()))
    };
    let toml = read(file)?;
    let name = file.display().to_string();
    let rules = match sluice_config::Config::parse(&toml, &name) {
        Ok(config) => config.rules,
        // Read again, and said in full, by the caller.
        Err(_) => Default::default(),
    };
    let beside =
        |path: &PathBuf| file.parent().map_or_else(|| path.clone(), |folder| folder.join(path));
    let rule_file = |path: Option<&PathBuf>| -> Result<Option<(String, String)>> {
        let Some(path) = path.map(beside) else { return Ok(None) };
        Ok(Some((path.display().to_string(), read(&path)?)))
    };
    Ok(Texts {
        iptables: rule_file(rules.iptables.as_ref())?,
        ip6tables: rule_file(rules.ip6tables.as_ref())?,
        ipset: rule_file(rules.ipset.as_ref())?,
        file: name,
        toml,
    })
}
