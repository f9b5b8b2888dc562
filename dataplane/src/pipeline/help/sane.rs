//! SANE: the port of a scan. Where that connection is translated, rules say.

use super::super::{Env, Family, Lane};
use super::message::{gather, message};
use super::refuse;
use crate::address::L4Port;
use crate::conntrack::{CtState, Direction, FlowRef, Helper, SourceMask};
use crate::flight::{Flight, Stop};
use crate::helpers::sane::{asks, port};
use crate::packet::Packet;
use crate::tuple::Tuple;

impl<A: Family> Lane<A> {
    /// Both ends have spoken before a segment is read.
    pub(super) fn help_sane<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        flow: FlowRef,
    ) -> Result<(), Stop> {
        if flight.state != CtState::Established || !gather(flight, false) {
            return Ok(());
        }
        let text = message(flight);
        let Some(memory) = self.conntrack.memory(flow).filter(|_| !text.is_empty()) else {
            return Ok(());
        };
        if flow.direction() == Direction::Original {
            memory.asked = asks(text).unwrap_or(memory.asked);
            return Ok(());
        }
        let asked = std::mem::take(&mut memory.asked);
        let Some(port) = port(text).filter(|_| asked) else { return Ok(()) };
        let original = self.conntrack.original(flow);
        let tuple = Tuple { destination_port: L4Port::new(port), ..original };
        let from = SourceMask::ADDRESS;
        let expected = self.conntrack.expected(flow, Helper::Sane, &tuple, from);
        self.conntrack.expect(flow, expected, env.now).map_err(refuse)
    }
}
