//! Words, numbers and lines of a SIP message, as tolerantly as the kernel reads them (RFC 3261 section 7.3; kernel
//! `nf_conntrack_sip.c`).
//!
//! What stands at the very end of a message is not found: there is always a newline to come.

/// A digit of a decimal number.
pub(super) const fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit()
}

/// A letter; of Latin-1 too, as the kernel's `isalpha` has it.
pub(super) const fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || (byte >= 0xc0 && byte != 0xd7 && byte != 0xf7)
}

pub(super) const fn is_newline(byte: u8) -> bool {
    byte == b'\r' || byte == b'\n'
}

pub(super) const fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// How many bytes from `at` on are of that kind.
pub(super) fn span(text: &[u8], at: usize, of: impl Fn(u8) -> bool) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    rest.iter().take_while(|byte| of(**byte)).count()
}

/// Whether `word` stands at `at`, in whichever case.
pub(super) fn is_at(text: &[u8], at: usize, word: &[u8]) -> bool {
    let found = text.get(at..).and_then(|rest| rest.get(..word.len()));
    found.is_some_and(|found| found.eq_ignore_ascii_case(word))
}

/// Where the line begins behind the newline at `at`; none where the text ends before.
pub(super) fn next_line(text: &[u8], at: usize) -> Option<usize> {
    let (newline, behind) = (*text.get(at)?, *text.get(at + 1)?);
    let next = if newline == b'\r' && behind == b'\n' { at + 2 } else { at + 1 };
    (next < text.len()).then_some(next)
}

/// Where a header goes on behind the newline at `at`, if it does: on a line that begins with blanks.
fn continuation(text: &[u8], at: usize) -> Option<usize> {
    let line = next_line(text, at)?;
    let blanks = span(text, line, is_blank);
    (blanks > 0).then_some(line + blanks)
}

/// What stands behind blanks at `at`, which may include the newline of one continued line; none where the header ends.
pub(super) fn skip_blanks(text: &[u8], at: usize) -> Option<usize> {
    let at = at + span(text, at, is_blank);
    match text.get(at) {
        Some(byte) if is_newline(*byte) => continuation(text, at),
        Some(_) | None => Some(at),
    }
}

/// Where `word` begins in the header's value that begins at `at`, continued lines included.
pub(super) fn search(text: &[u8], at: usize, word: &[u8]) -> Option<usize> {
    let end = text.len().checked_sub(word.len())?;
    let before_end = text.get(..end)?;
    let mut at = at;
    while let Some(byte) = before_end.get(at) {
        if is_newline(*byte) {
            // The first byte of a continued line is passed over.
            at = continuation(before_end, at)?;
        } else if is_at(text, at, word) {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// Where `word` begins in the line that goes on at `at`, in just this case.
pub(super) fn search_line(text: &[u8], at: usize, word: &[u8]) -> Option<usize> {
    let end = text.len().checked_sub(word.len())?;
    let rest = text.get(at..end)?;
    let line = rest.get(..span(rest, 0, |byte| !is_newline(byte)))?;
    (at..at + line.len()).find(|at| text.get(*at..).is_some_and(|rest| rest.starts_with(word)))
}

/// A number and where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) value: u32,
    pub(super) end: usize,
}

/// The decimal number at `at`; none where there is none, or none of 32 bits in at most eleven digits.
pub(super) fn number(text: &[u8], at: usize) -> Option<Number> {
    const DIGITS: usize = 11;
    let length = span(text, at, is_digit);
    let digits = text.get(at..at + length).filter(|digits| (1..=DIGITS).contains(&digits.len()))?;
    let value = digits.iter().fold(0_u64, |value, digit| value * 10 + u64::from(digit - b'0'));
    Some(Number { value: u32::try_from(value).ok()?, end: at + length })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_of_32_bits_and_few_digits() {
        let number =
            |text: &str| number(text.as_bytes(), 0).map(|number| (number.value, number.end));
        assert_eq!(number("60"), Some((60, 2)));
        assert_eq!(number("0060 "), Some((60, 4)));
        assert_eq!(number("00000000060;"), Some((60, 11)));
        assert_eq!(number("000000000060"), None);
        assert_eq!(number("4294967295"), Some((u32::MAX, 10)));
        assert_eq!(number("4294967296"), None);
        assert_eq!((number(""), number("x")), (None, None));
    }

    #[test]
    fn a_word_is_found_on_continued_lines_but_not_at_their_first_byte_nor_at_the_end() {
        let text = b"one\r\n ,two\r\n\t three , x\r\nfour, x";
        assert_eq!(search(text, 0, b","), Some(20));
        assert_eq!(search(text, 21, b","), None);
        assert_eq!(search(b"a, ", 0, b","), Some(1));
        assert_eq!(search(b"a,", 0, b","), None);
        assert_eq!(search(b"", 4, b","), None);
        assert_eq!(search_line(b"o=- IN IP4 x", 2, b"IN IP4 "), Some(4));
        assert_eq!(search_line(b"o=-\nIN IP4 x", 2, b"IN IP4 "), None);
    }

    #[test]
    fn blanks_are_skipped_over_one_continued_line() {
        assert_eq!(skip_blanks(b" \t x", 0), Some(3));
        assert_eq!(skip_blanks(b" \r\n x", 0), Some(4));
        assert_eq!(skip_blanks(b" \r\nx", 0), None);
        assert_eq!(skip_blanks(b" ", 0), Some(1));
    }
}
