//! `iptables-restore [-c] [-n] [-t] [-T TABLE] [FILE]`.

use std::fs;
use std::io::{self, Read};
use std::process::ExitCode;

use sluice_control::proto::{Family, RestoreRulesRequest, RestoreRulesResponse};

use crate::cli::failure::{Failure, strerror};
use crate::cli::getopt::{self, Item, Problem, Spec, Takes};
use crate::cli::output;
use crate::cli::remote::Remote;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Counters,
    Noflush,
    Test,
    Table,
    Help,
    Version,
    Verbose,
    Modprobe,
    Wait,
    WaitInterval,
    Ipv4,
    Ipv6,
}

const SPECS: &[Spec<Key>] = &[
    Spec { key: Key::Counters, short: Some('c'), long: &["counters"], takes: Takes::Nothing },
    Spec { key: Key::Noflush, short: Some('n'), long: &["noflush"], takes: Takes::Nothing },
    Spec { key: Key::Test, short: Some('t'), long: &["test"], takes: Takes::Nothing },
    Spec { key: Key::Table, short: Some('T'), long: &["table"], takes: Takes::Value },
    Spec { key: Key::Help, short: Some('h'), long: &["help"], takes: Takes::Nothing },
    Spec { key: Key::Version, short: Some('V'), long: &["version"], takes: Takes::Nothing },
    Spec { key: Key::Verbose, short: Some('v'), long: &["verbose"], takes: Takes::Nothing },
    Spec { key: Key::Modprobe, short: Some('M'), long: &["modprobe"], takes: Takes::Value },
    Spec { key: Key::Wait, short: Some('w'), long: &["wait"], takes: Takes::Maybe },
    Spec {
        key: Key::WaitInterval,
        short: Some('W'),
        long: &["wait-interval"],
        takes: Takes::Maybe,
    },
    Spec { key: Key::Ipv4, short: Some('4'), long: &["ipv4"], takes: Takes::Nothing },
    Spec { key: Key::Ipv6, short: Some('6'), long: &["ipv6"], takes: Takes::Nothing },
];

const HELP: &str = " [-c] [-n] [-t] [-v] [-V] [-h] [-4] [-6] [-T TABLE] [FILE]
  -c, --counters     take packet and byte counters from the text
  -n, --noflush      keep the rules there are and add to them
  -t, --test         read and validate only
  -T, --table TABLE  apply this table only, skip the others
  -v, --verbose      accepted; nothing more is said
  -w, --wait         accepted; the gateway applies one change at a time anyway
  FILE               the iptables-save text; standard input when there is none
";

/// What the words ask for.
#[derive(Debug, PartialEq, Eq)]
enum Ask {
    Help,
    Version,
    Restore(Restore),
}

#[derive(Debug, PartialEq, Eq, Default)]
struct Restore {
    family: Family,
    counters: bool,
    noflush: bool,
    test: bool,
    table: String,
    file: Option<String>,
}

/// Runs `iptables-restore`.
pub(crate) async fn run(
    family: Family,
    words: &[String],
    remote: &Remote,
) -> Result<ExitCode, Failure> {
    let program = super::program(family, "-restore");
    let restore = match parse(family, words)? {
        Ask::Help => {
            output::print(&format!("Usage: {program}{HELP}"))?;
            return Ok(ExitCode::SUCCESS);
        }
        Ask::Version => {
            output::print(&format!("{program} {}\n", super::VERSION))?;
            return Ok(ExitCode::SUCCESS);
        }
        Ask::Restore(restore) => restore,
    };
    let text = read_rules(restore.file.as_deref())?;
    let request = RestoreRulesRequest {
        family: restore.family.into(),
        text,
        file: restore.file.unwrap_or_default(),
        noflush: restore.noflush,
        counters: restore.counters,
        test: restore.test,
        table: restore.table,
    };
    let answer = remote.rules().await?.restore(request).await?.into_inner();
    if let Some(line) = said(&program, &answer) {
        output::complain(&line);
    }
    Ok(super::exit_code(answer.exit_code))
}

fn read_rules(file: Option<&str>) -> Result<String, Failure> {
    let Some(file) = file else {
        let mut text = String::new();
        io::stdin().lock().read_to_string(&mut text)?;
        return Ok(text);
    };
    fs::read_to_string(file).map_err(|error| {
        Failure::Verbatim(format!("Can't open {file}: {}", strerror(&error.to_string())))
    })
}

/// What goes to stderr when the text is refused, or warned of: the gateway's words, which are iptables-restore's.
fn said(program: &str, answer: &RestoreRulesResponse) -> Option<String> {
    match answer.message.trim_end() {
        "" if answer.exit_code == 0 => None,
        "" => Some(format!("{program}: line {} failed", answer.line)),
        said => Some(said.to_owned()),
    }
}

fn parse(family: Family, words: &[String]) -> Result<Ask, Failure> {
    let mut restore = Restore { family, ..Restore::default() };
    for item in getopt::parse(words, SPECS).map_err(|problem| usage(family, &problem))? {
        let (key, value) = match item {
            Item::Option { key, value, .. } => (key, value),
            Item::Word(word) if restore.file.is_none() => {
                restore.file = Some(word);
                continue;
            }
            Item::Word(word) => {
                return Err(Failure::Verbatim(format!("Unknown argument: {word}")));
            }
        };
        match key {
            Key::Counters => restore.counters = true,
            Key::Noflush => restore.noflush = true,
            Key::Test => restore.test = true,
            Key::Table => restore.table = value.unwrap_or_default(),
            Key::Help => return Ok(Ask::Help),
            Key::Version => return Ok(Ask::Version),
            Key::Ipv4 => restore.family = Family::Ipv4,
            Key::Ipv6 => restore.family = Family::Ipv6,
            Key::Verbose | Key::Modprobe | Key::Wait | Key::WaitInterval => {}
        }
    }
    Ok(Ask::Restore(restore))
}

/// The original ends with 1 after wrong usage, and so does this.
fn usage(family: Family, problem: &Problem) -> Failure {
    let program = super::program(family, "-restore");
    Failure::Verbatim(format!(
        "{program}: {}\nTry `{program} -h' for more information.",
        getopt::complaint(problem)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Ask, Failure> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse(Family::Ipv4, &words)
    }

    #[test]
    fn options_and_the_file() {
        let expected = Restore {
            family: Family::Ipv4,
            counters: true,
            noflush: true,
            test: true,
            table: "nat".into(),
            file: Some("rules.v4".into()),
        };
        assert_eq!(read("-cnt -T nat rules.v4").expect("valid"), Ask::Restore(expected));
    }

    #[test]
    fn wait_takes_a_number_or_none() {
        let Ask::Restore(restore) = read("-w 5 -n").expect("valid") else { panic!("no restore") };
        assert!(restore.noflush);
        assert_eq!(restore.file, None);
    }

    #[test]
    fn a_second_file_is_wrong_usage() {
        assert!(matches!(read("a b"), Err(Failure::Verbatim(_))));
    }

    #[test]
    fn a_refusal_is_never_silent() {
        let text = "iptables-restore: line 4 failed: No chain by that name.";
        let mut answer = RestoreRulesResponse {
            exit_code: 1,
            message: format!("{text}\n"),
            line: 4,
            generation: 1,
        };
        assert_eq!(said("iptables-restore", &answer).as_deref(), Some(text));
        answer.message.clear();
        assert_eq!(
            said("iptables-restore", &answer).as_deref(),
            Some("iptables-restore: line 4 failed")
        );
        answer.exit_code = 0;
        assert_eq!(said("iptables-restore", &answer), None);
        answer.message = "Warning: weird character".to_owned();
        assert_eq!(said("iptables-restore", &answer), Some(answer.message));
    }
}
