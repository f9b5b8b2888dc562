//! Owns the playing of a round on both routers, up to the first difference.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sluice_tests::differential::Seen;
use sluice_tests::duel::{Command, Duel};
use sluice_tests::frame;
use sluice_tests::process::Output;

use super::family::Family;
use super::packets::Answer;
use super::round::{Action, Round};
use super::ruleset::{TABLES, Table};

/// The first action with a difference, and what differed.
#[derive(Debug, Clone)]
pub(super) struct Difference {
    pub(super) action: usize,
    pub(super) text: String,
}

/// What was done without a difference.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    /// Rulesets and changes of rules.
    pub(super) rulesets: usize,
    /// Packets sent.
    pub(super) packets: usize,
    /// Frames that came out of each router.
    pub(super) frames: usize,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.rulesets += other.rulesets;
        self.packets += other.packets;
        self.frames += other.frames;
    }
}

/// How far timeouts of connections may differ, in seconds: packets come a little later at one router, and seconds are cut
/// off.
const TIMEOUT_TOLERANCE: u64 = 3;

/// The sets that rules may name.
const SETS: &str = "create hosts4 hash:ip
create nets4 hash:net
create hosts6 hash:ip family inet6
create nets6 hash:net family inet6
";

/// What they hold at the beginning of a round.
const MEMBERS: &str = "flush
add hosts4 10.1.0.2
add hosts4 192.168.1.9
add nets4 198.51.100.0/24
add nets4 10.1.0.2/31
add hosts6 fd00:1::2
add hosts6 fd00:2::9
add nets6 2001:db8:7::/48
add nets6 fd00:1::2/127
";

/// A stage that lasts for many rounds.
pub(super) struct Stage {
    duel: Duel,
    plays: u16,
    /// Ends of datagrams that came in fragments, perhaps not all: see [`Stage::reset`].
    ends: Vec<(bool, Vec<u8>)>,
    /// A port was drawn at random: what comes after it in the round is another story at each router.
    drawn: bool,
    pub(super) tally: Tally,
}

impl Stage {
    pub(super) fn new(duel: Duel) -> Self {
        let stage =
            Self { duel, plays: 0, ends: Vec::new(), drawn: false, tally: Tally::default() };
        let made = stage.duel.run(&[Command::fed("ipset restore", SETS)]);
        same(made).expect("sets can be made");
        stage
    }

    /// Plays all of it, or until a difference.
    pub(super) fn play(&mut self, round: &Round) -> Result<(), Difference> {
        self.plays = (self.plays + 1) % 600;
        self.duel.forget_ids();
        self.reset(round.family).map_err(|text| Difference { action: 0, text })?;
        let mut seen = BTreeMap::new();
        for (place, (number, action)) in round.actions.iter().enumerate() {
            let done = self.act(round.family, *number, action, &mut seen);
            done.map_err(|text| Difference { action: place, text })?;
            if std::mem::take(&mut self.drawn) {
                break;
            }
        }
        Ok(())
    }

    /// No rules, no connections, sets as at the start.
    fn reset(&mut self, family: Family) -> Result<(), String> {
        // A fragment that holds nothing, in IPv6 an odd one, ends its datagram: else its sender would be told some seconds later.
        for (inside, end) in std::mem::take(&mut self.ends) {
            self.duel.send(inside, &end);
        }
        let none: String = TABLES.iter().map(|name| format!("*{name}\nCOMMIT\n")).collect();
        same(self.duel.run(&[
            Command::fed(format!("{}-restore", family.tool()), none),
            Command::fed("ipset restore", MEMBERS),
            Command::new(format!("conntrack -F -f {} 2>/dev/null", family.conntrack())),
        ]))
    }

    fn act(
        &mut self,
        family: Family,
        number: usize,
        action: &Action,
        seen: &mut BTreeMap<usize, Seen>,
    ) -> Result<(), String> {
        match action {
            Action::Load(tables) => {
                self.tally.rulesets += 1;
                let text: String = tables.iter().map(Table::text).collect();
                let restore = Command::fed(format!("{}-restore", family.tool()), text);
                let said = self.duel.run(&[restore]);
                // The kernel's tool would have taken the tables before the refused one.
                if said.iter().all(|outputs| outputs[0].code != 0) {
                    return Err(format!("no ruleset: {}", said[0][0].stderr));
                }
                same(said)
            }
            Action::Command(words) => {
                self.tally.rulesets += 1;
                let words = format!("{} {}", family.tool(), quoted(words));
                same(self.duel.run(&[Command::new(words)]))
            }
            Action::Send { inside, packet } => self.send(number, *inside, packet.clone(), seen),
            Action::Answer { of, how } => self.answer(family, number, *of, how, seen),
            Action::State => {
                let [mut kernel, mut tested] = self.duel.run(&[
                    Command::new(format!("{}-save -c", family.tool())),
                    Command::new("ipset save | grep ^add | sort"),
                    Command::new(format!("conntrack -L -f {} 2>/dev/null", family.conntrack())),
                ]);
                let connections =
                    [&mut kernel, &mut tested].map(|outputs| outputs.remove(2).stdout);
                for rules in [&mut kernel[0], &mut tested[0]] {
                    rules.stdout = plain(&rules.stdout);
                }
                same([kernel, tested])?;
                same_connections(&connections[0], &connections[1])
            }
        }
    }

    fn send(
        &mut self,
        number: usize,
        inside: bool,
        mut packet: sluice_tests::frame::Packet,
        seen: &mut BTreeMap<usize, Seen>,
    ) -> Result<(), String> {
        // Pieces that an earlier play left behind are of other datagrams.
        if packet.id >= 0x4000 {
            packet.id = 0x4000 + (packet.id - 0x4000 + self.plays * 73) % 0xb000;
        }
        self.duel.knows_id(packet.id);
        if packet.fragment & 0x3fff != 0 {
            let mut end = packet.clone();
            end.payload = vec![0; if packet.source.is_ipv4() { 0 } else { 4 }];
            end.fragment = 0x2000 | 1000;
            self.ends.push((inside, end.bytes()));
        }
        self.tally.packets += 1;
        let bytes = packet.bytes();
        assert!(bytes.len() <= 1500, "no frame carries this: {packet:?}");
        let [kernel, tested] = self.duel.send(inside, &bytes);
        if let ([one], [other]) = (&kernel[..], &tested[..])
            && one != other
            && without_drawn_port(one, &bytes)
                .is_some_and(|own| without_drawn_port(other, &bytes) == Some(own))
        {
            self.drawn = true;
            return Ok(());
        }
        if kernel != tested {
            let sent = hex(&bytes);
            return Err(format!(
                "sent: {sent}\nkernel:\n{}tested:\n{}",
                frames(&kernel),
                frames(&tested)
            ));
        }
        self.tally.frames += kernel.len();
        seen.extend(kernel.into_iter().next().map(|first| (number, first)));
        Ok(())
    }

    fn answer(
        &mut self,
        family: Family,
        number: usize,
        of: usize,
        how: &Answer,
        seen: &mut BTreeMap<usize, Seen>,
    ) -> Result<(), String> {
        let Some(first) = seen.get(&of).cloned() else { return Ok(()) };
        let inside = first.interface == "lan0";
        for packet in how.to(&first, family).unwrap_or_default() {
            self.send(number, inside, packet, seen)?;
        }
        Ok(())
    }
}

fn same(both: [Vec<Output>; 2]) -> Result<(), String> {
    let one = |output: &Output| format!("{}{}exit {}\n", output.stdout, output.stderr, output.code);
    let [kernel, tested] = both.map(|outputs| outputs.iter().map(one).collect::<String>());
    if kernel == tested { Ok(()) } else { Err(differing(&kernel, &tested)) }
}

/// A frame without its source port and what follows from that, if it is not the port of the packet that was sent, but
/// one of the same class or of a rule's range (kernel `nf_nat_l4proto_unique_tuple`).
fn without_drawn_port(seen: &Seen, sent: &[u8]) -> Option<Vec<u8>> {
    let l4 = |packet: &[u8]| if packet[0] >> 4 == 6 { 40 } else { usize::from(packet[0] & 15) * 4 };
    let packet = seen.packet();
    let at = l4(packet);
    let protocol = if at == 40 { packet[6] } else { packet[9] };
    let checksum = match protocol {
        frame::TCP => at + 16,
        frame::UDP => at + 6,
        _ => return None,
    };
    let port = |packet: &[u8]| {
        let two = packet.get(l4(packet)..l4(packet) + 2)?;
        Some(u16::from_be_bytes([two[0], two[1]]))
    };
    let class = |port| (port >= 512, port >= 1024);
    let (old, new) = (port(sent)?, port(packet)?);
    let mut rest = seen.frame.clone();
    for place in [at, at + 1, checksum, checksum + 1] {
        *rest.get_mut(14 + place)? = 0;
    }
    (old != new && (new >= 1024 || class(old) == class(new))).then_some(rest)
}

/// Words as the shell takes them.
fn quoted(words: &str) -> String {
    let part = |(place, part): (usize, &str)| match place % 2 {
        0 => part.split_whitespace().map(|word| format!("'{word}' ")).collect(),
        _ => format!("'{part}' "),
    };
    // What is quoted stays together.
    words.split('"').enumerate().map(part).collect::<String>()
}

/// A saved ruleset without comments, table by table in their order.
fn plain(text: &str) -> String {
    let mut tables: Vec<_> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| format!("{line}\n"))
        .collect::<String>()
        .split_inclusive("COMMIT\n")
        .map(str::to_owned)
        .collect();
    tables.sort();
    tables.concat()
}

/// Only the lines of which the other side has none.
fn differing(kernel: &str, tested: &str) -> String {
    let only = |one: &str, other: &str| {
        let lines = one.lines().filter(|line| !other.lines().any(|known| known == *line));
        lines.map(|line| format!("    {line}\n")).collect::<String>()
    };
    format!("kernel:\n{}tested:\n{}", only(kernel, tested), only(tested, kernel))
}

fn same_connections(kernel: &str, tested: &str) -> Result<(), String> {
    let lists = [kernel, tested].map(|text| {
        let mut list: Vec<_> = text.lines().map(entry).collect();
        list.sort();
        list
    });
    let [wanted, got] = &lists;
    let close = |((one, left), (other, right)): (&(String, u64), &(String, u64))| {
        one == other && left.abs_diff(*right) <= TIMEOUT_TOLERANCE
    };
    if wanted.len() == got.len() && wanted.iter().zip(got).all(close) {
        return Ok(());
    }
    let text = |list: &[(String, u64)], other: &[(String, u64)]| {
        let mut text = String::new();
        for (entry, seconds) in list {
            let known = other
                .iter()
                .any(|(same, left)| same == entry && left.abs_diff(*seconds) <= TIMEOUT_TOLERANCE);
            if !known {
                writeln!(text, "    {seconds} {entry}").expect("a string takes any text");
            }
        }
        text
    };
    Err(format!("connections\nkernel:\n{}tested:\n{}", text(wanted, got), text(got, wanted)))
}

/// A line of `conntrack -L` without its use count, and its timeout.
fn entry(line: &str) -> (String, u64) {
    let mut words: Vec<_> =
        line.split_whitespace().filter(|word| !word.starts_with("use=")).collect();
    let seconds = if words.len() > 2 { words.remove(2).parse().unwrap_or(0) } else { 0 };
    (words.join(" "), seconds)
}

fn frames(seen: &[Seen]) -> String {
    let line = |seen: &Seen| format!("    {}: {}\n", seen.interface, hex(&seen.frame[14..]));
    if seen.is_empty() { "    nothing\n".into() } else { seen.iter().map(line).collect() }
}

/// In hexadecimal, long ones shortened.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digits = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let end = if bytes.len() > 140 { 100 } else { bytes.len() };
    let more = if end < bytes.len() { format!("... {} bytes", bytes.len()) } else { String::new() };
    digits(&bytes[..end]) + &more
}
