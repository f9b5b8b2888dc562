//! Sluice's control plane.

pub mod basis;
pub mod candidate;
pub mod compile;
pub mod controller;
pub mod interfaces;
pub mod log;
pub mod nflog;
pub mod proto;
pub mod routes;
pub mod server;
pub mod sets;
mod solicit;
pub mod tally;
mod timeouts;
mod trace;
