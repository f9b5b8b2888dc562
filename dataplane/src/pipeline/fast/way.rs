//! What the adjacencies of a worker mean now: the bytes in front of their packets, the port they go to.
//!
//! ```text
//!   adjacency ─> way: MACs, port, MTU, path     holds while epoch, second and the neighbour's link are the same
//! ```

use super::super::Env;
use super::Plain;
use super::frame::{Frame, Macs};
use crate::address::{IpVersion, Mac};
use crate::adjacency::{Adjacencies, AdjacencyId};
use crate::ids::{InterfaceId, NeighbourId, PathId};
use crate::interface::Interface;
use crate::neighbour::{Link, LinkWord};
use crate::packet::Packet;
use crate::wire::ethernet::write_ethernet;

/// The ways of one worker and one IP version, by adjacency.
#[derive(Debug)]
pub(crate) struct Ways(Box<[Way]>);

/// What an adjacency means: one cache line.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct Way {
    /// Epoch and second in which it was made; zero for one that does not hold.
    stamp: u64,
    /// The neighbour, and what its link was then; nobody towards the host.
    neighbour: NeighbourId,
    link: LinkWord,
    /// Where its packets come from, if that matters, and from where none may.
    from: Option<InterfaceId>,
    not_from: Option<InterfaceId>,
    pub(super) path: PathId,
    pub(super) port: u16,
    /// Bytes of IP at most; none goes where there is no way.
    pub(super) mtu: u16,
    pub(super) macs: Macs,
    vlan: Option<u16>,
    /// Forwarded, rather than delivered to the host.
    pub(super) forwards: bool,
}

const _: () = assert!(size_of::<Way>() == 64);

impl Ways {
    /// None holds yet.
    pub(crate) fn new() -> Self {
        Self(vec![Way::NONE; Adjacencies::MOST].into_boxed_slice())
    }

    /// The way of that adjacency, for packets from `ingress`; one that takes no packet where its packets must take
    /// the long way now.
    #[inline]
    pub(super) fn enter<A: Plain>(
        &mut self,
        env: &Env<'_>,
        adjacencies: &Adjacencies,
        id: AdjacencyId,
        ingress: InterfaceId,
        stamp: u64,
    ) -> &Way {
        static NOWHERE: Way = Way::NONE;
        let Some(way) = self.0.get_mut(id.number()) else { return &NOWHERE };
        if !way.holds(env, ingress, stamp) {
            *way = look::<A>(env, adjacencies, id, ingress).unwrap_or(Way::NONE);
        }
        way
    }
}

impl Way {
    const NONE: Self = Self {
        stamp: 0,
        neighbour: NeighbourId(0),
        link: LinkWord::UNRESOLVED,
        from: None,
        not_from: None,
        path: PathId(0),
        port: 0,
        mtu: 0,
        macs: Macs::new(Mac([0; 6]), Mac([0; 6])),
        vlan: None,
        forwards: false,
    };
    /// No neighbour has this number.
    const NOBODY: NeighbourId = NeighbourId(u32::MAX);

    /// What ways made now bear: at least once a second they are made anew, and their neighbours noted as in use.
    pub(super) fn stamp(env: &Env<'_>) -> u64 {
        u64::from(env.epoch) << 32 | u64::from(second(env))
    }

    #[inline]
    fn holds(&self, env: &Env<'_>, ingress: InterfaceId, stamp: u64) -> bool {
        self.stamp == stamp
            && self.from.is_none_or(|from| from == ingress)
            && self.not_from != Some(ingress)
            && env.neighbours.word(self.neighbour) == self.link
    }

    /// Whether what comes in front of a packet has room there.
    #[inline]
    pub(super) fn has_room<P: Packet>(&self, packet: &mut P) -> bool {
        self.vlan.is_none() || has_room_for_tag(packet)
    }

    /// Tags a packet whose MACs are set, where the way is tagged.
    #[inline]
    pub(super) fn tag<A: Plain, P: Packet>(&self, packet: &mut P) {
        if let Some(vlan) = self.vlan {
            tag::<A, P>(packet, self, vlan);
        }
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
#[cold]
#[inline(never)]
fn look<A: Plain>(
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
            stamp: Way::stamp(env),
            neighbour: Way::NOBODY,
            link: LinkWord::UNRESOLVED,
            from: Some(ingress),
            not_from: None,
            path: adjacency.path,
            port: twin?,
            mtu: u16::MAX,
            macs: Macs::new(mac, mac),
            vlan: None,
            forwards: false,
        });
    }
    let interface = interfaces.get(adjacency.egress).filter(|interface| interface.up)?;
    // The sender is told of the shorter way, but not in IPv6.
    let redirects = A::VERSION == IpVersion::V4 && interface.send_redirects;
    if adjacency.egress == ingress && redirects {
        return None;
    }
    let link = env.neighbours.word(adjacency.neighbour);
    Some(Way {
        stamp: Way::stamp(env),
        neighbour: adjacency.neighbour,
        link,
        from: adjacency.ingress,
        not_from: redirects.then_some(adjacency.egress),
        path: adjacency.path,
        port: interface.port,
        mtu: interface.mtu,
        macs: Macs::new(resolved(env, adjacency.neighbour, link)?, interface.mac),
        vlan: interface.vlan,
        forwards: true,
    })
}

/// The MAC of a neighbour; notes that it is in use.
fn resolved(env: &Env<'_>, neighbour: NeighbourId, link: LinkWord) -> Option<Mac> {
    // A stale neighbour in use is asked again by the control thread.
    env.neighbours.mark_used(neighbour, second(env));
    match link.decode() {
        Link::Resolved(mac) => Some(mac),
        Link::Unresolved | Link::Failed => None,
    }
}

fn second(env: &Env<'_>) -> u32 {
    (env.now.0 / 1_000_000_000) as u32
}
