//! A client's filter, as workers ask it.

use crate::proto::{Family, PortRange, Prefix, TraceFilter};
use sluice_dataplane::address::{Address, IpVersion, V4, V6};
use sluice_dataplane::trace::Filter;
use std::net::IpAddr;
use tonic::Status;

/// Reads a filter; `count` packets will do, or, if 0, no number does.
pub(super) fn read(asked: TraceFilter, count: u32) -> Result<Filter, Status> {
    let version = match asked.family() {
        Family::Unspecified => None,
        Family::Ipv4 => Some(IpVersion::V4),
        Family::Ipv6 => Some(IpVersion::V6),
    };
    let protocol = asked.protocol.map(u8::try_from).transpose();
    Ok(Filter {
        version,
        ingress: Some(asked.interface).filter(|name| !name.is_empty()),
        protocol: protocol.map_err(|_| wrong("a protocol number ends at 255"))?,
        source: asked.source.map(prefix).transpose()?,
        destination: asked.destination.map(prefix).transpose()?,
        host: asked.host.map(prefix).transpose()?,
        source_port: asked.source_port.map(range).transpose()?,
        destination_port: asked.destination_port.map(range).transpose()?,
        port: asked.port.map(range).transpose()?,
        left: Some(count).filter(|count| *count > 0).map(Into::into),
    })
}

fn wrong(what: &str) -> Status {
    Status::invalid_argument(what)
}

fn prefix(asked: Prefix) -> Result<(IpAddr, u8), Status> {
    let address = match asked.address.len() {
        4 => V4::read(&asked.address).map(Address::to_ip),
        16 => V6::read(&asked.address).map(Address::to_ip),
        _ => None,
    };
    let length = u8::try_from(asked.length).ok();
    let bits = |address: &IpAddr| if address.is_ipv4() { 32 } else { 128 };
    match (address, length) {
        (Some(address), Some(length)) if length <= bits(&address) => Ok((address, length)),
        _ => Err(wrong("a prefix is 4 or 16 bytes, and no longer than these have bits")),
    }
}

fn range(asked: PortRange) -> Result<(u16, u16), Status> {
    let port = |number: u32| u16::try_from(number).map_err(|_| wrong("ports end at 65535"));
    Ok((port(asked.low)?, port(asked.high)?))
}
