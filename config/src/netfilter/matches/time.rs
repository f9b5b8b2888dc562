//! `-m time`: when the packet comes (kernel: xt_time).

use crate::netfilter::fault::{Fault, FaultKind};
use crate::netfilter::words::{Given, Look, Opt, Surroundings, Words, cut, opt, strtoul};

/// The options; all given ones must hold. The default holds always.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    /// `--datestart`, seconds since 1970, inclusive.
    pub date_start: u32,
    /// `--datestop`, seconds since 1970, inclusive.
    pub date_stop: u32,
    /// `--timestart`, seconds since midnight, inclusive.
    pub day_start: u32,
    /// `--timestop`, seconds since midnight, inclusive; before the start, the day's end lies between.
    pub day_stop: u32,
    /// Days of the month: bit 1 is the first, bit 31 the last; bit 0 means nothing.
    pub month_days: u32,
    /// Days of the week: bit 1 is Monday, bit 7 Sunday; bit 0 means nothing.
    pub week_days: u8,
    /// `--kerneltz`: all in the kernel's time zone; in UTC otherwise.
    pub kernel_zone: bool,
    /// `--contiguous`: hours after midnight belong to the day on which their period began.
    pub contiguous: bool,
}

/// The kernel's XT_TIME_ALL_MONTHDAYS.
const ALL_MONTH_DAYS: u32 = 0xffff_fffe;
/// The kernel's XT_TIME_ALL_WEEKDAYS.
const ALL_WEEK_DAYS: u8 = 0xfe;
/// The last second of a day.
const DAY_END: u32 = 86_399;
/// The last second that counts as no end (C's INT_MAX).
const NO_END: u32 = 0x7fff_ffff;
/// From Monday, as bit 1 has it.
const WEEK: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

impl Default for Time {
    fn default() -> Self {
        Self {
            date_start: 0,
            date_stop: NO_END,
            day_start: 0,
            day_stop: DAY_END,
            month_days: ALL_MONTH_DAYS,
            week_days: ALL_WEEK_DAYS,
            kernel_zone: false,
            contiguous: false,
        }
    }
}

/// A number as the tools read one of a date or time, and the rest of the text.
fn part(text: &str) -> (u32, &str) {
    let (number, rest) = strtoul(text, 10);
    // They keep it in 32 bits.
    (number as u32, rest)
}

/// `YYYY[-MM[-DD[Thh[:mm[:ss]]]]]` in seconds since 1970.
fn date(text: &str) -> Result<u32, Fault> {
    let bad = || {
        let form = "YYYY[-MM[-DD[Thh[:mm[:ss]]]]]";
        Fault::usage(format!("Invalid date \"{text}\" specified. Should be {form}"))
            .help("as in `2027-01-31T23:59:59`; years go from 1970 to 2038")
    };
    // What each part is parted by from the next, and its highest value.
    const PARTS: [(&str, u32); 6] =
        [("-", 2038), ("-", 12), ("T", 31), (":", 23), (":", 59), ("", 59)];
    let mut values = [0, 1, 1, 0, 0, 0];
    let mut rest = text;
    for ((value, (separator, highest)), nth) in values.iter_mut().zip(PARTS).zip(0..) {
        let (number, behind) = part(rest);
        if number > highest || (nth == 0 && number < 1970) {
            return Err(bad());
        }
        *value = number;
        if behind.is_empty() {
            break;
        }
        rest = behind.strip_prefix(separator).filter(|_| !separator.is_empty()).ok_or_else(bad)?;
    }
    let [year, month, day, hour, minute, second] = values.map(i64::from);
    let days = days_before(year, month) + day - 1;
    u32::try_from(days * 86_400 + hour * 3_600 + minute * 60 + second).map_err(|_| {
        Fault::new(FaultKind::NoChain, "mktime returned an error")
            .help("the date lies before 1970-01-01")
    })
}

/// Days from 1970-01-01 to the first of a month of the Gregorian calendar. Month 0 is December of
/// the year before.
fn days_before(year: i64, month: i64) -> i64 {
    // Years that begin in March have their leap day at the end.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    365 * year + leap_days + (153 * month + 2) / 5 - 719_468
}

/// Year, month and day of a day after 1970-01-01.
fn calendar(days: u32) -> (i64, i64, i64) {
    let days = i64::from(days);
    let mut year = 1970 + days / 366;
    while days_before(year + 1, 1) <= days {
        year += 1;
    }
    let month = (2..=12).take_while(|month| days_before(year, *month) <= days).last().unwrap_or(1);
    (year, month, days - days_before(year, month) + 1)
}

/// `hh:mm[:ss]` in seconds since midnight.
fn day_time(text: &str) -> Result<u32, Fault> {
    // The tools quote what they have not read yet.
    let bad = |rest: &str| {
        let form = "should be hh:mm[:ss] format and within the boundaries";
        Fault::usage(format!("invalid time \"{rest}\" specified, {form}"))
            .help("as in `09:00` or `23:59:59`")
    };
    let (hour, rest) = part(text);
    let minutes = rest.strip_prefix(':').filter(|_| hour <= 23).ok_or_else(|| bad(text))?;
    let (minute, rest) = part(minutes);
    if minute > 59 {
        return Err(bad(minutes));
    }
    let second = match rest.strip_prefix(':') {
        None if rest.is_empty() => 0,
        None => return Err(bad(minutes)),
        Some(seconds) => match part(seconds) {
            (second @ 0..=59, "") => second,
            (_, _) => return Err(bad(seconds)),
        },
    };
    Ok(hour * 3_600 + minute * 60 + second)
}

/// The words of a list, each cut to so many characters; an empty last one is left out.
fn list_words(text: &str, length: usize) -> impl Iterator<Item = String> {
    let text = text.strip_suffix(',').unwrap_or(text);
    let words = text.split(',').filter(move |_| !text.is_empty());
    words.map(move |word| cut(word, length))
}

/// `DAY[,DAY…]`, days of the month.
fn month_days(text: &str) -> Result<u32, Fault> {
    list_words(text, 2).try_fold(0, |days, word| match strtoul(&word, 0) {
        (day @ 0..=31, "") => Ok(days | 1 << day),
        (_, _) => Err(Fault::usage(format!("{word} is not a valid day for --monthdays"))
            .help("days go from 1 to 31")),
    })
}

/// `DAY[,DAY…]`, days of the week by name or number. A number too large stands for no day.
fn week_days(text: &str) -> Result<u8, Fault> {
    let help = "days are Mon, Tue, Wed, Thu, Fri, Sat, Sun or 1 to 7, Monday is 1";
    let bad = |message: String| Err(Fault::usage(message).help(help));
    list_words(text, 3).try_fold(0, |days, word| match strtoul(&word, 0) {
        (0, "") => bad("No, the week does NOT begin with Sunday.".to_owned()),
        // The processor shifts by the number's five lowest bits.
        (day, "") => Ok(days | (1u32.wrapping_shl(day as u32) as u8)),
        (_, _) => match WEEK.iter().zip(1..).find(|(name, _)| word.get(..2) == name.get(..2)) {
            Some((_, day)) => Ok(days | 1 << day),
            None => bad(format!("{word} is not a valid day specifier")),
        },
    })
}

impl Time {
    fn has_hours(&self) -> bool {
        (self.day_start, self.day_stop) != (0, DAY_END)
    }

    fn month_day_list(&self, suffix: impl Fn(u32) -> &'static str) -> String {
        let days = (1..=31).filter(|day| self.month_days & 1 << day != 0);
        days.map(|day| format!("{day}{}", suffix(day))).collect::<Vec<_>>().join(",")
    }

    fn week_day_list(&self) -> String {
        let days = WEEK.iter().zip(1..).filter(|(_, day)| self.week_days & 1 << day != 0);
        days.map(|(name, _)| *name).collect::<Vec<_>>().join(",")
    }
}

/// `hh:mm:ss`
fn clock(seconds: u32) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// `YYYY-MM-DD` and `hh:mm:ss` with something between.
fn date_text(seconds: u32, between: char) -> String {
    let (year, month, day) = calendar(seconds / 86_400);
    format!("{year:04}-{month:02}-{day:02}{between}{}", clock(seconds % 86_400))
}

/// The English ending that the tools give a day's number.
fn ordinal(day: u32) -> &'static str {
    match day % 10 {
        1 => "st",
        2 => "nd",
        3 => "rd",
        _ => "th",
    }
}

impl Words for Time {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[
            opt("datestart"),
            opt("datestop"),
            opt("timestart"),
            opt("timestop"),
            opt("contiguous").arguments(0),
            opt("weekdays").negatable(),
            opt("monthdays").negatable(),
            opt("localtz").arguments(0).excludes(&["utc"]),
            opt("utc").arguments(0).excludes(&["localtz", "kerneltz"]),
            opt("kerneltz").arguments(0).excludes(&["utc"]),
        ];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        let text = given.argument(0);
        match given.option {
            "datestart" => self.date_start = date(text)?,
            "datestop" => self.date_stop = date(text)?,
            "timestart" => self.day_start = day_time(text)?,
            "timestop" => self.day_stop = day_time(text)?,
            "contiguous" => self.contiguous = true,
            "weekdays" => {
                let others = if given.negated { ALL_WEEK_DAYS } else { 0 };
                self.week_days = week_days(text)? ^ others;
            }
            "monthdays" => {
                let others = if given.negated { ALL_MONTH_DAYS } else { 0 };
                self.month_days = month_days(text)? ^ others;
            }
            "utc" => {}
            _ => self.kernel_zone = true,
        }
        Ok(())
    }

    fn finish(&mut self, _rule: &Surroundings<'_>) -> Result<(), Fault> {
        if self.contiguous && self.day_start < self.day_stop {
            let message =
                "time: --contiguous only makes sense when stoptime is smaller than starttime";
            return Err(Fault::usage(message).help("leave --contiguous out"));
        }
        Ok(())
    }

    fn warning(&self, seen: &[&'static str]) -> Option<String> {
        let warning = "WARNING: --localtz is being replaced by --kerneltz, since \"local\" is ambiguous. Note the kernel timezone has caveats - see manpage for details.";
        seen.contains(&"localtz").then(|| warning.to_owned())
    }

    fn save(&self, out: &mut String) {
        if self.has_hours() {
            let (start, stop) = (clock(self.day_start), clock(self.day_stop));
            out.push_str(&format!(" --timestart {start} --timestop {stop}"));
        }
        if self.month_days != ALL_MONTH_DAYS {
            out.push_str(&format!(" --monthdays {}", self.month_day_list(|_| "")));
        }
        if self.week_days != ALL_WEEK_DAYS {
            out.push_str(&format!(" --weekdays {}", self.week_day_list()));
        }
        // The tools print the end that counts as none, too.
        for (date, option) in [(self.date_start, "datestart"), (self.date_stop, "datestop")] {
            if date != 0 {
                out.push_str(&format!(" --{option} {}", date_text(date, 'T')));
            }
        }
        if self.kernel_zone {
            out.push_str(" --kerneltz");
        }
        if self.contiguous {
            out.push_str(" --contiguous");
        }
    }

    fn list(&self, out: &mut String, _look: Look) {
        out.push_str(" TIME");
        if self.has_hours() {
            out.push_str(&format!(" from {} to {}", clock(self.day_start), clock(self.day_stop)));
        }
        if self.week_days != ALL_WEEK_DAYS {
            out.push_str(&format!(" on {}", self.week_day_list()));
        }
        if self.month_days != ALL_MONTH_DAYS {
            out.push_str(&format!(" on {}", self.month_day_list(ordinal)));
        }
        if self.date_start != 0 {
            out.push_str(&format!(" starting from {}", date_text(self.date_start, ' ')));
        }
        if self.date_stop != NO_END {
            out.push_str(" until date");
            if self.date_stop != 0 {
                out.push_str(&format!(" {}", date_text(self.date_stop, ' ')));
            }
        }
        if !self.kernel_zone {
            out.push_str(" UTC");
        }
        if self.contiguous {
            out.push_str(" contiguous");
        }
    }
}
