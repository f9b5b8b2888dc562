//! Any lines are commands of `ipset` or refusals, one by one and as restore text; sets that are saved and restored are
//! the same sets.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluice_config::ipset::split;
use sluice_control::sets::{SharedSets, run};
use sluice_dataplane::time::Instant;

const NOW: Instant = Instant(1_000_000_000);

fuzz_target!(|text: &str| {
    let (sets, restored) = (SharedSets::default(), SharedSets::default());
    for line in text.lines() {
        let _ = run(&sets, &split(line), "", NOW);
    }
    let _ = run(&restored, &["restore".to_owned()], text, NOW);
    reads_back(&sets);
    reads_back(&restored);
});

fn reads_back(sets: &SharedSets) {
    let saved = save(sets);
    let again = SharedSets::load(&saved, "saved", NOW);
    let again = again.unwrap_or_else(|wrong| panic!("{wrong}\n{saved}"));
    assert_eq!(lines(&save(&again)), lines(&saved));
}

fn save(sets: &SharedSets) -> String {
    run(sets, &["save".to_owned()], "", NOW).stdout
}

fn lines(text: &str) -> Vec<&str> {
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    lines
}
