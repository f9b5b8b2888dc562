//! Owns the comparison of bridges: what is switched, what is handed up, and what rules see of both.

use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};
use sluice_tests::frame::{Packet, flags};
use sluice_tests::router::BRIDGE_MAC;
use sluice_tests::topology::{DMZ, LAN, WAN};

use crate::{INSIDE, INSIDE_2, OUTSIDE, ROUTER_IN};

differential!(
    switching,
    floods,
    groups,
    physdev,
    logs,
    translation,
    source_translation,
    fragments,
    refusals,
    tracked,
    ipv6,
    switched_off,
    moved
);

const ALL: &str = "ff:ff:ff:ff:ff:ff";
const NOBODY: &str = "02:00:00:00:99:99";
const TWO: &[&str] = &["lan0", "dmz0"];
const THREE: &[&str] = &["lan0", "dmz0", "wan0"];

fn across() -> Packet {
    Packet::new(INSIDE, INSIDE_2)
}

fn back() -> Packet {
    Packet::new(INSIDE_2, INSIDE)
}

/// From the host behind `lan0` to that behind `dmz0`.
#[track_caller]
fn over(lab: &mut Lab, packet: &Packet) {
    lab.frame(&LAN, DMZ.host_mac, LAN.host_mac, packet);
}

/// And back.
#[track_caller]
fn answer(lab: &mut Lab, packet: &Packet) {
    lab.frame(&DMZ, LAN.host_mac, DMZ.host_mac, packet);
}

/// From behind `lan0` to the router's own MAC.
#[track_caller]
fn up(lab: &mut Lab, packet: &Packet) {
    lab.frame(&LAN, BRIDGE_MAC, LAN.host_mac, packet);
}

/// Both hosts have spoken.
fn greet(lab: &mut Lab) {
    up(lab, &Packet::new(INSIDE, ROUTER_IN).ping(1, 1, b"here"));
    lab.frame(
        &DMZ,
        BRIDGE_MAC,
        DMZ.host_mac,
        &Packet::new(INSIDE_2, ROUTER_IN).ping(1, 1, b"here"),
    );
}

fn arp(operation: u8, sender: (&str, [u8; 4]), target: [u8; 4]) -> Vec<u8> {
    let mac: Vec<u8> =
        sender.0.split(':').map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
    [&[0, 1, 8, 0, 6, 4, 0, operation][..], &mac, &sender.1, &[0; 6], &target].concat()
}

fn switching() -> Scenario {
    Scenario::bridge(TWO, "*filter\n-A FORWARD -p udp --dport 4 -j DROP\nCOMMIT", |lab| {
        over(lab, &across().udp(1, 7, b"to nobody known yet"));
        answer(lab, &back().udp(7, 1, b"and back"));
        over(lab, &across().udp(1, 7, b"known now").ttl(1));
        over(lab, &across().udp(1, 4, b"dropped"));
        over(lab, &across().tcp((1, 80), flags::SYN, 7, 0, b""));
        up(lab, &Packet::new(INSIDE, OUTSIDE).udp(1, 7, b"routed"));
        lab.wan(&Packet::new(OUTSIDE, INSIDE_2).udp(7, 1, b"routed in"));
        lab.wan(&Packet::new(OUTSIDE, "10.1.0.99").udp(7, 1, b"to nobody"));
        // Not out of where it came from.
        lab.frame(&LAN, LAN.host_mac, "02:00:00:00:01:77", &across().udp(1, 7, b"back home"));
        // Frames that are not IP, with and without a tag, are nobody's business.
        lab.raw_frame(
            &LAN,
            DMZ.host_mac,
            LAN.host_mac,
            0x88b5,
            b"an experiment of some length, padded by nobody",
        );
        lab.raw_frame(
            &LAN,
            NOBODY,
            LAN.host_mac,
            0x88b5,
            b"an experiment of some length, padded by nobody",
        );
        let tagged = [&[0, 5, 8, 0][..], &across().udp(1, 4, b"tagged, and not dropped").bytes()];
        lab.raw_frame(&LAN, DMZ.host_mac, LAN.host_mac, 0x8100, &tagged.concat());
        // Padding goes, and so does what is no packet.
        let mut padded = across().udp(1, 7, b"short").bytes();
        padded.extend([0xee; 13]);
        lab.raw_frame(&LAN, DMZ.host_mac, LAN.host_mac, 0x0800, &padded);
        padded[10] ^= 1;
        lab.raw_frame(&LAN, DMZ.host_mac, LAN.host_mac, 0x0800, &padded);
        over(lab, &across().udp(1, 7, b"with options").options(&[1, 1, 148, 4, 0, 0, 1, 0]));
        lab.compare_counters("filter");
    })
}

fn floods() -> Scenario {
    let rules = "
        *raw
        -A PREROUTING -p udp --dport 9 -j DROP
        -A PREROUTING -p udp
        COMMIT
        *filter
        -A FORWARD -p udp -m physdev --physdev-out wan0 --dport 3 -j DROP
        -A FORWARD -i br0 -o br0 -p udp
        COMMIT
        *mangle
        -A POSTROUTING -o br0 -p udp
        COMMIT";
    Scenario::bridge(THREE, rules, |lab| {
        over(lab, &across().udp(1, 7, b"to two ports"));
        over(lab, &across().udp(1, 3, b"to one of them"));
        // Dropped before it is learned, and learned after.
        answer(lab, &back().udp(1, 9, b"teaches nothing"));
        over(lab, &across().udp(1, 7, b"to two ports still"));
        answer(lab, &back().udp(1, 8, b"teaches"));
        over(lab, &across().udp(1, 7, b"to one port"));
        for table in ["raw", "filter", "mangle"] {
            lab.compare_counters(table);
        }
    })
}

fn groups() -> Scenario {
    let rules = "
        *filter
        -A INPUT -p udp
        -A FORWARD -p udp
        COMMIT";
    Scenario::bridge(THREE, rules, |lab| {
        lab.raw_frame(
            &LAN,
            ALL,
            LAN.host_mac,
            0x0806,
            &arp(1, (LAN.host_mac, [10, 1, 0, 2]), [10, 1, 0, 9]),
        );
        lab.raw_frame(
            &LAN,
            ALL,
            LAN.host_mac,
            0x0806,
            &arp(1, (LAN.host_mac, [10, 1, 0, 2]), [10, 1, 0, 1]),
        );
        lab.frame(&LAN, ALL, LAN.host_mac, &Packet::new(INSIDE, "10.1.255.255").udp(1, 7, b"all"));
        lab.frame(
            &LAN,
            ALL,
            LAN.host_mac,
            &Packet::new(INSIDE, "255.255.255.255").udp(1, 7, b"all"),
        );
        lab.frame(
            &LAN,
            "01:00:5e:01:02:03",
            LAN.host_mac,
            &Packet::new(INSIDE, "239.1.2.3").udp(1, 7, b"some"),
        );
        // Of what is reserved for bridges only the spanning tree passes.
        for last in [0, 1, 2, 3, 14, 15, 16] {
            let to = format!("01:80:c2:00:00:{last:02x}");
            lab.raw_frame(
                &LAN,
                &to,
                LAN.host_mac,
                0x88b5,
                b"reserved, and long enough for a frame on a wire",
            );
        }
        // No host has such an address.
        lab.frame(
            &LAN,
            ALL,
            "03:00:00:00:00:01",
            &Packet::new(INSIDE, "10.1.255.255").udp(1, 7, b"no"),
        );
        lab.frame(
            &LAN,
            ALL,
            "00:00:00:00:00:00",
            &Packet::new(INSIDE, "10.1.255.255").udp(1, 7, b"no"),
        );
        // A port's own address is the router's where it is, and nobody's elsewhere.
        lab.frame(&LAN, LAN.mac, LAN.host_mac, &Packet::new(INSIDE, ROUTER_IN).ping(1, 1, b"port"));
        lab.frame(
            &LAN,
            DMZ.mac,
            LAN.host_mac,
            &Packet::new(INSIDE, ROUTER_IN).ping(1, 2, b"other"),
        );
        lab.compare_counters("filter");
    })
}

fn physdev() -> Scenario {
    let mut rules = String::from("*mangle\n");
    let asked = [
        "--physdev-in lan0",
        "! --physdev-in lan0",
        "--physdev-in dmz+",
        "! --physdev-in +",
        "--physdev-is-in",
        "! --physdev-is-in",
        "--physdev-is-bridged",
        "! --physdev-is-bridged",
        "--physdev-in lan0 ! --physdev-is-bridged",
    ];
    let out = [
        "--physdev-out dmz0",
        "! --physdev-out dmz0",
        "--physdev-is-out",
        "! --physdev-is-out",
        "--physdev-out +",
        "! --physdev-out br0",
        "--physdev-in lan0 --physdev-out dmz0",
    ];
    for chain in ["PREROUTING", "INPUT", "FORWARD", "POSTROUTING"] {
        for asked in asked.iter().chain(&out) {
            rules += &format!("-A {chain} -m physdev {asked}\n");
        }
    }
    for asked in asked {
        rules += &format!("-A OUTPUT -m physdev {asked}\n");
    }
    rules += "COMMIT\n*filter\n-A FORWARD -m physdev --physdev-in lan0 -p udp --dport 3 -j DROP\n\
              -A FORWARD -i lan0 -j DROP\n-A FORWARD -o dmz0 -j DROP\nCOMMIT\n";
    Scenario::bridge(TWO, &rules, |lab| {
        greet(lab);
        over(lab, &across().udp(1, 7, b"bridged"));
        over(lab, &across().udp(1, 3, b"dropped"));
        answer(lab, &back().udp(7, 1, b"bridged"));
        up(lab, &Packet::new(INSIDE, OUTSIDE).udp(1, 7, b"routed"));
        up(lab, &Packet::new(INSIDE, OUTSIDE).udp(1, 3, b"dropped"));
        up(lab, &Packet::new(INSIDE, INSIDE_2).udp(1, 7, b"routed back in"));
        lab.wan(&Packet::new(OUTSIDE, INSIDE).udp(7, 1, b"answer"));
        lab.compare_counters("mangle");
        lab.compare_counters("filter");
    })
}

fn logs() -> Scenario {
    let mut rules = String::from("*mangle\n");
    for chain in ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"] {
        rules += &format!("-A {chain} -j LOG --log-prefix \"TAG {chain}: \"\n");
    }
    // Identifications of the router's own answers would be told.
    rules += "-A INPUT -j DROP\nCOMMIT\n";
    Scenario::bridge(TWO, &rules, |lab| {
        greet(lab);
        over(lab, &across().udp(1, 7, b"bridged"));
        answer(lab, &back().udp(7, 1, b"bridged"));
        up(lab, &Packet::new(INSIDE, OUTSIDE).udp(1, 7, b"routed"));
        lab.wan(&Packet::new(OUTSIDE, INSIDE).udp(7, 1, b"answer"));
        lab.compare_log();
    })
}

/// DNAT of what is bridged: to a host on the bridge, to one elsewhere, to the router itself.
fn translation() -> Scenario {
    let rules = "
        *nat
        -A PREROUTING -p udp --dport 10 -j DNAT --to-destination 10.1.0.3
        -A PREROUTING -p udp --dport 11 -j DNAT --to-destination 192.168.1.9
        -A PREROUTING -p udp --dport 12 -j DNAT --to-destination 10.1.0.2
        -A PREROUTING -p icmp -d 10.1.0.9 -j DNAT --to-destination 10.1.0.1
        COMMIT
        *filter
        -A FORWARD -i br0 -o br0 -m physdev --physdev-is-bridged
        -A FORWARD -o wan0
        COMMIT";
    Scenario::bridge(TWO, rules, |lab| {
        greet(lab);
        let nine = || Packet::new(INSIDE, "10.1.0.9");
        lab.frame(&LAN, NOBODY, LAN.host_mac, &nine().udp(1, 10, b"to the bridge"));
        answer(lab, &back().udp(10, 1, b"back"));
        lab.frame(&LAN, NOBODY, LAN.host_mac, &nine().udp(1, 10, b"again"));
        lab.frame(&LAN, NOBODY, LAN.host_mac, &nine().udp(1, 11, b"elsewhere"));
        lab.wan(&Packet::new(OUTSIDE, INSIDE).udp(11, 1, b"back"));
        lab.frame(&LAN, NOBODY, LAN.host_mac, &nine().udp(1, 12, b"to where it came from"));
        lab.frame(&LAN, NOBODY, LAN.host_mac, &nine().ping(1, 3, b"to the router"));
        up(lab, &Packet::new(INSIDE, OUTSIDE).udp(3, 10, b"routed, to the bridge"));
        lab.compare_counters("nat");
        lab.compare_counters("filter");
    })
}

/// SNAT and MASQUERADE of what is bridged; the answers find their way back.
fn source_translation() -> Scenario {
    let rules = "
        *nat
        -A POSTROUTING -o br0 -p udp --dport 10 -j MASQUERADE
        -A POSTROUTING -o br0 -p udp --dport 11 -j SNAT --to-source 10.1.0.77
        -A POSTROUTING -m physdev --physdev-out dmz0 -p udp --dport 12 -j SNAT --to-source 10.1.0.78
        COMMIT";
    Scenario::bridge(TWO, rules, |lab| {
        greet(lab);
        for port in [10, 11, 12] {
            over(lab, &across().udp(1, port, b"with another source"));
        }
        lab.frame(
            &DMZ,
            BRIDGE_MAC,
            DMZ.host_mac,
            &Packet::new(INSIDE_2, ROUTER_IN).udp(10, 1, b"back"),
        );
        lab.frame(
            &DMZ,
            NOBODY,
            DMZ.host_mac,
            &Packet::new(INSIDE_2, "10.1.0.77").udp(11, 1, b"back"),
        );
        over(lab, &across().udp(1, 11, b"again"));
        lab.compare_counters("nat");
    })
}

/// What is tracked is put together, seen as one, and cut again; what is not passes piece by piece.
fn fragments() -> Scenario {
    let rules = "
        *raw
        -A PREROUTING -s 10.1.0.3 -j CT --notrack
        COMMIT
        *mangle
        -A FORWARD -m length --length 3000:4000 -j TOS --set-tos 0x10
        COMMIT
        *filter
        -A FORWARD -m conntrack --ctstate NEW,ESTABLISHED
        -A FORWARD -f
        COMMIT";
    Scenario::bridge(TWO, rules, |lab| {
        greet(lab);
        let long = across().udp(1, 7, &[7; 3000]);
        for piece in long.fragments(&[1480, 1480]) {
            over(lab, &piece);
        }
        for piece in long.id(0x777).fragments(&[600, 1200, 600]).into_iter().rev() {
            over(lab, &piece);
        }
        let whole = across().id(0x778).udp(1, 7, &[7; 1400]);
        for piece in whole.fragments(&[800]) {
            lab.frame(&LAN, NOBODY, LAN.host_mac, &piece);
        }
        lab.compare_counters("filter");
        lab.compare_counters("mangle");
    })
}

fn refusals() -> Scenario {
    let rules = "
        *filter
        -A FORWARD -p udp --dport 10 -j REJECT
        -A FORWARD -p tcp --dport 10 -j REJECT --reject-with tcp-reset
        -A INPUT -p tcp --dport 10 -j REJECT --reject-with tcp-reset
        -A OUTPUT -p tcp --tcp-flags RST RST
        COMMIT";
    Scenario::bridge(TWO, rules, |lab| {
        greet(lab);
        over(lab, &across().udp(1, 10, b"refused"));
        over(lab, &across().tcp((1, 10), flags::SYN, 7, 0, b""));
        up(lab, &Packet::new(INSIDE, OUTSIDE).tcp((1, 10), flags::SYN, 7, 0, b""));
        up(lab, &Packet::new(INSIDE, ROUTER_IN).tcp((1, 10), flags::SYN, 7, 0, b""));
        lab.compare_counters("filter");
    })
}

fn tracked() -> Scenario {
    let rules = "
        *filter
        :FORWARD DROP [0:0]
        -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
        -A FORWARD -m physdev --physdev-in lan0 -m conntrack --ctstate NEW -j ACCEPT
        COMMIT";
    Scenario::bridge(TWO, rules, |lab| {
        greet(lab);
        answer(lab, &back().udp(9, 9, b"not allowed to begin"));
        over(lab, &across().udp(1, 7, b"new"));
        answer(lab, &back().udp(7, 1, b"answer"));
        over(lab, &across().tcp((1000, 80), flags::SYN, 100, 0, b""));
        answer(lab, &back().tcp((80, 1000), flags::SYN | flags::ACK, 500, 101, b""));
        over(lab, &across().tcp((1000, 80), flags::ACK, 101, 501, b""));
        over(lab, &across().tcp((1000, 80), flags::ACK | flags::PSH, 101, 501, b"question"));
        answer(lab, &back().tcp((80, 1000), flags::ACK | flags::PSH, 501, 109, b"answer"));
        over(lab, &across().ping(7, 1, b"ping"));
        // The same connection, routed: its verdicts are of another way.
        up(lab, &across().udp(1, 7, b"routed"));
        over(lab, &across().udp(1, 7, b"switched"));
        up(lab, &across().udp(1, 7, b"routed"));
        lab.compare_counters("filter");
    })
}

fn ipv6() -> Scenario {
    let rules = "
        *filter
        -A FORWARD -i br0 -o br0 -m physdev --physdev-in lan0 --physdev-out dmz0 -p udp --dport 3 -j DROP
        COMMIT
        *nat
        -A PREROUTING -p udp --dport 10 -j DNAT --to-destination fd00:1::3
        COMMIT";
    Scenario::bridge(TWO, "", |lab| {
        let six = || Packet::new("fd00:1::2", "fd00:1::3");
        lab.frame(
            &LAN,
            BRIDGE_MAC,
            LAN.host_mac,
            &Packet::new("fd00:1::2", "fd00:1::1").ping(1, 1, b"here"),
        );
        lab.frame(
            &DMZ,
            BRIDGE_MAC,
            DMZ.host_mac,
            &Packet::new("fd00:1::3", "fd00:1::1").ping(1, 1, b"here"),
        );
        over(lab, &six().udp(1, 7, b"bridged").ttl(1));
        over(lab, &six().udp(1, 3, b"dropped"));
        lab.frame(
            &LAN,
            NOBODY,
            LAN.host_mac,
            &Packet::new("fd00:1::2", "fd00:1::9").udp(1, 10, b"translated"),
        );
        answer(lab, &Packet::new("fd00:1::3", "fd00:1::2").udp(10, 1, b"back"));
        for piece in six().udp(1, 7, &[7; 3000]).fragments(&[1448, 1448]) {
            over(lab, &piece);
        }
    })
    .with(|setup| setup.with_ip6tables(rules))
}

/// `bridge-nf-call-iptables` 0: what is switched meets no rule, what is routed meets them without its port.
fn switched_off() -> Scenario {
    let rules = "
        *filter
        -A FORWARD -p udp --dport 3 -j DROP
        -A FORWARD -m physdev --physdev-is-in -j DROP
        COMMIT";
    Scenario::bridge(TWO, rules, |lab| {
        greet(lab);
        over(lab, &across().udp(1, 3, b"switched"));
        lab.frame(&LAN, ALL, LAN.host_mac, &Packet::new(INSIDE, "10.1.255.255").udp(1, 7, b"all"));
        up(lab, &Packet::new(INSIDE, OUTSIDE).udp(1, 7, b"routed"));
        up(lab, &Packet::new(INSIDE, OUTSIDE).udp(1, 3, b"dropped"));
        lab.compare_counters("filter");
    })
    .with(|setup| setup.with_sysctl("net.bridge.bridge-nf-call-iptables", 0))
}

/// A host moves from one port to another, in the middle of a connection.
fn moved() -> Scenario {
    let rules = "*mangle\n-A FORWARD -m physdev --physdev-in lan0 -j TOS --set-tos 0x10\nCOMMIT";
    Scenario::bridge(THREE, rules, |lab| {
        greet(lab);
        over(lab, &across().udp(1, 7, b"from here"));
        answer(lab, &back().udp(7, 1, b"back"));
        lab.frame(&WAN, DMZ.host_mac, LAN.host_mac, &across().udp(1, 7, b"from there"));
        answer(lab, &back().udp(7, 1, b"back to there"));
        lab.frame(
            &WAN,
            BRIDGE_MAC,
            LAN.host_mac,
            &Packet::new(INSIDE, ROUTER_IN).ping(1, 9, b"still"),
        );
    })
}
