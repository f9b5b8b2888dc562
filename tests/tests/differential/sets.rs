//! Owns the scenarios of sets: what `-m set` finds in them, and what marks their elements give to packets.

use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};
use sluice_tests::frame::{Packet, flags};

use crate::matches::shown;
use crate::{FAR, INSIDE, INSIDE_2, OUTSIDE, ROUTER_IN};

differential!(looked_up, marks_from_sets, marks_of_tracked_packets, marks_from_lists);

/// Rules of POSTROUTING that show 14 bits of the mark: eight as TOS, six as TTL of packets that leave with less than 64.
/// `hops` is the option that adds to a TTL.
pub(crate) fn bits_shown(hops: &str) -> String {
    (0..14_u32)
        .map(|bit| {
            let mark = 1 << bit;
            let shown = match bit {
                0..8 => format!("TOS --or-tos {mark:#x}"),
                _ => format!("{hops} {}", 1 << (bit - 8)),
            };
            format!("-A POSTROUTING -m mark --mark {mark:#x}/{mark:#x} -j {shown}\n")
        })
        .collect()
}

fn looked_up() -> Scenario {
    let rules = shown(&[
        "-m set --match-set hosts src",
        "-m set ! --match-set hosts dst",
        "-m set --match-set nets dst",
        "-m set --match-set nets dst --return-nomatch",
        "-m set --match-set ports src,dst",
        "-m set --match-set ports dst,src",
        "-m set --match-set ports src",
        "-m set --match-set counted src --packets-gt 3",
        "-m set --match-set faced dst,src",
        "-m set --match-set all dst ! --update-counters",
    ]);
    let sets = "
        create hosts hash:ip
        add hosts 10.1.0.2
        create nets hash:net
        add nets 192.168.1.0/24
        add nets 192.168.1.8/30 nomatch
        create ports hash:ip,port
        add ports 10.1.0.2,udp:53
        add ports 10.1.0.3,tcp:80
        add ports 10.1.0.2,icmp:8/0
        add ports 10.1.0.2,47:0
        create counted hash:ip counters
        add counted 10.1.0.3
        create faced hash:net,iface
        add faced 198.51.100.0/24,lan0
        create all list:set counters
        add all hosts
        add all nets";
    let scenario = Scenario::new(&rules, |lab| {
        for source in [INSIDE, INSIDE_2] {
            for destination in [OUTSIDE, FAR, "192.168.1.1"] {
                let packet = || Packet::new(source, destination);
                lab.lan(&packet().udp(53, 53, b"looked up"));
                lab.lan(&packet().tcp((80, 80), flags::SYN, 1, 0, b""));
                lab.lan(&packet().ping(1, 1, b"looked up"));
                lab.lan(&packet().raw(47, &[0; 8]));
                for part in packet().udp(53, 53, &[7; 64]).fragments(&[40]) {
                    lab.lan(&part);
                }
            }
        }
        lab.compare_counters("mangle");
        lab.compare_sets();
    });
    scenario.with(|setup| setup.with_ipset(sets))
}

const MARKING: &str = "
    create hosts hash:ip skbinfo counters
    add hosts 10.1.0.2 skbmark 0x1510/0xff0
    add hosts 10.1.0.3 skbmark 0x2f skbprio 1:10 skbqueue 7
    create nets hash:net skbinfo
    add nets 192.168.1.0/24 skbmark 0x3/0x0
    add nets 192.168.1.8/30 nomatch skbmark 0xf00/0xf00
    create ports hash:ip,port skbinfo
    add ports 10.1.0.2,udp:3 skbmark 0x2000/0x3fff
    create plain hash:ip
    add plain 10.1.0.2
    add plain 10.1.0.3
    create ending hash:ip skbinfo timeout 0
    add ending 10.1.0.2 skbmark 0x4/0xff
    create marked list:set skbinfo counters
    add marked nets
    add marked hosts skbmark 0x77/0xff
    create unmarked list:set
    add unmarked nets
    add unmarked hosts
    add unmarked plain";

fn sends(lab: &mut Lab, source: &str) {
    for destination in [OUTSIDE, "192.168.1.1", FAR] {
        for port in 1..10 {
            lab.lan(&Packet::new(source, destination).udp(1000, port, b"marked").ttl(9));
        }
    }
}

fn marks_from_sets() -> Scenario {
    let rules = format!(
        "*mangle
        -A PREROUTING -j MARK --set-mark 0x1234
        -A PREROUTING -p udp --dport 1 -j SET --map-set hosts src --map-mark
        -A FORWARD -p udp --dport 2 -j SET --map-set nets dst --map-mark
        -A FORWARD -p udp --dport 3 -j SET --map-set ports src,dst --map-mark
        -A FORWARD -p udp --dport 4 -j SET --map-set plain src --map-mark --map-prio
        -A FORWARD -p udp --dport 5 -j SET --map-set hosts src --map-prio --map-queue
        -A FORWARD -p udp --dport 6 -j SET --add-set hosts dst --map-set hosts dst --map-mark
        -A FORWARD -p udp --dport 7 -j SET --add-set hosts src --exist --map-set hosts src --map-mark
        -A FORWARD -p udp --dport 8 -j SET --map-set ending src --map-mark
        -A FORWARD -p icmp -j SET --map-set hosts src --map-mark
        -A OUTPUT -p icmp -j SET --map-set hosts dst --map-mark
        {}COMMIT",
        bits_shown("TTL --ttl-inc")
    );
    let scenario = Scenario::new(&rules, |lab| {
        for source in [INSIDE_2, INSIDE] {
            sends(lab, source);
            lab.lan(&Packet::new(source, OUTSIDE).ping(1, 1, b"marked").ttl(9));
            lab.lan(&Packet::new(source, ROUTER_IN).ping(1, 1, b"marked"));
            for part in Packet::new(source, OUTSIDE).udp(1000, 3, &[7; 64]).fragments(&[40]) {
                lab.lan(&part);
            }
        }
        // What is added anew by a rule gives nothing.
        lab.compare_sets();
        lab.tool("ipset -exist add hosts 10.1.0.2 skbmark 0x20/0xf0");
        sends(lab, INSIDE);
        lab.compare_sets();
    });
    scenario.with(|setup| setup.with_ipset(MARKING))
}

fn marks_of_tracked_packets() -> Scenario {
    let rules = format!(
        "*mangle
        -A PREROUTING -j CONNMARK --restore-mark
        -A FORWARD -m mark --mark 0 -j SET --map-set hosts src --map-mark
        -A FORWARD -j CONNMARK --save-mark
        {}COMMIT
        *filter
        :FORWARD DROP [0:0]
        -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
        -A FORWARD -m mark --mark 0x1510/0x1510 -j ACCEPT
        -A FORWARD -m mark --mark 0x20/0xf0 -j ACCEPT
        COMMIT",
        bits_shown("TTL --ttl-inc")
    );
    let scenario = Scenario::new(&rules, |lab| {
        for source in [INSIDE, INSIDE_2, "10.1.0.4"] {
            for _ in 0..3 {
                lab.lan(&Packet::new(source, OUTSIDE).udp(1000, 53, b"question").ttl(9));
                lab.wan(&Packet::new(OUTSIDE, source).udp(53, 1000, b"answer").ttl(9));
            }
        }
        lab.tool("ipset -exist add hosts 10.1.0.2 skbmark 0x3fff");
        lab.tool("ipset add hosts 10.1.0.4 skbmark 0x1510");
        for source in [INSIDE, "10.1.0.4"] {
            for port in [1000, 1001] {
                lab.lan(&Packet::new(source, OUTSIDE).udp(port, 53, b"question").ttl(9));
            }
        }
        lab.compare_sets();
    });
    scenario.with(|setup| setup.with_ipset(MARKING))
}

/// The mark is the list's, where it has such, else that of the last element that was looked at.
fn marks_from_lists() -> Scenario {
    let rules = format!(
        "*mangle
        -A PREROUTING -j MARK --set-mark 0x1234
        -A FORWARD -p udp --dport 1:4 -j SET --map-set marked src --map-mark
        -A FORWARD -p udp --dport 5:9 -j SET --map-set unmarked src --map-mark
        -A FORWARD -p udp --dport 1:9 -j SET --map-set unmarked dst --map-mark
        {}COMMIT",
        bits_shown("TTL --ttl-inc")
    );
    let scenario = Scenario::new(&rules, |lab| {
        sends(lab, INSIDE);
        sends(lab, INSIDE_2);
        lab.tool("ipset add plain 192.168.1.9");
        sends(lab, INSIDE);
        lab.compare_sets();
    });
    scenario.with(|setup| setup.with_ipset(MARKING))
}
