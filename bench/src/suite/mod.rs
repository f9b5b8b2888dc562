//! The suite: scenarios by name, and how they are run.

mod kernel;
mod left;
mod live;
mod loads;
mod measure;
mod namespace;
mod packets;
mod processes;
mod rules;
mod scale;
mod scenario;
mod tables;
mod wire;

pub(crate) use left::Left;
pub(crate) use packets::Effort;
pub(crate) use scenario::{Scenario, all};
pub(crate) use tables::memory;
