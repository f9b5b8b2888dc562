//! What the kernel refuses when a table is committed: jumps to nothing, loops, and targets in
//! places they do not work in.
//!
//! A rule is judged at every hook it can be reached from, along jumps; a chain nothing reaches is
//! judged by its table alone.

use std::collections::HashMap;

use super::edit::{Edit, EditChain, Stand};
use super::fault::Fault;
use super::words::{Place, Words};
use super::{AddressMask, Chain, Family, Hook, Negatable, Rule, Table, Target};
use crate::gateway::TimeoutPolicies;

/// The kernel's NFT_JUMP_STACK_SIZE.
const MAX_DEPTH: usize = 16;

/// A refusal and the line of the rule it is blamed on.
pub(super) struct Refusal {
    pub(super) fault: Fault,
    pub(super) line: usize,
}

/// The first thing wrong with a table, if any. Rules may name these timeout policies, or any where none are given.
/// Chains that nothing changed were found right before.
pub(super) fn validate(
    edit: &Edit,
    family: Family,
    policies: Option<&TimeoutPolicies>,
) -> Result<(), Refusal> {
    for chain in edit.chains().filter(|chain| chain.open.is_some()) {
        for placed in chain.rules() {
            check_target_exists(edit, placed)?;
            let place = Place {
                family,
                table: edit.table,
                hook: chain.head().hook(),
                protocol: placed.rule.protocol,
            };
            check_alone(edit, &place, chain, placed)?;
            check_policy(&place, chain, placed, policies)?;
        }
    }
    if Below::new(edit).is_no_deeper() {
        return Ok(());
    }
    let mut walk = Walk { edit, height: HashMap::new(), path: Vec::new(), hook: None };
    for chain in edit.chains() {
        if let Some(hook) = chain.head().hook() {
            walk.height.clear();
            walk.hook = Some(hook);
            walk.visit(chain)?;
        }
    }
    Ok(())
}

fn refuse(placed: Stand<'_>, chain: &EditChain, reason: &str, help: String) -> Refusal {
    let object = format!("rule in chain {}", chain.head().name);
    Refusal {
        fault: Fault::kernel(placed.operation, reason, &object).help(help),
        line: placed.line,
    }
}

fn check_target_exists(edit: &Edit, placed: Stand<'_>) -> Result<(), Refusal> {
    match missing_target(edit, placed.rule) {
        Some(fault) => Err(Refusal { fault, line: placed.line }),
        None => Ok(()),
    }
}

/// Why a rule cannot lead where it leads, if no such chain is there.
pub(super) fn missing_target(edit: &Edit, rule: &Rule) -> Option<Fault> {
    let name = rule.target.as_ref().and_then(|target| target.chain())?;
    if edit.position(name).is_some() || edit.is_builtin(name) {
        return None;
    }
    let names = edit.chains().map(|chain| chain.head().name.as_str());
    let help = match crate::diagnostic::nearest(name, names) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("declare it with `:{name} - [0:0]` or `-N {name}`, or name a target"),
    };
    Some(Fault::usage(format!("Chain '{name}' does not exist")).help(help))
}

/// What is wrong wherever the rule stands.
fn check_alone(
    edit: &Edit,
    place: &Place,
    chain: &EditChain,
    placed: Stand<'_>,
) -> Result<(), Refusal> {
    let table = place.table;
    let never = |address: &Option<Negatable<AddressMask>>| {
        address.is_some_and(|a| a.negated && a.value.prefix_length() == Some(0))
    };
    if never(&placed.rule.source) || never(&placed.rule.destination) {
        let help = "no address is outside /0: the rule would never match".to_owned();
        return Err(refuse(placed, chain, "Invalid argument", help));
    }
    if let Some(item) =
        placed.rule.matches.iter().find(|item| !item.words().fits(placed.rule.protocol))
    {
        let help = format!("write the protocol of `-m {}` with `-p` before it", item.name());
        return Err(refuse(placed, chain, "Invalid argument", help));
    }
    let own = placed.rule.matches.iter().find_map(|item| item.words().objection(place));
    if let Some(objection) = own {
        return Err(refuse(placed, chain, objection.reason, objection.help));
    }
    let Some(target) = &placed.rule.target else { return Ok(()) };
    if target.chain().is_some_and(|name| table.hooks().iter().any(|hook| hook.chain() == name)) {
        let help = "rules can lead to user chains only".to_owned();
        let there = target.chain().is_some_and(|name| edit.is_used(name));
        let reason = if there { "Operation not supported" } else { "No such file or directory" };
        return Err(refuse(placed, chain, reason, help));
    }
    let Some(words) = target.words() else { return Ok(()) };
    if let Some(only) = words.table().filter(|only| *only != table) {
        let help = format!("{} works in table {only} only", target.name());
        return Err(refuse(placed, chain, "Invalid argument", help));
    }
    if !words.fits(placed.rule.protocol) {
        let help = format!("{} so needs `-p tcp` in its rule", target.name());
        return Err(refuse(placed, chain, "Invalid argument", help));
    }
    match words.objection(place) {
        Some(objection) => Err(refuse(placed, chain, objection.reason, objection.help)),
        None => Ok(()),
    }
}

/// Whether the timeout policy that CT names is there, and for such a rule.
fn check_policy(
    place: &Place,
    chain: &EditChain,
    placed: Stand<'_>,
    policies: Option<&TimeoutPolicies>,
) -> Result<(), Refusal> {
    let (Some(Target::Ct(ct)), Some(policies)) = (&placed.rule.target, policies) else {
        return Ok(());
    };
    match ct.policy_objection(place, policies) {
        Some(objection) => Err(refuse(placed, chain, objection.reason, objection.help)),
        None => Ok(()),
    }
}

/// How deep chains are, to tell cheaply that a change lets nobody come deeper than before, nor to a hook that was not
/// seen: most do not, and then only what they changed is looked at.
///
/// A new jump is harmless where it leads no deeper than one that its chain had before, to rules that may stand
/// anywhere. Where that holds for all new jumps no chain is deeper than it was, from the deepest up.
struct Below<'a> {
    edit: &'a Edit,
    /// Longest run of jumps below each chain seen; none while it is looked at, and where that is too deep or leads to
    /// rules that are picky about hooks.
    now: HashMap<&'a str, Option<usize>>,
    /// The same along chains that nothing changed.
    before: HashMap<&'a str, Option<usize>>,
}

impl<'a> Below<'a> {
    fn new(edit: &'a Edit) -> Self {
        Self { edit, now: HashMap::new(), before: HashMap::new() }
    }

    fn is_no_deeper(&mut self) -> bool {
        let edit = self.edit;
        edit.chains().filter(|chain| chain.open.is_some()).all(|chain| {
            let mut new = chain.rules().filter(|placed| placed.line > 0);
            new.all(|placed| {
                may_stand_anywhere(placed.rule, edit.table)
                    && called(placed.rule).is_none_or(|name| self.is_harmless(&chain.before, name))
            })
        })
    }

    /// Whether a chain may now lead to another.
    fn is_harmless(&mut self, before: &'a Chain, name: &'a str) -> bool {
        let mut had = before.rules.iter().filter_map(called);
        if had.clone().any(|had| had == name) {
            return true;
        }
        let Some(height) = self.height(name, 0) else { return false };
        had.any(|name| self.kept(name, 0).is_some_and(|kept| kept >= height))
    }

    fn height(&mut self, name: &'a str, depth: usize) -> Option<usize> {
        if let Some(height) = self.now.get(name) {
            return *height;
        }
        self.now.insert(name, None);
        let (mut height, edit) = (0, self.edit);
        for placed in edit.chain(name)?.rules() {
            if depth >= MAX_DEPTH || !may_stand_anywhere(placed.rule, edit.table) {
                return None;
            }
            if let Some(next) = called(placed.rule) {
                height = height.max(1 + self.height(next, depth + 1)?);
            }
        }
        self.now.insert(name, Some(height));
        Some(height)
    }

    fn kept(&mut self, name: &'a str, depth: usize) -> Option<usize> {
        if let Some(height) = self.before.get(name) {
            return *height;
        }
        self.before.insert(name, None);
        let chain = self.edit.chain(name).filter(|chain| chain.open.is_none())?;
        let mut height = 0;
        if depth < MAX_DEPTH {
            for next in chain.before.rules.iter().filter_map(called) {
                height = height.max(self.kept(next, depth + 1).map_or(0, |below| 1 + below));
            }
        }
        self.before.insert(name, Some(height));
        Some(height)
    }
}

fn called(rule: &Rule) -> Option<&str> {
    rule.target.as_ref().and_then(|target| target.chain())
}

fn may_stand_anywhere(rule: &Rule, table: Table) -> bool {
    let everywhere =
        |words: &dyn Words| table.hooks().iter().all(|hook| words.hooks().contains(hook));
    rule.matches.iter().all(|item| everywhere(item.words()))
        && rule.target.as_ref().and_then(|target| target.words()).is_none_or(everywhere)
}

/// A walk from one builtin chain along its jumps.
struct Walk<'a> {
    edit: &'a Edit,
    hook: Option<Hook>,
    /// Longest run of jumps below each chain seen.
    height: HashMap<&'a str, usize>,
    /// The jumps that led here.
    path: Vec<(&'a EditChain, Stand<'a>)>,
}

impl<'a> Walk<'a> {
    /// The longest run of jumps from this chain on.
    fn visit(&mut self, chain: &'a EditChain) -> Result<usize, Refusal> {
        if let Some(height) = self.height.get(chain.head().name.as_str()) {
            return match self.path.len() + height >= MAX_DEPTH {
                true => Err(self.blame("Too many links", too_deep())),
                false => Ok(*height),
            };
        }
        // A loop is as deep as anything.
        if self.path.len() >= MAX_DEPTH {
            return Err(self.blame("Too many links", too_deep()));
        }
        let mut height = 0;
        for placed in chain.rules() {
            self.path.push((chain, placed));
            self.check_hook(placed)?;
            let next = placed.rule.target.as_ref().and_then(|target| target.chain());
            if let Some(next) = next.and_then(|name| self.edit.chain(name)) {
                height = height.max(1 + self.visit(next)?);
            }
            self.path.pop();
        }
        self.height.insert(&chain.head().name, height);
        Ok(height)
    }

    fn check_hook(&self, placed: Stand<'_>) -> Result<(), Refusal> {
        let Some(hook) = self.hook else { return Ok(()) };
        let target = placed.rule.target.as_ref();
        let target = target.and_then(|target| Some((target.name(), target.words()?)));
        let matches = placed.rule.matches.iter().map(|item| (item.name(), item.words()));
        let misplaced = |(_, words): &(&str, &dyn Words)| !words.hooks().contains(&hook);
        let Some((name, words)) = matches.chain(target).find(misplaced) else { return Ok(()) };
        let places: Vec<&str> = words.hooks().iter().map(|hook| hook.chain()).collect();
        let help = format!("{name} works in {} only, not in {hook}", places.join(", "));
        Err(self.blame("Invalid argument", help))
    }

    /// The newest rule on the way here is the one that made it wrong.
    fn blame(&self, reason: &str, help: String) -> Refusal {
        match self.path.iter().max_by_key(|(_, placed)| placed.line) {
            Some((chain, placed)) => refuse(*placed, chain, reason, help),
            None => Refusal { fault: Fault::refused(reason).help(help), line: 0 },
        }
    }
}

fn too_deep() -> String {
    format!("chains lead in a circle, or more than {MAX_DEPTH} deep")
}
