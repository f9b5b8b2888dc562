//! The program's own measure of memory, in a process that has done nothing else.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::process::Command;

/// Two halves of a session make two cache lines, and an index that is half to five eighths full 26 to 32 bytes more; what the process takes besides, as
/// the packet pool, is not a connection's.
#[test]
fn a_connection_takes_what_its_table_holds_for_it() {
    let program = env!("CARGO_BIN_EXE_sluice-bench");
    let output = Command::new(program)
        .args(["memory", "262144"])
        .env("MALLOC_MMAP_THRESHOLD_", "65536")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let bytes: f64 = text.trim().parse().unwrap_or_else(|_| panic!("{output:?}"));
    assert!((153.0..164.0).contains(&bytes), "{bytes} bytes a connection");
}
