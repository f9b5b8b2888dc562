//! The gateway starts itself again, once, when another process took the huge pages that it had counted on: EAL
//! cannot be started a second time in one process.

use anyhow::{Context, Error};
use std::os::unix::process::CommandExt;
use std::process::Command;
use tracing::warn;

/// In the environment of the second start.
const WITHOUT_HUGE_PAGES: &str = "SLUICE_WITHOUT_HUGE_PAGES";

/// Whether this is the second start, which does without huge pages.
pub(super) fn is_second() -> bool {
    std::env::var_os(WITHOUT_HUGE_PAGES).is_some()
}

/// Starts this program anew in this process, where that may cure `error`; returns where it does not.
pub(super) fn start(error: Error) -> Error {
    let taken = matches!(error.downcast_ref(), Some(dpdk::Error::HugePagesTaken { .. }));
    if !taken || is_second() {
        return error;
    }
    warn!("{error:#}: doing so");
    let again = || -> anyhow::Result<std::convert::Infallible> {
        let program = std::env::current_exe().context("cannot find this program")?;
        let mut command = Command::new(program);
        command.args(std::env::args_os().skip(1)).env(WITHOUT_HUGE_PAGES, "1");
        Err(command.exec()).context("cannot start this program again")
    };
    again().map_or_else(|failed| error.context(format!("{failed:#}")), |never| match never {})
}
