//! `-m physdev`: by which ports of a bridge the packet came and leaves (kernel `physdev_mt`). Names were resolved to
//! interface ids when the rules were compiled.
//!
//! The port it came by is known wherever a packet is that came by a bridge, routed or not; the one it leaves by only
//! where it is bridged, in FORWARD and POSTROUTING.

use super::{Condition, Depends};
use crate::address::Address;
use crate::ids::InterfaceId;
use crate::rules::View;

/// Of what is asked, each that is there must hold; a flag that is there says what is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Physdev {
    /// `--physdev-in`.
    pub ingress: Option<OneOf>,
    /// `--physdev-out`.
    pub egress: Option<OneOf>,
    /// `--physdev-is-in`.
    pub is_in: Option<bool>,
    /// `--physdev-is-out`.
    pub is_out: Option<bool>,
    /// `--physdev-is-bridged`.
    pub is_bridged: Option<bool>,
}

/// One of these ports, or with `invert` another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OneOf {
    /// The ports.
    pub ids: Vec<InterfaceId>,
    /// `!`.
    pub invert: bool,
}

impl OneOf {
    fn holds(&self, id: InterfaceId) -> bool {
        self.ids.contains(&id) != self.invert
    }
}

impl<A: Address> Condition<A> for Physdev {
    fn holds(&self, view: &View<'_, A>) -> bool {
        let Some(port) = view.ports.ingress else {
            // It has nothing to do with a bridge: all that is asked must be negated.
            let negated = |asked: &Option<OneOf>| asked.as_ref().is_none_or(|asked| asked.invert);
            return ![self.is_in, self.is_out, self.is_bridged].contains(&Some(true))
                && negated(&self.ingress)
                && negated(&self.egress);
        };
        let out = view.ports.egress;
        self.is_bridged.is_none_or(|wanted| out.is_some() == wanted)
            && self.is_in.is_none_or(|wanted| wanted)
            && self.is_out.is_none_or(|wanted| out.is_some() == wanted)
            && self.ingress.as_ref().is_none_or(|asked| asked.holds(port))
            // A port that is not known is none of the others either.
            && self.egress.as_ref().is_none_or(|asked| out.is_some_and(|out| asked.holds(out)))
    }

    /// A host may move to another port, and its connections with it.
    fn depends(&self) -> Depends {
        Depends::Packet
    }
}
