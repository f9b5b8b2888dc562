//! `-m esp`: the SPI of ESP (kernel: xt_esp).

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Words, opt};
use crate::netfilter::{Negatable, Protocol};

/// `[!] --espspi SPI[:SPI]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Esp {
    /// Lowest and highest SPI; any where absent.
    pub spi: Option<Negatable<(u32, u32)>>,
}

impl Words for Esp {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[opt("espspi").negatable()];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        self.spi = given.span("esp")?;
        Ok(())
    }

    fn fits(&self, protocol: Option<Negatable<Protocol>>) -> bool {
        protocol == Some(Negatable::plain(Protocol::ESP))
    }

    fn save(&self, out: &mut String) {
        super::save_span(out, "espspi", self.spi);
    }

    fn list(&self, out: &mut String, _look: Look) {
        out.push_str(" esp");
        if let Some(text) = super::span_text("spi", self.spi) {
            out.push_str(&format!(" {text}"));
        }
    }
}
