//! The thread that tells what LOG has to tell.

use sluice_control::log::{Sink, line};
use sluice_control::server::Plane;
use sluice_dataplane::interface::Interfaces;
use sluice_dataplane::rules::report::{Report, Reports, Telling};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tracing::warn;

const TURN: Duration = Duration::from_millis(5);

/// Starts the thread.
pub(super) fn start(
    plane: Arc<Plane>,
    reports: Arc<Reports>,
    mut sink: Sink,
    stop: Arc<AtomicBool>,
) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("reporter".into()).spawn(move || {
        let mut refused = false;
        loop {
            // What was told before the end is written too.
            let last = stop.load(Ordering::Acquire);
            if let Some(first) = reports.pop() {
                let interfaces = plane.lock().interfaces.clone();
                let rest = std::iter::from_fn(|| reports.pop());
                for report in std::iter::once(first).chain(rest) {
                    let failed = tell(&report, &interfaces, &mut sink).err();
                    if let (Some(error), false) = (&failed, refused) {
                        warn!("packets that LOG told of are not written: {error}");
                    }
                    refused = failed.is_some();
                }
            }
            let lost = reports.take_lost();
            if lost > 0 {
                warn!(
                    "LOG: {lost} packets came too fast to be told of; put `-m limit` before -j LOG"
                );
            }
            if last {
                return;
            }
            std::thread::sleep(TURN);
        }
    })
}

fn tell(report: &Report, interfaces: &Interfaces, sink: &mut Sink) -> std::io::Result<()> {
    match &*report.telling {
        Telling::Line { level, prefix, options } => {
            sink.write(*level, &line(prefix, *options, report, interfaces))
        }
        // Written where NFLOG's packets go.
        Telling::Packet { .. } => Ok(()),
    }
}
