//! `-m hbh`: the hop-by-hop options of IPv6 (kernel: ip6t_hbh).

use super::options_header::{Names, OptionsHeader, options};
use crate::netfilter::Family;
use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Words};

/// `[!] --hbh-len BYTES --hbh-opts TYPE[:LENGTH],…`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hbh(pub OptionsHeader);

const OPTIONS: &[Opt; 2] = &options("hbh-len", "hbh-opts");

const NAMES: Names =
    Names { extension: "hbh", options: OPTIONS, padding: "PAD0 has not got length" };

impl Words for Hbh {
    fn options(&self) -> &'static [Opt] {
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        self.0.take(given, &NAMES)
    }

    fn family(&self) -> Option<Family> {
        Some(Family::V6)
    }

    fn save(&self, out: &mut String) {
        out.push_str(&self.0.saved(&NAMES));
    }

    fn list(&self, out: &mut String, _look: Look) {
        out.push_str(&self.0.listed(&NAMES));
    }
}
