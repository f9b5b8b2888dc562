//! Logical interfaces: what rules, routes and neighbours mean by "interface".
//!
//! ```text
//!   port 0 ──┬── untagged ──> lan   (InterfaceId 0)
//!            └── tag 5 ─────> lan.5 (InterfaceId 1)
//! ```
//!
//! Ports of a [bridge](crate::bridge) are interfaces of their own, without addresses; the bridge's has a virtual port.

use crate::address::{Address, IpVersion, Mac, V4, V6};
use crate::bridge::Bridge;
use crate::groups::Groups;
use crate::ids::InterfaceId;
use crate::time::Instant;
use hashbrown::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

/// Reverse-path filter, `net.ipv4.conf.*.rp_filter`; RFC 3704.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReversePathFilter {
    /// 0.
    #[default]
    Off,
    /// 1: the route back must leave by the interface the packet came from.
    Strict,
    /// 2: there must be a route back.
    Loose,
}

/// One logical interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Name, at most 15 bytes, as rules say it.
    pub name: String,
    /// Index of the port that carries it; a bridge's lies behind those of the real ports.
    pub port: u16,
    /// Index of the port that leads to its twin in the host's own stack.
    pub twin: Option<u16>,
    /// 802.1Q tag of a sub-interface.
    pub vlan: Option<u16>,
    /// Its MAC.
    pub mac: Mac,
    /// Largest IP packet, in bytes.
    pub mtu: u16,
    /// Administratively up.
    pub up: bool,
    /// Its IPv4 addresses with their prefix lengths, primary first.
    pub v4: Vec<(V4, u8)>,
    /// Its IPv6 addresses likewise.
    pub v6: Vec<(V6, u8)>,
    /// Reverse-path filter.
    pub reverse_path: ReversePathFilter,
    /// Whether ICMP redirects are sent.
    pub send_redirects: bool,
    /// Whether these may name a next hop outside the sender's subnet: `shared_media`.
    pub shared_media: bool,
    /// Whether peers on it may leave layer-4 checksums incomplete (a Linux veth or tap).
    pub software_peer: bool,
    /// Multicast groups that the host's programs have joined on it.
    pub groups: Arc<Groups>,
}

impl Interface {
    /// Whether an address is this interface's own.
    #[must_use]
    pub fn owns(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(ip) => self.v4.iter().any(|(own, _)| own.0 == ip.octets()),
            IpAddr::V6(ip) => self.v6.iter().any(|(own, _)| own.0 == ip.octets()),
        }
    }

    /// Whether one of its IPv4 subnets holds both (kernel `inet_addr_onlink`).
    pub(crate) fn joins(&self, one: IpAddr, other: IpAddr) -> bool {
        let (IpAddr::V4(one), IpAddr::V4(other)) = (one, other) else { return false };
        let (one, other) = (one.to_bits(), other.to_bits());
        self.v4.iter().any(|(own, prefix)| {
            let beyond = 32_u32.saturating_sub(u32::from(*prefix));
            let own = u32::from_be_bytes(own.0);
            [one, other].iter().all(|end| u64::from(end ^ own) >> beyond == 0)
        })
    }

    /// The addresses that every router of its subnets has (RFC 4291 section 2.6.1, kernel `addrconf_join_anycast`).
    pub fn subnet_routers(&self) -> impl Iterator<Item = V6> + '_ {
        let subnets = self.v6.iter().filter(|(_, prefix)| (1..127).contains(prefix));
        let routers = subnets.map(|(own, prefix)| {
            V6::from_bits(own.to_bits() >> (128 - u32::from(*prefix)) << (128 - u32::from(*prefix)))
        });
        routers.filter(|router| *router != V6::default())
    }

    /// Its first link-local address of IPv6.
    #[must_use]
    pub fn link_local(&self) -> Option<V6> {
        let mut own = self.v6.iter().map(|(address, _)| *address);
        own.find(|address| is_link_local(address.to_ip()))
    }

    /// All addresses with their prefix lengths.
    pub fn addresses(&self) -> impl Iterator<Item = (IpAddr, u8)> + '_ {
        let v4 = self.v4.iter().map(|(own, prefix)| (own.to_ip(), *prefix));
        v4.chain(self.v6.iter().map(|(own, prefix)| (own.to_ip(), *prefix)))
    }
}

/// All interfaces of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Interfaces {
    list: Vec<Option<Interface>>,
    /// Whose a frame of a port with a tag is.
    by_tag: HashMap<(u16, Option<u16>), InterfaceId>,
    /// Whose twin a port is.
    by_twin: HashMap<u16, InterfaceId>,
    /// The gateway's addresses,
    own: HashSet<IpAddr>,
    /// and the bits they fall on, by family; most others fall on none of them.
    own_bits: [[u64; 4]; 2],
    bridges: Vec<Bridge>,
}

/// A port of a bridge.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// The interface it is.
    pub id: InterfaceId,
    /// Its own MAC, MTU and state.
    pub interface: &'a Interface,
    /// What it belongs to.
    pub bridge: &'a Bridge,
}

/// Whether an address means something on its own link only, in IPv6: of IPv4 Linux does not think so.
pub(crate) fn is_link_local(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V6(v6) if v6.is_unicast_link_local())
}

/// The bit an address falls on: family, word, bit.
#[inline]
fn own_bit<A: Address>(address: A) -> (usize, usize, u64) {
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    let bits = address.to_bits();
    let (family, bit) = match A::VERSION {
        IpVersion::V4 => (0, (bits as u32).wrapping_mul(0x9e37_79b1) >> 24),
        IpVersion::V6 => {
            // Multiplied before they meet: networks and hosts are counted from one alike.
            let both = ((bits >> 64) as u64).wrapping_mul(MIX) ^ bits as u64;
            (1, (both.wrapping_mul(MIX) >> 56) as u32)
        }
    };
    (family, (bit >> 6) as usize, 1 << (bit & 63))
}

impl Interfaces {
    /// From a list in which the position is the [`InterfaceId`]; a hole is an interface that went away.
    #[must_use]
    pub fn new(list: Vec<Option<Interface>>) -> Self {
        let mut own_bits = [[0; 4]; 2];
        for interface in list.iter().flatten() {
            let v4 = interface.v4.iter().map(|(address, _)| own_bit(*address));
            let v6 = interface.v6.iter().map(|(address, _)| own_bit(*address));
            for (family, word, bit) in v4.chain(v6) {
                own_bits[family & 1][word & 3] |= bit;
            }
        }
        let (mut by_tag, mut by_twin) = (HashMap::new(), HashMap::new());
        for (interface, id) in list.iter().zip((0..).map(InterfaceId)) {
            let Some(interface) = interface else { continue };
            by_tag.entry((interface.port, interface.vlan)).or_insert(id);
            if let Some(twin) = interface.twin {
                by_twin.entry(twin).or_insert(id);
            }
        }
        let own = list.iter().flatten().flat_map(Interface::addresses).map(|(own, _)| own);
        Self { own: own.collect(), list, by_tag, by_twin, own_bits, bridges: Vec::new() }
    }

    /// The same interfaces, some of them bridges and their ports.
    #[must_use]
    pub fn with_bridges(self, bridges: Vec<Bridge>) -> Self {
        Self { bridges, ..self }
    }

    /// The bridges.
    #[inline]
    #[must_use]
    pub fn bridges(&self) -> &[Bridge] {
        &self.bridges
    }

    /// The bridge that an interface is.
    #[must_use]
    pub fn bridge(&self, id: InterfaceId) -> Option<&Bridge> {
        self.bridges.iter().find(|bridge| bridge.id == id)
    }

    /// The bridge that an interface is a port of.
    #[must_use]
    pub fn master(&self, id: InterfaceId) -> Option<&Bridge> {
        self.bridges.iter().find(|bridge| bridge.ports.contains(&id))
    }

    /// A frame of `mac` came in by a port of a bridge, which learns where that is; the gateway's own are nowhere else
    /// (kernel `br_fdb_update`).
    pub(crate) fn learn(&self, port: InterfaceId, mac: Mac, now: Instant) {
        let Some(bridge) = self.master(port) else { return };
        let mut own = bridge.ports.iter().chain([&bridge.id]).filter_map(|id| self.get(*id));
        if !own.any(|own| own.mac == mac) {
            bridge.fdb.learn(mac, port, now);
        }
    }

    /// The port of a bridge that a port is.
    #[inline]
    #[must_use]
    pub fn member(&self, port: u16) -> Option<Member<'_>> {
        if self.bridges.is_empty() {
            return None;
        }
        let (id, interface) = self.find(port, None)?;
        Some(Member { id, interface, bridge: self.master(id)? })
    }

    /// The same as [`Self::owns`], quick where the answer is no.
    #[inline]
    pub(crate) fn owns_seldom<A: Address>(&self, address: A) -> bool {
        let (family, word, bit) = own_bit(address);
        self.own_bits[family & 1][word & 3] & bit != 0 && self.owns(address.to_ip())
    }

    /// The same interfaces, one of them up or down. What is tagged on a port follows what is not, as VLAN devices
    /// follow theirs.
    #[must_use]
    pub fn with_state(&self, id: InterfaceId, up: bool) -> Self {
        let mut list = self.list.clone();
        let bridges = self.bridges.clone();
        let Some(changed) = self.get(id) else { return Self::new(list).with_bridges(bridges) };
        for (slot, interface) in list.iter_mut().enumerate() {
            let Some(interface) = interface else { continue };
            let below = changed.vlan.is_none() && interface.port == changed.port;
            if slot == id.index() || below {
                interface.up = up;
            }
        }
        Self::new(list).with_bridges(bridges)
    }

    /// The interface of that id.
    #[must_use]
    pub fn get(&self, id: InterfaceId) -> Option<&Interface> {
        self.list.get(id.index())?.as_ref()
    }

    /// The interface that owns frames of `port` with this tag.
    #[must_use]
    pub fn find(&self, port: u16, vlan: Option<u16>) -> Option<(InterfaceId, &Interface)> {
        let id = *self.by_tag.get(&(port, vlan))?;
        Some((id, self.get(id)?))
    }

    /// The interface whose twin in the host is `port`.
    #[must_use]
    pub fn twin_of(&self, port: u16) -> Option<(InterfaceId, &Interface)> {
        let id = *self.by_twin.get(&port)?;
        Some((id, self.get(id)?))
    }

    /// The interface of that name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<(InterfaceId, &Interface)> {
        self.iter().find(|(_, interface)| interface.name == name)
    }

    /// All that exist.
    #[allow(clippy::cast_possible_truncation)]
    pub fn iter(&self) -> impl Iterator<Item = (InterfaceId, &Interface)> {
        self.list
            .iter()
            .enumerate()
            .filter_map(|(index, slot)| Some((InterfaceId(index as u16), slot.as_ref()?)))
    }

    /// Whether an echo request to `address`, to which routes say that it is at the gateway, is answered: one of its own, or one
    /// that routers share.
    #[must_use]
    pub fn answers_for(&self, address: IpAddr) -> bool {
        self.owns(address) || self.is_subnet_router(address)
    }

    /// Whether every router of a subnet of an interface has `address`.
    #[must_use]
    pub fn is_subnet_router(&self, address: IpAddr) -> bool {
        let mut routers = self.iter().flat_map(|(_, interface)| interface.subnet_routers());
        address.is_ipv6() && routers.any(|router| router.to_ip() == address)
    }

    /// Whether `address` is the gateway's own, on whatever interface (weak host model, as Linux).
    #[must_use]
    pub fn owns(&self, address: IpAddr) -> bool {
        self.own.contains(&address)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn interface(name: &str, port: u16, vlan: Option<u16>) -> Option<Interface> {
        Some(Interface {
            name: name.into(),
            port,
            twin: None,
            vlan,
            mac: Mac::default(),
            mtu: 1500,
            up: true,
            v4: Vec::new(),
            v6: Vec::new(),
            reverse_path: ReversePathFilter::Off,
            send_redirects: false,
            shared_media: true,
            software_peer: false,
            groups: Arc::default(),
        })
    }

    fn up(interfaces: &Interfaces) -> Vec<&str> {
        let up = interfaces.iter().filter(|(_, interface)| interface.up);
        up.map(|(_, interface)| interface.name.as_str()).collect()
    }

    #[test]
    fn own_addresses_are_found_and_others_not() {
        let mut lan = interface("lan", 0, None).unwrap();
        lan.v4 = (0..4).map(|last| (V4([192, 0, 2, last]), 24)).collect();
        lan.v6 = (0..4)
            .map(|last| (V6([0xfd, 0, 0, last, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]), 64))
            .collect();
        let all = Interfaces::new(vec![Some(lan.clone())]);
        assert!(lan.v4.iter().all(|(own, _)| all.owns_seldom(*own)));
        assert!(lan.v6.iter().all(|(own, _)| all.owns_seldom(*own)));
        let mut strangers =
            (0..=255).map(|last| V6([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, last]));
        assert!(!strangers.any(|stranger| all.owns_seldom(stranger)));
        // fd00:1::2 among own addresses, and fd00:2::1: the exclusive or of halves is the same.
        lan.v6 = vec![(V6([0xfd, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]), 64)];
        let other = V6([0xfd, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert!(!Interfaces::new(vec![Some(lan)]).owns_seldom(other));
    }

    #[test]
    fn what_is_tagged_follows_what_carries_it() {
        let all = Interfaces::new(vec![
            interface("lan", 0, None),
            None,
            interface("lan.5", 0, Some(5)),
            interface("wan", 1, None),
        ]);
        let without = all.with_state(InterfaceId(0), false);
        assert_eq!(up(&without), ["wan"]);
        assert_eq!(up(&without.with_state(InterfaceId(0), true)), ["lan", "lan.5", "wan"]);
        assert_eq!(up(&all.with_state(InterfaceId(2), false)), ["lan", "wan"]);
        assert_eq!(up(&all.with_state(InterfaceId(1), false)), ["lan", "lan.5", "wan"]);
    }
}
