//! Benchmarks: `sluice-bench [PART OF A NAME]`. `QUICK=1` makes fewer rounds.
//!
//! A generator and one worker share a thread; what the worker lets out is compared with what it
//! should be, and a wrong frame fails the run. See docs/PERFORMANCE.md.

mod cases;
mod frame;
mod gateway;
mod report;
mod rig;
mod traffic;

use anyhow::{Context, Result, ensure};

const ROUNDS: usize = 100;
const QUICK_ROUNDS: usize = 20;

fn main() -> Result<()> {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let quick = std::env::var_os("QUICK").is_some_and(|value| !value.is_empty() && value != "0");
    let rounds = if quick { QUICK_ROUNDS } else { ROUNDS };
    // The last core: the first serves the system.
    if let Some(core) = core_affinity::get_core_ids().unwrap_or_default().pop() {
        core_affinity::set_for_current(core);
    }
    println!("{}", report::head());
    let mut figures = Vec::new();
    for (name, case) in cases::ALL.into_iter().filter(|(name, _)| name.contains(&wanted)) {
        let figure = case.run(name, rounds).with_context(|| name.to_owned())?;
        println!("{}", figure.line());
        figures.push(figure);
    }
    ensure!(!figures.is_empty(), "no benchmark has {wanted:?} in its name");
    println!("written to {}", report::write(&figures)?.display());
    Ok(())
}
