//! The same connections under one list of rules and another.
//!
//! Two gateways differ by where their memory happens to lie, which is worth some percent; so one has the rules of either by
//! turns, as a control plane would publish them.

use super::left::SharedRig;
use super::measure::{Comparison, Measurement};
use super::packets::{self, Effort, Packets};
use super::scenario::Established;
use crate::gateway::Control;
use crate::machine::Machine;
use crate::report::Average;
use crate::rig::POOL;
use crate::ruleset::Beside;
use crate::traffic::Way;
use anyhow::{Result, ensure};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Rounds after a change of lists that do not count: long lists are made in more memory, and what that has driven out of the caches
/// comes back meanwhile.
const UNSEEN: usize = 4;

/// Packets of known connections with `asked.filters` rules in FORWARD that do not match, against ten such rules.
pub(super) fn against_ten(machine: &Machine, asked: Established) -> Result<Comparison> {
    let (rig, control) = packets::connections_and_control(machine, asked)?;
    let gateway = Rc::new(Gateway {
        rig: Rc::new(RefCell::new(rig)),
        control,
        flows: asked.flows,
        filters: Cell::new(asked.filters),
    });
    let under = |filters| Under {
        packets: packets::of_connections(Rc::clone(&gateway.rig), asked).without_promise(),
        gateway: Rc::clone(&gateway),
        filters,
    };
    Ok(Comparison {
        unit: "cycles/packet",
        average: Average::Median,
        harness: machine.harness().into(),
        subject: Box::new(under(asked.filters)),
        baseline: Some(("10 rules".into(), Box::new(under(10)))),
    })
}

struct Gateway {
    rig: SharedRig,
    control: Control,
    flows: u32,
    /// Rules in force.
    filters: Cell<usize>,
}

impl Gateway {
    /// Has so many rules in force, and connections that know it; whether others were before.
    fn publish(&self, filters: usize) -> Result<bool> {
        let changes = self.filters.replace(filters) != filters;
        if changes {
            self.control.publish(self.control.other_rules(Beside::Filters(filters)));
            packets::pass(&mut self.rig.borrow_mut(), 0..self.flows, &[Way::Out])?;
        }
        Ok(changes)
    }
}

/// Packets under so many rules.
struct Under {
    packets: Packets,
    gateway: Rc<Gateway>,
    filters: usize,
}

impl Measurement for Under {
    fn round(&mut self, effort: &Effort) -> Result<Vec<f64>> {
        if self.gateway.publish(self.filters)? {
            for _ in 0..UNSEEN {
                self.packets.round(effort)?;
            }
        }
        let before = self.gateway.rig.borrow().cached();
        let samples = self.packets.round(effort)?;
        let cached = self.gateway.rig.borrow().cached() - before;
        ensure!(cached == POOL as u64, "{cached} of {POOL} packets took a cached verdict");
        Ok(samples)
    }

    fn finish(&mut self) -> Result<()> {
        self.packets.finish()
    }
}
