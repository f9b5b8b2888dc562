//! `-j DSCP`: sets the differentiated services code point.

/// `--set-dscp VALUE`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dscp {
    /// 0 to 63.
    pub value: u8,
}
