//! Routes.

use super::{address, bytes, device, family_filter, name, named, prefix, prefix_message};
use crate::controller::Controller;
use crate::proto::{self, Change, RouteType};
use crate::routes::{Origin, Route, RouteError};
use crate::server::Plane;
use ipnet::IpNet;
use sluice_config::gateway::{Route as Asked, RouteKind};
use sluice_dataplane::ids::InterfaceId;
use sluice_dataplane::interface::{Interface, Interfaces};
use sluice_dataplane::snapshot::NextHop;
use std::cell::Cell;
use std::net::IpAddr;
use tonic::Status;

const MAIN: u32 = 254;
const LOCAL: u32 = 255;
const ALL: u32 = u32::MAX;

pub(super) fn list(
    plane: &Plane,
    asked: &proto::ListRoutesRequest,
) -> Result<proto::ListRoutesResponse, Status> {
    let family = family_filter(asked.family)?;
    let table = if asked.table == 0 { MAIN } else { asked.table };
    let controller = plane.lock();
    let routes = controller
        .routes
        .iter()
        .filter(|route| family(route.to.addr()))
        .map(|route| message(plane, &controller, route))
        .filter(|route| table == ALL || route.table == table);
    Ok(proto::ListRoutesResponse { routes: routes.collect() })
}

pub(super) fn get(
    plane: &Plane,
    asked: &proto::GetRouteRequest,
) -> Result<proto::GetRouteResponse, Status> {
    let destination = address(&asked.destination)?;
    let controller = plane.lock();
    named(&controller, &asked.input_interface)?;
    let route = controller
        .routes
        .lookup(destination)
        .ok_or_else(|| Status::not_found(format!("no route leads to {destination}")))?;
    let own = || {
        let interface = controller.interfaces.get(leaves_by(route.next_hop)?)?;
        source(interface, towards(route.next_hop, destination))
    };
    let source = match &asked.source {
        given if given.is_empty() => route.source.or_else(own).map(bytes).unwrap_or_default(),
        given => bytes(address(given)?),
    };
    Ok(proto::GetRouteResponse { route: Some(message(plane, &controller, route)), source })
}

pub(super) fn change(
    plane: &Plane,
    asked: proto::ChangeRouteRequest,
) -> Result<proto::ChangeRouteResponse, Status> {
    let change = super::change(asked.change)?;
    let asked = asked.route.ok_or_else(|| Status::invalid_argument("the route is missing"))?;
    let mut controller = plane.lock();
    if change == Change::Delete {
        delete(&mut controller, &asked)?;
        let generation = controller.changed();
        return Ok(proto::ChangeRouteResponse { generation });
    }
    let (route, configured) = read(&controller, &asked)?;
    let there =
        controller.running.config.routes.iter().any(|old| is_at(old, route.to, route.metric));
    match change {
        Change::Update if !there => return Err(status(RouteError::NotFound)),
        Change::Append if there => {
            return Err(Status::unimplemented(
                "several routes of one metric to one destination are not supported; give another metric",
            ));
        }
        Change::Add if there => return Err(status(RouteError::Exists)),
        Change::Unspecified
        | Change::Add
        | Change::Replace
        | Change::Update
        | Change::Append
        | Change::Delete => {}
    }
    // Workers must know a next hop before a route leads them to it.
    let before = controller.routes.next_hops().len();
    controller.routes.intern(route.next_hop);
    if controller.routes.next_hops().len() != before {
        controller.republish();
    }
    let (to, metric) = (route.to, route.metric);
    if there {
        controller.routes.replace(route);
        controller.running.config.routes.retain(|old| !is_at(old, to, metric));
    } else {
        controller.routes.add(route).map_err(status)?;
    }
    controller.running.config.routes.push(configured);
    let protocol = if asked.protocol.is_empty() { "boot" } else { &asked.protocol };
    controller.route_protocols.insert((to, metric), protocol.to_owned());
    Ok(proto::ChangeRouteResponse { generation: controller.changed() })
}

fn is_at(route: &Asked, to: IpNet, metric: u32) -> bool {
    route.to == to && route.metric.unwrap_or_default() == metric
}

fn delete(controller: &mut Controller, asked: &proto::Route) -> Result<(), Status> {
    let to = prefix(asked.destination.as_ref())?.trunc();
    let hop = asked.next_hops.first().cloned().unwrap_or_default();
    let via = if hop.via.is_empty() { None } else { Some(address(&hop.via)?) };
    let interface = named(controller, &hop.interface)?;
    let picked = Cell::new(None);
    let pick = |route: &Route| {
        let of_type = asked.r#type == i32::from(RouteType::Unspecified)
            || asked.r#type == i32::from(route_type(route.next_hop));
        let fits = of_type
            && (asked.metric == 0 || asked.metric == route.metric)
            && via.is_none_or(|via| gateway(route.next_hop) == Some(via))
            && interface.is_none_or(|id| leaves_by(route.next_hop) == Some(id));
        if fits {
            picked.set(Some(route.metric));
        }
        fits
    };
    controller.routes.delete(to, pick).map_err(status)?;
    if let Some(metric) = picked.get() {
        controller.route_protocols.remove(&(to, metric));
        controller.running.config.routes.retain(|old| !is_at(old, to, metric));
    }
    Ok(())
}

fn status(error: RouteError) -> Status {
    match error {
        RouteError::Exists => Status::already_exists("such a route is there already"),
        RouteError::NotFound => Status::not_found("no such route"),
        RouteError::BadGateway => Status::failed_precondition("Nexthop has invalid gateway"),
    }
}

/// Reads a route to add, and how the configuration says it.
fn read(controller: &Controller, asked: &proto::Route) -> Result<(Route, Asked), Status> {
    let to = prefix(asked.destination.as_ref())?;
    if to != to.trunc() {
        return Err(Status::invalid_argument("Invalid prefix for given prefix length"));
    }
    if asked.table != 0 && asked.table != MAIN {
        return Err(Status::unimplemented(
            "tables other than main are not supported yet; leave table out",
        ));
    }
    if asked.next_hops.len() > 1 {
        return Err(Status::unimplemented("several next hops are not supported yet; give one"));
    }
    let kind = match RouteType::try_from(asked.r#type) {
        Ok(RouteType::Unspecified | RouteType::Unicast) => RouteKind::Unicast,
        Ok(RouteType::Blackhole) => RouteKind::Blackhole,
        Ok(RouteType::Unreachable) => RouteKind::Unreachable,
        Ok(RouteType::Prohibit) => RouteKind::Prohibit,
        Ok(RouteType::Throw) => RouteKind::Throw,
        Ok(RouteType::Local | RouteType::Broadcast | RouteType::Multicast) | Err(_) => {
            return Err(Status::unimplemented(
                "routes are unicast, blackhole, unreachable, prohibit or throw; others follow from addresses",
            ));
        }
    };
    let hop = asked.next_hops.first().cloned().unwrap_or_default();
    let via = if hop.via.is_empty() { None } else { Some(address(&hop.via)?) };
    if via.is_some_and(|via| via.is_ipv4() != to.addr().is_ipv4()) {
        return Err(Status::invalid_argument(
            "the gateway's address family differs from the destination's",
        ));
    }
    let interface = match hop.interface.as_str() {
        "" => None,
        asked => Some(device(controller, asked)?.0),
    };
    let next_hop = match (kind, via) {
        (RouteKind::Blackhole, _) => NextHop::Blackhole,
        (RouteKind::Unreachable, _) => NextHop::Unreachable,
        (RouteKind::Prohibit, _) => NextHop::Prohibit,
        (RouteKind::Throw, _) => NextHop::Throw,
        (RouteKind::Unicast, Some(address)) => {
            let found = interface.filter(|_| hop.onlink);
            let found = found.or_else(|| reached_by(&controller.interfaces, address, interface));
            let interface = found.ok_or_else(|| status(RouteError::BadGateway))?;
            NextHop::Gateway { interface, address }
        }
        (RouteKind::Unicast, None) => {
            let id = interface.ok_or_else(|| Status::invalid_argument("No such device"))?;
            if !controller.interfaces.get(id).is_some_and(|interface| interface.up) {
                return Err(Status::failed_precondition("Device for nexthop is not up"));
            }
            NextHop::Connected(id)
        }
    };
    let source = match asked.preferred_source.as_slice() {
        [] => None,
        own => Some(address(own)?),
    };
    if source.is_some_and(|source| !controller.interfaces.owns(source)) {
        return Err(Status::invalid_argument("Invalid prefsrc address"));
    }
    let route = Route { to, next_hop, origin: Origin::Static, metric: asked.metric, source };
    let configured = Asked {
        to,
        via,
        // Said even where the gateway decides, as the route then means the same for ever.
        interface: leaves_by(next_hop).map(|id| name(controller, id)),
        source,
        metric: Some(asked.metric).filter(|metric| *metric != 0),
        table: None,
        mtu: u16::try_from(asked.mtu).ok().filter(|mtu| *mtu != 0),
        kind,
    };
    Ok((route, configured))
}

/// The interface whose subnet has the gateway: the longest prefix, of `only` where it is named. An own
/// address is no gateway.
fn reached_by(
    interfaces: &Interfaces,
    gateway: IpAddr,
    only: Option<InterfaceId>,
) -> Option<InterfaceId> {
    if interfaces.owns(gateway) {
        return None;
    }
    interfaces
        .iter()
        .filter(|(id, interface)| interface.up && only.is_none_or(|only| only == *id))
        .flat_map(|(id, interface)| {
            interface.addresses().map(move |(own, length)| (id, own, length))
        })
        .filter(|(_, own, length)| {
            IpNet::new(*own, *length).is_ok_and(|net| net.contains(&gateway))
        })
        .max_by_key(|(.., length)| *length)
        .map(|(id, ..)| id)
}

fn leaves_by(next_hop: NextHop) -> Option<InterfaceId> {
    match next_hop {
        NextHop::Local(id) | NextHop::Broadcast(id) | NextHop::Connected(id) => Some(id),
        NextHop::Gateway { interface, .. } => Some(interface),
        NextHop::Blackhole | NextHop::Unreachable | NextHop::Prohibit | NextHop::Throw => None,
    }
}

fn gateway(next_hop: NextHop) -> Option<IpAddr> {
    match next_hop {
        NextHop::Gateway { address, .. } => Some(address),
        NextHop::Local(_)
        | NextHop::Broadcast(_)
        | NextHop::Connected(_)
        | NextHop::Blackhole
        | NextHop::Unreachable
        | NextHop::Prohibit
        | NextHop::Throw => None,
    }
}

/// Who is next on the link.
fn towards(next_hop: NextHop, destination: IpAddr) -> IpAddr {
    gateway(next_hop).unwrap_or(destination)
}

/// The own address a packet to `neighbour` leaves with: that of its subnet, else the first.
fn source(interface: &Interface, neighbour: IpAddr) -> Option<IpAddr> {
    let own = || interface.addresses().filter(|(own, _)| own.is_ipv4() == neighbour.is_ipv4());
    let near = own()
        .find(|(own, length)| IpNet::new(*own, *length).is_ok_and(|net| net.contains(&neighbour)));
    near.or_else(|| own().next()).map(|(own, _)| own)
}

fn route_type(next_hop: NextHop) -> RouteType {
    match next_hop {
        NextHop::Local(_) => RouteType::Local,
        NextHop::Broadcast(_) => RouteType::Broadcast,
        NextHop::Connected(_) | NextHop::Gateway { .. } => RouteType::Unicast,
        NextHop::Blackhole => RouteType::Blackhole,
        NextHop::Unreachable => RouteType::Unreachable,
        NextHop::Prohibit => RouteType::Prohibit,
        NextHop::Throw => RouteType::Throw,
    }
}

fn message(plane: &Plane, controller: &Controller, route: &Route) -> proto::Route {
    let interface = leaves_by(route.next_hop).and_then(|id| controller.interfaces.get(id));
    let hop = interface.map(|interface| proto::NextHop {
        via: gateway(route.next_hop).map(bytes).unwrap_or_default(),
        interface: interface.name.clone(),
        weight: 1,
        onlink: false,
    });
    let scope = match route.next_hop {
        NextHop::Local(_) => "host",
        NextHop::Broadcast(_) | NextHop::Connected(_) => "link",
        NextHop::Gateway { .. }
        | NextHop::Blackhole
        | NextHop::Unreachable
        | NextHop::Prohibit
        | NextHop::Throw => "global",
    };
    let (table, protocol) = match route.origin {
        Origin::Local => (LOCAL, "kernel"),
        Origin::Connected => (MAIN, "kernel"),
        Origin::Static => {
            let added_by = controller.route_protocols.get(&(route.to, route.metric));
            (MAIN, added_by.map_or("static", String::as_str))
        }
    };
    proto::Route {
        destination: Some(prefix_message(route.to)),
        r#type: route_type(route.next_hop).into(),
        next_hops: hop.into_iter().collect(),
        // The kernel's own IPv6 routes name none: the source is chosen by destination.
        preferred_source: match (route.origin, route.source) {
            (Origin::Local | Origin::Connected, Some(IpAddr::V6(_))) | (_, None) => Vec::new(),
            (_, Some(source)) => bytes(source),
        },
        metric: route.metric,
        table,
        protocol: protocol.to_owned(),
        scope: scope.to_owned(),
        mtu: 0,
        link_down: interface
            .is_some_and(|interface| !super::links::forwards(plane, controller, interface)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_dataplane::address::{Mac, V4};
    use sluice_dataplane::interface::ReversePathFilter;

    fn interface(name: &str, own: [u8; 4], length: u8) -> Option<Interface> {
        Some(Interface {
            name: name.to_owned(),
            port: 0,
            twin: None,
            vlan: None,
            mac: Mac::default(),
            mtu: 1500,
            up: true,
            v4: vec![(V4(own), length)],
            v6: Vec::new(),
            reverse_path: ReversePathFilter::Off,
            send_redirects: false,
            shared_media: true,
            software_peer: false,
            groups: Default::default(),
        })
    }

    #[test]
    fn a_gateway_is_reached_by_the_longest_subnet_that_has_it() {
        let interfaces = Interfaces::new(vec![
            interface("wide", [10, 0, 0, 1], 8),
            interface("narrow", [10, 1, 0, 1], 24),
        ]);
        let by = |gateway: [u8; 4], only| reached_by(&interfaces, gateway.into(), only);
        assert_eq!(by([10, 1, 0, 9], None), Some(InterfaceId(1)));
        assert_eq!(by([10, 1, 0, 9], Some(InterfaceId(0))), Some(InterfaceId(0)));
        assert_eq!(by([10, 2, 0, 9], None), Some(InterfaceId(0)));
        assert_eq!(by([192, 0, 2, 9], None), None);
        assert_eq!(by([10, 1, 0, 1], None), None, "an own address");
    }

    #[test]
    fn the_source_is_of_the_neighbours_subnet() {
        let mut two = interface("lan", [10, 0, 0, 1], 24).unwrap();
        two.v4.push((V4([10, 0, 1, 1]), 24));
        let source = |neighbour: [u8; 4]| source(&two, neighbour.into());
        assert_eq!(source([10, 0, 1, 7]), Some(IpAddr::from([10, 0, 1, 1])));
        assert_eq!(source([192, 0, 2, 7]), Some(IpAddr::from([10, 0, 0, 1])));
    }
}
