//! A connection that an operator puts into the table (kernel `nf_conntrack_netlink.c`, `ctnetlink_create_conntrack`). No
//! packet has been seen of it: the windows of TCP are as those of one picked up in the middle, and never closed.

use super::expire::Ticks;
use super::sctp::SctpState;
use super::table::FlowRef;
use super::tcp::TcpState;
use super::tcp_window::mark;
use super::{
    Account, Claim, Conntrack, ConntrackSettings, FirstPacket, NewConnection, SctpConnectionState,
    Status, TcpConnectionState, Window,
};
use crate::address::Address;
use crate::nat::NatRange;
use crate::time::Instant;
use crate::tuple::Tuple;
use crate::wire::protocol::TCP;

/// The state that an operator says a connection is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenState {
    /// Of protocols without states.
    None,
    /// Of TCP.
    Tcp(TcpConnectionState),
    /// Of SCTP, and the verification tags that packets of both directions bear.
    Sctp(SctpConnectionState, [u32; 2]),
}

/// A connection to be.
#[derive(Debug, Clone, Copy)]
pub struct Creation<A> {
    /// The tuple of its first packet, in its zone.
    pub original: Tuple<A>,
    /// The tuple of the answers, before translation.
    pub reply: Tuple<A>,
    /// How its source is translated.
    pub source: Option<NatRange<A>>,
    /// How its destination is translated.
    pub destination: Option<NatRange<A>>,
    /// Seconds until it ends, if nothing comes.
    pub timeout_s: u32,
    /// The connection mark.
    pub mark: u32,
    /// It does not give way.
    pub assured: bool,
    /// It counts as answered.
    pub seen_reply: bool,
    /// The state of its protocol.
    pub state: GivenState,
    /// The process that asks, for those who follow events; zero: nobody.
    pub portid: u32,
}

/// Why there is no such connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotCreated {
    /// One of its tuples is another's.
    #[error("such a connection exists")]
    Exists,
    /// No room.
    #[error("the connection table is full; raise net.netfilter.nf_conntrack_max")]
    Full,
    /// The answers' tuple is not that of answers.
    #[error(
        "the reply tuple is not that of answers to the original; say how it is translated (-n, -g)"
    )]
    Untranslated,
}

impl TcpConnectionState {
    /// Whether the tool takes one of its ends for having closed it.
    const fn has_closed(self) -> bool {
        match self {
            Self::TimeWait | Self::Close | Self::SynSent2 => true,
            Self::None
            | Self::SynSent
            | Self::SynRecv
            | Self::Established
            | Self::FinWait
            | Self::CloseWait
            | Self::LastAck => false,
        }
    }

    /// The marks that conntrack-tools give both windows with this state.
    pub(super) const fn given_marks(self) -> u8 {
        let closed = if self.has_closed() { mark::CLOSE_INIT } else { 0 };
        mark::LIBERAL | mark::SACK | closed
    }
}

impl GivenState {
    fn first_packet(self, timeout: u32) -> FirstPacket {
        let (tcp, flags) = match self {
            Self::None => (TcpState::default(), 0),
            Self::Tcp(state) => (TcpState { state, ..TcpState::default() }, state.given_marks()),
            Self::Sctp(state, tags) => (SctpState::given(state, tags).into(), 0),
        };
        let window = Window { flags, ..Window::default() };
        FirstPacket { tcp, windows: [window; 2], timeout }
    }
}

impl<A: Address> Conntrack<A> {
    /// Begins a connection that no packet has begun, in a tuple that no live connection here has; it holds claims as one
    /// of [`begin`](Self::begin) does.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn begin_given(
        &mut self,
        creation: &Creation<A>,
        now: Instant,
        settings: &ConntrackSettings,
    ) -> Result<NewConnection<A>, NotCreated> {
        if !self.has_room(settings) && !self.early_drop(Ticks::at(now)) {
            return Err(NotCreated::Full);
        }
        match self.claim(|| self.hash(&creation.original)) {
            Claim::Won => {}
            Claim::Owned(_) => return Err(NotCreated::Exists),
            Claim::Full => return Err(NotCreated::Full),
        }
        let mut status = Status::default();
        if creation.assured {
            status.set(Status::ASSURED);
        }
        if creation.seen_reply {
            status.set(Status::SEEN_REPLY);
        }
        if settings.accounting {
            status.set(Status::ACCOUNTED);
        }
        let first = creation.state.first_packet(creation.timeout_s);
        let new = NewConnection::of(creation.original, creation.reply, first);
        Ok(NewConnection { mark: creation.mark, status, ..new })
    }

    /// Puts it into the table.
    ///
    /// # Errors
    /// Why not; the claims are released.
    pub(crate) fn confirm_given(
        &mut self,
        new: NewConnection<A>,
        portid: u32,
        now: Instant,
    ) -> Result<FlowRef, NotCreated> {
        let accounted = new.status.has(Status::ACCOUNTED);
        self.set_operator(portid);
        let confirmed = self.confirm(new, now);
        self.set_operator(0);
        let flow = confirmed.map_err(|_| NotCreated::Exists)?;
        if accounted {
            // It has carried nothing.
            self.accounts.open(flow.session(), Account::default());
        }
        if self.half(flow).key.protocol != TCP {
            let now = Ticks::at(now);
            // An exchange that is answered is a stream from now on.
            self.table.session_mut(flow.session()).set_stream_from(now);
        }
        Ok(flow)
    }
}
