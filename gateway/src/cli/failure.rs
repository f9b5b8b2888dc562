//! How a command fails: one clear line on stderr and the exit code of the contract.

use std::io;
use std::process::ExitCode;

use tonic::Status;

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The words on the command line make no sense. Exit code 2.
    #[error("{0}")]
    Usage(String),
    /// Refused or failed, in `sluice`'s own words. Exit code 1.
    #[error("{0}")]
    Refused(String),
    /// As `Usage`, in the exact words of the tool that is imitated.
    #[error("{0}")]
    UsageVerbatim(String),
    /// As `Refused`, in the exact words of the tool that is imitated.
    #[error("{0}")]
    Verbatim(String),
    /// No gateway answers at that address.
    #[error("cannot reach the gateway at {address}: {reason}; {remedy}")]
    Unreachable { address: String, reason: String, remedy: String },
    /// The gateway answered with an error.
    #[error("{}", rpc_line(.0))]
    Rpc(#[from] Box<Status>),
    /// Writing the output or reading the input failed.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Failure::Rpc(Box::new(status))
    }
}

impl Failure {
    /// The line for stderr, without its newline; none when there is nothing to say.
    pub(crate) fn line(&self, program: &str) -> Option<String> {
        match self {
            // The reader of our output has gone; there is nobody to tell.
            Failure::Io(error) if error.kind() == io::ErrorKind::BrokenPipe => None,
            Failure::Verbatim(text) | Failure::UsageVerbatim(text) => Some(text.clone()),
            Failure::Usage(_)
            | Failure::Refused(_)
            | Failure::Unreachable { .. }
            | Failure::Rpc(_)
            | Failure::Io(_) => Some(format!("{program}: {self}")),
        }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Failure::Usage(_) | Failure::UsageVerbatim(_) => ExitCode::from(2),
            Failure::Refused(_)
            | Failure::Verbatim(_)
            | Failure::Unreachable { .. }
            | Failure::Rpc(_)
            | Failure::Io(_) => ExitCode::from(1),
        }
    }
}

/// An error's words without Rust's "(os error N)" behind them.
pub(crate) fn strerror(text: &str) -> &str {
    text.split_once(" (os error").map_or(text, |(words, _)| words)
}

fn rpc_line(status: &Status) -> String {
    match status.code() {
        tonic::Code::Unimplemented => {
            "this gateway does not offer that yet; is it older than this tool?".to_owned()
        }
        tonic::Code::Unavailable => {
            format!("the gateway went away while it was answering: {}", status.message())
        }
        _ if status.message().is_empty() => {
            format!("the gateway refused: {}", status.code().description())
        }
        _ => status.message().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_follow_the_contract() {
        assert_eq!(Failure::Usage("x".into()).exit_code(), ExitCode::from(2));
        assert_eq!(Failure::Refused("x".into()).exit_code(), ExitCode::from(1));
        let gone = Failure::Io(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(gone.line("sluice"), None);
    }

    #[test]
    fn error_numbers_are_left_out() {
        let missing = io::Error::from_raw_os_error(2).to_string();
        assert_eq!(strerror(&missing), "No such file or directory");
        assert_eq!(strerror("other"), "other");
    }

    #[test]
    fn a_status_becomes_one_line_in_the_gateways_words() {
        let failure = Failure::from(Status::invalid_argument("no interface `wan9`"));
        assert_eq!(failure.line("stats").as_deref(), Some("stats: no interface `wan9`"));
    }
}
