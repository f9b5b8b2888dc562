//! Any bytes are a capture file for the generator, or refused.
#![no_main]

#[path = "../../bench/src/generator/pcap.rs"]
#[expect(dead_code, reason = "bytes come from the fuzzer, not from a file")]
mod pcap;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(frames) = pcap::parse(bytes) {
        let length: usize = frames.iter().map(|frame| 16 + frame.len()).sum();
        assert!(24 + length <= bytes.len());
    }
});
