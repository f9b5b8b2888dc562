//! The `sluice` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    // A word that is no text is one that nobody knows.
    let words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
    sluice::main(words.collect())
}
