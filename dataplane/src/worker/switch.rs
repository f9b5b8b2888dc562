//! What leaves by bridges: each frame to the port where its destination is, or to all.
//!
//! A bridge's frames have been counted as transmitted when they were put into its list, as those of other interfaces
//! are; here only what becomes more or less of them is counted.

use super::bridge::{copy_of, find, others};
use super::counters::Counter;
use super::egress::{Hop, headers_of};
use super::ingress::InWorker;
use super::{Burst, State};
use crate::address::{IpVersion, Mac};
use crate::bridge::Bridge;
use crate::drop_reason::DropReason;
use crate::flight::Flight;
use crate::ids::InterfaceId;
use crate::packet::{Packet, Pool};

impl<P: Packet> State<P> {
    /// Empties the lists of bridges into those of their ports.
    #[inline]
    pub(super) fn leave_bridges<L: Pool<Packet = P>>(&mut self, burst: &mut Burst<'_, P, L>) {
        if !burst.env.snapshot.interfaces.bridges().is_empty() {
            self.switch_lists(burst);
        }
    }

    #[cold]
    #[inline(never)]
    fn switch_lists<L: Pool<Packet = P>>(&mut self, burst: &mut Burst<'_, P, L>) {
        let interfaces = &burst.env.snapshot.interfaces;
        for bridge in interfaces.bridges() {
            let Some(own) = interfaces.get(bridge.id) else { continue };
            let mut list = burst.out.take(own.port);
            for packet in list.drain(..) {
                self.switch_out(burst, bridge, packet);
            }
            burst.out.give_back(own.port, list);
        }
    }

    /// A frame that the gateway sends by a bridge (kernel `br_dev_xmit`).
    fn switch_out<L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        bridge: &Bridge,
        packet: P,
    ) {
        let interfaces = &burst.env.snapshot.interfaces;
        let to = packet.data().first_chunk().map(|mac| Mac(*mac));
        let known = to
            .filter(|to| !to.is_multicast())
            .and_then(|to| find(bridge, interfaces, to, burst.env.now));
        match known {
            Some(port) => self.put_out(burst, port, packet),
            None => {
                self.uncount();
                self.flood(burst, bridge, None, packet);
            }
        }
    }

    /// Sends a frame out of all ports of a bridge but one, itself and copies.
    pub(super) fn flood<L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        bridge: &Bridge,
        but: Option<InterfaceId>,
        packet: P,
    ) {
        let interfaces = &burst.env.snapshot.interfaces;
        let Some((last, _)) = others(interfaces, bridge, but).last() else {
            return self.counters.dropped(DropReason::NoBridgePort);
        };
        for (port, _) in others(interfaces, bridge, but).filter(|(port, _)| *port != last) {
            self.put_copy(burst, port, &packet);
        }
        self.counters.add(Counter::Transmitted, 1);
        self.put_out(burst, last, packet);
    }

    /// The same with copies only.
    pub(super) fn flood_copies<L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        bridge: &Bridge,
        but: Option<InterfaceId>,
        packet: &P,
    ) {
        for (port, _) in others(&burst.env.snapshot.interfaces, bridge, but) {
            self.put_copy(burst, port, packet);
        }
    }

    fn put_copy<L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        port: InterfaceId,
        packet: &P,
    ) {
        self.counters.add(Counter::Originated, 1);
        match copy_of(burst.pool, packet.data()) {
            Some(copy) => {
                self.counters.add(Counter::Transmitted, 1);
                self.put_out(burst, port, copy);
            }
            None => self.counters.dropped(DropReason::NoBuffer),
        }
    }

    /// Puts a frame that is counted as transmitted into a port's list.
    pub(super) fn put_out<L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        port: InterfaceId,
        packet: P,
    ) {
        let port = burst.env.snapshot.interfaces.get(port).map(|port| port.port);
        let refused = match port {
            Some(port) => burst.out.push(port, packet).is_err(),
            None => true,
        };
        if refused {
            self.uncount();
            self.counters.dropped(DropReason::TransmitFull);
        }
    }

    /// A frame that was counted as transmitted does not leave.
    fn uncount(&self) {
        self.counters.add(Counter::Transmitted, 1_u64.wrapping_neg());
    }

    /// Sends a reset to a sender behind a bridge's port, in the name of the MAC it had sent to, past all rules (kernel
    /// `nf_send_reset`): switches on the way would take the gateway's own MAC for the other end's.
    pub(super) fn reset_by_port<A: InWorker, L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        flight: &Flight<A, P>,
        answer: P,
        port: InterfaceId,
    ) {
        if !A::lane(self).closes_for(&burst.env, flight) {
            return;
        }
        self.counters.add(Counter::Originated, 1);
        let Some(headers) = headers_of(&answer) else {
            return self.counters.dropped(DropReason::Truncated);
        };
        let (source, destination) = flight.macs();
        self.send(burst, Hop::Bridged { port, destination, source }, answer, &headers);
    }

    /// Sends all frames of a datagram that is bridged out of `port`, with the MACs it has (kernel
    /// `br_nf_dev_queue_xmit`).
    pub(super) fn forward_bridged<A: InWorker, L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        flight: Flight<A, P>,
        port: InterfaceId,
    ) {
        let mtu = burst.env.snapshot.interfaces.get(port).map_or(0, |port| port.mtu);
        let uncut = flight.headers.version == IpVersion::V6
            || flight.rest.is_empty() && flight.headers.dont_fragment(flight.lead.data());
        if uncut && flight.largest() > mtu {
            self.dropped_all(&flight, DropReason::TooBig);
            return self.reassembler.give_back(flight.rest);
        }
        let (destination, source) = flight.macs();
        let hop = Hop::Bridged { port, destination, source };
        self.forward(burst, flight.into_frames(), port, hop, false);
    }
}
