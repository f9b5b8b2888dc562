//! The targets: one file each, one line here each.

mod ct;
mod dscp;
mod log;
mod mark;
mod nat;
mod reject;

pub use ct::Ct;
pub use dscp::Dscp;
pub use log::Log;
pub use mark::Mark;
pub use nat::{Dnat, Masquerade, NatRange, Redirect, Snat};
pub use reject::{Reject, RejectWith};

/// What a rule does with a packet it matches.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// `-j ACCEPT`: leaves the table.
    Accept,
    /// `-j DROP`
    Drop,
    /// `-j RETURN`: back to the calling chain, or the policy.
    Return,
    /// `-j CHAIN`: comes back after it.
    Jump(String),
    /// `-g CHAIN`: does not come back here.
    Goto(String),
    /// `-j CT` and `-j NOTRACK`
    Ct(Ct),
    /// `-j DNAT`
    Dnat(Dnat),
    /// `-j DSCP`
    Dscp(Dscp),
    /// `-j LOG`
    Log(Log),
    /// `-j MARK`
    Mark(Mark),
    /// `-j MASQUERADE`
    Masquerade(Masquerade),
    /// `-j REDIRECT`
    Redirect(Redirect),
    /// `-j REJECT`
    Reject(Reject),
    /// `-j SNAT`
    Snat(Snat),
}
