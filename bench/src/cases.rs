//! The benchmarks by name.

use crate::gateway::Role;
use crate::report::Figure;
use crate::rig::{POOL, Rig, SAMPLES};
use crate::traffic::{Flow, Way};
use anyhow::{Result, ensure};

/// Connections the table holds unless a case needs more; the kernel's default.
const TABLE: usize = 262_144;

/// What is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Case {
    /// Routing without connections.
    Forward,
    /// Packets both ways of that many known connections, in random order.
    Established(u32),
    /// Packets that each begin a connection.
    New,
}

/// All of them.
pub(crate) const ALL: [(&str, Case); 5] = [
    ("forward/1-route", Case::Forward),
    ("nat/established/1-flows/random", Case::Established(1)),
    ("nat/established/10k-flows/random", Case::Established(10_000)),
    ("nat/established/1M-flows/random", Case::Established(1_000_000)),
    ("nat/new", Case::New),
];

impl Case {
    /// Cycles per packet over `rounds` rounds.
    ///
    /// # Errors
    /// A frame came out wrong, or took a path that is not the one measured.
    pub(crate) fn run(self, name: &str, rounds: usize) -> Result<Figure> {
        let samples = match self {
            Self::Forward => forward(rounds)?,
            Self::Established(flows) => established(flows, rounds)?,
            Self::New => new(rounds)?,
        };
        Ok(Figure::new(name, samples.into_flattened()))
    }
}

const fn outwards(_burst: usize) -> Way {
    Way::Out
}

const fn backwards(_burst: usize) -> Way {
    Way::Back
}

const fn both_ways(burst: usize) -> Way {
    if burst.is_multiple_of(2) { Way::Out } else { Way::Back }
}

/// One of `flows` flows.
fn one_of(flows: u32, random: u64) -> Flow {
    Flow(u32::try_from(random % u64::from(flows)).unwrap_or(0))
}

fn forward(rounds: usize) -> Result<Vec<[f64; SAMPLES]>> {
    let mut rig = Rig::new(Role::Router)?;
    let mut round = || rig.round(outwards, |_, random| one_of(1 << 20, random));
    round()?;
    (0..rounds).map(|_| round()).collect()
}

fn established(flows: u32, rounds: usize) -> Result<Vec<[f64; SAMPLES]>> {
    let mut rig = Rig::new(Role::Nat { capacity: TABLE.max(flows as usize) })?;
    // There and back makes a connection; once more, and both directions have their verdicts.
    for turn in 0..(flows as usize).div_ceil(POOL) {
        let flow = |index: usize, _| {
            Flow(u32::try_from((turn * POOL + index) % flows as usize).unwrap_or(0))
        };
        for _ in 0..2 {
            rig.round(outwards, flow)?;
            rig.round(backwards, flow)?;
        }
    }
    let before = rig.cached();
    let cycles = (0..rounds)
        .map(|_| rig.round(both_ways, |_, random| one_of(flows, random)))
        .collect::<Result<Vec<_>>>()?;
    let (cached, sent) = (rig.cached() - before, (rounds * POOL) as u64);
    ensure!(cached == sent, "{cached} of {sent} packets took a cached verdict");
    let held = rig.worker.v4().conntrack.count();
    ensure!(held == flows as usize, "{held} connections, not {flows}");
    Ok(cycles)
}

fn new(rounds: usize) -> Result<Vec<[f64; SAMPLES]>> {
    let mut rig = Rig::new(Role::Nat { capacity: TABLE })?;
    let mut next = 0;
    let mut round = |rig: &mut Rig| {
        if rig.worker.v4().conntrack.count() + POOL > TABLE {
            rig.expire_all()?;
        }
        rig.round(outwards, |_, _| {
            next += 1;
            Flow(next)
        })
    };
    // Once through the table, so that its memory is there.
    for _ in 0..TABLE / POOL {
        round(&mut rig)?;
    }
    let before = rig.worker.v4().conntrack.statistics().inserted;
    let cycles = (0..rounds).map(|_| round(&mut rig)).collect::<Result<Vec<_>>>()?;
    let begun = rig.worker.v4().conntrack.statistics().inserted - before;
    ensure!(begun == (rounds * POOL) as u64, "{begun} connections began");
    Ok(cycles)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_passes_its_own_checks() {
        for (name, case) in ALL {
            if matches!(case, Case::Established(1_000_000)) {
                continue; // The same as the others, and slow without optimisation.
            }
            let figure = case.run(name, 3).unwrap();
            assert!(figure.min > 0.0 && figure.min <= figure.value && figure.value <= figure.max);
        }
    }
}
