//! Properties of what was valid before somebody changed it: no text makes a parser panic, and what is taken reads back
//! as it was after it is written again.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a file that cannot be read fails the test")]

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use sluice_config::Config;
use sluice_config::ipset;
use sluice_config::netfilter::{Family, Ruleset, SaveOptions};

const V4: &str = include_str!("../src/netfilter/tests/captured.v4.txt");
const V6: &str = include_str!("../src/netfilter/tests/captured.v6.txt");

/// What numbers, addresses and names are replaced by, or stand where they should not.
const WORDS: [&str; 34] = [
    "",
    "!",
    "-",
    "--",
    "\"",
    "\\",
    "0",
    "-1",
    "+",
    "é",
    "\u{0}",
    "65536",
    "4294967296",
    "99999999999999999999",
    "0x",
    "0xffffffffffffffffff",
    "1:0",
    ":",
    ",",
    "1,,2",
    "/",
    "1/0",
    "10.0.0.0/33",
    "::/129",
    "[",
    "[]:1",
    "{",
    "|",
    "|4",
    "!=",
    "@",
    "&&",
    "<<",
    "\t",
];

/// One change; places count modulo the length of the text.
#[derive(Debug, Clone)]
enum Edit {
    /// A character becomes another.
    Character(usize, char),
    /// Some are cut out.
    Cut(usize, usize),
    /// A word becomes another, or is added.
    Word(usize, String, bool),
    /// A word moves to another place.
    Moved(usize, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let word = prop_oneof![select(WORDS.to_vec()).prop_map(str::to_owned), "\\PC{0,6}"];
    prop_oneof![
        (
            any::<usize>(),
            prop_oneof![any::<char>(), select("0129:/,-+!.\"| \n".chars().collect::<Vec<_>>())]
        )
            .prop_map(|(at, to)| Edit::Character(at, to)),
        (any::<usize>(), 1_usize..12).prop_map(|(at, count)| Edit::Cut(at, count)),
        (any::<usize>(), word, any::<bool>())
            .prop_map(|(at, word, more)| Edit::Word(at, word, more)),
        (any::<usize>(), any::<usize>()).prop_map(|(from, to)| Edit::Moved(from, to)),
    ]
}

fn edited(text: &str, edits: &[Edit]) -> String {
    let mut text = text.to_owned();
    for edit in edits {
        let mut characters: Vec<char> = text.chars().collect();
        let mut words: Vec<&str> = text.split(' ').collect();
        let (places, count) = (characters.len().max(1), words.len());
        text = match edit {
            Edit::Character(at, to) => {
                if let Some(place) = characters.get_mut(at % places) {
                    *place = *to;
                }
                characters.into_iter().collect()
            }
            Edit::Cut(at, length) => {
                let at = at % places;
                let end = (at + length).min(characters.len());
                characters.drain(at.min(end)..end);
                characters.into_iter().collect()
            }
            Edit::Word(at, word, true) => {
                words.insert(at % (count + 1), word);
                words.join(" ")
            }
            Edit::Word(at, word, false) => {
                words[at % count] = word;
                words.join(" ")
            }
            Edit::Moved(from, to) => {
                let word = words.remove(from % count);
                words.insert(to % count, word);
                words.join(" ")
            }
        };
    }
    text
}

/// Rules as the tools saved them, and their tables: the second line of each block, and what its first line says.
fn rules(text: &'static str) -> Vec<(&'static str, &'static str)> {
    let rule = |block: &'static str| {
        let mut lines = block.trim_start_matches('\n').lines();
        let (command, saved) = (lines.next()?, lines.next()?);
        let mut words = command.split(' ').skip_while(|word| *word != "-t");
        Some((words.nth(1).unwrap_or("filter"), saved))
    };
    text.split("\n\n").filter_map(rule).collect()
}

fn restore_text(text: &'static str) -> impl Strategy<Value = String> {
    let edits = prop_oneof![2 => Just(Vec::new()), 1 => vec(edit(), 1..3)];
    let lines = vec((select(rules(text)), edits), 1..4);
    (lines, prop_oneof![3 => Just(Vec::new()), 1 => vec(edit(), 1..3)]).prop_map(
        |(lines, edits)| {
            let mut whole = String::new();
            for ((table, line), edits) in lines {
                whole += &format!("*{table}\n:USER - [0:0]\n{}\nCOMMIT\n", edited(line, &edits));
            }
            edited(&whole, &edits)
        },
    )
}

fn reads_back(family: Family, text: &str) {
    if let Ok(ruleset) = Ruleset::parse(family, text, "text") {
        let options = SaveOptions { counters: true, ..SaveOptions::default() };
        let saved = ruleset.save(&options);
        assert_eq!(
            Ruleset::parse(family, &saved, "saved").map(|again| again.save(&options)),
            Ok(saved)
        );
    }
}

const CONFIGURATIONS: [&str; 4] = [
    include_str!("../../examples/home-gateway/sluice.toml"),
    include_str!("../../examples/data-centre-nat/sluice.toml"),
    include_str!("../../examples/port-forwarding/sluice.toml"),
    include_str!("../../examples/plain-router/sluice.toml"),
];

/// The examples without what they explain.
fn configurations() -> Vec<String> {
    let told = |text: &str| {
        text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n")
    };
    CONFIGURATIONS.map(told).into()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn rules_of_v4(text in restore_text(V4)) {
        reads_back(Family::V4, &text);
    }

    #[test]
    fn rules_of_v6(text in restore_text(V6)) {
        reads_back(Family::V6, &text);
    }

    #[test]
    fn configurations_in_toml(text in select(configurations()), edits in vec(edit(), 0..5)) {
        let text = edited(&text, &edits);
        if let Ok(config) = Config::parse(&text, "text") {
            prop_assert_eq!(Config::parse(&config.to_toml(), "again"), Ok(config));
        }
    }

    #[test]
    fn lines_of_ipset(line in "\\PC{0,60}", edits in vec(edit(), 0..4)) {
        let known = "create a hash:ip,port,net family inet6 hashsize 1024 maxelem 5 timeout 3 counters comment";
        for text in [&line, &edited(known, &edits)] {
            let _ = ipset::Invocation::parse(&ipset::split(text));
        }
    }
}
