//! What loads take on this machine: the floor of all that looks things up, whoever else fills its caches.

use super::measure::{Comparison, Function};
use super::tables::per;
use crate::report::Average;
use crate::traffic::routes::Random;
use anyhow::Context;
use dpdk::cpu;

/// Loads timed as one.
const SAMPLE: usize = 256;
/// Samples of a round.
const SAMPLES: usize = 16;

/// A cache line that tells which is the next.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line(u32);

/// Loads at random over so many megabytes, each of which needs what the one before has given.
pub(super) fn dependent(megabytes: u32) -> Comparison {
    let lines = round_trip(megabytes << 20 >> 6);
    let mut at = 0;
    let subject = Function(move || {
        let mut samples = Vec::with_capacity(SAMPLES);
        for _ in 0..SAMPLES {
            let begin = cpu::cycles();
            at = follow(&lines, at, SAMPLE).context("a line leads nowhere")?;
            samples.push(per(cpu::cycles() - begin, SAMPLE));
        }
        Ok(samples)
    });
    Comparison {
        unit: "cycles/load",
        average: Average::Median,
        harness: "dependent loads at random, on huge pages where there are any".into(),
        subject: Box::new(subject),
        baseline: None,
    }
}

fn follow(lines: &[Line], from: u32, count: usize) -> Option<u32> {
    (0..count).try_fold(from, |at, _| lines.get(at as usize).map(|line| line.0))
}

/// Lines of which each leads to another, and all to all (Sattolo's algorithm).
fn round_trip(count: u32) -> Vec<Line> {
    let mut lines = Vec::with_capacity(count as usize);
    dpdk::memory::prefer_huge_pages(&lines);
    lines.extend((0..count).map(Line));
    let mut random = Random(5);
    for last in (1..lines.len()).rev() {
        lines.swap(last, random.next() as usize % last);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_met_before_the_first_comes_again() {
        for count in [2, 3, 1000] {
            let lines = round_trip(count);
            let count = count as usize;
            let back = (1..=count).find(|steps| follow(&lines, 0, *steps) == Some(0));
            assert_eq!(back, Some(count));
        }
    }
}
