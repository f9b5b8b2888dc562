//! `-m connbytes`: what the packet's connection has carried, the packet included (kernel `xt_connbytes`).

use super::Condition;
use crate::address::Address;
use crate::conntrack::{Account, Carried, Direction};
use crate::rules::View;

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// `packets`.
    Packets,
    /// `bytes`, of IP.
    Bytes,
    /// `avgpkt`: bytes by packets, zero while there is none.
    AveragePacket,
}

/// A range of what was carried, ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnBytes {
    /// Which way; both together if none.
    pub direction: Option<Direction>,
    /// What of it.
    pub mode: Mode,
    /// Least.
    pub from: u64,
    /// Most.
    pub to: u64,
    /// `!`; a packet of a connection without an account never matches.
    pub invert: bool,
}

impl ConnBytes {
    fn of(&self, account: &Account) -> u64 {
        let Carried { packets, bytes } = match self.direction {
            Some(Direction::Original) => account.original,
            Some(Direction::Reply) => account.reply,
            None => Carried {
                packets: account.original.packets.wrapping_add(account.reply.packets),
                bytes: account.original.bytes.wrapping_add(account.reply.bytes),
            },
        };
        match self.mode {
            Mode::Packets => packets,
            Mode::Bytes => bytes,
            Mode::AveragePacket => bytes.checked_div(packets).unwrap_or(0),
        }
    }

    fn is_met_by(&self, account: &Account) -> bool {
        (self.from..=self.to).contains(&self.of(account)) != self.invert
    }
}

impl<A: Address> Condition<A> for ConnBytes {
    fn holds(&self, view: &View<'_, A>) -> bool {
        let account = view.connection.as_ref().and_then(|connection| connection.account());
        account.is_some_and(|account| self.is_met_by(&account))
    }
    fn needs_conntrack(&self) -> bool {
        true
    }
    fn needs_accounting(&self) -> bool {
        true
    }
    fn keeps(&self) -> Option<&'static str> {
        Some("connbytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_direction_and_mode_has_a_number_of_its_own() {
        let account = Account {
            original: Carried { packets: 3, bytes: 200 },
            reply: Carried { packets: 0, bytes: 0 },
        };
        let value = |direction, mode| {
            ConnBytes { direction, mode, from: 0, to: 0, invert: false }.of(&account)
        };
        let modes = [Mode::Packets, Mode::Bytes, Mode::AveragePacket];
        let all = |direction| modes.map(|mode| value(direction, mode));
        assert_eq!(all(Some(Direction::Original)), [3, 200, 66]);
        assert_eq!(all(Some(Direction::Reply)), [0, 0, 0]);
        let both = Account { reply: Carried { packets: 1, bytes: 1000 }, ..account };
        let asked = ConnBytes { direction: None, mode: Mode::Bytes, from: 1, to: 2, invert: false };
        assert_eq!(asked.of(&both), 1200);
        assert_eq!(ConnBytes { mode: Mode::AveragePacket, ..asked }.of(&both), 300);
    }

    #[test]
    fn the_range_includes_its_ends() {
        let met = |from, to, invert| {
            let asked = ConnBytes { direction: None, mode: Mode::Packets, from, to, invert };
            asked.is_met_by(&Account::begun_by(60))
        };
        assert!(met(1, 1, false) && met(0, 1, false) && met(1, u64::MAX, false));
        assert!(!met(2, 5, false) && !met(0, 0, false));
        assert!(met(2, 5, true) && !met(0, 1, true));
    }
}
