//! Owns the playing of a round on both routers, up to the first difference.

use std::collections::BTreeMap;
use std::time::Duration;

use sluice_tests::differential::Seen;
use sluice_tests::duel::{Command, Duel};
use sluice_tests::frame::Packet;
use sluice_tests::process::Output;

use super::compare::{
    differ_by_drawn_ports, expectation, frames, hex, members, only, plain, same, same_connections,
    tag,
};
use super::round::{Action, Round, flow_of};
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

/// What comes is there by then.
const LATE: Duration = Duration::from_millis(100);
/// More are not sent at once.
const VOLLEY: usize = 24;

/// The sets that rules may name.
const SETS: &str = "create hosts4 hash:ip
create nets4 hash:net
create hosts6 hash:ip family inet6
create nets6 hash:net family inet6
create marks4 hash:net skbinfo
create marks6 hash:net family inet6 skbinfo
create counts4 hash:ip counters
create counts6 hash:ip family inet6 counters
create ports4 hash:ip,port
create ports6 hash:ip,port family inet6
create ways4 hash:net,iface
create ways6 hash:net,iface family inet6
create all4 list:set
create all6 list:set
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
add marks4 10.1.0.0/16 skbmark 0x1/0x3
add marks4 192.168.1.9 skbmark 0x2
add marks6 fd00:1::/64 skbmark 0x1/0x3
add marks6 fd00:2::9 skbmark 0x2
add counts4 10.1.0.2
add counts4 198.51.100.7
add counts6 fd00:1::2
add counts6 2001:db8:7::7
add ports4 192.168.1.9,udp:53
add ports4 10.1.0.2,tcp:80
add ports4 198.51.100.7,icmp:echo-request
add ports6 fd00:2::9,udp:53
add ports6 fd00:1::2,tcp:80
add ports6 2001:db8:7::7,icmpv6:128/0
add ways4 10.1.0.0/16,lan0
add ways4 192.168.1.9,wan0
add ways6 fd00:1::/64,lan0
add ways6 fd00:2::9,wan0
add all4 hosts4
add all4 nets4
add all6 hosts6
add all6 nets6
";

/// A stage that lasts for many rounds.
pub(super) struct Stage {
    duel: Duel,
    plays: u16,
    /// Ends of datagrams that came in fragments, perhaps not all: see [`Stage::reset`].
    ends: Vec<(bool, Vec<u8>)>,
    /// Identifications of datagrams in fragments.
    ids: Vec<u16>,
    /// What the last round's rules may have left behind has to go before the next one's come.
    used: bool,
    /// A port was drawn at random: what comes after it in the round is another story at each router.
    drawn: bool,
    pub(super) tally: Tally,
}

/// Packets that are sent one behind the other, from one side, before anybody looks what becomes of them.
#[derive(Default)]
struct Volley {
    inside: bool,
    packets: Vec<(usize, Packet)>,
}

impl Stage {
    pub(super) fn new(duel: Duel) -> Self {
        let (ends, ids, tally) = (Vec::new(), Vec::new(), Tally::default());
        let mut stage = Self { duel, plays: 0, ends, ids, used: true, drawn: false, tally };
        let made = stage.duel.run(&[Command::fed("ipset restore", SETS)]);
        same(made).expect("sets can be made");
        stage
    }

    /// Plays all of it, or until a difference.
    pub(super) fn play(&mut self, round: &Round) -> Result<(), Difference> {
        self.plays = (self.plays + 1) % 600;
        self.reset(round).map_err(|text| Difference { action: 0, text })?;
        let mut seen = BTreeMap::new();
        let mut volley = Volley::default();
        for (place, (number, action)) in round.actions.iter().enumerate() {
            let done = self.act(round, *number, action, &mut seen, &mut volley);
            done.map_err(|text| Difference { action: place, text })?;
            if std::mem::take(&mut self.drawn) {
                return Ok(());
            }
        }
        let last = round.actions.len().saturating_sub(1);
        self.send(&mut volley, &mut seen).map_err(|text| Difference { action: last, text })?;
        self.drawn = false;
        Ok(())
    }

    /// No connections, sets as at the start, and no rules but the round's first.
    fn reset(&mut self, round: &Round) -> Result<(), String> {
        let family = round.family;
        self.ids.clear();
        // A fragment that holds nothing, in IPv6 an odd one, ends its datagram: else its sender would be told some seconds later.
        for inside in [true, false] {
            let ends = self.ends.iter().filter(|(own, _)| *own == inside);
            let ends: Vec<_> = ends.map(|(_, end)| end.clone()).collect();
            if !ends.is_empty() {
                self.duel.send(inside, &ends);
            }
        }
        self.ends.clear();
        let first = match round.actions.first() {
            Some((_, Action::Load(tables))) if !self.used => &tables[..],
            _ => &[],
        };
        let others = TABLES.iter().filter(|name| first.iter().all(|table| table.name != **name));
        let none: String = others.map(|name| format!("*{name}\nCOMMIT\n")).collect();
        let mut commands = Vec::new();
        if !none.is_empty() {
            commands.push(Command::fed(format!("{}-restore", family.tool()), none));
        }
        if self.used {
            commands.push(Command::fed("ipset restore", MEMBERS));
        }
        self.used = round.uses_memory();
        let mut said = self.duel.run(&commands);
        let flush = Command::new(format!("conntrack -F -f {}", family.conntrack()));
        for (said, flushed) in said.iter_mut().zip(self.duel.run(&[flush])) {
            said.extend(
                flushed.into_iter().map(|output| Output { stderr: String::new(), ..output }),
            );
        }
        same(said)
    }

    fn act(
        &mut self,
        round: &Round,
        number: usize,
        action: &Action,
        seen: &mut BTreeMap<usize, Seen>,
        volley: &mut Volley,
    ) -> Result<(), String> {
        let family = round.family;
        match action {
            Action::Send { inside, packet } => {
                return self.join(round, number, (*inside, packet.clone()), volley, seen);
            }
            Action::Answer { of, how } => {
                if volley.packets.iter().any(|(own, _)| own == of) {
                    self.send(volley, seen)?;
                }
                let Some(first) = seen.get(of).cloned() else { return Ok(()) };
                let inside = first.interface == "lan0";
                for packet in how.to(&first, family).unwrap_or_default() {
                    self.join(round, number, (inside, packet), volley, seen)?;
                }
                return Ok(());
            }
            Action::Load(_) | Action::Command { .. } | Action::State => {
                self.send(volley, seen)?;
                if self.drawn {
                    return Ok(());
                }
            }
        }
        match action {
            Action::Send { .. } | Action::Answer { .. } => Ok(()),
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
            Action::Command { table, words, restored } => {
                self.tally.rulesets += 1;
                let tool = family.tool();
                same(self.duel.run(&[if *restored {
                    let text = format!("*{table}\n{words}\nCOMMIT\n");
                    Command::fed(format!("{tool}-restore --noflush"), text)
                } else {
                    Command::new(format!("{tool} -t {table} {words}"))
                }]))
            }
            // Of what comes late nobody knows that something is missing.
            Action::State => self.compare_state(round).or_else(|_| {
                std::thread::sleep(LATE);
                self.compare_state(round)
            }),
        }
    }

    fn compare_state(&mut self, round: &Round) -> Result<(), String> {
        let family = round.family;
        let mut commands = vec![
            Command::new(format!("conntrack -L -f {}", family.conntrack())),
            Command::new(format!("conntrack -L expect -f {}", family.conntrack())),
            Command::new(format!("{}-save -c", family.tool())),
        ];
        if round.uses_memory() {
            commands.push(Command::new("ipset save"));
        }
        let [kernel, tested] = self.duel.run(&commands).map(|mut outputs| {
            let mut connections = outputs.remove(0).stdout;
            connections.extend(outputs.remove(0).stdout.lines().map(expectation));
            outputs[0].stdout = plain(&outputs[0].stdout);
            if let Some(sets) = outputs.get_mut(1) {
                sets.stdout = members(&sets.stdout);
            }
            (outputs, connections)
        });
        same([kernel.0, tested.0])?;
        same_connections(&kernel.1, &tested.1)
    }

    /// The packet leaves with this volley, or, if it has to, the volley before it.
    fn join(
        &mut self,
        round: &Round,
        number: usize,
        (inside, packet): (bool, Packet),
        volley: &mut Volley,
        seen: &mut BTreeMap<usize, Seen>,
    ) -> Result<(), String> {
        // What the router's host says to one would come before the next in the kernel, and behind it in Sluice; what goes
        // to the other side is no matter of the host's. Connections of one flow, where helpers expect some, may be of
        // several workers, which overtake one another.
        let away = if inside { "wan0" } else { "lan0" };
        let same = |other: usize| flow_of(other) == flow_of(number);
        let piece = |packet: &Packet| packet.fragment & 0x3fff != 0;
        let through = || {
            seen.iter().any(|(&other, seen)| same(other) && seen.interface == away)
                && !round.has_rule(|rule| {
                    ["REDIRECT", "DNAT", "TEE", "CT --helper"]
                        .iter()
                        .any(|word| rule.contains(word))
                })
        };
        let waits = volley.packets.iter().any(|(other, before)| {
            same(*other) && !(piece(before) && piece(&packet)) && !through()
        });
        if !round.volleys || volley.inside != inside || volley.packets.len() >= VOLLEY || waits {
            self.send(volley, seen)?;
        }
        volley.inside = inside;
        volley.packets.push((number, packet));
        Ok(())
    }

    fn send(
        &mut self,
        volley: &mut Volley,
        seen: &mut BTreeMap<usize, Seen>,
    ) -> Result<(), String> {
        let Volley { inside, packets } = std::mem::take(volley);
        if packets.is_empty() || self.drawn {
            return Ok(());
        }
        self.duel.forget_ids();
        let mut tags = Vec::new();
        let mut bytes = Vec::new();
        for (number, mut packet) in packets {
            let fragment = packet.fragment & 0x3fff != 0;
            // Pieces that an earlier play left behind are of other datagrams. Others are told apart in what comes out.
            packet.id = if fragment {
                0x4000 + (packet.id - 0x4000 + self.plays * 73) % 0xb000
            } else {
                0x1000 + u16::try_from(self.tally.packets % 0x3000).expect("less than 2^16")
            };
            packet.label = packet.id;
            self.duel.knows_id(packet.id);
            if fragment {
                self.ids.push(packet.id);
                let mut end = packet.clone();
                end.payload = vec![0; if packet.source.is_ipv4() { 0 } else { 4 }];
                end.fragment = 0x2000 | 1000;
                self.ends.push((inside, end.bytes()));
            }
            self.tally.packets += 1;
            tags.push((packet.id, number));
            bytes.push(packet.bytes());
        }
        self.ids.iter().for_each(|&id| self.duel.knows_id(id));
        assert!(
            bytes.iter().all(|packet| packet.len() <= 1500),
            "no frame carries one of {tags:?}"
        );
        let [kernel, tested] = self.duel.send(inside, &bytes);
        if kernel != tested {
            self.drawn = differ_by_drawn_ports(&kernel, &tested, &bytes);
            let sent: String =
                bytes.iter().map(|packet| format!("sent: {}\n", hex(packet))).collect();
            let (kernel, tested) = only(&kernel, &tested);
            let text = format!("{sent}kernel:\n{}tested:\n{}", frames(&kernel), frames(&tested));
            return if self.drawn { Ok(()) } else { Err(text) };
        }
        self.tally.frames += kernel.len();
        let alone = tags.len() == 1;
        for (id, number) in tags {
            let own = kernel.iter().find(|seen| tag(seen.packet()) == Some(id));
            let own = own.or_else(|| kernel.first().filter(|_| alone));
            seen.extend(own.map(|own| (number, own.clone())));
        }
        Ok(())
    }
}
