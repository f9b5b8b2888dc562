//! `-m cpu`: which worker has the packet, where the kernel asks which processor has it (kernel `xt_cpu`).

use super::{Condition, Depends};
use crate::address::Address;
use crate::rules::View;

/// A worker's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cpu {
    /// From 0.
    pub number: u32,
    /// `!`.
    pub invert: bool,
}

impl<A: Address> Condition<A> for Cpu {
    fn holds(&self, view: &View<'_, A>) -> bool {
        (u32::from(view.around.worker.0) == self.number) != self.invert
    }
    /// A connection has one worker for all its life, and a worker learns from its own packets only.
    fn depends(&self) -> Depends {
        Depends::Flow
    }
}
