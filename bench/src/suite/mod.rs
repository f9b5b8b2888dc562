//! The suite: scenarios by name, and how they are run.

mod measure;
mod packets;
mod scenario;
mod tables;

pub(crate) use packets::Effort;
pub(crate) use scenario::{Scenario, all};
