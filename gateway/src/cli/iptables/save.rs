//! `iptables-save [-c] [-t TABLE] [-f FILE]`.

use std::fs;
use std::process::ExitCode;

use sluice_control::proto::{Family, SaveRulesRequest};

use crate::cli::failure::{Failure, strerror};
use crate::cli::getopt::{self, Item, Problem, Spec, Takes};
use crate::cli::output;
use crate::cli::remote::Remote;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Counters,
    Table,
    File,
    Version,
    Dump,
    Modprobe,
    Ipv4,
    Ipv6,
}

const SPECS: &[Spec<Key>] = &[
    Spec { key: Key::Counters, short: Some('c'), long: &["counters"], takes: Takes::Nothing },
    Spec { key: Key::Table, short: Some('t'), long: &["table"], takes: Takes::Value },
    Spec { key: Key::File, short: Some('f'), long: &["file"], takes: Takes::Value },
    Spec { key: Key::Version, short: Some('V'), long: &["version"], takes: Takes::Nothing },
    Spec { key: Key::Dump, short: Some('d'), long: &["dump"], takes: Takes::Nothing },
    Spec { key: Key::Modprobe, short: Some('M'), long: &["modprobe"], takes: Takes::Value },
    Spec { key: Key::Ipv4, short: Some('4'), long: &["ipv4"], takes: Takes::Nothing },
    Spec { key: Key::Ipv6, short: Some('6'), long: &["ipv6"], takes: Takes::Nothing },
];

/// What the words ask for.
#[derive(Debug, PartialEq, Eq)]
struct Save {
    family: Family,
    table: String,
    counters: bool,
    file: Option<String>,
    version: bool,
}

/// Runs `iptables-save`.
pub(crate) async fn run(
    family: Family,
    words: &[String],
    remote: &Remote,
) -> Result<ExitCode, Failure> {
    let save = parse(family, words)?;
    if save.version {
        output::print(&format!("{} {}\n", super::program(family, "-save"), super::VERSION))?;
        return Ok(ExitCode::SUCCESS);
    }
    let request =
        SaveRulesRequest { family: save.family.into(), table: save.table, counters: save.counters };
    let text = remote.rules().await?.save(request).await?.into_inner().text;
    match save.file {
        Some(file) => fs::write(&file, text).map_err(|error| {
            Failure::Refused(format!("cannot write {file}: {}", strerror(&error.to_string())))
        })?,
        None => output::print(&text)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn parse(family: Family, words: &[String]) -> Result<Save, Failure> {
    let mut save =
        Save { family, table: String::new(), counters: false, file: None, version: false };
    for item in getopt::parse(words, SPECS).map_err(|problem| usage(family, &problem))? {
        let (key, value) = match item {
            Item::Option { key, value, .. } => (key, value),
            Item::Word(_) => {
                return Err(Failure::Verbatim("Unknown arguments found on commandline".to_owned()));
            }
        };
        match key {
            Key::Counters => save.counters = true,
            Key::Table => save.table = value.unwrap_or_default(),
            Key::File => save.file = value,
            Key::Version => save.version = true,
            Key::Ipv4 => save.family = Family::Ipv4,
            Key::Ipv6 => save.family = Family::Ipv6,
            Key::Dump | Key::Modprobe => {}
        }
    }
    Ok(save)
}

/// The original ends with 1 after wrong usage, and so does this.
fn usage(family: Family, problem: &Problem) -> Failure {
    let program = super::program(family, "-save");
    Failure::Verbatim(format!(
        "{program}: {}\nLook at manual page `{program}.8' for more information.",
        getopt::complaint(problem)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Save, Failure> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse(Family::Ipv4, &words)
    }

    #[test]
    fn options() {
        let save = read("-c -t nat -f out").expect("valid");
        assert!(save.counters);
        assert_eq!((save.table.as_str(), save.file.as_deref()), ("nat", Some("out")));
        assert_eq!(read("-6").expect("valid").family, Family::Ipv6);
    }

    #[test]
    fn wrong_words_speak_as_the_original_does() {
        let line = read("-x").expect_err("no such option").line("").unwrap_or_default();
        assert_eq!(
            line,
            "iptables-save: invalid option -- 'x'\n\
             Look at manual page `iptables-save.8' for more information."
        );
        assert!(read("filter").is_err());
    }
}
