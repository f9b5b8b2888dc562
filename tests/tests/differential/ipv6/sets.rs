//! Sets of IPv6, as `../sets.rs` has those of IPv4.

use super::{FAR, INSIDE, INSIDE_2, OUTSIDE, ROUTER_IN};
use crate::matches::shown;
use crate::sets::bits_shown;
use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};
use sluice_tests::frame::{Packet, flags};

differential!(looked_up, changed, marks_from_sets, marks_of_tracked_packets);

fn looked_up() -> Scenario {
    let rules = shown(&[
        "-m set --match-set hosts src",
        "-m set ! --match-set hosts dst",
        "-m set --match-set nets dst",
        "-m set --match-set nets dst --return-nomatch",
        "-m set --match-set ports src,dst",
        "-m set --match-set ports dst,src",
        "-m set --match-set ports src",
        "-m set --match-set counted src --packets-gt 3 --bytes-lt 1000",
        "-m set --match-set faced dst,src",
        "-m set --match-set all dst ! --update-counters",
        "-m set --match-set numbers dst",
    ]);
    let sets = "
        create hosts hash:ip family inet6
        add hosts fd00:1::2
        create nets hash:net family inet6
        add nets fd00:2::/64
        add nets fd00:2::8/125 nomatch
        create ports hash:ip,port family inet6
        add ports fd00:1::2,udp:53
        add ports fd00:1::3,tcp:80
        add ports fd00:1::2,icmpv6:128/0
        add ports fd00:1::2,47:0
        create counted hash:ip family inet6 counters
        add counted fd00:1::3
        create faced hash:net,iface family inet6
        add faced 2001:db8::/32,lan0
        create all list:set counters
        add all hosts
        add all nets
        create numbers bitmap:port range 53-80
        add numbers 80";
    let scenario = Scenario::new_v6(&rules, |lab| {
        for source in [INSIDE, INSIDE_2] {
            for destination in [OUTSIDE, FAR, "fd00:2::fe"] {
                let packet = || Packet::new(source, destination);
                lab.lan(&packet().udp(53, 53, b"looked up"));
                lab.lan(&packet().tcp((80, 80), flags::SYN, 1, 0, b""));
                lab.lan(&packet().ping(1, 1, b"looked up"));
                lab.lan(&packet().raw(47, &[0; 8]));
                lab.lan(&packet().udp(53, 53, b"options").options(&[5, 2, 0, 0]));
                for part in packet().udp(53, 53, &[7; 64]).fragments(&[40]) {
                    lab.lan(&part);
                }
            }
        }
        lab.compare_tool("ip6tables-save -c -t mangle");
        lab.compare_sets();
    });
    scenario.with(|setup| setup.with_ipset(sets))
}

/// What rules put in and take out.
fn changed() -> Scenario {
    let rules = "
        *filter
        -A FORWARD -p udp --dport 1 -j SET --add-set hosts src
        -A FORWARD -p udp --dport 2 -j SET --add-set nets dst --exist
        -A FORWARD -p udp --dport 3 -j SET --add-set ports src,dst --del-set hosts src
        -A FORWARD -p icmpv6 -j SET --add-set ports dst,src
        -A FORWARD -p 59 -j SET --add-set ports src,dst
        -A FORWARD -p tcp -j SET --del-set ports src,dst
        -A FORWARD -m set --match-set hosts src -j DROP
        COMMIT";
    let sets = "
        create hosts hash:ip family inet6 counters
        create nets hash:net family inet6
        add nets fd00:2:0:1::/64
        create ports hash:ip,port family inet6
        add ports fd00:1::2,tcp:80";
    let scenario = Scenario::new_v6(rules, |lab| {
        for source in [INSIDE, INSIDE_2] {
            for port in [4, 1, 4, 2, 3, 4] {
                lab.lan(&Packet::new(source, OUTSIDE).udp(1000, port, b"changed"));
                lab.lan(&Packet::new(source, FAR).udp(1000, port, b"changed"));
                lab.compare_sets();
            }
            lab.lan(&Packet::new(source, FAR).ping(1, 1, b"changed"));
            lab.lan(&Packet::new(source, FAR).tcp((1000, 80), flags::SYN, 1, 0, b""));
            // No next header: nor a port.
            lab.lan(&Packet::new(source, FAR).raw(59, b"changed"));
            lab.compare_sets();
        }
    });
    scenario.with(|setup| setup.with_ipset(sets))
}

const MARKING: &str = "
    create hosts hash:ip family inet6 skbinfo counters
    add hosts fd00:1::2 skbmark 0x1510/0xff0
    add hosts fd00:1::3 skbmark 0x2f skbprio 1:10 skbqueue 7
    create nets hash:net family inet6 skbinfo
    add nets fd00:2::/64 skbmark 0x3/0x0
    add nets fd00:2::8/125 nomatch skbmark 0xf00/0xf00
    create ports hash:ip,port family inet6 skbinfo
    add ports fd00:1::2,udp:3 skbmark 0x2000/0x3fff
    create plain hash:ip family inet6
    add plain fd00:1::2
    create marked list:set skbinfo
    add marked nets
    add marked hosts skbmark 0x77/0xff";

fn sends(lab: &mut Lab, source: &str) {
    for destination in [OUTSIDE, "fd00:2::fe", FAR] {
        for port in 1..8 {
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
        -A FORWARD -p udp --dport 6 -j SET --add-set hosts dst --exist --map-set hosts dst --map-mark
        -A FORWARD -p udp --dport 7 -j SET --map-set marked src --map-mark
        -A FORWARD -p icmpv6 -j SET --map-set hosts src --map-mark
        -A OUTPUT -p icmpv6 -j SET --map-set hosts dst --map-mark
        {}COMMIT",
        bits_shown("HL --hl-inc")
    );
    let scenario = Scenario::new_v6(&rules, |lab| {
        for source in [INSIDE_2, INSIDE] {
            sends(lab, source);
            lab.lan(&Packet::new(source, OUTSIDE).ping(1, 1, b"marked").ttl(9));
            lab.lan(&Packet::new(source, ROUTER_IN).ping(1, 1, b"marked"));
            for part in Packet::new(source, OUTSIDE).udp(1000, 3, &[7; 64]).fragments(&[40]) {
                lab.lan(&part);
            }
        }
        lab.compare_sets();
        lab.tool("ipset -exist add hosts fd00:1::2 skbmark 0x20/0xf0");
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
        bits_shown("HL --hl-inc")
    );
    let scenario = Scenario::new_v6(&rules, |lab| {
        for source in [INSIDE, INSIDE_2, "fd00:1::5"] {
            for _ in 0..3 {
                lab.lan(&Packet::new(source, OUTSIDE).udp(1000, 53, b"question").ttl(9));
                lab.wan(&Packet::new(OUTSIDE, source).udp(53, 1000, b"answer").ttl(9));
            }
        }
        lab.tool("ipset -exist add hosts fd00:1::2 skbmark 0x3fff");
        for port in [1000, 1001] {
            lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(port, 53, b"question").ttl(9));
        }
        lab.compare_sets();
    });
    scenario.with(|setup| setup.with_ipset(MARKING))
}
