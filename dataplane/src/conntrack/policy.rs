//! Timeout policies: other timeouts for the connections that `CT --timeout` has given one (kernel
//! `nf_conntrack_timeout`).
//!
//! ```text
//!   rule ─> Template ─> both windows of the connection: a number ─> Policies ─> its timeouts, of now
//! ```
//!
//! A connection knows its policy by a number that lies in its windows, where there was room. So who has none pays for one
//! look at a byte that is at hand, and a policy that changes does so for the connections that have it. One that is
//! removed leaves its number behind, which nobody has any more: these connections go on as those without.

use super::timeouts::Timeouts;
use super::{NewConnection, protocol};
use crate::address::{Address, IpVersion};
use crate::conntrack::ConntrackSettings;
use crate::wire::layer4::Layer4;
use crate::wire::parse::Headers;
use std::sync::Arc;

/// Which policy a connection has; the default: none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct PolicyId(u16);

impl PolicyId {
    /// Whether it is that of connections without a policy.
    #[must_use]
    #[inline]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    const fn next(self) -> Self {
        Self(if self.0 == u16::MAX { 1 } else { self.0 + 1 })
    }
}

/// What makes a policy the same after a change of configuration, whatever its timeouts are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PolicyKind {
    /// Its name.
    pub name: String,
    /// IP protocol of its connections; none of all that have no timeouts of their own.
    pub protocol: Option<u8>,
    /// Of which rules; none: of both.
    pub version: Option<IpVersion>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Policy {
    id: PolicyId,
    kind: PolicyKind,
    timeouts: Timeouts,
}

/// All policies there are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policies {
    /// By number.
    list: Arc<[Policy]>,
    /// The number given last.
    last: PolicyId,
}

impl Policies {
    /// How many there can be.
    pub const MOST: usize = u16::MAX as usize;

    /// These policies, those of before among them with the numbers they had; others get numbers that were not in use
    /// for as long as there was a choice. Those beyond [`Self::MOST`] get none.
    #[must_use]
    pub fn after(before: &Self, asked: impl IntoIterator<Item = (PolicyKind, Timeouts)>) -> Self {
        let mut last = before.last;
        let mut list: Vec<Policy> = Vec::new();
        let mut fresh = Vec::new();
        for (kind, timeouts) in asked {
            match before.list.iter().find(|policy| policy.kind == kind) {
                Some(Policy { id, .. }) => list.push(Policy { id: *id, kind, timeouts }),
                None => fresh.push((kind, timeouts)),
            }
        }
        for (kind, timeouts) in fresh.into_iter().take(Self::MOST - list.len().min(Self::MOST)) {
            last = last.next();
            while list.iter().any(|policy| policy.id == last) {
                last = last.next();
            }
            list.push(Policy { id: last, kind, timeouts });
        }
        list.sort_by_key(|policy| policy.id);
        Self { list: list.into(), last }
    }

    /// The number of the policy of that name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<PolicyId> {
        self.list.iter().find(|policy| policy.kind.name == name).map(|policy| policy.id)
    }

    /// Its timeouts, if it is still there.
    pub(super) fn get(&self, id: PolicyId) -> Option<&Timeouts> {
        let at = self.list.binary_search_by_key(&id, |policy| policy.id).ok()?;
        self.list.get(at).map(|policy| &policy.timeouts)
    }
}

impl<A: Address> NewConnection<A> {
    /// Has it follow a policy, from this first packet of it on.
    pub(crate) fn follow(
        &mut self,
        policy: PolicyId,
        layer4: &Layer4,
        data: &[u8],
        headers: &Headers,
        settings: &ConntrackSettings,
    ) {
        let first = protocol::first_packet(&self.original, layer4, data, headers, policy, settings);
        self.first = first.unwrap_or(self.first);
    }
}
