//! Addresses and prefixes among the options of extensions, which read them as the C library does.

use std::net::{IpAddr, Ipv4Addr};

use super::fault::Fault;
use super::words::{Given, address, number};
use super::{AddressMask, Family};

/// An address of the rule's family as the C library reads it: IPv4 also in fewer parts (`10.1`).
pub(super) fn host(text: &str, family: Family) -> Result<IpAddr, Fault> {
    let short = || match family {
        Family::V4 => short_v4(text).map(IpAddr::from),
        Family::V6 => None,
    };
    address(text, family).or_else(short).ok_or_else(|| {
        let in_a_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let other = text.parse::<IpAddr>().is_ok() || short_v4(text).is_some();
        let reason = match other {
            true => "Address family for hostname not supported",
            false if text.is_empty() || !text.chars().all(in_a_name) => "Name or service not known",
            false => "Temporary failure in name resolution",
        };
        let bits = family.bits();
        Fault::usage(format!("getaddrinfo: {reason}\n"))
            .help(format!("write an address of {bits} bits; names are not looked up"))
    })
}

/// IPv4 in one to four parts, the last of which fills what is left (inet_aton(3)).
fn short_v4(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<u64> = text.split('.').map(number).collect::<Option<_>>()?;
    let (last, bytes) = parts.split_last()?;
    let room = 8 * 4usize.checked_sub(bytes.len())? as u32;
    if bytes.iter().any(|byte| *byte > 255) || *last >= 1u64.checked_shl(room)? || room == 0 {
        return None;
    }
    let high = bytes.iter().zip([24, 16, 8]).map(|(byte, shift)| byte << shift).sum::<u64>();
    u32::try_from(high + last).ok().map(Into::into)
}

/// `ADDRESS[/LENGTH|/MASK]`: the address whole, and the prefix length. As the tools have it, a mask
/// with holes stands for a single address.
pub(super) fn prefix(given: &Given<'_>, extension: &str) -> Result<(IpAddr, u8), Fault> {
    let (text, family) = (given.argument(0), given.family);
    let bits = family.bits();
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let address = host(address, family)?;
    let Some(length) = length else { return Ok((address, bits)) };
    let short = number(length).and_then(|length| u8::try_from(length).ok());
    if let Some(length) = short.filter(|length| *length <= bits) {
        return Ok((address, length));
    }
    let option = given.option;
    let mask = host(length, family).map_err(|_| {
        Fault::usage(format!(
            "{extension}: bad value for option \"--{option}\", neither a valid network mask nor valid CIDR (0-{bits}).\n"
        ))
        .help(format!("write a length from 0 to {bits} behind the `/`"))
    })?;
    Ok((address, ipnet::ip_mask_to_prefix(mask).unwrap_or(bits)))
}

/// The address with every bit beyond the prefix cleared.
pub(super) fn masked(address: IpAddr, length: u8) -> IpAddr {
    AddressMask::prefix(address, length).map_or(address, |masked| masked.address())
}
