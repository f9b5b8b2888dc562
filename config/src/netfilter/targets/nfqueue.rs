//! `-j NFQUEUE` and `-j QUEUE`: hand the packet to a program that decides.

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Objection, Opt, Place, Words, leading_number, opt};

/// `-j NFQUEUE`: the queues to choose from, by the connection's hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NfQueue {
    /// `--queue-num`, or the first of `--queue-balance`.
    pub first: u16,
    /// How many there are; 0 is all 65536, which the kernel cannot count.
    pub queues: u16,
    /// `--queue-bypass`: without a program the packet passes.
    pub bypass: bool,
    /// `--queue-cpu-fanout`: by the processor instead of the hash.
    pub cpu_fanout: bool,
}

impl Default for NfQueue {
    fn default() -> Self {
        Self { first: 0, queues: 1, bypass: false, cpu_fanout: false }
    }
}

/// `FIRST:LAST`; either may be left out.
fn balance(given: &Given<'_>) -> Result<(u16, u16), Fault> {
    let (text, option) = (given.argument(0), given.option);
    let help = "write the first and the last queue: `0:3`";
    let fault = |message: String| Fault::usage(message).help(help);
    let one = |text: &str, absent: u16| {
        let number = leading_number(text).filter(|(_, rest)| rest.is_empty());
        match (text, number.and_then(|(number, _)| u16::try_from(number).ok())) {
            ("", _) => Ok(absent),
            (_, Some(number)) => Ok(number),
            (_, None) => Err(fault(format!(
                "NFQUEUE: bad value for option \"--{option}\" near \"{text}\", or out of range (0-65535).\n"
            ))),
        }
    };
    let Some((first, last)) = text.split_once(':') else {
        one(text, 0)?;
        return Err(fault(format!("Bad range \"{text}\"")));
    };
    if last.contains(':') {
        let message = format!("NFQUEUE: Too many components for option \"--{option}\" (max: 2)\n");
        return Err(fault(message));
    }
    let (first, last) = (one(first, 0)?, one(last, u16::MAX)?);
    if first >= last {
        return Err(fault(format!("{first} should be less than {last}")));
    }
    Ok((first, last))
}

impl Words for NfQueue {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[
            opt("queue-num").excludes(&["queue-balance"]),
            opt("queue-balance").excludes(&["queue-num"]),
            opt("queue-bypass").arguments(0),
            opt("queue-cpu-fanout").arguments(0).requires(&["queue-balance"]),
        ];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        match given.option {
            "queue-num" => {
                self.first = given.integer("NFQUEUE", 0, 65_535).map(|number| number as u16)?;
            }
            "queue-balance" => {
                let (first, last) = balance(given)?;
                self.first = first;
                self.queues = (last - first).wrapping_add(1);
            }
            "queue-bypass" => self.bypass = true,
            _ => self.cpu_fanout = true,
        }
        Ok(())
    }

    fn objection(&self, _place: &Place) -> Option<Objection> {
        match self.queues {
            0 => Objection::invalid("at most 65535 queues can share the packets"),
            _ => None,
        }
    }

    fn save(&self, out: &mut String) {
        out.push_str(&match self.queues {
            1 => format!(" --queue-num {}", self.first),
            queues => format!(
                " --queue-balance {}:{}",
                self.first,
                self.first.wrapping_add(queues).wrapping_sub(1)
            ),
        });
        for (name, on) in [("bypass", self.bypass), ("cpu-fanout", self.cpu_fanout)] {
            out.push_str(&if on { format!(" --queue-{name}") } else { String::new() });
        }
    }

    fn list(&self, out: &mut String, _look: Look) {
        out.push_str(&match self.queues {
            1 => format!(" NFQUEUE num {}", self.first),
            queues => format!(
                " NFQUEUE balance {}:{}",
                self.first,
                self.first.wrapping_add(queues).wrapping_sub(1)
            ),
        });
        for (name, on) in [("bypass", self.bypass), ("cpu-fanout", self.cpu_fanout)] {
            out.push_str(&if on { format!(" {name}") } else { String::new() });
        }
    }
}

/// `-j QUEUE`, which no kernel knows any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Queue;

impl Words for Queue {
    fn options(&self) -> &'static [Opt] {
        &[]
    }

    fn set(&mut self, _given: &Given<'_>) -> Result<(), Fault> {
        Ok(())
    }

    fn objection(&self, _place: &Place) -> Option<Objection> {
        Objection::missing("no program is handed packets; decide with ACCEPT or DROP")
    }

    fn save(&self, _out: &mut String) {}

    fn list(&self, _out: &mut String, _look: Look) {}
}
