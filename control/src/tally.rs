//! Rule counters that outlive the compiled rules that counted them.
//!
//! ```text
//!   compiled rules ── totals ─┬─ less what was taken before ──> the model's counters
//!   (live generation)         │
//!   (old generation) ─────────┴─ the rest, once workers let go ──> the same rules in the new model
//! ```
//!
//! Which counters are whose, the [`Layout`] says.

use crate::compile::Layout;
use sluice_config::netfilter::{Chain, Counters, Ruleset, Table};
use sluice_dataplane::rules::Count;

/// What of the live generation's counts the model holds already.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    taken: Vec<Count>,
}

impl Tally {
    /// Adds to the model what was counted since the last time.
    pub fn fold(&mut self, ruleset: &mut Ruleset, layout: &Layout, totals: Vec<Count>) {
        let since = self.since(&totals);
        for (table, at, counts) in counted(layout, &since) {
            let Some(chain) = ruleset.table_mut(table).and_then(|model| model.counting(at)) else {
                continue;
            };
            let mut counts = counts.iter().copied();
            for (rule, count) in chain.rules.iter_mut().zip(counts.by_ref()) {
                add(&mut rule.counters, Some(count));
            }
            if chain.policy.is_some() {
                add(&mut chain.counters, counts.next().filter(|_| chain.counts));
            }
        }
        self.taken = totals;
    }

    /// What `before` counted since the last time goes to the same rules of `after`; that of rules that are gone is gone
    /// with them.
    pub fn carry(&self, before: (&Ruleset, &Layout), after: &mut Ruleset, totals: &[Count]) {
        let since = self.since(totals);
        for (table, at, counts) in counted(before.1, &since) {
            let old = before.0.table(table).and_then(|model| model.chains.get(at));
            let (Some(old), Some(model)) = (old, after.table_mut(table)) else { continue };
            let Some(new) = model.position(&old.name).and_then(|at| model.counting(at)) else {
                continue;
            };
            let (rules, policy) = counts.split_at(counts.len().min(old.rules.len()));
            carry_rules(old, new, rules);
            add(&mut new.counters, policy.first().copied().filter(|_| old.counts && new.counts));
        }
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

/// The chains that have counted something, each with its place in its table and what its counters say.
fn counted<'a>(
    layout: &'a Layout,
    counts: &'a [Count],
) -> impl Iterator<Item = (Table, usize, &'a [Count])> {
    let blocks =
        layout.blocks().filter_map(|(table, at, block)| Some((table, at, counts.get(block)?)));
    blocks.filter(|(_, _, counts)| counts.iter().any(|count| *count != Count::default()))
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

    fn layout(ruleset: &Ruleset) -> Layout {
        Layout::default().after(ruleset)
    }

    fn fold(tally: &mut Tally, model: &mut Ruleset, totals: Vec<Count>) {
        let layout = layout(model);
        tally.fold(model, &layout, totals);
    }

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
        fold(&mut tally, &mut model, counts(&[7, 1, 2, 3, 9]));
        fold(&mut tally, &mut model, counts(&[7, 1, 2, 3, 9]));
        assert_eq!(forward(&model), [1, 2, 3]);
        fold(&mut tally, &mut model, counts(&[7, 5, 2, 4, 9]));
        assert_eq!(forward(&model), [5, 2, 4]);
        let saved = model.save(&SaveOptions { counters: true, table: None, time: None });
        assert!(saved.contains(":FORWARD DROP [4:40]"), "{saved}");
        assert!(saved.contains("[5:50] -A FORWARD -p tcp -j ACCEPT"), "{saved}");
    }

    #[test]
    fn the_rest_follows_its_rule_to_another_place() {
        let (before, mut after) = (parse(&[TCP, UDP]), parse(&[GRE, TCP, UDP]));
        let tally = Tally { taken: counts(&[0, 1, 1, 1, 0]) };
        tally.carry((&before, &layout(&before)), &mut after, &counts(&[0, 4, 5, 6, 0]));
        assert_eq!(forward(&after), [0, 3, 4, 5]);
        let mut tally = Tally::default();
        fold(&mut tally, &mut after, counts(&[0, 1, 1, 1, 1, 0]));
        assert_eq!(forward(&after), [1, 4, 5, 6], "the new generation counts from zero");
    }

    #[test]
    fn a_policy_counts_only_once_it_was_named() {
        let mut model = Ruleset::new(Family::V4);
        let mut run = |line: &str, counts: u64| {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let invocation = Invocation::parse(Family::V4, &words).unwrap();
            model = invocation.run(&model).unwrap().ruleset.unwrap();
            fold(&mut Tally::default(), &mut model, self::counts(&[counts; 9]));
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
        Tally::default().carry(
            (&before, &layout(&before)),
            &mut after,
            &counts(&[0, 1, 2, 0, 4, 0]),
        );
        assert_eq!(forward(&after), [1, 0, 4]);
        let mut same = before.clone();
        Tally::default().carry(
            (&before, &layout(&before)),
            &mut same,
            &counts(&[0, 1, 2, 3, 4, 0]),
        );
        assert_eq!(forward(&same), [1, 2, 3, 4]);
    }
}
