//! Connections begun one after the other, each to its end: for RFC 9693's tests.

use super::flows::Stage;
use super::trial::{Outcome, Rig, STRAGGLERS, due};
use anyhow::Result;
use dpdk::BURST;
use std::time::{Duration, Instant};

/// How often frames that were lost on the way are sent again.
const RETRIES: usize = 20;

impl Rig<'_> {
    /// Sends the first frame of each flow of `flows`, `rate` a second, and what follows the answer to each; begins none
    /// any more after `most`. What came of it the flows' stages say.
    pub(super) fn connect(&mut self, flows: &[u32], rate: u64, most: Duration) -> Result<Outcome> {
        let mut outcome = Outcome::new(self.flows.count())?;
        let (begin, mut begun, mut last) = (Instant::now(), 0, Instant::now());
        self.answered.clear();
        outcome.time = most;
        while begun < flows.len() && begin.elapsed() < most || last.elapsed() < STRAGGLERS {
            let received = outcome.sink.received + outcome.sink.connected;
            self.receive(&mut outcome.sink);
            if outcome.sink.received + outcome.sink.connected > received {
                last = Instant::now();
            }
            // What closes a handshake goes first: half-open connections are what a full table pushes out.
            let answered = self.answered.len().min(BURST);
            let burst: Vec<u32> = self.answered.drain(..answered).collect();
            let taken = self.send(&mut outcome, &burst);
            self.answered.extend(burst.get(taken..).unwrap_or_default());
            let until = usize::try_from(due(rate, begin.elapsed())).unwrap_or(usize::MAX);
            let until = until.min(begun + BURST).min(flows.len());
            if until > begun && begin.elapsed() < most {
                begun += self.send(&mut outcome, flows.get(begun..until).unwrap_or_default());
                last = Instant::now();
                if begun == flows.len() {
                    outcome.time = begin.elapsed();
                }
            } else if begun == flows.len() && self.flows.are_complete() {
                break;
            }
        }
        Ok(outcome)
    }

    /// Begins all flows, and again those that came to nothing, until no more come about; returns how many did.
    pub(super) fn fill(&mut self, rate: u64) -> Result<usize> {
        let all: Vec<u32> = (0..self.flows.count()).collect();
        self.connect(&all, rate, Duration::MAX)?;
        self.retry(rate)
    }

    /// Sends a frame of each complete connection once more; returns how many came out.
    pub(super) fn alive(&mut self, rate: u64) -> Result<usize> {
        let complete = self.flows.at(Stage::Complete);
        for flow in &complete {
            self.flows.step(*flow, Stage::Complete, self.flows.last_stage());
        }
        self.connect(&complete, rate, Duration::MAX)?;
        let lost = self.flows.at(self.flows.last_stage());
        self.connect(&lost, rate, Duration::MAX)?;
        Ok(self.flows.complete())
    }

    fn retry(&mut self, rate: u64) -> Result<usize> {
        let mut complete = self.flows.complete();
        for _ in 0..RETRIES {
            let mut left = self.flows.at(Stage::Answered);
            left.extend(self.flows.at(Stage::Begin));
            self.connect(&left, rate, Duration::MAX)?;
            let now = self.flows.complete();
            if now == complete {
                break;
            }
            complete = now;
        }
        Ok(complete)
    }
}
