//! From a verdict to a port: the next hop's MAC, fragments, the Ethernet header, the list of a port.

use super::counters::Counter;
use super::{Burst, Outbox, State};
use crate::address::{IpVersion, Mac};
use crate::drop_reason::DropReason;
use crate::flight::{Frames, Verdict};
use crate::ids::{InterfaceId, NeighbourId};
use crate::interface::Interface;
use crate::neighbour::{Event, Link};
use crate::packet::{Packet, Pool};
use crate::wire::ethernet::{multicast_mac, write_ethernet};
use crate::wire::fragment::{align_fragments, fragment, refragment};
use crate::wire::options::forward_options;
use crate::wire::parse::{Headers, Payload, parse};
use std::net::IpAddr;

impl<P: Packet> State<P> {
    /// A packet that took its cached verdict: already rewritten.
    pub(super) fn dispatch_cached<L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        ingress: InterfaceId,
        packet: P,
        headers: &Headers,
        verdict: Verdict,
    ) {
        match verdict {
            Verdict::Send { egress, next_hop, neighbour } => {
                let hop = Hop::Routed { egress, next_hop, neighbour };
                self.send(burst, hop, packet, headers);
            }
            // Nor what a bridge switches, nor fragments.
            Verdict::Bridge { .. } | Verdict::Reassemble => {
                self.counters.dropped(DropReason::NoBridgePort)
            }
            // Echo requests are never cached.
            Verdict::Host | Verdict::Echo => self.deliver_to_twin(burst, ingress, packet, headers),
        }
    }

    /// Sends all frames of a datagram out of `egress`.
    pub(super) fn forward<L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        frames: Frames<P>,
        egress: InterfaceId,
        hop: Hop,
        forwarded: bool,
    ) {
        let Some(interface) = burst.env.snapshot.interfaces.get(egress) else {
            return self.counters.dropped_many(DropReason::InterfaceDown, frames.count());
        };
        let Frames { mut lead, mut rest, headers, sizes, recut } = frames;
        if forwarded && headers.options && headers.version == IpVersion::V4 {
            let own = interface.v4.first().map(|(address, _)| *address).unwrap_or_default();
            if let Err(reason) = forward_options(lead.data_mut(), &headers, own) {
                return self.counters.dropped_many(reason, 1 + rest.len());
            }
        }
        if !rest.is_empty() && headers.version == IpVersion::V4 {
            let room = sizes.largest.min(interface.mtu).saturating_sub(headers.l4 - headers.l3);
            if recut || !keep_sizes(&headers, &rest, room) {
                let datagram = (&lead, &headers, rest.as_slice());
                let shape = Shape { room, dont_fragment: sizes.dont_fragment };
                self.send_recut(burst, hop, datagram, shape);
                rest.clear();
                return self.reassembler.give_back(rest);
            }
            align_fragments(&mut lead, &headers, &mut rest);
        }
        self.send_sized(burst, interface, hop, lead, &headers);
        for (packet, headers) in rest.drain(..) {
            self.send_sized(burst, interface, hop, packet, &headers);
        }
        self.reassembler.give_back(rest);
    }

    /// Sends a datagram that came in fragments in others (kernel `ip_do_fragment`).
    fn send_recut<L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        hop: Hop,
        (lead, headers, rest): (&P, &Headers, &[(P, Headers)]),
        shape: Shape,
    ) {
        let room = usize::from(shape.room);
        if room < 8 {
            return self.counters.dropped_many(DropReason::TooBig, 1 + rest.len());
        }
        let size = |_, left: usize| if left > room { room & !7 } else { left };
        let mut made = 0;
        let (env, out) = (burst.env, &mut *burst.out);
        let outcome = refragment(
            lead,
            headers,
            rest,
            shape.dont_fragment,
            size,
            burst.pool,
            |pool, piece| {
                made += 1;
                let mut burst = Burst { env, pool, out: &mut *out };
                match headers_of(&piece) {
                    Some(headers) => {
                        self.send(&mut burst, hop, piece, &headers);
                    }
                    None => self.counters.dropped(DropReason::Truncated),
                }
            },
        );
        self.counters.add(Counter::Originated, made);
        match outcome {
            // The fragments that came end here; others were made from them.
            Ok(()) => self.counters.add(Counter::Local, 1 + rest.len() as u64),
            Err(reason) => self.counters.dropped_many(reason, 1 + rest.len()),
        }
    }

    /// Sends one packet, in fragments if it is too big for the way out.
    fn send_sized<L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        interface: &Interface,
        hop: Hop,
        packet: P,
        headers: &Headers,
    ) {
        if headers.end - headers.l3 <= interface.mtu || headers.version == IpVersion::V6 {
            return self.send(burst, hop, packet, headers);
        }
        let mut made = 0;
        let (env, out) = (burst.env, &mut *burst.out);
        let outcome = fragment(&packet, headers, interface.mtu, burst.pool, |pool, piece| {
            made += 1;
            let mut burst = Burst { env, pool, out: &mut *out };
            match headers_of(&piece) {
                Some(headers) => {
                    self.send(&mut burst, hop, piece, &headers);
                }
                None => self.counters.dropped(DropReason::Truncated),
            }
        });
        self.counters.add(Counter::Originated, made);
        match outcome {
            // The whole ends here; its fragments were made from it.
            Ok(()) => self.counters.add(Counter::Local, 1),
            Err(reason) => self.counters.dropped(reason),
        }
    }

    /// Sends one packet that fits.
    pub(super) fn send<L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        hop: Hop,
        mut packet: P,
        headers: &Headers,
    ) {
        match hop {
            Hop::Routed { egress, next_hop, neighbour } => {
                self.send_to_neighbour(burst, (egress, next_hop, neighbour), packet, headers);
            }
            Hop::Bridged { port, destination, source } => {
                let interface = burst.env.snapshot.interfaces.get(port).filter(|port| port.up);
                let Some(interface) = interface else {
                    return self.counters.dropped(DropReason::InterfaceDown);
                };
                write_ethernet(&mut packet, headers, destination, source, None);
                self.transmit(interface, packet, burst.out);
            }
        }
    }

    /// Sends one packet that fits to its neighbour, or lets it wait for the neighbour's answer.
    fn send_to_neighbour<L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        (egress, next_hop, neighbour): (InterfaceId, IpAddr, Option<NeighbourId>),
        mut packet: P,
        headers: &Headers,
    ) {
        let Some(interface) = burst.env.snapshot.interfaces.get(egress).filter(|i| i.up) else {
            return self.counters.dropped(DropReason::InterfaceDown);
        };
        if let Some(mac) = group_mac(interface, next_hop) {
            write_ethernet(&mut packet, headers, mac, interface.mac, interface.vlan);
            return self.transmit(interface, packet, burst.out);
        }
        let table = burst.env.neighbours;
        let (id, next_hop) = match neighbour {
            Some(id) if next_hop.is_unspecified() => {
                (Some(id), table.key(id).map_or(next_hop, |(_, address)| address))
            }
            Some(id) => (Some(id), next_hop),
            None => (table.find(egress, next_hop), next_hop),
        };
        let link = id.map_or(Link::Unresolved, |id| {
            // A stale neighbour in use is asked again by the control thread.
            table.mark_used(id, (burst.env.now.0 / 1_000_000_000) as u32);
            table.link(id)
        });
        match link {
            Link::Resolved(mac) => {
                write_ethernet(&mut packet, headers, mac, interface.mac, interface.vlan);
                self.transmit(interface, packet, burst.out);
            }
            Link::Unresolved | Link::Failed => self.wait(burst, egress, next_hop, packet),
        }
    }

    fn wait<L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        egress: InterfaceId,
        next_hop: IpAddr,
        packet: P,
    ) {
        match self.waiting.park(egress, next_hop, packet, burst.env.now) {
            Ok(_) => self.tell(Event::Wanted { interface: egress, address: next_hop }),
            Err(_) => self.counters.dropped(DropReason::NeighbourQueueFull),
        }
    }

    /// Tells the control thread; a full queue means it has plenty to do, and the next packet tells again.
    pub(super) fn tell(&self, event: Event) {
        let _ = self.shared.events.push(event);
    }

    /// What waited goes out.
    pub(super) fn release<L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        interface: InterfaceId,
        address: IpAddr,
    ) {
        let mut released = self.take_waiting(interface, address);
        for packet in released.drain(..) {
            match headers_of(&packet) {
                Some(headers) => {
                    self.send_to_neighbour(burst, (interface, address, None), packet, &headers);
                }
                None => self.counters.dropped(DropReason::NeighbourFailed),
            }
        }
        self.released = released;
    }

    /// What waits for a neighbour, in a list to be given back to `released`.
    pub(super) fn take_waiting(&mut self, interface: InterfaceId, address: IpAddr) -> Vec<P> {
        let mut released = std::mem::take(&mut self.released);
        self.waiting.take(interface, address, |packet| released.push(packet));
        released
    }

    /// Delivers all frames of a datagram to the host.
    pub(super) fn deliver_to_host<L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        ingress: InterfaceId,
        Frames { lead, mut rest, headers, .. }: Frames<P>,
    ) {
        self.deliver_to_twin(burst, ingress, lead, &headers);
        for (packet, headers) in rest.drain(..) {
            self.deliver_to_twin(burst, ingress, packet, &headers);
        }
        self.reassembler.give_back(rest);
    }

    fn deliver_to_twin<L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        ingress: InterfaceId,
        mut packet: P,
        headers: &Headers,
    ) {
        let Some(interface) = burst.env.snapshot.interfaces.get(ingress) else {
            return self.counters.dropped(DropReason::InterfaceDown);
        };
        // Without a twin the gateway is all there is: what nobody listens for ends here.
        let Some(twin) = interface.twin else {
            return self.counters.add(Counter::Local, 1);
        };
        write_ethernet(&mut packet, headers, interface.mac, interface.mac, None);
        match burst.out.push(twin, packet) {
            Ok(()) => self.counters.add(Counter::Local, 1),
            Err(_) => self.counters.dropped(DropReason::HostFull),
        }
    }

    /// Hands a finished frame to the port of `interface`.
    pub(super) fn transmit(&self, interface: &Interface, packet: P, out: &mut Outbox<P>) {
        match out.push(interface.port, packet) {
            Ok(()) => self.counters.add(Counter::Transmitted, 1),
            Err(_) => self.counters.dropped(DropReason::TransmitFull),
        }
    }
}

/// How a packet gets to where it goes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Hop {
    /// To a next hop.
    Routed {
        /// By this interface.
        egress: InterfaceId,
        next_hop: IpAddr,
        /// The next hop's slot, if it has one already.
        neighbour: Option<NeighbourId>,
    },
    /// By a port of a bridge, with these MACs.
    Bridged { port: InterfaceId, destination: Mac, source: Mac },
}

/// How a datagram is cut anew.
struct Shape {
    /// Payload of one fragment at most.
    room: u16,
    /// Its fragments are not to be cut further.
    dont_fragment: bool,
}

/// Whether the kernel lets fragments go in the sizes they came in: none exceeds `room` for payload, all but the
/// last are multiples of eight, and one header serves them all.
fn keep_sizes<P: Packet>(headers: &Headers, rest: &[(P, Headers)], room: u16) -> bool {
    let length = |headers: &Headers| headers.end - headers.l4;
    let header = headers.l4 - headers.l3;
    length(headers) <= room
        && rest.iter().all(|(_, own)| length(own) <= room && own.l4 - own.l3 == header)
}

/// The MAC of a next hop that is a group: multicast (RFC 1112 6.4, RFC 2464 7) or broadcast.
fn group_mac(interface: &Interface, next_hop: IpAddr) -> Option<Mac> {
    if next_hop.is_multicast() {
        return Some(multicast_mac(next_hop));
    }
    let IpAddr::V4(address) = next_hop else { return None };
    let own_broadcast = interface.v4.iter().any(|(own, prefix)| {
        let host_bits = u32::MAX.checked_shr(u32::from(*prefix)).unwrap_or(0);
        *prefix < 31 && u32::from_be_bytes(own.0) | host_bits == address.to_bits()
    });
    (address.is_broadcast() || own_broadcast).then_some(Mac::BROADCAST)
}

/// The headers of a packet that was read before, or made here; none when it is not IP.
pub(super) fn headers_of<P: Packet>(packet: &P) -> Option<Headers> {
    match parse(packet.data()).ok()?.payload {
        Payload::Ip(headers) => Some(headers),
        Payload::Arp { .. } | Payload::Other { .. } => None,
    }
}
