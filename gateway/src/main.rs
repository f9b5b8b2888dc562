//! The `sluice` binary: the gateway itself and every tool of its operator. Dispatch only.
//!
//! ```text
//!  argv[0] = iptables-save, ip6tables, conntrack, …  ─┐
//!  sluice -S ADDRESS iptables-save …                 ─┴─▶ cli ── gRPC ──▶ a running gateway
//! ```

mod cli;
mod run;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main(std::env::args().collect())
}
