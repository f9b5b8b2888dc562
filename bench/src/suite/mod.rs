//! The suite: scenarios by name, and how they are run.

mod packets;
mod scenario;

pub(crate) use packets::Effort;
pub(crate) use scenario::{Scenario, all};
