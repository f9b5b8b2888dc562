//! From a frame to a verdict: which interface it is on, what it carries, which path it takes.

use super::chosen::{is_chosen, tell_refused};
use super::counters::Counter;
use super::egress::Hop;
use super::handoff::{HandOff, Parcel};
use super::host::HostFrame;
use super::{Burst, Stage, State};
use crate::address::{IpVersion, Mac, V4, V6};
use crate::bridge::Ports;
use crate::drop_reason::DropReason;
use crate::flight::{Flight, Frames, Stop, Verdict};
use crate::ids::{InterfaceId, WorkerId};
use crate::interface::Interface;
use crate::neighbour::ndp::is_discovery;
use crate::packet::{Checksum, Packet, Pool};
use crate::pipeline::{Env, Family, Lane};
use crate::wire::checksum::{L4ChecksumState, complete_l4, l4_state};
use crate::wire::parse::{Headers, Payload, parse, parse_trusted};

/// A family's lane in a worker.
pub(super) trait InWorker: Family {
    fn lane<P: Packet>(worker: &mut State<P>) -> &mut Lane<Self>;
}
impl InWorker for V4 {
    fn lane<P: Packet>(worker: &mut State<P>) -> &mut Lane<Self> {
        &mut worker.v4
    }
}
impl InWorker for V6 {
    fn lane<P: Packet>(worker: &mut State<P>) -> &mut Lane<Self> {
        &mut worker.v6
    }
}

impl<P: Packet> State<P> {
    /// One frame from `port`; `rest` are the later fragments of a datagram put together elsewhere.
    pub(super) fn frame<L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        port: u16,
        packet: P,
        rest: Vec<(P, Headers)>,
        stage: Stage,
    ) {
        match burst.env.snapshot.interfaces.member(port) {
            Some(member) => self.member_frame(burst, member, port, packet, rest, stage),
            None => {
                let link = LinkPort { port, carrier: port, ports: Ports::NONE };
                self.link_frame(burst, link, packet, rest, stage);
            }
        }
    }

    /// A frame of a link: a port's own, or that of the bridge it belongs to.
    pub(super) fn link_frame<L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        link: LinkPort,
        packet: P,
        rest: Vec<(P, Headers)>,
        stage: Stage,
    ) {
        let LinkPort { port, carrier, ports } = link;
        let frames = 1 + rest.len();
        let parsed = match packet.ip_checksum() {
            Checksum::Good => parse_trusted(packet.data()),
            Checksum::Unknown => parse(packet.data()),
            Checksum::Bad => Err(DropReason::BadIpChecksum),
        };
        let frame = match parsed {
            Ok(frame) => frame,
            Err(reason) => return self.counters.dropped_many(reason, frames),
        };
        let interfaces = &burst.env.snapshot.interfaces;
        if let Some((id, _)) = interfaces.twin_of(port) {
            return self.enter_from_host(burst, HostFrame { port, id, stage }, packet, rest, frame);
        }
        let Some((id, interface)) = interfaces.find(carrier, frame.vlan.filter(|&vlan| vlan != 0))
        else {
            return self.counters.dropped_many(DropReason::UnknownVlan, frames);
        };
        let refusal = match &frame {
            _ if !interface.up => Some(DropReason::InterfaceDown),
            // A bridge has looked at it already.
            frame
                if frame.destination != interface.mac
                    && !frame.destination.is_multicast()
                    && carrier == port =>
            {
                Some(DropReason::OtherHost)
            }
            _ => None,
        };
        if let Some(reason) = refusal {
            if let Payload::Ip(headers) = &frame.payload {
                tell_refused(&burst.env, (id, interface), &packet, headers, reason);
            }
            return self.counters.dropped_many(reason, frames);
        }
        match frame.payload {
            Payload::Arp { offset } => {
                let unicast = !frame.destination.is_multicast();
                self.arp(burst, id, interface, packet, offset, unicast);
            }
            Payload::Other { .. } => {
                self.counters.dropped_many(DropReason::UnknownEtherType, frames)
            }
            Payload::Ip(headers) => {
                let link_broadcast = frame.destination.is_multicast();
                let mac = frame.source;
                let from = From {
                    port,
                    id,
                    interface,
                    stage,
                    link_broadcast,
                    mac,
                    ports,
                    switched: false,
                };
                self.enter_from_wire(burst, from, packet, rest, headers);
            }
        }
    }

    fn enter_from_wire<L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        from: From<'_>,
        mut packet: P,
        rest: Vec<(P, Headers)>,
        headers: Headers,
    ) {
        self.complete_checksum(from.interface, &mut packet, &headers);
        match headers.version {
            IpVersion::V4 => {
                self.datagram::<V4, L>(burst, from, packet, rest, headers);
            }
            IpVersion::V6 => {
                if is_discovery(packet.data(), &headers) {
                    learn(burst.env, from);
                    return self.neighbour_discovery(
                        burst,
                        from.id,
                        from.interface,
                        packet,
                        &headers,
                        from.mac,
                    );
                }
                self.datagram::<V6, L>(burst, from, packet, rest, headers);
            }
        }
    }

    /// Completes what a software peer has left to hardware that is not there.
    pub(super) fn complete_checksum(&self, from: &Interface, packet: &mut P, headers: &Headers) {
        if from.software_peer && l4_state(packet.data(), headers) == L4ChecksumState::Partial {
            complete_l4(packet.data_mut(), headers);
            self.counters.add(Counter::Completed, 1);
        }
    }

    pub(super) fn datagram<A: InWorker, L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        from: From<'_>,
        mut packet: P,
        rest: Vec<(P, Headers)>,
        headers: Headers,
    ) {
        // What the raw table has counted must not be counted again, as a cached verdict would.
        let short_way = match from.stage {
            Stage::Fresh | Stage::Fragment | Stage::Owner { raw_counted: false } => true,
            Stage::Uncached | Stage::Owner { raw_counted: true } => false,
        };
        if short_way
            && !from.switched
            && !is_chosen::<A, P>(&burst.env, &packet, &headers, Some(from.interface))
            && let Some(verdict) =
                A::lane(self).established(&burst.env, &mut packet, &headers, from.id)
        {
            self.counters.add(Counter::Cached, 1);
            learn(burst.env, from);
            return self.dispatch_cached(burst, from.id, packet, &headers, verdict);
        }
        let came_by = (from.port, from.id, from.stage);
        let Some((packet, rest, headers)) =
            self.whole_datagram::<A, L>(burst, came_by, packet, rest, headers)
        else {
            return;
        };
        let mut flight = Flight::<A, P>::new(packet, rest, headers, from.id);
        flight.link_broadcast = from.link_broadcast;
        flight.raw_counted = from.stage == Stage::Owner { raw_counted: true };
        flight.ports = from.ports;
        if from.ports.ingress.is_some() {
            return self.switch_datagram(burst, from, flight);
        }
        self.allow_copies(burst, &mut flight);
        let outcome = A::lane(self).receive(&burst.env, &mut flight);
        self.send_copies(burst, &mut flight);
        self.redirect(burst, &flight);
        self.dispatch(burst, flight, outcome, Some(from));
    }

    /// Acts on what the pipeline said.
    pub(super) fn dispatch<A: InWorker, L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        flight: Flight<A, P>,
        outcome: Result<Verdict, Stop>,
        from: Option<From<'_>>,
    ) {
        match outcome {
            Ok(Verdict::Send { egress, next_hop, neighbour }) => {
                let hop = Hop::Routed { egress, next_hop, neighbour };
                self.forward::<L>(burst, flight.into_frames(), egress, hop, from.is_some());
            }
            Ok(Verdict::Bridge { port }) => self.forward_bridged(burst, flight, port),
            Ok(Verdict::Host) => self.deliver_to_host(burst, flight.ingress, flight.into_frames()),
            Ok(Verdict::Reassemble) => self.reassemble_for_host(burst, flight, from),
            Ok(Verdict::Echo) => self.echo(burst, flight),
            Err(Stop::Drop(reason)) => {
                self.dropped_all(&flight, reason);
                self.reassembler.give_back(flight.rest);
            }
            Err(Stop::Refuse(reason, error)) => self.refuse(burst, &flight, reason, error),
            Err(Stop::Reset) => self.reset(burst, &flight),
            Err(Stop::Proxy(step)) => self.proxy(burst, &flight, step),
            Err(Stop::HandOff(owner)) => {
                match from.filter(|from| !matches!(from.stage, Stage::Owner { .. })) {
                    Some(from) => {
                        let stage = Stage::Owner { raw_counted: flight.raw_counted };
                        let Frames { lead, rest, .. } = flight.into_frames();
                        self.hand_off(owner, lead, rest, from.port, stage);
                    }
                    // Already handed over once, or made here: its owner has just let go of it.
                    None => self.dropped_all(&flight, DropReason::ConntrackClash),
                }
            }
        }
    }

    /// Counts every frame of a datagram as dropped.
    pub(super) fn dropped_all<A: InWorker>(&self, flight: &Flight<A, P>, reason: DropReason) {
        self.counters.dropped_many(reason, 1 + flight.rest.len());
    }

    /// Hands a datagram over, behind the packets of the same burst that came before it.
    pub(super) fn hand_off(
        &mut self,
        owner: WorkerId,
        packet: P,
        rest: Vec<(P, Headers)>,
        port: u16,
        stage: Stage,
    ) {
        self.send_parcel(owner);
        let frames = 1 + rest.len();
        self.hand_over(owner, Parcel::Single(HandOff { packet, rest, port, stage }), frames);
    }

    /// Puts a plain packet of the burst at hand into the parcel for its owner.
    #[inline]
    pub(super) fn hand_off_plain(&mut self, owner: WorkerId, port: u16, packet: P) {
        // A parcel has room for a burst.
        let packed = self.leaving.of(owner).map(|parcel| parcel.push(port, packet).is_ok());
        if packed != Some(true) {
            self.counters.dropped(DropReason::HandOffFull);
        }
    }

    /// Hands over what the burst has for other workers.
    #[inline(never)]
    pub(super) fn send_parcels(&mut self) {
        for owner in self.leaving.workers() {
            self.send_parcel(owner);
        }
    }

    pub(super) fn send_parcel(&mut self, owner: WorkerId) {
        if let Some(parcel) = self.leaving.take(owner) {
            let frames = parcel.len();
            self.hand_over(owner, Parcel::Plain(parcel), frames);
        }
    }

    fn hand_over(&self, owner: WorkerId, parcel: Parcel<P>, frames: usize) {
        let ring = self.shared.handoff.get(owner.index());
        match ring.map(|ring| ring.push(parcel)) {
            Some(Ok(())) => self.counters.add(Counter::HandedOut, frames as u64),
            Some(Err(_)) | None => self.counters.dropped_many(DropReason::HandOffFull, frames),
        }
    }
}

/// Where a frame came from.
#[derive(Clone, Copy)]
pub(super) struct From<'a> {
    pub(super) port: u16,
    pub(super) id: InterfaceId,
    pub(super) interface: &'a Interface,
    pub(super) stage: Stage,
    pub(super) link_broadcast: bool,
    pub(super) mac: Mac,
    /// The ports of a bridge it has to do with.
    pub(super) ports: Ports,
    /// Its frame is for others than the bridge.
    pub(super) switched: bool,
}

/// What a frame came by.
#[derive(Clone, Copy)]
pub(super) struct LinkPort {
    /// The port that received it.
    pub(super) port: u16,
    /// The port that carries its interface: the same, or that of a bridge.
    pub(super) carrier: u16,
    /// The port of a bridge, where rules are to see it.
    pub(super) ports: Ports,
}

/// The sender of a packet that PREROUTING has let in is behind the port it came by.
pub(super) fn learn(env: Env<'_>, from: From<'_>) {
    if let Some(port) = from.ports.ingress {
        env.snapshot.interfaces.learn(port, from.mac, env.now);
    }
}
