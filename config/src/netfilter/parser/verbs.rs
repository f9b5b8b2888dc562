//! The tools' commands on the command line: `-A CHAIN`, `-I CHAIN [NUMBER]`, `-P CHAIN POLICY`, …

use super::Parser;
use crate::netfilter::command::{Command, Invocation, check_chain_name};
use crate::netfilter::fault::Fault;
use crate::netfilter::options::legal;
use crate::netfilter::words::number;
use crate::netfilter::{Counters, Policy, Table, Target};

/// A command letter and its own words.
pub(super) struct Verb {
    letter: char,
    chain: Option<String>,
    number: Option<usize>,
    second: Option<String>,
}

impl Parser<'_> {
    /// `PACKETS BYTES` or `PACKETS,BYTES`
    pub(super) fn read_counters(&mut self, text: &str) -> Result<Counters, Fault> {
        let missing =
            || Fault::usage("-c requires packet and byte counter").help("as in `-c 10 840`");
        let (packets, bytes) = match text.split_once(',') {
            Some((packets, bytes)) => (packets.to_owned(), bytes.to_owned()),
            None => (text.to_owned(), self.maybe().ok_or_else(missing)?),
        };
        if packets.is_empty() {
            return Err(missing());
        }
        let packets =
            counter(&packets).ok_or_else(|| Fault::usage("-c packet counter not numeric"))?;
        let bytes = counter(&bytes).ok_or_else(|| Fault::usage("-c byte counter not numeric"))?;
        Ok(Counters { packets, bytes })
    }

    /// A command letter with its chain, number and second name.
    pub(super) fn verb(&mut self, letter: char, chain: Option<String>) -> Result<(), Fault> {
        if self.negated {
            return Err(Fault::usage("unexpected '!' flag").help("leave the `!` out"));
        }
        if let Some(earlier) = &mut self.verb {
            match (earlier.letter, letter) {
                ('L' | 'S', 'Z') => {}
                ('Z', 'L' | 'S') => earlier.letter = letter,
                (first, _) => {
                    return Err(Fault::usage(format!("Cannot use -{letter} with -{first}"))
                        .help("one command a line"));
                }
            }
            self.style.zero = true;
            if chain.is_some() {
                earlier.chain = chain;
                let number = self.maybe().map(|word| rule_number(&word)).transpose()?;
                if let (Some(earlier), Some(number)) = (&mut self.verb, number) {
                    earlier.number = Some(number);
                }
            }
            return Ok(());
        }
        let mut verb = Verb { letter, chain, number: None, second: None };
        match letter {
            'I' | 'D' => verb.number = self.maybe().map(|word| rule_number(&word)).transpose()?,
            'L' | 'S' | 'Z' if verb.chain.is_some() => {
                verb.number = self.maybe().map(|word| rule_number(&word)).transpose()?;
            }
            'R' => {
                let missing =
                    || Fault::usage("-R requires a rule number").help("as in `-R INPUT 1 …`");
                verb.number = Some(rule_number(&self.maybe().ok_or_else(missing)?)?);
            }
            'E' | 'P' => {
                let message = match letter {
                    'E' => "-E requires old-chain-name and new-chain-name",
                    _ => "-P requires a chain and a policy",
                };
                verb.second = Some(self.maybe().ok_or_else(|| Fault::usage(message))?);
            }
            _ => {}
        }
        if let ('N', Some(name)) = (letter, &verb.chain) {
            check_chain_name(name)?;
            if Target::NAMES.contains(&name.as_str()) {
                return Err(Fault::usage("chain name may not clash with target name")
                    .help("choose a name that is no target's"));
            }
        }
        self.verb = Some(verb);
        Ok(())
    }

    /// What the whole command line asks for.
    pub(super) fn finish(mut self) -> Result<Invocation, Fault> {
        self.check_options()?;
        self.rule.finish()?;
        let Some(verb) = self.verb.take() else {
            return Err(Fault::usage("no command specified")
                .help("begin with -A, -I, -D, -N, -P, -F, -X, -L …"));
        };
        if self.negated {
            return Err(Fault::usage("nothing appropriate following !").help("leave the `!` out"));
        }
        self.rule.resolve()?;
        self.check_verb(&verb)?;
        let command = self.command(verb)?;
        Ok(self.invocation(command))
    }

    /// What is wrong whatever the matches and the target say.
    fn check_options(&self) -> Result<(), Fault> {
        if self.interval_given && !self.waits {
            let message = "--wait-interval only makes sense with --wait\n";
            return Err(Fault::usage(message).help("nothing is waited for; leave both out"));
        }
        let verb = self.verb.as_ref().filter(|verb| verb.letter == 'P');
        let policy = verb.and_then(|verb| verb.second.as_deref());
        if self.table == Table::Nat && (self.rule.drops() || policy == Some("DROP")) {
            let message = "\nThe \"nat\" table is not intended for filtering, the use of DROP is therefore inhibited.\n\n";
            return Err(Fault::usage(message).help("drop in the filter table"));
        }
        Ok(())
    }

    /// What the command refuses in the rule or in its own words.
    fn check_verb(&self, verb: &Verb) -> Result<(), Fault> {
        if verb.letter == 'R' && self.rule.is_many() {
            let message = "Replacement rule does not specify a unique address";
            return Err(Fault::usage(message).help("name one address"));
        }
        let letter = if verb.letter == 'D' && verb.number.is_some() { '#' } else { verb.letter };
        if let Some(option) = self.given.iter().find(|option| !legal(letter, **option)) {
            return Err(Fault::usage(format!("Illegal option `-{option}' with this command")));
        }
        let chain = verb.chain.as_deref().unwrap_or_default();
        if chain.len() >= 29 {
            let message = format!("chain name `{chain}' too long (must be under 29 chars)");
            return Err(Fault::usage(message).help("no chain has so long a name"));
        }
        match "ACDIR".contains(verb.letter) {
            true => self.rule.check_chain(chain),
            false => Ok(()),
        }
    }

    fn command(&self, verb: Verb) -> Result<Command, Fault> {
        let chain = verb.chain.unwrap_or_default();
        let optional = Some(chain.clone()).filter(|chain| !chain.is_empty());
        let counters = self.counters;
        let number = verb.number;
        let rules = || self.rule.rules(counters.unwrap_or_default());
        Ok(match (verb.letter, number) {
            ('A', _) => Command::Append { rules: rules(), chain },
            ('I', _) => Command::Insert { number: number.unwrap_or(1), rules: rules(), chain },
            ('D', Some(number)) => Command::DeleteNumber { chain, number },
            ('D', None) => Command::Delete { rules: rules(), chain },
            ('C', _) => Command::Check { rules: rules(), chain },
            ('R', _) => {
                let rule = Box::new(rules().pop().unwrap_or_default());
                Command::Replace { number: number.unwrap_or(1), rule, chain }
            }
            ('F', _) => Command::Flush { chain: optional },
            ('Z', _) => Command::Zero { chain: optional, number },
            ('N', _) => Command::New { chain },
            ('X', _) => Command::Remove { chain: optional },
            ('E', _) => {
                let new = verb.second.unwrap_or_default();
                check_chain_name(&new)?;
                Command::Rename { old: chain, new }
            }
            ('P', _) => {
                let name = verb.second.unwrap_or_default();
                let policy = [Policy::Accept, Policy::Drop].into_iter().find(|p| p.name() == name);
                Command::Policy { chain, policy }
            }
            ('S', _) => Command::ListRules { chain: optional, number },
            (_, _) => Command::List { chain: optional, number },
        })
    }
}

/// The decimal number a text begins with, as `scanf` reads it: too large a one is the largest.
fn counter(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let digits = text.get(..end).filter(|digits| !digits.is_empty())?;
    Some(digits.parse().unwrap_or(u64::MAX))
}

/// Rules are numbered from 1.
fn rule_number(text: &str) -> Result<usize, Fault> {
    let parsed = number(text).and_then(|number| usize::try_from(number).ok());
    parsed.filter(|number| (1..=i32::MAX as usize).contains(number)).ok_or_else(|| {
        Fault::usage(format!("Invalid rule number `{text}'")).help("rules are numbered from 1")
    })
}
