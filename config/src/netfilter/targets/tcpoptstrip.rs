//! `-j TCPOPTSTRIP`: overwrites TCP options with NOPs.

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Objection, Opt, Place, Words, number, opt};
use crate::netfilter::{Protocol, Table};

/// `--strip-options`
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct TcpOptStrip {
    /// The kinds, lowest first, none twice.
    pub kinds: Vec<u8>,
}

/// Kinds by name.
const NAMES: [(&str, u8); 6] =
    [("wscale", 3), ("mss", 2), ("sack-permitted", 4), ("sack", 5), ("timestamp", 8), ("md5", 19)];

/// A kind by name or number.
fn kind(text: &str) -> Result<u8, Fault> {
    let named = NAMES.iter().find(|(name, _)| *name == text).map(|(_, kind)| *kind);
    let numbered = || number(text).and_then(|kind| u8::try_from(kind).ok());
    let unknown = || {
        let names = NAMES.map(|(name, _)| name).join(", ");
        Fault::usage(format!("Bad TCP option value \"{text}\""))
            .help(format!("write a number from 2 to 255 or one of {names}"))
    };
    match named.or_else(numbered).ok_or_else(unknown)? {
        0 | 1 => Err(Fault::usage("Option value may not be 0 or 1")
            .help("these end the options or fill them up")),
        kind => Ok(kind),
    }
}

impl Words for TcpOptStrip {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[opt("strip-options")];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        for text in given.argument(0).split(',') {
            let kind = kind(text)?;
            match self.kinds.binary_search(&kind) {
                Ok(_) => {
                    return Err(Fault::usage(format!("Option \"{text}\" already specified"))
                        .help("write each option once"));
                }
                Err(at) => self.kinds.insert(at, kind),
            }
        }
        Ok(())
    }

    fn table(&self) -> Option<Table> {
        Some(Table::Mangle)
    }

    fn objection(&self, place: &Place) -> Option<Objection> {
        match place.is(Protocol::TCP) {
            true => None,
            false => Objection::invalid("TCPOPTSTRIP needs `-p tcp` in its rule"),
        }
    }

    fn save(&self, out: &mut String) {
        if !self.kinds.is_empty() {
            let kinds: Vec<String> = self.kinds.iter().map(u8::to_string).collect();
            out.push_str(&format!(" --strip-options {}", kinds.join(",")));
        }
    }

    fn list(&self, out: &mut String, look: Look) {
        if self.kinds.is_empty() {
            return;
        }
        let text = |kind: &u8| {
            let name = NAMES.iter().find(|(_, named)| named == kind && !look.numeric);
            name.map_or_else(|| kind.to_string(), |(name, _)| (*name).to_owned())
        };
        let kinds: Vec<String> = self.kinds.iter().map(text).collect();
        out.push_str(&format!(" TCPOPTSTRIP options {}", kinds.join(",")));
    }
}
