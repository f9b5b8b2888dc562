//! What an element may have beside itself: `timeout 5 nomatch packets 3 bytes 4 comment "…" skbmark 0x1`.

use super::create::{Header, MAX_TIMEOUT};
use super::element::Place;
use super::fault::{Fault, Given, number};
use super::skbinfo::SkbInfo;
use super::types::SetType;

/// The options of `add`, `del` and `test`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Values {
    /// Seconds, 0 for ever.
    pub timeout: Option<u32>,
    /// Packets.
    pub packets: Option<u64>,
    /// Bytes.
    pub bytes: Option<u64>,
    /// Comment.
    pub comment: Option<String>,
    /// What it gives to packets.
    pub skbinfo: Option<SkbInfo>,
    /// An exception.
    pub nomatch: bool,
    /// The interface's name is a beginning.
    pub wildcard: bool,
    /// Where in a list.
    pub place: Place,
}

/// Which command the options belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum For {
    Add,
    Del,
    Test,
}

impl Values {
    /// Reads the options behind an element.
    ///
    /// # Errors
    /// As the tool refuses them.
    pub fn parse(header: &Header, command: For, words: &[String]) -> Result<Self, Fault> {
        let mut values = Self::default();
        let kind = header.kind;
        let mut given = Given::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let option = word.strip_prefix("--").unwrap_or(word);
            let known = match option {
                "timeout" | "packets" | "bytes" | "comment" | "skbmark" | "skbprio"
                | "skbqueue" => command == For::Add,
                "nomatch" => kind.has_nomatch() && command != For::Del,
                "wildcard" => kind == SetType::HashNetIface,
                "before" | "after" => kind == SetType::ListSet,
                _ => false,
            };
            if !known {
                return Err(Fault::usage(format!("Unknown argument: `{word}'")));
            }
            let mut value = || -> Result<&String, Fault> {
                let value = words.next().ok_or_else(|| {
                    Fault::usage(format!("Missing mandatory argument of option `{word}'"))
                })?;
                given.once(option)?;
                Ok(value)
            };
            match option {
                "timeout" => {
                    let seconds = number(value()?, 0, MAX_TIMEOUT)?;
                    values.timeout = u32::try_from(seconds).ok();
                }
                "packets" => values.packets = Some(number(value()?, 0, u64::MAX)?),
                "bytes" => values.bytes = Some(number(value()?, 0, u64::MAX)?),
                "comment" => values.comment = Some(comment(value()?)?),
                "skbmark" => values.skbinfo.get_or_insert_default().set_mark(value()?)?,
                "skbprio" => values.skbinfo.get_or_insert_default().set_priority(value()?)?,
                "skbqueue" => values.skbinfo.get_or_insert_default().set_queue(value()?)?,
                "before" => values.place = Place::Before(value()?.clone()),
                "after" => values.place = Place::After(value()?.clone()),
                "nomatch" => values.nomatch = true,
                _ => values.wildcard = true,
            }
        }
        Ok(values)
    }
}

fn comment(text: &str) -> Result<String, Fault> {
    if text.contains('"') {
        return Err(Fault::syntax("\" character is not permitted in comments"));
    }
    if text.len() > 255 {
        return Err(Fault::syntax("Comment is longer than the maximum allowed 255 characters"));
    }
    Ok(text.to_owned())
}
