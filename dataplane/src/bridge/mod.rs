//! Learning bridges: several ports that are one logical interface, as the Linux bridge with `br_netfilter`.
//!
//! ```text
//!            ┌─ to the bridge's MAC, or to a group ──> br0: rules, routes and ARP as of any interface
//!  eth1 ─> PREROUTING, learn
//!            └─ to another MAC, or to a group ──> for each port it goes to: FORWARD ─> POSTROUTING ─> eth2
//!  br0 ─> the port where the destination's MAC was learned, else every port
//! ```
//!
//! - A bridge is an interface with a *virtual port*: a number behind those of the real ports. What leaves by it lies in
//!   the list of that number until the burst ends; then each frame goes to the port that its MAC was learned at, or is
//!   copied to all (`worker/switch.rs`). So routes, neighbours, VLANs and cached verdicts know nothing of bridges.
//! - What a port receives for the bridge's MAC is a packet of `br0` and takes any way such a packet may take, the fast
//!   path too. Its port goes along for `physdev` and LOG ([`Ports`]); a rule that asks for it is asked by each packet.
//! - What is switched passes the tables packet by packet (`pipeline/bridge.rs`), with `br0` as both interfaces; TTL and
//!   MACs stay. Where PREROUTING has changed the destination the kernel asks the routes: to a host on the bridge it is
//!   still switched, to its new MAC; else it is handed up.
//! - Frames that are not IP, or tagged, are switched as they came.
//! - Who is where is in one table a bridge that all workers share ([`Fdb`]). As in the kernel a MAC is learned after
//!   PREROUTING, so that what rules drop there teaches nothing.
//!
//! Without a bridge a burst pays for one test.

mod fdb;

pub use fdb::{Entry, Fdb};

use crate::address::Mac;
use crate::ids::InterfaceId;
use crate::rules::matches::Kept;

/// Bridges of a gateway at most: workers have lists for so many virtual ports.
pub const MOST: usize = 16;

/// A bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bridge {
    /// The interface it is.
    pub id: InterfaceId,
    /// The interfaces it consists of.
    pub ports: Vec<InterfaceId>,
    /// Whether bridged IPv4 packets pass iptables: `net.bridge.bridge-nf-call-iptables`.
    pub call_iptables: bool,
    /// The same for IPv6 packets: `net.bridge.bridge-nf-call-ip6tables`.
    pub call_ip6tables: bool,
    /// Which MAC is behind which port.
    pub fdb: Kept<Fdb>,
}

/// The ports of a bridge a packet has to do with (kernel `struct nf_bridge_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ports {
    /// The one it came in by. It stays where the packet is routed, until it leaves.
    pub ingress: Option<InterfaceId>,
    /// The one it leaves by, where it is bridged.
    pub egress: Option<InterfaceId>,
}

impl Ports {
    /// No bridge.
    pub const NONE: Self = Self { ingress: None, egress: None };
}

/// Whether frames for this group stay on their link: 01:80:c2:00:00:01 to 0f. The kernel's bridge, which runs no
/// spanning tree protocol, forwards those of that protocol, 01:80:c2:00:00:00 (kernel `br_handle_frame`).
#[must_use]
pub fn is_reserved(Mac(mac): Mac) -> bool {
    matches!(mac, [0x01, 0x80, 0xc2, 0, 0, 1..=15])
}

/// Whether a frame may have this source: neither a group nor zero (kernel `is_valid_ether_addr`).
#[must_use]
pub fn is_valid_source(mac: Mac) -> bool {
    !mac.is_multicast() && mac != Mac([0; 6])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_spanning_tree_passes_of_what_is_reserved() {
        let group = |last| Mac([0x01, 0x80, 0xc2, 0, 0, last]);
        assert!((1..=15).all(|last| is_reserved(group(last))));
        assert!(!is_reserved(group(0)) && !is_reserved(group(16)));
        assert!(!is_reserved(Mac::BROADCAST));
    }

    #[test]
    fn no_group_is_a_source() {
        assert!(is_valid_source(Mac([2, 0, 0, 0, 0, 1])));
        assert!(!is_valid_source(Mac([3, 0, 0, 0, 0, 1])) && !is_valid_source(Mac([0; 6])));
    }
}
