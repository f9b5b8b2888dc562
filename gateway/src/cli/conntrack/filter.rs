//! The filter options of `conntrack` → a [`ConnectionFilter`].

use std::net::IpAddr;

use sluice_control::proto::{ConnectionFilter, Family, MaskedAddress, MaskedMark, NatFilter};

use super::options::Key;
use super::{protocol, usage};
use crate::cli::failure::Failure;
use crate::cli::wire;

/// A filter in the making: options come in any order, masks may come before their address.
#[derive(Default)]
pub(super) struct Builder {
    filter: ConnectionFilter,
    mask_source: Option<u32>,
    mask_destination: Option<u32>,
}

impl Builder {
    /// Adds one option. Those of a protocol need `-p` before them, as in the original.
    pub(super) fn take(
        &mut self,
        key: Key,
        written: &str,
        value: Option<String>,
    ) -> Result<(), Failure> {
        let text = value.as_deref().unwrap_or_default();
        let filter = &mut self.filter;
        match key {
            Key::Source => filter.original_source = Some(address(text)?),
            Key::Destination => filter.original_destination = Some(address(text)?),
            Key::ReplySource => filter.reply_source = Some(address(text)?),
            Key::ReplyDestination => filter.reply_destination = Some(address(text)?),
            Key::MaskSource => self.mask_source = Some(mask(text)?),
            Key::MaskDestination => self.mask_destination = Some(mask(text)?),
            Key::Protocol => filter.protocol = Some(protocol_number(text)?),
            Key::Family => filter.set_family(family(text)?),
            Key::SourceNat => filter.source_nat = Some(nat(value.as_deref())?),
            Key::DestinationNat => filter.destination_nat = Some(nat(value.as_deref())?),
            Key::AnyNat => filter.any_nat = Some(nat(value.as_deref())?),
            Key::Mark => filter.mark = Some(mark(text)?),
            Key::Zone => filter.zone = Some(number(text)?),
            Key::OriginalZone => filter.original_zone = Some(number(text)?),
            Key::ReplyZone => filter.reply_zone = Some(number(text)?),
            Key::Status => status(filter, text)?,
            _ => return self.take_of_protocol(key, written, text),
        }
        Ok(())
    }

    fn take_of_protocol(&mut self, key: Key, written: &str, text: &str) -> Result<(), Failure> {
        let filter = &mut self.filter;
        let protocol = filter.protocol.unwrap_or_default();
        let ports = protocol::has_ports(protocol);
        let icmp = matches!(protocol, protocol::ICMP | protocol::ICMPV6);
        match key {
            Key::SourcePort if ports => filter.original_source_port = Some(port(text)?),
            Key::DestinationPort if ports => filter.original_destination_port = Some(port(text)?),
            Key::ReplySourcePort if ports => filter.reply_source_port = Some(port(text)?),
            Key::ReplyDestinationPort if ports => {
                filter.reply_destination_port = Some(port(text)?);
            }
            Key::State if protocol == protocol::TCP => {
                filter.state = protocol::tcp_state(text)
                    .ok_or_else(|| usage(&format!("unknown TCP state `{text}'")))?
                    .to_owned();
            }
            Key::State if protocol == protocol::SCTP => {
                filter.state = protocol::sctp_state(text)
                    .ok_or_else(|| usage(&format!("unknown SCTP state `{text}'")))?
                    .to_owned();
            }
            Key::IcmpType if icmp => filter.icmp_type = Some(number(text)?),
            Key::IcmpCode if icmp => filter.icmp_code = Some(number(text)?),
            Key::IcmpId if icmp => filter.icmp_id = Some(number(text)?),
            _ => return Err(usage(&format!("unknown option `{written}'"))),
        }
        Ok(())
    }

    /// Applies masks and checks that all addresses are of one family.
    pub(super) fn finish(mut self) -> Result<ConnectionFilter, Failure> {
        let masked = [
            (&mut self.filter.original_source, self.mask_source),
            (&mut self.filter.original_destination, self.mask_destination),
        ];
        for (address, mask) in masked {
            match (address, mask) {
                (Some(address), Some(length)) => address.length = length,
                (None, Some(_)) => return Err(usage("Can't use a mask without its address")),
                (_, None) => {}
            }
        }
        let filter = &self.filter;
        let nat = [&filter.source_nat, &filter.destination_nat, &filter.any_nat];
        let addresses = [
            &filter.original_source,
            &filter.original_destination,
            &filter.reply_source,
            &filter.reply_destination,
        ];
        let all = addresses.into_iter().flatten();
        let all = all.chain(nat.into_iter().flatten().filter_map(|nat| nat.address.as_ref()));
        let mut lengths: Vec<usize> = all.map(|masked| masked.address.len()).collect();
        lengths.extend(match filter.family() {
            Family::Ipv4 => Some(4),
            Family::Ipv6 => Some(16),
            Family::Unspecified => None,
        });
        lengths.dedup();
        if lengths.len() > 1 {
            return Err(usage("mismatched address family"));
        }
        Ok(self.filter)
    }
}

fn protocol_number(text: &str) -> Result<u32, Failure> {
    protocol::parse(text).ok_or_else(|| usage(&format!("`{text}' unsupported protocol")))
}

fn family(text: &str) -> Result<Family, Failure> {
    match text {
        "ipv4" => Ok(Family::Ipv4),
        "ipv6" => Ok(Family::Ipv6),
        _ => Err(usage(&format!("`{text}' unsupported protocol"))),
    }
}

/// `ADDRESS[/LENGTH]`
fn address(text: &str) -> Result<MaskedAddress, Failure> {
    let invalid = || usage(&format!("Invalid IP address `{text}'"));
    let (host, length) = match text.split_once('/') {
        Some((host, length)) => (host, Some(length)),
        None => (text, None),
    };
    let address: IpAddr = host.parse().map_err(|_| invalid())?;
    let width = wire::width(address);
    let length = match length {
        Some(length) => length.parse().ok().filter(|bits| *bits <= width).ok_or_else(invalid)?,
        None => width,
    };
    Ok(MaskedAddress { address: wire::octets(address), length })
}

/// The length of a contiguous mask written as an address.
fn mask(text: &str) -> Result<u32, Failure> {
    let invalid = || usage(&format!("Invalid IP address `{text}'"));
    let bits = match text.parse().map_err(|_| invalid())? {
        IpAddr::V4(mask) => u128::from(u32::from(mask)) << 96,
        IpAddr::V6(mask) => u128::from(mask),
    };
    if bits.leading_ones() + bits.trailing_zeros() < 128 {
        return Err(usage(&format!("mask `{text}' has holes: sluice compares prefixes")));
    }
    Ok(bits.leading_ones())
}

/// `[IP][:PORT]`; an IPv6 address with a port stands in brackets.
fn nat(text: Option<&str>) -> Result<NatFilter, Failure> {
    let Some(text) = text else { return Ok(NatFilter::default()) };
    if let Ok(address) = self::address(text) {
        return Ok(NatFilter { address: Some(address), port: None });
    }
    let Some((host, port_text)) = text.rsplit_once(':') else {
        return Err(usage(&format!("Invalid IP address `{text}'")));
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let address = if host.is_empty() { None } else { Some(self::address(host)?) };
    Ok(NatFilter { address, port: Some(port(port_text)?) })
}

/// `MARK[/MASK]`
fn mark(text: &str) -> Result<MaskedMark, Failure> {
    let (value, mask) = match text.split_once('/') {
        Some((value, mask)) => (value, number(mask)?),
        None => (text, u32::MAX),
    };
    Ok(MaskedMark { value: number(value)?, mask })
}

fn status(filter: &mut ConnectionFilter, text: &str) -> Result<(), Failure> {
    for word in text.split(',') {
        match word {
            "ASSURED" => filter.assured = Some(true),
            "SEEN_REPLY" => filter.seen_reply = Some(true),
            "UNREPLIED" | "UNSET" => filter.seen_reply = Some(false),
            _ => return Err(usage(&format!("Bad parameter `{word}'"))),
        }
    }
    Ok(())
}

fn port(text: &str) -> Result<u32, Failure> {
    text.parse::<u16>().map(u32::from).map_err(|_| usage(&format!("Invalid port `{text}'")))
}

/// Decimal, or hexadecimal behind 0x.
fn number(text: &str) -> Result<u32, Failure> {
    let parsed = match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| usage(&format!("Invalid number `{text}'")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_lengths() {
        assert_eq!(mask("255.255.0.0").expect("contiguous"), 16);
        assert_eq!(mask("0.0.0.0").expect("nothing"), 0);
        assert_eq!(mask("ffff::").expect("contiguous"), 16);
        assert!(mask("255.0.255.0").is_err());
    }

    #[test]
    fn a_mask_may_come_before_its_address() {
        let mut builder = Builder::default();
        let some = |text: &str| Some(text.to_owned());
        builder.take(Key::MaskSource, "--mask-src", some("255.0.0.0")).expect("valid");
        builder.take(Key::Source, "-s", some("10.1.0.2")).expect("valid");
        let source = builder.finish().expect("valid").original_source.expect("set");
        assert_eq!((source.address, source.length), (vec![10, 1, 0, 2], 8));
    }

    #[test]
    fn translated_to_an_address_and_a_port() {
        assert_eq!(nat(None).expect("any"), NatFilter::default());
        let both = nat(Some("192.0.2.1:80")).expect("valid");
        assert_eq!(both.port, Some(80));
        assert_eq!(both.address.map(|a| a.length), Some(32));
        let v6 = nat(Some("[fd00::1]:80")).expect("valid");
        assert_eq!(v6.address.map(|a| a.address.len()), Some(16));
        assert!(nat(Some("foo")).is_err());
    }

    #[test]
    fn marks() {
        assert_eq!(mark("0x10/0xf0").expect("valid"), MaskedMark { value: 16, mask: 240 });
        assert_eq!(mark("5").expect("valid"), MaskedMark { value: 5, mask: u32::MAX });
        assert!(mark("x").is_err());
    }
}
