//! The one place that reads the clock and waits for signals.

use sluice_dataplane::time::{Instant, WallClock};
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

/// Time since the process began.
pub(super) fn now() -> Instant {
    static START: OnceLock<std::time::Instant> = OnceLock::new();
    let start = START.get_or_init(std::time::Instant::now);
    // One second ahead, so that no event happens at zero.
    Instant(
        u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX).saturating_add(1_000_000_000),
    )
}

/// Tells workers the time of day. Local time is what `TZ` or /etc/localtime say.
pub(super) fn tell(wall: &WallClock) {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let zone = chrono::Local::now().offset().local_minus_utc();
    wall.set(now(), u64::try_from(unix.as_nanos()).unwrap_or(u64::MAX), zone);
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
