//! The text of the tools against Sluice's: what is taken, what is refused in which words, and how
//! a rule is written down and listed.
//!
//! ```text
//! "-A FORWARD -m ttl --ttl-eq 3" ─┬─▶ iptables in a namespace ─┐
//!                                 └─▶ Invocation, Ruleset ─────┴─▶ must say the same
//! ```
//!
//! A topic is one file: a list of lines and a call of [`check`].

mod chains;
mod commands;
mod listings;
mod matches_addresses;
mod matches_connection;
mod matches_content;
mod matches_header;
mod matches_icmp;
mod matches_rates;
mod matches_set;
mod matches_time;
mod matches_transport;
mod matches_v6;
mod restore;
mod targets;
mod targets_helper;
mod targets_marks;
mod targets_nat;
mod targets_set;
mod targets_timeout;
mod targets_watch;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use sluice_config::gateway::TimeoutPolicies;
use sluice_config::netfilter::{AnySet, Family, Invocation, Ruleset, Sets};
use sluice_tests::Namespace;

/// Everything one program said to one line.
#[derive(PartialEq, Default)]
struct Said {
    /// Exit code, standard error and standard output of each command, up to the first refused.
    commands: Vec<(u8, String, String)>,
    /// `-S`, `-L -n -v` and `-L` of the table afterwards, if none was refused.
    listings: Vec<String>,
}

/// What is looked at after a line that was taken.
const LISTINGS: [&str; 3] = ["-S", "-L -n -v", "-L"];

/// Gives each line to the real tool and to Sluice, each time on an empty ruleset.
///
/// A line is the arguments of a command: words between blanks, and anything between double or
/// single quotes, as a shell reads them. ` ; ` separates several commands, which run one after the
/// other until one is refused; the listings are of the last one's table.
///
/// Compared are every command's exit code, standard error and standard output; then the table as
/// `-S`, `-L -n -v` and `-L` print it.
///
/// # Panics
/// When the two differ, with every line they differ in and what both said.
#[track_caller]
pub(crate) fn check(family: Family, lines: &[&str]) {
    check_with_sets(family, "", &AnySet, lines);
}

/// The same where these sets exist, which commands of `ipset` make for the real tool.
#[track_caller]
pub(crate) fn check_with_sets(family: Family, make: &str, sets: &dyn Sets, lines: &[&str]) {
    check_with(family, make, sets, &TimeoutPolicies::new(), lines);
}

/// The same where these timeout policies exist too.
#[track_caller]
pub(crate) fn check_with(
    family: Family,
    make: &str,
    sets: &dyn Sets,
    policies: &TimeoutPolicies,
    lines: &[&str],
) {
    let real = real(family, make, lines);
    let mut report = String::new();
    for (line, real) in lines.iter().zip(&real) {
        let ours = ours(family, sets, policies, line);
        if *real != ours {
            differences(&mut report, family, line, real, &ours);
        }
    }
    assert!(report.is_empty(), "the text differs from the tool's:\n{report}");
}

/// The same lines to both families.
#[track_caller]
pub(crate) fn check_both(lines: &[&str]) {
    check(Family::V4, lines);
    check(Family::V6, lines);
}

/// The commands of a line, each as its words.
fn commands(line: &str) -> Vec<Vec<String>> {
    line.split(" ; ").map(words).collect()
}

/// Splits as a shell does: blanks between words, both kinds of quotes, no escapes.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quote) = (None::<String>, None);
    for c in command.chars() {
        match (quote, c) {
            (Some(open), c) if open == c => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, ' ') => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// The table a command is about.
fn table(words: &[String]) -> &str {
    let position = words.iter().position(|word| word == "-t");
    position.and_then(|at| words.get(at + 1)).map_or("filter", String::as_str)
}

fn ours(family: Family, sets: &dyn Sets, policies: &TimeoutPolicies, line: &str) -> Said {
    let mut said = Said::default();
    let mut ruleset = Ruleset::new(family);
    let commands = commands(line);
    for words in &commands {
        let run = |asked: Invocation| Ok((asked.run_with(&ruleset, policies)?, asked.warnings));
        match Invocation::parse_with_sets(family, words, sets).and_then(run) {
            Ok((outcome, warnings)) => {
                ruleset = outcome.ruleset.unwrap_or(ruleset);
                said.commands.push((0, warnings.join("\n"), outcome.output));
            }
            Err(fault) => {
                let text = fault.command_text(family).trim_end().to_owned();
                said.commands.push((fault.exit_code(), text, String::new()));
                return said;
            }
        }
    }
    let table = commands.last().map_or("filter", |words| table(words));
    for listing in LISTINGS {
        let asked = words(&format!("-t {table} {listing}"));
        let asked = Invocation::parse(family, &asked).expect("a listing is always possible");
        said.listings.push(asked.run(&ruleset).expect("a listing is always possible").output);
    }
    said
}

/// The real tool's answers: one script for all lines, since a process for each is what takes time.
fn real(family: Family, make: &str, lines: &[&str]) -> Vec<Said> {
    let directory = tempfile::tempdir().expect("no temporary directory");
    let (at, program) = (directory.path(), family.program());
    let mut script = format!("cd {}\n", at.display());
    for (nth, line) in lines.iter().enumerate() {
        let commands = commands(line);
        let table = commands.last().map_or("filter", |words| table(words));
        // Each line has a kernel of its own, since the tool makes chains when it first needs them.
        let _ = writeln!(script, "unshare -n bash <<'END'\n{make}");
        for (part, words) in commands.iter().enumerate() {
            let quoted: Vec<String> = words.iter().map(|word| quoted(word)).collect();
            let (file, words) = (format!("{nth}.{part}"), quoted.join(" "));
            let _ = writeln!(script, "{program} {words} >{file}.out 2>{file}.err");
            let _ = writeln!(script, "code=$?; echo $code >{file}.code; [ $code = 0 ] || exit");
        }
        for (part, listing) in LISTINGS.iter().enumerate() {
            let _ = writeln!(script, "{program} -t {table} {listing} >{nth}.{part}.list");
        }
        let _ = writeln!(script, "END");
    }
    fs::write(at.join("script"), script).expect("cannot write the script");
    let namespace = Namespace::new("text");
    namespace.must(&format!("bash {}; true", at.join("script").display()));
    let answers = lines.iter().enumerate();
    answers.map(|(nth, line)| answer(at, nth, commands(line).len())).collect()
}

/// Reads what the script wrote about the `nth` line.
fn answer(at: &Path, nth: usize, commands: usize) -> Said {
    let read = |name: String| {
        let bytes = fs::read(at.join(name)).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    };
    let mut said = Said::default();
    for part in 0..commands {
        let Some(code) = read(format!("{nth}.{part}.code")) else { return said };
        let code: u8 = code.trim().parse().expect("an exit code is a number");
        let out = read(format!("{nth}.{part}.out")).unwrap_or_default();
        let err = read(format!("{nth}.{part}.err")).unwrap_or_default();
        said.commands.push((code, err.trim_end().to_owned(), out));
    }
    let listings = 0..LISTINGS.len();
    said.listings = listings.filter_map(|part| read(format!("{nth}.{part}.list"))).collect();
    said
}

/// The word as a shell takes it whole.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Appends what differs in one line.
fn differences(report: &mut String, family: Family, line: &str, real: &Said, ours: &Said) {
    let _ = writeln!(report, "{} {line}", family.program());
    for (nth, words) in commands(line).iter().enumerate() {
        let text = |said: &Said| match said.commands.get(nth) {
            Some((code, error, out)) => format!("exit {code}\n{error}{out}"),
            None => "not run".to_owned(),
        };
        both(report, &words.join(" "), &text(real), &text(ours));
    }
    for (nth, listing) in LISTINGS.iter().enumerate() {
        let text = |said: &Said| said.listings.get(nth).cloned();
        if let (Some(real), Some(ours)) = (text(real), text(ours)) {
            both(report, listing, &real, &ours);
        }
    }
    report.push('\n');
}

/// Appends the lines of two texts that are not in both.
fn both(report: &mut String, what: &str, real: &str, ours: &str) {
    if real == ours {
        return;
    }
    let _ = writeln!(report, "  {what}");
    let only = |text: &str, other: &str| -> Vec<String> {
        let other: Vec<&str> = other.lines().collect();
        text.lines().filter(|line| !other.contains(line)).map(str::to_owned).collect()
    };
    for line in only(real, ours) {
        let _ = writeln!(report, "    tool:   {line}");
    }
    for line in only(ours, real) {
        let _ = writeln!(report, "    Sluice: {line}");
    }
}

/// The comparison itself: the two are asked different things.
#[test]
#[should_panic(expected = "Sluice: exit 0")]
fn a_difference_is_seen() {
    let mut report = String::new();
    let real = real(Family::V4, "", &["-A FORWARD -p 300"]);
    let policies = TimeoutPolicies::new();
    let ours = ours(Family::V4, &AnySet, &policies, "-A FORWARD -p 3");
    differences(&mut report, Family::V4, "-A FORWARD -p 300", &real[0], &ours);
    panic!("{report}");
}
