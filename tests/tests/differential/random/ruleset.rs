//! Owns drawn rulesets: tables of chains of rules, each rule a list of parts that can be left out one by one.

use std::fmt::Write as _;

use super::dice::Dice;
use super::family::Family;
use super::{matches, targets};

pub(super) const TABLES: [&str; 5] = ["raw", "mangle", "nat", "filter", "security"];

/// A rule: protocol, matches, target, where there are such.
#[derive(Debug, Clone)]
pub(super) struct Rule(pub(super) Vec<String>);

impl Rule {
    /// Of parts with names in place of addresses.
    fn named(parts: &[String], family: Family) -> Self {
        Self(parts.iter().map(|part| family.named(part)).collect())
    }

    pub(super) fn text(&self) -> String {
        self.0.join(" ")
    }
}

/// A chain; a user chain has no policy.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    pub(super) name: String,
    pub(super) policy: Option<&'static str>,
    pub(super) rules: Vec<Rule>,
}

/// A table as a restore text declares it.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) chains: Vec<Chain>,
}

impl Table {
    pub(super) fn text(&self) -> String {
        let mut text = format!("*{}\n", self.name);
        for Chain { name, policy, .. } in &self.chains {
            writeln!(text, ":{name} {} [0:0]", policy.unwrap_or("-"))
                .expect("a string takes any text");
        }
        for Chain { name, rules, .. } in &self.chains {
            for rule in rules {
                writeln!(text, "-A {name} {}", rule.text()).expect("a string takes any text");
            }
        }
        text + "COMMIT\n"
    }

    /// A whole table. `rich` says how many rules there are about in a chain.
    pub(super) fn draw(dice: &mut Dice, family: Family, name: &'static str, rich: usize) -> Self {
        let mut chains = Vec::new();
        for builtin in builtin(name) {
            let policy = if name == "filter" && dice.once_in(6) { "DROP" } else { "ACCEPT" };
            chains.push(Chain { name: (*builtin).into(), policy: Some(policy), rules: Vec::new() });
        }
        let users = user_chains(name).iter().flat_map(|(_, names)| *names);
        chains.extend(users.map(|name| Chain {
            name: (*name).into(),
            policy: None,
            rules: Vec::new(),
        }));
        for chain in &mut chains {
            for _ in 0..dice.below(rich + 1) {
                chain.rules.push(rule(dice, family, name, &chain.name));
            }
            for _ in 0..2 {
                if let Some(parts) = dice.about.rule(dice, family, (name, &chain.name)) {
                    let at = dice.below(chain.rules.len() + 1);
                    chain.rules.insert(at, Rule::named(&parts, family));
                }
            }
        }
        Self { name, chains }
    }
}

/// A table's own chains.
fn builtin(table: &str) -> &'static [&'static str] {
    match table {
        "raw" => &["PREROUTING", "OUTPUT"],
        "mangle" => &["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"],
        "nat" => &["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"],
        _ => &["INPUT", "FORWARD", "OUTPUT"],
    }
}

/// Which builtin chains may call which user chains; each of these may call those after it.
fn user_chains(table: &str) -> &'static [(&'static [&'static str], &'static [&'static str])] {
    match table {
        "nat" => &[(&["PREROUTING"], &["D1", "D2", "D3"]), (&["POSTROUTING"], &["S1", "S2", "S3"])],
        "mangle" => {
            &[(&["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"], &["M1", "M2", "M3"])]
        }
        "raw" => &[(&["PREROUTING", "OUTPUT"], &["R1", "R2"])],
        // A REJECT in OUTPUT tells the router itself, by an interface that only a host has.
        _ => &[(&["INPUT", "FORWARD"], &["F1", "F2", "F3", "F4"]), (&["OUTPUT"], &["O1", "O2"])],
    }
}

/// A rule for this chain.
pub(super) fn rule(dice: &mut Dice, family: Family, table: &str, chain: &str) -> Rule {
    // What a user chain may hold depends on who may call it.
    let user = user_chains(table).iter().find_map(|(callers, names)| {
        names.iter().position(|name| *name == chain).map(|at| (callers[0], &names[at + 1..]))
    });
    let root = user.map_or(chain, |(caller, _)| caller);
    let (asks, does) = if user.is_some() { ("", root) } else { (chain, chain) };
    let protocol = if dice.once_in(2) { matches::protocol(dice, family) } else { "" };
    let mut parts = vec![protocol.to_owned()];
    for _ in 0..dice.one(&[0, 0, 1, 1, 1, 2, 2, 3]) {
        let one = matches::draw(dice, family, table, asks, protocol);
        if !parts.iter().any(|other| key(other) == key(&one)) {
            parts.push(one);
        }
    }
    let callable = match user {
        // What PREROUTING calls may change a packet, or leave it untracked.
        None if (table, chain) == ("mangle", "OUTPUT") && !dice.about.changes_own() => &[],
        None if (table, chain) == ("raw", "OUTPUT") && dice.associations => &[],
        Some((_, later)) => later,
        None => user_chains(table)
            .iter()
            .find(|(callers, _)| callers.contains(&chain))
            .map_or(&[][..], |(_, names)| *names),
    };
    let target = if dice.once_in(3) {
        if callable.is_empty() || dice.once_in(5) {
            "-j RETURN".into()
        } else {
            format!("{} {}", dice.one(&["-j", "-j", "-g"]), dice.one(callable))
        }
    } else {
        targets::draw(dice, family, table, does, protocol)
    };
    // A target that brings an address or interface along has the last word about it.
    parts.retain(|part| target.starts_with("-j") || key(part) != key(&target));
    parts.push(target);
    parts.retain(|part| !part.is_empty());
    Rule::named(&parts, family)
}

/// What may stand once in a rule: an option, or a match by its name.
fn key(part: &str) -> &str {
    let part = part.strip_prefix("! ").unwrap_or(part);
    let words = if part.starts_with("-m") { 2 } else { 1 };
    part.match_indices(' ').nth(words - 1).map_or(part, |(at, _)| &part[..at])
}
