//! `-m length`: length of the whole IP packet (IPv6: payload length + 40).

/// `[!] --length MIN[:MAX]`, bytes, inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Length {
    /// `!`
    pub negated: bool,
    /// Shortest.
    pub min: u16,
    /// Longest.
    pub max: u16,
}
