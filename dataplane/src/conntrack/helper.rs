//! The helpers that a connection can have, by the kernel's names, and what each may expect.

use super::Helper::{
    Amanda, Ftp, H245, Irc, NetbiosNs, Pptp, Q931, Ras, Sane, Sip, Snmp, SnmpTrap, Tftp,
};
use super::expected::Class;
use std::time::Duration;

/// A helper: what is known of an application protocol that announces further connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Helper {
    /// FTP (RFC 959, RFC 2428), over TCP.
    Ftp = 1,
    /// TFTP (RFC 1350), over UDP.
    Tftp,
    /// IRC's direct client connections, over TCP.
    Irc,
    /// Amanda's backups, over UDP.
    Amanda,
    /// SANE's scanners, over TCP.
    Sane,
    /// SNMP (RFC 3416): answers to a broadcast, over UDP.
    Snmp,
    /// SNMP's traps, over UDP.
    SnmpTrap,
    /// NetBIOS' name service (RFC 1002): answers to a broadcast, over UDP.
    NetbiosNs,
    /// PPTP (RFC 2637), over TCP.
    Pptp,
    /// SIP (RFC 3261), over UDP and TCP.
    Sip,
    /// H.323's call signalling, over TCP.
    Q931,
    /// H.323's registration, over UDP.
    Ras,
    /// H.323's multimedia control, over TCP. Connections get it where one of call signalling has announced them.
    H245,
}

impl Helper {
    /// All there are.
    pub const ALL: [Self; 13] =
        [Ftp, Tftp, Irc, Amanda, Sane, Snmp, SnmpTrap, NetbiosNs, Pptp, Sip, Q931, Ras, H245];

    /// As `CT --helper` names it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Ftp => "ftp",
            Tftp => "tftp",
            Irc => "irc",
            Amanda => "amanda",
            Sane => "sane",
            Snmp => "snmp",
            SnmpTrap => "snmp_trap",
            NetbiosNs => "netbios-ns",
            Pptp => "pptp",
            Sip => "sip",
            Q931 => "Q.931",
            Ras => "RAS",
            H245 => "H.245",
        }
    }

    /// The one of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|helper| helper.name() == name)
    }

    /// From 1 up, below 16.
    pub(crate) const fn number(self) -> u8 {
        self as u8
    }

    pub(super) fn numbered(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// What it may expect of a class (the kernel's `nf_conntrack_expect_policy`).
    pub(super) const fn policy(self, class: Class) -> Policy {
        match (self, class) {
            (Ftp | Tftp | Sane, _) => Policy::new(1, 300),
            (Irc, _) => Policy::new(8, 300),
            (Amanda, _) => Policy::new(4, 180),
            (Pptp, _) => Policy::new(2, 300),
            (Snmp | SnmpTrap, _) => Policy::new(1, 30),
            (NetbiosNs, _) => Policy::new(1, 3),
            // Signalling; audio and video; images.
            (Sip, 0) => Policy::new(1, 180),
            (Sip, 1 | 2) => Policy::new(4, 180),
            (Sip, _) => Policy::new(2, 180),
            (Q931, _) => Policy::new(20, 240),
            (H245, _) => Policy::new(18, 240),
            (Ras, _) => Policy::new(32, 240),
        }
    }
}

/// What a connection with a helper may expect of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Policy {
    /// So many at once: the oldest gives way.
    pub(super) most: usize,
    /// For so long.
    pub(super) patience: Duration,
}

impl Policy {
    const fn new(most: usize, seconds: u64) -> Self {
        Self { most, patience: Duration::from_secs(seconds) }
    }
}

/// A set of helpers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Helpers(u16);

impl Helpers {
    /// Whether it is among them.
    #[must_use]
    pub const fn has(self, helper: Helper) -> bool {
        self.0 >> helper.number() & 1 == 1
    }
}

impl FromIterator<Helper> for Helpers {
    fn from_iter<I: IntoIterator<Item = Helper>>(helpers: I) -> Self {
        Self(helpers.into_iter().fold(0, |bits, helper| bits | 1 << helper.number()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_lead_back() {
        for helper in Helper::ALL {
            assert_eq!(Helper::numbered(helper.number()), Some(helper));
            assert_eq!(Helper::named(helper.name()), Some(helper));
            let set: Helpers = [helper].into_iter().collect();
            assert!(Helper::ALL.iter().all(|other| set.has(*other) == (*other == helper)));
        }
        assert_eq!((Helper::numbered(0), Helper::numbered(14)), (None, None));
        assert_eq!(Helper::named("FTP"), None);
    }
}
