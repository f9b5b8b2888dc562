//! Owns the scenarios of SCTP's connections: chunks, verification tags, checksums, and how long each state lasts.

use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};
use sluice_tests::frame::{Packet, words};

use crate::conntrack::STATEFUL;
use crate::{INSIDE, OUTSIDE, ROUTER_OUT};

differential!(
    from_the_first_chunk_to_the_last,
    ended_at_once,
    under_other_tags,
    what_begins_a_connection,
    chunks_that_cannot_stand_together,
    both_open_at_once,
    another_path,
    any_chunk_in_any_state,
    any_chunk_of_another_path,
    bad_checksums,
    bad_checksums_unasked,
    in_fragments,
    translated,
    translated_in_fragments,
    errors_about_it,
    by_policy,
    v6_life
);

/// Kinds of chunks (RFC 9260 section 3.2).
pub(crate) const DATA: u8 = 0;
pub(crate) const INIT: u8 = 1;
pub(crate) const INIT_ACK: u8 = 2;
pub(crate) const SACK: u8 = 3;
pub(crate) const HEARTBEAT: u8 = 4;
pub(crate) const HEARTBEAT_ACK: u8 = 5;
pub(crate) const ABORT: u8 = 6;
pub(crate) const SHUTDOWN: u8 = 7;
pub(crate) const SHUTDOWN_ACK: u8 = 8;
pub(crate) const ERROR: u8 = 9;
pub(crate) const COOKIE_ECHO: u8 = 10;
pub(crate) const COOKIE_ACK: u8 = 11;
pub(crate) const SHUTDOWN_COMPLETE: u8 = 14;

/// What the end inside wants to be called by, and the one outside.
const INNER: u32 = 0x1111_1111;
const OUTER: u32 = 0x2222_2222;

/// Each more than some seconds from any other.
const SECONDS: [(&str, i64); 8] = [
    ("closed", 1100),
    ("cookie_wait", 1200),
    ("cookie_echoed", 1300),
    ("established", 9000),
    ("shutdown_sent", 1400),
    ("shutdown_recd", 1500),
    ("shutdown_ack_sent", 1600),
    ("heartbeat_sent", 1700),
];

/// Everything may begin; what is INVALID is dropped, and so seen not to come out.
const OPEN: &str = "*filter\n-A FORWARD -m conntrack --ctstate INVALID -j DROP\nCOMMIT";

fn timed(scenario: Scenario) -> Scenario {
    SECONDS.iter().fold(scenario, |scenario, (state, seconds)| {
        let name = format!("net.netfilter.nf_conntrack_sctp_timeout_{state}");
        scenario.with(|setup| setup.with_sysctl(&name, *seconds))
    })
}

/// A chunk with a value of zeroes.
fn chunk(kind: u8, flags: u8, value: usize) -> Vec<u8> {
    let length = u16::try_from(4 + value).expect("a short chunk");
    let header = [vec![kind, flags], words(&[length])].concat();
    [header, vec![0; value.next_multiple_of(4)]].concat()
}

/// INIT or INIT ACK.
fn init(kind: u8, tag: u32) -> Vec<u8> {
    let mut chunk = chunk(kind, 0, 16);
    chunk[4..8].copy_from_slice(&tag.to_be_bytes());
    chunk
}

fn plain(kind: u8) -> Vec<u8> {
    match kind {
        INIT => init(kind, INNER),
        INIT_ACK => init(kind, OUTER),
        DATA => chunk(kind, 3, 13),
        _ => chunk(kind, 0, 4),
    }
}

const PORTS: (u16, u16) = (1000, 80);

fn out(tag: u32, chunks: &[u8]) -> Packet {
    Packet::new(INSIDE, OUTSIDE).sctp(PORTS, tag, chunks)
}

fn back(tag: u32, chunks: &[u8]) -> Packet {
    Packet::new(OUTSIDE, INSIDE).sctp((PORTS.1, PORTS.0), tag, chunks)
}

/// Both ends greet one another.
fn greet(lab: &mut Lab) {
    lab.lan(&out(0, &init(INIT, INNER)));
    lab.wan(&back(INNER, &init(INIT_ACK, OUTER)));
    lab.lan(&out(OUTER, &plain(COOKIE_ECHO)));
    lab.wan(&back(INNER, &plain(COOKIE_ACK)));
}

fn from_the_first_chunk_to_the_last() -> Scenario {
    timed(Scenario::new(STATEFUL, |lab| {
        let inside = |lab: &mut Lab, tag, chunks: &[u8]| {
            lab.lan(&out(tag, chunks));
            lab.compare_timeouts();
        };
        let outside = |lab: &mut Lab, tag, chunks: &[u8]| {
            lab.wan(&back(tag, chunks));
            lab.compare_timeouts();
        };
        inside(lab, 0, &init(INIT, INNER));
        inside(lab, 0, &init(INIT, INNER));
        outside(lab, INNER, &init(INIT_ACK, OUTER));
        inside(lab, OUTER, &[plain(COOKIE_ECHO), plain(DATA)].concat());
        outside(lab, INNER, &[plain(COOKIE_ACK), plain(SACK)].concat());
        inside(lab, OUTER, &[plain(DATA), plain(DATA)].concat());
        outside(lab, INNER, &plain(SACK));
        outside(lab, INNER, &plain(HEARTBEAT));
        inside(lab, OUTER, &plain(HEARTBEAT_ACK));
        outside(lab, INNER, &plain(DATA));
        inside(lab, OUTER, &plain(SHUTDOWN));
        outside(lab, INNER, &plain(DATA));
        outside(lab, INNER, &plain(SHUTDOWN_ACK));
        inside(lab, OUTER, &chunk(SHUTDOWN_COMPLETE, 0, 0));
        // The same ports again.
        inside(lab, 0, &init(INIT, OUTER));
        outside(lab, OUTER, &init(INIT_ACK, INNER));
        // From outside nothing begins.
        lab.wan(&Packet::new(OUTSIDE, INSIDE).sctp((1002, 22), 0, &init(INIT, 5)));
    }))
}

fn ended_at_once() -> Scenario {
    timed(Scenario::new(OPEN, |lab| {
        for (flags, tag) in [(0, INNER), (0, OUTER), (1, INNER), (1, OUTER), (0, 7), (2, INNER)] {
            for kind in [ABORT, SHUTDOWN_COMPLETE] {
                greet(lab);
                lab.wan(&back(INNER, &plain(SHUTDOWN_ACK)));
                lab.wan(&back(tag, &chunk(kind, flags, 0)));
                lab.compare_timeouts();
                lab.lan(&out(tag, &chunk(kind, flags, 0)));
                lab.compare_timeouts();
                lab.flush_connections();
            }
        }
    }))
}

fn under_other_tags() -> Scenario {
    timed(Scenario::new(OPEN, |lab| {
        let first = init(INIT, INNER);
        lab.lan(&out(5, &first));
        lab.lan(&out(0, &first));
        for tag in [0, OUTER, 5, INNER] {
            lab.wan(&back(tag, &init(INIT_ACK, OUTER)));
        }
        for tag in [0, INNER, 5, OUTER] {
            lab.lan(&out(tag, &plain(COOKIE_ECHO)));
        }
        for tag in [0, OUTER, 5, INNER] {
            lab.wan(&back(tag, &plain(COOKIE_ACK)));
        }
        lab.compare_timeouts();
        for tag in [0, INNER, 5, OUTER] {
            for kind in [DATA, SACK, ERROR, 12, 13, 15, 16, 63, 64, 128, 192, 255] {
                lab.lan(&out(tag, &plain(kind)));
                lab.wan(&back(tag, &plain(kind)));
            }
        }
        lab.compare_timeouts();
    }))
}

fn what_begins_a_connection() -> Scenario {
    timed(Scenario::new(OPEN, |lab| {
        for tag in [0, 7] {
            for kind in 0..20 {
                lab.lan(&out(tag, &plain(kind)));
                lab.compare_timeouts();
                lab.wan(&back(tag, &plain(SHUTDOWN_COMPLETE)));
                lab.wan(&back(tag, &chunk(ABORT, 1, 0)));
                lab.wan(&back(tag, &plain(HEARTBEAT_ACK)));
                lab.compare_timeouts();
                lab.flush_connections();
            }
            for kinds in [
                [HEARTBEAT, DATA],
                [HEARTBEAT, HEARTBEAT_ACK],
                [HEARTBEAT, ERROR],
                [HEARTBEAT, SHUTDOWN],
                [SHUTDOWN_ACK, ERROR],
                [ERROR, 64],
            ] {
                for answer in [DATA, HEARTBEAT_ACK, SHUTDOWN] {
                    lab.lan(&out(tag, &kinds.map(plain).concat()));
                    lab.compare_timeouts();
                    for tag in [5, 0, 7] {
                        lab.wan(&back(tag, &plain(answer)));
                    }
                    lab.compare_timeouts();
                    lab.flush_connections();
                }
            }
        }
    }))
}

fn chunks_that_cannot_stand_together() -> Scenario {
    timed(Scenario::new(OPEN, |lab| {
        let first = init(INIT, INNER);
        for length in [8, 11, 12, 13, 15, 16, 20, 31] {
            let mut packet = out(0, &first);
            packet.payload.truncate(length);
            lab.lan(&packet);
        }
        for length in [0, 3, 4, 19, 20, 24] {
            lab.lan(&out(0, &first[..length.min(20)]));
            lab.lan(&out(0, &[&first[..], &vec![9; length]].concat()));
        }
        lab.compare_timeouts();
        lab.flush_connections();
        greet(lab);
        for second in [DATA, INIT, INIT_ACK, COOKIE_ECHO, COOKIE_ACK, SHUTDOWN_COMPLETE, ABORT] {
            lab.lan(&out(OUTER, &[plain(SACK), plain(second)].concat()));
            lab.lan(&out(OUTER, &[plain(second), plain(SACK)].concat()));
        }
        // No length, less than a header, more than the packet; none at all.
        for odd in [&[0, 0, 0, 0][..], &[0, 0, 0, 1], &[0, 0, 0, 99], &[], &[0, 0, 0], &[0]] {
            lab.lan(&out(OUTER, odd));
            lab.lan(&out(OUTER, &[&plain(SACK), odd].concat()));
        }
        lab.compare_timeouts();
    }))
}

fn both_open_at_once() -> Scenario {
    timed(Scenario::new(OPEN, |lab| {
        lab.lan(&out(0, &init(INIT, INNER)));
        lab.wan(&back(0, &init(INIT, OUTER)));
        lab.lan(&out(OUTER, &init(INIT_ACK, 7)));
        lab.lan(&out(OUTER, &init(INIT_ACK, INNER)));
        lab.wan(&back(INNER, &init(INIT_ACK, 7)));
        lab.wan(&back(INNER, &init(INIT_ACK, OUTER)));
        lab.compare_timeouts();
        lab.wan(&back(INNER, &plain(COOKIE_ECHO)));
        lab.lan(&out(OUTER, &plain(COOKIE_ECHO)));
        lab.lan(&out(OUTER, &plain(COOKIE_ACK)));
        lab.compare_timeouts();
        // One end has restarted.
        lab.lan(&out(0, &init(INIT, 9)));
        lab.wan(&back(9, &init(INIT_ACK, 10)));
        lab.lan(&out(10, &plain(COOKIE_ECHO)));
        lab.wan(&back(9, &plain(COOKIE_ACK)));
        lab.lan(&out(10, &plain(DATA)));
        lab.compare_timeouts();
    }))
}

fn another_path() -> Scenario {
    timed(Scenario::new(OPEN, |lab| {
        lab.lan(&out(OUTER, &plain(HEARTBEAT)));
        lab.compare_timeouts();
        lab.lan(&out(OUTER, &plain(HEARTBEAT)));
        lab.wan(&back(INNER, &plain(DATA)));
        lab.wan(&back(INNER, &plain(HEARTBEAT_ACK)));
        lab.compare_timeouts();
        lab.lan(&out(OUTER, &plain(DATA)));
        lab.wan(&back(INNER, &plain(SACK)));
        // Under new tags: the answer shows that they are known.
        lab.lan(&out(7, &[plain(HEARTBEAT), plain(DATA)].concat()));
        lab.lan(&out(7, &plain(HEARTBEAT)));
        lab.lan(&out(7, &plain(DATA)));
        lab.wan(&back(8, &plain(HEARTBEAT_ACK)));
        lab.lan(&out(7, &plain(DATA)));
        lab.wan(&back(8, &plain(DATA)));
        lab.lan(&out(7, &plain(HEARTBEAT)));
        lab.lan(&out(7, &plain(DATA)));
        lab.lan(&out(9, &plain(HEARTBEAT)));
        lab.lan(&out(9, &plain(HEARTBEAT_ACK)));
        lab.wan(&back(6, &[plain(HEARTBEAT_ACK), plain(HEARTBEAT_ACK)].concat()));
        lab.compare_timeouts();
    }))
}

/// A walk that repeats: the same numbers each time.
struct Dice(u32);

impl Dice {
    fn of<T: Copy>(&mut self, list: &[T]) -> T {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        list[(self.0 >> 16) as usize % list.len()]
    }
}

const KINDS: [u8; 13] = [
    DATA,
    INIT,
    INIT_ACK,
    SACK,
    HEARTBEAT,
    HEARTBEAT_ACK,
    ABORT,
    SHUTDOWN,
    SHUTDOWN_ACK,
    ERROR,
    COOKIE_ECHO,
    COOKIE_ACK,
    SHUTDOWN_COMPLETE,
];

/// Chunks drawn from `kinds`, of both ends, mostly under tags that fit.
fn walk(lab: &mut Lab, seed: u32, first: &[u8], kinds: &[u8]) {
    let mut dice = Dice(seed);
    lab.note(&format!(" (seed {seed})"));
    lab.lan(&out(if first[0] == INIT { 0 } else { OUTER }, first));
    for _ in 0..25 {
        let from_inside = dice.of(&[true, false]);
        let mut chunks = Vec::new();
        for _ in 0..dice.of(&[1, 1, 1, 2, 3]) {
            let kind = dice.of(kinds);
            chunks.extend(match kind {
                INIT | INIT_ACK => init(kind, dice.of(&[INNER, OUTER, 7])),
                _ => chunk(kind, dice.of(&[0, 0, 1]), 4),
            });
        }
        let own = if from_inside { OUTER } else { INNER };
        let usual = if chunks[0] == INIT { 0 } else { own };
        let tag = dice.of(&[usual, usual, usual, usual, INNER, OUTER, 0, 7]);
        match from_inside {
            true => lab.lan(&out(tag, &chunks)),
            false => lab.wan(&back(tag, &chunks)),
        };
        lab.compare_timeouts();
    }
    lab.flush_connections();
}

fn any_chunk_in_any_state() -> Scenario {
    timed(Scenario::new(OPEN, |lab| {
        for seed in 0..6 {
            walk(lab, seed, &init(INIT, INNER), &KINDS);
        }
    }))
}

fn any_chunk_of_another_path() -> Scenario {
    let kinds =
        [HEARTBEAT, HEARTBEAT_ACK, DATA, HEARTBEAT, HEARTBEAT_ACK, SHUTDOWN, INIT, COOKIE_ACK];
    timed(Scenario::new(OPEN, move |lab| {
        for seed in 100..106 {
            walk(lab, seed, &plain(HEARTBEAT), &kinds);
        }
    }))
}

fn spoilt(lab: &mut Lab) {
    lab.lan(&out(0, &init(INIT, INNER)).spoil(8));
    lab.lan(&out(0, &init(INIT, INNER)));
    lab.wan(&back(INNER, &init(INIT_ACK, OUTER)).spoil(11));
    lab.wan(&back(INNER, &init(INIT_ACK, OUTER)));
    lab.lan(&out(OUTER, &plain(COOKIE_ECHO)).spoil(9));
    lab.compare_timeouts();
}

fn bad_checksums() -> Scenario {
    timed(Scenario::new(STATEFUL, spoilt))
}

fn bad_checksums_unasked() -> Scenario {
    timed(Scenario::new(STATEFUL, spoilt))
        .with(|setup| setup.with_sysctl("net.netfilter.nf_conntrack_checksum", 0))
}

fn in_fragments() -> Scenario {
    timed(Scenario::new(OPEN, |lab| {
        let pieces = |lab: &mut Lab, packet: &Packet| {
            for part in packet.fragments(&[8, 8, 16]) {
                lab.lan(&part);
            }
            lab.compare_timeouts();
        };
        pieces(lab, &out(0, &init(INIT, INNER)).spoil(9));
        pieces(lab, &out(0, &init(INIT, INNER)));
        lab.wan(&back(INNER, &init(INIT_ACK, OUTER)));
        pieces(lab, &out(OUTER, &plain(COOKIE_ECHO)));
        lab.wan(&back(INNER, &plain(COOKIE_ACK)));
        pieces(lab, &out(OUTER, &chunk(DATA, 3, 100)));
        pieces(lab, &out(5, &chunk(DATA, 3, 100)));
        // What matters stands in a later fragment.
        pieces(lab, &out(OUTER, &[chunk(DATA, 3, 100), plain(INIT)].concat()));
        pieces(
            lab,
            &out(OUTER, &[chunk(DATA, 3, 100), chunk(DATA, 3, 61), plain(SHUTDOWN)].concat()),
        );
        pieces(lab, &out(OUTER, &[chunk(DATA, 3, 100), vec![0; 4]].concat()));
        // A chunk's header lies in two.
        pieces(lab, &out(OUTER, &[chunk(DATA, 3, 12), plain(ABORT)].concat()));
    }))
}

const NAT: &str = "
    *nat
    -A POSTROUTING -o wan0 -p sctp -j SNAT --to-source 192.168.1.146:5000-5001
    -A PREROUTING -i wan0 -p sctp --dport 99 -j DNAT --to-destination 10.1.0.2:9
    COMMIT
    *filter
    -A FORWARD -m conntrack --ctstate INVALID -j DROP
    COMMIT";

/// The same ports from two hosts, and a server inside.
fn nat(lab: &mut Lab, lengths: &'static [usize]) {
    let inside = |lab: &mut Lab, packet: &Packet| {
        for part in packet.fragments(lengths) {
            lab.lan(&part);
        }
    };
    let outside = |lab: &mut Lab, packet: &Packet| {
        for part in packet.fragments(lengths) {
            lab.wan(&part);
        }
    };
    for host in [INSIDE, crate::INSIDE_2] {
        let port = if host == INSIDE { 5000 } else { 5001 };
        let out = |tag, chunks: &[u8]| Packet::new(host, OUTSIDE).sctp((port, 80), tag, chunks);
        let back =
            |tag, chunks: &[u8]| Packet::new(OUTSIDE, ROUTER_OUT).sctp((80, port), tag, chunks);
        inside(lab, &out(0, &init(INIT, INNER)));
        outside(lab, &back(INNER, &init(INIT_ACK, OUTER)));
        inside(lab, &out(OUTER, &plain(COOKIE_ECHO)));
        outside(lab, &back(INNER, &plain(COOKIE_ACK)));
        inside(lab, &out(OUTER, &plain(DATA)));
        outside(lab, &back(INNER, &plain(DATA)));
    }
    let ask = |tag, chunks: &[u8]| Packet::new(OUTSIDE, ROUTER_OUT).sctp((7, 99), tag, chunks);
    let answer = |tag, chunks: &[u8]| Packet::new(INSIDE, OUTSIDE).sctp((9, 7), tag, chunks);
    outside(lab, &ask(0, &init(INIT, INNER)));
    inside(lab, &answer(INNER, &init(INIT_ACK, OUTER)));
    outside(lab, &ask(OUTER, &plain(COOKIE_ECHO)));
    inside(lab, &answer(INNER, &plain(COOKIE_ACK)));
    outside(lab, &ask(OUTER, &chunk(DATA, 3, 99)));
    lab.compare_timeouts();
}

fn translated() -> Scenario {
    timed(Scenario::new(NAT, |lab| {
        nat(lab, &[]);
        // One whose checksum is wrong leaves with a right one, if nobody minds.
        let data = chunk(DATA, 3, 20);
        lab.wan(&Packet::new(OUTSIDE, ROUTER_OUT).sctp((7, 99), OUTER, &data).spoil(8));
    }))
    .with(|setup| setup.with_sysctl("net.netfilter.nf_conntrack_checksum", 0))
}

fn translated_in_fragments() -> Scenario {
    timed(Scenario::new(NAT, |lab| nat(lab, &[8, 8])))
}

fn errors_about_it() -> Scenario {
    timed(Scenario::new(NAT, |lab| {
        let out = |tag, chunks: &[u8]| Packet::new(INSIDE, OUTSIDE).sctp((5001, 80), tag, chunks);
        lab.lan(&Packet::new(crate::INSIDE_2, OUTSIDE).sctp((5001, 80), 0, &init(INIT, 5)));
        lab.lan(&out(0, &init(INIT, INNER)));
        let about = Packet::new(ROUTER_OUT, OUTSIDE).sctp((5000, 80), 0, &init(INIT, INNER));
        let bytes = about.bytes();
        for length in [28, 30, 32, 40, bytes.len()] {
            let error = Packet::new(OUTSIDE, ROUTER_OUT).icmp_error(3, 3, 0, &bytes[..length]);
            lab.wan(&error);
        }
    }))
}

/// Its states by the names that nfct(8) has for them.
const POLICIES: &str = r#"
    [timeouts.slow]
    protocol = "sctp"
    family = "ipv4"
    closed = 2100
    cookie_wait = 2200
    cookie_echoed = 2300
    established = 2400
    shutdown_sent = 2500
    shutdown_recd = 2600
    shutdown_ack_sent = 2700
    heartbeat_sent = 2800
    [timeouts.half]
    protocol = "sctp"
    family = "ipv4"
    heartbeat_sent = 2900
"#;

fn by_policy() -> Scenario {
    let rules = format!(
        "*raw
        -A PREROUTING -p sctp --sport 1000 -j CT --timeout slow
        -A PREROUTING -p sctp --sport 80 -j CT --timeout slow
        -A PREROUTING -p sctp -j CT --timeout half
        COMMIT
        {OPEN}"
    );
    let play = |lab: &mut Lab| {
        for kinds in [[SHUTDOWN, SHUTDOWN_ACK], [HEARTBEAT, DATA], [SHUTDOWN_ACK, SACK]] {
            lab.lan(&out(0, &init(INIT, INNER)));
            lab.compare_timeouts();
            lab.wan(&back(INNER, &init(INIT_ACK, OUTER)));
            lab.compare_timeouts();
            lab.lan(&out(OUTER, &plain(COOKIE_ECHO)));
            lab.compare_timeouts();
            lab.wan(&back(INNER, &plain(COOKIE_ACK)));
            for kind in kinds {
                lab.lan(&out(OUTER, &plain(kind)));
                lab.compare_timeouts();
                lab.wan(&back(INNER, &plain(kind)));
                lab.compare_timeouts();
            }
            lab.flush_connections();
        }
        lab.lan(&out(OUTER, &plain(HEARTBEAT)));
        lab.lan(&Packet::new(INSIDE, OUTSIDE).sctp((1001, 90), 5, &plain(HEARTBEAT)));
        lab.compare_timeouts();
    };
    timed(Scenario::new(&rules, play).with(|setup| setup.with_timeouts(POLICIES)))
}

fn v6_life() -> Scenario {
    let (inside, outside) = ("fd00:1::2", "fd00:2::9");
    timed(Scenario::new_v6(OPEN, move |lab| {
        let out = |tag, chunks: &[u8]| Packet::new(inside, outside).sctp(PORTS, tag, chunks);
        let back = |tag, chunks: &[u8]| Packet::new(outside, inside).sctp((80, 1000), tag, chunks);
        lab.lan(&out(0, &init(INIT, INNER)).spoil(9));
        lab.lan(&out(0, &init(INIT, INNER)));
        lab.wan(&back(INNER, &init(INIT_ACK, OUTER)));
        lab.lan(&out(OUTER, &plain(COOKIE_ECHO)));
        lab.compare_timeouts();
        lab.wan(&back(INNER, &plain(COOKIE_ACK)));
        for part in out(OUTER, &chunk(DATA, 3, 100)).fragments(&[16, 16]) {
            lab.lan(&part);
        }
        lab.wan(&back(OUTER, &plain(DATA)));
        lab.wan(&back(INNER, &plain(SHUTDOWN)));
        lab.compare_timeouts();
        lab.lan(&out(OUTER, &plain(SHUTDOWN_ACK)));
        lab.wan(&back(INNER, &chunk(SHUTDOWN_COMPLETE, 1, 0)));
        lab.wan(&back(OUTER, &chunk(SHUTDOWN_COMPLETE, 1, 0)));
        lab.compare_timeouts();
    }))
}
