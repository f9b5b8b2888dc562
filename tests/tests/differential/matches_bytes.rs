//! Owns the scenarios of matches that read the packet's bytes by number, u32 and bpf, and of cpu.
//!
//! Rules without a target count what they match, and the counters are compared.

use std::fmt::Write as _;

use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};
use sluice_tests::frame::{Packet, flags};

use crate::matches::shown;
use crate::{FAR, INSIDE, INSIDE_2, OUTSIDE, ROUTER_IN};

differential!(numbers, numbers_v6, any_numbers, programs, programs_v6, any_programs, processors);

/// Packets that differ in what is read of them.
fn talk(lab: &mut Lab) {
    for (source, destination) in [(INSIDE, OUTSIDE), (INSIDE_2, FAR)] {
        let packet = || Packet::new(source, destination);
        for length in [0, 1, 2, 3, 4, 18, 100] {
            lab.lan(&packet().id(9).udp(1000, 53, &vec![0x53; length]));
        }
        lab.lan(&packet().tos(0x20).ttl(9).udp(53, 1000, b"SSTT"));
        lab.lan(&packet().options(&[1, 1, 1, 1]).udp(7, 9, b"behind options"));
        lab.lan(&packet().tcp((1000, 80), flags::SYN, 0xffff_fff0, 0, b""));
        lab.lan(&packet().tcp((1000, 22), flags::ACK, 1, 1, b"SSH-2.0"));
        lab.lan(&packet().ping(7, 1, b"echo"));
        lab.lan(&packet().raw(253, &[0xff; 3]));
        lab.lan(&packet().raw(253, b""));
    }
    for (destination, port) in [(INSIDE, 999), ("192.168.1.200", 1000)] {
        lab.wan(&Packet::new(OUTSIDE, destination).udp(53, port, b"answer"));
        lab.wan(&Packet::new(OUTSIDE, destination).tcp((22, port), flags::ACK, 1, 8, b"SSH-2"));
    }
    lab.lan(&Packet::new(INSIDE, ROUTER_IN).ping(7, 1, b"echo"));
    lab.lan(&Packet::new(INSIDE, ROUTER_IN).tcp((1000, 80), flags::SYN, 1, 0, b""));
}

fn numbers() -> Scenario {
    // The examples of iptables-extensions(8), and what lies at the ends.
    let rules = shown(&[
        "-m u32 --u32 \"0>>22&0x3C@0>>16=0x35\"",
        "-m u32 --u32 \"4>>16=9&&0&0xffff=0x1c:0x20\"",
        "-m u32 --u32 \"6&0xFF=1&&4&0x3FFF=0&&0>>22&0x3C@0>>24=0:8\"",
        "-m u32 --u32 \"6&0xFF=6&&4&0x1FFF=0&&0>>22&0x3C@12>>26&0x3C@0=0x5353482d,0x5353482D,0x53485353:0x5353ffff\"",
        "-m u32 --u32 \"0>>22&0x3C@8=0x53535454,0x53535353\"",
        "-m u32 ! --u32 \"24=0:0xffffffff\"",
        "-m u32 --u32 \"20=0:0xffffffff&&20&0xffff=0x35\"",
        "-m u32 ! --u32 \"28>>24=0x53\" -p udp --dport 53",
        "-m u32 --u32 \"0>>24=0x46\"",
        "-m u32 --u32 \"16@0=0:0xffffffff\"",
        "-m u32 --u32 \"8>>24=8,62:63\" -p tcp",
        "-m u32 --u32 \"0&0@0>>28=4\" -p icmp",
        "-m u32 --u32 \"4294967295=0\"",
        "-m u32 --u32 \"0&4@4294967292=0:0xffffffff\"",
    ]);
    Scenario::new(&rules, |lab| {
        talk(lab);
        lab.compare_counters("mangle");
    })
}

const CLIENT6: &str = "fd00:1::2";
const SERVER6: &str = "fd00:2::9";

fn talk_v6(lab: &mut Lab) {
    for destination in [SERVER6, "fd00:1::1"] {
        let packet = || Packet::new(CLIENT6, destination);
        for length in [0, 1, 20] {
            lab.lan(&packet().udp(1000, 53, &vec![0x53; length]));
        }
        lab.lan(&packet().tcp((1000, 80), flags::SYN, 0xffff_fff0, 0, b""));
        lab.lan(&packet().tos(0x20).ping(7, 1, b"echo"));
    }
}

fn numbers_v6() -> Scenario {
    let rules = shown(&[
        "-m u32 --u32 \"4&0xff00=0x1100&&40&0xffff=53\"",
        "-m u32 --u32 \"0>>20=0x602\"",
        "-m u32 --u32 \"4>>16=0:20\"",
        "-m u32 ! --u32 \"48=0:0xffffffff\"",
        "-m u32 --u32 \"24=0xfd000002\" -p tcp",
    ]);
    Scenario::new_v6(&rules, talk_v6)
}

/// xorshift64* (Vigna 2016): the same numbers on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).expect("31 bits") % end
    }
}

/// Where packets meet rules, before and behind a translation. What the router says itself has numbers drawn at random.
const PLACES: [(&str, &str); 4] = [
    ("raw", "PREROUTING"),
    ("mangle", "INPUT"),
    ("mangle", "FORWARD"),
    ("mangle", "POSTROUTING -o wan0"),
];

/// Rules of one match at every place; whoever answers counts them.
fn everywhere(seed: u64, one: impl Fn(&mut Dice) -> String) -> String {
    let mut dice = Dice(seed);
    let mut text = String::new();
    for table in ["raw", "mangle"] {
        writeln!(text, "*{table}").expect("a string takes any text");
        for (_, chain) in PLACES.iter().filter(|(of, _)| *of == table) {
            for _ in 0..24 {
                writeln!(text, "-A {chain} {}", one(&mut dice)).expect("a string takes any text");
            }
        }
        text.push_str("COMMIT\n");
    }
    text + "*nat\n-A POSTROUTING -o wan0 -j SNAT --to-source 192.168.1.200\nCOMMIT"
}

/// What the rules of `everywhere` count of all that `talk` says.
fn counted(rules: &str) -> Scenario {
    Scenario::new(rules, |lab| {
        talk(lab);
        lab.compare_counters("raw");
        lab.compare_counters("mangle");
    })
}

fn any_numbers() -> Scenario {
    let test = |dice: &mut Dice| {
        let mut text = format!("{}", dice.below(44));
        for _ in 0..dice.below(5) {
            let (sign, end) =
                [("&", 0x1_0000), ("<<", 32), (">>", 32), ("@", 12), (">>24@", 12)][dice.below(5)];
            write!(text, "{sign}{}", dice.below(end)).expect("a string takes any text");
        }
        let from = dice.below(100);
        write!(text, "={from}:{}", from + dice.below(0x7000_0000))
            .expect("a string takes any text");
        text
    };
    counted(&everywhere(3, |dice| {
        let bang = if dice.below(4) == 0 { "! " } else { "" };
        let tests: Vec<String> = (0..1 + dice.below(2)).map(|_| test(dice)).collect();
        format!("-m u32 {bang}--u32 \"{}\"", tests.join("&&"))
    }))
}

/// `-m bpf` with these instructions.
fn bpf(program: &[(u16, u8, u8, u32)]) -> String {
    let one = |(code, jt, jf, k): &(u16, u8, u8, u32)| format!("{code} {jt} {jf} {k}");
    let text: Vec<String> = program.iter().map(one).collect();
    format!("-m bpf --bytecode \"{},{}\"", program.len(), text.join(","))
}

const YES: (u16, u8, u8, u32) = (0x06, 0, 0, 1);
const NO: (u16, u8, u8, u32) = (0x06, 0, 0, 0);
const ACCUMULATOR: (u16, u8, u8, u32) = (0x16, 0, 0, 0);

/// Whether a load gives that number.
fn equals(load: (u16, u8, u8, u32), number: u32) -> String {
    bpf(&[load, (0x15, 0, 1, number), YES, NO])
}

/// `SKF_AD_OFF`, `SKF_NET_OFF`, `SKF_LL_OFF`.
const FACT: u32 = 0xffff_f000;
const NET: u32 = 0xfff0_0000;
const LINK: u32 = 0xffe0_0000;

/// Loads that ask for everything a program can ask for, for one chain.
fn loads() -> Vec<String> {
    vec![
        // The port behind the header, however long that is.
        bpf(&[(0xb1, 0, 0, 0), (0x48, 0, 0, 2), (0x15, 0, 1, 53), YES, NO]),
        equals((0x30, 0, 0, 9), 6),
        equals((0x20, 0, 0, 28), 0x5353_5353),
        equals((0x80, 0, 0, 0), 28),
        equals((0x30, 0, 0, NET + 8), 9),
        equals((0x28, 0, 0, LINK + 12), 0x0800),
        equals((0x20, 0, 0, LINK), 0x0200_0000),
        equals((0x30, 0, 0, LINK + 14), 0x46),
        equals((0x28, 0, 0, FACT), 0x0800),
        equals((0x28, 0, 0, FACT), 0x86dd),
        equals((0x30, 0, 0, FACT + 4), 0),
        equals((0x20, 0, 0, FACT + 20), 7),
        equals((0x20, 0, 0, FACT + 28), 1),
        equals((0x20, 0, 0, FACT + 44), 0),
        equals((0x20, 0, 0, FACT + 48), 0),
        equals((0x20, 0, 0, FACT + 60), 0),
        // Sums over the first bytes of the payload; X is 0 for some packets.
        bpf(&[
            (0x30, 0, 0, 28),
            (0x07, 0, 0, 0),
            (0x80, 0, 0, 0),
            (0x9c, 0, 0, 0),
            (0x15, 0, 1, 28),
            YES,
            NO,
        ]),
        bpf(&[(0xb1, 0, 0, 40), YES]),
        bpf(&[(0x00, 0, 0, 1), (0x20, 0, 0, FACT + 8), YES]),
        bpf(&[
            (0x30, 0, 0, 9),
            (0x02, 0, 0, 15),
            (0x00, 0, 0, 0),
            (0x60, 0, 0, 15),
            (0x54, 0, 0, 4),
            ACCUMULATOR,
        ]),
    ]
}

fn programs() -> Scenario {
    let mut rules = "*mangle\n-A PREROUTING -p udp -j MARK --set-mark 7\n".to_owned();
    for chain in ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"] {
        for load in loads() {
            writeln!(rules, "-A {chain} {load}").expect("a string takes any text");
        }
    }
    rules.push_str("COMMIT");
    Scenario::new(&rules, |lab| {
        talk(lab);
        lab.compare_counters("mangle");
    })
}

fn programs_v6() -> Scenario {
    let loads = loads();
    let loads: Vec<&str> = loads.iter().map(String::as_str).collect();
    Scenario::new_v6(&shown(&loads), talk_v6)
}

/// Codes of instructions that neither jump nor return nor touch memory.
const CODES: [u16; 35] = [
    0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0x80, 0x00, 0x60, 0xb1, 0x81, 0x01, 0x61, 0x02, 0x03, 0x04,
    0x0c, 0x14, 0x1c, 0x24, 0x2c, 0x34, 0x3c, 0x44, 0x4c, 0x54, 0x5c, 0x64, 0x6c, 0x74, 0x7c, 0x84,
    0x94, 0x9c, 0xac,
];
const JUMPS: [u16; 9] = [0x05, 0x15, 0x25, 0x35, 0x45, 0x1d, 0x2d, 0x3d, 0x4d];

/// A program that the kernel takes: its memory is written first.
fn program(dice: &mut Dice) -> Vec<(u16, u8, u8, u32)> {
    let mut program = vec![(0x02, 0, 0, 0), (0x03, 0, 0, 1), (0x28, 0, 0, 2), (0xb1, 0, 0, 0)];
    let length = 2 + dice.below(10);
    for left in (0..length).rev() {
        if left > 0 && dice.below(4) == 0 {
            let (yes, no) = (dice.below(left.min(4)), dice.below(left.min(4)));
            let (yes, no) = (u8::try_from(yes).expect("3 bits"), u8::try_from(no).expect("3 bits"));
            let code = JUMPS[dice.below(JUMPS.len())];
            let k = if code == 0x05 { yes.into() } else { dice.below(60) };
            program.push((code, yes, no, u32::try_from(k).expect("6 bits")));
            continue;
        }
        let code = CODES[dice.below(CODES.len())];
        let end = match code {
            0x60 | 0x61 | 0x02 | 0x03 => 2,
            0x20 | 0x28 | 0x30 => 40,
            0x64 | 0x74 => 30,
            _ => 20,
        };
        let k = u32::try_from(1 + dice.below(end)).expect("6 bits");
        let k = if matches!(code, 0x60 | 0x61 | 0x02 | 0x03) { k - 1 } else { k };
        program.push((code, 0, 0, k));
    }
    program.extend([
        (0x54, 0, 0, 7),
        (0x15, 0, 1, u32::try_from(dice.below(8)).expect("3 bits")),
        YES,
        NO,
    ]);
    program
}

fn any_programs() -> Scenario {
    counted(&everywhere(5, |dice| bpf(&program(dice))))
}

/// Which processor it is, the kernel says by chance; but it is one of those there are.
fn processors() -> Scenario {
    let rules = shown(&[
        "-m cpu ! --cpu 4294967295",
        "-p udp --dport 2 -m cpu --cpu 4000",
        "-p udp --dport 3 -m cpu ! --cpu 4000",
    ]);
    Scenario::new(&rules, |lab| {
        for port in [1, 2, 3, 2] {
            lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, port, b"whose"));
        }
    })
}
