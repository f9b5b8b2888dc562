//! An option as it was given, and its argument as the tools' shared option parser reads it.

use super::fault::Fault;
use super::numbers::{leading_number, number, strtoul};
use super::sets::Sets;
use super::{Family, Negatable, PortRange, Protocol};

/// An option as it was given.
pub(crate) struct Given<'a> {
    pub(crate) option: &'static str,
    pub(crate) negated: bool,
    pub(crate) arguments: &'a [&'a str],
    pub(crate) family: Family,
    /// `-p` as far as the rule is read.
    pub(crate) protocol: Option<Negatable<Protocol>>,
    /// The sets that exist, for those who name one.
    pub(crate) sets: &'a dyn Sets,
}

impl Given<'_> {
    /// Its `n`-th argument.
    pub(crate) fn argument(&self, n: usize) -> &str {
        self.arguments.get(n).copied().unwrap_or_default()
    }

    /// The second of its two arguments, or the tool's complaint that it is not there.
    pub(crate) fn second(&self, complaint: &str) -> Result<&str, Fault> {
        self.arguments.get(1).copied().ok_or_else(|| {
            Fault::usage(complaint).help(format!("two words follow `--{}`", self.option))
        })
    }

    pub(crate) fn negatable<T>(&self, value: T) -> Option<Negatable<T>> {
        Some(Negatable { negated: self.negated, value })
    }

    /// A number in C's notation from `min` to `max`, refused as the tools' shared option parser
    /// refuses it (xtoptions.c, XTTYPE_UINT8 to XTTYPE_UINT64).
    pub(crate) fn integer(&self, extension: &str, min: u64, max: u64) -> Result<u64, Fault> {
        let fits = |number: &u64| (min..=max).contains(number);
        number(self.argument(0)).filter(fits).ok_or_else(|| {
            let message = format!(
                "{extension}: bad value for option \"--{}\", or out of range ({min}-{max}).\n",
                self.option
            );
            Fault::usage(message).help(format!("write a number from {min} to {max}"))
        })
    }

    /// `LOW:HIGH`, `LOW:`, `:HIGH`, one number for both or nothing at all for 0, refused as the
    /// tools' shared option parser refuses it (xtoptions.c, XTTYPE_UINT16RC and the like).
    pub(crate) fn integers(&self, extension: &str, max: u64) -> Result<(u64, u64), Fault> {
        let option = self.option;
        let refuse = |message: String| {
            let help = format!("write a number up to {max} or a range such as `64:1500`");
            Fault::usage(message).help(help)
        };
        let mut text = self.argument(0);
        let mut read = Vec::new();
        loop {
            if read.len() == 2 {
                let message = format!(
                    "{extension}: Too many components for option \"--{option}\" (max: 2)\n"
                );
                return Err(refuse(message));
            }
            let open = if read.len() == 1 { max } else { 0 };
            let (number, rest) = match text {
                "" => (open, text),
                _ if text.starts_with(':') => (open, text),
                _ => leading_number(text).filter(|(number, _)| *number <= max).ok_or_else(|| {
                    refuse(format!(
                        "{extension}: bad value for option \"--{option}\" near \"{text}\", or out of range (0-{max}).\n"
                    ))
                })?,
            };
            read.push(number);
            match rest.strip_prefix(':') {
                Some(behind) => text = behind,
                None if rest.is_empty() => break,
                None => {
                    return Err(refuse(format!(
                        "{extension}: Argument to \"--{option}\" has unexpected characters near \"{rest}\".\n"
                    )));
                }
            }
        }
        let low = read.first().copied().unwrap_or_default();
        Ok((low, read.get(1).copied().unwrap_or(low)))
    }

    /// `LOW:HIGH` of ports, as the tools' shared option parser has it (XTTYPE_PORTRC): names are
    /// looked up for any protocol, numbers are decimal and cut to 16 bits, and a range may be empty.
    pub(crate) fn port_range(&self, extension: &str) -> Result<PortRange, Fault> {
        let port = |text: &str, open: u16| {
            let number = || match strtoul(text, 10) {
                (number, "") => Some(number as u16),
                (_, _) => super::services::port(text),
            };
            let port = if text.is_empty() { Some(open) } else { number() };
            port.ok_or_else(|| {
                Fault::usage(format!("Port \"{text}\" does not resolve to anything.\n"))
                    .help("write a port number from 0 to 65535 or a service name such as `http`")
            })
        };
        let Some((low, high)) = self.argument(0).split_once(':') else {
            return port(self.argument(0), 0).map(PortRange::single);
        };
        let (high, more) = high.split_once(':').map_or((high, false), |(high, _)| (high, true));
        let range = PortRange { min: port(low, 0)?, max: port(high, u16::MAX)? };
        if more {
            let option = self.option;
            let message =
                format!("{extension}: Too many components for option \"--{option}\" (max: 2)\n");
            return Err(Fault::usage(message).help("write two ports at most"));
        }
        Ok(range)
    }

    /// `MIN[:MAX]`, 32 bits each; the maximum is the minimum where it is not written.
    pub(crate) fn span(&self, extension: &str) -> Result<Option<Negatable<(u32, u32)>>, Fault> {
        let (min, max) = self.integers(extension, u64::from(u32::MAX))?;
        Ok(self.negatable((min as u32, max as u32)))
    }

    /// A usage error about this option's argument, as `xtables_param_act` says it.
    pub(crate) fn bad_value(&self, extension: &str, option: &str) -> Fault {
        let text = self.argument(0);
        Fault::usage(format!("{extension}: Bad value for \"--{option}\" option: \"{text}\""))
    }

    /// A 32-bit number in C's notation.
    pub(crate) fn word(&self, extension: &str) -> Result<u32, Fault> {
        self.integer(extension, 0, u64::from(u32::MAX)).map(|number| number as u32)
    }

    /// `MARK[/MASK]`, 32 bits each.
    pub(crate) fn mark(&self, extension: &str) -> Result<(u32, u32), Fault> {
        let help = "write a number, with a mask where needed: `0x10/0xff`";
        let bad = || self.bad(extension).help(help);
        let leading = |text| {
            let (number, rest) = leading_number(text).ok_or_else(bad)?;
            u32::try_from(number).map(|number| (number, rest)).map_err(|_| bad())
        };
        let (value, rest) = leading(self.argument(0))?;
        let (mask, rest) = match rest.strip_prefix('/') {
            Some(mask) => leading(mask)?,
            None => (u32::MAX, rest),
        };
        if rest.is_empty() {
            return Ok((value, mask));
        }
        let option = self.option;
        Err(Fault::usage(format!(
            "{extension}: trailing garbage after value for option \"--{option}\".\n"
        ))
        .help(help))
    }

    /// "bad value" as the tools' shared option parser says it.
    pub(crate) fn bad(&self, extension: &str) -> Fault {
        let option = self.option;
        Fault::usage(format!(
            "{extension}: bad integer value for option \"--{option}\", or out of range.\n"
        ))
    }
}
