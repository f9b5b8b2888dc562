//! Prefixes translated without state.

use super::{FAR, INSIDE, INSIDE_2, OUTSIDE, UNREACHABLE, out};
use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};
use sluice_tests::frame::{Packet, flags};

differential!(npt_of_short_prefixes, npt_of_long_prefixes, npt_of_fragments, npt_beside_tracking);

const SHORT: &str = "
    *mangle
    -A POSTROUTING -s fd00:1::/48 -o wan0 -j SNPT --src-pfx fd00:1::/48 --dst-pfx 2001:db8:9::/48
    -A POSTROUTING -s 2001:db8:9::/48 -p udp --dport 54 -j DSCP --set-dscp 9
    -A PREROUTING -d 2001:db8:9::/48 -i wan0 -j DNPT --src-pfx 2001:db8:9::/48 --dst-pfx fd00:1::/48
    -A PREROUTING -d fd00:1::/48 -p udp --sport 54 -j DSCP --set-dscp 10
    COMMIT
    *filter
    :FORWARD DROP [0:0]
    -A FORWARD -s fd00:1::/64 -j ACCEPT
    -A FORWARD -d fd00:1::/64 -j ACCEPT
    COMMIT";

/// Out, the answer to what came out, and errors that quote it, both ways.
fn everything(lab: &mut Lab) {
    for host in [INSIDE, INSIDE_2] {
        let out = |to| Packet::new(host, to);
        lab.lan(&out(OUTSIDE).tcp((1000, 80), flags::SYN, 1, 0, b""));
        lab.lan(&out(OUTSIDE).ping(7, 1, b"echo"));
        lab.lan(&out(FAR).raw(99, b"a protocol without ports"));
        let question = out(OUTSIDE).udp(1000, 54, b"question");
        let seen = lab.lan(&question);
        let outer = seen.first().expect("the question is gone").packet().to_vec();
        let source: [u8; 16] = outer[8..24].try_into().expect("16 bytes");
        let translated = std::net::Ipv6Addr::from(source).to_string();
        let back = |from| Packet::new(from, &translated);
        lab.wan(&back(OUTSIDE).udp(54, 1000, b"answer"));
        lab.wan(&back(OUTSIDE).tcp((80, 1000), flags::SYN | flags::ACK, 9, 2, b""));
        lab.wan(&back(FAR).icmp_error(UNREACHABLE, 4, 0, &outer));
        lab.wan(&back(FAR).icmp_error(2, 0, 1300, &outer));
        lab.wan(&back(FAR).icmp_error(UNREACHABLE, 4, 0, &outer[..39]));
        let answer = Packet::new(OUTSIDE, host).udp(54, 1000, b"answer").bytes();
        lab.lan(&out(OUTSIDE).icmp_error(UNREACHABLE, 4, 0, &answer));
        lab.lan(&question.clone().ttl(1));
        lab.wan(&back(OUTSIDE).udp(54, 1000, b"the last hop").ttl(1));
    }
    lab.lan(&Packet::new("fd00:5::2", OUTSIDE).udp(1000, 54, b"another prefix"));
}

fn npt_of_short_prefixes() -> Scenario {
    Scenario::new_v6(SHORT, everything)
}

/// The longer of both counts, and some addresses have no word left.
fn npt_of_long_prefixes() -> Scenario {
    let rules = "
        *mangle
        -A POSTROUTING -o wan0 -j SNPT --src-pfx fd00:1::/64 --dst-pfx 2001:db8:9:8::/62
        -A PREROUTING -d 2001:db8:9::/48 -i wan0 -j DNPT --src-pfx 2001:db8:9:8::/64 --dst-pfx fd00:1::/64
        COMMIT";
    Scenario::new_v6(rules, |lab| {
        everything(lab);
        for host in ["ffff:1:2:3", "ffff:ffff:2:3", "ffff:ffff:ffff:3"] {
            lab.lan(&Packet::new(&format!("fd00:1::{host}"), OUTSIDE).udp(1, 2, b"out"));
            lab.wan(&Packet::new(OUTSIDE, &format!("2001:db8:9:8:{host}")).raw(99, b"in"));
        }
    })
}

fn npt_of_fragments() -> Scenario {
    let tracked = "
        -A FORWARD -m conntrack --ctstate INVALID -j DROP
        COMMIT";
    let rules = SHORT.replace(":FORWARD DROP [0:0]", ":FORWARD ACCEPT [0:0]");
    let rules = format!("{}{tracked}", rules.trim_end().trim_end_matches("COMMIT"));
    Scenario::new_v6(&rules, |lab| {
        for part in out().udp(1000, 53, &[7; 2000]).id(0x2001).fragments(&[1200]) {
            lab.lan(&part);
        }
    })
}

/// A connection keeps the addresses it was seen with, and the answer is another connection.
fn npt_beside_tracking() -> Scenario {
    let rules = "
        -A FORWARD -m conntrack --ctstate INVALID -j DROP
        -A FORWARD -m conntrack --ctstate ESTABLISHED -j DROP
        COMMIT";
    let rules = format!("{}{rules}", SHORT.trim_end().trim_end_matches("COMMIT"));
    Scenario::new_v6(&rules, everything)
}
