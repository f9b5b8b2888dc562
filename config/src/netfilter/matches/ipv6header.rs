//! `-m ipv6header`: which extension headers an IPv6 packet has (kernel: ip6t_ipv6header).

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Words, opt};
use crate::netfilter::{Family, Protocol};

/// `[!] --header LIST [--soft]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ipv6header {
    /// `!`
    pub negated: bool,
    /// The headers.
    pub headers: ExtensionHeaders,
    /// `--soft`: all of them are there, among others; without it no other may be.
    pub soft: bool,
}

/// A set of headers, one bit each (ip6t_ipv6header.h, `MASK_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ExtensionHeaders(pub u8);

impl ExtensionHeaders {
    /// A protocol that is no extension header.
    pub const PROTOCOL: Self = Self(1);
    /// No next header.
    pub const NONE: Self = Self(2);
    /// ESP
    pub const ESP: Self = Self(4);
    /// AH
    pub const AUTHENTICATION: Self = Self(8);
    /// Fragment.
    pub const FRAGMENT: Self = Self(16);
    /// Routing.
    pub const ROUTING: Self = Self(32);
    /// Destination options.
    pub const DESTINATION: Self = Self(64);
    /// Hop-by-hop options.
    pub const HOP_BY_HOP: Self = Self(128);

    /// Protocol number, bit, the name printed (protocols have names of their own where the system
    /// knows them) and the names taken, in the order in which they are printed.
    const NAMES: [(u8, Self, &str, &[&str]); 8] = [
        (0, Self::HOP_BY_HOP, "hop-by-hop", &["hop", "0", "ip", "hopopt"]),
        (60, Self::DESTINATION, "ipv6-opts", &["dst", "60"]),
        (43, Self::ROUTING, "ipv6-route", &["route", "43"]),
        (44, Self::FRAGMENT, "ipv6-frag", &["frag", "44"]),
        (51, Self::AUTHENTICATION, "ah", &["auth", "51"]),
        (50, Self::ESP, "esp", &["50"]),
        (59, Self::NONE, "ipv6-nonxt", &["none", "59"]),
        (255, Self::PROTOCOL, "protocol", &["prot", "255"]),
    ];

    fn parse(text: &str) -> Result<Self, Fault> {
        let mut headers = 0;
        for word in text.split(',').filter(|word| !word.is_empty()) {
            let known = |(number, _, name, names): &&(u8, Self, &str, &[&str])| {
                let protocol = Protocol(*number).name() == Some(word);
                protocol || *name == word || names.contains(&word)
            };
            let found = Self::NAMES.iter().find(known);
            headers |= found.ok_or_else(|| Self::unknown(word))?.1.0;
        }
        if headers == 0 {
            let message = "ip6t_ipv6header: cannot parse header names";
            return Err(Fault::usage(message).help("name a header, as in `frag`"));
        }
        Ok(Self(headers))
    }

    /// A protocol that is no header is called by its number.
    fn unknown(word: &str) -> Fault {
        let numeric = crate::netfilter::words::number(word).is_some();
        let protocol = Protocol::from_name(word).filter(|_| !numeric);
        let called = protocol.map_or_else(|| word.to_owned(), |protocol| protocol.0.to_string());
        Fault::usage(format!("unknown header `{called}' specified"))
            .help("headers are hop, dst, route, frag, auth, esp, none and prot")
    }

    fn text(self) -> String {
        let on = Self::NAMES.iter().filter(|(_, bit, _, _)| self.0 & bit.0 != 0);
        on.map(|(_, _, name, _)| *name).collect::<Vec<_>>().join(",")
    }
}

impl Words for Ipv6header {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[opt("header").negatable().required(), opt("soft").arguments(0)];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        match given.option {
            "header" => {
                self.headers = ExtensionHeaders::parse(given.argument(0))?;
                self.negated = given.negated;
            }
            _ => self.soft = true,
        }
        Ok(())
    }

    fn family(&self) -> Option<Family> {
        Some(Family::V6)
    }

    fn save(&self, out: &mut String) {
        let bang = if self.negated { " !" } else { "" };
        out.push_str(&format!("{bang} --header {}", self.headers.text()));
        if self.soft {
            out.push_str(" --soft");
        }
    }

    fn list(&self, out: &mut String, look: Look) {
        let bang = if self.negated { "!" } else { "" };
        let headers = match look.numeric {
            true => format!("0x{:02X}", self.headers.0),
            false => self.headers.text(),
        };
        out.push_str(&format!(" ipv6header flags:{bang}{headers}"));
        if self.soft {
            out.push_str(" soft");
        }
    }
}
