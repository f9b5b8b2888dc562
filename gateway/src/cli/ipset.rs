//! `ipset`: the words go to the gateway as they are, with the text that `restore` reads.

use std::fs;
use std::io::{self, Read, Write};
use std::process::ExitCode;

use sluice_config::ipset::{Command, Invocation};
use sluice_control::proto::SetsCommandRequest;

use super::failure::{Failure, strerror};
use super::output;
use super::remote::Remote;

/// Runs `ipset`.
pub(crate) async fn run(words: &[String], remote: &Remote) -> Result<ExitCode, Failure> {
    let parsed = match Invocation::parse(words) {
        Ok(parsed) => parsed,
        // Wrong usage needs no gateway.
        Err(fault) => {
            let quiet =
                fault.code == 1 && words.iter().any(|word| word == "-q" || word == "-quiet");
            if !quiet {
                io::stderr().lock().write_all(fault.stderr(None).as_bytes())?;
            }
            return Ok(ExitCode::from(fault.code));
        }
    };
    let file = parsed.options.file;
    let input = match parsed.command {
        Command::Restore => read(file.as_deref())?,
        Command::Version => {
            output::print(&format!("{}\n", sluice_config::ipset::VERSION))?;
            return Ok(ExitCode::SUCCESS);
        }
        _ => String::new(),
    };
    let shows = matches!(parsed.command, Command::List(_) | Command::Save(_));
    let request = SetsCommandRequest { arguments: words.to_vec(), input };
    let answer = remote.sets().await?.command(request).await?.into_inner();
    match file.filter(|_| shows) {
        Some(file) => {
            fs::write(&file, &answer.stdout).map_err(|error| cannot("write", &file, &error))?
        }
        None => output::print(&answer.stdout)?,
    }
    io::stderr().lock().write_all(answer.stderr.as_bytes())?;
    Ok(ExitCode::from(u8::try_from(answer.exit_code).unwrap_or(1)))
}

fn read(file: Option<&str>) -> Result<String, Failure> {
    match file {
        Some(file) => fs::read_to_string(file).map_err(|error| cannot("read", file, &error)),
        None => {
            let mut text = String::new();
            io::stdin().lock().read_to_string(&mut text)?;
            Ok(text)
        }
    }
}

fn cannot(what: &str, file: &str, error: &io::Error) -> Failure {
    Failure::Refused(format!("cannot {what} {file}: {}", strerror(&error.to_string())))
}
