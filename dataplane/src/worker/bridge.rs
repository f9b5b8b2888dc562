//! What the ports of a bridge receive: switched to other ports, handed up, or both.

use super::burst::Origin;
use super::counters::Counter;
use super::ingress::{From, InWorker, LinkPort};
use super::{Burst, Stage, State};
use crate::address::{IpVersion, Mac, V4, V6};
use crate::bridge::{Bridge, Ports, is_reserved, is_valid_source};
use crate::drop_reason::DropReason;
use crate::flight::Flight;
use crate::ids::InterfaceId;
use crate::interface::{Interface, Member};
use crate::neighbour::Event;
use crate::neighbour::ndp::is_discovery;
use crate::packet::{Packet, Pool};
use crate::pipeline::{Course, Route};
use crate::wire::parse::{Headers, parse_ip};
use crate::wire::{put, u16_at};

const ETHERNET: usize = 14;

/// Where a bridge sends a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum To {
    /// Up, to its own interface.
    Up,
    /// Out of this port.
    Port(InterfaceId),
    /// Out of every other port; and up, where it is for a group.
    All { up: bool },
    /// To another of the gateway's own MACs, as nobody should.
    Other,
}

/// The first bytes of a frame.
#[derive(Debug, Clone, Copy)]
struct Link {
    destination: Mac,
    source: Mac,
    ethertype: u16,
}

fn link(frame: &[u8]) -> Option<Link> {
    let mac = |at: usize| frame.get(at..)?.first_chunk().copied().map(Mac);
    Some(Link { destination: mac(0)?, source: mac(6)?, ethertype: u16_at(frame, 12)? })
}

impl<P: Packet> State<P> {
    /// Packets of a burst from a port of a bridge, whose senders are not known to be there, go the long way, which
    /// learns; the others are packets of the bridge's interface.
    #[cold]
    #[inline(never)]
    pub(super) fn enter_bridge<'i, L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'i, P, L>,
        from: Origin,
        packets: &mut Vec<P>,
        found: Option<(InterfaceId, &'i Interface)>,
    ) -> Option<(InterfaceId, &'i Interface)> {
        let env = burst.env;
        let Some(Member { id, interface, bridge }) = env.snapshot.interfaces.member(from.port)
        else {
            return found;
        };
        let mut index = 0;
        while let Some(packet) = packets.get(index) {
            let source = link(packet.data()).map(|link| link.source);
            let known = source.is_some_and(|mac| bridge.fdb.refresh(mac, id, env.now));
            if known && interface.up {
                index += 1;
            } else {
                let packet = packets.remove(index);
                burst.env.random = self.next_random();
                self.frame(burst, from.port, packet, Vec::new(), from.stage);
            }
        }
        Some((bridge.id, env.snapshot.interfaces.get(bridge.id)?))
    }

    /// A frame from a port of a bridge (kernel `br_handle_frame`).
    pub(super) fn member_frame<L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        member: Member<'_>,
        port: u16,
        packet: P,
        rest: Vec<(P, Headers)>,
        stage: Stage,
    ) {
        let (interfaces, now) = (&burst.env.snapshot.interfaces, burst.env.now);
        let frames = 1 + rest.len();
        let (Some(link), Some(own)) = (link(packet.data()), interfaces.get(member.bridge.id))
        else {
            return self.counters.dropped_many(DropReason::Truncated, frames);
        };
        let tag = tag(&link, packet.data());
        if tag.is_some_and(|tag| interfaces.find(port, Some(tag)).is_some()) {
            let link = LinkPort { port, carrier: port, ports: Ports::NONE };
            return self.link_frame(burst, link, packet, rest, stage);
        }
        let refusal = match link {
            _ if !member.interface.up || !own.up => Some(DropReason::InterfaceDown),
            Link { source, .. } if !is_valid_source(source) => Some(DropReason::BadSourceMac),
            Link { destination, source, .. } if is_reserved(destination) => {
                interfaces.learn(member.id, source, now);
                Some(DropReason::ReservedGroup)
            }
            Link { .. } => None,
        };
        if let Some(reason) = refusal {
            return self.counters.dropped_many(reason, frames);
        }
        let tracked = match link.ethertype {
            0x0800 if member.bridge.call_iptables => Some(IpVersion::V4),
            0x86dd if member.bridge.call_ip6tables => Some(IpVersion::V6),
            _ => None,
        };
        let Some(version) = tracked else {
            return self.plain_frame(burst, (member, own), port, packet, link, stage);
        };
        let up = LinkPort {
            port,
            carrier: own.port,
            ports: Ports { ingress: Some(member.id), egress: None },
        };
        match self.course(burst, member, link.destination) {
            To::Up => self.link_frame(burst, up, packet, rest, stage),
            To::Other => self.counters.dropped_many(DropReason::OtherHost, frames),
            To::Port(_) | To::All { .. } => {
                let from = From {
                    port,
                    id: member.bridge.id,
                    interface: own,
                    stage,
                    link_broadcast: link.destination.is_multicast(),
                    mac: link.source,
                    ports: up.ports,
                    switched: true,
                };
                self.enter_switched(burst, from, packet, rest, version);
            }
        }
    }

    /// A frame that no rules see: switched as it came.
    fn plain_frame<L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        (member, own): (Member<'_>, &Interface),
        port: u16,
        packet: P,
        link: Link,
        stage: Stage,
    ) {
        burst.env.snapshot.interfaces.learn(member.id, link.source, burst.env.now);
        let up = LinkPort { port, carrier: own.port, ports: Ports::NONE };
        match self.course(burst, member, link.destination) {
            To::Up => self.link_frame(burst, up, packet, Vec::new(), stage),
            To::Other => self.counters.dropped(DropReason::OtherHost),
            // Its owner has it from the worker that switched it, to hand it up.
            To::All { up: true } if stage != Stage::Fresh && stage != Stage::Uncached => {
                self.link_frame(burst, up, packet, Vec::new(), stage);
            }
            To::All { up: true } => {
                self.flood_copies(burst, member.bridge, Some(member.id), &packet);
                self.link_frame(burst, up, packet, Vec::new(), stage);
            }
            To::All { up: false } => self.flood(burst, member.bridge, Some(member.id), packet),
            To::Port(port) => {
                self.counters.add(Counter::Transmitted, 1);
                self.put_out(burst, port, packet);
            }
        }
    }

    /// An IP packet that is to be switched, or for a group.
    fn enter_switched<L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        from: From<'_>,
        mut packet: P,
        rest: Vec<(P, Headers)>,
        version: IpVersion,
    ) {
        let headers = match parse_ip(packet.data(), ETHERNET, version) {
            Ok(headers) => headers,
            Err(reason) => return self.counters.dropped_many(reason, 1 + rest.len()),
        };
        self.complete_checksum(from.interface, &mut packet, &headers);
        match version {
            IpVersion::V4 => self.datagram::<V4, L>(burst, from, packet, rest, headers),
            IpVersion::V6 => self.datagram::<V6, L>(burst, from, packet, rest, headers),
        }
    }

    /// A datagram that came by a bridge, past the tables. What its frame said is not the last word: where PREROUTING has
    /// changed its destination it may be switched instead of routed, or the other way round.
    pub(super) fn switch_datagram<A: InWorker, L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        from: From<'_>,
        mut flight: Flight<A, P>,
    ) {
        let (env, Some(member)) = (burst.env, burst.env.snapshot.interfaces.member(from.port))
        else {
            return self.dropped_all(&flight, DropReason::InterfaceDown);
        };
        self.allow_copies(burst, &mut flight);
        let course = A::lane(self).enter_bridge(&env, &mut flight);
        self.send_copies(burst, &mut flight);
        let to = match course {
            Ok(Course::To(mac)) => self.course(burst, member, mac),
            Ok(Course::Up(route)) => {
                return self.rise(burst, from, flight, Some(route));
            }
            Ok(Course::Unresolved(out)) => {
                self.tell(Event::Wanted { interface: out.egress, address: out.next_hop });
                return self.end_switched(burst, flight, DropReason::NeighbourFailed);
            }
            Err(stop) => return self.dispatch(burst, flight, Err(stop), Some(from)),
        };
        match to {
            To::Port(port) if port == member.id => {
                self.end_switched(burst, flight, DropReason::NoBridgePort);
            }
            To::Port(port) => self.leave_last(burst, from, flight, port),
            To::All { up } => self.flood_datagram(burst, from, member, flight, up),
            To::Up => self.rise(burst, from, flight, None),
            To::Other => self.end_switched(burst, flight, DropReason::OtherHost),
        }
    }

    /// Out of every port but the one it came in by, and up.
    fn flood_datagram<A: InWorker, L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        from: From<'_>,
        member: Member<'_>,
        mut flight: Flight<A, P>,
        up: bool,
    ) {
        let interfaces = &burst.env.snapshot.interfaces;
        let mut ports = others(interfaces, member.bridge, Some(member.id)).peekable();
        while let Some((port, _)) = ports.next() {
            if ports.peek().is_none() && !up {
                return self.leave_last(burst, from, flight, port);
            }
            let Some((lead, rest)) = self.copy_frames(burst, &flight.lead, &flight.rest) else {
                continue;
            };
            let mut copy = flight.double(lead, rest);
            let outcome = self.pass(burst, &mut copy, port, false);
            flight.take_back(&mut copy);
            self.dispatch(burst, copy, outcome, None);
        }
        match up {
            true => self.rise(burst, from, flight, None),
            false => self.end_switched(burst, flight, DropReason::NoBridgePort),
        }
    }

    /// Out of one port, the last.
    fn leave_last<A: InWorker, L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        from: From<'_>,
        mut flight: Flight<A, P>,
        port: InterfaceId,
    ) {
        let outcome = self.pass(burst, &mut flight, port, true);
        self.dispatch(burst, flight, outcome, Some(from));
    }

    fn pass<A: InWorker, L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        flight: &mut Flight<A, P>,
        port: InterfaceId,
        last: bool,
    ) -> Result<crate::flight::Verdict, crate::flight::Stop> {
        self.allow_copies(burst, flight);
        let outcome = A::lane(self).leave_bridge(&burst.env, flight, port, last);
        self.send_copies(burst, flight);
        outcome
    }

    /// Up, to the bridge's own interface; `route` is where it goes from there, if that is known.
    fn rise<A: InWorker, L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        from: From<'_>,
        mut flight: Flight<A, P>,
        route: Option<Route>,
    ) {
        let headers = flight.headers;
        if headers.version == IpVersion::V6 && is_discovery(flight.lead.data(), &headers) {
            let Flight { lead, rest, .. } = flight;
            self.reassembler.give_back(rest);
            let (id, interface, mac) = (from.id, from.interface, from.mac);
            return self.neighbour_discovery(burst, id, interface, lead, &headers, mac);
        }
        self.allow_copies(burst, &mut flight);
        let outcome = A::lane(self).hand_up(&burst.env, &mut flight, route);
        self.send_copies(burst, &mut flight);
        self.redirect(burst, &flight);
        self.dispatch(burst, flight, outcome, Some(from));
    }

    fn end_switched<A: InWorker, L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        mut flight: Flight<A, P>,
        reason: DropReason,
    ) {
        let stop = A::lane(self).end(&burst.env, &mut flight, crate::flight::Stop::Drop(reason));
        self.dispatch(burst, flight, Err(stop), None);
    }

    /// Where a frame for that MAC goes.
    fn course<L: Pool<Packet = P>>(
        &self,
        burst: &Burst<'_, P, L>,
        member: Member<'_>,
        destination: Mac,
    ) -> To {
        let interfaces = &burst.env.snapshot.interfaces;
        let own = interfaces.get(member.bridge.id).map(|bridge| bridge.mac);
        if destination.is_multicast() {
            return To::All { up: true };
        }
        if own == Some(destination) || member.interface.mac == destination {
            return To::Up;
        }
        let mut ports = member.bridge.ports.iter().filter_map(|port| interfaces.get(*port));
        if ports.any(|port| port.mac == destination) {
            return To::Other;
        }
        match find(member.bridge, interfaces, destination, burst.env.now) {
            Some(port) => To::Port(port),
            None => To::All { up: false },
        }
    }

    /// Copies of a datagram's frames, counted as made here; none where buffers are missing.
    fn copy_frames<L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        lead: &P,
        rest: &[(P, Headers)],
    ) -> Option<(P, Vec<(P, Headers)>)> {
        self.counters.add(Counter::Originated, 1 + rest.len() as u64);
        let mut list = match rest {
            [] => Vec::new(),
            [..] => self.reassembler.list().unwrap_or_default(),
        };
        let copied = copy_of(burst.pool, lead.data());
        for (packet, headers) in rest {
            match copy_of(burst.pool, packet.data()) {
                Some(copy) if copied.is_some() => list.push((copy, *headers)),
                Some(_) | None => break,
            }
        }
        match copied {
            Some(lead) if list.len() == rest.len() => Some((lead, list)),
            Some(_) | None => {
                self.counters.dropped_many(DropReason::NoBuffer, 1 + rest.len());
                self.reassembler.give_back(list);
                None
            }
        }
    }
}

/// The tag of a frame, if it has one.
fn tag(link: &Link, frame: &[u8]) -> Option<u16> {
    let tagged = link.ethertype == 0x8100;
    u16_at(frame, ETHERNET).filter(|_| tagged).map(|tag| tag & 0xfff)
}

/// The port of a bridge that a MAC was learned at, while that is up.
pub(super) fn find(
    bridge: &Bridge,
    interfaces: &crate::interface::Interfaces,
    mac: Mac,
    now: crate::time::Instant,
) -> Option<InterfaceId> {
    let port = bridge.fdb.find(mac, now).filter(|port| bridge.ports.contains(port))?;
    interfaces.get(port).is_some_and(|port| port.up).then_some(port)
}

/// The ports that are up, but for one.
pub(super) fn others<'i>(
    interfaces: &'i crate::interface::Interfaces,
    bridge: &'i Bridge,
    but: Option<InterfaceId>,
) -> impl Iterator<Item = (InterfaceId, &'i Interface)> {
    let ports = bridge.ports.iter().filter(move |port| Some(**port) != but);
    ports
        .filter_map(move |port| Some((*port, interfaces.get(*port)?)))
        .filter(|(_, interface)| interface.up)
}

/// A copy of a frame.
pub(super) fn copy_of<L: Pool>(pool: &mut L, frame: &[u8]) -> Option<L::Packet> {
    let mut copy = pool.alloc()?;
    if !copy.append(frame.len()) {
        return None;
    }
    put(copy.data_mut(), 0, frame);
    Some(copy)
}
