//! The tools' command line, read word by word as getopt does: core options, then those of every
//! match and target named so far.

mod verbs;

use self::verbs::Verb;
use super::command::{Command, Invocation, Style, Word, table_of_name};
use super::fault::{Fault, FaultKind};
use super::options::{COMMANDS, CORE, Core, LINE_NUMBERS, Takes, short};
use super::rule_parser::RuleParser;
use super::sets::Sets;
use super::words::leading_number;
use super::{Counters, Family, Table};

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
    /// `-w` was given.
    waits: bool,
    /// `-W` was given.
    interval_given: bool,
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
            waits: false,
            interval_given: false,
            rule: RuleParser::new(family, sets),
        }
    }

    pub(super) fn parse(mut self) -> Result<Invocation, Fault> {
        while let Some(word) = self.words.get(self.next) {
            self.next += 1;
            let help_or_version = self.word(&word.text).map_err(|fault| fault.at(word.column))?;
            if let Some(command) = help_or_version {
                return Ok(self.invocation(command));
            }
        }
        let end = self.words.last().map_or(1, |word| word.column);
        self.finish().map_err(|fault| fault.at(end))
    }

    fn word(&mut self, text: &str) -> Result<Option<Command>, Fault> {
        if text == "--" {
            return self.no_more_options().map(|()| None);
        }
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

    /// Behind `--` no word is an option, and no other word has a meaning.
    fn no_more_options(&mut self) -> Result<(), Fault> {
        match self.next < self.words.len() {
            true => {
                Err(Fault::usage("unknown arguments found on commandline")
                    .help("leave the `--` out"))
            }
            false => Ok(()),
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
            let whole = format!("-{letters}");
            let value = if core.whole_word() { inline.map(|_| whole.as_str()) } else { inline };
            let command = self.core(core, &format!("-{letter}"), value)?;
            if command.is_some() || inline.is_some() {
                return Ok(command);
            }
        }
        Ok(None)
    }

    /// `--name`, whole or as far as it is unique.
    fn long(&mut self, name: &str, value: Option<&str>) -> Result<Option<Command>, Fault> {
        let exact = CORE.iter().find(|core| core.long.contains(&name));
        let core_value = |core: &Core| match value {
            Some(value) if core.whole_word() => Some(format!("--{name}={value}")),
            value => value.map(str::to_owned),
        };
        if let Some(core) = exact {
            return self.core(core, &format!("--{name}"), core_value(core).as_deref());
        }
        if let Some(found) = self.rule.find(name) {
            return self.extension(found, name, value).map(|()| None);
        }
        let begins = |core: &&Core| core.long.iter().any(|long| long.starts_with(name));
        let mut begun = CORE.iter().filter(begins);
        let extensions = self.rule.begun(name);
        match (begun.next(), begun.next(), extensions.as_slice()) {
            _ if name.is_empty() => {}
            (Some(core), None, []) => {
                return self.core(core, &format!("--{name}"), core_value(core).as_deref());
            }
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
            'w' | 'W' if self.restoring => {
                let program = self.family.program();
                return Err(Fault::usage(format!(
                    "You cannot use `-{letter}' from {program}-restore"
                ))
                .help("nothing is waited for; leave it out"));
            }
            'w' if !text.is_empty() && leading_number(&text).is_none() => {
                return Err(Fault::usage("wait seconds not numeric").help("as in `-w 5`"));
            }
            'w' => self.waits = true,
            'W' => self.interval_given = true,
            '4' | '6' if (letter == '4') == (self.family == Family::V4) => {}
            '4' | '6' if self.restoring => return Ok(Some(Command::Nothing)),
            '4' | '6' => {
                let program = if letter == '4' { "iptables" } else { "ip6tables" };
                return Err(Fault::new(FaultKind::BadArgument, "").help(format!("use {program}")));
            }
            'M' => {}
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
        let letter = both(letter);
        if self.given.contains(&letter) {
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

    fn invocation(self, command: Command) -> Invocation {
        let Self { table, style, rule, .. } = self;
        Invocation { table, command, style, warnings: rule.warnings }
    }
}
