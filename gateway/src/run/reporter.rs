//! The thread that tells what LOG and NFLOG have to tell.

use sluice_config::gateway::Rules;
use sluice_control::log::{Sink, line};
use sluice_control::nflog::PacketSink;
use sluice_control::server::Plane;
use sluice_dataplane::interface::Interfaces;
use sluice_dataplane::rules::report::{Report, Reports, Telling};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tracing::warn;

const TURN: Duration = Duration::from_millis(5);
/// Packets written at once.
const BATCH: usize = 2048;

/// Where it writes.
pub(super) struct Sinks {
    /// LOG's lines.
    pub(super) lines: Sink,
    /// NFLOG's packets; none: to nobody.
    pub(super) packets: Option<PacketSink>,
}

impl Sinks {
    /// Opens what the configuration names.
    pub(super) fn open(rules: &Rules) -> anyhow::Result<Self> {
        let packets = rules.nflog.as_ref().map(PacketSink::open).transpose()?;
        Ok(Self { lines: Sink::open(&rules.log)?, packets })
    }

    fn tell(&mut self, report: &Report, interfaces: &Interfaces) -> io::Result<()> {
        match &*report.telling {
            Telling::Line { level, prefix, options } => {
                self.lines.write(*level, &line(prefix, *options, report, interfaces))
            }
            Telling::Packet { group, prefix, size } => match &mut self.packets {
                Some(sink) => sink.packet(report, (*group, prefix, *size), interfaces),
                None => Ok(()),
            },
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.packets.as_mut().map_or(Ok(()), PacketSink::flush)
    }
}

/// Says once that something is not written, until something is again.
#[derive(Default)]
struct Trouble(bool);

impl Trouble {
    fn note(&mut self, done: &io::Result<()>) {
        if let (Err(error), false) = (done, self.0) {
            warn!("packets that LOG or NFLOG told of are not written: {error}");
        }
        self.0 = done.is_err();
    }
}

/// Starts the thread.
pub(super) fn start(
    plane: Arc<Plane>,
    reports: Arc<Reports>,
    mut sinks: Sinks,
    stop: Arc<AtomicBool>,
) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("reporter".into()).spawn(move || {
        let (mut told, mut sent) = (Trouble::default(), Trouble::default());
        loop {
            // What was told before the end is written too.
            let last = stop.load(Ordering::Acquire);
            if let Some(first) = reports.pop() {
                let interfaces = plane.lock().interfaces.clone();
                let rest = std::iter::from_fn(|| reports.pop());
                for report in std::iter::once(first).chain(rest).take(BATCH) {
                    told.note(&sinks.tell(&report, &interfaces));
                }
            }
            sent.note(&sinks.flush());
            let lost = reports.take_lost();
            if lost > 0 {
                warn!(
                    "LOG, NFLOG: {lost} packets came too fast to be told of; put `-m limit` before -j LOG or NFLOG"
                );
            }
            if last {
                return;
            }
            std::thread::sleep(TURN);
        }
    })
}
