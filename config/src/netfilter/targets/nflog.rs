//! `-j NFLOG`: a copy of the packet to the readers of a log group; the packet goes on.

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Words, cut, opt, quoted, too_short};

/// The options.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct NfLog {
    /// `--nflog-group`
    pub group: u16,
    /// `--nflog-prefix`, at most 127 bytes.
    pub prefix: String,
    /// `--nflog-size`: how many bytes of the packet are copied; all where absent.
    pub size: Option<u32>,
    /// `--nflog-threshold`: how many packets wait to be sent together; 0 and 1: none.
    pub threshold: u16,
}

/// The kernel's room for a prefix (NF_LOG_PREFIXLEN), less the final zero.
const MAX_PREFIX: usize = 127;

impl NfLog {
    /// ` nflog-group 1…`, the words with `dashes` before them.
    fn text(&self, dashes: &str) -> String {
        let mut out = String::new();
        if !self.prefix.is_empty() {
            out.push_str(&format!(" {dashes}nflog-prefix {}", quoted(&self.prefix)));
        }
        if self.group != 0 {
            out.push_str(&format!(" {dashes}nflog-group {}", self.group));
        }
        if let Some(size) = self.size {
            out.push_str(&format!(" {dashes}nflog-size {size}"));
        }
        if self.threshold != 0 {
            out.push_str(&format!(" {dashes}nflog-threshold {}", self.threshold));
        }
        out
    }
}

impl Words for NfLog {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[
            opt("nflog-group"),
            opt("nflog-prefix"),
            opt("nflog-range").excludes(&["nflog-size"]),
            opt("nflog-size"),
            opt("nflog-threshold"),
        ];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        let short = || given.integer("NFLOG", 0, 65_535).map(|number| number as u16);
        let text = given.argument(0);
        match given.option {
            "nflog-group" => self.group = short()?,
            "nflog-prefix" if text.is_empty() => return Err(too_short()),
            "nflog-prefix" if text.contains('\n') => {
                let message = "Newlines not allowed in --nflog-prefix";
                return Err(Fault::usage(message).help("leave the line end out"));
            }
            // A longer prefix is cut, not refused.
            "nflog-prefix" => {
                self.prefix = cut(text, MAX_PREFIX);
            }
            // It never did anything.
            "nflog-range" => given.word("NFLOG").map(|_| ())?,
            "nflog-size" => self.size = Some(given.word("NFLOG")?),
            _ => self.threshold = short()?,
        }
        Ok(())
    }

    fn warning(&self, seen: &[&'static str]) -> Option<String> {
        let warning = "warn: --nflog-range has never worked and is no longer supported, please use --nflog-size instead";
        seen.contains(&"nflog-range").then(|| warning.to_owned())
    }

    fn save(&self, out: &mut String) {
        out.push_str(&self.text("--"));
    }

    fn list(&self, out: &mut String, _look: Look) {
        out.push_str(&self.text(""));
    }
}
