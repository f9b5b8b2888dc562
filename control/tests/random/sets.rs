//! `ipset`: no lines panic, and sets that are saved and restored are the same sets.

use crate::drawn::choices::Choices;
use crate::drawn::templates::{SET_COMMANDS, SETS};
use crate::drawn::words::Family;
use proptest::collection::vec;
use proptest::prelude::*;
use sluice_config::ipset::split;
use sluice_config::netfilter::Family as Tool;
use sluice_control::sets::{SharedSets, run};
use sluice_dataplane::time::Instant;

const NOW: Instant = Instant(1_000_000_000);

/// Creates sets with options of others, fills them, changes them.
fn line(choices: &mut Choices<'_>) -> String {
    let family = Family(choices.one(&[Tool::V4, Tool::V6]));
    let (name, kind) = choices.one(&SETS);
    let words = match choices.below(6) {
        0 => family
            .words(choices, &format!("create {name}$v {kind} [family {{inet|inet6}}] [$o] [$o]")),
        1 => family.words(
            choices,
            &format!("create {name}$v {} [$o] [$o] [$o]", kind.split(' ').next().unwrap_or(kind)),
        ),
        _ => {
            let template = choices.one(&SET_COMMANDS);
            family.words(choices, template)
        }
    };
    let mut line = words.join(" ");
    // A byte that nobody wanted.
    if choices.once_in(8) && line.is_ascii() {
        let at = choices.below(line.len());
        line.replace_range(at..=at, choices.one(&["", "\"", "-", "/", ",", "9", " ", "é"]));
    }
    line
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn saved_sets_restore_as_they_were(bytes in vec(any::<u8>(), 0..400)) {
        let (choices, sets) = (&mut Choices::new(&bytes), SharedSets::default());
        while !choices.is_over() {
            let line = line(choices);
            let _ = run(&sets, &split(&line), "", NOW);
        }
        let saved = save(&sets);
        let again = SharedSets::load(&saved, "saved", NOW);
        let again = again.map_err(|wrong| TestCaseError::fail(format!("{wrong}\n{saved}")))?;
        let restored = save(&again);
        prop_assert_eq!(lines(&restored), lines(&saved));
    }
}

fn save(sets: &SharedSets) -> String {
    run(sets, &["save".to_owned()], "", NOW).stdout
}

/// Elements of hashes have no order.
fn lines(text: &str) -> Vec<&str> {
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    lines
}
