//! Owns the scenarios of what connections have carried: connbytes, and accounts that a rule or a sysctl has opened.
//!
//! Every other scenario keeps accounts as well and compares them at its end.

use std::time::Duration;

use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};
use sluice_tests::frame::{Packet, flags};

use crate::matches::shown;
use crate::{INSIDE, OUTSIDE};

differential!(
    ranges,
    averages,
    of_both_families,
    not_of_a_connection,
    rules_open_accounts,
    none_unless_asked
);

const ACCOUNTS: &str = "net.netfilter.nf_conntrack_acct";

/// A conversation over UDP, in packets that grow.
fn talk(lab: &mut Lab, port: u16) {
    for length in [0, 10, 20, 30] {
        lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(port, 53, &vec![1; length]));
        lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(port, 53, &vec![1; length]));
        lab.wan(&Packet::new(OUTSIDE, INSIDE).udp(53, port, &vec![2; 4 * length]));
    }
}

fn ranges() -> Scenario {
    let rules = shown(&[
        "-m connbytes --connbytes 1:1 --connbytes-dir original --connbytes-mode packets",
        "-m connbytes --connbytes 3:4 --connbytes-dir original --connbytes-mode packets",
        "-m connbytes --connbytes 2:2 --connbytes-dir reply --connbytes-mode packets",
        "-m connbytes --connbytes 5:6 --connbytes-dir both --connbytes-mode packets",
        "-m connbytes ! --connbytes 0:7 --connbytes-dir both --connbytes-mode packets",
        "-m connbytes --connbytes 200:260 --connbytes-dir both --connbytes-mode bytes",
        "-m connbytes --connbytes 270 --connbytes-dir original --connbytes-mode bytes",
        "-p tcp -m connbytes ! --connbytes 41:10000 --connbytes-dir original --connbytes-mode bytes",
        "-p tcp -m connbytes --connbytes 41:10000 --connbytes-dir original --connbytes-mode bytes",
    ]);
    Scenario::new(&rules, |lab| {
        use flags::{ACK, FIN, SYN};
        talk(lab, 1000);
        talk(lab, 1001);
        lab.lan(&Packet::new(INSIDE, OUTSIDE).tcp((1000, 80), SYN, 100, 0, b""));
        lab.lan(&Packet::new(INSIDE, OUTSIDE).tcp((1000, 80), SYN, 100, 0, b""));
        lab.wan(&Packet::new(OUTSIDE, INSIDE).tcp((80, 1000), SYN | ACK, 500, 101, b""));
        lab.lan(&Packet::new(INSIDE, OUTSIDE).tcp((1000, 80), ACK, 101, 501, b"request"));
        // Beyond the window, and in the middle of the connection: neither counts.
        lab.wan(&Packet::new(OUTSIDE, INSIDE).tcp((80, 1000), ACK, 900_501, 108, b"far"));
        lab.lan(&Packet::new(INSIDE, OUTSIDE).tcp((1000, 80), SYN, 9000, 0, b""));
        lab.wan(&Packet::new(OUTSIDE, INSIDE).tcp((80, 1000), FIN | ACK, 501, 108, b"answer"));
        lab.compare_counters("mangle");
    })
}

fn averages() -> Scenario {
    let rules = shown(&[
        "-m connbytes --connbytes 28:32 --connbytes-dir original --connbytes-mode avgpkt",
        "-m connbytes --connbytes 33:39 --connbytes-dir original --connbytes-mode avgpkt",
        "-m connbytes --connbytes 0:0 --connbytes-dir reply --connbytes-mode avgpkt",
        "-m connbytes --connbytes 48:67 --connbytes-dir reply --connbytes-mode avgpkt",
        "-m connbytes ! --connbytes 0:42 --connbytes-dir both --connbytes-mode avgpkt",
    ]);
    Scenario::new(&rules, |lab| talk(lab, 1000))
}

/// Whole datagrams count once, whatever they came in.
fn of_both_families() -> Scenario {
    let rules = "
        *mangle
        -A FORWARD -m connbytes --connbytes 1000:2000 --connbytes-dir original --connbytes-mode bytes -j DSCP --set-dscp 1
        -A FORWARD -m connbytes --connbytes 2001:3000 --connbytes-dir original --connbytes-mode bytes -j DSCP --set-dscp 2
        COMMIT";
    Scenario::new_v6(rules, |lab| {
        let packet = |port| Packet::new("fd00:1::2", "fd00:2::9").udp(port, 53, &[5; 1200]);
        lab.lan(&packet(1000));
        for part in packet(1001).fragments(&[608]) {
            lab.lan(&part);
        }
        for part in packet(1000).fragments(&[608]) {
            lab.lan(&part);
        }
    })
}

/// Errors about a connection see what it has carried and add nothing to it; what is of none matches nothing.
fn not_of_a_connection() -> Scenario {
    let rules = shown(&[
        "-m connbytes --connbytes 0 --connbytes-dir both --connbytes-mode packets",
        "-m connbytes --connbytes 2:2 --connbytes-dir original --connbytes-mode packets",
        "-p tcp -m connbytes ! --connbytes 100:200 --connbytes-dir both --connbytes-mode packets",
    ]);
    let rules = format!("{rules}\n*raw\n-A PREROUTING -p udp --dport 99 -j CT --notrack\nCOMMIT");
    Scenario::new(&rules, |lab| {
        let question = Packet::new(INSIDE, OUTSIDE).udp(1000, 53, b"question");
        lab.lan(&question);
        lab.wan(&Packet::new(OUTSIDE, INSIDE).icmp_error(3, 3, 0, &question.bytes()));
        lab.lan(&question);
        lab.wan(&Packet::new(OUTSIDE, INSIDE).icmp_error(3, 3, 0, &question.bytes()));
        lab.lan(&question);
        lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, 99, b"untracked"));
        lab.lan(&Packet::new(INSIDE, OUTSIDE).tcp((1000, 80), flags::FIN, 1, 0, b""));
        lab.lan(&Packet::new(INSIDE, OUTSIDE).ping(7, 1, b"echo"));
        lab.wan(&Packet::new(OUTSIDE, INSIDE).pong(7, 1, b"echo"));
    })
}

/// A rule switches accounts on for connections that begin, and what they have carried outlives other rules.
fn rules_open_accounts() -> Scenario {
    const BEFORE: &str = "*filter\n-A FORWARD -m conntrack --ctstate INVALID -j DROP\nCOMMIT";
    const COUNTING: &str = "*filter
        -A FORWARD -p udp -m connbytes --connbytes 4 --connbytes-dir original --connbytes-mode packets -j DROP
        -A FORWARD -m conntrack --ctstate INVALID -j DROP
        COMMIT";
    const OTHERS: &str = "*filter
        -A FORWARD -p tcp -j DROP
        -A FORWARD -p udp -m connbytes --connbytes 10 --connbytes-dir original --connbytes-mode packets -j DROP
        COMMIT";
    let scenario = Scenario::new(BEFORE, |lab| {
        let packet = |port| Packet::new(INSIDE, OUTSIDE).udp(port, 53, b"counted");
        lab.lan(&packet(1000));
        lab.load_rules(COUNTING);
        for _ in 0..5 {
            lab.lan(&packet(1000));
            lab.lan(&packet(1001));
        }
        lab.load_rules(OTHERS);
        for _ in 0..6 {
            lab.lan(&packet(1001));
        }
        lab.wait(Duration::from_millis(10));
        lab.compare_counters("filter");
    });
    scenario.with(|setup| setup.with_sysctl(ACCOUNTS, 0))
}

fn none_unless_asked() -> Scenario {
    let rules = "*filter\n-A FORWARD -m conntrack --ctstate INVALID -j DROP\nCOMMIT";
    let scenario = Scenario::new(rules, |lab| talk(lab, 1000));
    scenario.with(|setup| setup.with_sysctl(ACCOUNTS, 0))
}
