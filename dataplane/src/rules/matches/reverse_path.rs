//! `-m rpfilter`: whether an answer would leave where the packet came in (kernel `ipt_rpfilter`, `ip6t_rpfilter`).

use super::{Condition, Depends};
use crate::address::{Address, IpVersion};
use crate::ids::InterfaceId;
use crate::rules::View;
use crate::snapshot::NextHop;
use crate::tuple::Tuple;

/// The route back to the source must exist and lead out of the interface the packet came in by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReversePath {
    /// `--loose`: out of any.
    pub loose: bool,
    /// `--accept-local`: a source of the gateway's own will do.
    pub accept_local: bool,
    /// `--invert`.
    pub invert: bool,
}

impl<A: Address> Condition<A> for ReversePath {
    fn holds(&self, view: &View<'_, A>) -> bool {
        if view.ingress == InterfaceId::HOST {
            return !self.invert;
        }
        let back = match view.around.route(view.source) {
            Some(NextHop::Connected(interface) | NextHop::Gateway { interface, .. }) => {
                Some(interface)
            }
            // Of IPv6 it does not matter whose address of the gateway's it is.
            Some(NextHop::Local(_)) if self.accept_local && A::VERSION == IpVersion::V6 => {
                Some(view.ingress)
            }
            Some(NextHop::Local(interface)) if self.accept_local => Some(interface),
            Some(
                NextHop::Local(_)
                | NextHop::Broadcast(_)
                | NextHop::Blackhole
                | NextHop::Unreachable
                | NextHop::Prohibit
                | NextHop::Throw,
            )
            | None => None,
        };
        let passes = back.is_some_and(|back| self.loose || back == view.ingress);
        passes != self.invert
    }
    fn depends(&self) -> Depends {
        Depends::Flow
    }
    fn asks_routes(&self) -> bool {
        true
    }
    fn consult(&self, bits: &mut Tuple<A>) {
        bits.source = A::from_bits(u128::MAX);
    }
}
