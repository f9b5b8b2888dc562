//! What `-m hbh` and `-m dst` have in common: the options of an extension header of IPv6 (kernel:
//! ip6t_hbh).

use crate::netfilter::Negatable;
use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Opt, bang, opt, strtoul};

/// Length and options of a header; each absent one matches any.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OptionsHeader {
    /// Length of the header in bytes.
    pub length: Option<Negatable<u32>>,
    /// The first options of the header, at most 16.
    pub options: Option<Vec<HeaderOption>>,
}

/// An option (RFC 8200, section 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HeaderOption {
    /// Its type.
    pub kind: u8,
    /// The length of its data; any where absent. The kernel has no room for a length of 255.
    pub length: Option<u8>,
}

/// The names one of the two headers goes by.
pub(super) struct Names {
    /// The match.
    pub(super) extension: &'static str,
    /// `--hbh-len`, `--hbh-opts`
    pub(super) options: &'static [Opt; 2],
    /// Why the option without data has no length.
    pub(super) padding: &'static str,
}

/// `--NAME-len` and `--NAME-opts`
pub(super) const fn options(length: &'static str, options: &'static str) -> [Opt; 2] {
    [opt(length).negatable(), opt(options)]
}

/// The kernel's IP6T_OPTS_OPTSNR.
const MAX: usize = 16;

/// C's `strtoul` and no more behind it, cut to a byte.
fn byte(text: &str, what: &str, names: &Names) -> Result<u8, Fault> {
    let extension = names.extension;
    let help = "write numbers from 0 to 255, as in `5:2,194`";
    let (number, rest) = strtoul(text, 0);
    if rest.len() == text.len() {
        let message = format!("{extension}: no valid digits in {what} `{text}'");
        return Err(Fault::usage(message).help(help));
    }
    match rest {
        "" => Ok(number as u8),
        _ => {
            let message = format!("{extension}: error parsing {what} `{text}'");
            Err(Fault::usage(message).help(help))
        }
    }
}

impl HeaderOption {
    /// `TYPE[:LENGTH]`
    fn parse(text: &str, last: bool, names: &Names) -> Result<Self, Fault> {
        let Some((kind, length)) = text.split_once(':') else {
            return Ok(Self { kind: byte(text, "opt", names)?, length: None });
        };
        if last {
            let help = "the sixteenth option has no length";
            return Err(Fault::usage("too many ports specified").help(help));
        }
        let kind = byte(kind, "opt", names)?;
        if kind == 0 {
            return Err(Fault::usage(names.padding).help("leave its length out"));
        }
        let length = byte(length, "length", names)?;
        Ok(Self { kind, length: Some(length).filter(|length| *length != u8::MAX) })
    }

    fn text(&self) -> String {
        let length = self.length.map_or_else(String::new, |length| format!(":{length}"));
        format!("{}{length}", self.kind)
    }
}

impl OptionsHeader {
    /// Takes one of the two options in.
    pub(super) fn take(&mut self, given: &Given<'_>, names: &Names) -> Result<(), Fault> {
        let [length, _] = names.options;
        if given.option == length.name {
            self.length = given.negatable(given.word(names.extension)?);
            return Ok(());
        }
        let mut words = given.argument(0).split(',');
        let mut options = Vec::new();
        for word in words.by_ref().take(MAX) {
            options.push(HeaderOption::parse(word, options.len() == MAX - 1, names)?);
        }
        if words.next().is_some() {
            return Err(Fault::usage("too many addresses specified").help("at most 16"));
        }
        self.options = Some(options);
        Ok(())
    }

    fn options_text(&self) -> String {
        let all: Vec<String> = self.options.iter().flatten().map(HeaderOption::text).collect();
        all.join(",")
    }

    /// As a save writes it.
    pub(super) fn saved(&self, names: &Names) -> String {
        let [length, options] = names.options;
        let mut out = String::new();
        if let Some(own) = &self.length {
            out.push_str(&format!("{} --{} {}", bang(own), length.name, own.value));
        }
        if self.options.is_some() {
            out.push_str(&format!(" --{} {}", options.name, self.options_text()));
        }
        out
    }

    /// As a listing shows it.
    pub(super) fn listed(&self, names: &Names) -> String {
        let mut out = format!(" {}", names.extension);
        if let Some(length) = &self.length {
            let bang = if length.negated { "!" } else { "" };
            out.push_str(&format!(" length:{bang}{}", length.value));
        }
        if self.options.is_some() {
            out.push_str(&format!(" opts {}", self.options_text()));
        }
        out
    }
}
