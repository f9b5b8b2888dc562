//! Multicast groups: to which of them an interface listens. What is sent to the others ends before INPUT.
//!
//! ```text
//!   host's programs ── join ──> twin ── looked at now and then ──> Groups::set ──┐
//!   those of every host, and router, on the link ────────────────────────────────┴─> Interface::listens_to
//! ```

use crate::address::{Address, V6};
use crate::interface::Interface;
use arc_swap::ArcSwap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The groups that the host's programs have joined on one interface.
#[derive(Debug, Default)]
pub struct Groups(ArcSwap<Vec<IpAddr>>);

/// Never told apart: no rule and no cached verdict depends on what is joined.
impl PartialEq for Groups {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
impl Eq for Groups {}

impl Groups {
    /// These, and no others.
    pub fn set(&self, joined: Vec<IpAddr>) {
        if **self.0.load() != joined {
            self.0.store(joined.into());
        }
    }

    fn hold(&self, group: IpAddr) -> bool {
        self.0.load().contains(&group)
    }
}

impl Interface {
    /// Whether what comes in by it for `group` is for the gateway; `forwards6`: it is a router in IPv6 (kernel
    /// `ip_check_mc_rcu`, `ipv6_chk_mcast_addr`; RFC 1112 section 7.1, RFC 4291 section 2.8).
    pub(crate) fn listens_to(&self, group: IpAddr, forwards6: bool) -> bool {
        let by_itself = match group {
            IpAddr::V4(group) => group == ALL_SYSTEMS,
            IpAddr::V6(group) => {
                ALL_NODES.contains(&group)
                    || forwards6 && ALL_ROUTERS.contains(&group)
                    || self.is_solicited(group, forwards6)
            }
        };
        by_itself || self.groups.hold(group)
    }

    /// Whether neighbours ask by that group for an address of its own, or one that routers share.
    fn is_solicited(&self, group: Ipv6Addr, forwards6: bool) -> bool {
        const OF_ADDRESS: u128 = 0xff_ffff;
        const PREFIX: u128 = 0xff02_0000_0000_0000_0000_0001_ff00_0000;
        let asks_for = |own: V6| PREFIX | own.to_bits() & OF_ADDRESS == group.to_bits();
        self.v6.iter().any(|(own, _)| asks_for(*own))
            || forwards6 && self.subnet_routers().any(asks_for)
    }
}

const ALL_SYSTEMS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);
/// On the node and on the link.
const ALL_NODES: [Ipv6Addr; 2] = [group6(1, 1), group6(2, 1)];
/// On the node, on the link and in the site.
const ALL_ROUTERS: [Ipv6Addr; 3] = [group6(1, 2), group6(2, 2), group6(5, 2)];

const fn group6(scope: u16, number: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xff00 | scope, 0, 0, 0, 0, 0, 0, number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interface::tests::interface;

    #[test]
    fn an_interface_listens_to_what_every_host_does_and_what_was_joined() {
        let mut lan = interface("lan", 0, None).unwrap();
        let address: Ipv6Addr = "fd00:1::12:3456".parse().unwrap();
        lan.v6 = vec![(V6(address.octets()), 64)];
        let hears = |group: &str, forwards6| lan.listens_to(group.parse().unwrap(), forwards6);
        for group in ["224.0.0.1", "ff02::1", "ff02::1:ff12:3456"] {
            assert!(hears(group, false), "{group}");
        }
        for group in ["ff02::2", "ff05::2", "ff02::1:ff00:0"] {
            assert!(hears(group, true) && !hears(group, false), "{group}");
        }
        for group in ["224.0.0.251", "239.1.2.3", "ff02::fb", "ff02::1:ff12:3457"] {
            assert!(!hears(group, true), "{group}");
            lan.groups.set(vec![group.parse().unwrap()]);
            assert!(lan.listens_to(group.parse().unwrap(), false), "{group}");
            lan.groups.set(Vec::new());
        }
    }
}
