//! What goes wrong, in the tool's words.

/// A refusal: its text and the exit code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Fault {
    /// 1 refused, 2 wrong usage.
    pub code: u8,
    /// What the tool says, without its name.
    pub text: String,
}

impl Fault {
    /// Wrong usage: exit code 2.
    pub fn usage(text: impl Into<String>) -> Self {
        Self { code: 2, text: text.into() }
    }
    /// A word that means nothing: exit code 1.
    pub fn syntax(text: impl AsRef<str>) -> Self {
        Self { code: 1, text: format!("Syntax error: {}", text.as_ref()) }
    }
    /// Refused by the sets as they are: exit code 1.
    pub fn refused(text: impl Into<String>) -> Self {
        Self { code: 1, text: text.into() }
    }
    /// What goes to standard error; `line` of a restored text, where it is one.
    #[must_use]
    pub fn stderr(&self, line: Option<usize>) -> String {
        let text = &self.text;
        match (self.code, line) {
            (2, _) => format!("ipset v7.17: {text}\nTry `ipset help' for more information.\n"),
            (_, Some(line)) => format!("ipset v7.17: Error in line {line}: {text}\n"),
            (_, None) => format!("ipset v7.17: {text}\n"),
        }
    }
}

/// The options of a command so far. Those with a value may be given once.
#[derive(Debug, Default)]
pub(super) struct Given(Vec<String>);

impl Given {
    /// Notes an option under the name that it shares with its aliases.
    pub(super) fn once(&mut self, option: &str) -> Result<(), Fault> {
        let name = match option {
            "-4" | "-6" => "family",
            "after" => "before",
            other => other,
        };
        if self.0.iter().any(|given| given == name) {
            return Err(Fault::syntax(format!("{option} already specified")));
        }
        self.0.push(name.to_owned());
        Ok(())
    }
}

/// A decimal, hexadecimal or octal number, as `strtoull` with base 0.
pub(super) fn number(text: &str, low: u64, high: u64) -> Result<u64, Fault> {
    let value = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16),
        None if text.len() > 1 && text.starts_with('0') => u64::from_str_radix(text, 8),
        None => text.parse(),
    };
    let value = value.map_err(|_| Fault::syntax(format!("'{text}' is invalid as number")))?;
    if (low..=high).contains(&value) {
        Ok(value)
    } else {
        Err(Fault::syntax(format!("'{text}' is out of range {low}-{high}")))
    }
}
