//! conntrack-tools' command line → what to do.

use sluice_control::proto::{
    ConnectionChange, ConnectionEventKind, ConnectionFilter, CreateConnectionRequest, Family,
    FirstPacket, MaskedAddress, Ports, Tuple, tuple,
};

use super::command::{Command, Table, check, check_protocol};
use super::filter::{Builder, number};
use super::options::{Key, SPECS};
use super::words::{self, StatusWords, Style};
use super::{create, failed, protocol, usage};
use crate::cli::failure::Failure;
use crate::cli::getopt::{self, Item, Problem};
use crate::cli::output::complain as complain_of;

/// What a command line asks for.
#[derive(Debug, PartialEq)]
pub(super) enum Ask {
    Help,
    Version,
    Table(Box<Task>),
    Expect(Expectations),
}

/// Work on the connection table.
#[derive(Debug, PartialEq)]
pub(super) enum Task {
    List {
        filter: ConnectionFilter,
        style: Style,
        zero: bool,
    },
    Get {
        filter: ConnectionFilter,
        style: Style,
    },
    Delete {
        filter: ConnectionFilter,
        style: Style,
    },
    Follow {
        filter: ConnectionFilter,
        kinds: Vec<ConnectionEventKind>,
        style: Style,
    },
    Update {
        filter: ConnectionFilter,
        change: ConnectionChange,
        style: Style,
    },
    Flush {
        family: Family,
    },
    Create {
        asked: Box<CreateConnectionRequest>,
        /// What is there already is no fault.
        unless_there: bool,
    },
    /// A list that is always empty.
    Nothing,
    Count,
    /// What happened, by worker.
    Stats,
}

/// Work on the table of expectations.
#[derive(Debug, PartialEq)]
pub(super) enum Expectations {
    List { family: Family, style: Style },
    Get { met_by: FirstPacket },
    Delete { met_by: FirstPacket },
    Follow { style: Style },
    Flush,
    Count,
}

/// What the options add up to while they are read.
#[derive(Default)]
struct Read {
    command: Option<(Command, Option<String>)>,
    filter: Builder,
    style: Style,
    kinds: Vec<ConnectionEventKind>,
    timeout: Option<u32>,
    status: StatusWords,
    given: Vec<Key>,
}

/// Reads a command line.
pub(super) fn parse(words: &[String]) -> Result<Ask, Failure> {
    let mut read = Read::default();
    for item in getopt::parse(words, SPECS).map_err(|problem| usage(&complaint(&problem)))? {
        match item {
            Item::Option { key, written, value } => read.take(key, &written, value)?,
            // The original passes over stray words too.
            Item::Word(_) => {}
        }
    }
    read.finish()
}

impl Read {
    fn take(&mut self, key: Key, written: &str, value: Option<String>) -> Result<(), Failure> {
        if let Some(command) = command(key) {
            if self.command.is_some() {
                return Err(usage("Invalid commands combination"));
            }
            Table::named(value.as_deref())?;
            self.command = Some((command, value));
            return Ok(());
        }
        let text = value.as_deref().unwrap_or_default();
        self.given.push(key);
        match key {
            Key::Unsupported => {
                return Err(usage(&format!(
                    "`{written}' is not offered: give the lines of the file one by one"
                )));
            }
            Key::Label => return Err(usage(&format!("unknown label '{text}'"))),
            Key::NatRange => {
                complain_of("WARNING: ignoring -a, deprecated option.");
            }
            Key::Output => self.style = words::style(text)?,
            Key::EventMask => self.kinds = words::event_kinds(text)?,
            Key::Status => self.status = words::status(text)?,
            Key::Timeout => self.timeout = Some(number(text)?),
            Key::Zero | Key::BufferSize | Key::TupleSource | Key::TupleDestination => {}
            _ => self.filter.take(key, written, value)?,
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Ask, Failure> {
        let Some((command, table)) = self.command.take() else {
            return match self.given.is_empty() {
                true => Ok(Ask::Help),
                false => check(Command::Version, Table::Conntrack, &self.given).map(|()| Ask::Help),
            };
        };
        let table = Table::named(table.as_deref())?;
        if command == Command::Update && table == Table::Expect {
            return Err(usage("Can't do --update on expectations"));
        }
        if matches!(command, Command::Create | Command::Add) {
            self.filter.check_families()?;
            self.given.extend(self.filter.networks());
        }
        check(command, table, &self.given)?;
        if let Some(number) = self.filter.protocol().filter(|_| command != Command::Help) {
            check_protocol(command, table, number, &self.given)?;
        }
        match (command, table) {
            (Command::Help, _) => Ok(Ask::Help),
            (Command::Version, _) => Ok(Ask::Version),
            (command, Table::Expect) => self.of_expectations(command),
            (command, table) => self.of_connections(command, table),
        }
    }

    fn of_expectations(self, command: Command) -> Result<Ask, Failure> {
        let style = self.style;
        let filter = self.filter.finish()?;
        Ok(Ask::Expect(match command {
            Command::List => Expectations::List { family: filter.family(), style },
            Command::Get => Expectations::Get { met_by: first_packet(&filter) },
            Command::Delete => Expectations::Delete { met_by: first_packet(&filter) },
            Command::Event => Expectations::Follow { style },
            Command::Flush => Expectations::Flush,
            Command::Count => Expectations::Count,
            Command::Stats => return Err(usage("`-S expect' is not offered: use -C expect")),
            Command::Create | Command::Add => {
                return Err(usage("`-I expect' is not offered: helpers expect connections"));
            }
            Command::Update | Command::Help | Command::Version => return Ok(Ask::Help),
        }))
    }

    fn of_connections(mut self, command: Command, table: Table) -> Result<Ask, Failure> {
        let (style, kinds) = (self.style, std::mem::take(&mut self.kinds));
        let zero = self.given.contains(&Key::Zero);
        let selects = |key: &Key| {
            !matches!(
                key,
                Key::Zero
                    | Key::Family
                    | Key::Output
                    | Key::SourceNat
                    | Key::DestinationNat
                    | Key::AnyNat
                    | Key::NatRange
            )
        };
        if zero && self.given.iter().any(selects) {
            return Err(usage("Can't use -z with filtering parameters"));
        }
        if !matches!(command, Command::Get | Command::Create | Command::Add) {
            self.filter.overlook_keys();
        }
        if command == Command::Update {
            let mark = self.filter.take_mark();
            let (timeout_s, status) = (self.timeout, self.status);
            if status.never {
                return Err(failed("Operation failed: Operation not supported"));
            }
            let number = self.filter.protocol();
            let state = self.filter.take_state();
            if !state.is_empty() && number == Some(protocol::SCTP) {
                return Err(failed("Operation failed: invalid parameters"));
            }
            let change = ConnectionChange {
                timeout_s,
                mark,
                assured: status.assured,
                seen_reply: status.seen_reply,
                // As the original has it, whatever is changed of it.
                liberal: number == Some(protocol::TCP),
                state,
                refused: status.expected,
            };
            return Ok(Ask::Table(Box::new(Task::Update {
                filter: self.filter.finish()?,
                change,
                style,
            })));
        }
        if matches!(command, Command::Create | Command::Add) {
            return self.of_creation(command == Command::Add);
        }
        if command == Command::List && self.status.unset {
            return Err(failed("Operation failed: invalid parameters"));
        }
        self.filter.set_status(self.status);
        let filter = self.filter.finish()?;
        Ok(Ask::Table(Box::new(match command {
            Command::List if table == Table::Passing => Task::Nothing,
            Command::List => Task::List { filter, style, zero },
            Command::Get => Task::Get { filter, style },
            Command::Delete => Task::Delete { filter, style },
            Command::Event => Task::Follow { filter, kinds, style },
            Command::Flush => Task::Flush { family: filter.family() },
            Command::Count => Task::Count,
            Command::Stats => Task::Stats,
            Command::Update | Command::Create | Command::Add | Command::Help | Command::Version => {
                return Ok(Ask::Help);
            }
        })))
    }

    fn of_creation(mut self, unless_there: bool) -> Result<Ask, Failure> {
        let status = self.status;
        if status.never {
            return Err(failed("Operation failed: Operation not supported"));
        }
        let (state, tags) = (self.filter.take_state(), self.filter.tags());
        let filter = self.filter.finish()?;
        let mut asked = create::request(&filter, &self.given)?;
        asked.timeout_s = self.timeout.unwrap_or_default();
        (asked.assured, asked.seen_reply) = (status.assured, status.seen_reply);
        asked.state = state;
        // The original hands the number over as it lies in memory: packets bear its bytes in that order.
        [asked.original_tag, asked.reply_tag] =
            tags.map(|tag| u32::from_be_bytes(tag.to_le_bytes()));
        // The kernel's answer to what no connection can be made.
        if status.expected {
            return Err(failed("Operation failed: Device or resource busy"));
        }
        Ok(Ask::Table(Box::new(Task::Create { asked: Box::new(asked), unless_there })))
    }
}

const fn command(key: Key) -> Option<Command> {
    Some(match key {
        Key::List => Command::List,
        Key::Get => Command::Get,
        Key::Delete => Command::Delete,
        Key::Update => Command::Update,
        Key::Create => Command::Create,
        Key::Add => Command::Add,
        Key::Event => Command::Event,
        Key::Flush => Command::Flush,
        Key::Count => Command::Count,
        Key::Stats => Command::Stats,
        Key::Help => Command::Help,
        Key::Version => Command::Version,
        _ => return None,
    })
}

/// The packet that these options describe.
fn first_packet(filter: &ConnectionFilter) -> FirstPacket {
    let address = |masked: &Option<MaskedAddress>| {
        masked.as_ref().map(|masked| masked.address.clone()).unwrap_or_default()
    };
    let ports = Ports {
        source: filter.original_source_port.unwrap_or_default(),
        destination: filter.original_destination_port.unwrap_or_default(),
    };
    FirstPacket {
        protocol: filter.protocol.unwrap_or_default(),
        tuple: Some(Tuple {
            source: address(&filter.original_source),
            destination: address(&filter.original_destination),
            layer4: Some(tuple::Layer4::Ports(ports)),
            zone: 0,
        }),
    }
}

fn complaint(problem: &Problem) -> String {
    match problem {
        Problem::Unknown(option) | Problem::Ambiguous(option) => {
            format!("unknown option `{option}'")
        }
        Problem::NeedsValue(option) => format!("option `{option}' requires an argument"),
        Problem::TakesNoValue(option) => format!("option `{option}' takes no argument"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Ask, Failure> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse(&words)
    }

    fn refusal(line: &str) -> String {
        read(line).expect_err(line).to_string().lines().next().unwrap_or_default().to_owned()
    }

    fn task(line: &str) -> Task {
        match read(line).expect(line) {
            Ask::Table(task) => *task,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_filtered_listing() {
        let task = task("-L -p tcp -s 10.0.0.0/8 --dport 80 --state ESTABLISHED -o extended,id");
        let Task::List { filter, style, zero } = task else { panic!("no listing") };
        assert_eq!(filter.protocol, Some(6));
        assert_eq!(filter.original_destination_port, Some(80));
        assert_eq!(filter.state, "ESTABLISHED");
        assert_eq!(filter.original_source.map(|s| s.length), Some(8));
        assert!(style.extended && style.id && !style.timestamp && !zero);
    }

    #[test]
    fn the_commands() {
        assert_eq!(task("-C"), Task::Count);
        assert_eq!(task("-S"), Task::Stats);
        assert_eq!(task("-F -f ipv6"), Task::Flush { family: Family::Ipv6 });
        assert!(matches!(task("-L conntrack"), Task::List { .. }));
        assert!(matches!(read("-L expect"), Ok(Ask::Expect(Expectations::List { .. }))));
        assert!(matches!(read(""), Ok(Ask::Help)));
        let Task::Follow { kinds, .. } = task("-E -e NEW,DESTROY") else { panic!("no events") };
        assert_eq!(kinds, [ConnectionEventKind::New, ConnectionEventKind::Destroy]);
    }

    /// Each line is what conntrack 1.4.7 answers to the same words, with exit code 2.
    #[test]
    fn refusals_in_the_originals_words() {
        let cases = [
            ("-L -x", "unknown option `-x'"),
            ("-L --state ESTABLISHED", "unknown option `--state'"),
            ("-L --dport 53", "unknown option `--dport'"),
            ("-L --state ESTABLISHED -p udp", "unknown option `--state'"),
            ("-L -p foo", "`foo' unsupported protocol"),
            ("-L -f foo", "`foo' unsupported protocol"),
            ("-L -s foo", "Invalid IP address `foo'"),
            ("-L -D", "Invalid commands combination"),
            ("-L -p tcp --state FOO", "unknown TCP state `FOO'"),
            ("-L foo", "unknown type `foo'"),
            ("-L -o foo", "Bad parameter `foo'"),
            ("-E -e FOO", "Bad parameter `FOO'"),
            ("-L -u FOO", "Bad parameter `FOO'"),
            ("-L -p tcp -s", "option `-s' requires an argument"),
            ("-L -z -p tcp", "Can't use -z with filtering parameters"),
            ("-L -f ipv6 -s 10.1.0.2", "mismatched address family"),
        ];
        for (words, said) in cases {
            assert_eq!(refusal(words), format!("{}: {said}", super::super::SELF), "{words}");
        }
        assert!(refusal("-R file").contains("not offered"));
    }
}
