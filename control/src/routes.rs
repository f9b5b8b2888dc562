//! The routing table: what the operator and the interfaces' addresses say, and the FIBs that follow it.
//!
//! ```text
//!   addresses ──> local, connected, broadcast ─┐
//!                                              ├─ best per prefix ─> FibWriter ─> workers
//!   operator  ──> static routes by metric ─────┘        └─> next hops (in the snapshot)
//! ```

use ipnet::IpNet;
use sluice_dataplane::address::{Address, V4, V6};
use sluice_dataplane::fib::FibWriter;
use sluice_dataplane::ids::NextHopId;
use sluice_dataplane::interface::Interfaces;
use sluice_dataplane::published::Quiescence;
use sluice_dataplane::snapshot::NextHop;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use thiserror::Error;

/// Why a route is there; earlier kinds win over later ones to the same prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// An own address or broadcast address.
    Local,
    /// A connected subnet.
    Connected,
    /// The operator's.
    Static,
}

/// One route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Destination.
    pub to: IpNet,
    /// Where it leads.
    pub next_hop: NextHop,
    /// Why it is there.
    pub origin: Origin,
    /// Lower wins.
    pub metric: u32,
    /// Preferred source address.
    pub source: Option<IpAddr>,
}

/// Why a route was refused; texts as iproute2 prints the kernel's answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RouteError {
    /// Same destination and metric.
    #[error("RTNETLINK answers: File exists")]
    Exists,
    /// Nothing to delete.
    #[error("RTNETLINK answers: No such process")]
    NotFound,
    /// The gateway's address is on no connected subnet.
    #[error("Error: Nexthop has invalid gateway.")]
    BadGateway,
}

/// All routes, and the FIBs they are in.
#[derive(Debug)]
pub struct Routes {
    routes: BTreeMap<(IpAddr, u8), Vec<Route>>,
    next_hops: Vec<NextHop>,
    index: HashMap<NextHop, NextHopId>,
    fib4: FibWriter<V4>,
    fib6: FibWriter<V6>,
}

fn key(net: IpNet) -> (IpAddr, u8) {
    (net.network(), net.prefix_len())
}

impl Routes {
    /// No routes; the writers' FIBs are empty.
    #[must_use]
    pub fn new(fib4: FibWriter<V4>, fib6: FibWriter<V6>) -> Self {
        Self { routes: BTreeMap::new(), next_hops: Vec::new(), index: HashMap::new(), fib4, fib6 }
    }

    /// The next hops of the snapshot; ids never change their meaning.
    #[must_use]
    pub fn next_hops(&self) -> &[NextHop] {
        &self.next_hops
    }

    /// All routes, by destination.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.routes.values().flatten()
    }

    /// The best route to an address.
    #[must_use]
    pub fn lookup(&self, address: IpAddr) -> Option<&Route> {
        self.routes
            .values()
            .filter_map(|routes| routes.first())
            .filter(|route| route.to.contains(&address))
            .max_by_key(|route| route.to.prefix_len())
    }

    /// The interface by which a gateway is reached: that of the connected subnet it is in.
    #[must_use]
    pub fn interface_towards(&self, gateway: IpAddr) -> Option<sluice_dataplane::ids::InterfaceId> {
        self.lookup(gateway)?.next_hop.connected()
    }

    /// The id of a next hop; a new one must be published before a route names it.
    pub fn intern(&mut self, next_hop: NextHop) -> NextHopId {
        if let Some(&id) = self.index.get(&next_hop) {
            return id;
        }
        let id = NextHopId(u32::try_from(self.next_hops.len()).unwrap_or(u32::MAX));
        self.next_hops.push(next_hop);
        self.index.insert(next_hop, id);
        id
    }

    /// Adds a route.
    ///
    /// # Errors
    /// When there is one of the same metric already.
    pub fn add(&mut self, route: Route) -> Result<(), RouteError> {
        let routes = self.routes.entry(key(route.to)).or_default();
        if routes.iter().any(|old| old.origin == route.origin && old.metric == route.metric) {
            return Err(RouteError::Exists);
        }
        let at =
            routes.partition_point(|old| (old.origin, old.metric) < (route.origin, route.metric));
        let to = route.to;
        routes.insert(at, route);
        self.sync(to);
        Ok(())
    }

    /// Adds a route, in the place of one of the same destination and metric if there is one.
    pub fn replace(&mut self, route: Route) {
        let routes = self.routes.entry(key(route.to)).or_default();
        routes.retain(|old| !(old.origin == route.origin && old.metric == route.metric));
        let at =
            routes.partition_point(|old| (old.origin, old.metric) < (route.origin, route.metric));
        let to = route.to;
        routes.insert(at, route);
        self.sync(to);
    }

    /// Deletes the first operator's route to `to` that `pick` agrees to.
    ///
    /// # Errors
    /// When there is none.
    pub fn delete(&mut self, to: IpNet, pick: impl Fn(&Route) -> bool) -> Result<(), RouteError> {
        let routes = self.routes.get_mut(&key(to)).ok_or(RouteError::NotFound)?;
        let at = routes
            .iter()
            .position(|route| route.origin == Origin::Static && pick(route))
            .ok_or(RouteError::NotFound)?;
        routes.remove(at);
        self.sync(to);
        Ok(())
    }

    /// Makes memory of the FIBs available again that no worker looks at any more.
    pub fn reclaim(&mut self, quiescence: &Quiescence) {
        self.fib4.reclaim(quiescence);
        self.fib6.reclaim(quiescence);
    }

    /// Makes the table equal to `wanted`, touching only what differs.
    pub fn set(&mut self, wanted: Vec<Route>) {
        let mut target: BTreeMap<(IpAddr, u8), Vec<Route>> = BTreeMap::new();
        for route in wanted {
            let routes = target.entry(key(route.to)).or_default();
            let at = routes
                .partition_point(|old| (old.origin, old.metric) <= (route.origin, route.metric));
            routes.insert(at, route);
        }
        let mut changed: Vec<IpNet> = Vec::new();
        for (key, routes) in &target {
            if self.routes.get(key) != Some(routes) {
                changed.extend(routes.first().map(|route| route.to));
            }
        }
        for (key, routes) in &self.routes {
            if !target.contains_key(key) {
                changed.extend(routes.first().map(|route| route.to));
            }
        }
        self.routes = target;
        for to in changed {
            self.sync(to);
        }
    }

    /// Brings the FIB's entry for one prefix in line with the table.
    fn sync(&mut self, to: IpNet) {
        let best =
            self.routes.get(&key(to)).and_then(|routes| routes.first()).map(|best| best.next_hop);
        if best.is_none() {
            self.routes.remove(&key(to));
        }
        let id = best.map(|next_hop| self.intern(next_hop));
        match to.network() {
            IpAddr::V4(address) => write(&mut self.fib4, V4(address.octets()), to.prefix_len(), id),
            IpAddr::V6(address) => write(&mut self.fib6, V6(address.octets()), to.prefix_len(), id),
        }
    }
}

fn write<A: Address>(fib: &mut FibWriter<A>, prefix: A, length: u8, id: Option<NextHopId>) {
    match id {
        // Only a full table refuses, and then the old entry stays; it grows to millions of routes.
        Some(id) => drop(fib.insert(prefix, length, id)),
        None => drop(fib.remove(prefix, length)),
    }
}

/// Whether a route leads somewhere now: its interface is up. An own IPv4 address stays one while its interface is
/// down (kernel `fib_sync_down_dev`), an IPv6 address does not.
#[must_use]
pub fn is_usable(route: &Route, interfaces: &Interfaces) -> bool {
    let up = |id| interfaces.get(id).is_some_and(|interface| interface.up);
    match route.next_hop {
        NextHop::Local(id) => route.to.addr().is_ipv4() || up(id),
        NextHop::Broadcast(id) | NextHop::Connected(id) => up(id),
        NextHop::Gateway { interface, .. } => up(interface),
        NextHop::Blackhole | NextHop::Unreachable | NextHop::Prohibit | NextHop::Throw => true,
    }
}

/// The routes that interfaces' addresses make (kernel `fib_add_ifaddr`, `addrconf_prefix_route`, and, where IPv6 is
/// forwarded, `addrconf_join_anycast`).
#[must_use]
pub fn of_addresses(interfaces: &Interfaces, forwards_v6: bool) -> Vec<Route> {
    let mut out: Vec<Route> = Vec::new();
    let mut push = |to: IpNet, next_hop, origin, source| {
        // Every interface has a link-local subnet of its own.
        let same =
            |route: &Route| (route.to, route.next_hop, route.origin) == (to, next_hop, origin);
        if !out.iter().any(same) {
            out.push(Route { to, next_hop, origin, metric: 0, source: Some(source) });
        }
    };
    for (id, interface) in interfaces.iter() {
        for (address, prefix) in interface.addresses() {
            let host_bits = if address.is_ipv4() { 32 } else { 128 };
            let (Ok(host), Ok(subnet)) =
                (IpNet::new(address, host_bits), IpNet::new(address, prefix))
            else {
                continue;
            };
            push(host, NextHop::Local(id), Origin::Local, address);
            if prefix < host_bits {
                push(subnet.trunc(), NextHop::Connected(id), Origin::Connected, address);
            }
            if let IpNet::V4(subnet) = subnet
                && subnet.prefix_len() < 31
                && let Ok(broadcast) = IpNet::new(subnet.broadcast().into(), 32)
            {
                push(broadcast, NextHop::Broadcast(id), Origin::Local, address);
            }
        }
        for router in interface.subnet_routers().filter(|_| forwards_v6) {
            let router = router.to_ip();
            push(IpNet::from(router), NextHop::Local(id), Origin::Local, router);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_dataplane::fib::Fib;

    /// Of blocks there are two; each prefix takes one, and gives it back.
    #[test]
    fn what_removed_routes_took_is_reclaimed() {
        let (_fib4, writer4) = Fib::new(2).unwrap();
        let (_fib6, writer6) = Fib::new(1).unwrap();
        let mut routes = Routes::new(writer4, writer6);
        let quiescence = Quiescence::new(0);
        for number in 0..20_u8 {
            let to = IpNet::new([10, 0, number, 1].into(), 32).unwrap();
            let next_hop = NextHop::Blackhole;
            let origin = Origin::Static;
            routes.add(Route { to, next_hop, origin, metric: 0, source: None }).unwrap();
            assert!(routes.fib4.exact(V4([10, 0, number, 1]), 32).is_some(), "{number}");
            routes.delete(to, |_| true).unwrap();
            routes.reclaim(&quiescence);
        }
    }
}
