//! CT: how the connection that a packet begins or belongs to is tracked (kernel `xt_CT`). As in the kernel the first
//! such rule that a packet meets, NOTRACK among them, is the one that counts.

use crate::address::Address;
use crate::conntrack::{Changes, CtState, Helper, PolicyId, Zones};
use crate::rules::View;
use crate::tuple::Zone;

/// What connection tracking is told with a packet (the kernel's template).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Template {
    /// Which zone.
    pub zone: ZoneNumber,
    /// The zone holds for the direction of the first packet.
    pub original: bool,
    /// The zone holds for the answers.
    pub reply: bool,
    /// Of what nobody is told, if the packet begins a connection.
    pub silenced: Changes,
    /// Of what nobody is told of the connections that its helper expects.
    pub silenced_expectations: Changes,
    /// Whose timeouts the connection follows, if the packet begins one.
    pub policy: PolicyId,
    /// The helper that the connection gets, if the packet begins one.
    pub helper: Option<Helper>,
}

/// Where a zone's number comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ZoneNumber {
    /// The rule.
    Fixed(u16),
    /// The low 16 bits of the mark that the packet has once the raw table is through.
    Mark,
}

impl Template {
    /// Says nothing: where there is one, no rule's counts.
    #[must_use]
    pub fn silent() -> Self {
        Self {
            zone: ZoneNumber::Fixed(0),
            original: true,
            reply: true,
            silenced: Changes::default(),
            silenced_expectations: Changes::default(),
            policy: PolicyId::default(),
            helper: None,
        }
    }

    /// The zones of a packet with that mark.
    #[must_use]
    pub fn zones(self, mark: u32) -> Zones {
        let number = match self.zone {
            ZoneNumber::Fixed(number) => number,
            ZoneNumber::Mark => {
                let [.., high, low] = mark.to_be_bytes();
                u16::from_be_bytes([high, low])
            }
        };
        let zone = |holds: bool| Zone::new(if holds { number } else { 0 });
        Zones { original: zone(self.original), reply: zone(self.reply) }
    }

    /// Whether it may name another zone than that of packets without a template.
    #[must_use]
    pub const fn has_zone(self) -> bool {
        match self.zone {
            ZoneNumber::Fixed(number) => number != 0,
            ZoneNumber::Mark => true,
        }
    }

    /// Whether connections that begin with it are like others to the end: it silences no event and gives no helper.
    #[must_use]
    pub const fn is_common(self) -> bool {
        self.silenced.is_empty() && self.helper.is_none()
    }

    pub(in crate::rules) fn apply<A: Address>(self, view: &mut View<'_, A>) {
        if !view.notrack && view.template.is_none() && view.state == CtState::Invalid {
            view.template = Some(self);
            // So is what will belong to a connection, until tracking finds which.
            view.state = CtState::New;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_holds_for_the_directions_it_was_named_for() {
        let zones = |zone, original, reply| {
            let (silenced, policy) = (Changes::default(), PolicyId::default());
            let (helper, silenced_expectations) = (None, silenced);
            let template =
                Template { zone, original, reply, silenced, silenced_expectations, policy, helper };
            let zones = template.zones(0x1_0007);
            (zones.original.get(), zones.reply.get())
        };
        assert_eq!(zones(ZoneNumber::Fixed(5), true, true), (5, 5));
        assert_eq!(zones(ZoneNumber::Fixed(5), true, false), (5, 0));
        assert_eq!(zones(ZoneNumber::Fixed(5), false, true), (0, 5));
        assert_eq!(zones(ZoneNumber::Mark, true, true), (7, 7), "16 bits of the mark");
    }
}
