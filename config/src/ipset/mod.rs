//! `ipset`'s language: command lines, elements, listings. Pure text; what a set does is the data plane's.
//!
//! ```text
//!  words ──▶ Invocation ──▶ (the set's Header) ──▶ Element, Values ──▶ list, save, xml
//! ```
//!
//! Text and exit codes are those of ipset 7.17.

pub mod command;
pub mod create;
pub mod element;
pub mod fault;
pub mod listing;
pub mod ports;
pub mod skbinfo;
#[cfg(test)]
mod tests;
pub mod types;
pub mod values;

pub use command::{Command, Invocation, Options, OutputMode};
pub use create::Header;
pub use element::{Element, Place};
pub use fault::Fault;
pub use listing::{Listing, Member};
pub use skbinfo::SkbInfo;
pub use types::SetType;
pub use values::Values;

/// The first line of `ipset version`.
pub const VERSION: &str = "ipset v7.17, protocol version: 7";

/// The words of one line of `ipset save` text, double quotes taken off.
#[must_use]
pub fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() {
        let (word, behind) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        words.push(word.to_owned());
        rest = behind.trim_start();
    }
    words
}
