//! PPTP: a call, which is GRE in both directions. Where the control connection is translated, so are the numbers of its calls.

use super::super::{Env, Family, Lane};
use super::message::{gather, message};
use crate::conntrack::{CtState, FlowRef};
use crate::drop_reason::DropReason;
use crate::flight::{Flight, Stop};
use crate::packet::Packet;

impl<A: Family> Lane<A> {
    /// Both ends have spoken before a segment is read.
    pub(super) fn help_pptp<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        flow: FlowRef,
    ) -> Result<(), Stop> {
        if flight.state != CtState::Established || !gather(flight, false) {
            return Ok(());
        }
        let port = self.conntrack.translated_port(flow);
        let Some(memory) = self.conntrack.memory(flow) else { return Ok(()) };
        let asked = memory.pptp.read(flow.direction(), message(flight), port);
        if let Some(calls) = asked.expected {
            self.conntrack.expect_calls(flow, &calls, env.now);
        }
        if asked.over {
            self.conntrack.end_call(flow);
        }
        let Some((at, call)) = asked.written else { return Ok(()) };
        match self.replace(flight, flow, at..at + 2, &call.to_be_bytes()) {
            true => Ok(()),
            false => Err(Stop::Drop(DropReason::Helper)),
        }
    }
}
