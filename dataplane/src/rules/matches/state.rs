//! `-m state --state` and `-m conntrack --ctstate`.

use super::{Condition, Depends};
use crate::address::Address;
use crate::conntrack::CtState;
use crate::rules::View;

/// A set of connection states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct State {
    /// NEW.
    pub new: bool,
    /// ESTABLISHED.
    pub established: bool,
    /// RELATED.
    pub related: bool,
    /// INVALID.
    pub invalid: bool,
    /// UNTRACKED.
    pub untracked: bool,
    /// SNAT: the source is, or will be, translated.
    pub snat: bool,
    /// DNAT: the destination is translated.
    pub dnat: bool,
    /// `!`.
    pub invert: bool,
}

impl State {
    /// Whether it holds for a packet in `state` of a connection whose source or destination is translated.
    pub(in crate::rules) const fn accepts(&self, state: CtState, snat: bool, dnat: bool) -> bool {
        let state = match state {
            CtState::New => self.new,
            CtState::Established => self.established,
            CtState::Related => self.related,
            CtState::Invalid => self.invalid,
            CtState::Untracked => self.untracked,
        };
        (state || self.snat && snat || self.dnat && dnat) != self.invert
    }

    /// The answer that all packets in `state` get, whatever is translated; none where that decides.
    pub(in crate::rules) const fn known(&self, state: CtState) -> Option<bool> {
        let least = self.accepts(state, false, false);
        if least == self.accepts(state, true, true) { Some(least) } else { None }
    }
}

impl<A: Address> Condition<A> for State {
    fn holds(&self, view: &View<'_, A>) -> bool {
        self.accepts(view.state, view.snat, view.dnat)
    }
    fn depends(&self) -> Depends {
        match (self.snat, self.dnat) {
            (true, _) => Depends::TranslatedSource,
            (false, true) => Depends::TranslatedDestination,
            (false, false) => Depends::Flow,
        }
    }
    fn needs_conntrack(&self) -> bool {
        true
    }
}
