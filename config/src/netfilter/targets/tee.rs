//! `-j TEE`: a copy of the packet to another host of a connected network; the packet goes on.

use std::net::IpAddr;

use super::Netmap;
use crate::netfilter::Family;
use crate::netfilter::fault::Fault;
use crate::netfilter::hosts::host;
use crate::netfilter::words::{Given, Look, Objection, Opt, Place, Words, cut, opt};

/// The options.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tee {
    /// `--gateway`: the next hop of the copy.
    pub gateway: IpAddr,
    /// `--oif`: the interface the copy leaves by; as routed where empty.
    pub interface: String,
}

/// The kernel's room for a name (IFNAMSIZ), less the final zero.
const MAX_NAME: usize = 15;

impl Tee {
    /// Before `--gateway` is read.
    pub(crate) fn blank(family: Family) -> Self {
        Self { gateway: Netmap::blank(family).network, interface: String::new() }
    }
}

impl Words for Tee {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[opt("gateway").required(), opt("oif")];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        let text = given.argument(0);
        match given.option {
            "gateway" => self.gateway = host(text, given.family)?,
            // A longer name is cut, not refused.
            _ => {
                self.interface = cut(text, MAX_NAME);
            }
        }
        Ok(())
    }

    fn objection(&self, _place: &Place) -> Option<Objection> {
        match self.gateway.is_unspecified() {
            true => Objection::invalid("name the host the copy goes to"),
            false => None,
        }
    }

    fn save(&self, out: &mut String) {
        out.push_str(&format!(" --gateway {}", self.gateway));
        if !self.interface.is_empty() {
            out.push_str(&format!(" --oif {}", self.interface));
        }
    }

    fn list(&self, out: &mut String, _look: Look) {
        out.push_str(&format!(" TEE gw:{}", self.gateway));
        if !self.interface.is_empty() {
            out.push_str(&format!(" oif={}", self.interface));
        }
    }
}
