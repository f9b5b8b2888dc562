//! What connections have carried: packets and bytes of each direction, in a table beside that of the connections, by the
//! same numbers.
//!
//! A connection has an account if accounts were kept when it began (kernel `nf_conn_acct`), and its status says so; what
//! it carries is counted to its end. The table's memory is reserved at the start, and the system gives a page of it when
//! the first account there is opened: where nobody asks for accounts they cost nothing.

use super::table::FlowRef;
use super::{Conntrack, Direction, NewConnection, Status};
use crate::address::Address;
use crate::conntrack::ConntrackSettings;
use zerocopy::FromZeros;

/// Packets, and their bytes of IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromZeros)]
#[repr(C)]
pub struct Carried {
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}

/// What a connection has carried in each direction.
// Aligned no more than words are: zeroed memory of a larger alignment is written, and so taken, by the allocator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromZeros)]
#[repr(C)]
pub struct Account {
    /// As its first packet went.
    pub original: Carried,
    /// The other way.
    pub reply: Carried,
}

impl Account {
    /// Of a connection whose first packet has so many bytes.
    pub(crate) const fn begun_by(bytes: u32) -> Self {
        let nothing = Carried { packets: 0, bytes: 0 };
        Self { original: Carried { packets: 1, bytes: bytes as u64 }, reply: nothing }
    }
}

/// The accounts of a table's connections.
#[derive(Debug)]
pub(super) struct Accounts {
    list: Vec<Account>,
    /// Whether one was ever opened.
    used: bool,
}

impl Accounts {
    /// Room for `slots` accounts; none where the system has not that much. Their pages are taken now where they `will` be
    /// used.
    pub(super) fn new(slots: usize, will: bool) -> Option<Self> {
        let list = Account::new_vec_zeroed(slots).ok()?;
        if will {
            dpdk::memory::populate(&list);
        }
        Some(Self { list, used: false })
    }

    pub(super) fn open(&mut self, number: u32, account: Account) {
        self.used = true;
        if let Some(place) = self.list.get_mut(number as usize) {
            *place = account;
        }
    }

    #[inline]
    pub(super) fn add(&mut self, flow: FlowRef, bytes: u32) {
        let Some(account) = self.list.get_mut(flow.session() as usize) else { return };
        let carried = match flow.direction() {
            Direction::Original => &mut account.original,
            Direction::Reply => &mut account.reply,
        };
        carried.packets += 1;
        carried.bytes += u64::from(bytes);
    }

    pub(super) fn get(&self, number: u32) -> Account {
        self.list.get(number as usize).copied().unwrap_or_default()
    }
}

impl<A> NewConnection<A> {
    /// Opens an account with its first packet, of so many bytes, where accounts are kept.
    pub(crate) const fn open_account(&mut self, bytes: u32, settings: &ConntrackSettings) {
        if settings.accounting {
            self.status.set(Status::ACCOUNTED);
            self.first_bytes = bytes;
        }
    }

    /// What it has carried: its first packet.
    pub(crate) fn account(&self) -> Option<Account> {
        self.status.has(Status::ACCOUNTED).then(|| Account::begun_by(self.first_bytes))
    }
}

impl<A: Address> Conntrack<A> {
    /// What a connection has carried, if it has an account.
    #[must_use]
    pub fn account(&self, flow: FlowRef) -> Option<Account> {
        let number = flow.session();
        let has = self.table.session(number).common.status.has(Status::ACCOUNTED);
        has.then(|| self.accounts.get(number))
    }

    /// Whether connections may have accounts.
    #[inline]
    pub(crate) const fn has_accounts(&self) -> bool {
        self.accounts.used
    }

    /// Counts a packet in its connection's account, if it has one.
    #[inline]
    pub(crate) fn note_carried(&mut self, flow: FlowRef, bytes: u32) {
        if self.table.session(flow.session()).common.status.has(Status::ACCOUNTED) {
            self.accounts.add(flow, bytes);
        }
    }
}
