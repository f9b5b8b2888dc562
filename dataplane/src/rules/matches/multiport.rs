//! `-m multiport`; a packet too short to have ports is dropped (kernel `multiport_mt`).

use super::port::PortRange;
use super::{Condition, Depends};
use crate::address::Address;
use crate::rules::View;

/// Which port is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// `--sports`.
    Source,
    /// `--dports`.
    Destination,
    /// `--ports`.
    Either,
}

/// Any of up to fifteen ports or ranges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Multiport {
    /// Which port.
    pub end: End,
    /// Ranges; a single port is a range of one.
    pub ranges: Vec<PortRange>,
    /// `!`.
    pub invert: bool,
}

impl<A: Address> Condition<A> for Multiport {
    fn holds(&self, view: &View<'_, A>) -> bool {
        if view.is_later_fragment() {
            return false;
        }
        let (Some(source), Some(destination)) = (view.source_port(), view.destination_port())
        else {
            return view.hotdrop();
        };
        self.ranges.iter().any(|range| match self.end {
            End::Source => range.contains(source),
            End::Destination => range.contains(destination),
            End::Either => range.contains(source) || range.contains(destination),
        }) != self.invert
    }
    fn depends(&self) -> Depends {
        Depends::Flow
    }
}
