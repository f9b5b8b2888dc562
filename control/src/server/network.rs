//! Links, addresses, neighbours and routes over gRPC.
//!
//! What is changed here is changed in the running configuration too, so that the next whole
//! configuration that is derived from it has it as well.

mod addresses;
mod links;
mod neighbours;
mod routes;

use super::{Plane, conntrack};
use crate::controller::{ApplyError, Controller};
use crate::proto;
use crate::proto::network_service_server::{NetworkService, NetworkServiceServer};
use ipnet::IpNet;
use sluice_config::gateway::Config;
use sluice_dataplane::ids::InterfaceId;
use sluice_dataplane::interface::Interface;
use std::net::IpAddr;
use std::sync::Arc;
use tonic::{Request, Response, Status};

pub(super) struct Network(Arc<Plane>);

pub(super) fn service(plane: &Arc<Plane>) -> NetworkServiceServer<Network> {
    NetworkServiceServer::new(Network(Arc::clone(plane)))
}

/// An address of 4 or 16 bytes.
pub(super) fn address(bytes: &[u8]) -> Result<IpAddr, Status> {
    match (<[u8; 4]>::try_from(bytes), <[u8; 16]>::try_from(bytes)) {
        (Ok(v4), _) => Ok(v4.into()),
        (_, Ok(v6)) => Ok(v6.into()),
        _ => Err(Status::invalid_argument(format!(
            "an address has 4 or 16 bytes, not {}",
            bytes.len()
        ))),
    }
}

/// The bytes of an address.
fn bytes(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

/// A prefix, host bits kept.
fn prefix(asked: Option<&proto::Prefix>) -> Result<IpNet, Status> {
    let asked = asked.ok_or_else(|| Status::invalid_argument("a prefix is missing"))?;
    let address = address(&asked.address)?;
    let length = u8::try_from(asked.length).ok();
    length.and_then(|length| IpNet::new(address, length).ok()).ok_or_else(|| {
        Status::invalid_argument(format!("a prefix length of {} is too long", asked.length))
    })
}

fn prefix_message(net: IpNet) -> proto::Prefix {
    proto::Prefix { address: bytes(net.addr()), length: net.prefix_len().into() }
}

/// Whether an address is of the family asked for; unspecified means both.
fn family_filter(number: i32) -> Result<impl Fn(IpAddr) -> bool, Status> {
    let asked = proto::Family::try_from(number)
        .map_err(|_| Status::invalid_argument("family: no such family"))?;
    Ok(move |address: IpAddr| match asked {
        proto::Family::Unspecified => true,
        proto::Family::Ipv4 => address.is_ipv4(),
        proto::Family::Ipv6 => address.is_ipv6(),
    })
}

fn change(number: i32) -> Result<proto::Change, Status> {
    match proto::Change::try_from(number) {
        Ok(proto::Change::Unspecified) | Err(_) => {
            Err(Status::invalid_argument("change says neither add, replace, update nor delete"))
        }
        Ok(change) => Ok(change),
    }
}

fn device<'a>(
    controller: &'a Controller,
    name: &str,
) -> Result<(InterfaceId, &'a Interface), Status> {
    let found = controller.interfaces.named(name);
    found.ok_or_else(|| Status::not_found(format!("Cannot find device \"{name}\"")))
}

/// The interface that may be named; none where it is not.
fn named(controller: &Controller, name: &str) -> Result<Option<InterfaceId>, Status> {
    if name.is_empty() {
        return Ok(None);
    }
    device(controller, name).map(|(id, _)| Some(id))
}

/// The name of an interface.
fn name(controller: &Controller, id: InterfaceId) -> String {
    controller.interfaces.get(id).map(|interface| interface.name.clone()).unwrap_or_default()
}

/// Puts an edited configuration in force, if it is one.
fn apply(plane: &Plane, controller: &mut Controller, config: Config) -> Result<u64, Status> {
    // An edit can make what no file may say; the reader of files knows best.
    let config = Config::parse(&config.to_toml(), "running configuration").map_err(|wrong| {
        let first = wrong.into_iter().next().map(|found| found.message).unwrap_or_default();
        Status::invalid_argument(first)
    })?;
    controller
        .reconfigure(config, (plane.clock)())
        .map_err(|error: ApplyError| Status::failed_precondition(error.to_string()))
}

/// Ends what was masqueraded by an interface that went down, or as an address that it lost.
async fn forget_masqueraded(
    plane: &Arc<Plane>,
    egress: InterfaceId,
    as_address: Option<IpAddr>,
) -> Result<(), Status> {
    let plane = Arc::clone(plane);
    conntrack::blocking(move || conntrack::remove_masqueraded(&plane, egress, as_address)).await
}

#[tonic::async_trait]
impl NetworkService for Network {
    async fn list_routes(
        &self,
        request: Request<proto::ListRoutesRequest>,
    ) -> Result<Response<proto::ListRoutesResponse>, Status> {
        routes::list(&self.0, &request.into_inner()).map(Response::new)
    }

    async fn change_route(
        &self,
        request: Request<proto::ChangeRouteRequest>,
    ) -> Result<Response<proto::ChangeRouteResponse>, Status> {
        let _one = self.0.changing.lock().await;
        routes::change(&self.0, request.into_inner()).map(Response::new)
    }

    async fn get_route(
        &self,
        request: Request<proto::GetRouteRequest>,
    ) -> Result<Response<proto::GetRouteResponse>, Status> {
        routes::get(&self.0, &request.into_inner()).map(Response::new)
    }

    async fn list_neighbours(
        &self,
        request: Request<proto::ListNeighboursRequest>,
    ) -> Result<Response<proto::ListNeighboursResponse>, Status> {
        neighbours::list(&self.0, &request.into_inner()).map(Response::new)
    }

    async fn change_neighbour(
        &self,
        request: Request<proto::ChangeNeighbourRequest>,
    ) -> Result<Response<proto::ChangeNeighbourResponse>, Status> {
        neighbours::change(&self.0, request.into_inner()).map(Response::new)
    }

    async fn flush_neighbours(
        &self,
        request: Request<proto::FlushNeighboursRequest>,
    ) -> Result<Response<proto::FlushNeighboursResponse>, Status> {
        neighbours::flush(&self.0, &request.into_inner()).map(Response::new)
    }

    async fn list_addresses(
        &self,
        request: Request<proto::ListAddressesRequest>,
    ) -> Result<Response<proto::ListAddressesResponse>, Status> {
        addresses::list(&self.0, &request.into_inner()).map(Response::new)
    }

    async fn change_address(
        &self,
        request: Request<proto::ChangeAddressRequest>,
    ) -> Result<Response<proto::ChangeAddressResponse>, Status> {
        let (response, gone) = {
            let _one = self.0.changing.lock().await;
            addresses::change(&self.0, request.into_inner())?
        };
        if let Some((id, address)) = gone {
            forget_masqueraded(&self.0, id, Some(address)).await?;
        }
        Ok(Response::new(response))
    }

    async fn list_links(
        &self,
        request: Request<proto::ListLinksRequest>,
    ) -> Result<Response<proto::ListLinksResponse>, Status> {
        links::list(&self.0, &request.into_inner()).map(Response::new)
    }

    async fn list_fdb(
        &self,
        request: Request<proto::ListFdbRequest>,
    ) -> Result<Response<proto::ListFdbResponse>, Status> {
        links::list_fdb(&self.0, &request.into_inner()).map(Response::new)
    }

    async fn set_link(
        &self,
        request: Request<proto::SetLinkRequest>,
    ) -> Result<Response<proto::SetLinkResponse>, Status> {
        let down = {
            let _one = self.0.changing.lock().await;
            links::set(&self.0, &request.into_inner())?
        };
        if let Some(down) = down {
            forget_masqueraded(&self.0, down, None).await?;
        }
        Ok(Response::new(proto::SetLinkResponse {}))
    }
}
