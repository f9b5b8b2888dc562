//! How long a packet may walk: chains that call one another in a circle have no end, and sixteen of which each calls the
//! next ten times have none that anybody sees. As in the kernel, what no packet reaches may be as it likes.

use super::error::CompileError;
use sluice_dataplane::address::Address;
use sluice_dataplane::rules::{ChainId, Hook, Prepared, Table};
use std::sync::Arc;

/// Rules that may ask one packet at one hook, where all of them match: some tenths of a second of one core. Linux 6.18 has
/// no bound; its successors bound the jumps.
const MOST: u64 = 1 << 24;

#[derive(Clone, Copy, PartialEq)]
enum Seen {
    No,
    Open,
    /// With so many rules on the longest way through it.
    Done(u64),
}

/// Refuses chains through which some packet might walk without an end: depth-first from each base chain, each chain
/// once. `name` says what a chain and its table are called.
pub(super) fn check<A: Address>(
    chains: &[Arc<Prepared<A>>],
    entries: &[(Table, Hook, ChainId)],
    name: impl Fn(ChainId) -> (&'static str, String),
) -> Result<(), CompileError> {
    let mut seen = vec![Seen::No; chains.len()];
    for &(_, _, start) in entries {
        let length = length(start, chains, &mut seen).map_err(|at| {
            let (table, chain) = name(at);
            CompileError::Loop { table, chain }
        })?;
        if length > MOST {
            let (table, chain) = name(start);
            return Err(CompileError::Endless { table, chain, most: MOST });
        }
    }
    Ok(())
}

/// How many rules are on the longest way through a chain; a chain of a circle, if there is one.
fn length<A: Address>(
    start: ChainId,
    chains: &[Arc<Prepared<A>>],
    seen: &mut [Seen],
) -> Result<u64, ChainId> {
    let done = |seen: &[Seen], at: ChainId| match seen.get(at.0 as usize) {
        Some(Seen::Done(length)) => *length,
        Some(Seen::No | Seen::Open) | None => 0,
    };
    let mut stack = vec![(start, 0)];
    while let Some((at, next)) = stack.pop() {
        let place = at.0 as usize;
        let (Some(chain), Some(state)) = (chains.get(place), seen.get_mut(place)) else { continue };
        match (*state, chain.calls().get(next)) {
            (Seen::Done(_), _) => {}
            (Seen::No | Seen::Open, None) => {
                let own = chain.rules.len() as u64;
                let length = |sum: u64, at: &ChainId| sum.saturating_add(done(seen, *at));
                let length = chain.calls().iter().fold(own, length);
                if let Some(state) = seen.get_mut(place) {
                    *state = Seen::Done(length);
                }
            }
            (Seen::No | Seen::Open, Some(&into)) => {
                *state = Seen::Open;
                stack.push((at, next + 1));
                match seen.get(into.0 as usize) {
                    Some(Seen::Open) => return Err(into),
                    Some(Seen::No) => stack.push((into, 0)),
                    Some(Seen::Done(_)) | None => {}
                }
            }
        }
    }
    Ok(done(seen, start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::{States, World, compile};
    use crate::sets::SharedSets;
    use sluice_config::netfilter::{Family, Ruleset};
    use sluice_dataplane::address::V4;
    use sluice_dataplane::conntrack::Policies;
    use sluice_dataplane::interface::Interfaces;
    use sluice_dataplane::rules::Rules;

    fn checked(text: &str) -> Result<(), CompileError> {
        let ruleset = Ruleset::parse(Family::V4, text, "rules").unwrap();
        let (interfaces, states) = (&Interfaces::default(), &States::default());
        let (sets, policies) = (&SharedSets::default(), &Policies::default());
        let world = World { interfaces, states, sets, policies, workers: 1 };
        compile::<V4>(&ruleset, world, &Rules::empty(1)).map(drop)
    }

    /// Chains C0, C1, … of which each has `times` rules that call the next; `lead` is before them.
    fn ladder(lead: &str, chains: usize, times: usize) -> String {
        let mut text = String::from("*filter\n");
        (0..=chains).for_each(|at| text += &format!(":C{at} - [0:0]\n"));
        text += lead;
        for at in 0..chains {
            text += &format!("-A C{at} -j C{}\n", at + 1).repeat(times);
        }
        text + "COMMIT\n"
    }

    #[test]
    fn a_circle_that_no_packet_reaches_is_no_matter() {
        let circle =
            "*filter\n:A - [0:0]\n:B - [0:0]\n-A A -j B\n-A B -j A\n-A FORWARD -j ACCEPT\nCOMMIT\n";
        assert_eq!(checked(circle), Ok(()));
        // Nor are chains that call one another a trillion times.
        assert_eq!(checked(&ladder("", 40, 2)), Ok(()));
    }

    #[test]
    fn a_walk_of_millions_of_rules_is_refused() {
        let called = "-A FORWARD -j C0\n";
        assert_eq!(checked(&ladder(called, 14, 3)), Ok(()));
        let refused = checked(&ladder(called, 14, 4)).unwrap_err();
        assert!(
            refused
                .to_string()
                .starts_with("filter FORWARD: a packet might be asked by more than 16777216")
        );
        assert!(checked(&ladder(called, 14, 1000)).is_err(), "beyond 64 bits");
    }
}
