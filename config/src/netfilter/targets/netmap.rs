//! `-j NETMAP`: maps a whole network onto another, host by host (kernel: xt_NETMAP).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::netfilter::fault::Fault;
use crate::netfilter::hosts::{masked, prefix};
use crate::netfilter::words::{Given, Look, Opt, Words, opt};
use crate::netfilter::{Family, Table};

/// `--to NETWORK`: the destination (PREROUTING, OUTPUT) or source (INPUT, POSTROUTING) gets these
/// leading bits and keeps the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Netmap {
    /// The network's first address.
    pub network: IpAddr,
    /// How many leading bits are replaced.
    pub prefix_length: u8,
}

impl Netmap {
    /// Before `--to` is read.
    pub(crate) fn blank(family: Family) -> Self {
        let network = match family {
            Family::V4 => Ipv4Addr::UNSPECIFIED.into(),
            Family::V6 => Ipv6Addr::UNSPECIFIED.into(),
        };
        Self { network, prefix_length: 0 }
    }
}

impl Words for Netmap {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[opt("to").required()];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        let (address, length) = prefix(given, "NETMAP")?;
        *self = Self { network: masked(address, length), prefix_length: length };
        Ok(())
    }

    fn table(&self) -> Option<Table> {
        Some(Table::Nat)
    }

    fn save(&self, out: &mut String) {
        out.push_str(&format!(" --to {}/{}", self.network, self.prefix_length));
    }

    fn list(&self, out: &mut String, _look: Look) {
        out.push_str(&format!(" to:{}/{}", self.network, self.prefix_length));
    }
}
