//! `-m tcpmss`: the MSS option of a TCP segment (kernel: xt_tcpmss).

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Words, opt};
use crate::netfilter::{Negatable, Protocol};

/// `[!] --mss MIN[:MAX]`; a segment without the option matches neither way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tcpmss {
    /// `!`
    pub negated: bool,
    /// Lowest, in bytes.
    pub min: u16,
    /// Highest.
    pub max: u16,
}

impl Tcpmss {
    fn text(&self) -> String {
        match self.min == self.max {
            true => self.min.to_string(),
            false => format!("{}:{}", self.min, self.max),
        }
    }
}

impl Words for Tcpmss {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[opt("mss").negatable().required()];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        let (min, max) = given.integers("tcpmss", u64::from(u16::MAX))?;
        (self.min, self.max) = (min as u16, max as u16);
        if self.max < self.min {
            let help = format!("write the lower first: {}:{}", self.max, self.min);
            return Err(Fault::usage("tcpmss: invalid range given").help(help));
        }
        self.negated = given.negated;
        Ok(())
    }

    fn fits(&self, protocol: Option<Negatable<Protocol>>) -> bool {
        protocol == Some(Negatable::plain(Protocol::TCP))
    }

    fn save(&self, out: &mut String) {
        let bang = if self.negated { " !" } else { "" };
        out.push_str(&format!("{bang} --mss {}", self.text()));
    }

    fn list(&self, out: &mut String, _look: Look) {
        let bang = if self.negated { "!" } else { "" };
        out.push_str(&format!(" tcpmss match {bang}{}", self.text()));
    }
}
