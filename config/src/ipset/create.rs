//! `create NAME TYPE …`: a set's header, read and written.

use super::element::{address_text, parse_range};
use super::fault::{Fault, Given, number};
use super::types::SetType;
use crate::netfilter::Family;
use std::fmt::Write;

/// What a set is created with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The type.
    pub kind: SetType,
    /// The family; IPv4 for types that know none.
    pub family: Family,
    /// `hashsize`, rounded up to a power of two.
    pub hash_size: u32,
    /// `maxelem`.
    pub max_elements: u32,
    /// `netmask`.
    pub netmask: Option<u8>,
    /// `markmask`.
    pub mark_mask: u32,
    /// `timeout`: the default, in seconds.
    pub timeout: Option<u32>,
    /// `counters`.
    pub counters: bool,
    /// `comment`.
    pub comment: bool,
    /// `skbinfo`: elements have marks, priorities and queues for packets.
    pub skbinfo: bool,
    /// `forceadd`.
    pub force_add: bool,
    /// `bucketsize`, kept and shown; tables here have no buckets.
    pub bucket_size: u8,
    /// `initval`; none: to be drawn.
    pub init_value: Option<u32>,
    /// `range` of a bitmap, inclusive.
    pub range: (u32, u32),
    /// `size` of a list.
    pub size: u32,
}

/// The longest timeout: the kernel counts in jiffies.
pub(super) const MAX_TIMEOUT: u64 = 2_147_483;

impl Header {
    /// Bits of an address.
    #[must_use]
    pub const fn address_bits(&self) -> u8 {
        match self.family {
            Family::V4 => 32,
            Family::V6 => 128,
        }
    }

    const fn new(kind: SetType) -> Self {
        Self {
            kind,
            family: Family::V4,
            hash_size: 1024,
            max_elements: 65536,
            netmask: None,
            mark_mask: u32::MAX,
            timeout: None,
            counters: false,
            comment: false,
            skbinfo: false,
            force_add: false,
            bucket_size: 12,
            init_value: None,
            range: (0, 0),
            size: 8,
        }
    }

    /// Reads type and options.
    ///
    /// # Errors
    /// As the tool refuses them.
    #[allow(clippy::cast_possible_truncation)]
    pub fn parse(type_name: &str, words: &[String]) -> Result<Self, Fault> {
        let kind = SetType::from_name(type_name)
            .ok_or_else(|| Fault::syntax(format!("typename '{type_name}' is unknown")))?;
        let mut header = Self::new(kind);
        let mut netmask = None;
        let mut range = None;
        let mut given = Given::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let option = word.strip_prefix("--").unwrap_or(word);
            let unknown = || Fault::usage(format!("Unknown argument: `{word}'"));
            let known = match option {
                "family" | "-4" | "-6" => kind.is_hash() && kind != SetType::HashMac,
                "hashsize" | "maxelem" | "bucketsize" | "initval" | "forceadd" => kind.is_hash(),
                "netmask" => matches!(
                    kind,
                    SetType::HashIp | SetType::HashIpPort | SetType::HashNetNet | SetType::BitmapIp
                ),
                "markmask" => kind == SetType::HashIpMark,
                "range" | "from" | "to" => !kind.is_hash() && kind != SetType::ListSet,
                "size" => kind == SetType::ListSet,
                "timeout" | "counters" | "comment" | "skbinfo" => true,
                _ => false,
            };
            if !known {
                return Err(unknown());
            }
            let mut value = || -> Result<&String, Fault> {
                let value = words.next().ok_or_else(|| {
                    Fault::usage(format!("Missing mandatory argument of option `{word}'"))
                })?;
                given.once(option)?;
                Ok(value)
            };
            match option {
                "-4" | "-6" => {
                    given.once(option)?;
                    header.family = family(option)?;
                }
                "family" => header.family = family(value()?)?,
                "hashsize" => {
                    let asked = number(value()?, 0, u32::MAX.into())? as u32;
                    header.hash_size = asked.clamp(64, 1 << 30).next_power_of_two();
                }
                "maxelem" => {
                    let asked = number(value()?, 0, u32::MAX.into())? as u32;
                    header.max_elements = if asked == 0 { 65536 } else { asked };
                }
                "bucketsize" => {
                    let asked = number(value()?, 0, 255)? as u8;
                    header.bucket_size = asked.clamp(2, 14).next_multiple_of(2);
                }
                "initval" => header.init_value = Some(number(value()?, 0, u32::MAX.into())? as u32),
                "netmask" => netmask = Some(value()?.clone()),
                "markmask" => header.mark_mask = number(value()?, 0, u32::MAX.into())? as u32,
                "timeout" => header.timeout = Some(number(value()?, 0, MAX_TIMEOUT)? as u32),
                "size" => {
                    header.size = (number(value()?, 0, u32::MAX.into())? as u32).clamp(4, 65536)
                }
                "range" => range = Some(value()?.clone()),
                "counters" => header.counters = true,
                "comment" => header.comment = true,
                "skbinfo" => header.skbinfo = true,
                "forceadd" => header.force_add = true,
                _ => return Err(unknown()),
            }
        }
        if let Some(text) = netmask {
            let most = header.address_bits();
            let bits = number(&text, 1, most.into()).map_err(|fault| {
                let more =
                    format!("\nSyntax error: netmask is out of the inclusive range of 1-{most}");
                Fault { text: fault.text + &more, ..fault }
            })?;
            header.netmask = Some(bits as u8).filter(|bits| *bits != most);
        }
        header.set_range(range)?;
        Ok(header)
    }

    fn set_range(&mut self, range: Option<String>) -> Result<(), Fault> {
        let is_address = self.kind == SetType::BitmapIp;
        if !is_address && self.kind != SetType::BitmapPort {
            return Ok(());
        }
        let text = range.ok_or_else(|| Fault::usage("Mandatory option `range' is missing"))?;
        if is_address {
            let (first, last) = parse_range(self, &text)?;
            let narrow = |bits: u128| u32::try_from(bits).unwrap_or(u32::MAX);
            self.range = (narrow(first), narrow(last));
            let step = self.netmask.map_or(1, |bits| 1_u64 << (32 - u32::from(bits)));
            let count = (u64::from(self.range.1) - u64::from(self.range.0)) / step + 1;
            if count > 65536 {
                return Err(Fault::refused(
                    "The range you specified exceeds the size limit of the set type",
                ));
            }
        } else {
            let (first, last) = text.split_once('-').unwrap_or((&text, &text));
            let port = |text| super::ports::port(text, "tcp");
            let (first, last) = (port(first)?, port(last)?);
            self.range = (first.min(last).into(), first.max(last).into());
        }
        Ok(())
    }

    /// Whether another set of the same name would be the same to `create -exist`.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let free = |header: &Self| Self {
            hash_size: 0,
            bucket_size: 0,
            init_value: None,
            ..header.clone()
        };
        free(self) == free(other)
    }

    /// The options in the order the tool prints them: name and value; a flag's value is none.
    #[must_use]
    pub fn options(&self) -> Vec<(&'static str, Option<String>)> {
        let mut options = Vec::new();
        let mut option = |name, value: Option<String>| options.push((name, value));
        if self.kind.is_hash() {
            if self.kind != SetType::HashMac {
                option("family", Some(family_name(self.family).to_owned()));
            }
            option("hashsize", Some(self.hash_size.to_string()));
            option("maxelem", Some(self.max_elements.to_string()));
            if self.kind == SetType::HashIpMark && self.mark_mask != u32::MAX {
                option("markmask", Some(format!("0x{:08x}", self.mark_mask)));
            }
        }
        let (first, last) = self.range;
        match self.kind {
            SetType::BitmapPort => option("range", Some(format!("{first}-{last}"))),
            SetType::BitmapIp => {
                let text = |bits: u32| address_text(Family::V4, bits.into());
                option("range", Some(format!("{}-{}", text(first), text(last))));
            }
            SetType::ListSet => option("size", Some(self.size.to_string())),
            SetType::HashIp
            | SetType::HashMac
            | SetType::HashNet
            | SetType::HashIpPort
            | SetType::HashNetPort
            | SetType::HashIpPortIp
            | SetType::HashIpPortNet
            | SetType::HashIpMark
            | SetType::HashNetNet
            | SetType::HashNetIface => {}
        }
        if let Some(bits) = self.netmask {
            option("netmask", Some(bits.to_string()));
        }
        if let Some(seconds) = self.timeout {
            option("timeout", Some(seconds.to_string()));
        }
        let flags =
            [("counters", self.counters), ("comment", self.comment), ("skbinfo", self.skbinfo)];
        for (name, on) in flags {
            if on {
                option(name, None);
            }
        }
        if self.kind.is_hash() {
            option("bucketsize", Some(self.bucket_size.to_string()));
            option("initval", Some(format!("0x{:08x}", self.init_value.unwrap_or(0))));
        }
        options
    }

    /// The options on one line: `family inet hashsize 1024 …`.
    #[must_use]
    pub fn line(&self) -> String {
        let mut line = String::new();
        for (name, value) in self.options() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(name);
            if let Some(value) = value {
                let _ = write!(line, " {value}");
            }
        }
        line
    }
}

fn family(word: &str) -> Result<Family, Fault> {
    match word {
        "inet" | "ipv4" | "-4" => Ok(Family::V4),
        "inet6" | "ipv6" | "-6" => Ok(Family::V6),
        _ => Err(Fault::syntax(format!("unknown inet family {word}"))),
    }
}

const fn family_name(family: Family) -> &'static str {
    match family {
        Family::V4 => "inet",
        Family::V6 => "inet6",
    }
}
