//! Rule counters that outlive the compiled rules that counted them.
//!
//! ```text
//!   compiled rules ── totals ─┬─ less what was taken before ──> the model's counters
//!   (live generation)         │
//!   (old generation) ─────────┴─ the rest, once workers let go ──> the same rules in the new model
//! ```
//!
//! Counters are numbered as [`compile`](crate::compile) does: table by table, chain by chain, each rule and
//! then a built-in chain's policy.

use sluice_config::netfilter::{Chain, Counters, Ruleset, Table};
use sluice_dataplane::rules::Count;
use std::collections::HashMap;

/// What of the live generation's counts the model holds already.
#[derive(Debug, Default)]
pub struct Tally {
    taken: Vec<Count>,
}

impl Tally {
    /// Adds to the model what was counted since the last time.
    pub fn fold(&mut self, ruleset: &mut Ruleset, totals: Vec<Count>) {
        let mut since = self.since(&totals).into_iter();
        for table in Table::ALL {
            let chains = ruleset.table_mut(table).map(|model| &mut model.chains);
            for chain in chains.into_iter().flatten() {
                for rule in &mut chain.rules {
                    add(&mut rule.counters, since.next());
                }
                if chain.policy.is_some() {
                    add(&mut chain.counters, since.next().filter(|_| chain.counts));
                }
            }
        }
        self.taken = totals;
    }

    /// Ends the generation: what `before` counted since the last time goes to the same rules of `after`;
    /// that of rules that are gone is gone with them.
    pub fn carry(&mut self, before: &Ruleset, after: &mut Ruleset, totals: &[Count]) {
        let mut since = self.since(totals).into_iter();
        for (table, model) in before.tables() {
            let chains = after.table_mut(table).map(|model| &mut model.chains);
            let by_name = chains.into_iter().flatten().map(|chain| (chain.name.clone(), chain));
            let mut new: HashMap<String, &mut Chain> = by_name.collect();
            for old in &model.chains {
                let rules: Vec<Count> = since.by_ref().take(old.rules.len()).collect();
                let policy = if old.policy.is_some() { since.next() } else { None };
                if let Some(new) = new.get_mut(&old.name) {
                    carry_rules(old, new, &rules);
                    add(&mut new.counters, policy.filter(|_| old.counts && new.counts));
                }
            }
        }
        self.taken.clear();
    }

    fn since(&self, totals: &[Count]) -> Vec<Count> {
        let taken = self.taken.iter().copied().chain(std::iter::repeat(Count::default()));
        let since = totals.iter().zip(taken).map(|(now, taken)| Count {
            packets: now.packets.saturating_sub(taken.packets),
            bytes: now.bytes.saturating_sub(taken.bytes),
        });
        since.collect()
    }
}

/// A rule is looked for where the one before it went, then anywhere in the chain.
fn carry_rules(old: &Chain, new: &mut Chain, since: &[Count]) {
    let mut shift = 0_isize;
    for (at, (rule, count)) in old.rules.iter().zip(since).enumerate() {
        if *count == Count::default() {
            continue;
        }
        let likely = at.checked_add_signed(shift);
        let likely = likely.filter(|at| new.rules.get(*at).is_some_and(|new| new.is_same(rule)));
        let found = likely.or_else(|| new.rules.iter().position(|new| new.is_same(rule)));
        if let Some(place) = found {
            shift = place.cast_signed() - at.cast_signed();
            if let Some(new) = new.rules.get_mut(place) {
                add(&mut new.counters, Some(*count));
            }
        }
    }
}

fn add(counters: &mut Counters, count: Option<Count>) {
    let count = count.unwrap_or_default();
    counters.packets = counters.packets.wrapping_add(count.packets);
    counters.bytes = counters.bytes.wrapping_add(count.bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_config::netfilter::{Family, Invocation, SaveOptions};

    const HEAD: &str = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n";

    fn parse(rules: &[&str]) -> Ruleset {
        let text = format!("{HEAD}{}\nCOMMIT\n", rules.join("\n"));
        Ruleset::parse(Family::V4, &text, "test").unwrap()
    }

    /// Counts of `n` packets of 10 bytes each.
    fn counts(packets: &[u64]) -> Vec<Count> {
        packets.iter().map(|&packets| Count { packets, bytes: 10 * packets }).collect()
    }

    /// Packets of the FORWARD chain's rules, then of its policy.
    fn forward(ruleset: &Ruleset) -> Vec<u64> {
        let chain = ruleset.table(Table::Filter).unwrap().chain("FORWARD").unwrap();
        let rules = chain.rules.iter().map(|rule| rule.counters.packets);
        rules.chain([chain.counters.packets]).collect()
    }

    const TCP: &str = "-A FORWARD -p tcp -j ACCEPT";
    const UDP: &str = "-A FORWARD -p udp -j ACCEPT";
    const GRE: &str = "-A FORWARD -p gre -j DROP";

    #[test]
    fn nothing_is_folded_twice() {
        let (mut model, mut tally) = (parse(&[TCP, UDP]), Tally::default());
        // INPUT's policy, two rules and a policy of FORWARD, OUTPUT's policy.
        tally.fold(&mut model, counts(&[7, 1, 2, 3, 9]));
        tally.fold(&mut model, counts(&[7, 1, 2, 3, 9]));
        assert_eq!(forward(&model), [1, 2, 3]);
        tally.fold(&mut model, counts(&[7, 5, 2, 4, 9]));
        assert_eq!(forward(&model), [5, 2, 4]);
        let saved = model.save(&SaveOptions { counters: true, table: None, time: None });
        assert!(saved.contains(":FORWARD DROP [4:40]"), "{saved}");
        assert!(saved.contains("[5:50] -A FORWARD -p tcp -j ACCEPT"), "{saved}");
    }

    #[test]
    fn the_rest_follows_its_rule_to_another_place() {
        let (before, mut after) = (parse(&[TCP, UDP]), parse(&[GRE, TCP, UDP]));
        let mut tally = Tally { taken: counts(&[0, 1, 1, 1, 0]) };
        tally.carry(&before, &mut after, &counts(&[0, 4, 5, 6, 0]));
        assert_eq!(forward(&after), [0, 3, 4, 5]);
        tally.fold(&mut after, counts(&[0, 1, 1, 1, 1, 0]));
        assert_eq!(forward(&after), [1, 4, 5, 6], "the new generation counts from zero");
    }

    #[test]
    fn a_policy_counts_only_once_it_was_named() {
        let mut model = Ruleset::new(Family::V4);
        let mut run = |line: &str, counts: u64| {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let invocation = Invocation::parse(Family::V4, &words).unwrap();
            model = invocation.run(&model).unwrap().ruleset.unwrap();
            Tally::default().fold(&mut model, self::counts(&[counts; 9]));
            let chains = ["INPUT", "FORWARD"];
            let table = model.table(Table::Filter).unwrap();
            chains.map(|chain| table.chain(chain).unwrap().counters.packets)
        };
        assert_eq!(run("-N OWN", 1), [0, 0], "made on the way");
        assert_eq!(run("-P FORWARD DROP", 2), [0, 2]);
        assert_eq!(run("-Z INPUT", 3), [3, 5]);
        assert_eq!(run("-P FORWARD ACCEPT", 4), [7, 4], "a policy begins at zero");
        assert_eq!(run("-F FORWARD", 5), [12, 9]);
    }

    #[test]
    fn of_equal_rules_each_keeps_its_own_and_deleted_ones_take_theirs_along() {
        let (before, mut after) = (parse(&[TCP, GRE, TCP]), parse(&[TCP, TCP]));
        Tally::default().carry(&before, &mut after, &counts(&[0, 1, 2, 0, 4, 0]));
        assert_eq!(forward(&after), [1, 0, 4]);
        let mut same = before.clone();
        Tally::default().carry(&before, &mut same, &counts(&[0, 1, 2, 3, 4, 0]));
        assert_eq!(forward(&same), [1, 2, 3, 4]);
    }
}
