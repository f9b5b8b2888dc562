//! Rates of packets and of bytes: their text and the kernel's numbers for them.

use crate::netfilter::fault::Fault;
use crate::netfilter::words::atoll;

/// Kernel units in a second (XT_HASHLIMIT_SCALE_v2).
const SCALE: u64 = 1_000_000;
/// Seconds that an entry counting bytes lives, without and with a burst.
pub(super) const BYTE_EXPIRE: u32 = 15;
pub(super) const BYTE_EXPIRE_BURST: u32 = 60;
/// Seconds in a unit, longest first, as the tools print them.
const UNITS: [(&str, u64); 4] = [("day", 86_400), ("hour", 3_600), ("min", 60), ("sec", 1)];

/// What a letter behind a number of bytes multiplies it by.
pub(super) fn factor(text: &str) -> u64 {
    match text.bytes().next() {
        Some(b'm') => 1024 * 1024,
        Some(b'k') => 1024,
        Some(_) | None => 1,
    }
}

/// Bytes a second as the kernel keeps them, and back; both lose what is below 16 bytes.
fn bytes_to_cost(bytes: u64) -> Option<u64> {
    let units = u64::from((bytes >> 4) as u32);
    u32::try_from(units + 1).ok().map(|units| u64::from(u32::MAX / units))
}

pub(super) fn cost_to_bytes(cost: u64) -> u64 {
    let max = u64::from(u32::MAX);
    (max.checked_div(cost).unwrap_or(max)).wrapping_sub(1) << 4
}

/// `N[k|m]b/s` as the kernel's cost; `None` if it is no rate of bytes.
pub(super) fn byte_rate(text: &str) -> Option<Result<u64, Fault>> {
    let unit = text.find("b/s").filter(|position| *position > 0)?;
    let number = atoll(text);
    if number == 0 {
        return None;
    }
    let bytes = number.cast_unsigned().wrapping_mul(factor(text.get(unit - 1..).unwrap_or("")));
    let too_high = || Fault::usage(format!("Rate too high \"{text}\"")).help("at most 65535mb/s");
    Some(bytes_to_cost(bytes).ok_or_else(too_high))
}

/// `N[/unit]` as microseconds for one and the unit's seconds.
pub(super) fn packet_rate(text: &str) -> Option<Result<(u64, u32), Fault>> {
    let unit = match text.split_once('/') {
        None => 1,
        Some((_, unit)) => {
            let begins = |long: &str| {
                let beginning = long.get(..unit.len());
                beginning.is_some_and(|own| !own.is_empty() && own.eq_ignore_ascii_case(unit))
            };
            let longs = [("second", 1), ("minute", 60), ("hour", 3_600), ("day", 86_400)];
            longs.into_iter().find(|(long, _)| begins(long))?.1
        }
    };
    let number = atoll(text).cast_unsigned();
    let time = (SCALE * u64::from(unit)).checked_div(number)?;
    Some(match time {
        0 => Err(Fault::usage(format!("Rate too fast \"{text}\"")).help("at most 1000000/second")),
        time => Ok((time, unit)),
    })
}

/// The rate as the tools print it, and for how many milliseconds entries of it live.
pub(super) fn packet_rate_text(microseconds: u64) -> (String, u32) {
    if microseconds == 0 {
        return (" inf".to_owned(), 0);
    }
    let fits = |(_, seconds): &&(&str, u64)| {
        let time = SCALE * seconds;
        microseconds <= time && time / microseconds >= time % microseconds
    };
    let shorter = UNITS.iter().skip(1).take_while(fits).last().copied();
    let (unit, seconds) = shorter.unwrap_or(("day", 86_400));
    let text = format!(" {}/{unit}", SCALE * seconds / microseconds);
    (text, u32::try_from(seconds * 1_000).unwrap_or(u32::MAX))
}

/// The same of a rate in bytes, with its burst behind it.
pub(super) fn byte_rate_text(average: u64, burst: u64, prefix: &str) -> (String, u32) {
    const BYTE_UNITS: [(&str, u64); 3] = [("m", 1024 * 1024), ("k", 1024), ("", 1)];
    let bytes = cost_to_bytes(average);
    let exact = |(_, size): &(&str, u64)| {
        let whole = bytes & u64::from(!((*size - 1) as u32));
        *size == 1 || (bytes >= *size && bytes_to_cost(whole) == Some(average))
    };
    let (unit, size) = BYTE_UNITS.into_iter().find(exact).unwrap_or(("", 1));
    let mut text = format!(" {}{unit}b/s", bytes / size);
    if burst == 0 {
        return (text, BYTE_EXPIRE * 1_000);
    }
    let burst = bytes.wrapping_mul(burst);
    let (unit, size) = BYTE_UNITS.into_iter().find(|(_, size)| burst >= *size).unwrap_or(("", 1));
    text.push_str(&format!(" {prefix}burst {}{unit}b", burst / size));
    (text, BYTE_EXPIRE_BURST * 1_000)
}
