//! TEE: a copy of the packet as it is now, to another next hop (kernel `xt_TEE`, `nf_dup_ipv4`, `nf_dup_ipv6`).

use crate::address::Address;
use crate::ids::InterfaceId;
use crate::rules::{Hook, View};
use crate::wire::parse::Headers;
use crate::wire::tcp_options::Added;
use std::fmt;
use std::net::IpAddr;

/// Where a copy goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tee {
    /// `--gateway`: its next hop.
    pub gateway: IpAddr,
    /// `--oif`: the interface it leaves by; none: as the gateway is routed.
    pub egress: Option<InterfaceId>,
}

/// A copy to be made, and what the packet it is made of was when it met the rule.
#[derive(Debug, Clone, Copy)]
pub struct CopyOrder {
    /// Where it goes.
    pub to: Tee,
    /// Where its headers are.
    pub headers: Headers,
    /// IP bytes of the whole datagram, without what is to be added.
    pub length: u32,
    /// Its mark.
    pub mark: u32,
    /// Options that have yet to be put into it.
    pub added: Added,
    /// It was on its way in: the copy has one hop less, so that two hosts that copy to one another come to an end.
    pub one_hop_less: bool,
}

/// Who copies packets while rules look at them.
pub trait Copier: fmt::Debug {
    /// Copies the frame, or counts a copy that there is no room for.
    fn copy(&mut self, frame: &[u8], order: CopyOrder);
}

impl Tee {
    pub(in crate::rules) fn apply<A: Address>(self, view: &mut View<'_, A>) {
        let Some(copier) = &mut view.copier else { return };
        let one_hop_less = match view.around.hook {
            Hook::Prerouting | Hook::Input => true,
            Hook::Forward | Hook::Output | Hook::Postrouting => false,
        };
        let order = CopyOrder {
            to: self,
            headers: *view.headers,
            length: view.length - u32::from(view.added.length()),
            mark: view.mark.get(),
            added: view.added,
            one_hop_less,
        };
        copier.copy(view.data, order);
    }
}
