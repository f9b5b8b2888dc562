//! The matches: one file each, one line here each.

mod comment;
mod conntrack;
mod icmp;
mod icmp6;
mod length;
mod limit;
mod mark;
mod multiport;
mod state;
mod tcp;
mod udp;

pub use comment::Comment;
pub use conntrack::{Conntrack, CtDirection, CtStates, CtStatus};
pub use icmp::{Icmp, IcmpType};
pub use icmp6::Icmp6;
pub use length::Length;
pub use limit::Limit;
pub use mark::Mark;
pub use multiport::{Multiport, PortSide};
pub use state::State;
pub use tcp::{Tcp, TcpFlags};
pub use udp::Udp;

/// One `-m NAME` with its options.
#[derive(Debug, Clone, PartialEq)]
pub enum Match {
    /// `-m comment`
    Comment(Comment),
    /// `-m conntrack`
    Conntrack(Conntrack),
    /// `-m icmp`
    Icmp(Icmp),
    /// `-m icmp6`
    Icmp6(Icmp6),
    /// `-m length`
    Length(Length),
    /// `-m limit`
    Limit(Limit),
    /// `-m mark`
    Mark(Mark),
    /// `-m multiport`
    Multiport(Multiport),
    /// `-m state`
    State(State),
    /// `-m tcp`
    Tcp(Tcp),
    /// `-m udp`
    Udp(Udp),
}
