//! Reading TOML tables with every mistake collected: unknown keys, wrong types, bad values.
//!
//! ```text
//! DeTable ── Fields::get(key, convert) ──▶ Option<T>   (a Diagnostic where convert refuses)
//!            Fields::finish()          ──▶ a Diagnostic for each key nobody asked for
//! ```

use std::borrow::Cow;
use std::ops::Range;

use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Diagnostic, nearest, position};

/// Byte range in the text.
pub(super) type Span = Range<usize>;

/// What is wrong with a value, and the remedy.
pub(super) struct Wrong {
    pub(super) message: String,
    pub(super) help: String,
}

/// What is wrong and what to write instead.
pub(super) fn wrong(message: impl Into<String>, help: impl Into<String>) -> Wrong {
    Wrong { message: message.into(), help: help.into() }
}

/// Errors beyond this many are not collected.
const MAX_ERRORS: usize = 100;

/// Collects the errors of one file.
pub(super) struct Report<'t> {
    text: &'t str,
    file: &'t str,
    errors: Vec<Diagnostic>,
}

impl<'t> Report<'t> {
    pub(super) fn new(text: &'t str, file: &'t str) -> Self {
        Self { text, file, errors: Vec::new() }
    }

    pub(super) fn error(&mut self, at: &Span, message: impl Into<String>, help: Option<String>) {
        if self.errors.len() >= MAX_ERRORS {
            return;
        }
        let (line, column) = position(self.text, at.start);
        let (file, message) = (self.file.to_owned(), message.into());
        self.errors.push(Diagnostic { file, line, column, message, help });
    }

    pub(super) fn wrong(&mut self, at: &Span, wrong: Wrong) {
        self.error(at, wrong.message, Some(wrong.help));
    }

    pub(super) fn len(&self) -> usize {
        self.errors.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// The errors from the top of the file down.
    pub(super) fn into_errors(mut self) -> Vec<Diagnostic> {
        self.errors.sort_by_key(|e| (e.line, e.column));
        self.errors.dedup();
        self.errors
    }
}

/// One table, the keys it may have, and those that were asked for.
pub(super) struct Fields<'a, 'i> {
    title: Cow<'static, str>,
    table: &'a DeTable<'i>,
    span: Span,
    known: Vec<&'static str>,
}

impl<'a, 'i> Fields<'a, 'i> {
    /// `title` is the table as the file writes it, such as `[[route]]`.
    pub(super) fn new(
        title: impl Into<Cow<'static, str>>,
        table: &'a DeTable<'i>,
        span: Span,
    ) -> Self {
        Self { title: title.into(), table, span, known: Vec::new() }
    }

    /// Where the table stands.
    pub(super) fn span(&self) -> &Span {
        &self.span
    }

    /// Where a key's value stands; the table where it has none.
    pub(super) fn at(&self, key: &str) -> Span {
        self.table.get(key).map_or_else(|| self.span.clone(), |value| value.span())
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The key's raw value and its place.
    pub(super) fn raw(&mut self, key: &'static str) -> Option<(&'a DeValue<'i>, Span)> {
        self.known.push(key);
        self.table.get(key).map(|value| (value.get_ref(), value.span()))
    }

    /// The key's value as `convert` reads it; an error is reported where it refuses.
    pub(super) fn get<T>(
        &mut self,
        report: &mut Report<'_>,
        key: &'static str,
        convert: impl FnOnce(&DeValue<'_>) -> Result<T, Wrong>,
    ) -> Option<T> {
        let (value, at) = self.raw(key)?;
        convert(value).map_err(|wrong| report.wrong(&at, wrong)).ok()
    }

    /// The same for a list; a single value stands for a list of one. Bad elements are left out.
    pub(super) fn list<T>(
        &mut self,
        report: &mut Report<'_>,
        key: &'static str,
        convert: impl Fn(&DeValue<'_>) -> Result<T, Wrong>,
    ) -> Option<Vec<(T, Span)>> {
        let (value, at) = self.raw(key)?;
        let mut read = |value: &DeValue<'_>, at: Span| match convert(value) {
            Ok(value) => Some((value, at)),
            Err(wrong) => {
                report.wrong(&at, wrong);
                None
            }
        };
        Some(match value.as_array() {
            Some(array) => {
                array.iter().filter_map(|item| read(item.get_ref(), item.span())).collect()
            }
            None => read(value, at).into_iter().collect(),
        })
    }

    /// Reports that a key is missing.
    pub(super) fn missing(&self, report: &mut Report<'_>, key: &str, example: &str) {
        let message = format!("`{key}` is missing in {}", self.title);
        report.error(&self.span, message, Some(format!("add `{key} = {example}`")));
    }

    /// Reports every key that was never asked for.
    pub(super) fn finish(self, report: &mut Report<'_>) {
        for (key, _) in self.table.iter() {
            let name: &str = key.get_ref();
            if self.known.contains(&name) {
                continue;
            }
            let help = match nearest(name, self.known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("{} knows {}", self.title, self.known.join(", ")),
            };
            report.error(
                &key.span(),
                format!("unknown key `{name}` in {}", self.title),
                Some(help),
            );
        }
    }
}

/// A string.
pub(super) fn string(value: &DeValue<'_>) -> Result<String, Wrong> {
    value.as_str().map(str::to_owned).ok_or_else(|| {
        let kind = value.type_str();
        wrong(format!("expected a string, found {kind}"), "put the value between double quotes")
    })
}

/// A boolean.
pub(super) fn boolean(value: &DeValue<'_>) -> Result<bool, Wrong> {
    value.as_bool().ok_or_else(|| {
        let kind = value.type_str();
        wrong(format!("expected true or false, found {kind}"), "write `true` or `false`, no quotes")
    })
}

/// An integer, as far as 64 bits reach.
pub(super) fn integer(value: &DeValue<'_>) -> Result<i64, Wrong> {
    let integer = value.as_integer().ok_or_else(|| {
        let kind = value.type_str();
        wrong(format!("expected a number, found {kind}"), "write a whole number, no quotes")
    })?;
    i64::from_str_radix(integer.as_str(), integer.radix())
        .map_err(|_| wrong("the number is too large", "write a number that fits 64 bits"))
}

/// An integer within bounds; `unit` names what it counts.
pub(super) fn within<T: TryFrom<i64>>(
    value: &DeValue<'_>,
    bounds: std::ops::RangeInclusive<i64>,
    unit: &str,
) -> Result<T, Wrong> {
    let (low, high) = (*bounds.start(), *bounds.end());
    let number = integer(value)?;
    let outside =
        || wrong(format!("{number} is no {unit}"), format!("write a number from {low} to {high}"));
    if !bounds.contains(&number) {
        return Err(outside());
    }
    T::try_from(number).map_err(|_| outside())
}
