//! Where lines go: the host's syslog, its journal, or a file.

use sluice_config::gateway::LogSink;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use thiserror::Error;

/// Facility "kern", whose messages these stand for.
const FACILITY: u8 = 0;

/// A place to log to cannot be had.
#[derive(Debug, Error)]
#[error("cannot log to {place}: {source}; write another place with `log = …` in [rules]")]
pub struct SinkError {
    place: String,
    source: io::Error,
}

/// An open place.
#[derive(Debug)]
pub enum Sink {
    /// RFC 3164 datagrams to /dev/log; it is connected anew when the daemon was.
    Syslog(UnixDatagram),
    /// Native datagrams to the journal.
    Journal(UnixDatagram),
    /// Lines `<level>text`.
    File(File),
}

const SYSLOG: &str = "/dev/log";
const JOURNAL: &str = "/run/systemd/journal/socket";

impl Sink {
    /// Opens a place.
    ///
    /// # Errors
    /// The file cannot be written. A daemon need not run yet.
    pub fn open(sink: &LogSink) -> Result<Self, SinkError> {
        let fault =
            |place: PathBuf| move |source| SinkError { place: place.display().to_string(), source };
        let socket = || {
            UnixDatagram::unbound().and_then(|socket| {
                socket.set_nonblocking(true)?;
                Ok(socket)
            })
        };
        match sink {
            LogSink::Syslog => socket().map(Self::Syslog).map_err(fault(SYSLOG.into())),
            LogSink::Journal => socket().map(Self::Journal).map_err(fault(JOURNAL.into())),
            LogSink::File(path) => {
                let file = OpenOptions::new().append(true).create(true).open(path);
                file.map(Self::File).map_err(fault(path.clone()))
            }
        }
    }

    /// Writes a line.
    ///
    /// # Errors
    /// Nobody listens, or the disk is full: the line is lost.
    pub fn write(&mut self, level: u8, line: &str) -> io::Result<()> {
        match self {
            Self::Syslog(socket) => {
                let text = format!("<{}>kernel: {line}", FACILITY << 3 | level);
                socket.send_to(text.as_bytes(), SYSLOG).map(drop)
            }
            Self::Journal(socket) => {
                let text = format!(
                    "PRIORITY={level}\nSYSLOG_FACILITY={FACILITY}\nSYSLOG_IDENTIFIER=kernel\nMESSAGE={line}\n"
                );
                socket.send_to(text.as_bytes(), JOURNAL).map(drop)
            }
            Self::File(file) => writeln!(file, "<{level}>{line}"),
        }
    }
}
