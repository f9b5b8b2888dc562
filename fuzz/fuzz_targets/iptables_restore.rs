//! Any text is a ruleset or a list of errors; a ruleset's own text reads back as it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluice_config::netfilter::{Family, Ruleset, SaveOptions};

fuzz_target!(|text: &str| {
    for family in [Family::V4, Family::V6] {
        if let Ok(ruleset) = Ruleset::parse(family, text, "fuzz") {
            let saved = ruleset.save(&SaveOptions { counters: true, ..SaveOptions::default() });
            assert_eq!(Ruleset::parse(family, &saved, "again"), Ok(ruleset));
        }
    }
});
