//! Matches that read bytes by number, from their text to a packet of any bytes: the first line is a program or tests, the
//! rest what the packets hold.
#![no_main]

#[path = "../../control/tests/random/drawn/mod.rs"]
mod drawn;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (line, packet) = match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &[][..]),
    };
    // A line that is no text is drawn from.
    match std::str::from_utf8(line) {
        Ok(text) => drawn::play::look(text, packet),
        Err(_) => drawn::play::look_drawn(line, packet),
    }
});
