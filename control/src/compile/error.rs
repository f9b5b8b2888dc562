//! What a valid text may ask for that this gateway cannot do.

use thiserror::Error;

/// A rule that cannot be compiled. Nothing of its ruleset is applied.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CompileError {
    /// A match or target the data plane has no meaning for.
    #[error("{table} {chain} rule {rule}: {what} is not supported; {instead}")]
    Unsupported {
        /// Table.
        table: &'static str,
        /// Chain.
        chain: String,
        /// Rule number, from 1.
        rule: usize,
        /// What was asked.
        what: &'static str,
        /// What to write instead.
        instead: &'static str,
    },
    /// A jump to a chain that is not there.
    #[error(
        "{table} {chain} rule {rule}: there is no chain '{target}'; create it with -N {target}"
    )]
    NoChain {
        /// Table.
        table: &'static str,
        /// Chain.
        chain: String,
        /// Rule number, from 1.
        rule: usize,
        /// The missing chain.
        target: String,
    },
    /// A timeout policy that is not there.
    #[error(
        "{table} {chain} rule {rule}: there is no timeout policy '{policy}'; add [timeouts.{policy}], or take the rule out"
    )]
    NoPolicy {
        /// Table.
        table: &'static str,
        /// Chain.
        chain: String,
        /// Rule number, from 1.
        rule: usize,
        /// The missing policy.
        policy: String,
    },
    /// Chains that call one another in a circle.
    #[error("{table}: chain '{chain}' is part of a loop; remove one of its jumps")]
    Loop {
        /// Table.
        table: &'static str,
        /// A chain of the loop.
        chain: String,
    },
    /// Chains that call one another so often that a packet might walk them for seconds.
    #[error(
        "{table} {chain}: a packet might be asked by more than {most} rules, as chains call one another again \
         and again; call each but once, or under fewer conditions"
    )]
    Endless {
        /// Table.
        table: &'static str,
        /// The builtin chain.
        chain: String,
        /// How many rules may be.
        most: u64,
    },
}

/// Something one rule asks for that cannot be had: what, and what to write instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unsupported {
    pub(super) what: &'static str,
    pub(super) instead: &'static str,
}
