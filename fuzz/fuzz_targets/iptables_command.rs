//! Any words, one a line, are a command or a refusal; a ruleset that a command makes can be listed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluice_config::netfilter::{Family, Invocation, Ruleset};

fuzz_target!(|text: &str| {
    let words: Vec<&str> = text.lines().collect();
    for family in [Family::V4, Family::V6] {
        let Ok(invocation) = Invocation::parse(family, &words) else { continue };
        let Ok(outcome) = invocation.run(&Ruleset::new(family)) else { continue };
        let Some(ruleset) = outcome.ruleset else { continue };
        for listing in ["-S", "-L", "-nvxL"] {
            let table = invocation.table.name();
            let listing = Invocation::parse(family, &["-t", table, listing, "--line-numbers"]);
            let _ = listing.map(|listing| listing.run(&ruleset));
        }
    }
});
