//! Owns the steps of a conversation that is being drawn.

use sluice_tests::frame::Packet;

use super::packets::Answer;
use super::round::Action;

/// What its hosts do, in order; a step is named by its place.
pub(super) struct Steps {
    /// Whether the host that begins it is inside.
    pub(super) inside: bool,
    pub(super) list: Vec<Action>,
}

impl Steps {
    pub(super) fn begun(inside: bool) -> Self {
        Self { inside, list: Vec::new() }
    }

    /// Whoever begins it sends a packet. Returns the step's place.
    pub(super) fn send(&mut self, packet: Packet) -> usize {
        self.list.push(Action::Send { inside: self.inside, packet });
        self.list.len() - 1
    }

    /// Whoever got what came of another step answers. Returns the step's place.
    pub(super) fn answer(&mut self, of: usize, how: Answer) -> usize {
        self.list.push(Action::Answer { of, how });
        self.list.len() - 1
    }
}
