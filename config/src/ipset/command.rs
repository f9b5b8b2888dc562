//! The command line: options anywhere, a command, its arguments.

use super::create::Header;
use super::fault::Fault;

/// How sets are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum OutputMode {
    Plain,
    Save,
    Xml,
}

/// Options that any command takes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools)]
pub struct Options {
    /// `-exist`.
    pub exist: bool,
    /// `-q`.
    pub quiet: bool,
    /// `-n`.
    pub names: bool,
    /// `-t`.
    pub terse: bool,
    /// `-s`.
    pub sorted: bool,
    /// `-o`.
    pub output: Option<OutputMode>,
    /// `-f`.
    pub file: Option<String>,
}

/// A command and its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Command {
    Create { name: String, header: Box<Header> },
    Add { name: String, element: String, values: Vec<String> },
    Del { name: String, element: String, values: Vec<String> },
    Test { name: String, element: String, values: Vec<String> },
    Destroy(Option<String>),
    List(Option<String>),
    Save(Option<String>),
    Restore,
    Flush(Option<String>),
    Rename(String, String),
    Swap(String, String),
    Help,
    Version,
    Quit,
}

/// A whole command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// Options.
    pub options: Options,
    /// What to do.
    pub command: Command,
}

/// Names of commands, in the order in which beginnings of them are tried, and how many arguments must follow.
const COMMANDS: &[(&str, &[&str], usize)] = &[
    ("create", &["-N", "n"], 2),
    ("add", &["-A"], 2),
    ("del", &["-D"], 2),
    ("test", &["-T"], 2),
    ("destroy", &["-X", "x"], 0),
    ("list", &["-L"], 0),
    ("save", &["-S"], 0),
    ("restore", &["-R"], 0),
    ("flush", &["-F"], 0),
    ("rename", &["-E", "e"], 2),
    ("swap", &["-W", "w"], 2),
    ("help", &["-h", "-H"], 0),
    ("version", &["-v", "-V"], 0),
    ("quit", &[], 0),
];

/// Refuses names that are too long.
pub(super) fn check_name(name: &str) -> Result<(), Fault> {
    if name.is_empty() {
        return Err(Fault::syntax("setname cannot be empty"));
    }
    if name.len() > 31 {
        return Err(Fault::syntax(format!("setname '{name}' is longer than 31 characters")));
    }
    Ok(())
}

fn options(words: &[String]) -> Result<(Options, Vec<String>), Fault> {
    let mut options = Options::default();
    let mut rest = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let option = if word.starts_with("--") { word.get(1..).unwrap_or(word) } else { word };
        let mut value = || {
            words
                .next()
                .ok_or_else(|| Fault::usage(format!("Missing mandatory argument to option {word}")))
        };
        match option {
            "-!" | "-exist" => options.exist = true,
            "-q" | "-quiet" => options.quiet = true,
            "-n" | "-name" => options.names = true,
            "-t" | "-terse" => options.terse = true,
            "-s" | "-sorted" => options.sorted = true,
            "-r" | "-resolve" => {}
            "-o" | "-output" => {
                options.output = Some(match value()?.as_str() {
                    "plain" => OutputMode::Plain,
                    "save" => OutputMode::Save,
                    "xml" => OutputMode::Xml,
                    other => {
                        return Err(Fault::syntax(format!("unknown output mode '{other}'")));
                    }
                });
            }
            "-f" | "-file" => options.file = Some(value()?.clone()),
            _ => rest.push(word.clone()),
        }
    }
    Ok((options, rest))
}

impl Invocation {
    /// Reads a command line without the program's name.
    ///
    /// # Errors
    /// As the tool refuses it.
    pub fn parse(words: &[String]) -> Result<Self, Fault> {
        let (options, rest) = options(words)?;
        let mut rest = rest.into_iter();
        let Some(word) = rest.next() else { return Err(Fault::usage("No command specified.")) };
        let plain = word.strip_prefix("--").unwrap_or(&word);
        let Some((name, _, needed)) = COMMANDS.iter().find(|(name, aliases, _)| {
            !plain.is_empty() && name.starts_with(plain) || aliases.contains(&word.as_str())
        }) else {
            return Err(Fault::usage(format!("No command specified: unknown argument {word}")));
        };
        let missing = |which: &str| {
            Fault::usage(format!("Missing {which}mandatory argument to command {name}"))
        };
        let first = rest.next();
        if let Some(first) = &first
            && *name != "help"
        {
            check_name(first)?;
        }
        if *needed < 2 {
            if let (Some(extra), true) = (rest.next(), *name != "help") {
                return Err(Fault::usage(format!("Unknown argument {extra}")));
            }
            let command = match *name {
                "destroy" => Command::Destroy(first),
                "list" => Command::List(first),
                "save" => Command::Save(first),
                "flush" => Command::Flush(first),
                "restore" => Command::Restore,
                "help" => Command::Help,
                "version" => Command::Version,
                _ => Command::Quit,
            };
            return Ok(Self { options, command });
        }
        let setname = first.ok_or_else(|| missing(""))?;
        let second = rest.next().ok_or_else(|| missing("second "))?;
        let values: Vec<String> = rest.collect();
        let command = match *name {
            "create" => {
                let header = Box::new(Header::parse(&second, &values)?);
                Command::Create { name: setname, header }
            }
            "add" => Command::Add { name: setname, element: second, values },
            "del" => Command::Del { name: setname, element: second, values },
            "test" => Command::Test { name: setname, element: second, values },
            _ => {
                check_name(&second)?;
                if let Some(extra) = values.first() {
                    return Err(Fault::usage(format!("Unknown argument {extra}")));
                }
                match *name {
                    "rename" => Command::Rename(setname, second),
                    _ => Command::Swap(setname, second),
                }
            }
        };
        Ok(Self { options, command })
    }
}
