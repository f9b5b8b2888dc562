//! Elements as commands give and get them, and why a command is refused.

use super::key::Key;
use super::skbinfo::SkbInfo;
use thiserror::Error;

/// An element as commands give and get it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entry {
    /// What it is; of lists the default.
    pub key: Key,
    /// A list's member.
    pub member: Option<String>,
    /// An exception.
    pub nomatch: bool,
    /// Seconds left, 0 for ever; none when adding: the set's default.
    pub timeout: Option<u32>,
    /// Packets and bytes; none when adding: from 0.
    pub counters: Option<(u64, u64)>,
    /// Its comment.
    pub comment: Option<String>,
    /// What it gives to packets; none when adding: nothing.
    pub skbinfo: Option<SkbInfo>,
}

/// Why an element was not added, taken out or tested. The words of the tool are its front end's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// It is there already.
    #[error("the element is already in the set")]
    Exists,
    /// It is not there.
    #[error("the element is not in the set")]
    Missing,
    /// The set has as many as it may.
    #[error("the set is full; create it with a larger maxelem")]
    Full,
    /// The list has as many members as it may.
    #[error("the list is full; create it with a larger size")]
    ListFull,
    /// The element is all zeros.
    #[error("a null element cannot be stored in a set of this type")]
    Null,
    /// It lies outside a bitmap's range.
    #[error("the element is out of the range of the set")]
    Range,
    /// A network of no bits.
    #[error("a network of prefix length 0 cannot be stored in a set of this type")]
    Prefix,
    /// The set was created without timeouts.
    #[error("the set was created without timeout")]
    NoTimeout,
    /// The set has no counters.
    #[error("the set was created without counters")]
    NoCounters,
    /// The set has no comments.
    #[error("the set was created without comment")]
    NoComment,
    /// Its elements give nothing to packets.
    #[error("the set was created without skbinfo")]
    NoSkbInfo,
    /// The member that a place refers to is not in the list.
    #[error("the set to add or test before or after is not in the list")]
    NoReference,
    /// A member of that name does not exist.
    #[error("there is no set of the member's name")]
    NoMember,
    /// A list cannot be a list's member.
    #[error("a list cannot be the member of a list")]
    Loop,
}
