//! TCP as the kernel's `nf_conntrack_proto_tcp.c` tracks it: the state table of
//! [`super::tcp_state`], the windows of [`super::tcp_window`], and the cases between them.

use super::segment::{Segment, before};
use super::tcp_state::{Kind, Next, TcpConnectionState, valid_flags};
use super::tcp_window::{self, Fit, Window, mark};
use super::timeouts::{ConntrackSettings, TcpTimeouts};
use super::{Direction, Status};

/// What a TCP connection remembers beside the windows of its directions.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct TcpState {
    pub(super) state: TcpConnectionState,
    /// The last segment that counted, or that was ignored.
    pub(super) last_kind: Kind,
    pub(super) last_direction: Direction,
    pub(super) repetitions: u8,
    pub(super) history: TcpHistory,
    /// The highest acknowledgement of each direction.
    pub(super) max_ack: [u32; 2],
}

/// What is remembered of the last segment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(C)]
pub(super) struct TcpHistory {
    pub(super) seq: u32,
    pub(super) ack: u32,
    pub(super) end: u32,
    pub(super) window: u16,
    /// Of a SYN that was ignored: its marks, and bits of [`expect`].
    pub(super) marks: u8,
    pub(super) scale: u8,
}

impl TcpHistory {
    /// Whether `other` has the same numbers.
    pub(super) const fn repeats(&self, other: &Self) -> bool {
        self.seq == other.seq
            && self.ack == other.ack
            && self.end == other.end
            && self.window == other.window
    }
    /// Takes over the numbers, not the marks.
    pub(super) const fn note(&mut self, other: &Self) {
        (self.seq, self.ack, self.end) = (other.seq, other.ack, other.end);
        self.window = other.window;
    }
}

/// Bits of [`TcpHistory::marks`] beside those of [`mark`].
mod expect {
    /// The next ACK may be an RFC 5961 challenge, not the last one.
    pub(super) const CHALLENGE: u8 = 0x40;
    pub(super) const SIMULTANEOUS_OPEN: u8 = 0x80;
}

impl TcpState {
    /// The highest acknowledgement that `direction` has sent.
    pub(super) fn max_ack_mut(&mut self, direction: Direction) -> &mut u32 {
        let [original, reply] = &mut self.max_ack;
        match direction {
            Direction::Original => original,
            Direction::Reply => reply,
        }
    }

    const fn max_ack(&self, direction: Direction) -> u32 {
        self.max_ack[direction as usize]
    }

    /// Counts an ACK that is the same as the one before it.
    pub(super) fn count_repetition(&mut self, direction: Direction, ack: TcpHistory) {
        let repeats = self.last_direction == direction && self.history.repeats(&ack);
        self.repetitions = if repeats { self.repetitions.saturating_add(1) } else { 0 };
        self.last_direction = direction;
        self.history.note(&ack);
    }

    const fn is_last(&self, direction: Direction, kind: Kind) -> bool {
        self.last_direction as u8 == direction as u8 && self.last_kind as u8 == kind as u8
    }
}

/// What a segment does to its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TcpOutcome {
    /// Part of the connection: it may rest this many seconds, or as long as before.
    Accept { timeout: Option<u32>, assured: bool },
    /// Not part of it. When `shorten`, the connection is probably dead and need not rest for days.
    Invalid { shorten: bool },
    /// Part of the connection and its end: forget it.
    Kill,
    /// A SYN after the connection's end: forget it and begin another.
    Reopen,
}

impl TcpOutcome {
    /// Whether the connection has carried the segment: one that is ignored it has not.
    pub(super) const fn counts(self) -> bool {
        match self {
            Self::Accept { timeout: Some(_), .. } | Self::Kill => true,
            Self::Accept { timeout: None, .. } | Self::Invalid { .. } | Self::Reopen => false,
        }
    }
}

const INVALID: TcpOutcome = TcpOutcome::Invalid { shorten: false };
const IGNORED: TcpOutcome = TcpOutcome::Accept { timeout: None, assured: false };

/// How the checks of a state's special cases end.
enum Special {
    /// With this, at once.
    Done(TcpOutcome),
    /// The window decides.
    Check,
    /// The window is known to be out of date.
    Skip,
}

/// State and windows (original, reply) of a connection that `segment` begins, before the segment
/// itself is [tracked](track); none when it cannot begin one.
pub(super) fn begin(
    segment: &Segment<'_>,
    settings: &ConntrackSettings,
) -> Option<(TcpState, [Window; 2])> {
    let next = Next::after(TcpConnectionState::None, Direction::Original, segment.kind());
    if !valid_flags(segment.fields.flags) {
        return None;
    }
    let windows = match next {
        Next::To(TcpConnectionState::SynSent) => [Window::opened_by(segment), Window::default()],
        Next::To(_) if settings.tcp_loose => {
            let silent = Window { flags: mark::SACK | mark::LIBERAL, ..Window::default() };
            [Window::picked_up(segment), silent]
        }
        Next::To(_) | Next::Invalid | Next::Ignore => return None,
    };
    Some((TcpState::default(), windows))
}

/// One segment of a connection.
pub(super) fn track(
    tcp: &mut TcpState,
    sender: &mut Window,
    receiver: &mut Window,
    direction: Direction,
    segment: &Segment<'_>,
    status: Status,
    settings: &ConntrackSettings,
) -> TcpOutcome {
    if !valid_flags(segment.fields.flags) {
        return INVALID;
    }
    let kind = segment.kind();
    let mut old = tcp.state;
    let mut new = match Next::after(old, direction, kind) {
        Next::Invalid if is_keep_alive(tcp, sender, direction, segment) => return IGNORED,
        Next::Invalid => return INVALID,
        Next::To(TcpConnectionState::SynSent) if is_over(old) => {
            let closed = (sender.flags | receiver.flags) & mark::CLOSE_INIT != 0;
            if closed || tcp.is_last(direction, Kind::Rst) {
                return TcpOutcome::Reopen;
            }
            return ignore(tcp, direction, segment);
        }
        Next::Ignore => {
            if !synchronise(tcp, sender, receiver, direction, segment) {
                return ignore(tcp, direction, segment);
            }
            old = TcpConnectionState::SynSent;
            TcpConnectionState::SynRecv
        }
        Next::To(new) => new,
    };
    let special = match new {
        TcpConnectionState::TimeWait => challenge(tcp, old, direction, kind),
        TcpConnectionState::SynSent2 => {
            tcp.history.marks |= expect::SIMULTANEOUS_OPEN;
            Special::Check
        }
        TcpConnectionState::SynRecv => {
            let simultaneous = tcp.history.marks & expect::SIMULTANEOUS_OPEN != 0;
            if direction == Direction::Reply && kind == Kind::Ack && simultaneous {
                new = TcpConnectionState::Established;
            }
            Special::Check
        }
        TcpConnectionState::Close if kind == Kind::Rst => {
            reset(tcp, receiver, direction, segment, status, settings, &mut new)
        }
        _ => Special::Check,
    };
    match special {
        Special::Done(outcome) => return outcome,
        Special::Skip => {}
        Special::Check => {
            match tcp_window::check(tcp, sender, receiver, direction, segment, settings) {
                Fit::Accept => {}
                Fit::Ignore => return IGNORED,
                Fit::Invalid => return invalid(tcp, direction, kind, status),
            }
        }
    }
    tcp.last_kind = kind;
    tcp.last_direction = direction;
    tcp.state = new;
    if old != new && new == TcpConnectionState::FinWait {
        sender.flags |= mark::CLOSE_INIT;
    }
    let unacknowledged = (sender.flags | receiver.flags) & mark::UNACKNOWLEDGED != 0;
    let timeouts = &settings.timeouts_of(sender.policy).tcp;
    finish(tcp, old, kind, unacknowledged, status, settings.tcp_max_retrans, timeouts)
}

/// A client that waits for a server which SYNPROXY calls asks whether anybody is there: it will be called again.
fn is_keep_alive(
    tcp: &TcpState,
    sender: &Window,
    direction: Direction,
    segment: &Segment<'_>,
) -> bool {
    segment.proxied
        && tcp.state == TcpConnectionState::SynSent
        && segment.kind() == Kind::Ack
        && direction == Direction::Original
        && tcp.last_direction == Direction::Original
        && sender.end.wrapping_sub(1) == segment.fields.seq
}

const fn is_over(state: TcpConnectionState) -> bool {
    matches!(state, TcpConnectionState::TimeWait | TcpConnectionState::Close)
}

/// The SYN-ACK to a SYN that was ignored: both ends agree, so we follow them. False for all else.
fn synchronise(
    tcp: &mut TcpState,
    sender: &mut Window,
    receiver: &mut Window,
    direction: Direction,
    segment: &Segment<'_>,
) -> bool {
    let answers = segment.kind() == Kind::SynAck
        && tcp.is_last(direction.opposite(), Kind::Syn)
        && segment.fields.ack == tcp.history.end;
    if !answers {
        return false;
    }
    tcp.history.marks &= !expect::CHALLENGE;
    *receiver = Window {
        end: tcp.history.end,
        max_end: tcp.history.end,
        max_win: u32::from(tcp.history.window).max(1),
        scale: tcp.history.scale,
        flags: tcp.history.marks,
        policy: receiver.policy,
    };
    sender.reset();
    true
}

/// Lets a segment pass that our state does not explain, and remembers it: the answer will tell.
fn ignore(tcp: &mut TcpState, direction: Direction, segment: &Segment<'_>) -> TcpOutcome {
    let kind = segment.kind();
    tcp.last_kind = kind;
    tcp.last_direction = direction;
    tcp.history.seq = segment.fields.seq;
    tcp.history.end = segment.end();
    tcp.history.window = segment.fields.window;
    if kind == Kind::Syn && direction == Direction::Original {
        let offer = segment.options();
        tcp.history.scale = offer.window_scale.unwrap_or(0);
        tcp.history.marks = if offer.window_scale.is_some() { mark::WINDOW_SCALE } else { 0 };
        tcp.history.marks |= if offer.sack_permitted { mark::SACK } else { 0 };
        if tcp.state == TcpConnectionState::LastAck {
            tcp.history.marks |= expect::CHALLENGE;
        }
    }
    let half_open = tcp.state == TcpConnectionState::SynSent;
    if half_open && kind == Kind::Ack && direction == Direction::Reply {
        tcp.history.ack = segment.fields.ack;
    }
    IGNORED
}

/// An ACK in LAST_ACK is the last one, unless it answers a stray SYN (RFC 5961 section 4).
fn challenge(
    tcp: &mut TcpState,
    old: TcpConnectionState,
    direction: Direction,
    kind: Kind,
) -> Special {
    let is_challenge = old == TcpConnectionState::LastAck
        && kind == Kind::Ack
        && tcp.is_last(direction.opposite(), Kind::Syn)
        && tcp.history.marks & expect::CHALLENGE != 0;
    if is_challenge {
        tcp.history.marks &= !expect::CHALLENGE;
        return Special::Done(IGNORED);
    }
    Special::Check
}

/// A RST counts when its sequence number is the one its receiver expects (RFC 5961 section 3).
fn reset(
    tcp: &TcpState,
    receiver: &Window,
    direction: Direction,
    segment: &Segment<'_>,
    status: Status,
    settings: &ConntrackSettings,
    new: &mut TcpConnectionState,
) -> Special {
    if tcp.state.is_closing() {
        // The ports may be in use again already; what we know of the window is old.
        return Special::Skip;
    }
    let established = tcp.state == TcpConnectionState::Established && status.has(Status::ASSURED);
    if receiver.has(mark::HAS_ACKED) && tcp.last_kind != Kind::Syn {
        let expected = tcp.max_ack(direction.opposite());
        if segment.fields.seq == 0 && !established {
            // Probably the answer to a SYN that was ignored.
            return Special::Check;
        }
        if before(segment.fields.seq, expected) && !settings.tcp_ignore_invalid_rst {
            return Special::Done(INVALID);
        }
        let in_train = tcp.is_last(direction, Kind::Ack) && segment.fields.seq == tcp.history.end;
        if !established || segment.fields.seq == expected || in_train {
            return Special::Check;
        }
        // Not exact: the receiver will challenge it, so the connection may live on.
        *new = tcp.state;
    }
    let answers_ignored = (status.has(Status::SEEN_REPLY) && tcp.last_kind == Kind::Syn
        || !status.has(Status::ASSURED) && tcp.last_kind == Kind::Ack)
        && segment.fields.ack == tcp.history.end;
    let answers_challenge = tcp.state == TcpConnectionState::SynSent
        && tcp.is_last(Direction::Reply, Kind::Ack)
        && segment.fields.seq == tcp.history.ack;
    if answers_ignored || answers_challenge { Special::Skip } else { Special::Check }
}

/// A segment outside the window. A FIN or RST that the other end answers in kind means that both have
/// closed and only we do not follow.
fn invalid(tcp: &mut TcpState, direction: Direction, kind: Kind, status: Status) -> TcpOutcome {
    if !status.has(Status::ASSURED) || !matches!(kind, Kind::Rst | Kind::Fin) {
        return INVALID;
    }
    let other = direction.opposite();
    if tcp.is_last(other, Kind::Fin) || tcp.is_last(other, Kind::Rst) {
        return TcpOutcome::Invalid { shorten: true };
    }
    tcp.last_kind = kind;
    tcp.last_direction = direction;
    INVALID
}

/// Seconds that a connection may rest whose state allows `state`: less after repetitions, while data waits
/// for its acknowledgement, or when an end has closed its window.
pub(super) const fn rest(
    state: u32,
    repetitions: u8,
    unacknowledged: bool,
    window: u16,
    max_retrans: u8,
    timeouts: &TcpTimeouts,
) -> u32 {
    if repetitions >= max_retrans && state > timeouts.max_retrans {
        timeouts.max_retrans
    } else if unacknowledged && state > timeouts.unacknowledged {
        timeouts.unacknowledged
    } else if window == 0 && state > timeouts.max_retrans {
        timeouts.max_retrans
    } else {
        state
    }
}

/// How long the connection may rest now, and whether it is assured.
fn finish(
    tcp: &TcpState,
    old: TcpConnectionState,
    kind: Kind,
    unacknowledged: bool,
    status: Status,
    max_retrans: u8,
    timeouts: &TcpTimeouts,
) -> TcpOutcome {
    let state = timeouts.of(tcp.state);
    let repeated = tcp.repetitions >= max_retrans && state > timeouts.max_retrans;
    let mut timeout = if kind == Kind::Rst && !repeated {
        timeouts.close
    } else {
        let window = tcp.history.window;
        rest(state, tcp.repetitions, unacknowledged, window, max_retrans, timeouts)
    };
    let established = tcp.state == TcpConnectionState::Established;
    if !status.has(Status::SEEN_REPLY) {
        if kind == Kind::Rst {
            return TcpOutcome::Kill;
        }
        if kind == Kind::Syn && old == TcpConnectionState::SynSent {
            // A repeated SYN does not keep the entry alive.
            return IGNORED;
        }
        if established {
            timeout = timeout.min(timeouts.unacknowledged);
        }
    }
    let was_opening = matches!(old, TcpConnectionState::SynRecv | TcpConnectionState::Established);
    let assured = status.has(Status::SEEN_REPLY) && established && was_opening;
    TcpOutcome::Accept { timeout: Some(timeout), assured }
}
