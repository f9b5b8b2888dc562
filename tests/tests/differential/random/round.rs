//! Owns a round: a list of actions drawn from a seed, each of which can be left out.

use sluice_tests::frame::Packet;

use super::about::About;
use super::dice::Dice;
use super::family::Family;
use super::flows;
use super::packets::Answer;
use super::ruleset::{TABLES, Table, rule};

/// One thing that happens to both routers.
#[derive(Debug, Clone)]
pub(super) enum Action {
    /// A restore text of these tables.
    Load(Vec<Table>),
    /// A command of the tool, or as a line of a restore text that leaves the rest as it is.
    Command { table: &'static str, words: String, restored: bool },
    /// A host sends a packet.
    Send { inside: bool, packet: Packet },
    /// The host that got what came out of another step answers.
    Answer { of: usize, how: Answer },
    /// Every rule and counter, what the sets hold and the connections are compared.
    State,
}

/// What is played.
#[derive(Debug, Clone)]
pub(super) struct Round {
    pub(super) seed: u64,
    pub(super) family: Family,
    /// Whether packets leave many at a time.
    pub(super) volleys: bool,
    /// Each with a number by which answers name it.
    pub(super) actions: Vec<(usize, Action)>,
}

impl Round {
    /// Whether some rule remembers packets beyond their connections. Their order counts then, also that of what a router's
    /// host says, which in the kernel comes before the next packet.
    pub(super) fn uses_memory(&self) -> bool {
        self.has_rule(remembers)
    }

    /// Without rules of raw that remember packets: what reaches another worker than its connection's meets raw twice
    /// (docs/NETFILTER.md).
    pub(super) fn for_many_workers(mut self) -> Self {
        for (_, action) in &mut self.actions {
            if let Action::Load(tables) = action {
                let raw = tables.iter_mut().filter(|table| table.name == "raw");
                raw.flat_map(|table| &mut table.chains)
                    .for_each(|chain| chain.rules.retain(|rule| !remembers(&rule.text())));
            }
        }
        self.actions.retain(|(_, action)| {
            !matches!(action, Action::Command { table: "raw", words, .. } if remembers(words))
        });
        self
    }

    /// Whether some rule is such, now or later.
    pub(super) fn has_rule(&self, found: impl Fn(&str) -> bool) -> bool {
        self.actions.iter().any(|(_, action)| match action {
            Action::Load(tables) => tables.iter().any(|table| found(&table.text())),
            Action::Command { words, .. } => found(words),
            Action::Send { .. } | Action::Answer { .. } | Action::State => false,
        })
    }
}

/// Whether a rule remembers packets.
fn remembers(rule: &str) -> bool {
    let words = ["limit", "recent", "quota", "statistic", "--add-set", "--del-set", "counts"];
    words.iter().any(|word| rule.contains(word))
}

/// A step of a flow: its number, whether it is thought to come from inside, and what happens.
type Step = (usize, bool, Action);

/// Numbers of actions that belong to no flow.
const NOBODY: usize = usize::MAX;
/// A flow has fewer steps.
const STEPS: usize = 100;

/// Rules, flows, changes of rules between their packets, other rules, more flows.
pub(super) fn draw(seed: u64, family: Family) -> Round {
    let mut dice = Dice::new(seed);
    let mut actions = Vec::new();
    // Now and then few tables, so that what only some rules need is not always there.
    let tables: Vec<_> = if dice.once_in(6) {
        TABLES.into_iter().filter(|_| dice.once_in(2)).collect()
    } else {
        TABLES.into()
    };
    let rich = dice.one(&[1, 3, 5]);
    let tables = tables.into_iter().filter(|name| {
        // A translation needs tracking.
        *name != "nat" || dice.about != About::Untracked
    });
    let tables: Vec<_> = tables.collect();
    let mut now: Vec<_> =
        tables.iter().map(|name| Table::draw(&mut dice, family, name, rich)).collect();
    actions.push((NOBODY, Action::Load(now.clone())));
    // Between packets other such rules may come.
    let changing = !dice.once_in(3);
    let sound = changing || now.iter().any(|table| asks_for_whole_headers(&table.text()));
    // What iptables-nft reads of a later piece for ports (docs/NETFILTER.md).
    let odd =
        |table: &Table| ["! --sport", "! --dport"].iter().any(|words| table.text().contains(words));
    dice.pieces = dice.about != About::Untracked || !changing && !now.iter().any(odd);
    let mut own = 1024;
    for part in 0..2 {
        if part > 0 && !now.is_empty() && (sound && dice.about != About::Untracked || changing) {
            let at = dice.below(now.len());
            now[at] = Table::draw(&mut dice, family, now[at].name, rich);
            actions.push((NOBODY, Action::Load(vec![now[at].clone()])));
        }
        let translates = |table: &Table| {
            ["-j SNAT", "-j DNAT", "-j MASQ"].iter().any(|words| table.text().contains(words))
        };
        dice.tracked = !changing && now.iter().any(translates);
        let mut flows: Vec<Vec<Step>> = Vec::new();
        for _ in 0..4 + dice.below(6) {
            let steps = flows::draw(&mut dice, family, own, sound);
            flows.push(numbered(steps, usize::from(own) * STEPS));
            own += 4;
        }
        let changes = if changing { dice.one(&[0, 1, 2, 4, 8]) } else { 0 };
        interleave(&mut dice, family, flows, changes, &mut now, &mut actions);
        actions.push((NOBODY, Action::State));
    }
    let mut round = Round { seed, family, volleys: false, actions };
    round.volleys = !round.uses_memory();
    round
}

/// Whether some rule makes the kernel drop packets whose header is not whole (docs/NETFILTER.md).
fn asks_for_whole_headers(rules: &str) -> bool {
    let words =
        ["tcpmss", "--tcp-option", "multiport", "TCPMSS", "TCPOPTSTRIP", "hashlimit", "--ecn-tcp"];
    words.iter().any(|word| rules.contains(word))
}

/// Which flow the step of this number belongs to.
pub(super) const fn flow_of(number: usize) -> usize {
    number / STEPS
}

/// A flow's steps name one another by place; in a round they do by number.
fn numbered(steps: Vec<Action>, first: usize) -> Vec<Step> {
    let mut numbered: Vec<Step> = Vec::new();
    for (place, action) in steps.into_iter().enumerate() {
        let (inside, action) = match action {
            Action::Answer { of, how } => (
                numbered.get(of).is_none_or(|step| !step.1),
                Action::Answer { of: first + of, how },
            ),
            Action::Send { inside, packet } => (inside, Action::Send { inside, packet }),
            other => (true, other),
        };
        numbered.push((first + place, inside, action));
    }
    numbered
}

/// The flows' steps, each flow in its order, and changes of single rules between them. A turn is one of each flow whose
/// next packet comes from the same side; fragments come together.
fn interleave(
    dice: &mut Dice,
    family: Family,
    mut flows: Vec<Vec<Step>>,
    mut changes: usize,
    now: &mut [Table],
    actions: &mut Vec<(usize, Action)>,
) {
    flows.iter_mut().for_each(|flow| flow.reverse());
    loop {
        flows.retain(|flow| !flow.is_empty());
        if flows.is_empty() {
            return;
        }
        let lead = dice.below(flows.len());
        let side = flows[lead].last().is_some_and(|(_, inside, _)| *inside);
        let first = dice.below(flows.len());
        let (behind, front) = flows.split_at_mut(first);
        for flow in front.iter_mut().chain(behind) {
            // Now and then one lets the others pass.
            let mut more = !dice.once_in(4);
            while more && flow.last().is_some_and(|(_, inside, _)| *inside == side) {
                let Some((number, _, action)) = flow.pop() else { break };
                more = is_fragment(&action);
                actions.push((number, action));
            }
        }
        if changes > 0 && dice.once_in(3) && !now.is_empty() {
            changes -= 1;
            let table = dice.below(now.len());
            actions.push((NOBODY, change(dice, family, &mut now[table])));
        }
    }
}

fn is_fragment(action: &Action) -> bool {
    matches!(action, Action::Send { packet, .. } if packet.fragment & 0x3fff != 0)
}

/// A command that changes one chain, done to the table too.
fn change(dice: &mut Dice, family: Family, table: &mut Table) -> Action {
    let at = dice.below(table.chains.len());
    let name = table.name;
    let new = rule(dice, family, name, &table.chains[at].name);
    let chain = &mut table.chains[at];
    let place = dice.below(chain.rules.len() + 1);
    let words = match dice.below(10) {
        0 if name == "filter" && chain.policy.is_some() => {
            let policy = dice.one(&["ACCEPT", "DROP"]);
            chain.policy = Some(policy);
            format!("-P {} {policy}", chain.name)
        }
        1 | 2 if place < chain.rules.len() => {
            chain.rules.remove(place);
            format!("-D {} {}", chain.name, place + 1)
        }
        3 if place < chain.rules.len() => {
            let old = chain.rules[place].text();
            let first = chain.rules.iter().position(|rule| rule.text() == old);
            chain.rules.remove(first.unwrap_or(place));
            format!("-D {} {old}", chain.name)
        }
        4 | 5 if place < chain.rules.len() => {
            chain.rules[place] = new.clone();
            format!("-R {} {} {}", chain.name, place + 1, new.text())
        }
        8 if dice.once_in(2) => {
            chain.rules.clear();
            format!("-F {}", chain.name)
        }
        // iptables-nft puts new rules in the old ones' places, which begin anew.
        9 if !dice.memory => format!("-Z {}", chain.name),
        6 => {
            chain.rules.push(new.clone());
            format!("-A {} {}", chain.name, new.text())
        }
        _ => {
            chain.rules.insert(place, new.clone());
            format!("-I {} {} {}", chain.name, place + 1, new.text())
        }
    };
    let restored = !words.starts_with("-P") && dice.once_in(3);
    Action::Command { table: name, words, restored }
}
