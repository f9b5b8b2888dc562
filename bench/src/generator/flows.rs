//! The flows: who plays the part of each, and how far its connection has come.

use super::packet::{ACK, Ends, Layer4, SYN};
use super::{Kind, Options};
use anyhow::{Result, ensure};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Source ports, or echo identifiers, of one client.
const PORTS: u32 = 60_000;
const FIRST_PORT: u16 = 1024;

/// How far a flow's connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its first frame is to be sent, or sent again.
    Begin,
    /// TCP: the SYN-ACK has come.
    Answered,
    /// The last frame of the handshake came out of the gateway; of UDP and ICMP, the first.
    Complete,
}

#[derive(Debug, Clone, Copy)]
struct Flow {
    /// Which of all that ever were plays the part: client and port follow from it.
    id: u32,
    stage: Stage,
}

/// All flows there are at a time, by number.
#[derive(Debug)]
pub(super) struct Flows {
    list: Vec<Flow>,
    complete: usize,
    next: u32,
    kind: Kind,
    clients: u32,
    servers: u32,
    first: (IpAddr, IpAddr),
    port: u16,
}

impl Flows {
    pub(super) fn new(options: &Options) -> Result<Self> {
        let (clients, flows) = (options.clients, options.flows);
        ensure!(
            u64::from(clients) * u64::from(PORTS) >= u64::from(flows),
            "{clients} clients have not ports enough for {flows} flows; raise --clients"
        );
        let mut new = Self {
            list: Vec::new(),
            complete: 0,
            next: 0,
            kind: options.kind(),
            clients,
            servers: options.servers,
            first: options.addresses()?,
            port: options.port,
        };
        new.begin_anew(flows);
        Ok(new)
    }

    /// So many flows that have not been, in place of all.
    pub(super) fn begin_anew(&mut self, count: u32) {
        self.list = (0..count).map(|index| Flow::new(self.next.wrapping_add(index))).collect();
        self.next = self.next.wrapping_add(count);
        self.complete = 0;
    }

    /// A flow that has not been, in place of `flow`.
    pub(super) fn replace(&mut self, flow: u32) {
        if let Some(old) = self.list.get_mut(flow as usize) {
            self.complete -= usize::from(old.stage == Stage::Complete);
            *old = Flow::new(self.next);
            self.next = self.next.wrapping_add(1);
        }
    }

    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.list.len()).unwrap_or(u32::MAX)
    }

    /// Numbers of the flows that have come so far.
    pub(super) fn at(&self, stage: Stage) -> Vec<u32> {
        (0..).zip(&self.list).filter(|(_, flow)| flow.stage == stage).map(|pair| pair.0).collect()
    }

    /// Connections that came about.
    pub(super) const fn complete(&self) -> usize {
        self.complete
    }

    /// Whether nothing is left to come about.
    pub(super) const fn are_complete(&self) -> bool {
        self.complete == self.list.len()
    }

    /// Takes a flow from one stage to the next; false where it was elsewhere.
    pub(super) fn step(&mut self, flow: u32, from: Stage, to: Stage) -> bool {
        let flow = self.list.get_mut(flow as usize).filter(|flow| flow.stage == from);
        let Some(flow) = flow else { return false };
        flow.stage = to;
        self.complete += usize::from(to == Stage::Complete);
        self.complete -= usize::from(from == Stage::Complete);
        true
    }

    /// Addresses and ports as the client sends them.
    pub(super) fn ends(&self, flow: u32) -> Ends {
        let id = self.list.get(flow as usize).map_or(0, |flow| flow.id);
        let port = FIRST_PORT + u16::try_from(id / self.clients % PORTS).unwrap_or(0);
        let server = match self.kind {
            Kind::Udp | Kind::Tcp => self.port,
            Kind::Echo => 0,
        };
        Ends {
            source: (after(self.first.0, id % self.clients), port),
            destination: (after(self.first.1, id % self.servers), server),
        }
    }

    /// What frame `number` of all, of this flow, carries.
    pub(super) fn layer4(&self, flow: u32, number: u64) -> Layer4 {
        let stage = self.list.get(flow as usize).map_or(Stage::Begin, |flow| flow.stage);
        match (self.kind, stage) {
            (Kind::Udp, _) => Layer4::Udp,
            (Kind::Echo, _) => {
                Layer4::Echo { sequence: u16::try_from(number & 0xffff).unwrap_or(0) }
            }
            (Kind::Tcp, Stage::Begin) => {
                Layer4::Tcp { flags: SYN, sequence: client_sequence(flow), acknowledgement: 0 }
            }
            (Kind::Tcp, Stage::Answered | Stage::Complete) => Layer4::Tcp {
                flags: ACK,
                sequence: client_sequence(flow) + 1,
                acknowledgement: server_sequence(flow).wrapping_add(1),
            },
        }
    }

    /// The stage at which a frame that comes out completes the connection.
    pub(super) const fn last_stage(&self) -> Stage {
        match self.kind {
            Kind::Udp | Kind::Echo => Stage::Begin,
            Kind::Tcp => Stage::Answered,
        }
    }
}

impl Flow {
    const fn new(id: u32) -> Self {
        Self { id, stage: Stage::Begin }
    }
}

fn after(first: IpAddr, index: u32) -> IpAddr {
    match first {
        IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits().wrapping_add(index)).into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits().wrapping_add(index.into())).into(),
    }
}

const fn client_sequence(flow: u32) -> u32 {
    flow.wrapping_mul(2_654_435_761) & 0x7fff_ffff
}

/// The first number of the server's half of a connection.
pub(super) const fn server_sequence(flow: u32) -> u32 {
    flow.wrapping_mul(2_246_822_519)
}
