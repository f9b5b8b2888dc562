//! Any words, one a line, are a command of the operator's tools or wrong usage; the gateway they would ask is not there.
//! What the tools say is no news: run it with `-close_fd_mask=3`.
#![no_main]

use libfuzzer_sys::fuzz_target;

const NOBODY: [&str; 3] = ["sluice", "-S", "unix:/nonexistent"];

fuzz_target!(|text: &str| {
    for tool in ["ip", "conntrack", "arp"] {
        // Files that are named are read: none of the fuzzer's choice.
        if text.lines().any(|word| word.starts_with('-') && word.contains(['b', 'B'])) {
            return;
        }
        let words = NOBODY.into_iter().chain([tool]).chain(text.lines());
        let _ = sluice::main(words.map(str::to_owned).collect());
    }
});
