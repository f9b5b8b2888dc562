//! `-m udp`: ports of UDP.

use crate::netfilter::{Negatable, PortRange};

/// The options; each absent one matches anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Udp {
    /// `--sport`
    pub source_port: Option<Negatable<PortRange>>,
    /// `--dport`
    pub destination_port: Option<Negatable<PortRange>>,
}
