//! The filter options of `conntrack` → a [`ConnectionFilter`].

use std::net::IpAddr;

use sluice_control::proto::{ConnectionFilter, Family, MaskedAddress, MaskedMark, NatFilter};

use super::options::Key;
use super::words::StatusWords;
use super::{protocol, usage};
use crate::cli::failure::Failure;
use crate::cli::wire;

/// A filter in the making: options come in any order, masks may come before their address.
#[derive(Default)]
pub(super) struct Builder {
    filter: ConnectionFilter,
    mask_source: Option<u32>,
    mask_destination: Option<u32>,
    /// SCTP's verification tags of both directions.
    tags: [u32; 2],
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
            Key::ReplySource => filter.reply_source = Some(whole(text, written)?),
            Key::ReplyDestination => filter.reply_destination = Some(whole(text, written)?),
            Key::MaskSource => self.mask_source = Some(mask(text)?),
            Key::MaskDestination => self.mask_destination = Some(mask(text)?),
            Key::Protocol => filter.protocol = Some(protocol_number(text)?),
            Key::Family => {
                let family = family(text)?;
                if ![Family::Unspecified, family].contains(&filter.family()) {
                    return Err(usage("mismatched address family"));
                }
                filter.set_family(family);
            }
            Key::SourceNat => filter.source_nat = Some(nat(value.as_deref(), written)?),
            Key::DestinationNat => filter.destination_nat = Some(nat(value.as_deref(), written)?),
            Key::AnyNat => filter.any_nat = Some(nat(value.as_deref(), written)?),
            Key::Mark => filter.mark = Some(mark(text)?),
            Key::Zone => filter.zone = Some(number(text)?),
            Key::OriginalZone => filter.original_zone = Some(number(text)?),
            Key::ReplyZone => filter.reply_zone = Some(number(text)?),
            // No connection has another security mark than none, or the original's id.
            Key::SecurityMark | Key::Id => {
                filter.offload = Some(number(text)? != 0).filter(|other| *other);
            }
            _ => return self.take_of_protocol(key, written, text),
        }
        Ok(())
    }

    fn take_of_protocol(&mut self, key: Key, written: &str, text: &str) -> Result<(), Failure> {
        let filter = &mut self.filter;
        let protocol = filter.protocol.unwrap_or_default();
        let ports = protocol::has_ports(protocol);
        let icmp = protocol::has_queries(protocol)
            && written.starts_with("--icmpv6") == (protocol == protocol::ICMPV6);
        let ports = (ports || protocol == protocol::GRE)
            && written.contains("key") == (protocol == protocol::GRE);
        match key {
            Key::SourcePort if ports => filter.original_source_port = Some(port(text)?),
            Key::DestinationPort if ports => filter.original_destination_port = Some(port(text)?),
            Key::ReplySourcePort if ports => filter.reply_source_port = Some(port(text)?),
            Key::ReplyDestinationPort if ports => {
                filter.reply_destination_port = Some(port(text)?);
            }
            // Only commands that are not offered take them.
            Key::MaskPort(_) if ports => {}
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
            Key::OriginalTag if protocol == protocol::SCTP => self.tags[0] = number(text)?,
            Key::ReplyTag if protocol == protocol::SCTP => self.tags[1] = number(text)?,
            Key::IcmpType if icmp => filter.icmp_type = Some(number(text)?),
            Key::IcmpCode if icmp => filter.icmp_code = Some(number(text)?),
            Key::IcmpId if icmp => filter.icmp_id = Some(number(text)?),
            _ => return Err(usage(&format!("unknown option `{written}'"))),
        }
        Ok(())
    }

    /// Of which protocol connections are to be.
    pub(super) const fn protocol(&self) -> Option<u32> {
        self.filter.protocol
    }

    /// The state of TCP or SCTP, which then selects nothing; empty where none was named.
    pub(super) fn take_state(&mut self) -> String {
        std::mem::take(&mut self.filter.state)
    }

    /// SCTP's verification tags of both directions.
    pub(super) const fn tags(&self) -> [u32; 2] {
        self.tags
    }

    /// The ends of the original direction that were named as networks.
    pub(super) fn networks(&self) -> impl Iterator<Item = Key> {
        let filter = &self.filter;
        let ends = [
            (Key::MaskSource, &filter.original_source),
            (Key::MaskDestination, &filter.original_destination),
        ];
        let is_network =
            |masked: &MaskedAddress| masked.length as usize != 8 * masked.address.len();
        ends.into_iter()
            .filter(move |(_, end)| end.as_ref().is_some_and(is_network))
            .map(|(key, _)| key)
            .collect::<Vec<_>>()
            .into_iter()
    }

    /// As the original, takes all of GRE for what was asked for, whatever the keys.
    pub(super) const fn overlook_keys(&mut self) {
        let filter = &mut self.filter;
        if let Some(protocol::GRE) = filter.protocol {
            (filter.original_source_port, filter.original_destination_port) = (None, None);
            (filter.reply_source_port, filter.reply_destination_port) = (None, None);
        }
    }

    /// The mark, which then selects nothing.
    pub(super) const fn take_mark(&mut self) -> Option<MaskedMark> {
        self.filter.mark.take()
    }

    /// Connections have all of these bits.
    pub(super) fn set_status(&mut self, status: StatusWords) {
        let filter = &mut self.filter;
        let set = |wanted: bool| wanted.then_some(true);
        filter.assured = set(status.assured);
        filter.expected = set(status.expected);
        filter.seen_reply = if status.unreplied { Some(false) } else { set(status.seen_reply) };
        filter.offload = filter.offload.or(set(status.never));
    }

    /// Applies masks and checks that all addresses are of one family.
    pub(super) fn finish(mut self) -> Result<ConnectionFilter, Failure> {
        let masked = [
            ("src", &mut self.filter.original_source, self.mask_source),
            ("dst", &mut self.filter.original_destination, self.mask_destination),
        ];
        for (end, address, mask) in masked {
            match (address, mask) {
                (Some(address), Some(length)) => address.length = length,
                (None, Some(_)) => {
                    return Err(usage(&format!("Can't use --mask-{end} without --{end}")));
                }
                (_, None) => {}
            }
        }
        self.check_families()?;
        Ok(self.filter)
    }

    /// All addresses are of one family, and of that which is said.
    pub(super) fn check_families(&self) -> Result<(), Failure> {
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
        Ok(())
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
    let (host, length) = match text.split_once('/') {
        Some((host, length)) => (host, Some(length)),
        None => (text, None),
    };
    let address: IpAddr =
        host.parse().map_err(|_| usage(&format!("Invalid IP address `{text}'")))?;
    let width = wire::width(address);
    let length = match length {
        // As strtol reads nothing.
        Some("") => 0,
        Some(length) => {
            let bits = length.parse().ok().filter(|bits| *bits <= width);
            bits.ok_or_else(|| usage("Invalid netmask"))?
        }
        None => width,
    };
    Ok(MaskedAddress { address: wire::octets(address), length })
}

/// An address without a length; `written` is its option.
fn whole(text: &str, written: &str) -> Result<MaskedAddress, Failure> {
    let address = address(text)?;
    if text.contains('/') {
        let name = match written.trim_start_matches('-') {
            "r" => "reply-src",
            "q" => "reply-dst",
            "n" => "src-nat",
            "g" => "dst-nat",
            "j" => "any-nat",
            name => name,
        };
        return Err(usage(&format!("CIDR notation unavailable for `--{name}'")));
    }
    Ok(address)
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
fn nat(text: Option<&str>, written: &str) -> Result<NatFilter, Failure> {
    let Some(text) = text else { return Ok(NatFilter::default()) };
    let (host, port_text) = match text.strip_prefix('[') {
        Some(rest) => {
            let no_end = || usage("No closing ']' around IPv6 address");
            let (host, behind) = rest.split_once(']').ok_or_else(no_end)?;
            if host.is_empty() {
                return Err(usage("No IPv6 address specified"));
            }
            (host, behind.strip_prefix(':'))
        }
        None => match text.split_once(':') {
            Some((host, port)) if !port.contains(':') => (host, Some(port)),
            _ => (text, None),
        },
    };
    if port_text == Some("") {
        return Err(usage("No port specified after `:'"));
    }
    let port = port_text.map(port).transpose()?;
    // A port alone is a wish of our own; the original wants an address before it.
    let address = if host.is_empty() { None } else { Some(whole(host, written)?) };
    Ok(NatFilter { address, port })
}

/// `MARK[/MASK]`
fn mark(text: &str) -> Result<MaskedMark, Failure> {
    let (value, mask) = match text.split_once('/') {
        Some((value, mask)) => (value, number(mask)?),
        None => (text, u32::MAX),
    };
    Ok(MaskedMark { value: number(value)?, mask })
}

fn port(text: &str) -> Result<u32, Failure> {
    let port = number(text).ok().filter(|port| *port <= 0xffff);
    port.ok_or_else(|| usage(&format!("Invalid port `{text}'")))
}

/// Decimal, or hexadecimal behind 0x.
pub(super) fn number(text: &str) -> Result<u32, Failure> {
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
        assert_eq!(nat(None, "-n").expect("any"), NatFilter::default());
        let both = nat(Some("192.0.2.1:80"), "-n").expect("valid");
        assert_eq!(both.port, Some(80));
        assert_eq!(both.address.map(|a| a.length), Some(32));
        let v6 = nat(Some("[fd00::1]:80"), "-n").expect("valid");
        assert_eq!(v6.address.map(|a| a.address.len()), Some(16));
        for wrong in ["foo", "1.2.3.4/8", "1.2.3.4:", "1.2.3.4:x", "[::1", "[]:5"] {
            assert!(nat(Some(wrong), "-n").is_err(), "{wrong}");
        }
    }

    #[test]
    fn marks() {
        assert_eq!(mark("0x10/0xf0").expect("valid"), MaskedMark { value: 16, mask: 240 });
        assert_eq!(mark("5").expect("valid"), MaskedMark { value: 5, mask: u32::MAX });
        assert!(mark("x").is_err());
    }
}
