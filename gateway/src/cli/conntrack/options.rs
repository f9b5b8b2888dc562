//! conntrack-tools' command line → what to do.

use sluice_control::proto::{ConnectionEventKind, ConnectionFilter, Family};

use super::filter::Builder;
use super::text::Style;
use super::usage;
use crate::cli::failure::Failure;
use crate::cli::getopt::{self, Item, Problem, Spec, Takes};

/// What a command line asks for.
#[derive(Debug, PartialEq)]
pub(super) enum Ask {
    Help,
    Version,
    /// The expectation table: Sluice has no helpers, so it is empty.
    Expectations,
    Table(Box<Task>),
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
    Flush {
        family: Family,
    },
    Count,
    /// What happened, by worker.
    Stats,
}

pub(super) const HELP: &str = "\
Usage: conntrack [commands] [options]

Commands:
  -L [table] [options]    list connections
  -G [table] parameters   show one connection
  -D [table] parameters   delete connections
  -E [table] [options]    follow events until interrupted
  -F [table]              delete every connection
  -C [table]              count connections
  -S                      what happened to connections, a line for each worker
  -h, -V                  this help; the version spoken

Options (as conntrack-tools 1.4.7):
  -s, --src, --orig-src IP[/LEN]   source of the original direction
  -d, --dst, --orig-dst IP[/LEN]   destination of the original direction
  -r, --reply-src IP[/LEN]         source of the reply direction
  -q, --reply-dst IP[/LEN]         destination of the reply direction
  --mask-src MASK, --mask-dst MASK masks for -s and -d
  -p, --proto PROTOCOL             tcp, udp, icmp, icmpv6, sctp, … or a number
  -f, --family ipv4|ipv6
  -n, --src-nat [IP[:PORT]]        connections with translated source
  -g, --dst-nat [IP[:PORT]]        connections with translated destination
  -j, --any-nat [IP[:PORT]]        either
  -m, --mark MARK[/MASK]           -w, --zone ZONE
  --orig-zone ZONE, --reply-zone ZONE  zones of one direction alone
  -u, --status ASSURED|SEEN_REPLY|UNREPLIED
  -o, --output extended,id,timestamp
  -e, --event-mask NEW,UPDATES,DESTROY,ALL
  -z, --zero                       zero counters while listing
After -p tcp, udp, sctp, dccp or udplite:
  --sport, --orig-port-src PORT    --dport, --orig-port-dst PORT
  --reply-port-src PORT            --reply-port-dst PORT
  --state STATE                    (tcp, sctp)
After -p icmp or icmpv6:
  --icmp-type, --icmp-code, --icmp-id N   (--icmpv6-… likewise)
";

/// Every option understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    List,
    Get,
    Delete,
    Event,
    Flush,
    Count,
    Stats,
    Help,
    Version,
    Unsupported,
    Source,
    Destination,
    ReplySource,
    ReplyDestination,
    MaskSource,
    MaskDestination,
    Protocol,
    Family,
    SourceNat,
    DestinationNat,
    AnyNat,
    Mark,
    Zone,
    OriginalZone,
    ReplyZone,
    Status,
    Output,
    EventMask,
    Zero,
    BufferSize,
    SourcePort,
    DestinationPort,
    ReplySourcePort,
    ReplyDestinationPort,
    State,
    IcmpType,
    IcmpCode,
    IcmpId,
}

const fn spec(key: Key, short: char, long: &'static [&'static str], takes: Takes) -> Spec<Key> {
    Spec { key, short: Some(short), long, takes }
}

const fn long(key: Key, long: &'static [&'static str]) -> Spec<Key> {
    Spec { key, short: None, long, takes: Takes::Value }
}

const SPECS: &[Spec<Key>] = &[
    spec(Key::List, 'L', &["dump"], Takes::Maybe),
    spec(Key::Get, 'G', &["get"], Takes::Maybe),
    spec(Key::Delete, 'D', &["delete"], Takes::Maybe),
    spec(Key::Event, 'E', &["event"], Takes::Maybe),
    spec(Key::Flush, 'F', &["flush"], Takes::Maybe),
    spec(Key::Count, 'C', &["count"], Takes::Maybe),
    spec(Key::Help, 'h', &["help"], Takes::Nothing),
    spec(Key::Version, 'V', &["version"], Takes::Nothing),
    spec(Key::Unsupported, 'I', &["create"], Takes::Maybe),
    spec(Key::Unsupported, 'U', &["update"], Takes::Maybe),
    spec(Key::Stats, 'S', &["stats"], Takes::Nothing),
    spec(Key::Unsupported, 'R', &["load-file"], Takes::Value),
    spec(Key::Unsupported, 'A', &["add"], Takes::Maybe),
    spec(Key::Source, 's', &["src", "orig-src"], Takes::Value),
    spec(Key::Destination, 'd', &["dst", "orig-dst"], Takes::Value),
    spec(Key::ReplySource, 'r', &["reply-src"], Takes::Value),
    spec(Key::ReplyDestination, 'q', &["reply-dst"], Takes::Value),
    long(Key::MaskSource, &["mask-src"]),
    long(Key::MaskDestination, &["mask-dst"]),
    spec(Key::Protocol, 'p', &["protonum", "proto"], Takes::Value),
    spec(Key::Family, 'f', &["family"], Takes::Value),
    spec(Key::SourceNat, 'n', &["src-nat"], Takes::Maybe),
    spec(Key::DestinationNat, 'g', &["dst-nat"], Takes::Maybe),
    spec(Key::AnyNat, 'j', &["any-nat"], Takes::Maybe),
    spec(Key::Mark, 'm', &["mark"], Takes::Value),
    spec(Key::Zone, 'w', &["zone"], Takes::Value),
    long(Key::OriginalZone, &["orig-zone"]),
    long(Key::ReplyZone, &["reply-zone"]),
    spec(Key::Status, 'u', &["status"], Takes::Value),
    spec(Key::Output, 'o', &["output"], Takes::Value),
    spec(Key::EventMask, 'e', &["event-mask"], Takes::Value),
    spec(Key::Zero, 'z', &["zero"], Takes::Nothing),
    spec(Key::BufferSize, 'b', &["buffer-size"], Takes::Value),
    long(Key::SourcePort, &["sport", "orig-port-src"]),
    long(Key::DestinationPort, &["dport", "orig-port-dst"]),
    long(Key::ReplySourcePort, &["reply-port-src"]),
    long(Key::ReplyDestinationPort, &["reply-port-dst"]),
    long(Key::State, &["state"]),
    long(Key::IcmpType, &["icmp-type", "icmpv6-type"]),
    long(Key::IcmpCode, &["icmp-code", "icmpv6-code"]),
    long(Key::IcmpId, &["icmp-id", "icmpv6-id"]),
];

/// What the options add up to while they are read.
#[derive(Default)]
struct Read {
    command: Option<(Key, Option<String>)>,
    filter: Builder,
    style: Style,
    kinds: Vec<ConnectionEventKind>,
    zero: bool,
    /// A filter option as written, for commands that allow none.
    filtered_by: Option<String>,
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
        let text = value.as_deref().unwrap_or_default();
        match key {
            Key::List
            | Key::Get
            | Key::Delete
            | Key::Event
            | Key::Flush
            | Key::Count
            | Key::Stats
            | Key::Help
            | Key::Version => {
                if self.command.is_some() {
                    return Err(usage("Invalid commands combination"));
                }
                self.command = Some((key, value));
            }
            Key::Unsupported => {
                return Err(usage(&format!(
                    "`{written}' is not offered: sluice makes its own entries \
                     (counters: `sluice stats`)"
                )));
            }
            Key::Output => self.style = style(text)?,
            Key::EventMask => self.kinds = event_kinds(text)?,
            Key::Zero => self.zero = true,
            Key::BufferSize => {}
            Key::Family => self.filter.take(key, written, value)?,
            _ => {
                self.filter.take(key, written, value)?;
                self.filtered_by = Some(written.to_owned());
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Ask, Failure> {
        let Some((command, table)) = self.command else { return Ok(Ask::Help) };
        match table.as_deref() {
            None | Some("conntrack") => {}
            Some("expect") => return Ok(Ask::Expectations),
            Some(other) => return Err(usage(&format!("unknown type `{other}'"))),
        }
        if self.zero && self.filtered_by.is_some() {
            return Err(usage("Can't use -z with filtering parameters"));
        }
        if let (Key::Flush | Key::Count | Key::Stats, Some(option)) = (command, &self.filtered_by) {
            return Err(usage(&format!("Illegal option `{option}' with this command")));
        }
        let filter = self.filter.finish()?;
        let style = self.style;
        Ok(Ask::Table(Box::new(match command {
            Key::List => Task::List { filter, style, zero: self.zero },
            Key::Get => Task::Get { filter, style },
            Key::Delete => Task::Delete { filter, style },
            Key::Event => Task::Follow { filter, kinds: self.kinds, style },
            Key::Flush => Task::Flush { family: filter.family() },
            Key::Count => Task::Count,
            Key::Stats => Task::Stats,
            Key::Version => return Ok(Ask::Version),
            _ => return Ok(Ask::Help),
        })))
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

fn style(text: &str) -> Result<Style, Failure> {
    let mut style = Style::default();
    for word in text.split(',') {
        match word {
            "extended" => style.extended = true,
            "id" => style.id = true,
            "timestamp" => style.timestamp = true,
            // Nothing to add: no labels, no start time, every event is the gateway's.
            "labels" | "ktimestamp" | "userspace" => {}
            "xml" | "save" => {
                return Err(usage(&format!(
                    "output `{word}' is not offered: use extended, id or timestamp"
                )));
            }
            _ => return Err(usage(&format!("Bad parameter `{word}'"))),
        }
    }
    Ok(style)
}

fn event_kinds(text: &str) -> Result<Vec<ConnectionEventKind>, Failure> {
    let mut kinds = Vec::new();
    for word in text.split(',') {
        match word {
            "NEW" => kinds.push(ConnectionEventKind::New),
            "UPDATES" => kinds.push(ConnectionEventKind::Update),
            "DESTROY" => kinds.push(ConnectionEventKind::Destroy),
            "ALL" => kinds.clear(),
            _ => return Err(usage(&format!("Bad parameter `{word}'"))),
        }
    }
    Ok(kinds)
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
        assert!(matches!(read("-L expect"), Ok(Ask::Expectations)));
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
        assert!(refusal("-F -p tcp").contains("Illegal option"));
        assert!(refusal("-I -p tcp").contains("not offered"));
    }
}
