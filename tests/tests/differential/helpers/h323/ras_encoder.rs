//! Writes messages of RAS (ITU-T H.225.0 section 7).

use super::encoder::Per;
use std::net::SocketAddr;

/// The beginning of a message: which it is, whether something has come later, which of `optional` parts are there.
fn begin(which: u32, extended: bool, present: u32, optional: u32) -> Per {
    Per::new().bits(0, 1).bits(which, 5).bits(extended.into(), 1).bits(present, optional)
}

fn addresses(per: Per, addresses: &[SocketAddr]) -> Per {
    addresses.iter().fold(per.length(addresses.len()), |per, address| per.address(*address))
}

/// How long a registration lasts, as what came second, and whether there is more behind.
fn lasting(per: Per, seconds: Option<u16>) -> Per {
    per.maybe(seconds, |per, seconds| {
        let time = Per::new().bits(1, 2).octets(&(seconds - 1).to_be_bytes());
        per.additions(6, &[(1, time), (5, Per::new().bits(1, 1))])
    })
}

pub(super) fn gatekeeper_request(address: SocketAddr) -> Vec<u8> {
    let per = begin(0, false, 0b1000, 4).octets(&[0, 1]).object().non_standard();
    per.address(address).endpoint().finish()
}

pub(super) fn gatekeeper_confirm(address: SocketAddr) -> Vec<u8> {
    let per = begin(1, false, 0b01, 2).octets(&[0, 1]).object().identifier("keeper");
    per.address(address).finish()
}

pub(super) fn registration_request(
    signal: &[SocketAddr],
    asked: &[SocketAddr],
    seconds: Option<u16>,
) -> Vec<u8> {
    let per = begin(3, seconds.is_some(), 0b011, 3).octets(&[0, 2]).object().bits(1, 1);
    let per = addresses(addresses(per, signal), asked).endpoint().aliases().identifier("keeper");
    lasting(per.vendor(), seconds).finish()
}

pub(super) fn registration_confirm(signal: &[SocketAddr], seconds: Option<u16>) -> Vec<u8> {
    let per = begin(4, seconds.is_some(), 0b010, 3).octets(&[0, 2]).object();
    let per = addresses(per, signal).aliases().identifier("us");
    lasting(per, seconds).finish()
}

pub(super) fn unregistration_request(signal: &[SocketAddr]) -> Vec<u8> {
    addresses(begin(6, false, 0, 3).octets(&[0, 3]), signal).finish()
}

pub(super) fn admission_request(
    destination: Option<SocketAddr>,
    source: Option<SocketAddr>,
) -> Vec<u8> {
    let [has_destination, has_source] = [destination, source].map(|place| place.is_some());
    let present = 0b110_0000 | u32::from(has_destination) << 4 | u32::from(has_source) << 2;
    let per = begin(9, false, present, 7).octets(&[0, 4]).bits(0, 1).bits(0, 2);
    let per = per.bits(0, 1).bits(0, 1).identifier("us").aliases();
    let per = per.maybe(destination, Per::address).aliases().maybe(source, Per::address);
    per.bits(1, 2).octets(&[5, 0]).octets(&[0, 7]).octets(&[7; 16]).bits(0, 2).finish()
}

pub(super) fn admission_confirm(destination: SocketAddr) -> Vec<u8> {
    let per = begin(10, false, 0, 2).octets(&[0, 4]).bits(1, 2).octets(&[5, 0]);
    per.bits(0, 1).bits(0, 1).address(destination).finish()
}

pub(super) fn location_request(reply: SocketAddr) -> Vec<u8> {
    begin(18, false, 0b10, 2).octets(&[0, 5]).identifier("us").aliases().address(reply).finish()
}

pub(super) fn location_confirm(signal: SocketAddr, asked: SocketAddr) -> Vec<u8> {
    begin(19, false, 0, 1).octets(&[0, 5]).address(signal).address(asked).finish()
}

pub(super) fn info_response(asked: SocketAddr, signal: &[SocketAddr]) -> Vec<u8> {
    let per = begin(22, false, 0, 3).octets(&[0, 6]).endpoint().identifier("us");
    addresses(per.address(asked), signal).finish()
}
