//! Answers to what a program of the gateway's own asks a whole subnet (kernel `nf_conntrack_broadcast.c`): they come from
//! anybody there.

use super::super::{Env, Family, Lane};
use crate::address::L4Port;
use crate::conntrack::{Direction, FlowRef, Helper, SourceMask};
use crate::flight::Flight;
use crate::packet::Packet;
use crate::tuple::Tuple;

/// Who answers, and for how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    port: u16,
    seconds: u32,
}

/// Agents of SNMP.
pub(super) const SNMP: Asked = Asked { port: 161, seconds: 30 };
/// NetBIOS' name service.
pub(super) const NAMES: Asked = Asked { port: 137, seconds: 3 };

impl<A: Family> Lane<A> {
    pub(super) fn help_broadcast<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &Flight<A, P>,
        flow: FlowRef,
        helper: Helper,
        asked: Asked,
    ) {
        let own = flight.socket && flow.direction() == Direction::Original;
        let interface =
            flight.egress.filter(|_| own).and_then(|id| env.snapshot.interfaces.get(id));
        let subnet = |(address, prefix): &(A, u8)| {
            let mask = SourceMask { prefix: *prefix, port: true };
            let beyond = !mask.address(A::from_bits(u128::MAX)).to_bits();
            (A::from_bits(address.to_bits() | beyond) == flight.destination).then_some(mask)
        };
        let addresses = interface.map(|interface| A::addresses(interface)).unwrap_or_default();
        let Some(from) = addresses.iter().find_map(subnet) else { return };
        let [_, answer] = self.conntrack.tuples(flow);
        let tuple = Tuple { source_port: L4Port::new(asked.port), ..answer };
        let mut expected = self.conntrack.expected(flow, helper, &tuple, from);
        expected.lasting = true;
        // Whether there is room or not, the question goes out.
        let _ = self.conntrack.expect(flow, expected, env.now);
        self.conntrack.refresh(flow, asked.seconds, env.now);
    }
}
