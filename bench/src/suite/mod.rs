//! The suite: scenarios by name, and how they are run.

mod kernel;
mod live;
mod measure;
mod namespace;
mod packets;
mod processes;
mod scale;
mod scenario;
mod tables;
mod wire;

pub(crate) use packets::Effort;
pub(crate) use scenario::{Scenario, all};
pub(crate) use tables::memory;
