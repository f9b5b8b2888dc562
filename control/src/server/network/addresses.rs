//! Interfaces' addresses.

use super::{device, family_filter, named, prefix, prefix_message};
use crate::proto::{self, Change};
use crate::server::Plane;
use ipnet::IpNet;
use sluice_dataplane::ids::InterfaceId;
use std::net::IpAddr;
use tonic::Status;

pub(super) fn list(
    plane: &Plane,
    asked: &proto::ListAddressesRequest,
) -> Result<proto::ListAddressesResponse, Status> {
    let family = family_filter(asked.family)?;
    let controller = plane.lock();
    let only = named(&controller, &asked.interface)?;
    let mut addresses = Vec::new();
    for (_, interface) in
        controller.interfaces.iter().filter(|(id, _)| only.is_none_or(|only| only == *id))
    {
        let mut earlier: Vec<IpNet> = Vec::new();
        for net in interface.addresses().filter_map(|(own, length)| IpNet::new(own, length).ok()) {
            let secondary = net.addr().is_ipv4() && earlier.contains(&net.trunc());
            earlier.push(net.trunc());
            if family(net.addr()) {
                addresses.push(proto::InterfaceAddress {
                    interface: interface.name.clone(),
                    address: Some(prefix_message(net)),
                    // As an address that was added without `brd`.
                    broadcast: Vec::new(),
                    scope: scope(net.addr()).to_owned(),
                    secondary,
                });
            }
        }
    }
    Ok(proto::ListAddressesResponse { addresses })
}

fn scope(address: IpAddr) -> &'static str {
    let link = match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    match (address.is_loopback(), link) {
        (true, _) => "host",
        (false, true) => "link",
        (false, false) => "global",
    }
}

pub(super) fn change(
    plane: &Plane,
    asked: proto::ChangeAddressRequest,
) -> Result<(proto::ChangeAddressResponse, Option<(InterfaceId, IpAddr)>), Status> {
    let change = super::change(asked.change)?;
    let asked = asked.address.ok_or_else(|| Status::invalid_argument("the address is missing"))?;
    let address = prefix(asked.address.as_ref())?;
    let mut controller = plane.lock();
    let (id, _) = device(&controller, &asked.interface)?;
    let mut config = controller.running.config.clone();
    let interface = config.interfaces.iter_mut().find(|own| own.name == asked.interface);
    let own = &mut interface
        .ok_or_else(|| Status::not_found(format!("Cannot find device \"{}\"", asked.interface)))?
        .address;
    let place = own.iter().position(|own| *own == address);
    match (change, place) {
        (Change::Delete, Some(place)) => drop(own.remove(place)),
        (Change::Delete | Change::Update, None) => {
            return Err(Status::not_found("no such address"));
        }
        (Change::Add, Some(_)) => {
            return Err(Status::already_exists("the address is there already"));
        }
        (Change::Append, _) => return Err(Status::invalid_argument("addresses are not appended")),
        (Change::Replace | Change::Update, Some(_)) => {
            let generation = controller.generation();
            return Ok((proto::ChangeAddressResponse { generation }, None));
        }
        (Change::Add | Change::Replace, None) => own.push(address),
        (Change::Unspecified, _) => return Err(Status::invalid_argument("change is missing")),
    }
    let generation = super::apply(plane, &mut controller, config)?;
    let gone = (change == Change::Delete).then(|| (id, address.addr()));
    Ok((proto::ChangeAddressResponse { generation }, gone))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scope_follows_from_the_address() {
        let net = |text: &str| text.parse::<IpNet>().unwrap();
        assert_eq!(scope(net("fe80::1/64").addr()), "link");
        assert_eq!(scope(net("10.0.0.1/24").addr()), "global");
        assert_eq!(scope(net("127.0.0.1/8").addr()), "host");
    }
}
