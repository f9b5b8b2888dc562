//! Any text is a configuration or a list of errors; a configuration's own text reads back as it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluice_config::Config;

fuzz_target!(|text: &str| {
    if let Ok(config) = Config::parse(text, "fuzz") {
        assert_eq!(Config::parse(&config.to_toml(), "again"), Ok(config));
    }
});
