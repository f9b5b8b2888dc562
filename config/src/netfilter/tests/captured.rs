//! What iptables-nft 1.8.9 made of these commands: the line of `iptables-save`, the row of `-nL` and
//! the row of `-vL`, recorded from the tool.

use super::{build, declared, run, save};
use crate::netfilter::{Family, Ruleset};

/// Blocks of four lines: command, saved rule, row of `-nL`, row of `-vL`.
const V4: &str = include_str!("captured.v4.txt");
const V6: &str = include_str!("captured.v6.txt");

#[test]
fn every_command_reads_and_prints_as_the_tool_does() {
    for (family, recorded) in [(Family::V4, V4), (Family::V6, V6)] {
        for block in recorded.split("\n\n") {
            let lines: Vec<&str> = block.trim_start_matches('\n').lines().collect();
            let [command, saved, numeric, verbose] = lines.as_slice() else { panic!("{block}") };
            let ruleset = build(family, &[command]);
            let text = save(&ruleset);
            let rule = text.lines().find(|line| line.starts_with("-A ")).unwrap();
            assert_eq!(rule, *saved, "{command}");
            let read = Ruleset::parse(family, &text, "saved");
            assert_eq!(read, Ok(declared(ruleset.clone())), "{command}");

            let (table, chain) = place(command);
            let list = |options: &str| {
                let outcome = run(family, &ruleset, &format!("-t {table} {options} {chain} 1"));
                outcome.unwrap().output
            };
            assert_eq!(list("-nL"), format!("{numeric}\n"), "{command}");
            assert_eq!(list("-vL"), format!("{verbose}\n"), "{command}");
        }
    }
}

/// The table and chain a command names.
fn place(command: &str) -> (&str, &str) {
    let after = |option: &str| {
        let mut words = command.split_whitespace().skip_while(|word| *word != option);
        words.nth(1)
    };
    let chain = after("-A").or_else(|| after("--append")).unwrap();
    (after("-t").unwrap_or("filter"), chain)
}
