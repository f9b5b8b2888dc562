//! One error in a text that somebody wrote: where it is, what is wrong, what to write instead.

use std::fmt;

/// An error at a place in a configuration text, shown as `file:line:col: error: message` and a line of help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Diagnostic {
    /// The file's name as the caller gave it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to write instead, where that can be said.
    pub help: Option<String>,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: error: {}", self.file, self.line, self.column, self.message)?;
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

/// Line and column (both from 1, column in characters) of a byte offset in `text`.
pub fn position(text: &str, offset: usize) -> (usize, usize) {
    let mut end = offset.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = text.get(..end).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

/// The candidate nearest to `word` by edit distance, if any is near enough to be what was meant.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    let limit = (length / 3).max(2);
    candidates
        .into_iter()
        // So many characters are to be added or taken away at least. Words may be megabytes long.
        .filter(|candidate| candidate.chars().count().abs_diff(length) <= limit)
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance in characters, one row at a time.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        for ((y, diagonal_above), left_to_right) in b.iter().zip(row.windows(2)).zip(0..) {
            let (diagonal, above) = match diagonal_above {
                [diagonal, above] => (*diagonal, *above),
                _ => continue,
            };
            let left: usize = next.get(left_to_right).copied().unwrap_or(usize::MAX - 1);
            next.push((diagonal + usize::from(x != *y)).min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_lines_and_columns_in_characters() {
        assert_eq!(position("a\nbé c", 5), (2, 3));
        assert_eq!(position("", 9), (1, 1));
    }

    #[test]
    fn suggests_only_what_is_near() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(nearest("adress", ["name", "address"]), Some("address"));
        assert_eq!(nearest("zebra", ["name", "address"]), None);
        assert_eq!(nearest("addr", ["address", "name"]), None);
        assert_eq!(nearest("addre", ["name", "address"]), Some("address"));
    }

    #[test]
    fn displays_like_a_compiler() {
        let d = Diagnostic {
            file: "s.toml".into(),
            line: 3,
            column: 7,
            message: "unknown key `adress`".into(),
            help: Some("write `address`".into()),
        };
        assert_eq!(
            d.to_string(),
            "s.toml:3:7: error: unknown key `adress`\n  help: write `address`"
        );
    }
}
