//! `-m pkttype`: how a packet was addressed on the link (kernel: xt_pkttype).

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Words, opt};

/// `[!] --pkt-type TYPE`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pkttype {
    /// `!`
    pub negated: bool,
    /// The type meant.
    pub kind: PacketType,
}

/// How a packet was addressed on the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PacketType {
    /// To this box.
    #[default]
    Unicast,
    /// To everybody.
    Broadcast,
    /// To a group.
    Multicast,
    /// To somebody else.
    OtherHost,
}

/// The first name of a type is the one printed.
const NAMES: [(&str, PacketType); 7] = [
    ("unicast", PacketType::Unicast),
    ("broadcast", PacketType::Broadcast),
    ("multicast", PacketType::Multicast),
    ("otherhost", PacketType::OtherHost),
    ("bcast", PacketType::Broadcast),
    ("mcast", PacketType::Multicast),
    ("host", PacketType::Unicast),
];

impl PacketType {
    fn name(self) -> &'static str {
        NAMES.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }
}

impl Words for Pkttype {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[opt("pkt-type").negatable().required()];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        let text = given.argument(0);
        let found = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        (_, self.kind) = *found.ok_or_else(|| {
            Fault::usage(format!("Bad packet type '{text}'"))
                .help("types are unicast, broadcast, multicast and otherhost")
        })?;
        self.negated = given.negated;
        Ok(())
    }

    fn save(&self, out: &mut String) {
        let bang = if self.negated { " !" } else { "" };
        out.push_str(&format!("{bang} --pkt-type {}", self.kind.name()));
    }

    fn list(&self, out: &mut String, _look: Look) {
        let bang = if self.negated { "!" } else { "" };
        out.push_str(&format!(" PKTTYPE {bang}= {}", self.kind.name()));
    }
}
