//! Neighbours.

use super::{address, bytes, device, family_filter, name, named, prefix};
use crate::controller::Controller;
use crate::proto::{self, Change, NeighbourState};
use crate::server::Plane;
use sluice_config::gateway::{MacAddress, Neighbour as Configured};
use sluice_dataplane::address::Mac;
use sluice_dataplane::ids::InterfaceId;
use sluice_dataplane::neighbour::{Output, State};
use std::net::IpAddr;
use tonic::Status;

pub(super) fn list(
    plane: &Plane,
    asked: &proto::ListNeighboursRequest,
) -> Result<proto::ListNeighboursResponse, Status> {
    let family = family_filter(asked.family)?;
    let controller = plane.lock();
    let only = named(&controller, &asked.interface)?;
    let neighbours = controller
        .neighbours
        .list()
        .into_iter()
        .filter(|neighbour| family(neighbour.address))
        .filter(|neighbour| only.is_none_or(|only| only == neighbour.interface))
        .map(|neighbour| proto::Neighbour {
            address: bytes(neighbour.address),
            interface: name(&controller, neighbour.interface),
            mac: neighbour.mac.map(|mac| mac.0.to_vec()).unwrap_or_default(),
            state: state(neighbour.state).into(),
            router: neighbour.router,
            ..Default::default()
        });
    Ok(proto::ListNeighboursResponse { neighbours: neighbours.collect() })
}

fn state(state: State) -> NeighbourState {
    match state {
        State::Incomplete => NeighbourState::Incomplete,
        State::Reachable => NeighbourState::Reachable,
        State::Stale => NeighbourState::Stale,
        State::Delay => NeighbourState::Delay,
        State::Probe => NeighbourState::Probe,
        State::Failed => NeighbourState::Failed,
        State::NoArp => NeighbourState::Noarp,
        State::Permanent => NeighbourState::Permanent,
    }
}

pub(super) fn change(
    plane: &Plane,
    asked: proto::ChangeNeighbourRequest,
) -> Result<proto::ChangeNeighbourResponse, Status> {
    let change = super::change(asked.change)?;
    let asked =
        asked.neighbour.ok_or_else(|| Status::invalid_argument("the neighbour is missing"))?;
    let address = address(&asked.address)?;
    let mut controller = plane.lock();
    let (id, _) = device(&controller, &asked.interface)?;
    let there = controller
        .neighbours
        .list()
        .iter()
        .any(|old| (old.interface, old.address) == (id, address));
    match change {
        Change::Add if there => {
            return Err(Status::already_exists("such a neighbour is there already"));
        }
        Change::Update | Change::Delete if !there => {
            return Err(Status::not_found("no such neighbour"));
        }
        Change::Append => return Err(Status::invalid_argument("neighbours are not appended")),
        Change::Unspecified | Change::Add | Change::Replace | Change::Update | Change::Delete => {}
    }
    if change == Change::Delete {
        remove(plane, &mut controller, id, address);
        return Ok(proto::ChangeNeighbourResponse {});
    }
    let mac = mac(&asked.mac)?;
    let permanent = is_permanent(asked.state)?;
    let mut out = Vec::new();
    let now = (plane.clock)();
    controller
        .neighbours
        .set(id, address, mac, permanent, now, &mut out)
        .map_err(|full| Status::resource_exhausted(full.to_string()))?;
    forget(&mut controller, id, address);
    if permanent {
        let interface = asked.interface;
        let configured = Configured { address, mac: MacAddress(mac.0), interface };
        controller.running.config.neighbours.push(configured);
    }
    act(plane, &mut controller, out);
    Ok(proto::ChangeNeighbourResponse {})
}

pub(super) fn flush(
    plane: &Plane,
    asked: &proto::FlushNeighboursRequest,
) -> Result<proto::FlushNeighboursResponse, Status> {
    let family = family_filter(asked.family)?;
    let within = match &asked.to {
        None => None,
        some => Some(prefix(some.as_ref())?),
    };
    let mut controller = plane.lock();
    let only = named(&controller, &asked.interface)?;
    let mut gone = controller.neighbours.list();
    gone.retain(|neighbour| {
        let chosen = match asked.states.as_slice() {
            [] => !neighbour.state.is_static(),
            states => states.contains(&state(neighbour.state).into()),
        };
        chosen
            && family(neighbour.address)
            && only.is_none_or(|only| only == neighbour.interface)
            && within.is_none_or(|net| net.contains(&neighbour.address))
    });
    for neighbour in &gone {
        remove(plane, &mut controller, neighbour.interface, neighbour.address);
    }
    Ok(proto::FlushNeighboursResponse { count: gone.len() as u64 })
}

fn mac(bytes: &[u8]) -> Result<Mac, Status> {
    let mac = <[u8; 6]>::try_from(bytes).map(Mac).map_err(|_| {
        Status::invalid_argument(format!("a MAC has 6 bytes, not {}; say lladdr", bytes.len()))
    })?;
    if mac.is_multicast() {
        return Err(Status::invalid_argument(format!(
            "{mac} is no neighbour's MAC: it is a group's"
        )));
    }
    Ok(mac)
}

/// Only the operator changes permanent entries; all others age as if they had just answered.
fn is_permanent(number: i32) -> Result<bool, Status> {
    match NeighbourState::try_from(number) {
        Ok(NeighbourState::Unspecified | NeighbourState::Permanent | NeighbourState::Noarp) => {
            Ok(true)
        }
        Ok(
            NeighbourState::Reachable
            | NeighbourState::Stale
            | NeighbourState::Delay
            | NeighbourState::Probe,
        ) => Ok(false),
        Ok(NeighbourState::Incomplete | NeighbourState::Failed) | Err(_) => Err(
            Status::invalid_argument("nud is permanent, noarp, reachable, stale, delay or probe"),
        ),
    }
}

fn remove(plane: &Plane, controller: &mut Controller, id: InterfaceId, address: IpAddr) {
    let mut out = Vec::new();
    controller.neighbours.delete(id, address, &mut out);
    forget(controller, id, address);
    act(plane, controller, out);
}

/// Forgets everybody behind an interface that went down; the configured ones come back with it.
pub(super) fn lose(plane: &Plane, controller: &mut Controller, id: InterfaceId) {
    let mut out = Vec::new();
    controller.neighbours.flush(Some(id), &mut out);
    act(plane, controller, out);
}

/// Takes a neighbour out of the running configuration.
fn forget(controller: &mut Controller, id: InterfaceId, address: IpAddr) {
    let interface = name(controller, id);
    let neighbours = &mut controller.running.config.neighbours;
    neighbours.retain(|old| (old.address, &old.interface) != (address, &interface));
}

/// Does what the state machine asks for, and numbers the change, whatever it was.
fn act(plane: &Plane, controller: &mut Controller, outputs: Vec<Output>) {
    plane.carry_out(controller, outputs);
    controller.changed();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_is_six_bytes_of_one_station() {
        assert_eq!(mac(&[2, 0, 0, 0, 0, 1]).unwrap(), Mac([2, 0, 0, 0, 0, 1]));
        assert!(mac(&[2, 0, 0, 0, 0]).is_err());
        assert!(mac(&[3, 0, 0, 0, 0, 1]).is_err());
    }

    #[test]
    fn an_unnamed_state_is_permanent_and_failure_cannot_be_set() {
        assert!(is_permanent(0).unwrap());
        assert!(!is_permanent(NeighbourState::Stale.into()).unwrap());
        assert!(is_permanent(NeighbourState::Failed.into()).is_err());
        assert!(is_permanent(99).is_err());
    }
}
