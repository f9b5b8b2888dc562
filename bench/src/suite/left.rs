//! What a scenario leaves to the next: connections, which take far longer to make than to measure.

use super::packets;
use super::scenario::{Established, OUT};
use crate::machine::Machine;
use crate::rig::Rig;
use anyhow::Result;
use std::cell::RefCell;
use std::rc::Rc;

/// A worker that several scenarios send packets to, one after the other.
pub(super) type SharedRig = Rc<RefCell<Rig>>;

/// The connections of the scenario before, if it had some.
#[derive(Default)]
pub(crate) struct Left(Option<(Established, SharedRig)>);

impl Left {
    /// The connections that are asked for, in whatever order packets are of them and whichever way they go: those that
    /// are left, or new ones, which are left then.
    pub(super) fn connections(
        &mut self,
        machine: &Machine,
        asked: Established,
    ) -> Result<SharedRig> {
        let asked = Established { order: OUT.order, ways: OUT.ways, ..asked };
        if let Some((_, rig)) = self.0.as_ref().filter(|(known, _)| *known == asked) {
            return Ok(Rc::clone(rig));
        }
        // Two sets of them may be more than there is memory for.
        self.clear();
        let rig = Rc::new(RefCell::new(packets::connections(machine, asked)?));
        self.0 = Some((asked, Rc::clone(&rig)));
        Ok(rig)
    }

    /// Nothing is left: the next scenario is of something else.
    pub(super) fn clear(&mut self) {
        self.0 = None;
    }
}
