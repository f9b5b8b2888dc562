//! `-m comment`: words for the reader; always matches.

/// `--comment TEXT`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Comment {
    /// At most 255 bytes.
    pub text: String,
}
