//! The adjacency of the packets at hand, kept while they follow one another, and what they count.

use super::super::Env;
use super::Arrival;
use super::frame::PlainV4;
use crate::address::{Address, Mac};
use crate::adjacency::{Adjacencies, AdjacencyId};
use crate::ids::{InterfaceId, NeighbourId, PathId};
use crate::interface::Interface;
use crate::neighbour::Link;
use crate::packet::Packet;
use crate::rules::Rules;
use crate::wire::ethernet::write_ethernet;

/// A run of packets that go the same way.
#[derive(Debug)]
pub(crate) struct Run {
    ingress: InterfaceId,
    /// Whether a layer-4 checksum that nobody has verified is verified here.
    pub(super) verifies: bool,
    current: Option<Current>,
    /// Packets of the current adjacency, and their bytes of IP, not yet counted.
    packets: u64,
    bytes: u64,
    /// Packets of the burst so far.
    total: u64,
    /// Of these, delivered to the host.
    local: u64,
}

#[derive(Debug, Clone, Copy)]
struct Current {
    id: AdjacencyId,
    path: PathId,
    port: u16,
    mtu: u16,
    destination: Mac,
    source: Mac,
    vlan: Option<u16>,
    to_host: bool,
}

impl Run {
    /// No packet yet; all will come the way `arrival` tells.
    pub(crate) fn new(env: &Env<'_>, arrival: Option<&Arrival<'_>>) -> Self {
        let software_peer = arrival.is_some_and(|arrival| arrival.interface.software_peer);
        Self {
            ingress: arrival.map_or(InterfaceId::HOST, |arrival| arrival.id),
            verifies: env.snapshot.conntrack.checksum || software_peer,
            current: None,
            packets: 0,
            bytes: 0,
            total: 0,
            local: 0,
        }
    }

    /// Makes `id` the current adjacency; false when its packets must take the long way now.
    #[inline]
    pub(super) fn enter<A: Address>(
        &mut self,
        env: &Env<'_>,
        adjacencies: &Adjacencies,
        rules: &Rules<A>,
        id: AdjacencyId,
    ) -> bool {
        match &self.current {
            Some(current) if current.id == id => true,
            Some(_) | None => self.change(env, adjacencies, rules, id),
        }
    }

    fn change<A: Address>(
        &mut self,
        env: &Env<'_>,
        adjacencies: &Adjacencies,
        rules: &Rules<A>,
        id: AdjacencyId,
    ) -> bool {
        self.count(env, rules);
        self.current = current(env, adjacencies, id, self.ingress);
        self.current.is_some()
    }

    /// Whether a packet of `length` bytes of IP goes out whole.
    #[inline]
    pub(super) fn takes(&self, length: u16) -> bool {
        self.current.is_some_and(|current| length <= current.mtu)
    }

    /// Whether packets go to the host.
    #[inline]
    pub(super) fn to_host(&self) -> bool {
        self.current.is_some_and(|current| current.to_host)
    }

    /// Puts the Ethernet header in front of a packet of `length` bytes of IP and counts it; gives the port it
    /// goes to.
    #[inline]
    pub(super) fn send<P: Packet>(&mut self, packet: &mut P, length: u16) -> Option<u16> {
        let Current { destination, source, vlan, port, to_host, .. } = self.current?;
        if vlan.is_some() {
            let headers = PlainV4::of(packet)?.headers();
            if !write_ethernet(packet, &headers, destination, source, vlan) {
                return None;
            }
        } else {
            PlainV4::of_mut(packet)?.set_ethernet(destination, source);
            let padding = packet.data().len() - 14 - usize::from(length);
            if padding > 0 {
                packet.trim_back(padding);
            }
        }
        self.packets += 1;
        self.bytes += u64::from(length);
        self.local += u64::from(to_host);
        Some(port)
    }

    /// Counts what has gone the current way.
    pub(crate) fn count<A: Address>(&mut self, env: &Env<'_>, rules: &Rules<A>) {
        let Some(current) = self.current else { return };
        if self.packets == 0 {
            return;
        }
        if let Some(counters) = rules.counters(env.worker) {
            counters.count_path(current.path, self.packets, self.bytes);
        }
        self.total += self.packets;
        (self.packets, self.bytes) = (0, 0);
    }

    /// Packets of the burst, after a last [`Self::count`]: all, and of these to the host.
    pub(crate) const fn totals(&self) -> (u64, u64) {
        (self.total, self.local)
    }
}

/// What an adjacency means now; none when its packets must take the long way.
fn current(
    env: &Env<'_>,
    adjacencies: &Adjacencies,
    id: AdjacencyId,
    ingress: InterfaceId,
) -> Option<Current> {
    let adjacency = adjacencies.get(id)?;
    let interfaces = &env.snapshot.interfaces;
    if adjacency.ingress.is_some_and(|from| from != ingress) {
        return None;
    }
    if adjacency.egress == InterfaceId::HOST {
        let Interface { mac, twin, .. } = *interfaces.get(ingress)?;
        return Some(Current {
            id,
            path: adjacency.path,
            port: twin?,
            mtu: u16::MAX,
            destination: mac,
            source: mac,
            vlan: None,
            to_host: true,
        });
    }
    let interface = interfaces.get(adjacency.egress).filter(|interface| interface.up)?;
    // The sender is told of the shorter way.
    if adjacency.egress == ingress && interface.send_redirects {
        return None;
    }
    let destination = resolved(env, adjacency.neighbour)?;
    Some(Current {
        id,
        path: adjacency.path,
        port: interface.port,
        mtu: interface.mtu,
        destination,
        source: interface.mac,
        vlan: interface.vlan,
        to_host: false,
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
