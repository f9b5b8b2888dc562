//! What the ends of a PPTP control connection agree on (RFC 2637 sections 1.4 and 2; kernel `nf_conntrack_pptp.c`,
//! `nf_nat_pptp.c`).
//!
//! ```text
//!   0        2              4              8              12
//!   | length | packet type  | magic cookie | message type | body …
//!   |        | 1, control   | 1a2b3c4d     |     reserved |
//!
//!   client, PNS                        server, PAC
//!   start session request  ─>
//!                                <─  start session reply
//!   outgoing call request  ─>                                       its call, as translated
//!                                <─  outgoing call reply            both calls: GRE is expected both ways
//!   call clear request     ─>
//!                                <─  call disconnect notify         it is over
//! ```
//!
//! One message is read of each segment, where it begins, and one call at a time is known of. As the kernel, it takes who
//! has opened the connection for the client. A translated client's calls bear the number of its port, as its server sees
//! that: it is nobody else's there.

use crate::conntrack::Direction;
use crate::wire::{u16_at, u32_at};
use zerocopy::FromZeros;

const CONTROL_MESSAGE: u16 = 1;
const MAGIC_COOKIE: u32 = 0x1a2b_3c4d;
/// Bytes before the body.
const HEADER: usize = 12;
/// What replies say of success: that the session or the call is there, or that the session has ended.
const OK: u8 = 1;

/// How far the session has come; in the order in which the kernel compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, FromZeros)]
#[repr(u8)]
enum Session {
    #[default]
    None,
    Failed,
    Ending,
    Requested,
    Confirmed,
}

/// How far the call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromZeros)]
#[repr(u8)]
enum Call {
    #[default]
    None,
    OutgoingRequested,
    OutgoingConfirmed,
    IncomingRequested,
    IncomingReplied,
    IncomingConfirmed,
    Clearing,
}

/// What is known of a control connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromZeros)]
pub(crate) struct Control {
    session: Session,
    call: Call,
    /// The client's call, as the server knows it.
    client: u16,
    /// The server's call.
    server: u16,
    /// The client's call, as it says itself, where it is translated.
    own: u16,
}

/// Both keys of packets of one direction of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Keys {
    /// Of the sender's end; packets do not bear it.
    pub(crate) source: u16,
    /// Of the receiver's.
    pub(crate) destination: u16,
}

/// What a call looks like, from both ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Calls {
    /// What the client sends.
    pub(crate) client: Keys,
    /// What the server sends.
    pub(crate) server: Keys,
}

/// What a message asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Asked {
    /// GRE is to be expected, like this.
    pub(crate) expected: Option<Calls>,
    /// The [call](Control::calls) is over.
    pub(crate) over: bool,
    /// What is to be written to the text: where, and which call.
    pub(crate) written: Option<(usize, u16)>,
}

/// A message of the protocol, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Message {
    StartRequest,
    StartReply,
    StopRequest,
    StopReply,
    Echo,
    OutgoingRequest,
    OutgoingReply,
    IncomingRequest,
    IncomingReply,
    IncomingConnected,
    ClearRequest,
    Disconnected,
    WanError,
    LinkInfo,
}

impl Message {
    /// By its number, and how long its body is at least.
    const fn of(number: u16) -> Option<(Self, usize)> {
        Some(match number {
            1 => (Self::StartRequest, 144),
            2 => (Self::StartReply, 144),
            3 => (Self::StopRequest, 4),
            4 => (Self::StopReply, 4),
            5 | 6 => (Self::Echo, 0),
            7 => (Self::OutgoingRequest, 156),
            8 => (Self::OutgoingReply, 20),
            9 => (Self::IncomingRequest, 208),
            10 => (Self::IncomingReply, 12),
            11 => (Self::IncomingConnected, 16),
            12 => (Self::ClearRequest, 4),
            13 => (Self::Disconnected, 136),
            14 => (Self::WanError, 28),
            15 => (Self::LinkInfo, 12),
            _ => return None,
        })
    }
}

/// What bodies begin with.
struct Body<'t>(&'t [u8]);

impl Body<'_> {
    /// The call of who says it, or of the other end where it is the only one.
    fn call(&self) -> u16 {
        u16_at(self.0, 0).unwrap_or(0)
    }
    /// The other's call.
    fn peer(&self) -> u16 {
        u16_at(self.0, 2).unwrap_or(0)
    }
    /// Of a reply about a session as such, which follows a version if there is one, or about a call.
    fn is_ok(&self, at: usize) -> bool {
        self.0.get(at) == Some(&OK)
    }
}

/// The message at the start of a segment's text.
fn message(text: &[u8]) -> Option<(Message, Body<'_>)> {
    let is_control = u16_at(text, 2)? == CONTROL_MESSAGE && u32_at(text, 4)? == MAGIC_COOKIE;
    let (message, least) = Message::of(u16_at(text, 8)?).filter(|_| is_control)?;
    let body = text.get(HEADER..).filter(|body| body.len() >= least)?;
    Some((message, Body(body)))
}

impl Control {
    /// Reads a segment that goes that way. `port`: the client's as the server sees it, where the connection is translated.
    pub(crate) fn read(&mut self, direction: Direction, text: &[u8], port: Option<u16>) -> Asked {
        let Some((message, body)) = message(text) else { return Asked::default() };
        let asked = match direction {
            Direction::Original => self.said_by_client(message, &body, port),
            Direction::Reply => self.said_by_server(message, &body, port.is_some()),
        };
        asked.unwrap_or_default()
    }

    /// The latest call as the server knows it.
    pub(crate) const fn calls(&self) -> Calls {
        let client = Keys { source: self.client, destination: self.server };
        let server = Keys { source: self.server, destination: self.client };
        Calls { client, server }
    }

    /// None for what cannot be said now; it passes as it is.
    fn said_by_client(
        &mut self,
        message: Message,
        body: &Body<'_>,
        port: Option<u16>,
    ) -> Option<Asked> {
        match message {
            Message::StartRequest if self.session == Session::None => {
                self.session = Session::Requested;
                None
            }
            Message::StopRequest => {
                self.session = Session::Ending;
                None
            }
            Message::OutgoingRequest if self.session == Session::Confirmed => {
                self.call = Call::OutgoingRequested;
                self.client = body.call();
                if let Some(port) = port {
                    (self.own, self.client) = (self.client, port);
                }
                Some(written(port.map(|_| (0, self.client))))
            }
            Message::IncomingReply
                if matches!(self.call, Call::IncomingRequested | Call::IncomingReplied)
                    && self.server == body.peer() =>
            {
                self.call = Call::None;
                if body.is_ok(4) {
                    (self.call, self.client) = (Call::IncomingReplied, body.call());
                }
                Some(written(port.map(|_| (0, self.client))))
            }
            Message::ClearRequest if self.session == Session::Confirmed => {
                self.call = Call::Clearing;
                Some(written(port.map(|_| (0, self.client))))
            }
            Message::StartRequest
            | Message::OutgoingRequest
            | Message::IncomingReply
            | Message::ClearRequest
            | Message::StartReply
            | Message::StopReply
            | Message::Echo
            | Message::OutgoingReply
            | Message::IncomingRequest
            | Message::IncomingConnected
            | Message::Disconnected
            | Message::WanError
            | Message::LinkInfo => None,
        }
    }

    /// As [`Self::said_by_client`].
    fn said_by_server(
        &mut self,
        message: Message,
        body: &Body<'_>,
        translated: bool,
    ) -> Option<Asked> {
        let back = |at| translated.then_some((at, self.own));
        match message {
            Message::StartReply if self.session >= Session::Requested => {
                self.session = if body.is_ok(2) { Session::Confirmed } else { Session::Failed };
                None
            }
            Message::StopReply if self.session <= Session::Ending => {
                self.session = if body.is_ok(0) { Session::None } else { Session::Failed };
                None
            }
            Message::OutgoingReply if self.is_answer_to_outgoing(body) => {
                let mut asked = written(back(2));
                self.call = Call::None;
                if body.is_ok(4) {
                    (self.call, self.server) = (Call::OutgoingConfirmed, body.call());
                    asked.expected = Some(self.expected(translated));
                }
                Some(asked)
            }
            Message::IncomingRequest if self.session == Session::Confirmed => {
                (self.call, self.server) = (Call::IncomingRequested, body.call());
                None
            }
            Message::IncomingConnected if self.is_incoming(body) => {
                let asked = written(back(0));
                self.call = Call::IncomingConfirmed;
                Some(Asked { expected: Some(self.expected(translated)), ..asked })
            }
            Message::Disconnected => {
                let asked = written(back(0));
                self.call = Call::None;
                Some(Asked { over: true, ..asked })
            }
            Message::WanError | Message::LinkInfo => Some(written(back(0))),
            Message::StartReply
            | Message::StopReply
            | Message::OutgoingReply
            | Message::IncomingRequest
            | Message::IncomingConnected
            | Message::Echo
            | Message::StartRequest
            | Message::StopRequest
            | Message::OutgoingRequest
            | Message::IncomingReply
            | Message::ClearRequest => None,
        }
    }

    fn is_answer_to_outgoing(&self, body: &Body<'_>) -> bool {
        self.session == Session::Confirmed
            && matches!(self.call, Call::OutgoingRequested | Call::OutgoingConfirmed)
            && self.client == body.peer()
    }

    fn is_incoming(&self, body: &Body<'_>) -> bool {
        self.session == Session::Confirmed
            && matches!(self.call, Call::IncomingReplied | Call::IncomingConfirmed)
            && self.client == body.call()
    }

    /// A call as each end sends it.
    const fn expected(&self, translated: bool) -> Calls {
        let Calls { client, server } = self.calls();
        let source = if translated { self.own } else { client.source };
        Calls { client: Keys { source, ..client }, server }
    }
}

const fn written(written: Option<(usize, u16)>) -> Asked {
    let written = match written {
        Some((at, call)) => Some((HEADER + at, call)),
        None => None,
    };
    Asked { expected: None, over: false, written }
}

#[cfg(test)]
#[path = "pptp_tests.rs"]
mod tests;
