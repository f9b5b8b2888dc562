//! `-m time`: when the packet comes, in UTC or local time (kernel `xt_time`).

use super::Condition;
use crate::address::Address;
use crate::rules::View;

const DAY: i64 = 86_400;

/// A time of day, days and dates that all must fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    /// First second since 1970 that fits, and last.
    pub dates: (i64, i64),
    /// First second of the day that fits, and last. A window whose end lies before its beginning goes past midnight.
    pub hours: (u32, u32),
    /// Bit 1 Monday to bit 7 Sunday.
    pub weekdays: u8,
    /// Bits 1 to 31.
    pub monthdays: u32,
    /// `--contiguous`: what goes past midnight belongs to the day it began on.
    pub contiguous: bool,
    /// `--kerneltz`: local time.
    pub local: bool,
}

impl Time {
    /// Every day of a month.
    pub const ALL_MONTHDAYS: u32 = 0xffff_fffe;

    /// Whether a moment, in seconds since 1970 of the clock that counts, fits.
    fn contains(&self, mut seconds: i64) -> bool {
        if !(self.dates.0..=self.dates.1).contains(&seconds) {
            return false;
        }
        let of_day = u32::try_from(seconds.rem_euclid(DAY)).unwrap_or(0);
        let (start, stop) = self.hours;
        if start < stop {
            if !(start..=stop).contains(&of_day) {
                return false;
            }
        } else {
            if of_day < start && of_day > stop {
                return false;
            }
            if self.contiguous && of_day <= stop {
                seconds -= DAY;
            }
        }
        let days = seconds.div_euclid(DAY);
        // 1970 began on a Thursday.
        let weekday = (days + 3).rem_euclid(7) + 1;
        self.weekdays & 1 << weekday != 0
            && (self.monthdays == Self::ALL_MONTHDAYS
                || self.monthdays & 1 << day_of_month(days) != 0)
    }
}

/// The day of the month, from 1, of a day counted from 1970-01-01 (Howard Hinnant's `civil_from_days`).
const fn day_of_month(days: i64) -> u32 {
    // Days since 0000-03-01; a year that begins in March ends with its odd day.
    let of_era = (days + 719_468).rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    (of_year - (153 * month + 2) / 5 + 1) as u32
}

impl<A: Address> Condition<A> for Time {
    fn holds(&self, view: &View<'_, A>) -> bool {
        let utc = i64::try_from(view.around.unix / 1_000_000_000).unwrap_or(i64::MAX);
        self.contains(if self.local { utc + i64::from(view.around.zone) } else { utc })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALWAYS: Time = Time {
        dates: (0, i64::MAX),
        hours: (0, 86_399),
        weekdays: 0xfe,
        monthdays: Time::ALL_MONTHDAYS,
        contiguous: false,
        local: false,
    };
    /// Friday, 1 March 2024, midnight: the day after a leap day.
    const MARCH: i64 = 1_709_251_200;

    #[test]
    fn days_are_those_of_the_calendar() {
        let on = |weekday: u8, monthday: u32| Time {
            weekdays: 1 << weekday,
            monthdays: 1 << monthday,
            ..ALWAYS
        };
        assert!(on(5, 1).contains(MARCH));
        assert!(on(4, 29).contains(MARCH - 1));
        assert!(!on(4, 28).contains(MARCH - 1));
        assert!(on(7, 31).contains(MARCH + 30 * DAY));
        assert!(on(4, 1).contains(0), "1970");
    }

    #[test]
    fn a_window_past_midnight_belongs_to_both_days_or_contiguous_to_the_first() {
        let night = Time { hours: (22 * 3600, 6 * 3600), weekdays: 1 << 4, ..ALWAYS };
        let at = |hours: i64| MARCH + hours * 3600;
        assert!(night.contains(at(-1)), "Thursday, 23:00");
        assert!(!night.contains(at(5)), "Friday, 5:00");
        assert!(night.contains(at(-20)), "Thursday, 4:00");
        let whole = Time { contiguous: true, ..night };
        assert!(whole.contains(at(5)));
        assert!(!whole.contains(at(-20)));
        assert!(!whole.contains(at(-4)), "Thursday, 20:00");
    }

    #[test]
    fn both_ends_of_dates_and_hours_count() {
        let hours = Time { hours: (60, 120), ..ALWAYS };
        assert!(!hours.contains(MARCH + 59) && hours.contains(MARCH + 60));
        assert!(hours.contains(MARCH + 120) && !hours.contains(MARCH + 121));
        let dates = Time { dates: (MARCH, MARCH + 1), ..ALWAYS };
        assert!(!dates.contains(MARCH - 1) && dates.contains(MARCH + 1));
        assert!(!dates.contains(MARCH + 2));
    }
}
