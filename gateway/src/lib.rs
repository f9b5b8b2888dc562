//! The `sluice` binary's inside: the gateway itself and every tool of its operator. Dispatch only.
//!
//! ```text
//!  argv[0] = iptables-save, ip6tables, conntrack, …  ─┐
//!  sluice -S ADDRESS iptables-save …                 ─┴─▶ cli ── gRPC ──▶ a running gateway
//! ```

mod cli;
mod run;

use std::process::ExitCode;

/// Runs a command line, the program's name first; 0 done, 1 refused or failed, 2 usage.
#[must_use]
pub fn main(words: Vec<String>) -> ExitCode {
    cli::main(words)
}
