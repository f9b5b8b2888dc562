//! A rule as it is being read: the core fields, the matches and the target with their options.

use super::fault::Fault;
use super::printed::absorb;
use super::rule_fields::{addresses, each, header_protocol, interface, protocol, weird_interface};
use super::sets::Sets;
use super::words::{Given, Opt, Surroundings, Words};
use super::{
    AddressMask, Counters, Family, Fragment, Hook, Identity, Match, Protocol, Rule, Target,
};

/// Pairs of a comma list of sources and one of destinations: a line of some kilobytes could ask for millions of rules.
const MAX_PAIRS: usize = 1 << 16;

/// What iptables knows and Sluice does not yet; told apart from chains that do not exist.
const FOREIGN_TARGETS: &[&str] =
    &["CLUSTERIP", "CONNSECMARK", "HMARK", "LED", "RATEEST", "SECMARK", "TPROXY", "ULOG"];

/// Where an option was found.
#[derive(Clone, Copy)]
pub(super) struct Found {
    place: Place,
    pub(super) option: &'static Opt,
}

#[derive(Clone, Copy)]
enum Place {
    Match(usize),
    Target,
}

/// A match and the options it was given.
struct Loaded {
    item: Match,
    seen: Vec<&'static str>,
}

pub(super) struct RuleParser<'a> {
    family: Family,
    /// Addresses as written: they are looked at when everything else is read.
    source_text: Option<String>,
    destination_text: Option<String>,
    sets: &'a dyn Sets,
    /// `-p` as it was written.
    protocol_word: String,
    sources: Vec<AddressMask>,
    destinations: Vec<AddressMask>,
    source_negated: bool,
    destination_negated: bool,
    rule: Rule,
    matches: Vec<Loaded>,
    target_seen: Vec<&'static str>,
    in_given: bool,
    out_given: bool,
    /// What the tools say of the rule on standard error though they take it.
    pub(super) warnings: Vec<String>,
}

impl<'a> RuleParser<'a> {
    pub(super) fn new(family: Family, sets: &'a dyn Sets) -> Self {
        Self {
            family,
            source_text: None,
            destination_text: None,
            sets,
            protocol_word: String::new(),
            sources: Vec::new(),
            destinations: Vec::new(),
            source_negated: false,
            destination_negated: false,
            rule: Rule::default(),
            matches: Vec::new(),
            target_seen: Vec::new(),
            in_given: false,
            out_given: false,
            warnings: Vec::new(),
        }
    }

    /// `-m NAME`
    pub(super) fn load_match(&mut self, name: &str) -> Result<(), Fault> {
        let known = match (self.family, name) {
            (Family::V6, "icmpv6" | "ipv6-icmp") => "icmp6",
            (_, name) => name,
        };
        match self.blank(known) {
            Some(item) => {
                self.matches.push(Loaded { item, seen: Vec::new() });
                Ok(())
            }
            None => {
                let message = format!("Couldn't load match `{name}':No such file or directory\n");
                let help = match crate::diagnostic::nearest(name, Match::NAMES.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("matches are {}", Match::NAMES.join(", ")),
                };
                Err(Fault::usage(message).help(help))
            }
        }
    }

    /// The match of that name, if this family has it.
    fn blank(&self, name: &str) -> Option<Match> {
        let mut item = Match::blank(name)?;
        item.words_mut().of_family(self.family);
        item.words().family().is_none_or(|family| family == self.family).then_some(item)
    }

    /// `--dport` after `-p tcp` means the tcp match; whether there was one to load.
    pub(super) fn load_protocol_match(&mut self) -> bool {
        let protocol = self.rule.protocol.map(|protocol| protocol.value);
        let name = match protocol {
            Some(Protocol::ICMPV6) => "icmp6",
            // The name it was called by, which need not be a match's.
            Some(_) if super::words::number(&self.protocol_word).is_none() => &self.protocol_word,
            Some(protocol) => protocol.name().unwrap_or_default(),
            None => return false,
        };
        if self.matches.iter().any(|loaded| loaded.item.name() == name) {
            return false;
        }
        match self.blank(name) {
            Some(item) => {
                self.matches.push(Loaded { item, seen: Vec::new() });
                true
            }
            None => false,
        }
    }

    /// The option of that name, the newest first.
    pub(super) fn find(&self, name: &str) -> Option<Found> {
        self.options().find(|found| found.option.names().any(|own| own == name))
    }

    /// The options whose name begins so, one for each extension and option.
    pub(super) fn begun(&self, name: &str) -> Vec<Found> {
        let begins = |found: &Found| found.option.names().any(|own| own.starts_with(name));
        let mut all: Vec<Found> = self.options().filter(begins).collect();
        all.dedup_by_key(|found| found.option.name);
        all
    }

    /// Every option of the target, then of the matches, the newest first.
    fn options(&self) -> impl Iterator<Item = Found> {
        let target = self.rule.target.as_ref().and_then(Target::words).map(Words::options);
        let target = target.into_iter().map(|options| (Place::Target, options));
        let matches = self.matches.iter().enumerate().rev();
        let matches =
            matches.map(|(nth, loaded)| (Place::Match(nth), loaded.item.words().options()));
        target
            .chain(matches)
            .flat_map(|(place, options)| options.iter().map(move |option| Found { place, option }))
    }

    /// The name of every option that could be written here.
    pub(super) fn option_names(&self) -> impl Iterator<Item = &'static str> {
        self.options().flat_map(|found| found.option.names())
    }

    /// Takes in an option of a match or target.
    pub(super) fn extension(
        &mut self,
        found: Found,
        negated: bool,
        arguments: &[&str],
    ) -> Result<(), Fault> {
        let Found { place, option } = found;
        let (name, words, seen): (&str, &mut dyn Words, _) = match place {
            Place::Match(nth) => match self.matches.get_mut(nth) {
                Some(loaded) => (loaded.item.name(), loaded.item.words_mut(), &mut loaded.seen),
                None => return Ok(()),
            },
            Place::Target => match &mut self.rule.target {
                Some(target) => match (target_name(target), target.words_mut()) {
                    (name, Some(words)) => (name, words, &mut self.target_seen),
                    (_, None) => return Ok(()),
                },
                None => return Ok(()),
            },
        };
        if seen.contains(&option.name) && !option.repeatable {
            let help = "write it once; `-m` again begins another match";
            return Err(Fault::usage(words.repeated(name, option)).help(help));
        }
        if negated && !option.negatable {
            let message = format!("{name}: option \"--{}\" cannot be inverted.\n", option.name);
            return Err(Fault::usage(message).help("leave the `!` out"));
        }
        seen.push(option.name);
        let (family, protocol, sets) = (self.family, self.rule.protocol, self.sets);
        words.set(&Given { option: option.name, negated, arguments, family, protocol, sets })
    }

    /// One of `-s -d -p -i -o -f -j -g`.
    pub(super) fn core(&mut self, letter: char, negated: bool, text: &str) -> Result<(), Fault> {
        match letter {
            's' => {
                self.source_text = Some(text.to_owned());
                self.source_negated = negated;
            }
            'd' => {
                self.destination_text = Some(text.to_owned());
                self.destination_negated = negated;
            }
            'p' => {
                self.rule.protocol = protocol(text, negated)?;
                self.protocol_word = text.to_ascii_lowercase();
                let warning = header_protocol(self.family, self.rule.protocol, &self.protocol_word);
                self.warnings.extend(warning);
            }
            'i' => {
                self.rule.in_interface = interface(text, negated)?;
                self.warnings.extend(weird_interface(text));
                self.in_given = true;
            }
            'o' => {
                self.rule.out_interface = interface(text, negated)?;
                self.warnings.extend(weird_interface(text));
                self.out_given = true;
            }
            'f' if self.family == Family::V6 => {
                return Err(Fault::usage("`-f' is not supported in IPv6, use -m frag instead")
                    .help("IPv6 fragments are matched with `-m frag`"));
            }
            'f' if negated => self.rule.fragment = Fragment::NotFurther,
            'f' => self.rule.fragment = Fragment::Further,
            'g' => {
                check_target_name(text)?;
                self.rule.target = Some(Target::Goto(text.to_owned()));
            }
            _ => self.rule.target = Some(self.target(text)?),
        }
        Ok(())
    }

    fn target(&self, name: &str) -> Result<Target, Fault> {
        check_target_name(name)?;
        let exists = |target: &Target| {
            let family = target.words().and_then(Words::family);
            family.is_none_or(|family| family == self.family)
        };
        if let Some(target) = Target::blank(name, self.family).filter(exists) {
            return Ok(target);
        }
        if FOREIGN_TARGETS.contains(&name) {
            let message = format!("Couldn't load target `{name}':No such file or directory\n");
            let help = format!("targets are {}", Target::NAMES.join(", "));
            return Err(Fault::usage(message).help(help));
        }
        Ok(Target::Jump(name.to_owned()))
    }

    /// Looks at the whole rule once every word is read.
    pub(super) fn finish(&mut self) -> Result<(), Fault> {
        let (family, protocol) = (self.family, self.rule.protocol);
        for loaded in &mut self.matches {
            let rule = Surroundings { family, protocol, seen: &loaded.seen };
            let name = loaded.item.name();
            finish_one(name, loaded.item.words_mut(), &rule)?;
            self.warnings.extend(loaded.item.words().warning(&loaded.seen));
        }
        if let Some(target) = &mut self.rule.target {
            let name = target_name(target);
            let rule = Surroundings { family, protocol, seen: &self.target_seen };
            if let Some(words) = target.words_mut() {
                finish_one(name, words, &rule)?;
                self.warnings.extend(words.warning(&self.target_seen));
            }
        }
        let matches = &mut self.rule.matches;
        for loaded in self.matches.drain(..).filter(|loaded| !loaded.item.words().vanishes()) {
            // Side by side it makes no difference that they are two.
            let last = matches.len().saturating_sub(1);
            if !absorb(&mut matches[last..], &loaded.item) {
                matches.push(loaded.item);
            }
        }
        Ok(())
    }

    /// `-j DROP`
    pub(super) fn drops(&self) -> bool {
        self.rule.target == Some(Target::Drop)
    }

    /// Reads the addresses.
    pub(super) fn resolve(&mut self) -> Result<(), Fault> {
        let read = |text: &Option<String>| match text {
            Some(text) => addresses(text, self.family),
            None => Ok(Vec::new()),
        };
        (self.sources, self.destinations) =
            (read(&self.source_text)?, read(&self.destination_text)?);
        if self.sources.len().saturating_mul(self.destinations.len()) > MAX_PAIRS {
            let message = "too many source and destination IP addresses";
            let help = format!("a rule stands for {MAX_PAIRS} pairs at most; use -m set for lists");
            return Err(Fault::usage(message).help(help));
        }
        let negated = self.source_negated || self.destination_negated;
        if self.is_many() && negated {
            let message = "! not allowed with multiple source or destination IP addresses";
            return Err(Fault::usage(message).help("write one rule for each address"));
        }
        Ok(())
    }

    /// Whether a comma list of addresses makes several rules of it.
    pub(super) fn is_many(&self) -> bool {
        self.sources.len() > 1 || self.destinations.len() > 1
    }

    /// A builtin chain has no interface on one side.
    pub(super) fn check_chain(&self, chain: &str) -> Result<(), Fault> {
        let hook = Hook::from_chain(chain);
        let bad = match hook {
            Some(Hook::Prerouting | Hook::Input) if self.out_given => 'o',
            Some(Hook::Output | Hook::Postrouting) if self.in_given => 'i',
            Some(_) | None => return Ok(()),
        };
        let help = match bad {
            'o' => "-o works in FORWARD, OUTPUT and POSTROUTING",
            _ => "-i works in PREROUTING, INPUT and FORWARD",
        };
        Err(Fault::usage(format!("Can't use -{bad} with {chain}\n")).help(help))
    }

    /// One rule for each pair of source and destination.
    pub(super) fn rules(&self, counters: Counters) -> Vec<Rule> {
        let mut rules = Vec::new();
        for source in each(&self.sources, self.source_negated) {
            for destination in each(&self.destinations, self.destination_negated) {
                let identity = Identity::default();
                rules.push(Rule { source, destination, counters, identity, ..self.rule.clone() });
            }
        }
        rules
    }
}

/// Refuses what names neither a target nor a chain.
fn check_target_name(name: &str) -> Result<(), Fault> {
    let fault = |message: String| Err(Fault::usage(message).help("name a target or a chain"));
    match name {
        "" => fault("Invalid target name (too short)".to_owned()),
        name if name.len() >= 29 => fault(format!("Invalid target name `{name}' (28 chars max)")),
        name if name.chars().any(char::is_whitespace) => {
            fault(format!("Invalid target name `{name}'"))
        }
        _ => Ok(()),
    }
}

/// What messages call a target; NOTRACK is an alias of CT.
fn target_name(target: &Target) -> &'static str {
    Target::NAMES.iter().copied().find(|name| *name == target.save_name()).unwrap_or_default()
}

/// The extension's own check, then its options' demands on each other, as xtoptions.c orders them.
fn finish_one(name: &str, words: &mut dyn Words, rule: &Surroundings<'_>) -> Result<(), Fault> {
    words.finish(rule)?;
    let seen = |option: &&&str| rule.seen.contains(*option);
    for option in words.options() {
        let own = option.name;
        if !seen(&&own) {
            if option.required {
                let message = format!("{name}: option \"--{own}\" must be specified\n");
                return Err(Fault::usage(message).help(format!("add `--{own} VALUE`")));
            }
            continue;
        }
        if let Some(other) = option.requires.iter().find(|other| !seen(other)) {
            let message = format!("{name}: option \"--{own}\" also requires \"--{other}\".\n");
            return Err(Fault::usage(message).help(format!("add `--{other}`")));
        }
        if let Some(other) = option.excludes.iter().find(|other| **other != own && seen(other)) {
            let message =
                format!("{name}: option \"--{own}\" cannot be used together with \"--{other}\".\n");
            return Err(Fault::usage(message).help("leave one of them out"));
        }
    }
    Ok(())
}
