//! Owns the random scenarios: rulesets over every table and flows through them, drawn from a seed, and what
//! comes out and every counter compared.
//!
//! `SLUICE_RANDOM_SEED=7` replays one seed, `SLUICE_RANDOM_SECONDS=300` goes on with further seeds for so long.
//!
//! Kept out: whatever is drawn at random (each flow has ports of its own, so that no translation clashes;
//! no port ranges, no `statistic --mode random`) and whatever depends on the moment (limit, time).

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use sluice_tests::Kind;
use sluice_tests::differential::{Lab, Scenario, Seen};
use sluice_tests::frame::{Packet, flags};

use crate::{FAR, INSIDE, INSIDE_2, OUTSIDE, ROUTER_IN, ROUTER_OUT};

/// Played in every run. Seed 3 asks `--ctdir` about an answer to a packet whose connection never came to be: see docs/NETFILTER.md.
const SEEDS: [u64; 3] = [1, 2, 4];

#[test]
fn kernel_repeats() {
    play(&SEEDS, Kind::Kernel);
}

#[test]
fn sluice_1_worker() {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let sluice = Kind::Sluice { workers: 1 };
    if let Some(seed) = number("SLUICE_RANDOM_SEED") {
        return play(&[seed], sluice);
    }
    let end = Instant::now() + Duration::from_secs(number("SLUICE_RANDOM_SECONDS").unwrap_or(0));
    let mut seeds = SEEDS;
    loop {
        play(&seeds, sluice);
        if Instant::now() >= end {
            return;
        }
        seeds = seeds.map(|seed| seed + SEEDS.len() as u64);
    }
}

/// One router of each kind for all these seeds; fails with the first difference.
fn play(seeds: &[u64], kind: Kind) {
    let seeds = seeds.to_vec();
    let scenario = Scenario::new("", move |lab| {
        for &seed in &seeds {
            round(lab, seed);
        }
    });
    if let Some(first) = scenario.differences(kind).first() {
        panic!("differs from the kernel:\n{first}");
    }
}

const TABLES: [&str; 5] = ["raw", "mangle", "nat", "filter", "security"];

/// Rules, packets, other filter rules, more packets.
fn round(lab: &mut Lab, seed: u64) {
    let mut dice = Dice::new(seed);
    lab.flush_connections();
    let mut rules = TABLES.map(|name| table(&mut dice, name)).concat();
    for part in 0..2_u16 {
        lab.load_rules(&rules);
        lab.note(&format!("\nseed {seed}\n{rules}"));
        for number in 0..8 {
            flow(lab, &mut dice, 1024 + part * 100 + number * 4);
        }
        TABLES.iter().for_each(|name| lab.compare_counters(name));
        rules = table(&mut dice, "filter");
    }
}

/// xorshift64* (Vigna 2016): the same numbers on every machine.
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).expect("31 bits") % end
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    /// Whether something happens that does so once in `times`.
    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

/// A whole table: policies, two user chains, a few rules in each chain.
fn table(dice: &mut Dice, name: &str) -> String {
    let chains: &[&str] = match name {
        "raw" => &["PREROUTING", "OUTPUT"],
        "mangle" => &["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"],
        "nat" => &["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"],
        _ => &["INPUT", "FORWARD", "OUTPUT"],
    };
    let mut text = format!("*{name}\n");
    for chain in chains {
        let policy = if name == "filter" && dice.once_in(5) { "DROP" } else { "ACCEPT" };
        writeln!(text, ":{chain} {policy} [0:0]").expect("a string takes any text");
    }
    text.push_str(":ONE - [0:0]\n:TWO - [0:0]\n");
    for chain in chains.iter().chain(&["ONE", "TWO"]) {
        for _ in 0..1 + dice.below(4) {
            let rule = rule(dice, name, chain);
            writeln!(text, "-A {chain} {rule}").expect("a string takes any text");
        }
    }
    text + "COMMIT\n"
}

fn rule(dice: &mut Dice, table: &str, chain: &str) -> String {
    let mut words = String::new();
    for _ in 0..dice.below(3) {
        let word = common_match(dice);
        // An option may stand once in a rule.
        let again = words.contains(&word[..word.rfind(' ').unwrap_or(0)]);
        let second = word.starts_with("-m") && words.contains("-m");
        if !again && !second {
            words = format!("{words}{word} ");
        }
    }
    if dice.once_in(3) {
        let protocol = dice.one(&PROTOCOLS);
        return format!("{protocol} {words}{}", target(dice, table, chain, protocol));
    }
    let target = target(dice, table, chain, "");
    format!("{words}{target}")
}

const PROTOCOLS: [&str; 8] = [
    "-p udp",
    "-p udp --dport 53",
    "-p udp ! --sport 1024:1060",
    "-p tcp",
    "-p tcp --syn",
    "-p tcp ! --dport 80",
    "-p icmp --icmp-type 8",
    "! -p tcp",
];

/// What may stand in every chain of every table.
fn common_match(dice: &mut Dice) -> &'static str {
    dice.one(&[
        "-s 10.1.0.2",
        "-s 10.1.0.0/16",
        "! -s 192.168.1.0/24",
        "-d 192.168.1.9",
        "! -d 198.51.100.0/24",
        "-m length --length 0:60",
        "-m length ! --length 50:400",
        "-m ttl --ttl-lt 64",
        "-m ttl --ttl-eq 64",
        "-m tos --tos 0x10/0x3f",
        "-m dscp ! --dscp 4",
        "-m ecn --ecn-ip-ect 1",
        "-m mark --mark 1/1",
        "-m mark ! --mark 2/2",
        "-m connmark --mark 1/1",
        "-m connmark ! --mark 2/2",
        "-m conntrack --ctstate NEW",
        "-m conntrack --ctstate ESTABLISHED,RELATED",
        "-m conntrack --ctstate INVALID",
        "-m conntrack ! --ctstate UNTRACKED",
        "-m conntrack --ctdir REPLY",
        "-m conntrack --ctproto 6",
        "-m state --state NEW,RELATED",
        "-m iprange --src-range 10.1.0.3-10.1.0.9",
        "-m string --algo bm --string ooxx",
        "-m string --algo kmp ! --string data",
        "-m addrtype --dst-type LOCAL",
        "-m addrtype --src-type UNICAST",
        "-m pkttype --pkt-type unicast",
        "-m statistic --mode nth --every 3 --packet 1",
        "-m quota --quota 300",
        "-m comment --comment drawn",
    ])
}

/// The rest of a rule: where it goes, or what it does.
fn target(dice: &mut Dice, table: &str, chain: &str, protocol: &str) -> String {
    let jumps: &[&str] = match chain {
        "ONE" => &["-j TWO", "-g TWO", "-j RETURN"],
        "TWO" => &["-j RETURN", "-j ACCEPT"],
        _ => &["-j ONE", "-g ONE", "-j TWO", "-g TWO", "-j RETURN"],
    };
    if dice.once_in(3) {
        return dice.one(jumps).into();
    }
    let user = matches!(chain, "ONE" | "TWO");
    let own: &[&str] = match (table, chain) {
        ("raw", _) => &["-j CT --notrack", "-j MARK --set-xmark 0x1/0x1", "-j ACCEPT", ""],
        ("mangle", _) if protocol == "-p tcp --syn" => {
            &["-j TCPMSS --set-mss 1000", "-j TCPOPTSTRIP --strip-options 2,3", ""]
        }
        ("mangle", _) => &[
            "-j MARK --set-xmark 0x1/0x1",
            "-j MARK --set-xmark 0x2/0xffffffff",
            "-j CONNMARK --set-xmark 0x1/0x1",
            "-j CONNMARK --save-mark",
            "-j CONNMARK --restore-mark",
            "-j TOS --set-tos 0x10/0x3f",
            "-j DSCP --set-dscp 4",
            "-j TTL --ttl-set 60",
            "-j TTL --ttl-inc 3",
            "-j TTL --ttl-dec 2",
            "-j ECN --ecn-ip-ect 1",
        ],
        ("nat", "PREROUTING") => &[
            "-j DNAT --to-destination 192.168.1.9",
            "-j DNAT --to-destination 198.51.100.9",
            "-j REDIRECT",
            "-j ACCEPT",
            "",
        ],
        ("nat", "POSTROUTING") => &[
            "-j SNAT --to-source 192.168.1.200",
            "-o wan0 -j MASQUERADE",
            "-o lan0 -j SNAT --to-source 10.1.0.1",
            "-j ACCEPT",
            "",
        ],
        ("filter", _) if !user && protocol.starts_with("-p tcp") => {
            &["-j REJECT --reject-with tcp-reset", "-j ACCEPT", ""]
        }
        ("filter", "INPUT" | "FORWARD" | "OUTPUT") => &[
            "-j ACCEPT",
            "-j ACCEPT",
            "-j DROP",
            "-j REJECT",
            "-j REJECT --reject-with icmp-admin-prohibited",
            "",
        ],
        _ => &["-j ACCEPT", ""],
    };
    dice.one(own).into()
}

/// A conversation whose ports are nobody else's, begun inside or outside.
fn flow(lab: &mut Lab, dice: &mut Dice, own: u16) {
    let from_inside = !dice.once_in(4);
    let (source, destination) = if from_inside {
        (dice.one(&[INSIDE, INSIDE_2]), dice.one(&[OUTSIDE, OUTSIDE, FAR, ROUTER_IN]))
    } else {
        (dice.one(&[OUTSIDE, FAR]), dice.one(&[INSIDE, INSIDE_2, ROUTER_OUT]))
    };
    let first = || Packet::new(source, destination);
    let tos = [0, 0x10, 1][dice.below(3)];
    let ttl = [64, 64, 2, 1][dice.below(4)];
    let data: &[u8] = [&b"ooxx"[..], b"data", &[7; 200]][dice.below(3)];
    match dice.below(5) {
        0 => {
            let seen = send(lab, from_inside, &first().udp(own, 53, data).tos(tos).ttl(ttl));
            answer(lab, from_inside, &seen, |back, (to, from)| back.udp(from, to, b"answer"));
            send(lab, from_inside, &first().udp(own, 53, data).tos(tos));
        }
        1 => {
            let seen = send(lab, from_inside, &first().ping(own, 1, data).ttl(ttl));
            answer(lab, from_inside, &seen, |back, _| back.pong(own, 1, data));
        }
        2 => handshake(lab, dice, from_inside, &first, own),
        3 => {
            for part in first().udp(own, 53, &[7; 64]).tos(tos).fragments(&[40]) {
                send(lab, from_inside, &part);
            }
        }
        _ => {
            let seen = send(lab, from_inside, &first().udp(own, 54, data).tos(tos));
            let code = [1, 3, 13][dice.below(3)];
            let inner: Vec<_> = seen.iter().map(|seen| seen.packet().to_vec()).collect();
            let mut inner = inner.iter();
            answer(lab, from_inside, &seen, |back, _| {
                back.icmp_error(3, code, 0, inner.next().expect("what was answered"))
            });
        }
    }
}

/// TCP with an answer and whatever flags come to mind.
fn handshake(lab: &mut Lab, dice: &mut Dice, inside: bool, first: &dyn Fn() -> Packet, own: u16) {
    use flags::{ACK, FIN, PSH, RST, SYN};
    let options = [2, 4, 5, 180, 1, 3, 3, 7];
    let seen = send(lab, inside, &first().tcp_with((own, 80), SYN, [1, 0], &options, b""));
    answer(lab, inside, &seen, |back, (to, from)| back.tcp((from, to), SYN | ACK, 9, 2, b""));
    for _ in 0..3 {
        let odd = [ACK, PSH | ACK, FIN | ACK, RST, RST | ACK, SYN, FIN, 0][dice.below(8)];
        send(lab, inside, &first().tcp((own, 80), odd, 2, 10, b"data"));
    }
}

#[track_caller]
fn send(lab: &mut Lab, inside: bool, packet: &Packet) -> Vec<Seen> {
    if inside { lab.lan(packet) } else { lab.wan(packet) }
}

/// The host that a single packet reached on the other side answers it; `make` is given what the packet's
/// source and destination ports were.
fn answer(
    lab: &mut Lab,
    inside: bool,
    seen: &[Seen],
    make: impl FnOnce(Packet, (u16, u16)) -> Packet,
) {
    let other = if inside { "wan0" } else { "lan0" };
    if let [seen] = seen
        && seen.interface == other
    {
        let host = |at: usize| {
            seen.packet()[at..at + 4].iter().map(u8::to_string).collect::<Vec<_>>().join(".")
        };
        send(lab, !inside, &make(Packet::new(&host(16), &host(12)), seen.ports()));
    }
}
