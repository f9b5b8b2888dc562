mod captured;
mod hostile;
mod models;
mod refusals;
mod restore;
mod roundtrip;
mod targets;

use super::{Family, Fault, Invocation, Outcome, Ruleset, SaveOptions, Table};

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

/// The same once its own save is restored: that declares every builtin chain, which makes its policy count.
fn declared(mut ruleset: Ruleset) -> Ruleset {
    for table in Table::ALL {
        for chain in ruleset.table_mut(table).into_iter().flat_map(|model| &mut model.chains) {
            let chain = std::sync::Arc::make_mut(chain);
            chain.count_from(chain.counters);
        }
    }
    ruleset
}

fn save(ruleset: &Ruleset) -> String {
    ruleset.save(&SaveOptions::default())
}
