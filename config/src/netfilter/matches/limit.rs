//! `-m limit`: a token bucket for each rule (kernel: xt_limit).

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Words, atoll, opt};

/// `--limit RATE --limit-burst N`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Time a token takes to come back, in 1/10000 s.
    pub interval: u32,
    /// Tokens the bucket holds.
    pub burst: u32,
}

impl Default for Limit {
    /// 3/hour, burst 5.
    fn default() -> Self {
        Self { interval: 10_000 * 3600 / 3, burst: 5 }
    }
}

/// Kernel units in a second.
const SCALE: u64 = 10_000;

/// The units a rate may have, longest first, as the tools print them.
const UNITS: [(&str, u64); 4] = [("day", 86_400), ("hour", 3_600), ("min", 60), ("sec", 1)];

impl Limit {
    /// `N/unit` → time for one token.
    fn parse(text: &str) -> Result<u32, Fault> {
        let bad = || {
            Fault::usage(format!("bad rate \"{text}\"'"))
                .help("write a count and a unit: `5/second`, `10/minute`, `3/hour` or `1/day`")
        };
        let (count, unit) = text.split_once('/').unwrap_or((text, "second"));
        let long = ["second", "minute", "hour", "day"];
        // Any beginning of a unit's name will do.
        let position =
            long.iter().position(|long| !unit.is_empty() && long.starts_with(&unit.to_lowercase()));
        let seconds = match position {
            Some(0) => 1,
            Some(1) => 60,
            Some(2) => 3_600,
            Some(3) => 86_400,
            Some(_) | None => return Err(bad()),
        };
        // The tools read an `int`, and divide by it unsigned.
        let count = (atoll(count) as i32).cast_unsigned();
        let interval = (SCALE * seconds).checked_div(u64::from(count)).ok_or_else(bad)?;
        match u32::try_from(interval) {
            Ok(0) => {
                Err(Fault::usage(format!("Rate too fast \"{text}\"")).help("at most 10000/second"))
            }
            interval => interval.map_err(|_| bad()),
        }
    }

    /// The rate as the tools print it: in the shortest unit that loses little.
    fn rate(&self) -> String {
        let interval = u64::from(self.interval).max(1);
        let fits = |(_, seconds): &&(&str, u64)| {
            let time = SCALE * seconds;
            interval <= time && time / interval >= time % interval
        };
        let (longest, shorter) = (("day", 86_400), UNITS.iter().skip(1));
        let (unit, seconds) = shorter.take_while(fits).last().copied().unwrap_or(longest);
        format!("{}/{unit}", SCALE * seconds / interval)
    }
}

impl Words for Limit {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[opt("limit"), opt("limit-burst")];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        match given.option {
            "limit" => self.interval = Self::parse(given.argument(0))?,
            _ => {
                let burst = u32::try_from(given.integer("limit", 0, 10_000)?).unwrap_or(u32::MAX);
                // The kernel takes no burst for the default one.
                self.burst = if burst == 0 { Self::default().burst } else { burst };
            }
        }
        Ok(())
    }

    fn save(&self, out: &mut String) {
        out.push_str(&format!(" --limit {}", self.rate()));
        if self.burst != Self::default().burst {
            out.push_str(&format!(" --limit-burst {}", self.burst));
        }
    }

    fn list(&self, out: &mut String, _look: Look) {
        out.push_str(&format!(" limit: avg {} burst {}", self.rate(), self.burst));
    }
}
