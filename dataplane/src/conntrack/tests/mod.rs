//! A gateway of one or two workers without packets' bytes where they do not matter.

mod account;
mod calls;
mod icmp;
mod journal;
mod lifecycle;
mod policy;
mod random;
mod sctp;
mod shift;
mod tcp;
mod tcp_window;
mod udp;
mod workers;

use super::*;
use crate::address::{IpVersion, L4Port, V4};
use crate::cache::Cached;
use crate::drop_reason::DropReason;
use crate::time::Instant;
use crate::wire::layer4::{Layer4, Layer4Kind, layer4};
use crate::wire::parse::Headers;
use crate::wire::protocol;
use std::time::Duration;

pub(super) const CLIENT: V4 = V4([10, 1, 0, 2]);
pub(super) const SERVER: V4 = V4([192, 168, 1, 9]);
pub(super) const KEY: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xc2b2_ae3d_27d4_eb4f];

/// A packet: its ends and its layer-4 bytes.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) source: V4,
    pub(super) destination: V4,
    pub(super) protocol: u8,
    pub(super) bytes: Vec<u8>,
}

impl Sent {
    pub(super) fn headers(&self) -> Headers {
        Headers {
            version: IpVersion::V4,
            l3: 0,
            l4: 0,
            end: self.bytes.len() as u16,
            protocol: self.protocol,
            ttl: 64,
            tos: 0,
            fragment: None,
            options: false,
            authenticated: false,
        }
    }
    pub(super) fn layer4(&self) -> Layer4 {
        layer4(&self.bytes, &self.headers())
    }
    pub(super) fn tuple(&self) -> Option<Tuple<V4>> {
        tuple_of(self.source, self.destination, self.protocol, &self.layer4())
    }
}

pub(super) fn udp(source: (V4, u16), destination: (V4, u16)) -> Sent {
    let mut bytes = vec![0; 12];
    bytes[0..2].copy_from_slice(&source.1.to_be_bytes());
    bytes[2..4].copy_from_slice(&destination.1.to_be_bytes());
    bytes[5] = 12;
    Sent { source: source.0, destination: destination.0, protocol: protocol::UDP, bytes }
}

pub(super) fn echo(source: V4, destination: V4, kind: u8, id: u16) -> Sent {
    let mut bytes = vec![kind, 0, 0, 0, 0, 0, 0, 1];
    bytes[4..6].copy_from_slice(&id.to_be_bytes());
    Sent { source, destination, protocol: protocol::ICMP, bytes }
}

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    State(CtState),
    HandOff(WorkerId),
    Drop(DropReason),
}

pub(super) const NEW: Fate = Fate::State(CtState::New);
pub(super) const ESTABLISHED: Fate = Fate::State(CtState::Established);
pub(super) const INVALID: Fate = Fate::State(CtState::Invalid);

/// One worker, driven as the pipeline drives it.
#[derive(Debug)]
pub(super) struct Gateway {
    pub(super) conntrack: Conntrack<V4>,
    pub(super) settings: ConntrackSettings,
    pub(super) now: Instant,
    /// Source address that connections leave with.
    pub(super) masquerade: Option<V4>,
    /// What CT gives to the connections that begin.
    pub(super) policy: PolicyId,
    pub(super) gone: Vec<Destroyed<V4>>,
}

impl Gateway {
    pub(super) fn new() -> Self {
        Self::with(WorkerId(0), 64, None)
    }

    pub(super) fn with(
        worker: WorkerId,
        capacity: usize,
        directory: Option<Arc<Directory<V4>>>,
    ) -> Self {
        let settings = ConntrackSettings::default();
        Self {
            conntrack: Conntrack::new(worker, &settings, KEY, capacity, directory).unwrap(),
            settings,
            now: Instant(1 << 40),
            masquerade: None,
            policy: PolicyId::default(),
            gone: Vec::new(),
        }
    }

    pub(super) fn wait(&mut self, seconds: f64) {
        self.now = self.now + Duration::from_secs_f64(seconds);
    }

    /// Time passes and connections age.
    pub(super) fn age(&mut self, seconds: f64) {
        self.wait(seconds);
        let gone = &mut self.gone;
        self.conntrack.expire(self.now, usize::MAX, |one| gone.push(*one));
    }

    pub(super) fn flow(&self, tuple: &Tuple<V4>) -> Option<FlowRef> {
        self.conntrack.lookup(self.conntrack.hash(tuple), tuple)
    }

    /// A packet passes, unless there is a reason for it not to.
    pub(super) fn pass(&mut self, sent: &Sent) -> Fate {
        match self.enter(sent) {
            Ok(fate) => fate,
            Err(mut new) => {
                if let Some(address) = self.masquerade {
                    new.reply.destination = address;
                    new.set_source_translated();
                }
                if !self.conntrack.claim_reply(&mut new) {
                    self.conntrack.abandon(new);
                    return Fate::Drop(DropReason::NatExhausted);
                }
                match self.conntrack.confirm(new, self.now) {
                    Ok(_) => NEW,
                    Err(reason) => Fate::Drop(reason),
                }
            }
        }
    }

    /// As far as a first packet's connection is begun.
    #[allow(clippy::result_large_err, reason = "the connection is the rare way out")]
    pub(super) fn enter(&mut self, sent: &Sent) -> Result<Fate, NewConnection<V4>> {
        let Some(tuple) = sent.tuple() else { return Ok(INVALID) };
        let (l4, headers) = (sent.layer4(), sent.headers());
        if let Some(flow) = self.flow(&tuple) {
            let bytes = Some(sent.bytes.len() as u32);
            let (now, settings) = (self.now, &self.settings);
            let update =
                self.conntrack.update(flow, &l4, &sent.bytes, &headers, bytes, now, settings);
            match update {
                Update::Accept(state) => return Ok(Fate::State(state)),
                Update::Invalid => return Ok(INVALID),
                Update::Reopen => {
                    let gone = &mut self.gone;
                    self.conntrack.remove(flow, |one| gone.push(*one));
                }
            }
        } else if let Some(owner) = self.conntrack.owner(&tuple) {
            return Ok(Fate::HandOff(owner));
        }
        match self.conntrack.begin(tuple, &l4, &sent.bytes, &headers, self.now, &self.settings) {
            Begin::New(mut new) => {
                new.open_account(sent.bytes.len() as u32, &self.settings);
                if !self.policy.is_none() {
                    new.follow(self.policy, &l4, &sent.bytes, &headers, &self.settings);
                }
                Err(new)
            }
            Begin::Invalid => Ok(INVALID),
            Begin::Owned(owner) => Ok(Fate::HandOff(owner)),
            Begin::Full => Ok(Fate::Drop(DropReason::ConntrackFull)),
        }
    }

    pub(super) fn listed(&mut self) -> Vec<Listed> {
        let mut all = Vec::with_capacity(4096);
        let mut cursor = Some(0);
        while let Some(from) = cursor {
            cursor = self.conntrack.list(from, self.now, false, &mut all);
        }
        all
    }

    /// The only connection.
    pub(super) fn only(&mut self) -> Listed {
        let all = self.listed();
        assert_eq!(all.len(), 1, "{all:?}");
        all[0]
    }
}
