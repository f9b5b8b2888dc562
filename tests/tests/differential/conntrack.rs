//! Owns the scenarios of connection tracking.

use std::time::Duration;

use sluice_tests::differential;
use sluice_tests::differential::Scenario;
use sluice_tests::frame::{Packet, flags};

use crate::{FAR, INSIDE, INSIDE_2, OUTSIDE};

differential!(
    tcp_life,
    tcp_windows,
    tcp_out_of_the_blue,
    tcp_reset_and_reopened,
    udp_states,
    echo_states,
    related,
    fragments,
    fragments_cut_anew,
    fragments_translated,
    bad_checksums
);

/// A firewall with state: out is allowed, back is what belongs to it.
pub(crate) const STATEFUL: &str = "
    *filter
    :FORWARD DROP [0:0]
    -A FORWARD -m conntrack --ctstate INVALID -j DROP
    -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
    -A FORWARD -i lan0 -m conntrack --ctstate NEW -j ACCEPT
    COMMIT";

fn out() -> Packet {
    Packet::new(INSIDE, OUTSIDE)
}

fn back() -> Packet {
    Packet::new(OUTSIDE, INSIDE)
}

fn tcp_life() -> Scenario {
    Scenario::new(STATEFUL, |lab| {
        use flags::{ACK, FIN, SYN};
        lab.lan(&out().tcp((1000, 80), SYN, 100, 0, b""));
        lab.lan(&out().tcp((1000, 80), SYN, 100, 0, b""));
        lab.wan(&back().tcp((80, 1000), SYN | ACK, 500, 101, b""));
        lab.lan(&out().tcp((1000, 80), ACK, 101, 501, b""));
        lab.lan(&out().tcp((1000, 80), ACK, 101, 501, b"request"));
        lab.wan(&back().tcp((80, 1000), ACK, 501, 108, b"answer"));
        lab.wan(&back().tcp((80, 1000), FIN | ACK, 507, 108, b""));
        lab.lan(&out().tcp((1000, 80), ACK, 108, 508, b""));
        lab.lan(&out().tcp((1000, 80), ACK, 108, 508, b"half closed"));
        lab.wan(&back().tcp((80, 1000), ACK, 508, 119, b""));
        lab.lan(&out().tcp((1000, 80), FIN | ACK, 119, 508, b""));
        lab.wan(&back().tcp((80, 1000), ACK, 508, 120, b""));
        lab.wan(&back().tcp((80, 1000), ACK, 508, 120, b""));
        // Another stays in the middle of its handshake.
        lab.lan(&out().tcp((1001, 80), SYN, 100, 0, b""));
        lab.wan(&back().tcp((80, 1001), SYN | ACK, 500, 101, b""));
        // From outside nothing begins.
        lab.wan(&back().tcp((1002, 22), SYN, 1, 0, b""));
    })
}

fn tcp_windows() -> Scenario {
    Scenario::new(STATEFUL, |lab| {
        use flags::{ACK, RST, SYN};
        lab.lan(&out().tcp((1000, 80), SYN, 1000, 0, b""));
        lab.wan(&back().tcp((80, 1000), SYN | ACK, 5000, 1001, b""));
        lab.lan(&out().tcp((1000, 80), ACK, 1001, 5001, b""));
        // Beyond the window of 64240, at its edge, behind what was sent.
        lab.wan(&back().tcp((80, 1000), ACK, 5001 + 100_000, 1001, b"far"));
        lab.wan(&back().tcp((80, 1000), ACK, 5001 + 64_240, 1001, b"edge"));
        lab.wan(&back().tcp((80, 1000), ACK, 5001 + 64_236, 1001, b"last"));
        lab.wan(&back().tcp((80, 1000), ACK, 4000, 1001, b"old"));
        // Acknowledging what was never sent.
        lab.wan(&back().tcp((80, 1000), ACK, 5001, 900_000, b"x"));
        // A blind reset, then one that fits.
        lab.wan(&back().tcp((80, 1000), RST, 5001 + 200_000, 0, b""));
        lab.lan(&out().tcp((1000, 80), ACK, 1001, 5001, b"alive"));
        lab.wan(&back().tcp((80, 1000), RST, 5001, 0, b""));
        lab.lan(&out().tcp((1000, 80), ACK, 1006, 5001, b"after the reset"));
    })
}

fn tcp_out_of_the_blue() -> Scenario {
    Scenario::new(STATEFUL, |lab| {
        use flags::{ACK, FIN, PSH, RST, SYN};
        let firsts = [
            ACK,
            ACK | PSH,
            SYN | ACK,
            FIN,
            FIN | ACK,
            RST,
            RST | ACK,
            SYN | FIN,
            SYN | RST,
            FIN | PSH | 0x20,
            0,
        ];
        for (port, first) in (2000..).zip(firsts) {
            lab.lan(&out().tcp((port, 80), first, 100, 200, b""));
            lab.wan(&back().tcp((80, port), ACK, 200, 100, b""));
        }
        // Both ends open at once.
        lab.lan(&out().tcp((3000, 3001), SYN, 100, 0, b""));
        lab.wan(&back().tcp((3001, 3000), SYN, 500, 0, b""));
        lab.lan(&out().tcp((3000, 3001), SYN | ACK, 100, 501, b""));
        lab.wan(&back().tcp((3001, 3000), SYN | ACK, 500, 101, b""));
        // A header that ends too early, a data offset that lies.
        lab.lan(&out().raw(6, &[0; 12]));
        let mut liar = out().tcp((3002, 80), SYN, 1, 0, b"");
        liar.payload[12] = 0xf0;
        lab.lan(&liar);
    })
}

fn tcp_reset_and_reopened() -> Scenario {
    Scenario::new(STATEFUL, |lab| {
        use flags::{ACK, FIN, RST, SYN};
        lab.lan(&out().tcp((1000, 80), SYN, 100, 0, b""));
        lab.wan(&back().tcp((80, 1000), RST | ACK, 0, 101, b""));
        lab.lan(&out().tcp((1000, 80), SYN, 7000, 0, b""));
        lab.wan(&back().tcp((80, 1000), SYN | ACK, 500, 7001, b""));
        lab.lan(&out().tcp((1000, 80), ACK, 7001, 501, b""));
        lab.lan(&out().tcp((1000, 80), FIN | ACK, 7001, 501, b""));
        lab.wan(&back().tcp((80, 1000), FIN | ACK, 501, 7002, b""));
        lab.lan(&out().tcp((1000, 80), ACK, 7002, 502, b""));
        // Reopened while the old one waits out its time.
        lab.lan(&out().tcp((1000, 80), SYN, 90_000, 0, b""));
        lab.wan(&back().tcp((80, 1000), SYN | ACK, 80_000, 90_001, b""));
        lab.lan(&out().tcp((1000, 80), ACK, 90_001, 80_001, b"again"));
    })
}

fn udp_states() -> Scenario {
    let scenario = Scenario::new(STATEFUL, |lab| {
        lab.lan(&out().udp(1000, 53, b"one"));
        lab.lan(&out().udp(1000, 53, b"two"));
        lab.wan(&back().udp(53, 1000, b"answer"));
        lab.lan(&out().udp(1000, 53, b"three"));
        lab.wan(&back().udp(54, 1000, b"from another port"));
        lab.wan(&Packet::new(FAR, INSIDE).udp(53, 1000, b"from another host"));
        lab.wan(&Packet::new(OUTSIDE, INSIDE_2).udp(53, 1000, b"to another host"));
        // Forgotten after its time.
        lab.lan(&out().udp(1001, 53, b"unanswered"));
        lab.wait(Duration::from_millis(2500));
        lab.wan(&back().udp(53, 1001, b"too late"));
        // Lengths that do not fit the packet.
        let mut liar = out().udp(1002, 53, b"question");
        liar.payload[4..6].copy_from_slice(&[0, 99]);
        lab.lan(&liar);
        lab.lan(&out().raw(17, &[1, 2, 3]));
    });
    scenario.with(|setup| setup.with_sysctl("net.netfilter.nf_conntrack_udp_timeout", 1))
}

fn echo_states() -> Scenario {
    Scenario::new(STATEFUL, |lab| {
        lab.lan(&out().ping(7, 1, b"echo"));
        lab.wan(&back().pong(7, 1, b"echo"));
        lab.wan(&back().pong(7, 1, b"echo"));
        lab.wan(&back().pong(8, 1, b"another id"));
        lab.wan(&back().ping(7, 1, b"from outside"));
        lab.lan(&out().pong(9, 1, b"unasked"));
        // Timestamp, address mask, and types that are no questions.
        lab.lan(&out().icmp(13, 0, &[0, 7, 0, 1], &[0; 12]));
        lab.wan(&back().icmp(14, 0, &[0, 7, 0, 1], &[0; 12]));
        lab.lan(&out().icmp(17, 0, &[0, 7, 0, 1], &[0; 4]));
        lab.lan(&out().icmp(9, 0, &[0, 7, 0, 1], &[0; 4]));
        lab.lan(&out().icmp(42, 0, &[0, 7, 0, 1], &[0; 4]));
        lab.lan(&out().raw(1, &[8, 0]));
        lab.lan(&out().raw(99, b"any protocol"));
        lab.wan(&back().raw(99, b"and back"));
    })
}

/// Errors belong to the connection they speak of, if there is one.
fn related() -> Scenario {
    Scenario::new(STATEFUL, |lab| {
        let udp = out().udp(1000, 53, b"question");
        lab.lan(&udp);
        for (kind, code) in [(3, 3), (3, 1), (11, 0), (12, 0), (4, 0), (5, 1)] {
            lab.wan(&Packet::new(FAR, INSIDE).icmp_error(kind, code, 0, &udp.bytes()));
        }
        let unknown = out().udp(1001, 53, b"never sent");
        lab.wan(&Packet::new(FAR, INSIDE).icmp_error(3, 3, 0, &unknown.bytes()));
        lab.wan(&Packet::new(FAR, INSIDE).icmp_error(3, 3, 0, &udp.bytes()[..24]));
        lab.wan(&Packet::new(FAR, INSIDE).icmp_error(3, 3, 0, &udp.bytes()).spoil(30));
        // About the answer, in the other direction.
        let answer = back().udp(53, 1000, b"answer");
        lab.wan(&answer);
        lab.lan(&out().icmp_error(3, 3, 0, &answer.bytes()));
        // To one who did not send what is quoted.
        lab.wan(&Packet::new(FAR, INSIDE_2).icmp_error(3, 3, 0, &udp.bytes()));
    })
}

/// Put together to be tracked, and sent on in the pieces they came in.
fn fragments() -> Scenario {
    Scenario::new(STATEFUL, |lab| {
        let parts = out().udp(1000, 53, &[7; 2000]).id(0x2001).fragments(&[800, 800]);
        for part in &parts {
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
        // One twice, then the rest.
        let parts = out().ping(7, 1, &[7; 100]).id(0x2004).fragments(&[40]);
        for part in [&parts[0], &parts[0], &parts[1]] {
            lab.lan(part);
        }
        // Overlapping: an attack, and lost (RFC 5722 says so for IPv6; the kernel for both).
        let mut parts = out().udp(1001, 53, &[7; 100]).id(0x2005).fragments(&[48, 48]);
        parts[1].fragment -= 1;
        for part in &parts {
            lab.lan(part);
        }
        // Not to be fragmented, yet in fragments.
        for part in out().udp(1002, 53, &[7; 64]).id(0x2006).dont_fragment().fragments(&[40]) {
            lab.lan(&part);
        }
    })
}

/// A way out too narrow for some, and what is said of them.
fn fragments_cut_anew() -> Scenario {
    let scenario = Scenario::new(STATEFUL, |lab| {
        // Too large: cut anew as a whole.
        for part in out().udp(1000, 53, &[7; 2000]).id(0x2001).fragments(&[800, 400]) {
            lab.lan(&part);
        }
        // Larger than the way out, and not to be: the sender is told, of the whole.
        for part in
            out().udp(1001, 53, &[7; 2000]).id(0x2002).dont_fragment().fragments(&[800, 400])
        {
            lab.lan(&part);
        }
        // Only the small one is not to be.
        let mut parts = out().udp(1002, 53, &[7; 1000]).id(0x2003).fragments(&[800]);
        parts[1].fragment |= 0x4000;
        for part in &parts {
            lab.lan(part);
        }
        // The last hop, in fragments.
        for part in out().udp(1003, 53, &[7; 1000]).id(0x2004).ttl(1).fragments(&[400, 400]) {
            lab.lan(&part);
        }
        // Headers that differ become the first's.
        let mut parts = out().udp(1004, 53, &[7; 1000]).id(0x2005).fragments(&[400, 400]);
        parts[1].ttl = 9;
        parts[2].tos = 0x10;
        for part in &parts {
            lab.lan(part);
        }
        let options = [0x94, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0, 0];
        for part in
            out().options(&options).udp(1005, 53, &[7; 1000]).id(0x2006).fragments(&[400, 400])
        {
            lab.lan(&part);
        }
    });
    scenario.with(|setup| setup.with_mtu("wan0", 600))
}

/// A layer-4 header over several fragments is rewritten, refused and reset like any.
fn fragments_translated() -> Scenario {
    let rules = "
        *filter
        -A FORWARD -p tcp --dport 81 -j REJECT --reject-with tcp-reset
        -A FORWARD -p udp --dport 81 -j REJECT
        COMMIT
        *nat
        -A POSTROUTING -s 10.1.0.0/16 -o wan0 -j SNAT --to-source 192.168.1.146
        COMMIT";
    Scenario::new(rules, |lab| {
        let syn = |port| out().tcp((1000, port), flags::SYN, 1, 0, b"");
        for (id, packet, sizes) in [
            (0x2001, syn(80), [8, 8]),
            (0x2002, syn(81), [8, 8]),
            (0x2003, out().udp(1000, 80, &[7; 64]), [8, 24]),
            (0x2004, out().udp(1000, 81, &[7; 64]), [8, 24]),
            (0x2005, out().tcp((1001, 80), flags::SYN, 1, 0, &[7; 64]), [16, 8]),
            (0x2006, out().tcp((1002, 80), flags::SYN, 1, 0, &[7; 64]), [24, 8]),
        ] {
            for part in packet.id(id).fragments(&sizes) {
                lab.lan(&part);
            }
        }
        let back = || Packet::new(OUTSIDE, "192.168.1.146");
        let answer = back().tcp((80, 1001), flags::SYN | flags::ACK, 9, 2, &[7; 64]).id(0x2007);
        for part in answer.fragments(&[8, 16]) {
            lab.wan(&part);
        }
        // An error in fragments, cut in the quote.
        let quoted = Packet::new("192.168.1.146", OUTSIDE).udp(1000, 80, &[7; 64]).bytes();
        for part in back().icmp_error(3, 3, 0, &quoted).id(0x2008).fragments(&[16, 8]) {
            lab.wan(&part);
        }
    })
}

/// What cannot be trusted belongs to no connection.
fn bad_checksums() -> Scenario {
    let rules = "
        *filter
        :FORWARD DROP [0:0]
        -A FORWARD -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT
        COMMIT";
    Scenario::new(rules, |lab| {
        lab.lan(&out().udp(1000, 53, b"right"));
        lab.lan(&out().udp(1000, 53, b"wrong").spoil(10));
        lab.lan(&out().tcp((1000, 80), flags::SYN, 1, 0, b"").spoil(15));
        lab.lan(&out().ping(7, 1, b"wrong").spoil(10));
        lab.lan(&out().ping(7, 1, b"right"));
        // The kernel verifies only what it tracks: another protocol has no checksum to be wrong.
        lab.lan(&out().raw(99, b"whatever"));
    })
}
