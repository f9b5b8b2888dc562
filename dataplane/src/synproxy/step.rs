//! The segments of each step.

use super::SynCookies;
use crate::address::{Address, L4Port};
use crate::conntrack::FlowRef;
use crate::time::Instant;
use crate::tuple::Tuple;
use crate::wire::layer4::{TcpFields, TcpOptions};
use crate::wire::tcp_flags::{ACK, CWR, ECE, SYN};
use crate::wire::tcp_segment::Segment;

/// What the servers behind a rule are known to offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SynProxy {
    /// `--mss`: what clients are told, if they say theirs.
    pub mss: Option<u16>,
    /// `--wscale`.
    pub window_scale: Option<u8>,
    /// `--sack-perm`.
    pub sack_permitted: bool,
    /// `--timestamp`. Without it nothing but the MSS can be agreed on: a cookie has no room for more.
    pub timestamps: bool,
    /// `--ecn`.
    pub ecn: bool,
}

/// What a packet leads to; it goes no further itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// A SYN is answered with a cookie.
    Greet(SynProxy),
    /// A client that has brought its cookie back gets a connection to its server, with these numbers.
    Connect {
        /// The maximum segment size it offered.
        mss: u16,
        /// The sequence number of its SYN.
        seq: u32,
    },
    /// A server that has answered is acknowledged, and its client told that it may speak.
    Introduce(FlowRef),
}

/// A segment that came in: its fields and options, and between whom it goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heard<A> {
    pub(crate) tuple: Tuple<A>,
    pub(crate) fields: TcpFields,
    pub(crate) options: TcpOptions,
    /// TTL of the answers.
    pub(crate) ttl: u8,
}

/// The bits of a timestamp that carry what a cookie has no room for.
mod bits {
    pub(super) const SCALE: u32 = 0x0f;
    /// In place of a window scale.
    pub(super) const NO_SCALE: u32 = 0x0f;
    pub(super) const SACK: u32 = 0x10;
    pub(super) const ECN: u32 = 0x20;
    pub(super) const ALL: u32 = 0x3f;
}

/// The SYN-ACK to a client.
pub(crate) fn greet<A: Address>(
    syn: &Heard<A>,
    proxy: SynProxy,
    cookies: &SynCookies,
    now: Instant,
) -> Segment<A> {
    let Heard { tuple, fields, options, .. } = syn;
    let asks_ecn = fields.flags & (ECE | CWR) == ECE | CWR;
    let mut answer =
        TcpOptions { mss: proxy.mss.filter(|_| options.mss.is_some()), ..TcpOptions::default() };
    let mut flags = SYN | ACK;
    if let Some([own, _]) = options.timestamps.filter(|_| proxy.timestamps) {
        let sack = options.sack_permitted && proxy.sack_permitted;
        let ecn = asks_ecn && proxy.ecn;
        let scale = options.window_scale.filter(|_| proxy.window_scale.is_some());
        let told = scale.map_or(bits::NO_SCALE, u32::from)
            | if sack { bits::SACK } else { 0 }
            | if ecn { bits::ECN } else { 0 };
        answer.timestamps = Some([milliseconds(now) & !bits::ALL | told, own]);
        answer.sack_permitted = sack;
        answer.window_scale = proxy.window_scale.filter(|_| scale.is_some());
        flags |= if ecn { ECE } else { 0 };
    }
    let seq = cookies.make(tuple, fields.seq, options.mss.unwrap_or(0), now);
    let ack = fields.seq.wrapping_add(1);
    Segment { seq, ack, flags, options: answer, ..syn.answer() }
}

/// The SYN to the server of a client that is there. Its acknowledgement number, which a SYN has no use for,
/// is the sequence number that the client was greeted with, as in Linux.
pub(crate) fn open<A: Address>(ack: &Heard<A>, mss: u16, seq: u32) -> Segment<A> {
    let Heard { fields, .. } = ack;
    let mut options = TcpOptions { mss: Some(mss), sack: None, ..ack.options };
    let mut flags = SYN;
    if let Some([_, told]) = options.timestamps {
        if told & bits::SCALE != bits::NO_SCALE {
            options.window_scale = Some((told & bits::SCALE) as u8);
        }
        options.sack_permitted |= told & bits::SACK != 0;
        flags |= if told & bits::ECN != 0 { ECE | CWR } else { 0 };
    }
    let isn = fields.ack.wrapping_sub(1);
    Segment { seq, ack: isn, flags, window: fields.window, options, ..ack.onwards() }
}

/// The acknowledgements of a server's SYN-ACK: the one for the server, in which the client's window is `window`,
/// and the one for the client.
pub(crate) fn introduce<A: Address>(syn_ack: &Heard<A>, window: u16) -> [Segment<A>; 2] {
    let Heard { fields, options, .. } = syn_ack;
    let next = fields.seq.wrapping_add(1);
    let stamped = |timestamps| TcpOptions { timestamps, ..TcpOptions::default() };
    let echo = options.timestamps.map(|[own, echoed]| [echoed, own]);
    let scale = options.window_scale.unwrap_or(0);
    [
        Segment { seq: fields.ack, ack: next, window, options: stamped(echo), ..syn_ack.answer() },
        Segment {
            seq: next,
            ack: fields.ack,
            window: fields.window >> scale,
            options: stamped(options.timestamps),
            ..syn_ack.onwards()
        },
    ]
}

impl<A: Address> Heard<A> {
    /// An empty ACK to whoever sent it.
    fn answer(&self) -> Segment<A> {
        self.between(
            (self.tuple.destination, self.tuple.destination_port),
            (self.tuple.source, self.tuple.source_port),
        )
    }

    /// An empty ACK to whom it was meant for.
    fn onwards(&self) -> Segment<A> {
        self.between(
            (self.tuple.source, self.tuple.source_port),
            (self.tuple.destination, self.tuple.destination_port),
        )
    }

    fn between(&self, source: (A, L4Port), destination: (A, L4Port)) -> Segment<A> {
        Segment {
            source,
            destination,
            ttl: self.ttl,
            seq: 0,
            ack: 0,
            flags: ACK,
            window: 0,
            options: TcpOptions::default(),
        }
    }
}

/// Milliseconds, as TCP's timestamps count them.
fn milliseconds(now: Instant) -> u32 {
    (now.0 / 1_000_000) as u32
}
