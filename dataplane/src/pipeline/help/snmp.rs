//! SNMP: where a connection is translated, addresses of the agent that its messages tell become what the manager knows it by.

use super::super::{Family, Lane};
use super::message::{gather, is_writable, place};
use crate::address::{Address, L4Port};
use crate::conntrack::{Direction, FlowRef};
use crate::drop_reason::DropReason;
use crate::flight::{Flight, Stop};
use crate::helpers::snmp::translate;
use crate::packet::Packet;
use crate::wire::checksum::complete_l4;
use crate::wire::layer4::Layer4Kind;
use crate::wire::u16_at;

/// Agents answer from here,
const AGENTS: L4Port = L4Port::new(161);
/// and managers hear their traps here.
const TRAPS: L4Port = L4Port::new(162);

impl<A: Family> Lane<A> {
    /// What is no answer and no trap passes as it is.
    pub(super) fn help_snmp<P: Packet>(
        &self,
        flight: &mut Flight<A, P>,
        flow: FlowRef,
    ) -> Result<(), Stop> {
        let Layer4Kind::Udp { length } = flight.layer4.kind else { return Ok(()) };
        let (direction, layer4) = (flow.direction(), &flight.layer4);
        let passes = layer4.source_port == AGENTS && direction == Direction::Original
            || layer4.destination_port == TRAPS && direction == Direction::Reply;
        let [own, other] = self.conntrack.tuples(flow);
        if passes || !self.conntrack.common(flow).is_translated() || !is_writable(flight) {
            return Ok(());
        }
        let (from, to) = match direction {
            Direction::Original => (own.source, other.destination),
            Direction::Reply => (other.source, own.destination),
        };
        if !gather(flight, true) || length != flight.headers.end - flight.headers.l4 {
            return Err(Stop::Drop(DropReason::Helper));
        }
        match in_place(flight, from, to) {
            Some(_) => Ok(()),
            None => Err(Stop::Drop(DropReason::Helper)),
        }
    }
}

/// Whether there was something to change; none where the message cannot be read.
fn in_place<A: Address, P: Packet>(flight: &mut Flight<A, P>, from: A, to: A) -> Option<bool> {
    let (from, to) = (from.bytes().try_into().ok()?, to.bytes().try_into().ok()?);
    if from == to {
        return Some(false);
    }
    let place = place(flight);
    let (data, l4) = (flight.lead.data_mut(), usize::from(flight.headers.l4));
    let changed = translate(data.get_mut(place)?, from, to)?;
    let has_checksum = u16_at(data, l4 + 6) != Some(0);
    if changed && has_checksum {
        complete_l4(data, &flight.headers);
    }
    if changed {
        flight.keep_gathered();
    }
    Some(changed)
}
