//! No packet can panic a match, no rule can lose a packet: rulesets of all matches and targets, drawn from the bytes, and
//! drawn frames through a gateway of one worker or three, whose accounts are checked after each. What is played is that of
//! `control/tests/random`.
#![no_main]

#[path = "../../control/tests/random/drawn/mod.rs"]
mod drawn;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| drawn::play::play(bytes));
