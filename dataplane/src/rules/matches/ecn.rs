//! `-m ecn`: congestion notification in IP and TCP, RFC 3168.

use super::Condition;
use crate::address::Address;
use crate::rules::View;
use crate::wire::layer4::{Layer4Kind, TcpFields};
use crate::wire::{header, tcp_flags};

/// What must hold; one left out may be anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ecn {
    /// `--ecn-ip-ect`: the two bits of IP, and `!`.
    pub ip: Option<(u8, bool)>,
    /// `--ecn-tcp-ece`, false with `!`.
    pub ece: Option<bool>,
    /// `--ecn-tcp-cwr`, false with `!`.
    pub cwr: Option<bool>,
}

impl<A: Address> Condition<A> for Ecn {
    fn holds(&self, view: &View<'_, A>) -> bool {
        let tos = header::tos(view.data, view.headers);
        if self.ip.is_some_and(|(bits, invert)| (tos & 3 == bits) == invert) {
            return false;
        }
        let wanted = [(self.ece, tcp_flags::ECE), (self.cwr, tcp_flags::CWR)];
        wanted.into_iter().all(|(wanted, flag)| match (wanted, view.layer4.kind) {
            (None, _) => true,
            (
                Some(set),
                Layer4Kind::Tcp(TcpFields { flags, .. }) | Layer4Kind::OddTcp { flags },
            ) => (flags & flag != 0) == set,
            (
                Some(_),
                Layer4Kind::Udp { .. }
                | Layer4Kind::Icmp { .. }
                | Layer4Kind::Icmp6 { .. }
                | Layer4Kind::Gre { .. }
                | Layer4Kind::Other
                | Layer4Kind::Truncated,
            ) => false,
        })
    }
}
