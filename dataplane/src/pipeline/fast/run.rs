//! The adjacencies that the packets of a burst take, looked into once a burst, and what they count.

use super::super::Env;
use super::frame::{Frame, Macs};
use super::{Arrival, Plain};
use crate::address::{IpVersion, Mac};
use crate::adjacency::{Adjacencies, AdjacencyId};
use crate::ids::{InterfaceId, NeighbourId, PathId};
use crate::interface::Interface;
use crate::neighbour::Link;
use crate::packet::Packet;
use crate::wire::ethernet::write_ethernet;
use std::marker::PhantomData;

/// Ways of a burst that are kept; one more takes the place of another.
const WAYS: usize = 8;

/// The ways the packets of a burst go.
#[derive(Debug)]
pub(crate) struct Run<A> {
    ingress: InterfaceId,
    /// Whether a layer-4 checksum that nobody has verified is verified here.
    pub(super) verifies: bool,
    /// That of the packet at hand.
    way: Way,
    /// Those of packets before it.
    others: [Way; WAYS],
    passed: Passed,
    family: PhantomData<A>,
}

/// Packets of a burst that took the fast path.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Passed {
    /// Forwarded.
    pub(crate) sent: u64,
    /// For the host.
    pub(crate) delivered: u64,
    /// Of those sent, those that no list had room for.
    pub(crate) sent_full: u64,
    /// Of those for the host, likewise.
    pub(crate) delivered_full: u64,
}

/// What an adjacency means now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    id: Option<AdjacencyId>,
    path: PathId,
    pub(super) port: u16,
    /// Bytes of IP at most; none goes where there is no way.
    pub(super) mtu: u16,
    pub(super) macs: Macs,
    vlan: Option<u16>,
    /// Forwarded, rather than delivered to the host.
    pub(super) forwards: bool,
    /// Packets that went this way, and their bytes of IP, not yet counted.
    packets: u32,
    bytes: u32,
}

impl Way {
    const NONE: Self = Self {
        id: None,
        path: PathId(0),
        port: 0,
        mtu: 0,
        macs: Macs::new(Mac([0; 6]), Mac([0; 6])),
        vlan: None,
        forwards: false,
        packets: 0,
        bytes: 0,
    };
}

impl<A: Plain> Run<A> {
    /// No packet yet; all will come the way `arrival` tells.
    pub(crate) fn new(env: &Env<'_>, arrival: Option<&Arrival<'_>>) -> Self {
        let software_peer = arrival.is_some_and(|arrival| arrival.interface.software_peer);
        Self {
            ingress: arrival.map_or(InterfaceId::HOST, |arrival| arrival.id),
            verifies: env.snapshot.conntrack.checksum || software_peer,
            way: Way::NONE,
            others: [Way::NONE; WAYS],
            passed: Passed::default(),
            family: PhantomData,
        }
    }

    /// The way of that adjacency; one that takes no packet where its packets must take the long way now.
    #[inline]
    pub(super) fn enter(
        &mut self,
        env: &Env<'_>,
        adjacencies: &Adjacencies,
        id: AdjacencyId,
    ) -> &Way {
        if self.way.id != Some(id) {
            self.turn(env, adjacencies, id);
        }
        &self.way
    }

    /// Another way from here on.
    #[inline(never)]
    fn turn(&mut self, env: &Env<'_>, adjacencies: &Adjacencies, id: AdjacencyId) {
        if let Some(left) = self.way.id {
            let place = left.number() % WAYS;
            self.count_way(env, self.others[place]);
            self.others[place] = self.way;
        }
        let kept = &mut self.others[id.number() % WAYS];
        if kept.id == Some(id) {
            self.way = std::mem::replace(kept, Way::NONE);
            return;
        }
        let way = way::<A>(env, adjacencies, id, self.ingress);
        self.way = way.unwrap_or(Way { id: Some(id), ..Way::NONE });
    }

    /// Cuts padding off a packet of `length` bytes of IP whose MACs are set, tags it where the way is tagged, and
    /// counts it; gives the port it goes to.
    #[inline]
    pub(super) fn send<P: Packet>(&mut self, packet: &mut P, length: u16, padding: usize) -> u16 {
        let way = &mut self.way;
        if padding > 0 {
            packet.trim_back(padding);
        }
        if let Some(vlan) = way.vlan {
            tag::<A, P>(packet, way, vlan);
        }
        way.packets += 1;
        way.bytes += u32::from(length);
        way.port
    }

    /// Counts what has gone.
    pub(crate) fn count(&mut self, env: &Env<'_>) {
        self.count_way(env, self.way);
        self.way = Way::NONE;
        for way in std::mem::replace(&mut self.others, [Way::NONE; WAYS]) {
            self.count_way(env, way);
        }
    }

    fn count_way(&mut self, env: &Env<'_>, way: Way) {
        if way.packets == 0 {
            return;
        }
        let (packets, bytes) = (u64::from(way.packets), u64::from(way.bytes));
        if let Some(counters) = A::rules(env.snapshot).counters(env.worker) {
            counters.count_path(way.path, packets, bytes);
        }
        match way.forwards {
            true => self.passed.sent += packets,
            false => self.passed.delivered += packets,
        }
    }

    /// The list of the port had no room for the packet sent last.
    #[cold]
    pub(crate) const fn refuse(&mut self) {
        match self.way.forwards {
            true => self.passed.sent_full += 1,
            false => self.passed.delivered_full += 1,
        }
    }

    /// Packets of the burst, after a last [`Self::count`].
    pub(crate) const fn totals(&self) -> Passed {
        self.passed
    }
}

impl Way {
    /// Whether what comes in front of a packet has room there.
    #[inline]
    pub(super) fn has_room<P: Packet>(&self, packet: &mut P) -> bool {
        self.vlan.is_none() || has_room_for_tag(packet)
    }
}

/// Whether four bytes more fit in front of a packet.
#[cold]
fn has_room_for_tag<P: Packet>(packet: &mut P) -> bool {
    const TAG: usize = 4;
    let fits = packet.prepend(TAG);
    if fits {
        packet.trim_front(TAG);
    }
    fits
}

#[cold]
fn tag<A: Plain, P: Packet>(packet: &mut P, way: &Way, vlan: u16) {
    if let Some(headers) = Frame::<A>::of(packet).map(|frame| frame.headers()) {
        // There is room: `Way::has_room` has looked.
        write_ethernet(packet, &headers, way.macs.destination(), way.macs.source(), Some(vlan));
    }
}

/// What an adjacency means now; none when its packets must take the long way.
fn way<A: Plain>(
    env: &Env<'_>,
    adjacencies: &Adjacencies,
    id: AdjacencyId,
    ingress: InterfaceId,
) -> Option<Way> {
    let adjacency = adjacencies.get(id)?;
    let interfaces = &env.snapshot.interfaces;
    if adjacency.ingress.is_some_and(|from| from != ingress) {
        return None;
    }
    if adjacency.egress == InterfaceId::HOST {
        let Interface { mac, twin, .. } = *interfaces.get(ingress)?;
        return Some(Way {
            id: Some(id),
            path: adjacency.path,
            port: twin?,
            mtu: u16::MAX,
            macs: Macs::new(mac, mac),
            vlan: None,
            forwards: false,
            packets: 0,
            bytes: 0,
        });
    }
    let interface = interfaces.get(adjacency.egress).filter(|interface| interface.up)?;
    // The sender is told of the shorter way, but not in IPv6.
    let redirects = A::VERSION == IpVersion::V4 && interface.send_redirects;
    if adjacency.egress == ingress && redirects {
        return None;
    }
    Some(Way {
        id: Some(id),
        path: adjacency.path,
        port: interface.port,
        mtu: interface.mtu,
        macs: Macs::new(resolved(env, adjacency.neighbour)?, interface.mac),
        vlan: interface.vlan,
        forwards: true,
        packets: 0,
        bytes: 0,
    })
}

/// The MAC of a neighbour; notes that it is in use.
fn resolved(env: &Env<'_>, neighbour: NeighbourId) -> Option<Mac> {
    // A stale neighbour in use is asked again by the control thread.
    env.neighbours.mark_used(neighbour, (env.now.0 / 1_000_000_000) as u32);
    match env.neighbours.link(neighbour) {
        Link::Resolved(mac) => Some(mac),
        Link::Unresolved | Link::Failed => None,
    }
}
