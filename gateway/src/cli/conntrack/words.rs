//! Lists of words: what `-o`, `-e` and `-u` are given.

use sluice_control::proto::ConnectionEventKind;

use super::usage;
use crate::cli::failure::Failure;

/// How connections are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Form {
    /// One line of words.
    #[default]
    Plain,
    /// One element.
    Xml,
    /// The options of a command that would make it.
    Save,
}

/// What `-o` adds to a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Style {
    pub(super) form: Form,
    /// The network protocol in front.
    pub(super) extended: bool,
    /// The connection's id behind.
    pub(super) id: bool,
    /// The time in front of events.
    pub(super) timestamp: bool,
}

/// Bits of a connection's status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct StatusWords {
    pub(super) assured: bool,
    pub(super) seen_reply: bool,
    pub(super) expected: bool,
    /// `FIXED_TIMEOUT` and `OFFLOAD`, which no connection here has.
    pub(super) never: bool,
    /// `UNSET`: no bit at all.
    pub(super) unset: bool,
    /// `UNREPLIED`, a word of our own: seen_reply is not set.
    pub(super) unreplied: bool,
}

/// The words between commas: each the beginning of one of `known`, in any case.
fn words<'k>(text: &str, known: &[&'k str]) -> Result<Vec<&'k str>, Failure> {
    let mut rest = text;
    let mut found = Vec::new();
    loop {
        let (word, more) = match rest.split_once(',') {
            Some((word, more)) => (word, Some(more)),
            None => (rest, None),
        };
        let begins = |name: &&&str| {
            name.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
        };
        let name = known.iter().find(begins).filter(|_| !word.is_empty());
        found.push(*name.ok_or_else(|| usage(&format!("Bad parameter `{rest}'")))?);
        match more {
            Some(more) => rest = more,
            None => return Ok(found),
        }
    }
}

/// What `-o` asks for.
pub(super) fn style(text: &str) -> Result<Style, Failure> {
    // No labels, no start time, and every change by a process is told anyway.
    let known = ["xml", "extended", "timestamp", "id", "ktimestamp", "labels", "userspace", "save"];
    let words = words(text, &known)?;
    let has = |word| words.contains(&word);
    let form = match (has("save"), has("xml")) {
        (true, _) if words.iter().any(|word| *word != "save") => {
            let said = "cannot combine save output with any other output type, use -o save only";
            return Err(super::failed(said));
        }
        (true, _) => Form::Save,
        (false, true) => Form::Xml,
        (false, false) => Form::Plain,
    };
    Ok(Style { form, extended: has("extended"), id: has("id"), timestamp: has("timestamp") })
}

/// What `-e` asks for; empty for all.
pub(super) fn event_kinds(text: &str) -> Result<Vec<ConnectionEventKind>, Failure> {
    let words = words(text, &["ALL", "NEW", "UPDATES", "DESTROY"])?;
    if words.contains(&"ALL") {
        return Ok(Vec::new());
    }
    let kind = |word: &&str| match *word {
        "NEW" => ConnectionEventKind::New,
        "UPDATES" => ConnectionEventKind::Update,
        _ => ConnectionEventKind::Destroy,
    };
    Ok(words.iter().map(kind).collect())
}

/// What `-u` names.
pub(super) fn status(text: &str) -> Result<StatusWords, Failure> {
    let known =
        ["ASSURED", "SEEN_REPLY", "UNSET", "FIXED_TIMEOUT", "EXPECTED", "OFFLOAD", "UNREPLIED"];
    let words = words(text, &known)?;
    let has = |word| words.contains(&word);
    Ok(StatusWords {
        assured: has("ASSURED"),
        seen_reply: has("SEEN_REPLY"),
        expected: has("EXPECTED"),
        never: has("FIXED_TIMEOUT") || has("OFFLOAD"),
        unset: words == ["UNSET"],
        unreplied: has("UNREPLIED"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_may_be_cut_short() {
        let style = style("ext,i,TIME").unwrap();
        assert!(style.extended && style.id && style.timestamp);
        assert_eq!(event_kinds("new,d").unwrap().len(), 2);
        assert!(event_kinds("NEW,ALL").unwrap().is_empty());
        assert!(status("seen,ASS").unwrap().seen_reply);
        for wrong in ["", ",", "id,", "id,foo", "extendedd"] {
            assert!(super::style(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn save_stands_alone() {
        assert_eq!(style("save").unwrap().form, Form::Save);
        assert_eq!(style("xml,id").unwrap().form, Form::Xml);
        assert!(style("save,id").is_err() && style("xml,save").is_err());
    }
}
