//! How connections enter the table and leave it.

use super::directory::Place;
use super::expire::{Over, Ticks};
use super::protocol::{self, STREAM_AFTER};
use super::table::{Common, FlowRef, Half, Hashes, Session};
use super::timeouts::ConntrackSettings;
use super::tuples::reply_of;
use super::zones::in_zone;
use super::{
    Begin, Changes, Claim, Conntrack, Destroyed, EventKind, NewConnection, PolicyId, Status,
};
use crate::address::Address;
use crate::cache::Cached;
use crate::drop_reason::DropReason;
use crate::nat::Delta;
use crate::time::Instant;
use crate::tuple::Tuple;
use crate::wire::layer4::Layer4;
use crate::wire::parse::Headers;
use crate::wire::protocol::{SCTP, TCP};

impl<A: Address> Conntrack<A> {
    /// A packet that [`lookup`](Self::lookup) knows no connection for. `tuple` is claimed until the
    /// new connection is confirmed or abandoned.
    pub fn begin(
        &mut self,
        tuple: Tuple<A>,
        layer4: &Layer4,
        data: &[u8],
        headers: &Headers,
        now: Instant,
        settings: &ConntrackSettings,
    ) -> Begin<A> {
        let hash = self.hash(&tuple);
        self.begin_by_hash(hash, tuple, layer4, data, headers, now, settings)
    }

    /// As [`Self::begin`]; `hash` is that of `tuple`.
    #[expect(clippy::too_many_arguments, reason = "those of `begin`, and the hash")]
    #[inline]
    pub(crate) fn begin_by_hash(
        &mut self,
        hash: u64,
        tuple: Tuple<A>,
        layer4: &Layer4,
        data: &[u8],
        headers: &Headers,
        now: Instant,
        settings: &ConntrackSettings,
    ) -> Begin<A> {
        let policy = PolicyId::default();
        let first = protocol::first_packet(&tuple, layer4, data, headers, policy, settings);
        let (Some(first), Some(reply)) = (first, reply_of(&tuple)) else {
            self.statistics.invalid += 1;
            return Begin::Invalid;
        };
        if self.count >= self.capacity.min(settings.bound()) && !self.early_drop(Ticks::at(now)) {
            self.statistics.full += 1;
            return Begin::Full;
        }
        match self.claim(|| hash) {
            Claim::Won => {}
            Claim::Owned(owner) if owner != self.worker => return Begin::Owned(owner),
            // Its own, but not in the table: another new connection holds it for the moment.
            Claim::Owned(_) | Claim::Full => {
                self.statistics.full += 1;
                return Begin::Full;
            }
        }
        Begin::New(NewConnection::of(tuple, reply, first))
    }

    /// Puts a connection into the table, after its first packet has passed every chain.
    ///
    /// # Errors
    /// [`DropReason::ConntrackClash`] when another connection has one of the tuples,
    /// [`DropReason::ConntrackFull`] when there is no room. The claims are released.
    pub fn confirm(
        &mut self,
        mut new: NewConnection<A>,
        now: Instant,
    ) -> Result<FlowRef, DropReason> {
        let free = self.lookup(self.hash(&new.original), &new.original).is_none()
            && (new.claimed == Some(new.reply) || self.claim_reply(&mut new))
            && self.lookup(self.hash(&new.reply), &new.reply).is_none();
        if free {
            let hashes =
                Hashes { original: self.hash(&new.original), reply: self.hash(&new.reply) };
            return self.confirm_free_by_hash(&new, hashes, now);
        }
        self.statistics.insert_failed += 1;
        self.release_claims(&new);
        Err(DropReason::ConntrackClash)
    }

    /// As [`Self::confirm`], of a connection whose answer is claimed and whose tuples, of these hashes, nobody here
    /// has: somebody has just looked.
    ///
    /// # Errors
    /// [`DropReason::ConntrackFull`]. The claims are released.
    pub(crate) fn confirm_free_by_hash(
        &mut self,
        new: &NewConnection<A>,
        hashes: Hashes,
        now: Instant,
    ) -> Result<FlowRef, DropReason> {
        let inserted = self.insert(new, hashes, Ticks::at(now));
        match inserted {
            Ok(flow) => {
                self.statistics.inserted += 1;
                if self.telling {
                    // The kernel tells at once of all that its first packet has done.
                    let states = matches!(self.half(flow).key.protocol, TCP | SCTP);
                    let changes = Changes::NEW
                        .and_if(states, Changes::PROTOCOL)
                        // Of what an operator has made, all is told.
                        .and_if(self.common(flow).mark != 0 || self.portid != 0, Changes::MARK)
                        .without(new.silenced);
                    self.tell(EventKind::New, changes, flow.session(), Ticks::at(now));
                }
            }
            Err(_) => {
                self.statistics.insert_failed += 1;
                self.release_claims(new);
            }
        }
        inserted
    }

    #[inline]
    fn insert(
        &mut self,
        new: &NewConnection<A>,
        hashes: Hashes,
        now: Ticks,
    ) -> Result<FlowRef, DropReason> {
        if self.count >= self.capacity {
            return Err(DropReason::ConntrackFull);
        }
        let session = session(new, now).ok_or(DropReason::ConntrackClash)?;
        let deadline = session.common.deadline;
        let number = self.table.insert(session, hashes).ok_or(DropReason::ConntrackFull)?;
        self.aging.expect(number, deadline);
        if let Some(account) = new.account() {
            self.accounts.open(number, account);
        }
        if new.status.has(Status::ADJUSTED) {
            self.shifts.begin(number, new.role);
            self.helps.begin(number, new.expected_by);
        } else if new.status.has(Status::EXPECTED) {
            self.helps.begin(number, new.expected_by);
        }
        self.count += 1;
        Ok(FlowRef::original_of(number))
    }

    /// Takes a connection out of the table at once. The reference is void afterwards.
    pub fn remove(&mut self, flow: FlowRef, mut gone: impl FnMut(&Destroyed<A>)) {
        let number = flow.session();
        if !self.table.session(number).common.is_live() {
            return;
        }
        self.unlink(number, self.table.hashes(number));
        self.free(number, &mut gone);
    }

    /// Ends connections whose time has come, looking at no more than `budget` slots, rounded up to a block of 16, and at as
    /// many as time has passed for; what it leaves is made up for later. `gone` is told of each, and of those that ended in between by themselves or
    /// gave way.
    ///
    /// ```text
    ///   block n+3 is fetched ─> n+2: who is over? ─> n+1: hashes ─> n: out of the index
    /// ```
    /// All of these wait for memory, which comes while the others are worked on.
    pub fn expire(&mut self, now: Instant, mut budget: usize, mut gone: impl FnMut(&Destroyed<A>)) {
        self.expectations.sweep(now);
        let now = Ticks::at(now);
        self.aged = now;
        self.telling = self.journal.as_ref().is_some_and(|journal| journal.is_listened_to());
        while let Some(number) = self.aging.exhume() {
            self.free(number, &mut gone);
        }
        self.aging.advance(self.table.used(), now);
        let (mut found, mut hashed) = (Over::default(), Over::default());
        let mut fetched = self.aging.due(&self.table, now, &mut budget);
        while let Some(block) = fetched {
            fetched = self.aging.due(&self.table, now, &mut budget);
            let over = self.aging.over(&self.table, block, now);
            self.hash_over(&mut found);
            self.end(&hashed, &mut gone);
            (hashed, found) = (found, over);
        }
        self.hash_over(&mut found);
        self.end(&hashed, &mut gone);
        self.end(&found, &mut gone);
    }

    /// Hashes the tuples of connections that are over; the places where they stand are on their way to L1.
    fn hash_over(&self, over: &mut Over) {
        for (number, hashes) in over.as_mut_slice() {
            *hashes = self.table.hashes(*number);
            self.prefetch_places(*hashes);
        }
    }

    /// Ends connections that are over.
    fn end(&mut self, over: &Over, gone: &mut impl FnMut(&Destroyed<A>)) {
        for &(number, hashes) in over.as_slice() {
            // A call may have ended with the one before.
            if !self.table.session(number).common.is_live() {
                continue;
            }
            self.statistics.expired += 1;
            self.unlink(number, hashes);
            self.free(number, gone);
        }
    }

    /// Brings the places where both tuples of a connection stand towards L1.
    fn prefetch_places(&self, hashes: Hashes) {
        for hash in [hashes.original, hashes.reply] {
            self.table.prefetch_index(hash);
            if let Some(directory) = &self.directory {
                directory.prefetch(hash, Place::Home);
            }
        }
    }

    /// Takes a connection out of the index now; its slot is freed by the next
    /// [`expire`](Self::expire). False when too many wait for that already.
    pub(super) fn bury(&mut self, number: u32) -> bool {
        if !self.aging.bury(number) {
            return false;
        }
        self.unlink(number, self.table.hashes(number));
        true
    }

    /// Ends a connection now: out of the index at once, or where too many wait already, as one whose time has come.
    pub(super) fn end_now(&mut self, number: u32, now: Ticks) {
        if !self.bury(number) {
            self.rest_until(number, now);
        }
    }

    /// It ends at `deadline`, be that earlier than before, if nothing more comes.
    pub(super) fn rest_until(&mut self, number: u32, deadline: Ticks) {
        self.table.session_mut(number).common.deadline = deadline;
        self.aging.expect(number, deadline);
    }

    fn unlink(&mut self, number: u32, hashes: Hashes) {
        if self.table.session(number).common.status.has(Status::DYING) {
            return;
        }
        if self.telling {
            self.tell_end(number);
        }
        self.end_help(number);
        self.table.session_mut(number).common.status.set(Status::DYING);
        self.table.unlink(number, hashes);
        self.count -= 1;
        self.release(hashes.original);
        // Where the answers look like the questions, one tuple was claimed.
        if hashes.reply != hashes.original {
            self.release(hashes.reply);
        }
    }

    fn free(&mut self, number: u32, gone: &mut impl FnMut(&Destroyed<A>)) {
        let flow = FlowRef::original_of(number);
        let status = self.table.session(number).common.status;
        gone(&Destroyed {
            original: self.table.half(flow).key,
            reply: self.table.half(flow.peer()).key,
            mapped: status.has(Status::MAPPED),
            status,
        });
        self.table.free(number);
    }
}

/// Both directions: the packets of each leave looking like the answers to the other's.
#[inline]
fn session<A: Address>(new: &NewConnection<A>, now: Ticks) -> Option<Session<A>> {
    // Zones are no part of the packet.
    let target = in_zone(&reply_of(&new.reply)?, new.original.zone);
    let delta = Delta::between(&new.original, &target);
    let half = |key, delta, window| Half { key, cache: Cached::EMPTY, delta, max_ack: 0, window };
    let [first, second] = new.first.windows;
    let halves = [half(new.original, delta, first), half(new.reply, delta.reversed(), second)];
    let mut status = new.status;
    status.set(Status::CONFIRMED);
    if new.mapped {
        status.set(Status::MAPPED);
    }
    let common = Common {
        mark: new.mark,
        deadline: now.plus_seconds(new.first.timeout),
        egress: new.egress,
        status,
        ..Common::default()
    };
    let mut session = Session::new(halves, common, &new.first.tcp);
    if new.original.protocol != TCP {
        session.set_stream_from(now.plus_seconds(STREAM_AFTER));
    }
    Some(session)
}
