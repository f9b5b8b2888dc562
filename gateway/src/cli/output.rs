//! Writing to the terminal without panicking when the reader has gone.

use std::io::{self, Write};

/// Writes text to stdout as it is.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Writes a line to stderr. Nothing can be done when that fails, and nothing is.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// JSON with a newline behind it: one line, or indented.
pub(crate) fn print_json(value: &serde_json::Value, pretty: bool) -> io::Result<()> {
    let text = if pretty { format!("{value:#}\n") } else { format!("{value}\n") };
    print(&text)
}
