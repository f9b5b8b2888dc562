//! Owns the scenarios of sets: what `-m set` finds in them, and what marks their elements give to packets.

use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};
use sluice_tests::frame::{Packet, flags};

use std::time::Duration;

use crate::matches::shown;
use crate::{FAR, INSIDE, INSIDE_2, OUTSIDE, ROUTER_IN};

differential!(
    looked_up,
    marks_from_sets,
    marks_of_tracked_packets,
    marks_from_lists,
    verdicts_follow_changes,
    counting_and_ending,
    ending_follows_changes,
    nat_follows_changes,
    verdicts_of_lists_follow_changes,
);

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

/// Packets of connections that are known, both ways: what is kept of them must not outlive a change of a set.
fn talk(lab: &mut Lab) {
    for source in [INSIDE, INSIDE_2] {
        for _ in 0..3 {
            lab.lan(&Packet::new(source, OUTSIDE).udp(1000, 53, b"question"));
            lab.wan(&Packet::new(OUTSIDE, source).udp(53, 1000, b"answer"));
            lab.lan(&Packet::new(source, FAR).tcp((2000, 80), flags::ACK, 1, 1, b"segment"));
            lab.wan(&Packet::new(FAR, source).tcp((80, 2000), flags::ACK, 1, 8, b"answer"));
            lab.lan(&Packet::new(source, OUTSIDE).ping(7, 1, b"echo"));
        }
    }
}

/// Sends these packets, and again after each change of a set. Where one is empty, what was added for a second ends.
fn after_each(lab: &mut Lab, changes: &[&str], mut packets: impl FnMut(&mut Lab)) {
    packets(lab);
    for change in changes {
        if change.is_empty() {
            lab.wait(Duration::from_millis(1500));
        } else {
            lab.tool(&format!("ipset {change}"));
        }
        packets(lab);
    }
}

fn verdicts_follow_changes() -> Scenario {
    let rules = "*filter
        -A FORWARD -m set --match-set refused src -j DROP
        -A FORWARD -m set --match-set nets dst -j REJECT
        -A FORWARD -m set --match-set ports src,dst -j DROP
        -A FORWARD -m set ! --match-set allowed src -j DROP
        -A FORWARD -m set --match-set faced src,dst -j DROP
        -A FORWARD -m conntrack --ctstate ESTABLISHED
        COMMIT";
    let sets = "
        create refused hash:ip
        create spare hash:ip
        add spare 10.1.0.3
        create nets hash:net
        create ports hash:ip,port
        create allowed hash:net
        add allowed 10.1.0.0/24
        add allowed 192.168.0.0/16
        create faced hash:net,iface";
    let scenario = Scenario::new(rules, |lab| {
        let changes = [
            "add refused 10.1.0.2",
            "del refused 10.1.0.2",
            "swap refused spare",
            "add refused 10.1.0.2",
            "add spare 10.1.0.99",
            "flush refused",
            "swap refused spare",
            "add nets 192.168.0.0/16",
            "add nets 192.168.1.0/24 nomatch",
            "-exist add nets 192.168.1.0/24",
            "flush nets",
            "add ports 10.1.0.2,udp:53",
            "add ports 10.1.0.3,icmp:8/0",
            "add ports 192.168.1.9,tcp:2000",
            "flush ports",
            "del allowed 192.168.0.0/16",
            "add allowed 192.168.1.0/24",
            "add allowed 0.0.0.0/1",
            "add allowed 128.0.0.0/1",
            "add faced 10.1.0.0/24,wan0",
            "add faced 0.0.0.0/0,lan0",
            "del faced 0.0.0.0/0,lan0",
            "flush faced",
        ];
        after_each(lab, &changes, talk);
        lab.compare_counters("filter");
        lab.compare_sets();
    });
    scenario.with(|setup| setup.with_ipset(sets))
}

/// First packets of which what was learned from others before them must not outlive a change of a set either.
fn nat_follows_changes() -> Scenario {
    let rules = "*nat
        -A PREROUTING -p udp -m set --match-set moved dst -j DNAT --to-destination 192.168.1.1
        -A POSTROUTING -m set ! --match-set direct src -j SNAT --to-source 198.51.100.1
        COMMIT
        *filter
        -A FORWARD -m set --match-set refused src -j DROP
        COMMIT";
    let sets = "
        create moved hash:net
        create direct hash:ip
        create refused hash:ip";
    let scenario = Scenario::new(rules, |lab| {
        let mut port = 1000;
        let begin = |lab: &mut Lab| {
            for _ in 0..3 {
                for source in [INSIDE, INSIDE_2] {
                    // No two are to clash, for then a port is drawn.
                    port += 1;
                    lab.lan(&Packet::new(source, OUTSIDE).udp(port, 53, b"first"));
                    lab.lan(&Packet::new(source, OUTSIDE).udp(port, 53, b"second"));
                    lab.lan(&Packet::new(source, FAR).tcp((port, 80), flags::SYN, 1, 0, b""));
                }
            }
        };
        let changes = [
            "add moved 192.168.1.9",
            "add direct 10.1.0.2",
            "add direct 10.1.0.3",
            "add refused 10.1.0.3",
            "del moved 192.168.1.9",
            "flush direct",
            "add moved 192.168.0.0/16",
            "flush refused",
        ];
        after_each(lab, &changes, begin);
        lab.compare_counters("nat");
        lab.compare_counters("filter");
    });
    scenario.with(|setup| setup.with_ipset(sets))
}

/// Sets whose elements count packets or end, among packets of known connections.
fn counting_and_ending() -> Scenario {
    let rules = "*filter
        -A FORWARD -m set --match-set counted src --packets-gt 40 -j DROP
        -A FORWARD -m set --match-set ending src -j DROP
        -A FORWARD -m conntrack --ctstate ESTABLISHED
        COMMIT";
    let sets = "
        create counted hash:ip counters
        add counted 10.1.0.3
        create ending hash:ip timeout 0";
    let scenario = Scenario::new(rules, |lab| {
        for change in
            ["add ending 10.1.0.2", "del ending 10.1.0.2", "add ending 10.1.0.2 timeout 1"]
        {
            talk(lab);
            talk(lab);
            lab.tool(&format!("ipset {change}"));
        }
        talk(lab);
        lab.wait(Duration::from_millis(1500));
        talk(lab);
        lab.compare_counters("filter");
        lab.compare_sets();
    });
    scenario.with(|setup| setup.with_ipset(sets))
}

/// Sets whose elements may end, though most packets meet none that does: what is said of those is kept.
fn ending_follows_changes() -> Scenario {
    let rules = "*filter
        -A FORWARD -p icmp -j SET --add-set knocked src --exist --timeout 600
        -A FORWARD -m set --match-set refused src -j DROP
        -A FORWARD -m set --match-set nets dst -j DROP
        -A FORWARD -m set ! --match-set allowed src,dst -j DROP
        -A FORWARD -p udp --dport 1000 -m set ! --match-set knocked dst -j DROP
        -A FORWARD -m conntrack --ctstate ESTABLISHED
        COMMIT";
    let sets = "
        create refused hash:ip timeout 600
        create nets hash:net timeout 600
        add nets 203.0.113.0/24
        create hosts hash:ip timeout 0
        add hosts 10.1.0.2
        add hosts 192.168.1.9 timeout 0
        create others hash:net
        add others 192.168.0.0/16
        add others 10.1.0.3
        create allowed list:set timeout 0
        add allowed others
        add allowed hosts
        create knocked hash:ip timeout 600";
    let scenario = Scenario::new(rules, |lab| {
        let changes = [
            "add refused 10.1.0.99",
            "add refused 10.1.0.2 timeout 1",
            "",
            "-exist add refused 10.1.0.2 timeout 1",
            "",
            "-exist add refused 10.1.0.2 timeout 0",
            "-exist add refused 10.1.0.2 timeout 500",
            "del refused 10.1.0.2",
            "add nets 192.168.1.0/24",
            "add nets 192.168.1.9/32 nomatch timeout 0",
            "del nets 192.168.1.9/32",
            "flush nets",
            "-exist add allowed others timeout 1",
            "",
            "add allowed others",
            "del hosts 10.1.0.2",
            "add hosts 10.1.0.2 timeout 1",
            "",
            "flush knocked",
        ];
        after_each(lab, &changes, talk);
        lab.compare_counters("filter");
        lab.compare_sets();
    });
    scenario.with(|setup| setup.with_ipset(sets))
}

fn verdicts_of_lists_follow_changes() -> Scenario {
    let rules = "*filter
        -A FORWARD -m set --match-set all src,dst -j DROP
        -A FORWARD -m conntrack --ctstate ESTABLISHED
        COMMIT
        *mangle
        -A PREROUTING -p udp -m set --match-set all dst -j MARK --set-mark 1
        COMMIT";
    let sets = "
        create hosts hash:ip
        create others hash:ip
        add others 10.1.0.3
        create ports hash:ip,port
        add ports 10.1.0.2,udp:53
        create counted hash:ip counters
        create all list:set
        add all hosts";
    let scenario = Scenario::new(rules, |lab| {
        let changes = [
            "add hosts 10.1.0.2",
            "del all hosts",
            "add all ports",
            "add all others",
            "del others 10.1.0.3",
            "swap hosts others",
            "add all counted",
            "add counted 10.1.0.3",
            "flush counted",
            "del all counted",
            "flush all",
            "add all others",
        ];
        after_each(lab, &changes, talk);
        lab.compare_counters("filter");
        lab.compare_counters("mangle");
        lab.compare_sets();
    });
    scenario.with(|setup| setup.with_ipset(sets))
}
