//! What takes more than one trial: RFC 2544's throughput, RFC 9693's connection rate and table capacity.

use super::trial::{Outcome, Rig};
use super::{Options, print};
use anyhow::{Context, Result, bail, ensure};
use std::process::Command;

/// Connections a second when the table is filled; few enough for any gateway that is worth measuring.
const FILL: u64 = 50_000;

/// The highest rate between `low`, which passes, and `high`, which does not, that passes; to a hundredth.
fn bisect(mut low: u64, mut high: u64, mut passes: impl FnMut(u64) -> Result<bool>) -> Result<u64> {
    while high - low > (high / 100).max(100) {
        let rate = low + (high - low) / 2;
        match passes(rate)? {
            true => low = rate,
            false => high = rate,
        }
    }
    Ok(low)
}

/// RFC 2544, section 26.1: the highest rate at which a trial loses nothing.
pub(super) fn frames(options: &Options, rig: &mut Rig) -> Result<()> {
    let fastest = rig.trial(None, options.seconds, false)?;
    let (rate, received) = (fastest.rate(), fastest.per_second(fastest.sink.received));
    println!("unlimited: {rate} frames/s sent, {received} received, {} lost", fastest.lost());
    let mut best: Option<Outcome> = None;
    let low = match fastest.lost() {
        // The ports themselves hold the generator back.
        0 => {
            best = Some(fastest);
            rate
        }
        _ => bisect(0, rate, |rate| {
            let outcome = rig.trial(Some(rate), options.seconds, false)?;
            println!("{rate} frames/s: {} lost", outcome.lost());
            let passes = outcome.lost() == 0;
            if passes {
                best = Some(outcome);
            }
            Ok(passes)
        })?,
    };
    let best = best.context("frames are lost at any rate")?;
    println!("zero loss at {low} frames/s:");
    print(&best);
    Ok(())
}

/// RFC 9693: the highest rate of new connections, up to `most`, at which each comes about.
pub(super) fn connections(options: &Options, rig: &mut Rig, most: u64) -> Result<()> {
    let mut attempt = |rate: u64| -> Result<bool> {
        if let Some(command) = &options.between {
            let output = Command::new("sh").args(["-c", command]).output()?;
            let error = String::from_utf8_lossy(&output.stderr);
            ensure!(output.status.success(), "`{command}`: {}: {error}", output.status);
        }
        let count = rate.saturating_mul(u64::try_from(options.seconds.as_millis())?) / 1000;
        let count = u32::try_from(count).context("too many connections; shorten --seconds")?;
        rig.flows.begin_anew(count);
        let all: Vec<u32> = (0..count).collect();
        // One that is late by half has failed, and need not be waited for.
        let outcome = rig.connect(&all, rate, options.seconds * 3 / 2)?;
        let complete = rig.flows.complete();
        let begun = outcome.per_second(count.into());
        println!("{rate} connections/s: {begun}/s begun, {complete} of {count} came about");
        // A generator that is late has not asked for this rate.
        Ok(complete == all.len() && begun >= rate - rate / 50)
    };
    let highest = if attempt(most)? { most } else { bisect(0, most, attempt)? };
    ensure!(highest > 0, "connections fail at any rate");
    println!("all connections come about at {highest} connections/s");
    Ok(())
}

/// RFC 9693: how many connections the table holds before new ones are refused.
///
/// They are TCP, as connections that are not assured make room for new ones in a full table. In the end each
/// has to let one more segment out: one that was half open and pushed out then may have come about in the
/// middle, which does not assure it, and was pushed out again.
pub(super) fn capacity(options: &Options, rig: &mut Rig) -> Result<()> {
    let rate = options.rate.unwrap_or(FILL);
    let complete = rig.fill(rate)?;
    let alive = rig.alive(rate)?;
    let asked = options.flows as usize;
    println!("{complete} of {asked} connections came about, {alive} of them are alive");
    match alive {
        alive if alive == asked => bail!("the table is not full; raise --flows"),
        0 => bail!("no connection comes about"),
        alive => println!("capacity: {alive} connections"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_ends_within_a_hundredth_below() {
        for limit in [1_000, 77_777, 500_000, 999_999] {
            let found = bisect(0, 1_000_000, |rate| Ok(rate <= limit)).unwrap();
            assert!(
                found <= limit && limit - found <= (limit / 100).max(100),
                "{found} of {limit}"
            );
        }
        assert_eq!(bisect(0, 1_000_000, |_| Ok(false)).unwrap(), 0);
    }
}
