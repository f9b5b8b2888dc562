//! `-j LOG`: a line in the log; the packet goes on.

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Words, cut, number, opt, quoted, too_short};

/// The options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// `--log-level`, 0 (emerg) to 7 (debug).
    pub level: u8,
    /// `--log-prefix`, at most 29 bytes.
    pub prefix: String,
    /// `--log-tcp-sequence`
    pub tcp_sequence: bool,
    /// `--log-tcp-options`
    pub tcp_options: bool,
    /// `--log-ip-options`
    pub ip_options: bool,
    /// `--log-uid`
    pub uid: bool,
    /// `--log-macdecode`
    pub mac_decode: bool,
}

impl Default for Log {
    /// Level warning, no prefix.
    fn default() -> Self {
        Self {
            level: 4,
            prefix: String::new(),
            tcp_sequence: false,
            tcp_options: false,
            ip_options: false,
            uid: false,
            mac_decode: false,
        }
    }
}

/// Levels as the option takes them.
const LEVELS: [(&str, u8); 9] = [
    ("alert", 1),
    ("crit", 2),
    ("debug", 7),
    ("emerg", 0),
    ("error", 3),
    ("info", 6),
    ("notice", 5),
    ("panic", 0),
    ("warning", 4),
];

/// Levels as listings show them, by number.
const SHOWN: [&str; 8] = ["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"];

/// The kernel's room for a prefix, less the final zero.
const MAX_PREFIX: usize = 29;

impl Log {
    fn flags(&self) -> [(&'static str, bool); 5] {
        [
            ("tcp-sequence", self.tcp_sequence),
            ("tcp-options", self.tcp_options),
            ("ip-options", self.ip_options),
            ("uid", self.uid),
            ("macdecode", self.mac_decode),
        ]
    }
}

impl Words for Log {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[
            opt("log-level"),
            opt("log-prefix"),
            opt("log-tcp-sequence").arguments(0),
            opt("log-tcp-options").arguments(0),
            opt("log-ip-options").arguments(0),
            opt("log-uid").arguments(0),
            opt("log-macdecode").arguments(0),
        ];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        let text = given.argument(0);
        match given.option {
            "log-level" => {
                let named = LEVELS.iter().find(|(name, _)| *name == text).map(|(_, level)| *level);
                let number = || {
                    number(text)
                        .and_then(|level| u8::try_from(level).ok())
                        .filter(|level| *level < 8)
                };
                let help = "write a number from 0 to 7 or one of emerg, alert, crit, error, warning, notice, info, debug";
                self.level = named.or_else(number).ok_or_else(|| {
                    Fault::usage(format!("log level \"{text}\" unknown\n")).help(help)
                })?;
            }
            "log-prefix" if text.is_empty() => return Err(too_short()),
            "log-prefix" => {
                if text.contains('\n') {
                    let message = "LOG: Newlines not allowed in --log-prefix";
                    return Err(Fault::usage(message).help("leave the line end out"));
                }
                // A longer prefix is cut, not refused.
                self.prefix = cut(text, MAX_PREFIX);
            }
            "log-tcp-sequence" => self.tcp_sequence = true,
            "log-tcp-options" => self.tcp_options = true,
            "log-ip-options" => self.ip_options = true,
            "log-uid" => self.uid = true,
            _ => self.mac_decode = true,
        }
        Ok(())
    }

    fn save(&self, out: &mut String) {
        if !self.prefix.is_empty() {
            out.push_str(&format!(" --log-prefix {}", quoted(&self.prefix)));
        }
        if self.level != Self::default().level {
            out.push_str(&format!(" --log-level {}", self.level));
        }
        for (name, _) in self.flags().iter().filter(|(_, on)| *on) {
            out.push_str(&format!(" --log-{name}"));
        }
    }

    fn list(&self, out: &mut String, look: Look) {
        if look.numeric {
            // The kernel's XT_LOG_ bits, of which one has no option.
            let bits = self.flags().into_iter().zip([1, 2, 4, 8, 32]);
            let bits: u32 = bits.map(|((_, on), bit)| u32::from(on) * bit).sum();
            out.push_str(&format!(" LOG flags {bits} level {}", self.level));
        } else {
            let name = SHOWN.get(usize::from(self.level)).unwrap_or(&"unknown");
            out.push_str(&format!(" LOG level {name}"));
            for (name, _) in self.flags().iter().filter(|(_, on)| *on) {
                out.push_str(&format!(" {name}"));
            }
        }
        if !self.prefix.is_empty() {
            out.push_str(&format!(" prefix \"{}\"", self.prefix));
        }
    }
}
