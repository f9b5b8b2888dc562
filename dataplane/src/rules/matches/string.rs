//! `-m string`: bytes somewhere in the packet. Offsets count from the IP header (kernel `xt_string`).

use super::Condition;
use crate::address::Address;
use crate::rules::View;
use memchr::memmem::Finder;

/// What is looked for, and where.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// Knows the bytes.
    finder: Finder<'static>,
    /// Whether upper and lower case are the same; then the bytes are in lower case.
    ignore_case: bool,
    /// Where a match may begin.
    from: u16,
    /// Where it must have ended.
    to: u16,
    /// `!`.
    invert: bool,
}

impl Pattern {
    /// Bytes that lie between `from` and `to`.
    #[must_use]
    pub fn new(bytes: &[u8], ignore_case: bool, from: u16, to: u16, invert: bool) -> Self {
        let bytes = if ignore_case { bytes.to_ascii_lowercase() } else { bytes.to_vec() };
        Self { finder: Finder::new(&bytes).into_owned(), ignore_case, from, to, invert }
    }

    fn is_in(&self, packet: &[u8]) -> bool {
        let end = packet.len().min(self.to.into());
        let text = packet.get(self.from.into()..end).unwrap_or_default();
        match self.ignore_case {
            false => self.finder.find(text).is_some(),
            true => contains_ignoring_case(text, self.finder.needle()),
        }
    }
}

/// Looks only where the first letter stands, in either case.
fn contains_ignoring_case(text: &[u8], lower: &[u8]) -> bool {
    let Some(&first) = lower.first() else { return true };
    memchr::memchr2_iter(first, first.to_ascii_uppercase(), text).any(|at| {
        let found = text.get(at..at + lower.len());
        found.is_some_and(|found| found.eq_ignore_ascii_case(lower))
    })
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        let own = (self.finder.needle(), self.ignore_case, self.from, self.to, self.invert);
        own == (other.finder.needle(), other.ignore_case, other.from, other.to, other.invert)
    }
}

impl<A: Address> Condition<A> for Pattern {
    fn holds(&self, view: &View<'_, A>) -> bool {
        let packet = view.data.get(view.headers.l3.into()..view.headers.end.into());
        self.is_in(packet.unwrap_or_default()) != self.invert
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_found_between_the_bounds() {
        let is_in = |bytes: &str, ignore_case, from, to, text: &str| {
            Pattern::new(bytes.as_bytes(), ignore_case, from, to, false).is_in(text.as_bytes())
        };
        assert!(is_in("ooxx", false, 0, u16::MAX, "abooxxcd"));
        assert!(!is_in("ooxx", false, 0, u16::MAX, "abOOxxcd"));
        assert!(is_in("OoXx", true, 0, u16::MAX, "aboOxXcd"));
        assert!(is_in("ooxx", false, 2, 6, "abooxxcd"));
        assert!(!is_in("ooxx", false, 3, u16::MAX, "abooxxcd"), "begins before");
        assert!(!is_in("ooxx", false, 0, 5, "abooxxcd"), "ends after");
        assert!(!is_in("ooxx", false, 100, 200, "abooxxcd"));
        assert!(!is_in("abc", true, 0, u16::MAX, "xxAB"), "cut off by the end");
    }
}
