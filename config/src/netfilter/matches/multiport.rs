//! `-m multiport`: up to fifteen ports; a range counts two.

use crate::netfilter::PortRange;

/// `[!] --sports | --dports | --ports LIST`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Multiport {
    /// Which of the packet's ports.
    pub side: PortSide,
    /// `!`
    pub negated: bool,
    /// Any of these, in the order written.
    pub ports: Vec<PortRange>,
}

/// Which of a packet's ports is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PortSide {
    /// `--sports`
    Source,
    /// `--dports`
    Destination,
    /// `--ports`: either of them.
    Either,
}
