//! `-m mac`: the Ethernet source address (kernel: xt_mac).

use crate::netfilter::Hook;
use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Words, opt};

/// `[!] --mac-source ADDRESS`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mac {
    /// `!`
    pub negated: bool,
    /// As it is on the wire.
    pub source: [u8; 6],
}

/// A byte as C's `strtoul` with base 16 reads at most two characters.
fn byte(text: &str) -> Option<u8> {
    let digits = text.trim_start();
    let plain = digits.strip_prefix(['+', '-']).unwrap_or(digits);
    match text {
        "" => Some(0),
        text if text.len() > 2 => None,
        _ if plain.starts_with(['+', '-']) => None,
        _ => {
            let value = u8::from_str_radix(plain, 16).ok()?;
            Some(if digits.starts_with('-') { value.wrapping_neg() } else { value })
        }
    }
}

impl Mac {
    fn parse(text: &str) -> Option<[u8; 6]> {
        let mut words = text.split(':');
        let mut address = [0; 6];
        for own in &mut address {
            *own = byte(words.next()?)?;
        }
        words.next().is_none().then_some(address)
    }

    fn text(&self) -> String {
        self.source.map(|byte| format!("{byte:02x}")).join(":")
    }
}

impl Words for Mac {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[opt("mac-source").negatable().required()];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        self.source = Self::parse(given.argument(0)).ok_or_else(|| {
            Fault::usage("Invalid MAC address specified.")
                .help("write six bytes, as in `02:00:5e:10:00:01`")
        })?;
        self.negated = given.negated;
        Ok(())
    }

    fn hooks(&self) -> &'static [Hook] {
        &[Hook::Prerouting, Hook::Input, Hook::Forward]
    }

    fn save(&self, out: &mut String) {
        let bang = if self.negated { " !" } else { "" };
        out.push_str(&format!("{bang} --mac-source {}", self.text()));
    }

    fn list(&self, out: &mut String, _look: Look) {
        let bang = if self.negated { "! " } else { "" };
        out.push_str(&format!(" MAC {bang}{}", self.text()));
    }
}
