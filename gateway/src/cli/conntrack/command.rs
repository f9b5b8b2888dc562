//! Which options a command takes, and how the original complains of others.

use super::options::Key;
use super::{protocol, usage};
use crate::cli::failure::Failure;

/// Commands, as far as their options are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    List,
    Get,
    Delete,
    Update,
    /// `-I`
    Create,
    /// `-A`: as `-I`, and what is there already is no fault.
    Add,
    Event,
    Flush,
    Count,
    Stats,
    Help,
    Version,
}

/// What commands work on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    Conntrack,
    Expect,
    /// Connections on their way out, or in: nothing here stays there for long enough to be seen.
    Passing,
}

impl Table {
    /// A table by the beginning of its name.
    pub(super) fn named(text: Option<&str>) -> Result<Self, Failure> {
        let Some(text) = text else { return Ok(Self::Conntrack) };
        let known = [
            ("expect", Self::Expect),
            ("conntrack", Self::Conntrack),
            ("dying", Self::Passing),
            ("unconfirmed", Self::Passing),
        ];
        let found = known.into_iter().find(|(name, _)| name.starts_with(text));
        found.map(|(_, table)| table).ok_or_else(|| usage(&format!("unknown type `{text}'")))
    }
}

/// The options every protocol has, in the order in which they are complained of.
const ORDER: [(Key, &str); 25] = [
    (Key::Source, "src"),
    (Key::Destination, "dst"),
    (Key::ReplySource, "reply-src"),
    (Key::ReplyDestination, "reply-dst"),
    (Key::Protocol, "protonum"),
    (Key::Timeout, "timeout"),
    (Key::Status, "status"),
    (Key::Zero, "zero"),
    (Key::EventMask, "event-mask"),
    (Key::TupleSource, "tuple-src"),
    (Key::TupleDestination, "tuple-dst"),
    (Key::MaskSource, "mask-src"),
    (Key::MaskDestination, "mask-dst"),
    (Key::Mark, "mark"),
    (Key::Id, "id"),
    (Key::Family, "family"),
    (Key::SourceNat, "src-nat"),
    (Key::DestinationNat, "dst-nat"),
    (Key::Output, "output"),
    (Key::SecurityMark, "secmark"),
    (Key::BufferSize, "buffer-size"),
    (Key::AnyNat, "any-nat"),
    (Key::Zone, "zone"),
    (Key::OriginalZone, "orig-zone"),
    (Key::ReplyZone, "reply-zone"),
];

/// Options of protocols, likewise.
const PROTOCOL_ORDER: [(Key, &str); 14] = [
    (Key::SourcePort, "sport"),
    (Key::DestinationPort, "dport"),
    (Key::ReplySourcePort, "reply-port-src"),
    (Key::ReplyDestinationPort, "reply-port-dst"),
    (Key::MaskPort("mask-port-src"), "mask-port-src"),
    (Key::MaskPort("mask-port-dst"), "mask-port-dst"),
    (Key::State, "state"),
    (Key::OriginalTag, "orig-vtag"),
    (Key::ReplyTag, "reply-vtag"),
    (Key::MaskPort("tuple-port-src"), "tuple-port-src"),
    (Key::MaskPort("tuple-port-dst"), "tuple-port-dst"),
    (Key::IcmpType, "icmp-type"),
    (Key::IcmpCode, "icmp-code"),
    (Key::IcmpId, "icmp-id"),
];

const ENDS: [Key; 4] = [Key::Source, Key::Destination, Key::ReplySource, Key::ReplyDestination];
const FILTER: [Key; 8] = [
    Key::Source,
    Key::Destination,
    Key::ReplySource,
    Key::ReplyDestination,
    Key::Protocol,
    Key::MaskSource,
    Key::MaskDestination,
    Key::Mark,
];

/// What a command needs and what else it takes.
struct Rule {
    needs: &'static [Key],
    takes: &'static [Key],
    /// Both ends of one direction, or of the other.
    pairs: bool,
    /// Also what selects connections.
    filters: bool,
}

const fn rule(needs: &'static [Key], takes: &'static [Key], filters: bool) -> Rule {
    Rule { needs, takes, pairs: false, filters }
}

const fn rule_of(command: Command, table: Table) -> Rule {
    use Key::{
        AnyNat, BufferSize, Destination, DestinationNat, EventMask, Family, Id, Mark, OriginalZone,
        Output, Protocol, ReplyDestination, ReplySource, ReplyZone, SecurityMark, Source,
        SourceNat, Status, Timeout, Zero, Zone,
    };
    const ONE: &[Key] = &[Source, Destination, Protocol];
    const LIST: &[Key] = &[
        Status,
        Zero,
        Family,
        SourceNat,
        DestinationNat,
        Output,
        SecurityMark,
        AnyNat,
        Zone,
        OriginalZone,
        ReplyZone,
    ];
    const EVENT: &[Key] = &[
        EventMask,
        Family,
        SourceNat,
        DestinationNat,
        Output,
        SecurityMark,
        BufferSize,
        AnyNat,
        Zone,
        OriginalZone,
        ReplyZone,
    ];
    const DELETE: &[Key] = &[
        Timeout,
        Status,
        Id,
        Family,
        SourceNat,
        DestinationNat,
        Output,
        Zone,
        OriginalZone,
        ReplyZone,
    ];
    const CREATE: &[Key] =
        &[Status, Mark, SourceNat, DestinationNat, Zone, OriginalZone, ReplyZone];
    const UPDATE: &[Key] = &[Timeout, Status, Id, Family, SourceNat, DestinationNat, Output];
    match (command, table) {
        (Command::List, Table::Conntrack | Table::Passing) => rule(&[], LIST, true),
        (Command::List, Table::Expect) => rule(&[], &[Family, Output], false),
        (Command::Get, Table::Conntrack | Table::Passing) => {
            Rule { needs: &[Protocol], takes: &[Id, Output], pairs: true, filters: false }
        }
        (Command::Get | Command::Delete, Table::Expect) => {
            rule(ONE, &[ReplySource, ReplyDestination], false)
        }
        (Command::Delete, Table::Conntrack | Table::Passing) => rule(&[], DELETE, true),
        (Command::Update, _) => rule(&[], UPDATE, true),
        (Command::Create | Command::Add, Table::Expect) => rule(ONE, &[], false),
        (Command::Create | Command::Add, Table::Conntrack | Table::Passing) => {
            Rule { needs: &[Protocol, Timeout], takes: CREATE, pairs: true, filters: false }
        }
        (Command::Event, Table::Conntrack | Table::Passing) => rule(&[], EVENT, true),
        (Command::Event, Table::Expect) => rule(&[], &[Output], false),
        (Command::Flush, Table::Conntrack | Table::Passing) => rule(&[], &[Family], false),
        (Command::Help, _) => rule(&[], &[Protocol], false),
        (Command::Flush, Table::Expect)
        | (Command::Count | Command::Stats | Command::Version, _) => rule(&[], &[], false),
    }
}

/// Whether a command takes the options it was given, and has those it needs.
pub(super) fn check(command: Command, table: Table, given: &[Key]) -> Result<(), Failure> {
    let has = |key: Key| given.contains(&key);
    if has(Key::AnyNat) && (has(Key::SourceNat) || has(Key::DestinationNat)) {
        return Err(usage("cannot specify `--src-nat' or `--dst-nat' with `--any-nat'"));
    }
    if table == Table::Passing && command != Command::List {
        return Err(usage("Can't do that command with tables `dying' and `unconfirmed'"));
    }
    let rule = rule_of(command, table);
    for (key, name) in ORDER {
        let takes = rule.needs.contains(&key)
            || rule.takes.contains(&key)
            || rule.pairs && ENDS.contains(&key)
            || rule.filters && FILTER.contains(&key);
        complain(has(key), rule.needs.contains(&key), takes, name)?;
    }
    if rule.pairs {
        let [one, other] = [[ENDS[0], ENDS[1]], [ENDS[2], ENDS[3]]];
        let names = [["--src", "--dst"], ["--reply-src", "--reply-dst"]];
        pairs(given, one, other, names)?;
    }
    Ok(())
}

/// The same of the options of a protocol. Without one there are none.
pub(super) fn check_protocol(
    command: Command,
    table: Table,
    number: u32,
    given: &[Key],
) -> Result<(), Failure> {
    use Key::{
        DestinationPort, IcmpCode, IcmpId, IcmpType, OriginalTag, ReplyDestinationPort,
        ReplySourcePort, ReplyTag, SourcePort, State,
    };
    const PORTS: &[Key] = &[SourcePort, DestinationPort, ReplySourcePort, ReplyDestinationPort];
    const ALL: &[Key] = &[
        SourcePort,
        DestinationPort,
        ReplySourcePort,
        ReplyDestinationPort,
        State,
        IcmpType,
        IcmpCode,
        IcmpId,
    ];
    let ports = protocol::has_ports(number);
    let makes = matches!(command, Command::Create | Command::Add);
    let one = (command == Command::Get || makes) && table == Table::Conntrack;
    let (needs, takes): (&[Key], &[Key]) = match (command, table) {
        (Command::Get | Command::Delete, Table::Expect) if ports || number == protocol::GRE => {
            (PORTS, &[])
        }
        (Command::Create | Command::Add, Table::Conntrack) if ports => match number {
            protocol::TCP => (&[State], PORTS),
            protocol::SCTP => (&[State, OriginalTag, ReplyTag], PORTS),
            _ => (&[], PORTS),
        },
        (Command::Create | Command::Add, Table::Conntrack) if number == protocol::GRE => {
            (&[], PORTS)
        }
        (Command::Get | Command::Create | Command::Add, Table::Conntrack)
            if !ports && number != protocol::GRE =>
        {
            match protocol::has_queries(number) {
                true => (&[IcmpType, IcmpCode], &[IcmpId]),
                false => (&[], &[]),
            }
        }
        (Command::List | Command::Get | Command::Delete | Command::Update, _)
        | (Command::Event, Table::Conntrack | Table::Passing)
            if table != Table::Expect =>
        {
            (&[], ALL)
        }
        _ => (&[], &[]),
    };
    for (key, name) in PROTOCOL_ORDER {
        let v6 = number == protocol::ICMPV6;
        let name = if v6 { name.replace("icmp", "icmpv6") } else { name.to_owned() };
        let name = if number == protocol::GRE { name_of_key(key, &name).into() } else { name };
        let takes = needs.contains(&key) || takes.contains(&key);
        complain(given.contains(&key), needs.contains(&key), takes, &name)?;
    }
    if one && (ports || number == protocol::GRE) {
        let names = match number == protocol::GRE {
            true => [["--srckey", "--dstkey"], ["--reply-key-src", "--reply-key-dst"]],
            false => [["--sport", "--dport"], ["--reply-src-port", "--reply-dst-port"]],
        };
        let [first, second] = [[PORTS[0], PORTS[1]], [PORTS[2], PORTS[3]]];
        pairs(given, first, second, names)?;
    }
    Ok(())
}

/// As the original names what takes the place of ports in GRE.
const fn name_of_key(key: Key, otherwise: &str) -> &str {
    match key {
        Key::SourcePort => "srckey",
        Key::DestinationPort => "dstkey",
        Key::ReplySourcePort => "reply-key-src",
        Key::ReplyDestinationPort => "reply-key-dst",
        _ => otherwise,
    }
}

fn complain(given: bool, needed: bool, taken: bool, name: &str) -> Result<(), Failure> {
    match (given, needed, taken) {
        (false, true, _) => {
            Err(usage(&format!("You need to supply the `--{name}' option for this command")))
        }
        (true, _, false) => Err(usage(&format!("Illegal option `--{name}' with this command"))),
        (true, _, true) | (false, false, _) => Ok(()),
    }
}

/// One of two pairs is there in whole; otherwise the one that is there in part is to be completed.
fn pairs(
    given: &[Key],
    one: [Key; 2],
    other: [Key; 2],
    names: [[&str; 2]; 2],
) -> Result<(), Failure> {
    let whole = |pair: &[Key; 2]| pair.iter().all(|key| given.contains(key));
    let part = |pair: &[Key; 2]| pair.iter().any(|key| given.contains(key));
    if whole(&one) || whole(&other) {
        return Ok(());
    }
    let [first, second] = names[usize::from(part(&other) && !part(&one))];
    Err(usage(&format!("you have to specify `{first}' and `{second}'")))
}
