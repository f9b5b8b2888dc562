//! Owns the scenarios of SYNPROXY. The numbers that a router draws, its cookies and its clock, are compared as if
//! every router drew the same.

use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario, Seen};
use sluice_tests::frame::{Packet, flags};

use crate::{INSIDE, INSIDE_2, OUTSIDE};

differential!(
    greetings,
    greetings_ipv6,
    conversation,
    conversation_ipv6,
    without_timestamps,
    without_timestamps_ipv6,
    cookies_that_are_none,
    impatient_client,
    greeted_twice,
    refused_by_the_server,
    again_with_the_same_ports,
    sacks_and_odd_options,
    translated,
    asked_of_the_gateway,
    without_notrack,
);

use flags::{ACK, FIN, PSH, RST, SYN};

const ECE_CWR: u8 = 0xc0;

/// What stands for the sequence number, and for the time, that the router drew.
const COOKIE: u32 = 0x1000_0000;
const TIME: u32 = 0x2000_0000;
/// What a server's clock says, far from what any router says.
const SERVER_TIME: u32 = 0x7000_0000;
/// Low bits of a greeting's time, which say what the client offered.
const OFFER: u32 = 0x3f;

/// SYNs go by untracked, and connections that were not seen to begin are none.
fn guarded(rules: &str) -> String {
    format!(
        "*raw
        -A PREROUTING -p tcp --syn -j CT --notrack
        COMMIT
        *filter
        {rules}
        -A FORWARD -m conntrack --ctstate INVALID -j DROP
        COMMIT"
    )
}

const FULL: &str = "-A FORWARD -p tcp --dport 80 -m conntrack --ctstate INVALID,UNTRACKED -j SYNPROXY \
     --sack-perm --timestamp --wscale 7 --mss 1460";
const MSS_ONLY: &str =
    "-A FORWARD -p tcp --dport 80 -m conntrack --ctstate INVALID,UNTRACKED -j SYNPROXY --mss 1400";

fn scenario(rules: &str, play: impl Fn(&mut Lab) + Sync + 'static) -> Scenario {
    Scenario::new(rules, play)
        .with(|setup| setup.with_sysctl("net.netfilter.nf_conntrack_tcp_loose", 0))
}

fn scenario_v6(rules: &str, play: impl Fn(&mut Lab) + Sync + 'static) -> Scenario {
    Scenario::new_v6(rules, play)
        .with(|setup| setup.with_sysctl("net.netfilter.nf_conntrack_tcp_loose", 0))
}

/// Two hosts: a client inside, a server outside.
#[derive(Clone, Copy)]
struct Hosts(&'static str, &'static str);

const V4: Hosts = Hosts(INSIDE, OUTSIDE);
const V6: Hosts = Hosts("fd00:1::2", "fd00:2::9");

impl Hosts {
    fn out(self) -> Packet {
        Packet::new(self.0, self.1)
    }
    fn back(self) -> Packet {
        Packet::new(self.1, self.0)
    }
}

/// What a segment says: sequence number, acknowledgement, timestamps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said {
    pub(crate) seq: u32,
    ack: u32,
    times: Option<[u32; 2]>,
}

fn said(seen: &Seen) -> Said {
    let packet = seen.packet();
    let segment = &packet[if packet[0] >> 4 == 6 { 40 } else { 20 }..];
    let number = |at: usize| u32::from_be_bytes(segment[at..at + 4].try_into().unwrap());
    let mut at = 20;
    let mut times = None;
    while at + 1 < usize::from(segment[12] >> 4) * 4 && segment[at] != 0 {
        match segment[at] {
            1 => at += 1,
            kind => {
                if kind == 8 {
                    times = Some([number(at + 2), number(at + 6)]);
                }
                at += usize::from(segment[at + 1].max(2));
            }
        }
    }
    Said { seq: number(4), ack: number(8), times }
}

/// Timestamps after two bytes of nothing.
fn times(own: u32, echoed: u32) -> Vec<u8> {
    [vec![1, 1, 8, 10], own.to_be_bytes().into(), echoed.to_be_bytes().into()].concat()
}

/// What Linux offers: MSS, SACK, timestamps, window scale.
fn offer(mss: u16, time: u32) -> Vec<u8> {
    let [high, low] = mss.to_be_bytes();
    [vec![2, 4, high, low, 4, 2, 8, 10], time.to_be_bytes().into(), vec![0, 0, 0, 0, 1, 3, 3, 9]]
        .concat()
}

/// A client's SYN is answered; what with, the numbers of the answer noted.
pub(crate) fn greeted(lab: &mut Lab, syn: &Packet) -> Option<Said> {
    let answer = lab.lan(syn);
    let said = said(answer.first()?);
    lab.drawn_number(said.seq, COOKIE);
    if let Some([time, _]) = said.times {
        lab.drawn_number(time & !OFFER, TIME);
    }
    Some(said)
}

const OFFERS: [&[u8]; 9] = [
    &[],
    &[2, 4, 5, 180],
    &[2, 4, 5, 180, 1, 3, 3, 7],
    &[2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 77, 0, 0, 0, 0, 1, 3, 3, 10],
    &[1, 1, 8, 10, 0, 0, 0, 77, 0, 0, 0, 5],
    &[1, 1, 8, 10, 0, 0, 0, 77, 0, 0, 0, 0, 3, 3, 15, 1],
    &[4, 2, 8, 10, 0, 0, 0, 77, 0, 0, 0, 0],
    &[2, 4, 2, 0, 0, 0, 4, 2],
    &[2, 4, 5, 180, 8, 99, 0, 0],
];

/// Port by port what servers are known to offer.
const KNOWN: [&str; 7] = [
    "--dport 80 -j SYNPROXY --sack-perm --timestamp --wscale 7 --mss 1460",
    "--dport 81 -j SYNPROXY --sack-perm --wscale 7 --mss 1460",
    "--dport 82 -j SYNPROXY --mss 536",
    "--dport 83 -j SYNPROXY",
    "--dport 84 -j SYNPROXY --sack-perm --timestamp --wscale 14 --mss 9000 --ecn",
    "--dport 85 -j SYNPROXY --timestamp",
    "--dport 86 -j SYNPROXY --timestamp --wscale 0 --ecn",
];

fn known() -> String {
    let rules = KNOWN.map(|known| format!("-A FORWARD -p tcp {known}\n"));
    guarded(&rules.concat())
}

fn greet_all(lab: &mut Lab, hosts: Hosts) {
    for port in 80..87 {
        for options in OFFERS {
            let syn = hosts.out().tcp_with((4000, port), SYN, [900, 5], options, b"").tos(3);
            greeted(lab, &syn);
        }
        let asking = |flags| hosts.out().tcp_with((4001, port), flags, [900, 0], OFFERS[3], b"");
        greeted(lab, &asking(SYN | ECE_CWR));
        greeted(lab, &asking(SYN | 0x40));
        greeted(lab, &asking(SYN | PSH));
    }
    // What is neither SYN nor ACK goes on to the next rule; what is damaged ends here.
    for flags in [SYN | ACK, FIN | ACK, RST, SYN | RST, 0] {
        lab.lan(&hosts.out().tcp((4002, 80), flags, 900, 5, b""));
    }
    lab.lan(&hosts.out().tcp((4003, 80), SYN, 900, 0, b"").spoil(16));
    greeted(lab, &hosts.out().tcp((4003, 80), SYN, 900, 0, b"data"));
}

fn greetings() -> Scenario {
    scenario(&known(), |lab| {
        greet_all(lab, V4);
        for part in V4.out().tcp((4004, 80), SYN, 900, 0, &[0; 64]).fragments(&[24]) {
            greeted(lab, &part);
        }
        lab.compare_counters("filter");
        lab.compare_counters("raw");
    })
}

fn greetings_ipv6() -> Scenario {
    scenario_v6(&known(), |lab| greet_all(lab, V6))
}

/// A client is greeted and comes back; the acknowledgement that its server gets has the client's time and, as in
/// Linux, one that nobody has said.
fn opened(lab: &mut Lab, hosts: Hosts, port: u16) -> (u32, u32) {
    let syn = hosts.out().tcp_with((port, 80), SYN, [900, 0], &offer(1460, 77), b"");
    let Some(Said { seq, times: Some([time, _]), .. }) = greeted(lab, &syn) else { return (0, 0) };
    let ack = [901, seq.wrapping_add(1)];
    lab.lan(&hosts.out().tcp_with((port, 80), ACK, ack, &times(78, time), b""));
    lab.drawn_number(SERVER_TIME.wrapping_mul(2).wrapping_sub(time), 0x3000_0000);
    let options = [&offer(1400, SERVER_TIME)[..12], &78_u32.to_be_bytes(), &[1, 3, 3, 5]].concat();
    lab.wan(&hosts.back().tcp_with((80, port), SYN | ACK, [70_000, 901], &options, b""));
    (seq, time)
}

fn converse(lab: &mut Lab, hosts: Hosts) {
    let (cookie, told) = opened(lab, hosts, 4000);
    let heard = |count: u32| cookie.wrapping_add(1 + count);
    let client = |lab: &mut Lab, flags, seq, ack, time, data: &[u8]| {
        // What the client echoes is the server's time as it was told.
        let numbers = [seq, ack];
        lab.lan(&hosts.out().tcp_with((4000, 80), flags, numbers, &times(79, time), data))
    };
    let server = |lab: &mut Lab, flags, seq, ack, data: &[u8]| {
        let options = times(SERVER_TIME + 10, 79);
        lab.wan(&hosts.back().tcp_with((80, 4000), flags, [seq, ack], &options, data))
    };
    client(lab, PSH | ACK, 901, heard(0), told, b"request");
    let answer = server(lab, ACK, 70_001, 908, b"answer");
    let time = answer.first().and_then(|seen| said(seen).times).map_or(0, |[own, _]| own);
    client(lab, ACK, 908, heard(6), time, b"");
    // Outside the window, behind what was acknowledged, more than was sent.
    server(lab, ACK, 90_000_000, 908, b"far");
    server(lab, ACK, 70_001, 908, b"answer");
    client(lab, ACK, 908, heard(900_000), time, b"");
    client(lab, ACK, 100_000_000, heard(6), time, b"far");
    // Without timestamps, and in fragments.
    lab.lan(&hosts.out().tcp((4000, 80), ACK, 908, heard(6), b"plain"));
    let large = hosts.out().tcp((4000, 80), ACK, 913, heard(6), &[7; 90]);
    for part in large.fragments(&[24]) {
        lab.lan(&part);
    }
    server(lab, FIN | ACK, 70_007, 1003, b"");
    client(lab, FIN | ACK, 1003, heard(7), time, b"");
    server(lab, ACK, 70_008, 1004, b"");
}

fn conversation() -> Scenario {
    scenario(&guarded(FULL), |lab| {
        converse(lab, V4);
        lab.compare_counters("filter");
        // Another is cut off by its client.
        opened(lab, V4, 4001);
        lab.lan(&V4.out().tcp((4001, 80), RST, 901, 0, b""));
        // A third by its server.
        opened(lab, V4, 4002);
        lab.wan(&V4.back().tcp((80, 4002), RST | ACK, 70_001, 901, b""));
        // A fourth is open; its server has not heard and answers again.
        let (cookie, _) = opened(lab, V4, 4003);
        lab.wan(&V4.back().tcp((80, 4003), SYN | ACK, 70_000, 901, b""));
        lab.lan(&V4.out().tcp((4003, 80), ACK, 901, cookie.wrapping_add(1), b""));
    })
}

fn conversation_ipv6() -> Scenario {
    scenario_v6(&guarded(FULL), |lab| converse(lab, V6))
}

fn plainly(lab: &mut Lab, hosts: Hosts) {
    for (port, options) in [(4000, &OFFERS[1]), (4001, &OFFERS[0]), (4002, &OFFERS[7])] {
        let syn = hosts.out().tcp_with((port, 80), SYN, [0xffff_fff0, 0], options, b"");
        let Some(Said { seq, .. }) = greeted(lab, &syn) else { return };
        let next = seq.wrapping_add(1);
        // Data comes with the acknowledgement, and is lost: the window was closed.
        let ack = |data: &[u8]| hosts.out().tcp((port, 80), ACK, 0xffff_fff1, next, data);
        lab.lan(&ack(b"early"));
        let answer =
            |flags, seq, data: &[u8]| hosts.back().tcp((80, port), flags, seq, 0xffff_fff1, data);
        lab.wan(&answer(SYN | ACK, 0xffff_ffff, b""));
        lab.lan(&ack(b"request"));
        lab.wan(&answer(ACK, 0, b"answer").clone());
        lab.lan(&hosts.out().tcp((port, 80), FIN | ACK, 0xffff_fff8, next.wrapping_add(6), b""));
        lab.wan(&answer(RST, 6, b""));
    }
}

fn without_timestamps() -> Scenario {
    scenario(&guarded(MSS_ONLY), |lab| plainly(lab, V4))
}

fn without_timestamps_ipv6() -> Scenario {
    scenario_v6(&guarded(MSS_ONLY), |lab| plainly(lab, V6))
}

fn cookies_that_are_none() -> Scenario {
    scenario(&guarded(FULL), |lab| {
        let syn = V4.out().tcp_with((4000, 80), SYN, [900, 0], OFFERS[1], b"");
        let Some(Said { seq, ack, .. }) = greeted(lab, &syn) else { return };
        assert_eq!(ack, 901);
        let next = seq.wrapping_add(1);
        // Another's, of another SYN, never made; ends the other way round; a damaged one.
        lab.lan(&V4.out().tcp((4001, 80), ACK, 901, next, b""));
        lab.lan(&Packet::new(INSIDE_2, OUTSIDE).tcp((4000, 80), ACK, 901, next, b""));
        lab.lan(&V4.out().tcp((4000, 80), ACK, 905, next, b""));
        lab.lan(&V4.out().tcp((4000, 80), ACK, 901, next.wrapping_add(1 << 26), b""));
        lab.lan(&V4.out().tcp((4000, 80), ACK, 901, 0, b""));
        lab.lan(&V4.out().tcp((4000, 80), ACK, 901, next, b"").spoil(16));
        lab.wan(&V4.back().tcp((80, 4000), ACK, next, 901, b""));
        lab.compare_counters("filter");
        // The right one, which nobody answers.
        lab.lan(&V4.out().tcp((4000, 80), ACK, 901, next, b""));
    })
}

/// The server is slow: its client asks whether anybody is there, and sends again.
fn impatient_client() -> Scenario {
    scenario(&guarded(FULL), |lab| {
        for (port, mss) in [(4000, 1440), (4001, 1460), (4002, 0)] {
            let [high, low] = u16::to_be_bytes(mss);
            let syn = V4.out().tcp_with((port, 80), SYN, [900, 0], &[2, 4, high, low], b"");
            let Some(Said { seq, .. }) = greeted(lab, &syn) else { return };
            let next = seq.wrapping_add(1);
            let client = |seq, data: &[u8]| V4.out().tcp((port, 80), ACK, seq, next, data);
            lab.lan(&client(901, b""));
            lab.lan(&client(900, b""));
            lab.lan(&client(900, b"?"));
            lab.lan(&client(901, b""));
            lab.lan(&client(901, b"data"));
            lab.lan(&client(902, b""));
            if mss > 0 {
                lab.wan(&V4.back().tcp((80, port), SYN | ACK, 70_000, 901, b""));
                lab.lan(&client(901, b"request"));
            } else {
                // A server that has another connection of these ports challenges.
                lab.wan(&V4.back().tcp((80, port), ACK, 5, 6, b""));
                lab.lan(&client(900, b""));
            }
        }
    })
}

/// A client that begins anew before its server has answered: the second greeting is taken for that answer.
fn greeted_twice() -> Scenario {
    scenario(&guarded(FULL), |lab| {
        let syn = V4.out().tcp_with((4000, 80), SYN, [900, 0], OFFERS[1], b"");
        let Some(Said { seq, .. }) = greeted(lab, &syn) else { return };
        let ack = V4.out().tcp((4000, 80), ACK, 901, seq.wrapping_add(1), b"");
        lab.lan(&ack);
        lab.lan(&syn);
        lab.wan(&V4.back().tcp((80, 4000), SYN | ACK, 70_000, 901, b""));
        lab.lan(&ack);
    })
}

fn refused_by_the_server() -> Scenario {
    scenario(&guarded(FULL), |lab| {
        for (port, answer) in [(4000, RST | ACK), (4001, RST)] {
            let syn = V4.out().tcp_with((port, 80), SYN, [900, 0], OFFERS[1], b"");
            let Some(Said { seq, .. }) = greeted(lab, &syn) else { return };
            let ack = V4.out().tcp((port, 80), ACK, 901, seq.wrapping_add(1), b"");
            lab.lan(&ack);
            lab.wan(&V4.back().tcp((80, port), answer, 0, 901, b""));
            lab.lan(&ack);
            lab.wan(&V4.back().tcp((80, port), SYN | ACK, 70_000, 901, b""));
            lab.lan(&ack);
        }
    })
}

/// What was closed opens again, with other numbers. Greetings that are tracked are taken for packets of the connection
/// that the router still remembers and are shifted as that one's are, by whatever was drawn.
fn again_with_the_same_ports() -> Scenario {
    let rules = "
        *raw
        -A PREROUTING -p tcp --syn -j CT --notrack
        -A OUTPUT -p tcp --tcp-flags SYN,ACK SYN,ACK -j CT --notrack
        COMMIT
        *filter
        -A FORWARD -p tcp --dport 80 -m conntrack --ctstate INVALID,UNTRACKED -j SYNPROXY \
            --sack-perm --timestamp --wscale 7 --mss 1460
        COMMIT";
    scenario(rules, |lab| {
        for (start, last) in [(900, FIN), (10_900, RST), (20_900, FIN)] {
            let syn = V4.out().tcp_with((4000, 80), SYN, [start, 0], OFFERS[1], b"");
            let Some(Said { seq, .. }) = greeted(lab, &syn) else { return };
            let next = seq.wrapping_add(1);
            let (own, server) = (start + 1, 70_000 + start);
            lab.lan(&V4.out().tcp((4000, 80), ACK, own, next, b""));
            lab.wan(&V4.back().tcp((80, 4000), SYN | ACK, server, own, b""));
            lab.lan(&V4.out().tcp((4000, 80), ACK, own, next, b"request"));
            lab.wan(&V4.back().tcp((80, 4000), FIN | ACK, server + 1, own + 7, b""));
            let end = next.wrapping_add(1);
            lab.lan(&V4.out().tcp((4000, 80), last | ACK, own + 7, end, b""));
            lab.wan(&V4.back().tcp((80, 4000), ACK, server + 2, own + 8, b""));
        }
    })
}

fn sacks_and_odd_options() -> Scenario {
    scenario(&guarded(FULL), |lab| {
        let (cookie, told) = opened(lab, V4, 4000);
        let heard = |count: u32| cookie.wrapping_add(1 + count);
        for start in [0_u32, 10, 20, 40] {
            let data = [7; 10];
            lab.wan(&V4.back().tcp((80, 4000), ACK, 70_001 + start, 901, &data));
        }
        let sack = |edges: &[u32]| {
            let length = u8::try_from(2 + 4 * edges.len()).unwrap();
            let edges = edges.iter().flat_map(|&edge| heard(edge).to_be_bytes());
            [1, 1, 5, length].into_iter().chain(edges).collect::<Vec<u8>>()
        };
        let client = |options: &[u8], ack| {
            V4.out().tcp_with((4000, 80), ACK, [901, heard(ack)], options, b"")
        };
        lab.lan(&client(&sack(&[20, 30]), 10));
        lab.lan(&client(&sack(&[40, 50, 20, 30]), 10));
        lab.lan(&client(&[&times(79, told)[..], &sack(&[40, 50])].concat(), 30));
        // Of no whole number of blocks, behind the end of the list, cut short, without a length, twice.
        lab.lan(&client(&sack(&[40, 50, 60]), 30));
        lab.lan(&client(&[0, 0, 0, 0, 1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 2], 30));
        lab.lan(&client(&[1, 1, 5, 10, 0, 0, 0, 1], 30));
        lab.lan(&client(&[1, 1, 1, 5], 30));
        lab.lan(&client(&[9, 0, 1, 1], 30));
        lab.lan(&client(&[sack(&[40, 50]), sack(&[40, 41])].concat(), 30));
        lab.lan(&client(&[], 50));
        // The server acknowledges selectively too.
        let options = [1, 1, 5, 10, 0, 0, 4, 0, 0, 0, 5, 0];
        lab.wan(&V4.back().tcp_with((80, 4000), ACK, [70_051, 901], &options, b""));
    })
}

/// Clients behind the gateway's own address.
fn translated() -> Scenario {
    let rules = format!(
        "*nat
        -A POSTROUTING -o wan0 -p tcp -j SNAT --to-source 192.168.1.146:3000-3000
        COMMIT
        {}",
        guarded(FULL)
    );
    scenario(&rules, |lab| {
        let syn = V4.out().tcp_with((4000, 80), SYN, [900, 0], &offer(1460, 77), b"");
        let Some(Said { seq, times: Some([time, _]), .. }) = greeted(lab, &syn) else { return };
        let next = seq.wrapping_add(1);
        lab.lan(&V4.out().tcp_with((4000, 80), ACK, [901, next], &times(78, time), b""));
        lab.drawn_number(SERVER_TIME.wrapping_mul(2).wrapping_sub(time), 0x3000_0000);
        let server = Hosts("192.168.1.146", OUTSIDE);
        let options =
            [&offer(1400, SERVER_TIME)[..12], &78_u32.to_be_bytes(), &[1, 3, 3, 5]].concat();
        lab.wan(&server.back().tcp_with((80, 3000), SYN | ACK, [70_000, 901], &options, b""));
        lab.lan(&V4.out().tcp_with((4000, 80), ACK, [901, next], &times(79, time), b"request"));
        lab.wan(&server.back().tcp((80, 3000), ACK, 70_001, 908, b"answer"));
        lab.lan(&V4.out().tcp((4000, 80), FIN | ACK, 908, next.wrapping_add(6), b""));
    })
}

/// The clients' SYNs are for the gateway, which passes what it opens on to a server.
fn asked_of_the_gateway() -> Scenario {
    let rules = "
        *raw
        -A PREROUTING -i lan0 -p tcp --syn -j CT --notrack
        COMMIT
        *nat
        -A OUTPUT -d 10.1.0.1 -p tcp --dport 80 -j DNAT --to-destination 192.168.1.9:8080
        COMMIT
        *filter
        :INPUT DROP [0:0]
        -A INPUT -p tcp --dport 80 -m conntrack --ctstate INVALID,UNTRACKED -j SYNPROXY \
            --sack-perm --timestamp --wscale 7 --mss 1460
        COMMIT";
    scenario(rules, |lab| {
        let hosts = Hosts(INSIDE, "10.1.0.1");
        let syn = hosts.out().tcp_with((4000, 80), SYN, [900, 0], OFFERS[1], b"");
        let Some(Said { seq, .. }) = greeted(lab, &syn) else { return };
        let next = seq.wrapping_add(1);
        lab.lan(&hosts.out().tcp((4000, 80), ACK, 901, next, b""));
        lab.wan(&V4.back().tcp((8080, 4000), SYN | ACK, 70_000, 901, b""));
        lab.lan(&hosts.out().tcp((4000, 80), ACK, 901, next, b"request"));
        lab.wan(&V4.back().tcp((8080, 4000), ACK, 70_001, 908, b"answer"));
        lab.wan(&V4.back().tcp((8080, 4000), FIN | ACK, 70_007, 908, b""));
        lab.lan(&hosts.out().tcp((4000, 80), FIN | ACK, 908, next.wrapping_add(7), b""));
    })
}

/// Clients are tracked until SYNPROXY takes them over.
fn without_notrack() -> Scenario {
    let rules = "
        *filter
        -A FORWARD -p tcp --dport 80 -m conntrack ! --ctstate ESTABLISHED -j SYNPROXY --mss 1460
        -A OUTPUT -m conntrack --ctstate ESTABLISHED -p tcp --sport 80
        -A OUTPUT -m conntrack --ctstate INVALID -p tcp --sport 80
        COMMIT";
    Scenario::new(rules, |lab| {
        let syn = V4.out().tcp_with((4000, 80), SYN, [900, 0], OFFERS[1], b"");
        let Some(Said { seq, .. }) = greeted(lab, &syn) else { return };
        let next = seq.wrapping_add(1);
        lab.lan(&V4.out().tcp((4000, 80), ACK, 901, next, b""));
        lab.wan(&V4.back().tcp((80, 4000), SYN | ACK, 70_000, 901, b""));
        lab.lan(&V4.out().tcp((4000, 80), ACK, 901, next, b"request"));
        lab.wan(&V4.back().tcp((80, 4000), ACK, 70_001, 908, b"answer"));
        lab.compare_counters("filter");
    })
}
