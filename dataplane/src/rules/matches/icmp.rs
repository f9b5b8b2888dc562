//! `--icmp-type`, `--icmpv6-type`.

use super::{Condition, Depends};
use crate::address::Address;
use crate::rules::View;
use crate::tuple::Tuple;
use crate::wire::layer4::Layer4Kind;

/// A type and a range of codes; type 255 of IPv4 is "any".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Icmp {
    /// Type, or none for any.
    pub kind: Option<u8>,
    /// First code.
    pub from: u8,
    /// Last code.
    pub to: u8,
    /// `!`.
    pub invert: bool,
}

impl<A: Address> Condition<A> for Icmp {
    fn holds(&self, view: &View<'_, A>) -> bool {
        match view.layer4.kind {
            Layer4Kind::Icmp { kind, code, .. } | Layer4Kind::Icmp6 { kind, code, .. } => {
                let this = self.kind.is_none_or(|wanted| wanted == kind)
                    && (self.from..=self.to).contains(&code);
                this != self.invert
            }
            Layer4Kind::Tcp(_)
            | Layer4Kind::Udp { .. }
            | Layer4Kind::Gre { .. }
            | Layer4Kind::Other
            | Layer4Kind::OddTcp { .. }
            | Layer4Kind::Truncated => false,
        }
    }
    fn depends(&self) -> Depends {
        Depends::Flow
    }
    fn consult(&self, bits: &mut Tuple<A>) {
        bits.icmp = 0xff;
    }
}
