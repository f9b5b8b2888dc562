//! `-m mark`: the packet's mark.

/// `[!] --mark VALUE[/MASK]`: `packet & mask == value`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mark {
    /// `!`
    pub negated: bool,
    /// Compared with.
    pub value: u32,
    /// Bits that count.
    pub mask: u32,
}
