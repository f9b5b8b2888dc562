//! One trial: frames out at a rate, whatever comes back counted.

use super::flows::{Flows, Stage, server_sequence};
use super::packet::{ACK, Layer4, Mark, SYN, Seen, build, read};
use super::profile::malform;
use super::sink::Sink;
use super::{Opened, Options};
use crate::traffic::routes::Random;
use anyhow::{Result, ensure};
use dpdk::{BURST, Burst, Mempool, cpu};
use sluice_dataplane::address::Mac;
use std::time::{Duration, Instant};

/// The generator's own MACs, inside and outside: the gateway's neighbours.
const CLIENTS: Mac = Mac([2, 0, 0, 0, 1, 1]);
const SERVERS: Mac = Mac([2, 0, 0, 0, 1, 2]);
/// How long nothing may come before frames that are missing are lost.
pub(super) const STRAGGLERS: Duration = Duration::from_millis(100);
/// How long the gateway may take until it forwards.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a trial came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Frames that the port took and that should come out.
    pub(crate) sent: u64,
    /// Malformed frames that the port took.
    pub(crate) malformed: u64,
    /// Frames that the port did not take.
    pub(crate) refused: u64,
    /// How long it took to send them.
    pub(crate) time: Duration,
    pub(crate) sink: Sink,
}

impl Outcome {
    pub(super) fn new(flows: u32) -> Result<Self> {
        let sink = Sink::new(flows)?;
        Ok(Self { sent: 0, malformed: 0, refused: 0, time: Duration::ZERO, sink })
    }

    /// Frames sent a second.
    pub(crate) fn rate(&self) -> u64 {
        self.per_second(self.sent + self.malformed)
    }

    /// So many frames, as a rate.
    pub(crate) fn per_second(&self, frames: u64) -> u64 {
        let microseconds = self.time.as_micros().max(1);
        u64::try_from(u128::from(frames) * 1_000_000 / microseconds).unwrap_or(0)
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
    pub(super) flows: Flows,
    /// Flows whose SYN-ACK has come and was not seen to yet.
    pub(super) answered: Vec<u32>,
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
        Ok(Self {
            options,
            pool,
            inside,
            outside,
            replay,
            flows: Flows::new(options)?,
            answered: Vec::new(),
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

    /// Sends a frame now and then until one comes out: the gateway is ready.
    pub(super) fn wait_for_gateway(&mut self) -> Result<()> {
        let begin = Instant::now();
        while self.outside.is_some() {
            let outcome = self.trial(Some(1000), Duration::from_millis(10), false)?;
            if outcome.sink.received > 0 && outcome.lost() == 0 {
                break;
            }
            ensure!(begin.elapsed() < PATIENCE, "nothing comes out of the gateway");
        }
        Ok(())
    }

    /// Takes frames until none is missing, or none comes any more.
    fn take_stragglers(&mut self, outcome: &mut Outcome) {
        let (mut last, mut received) = (Instant::now(), outcome.sink.received);
        while outcome.lost() > 0 && last.elapsed() < STRAGGLERS {
            self.receive(&mut outcome.sink);
            if outcome.sink.received > received {
                (last, received) = (Instant::now(), outcome.sink.received);
            }
        }
    }

    /// Sends for so long; with `live`, shows the rate every second.
    pub(super) fn trial(
        &mut self,
        rate: Option<u64>,
        time: Duration,
        live: bool,
    ) -> Result<Outcome> {
        let mut outcome = Outcome::new(self.flows.count())?;
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
            let count = due.saturating_sub(offered).min(BURST as u64) as usize;
            let flows = self.pick(count);
            self.send(&mut outcome, flows.get(..count).unwrap_or_default());
            self.receive(&mut outcome.sink);
            self.answered.clear();
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
        self.take_stragglers(&mut outcome);
        Ok(outcome)
    }

    /// Lets the oldest flows end and others take their places, as many as are due.
    fn replace_flows(&mut self, elapsed: Duration, replaced: u64) -> u64 {
        let due = due(self.options.new, elapsed);
        for count in replaced..due {
            let flow = count % u64::from(self.flows.count());
            self.flows.replace(u32::try_from(flow).unwrap_or(0));
        }
        due
    }

    /// The flows of the next `count` frames.
    fn pick(&mut self, count: usize) -> [u32; BURST] {
        let (pick, number, all) = (self.options.pick, self.number, self.flows.count());
        let mut flows = [0; BURST];
        for (number, flow) in (number..).zip(flows.iter_mut().take(count)) {
            *flow = pick.flow(all, number, &mut self.random);
        }
        flows
    }

    /// Sends a frame of each of the flows, a burst's worth at most; returns how many the port took.
    pub(super) fn send(&mut self, outcome: &mut Outcome, flows: &[u32]) -> usize {
        let (mut burst, count) = (Burst::<BURST>::new(), flows.len());
        if count == 0 || !self.pool.alloc_burst(&mut burst, count) {
            return 0;
        }
        let (mut bytes, mut broken) = ([0; 1518], [false; BURST]);
        for ((mbuf, broken), flow) in burst.iter_mut().zip(&mut broken).zip(flows) {
            let length = self.frame(&mut bytes, *flow);
            *broken = self.random.next() % 100 < u64::from(self.options.malformed);
            if *broken {
                malform(&mut bytes, &mut self.random);
            }
            let frame = bytes.get(..length).unwrap_or_default();
            if let Some(room) = mbuf.append(u16::try_from(length).unwrap_or(0)) {
                room.copy_from_slice(frame);
            }
        }
        let Some(queue) = self.inside.queues.tx.first_mut() else { return 0 };
        let taken = queue.transmit(&mut burst);
        let malformed = broken.iter().take(taken).filter(|broken| **broken).count();
        outcome.malformed += malformed as u64;
        outcome.sent += (taken - malformed) as u64;
        outcome.refused += (count - taken) as u64;
        taken
    }

    /// The next frame, of that flow; returns its length.
    fn frame(&mut self, bytes: &mut [u8; 1518], flow: u32) -> usize {
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
        let size = options.size.bytes(number, &mut self.random);
        let mark = Mark { flow, number, sent: cpu::cycles() };
        let (ends, layer4) = (self.flows.ends(flow), self.flows.layer4(flow, number));
        build(bytes, (options.inside_mac, CLIENTS), ends, layer4, mark, size)
    }

    /// Takes what came to both ports, and answers SYNs.
    pub(super) fn receive(&mut self, sink: &mut Sink) {
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
                        let last = self.flows.last_stage();
                        if !begins {
                            self.flows.step(seen.mark.flow, last, Stage::Complete);
                        }
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
                Some(Seen { layer4: Layer4::Tcp { flags, .. }, mark, ends, .. })
                    if flags == SYN | ACK =>
                {
                    // An answer to a flow that was replaced meanwhile is nobody's.
                    let own = ends.reversed() == self.flows.ends(mark.flow);
                    if own && self.flows.step(mark.flow, Stage::Begin, Stage::Answered) {
                        sink.connected += 1;
                        self.answered.push(mark.flow);
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
pub(super) fn due(rate: u64, elapsed: Duration) -> u64 {
    u64::try_from(u128::from(rate) * elapsed.as_nanos() / 1_000_000_000).unwrap_or(u64::MAX)
}
