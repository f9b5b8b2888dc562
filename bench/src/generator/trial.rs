//! One trial: frames out at a rate, whatever comes back counted.

use super::packet::{ACK, Ends, Layer4, Mark, RST, SYN, Seen, build, read};
use super::profile::malform;
use super::sink::Sink;
use super::{Opened, Options};
use crate::traffic::routes::Random;
use anyhow::{Result, ensure};
use dpdk::{BURST, Burst, Mempool, cpu};
use sluice_dataplane::address::Mac;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

/// The generator's own MACs, inside and outside: the gateway's neighbours.
const CLIENTS: Mac = Mac([2, 0, 0, 0, 1, 1]);
const SERVERS: Mac = Mac([2, 0, 0, 0, 1, 2]);
/// Source ports of one client.
const PORTS: u32 = 60_000;
/// How long frames may still be on their way when the last is sent.
const STRAGGLERS: Duration = Duration::from_millis(300);

/// Where a TCP flow's handshake is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Handshake {
    /// A SYN is to be sent, or sent again.
    Begin,
    /// The SYN-ACK has come.
    Done,
}

/// What a trial came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Frames that the port took and that should come out.
    pub(crate) sent: u64,
    /// Malformed frames that the port took.
    pub(crate) malformed: u64,
    /// Frames that the port did not take.
    pub(crate) refused: u64,
    time: Duration,
    pub(crate) sink: Sink,
}

impl Outcome {
    /// Frames sent a second.
    pub(crate) fn rate(&self) -> u64 {
        let microseconds = self.time.as_micros().max(1);
        u64::try_from(u128::from(self.sent + self.malformed) * 1_000_000 / microseconds)
            .unwrap_or(0)
    }
    /// Frames that should have come out and did not.
    pub(crate) const fn lost(&self) -> u64 {
        self.sent.saturating_sub(self.sink.received)
    }
}

/// Ports and flows.
pub(crate) struct Rig<'o> {
    options: &'o Options,
    pool: Mempool,
    inside: Opened,
    outside: Option<Opened>,
    replay: Vec<Vec<u8>>,
    /// How often each flow was replaced by a new one.
    epochs: Vec<u32>,
    handshakes: Vec<Handshake>,
    number: u64,
    random: Random,
}

impl<'o> Rig<'o> {
    pub(super) fn new(
        options: &'o Options,
        pool: Mempool,
        inside: Opened,
        outside: Option<Opened>,
        replay: Vec<Vec<u8>>,
    ) -> Result<Self> {
        let flows = options.flows as usize;
        ensure!(
            u64::from(options.clients) * u64::from(PORTS) >= u64::from(options.flows),
            "{} clients have not ports enough for {flows} flows; raise --clients",
            options.clients
        );
        Ok(Self {
            options,
            pool,
            inside,
            outside,
            replay,
            epochs: vec![0; flows],
            handshakes: vec![Handshake::Begin; flows],
            number: 0,
            random: Random(0x5eed),
        })
    }

    /// Waits until the ports are up; a memif port is when somebody is at its other end.
    pub(super) fn wait_for_links(&self, most: Duration) -> Result<()> {
        let begin = Instant::now();
        for opened in std::iter::once(&self.inside).chain(&self.outside) {
            while !opened.port.link()?.up {
                let name = opened.port.name();
                ensure!(
                    begin.elapsed() < most,
                    "port {name} stays down: nobody is at its other end"
                );
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        Ok(())
    }

    /// Sends for so long; with `live`, shows the rate every second.
    pub(super) fn trial(
        &mut self,
        rate: Option<u64>,
        time: Duration,
        live: bool,
    ) -> Result<Outcome> {
        let sink = Sink::new(self.options.flows)?;
        let mut outcome = Outcome { sent: 0, malformed: 0, refused: 0, time, sink };
        let (begin, mut shown) = (Instant::now(), (Duration::ZERO, 0, 0));
        let mut replaced = 0;
        loop {
            let elapsed = begin.elapsed();
            if elapsed >= time {
                break;
            }
            replaced = self.replace_flows(elapsed, replaced);
            let offered = outcome.sent + outcome.malformed + outcome.refused;
            let due = rate.map_or(u64::MAX, |rate| due(rate, elapsed));
            self.send(&mut outcome, due.saturating_sub(offered).min(BURST as u64) as usize);
            self.receive(&mut outcome.sink);
            if live && elapsed - shown.0 >= Duration::from_secs(1) {
                let sent = outcome.sent + outcome.malformed;
                let received = outcome.sink.received;
                eprintln!(
                    "{:>4} s  sent {:>10}/s  received {:>10}/s  lost {}",
                    elapsed.as_secs(),
                    sent - shown.1,
                    received - shown.2,
                    outcome.lost()
                );
                shown = (elapsed, sent, received);
            }
        }
        outcome.time = begin.elapsed();
        let end = Instant::now();
        while end.elapsed() < STRAGGLERS {
            self.receive(&mut outcome.sink);
        }
        Ok(outcome)
    }

    /// Lets the oldest flows end and others take their places, as many as are due.
    fn replace_flows(&mut self, elapsed: Duration, replaced: u64) -> u64 {
        let due = due(self.options.new, elapsed);
        for count in replaced..due {
            let flow = (count % u64::from(self.options.flows)) as usize;
            if let (Some(epoch), Some(handshake)) =
                (self.epochs.get_mut(flow), self.handshakes.get_mut(flow))
            {
                *epoch = epoch.wrapping_add(1);
                *handshake = Handshake::Begin;
            }
        }
        due
    }

    fn send(&mut self, outcome: &mut Outcome, count: usize) {
        let mut burst = Burst::<BURST>::new();
        if count == 0 || !self.pool.alloc_burst(&mut burst, count) {
            return;
        }
        let (mut bytes, mut broken) = ([0; 1518], [false; BURST]);
        for (mbuf, broken) in burst.iter_mut().zip(&mut broken) {
            let length = self.frame(&mut bytes);
            *broken = self.random.next() % 100 < u64::from(self.options.malformed);
            if *broken {
                malform(&mut bytes, &mut self.random);
            }
            let frame = bytes.get(..length).unwrap_or_default();
            if let Some(room) = mbuf.append(u16::try_from(length).unwrap_or(0)) {
                room.copy_from_slice(frame);
            }
        }
        let Some(queue) = self.inside.queues.tx.first_mut() else { return };
        let taken = queue.transmit(&mut burst);
        let malformed = broken.iter().take(taken).filter(|broken| **broken).count();
        outcome.malformed += malformed as u64;
        outcome.sent += (taken - malformed) as u64;
        outcome.refused += (count - taken) as u64;
    }

    /// The next frame; returns its length.
    fn frame(&mut self, bytes: &mut [u8; 1518]) -> usize {
        let number = self.number;
        self.number += 1;
        if !self.replay.is_empty() {
            let at = (number % self.replay.len() as u64) as usize;
            let frame = self.replay.get(at).map_or(&[][..], Vec::as_slice);
            if let Some(room) = bytes.get_mut(..frame.len()) {
                room.copy_from_slice(frame);
            }
            return frame.len();
        }
        let options = self.options;
        let flow = options.pick.flow(options.flows, number, &mut self.random);
        let layer4 = match (options.tcp, self.handshakes.get(flow as usize)) {
            (false, _) => Layer4::Udp,
            (true, Some(Handshake::Done)) => {
                let acknowledgement = server_sequence(flow).wrapping_add(1);
                Layer4::Tcp { flags: ACK, sequence: client_sequence(flow) + 1, acknowledgement }
            }
            (true, Some(Handshake::Begin) | None) => {
                Layer4::Tcp { flags: SYN, sequence: client_sequence(flow), acknowledgement: 0 }
            }
        };
        let size = options.size.bytes(number, &mut self.random);
        let mark = Mark { flow, number, sent: cpu::cycles() };
        build(bytes, (options.inside_mac, CLIENTS), self.ends(flow), layer4, mark, size)
    }

    fn ends(&self, flow: u32) -> Ends {
        let options = self.options;
        let epoch = self.epochs.get(flow as usize).copied().unwrap_or(0);
        let id = flow.wrapping_add(epoch.wrapping_mul(options.flows));
        let address = |first: Ipv4Addr, index| Ipv4Addr::from(first.to_bits().wrapping_add(index));
        let port = 1024 + u16::try_from(id / options.clients % PORTS).unwrap_or(0);
        Ends {
            source: (address(options.from, id % options.clients), port),
            destination: (address(options.to, id % options.servers), options.port),
        }
    }

    fn receive(&mut self, sink: &mut Sink) {
        let mut burst = Burst::<BURST>::new();
        if let Some(queue) = self.outside.as_mut().and_then(|port| port.queues.rx.first_mut()) {
            queue.receive(&mut burst);
            let now = cpu::cycles();
            let mut syns = [None; BURST];
            for (mbuf, syn) in burst.iter().zip(&mut syns) {
                match read(mbuf.data()) {
                    Some(seen) => {
                        sink.count(&seen, now);
                        let begins = matches!(seen.layer4, Layer4::Tcp { flags: SYN, .. });
                        *syn = begins.then_some(seen);
                    }
                    None => sink.foreign += 1,
                }
            }
            burst.clear();
            syns.iter().flatten().for_each(|syn| self.answer(syn));
        }
        let Some(queue) = self.inside.queues.rx.first_mut() else { return };
        queue.receive(&mut burst);
        for mbuf in burst.iter() {
            match read(mbuf.data()) {
                Some(Seen { layer4: Layer4::Tcp { flags, .. }, mark, .. })
                    if flags == SYN | ACK && flags & RST == 0 =>
                {
                    if let Some(handshake) = self.handshakes.get_mut(mark.flow as usize) {
                        sink.connected += u64::from(*handshake == Handshake::Begin);
                        *handshake = Handshake::Done;
                    }
                }
                Some(_) => sink.misrouted += 1,
                None => sink.foreign += 1,
            }
        }
    }

    /// The server's answer to a SYN, to wherever that seems to come from.
    fn answer(&mut self, syn: &Seen) {
        let Layer4::Tcp { sequence, .. } = syn.layer4 else { return };
        let layer4 = Layer4::Tcp {
            flags: SYN | ACK,
            sequence: server_sequence(syn.mark.flow),
            acknowledgement: sequence.wrapping_add(1),
        };
        let mut bytes = [0; 1518];
        let macs = (self.options.outside_mac, SERVERS);
        let length = build(&mut bytes, macs, syn.ends.reversed(), layer4, syn.mark, 64);
        let mbuf = self.pool.alloc_copy(bytes.get(..length).unwrap_or_default());
        let queue = self.outside.as_mut().and_then(|port| port.queues.tx.first_mut());
        if let (Some(mbuf), Some(queue)) = (mbuf, queue) {
            let mut burst = Burst::<BURST>::new();
            // An empty burst has room; what the port does not take is a lost answer.
            drop(burst.push(mbuf));
            queue.transmit(&mut burst);
        }
    }
}

/// Frames due after `elapsed`.
fn due(rate: u64, elapsed: Duration) -> u64 {
    u64::try_from(u128::from(rate) * elapsed.as_nanos() / 1_000_000_000).unwrap_or(u64::MAX)
}

const fn client_sequence(flow: u32) -> u32 {
    flow.wrapping_mul(2_654_435_761) & 0x7fff_ffff
}

const fn server_sequence(flow: u32) -> u32 {
    flow.wrapping_mul(2_246_822_519)
}
