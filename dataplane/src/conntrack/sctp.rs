//! SCTP as the kernel's `nf_conntrack_proto_sctp.c` tracks it: chunk by chunk through [`super::sctp_state`], each packet
//! under the verification tag that its receiver has chosen (RFC 9260 section 8.5).

use super::sctp_state::SctpConnectionState;
use super::tcp::{TcpHistory, TcpState};
use super::timeouts::SctpTimeouts;
use super::{Direction, Status};
use crate::wire::sctp::{Chunk, Chunks, chunk, verification_tag};

/// What an SCTP connection remembers. It lies where TCP's state does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct SctpState {
    pub(super) state: SctpConnectionState,
    /// Bits of [`mark`].
    marks: u8,
    /// What packets of each direction bear; zero while it is not known.
    tags: [u32; 2],
}

mod mark {
    /// The original direction has sent an INIT, shifted by one for the other.
    pub(super) const INIT: u8 = 0x01;
    /// A HEARTBEAT bore another tag than the connection's: an answer in kind makes it the connection's.
    pub(super) const ODD_HEARTBEAT: u8 = 0x04;
    /// It went the way of the answers.
    pub(super) const ODD_REPLY: u8 = 0x08;
    /// It has been established, if only between two chunks of a packet.
    pub(super) const ESTABLISHED: u8 = 0x10;
}

/// What a packet does to its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SctpOutcome {
    /// Part of the connection: it may rest this many seconds, or as long as before.
    Accept { timeout: Option<u32> },
    /// Not part of it.
    Invalid,
}

/// Why the walk through the chunks of a packet ended early: it is not part of the connection.
struct Invalid;

impl From<SctpState> for TcpState {
    fn from(sctp: SctpState) -> Self {
        Self {
            repetitions: sctp.state as u8,
            history: TcpHistory { marks: sctp.marks, ..TcpHistory::default() },
            max_ack: sctp.tags,
            ..Self::default()
        }
    }
}

impl From<&TcpState> for SctpState {
    fn from(place: &TcpState) -> Self {
        Self {
            state: SctpConnectionState::numbered(place.repetitions),
            marks: place.history.marks,
            tags: place.max_ack,
        }
    }
}

impl SctpState {
    /// As somebody says it is.
    pub(super) fn given(state: SctpConnectionState, tags: [u32; 2]) -> Self {
        Self { state, tags, ..Self::default() }
    }
    pub(super) fn tag(&self, direction: Direction) -> u32 {
        self.tags[direction as usize]
    }
    fn set_tag(&mut self, direction: Direction, tag: u32) {
        self.tags[direction as usize] = tag;
    }
    /// Whether it does not give way when the table fills.
    pub(super) const fn is_assured(&self) -> bool {
        self.marks & mark::ESTABLISHED != 0
    }
    const fn has_sent_init(&self, direction: Direction) -> bool {
        self.marks & (mark::INIT << direction as u8) != 0
    }
    /// The end of `direction` has sent an INIT, the other's counts no more where both had.
    const fn note_init(&mut self, direction: Direction) {
        if self.has_sent_init(direction) && self.has_sent_init(direction.opposite()) {
            self.marks &= !(mark::INIT << direction.opposite() as u8);
        }
        self.marks |= mark::INIT << direction as u8;
    }
}

/// A packet, and which way it goes.
#[derive(Clone)]
struct Sent<'d> {
    chunks: Chunks<'d>,
    tag: u32,
    direction: Direction,
    /// Bit n: a chunk of type n is there; of types up to 15.
    kinds: u16,
}

/// The state that the first packet leads to, and how long the connection may rest; none where it begins none. `bytes` begin
/// with the common header.
pub(super) fn begin(bytes: &[u8], timeouts: &SctpTimeouts) -> Option<(SctpState, u32)> {
    let sent = Sent::read(bytes, Direction::Original)?;
    let ends = [chunk::ABORT, chunk::SHUTDOWN_COMPLETE, chunk::COOKIE_ACK];
    if ends.into_iter().any(|kind| sent.has(kind)) {
        return None;
    }
    let mut sctp = SctpState::default();
    for chunk in sent.chunks.clone() {
        sctp.open(&sent, &chunk)?;
    }
    match follow(&mut sctp, &sent, Status::default(), timeouts) {
        SctpOutcome::Accept { timeout } => Some((sctp, timeout.unwrap_or(timeouts.closed))),
        SctpOutcome::Invalid => None,
    }
}

/// Tells the connection of a packet of its. What chunks have done before one that cannot come stays done, as in the
/// kernel.
pub(super) fn track(
    sctp: &mut SctpState,
    direction: Direction,
    bytes: &[u8],
    status: Status,
    timeouts: &SctpTimeouts,
) -> SctpOutcome {
    match Sent::read(bytes, direction) {
        Some(sent) => follow(sctp, &sent, status, timeouts),
        None => SctpOutcome::Invalid,
    }
}

fn follow(
    sctp: &mut SctpState,
    sent: &Sent<'_>,
    status: Status,
    timeouts: &SctpTimeouts,
) -> SctpOutcome {
    // These have rules of their own.
    let judged = [
        chunk::INIT,
        chunk::SHUTDOWN_COMPLETE,
        chunk::COOKIE_ECHO,
        chunk::ABORT,
        chunk::SHUTDOWN_ACK,
        chunk::HEARTBEAT,
        chunk::HEARTBEAT_ACK,
    ];
    let is_judged = judged.into_iter().any(|kind| sent.has(kind));
    if !is_judged && sent.tag != sctp.tag(sent.direction) {
        return SctpOutcome::Invalid;
    }
    let mut ignored = false;
    for chunk in sent.chunks.clone() {
        match sctp.step(sent, &chunk, status, ignored) {
            Ok(ignore) => ignored |= ignore,
            Err(Invalid) => return SctpOutcome::Invalid,
        }
    }
    SctpOutcome::Accept { timeout: (!ignored).then(|| timeouts.of(sctp.state)) }
}

impl<'d> Sent<'d> {
    /// None where the chunks cannot stand together.
    fn read(bytes: &'d [u8], direction: Direction) -> Option<Self> {
        let (tag, chunks) = (verification_tag(bytes)?, Chunks::of(bytes));
        let (mut alone, mut kinds) = (false, 0);
        for (place, chunk) in chunks.clone().enumerate() {
            alone |= matches!(chunk.kind, chunk::INIT | chunk::INIT_ACK | chunk::SHUTDOWN_COMPLETE);
            let first = alone || matches!(chunk.kind, chunk::COOKIE_ECHO | chunk::COOKIE_ACK);
            if first && place > 0 || chunk.length == 0 {
                return None;
            }
            kinds |= 1u16.checked_shl(chunk.kind.into()).unwrap_or_default();
        }
        chunks.clone().next()?;
        Some(Self { chunks, tag, direction, kinds })
    }

    const fn has(&self, kind: u8) -> bool {
        self.kinds & 1 << kind != 0
    }
}

impl SctpState {
    /// A chunk of the packet that begins the connection; none where it cannot.
    fn open(&mut self, sent: &Sent<'_>, chunk: &Chunk<'_>) -> Option<()> {
        let next = SctpConnectionState::None.after(Direction::Original, chunk.kind);
        next.filter(|next| *next != SctpConnectionState::None)?;
        match chunk.kind {
            chunk::INIT if sent.tag == 0 => self.set_tag(Direction::Reply, chunk.initiate_tag()?),
            chunk::INIT => return None,
            chunk::HEARTBEAT | chunk::HEARTBEAT_ACK => {
                self.set_tag(Direction::Original, sent.tag);
            }
            // What answers it reflects its tag (RFC 9260 section 8.4).
            chunk::SHUTDOWN_ACK => self.set_tag(Direction::Reply, sent.tag),
            _ => {}
        }
        Some(())
    }

    /// A chunk of a connection; whether it says nothing of how long that may rest.
    fn step(
        &mut self,
        sent: &Sent<'_>,
        chunk: &Chunk<'_>,
        status: Status,
        ignored: bool,
    ) -> Result<bool, Invalid> {
        let (direction, other) = (sent.direction, sent.direction.opposite());
        if self.passes_over(sent, chunk, ignored)? {
            return Ok(true);
        }
        let before = self.state;
        let next = before.after(direction, chunk.kind).ok_or(Invalid)?;
        let mut ignore = false;
        match chunk.kind {
            chunk::INIT => {
                let tag = chunk.initiate_tag().ok_or(Invalid)?;
                self.note_init(direction);
                self.set_tag(other, tag);
                // A repeated one does not keep the entry alive.
                let closed = SctpConnectionState::Closed;
                ignore = (before, next) == (closed, closed) && status.has(Status::CONFIRMED);
            }
            chunk::INIT_ACK => {
                let (tag, known) = (chunk.initiate_tag().ok_or(Invalid)?, self.tag(other));
                let told = self.has_sent_init(other);
                let collision = told && self.has_sent_init(direction);
                if tag != known && (collision || !told && known != 0) {
                    return Err(Invalid);
                }
                self.set_tag(other, tag);
            }
            _ => {}
        }
        if before != next && next == SctpConnectionState::Established {
            self.marks |= mark::ESTABLISHED;
        }
        self.state = next;
        Ok(ignore)
    }

    /// Judges the tag of a packet with this chunk (RFC 9260 section 8.5.1); true where the chunk is let pass and nothing
    /// else follows from it.
    fn passes_over(
        &mut self,
        sent: &Sent<'_>,
        chunk: &Chunk<'_>,
        ignored: bool,
    ) -> Result<bool, Invalid> {
        let (direction, other) = (sent.direction, sent.direction.opposite());
        let (own, odd) = (self.tag(direction), self.marks & mark::ODD_HEARTBEAT != 0);
        let fits = match chunk.kind {
            chunk::INIT => sent.tag == 0,
            chunk::ABORT | chunk::SHUTDOWN_COMPLETE => {
                let reflected = chunk.flags & chunk::REFLECTED_TAG != 0;
                sent.tag == if reflected { self.tag(other) } else { own }
            }
            chunk::COOKIE_ECHO => sent.tag == own,
            chunk::COOKIE_ACK => {
                self.marks &= !(mark::INIT | mark::INIT << 1);
                true
            }
            chunk::HEARTBEAT | chunk::HEARTBEAT_ACK if own == 0 => {
                self.set_tag(direction, sent.tag);
                true
            }
            chunk::HEARTBEAT | chunk::HEARTBEAT_ACK if own == sent.tag => {
                self.marks &= !mark::ODD_HEARTBEAT;
                true
            }
            chunk::HEARTBEAT | chunk::HEARTBEAT_ACK if sent.has(chunk::DATA) || ignored => false,
            chunk::HEARTBEAT => {
                self.marks = self.marks & !mark::ODD_REPLY | mark::ODD_HEARTBEAT;
                self.marks |= if direction == Direction::Reply { mark::ODD_REPLY } else { 0 };
                return Ok(true);
            }
            chunk::HEARTBEAT_ACK => {
                let asked_by_reply = self.marks & mark::ODD_REPLY != 0;
                let asked_by_own = asked_by_reply == (direction == Direction::Reply);
                if odd && !asked_by_own {
                    self.marks &= !mark::ODD_HEARTBEAT;
                    self.set_tag(direction, sent.tag);
                    self.set_tag(other, 0);
                }
                odd && !asked_by_own
            }
            _ => true,
        };
        if fits { Ok(false) } else { Err(Invalid) }
    }
}
