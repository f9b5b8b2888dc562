//! How long a packet may walk: chains that call one another in a circle have no end, and sixteen of which each calls the
//! next ten times have none that anybody sees. As in the kernel, what no packet reaches may be as it likes.

use super::error::CompileError;
use super::rules::places;
use sluice_config::netfilter::{self as text, TableModel};

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

/// Refuses a table through which some packet might walk without an end: depth-first from each builtin chain, each chain
/// once.
pub(super) fn check(table: text::Table, model: &TableModel) -> Result<(), CompileError> {
    let places = places(model);
    let calls: Vec<Vec<usize>> = model
        .chains
        .iter()
        .map(|chain| {
            let called = chain.rules.iter().filter_map(|rule| match &rule.target {
                Some(text::Target::Jump(name) | text::Target::Goto(name)) => {
                    places.get(name.as_str()).copied()
                }
                _ => None,
            });
            called.collect()
        })
        .collect();
    let mut seen = vec![Seen::No; calls.len()];
    let builtin = model.chains.iter().enumerate().filter(|(_, chain)| chain.hook().is_some());
    for (start, chain) in builtin {
        let chain = || chain.name.clone();
        let length = length(start, &calls, model, &mut seen).map_err(|at| CompileError::Loop {
            table: table.name(),
            chain: model.chains.get(at).map_or_else(chain, |chain| chain.name.clone()),
        })?;
        if length > MOST {
            return Err(CompileError::Endless { table: table.name(), chain: chain(), most: MOST });
        }
    }
    Ok(())
}

/// How many rules are on the longest way through a chain; a chain of a circle, if there is one.
fn length(
    start: usize,
    calls: &[Vec<usize>],
    model: &TableModel,
    seen: &mut [Seen],
) -> Result<u64, usize> {
    let done = |seen: &[Seen], at: usize| match seen.get(at) {
        Some(Seen::Done(length)) => *length,
        Some(Seen::No | Seen::Open) | None => 0,
    };
    let mut stack = vec![(start, 0)];
    while let Some((at, next)) = stack.pop() {
        let (Some(called), Some(state)) = (calls.get(at), seen.get_mut(at)) else { continue };
        match (*state, called.get(next)) {
            (Seen::Done(_), _) => {}
            (Seen::No | Seen::Open, None) => {
                let own = model.chains.get(at).map_or(0, |chain| chain.rules.len() as u64);
                let length = |sum: u64, at: &usize| sum.saturating_add(done(seen, *at));
                let length = called.iter().fold(own, length);
                if let Some(state) = seen.get_mut(at) {
                    *state = Seen::Done(length);
                }
            }
            (Seen::No | Seen::Open, Some(&into)) => {
                *state = Seen::Open;
                stack.push((at, next + 1));
                match seen.get(into) {
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
    use sluice_config::netfilter::{Family, Ruleset, Table};

    fn checked(text: &str) -> Result<(), CompileError> {
        let ruleset = Ruleset::parse(Family::V4, text, "rules").unwrap();
        check(Table::Filter, ruleset.table(Table::Filter).unwrap())
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
