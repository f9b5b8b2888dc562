//! The one place that reads the clock and waits for signals.

use sluice_dataplane::time::Instant;
use std::sync::OnceLock;

/// Time since the process began.
pub(super) fn now() -> Instant {
    static START: OnceLock<std::time::Instant> = OnceLock::new();
    let start = START.get_or_init(std::time::Instant::now);
    // One second ahead, so that no event happens at zero.
    Instant(
        u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX).saturating_add(1_000_000_000),
    )
}

/// Resolves at SIGTERM or SIGINT.
pub(super) async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut int)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
}
