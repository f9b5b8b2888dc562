//! Runs the operator's tools of Sluice one after the other, without starting a program for each. A line of standard input
//! is a call: three files, which become its input, output and error output, and the words, all with tabs between. A line
//! of standard output says how it ended.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};

use nix::unistd::{dup, dup2_stderr, dup2_stdin, dup2_stdout};

fn main() {
    let calls = BufReader::new(File::from(dup(std::io::stdin()).expect("an input")));
    let mut ends = File::from(dup(std::io::stdout()).expect("an output"));
    for call in calls.lines() {
        let call = call.expect("text");
        let mut parts = call.split('\t').map(str::to_owned);
        let mut file = || parts.next().expect("three files");
        dup2_stdin(File::open(file()).expect("an input")).expect("a descriptor");
        dup2_stdout(File::create(file()).expect("an output")).expect("a descriptor");
        dup2_stderr(File::create(file()).expect("an output")).expect("a descriptor");
        let code = sluice::main(parts.collect());
        std::io::stdout().flush().expect("room on the disk");
        // Its number can be had in no other way.
        let code: String = format!("{code:?}").chars().filter(char::is_ascii_digit).collect();
        writeln!(ends, "{code}").expect("somebody listens");
    }
}
