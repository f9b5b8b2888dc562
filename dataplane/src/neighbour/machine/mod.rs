//! Neighbour unreachability detection: the kernel's `net/core/neighbour.c` without its sockets.
//!
//! ```text
//!   (none) ──wanted──> INCOMPLETE ──answer──> REACHABLE ──30 s, unused──> STALE
//!                          │ 3 requests            │ used lately            │ used
//!                          v                       v                        v
//!                       FAILED <──3 requests── PROBE <────────5 s──────── DELAY
//! ```
//!
//! Owned by the control thread: the one writer of the [`NeighbourTable`]. No I/O and no clock: events
//! and time come in, frames to send and packets to release go out.

mod gc;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::state::{Event, Kind, Neighbour, Output, Settings, State};
use super::table::{Key, Link, NeighbourTable, Slots};
use crate::address::Mac;
use crate::ids::{InterfaceId, NeighbourId};
use crate::published::Quiescence;
use crate::time::Instant;

/// The table has no room for another neighbour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the neighbour table is full")]
pub struct TableFull;

/// What the machine knows of a neighbour beyond the table.
#[derive(Debug)]
struct Node {
    key: Key,
    state: State,
    mac: Option<Mac>,
    router: bool,
    probes: u32,
    /// Last proof that it is there.
    confirmed: Instant,
    /// Last change of state or MAC.
    updated: Instant,
    deadline: Option<Instant>,
}

/// A change of a neighbour, as the kernel's `neigh_update` takes it.
#[derive(Debug, Clone, Copy)]
struct Update {
    mac: Option<Mac>,
    state: State,
    /// May replace a MAC already known.
    overriding: bool,
    /// May cast doubt on a MAC already known.
    doubting: bool,
    /// What it says of being a router.
    router: Option<bool>,
    /// By the operator.
    admin: bool,
}

/// The state machine of all neighbours.
#[derive(Debug)]
pub struct Machine {
    slots: Slots,
    settings: Settings,
    nodes: BTreeMap<NeighbourId, Node>,
    timers: BTreeSet<(Instant, NeighbourId)>,
    /// Entries that are not static.
    dynamic: usize,
    next_sweep: Instant,
    next_gc: Instant,
    last_forced: Option<Instant>,
}

/// The second of an instant, as [`NeighbourTable::mark_used`] wants it.
#[must_use]
pub const fn seconds(now: Instant) -> u32 {
    (now.0 / 1_000_000_000) as u32
}

impl Machine {
    /// A machine that writes `table`, which must be empty and have no other writer.
    #[must_use]
    pub fn new(table: Arc<NeighbourTable>, settings: Settings) -> Self {
        Self {
            slots: Slots::new(table),
            settings,
            nodes: BTreeMap::new(),
            timers: BTreeSet::new(),
            dynamic: 0,
            next_sweep: Instant(0),
            next_gc: Instant(0),
            last_forced: None,
        }
    }

    /// Takes new settings; running timers keep their time.
    pub fn configure(&mut self, settings: Settings) {
        self.settings = settings;
    }

    /// Takes one event.
    pub fn handle(&mut self, event: Event, now: Instant, out: &mut Vec<Output>) {
        match event {
            Event::Wanted { interface, address } => self.wanted((interface, address), now, out),
            Event::Seen { interface, address, mac, kind } => {
                self.seen((interface, address), mac, kind, now, out);
            }
            Event::InterfaceGone { interface } => {
                self.remove_where(out, |node| node.key.0 == interface);
            }
        }
    }

    /// Does what is due; returns when to come back.
    pub fn poll(&mut self, now: Instant, out: &mut Vec<Output>) -> Option<Instant> {
        while let Some(&(deadline, id)) = self.timers.first()
            && deadline <= now
        {
            self.timers.pop_first();
            if let Some(node) = self.nodes.get_mut(&id) {
                node.deadline = None;
            }
            self.expired(id, now, out);
        }
        self.sweep(now, out);
        let sweep = (!self.nodes.is_empty()).then_some(self.next_sweep);
        self.timers.first().map(|(deadline, _)| *deadline).into_iter().chain(sweep).min()
    }

    /// Sets an entry by hand: permanent, or as if it had just answered.
    ///
    /// # Errors
    /// When the table is full.
    pub fn set(
        &mut self,
        interface: InterfaceId,
        address: IpAddr,
        mac: Mac,
        permanent: bool,
        now: Instant,
        out: &mut Vec<Output>,
    ) -> Result<NeighbourId, TableFull> {
        let id = match self.slots.table().find(interface, address) {
            Some(id) => id,
            None => self.create((interface, address), now).ok_or(TableFull)?,
        };
        let state = if permanent { State::Permanent } else { State::Reachable };
        let update = Update {
            mac: Some(mac),
            state,
            overriding: true,
            doubting: false,
            router: None,
            admin: true,
        };
        self.update(id, update, now, out);
        Ok(id)
    }

    /// Removes an entry, static ones too; false when there is none.
    pub fn delete(
        &mut self,
        interface: InterfaceId,
        address: IpAddr,
        out: &mut Vec<Output>,
    ) -> bool {
        self.remove_where(out, |node| node.key == (interface, address)) > 0
    }

    /// Removes all entries but the static ones, of one interface or of all; returns how many.
    pub fn flush(&mut self, interface: Option<InterfaceId>, out: &mut Vec<Output>) -> usize {
        self.remove_where(out, |node| {
            !node.state.is_static() && interface.is_none_or(|interface| node.key.0 == interface)
        })
    }

    /// All entries, by interface and address.
    #[must_use]
    pub fn list(&self) -> Vec<Neighbour> {
        let mut list: Vec<_> = self
            .nodes
            .iter()
            .map(|(id, node)| Neighbour {
                id: *id,
                interface: node.key.0,
                address: node.key.1,
                mac: node.mac,
                state: node.state,
                router: node.router,
            })
            .collect();
        list.sort_by_key(|neighbour| (neighbour.interface, neighbour.address));
        list
    }

    /// Makes the places of removed entries available again once no worker works with them. Call now and
    /// then.
    pub fn reclaim(&mut self, quiescence: &Quiescence) {
        self.slots.reclaim(quiescence);
    }

    fn wanted(&mut self, key: Key, now: Instant, out: &mut Vec<Output>) {
        let Some(id) = self.find_or_create(key, now, out) else {
            out.push(Output::Failed { id: None, interface: key.0, address: key.1 });
            return;
        };
        let Some(node) = self.nodes.get_mut(&id) else { return };
        match node.state {
            State::Failed => {
                self.enter(id, State::Incomplete, now);
                self.slots.set(id, Link::Unresolved);
                self.expired(id, now, out);
            }
            State::Incomplete if node.deadline.is_none() => self.expired(id, now, out),
            State::Incomplete => {}
            state => {
                if state == State::Stale {
                    self.enter(id, State::Delay, now);
                }
                // Resolved just before the packet was parked: nothing else would release it.
                out.push(Output::Resolved { id, interface: key.0, address: key.1 });
            }
        }
    }

    fn seen(
        &mut self,
        key: Key,
        mac: Option<Mac>,
        kind: Kind,
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        let known = self.slots.table().find(key.0, key.1);
        let unlocked = known.and_then(|id| self.nodes.get(&id)).is_none_or(|node| {
            now.since(node.updated) > self.settings.locktime || node.mac.is_none()
        });
        let stale = Update {
            mac,
            state: State::Stale,
            overriding: true,
            doubting: false,
            router: None,
            admin: false,
        };
        let update = match kind {
            Kind::Request | Kind::NeighbourSolicitation | Kind::Gratuitous => stale,
            Kind::Overheard => Update { overriding: unlocked, ..stale },
            Kind::Reply => Update { state: State::Reachable, overriding: unlocked, ..stale },
            Kind::NeighbourAdvertisement { solicited, override_, router } => Update {
                state: if solicited { State::Reachable } else { State::Stale },
                overriding: override_,
                doubting: true,
                router: Some(router),
                ..stale
            },
        };
        let learns = matches!(kind, Kind::Request | Kind::NeighbourSolicitation) && mac.is_some();
        let id = if learns { self.find_or_create(key, now, out) } else { known };
        let Some(id) = id else { return };
        let failed = self.nodes.get(&id).is_none_or(|node| node.state == State::Failed);
        if failed && matches!(kind, Kind::NeighbourAdvertisement { .. }) {
            // As `ndisc_recv_na`: an advertisement does not revive what has failed.
            return;
        }
        self.update(id, update, now, out);
    }

    /// `neigh_update`, with RFC 4861 section 7.2.5 in it.
    fn update(&mut self, id: NeighbourId, update: Update, now: Instant, out: &mut Vec<Output>) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        let (old, mut state) = (node.state, update.state);
        if old.is_static() && !update.admin {
            return;
        }
        let Some(mut mac) = update.mac.or(node.mac.filter(|_| old.is_valid())) else { return };
        let other = node.mac != Some(mac);
        let mut router = update.router;
        if old.is_valid() {
            if other && !update.overriding {
                let (true, true, Some(kept)) = (update.doubting, old.is_connected(), node.mac)
                else {
                    return;
                };
                (mac, state, router) = (kept, State::Stale, None);
            } else if !other && state == State::Stale && !update.admin {
                state = old;
            }
        }
        if state.is_connected() {
            node.confirmed = now;
        }
        if node.mac != Some(mac) {
            (node.mac, node.updated) = (Some(mac), now);
        }
        node.router = router.unwrap_or(node.router);
        let key = node.key;
        if state != old || state == State::Reachable {
            self.enter(id, state, now);
        }
        self.slots.set(id, Link::Resolved(mac));
        if !old.is_valid() {
            out.push(Output::Resolved { id, interface: key.0, address: key.1 });
        }
    }

    /// Changes state and sets the timer that the new one runs on.
    fn enter(&mut self, id: NeighbourId, state: State, now: Instant) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        match (node.state.is_static(), state.is_static()) {
            (false, true) => self.dynamic -= 1,
            (true, false) => self.dynamic += 1,
            (false, false) | (true, true) => {}
        }
        if node.state != state {
            (node.state, node.updated, node.probes) = (state, now, 0);
        }
        let deadline = match state {
            State::Reachable => Some(now + self.settings.base_reachable),
            State::Delay => Some(now + self.settings.delay_first_probe),
            // Solicitations start and repeat in `expired`.
            State::Incomplete | State::Probe => None,
            State::Stale | State::Failed | State::NoArp | State::Permanent => None,
        };
        self.schedule(id, deadline);
    }

    fn schedule(&mut self, id: NeighbourId, deadline: Option<Instant>) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        if let Some(old) = std::mem::replace(&mut node.deadline, deadline) {
            self.timers.remove(&(old, id));
        }
        if let Some(deadline) = deadline {
            self.timers.insert((deadline, id));
        }
    }

    /// `neigh_timer_handler`.
    fn expired(&mut self, id: NeighbourId, now: Instant, out: &mut Vec<Output>) {
        let Some(node) = self.nodes.get(&id) else { return };
        match node.state {
            State::Reachable => {
                let used = u64::from(self.slots.table().used(id));
                let idle = u64::from(seconds(now)).saturating_sub(used);
                let in_use = idle <= self.settings.delay_first_probe.as_secs();
                self.enter(id, if in_use { State::Delay } else { State::Stale }, now);
            }
            State::Delay => {
                self.enter(id, State::Probe, now);
                self.solicit(id, now, out);
            }
            State::Incomplete | State::Probe => self.solicit(id, now, out),
            State::Stale | State::Failed | State::NoArp | State::Permanent => {}
        }
    }

    /// Asks once more, or gives up.
    fn solicit(&mut self, id: NeighbourId, now: Instant, out: &mut Vec<Output>) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        let ((interface, address), probing) = (node.key, node.state == State::Probe);
        let limit =
            if probing { self.settings.unicast_solicits } else { self.settings.multicast_solicits };
        if node.probes >= limit {
            self.enter(id, State::Failed, now);
            self.slots.set(id, Link::Failed);
            out.push(Output::Failed { id: Some(id), interface, address });
            return;
        }
        node.probes += 1;
        let unicast_to = node.mac.filter(|_| probing);
        self.schedule(id, Some(now + self.settings.retrans));
        out.push(Output::Solicit { interface, target: address, unicast_to });
    }
}

#[cfg(test)]
mod tests;
