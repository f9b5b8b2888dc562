//! A prefix of LOG or NFLOG and a level, one a line: what is taken reads back, and makes one line of whatever is logged.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluice_config::netfilter::{Family, Invocation, Ruleset, SaveOptions};

fuzz_target!(|input: (bool, &str, &str)| {
    let (to_log, prefix, level) = input;
    let words = match to_log {
        true => ["LOG", "--log-prefix", prefix, "--log-level", level],
        false => ["NFLOG", "--nflog-prefix", prefix, "--nflog-group", level],
    };
    for family in [Family::V4, Family::V6] {
        let words = [&["-A", "FORWARD", "-j"], words.as_slice()].concat();
        let Ok(invocation) = Invocation::parse(family, &words) else { continue };
        let Ok(outcome) = invocation.run(&Ruleset::new(family)) else { continue };
        let Some(ruleset) = outcome.ruleset else { continue };
        let options = SaveOptions::default();
        let saved = ruleset.save(&options);
        let rules: Vec<&str> = saved.lines().filter(|line| line.starts_with("-A ")).collect();
        assert_eq!(rules.len(), 1, "{saved}");
        assert!(!to_log || !prefix.contains('\n'), "{saved}");
        let again = Ruleset::parse(family, &saved, "saved");
        let again = again.unwrap_or_else(|wrong| panic!("{wrong:?}\n{saved}"));
        assert_eq!(again.save(&options), saved);
    }
});
