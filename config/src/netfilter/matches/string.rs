//! `-m string`: bytes anywhere in the packet (kernel: xt_string, revision 1).

use std::fmt::Write;

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Objection, Opt, Place, Surroundings, Words, opt};

/// `--algo NAME [!] --string TEXT | --hex-string TEXT [--from N] [--to N] [--icase]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StringMatch {
    /// `--algo`; all of them find the same.
    pub algorithm: Algorithm,
    /// The bytes sought.
    pub pattern: Vec<u8>,
    /// `!`
    pub negated: bool,
    /// First byte looked at, counted from the IP header's first.
    pub from: u16,
    /// The last byte at which the pattern may begin, counted alike.
    pub to: u16,
    /// `--icase`: ASCII letters in either case are the same.
    pub ignore_case: bool,
}

/// How the kernel searches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// Boyer-Moore.
    Bm,
    /// Knuth-Morris-Pratt.
    Kmp,
    /// A name that the kernel knows no algorithm by; no rule in a chain has it.
    Unknown,
}

/// The kernel's XT_STRING_MAX_PATTERN_SIZE.
const MAX: usize = 128;

impl Default for StringMatch {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::Unknown,
            pattern: Vec::new(),
            negated: false,
            from: 0,
            to: u16::MAX,
            ignore_case: false,
        }
    }
}

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Self::Bm => "bm",
            Self::Kmp => "kmp",
            Self::Unknown => "",
        }
    }
}

fn too_long(text: &str) -> Fault {
    Fault::usage(format!("STRING too long \"{text}\""))
        .help("write at most 128 bytes, or 127 in hexadecimal")
}

/// The argument of `--hex-string`: bytes in hexadecimal between bars, others as they are, a
/// backslash before one that means itself. A bar or backslash right behind a bar is a byte like
/// others, as the tools have it.
fn hex(text: &str) -> Result<Vec<u8>, Fault> {
    let bad = |message: &str| Err(Fault::usage(message).help("as in `|de ad be ef|text`"));
    let bytes = text.as_bytes();
    let at = |position: usize| bytes.get(position).copied().unwrap_or_default();
    let (mut pattern, mut position, mut in_hex) = (Vec::new(), 0, false);
    if bytes.is_empty() {
        return bad("STRING must contain at least one char");
    }
    while position < bytes.len() {
        if pattern.len() >= MAX {
            return Err(too_long(text));
        }
        let literal = at(position) == b'\\';
        if literal && in_hex {
            return bad("Cannot include literals in hex data");
        }
        if at(position) == b'|' {
            in_hex = !in_hex;
            while in_hex && at(position + 1) == b' ' {
                position += 1;
            }
            position += 1;
            if position >= bytes.len() {
                break;
            }
        }
        if literal {
            if position + 1 >= bytes.len() {
                return bad("Bad literal placement at end of string");
            }
            pattern.push(at(position + 1));
            position += 2;
        } else if in_hex {
            pattern.push(hex_byte(bytes, position)?);
            position += if at(position + 2) == b' ' { 3 } else { 2 };
        } else {
            pattern.push(at(position));
            position += 1;
        }
    }
    Ok(pattern)
}

/// Two digits within a block, behind which the block must go on or end.
fn hex_byte(bytes: &[u8], position: usize) -> Result<u8, Fault> {
    let bad = |message: String| Fault::usage(message).help("as in `|de ad be ef|text`");
    let (Some(high), Some(low)) = (bytes.get(position), bytes.get(position + 1)) else {
        return Err(bad("Odd number of hex digits".to_owned()));
    };
    if bytes.len() <= position + 2 {
        return Err(bad("Invalid hex block".to_owned()));
    }
    let digit = |byte: u8| {
        let digit = char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        digit.ok_or_else(|| bad(format!("Invalid hex char '{}'", char::from(byte))))
    };
    Ok(digit(*high)? << 4 | digit(*low)?)
}

impl StringMatch {
    /// The option or column that shows the pattern: text where it can be printed.
    fn is_hex(&self) -> bool {
        let printable = |byte: &u8| (b' '..=b'~').contains(byte);
        !self.pattern.iter().all(printable) || self.pattern.last() == Some(&b'\\')
    }

    /// The pattern in quotes.
    fn quoted(&self) -> String {
        let mut out = String::from("\"");
        if self.is_hex() {
            out.push('|');
            for byte in &self.pattern {
                let _ = write!(out, "{byte:02x}");
            }
            out.push('|');
        } else {
            for byte in self.pattern.iter().map(|byte| char::from(*byte)) {
                if matches!(byte, '"' | '\\') {
                    out.push('\\');
                }
                out.push(byte);
            }
        }
        out.push('"');
        out
    }
}

impl StringMatch {
    /// What the kernel's own check finds wrong: its error, and what to write instead.
    fn kernel_refusal(&self) -> Option<(&'static str, &'static str)> {
        match self.algorithm {
            _ if self.from > self.to => Some(("Invalid argument", "--from lies behind --to")),
            Algorithm::Unknown => Some(("No such file or directory", "algorithms are bm and kmp")),
            Algorithm::Bm | Algorithm::Kmp if self.pattern.is_empty() => {
                Some(("Invalid argument", "the pattern needs at least one byte"))
            }
            Algorithm::Bm | Algorithm::Kmp => None,
        }
    }
}

impl Words for StringMatch {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[
            opt("from"),
            opt("to"),
            opt("algo").required(),
            opt("string").negatable().excludes(&["hex-string"]),
            opt("hex-string").negatable().excludes(&["string"]),
            opt("icase").arguments(0),
        ];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        let text = given.argument(0);
        let offset = || {
            let offset = given.integer("string", 0, u64::from(u16::MAX));
            offset.map(|offset| u16::try_from(offset).unwrap_or(u16::MAX))
        };
        match given.option {
            "from" => self.from = offset()?,
            "to" => self.to = offset()?,
            "algo" => {
                self.algorithm = match text {
                    "bm" => Algorithm::Bm,
                    "kmp" => Algorithm::Kmp,
                    _ => Algorithm::Unknown,
                }
            }
            "string" if text.len() > MAX => return Err(too_long(text)),
            "string" => self.pattern = text.as_bytes().to_vec(),
            "hex-string" => self.pattern = hex(text)?,
            _ => self.ignore_case = true,
        }
        self.negated |= given.negated;
        Ok(())
    }

    fn finish(&mut self, rule: &Surroundings<'_>) -> Result<(), Fault> {
        match rule.seen.iter().any(|option| option.ends_with("string")) {
            true => Ok(()),
            false => {
                Err(Fault::usage("STRING match: You must specify `--string' or `--hex-string'")
                    .help("add `--string TEXT`"))
            }
        }
    }

    fn objection(&self, _place: &Place) -> Option<Objection> {
        self.kernel_refusal().map(Objection::from)
    }

    fn save(&self, out: &mut String) {
        let bang = if self.negated { " !" } else { "" };
        let option = if self.is_hex() { "hex-string" } else { "string" };
        out.push_str(&format!("{bang} --{option} {}", self.quoted()));
        out.push_str(&format!(" --algo {}", self.algorithm.name()));
        if self.from != 0 {
            out.push_str(&format!(" --from {}", self.from));
        }
        if self.to != u16::MAX {
            out.push_str(&format!(" --to {}", self.to));
        }
        if self.ignore_case {
            out.push_str(" --icase");
        }
    }

    fn list(&self, out: &mut String, _look: Look) {
        let bang = if self.negated { "!" } else { "" };
        out.push_str(&format!(" STRING match {bang} {}", self.quoted()));
        out.push_str(&format!(" ALGO name {}", self.algorithm.name()));
        if self.from != 0 {
            out.push_str(&format!(" FROM {}", self.from));
        }
        if self.to != u16::MAX {
            out.push_str(&format!(" TO {}", self.to));
        }
        if self.ignore_case {
            out.push_str(" ICASE");
        }
    }
}
