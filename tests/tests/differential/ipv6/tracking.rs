//! Connection tracking, and fragments, which it puts together.

use super::{FAR, INSIDE, INSIDE_2, PARAMETER_PROBLEM, STATEFUL, UNREACHABLE, back, out};
use sluice_tests::differential;
use sluice_tests::differential::Scenario;
use sluice_tests::frame::{Packet, flags};
use std::time::Duration;

differential!(tcp_life, udp_and_echo_states, related, bad_checksums, fragments, fragments_cut_anew);

fn tcp_life() -> Scenario {
    Scenario::new_v6(STATEFUL, |lab| {
        use flags::{ACK, FIN, RST, SYN};
        lab.lan(&out().tcp((1000, 80), SYN, 100, 0, b""));
        lab.wan(&back().tcp((80, 1000), SYN | ACK, 500, 101, b""));
        lab.lan(&out().tcp((1000, 80), ACK, 101, 501, b""));
        lab.lan(&out().tcp((1000, 80), ACK, 101, 501, b"request"));
        lab.wan(&back().tcp((80, 1000), ACK, 501, 108, b"answer"));
        // Beyond the window.
        lab.wan(&back().tcp((80, 1000), ACK, 501 + 100_000, 108, b"far"));
        lab.wan(&back().tcp((80, 1000), FIN | ACK, 507, 108, b""));
        lab.lan(&out().tcp((1000, 80), FIN | ACK, 108, 508, b""));
        lab.wan(&back().tcp((80, 1000), ACK, 508, 109, b""));
        // Others stay half open, and reset.
        lab.lan(&out().tcp((1001, 80), SYN, 100, 0, b""));
        lab.wan(&back().tcp((80, 1001), SYN | ACK, 500, 101, b""));
        lab.lan(&out().tcp((1002, 80), SYN, 100, 0, b""));
        lab.wan(&back().tcp((80, 1002), RST | ACK, 0, 101, b""));
        lab.wan(&back().tcp((1003, 22), SYN, 1, 0, b""));
        lab.lan(&out().tcp((1004, 80), SYN | ACK, 1, 0, b""));
    })
}

fn udp_and_echo_states() -> Scenario {
    let scenario = Scenario::new_v6(STATEFUL, |lab| {
        lab.lan(&out().udp(1000, 53, b"one"));
        lab.wan(&back().udp(53, 1000, b"answer"));
        lab.lan(&out().udp(1000, 53, b"two"));
        lab.wan(&back().udp(54, 1000, b"from another port"));
        lab.wan(&Packet::new(FAR, INSIDE).udp(53, 1000, b"from another host"));
        lab.lan(&out().udp(1001, 53, b"unanswered"));
        lab.wait(Duration::from_millis(2500));
        lab.wan(&back().udp(53, 1001, b"too late"));
        lab.lan(&out().ping(7, 1, b"echo"));
        lab.wan(&back().pong(7, 1, b"echo"));
        lab.wan(&back().pong(8, 1, b"another id"));
        lab.wan(&back().ping(7, 1, b"from outside"));
        lab.lan(&out().pong(9, 1, b"unasked"));
        // Node information; types that are no questions.
        lab.lan(&out().icmp(139, 0, &[0, 7, 0, 1], &[0; 12]));
        lab.wan(&back().icmp(140, 0, &[0, 7, 0, 1], &[0; 12]));
        lab.lan(&out().icmp(200, 0, &[0, 7, 0, 1], &[0; 4]));
        lab.lan(&out().icmp(127, 0, &[0, 7, 0, 1], &[0; 4]));
        lab.lan(&out().raw(58, &[128, 0]));
        lab.lan(&out().raw(99, b"any protocol"));
        lab.wan(&back().raw(99, b"and back"));
        lab.lan(&out().options(&[1, 4, 0, 0, 0, 0]).udp(1002, 53, b"behind options"));
        lab.wan(&back().udp(53, 1002, b"answer"));
    });
    scenario.with(|setup| setup.with_sysctl("net.netfilter.nf_conntrack_udp_timeout", 1))
}

fn related() -> Scenario {
    Scenario::new_v6(STATEFUL, |lab| {
        let udp = out().udp(1000, 53, b"question");
        lab.lan(&udp);
        let from = |to| Packet::new(FAR, to);
        for (kind, code) in [(1, 4), (1, 0), (2, 0), (3, 0), (4, 1), (100, 0)] {
            lab.wan(&from(INSIDE).icmp_error(kind, code, 1300, &udp.bytes()));
        }
        let unknown = out().udp(1001, 53, b"never sent");
        lab.wan(&from(INSIDE).icmp_error(UNREACHABLE, 4, 0, &unknown.bytes()));
        lab.wan(&from(INSIDE).icmp_error(UNREACHABLE, 4, 0, &udp.bytes()[..44]));
        lab.wan(&from(INSIDE).icmp_error(UNREACHABLE, 4, 0, &udp.bytes()).spoil(50));
        let answer = back().udp(53, 1000, b"answer");
        lab.wan(&answer);
        lab.lan(&out().icmp_error(UNREACHABLE, 4, 0, &answer.bytes()));
        lab.wan(&from(INSIDE_2).icmp_error(UNREACHABLE, 4, 0, &udp.bytes()));
        lab.wan(&from(INSIDE).icmp_error(PARAMETER_PROBLEM, 0, 0, &udp.bytes()));
    })
}

fn bad_checksums() -> Scenario {
    let rules = "
        *filter
        :FORWARD DROP [0:0]
        -A FORWARD -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT
        COMMIT";
    Scenario::new_v6(rules, |lab| {
        lab.lan(&out().udp(1000, 53, b"right"));
        lab.lan(&out().udp(1000, 53, b"wrong").spoil(10));
        lab.lan(&out().tcp((1000, 80), flags::SYN, 1, 0, b"").spoil(15));
        lab.lan(&out().ping(7, 1, b"wrong").spoil(10));
        lab.lan(&out().ping(7, 1, b"right"));
        lab.lan(&out().raw(99, b"whatever"));
        let mut unsummed = out().udp(1001, 53, b"unsummed");
        unsummed.payload[6..8].fill(0);
        lab.lan(&unsummed);
    })
}

fn fragments() -> Scenario {
    Scenario::new_v6(STATEFUL, |lab| {
        for part in &out().udp(1000, 53, &[7; 2000]).id(0x2001).fragments(&[800, 800]) {
            lab.lan(part);
        }
        let mut answer = back().udp(53, 1000, &[9; 2000]).id(0x2002).fragments(&[1208]);
        answer.reverse();
        for part in &answer {
            lab.wan(part);
        }
        // The first fragment holds no whole header.
        for part in out().tcp((1000, 80), flags::SYN, 1, 0, b"").id(0x2003).fragments(&[8]) {
            lab.lan(&part);
        }
        let parts = out().ping(7, 1, &[7; 100]).id(0x2004).fragments(&[40]);
        for part in [&parts[0], &parts[0], &parts[1]] {
            lab.lan(part);
        }
        // Overlapping: lost (RFC 5722).
        let mut parts = out().udp(1001, 53, &[7; 100]).id(0x2005).fragments(&[48, 48]);
        parts[1].fragment -= 1;
        for part in &parts {
            lab.lan(part);
        }
    })
}

fn fragments_cut_anew() -> Scenario {
    let scenario = Scenario::new_v6(STATEFUL, |lab| {
        // One is larger than the way out: the sender is told.
        for part in out().udp(1000, 53, &[7; 2000]).id(0x2001).fragments(&[1400]) {
            lab.lan(&part);
        }
        for part in out().udp(1001, 53, &[7; 2000]).id(0x2002).fragments(&[1200]) {
            lab.lan(&part);
        }
        // The last hop, in fragments.
        for part in out().udp(1002, 53, &[7; 1000]).id(0x2003).ttl(1).fragments(&[400, 400]) {
            lab.lan(&part);
        }
    });
    scenario.with(|setup| setup.with_mtu("wan0", 1280))
}
