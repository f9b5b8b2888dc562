//! Whatever rules are loaded and whatever arrives: no panic, no packet wanders or is lost, and every packet is accounted
//! for. The simulator checks the accounts after each thing that happens.

mod drawn;
mod sets;

use drawn::choices::Choices;
use drawn::templates::{MATCHES, TARGETS};
use drawn::words::Family;
use drawn::{play, rules};
use proptest::collection::vec;
use proptest::prelude::*;
use sluice_config::netfilter::{Family as Tool, Invocation, Match, Ruleset, Target};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_panics_and_no_packet_is_lost(bytes in vec(any::<u8>(), 0..1500)) {
        play::play(&bytes);
    }
}

/// Every match and target has a template, and every template makes a rule that is taken: what is not drawn is not tried.
#[test]
fn all_matches_and_targets_are_drawn() {
    let mut seen = String::new();
    for template in MATCHES.iter().chain(&TARGETS) {
        let taken = (0..4000_u32).find_map(|seed| {
            let bytes = noise(seed);
            let mut choices = Choices::new(&bytes);
            [Tool::V4, Tool::V6].into_iter().find_map(|family| {
                let words = Family(family).words(&mut choices, template);
                PLACES.iter().find_map(|place| taken(family, place, &words))
            })
        });
        seen += &taken.unwrap_or_else(|| panic!("no rule of `{template}` is taken"));
    }
    let names = |names: &[&str], option: &str| {
        let drawn = |name: &&&str| !seen.contains(&format!("{option} {name} "));
        names.iter().filter(drawn).map(|name| (*name).to_owned()).collect::<Vec<_>>()
    };
    // Those of a protocol are drawn with it.
    let own =
        ["dccp", "esp", "ah", "icmp", "icmp6", "mh", "multiport", "sctp", "tcp", "tcpmss", "udp"];
    let missing = names(Match::NAMES, "-m");
    assert_eq!(
        missing.iter().filter(|name| !own.contains(&&***name)).collect::<Vec<_>>(),
        Vec::<&String>::new()
    );
    // The tool takes QUEUE nowhere.
    assert_eq!(names(Target::NAMES, "-j"), ["QUEUE"]);
}

const PLACES: [&str; 9] = [
    "-t filter -A FORWARD",
    "-t mangle -A FORWARD",
    "-t mangle -A POSTROUTING -p tcp --syn",
    "-t nat -A PREROUTING -p tcp",
    "-t nat -A POSTROUTING -p udp",
    "-t raw -A PREROUTING",
    "-t raw -A PREROUTING -p udp",
    "-t mangle -A PREROUTING",
    "-t filter -A INPUT -p tcp",
];

/// The rule's words, if it is taken there.
fn taken(family: Tool, place: &str, words: &[String]) -> Option<String> {
    let all: Vec<String> =
        place.split(' ').map(str::to_owned).chain(words.iter().cloned()).collect();
    let asked = Invocation::parse(family, &all).ok()?;
    let ruleset: Ruleset = rules::empty(family);
    asked.run_with(&ruleset, &rules::POLICIES.timeouts).ok()?;
    Some(format!("{} \n", words.join(" ")))
}

/// Bytes without order (xorshift32).
fn noise(seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_be_bytes()[1]
    };
    (0..64).map(|_| next()).collect()
}
