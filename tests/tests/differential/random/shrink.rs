//! Owns the shrinking of a round that shows a difference: what is not needed for one is left out.

use std::fmt::Write as _;

use super::compare::hex;
use super::play::{Difference, Stage};
use super::round::{Action, Round};
use super::ruleset::Table;

/// How sure a difference is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sure {
    /// It is seen each time, packet by packet.
    Again,
    /// It is seen again where packets come close together: workers overtake one another there.
    Close,
    /// It was not seen again.
    Once,
    /// The kernel itself does not do the same again.
    Kernel,
}

/// What differs: another kind is another difference.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    /// Rules that are refused.
    Words,
    Frames,
    Connections,
    /// Tables that are there.
    Tables,
    Counters,
}

impl Kind {
    fn of(difference: &Difference) -> Self {
        let text = difference.text.as_str();
        let begins = |word| text.lines().any(|line| line.trim_start().starts_with(word));
        match () {
            () if begins("exit") || begins("no ruleset") => Self::Words,
            () if begins("sent: ") => Self::Frames,
            () if begins("connections") => Self::Connections,
            () if begins("COMMIT") => Self::Tables,
            () => Self::Counters,
        }
    }
}

/// A difference as it is reported.
pub(super) struct Shown {
    pub(super) sure: Sure,
    pub(super) text: String,
}

/// A report of the difference, as small as it can be made. `kernels`: a duel of two kernels.
pub(super) fn report(
    stage: &mut Stage,
    round: Round,
    first: Difference,
    kernels: impl FnOnce() -> Option<Stage>,
) -> Shown {
    let seed = round.seed;
    let slow = Round { volleys: false, ..round.clone() };
    let mut again = |round: &Round| stage.play(round).err().and_then(|_| stage.play(round).err());
    let (sure, whole, found) = match again(&slow) {
        Some(found) => (Sure::Again, slow, found),
        None => match again(&round) {
            Some(found) => (Sure::Close, round, found),
            None => {
                let text = text(&round, &first);
                let text = format!("seed {seed}, not seen again:\n{text}");
                return Shown { sure: Sure::Once, text };
            }
        },
    };
    let first = found.text.clone();
    let (round, difference) = shrink(stage, whole.clone(), found);
    // Shrinking may have led to another.
    let of_the_kernel = kernels().is_some_and(|mut kernels| {
        [&round, &whole].iter().all(|round| (0..3).any(|_| kernels.play(round).is_err()))
    });
    let sure = if of_the_kernel { Sure::Kernel } else { sure };
    let text = text(&round, &difference);
    let text =
        format!("seed {seed} differs from the kernel ({sure:?}):\n{text}\nat first:\n{first}");
    Shown { sure, text }
}

/// Leaves out actions, chains of rules, rules and parts of rules as long as there still is a difference.
fn shrink(stage: &mut Stage, mut round: Round, mut difference: Difference) -> (Round, Difference) {
    let mut attempt = |round: &mut Round, difference: &mut Difference, smaller: Round| {
        if let Err(found) = stage.play(&smaller)
            && Kind::of(&found) == Kind::of(difference)
        {
            *round = smaller;
            *difference = found;
            return true;
        }
        false
    };
    for _ in 0..2 {
        round.actions.truncate(difference.action + 1);
        let mut size = round.actions.len() / 2;
        while size > 0 {
            let mut at = 0;
            while at + size < round.actions.len() {
                let mut smaller = round.clone();
                smaller.actions.drain(at..at + size);
                if attempt(&mut round, &mut difference, smaller) {
                    round.actions.truncate(difference.action + 1);
                } else {
                    at += size;
                }
            }
            size /= 2;
        }
        for action in 0..round.actions.len() {
            shrink_tables(&mut round, &mut difference, action, &mut attempt);
        }
    }
    (round, difference)
}

type Attempt<'a> = dyn FnMut(&mut Round, &mut Difference, Round) -> bool + 'a;

fn shrink_tables(
    round: &mut Round,
    difference: &mut Difference,
    action: usize,
    attempt: &mut Attempt<'_>,
) {
    fn tables(round: &mut Round, action: usize) -> Option<&mut Vec<Table>> {
        match &mut round.actions.get_mut(action)?.1 {
            Action::Load(tables) => Some(tables),
            _ => None,
        }
    }
    let mut table = 0;
    while let Some(count) =
        tables(round, action).map(|tables| tables.len()).filter(|count| table < *count)
    {
        let mut smaller = round.clone();
        tables(&mut smaller, action).map(|tables| tables.remove(table));
        if count > 1 && attempt(round, difference, smaller) {
            continue;
        }
        let chains = tables(round, action).map_or(0, |tables| tables[table].chains.len());
        for chain in 0..chains {
            let rules = |round: &mut Round| {
                tables(round, action)
                    .map(|tables| std::mem::take(&mut tables[table].chains[chain].rules))
            };
            let mut smaller = round.clone();
            if rules(&mut smaller).is_none_or(|rules| rules.is_empty())
                || attempt(round, difference, smaller)
            {
                continue;
            }
            let mut rule = 0;
            loop {
                let mut smaller = round.clone();
                let Some(own) =
                    tables(&mut smaller, action).map(|all| &mut all[table].chains[chain].rules)
                else {
                    break;
                };
                if rule >= own.len() {
                    break;
                }
                own.remove(rule);
                if attempt(round, difference, smaller) {
                    continue;
                }
                let mut part = 0;
                loop {
                    let mut smaller = round.clone();
                    let Some(own) = tables(&mut smaller, action)
                        .map(|all| &mut all[table].chains[chain].rules[rule].0)
                    else {
                        break;
                    };
                    if part >= own.len() {
                        break;
                    }
                    own.remove(part);
                    if !attempt(round, difference, smaller) {
                        part += 1;
                    }
                }
                rule += 1;
            }
        }
        table += 1;
    }
}

/// The actions up to the difference, and it.
fn text(round: &Round, difference: &Difference) -> String {
    let mut text = String::from(if round.volleys { "only many at a time\n" } else { "" });
    for (number, action) in round.actions.iter().take(difference.action + 1) {
        let line = match action {
            Action::Load(tables) => tables.iter().map(brief).collect(),
            Action::Command { table, words, restored } => {
                let how = if *restored { "-restore -n" } else { "" };
                format!("{}{how} -t {table} {words}\n", round.family.tool())
            }
            Action::Send { inside, packet } => {
                let side = if *inside { "inside" } else { "outside" };
                format!("{number}: {side} sends {}\n", hex(&packet.bytes()))
            }
            Action::Answer { of, how } => {
                let how: String = format!("{how:?}").chars().take(140).collect();
                format!("{number}: answer to {of}: {how}\n")
            }
            Action::State => "rules, sets and connections\n".into(),
        };
        text.push_str(&line);
    }
    write!(text, "{}", difference.text).expect("a string takes any text");
    text
}

/// A table without the user chains that hold nothing and are not called.
fn brief(table: &Table) -> String {
    let text = table.text();
    let needed = |line: &&str| {
        let chain = line.strip_prefix(':').and_then(|line| line.split(' ').next());
        chain.is_none_or(|chain| {
            let builtin = !line.contains(" - ");
            builtin && !line.contains("ACCEPT")
                || text.lines().any(|rule| rule.starts_with("-A") && rule.contains(chain))
        })
    };
    text.lines().filter(needed).map(|line| format!("{line}\n")).collect()
}
