//! `-m statistic`: some of the packets, by chance or by counting (kernel: xt_statistic).

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Surroundings, Words, opt};

/// `--mode random [!] --probability P` or `--mode nth [!] --every N --packet P`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statistic {
    /// `!`
    pub negated: bool,
    /// Which packets.
    pub mode: StatisticMode,
    /// `--probability`, while the rule is read.
    probability: u32,
    /// `--every` and `--packet`, likewise.
    every: u32,
    packet: u32,
}

/// Which packets match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatisticMode {
    /// Each with this probability, in parts of 2^31: a random number of 31 bits is below it.
    Random(u32),
    /// One of `every` packets of this rule: the first after `packet` others.
    Nth {
        /// At least 1.
        every: u32,
        /// Below `every`.
        packet: u32,
    },
}

impl Default for StatisticMode {
    fn default() -> Self {
        Self::Random(0)
    }
}

/// A probability of one.
const CERTAIN: f64 = 2_147_483_648.0;

impl Statistic {
    /// C's `strtod` within 0 and 1, as the kernel stores it.
    fn parse(text: &str) -> Result<u32, Fault> {
        let value = text.trim_start().parse::<f64>().ok().filter(|p| (0.0..=1.0).contains(p));
        let parts = value.map(|value| (value * CERTAIN).round() as u32);
        parts.ok_or_else(|| {
            let message =
                "statistic: bad value for option \"--probability\", or out of range (0-1).\n";
            Fault::usage(message).help("write a number from 0 to 1, such as 0.5")
        })
    }

    fn text(&self, dashes: &str) -> String {
        let bang = if self.negated { " !" } else { "" };
        match self.mode {
            StatisticMode::Random(probability) => {
                let probability = f64::from(probability) / CERTAIN;
                format!(" {dashes}mode random{bang} {dashes}probability {probability:.11}")
            }
            StatisticMode::Nth { every, packet } => {
                let mut text = format!(" {dashes}mode nth{bang} {dashes}every {every}");
                if packet != 0 || !dashes.is_empty() {
                    text.push_str(&format!(" {dashes}packet {packet}"));
                }
                text
            }
        }
    }
}

impl Words for Statistic {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[
            opt("mode").required(),
            opt("probability").negatable().excludes(&["every", "packet"]),
            opt("every").negatable().excludes(&["probability"]).requires(&["packet"]),
            opt("packet").excludes(&["probability"]).requires(&["every"]),
        ];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        let word = |min| given.integer("statistic", min, u64::from(u32::MAX)).map(|n| n as u32);
        self.negated |= given.negated;
        match given.option {
            "probability" => self.probability = Self::parse(given.argument(0))?,
            "every" => self.every = word(1)?,
            "packet" => self.packet = word(0)?,
            _ => {
                self.mode = match given.argument(0) {
                    "random" => StatisticMode::Random(0),
                    "nth" => StatisticMode::Nth { every: 0, packet: 0 },
                    other => {
                        return Err(Fault::usage(format!("Bad mode \"{other}\""))
                            .help("write `random` or `nth`"));
                    }
                };
            }
        }
        Ok(())
    }

    fn finish(&mut self, rule: &Surroundings<'_>) -> Result<(), Fault> {
        let seen = |option: &str| rule.seen.contains(&option);
        let missing = |message: &str| Err(Fault::usage(message).help("add them"));
        match &mut self.mode {
            StatisticMode::Random(_) if !seen("probability") => {
                return missing("--probability must be specified when using random mode");
            }
            StatisticMode::Nth { .. } if !seen("every") && !seen("packet") => {
                return missing("--every and --packet must be specified when using nth mode");
            }
            StatisticMode::Random(probability) => {
                *probability = std::mem::take(&mut self.probability);
            }
            StatisticMode::Nth { every, packet } => {
                *every = std::mem::take(&mut self.every);
                *packet = std::mem::take(&mut self.packet);
                if *packet > every.saturating_sub(1) {
                    return Err(Fault::usage("the --packet p must be 0 <= p <= n-1")
                        .help("packets are counted from 0"));
                }
            }
        }
        Ok(())
    }

    fn save(&self, out: &mut String) {
        out.push_str(&self.text("--"));
    }

    fn list(&self, out: &mut String, _look: Look) {
        out.push_str(" statistic");
        out.push_str(&self.text(""));
    }
}
