//! Sluice's control plane.

pub mod proto;
