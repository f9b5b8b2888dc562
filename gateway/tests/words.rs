//! Words that are no words: the tools refuse them and do not break off.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

#[test]
fn bytes_that_are_no_text_are_wrong_usage() {
    let bytes = OsStr::from_bytes(b"\xff\xfe");
    for words in [vec![bytes], vec![OsStr::new("ip"), bytes], vec![OsStr::new("conntrack"), bytes]]
    {
        let mut sluice = Command::new(env!("CARGO_BIN_EXE_sluice"));
        let done = sluice.args(["-S", "unix:/nonexistent"]).args(&words).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(!said.contains("panicked"), "{words:?}: {said}");
        assert_ne!(done.status.code(), Some(101), "{words:?}: {said}");
    }
}
