//! `-m state`: the connection's state; the older spelling of `conntrack --ctstate`.

use super::CtStates;

/// `[!] --state LIST`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct State {
    /// Any of these.
    pub states: CtStates,
    /// `!`: none of these.
    pub negated: bool,
}
