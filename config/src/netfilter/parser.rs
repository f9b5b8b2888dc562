//! The tools' command line, read word by word as getopt does: core options, then those of every
//! match and target named so far.

use super::command::{Command, Invocation, Style, Word, check_chain_name, table_of_name};
use super::fault::{Fault, FaultKind};
use super::options::{COMMANDS, CORE, Core, LINE_NUMBERS, Takes, legal, short};
use super::rule_parser::RuleParser;
use super::sets::Sets;
use super::words::number;
use super::{Counters, Family, Policy, Table};

/// A command letter and its own words.
struct Verb {
    letter: char,
    chain: Option<String>,
    number: Option<usize>,
    second: Option<String>,
}

pub(super) struct Parser<'a> {
    family: Family,
    words: &'a [Word],
    next: usize,
    /// In restore text the table stands in the line above, and `-t` is refused.
    restoring: bool,
    table: Table,
    verb: Option<Verb>,
    /// Letters of the options given, for what the command refuses.
    given: Vec<char>,
    negated: bool,
    style: Style,
    counters: Option<Counters>,
    rule: RuleParser<'a>,
}

impl<'a> Parser<'a> {
    pub(super) fn new(
        family: Family,
        words: &'a [Word],
        table: Option<Table>,
        sets: &'a dyn Sets,
    ) -> Self {
        Self {
            family,
            words,
            next: 0,
            restoring: table.is_some(),
            table: table.unwrap_or(Table::Filter),
            verb: None,
            given: Vec::new(),
            negated: false,
            style: Style::default(),
            counters: None,
            rule: RuleParser::new(family, sets),
        }
    }

    pub(super) fn parse(mut self) -> Result<Invocation, Fault> {
        while let Some(word) = self.words.get(self.next) {
            self.next += 1;
            let help_or_version = self.word(&word.text).map_err(|fault| fault.at(word.column))?;
            if let Some(command) = help_or_version {
                return Ok(Invocation { table: self.table, command, style: self.style });
            }
        }
        let end = self.words.last().map_or(1, |word| word.column);
        self.finish().map_err(|fault| fault.at(end))
    }

    fn word(&mut self, text: &str) -> Result<Option<Command>, Fault> {
        if let Some(long) = text.strip_prefix("--") {
            let (name, value) =
                long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
            return self.long(name, value);
        }
        match text.strip_prefix('-') {
            Some(letters) if !letters.is_empty() => self.letters(letters),
            Some(_) | None => self.bare(text).map(|()| None),
        }
    }

    /// A word that is no option: `!`, or one too many.
    fn bare(&mut self, text: &str) -> Result<(), Fault> {
        if text != "!" {
            let message = format!("Bad argument `{text}'");
            let help =
                "no option takes this word; leave it out or put quotes around the whole value";
            return Err(Fault::new(FaultKind::BadArgument, message).help(help));
        }
        if self.negated {
            return Err(Fault::usage("multiple consecutive ! not allowed").help("write one `!`"));
        }
        self.negated = true;
        Ok(())
    }

    /// `-nvL`: letters in a row; the first that takes a word takes the rest.
    fn letters(&mut self, letters: &str) -> Result<Option<Command>, Fault> {
        let mut rest = letters.chars();
        while let Some(letter) = rest.next() {
            let core = short(letter).ok_or_else(|| self.unknown(&format!("-{letter}")))?;
            let inline = match core.takes {
                Takes::Nothing => None,
                Takes::Word | Takes::MaybeWord => {
                    Some(rest.as_str()).filter(|rest| !rest.is_empty())
                }
            };
            let command = self.core(core, &format!("-{letter}"), inline)?;
            if command.is_some() || inline.is_some() {
                return Ok(command);
            }
        }
        Ok(None)
    }

    /// `--name`, whole or as far as it is unique.
    fn long(&mut self, name: &str, value: Option<&str>) -> Result<Option<Command>, Fault> {
        let exact = CORE.iter().find(|core| core.long.contains(&name));
        if let Some(core) = exact {
            return self.core(core, &format!("--{name}"), value);
        }
        if let Some(found) = self.rule.find(name) {
            return self.extension(found, name, value).map(|()| None);
        }
        let begins = |core: &&Core| core.long.iter().any(|long| long.starts_with(name));
        let mut begun = CORE.iter().filter(begins);
        let extensions = self.rule.begun(name);
        match (begun.next(), begun.next(), extensions.as_slice()) {
            _ if name.is_empty() => {}
            (Some(core), None, []) => return self.core(core, &format!("--{name}"), value),
            (None, _, [found]) => return self.extension(*found, name, value).map(|()| None),
            (_, _, _) => {}
        }
        if self.rule.load_protocol_match() {
            return self.long(name, value);
        }
        Err(self.unknown(&format!("--{name}")))
    }

    fn unknown(&self, option: &str) -> Fault {
        let fault = Fault::usage(format!("unknown option \"{option}\""));
        let known =
            self.rule.option_names().chain(CORE.iter().flat_map(|core| core.long.iter().copied()));
        let near = crate::diagnostic::nearest(option.trim_start_matches('-'), known);
        let ports = ["--dport", "--sport", "--destination-port", "--source-port"];
        match near {
            _ if ports.contains(&option) => fault.help("write `-p tcp` or `-p udp` before it"),
            Some(near) => fault.help(format!("did you mean `--{near}`?")),
            None => fault.help("name the match it belongs to with `-m` before it"),
        }
    }

    /// The word an option takes: behind it in the same word, or the next one.
    fn argument(&mut self, option: &str, inline: Option<&str>) -> Result<String, Fault> {
        if let Some(inline) = inline {
            return Ok(inline.to_owned());
        }
        match self.words.get(self.next) {
            Some(word) => {
                self.next += 1;
                Ok(word.text.clone())
            }
            None => Err(Fault::usage(format!("option \"{option}\" requires an argument"))),
        }
    }

    /// The next word, if it can be a value.
    fn maybe(&mut self) -> Option<String> {
        let word = self.words.get(self.next)?;
        if word.text.starts_with('-') || word.text.starts_with('!') {
            return None;
        }
        self.next += 1;
        Some(word.text.clone())
    }

    /// An option of a match or target.
    fn extension(
        &mut self,
        found: super::rule_parser::Found,
        name: &str,
        value: Option<&str>,
    ) -> Result<(), Fault> {
        let mut arguments = Vec::new();
        if found.option.arguments > 0 {
            arguments.push(self.argument(&format!("--{name}"), value)?);
        }
        if found.option.arguments > 1 {
            arguments.extend(self.maybe());
        }
        let negated = std::mem::take(&mut self.negated);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.rule.extension(found, negated, &arguments)
    }

    fn core(
        &mut self,
        core: &Core,
        written: &str,
        inline: Option<&str>,
    ) -> Result<Option<Command>, Fault> {
        let letter = core.letter;
        let argument = match core.takes {
            Takes::Nothing => None,
            Takes::Word => Some(self.argument(written, inline)?),
            Takes::MaybeWord => inline.map(str::to_owned).or_else(|| self.maybe()),
        };
        if COMMANDS.contains(letter) {
            self.verb(letter, argument)?;
            return Ok(None);
        }
        let negated = std::mem::take(&mut self.negated);
        let text = argument.unwrap_or_default();
        match letter {
            'h' => return Ok(Some(Command::Help)),
            'V' => return Ok(Some(Command::Version)),
            'm' if negated => return Err(Fault::usage("unexpected ! flag before --match")),
            'm' => self.rule.load_match(&text)?,
            't' if self.restoring => {
                let message = "The -t option cannot be used in iptables-restore.\n";
                let help = "write `*TABLE` on a line of its own";
                return Err(
                    Fault::usage(message.replace("iptables", self.family.program())).help(help)
                );
            }
            't' => self.table = table_of_name(&text)?,
            'v' => self.style.verbose = self.style.verbose.saturating_add(1),
            'n' | 'x' | 'c' | LINE_NUMBERS => {
                self.once(letter, negated)?;
                match letter {
                    'n' => self.style.numeric = true,
                    'x' => self.style.exact = true,
                    'c' => self.counters = Some(self.read_counters(&text)?),
                    _ => self.style.line_numbers = true,
                }
            }
            'M' | 'w' | 'W' | '4' | '6' => {}
            _ => {
                let negatable = "sdpiof".contains(letter);
                self.once(letter, negated && !negatable)?;
                self.rule.core(letter, negated, &text)?;
            }
        }
        Ok(None)
    }

    /// Refuses an option given twice, and `!` where it means nothing.
    fn once(&mut self, letter: char, bad_negation: bool) -> Result<(), Fault> {
        let both = |a: char| if a == 'g' { 'j' } else { a };
        if self.given.iter().any(|given| both(*given) == both(letter)) {
            return Err(Fault::usage(format!("multiple -{letter} flags not allowed"))
                .help(format!("write -{letter} once; several rules say several things")));
        }
        self.given.push(letter);
        if bad_negation {
            return Err(
                Fault::usage(format!("cannot have ! before -{letter}")).help("leave the `!` out")
            );
        }
        Ok(())
    }

    /// `PACKETS BYTES` or `PACKETS,BYTES`
    fn read_counters(&mut self, text: &str) -> Result<Counters, Fault> {
        let missing =
            || Fault::usage("-c requires packet and byte counter").help("as in `-c 10 840`");
        let (packets, bytes) = match text.split_once(',') {
            Some((packets, bytes)) => (packets.to_owned(), bytes.to_owned()),
            None => (text.to_owned(), self.maybe().ok_or_else(missing)?),
        };
        let packets = packets.parse().map_err(|_| Fault::usage("-c packet counter not numeric"))?;
        let bytes = bytes.parse().map_err(|_| Fault::usage("-c byte counter not numeric"))?;
        Ok(Counters { packets, bytes })
    }

    /// A command letter with its chain, number and second name.
    fn verb(&mut self, letter: char, chain: Option<String>) -> Result<(), Fault> {
        if self.negated {
            return Err(
                Fault::usage("unexpected ! flag before a command").help("leave the `!` out")
            );
        }
        if let Some(earlier) = &mut self.verb {
            match (earlier.letter, letter) {
                ('L' | 'S', 'Z') => self.style.zero = true,
                ('Z', 'L' | 'S') => {
                    self.style.zero = true;
                    earlier.letter = letter;
                    earlier.chain = chain.or(earlier.chain.take());
                }
                (first, _) => {
                    return Err(Fault::usage(format!("Cannot use -{letter} with -{first}"))
                        .help("one command a line"));
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
            if super::Target::NAMES.contains(&name.as_str()) {
                return Err(Fault::usage("chain name may not clash with target name")
                    .help("choose a name that is no target's"));
            }
        }
        self.verb = Some(verb);
        Ok(())
    }

    fn finish(mut self) -> Result<Invocation, Fault> {
        if self.negated {
            return Err(Fault::usage("nothing appropriate following !").help("leave the `!` out"));
        }
        self.rule.finish()?;
        let Some(verb) = self.verb.take() else {
            return Err(Fault::usage("no command specified")
                .help("begin with -A, -I, -D, -N, -P, -F, -X, -L …"));
        };
        let letter = if verb.letter == 'D' && verb.number.is_some() { '#' } else { verb.letter };
        if let Some(option) = self.given.iter().find(|option| !legal(letter, **option)) {
            let option = if *option == 'g' { 'j' } else { *option };
            return Err(Fault::usage(format!("Illegal option `-{option}' with this command")));
        }
        let chain = verb.chain.unwrap_or_default();
        if "ACDIR".contains(verb.letter) {
            self.rule.check_chain(&chain)?;
        }
        let optional = Some(chain.clone()).filter(|chain| !chain.is_empty());
        let counters = self.counters;
        let number = verb.number;
        let rules = || self.rule.rules(counters.unwrap_or_default());
        let command = match (verb.letter, number) {
            ('A', _) => Command::Append { rules: rules()?, chain },
            ('I', _) => Command::Insert { number: number.unwrap_or(1), rules: rules()?, chain },
            ('D', Some(number)) => Command::DeleteNumber { chain, number },
            ('D', None) => Command::Delete { rules: rules()?, chain },
            ('C', _) => Command::Check { rules: rules()?, chain },
            ('R', _) => {
                let mut rules = rules()?;
                match (rules.pop(), rules.is_empty()) {
                    (Some(rule), true) => Command::Replace {
                        number: number.unwrap_or(1),
                        rule: Box::new(rule),
                        chain,
                    },
                    (_, _) => {
                        let message = "Replacement rule does not specify a unique address";
                        return Err(Fault::usage(message).help("name one address"));
                    }
                }
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
                Command::Policy { chain, policy, counters }
            }
            ('S', _) => Command::ListRules { chain: optional, number },
            (_, _) => Command::List { chain: optional, number },
        };
        Ok(Invocation { table: self.table, command, style: self.style })
    }
}

/// Rules are numbered from 1.
fn rule_number(text: &str) -> Result<usize, Fault> {
    let parsed = number(text).and_then(|number| usize::try_from(number).ok());
    parsed.filter(|number| (1..=i32::MAX as usize).contains(number)).ok_or_else(|| {
        Fault::usage(format!("Invalid rule number `{text}'")).help("rules are numbered from 1")
    })
}
