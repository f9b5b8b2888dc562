//! `-j CT --notrack` and its alias `-j NOTRACK`: exempt the packet from connection tracking.

/// Settings for the connection about to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ct {
    /// Do not track.
    pub notrack: bool,
    /// Written as `-j NOTRACK`.
    pub alias: bool,
    /// `--zone`; 0 where absent.
    pub zone: u16,
}
