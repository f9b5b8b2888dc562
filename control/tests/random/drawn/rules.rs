//! A ruleset as an operator makes it: one drawn command after the other, some of which are refused.

use super::choices::Choices;
use super::words::Family;
use sluice_config::Config;
use sluice_config::netfilter::{Family as Tool, Invocation, Ruleset, SaveOptions};
use std::sync::LazyLock;

const TABLES: [(&str, &[&str]); 6] = [
    ("raw", &["PREROUTING", "OUTPUT"]),
    ("mangle", &["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"]),
    ("nat", &["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"]),
    ("filter", &["INPUT", "FORWARD", "OUTPUT"]),
    ("filter", &["FORWARD", "FORWARD", "INPUT"]),
    ("security", &["INPUT", "FORWARD", "OUTPUT"]),
];

/// The timeout policy that rules may name.
pub static POLICIES: LazyLock<Config> = LazyLock::new(|| {
    let text = "[timeouts.quick]\nprotocol = \"udp\"\nunreplied = 1\n";
    Config::parse(text, "policies").unwrap_or_else(|wrong| panic!("{wrong:?}"))
});

/// Chains that any table has beside its own.
const USER: [&str; 4] = ["A", "B", "C", "D"];

/// What a command does; `$` of numbers and policies is drawn as in rules.
const VERBS: [&str; 16] = [
    "-A", "-A", "-A", "-A", "-A", "-A", "-A", "-A", "-I", "-R", "-D", "-P", "-F", "-Z", "-E", "-L",
];

/// Rules of one family, with chains for jumps in each table.
pub fn empty(family: Tool) -> Ruleset {
    let mut ruleset = Ruleset::new(family);
    for (table, _) in TABLES {
        for chain in USER {
            // The filter table comes twice: its chains are there then.
            run(&mut ruleset, &["-t", table, "-N", chain].map(str::to_owned));
        }
    }
    ruleset
}

/// One command, carried out if it is not refused; whether the ruleset is another then.
pub fn change(choices: &mut Choices<'_>, ruleset: &mut Ruleset) -> bool {
    let family = Family(ruleset.family);
    let (table, builtin) = choices.one(&TABLES);
    let chain = if choices.below(3) == 1 { choices.one(&USER) } else { choices.one(builtin) };
    let verb = choices.one(&VERBS);
    let mut words: Vec<String> = ["-t", table, verb, chain].map(str::to_owned).into();
    let mut further = |template: &str| words.extend(family.words(choices, template));
    match verb {
        "-I" | "-R" => further("{1|2|$b}"),
        "-D" => further("{1|2|3|$b}"),
        "-P" => further("{ACCEPT|DROP}"),
        "-Z" => further("[1]"),
        "-E" => further("{E|A|B}"),
        "-L" => further("[-v] [-n] [-x] [--line-numbers] [-Z]"),
        _ => {}
    }
    if matches!(verb, "-A" | "-I" | "-R") {
        // As it was drawn, now and then; mostly without what has no place there.
        let sound = !choices.once_in(8);
        for part in family.rule(choices) {
            let before = words.len();
            words.extend(part);
            if sound && !is_taken(ruleset, &words) {
                words.truncate(before);
            }
        }
    }
    run(ruleset, &words)
}

fn is_taken(ruleset: &Ruleset, words: &[String]) -> bool {
    let asked = Invocation::parse(ruleset.family, words);
    asked.and_then(|asked| asked.run_with(ruleset, &POLICIES.timeouts)).is_ok()
}

/// Whether the command was taken and has changed something.
pub fn run(ruleset: &mut Ruleset, words: &[String]) -> bool {
    let asked = Invocation::parse(ruleset.family, words);
    match asked.and_then(|asked| asked.run_with(ruleset, &POLICIES.timeouts)) {
        Ok(outcome) => {
            let changed = outcome.ruleset.is_some();
            *ruleset = outcome.ruleset.unwrap_or_else(|| ruleset.clone());
            changed
        }
        Err(fault) => {
            assert!(!fault.command_text(ruleset.family).is_empty(), "{words:?}");
            false
        }
    }
}

/// Saved and read again, a ruleset is what it was.
pub fn reads_back(ruleset: &Ruleset) {
    let counters = SaveOptions { counters: true, ..SaveOptions::default() };
    let text = ruleset.save(&counters);
    let policies = Some(&POLICIES.timeouts);
    let again = Ruleset::parse_with_policies(ruleset.family, &text, "again", policies);
    let again = again.unwrap_or_else(|wrong| panic!("{wrong:#?}\n{text}"));
    assert_eq!(again.save(&counters), text);
}
