//! `-m ah`: the authentication header (kernel: ipt_ah, ip6t_ah). IPv6 looks for it among the
//! extension headers and sees more of it.

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Words, bang, opt};
use crate::netfilter::{Family, Negatable, Protocol};

/// `[!] --ahspi SPI[:SPI]`, and with IPv6 `[!] --ahlen BYTES --ahres`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ah {
    family: Family,
    /// Lowest and highest SPI; any where absent.
    pub spi: Option<Negatable<(u32, u32)>>,
    /// `--ahlen`: length of the header in bytes; not negated, 0 is any.
    pub length: Option<Negatable<u32>>,
    /// `--ahres`: the reserved bits are zero.
    pub reserved: bool,
}

impl Default for Ah {
    fn default() -> Self {
        Self { family: Family::V4, spi: None, length: None, reserved: false }
    }
}

impl Words for Ah {
    fn of_family(&mut self, family: Family) {
        self.family = family;
    }

    fn options(&self) -> &'static [Opt] {
        const V4: &[Opt] = &[opt("ahspi").negatable()];
        const V6: &[Opt] =
            &[opt("ahspi").negatable(), opt("ahlen").negatable(), opt("ahres").arguments(0)];
        match self.family {
            Family::V4 => V4,
            Family::V6 => V6,
        }
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        match given.option {
            "ahspi" => self.spi = given.span("ah")?,
            "ahlen" => {
                let length = given.integer("ah", 0, u64::from(u32::MAX))? as u32;
                self.length = given.negatable(length);
            }
            _ => self.reserved = true,
        }
        Ok(())
    }

    fn fits(&self, protocol: Option<Negatable<Protocol>>) -> bool {
        self.family == Family::V6 || protocol == Some(Negatable::plain(Protocol::AH))
    }

    fn save(&self, out: &mut String) {
        super::save_span(out, "ahspi", self.spi);
        if let Some(length) = self.length.filter(|length| length.negated || length.value != 0) {
            out.push_str(&format!("{} --ahlen {}", bang(&length), length.value));
        }
        if self.reserved {
            out.push_str(" --ahres");
        }
    }

    /// The tool puts no blank between SPI and length.
    fn list(&self, out: &mut String, _look: Look) {
        let spi = super::span_text("spi", self.spi).unwrap_or_default();
        out.push_str(&format!(" ah {spi}"));
        if let Some(length) = self.length.filter(|length| length.negated || length.value != 0) {
            let bang = if length.negated { "!" } else { "" };
            out.push_str(&format!("length:{bang}{}", length.value));
        }
        if self.reserved {
            out.push_str(" reserved");
        }
    }
}
