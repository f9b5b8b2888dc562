//! `skbmark 0x1/0xff skbprio 1:10 skbqueue 2`: what an element gives to the packets that SET maps to it, read and written.

use super::fault::{Fault, number};

/// What an element of a set with `skbinfo` gives to packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SkbInfo {
    /// `skbmark`: bits that are set or toggled.
    pub mark: u32,
    /// Bits of the mark that are cleared first.
    pub mask: u32,
    /// `skbprio`: major number in the high half, minor in the low one.
    pub priority: u32,
    /// `skbqueue`.
    pub queue: u16,
}

/// A hexadecimal number at the start of a text, as `scanf`'s `%lx` takes it, and what follows.
fn hexadecimal(text: &str) -> Option<(u64, &str)> {
    let text = text.trim_start();
    let (negative, text) = match text.strip_prefix('-') {
        Some(behind) => (true, behind),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let prefixed = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let text = prefixed.unwrap_or(text);
    let digits = text.bytes().take_while(u8::is_ascii_hexdigit).count();
    let (number, rest) = text.split_at_checked(digits)?;
    let number = match (number, prefixed) {
        ("", None) => return None,
        // The prefix's own zero counts.
        ("", Some(_)) => 0,
        (number, _) => u64::from_str_radix(number, 16).unwrap_or(u64::MAX),
    };
    Some((if negative { number.wrapping_neg() } else { number }, rest))
}

#[allow(clippy::cast_possible_truncation)]
impl SkbInfo {
    /// `0xMARK` or `0xMARK/0xMASK`. What follows the mark and is no mask is passed over, as the tool does.
    pub(super) fn set_mark(&mut self, text: &str) -> Result<(), Fault> {
        let (mark, rest) = text.strip_prefix("0x").and_then(hexadecimal).ok_or_else(|| {
            Fault::syntax("Invalid skbmark format, it should be:  MARK/MASK or MARK (see manpage)")
        })?;
        let mask = rest.strip_prefix("/0x").and_then(hexadecimal);
        self.mark = mark as u32;
        self.mask = mask.map_or(u32::MAX, |(mask, _)| mask as u32);
        Ok(())
    }

    /// `MAJOR:MINOR`, both hexadecimal; of longer numbers the low halves.
    pub(super) fn set_priority(&mut self, text: &str) -> Result<(), Fault> {
        let both = hexadecimal(text).and_then(|(major, rest)| {
            let (minor, _) = hexadecimal(rest.strip_prefix(':')?)?;
            Some((major as u32) << 16 | minor as u32 & 0xffff)
        });
        self.priority = both.ok_or_else(|| {
            Fault::syntax("Invalid skbprio format, it should be:MAJOR:MINOR (see manpage)")
        })?;
        Ok(())
    }

    /// A number of 16 bits.
    pub(super) fn set_queue(&mut self, text: &str) -> Result<(), Fault> {
        self.queue = number(text, 0, u16::MAX.into())? as u16;
        Ok(())
    }

    /// Names and values as they are listed: only those that are not zero.
    pub(super) fn options(self) -> Vec<(&'static str, Option<String>)> {
        let mut options = Vec::new();
        match (self.mark, self.mask) {
            (0, 0) => {}
            (mark, u32::MAX) => options.push(("skbmark", Some(format!("0x{mark:x}")))),
            (mark, mask) => options.push(("skbmark", Some(format!("0x{mark:x}/0x{mask:x}")))),
        }
        if self.priority != 0 {
            let (major, minor) = (self.priority >> 16, self.priority & 0xffff);
            options.push(("skbprio", Some(format!("{major:x}:{minor:x}"))));
        }
        if self.queue != 0 {
            options.push(("skbqueue", Some(self.queue.to_string())));
        }
        options
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(text: &str) -> Option<(u32, u32)> {
        let mut info = SkbInfo::default();
        info.set_mark(text).ok()?;
        Some((info.mark, info.mask))
    }

    fn priority(text: &str) -> Option<u32> {
        let mut info = SkbInfo::default();
        info.set_priority(text).ok()?;
        Some(info.priority)
    }

    #[test]
    fn marks_are_read_as_scanf_reads_them() {
        let whole = u32::MAX;
        for (text, expected) in [
            ("0x1", (1, whole)),
            ("0x1/0x2", (1, 2)),
            ("0x1/2", (1, whole)),
            ("0x1/0x", (1, whole)),
            ("0x0/0x0", (0, 0)),
            ("0x-1", (whole, whole)),
            ("0x0x5", (5, whole)),
            ("0x 5/0x 6x", (5, 6)),
            ("0x1ffffffff", (whole, whole)),
            ("0xffffffffffffffffff", (whole, whole)),
        ] {
            assert_eq!(mark(text), Some(expected), "{text}");
        }
        for text in ["", "1", "1/2", "0x", "0xg", "0X1", " 0x5", "-0x5"] {
            assert_eq!(mark(text), None, "{text}");
        }
    }

    #[test]
    fn priorities_are_read_as_scanf_reads_them() {
        for (text, expected) in [
            ("1:10", 0x1_0010),
            ("0x1:0x2x", 0x1_0002),
            ("-1: 2", 0xffff_0002),
            ("123456789a:1", 0x789a_0001),
            ("0x:0x", 0),
            ("1:10000", 0x1_0000),
        ] {
            assert_eq!(priority(text), Some(expected), "{text}");
        }
        for text in ["", "1", "1:", ":1", "1 :2", "g:1", "1:g"] {
            assert_eq!(priority(text), None, "{text}");
        }
    }
}
