//! Elements: `10.0.0.0/8,tcp:80`, `2001:db8::1`, `eth0` … in each type's form.

use super::create::Header;
use super::fault::{Fault, number};
use super::ports;
use super::types::{SetType, Tail};
use crate::netfilter::Family;
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// More elements than this are not made of one range.
const MOST: usize = 1 << 20;

/// Where in a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Place {
    /// Unsaid.
    #[default]
    End,
    /// `before NAME`.
    Before(String),
    /// `after NAME`.
    After(String),
}

/// An element; parts its type does not have are empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Element {
    /// Address as a number (IPv4 in the low 32 bits), MAC, or a port of a bitmap.
    pub first: u128,
    /// Its prefix length, where it is a network.
    pub prefix: u8,
    /// Layer-4 protocol.
    pub protocol: u8,
    /// Port, or ICMP type × 256 + code.
    pub port: u16,
    /// Second address, or a mark.
    pub second: u128,
    /// Its prefix length.
    pub second_prefix: u8,
    /// Interface's name.
    pub interface: String,
    /// `physdev:`.
    pub physdev: bool,
    /// `wildcard`: the name is only a beginning.
    pub wildcard: bool,
    /// A list's member.
    pub set: String,
}

/// An address of a family.
#[must_use]
pub fn address_text(family: Family, bits: u128) -> String {
    match family {
        Family::V4 => Ipv4Addr::from(u32::try_from(bits).unwrap_or(0)).to_string(),
        Family::V6 => Ipv6Addr::from(bits).to_string(),
    }
}

fn address(family: Family, text: &str) -> Result<u128, Fault> {
    let text_inside = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    match (family, text_inside.unwrap_or(text).parse()) {
        (Family::V4, Ok(IpAddr::V4(v4))) => Ok(u32::from(v4).into()),
        (Family::V6, Ok(IpAddr::V6(v6))) => Ok(u128::from(v6)),
        (Family::V4, _) => {
            Err(Fault::syntax(format!("cannot parse {text}: resolving to IPv4 address failed")))
        }
        (Family::V6, _) => {
            Err(Fault::syntax(format!("cannot parse {text}: resolving to IPv6 address failed")))
        }
    }
}

fn mask(width: u8, prefix: u8) -> u128 {
    let ones = u128::MAX >> (128 - u32::from(width).max(1));
    let host = u32::from(width.saturating_sub(prefix));
    ones & u128::MAX.checked_shl(host).unwrap_or(0)
}

fn cidr(header: &Header, text: &str) -> Result<(u128, u8), Fault> {
    let width = header.address_bits();
    match text.split_once('/') {
        None => Ok((address(header.family, text)?, width)),
        Some((base, bits)) => {
            let bits = number(bits, 0, width.into())?;
            Ok((address(header.family, base)?, u8::try_from(bits).unwrap_or(width)))
        }
    }
}

/// `ADDRESS`, `ADDRESS/BITS` or, of IPv4, `FROM-TO`: first and last address.
pub(super) fn parse_range(header: &Header, text: &str) -> Result<(u128, u128), Fault> {
    if let (Family::V4, Some((from, to))) = (header.family, text.split_once('-')) {
        let (from, to) = (address(header.family, from)?, address(header.family, to)?);
        return Ok((from.min(to), from.max(to)));
    }
    let (base, bits) = cidr(header, text)?;
    let mask = mask(header.address_bits(), bits);
    let last = base & mask | (self::mask(header.address_bits(), header.address_bits()) & !mask);
    Ok((base & mask, last))
}

/// Networks that cover first to last and nothing else, as the tool's ranges become them.
fn networks(width: u8, first: u128, last: u128) -> Vec<(u128, u8)> {
    let mut networks = Vec::new();
    let mut from = first;
    while from <= last && networks.len() < MOST {
        let mut prefix = width;
        while prefix > 1 {
            let wider = mask(width, prefix - 1);
            let end = from | (mask(width, width) & !wider);
            if from & wider != from || end > last {
                break;
            }
            prefix -= 1;
        }
        networks.push((from, prefix));
        let end = from | (mask(width, width) & !mask(width, prefix));
        let Some(next) = end.checked_add(1) else { break };
        from = next;
    }
    networks
}

/// One part as address or network: with prefix lengths for networks, host by host otherwise.
fn part(header: &Header, text: &str, is_net: bool) -> Result<Vec<(u128, u8)>, Fault> {
    let width = header.address_bits();
    if is_net {
        if text.contains('-') && header.family == Family::V4 {
            let (first, last) = parse_range(header, text)?;
            return Ok(networks(width, first, last));
        }
        let (base, bits) = cidr(header, text)?;
        return Ok(vec![(base & mask(width, bits), bits)]);
    }
    if header.family == Family::V6 {
        // There may be more of them than can be counted.
        let base = text.strip_suffix("/128").unwrap_or(text);
        if base.contains(['/', '-']) {
            return Err(Fault::syntax(format!("plain IP address must be supplied: {text}")));
        }
        return Ok(vec![(address(header.family, base)?, 0)]);
    }
    let (first, last) = parse_range(header, text)?;
    let step = header.netmask.map_or(1, |bits| 1_u128 << (width - bits));
    let count = (last - first) / step + 1;
    let count = usize::try_from(count).unwrap_or(MOST).min(MOST);
    Ok((0..count as u128).map(|index| (first + index * step, 0)).collect())
}

fn mac(text: &str) -> Option<u128> {
    let bytes: Vec<u8> =
        text.split(':').map(|byte| u8::from_str_radix(byte, 16).ok()).collect::<Option<_>>()?;
    (bytes.len() == 6).then(|| bytes.iter().fold(0, |bits, byte| bits << 8 | u128::from(*byte)))
}

impl Element {
    /// Reads an element, or the several that a range stands for.
    ///
    /// # Errors
    /// As the tool refuses it.
    pub fn parse(header: &Header, text: &str) -> Result<Vec<Self>, Fault> {
        let kind = header.kind;
        match kind {
            SetType::ListSet => {
                super::command::check_name(text)?;
                return Ok(vec![Self { set: text.to_owned(), ..Self::default() }]);
            }
            SetType::HashMac => {
                let first = mac(text).ok_or_else(|| {
                    Fault::syntax(format!("cannot parse '{text}' as MAC address"))
                })?;
                return Ok(vec![Self { first, ..Self::default() }]);
            }
            SetType::BitmapPort => {
                let (_, first, last) = ports::parse(text, Family::V4)?;
                let element = |port: u16| Self { first: port.into(), ..Self::default() };
                return Ok((first..=last).map(element).collect());
            }
            SetType::HashIp
            | SetType::HashNet
            | SetType::HashIpPort
            | SetType::HashNetPort
            | SetType::HashIpPortIp
            | SetType::HashIpPortNet
            | SetType::HashIpMark
            | SetType::HashNetNet
            | SetType::HashNetIface
            | SetType::BitmapIp => {}
        }
        let words: Vec<&str> = text.split(',').collect();
        check_parts(kind, text, words.len())?;
        let mut words = words.into_iter();
        let firsts = part(header, words.next().unwrap_or_default(), kind.first_is_net())?;
        let (protocol, low, high) = match kind.has_port() {
            true => ports::parse(words.next().unwrap_or_default(), header.family)?,
            false => (0, 0, 0),
        };
        let tail = words.next().unwrap_or_default();
        let mut model = Self { protocol, ..Self::default() };
        let seconds = match kind.tail() {
            Tail::None => vec![(0, 0)],
            Tail::Address => part(header, tail, false)?,
            Tail::Net => part(header, tail, true)?,
            Tail::Mark => vec![(number(tail, 0, u32::MAX.into())?.into(), 0)],
            Tail::Interface => {
                model.physdev = tail.starts_with("physdev:");
                let name = tail.strip_prefix("physdev:").unwrap_or(tail);
                if name.is_empty() || name.len() > 15 {
                    return Err(Fault::syntax(format!(
                        "interface name '{name}' is longer than 15 characters"
                    )));
                }
                name.clone_into(&mut model.interface);
                vec![(0, 0)]
            }
        };
        let mut elements = Vec::new();
        for (first, prefix) in firsts {
            for port in low..=high {
                for (second, second_prefix) in &seconds {
                    let (second, second_prefix) = (*second, *second_prefix);
                    elements.push(Self {
                        first,
                        prefix,
                        port,
                        second,
                        second_prefix,
                        ..model.clone()
                    });
                    if elements.len() > MOST {
                        return Ok(elements);
                    }
                }
            }
        }
        Ok(elements)
    }

    /// The element in its type's form.
    #[must_use]
    pub fn text(&self, header: &Header) -> String {
        let (kind, family) = (header.kind, header.family);
        match kind {
            SetType::ListSet => return self.set.clone(),
            SetType::BitmapPort => return self.first.to_string(),
            SetType::HashMac => {
                let bytes = self.first.to_be_bytes();
                let text: Vec<String> =
                    bytes.iter().skip(10).map(|byte| format!("{byte:02X}")).collect();
                return text.join(":");
            }
            SetType::HashIp
            | SetType::HashNet
            | SetType::HashIpPort
            | SetType::HashNetPort
            | SetType::HashIpPortIp
            | SetType::HashIpPortNet
            | SetType::HashIpMark
            | SetType::HashNetNet
            | SetType::HashNetIface
            | SetType::BitmapIp => {}
        }
        let net = |bits: u128, prefix: u8| match prefix == header.address_bits() {
            true => address_text(family, bits),
            false => format!("{}/{prefix}", address_text(family, bits)),
        };
        let mut text = match kind.first_is_net() {
            true => net(self.first, self.prefix),
            false => address_text(family, self.first),
        };
        if kind.has_port() {
            let _ = write!(text, ",{}", ports::text(self.protocol, self.port));
        }
        let _ = match kind.tail() {
            Tail::None => Ok(()),
            Tail::Address => write!(text, ",{}", address_text(family, self.second)),
            Tail::Net => write!(text, ",{}", net(self.second, self.second_prefix)),
            Tail::Mark => write!(text, ",0x{:08x}", self.second),
            Tail::Interface if self.physdev => write!(text, ",physdev:{}", self.interface),
            Tail::Interface => write!(text, ",{}", self.interface),
        };
        text
    }
}

fn check_parts(kind: SetType, text: &str, parts: usize) -> Result<(), Fault> {
    let (wanted, name) = (kind.parts(), kind.name());
    let said = match (wanted, parts) {
        _ if parts == wanted => return Ok(()),
        (1, _) => format!("Elem separator in {text}, but settype {name} supports none."),
        (2, 1) => format!("Second element is missing from {text}."),
        (2, _) => format!("Two elem separators in {text}, but settype {name} supports one."),
        (3, 1) => format!("Second element is missing from {text}."),
        (3, 2) => format!("Third element is missing from {text}."),
        _ => format!("Three elem separators in {text}, but settype {name} supports two."),
    };
    Err(Fault::syntax(said))
}
