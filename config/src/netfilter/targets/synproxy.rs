//! `-j SYNPROXY`: answers a TCP client itself and connects to the server once the client proved
//! that it is there.

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Objection, Opt, Place, Words, opt};
use crate::netfilter::{Hook, Protocol};

/// What the server behind is known to offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SynProxy {
    /// `--sack-perm`
    pub sack_permitted: bool,
    /// `--timestamp`
    pub timestamp: bool,
    /// `--wscale`
    pub window_scale: Option<u8>,
    /// `--mss`
    pub mss: Option<u16>,
    /// `--ecn`
    pub ecn: bool,
}

impl SynProxy {
    /// ` sack-perm … ecn`, the words with `dashes` before them.
    fn text(&self, dashes: &str) -> String {
        let flag = |name: &str, on| if on { format!(" {dashes}{name}") } else { String::new() };
        let value = |name: &str, value: Option<u16>| {
            value.map_or(String::new(), |value| format!(" {dashes}{name} {value}"))
        };
        [
            flag("sack-perm", self.sack_permitted),
            flag("timestamp", self.timestamp),
            value("wscale", self.window_scale.map(u16::from)),
            value("mss", self.mss),
            flag("ecn", self.ecn),
        ]
        .concat()
    }
}

impl Words for SynProxy {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[
            opt("sack-perm").arguments(0),
            opt("timestamp").arguments(0),
            opt("wscale"),
            opt("mss"),
            opt("ecn").arguments(0),
        ];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        match given.option {
            "sack-perm" => self.sack_permitted = true,
            "timestamp" => self.timestamp = true,
            // Of a larger number the last bits count, as the tool has it.
            "wscale" => self.window_scale = Some(given.word("SYNPROXY")? as u8),
            "mss" => self.mss = Some(given.word("SYNPROXY")? as u16),
            _ => self.ecn = true,
        }
        Ok(())
    }

    fn hooks(&self) -> &'static [Hook] {
        &[Hook::Input, Hook::Forward]
    }

    fn objection(&self, place: &Place) -> Option<Objection> {
        match place.is(Protocol::TCP) {
            true => None,
            false => Objection::invalid("SYNPROXY needs `-p tcp` in its rule"),
        }
    }

    fn save(&self, out: &mut String) {
        out.push_str(&self.text("--"));
    }

    fn list(&self, out: &mut String, _look: Look) {
        out.push_str(&format!(" SYNPROXY{} ", self.text("")));
    }
}
