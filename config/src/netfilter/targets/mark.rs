//! `-j MARK`: changes the packet's mark (kernel: xt_MARK, revision 2).

/// `mark = (mark & !mask) ^ value`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mark {
    /// Bits flipped afterwards.
    pub value: u32,
    /// Bits cleared first.
    pub mask: u32,
}
