//! `-j CLASSIFY`: puts the packet into a class of the queueing discipline.

use crate::netfilter::Hook;
use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Words, opt};

/// `--set-class MAJOR:MINOR`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Classify {
    /// The queueing discipline.
    pub major: u16,
    /// Its class.
    pub minor: u16,
}

/// The hexadecimal number a text begins with and what follows, as C's `scanf` reads it with `%x`;
/// of a longer one the last 16 bits count.
fn hex(text: &str) -> Option<(u16, &str)> {
    let text = text.trim_start();
    let (negative, text) = match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let text = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    let end = text.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    let last = digits.get(digits.len().saturating_sub(4)..)?;
    let number = u16::from_str_radix(last, 16).ok()?;
    Some((if negative { number.wrapping_neg() } else { number }, rest))
}

impl Words for Classify {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[opt("set-class").required()];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        let text = given.argument(0);
        let class = hex(text).and_then(|(major, rest)| {
            let (minor, _) = hex(rest.strip_prefix(':')?)?;
            Some(Self { major, minor })
        });
        *self = class.ok_or_else(|| {
            Fault::usage(format!("Bad class value \"{text}\""))
                .help("write two hexadecimal numbers, as in `1:10`")
        })?;
        Ok(())
    }

    fn hooks(&self) -> &'static [Hook] {
        &[Hook::Forward, Hook::Output, Hook::Postrouting]
    }

    fn save(&self, out: &mut String) {
        out.push_str(&format!(" --set-class {:04x}:{:04x}", self.major, self.minor));
    }

    fn list(&self, out: &mut String, _look: Look) {
        out.push_str(&format!(" CLASSIFY set {:x}:{:x}", self.major, self.minor));
    }
}
