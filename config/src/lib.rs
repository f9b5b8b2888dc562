//! Sluice's configuration language: text → typed model → text again. Pure: no I/O, no DPDK.
//!
//! ```text
//!  sluice.toml ──▶ gateway::Config ──▶ sluice.toml
//!  rules.v4    ──▶ netfilter::Ruleset ──▶ iptables-save, -S, -L
//! ```
//!
//! Every error is a [`Diagnostic`]: file, line, column, what is wrong and what to write instead.

pub mod diagnostic;
pub mod gateway;
pub mod ipset;
pub mod netfilter;
pub mod sysctl;

pub use diagnostic::Diagnostic;
pub use gateway::Config;
