//! `-m rt`: the routing header of IPv6 (kernel: ip6t_rt).

use std::net::Ipv6Addr;

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Words, bang, opt};
use crate::netfilter::{Family, Negatable};

/// The options; each absent one matches any routing header.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rt {
    /// `--rt-type`
    pub kind: Option<Negatable<u32>>,
    /// `--rt-segsleft`: lowest and highest number of segments left.
    pub segments_left: Option<Negatable<(u32, u32)>>,
    /// `--rt-len`: length of the header in bytes.
    pub length: Option<Negatable<u32>>,
    /// `--rt-0-res`: the reserved field of a type 0 header is zero.
    pub reserved: bool,
    /// `--rt-0-addrs`: the first addresses of a type 0 header, at most 16.
    pub addresses: Option<Vec<Ipv6Addr>>,
    /// `--rt-0-not-strict`: they are among the header's, in that order.
    pub not_strict: bool,
}

/// The kernel's IP6T_RT_HOPS.
const MAX_ADDRESSES: usize = 16;

fn addresses(text: &str) -> Result<Vec<Ipv6Addr>, Fault> {
    let mut words = text.split(',');
    let mut addresses = Vec::new();
    for word in words.by_ref().take(MAX_ADDRESSES) {
        addresses.push(word.parse().map_err(|_| {
            Fault::usage(format!("bad address: {word}")).help("write IPv6 addresses")
        })?);
    }
    match words.next() {
        Some(_) => Err(Fault::usage("too many addresses specified").help("at most 16")),
        None => Ok(addresses),
    }
}

impl Rt {
    /// The options of type 0 want it said before them.
    fn needs_type_0(&self, option: &str) -> Result<(), Fault> {
        if self.kind == Some(Negatable::plain(0)) {
            return Ok(());
        }
        let message = format!("`--rt-type 0' required before `--{option}'");
        Err(Fault::usage(message).help("write `--rt-type 0` first"))
    }

    fn addresses_text(&self) -> String {
        let all = self.addresses.iter().flatten();
        let all: Vec<String> = all.map(Ipv6Addr::to_string).collect();
        if all.is_empty() { String::new() } else { format!(" {}", all.join(",")) }
    }
}

impl Words for Rt {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[
            opt("rt-type").negatable(),
            opt("rt-segsleft").negatable(),
            opt("rt-len").negatable(),
            opt("rt-0-res").arguments(0),
            opt("rt-0-addrs"),
            opt("rt-0-not-strict").arguments(0),
        ];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        match given.option {
            "rt-type" => self.kind = given.negatable(given.word("rt")?),
            "rt-segsleft" => self.segments_left = given.span("rt")?,
            "rt-len" => self.length = given.negatable(given.word("rt")?),
            "rt-0-res" => {
                self.needs_type_0("rt-0-res")?;
                self.reserved = true;
            }
            "rt-0-addrs" => {
                self.needs_type_0("rt-0-addrs")?;
                self.addresses = Some(addresses(given.argument(0))?);
            }
            _ if self.addresses.is_none() => {
                let message = "`--rt-0-addr ...' required before `--rt-0-not-strict'";
                return Err(Fault::usage(message).help("write `--rt-0-addrs LIST` first"));
            }
            _ => self.not_strict = true,
        }
        Ok(())
    }

    fn family(&self) -> Option<Family> {
        Some(Family::V6)
    }

    fn save(&self, out: &mut String) {
        if let Some(kind) = &self.kind {
            out.push_str(&format!("{} --rt-type {}", bang(kind), kind.value));
        }
        super::save_span(out, "rt-segsleft", self.segments_left);
        if let Some(length) = &self.length {
            out.push_str(&format!("{} --rt-len {}", bang(length), length.value));
        }
        if self.reserved {
            out.push_str(" --rt-0-res");
        }
        if self.addresses.is_some() {
            out.push_str(&format!(" --rt-0-addrs{}", self.addresses_text()));
        }
        if self.not_strict {
            out.push_str(" --rt-0-not-strict");
        }
    }

    fn list(&self, out: &mut String, _look: Look) {
        let bang = |negated| if negated { "!" } else { "" };
        out.push_str(" rt");
        if let Some(kind) = &self.kind {
            // The tool prints a signed number here.
            out.push_str(&format!(" type:{}{}", bang(kind.negated), kind.value as i32));
        }
        if let Some(text) = super::span_text("segsleft", self.segments_left) {
            out.push_str(&format!(" {text}"));
        }
        if let Some(length) = &self.length {
            out.push_str(&format!(" length:{}{}", bang(length.negated), length.value));
        }
        if self.reserved {
            out.push_str(" reserved");
        }
        if self.addresses.is_some() {
            out.push_str(&format!(" 0-addrs{}", self.addresses_text()));
        }
        if self.not_strict {
            out.push_str(" 0-not-strict");
        }
    }
}
