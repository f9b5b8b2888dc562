//! Sequence numbers that one end of a TCP connection knows otherwise than the other, because SYNPROXY has spoken for
//! it or a helper has changed what it said (kernel `nf_conntrack_seqadj.c`, `nf_conntrack_synproxy.h`).
//!
//! ```text
//!   Status::ADJUSTED ─> Shifts[session]: why, and by how much each direction's numbers move
//! ```
//!
//! The table has a place for every session and takes memory only where a place has been used: connections
//! without that status never touch it. Windows are tracked in each sender's own numbers.

use super::segment::{after, before};
use super::{
    Changes, Conntrack, Direction, FlowRef, Helper, Status, TableTooLarge, TcpConnectionState,
};
use crate::address::Address;
use crate::wire::parse::Headers;
use crate::wire::tcp_options::{self, SACK, TIMESTAMPS};
use crate::wire::{tcp_flags, u32_at};
use zerocopy::FromZeros;

/// Why a connection's packets are looked at one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromZeros)]
pub(crate) struct Role(u32);

impl Role {
    /// SYNPROXY has begun it.
    pub(super) const PROXIED: Self = Self(1);
    /// The sequence numbers of its ends differ.
    pub(super) const SHIFTED: Self = Self(2);
    /// Nobody is told that it expects a connection,
    const QUIET: Self = Self(8);
    /// nor that it expects it no more.
    const QUIET_ENDS: Self = Self(16);
    /// From here on, the number of its helper.
    const HELPER_SHIFT: u32 = 8;

    pub(super) const fn has(self, bits: Self) -> bool {
        self.0 & bits.0 != 0
    }
    pub(super) const fn set(&mut self, bits: Self) {
        self.0 |= bits.0;
    }

    /// It has that helper.
    pub(super) const fn helped_by(helper: Helper) -> Self {
        Self((helper.number() as u32) << Self::HELPER_SHIFT)
    }

    /// Its helper.
    pub(super) fn helper(self) -> Option<Helper> {
        Helper::numbered((self.0 >> Self::HELPER_SHIFT) as u8)
    }

    /// Lets nobody be told of these changes of what it expects.
    pub(super) const fn silence_expectations(&mut self, changes: Changes) {
        if Changes::NEW.without(changes).is_empty() {
            self.set(Self::QUIET);
        }
        if Changes::DESTROY.without(changes).is_empty() {
            self.set(Self::QUIET_ENDS);
        }
    }

    /// What nobody is told of what it expects.
    pub(super) const fn silenced_expectations(self) -> Changes {
        Changes::among(0)
            .and_if(self.has(Self::QUIET), Changes::NEW)
            .and_if(self.has(Self::QUIET_ENDS), Changes::DESTROY)
    }
}

/// By how much the sequence numbers of one direction move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromZeros)]
struct Shift {
    /// Where the last change is, in the sender's numbers.
    at: u32,
    /// Up to there,
    before: u32,
    /// and behind.
    behind: u32,
}

impl Shift {
    /// Of a number as its sender says it.
    const fn of(self, seq: u32) -> u32 {
        if after(seq, self.at) { self.behind } else { self.before }
    }

    /// Of a number as the other end hears it.
    const fn of_heard(self, ack: u32) -> u32 {
        self.of(ack.wrapping_sub(self.before))
    }

    /// What the sender says at `seq` becomes longer by this. Of what is said again, nothing changes: there is one change
    /// in the window, as in the kernel.
    const fn grow(&mut self, seq: u32, by: u32) {
        if self.before == self.behind || before(self.at, seq) {
            self.at = seq;
            self.before = self.behind;
            self.behind = self.behind.wrapping_add(by);
        }
    }
}

/// What is kept of one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromZeros)]
pub(super) struct Shifts {
    /// Why.
    pub(super) role: Role,
    /// Of original and reply.
    by: [Shift; 2],
    /// The sequence number that SYNPROXY greeted the client with.
    greeting: u32,
    /// The timestamp it greeted it with.
    greeting_time: u32,
    /// By how much the server's clock is ahead of what the client was told.
    clock: u32,
}

impl Shifts {
    /// By how much the other end hears a number that `direction` has said above it.
    pub(super) const fn of_said(&self, direction: Direction, next: u32) -> u32 {
        self.of(direction).of(next.wrapping_sub(1))
    }

    const fn of(&self, direction: Direction) -> Shift {
        self.by[direction as usize]
    }
}

/// The shifts of all connections of one worker, by session.
#[derive(Debug)]
pub(super) struct ShiftTable(Vec<Shifts>);

impl ShiftTable {
    /// For `slots` sessions. Memory is taken when a place is first used.
    ///
    /// # Errors
    /// The system would not have that much memory.
    pub(super) fn new(slots: usize) -> Result<Self, TableTooLarge> {
        Shifts::new_vec_zeroed(slots).map(Self).map_err(|_| TableTooLarge { slots })
    }

    pub(super) fn get(&self, session: u32) -> Shifts {
        self.0.get(session as usize).copied().unwrap_or_default()
    }

    fn place(&mut self, session: u32) -> Option<&mut Shifts> {
        self.0.get_mut(session as usize)
    }

    /// A connection begins whose packets are looked at one by one.
    pub(super) fn begin(&mut self, session: u32, role: Role) {
        if let Some(place) = self.place(session) {
            *place = Shifts { role, ..Shifts::default() };
        }
    }

    /// As of another table's connection.
    pub(super) fn copy(&mut self, session: u32, shifts: Shifts) {
        if let Some(place) = self.place(session) {
            *place = shifts;
        }
    }

    /// Its SYN is on its way: with what the client was greeted.
    pub(super) fn note_greeting(&mut self, session: u32, seq: u32, time: Option<u32>) {
        if let Some(place) = self.place(session) {
            place.greeting = seq;
            place.greeting_time = time.unwrap_or(place.greeting_time);
        }
    }

    /// The server has told its time, or the client is to be greeted anew.
    pub(super) fn set_clock(&mut self, session: u32, time: Option<u32>) {
        if let Some(place) = self.place(session) {
            place.clock = time.map_or(0, |time| time.wrapping_sub(place.greeting_time));
        }
    }

    /// From here on the server's `seq` is what the client was greeted with.
    pub(super) fn align(&mut self, session: u32, direction: Direction, seq: u32) {
        let Some(place) = self.place(session) else { return };
        let by = place.greeting.wrapping_sub(seq);
        if by != 0 {
            let shift = &mut place.by[direction as usize];
            (shift.before, shift.behind) = (by, by);
            place.role.set(Role::SHIFTED);
        }
    }

    /// A helper has made what is said at `seq` longer by this.
    pub(super) fn grow(&mut self, session: u32, direction: Direction, seq: u32, by: u32) {
        if let Some(place) = self.place(session).filter(|_| by != 0) {
            place.by[direction as usize].grow(seq, by);
            place.role.set(Role::SHIFTED);
        }
    }
}

/// Where the numbers of a TCP header stand in it.
const SEQ: usize = 4;
const ACK: usize = 8;
const FLAGS: usize = 13;

/// Moves sequence number, acknowledgement and SACK blocks of a segment of `direction`; false, and nothing
/// changed, where its options cannot be read to their end.
pub(super) fn shift_numbers(
    shifts: &Shifts,
    direction: Direction,
    data: &mut [u8],
    headers: &Headers,
) -> bool {
    let l4 = usize::from(headers.l4);
    let (Some(seq), Some(ack)) = (u32_at(data, l4 + SEQ), u32_at(data, l4 + ACK)) else {
        return false;
    };
    if !tcp_options::are_whole(data, headers) {
        return false;
    }
    let (own, other) = (shifts.of(direction), shifts.of(direction.opposite()));
    let seq = seq.wrapping_add(own.of(seq));
    tcp_options::replace(data, headers, SEQ, &seq.to_be_bytes());
    if data.get(l4 + FLAGS).is_some_and(|flags| flags & tcp_flags::ACK != 0) {
        let ack = ack.wrapping_sub(other.of_heard(ack));
        tcp_options::replace(data, headers, ACK, &ack.to_be_bytes());
    }
    let mut from = 0;
    while let Some(blocks) = option(data, headers, from, SACK) {
        from = blocks.end;
        if blocks.len() % 8 != 2 {
            continue;
        }
        for at in (blocks.start + 2..blocks.end).step_by(4) {
            let Some(edge) = u32_at(data, at) else { break };
            let edge = edge.wrapping_sub(other.of_heard(edge)).to_be_bytes();
            tcp_options::replace(data, headers, at - l4, &edge);
        }
    }
    true
}

/// Moves the timestamp of a server by what the client was told of its clock, and back in what the client echoes.
pub(super) fn shift_timestamps(
    shifts: &Shifts,
    direction: Direction,
    data: &mut [u8],
    headers: &Headers,
) {
    let clock = shifts.clock;
    if clock == 0 {
        return;
    }
    let Some(at) = option(data, headers, 0, TIMESTAMPS).filter(|at| at.len() == 10) else { return };
    let (at, by) = match direction {
        Direction::Reply => (at.start + 2, clock.wrapping_neg()),
        Direction::Original => (at.start + 6, clock),
    };
    if let Some(time) = u32_at(data, at) {
        let from_header = at - usize::from(headers.l4);
        let time = time.wrapping_add(by).to_be_bytes();
        tcp_options::replace(data, headers, from_header, &time);
    }
}

/// The first option of that kind at `from` or behind.
fn option(data: &[u8], headers: &Headers, from: usize, kind: u8) -> Option<std::ops::Range<usize>> {
    tcp_options::whole(data, headers)
        .flatten()
        .find(|(found, at)| *found == kind && at.start >= from)
        .map(|(_, at)| at)
}

impl<A: Address> Conntrack<A> {
    /// Whether packets of this connection are to be shifted, or looked at by SYNPROXY or a helper.
    #[inline]
    pub(crate) fn is_adjusted(&self, flow: FlowRef) -> bool {
        self.common(flow).status.has(Status::ADJUSTED)
    }

    /// Why the packets of a connection are looked at one by one.
    pub(super) fn role(&self, flow: FlowRef) -> Role {
        match self.is_adjusted(flow) {
            true => self.shifts.get(flow.session()).role,
            false => Role::default(),
        }
    }

    /// By how much its numbers move, and why.
    pub(super) fn shifts_of(&self, flow: FlowRef) -> Shifts {
        match self.is_adjusted(flow) {
            true => self.shifts.get(flow.session()),
            false => Shifts::default(),
        }
    }

    /// The state of a connection that SYNPROXY has opened; none of another.
    pub(crate) fn proxied_state(&self, flow: FlowRef) -> Option<TcpConnectionState> {
        self.role(flow).has(Role::PROXIED).then(|| self.common(flow).state)
    }

    /// The SYN of a connection is on its way, with the sequence number and the timestamp that its client was greeted
    /// with.
    pub(crate) fn note_greeting(&mut self, flow: FlowRef, seq: u32, time: Option<u32>) {
        self.shifts.note_greeting(flow.session(), seq, time);
    }

    /// What the server's clock says; none before it has spoken again.
    pub(crate) fn set_clock(&mut self, flow: FlowRef, time: Option<u32>) {
        self.shifts.set_clock(flow.session(), time);
    }

    /// What `flow` calls `seq` is what its peer was greeted with.
    pub(crate) fn align(&mut self, flow: FlowRef, seq: u32) {
        self.shifts.align(flow.session(), flow.direction(), seq);
    }

    /// What `flow` says at `seq` has become longer by this.
    pub(crate) fn grow(&mut self, flow: FlowRef, seq: u32, by: u32) {
        self.shifts.grow(flow.session(), flow.direction(), seq, by);
    }

    /// By how much an acknowledgement of this direction lies above what the other has sent, and whether SYNPROXY has
    /// begun the connection.
    pub(super) fn ack_shift(&self, flow: FlowRef, ack: u32) -> (u32, bool) {
        if !self.is_adjusted(flow) {
            return (0, false);
        }
        let shifts = self.shifts.get(flow.session());
        let by = shifts.of(flow.direction().opposite()).of(ack.wrapping_sub(1));
        (by, shifts.role.has(Role::PROXIED))
    }

    /// The largest window the client has announced, as far as a header can say it.
    pub(crate) fn client_window(&self, flow: FlowRef) -> u16 {
        let session = self.table.session(flow.session());
        session.half(Direction::Original).window.max_win as u16
    }

    /// Moves the numbers of a segment of a connection as far as its ends differ; false, and nothing changed, where its
    /// options cannot be read.
    pub(crate) fn shift(&self, flow: FlowRef, data: &mut [u8], headers: &Headers) -> bool {
        let shifts = self.shifts.get(flow.session());
        let role = shifts.role;
        if role.has(Role::SHIFTED) && !shift_numbers(&shifts, flow.direction(), data, headers) {
            return false;
        }
        if role.has(Role::PROXIED) {
            shift_timestamps(&shifts, flow.direction(), data, headers);
        }
        true
    }
}
