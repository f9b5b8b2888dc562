//! Several workers: how much two do, and what it costs when packets arrive at the wrong one.

use super::measure::Comparison;
use super::packets::{self, Effort, Packets};
use super::scenario::{Established, Order, Ways};
use crate::gateway::{self, Role};
use crate::machine::{Machine, move_to};
use crate::report::{Average, Figure};
use crate::rig::{Checksums, Rig};
use crate::ruleset::Beside;
use crate::traffic::{Protocol, Traffic, Way};
use anyhow::{Context, Result, bail, ensure};
use std::sync::{Arc, Barrier};

const FLOWS: u32 = 65_536;

fn traffic() -> Traffic {
    Traffic { protocol: Protocol::Udp, translated: true, destinations: Vec::new() }
}

fn role() -> Role {
    Role::Nat { capacity: 4 * FLOWS as usize, beside: Beside::Filters(0), udp_timeout: 30 }
}

/// Every packet comes in by the worker that does not own its connection, against none does. One thread
/// plays both workers, so the cost of lines that move between cores is not in it.
pub(super) fn all_wrong(machine: &Machine) -> Result<Comparison> {
    let mut gateway = gateway::gateway(role(), 2)?;
    let (stranger, owner) = (gateway.workers.pop(), gateway.workers.pop());
    let mut rig = Rig::of(machine.pool.clone(), owner.context("no worker")?, traffic());
    packets::establish(&mut rig, 0..FLOWS)?;
    rig.hand_off_from(stranger.context("no second worker")?);
    let right = packets::established(
        machine,
        Established {
            protocol: Protocol::Udp,
            flows: FLOWS,
            order: Order::Random,
            ways: Ways::One(Way::Out),
            checksums: Checksums::Verified,
            filters: 0,
        },
    )?;
    Ok(Packets::random(rig, FLOWS).against(machine, "none wrong", right))
}

/// Turns in which both workers run; after each one of them runs alone.
const TURNS: usize = 16;

/// Millions of packets a second that one worker did, by turn: while both ran, and alone.
#[derive(Debug, Default)]
struct Run {
    together: Vec<f64>,
    alone: Vec<f64>,
}

/// Millions of packets a second of two workers on two cores, against either of them alone. Only the time
/// within the workers counts; the generators run on the same cores in between.
pub(super) fn two(machine: &Machine, effort: Effort) -> Result<(Figure, Figure)> {
    let cores = machine.cores;
    ensure!(cores > 1, "two workers need two cores; leave scale/ out");
    let rounds = (effort.rounds / TURNS).max(2);
    let barrier = Arc::new(Barrier::new(2));
    let gateway = gateway::gateway(role(), 2)?;
    let mut threads = Vec::new();
    for (number, worker) in gateway.workers.into_iter().enumerate() {
        let (pool, barrier) = (machine.second_pool(number)?, Arc::clone(&barrier));
        let (eal, core) = (machine.eal.clone(), cores - 1 - number);
        let work = move || -> Result<Run> {
            let place = move_to(core).then(|| eal.register_thread());
            let place = place.with_context(|| format!("cannot run on core {core}"));
            let mut rig = Rig::of(pool, worker, traffic());
            let first = u32::try_from(number)? * FLOWS;
            let ready = packets::establish(&mut rig, first..first + FLOWS);
            // Whatever becomes of this worker, the other must not wait for it for ever.
            let mut failed = place.and(ready).err();
            let mut run = Run::default();
            let mut go = |failed: &mut Option<anyhow::Error>, rates: &mut Vec<f64>| {
                let mut samples = Vec::new();
                for _ in 0..rounds {
                    let flow = |_, random: u64| first + random as u32 % FLOWS;
                    match rig.round(|_| Way::Out, flow) {
                        Ok(more) => samples.extend(more),
                        Err(error) => *failed = Some(error),
                    }
                }
                rates.push(rate(&samples));
            };
            for turn in 0..TURNS {
                barrier.wait();
                go(&mut failed, &mut run.together);
                barrier.wait();
                if number == turn % 2 {
                    go(&mut failed, &mut run.alone);
                }
            }
            failed.map_or(Ok(run), Err)
        };
        threads.push(std::thread::spawn(work));
    }
    let runs = threads
        .into_iter()
        .map(|thread| thread.join().ok().context("a worker panicked")?)
        .collect::<Result<Vec<Run>>>()?;
    let [first, second] = runs.as_slice() else { bail!("two workers did not run") };
    let both: Vec<f64> = first.together.iter().zip(&second.together).map(|(a, b)| a + b).collect();
    let one: Vec<f64> =
        first.alone.iter().zip(&second.alone).map(|(a, b)| f64::midpoint(*a, *b)).collect();
    // Each worker has run alone once within two turns.
    let pairs = both.chunks_exact(2).map(|turns| turns.iter().sum::<f64>() / 2.0);
    let ratios: Vec<f64> = pairs.zip(&one).map(|(both, one)| both / one).collect();
    let figure =
        |name, rates: &[f64]| Figure::new(name, machine.harness(), "Mpps", rates, Average::Median);
    let alone = figure("scale/workers/1", &one);
    let together =
        figure("scale/workers/2", &both).against_in_turns("1 worker", alone.value, &ratios);
    Ok((alone, together))
}

/// Millions of packets a second at so many cycles a packet.
fn rate(samples: &[f64]) -> f64 {
    dpdk::cpu::cycles_per_second() as f64 / 1e6 / Average::Median.of(samples)
}
