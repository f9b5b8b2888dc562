//! Whether a segment lies in the window its receiver has opened (the kernel's `tcp_in_window`, after
//! Guido van Rooij, "Real Stateful TCP Packet Filtering in IP Filter").
//!
//! ```text
//!   sequence numbers of the sender
//!   ──────┬──────────────────────┬───────────────────────┬──────>
//!         end - receiver.max_win end                     max_end
//!         └ no older than this   └ sent so far           └ the receiver has room up to here
//! ```
//!
//! An acknowledgement is no higher than what the peer has sent and not absurdly old.

use super::Direction;
use super::policy::PolicyId;
use super::segment::{Segment, after, before};
use super::tcp::{TcpHistory, TcpState};
use super::tcp_state::{Kind, TcpConnectionState};
use super::timeouts::ConntrackSettings;
use crate::wire::layer4::TcpFields;
use crate::wire::tcp_flags as flag;

/// What one direction of a TCP connection has sent and may send. 16 bytes.
///
/// Protocols without a window keep in `end` when the direction's silence ends the connection; see
/// [`super::table::Half`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct Window {
    /// The highest sequence number sent, plus one.
    pub(super) end: u32,
    /// The highest that the receiver has made room for.
    pub(super) max_end: u32,
    /// The largest window this direction has announced; zero before it has spoken.
    pub(super) max_win: u32,
    /// Its window scale (RFC 7323).
    pub(super) scale: u8,
    /// Bits of [`mark`].
    pub(super) flags: u8,
    /// Whose timeouts the connection follows.
    pub(super) policy: PolicyId,
}

const _: () = assert!(size_of::<Window>() == 16);

/// What is known of one direction.
pub(super) mod mark {
    pub(in super::super) const WINDOW_SCALE: u8 = 0x01;
    pub(in super::super) const SACK: u8 = 0x02;
    /// Its FIN began the end.
    pub(in super::super) const CLOSE_INIT: u8 = 0x04;
    /// Picked up: the window cannot be known.
    pub(in super::super) const LIBERAL: u8 = 0x08;
    pub(in super::super) const UNACKNOWLEDGED: u8 = 0x10;
    /// It has acknowledged something.
    pub(in super::super) const HAS_ACKED: u8 = 0x20;
    /// Of protocols without a window, where there is no policy: nothing but its deadline changes any more.
    pub(in super::super) const SETTLED: u8 = 0x40;
}

/// What to do with a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    Accept,
    /// Harmless: let it pass, and forget it.
    Ignore,
    Invalid,
}

/// How old an acknowledgement may be, at least.
const MAX_ACK_WINDOW: u32 = 66_000;

impl Window {
    pub(super) const fn has(&self, marks: u8) -> bool {
        self.flags & marks != 0
    }

    /// Notes that nothing but the deadline of its connection changes any more, which then is a stream's. What follows a
    /// policy asks that each time.
    pub(super) const fn settle(&mut self) {
        self.flags |= if self.policy.is_none() { mark::SETTLED } else { 0 };
    }

    /// The window of a connection's first segment, a SYN.
    pub(super) fn opened_by(syn: &Segment<'_>) -> Self {
        let end = syn.end();
        let max_win = u32::from(syn.fields.window).max(1);
        let mut window = Self { end, max_end: end, max_win, ..Self::default() };
        window.read_offer(syn);
        window
    }

    /// The window of a connection whose opening was not seen.
    pub(super) fn picked_up(segment: &Segment<'_>) -> Self {
        let end = segment.end();
        let max_win = u32::from(segment.fields.window).max(1);
        let max_end = end.wrapping_add(max_win);
        Self { end, max_end, max_win, flags: mark::SACK | mark::LIBERAL, ..Self::default() }
    }

    /// Forgets all but that it is liberal, and its policy.
    pub(super) fn reset(&mut self) {
        let (flags, policy) = (self.flags & mark::LIBERAL, self.policy);
        *self = Self { flags, policy, ..Self::default() };
    }

    fn read_offer(&mut self, syn: &Segment<'_>) {
        if !syn.has_options() {
            return;
        }
        let offer = syn.options();
        self.scale = offer.window_scale.unwrap_or(0);
        self.flags &= mark::LIBERAL;
        self.flags |= if offer.window_scale.is_some() { mark::WINDOW_SCALE } else { 0 };
        self.flags |= if offer.sack_permitted { mark::SACK } else { 0 };
    }

    /// Starts over with a SYN or SYN-ACK.
    fn init(&mut self, peer: &mut Self, direction: Direction, syn: &Segment<'_>) {
        self.end = syn.end();
        self.max_end = self.end;
        self.max_win = u32::from(syn.fields.window).max(1);
        self.read_offer(syn);
        // RFC 7323 section 2.2: scaling needs both ends.
        if direction == Direction::Reply
            && !(self.has(mark::WINDOW_SCALE) && peer.has(mark::WINDOW_SCALE))
        {
            self.scale = 0;
            peer.scale = 0;
        }
    }
}

/// The four bounds' arguments.
#[derive(Clone, Copy)]
struct Numbers {
    seq: u32,
    end: u32,
    ack: u32,
    sack: u32,
}

/// Checks a segment against both windows and, if it fits, moves them.
pub(super) fn check(
    state: &mut TcpState,
    sender: &mut Window,
    receiver: &mut Window,
    direction: Direction,
    segment: &Segment<'_>,
    settings: &ConntrackSettings,
) -> Fit {
    let seen = segment.fields.ack;
    let sack = if receiver.has(mark::SACK) { segment.selective_ack(seen) } else { seen };
    // What was sent counts in its sender's own numbers.
    let (ack, sack) = (seen.wrapping_sub(segment.ack_shift), sack.wrapping_sub(segment.ack_shift));
    let mut numbers = Numbers { seq: segment.fields.seq, end: segment.end(), ack, sack };
    if begin(state, sender, receiver, direction, segment, numbers) {
        return Fit::Accept;
    }
    if !segment.has(flag::ACK) || segment.has(flag::RST) && numbers.ack == 0 {
        // Without ACK, or from stacks that set it in a RST and mean nothing: take it as in order.
        numbers.ack = receiver.end;
        numbers.sack = receiver.end;
    }
    if segment.has(flag::RST) && numbers.seq == 0 && state.state == TcpConnectionState::SynSent {
        // The answer to a SYN.
        numbers.seq = sender.end;
        numbers.end = sender.end;
    }
    let fit = compare(sender, receiver, numbers);
    match fit {
        Fit::Accept => {
            advance(sender, receiver, state.max_ack_mut(direction), segment.fields, numbers);
            if segment.kind() == Kind::Ack {
                let Numbers { seq, ack, end, .. } = numbers;
                let window = segment.fields.window;
                let last = TcpHistory { seq, ack, end, window, ..TcpHistory::default() };
                state.count_repetition(direction, last);
            }
            Fit::Accept
        }
        Fit::Ignore | Fit::Invalid if sender.has(mark::LIBERAL) || settings.tcp_be_liberal => {
            Fit::Accept
        }
        Fit::Ignore | Fit::Invalid => fit,
    }
}

/// Sets up the sender's window where the segment opens it; true when nothing is left to check.
fn begin(
    state: &TcpState,
    sender: &mut Window,
    receiver: &mut Window,
    direction: Direction,
    segment: &Segment<'_>,
    numbers: Numbers,
) -> bool {
    let opening = matches!(state.state, TcpConnectionState::SynSent | TcpConnectionState::SynRecv);
    let syn = segment.has(flag::SYN);
    if sender.max_win == 0 {
        if syn {
            sender.init(receiver, direction, segment);
            // Simultaneous open.
            return !segment.has(flag::ACK);
        }
        // In the middle of a connection: believe the segment.
        sender.end = numbers.end;
        sender.max_win = (u32::from(segment.fields.window) << sender.scale).max(1);
        sender.max_end = numbers.end.wrapping_add(sender.max_win);
        if receiver.max_win == 0 {
            receiver.end = numbers.sack;
            receiver.max_end = numbers.sack;
        } else if numbers.sack == receiver.end.wrapping_add(1) {
            // The answer to a keep-alive.
            receiver.end = numbers.sack;
        }
    } else if syn && opening && after(numbers.end, sender.end) {
        // RFC 9293: a restarted end uses sequence numbers above those before.
        sender.init(receiver, direction, segment);
        return direction == Direction::Reply && !segment.has(flag::ACK);
    }
    false
}

/// The four bounds, and nothing but them.
#[inline]
fn fits(sender: &Window, receiver: &Window, numbers: Numbers) -> bool {
    let Numbers { seq, end, sack, .. } = numbers;
    before(seq, sender.max_end.wrapping_add(1))
        && before(sack, receiver.end.wrapping_add(1))
        && (receiver.max_win == 0 || after(end, oldest_end(sender, receiver)))
        && after(sack, oldest_ack(sender, receiver))
}

/// Before the oldest acknowledgement that is not absurdly old.
const fn oldest_ack(sender: &Window, receiver: &Window) -> u32 {
    let window = if sender.max_win > MAX_ACK_WINDOW { sender.max_win } else { MAX_ACK_WINDOW };
    receiver.end.wrapping_sub(window).wrapping_sub(1)
}

/// Before the oldest data that may still be on its way.
const fn oldest_end(sender: &Window, receiver: &Window) -> u32 {
    sender.end.wrapping_sub(receiver.max_win).wrapping_sub(1)
}

/// The four bounds, and what they say of a segment outside.
fn compare(sender: &mut Window, receiver: &Window, numbers: Numbers) -> Fit {
    if fits(sender, receiver, numbers) {
        return Fit::Accept;
    }
    let Numbers { seq, end, sack, .. } = numbers;
    let oldest_ack = oldest_ack(sender, receiver);
    let ack_seen = before(sack, receiver.end.wrapping_add(1));
    let is_recent = after(end, oldest_end(sender, receiver));
    if !before(seq, sender.max_end.wrapping_add(1)) {
        let excess = end.wrapping_sub(sender.max_end).wrapping_add(1);
        let only_too_long = receiver.max_win != 0
            && is_recent
            && after(sack, oldest_ack)
            && excess <= receiver.max_win
            && ack_seen;
        if only_too_long {
            // Some send more than the window allows, and are acknowledged.
            sender.end = end;
            sender.flags |= mark::UNACKNOWLEDGED;
            return Fit::Ignore;
        }
        return Fit::Invalid;
    }
    if ack_seen { Fit::Ignore } else { Fit::Invalid }
}

/// Moves both windows past a segment that fits; `max_ack` is the highest acknowledgement of the sender.
#[inline(always)]
fn advance(
    sender: &mut Window,
    receiver: &mut Window,
    max_ack: &mut u32,
    fields: TcpFields,
    numbers: Numbers,
) {
    let Numbers { end, ack, sack, .. } = numbers;
    let shift = if fields.flags & flag::SYN != 0 { 0 } else { sender.scale };
    let window = u32::from(fields.window) << shift;
    sender.max_win = sender.max_win.max(window.wrapping_add(sack.wrapping_sub(ack)));
    if after(end, sender.end) {
        sender.end = end;
        sender.flags |= mark::UNACKNOWLEDGED;
    }
    if fields.flags & flag::ACK != 0 && (!sender.has(mark::HAS_ACKED) || after(ack, *max_ack)) {
        *max_ack = ack;
        sender.flags |= mark::HAS_ACKED;
    }
    if receiver.max_win != 0 && after(end, sender.max_end) {
        receiver.max_win = receiver.max_win.wrapping_add(end.wrapping_sub(sender.max_end));
    }
    let room = sack.wrapping_add(window);
    if after(room, receiver.max_end.wrapping_sub(1)) {
        // A closed window still takes a probe of one byte.
        receiver.max_end = room.wrapping_add(u32::from(window == 0));
    }
    if ack == receiver.end {
        receiver.flags &= !mark::UNACKNOWLEDGED;
    }
}

/// A plain acknowledgement or data segment, without SACK, of a connection whose windows are known: moves
/// them as [`check`] would; false, and nothing changed, when it is not clearly within them.
#[inline(always)]
pub(super) fn slide(
    sender: &mut Window,
    receiver: &mut Window,
    max_ack: &mut u32,
    fields: TcpFields,
) -> bool {
    let TcpFields { seq, ack, .. } = fields;
    let end = seq.wrapping_add(u32::from(fields.payload_len));
    let numbers = Numbers { seq, end, ack, sack: ack };
    if sender.max_win == 0 || !fits(sender, receiver, numbers) {
        return false;
    }
    advance(sender, receiver, max_ack, fields, numbers);
    true
}
