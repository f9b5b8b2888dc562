//! What the adjacencies of a worker mean now: the bytes in front of their packets, the port they go to.
//!
//! ```text
//!   adjacency, interface ─> way: MACs, port, MTU, path
//! ```
//!
//! Ways are kept from burst to burst: all that packets of one interface have taken, as long as nothing changes
//! that they were made of.

use super::super::Env;
use super::Plain;
use super::frame::{Frame, Macs};
use crate::address::{IpVersion, Mac};
use crate::adjacency::{Adjacencies, Adjacency, AdjacencyId};
use crate::ids::{InterfaceId, NeighbourId, PathId};
use crate::interface::{Interface, is_link_local};
use crate::neighbour::Link;
use crate::packet::Packet;
use crate::snapshot::NextHop;
use crate::wire::ethernet::write_ethernet;

/// Interfaces whose ways are kept; one more takes the place of another.
const SETS: usize = 4;
/// Ways kept of one interface; one more takes the place of another.
const SET: usize = 1024;

/// The ways of one worker and one IP version.
#[derive(Debug)]
pub(crate) struct Ways {
    list: Box<[Way; SETS * SET]>,
    /// What the ways of each set were made for.
    sets: [(u32, Basis); SETS],
    serial: u32,
}

/// What ways are made of, apart from their adjacency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Basis {
    ingress: InterfaceId,
    /// The first epoch with the numbers of adjacencies of now.
    listed: u32,
    /// Of links of neighbours.
    changes: u32,
    /// Once a second neighbours are noted as in use.
    second: u32,
}

/// A set of ways, as long as its basis holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Set {
    first: usize,
    /// Its serial number, in the upper half.
    tag: u64,
    ingress: InterfaceId,
}

/// What an adjacency means: one cache line.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct Way {
    /// Serial number of the set it was made for, and adjacency.
    tag: u64,
    pub(super) tally: TallyKey,
    pub(super) port: u16,
    /// Bytes of IP at most; none goes where there is no way.
    pub(super) mtu: u16,
    pub(super) macs: Macs,
    vlan: Option<u16>,
}

/// What packets count together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TallyKey(u32);

impl TallyKey {
    /// Of no packet.
    pub(super) const NOTHING: Self = Self(u32::MAX);

    /// Packets of that path, forwarded or delivered to the host.
    const fn new(path: PathId, forwards: bool) -> Self {
        Self(path.0 << 1 | forwards as u32)
    }
    pub(super) const fn index(self) -> usize {
        self.0 as usize >> 1
    }
    pub(super) const fn path(self) -> PathId {
        PathId(self.0 >> 1)
    }
    /// Forwarded, rather than delivered to the host.
    pub(super) const fn forwards(self) -> bool {
        self.0 & 1 != 0
    }
}

impl Ways {
    /// None yet.
    pub(crate) fn new() -> Self {
        let list = vec![Way::NONE; SETS * SET].into_boxed_slice();
        let nothing = Basis { ingress: InterfaceId::HOST, listed: 0, changes: 0, second: 0 };
        Self {
            list: list.try_into().unwrap_or_else(|_| Box::new([Way::NONE; SETS * SET])),
            sets: [(0, nothing); SETS],
            serial: 0,
        }
    }

    /// The set for packets that arrive now from `ingress`.
    pub(super) fn set(&mut self, env: &Env<'_>, listed: u32, ingress: InterfaceId) -> Set {
        let number = ingress.index() % SETS;
        let basis =
            Basis { ingress, listed, changes: env.neighbours.changes(), second: second(env) };
        let (serial, was) = &mut self.sets[number];
        if *was != basis {
            self.serial = self.serial.wrapping_add(1);
            if self.serial == 0 {
                // What was made for this serial number is long out of date.
                self.list.fill(Way::NONE);
                self.serial = 1;
            }
            (*serial, *was) = (self.serial, basis);
        }
        Set { first: number * SET, tag: u64::from(*serial) << 32, ingress }
    }

    /// The way of that adjacency; one that takes no packet where its packets must take the long way now.
    #[inline]
    pub(super) fn enter<A: Plain>(
        &mut self,
        env: &Env<'_>,
        adjacencies: &Adjacencies,
        set: Set,
        id: AdjacencyId,
    ) -> &Way {
        let tag = set.tag | u64::from(id.0);
        let way = &mut self.list[(set.first + id.number() % SET) % (SETS * SET)];
        if way.tag != tag {
            let seen = look::<A>(env, adjacencies, id, set.ingress);
            *way = Way { tag, ..seen.unwrap_or(Way::NONE) };
        }
        way
    }
}

impl Way {
    const NONE: Self = Self {
        tag: 0,
        tally: TallyKey::new(PathId(0), false),
        port: 0,
        mtu: 0,
        macs: Macs::new(Mac([0; 6]), Mac([0; 6])),
        vlan: None,
    };

    /// Whether what comes in front of a packet has room there.
    #[inline]
    pub(super) fn has_room<P: Packet>(&self, packet: &mut P) -> bool {
        self.vlan.is_none() || has_room_for_tag(packet)
    }

    /// Whether it leads onwards, and not to the host.
    #[inline]
    pub(super) const fn forwards(&self) -> bool {
        self.tally.forwards()
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
    let adjacency = adjacencies.get(id).filter(|adjacency| adjacency.is_alive(env.neighbours))?;
    let interfaces = &env.snapshot.interfaces;
    if adjacency.ingress.is_some_and(|from| from != ingress) {
        return None;
    }
    if adjacency.egress == InterfaceId::HOST {
        let Interface { mac, twin, .. } = *interfaces.get(ingress)?;
        return Some(Way {
            tally: TallyKey::new(adjacency.path, false),
            port: twin?,
            mtu: u16::MAX,
            macs: Macs::new(mac, mac),
            ..Way::NONE
        });
    }
    let interface = interfaces.get(adjacency.egress).filter(|interface| interface.up)?;
    // The sender may have to be told of the shorter way.
    if adjacency.egress == ingress && redirects::<A>(env, &adjacency, interface) {
        return None;
    }
    Some(Way {
        tally: TallyKey::new(adjacency.path, true),
        port: interface.port,
        mtu: interface.mtu,
        macs: Macs::new(resolved(env, adjacency.neighbour)?, interface.mac),
        vlan: interface.vlan,
        ..Way::NONE
    })
}

/// Whether there are senders that are told of the next hop. In IPv6 no redirect can name a router by another address than its
/// link-local one.
fn redirects<A: Plain>(env: &Env<'_>, adjacency: &Adjacency, interface: &Interface) -> bool {
    match A::VERSION {
        IpVersion::V4 => interface.send_redirects,
        IpVersion::V6 => match adjacency.next_hop.and_then(|id| env.snapshot.next_hop(id)) {
            Some(NextHop::Gateway { address, .. }) => is_link_local(address),
            Some(
                NextHop::Connected(_)
                | NextHop::Local(_)
                | NextHop::Broadcast(_)
                | NextHop::Blackhole
                | NextHop::Unreachable
                | NextHop::Prohibit
                | NextHop::Throw,
            )
            | None => true,
        },
    }
}

/// The MAC of a neighbour; notes that it is in use.
fn resolved(env: &Env<'_>, neighbour: NeighbourId) -> Option<Mac> {
    // A stale neighbour in use is asked again by the control thread.
    env.neighbours.mark_used(neighbour, second(env));
    match env.neighbours.link(neighbour) {
        Link::Resolved(mac) => Some(mac),
        Link::Unresolved | Link::Failed => None,
    }
}

fn second(env: &Env<'_>) -> u32 {
    (env.now.0 / 1_000_000_000) as u32
}
