//! Numbers as C's library and the tools' own reads them.

/// A number as C's `strtoul` reads it with base 0: decimal, `0x…` or octal `0…`.
pub(crate) fn number(text: &str) -> Option<u64> {
    leading_number(text).filter(|(_, rest)| rest.is_empty()).map(|(number, _)| number)
}

/// The number a text begins with and what follows it, as C's `strtoul` with base 0 reads it, except
/// that a minus is refused (libxtables, `xtables_strtoul`). Blanks and a plus may stand before it.
pub(crate) fn leading_number(text: &str) -> Option<(u64, &str)> {
    let text = text.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\u{b}');
    let text = text.strip_prefix('+').unwrap_or(text);
    let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let (digits, radix) = match hex.filter(|hex| hex.starts_with(|c: char| c.is_ascii_hexdigit())) {
        Some(hex) => (hex, 16),
        None if text.starts_with('0') => (text, 8),
        None => (text, 10),
    };
    let end = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at(end);
    Some((u64::from_str_radix(digits, radix).ok()?, rest))
}

/// C's `strtoul`: the number a text begins with and the rest; 0 and the whole text where it begins
/// with none, the highest one where it is too large. Base 0 knows `0x…` and octal `0…`. A minus is
/// taken, and wraps.
pub(crate) fn strtoul(text: &str, base: u32) -> (u64, &str) {
    let trimmed = text.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\u{b}');
    let signed = trimmed.strip_prefix(['-', '+']).unwrap_or(trimmed);
    let digits = match base {
        0 => leading_number(signed).filter(|_| signed.starts_with(|c: char| c.is_ascii_digit())),
        base => {
            let end = signed.find(|c: char| !c.is_digit(base)).unwrap_or(signed.len());
            let (digits, rest) = signed.split_at(end);
            let number = || u64::from_str_radix(digits, base).unwrap_or(u64::MAX);
            (end > 0).then(|| (number(), rest))
        }
    };
    match digits {
        Some((number, rest)) if trimmed.starts_with('-') => (number.wrapping_neg(), rest),
        Some(found) => found,
        None => (0, text),
    }
}

/// C's `atoll`: the signed number a text begins with, 0 where it begins with none.
pub(crate) fn atoll(text: &str) -> i64 {
    let text = text.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\u{b}');
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let number = match digits.get(..end).unwrap_or_default() {
        "" => 0,
        digits => digits.parse().unwrap_or(i64::MAX),
    };
    if text.starts_with('-') { -number } else { number }
}

/// A number up to 65535.
pub(crate) fn number16(text: &str) -> Option<u16> {
    number(text).and_then(|number| u16::try_from(number).ok())
}
