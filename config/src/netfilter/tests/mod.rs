mod captured;
mod refusals;
mod restore;
mod roundtrip;

use super::{Family, Fault, Invocation, Outcome, Ruleset, SaveOptions};

/// Splits like a shell, as far as these tests need: blanks, and double quotes around a word.
fn words(line: &str) -> Vec<String> {
    line.split('"')
        .enumerate()
        .flat_map(|(nth, part)| match nth % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        })
        .collect()
}

fn run(family: Family, ruleset: &Ruleset, line: &str) -> Result<Outcome, Fault> {
    Invocation::parse(family, &words(line))?.run(ruleset)
}

/// The ruleset these commands make, every one of which must be taken.
fn build(family: Family, lines: &[&str]) -> Ruleset {
    lines.iter().fold(Ruleset::new(family), |ruleset, line| match run(family, &ruleset, line) {
        Ok(outcome) => outcome.ruleset.unwrap_or(ruleset),
        Err(fault) => panic!("{line}: {}", fault.command_text(family)),
    })
}

fn save(ruleset: &Ruleset) -> String {
    ruleset.save(&SaveOptions::default())
}
