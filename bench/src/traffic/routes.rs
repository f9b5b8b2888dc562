//! Routing tables that look like the Internet's, and which gateway a destination must go to.

use super::{Destination, GATEWAYS};
use hashbrown::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One route: the prefix's bits are left-aligned in 128.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) bits: u128,
    pub(crate) length: u8,
    pub(crate) gateway: u8,
}

/// A table, and the longest match in it by a map from every prefix.
#[derive(Debug)]
pub(crate) struct Routes {
    pub(crate) list: Vec<Route>,
    by_prefix: HashMap<(u8, u128), u8>,
    lengths: Vec<u8>,
    pub(crate) v6: bool,
}

/// Prefixes of each length in a full IPv4 table, in thousandths; CIDR report, 2025.
const LENGTHS_V4: [(u8, u64); 13] = [
    (24, 620),
    (23, 100),
    (22, 110),
    (21, 50),
    (20, 45),
    (19, 25),
    (18, 13),
    (17, 8),
    (16, 14),
    (15, 5),
    (14, 4),
    (13, 3),
    (12, 3),
];
/// The same for IPv6, of prefixes within somebody's /40.
const LENGTHS_V6: [(u8, u64); 4] = [(48, 820), (44, 70), (46, 80), (47, 30)];

/// xorshift64*; the same tables and destinations in every run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }
    fn wide(&mut self) -> u128 {
        (0..4).fold(0, |bits, _| bits << 32 | u128::from(self.next() as u32))
    }
    fn length(&mut self, table: &[(u8, u64)]) -> u8 {
        let mut at = self.next() % table.iter().map(|(_, share)| share).sum::<u64>();
        for &(length, share) in table {
            match at.checked_sub(share) {
                Some(rest) => at = rest,
                None => return length,
            }
        }
        0
    }
}

impl Routes {
    /// One route, to 198.18.0.0/15 through the first gateway.
    pub(crate) fn one() -> Self {
        let bits = u128::from(0xc612_0000_u32) << 96;
        let mut routes = Self::empty(false);
        routes.add(Route { bits, length: 15, gateway: 0 });
        routes
    }

    /// `count` IPv4 routes.
    pub(crate) fn internet4(count: usize) -> Self {
        let (mut routes, mut random) = (Self::empty(false), Random(0x51_0ce4));
        while routes.list.len() < count {
            let length = random.length(&LENGTHS_V4);
            let bits = prefix(random.wide(), length);
            if is_public(bits) {
                routes.add(Route { bits, length, gateway: random.gateway() });
            }
        }
        routes
    }

    /// `count` IPv6 routes: a twentieth are /32, a fifth /40 within those, the others lie within these.
    pub(crate) fn internet6(count: usize) -> Self {
        const REGISTRIES: [u128; 5] = [0x240, 0x260, 0x280, 0x2a0, 0x2c0];
        let (mut routes, mut random) = (Self::empty(true), Random(0x51_0ce6));
        let (owners, sites) = (count.div_ceil(20), count / 4);
        while routes.list.len() < count {
            let (within, length) = match routes.list.len() {
                len if len < owners => (REGISTRIES[random.next() as usize % 5] << 116, 32),
                len if len < sites => (routes.list[random.next() as usize % owners].bits, 40),
                _ => {
                    let site = owners + random.next() as usize % (sites - owners).max(1);
                    (routes.list[site].bits, random.length(&LENGTHS_V6))
                }
            };
            let from = match length {
                32 => 12,
                40 => 32,
                _ => 40,
            };
            let bits = prefix(within | random.wide() >> from, length);
            routes.add(Route { bits, length, gateway: random.gateway() });
        }
        routes
    }

    fn empty(v6: bool) -> Self {
        Self { list: Vec::new(), by_prefix: HashMap::new(), lengths: Vec::new(), v6 }
    }

    /// Adds a route, unless there is one to the same prefix.
    fn add(&mut self, route: Route) {
        let prefix = (route.length, route.bits);
        if self.by_prefix.contains_key(&prefix) {
            return;
        }
        self.by_prefix.insert(prefix, route.gateway);
        self.list.push(route);
        if !self.lengths.contains(&route.length) {
            self.lengths.push(route.length);
            self.lengths.sort_unstable_by(|a, b| b.cmp(a));
        }
    }

    /// Addresses within random routes, each with the gateway of the longest match.
    pub(crate) fn destinations(&self, count: usize) -> Vec<Destination> {
        let mut random = Random(0xde57);
        let list = (0..count).filter_map(|_| {
            let route = self.list.get(random.next() as usize % self.list.len())?;
            let host = random.wide().checked_shr(route.length.into()).unwrap_or(0);
            let bits = route.bits | host;
            let bits = if self.v6 { bits } else { prefix(bits, 32) };
            let gateway = self.longest_match(bits)?;
            let address = match self.v6 {
                true => IpAddr::from(Ipv6Addr::from(bits)),
                false => Ipv4Addr::from((bits >> 96) as u32).into(),
            };
            Some(Destination { address, gateway })
        });
        list.collect()
    }

    fn longest_match(&self, bits: u128) -> Option<u8> {
        let mut lengths = self.lengths.iter();
        lengths.find_map(|&length| self.by_prefix.get(&(length, prefix(bits, length))).copied())
    }
}

impl Random {
    fn gateway(&mut self) -> u8 {
        (self.next() % u64::from(GATEWAYS)) as u8
    }
}

/// The first `length` bits of `bits`.
fn prefix(bits: u128, length: u8) -> u128 {
    bits & !u128::MAX.checked_shr(length.into()).unwrap_or(0)
}

/// Neither special, nor one of the gateway's own networks.
fn is_public(bits: u128) -> bool {
    let [a, b, c, ..] = bits.to_be_bytes();
    let own = a == 10 || a == 127 || (a, b) == (192, 168) || (a, b, c) == (203, 0, 113);
    (1..=223).contains(&a) && !own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_decides() {
        let mut routes = Routes::empty(false);
        let bits = |address: [u8; 4]| u128::from(u32::from_be_bytes(address)) << 96;
        routes.add(Route { bits: bits([1, 0, 0, 0]), length: 8, gateway: 1 });
        routes.add(Route { bits: bits([1, 2, 0, 0]), length: 16, gateway: 2 });
        assert_eq!(routes.longest_match(bits([1, 2, 3, 4])), Some(2));
        assert_eq!(routes.longest_match(bits([1, 3, 3, 4])), Some(1));
        assert_eq!(routes.longest_match(bits([2, 3, 3, 4])), None);
    }

    #[test]
    fn tables_have_the_number_of_routes_asked_for() {
        assert_eq!(Routes::internet4(5_000).list.len(), 5_000);
        let six = Routes::internet6(5_000);
        assert_eq!(six.list.len(), 5_000);
        assert_eq!(six.destinations(1_000).len(), 1_000);
    }
}
