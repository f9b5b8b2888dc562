//! Owns the scenarios of headers that are cut short, or say a wrong length, before rules that read them.

use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};
use sluice_tests::frame::Packet;

use crate::{INSIDE, OUTSIDE};

differential!(
    ports_of_tcp,
    ports_of_udp,
    ports_of_sctp_and_dccp,
    modules_of_tcp_and_udp,
    flags_and_options_of_tcp,
    targets_of_tcp,
    queries,
    many_ports,
    rates_and_counts,
    while_tracked,
    later_fragments,
    among_many_rules,
    dccp_has_no_ports_to_track,
    v6,
    later_fragments_v6,
    no_next_header
);

/// A TCP header, from port 1000 to 80, of a SYN; the first bytes fit every protocol with ports. (Of SCTP, zeroes in place of
/// the checksum would be filled in.)
const TCP: [u8; 24] =
    [3, 0xe8, 0, 80, 0, 0, 0, 1, 9, 9, 9, 9, 0x60, 2, 0xff, 0xff, 0, 0, 0, 0, 2, 4, 0, 3];
const UDP: [u8; 8] = [3, 0xe8, 0, 80, 0, 8, 0, 0];
const LENGTHS: [usize; 12] = [0, 1, 2, 3, 4, 7, 8, 11, 12, 13, 14, 19];

fn out(protocol: u8, bytes: &[u8]) -> Packet {
    Packet::new(INSIDE, OUTSIDE).raw(protocol, bytes)
}

/// Each rule alone, before one that counts what goes on.
fn each(rules: &'static [&'static str], play: fn(&mut Lab)) -> Scenario {
    Scenario::new("", move |lab| {
        for rule in rules {
            lab.note(&format!(" ({rule})"));
            lab.load_rules(&format!(
                "*filter\n-A FORWARD {rule}\n-A FORWARD -m comment --comment next\nCOMMIT"
            ));
            play(lab);
            lab.compare_counters("filter");
        }
    })
}

/// Cut to every length that matters, and whole.
fn cut(lab: &mut Lab, protocol: u8, bytes: &[u8]) {
    for length in LENGTHS.into_iter().filter(|length| *length < bytes.len()) {
        lab.lan(&out(protocol, &bytes[..length]));
    }
    lab.lan(&out(protocol, bytes));
}

/// Of which the header says of itself that it is shorter or longer than it can be.
fn odd(lab: &mut Lab) {
    for words in [0, 1, 4, 5, 7, 15] {
        let mut bytes = TCP;
        bytes[12] = words << 4;
        lab.lan(&out(6, &bytes));
    }
}

fn ports_of_tcp() -> Scenario {
    let rules = &[
        "-p tcp --dport 80",
        "-p tcp ! --dport 81",
        "-p tcp --sport 1000",
        "-p tcp --sport 1:65535 --dport 81",
    ];
    each(rules, |lab| {
        cut(lab, 6, &TCP);
        odd(lab);
    })
}

fn ports_of_udp() -> Scenario {
    each(&["-p udp --dport 80", "-p udp ! --dport 81", "-p udp --sport 1000 --dport 80"], |lab| {
        cut(lab, 17, &UDP);
    })
}

fn ports_of_sctp_and_dccp() -> Scenario {
    let rules = &[
        "-p sctp --dport 81",
        "-p sctp ! --dport 81",
        "-p sctp --sport 1000 --dport 80",
        "-p sctp -m sctp",
        "-p dccp --dport 81",
        "-p dccp ! --sport 81",
        "-p dccp -m dccp",
    ];
    each(rules, |lab| {
        cut(lab, 132, &TCP[..16]);
        cut(lab, 33, &TCP[..16]);
    })
}

fn modules_of_tcp_and_udp() -> Scenario {
    let rules = &["-p tcp -m tcp", "-p udp -m udp", "-p tcp --dport 0:65535", "-p udp --sport :"];
    each(rules, |lab| {
        cut(lab, 6, &TCP);
        cut(lab, 17, &UDP);
        for part in out(17, &[7; 64]).fragments(&[16, 8]) {
            lab.lan(&part);
        }
    })
}

fn flags_and_options_of_tcp() -> Scenario {
    let rules = &[
        "-p tcp --syn",
        "-p tcp ! --syn",
        "-p tcp --tcp-option 2",
        "-p tcp ! --tcp-option 3 --dport 80",
        "-p tcp --dport 81 --tcp-option 2",
        "-p tcp -m tcpmss --mss 1:5",
        "-p tcp -m tcpmss ! --mss 1:2",
        "-p tcp -m ecn ! --ecn-tcp-cwr",
    ];
    each(rules, |lab| {
        cut(lab, 6, &TCP);
        odd(lab);
    })
}

fn targets_of_tcp() -> Scenario {
    let targets = ["-j TCPOPTSTRIP --strip-options 2", "-j TCPMSS --set-mss 3"];
    let rules = targets.map(|target| format!("-A FORWARD -p tcp {target}")).join("\n");
    Scenario::new("", move |lab| {
        for rule in rules.lines() {
            lab.note(&format!(" ({rule})"));
            lab.load_rules(&format!(
                "*mangle\n{rule}\n-A FORWARD -m comment --comment next\nCOMMIT"
            ));
            cut(lab, 6, &TCP);
            odd(lab);
            for place in [1, 2] {
                let mut packet = out(6, &TCP);
                packet.fragment = place;
                lab.lan(&packet);
            }
            lab.compare_counters("mangle");
        }
    })
}

fn queries() -> Scenario {
    let rules = &["-p icmp --icmp-type 8", "-p icmp ! --icmp-type 8", "-p icmp --icmp-type any"];
    each(rules, |lab| cut(lab, 1, &[8, 0, 0xf7, 0xfe, 0, 0, 0, 1]))
}

fn many_ports() -> Scenario {
    let rules = &[
        "-p tcp -m multiport --dports 80,90",
        "-p tcp -m multiport ! --ports 81",
        "-p udp -m multiport --dports 81:90",
        "-p udplite -m multiport --sports 1000",
        "-p sctp -m multiport --dports 80",
        "-p dccp -m multiport --dports 80",
    ];
    each(rules, |lab| {
        cut(lab, 6, &TCP);
        odd(lab);
        for protocol in [17, 33, 132, 136] {
            cut(lab, protocol, &TCP[..16]);
        }
    })
}

fn rates_and_counts() -> Scenario {
    let rules = &[
        "-p tcp -m hashlimit --hashlimit-upto 1000/s --hashlimit-name a --hashlimit-mode dstport",
        "-p tcp -m hashlimit --hashlimit-above 1000/s --hashlimit-name b --hashlimit-mode srcport",
        "-p tcp -m hashlimit --hashlimit-upto 1000/s --hashlimit-name c --hashlimit-mode dstip",
        "-m hashlimit --hashlimit-upto 9/s --hashlimit-burst 3 --hashlimit-htable-size 2 --hashlimit-htable-max 1 \
         --hashlimit-htable-expire 60000 --hashlimit-name d --hashlimit-mode srcip,dstport",
        "-m connlimit --connlimit-upto 5",
    ];
    each(rules, |lab| {
        cut(lab, 6, &TCP);
        odd(lab);
        cut(lab, 1, &[8, 0, 0xf7, 0xfe, 0, 0, 0, 1]);
        for port in [1, 2, 3, 4, 1, 2, 3, 4] {
            lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, port, b"question"));
        }
    })
}

fn while_tracked() -> Scenario {
    let rules = &[
        "-p tcp --dport 80 -m conntrack --ctstate INVALID",
        "-p sctp --dport 81 -m conntrack --ctstate NEW",
        "-p tcp -m multiport --dports 81 -m conntrack --ctstate NEW",
        "-p tcp --tcp-option 2 -m conntrack --ctstate NEW",
    ];
    each(rules, |lab| {
        cut(lab, 6, &TCP);
        odd(lab);
        cut(lab, 132, &TCP[..16]);
    })
}

fn later_fragments() -> Scenario {
    let rules = &[
        "-p tcp --dport 80",
        "-p udp --sport 1000",
        "-p tcp --syn",
        "-p tcp --tcp-option 2",
        "-p tcp ! --tcp-option 2",
        "-p tcp -m tcpmss --mss 3",
        "-p tcp -m tcpmss ! --mss 1:2",
        "-p tcp -m multiport --dports 80",
        "-p sctp --dport 80",
        "-p icmp --icmp-type any",
        "-m hashlimit --hashlimit-upto 9/hour --hashlimit-name e --hashlimit-mode dstport",
    ];
    each(rules, |lab| {
        for protocol in [6, 17, 132, 1, 50, 51] {
            for place in [1, 2] {
                for length in [0, 2, 4, 8, 16, 24] {
                    let mut packet = out(protocol, &TCP[..length]);
                    packet.fragment = place;
                    lab.lan(&packet);
                }
            }
        }
    })
}

/// Long enough for an index, whose rules are of one port each.
fn among_many_rules() -> Scenario {
    let mut rules = String::from("*filter\n");
    for port in 1000..1040 {
        rules += &format!("-A FORWARD -p tcp --dport {port} -j DROP\n");
        rules += &format!("-A FORWARD -p udp -m multiport --dports {port},1 -j DROP\n");
    }
    rules += "-A FORWARD -p sctp --dport 7 -j ACCEPT
        -A FORWARD -p tcp -m multiport --dports 7 -j ACCEPT
        -A FORWARD -p tcp --dport 7 --tcp-option 2 -j ACCEPT
        -A FORWARD -p dccp --dport 7 -j ACCEPT
        COMMIT";
    Scenario::new(&rules, |lab| {
        cut(lab, 6, &TCP);
        odd(lab);
        cut(lab, 17, &UDP);
        cut(lab, 132, &TCP[..16]);
        cut(lab, 33, &TCP[..16]);
        lab.compare_counters("filter");
    })
}

/// Packets to other ports are of one connection, and are judged one by one all the same.
fn dccp_has_no_ports_to_track() -> Scenario {
    let rules = "
        *filter
        -A FORWARD -m conntrack --ctstate INVALID -j DROP
        -A FORWARD -p dccp --dport 81 -j DROP
        -A FORWARD -p dccp -m multiport --dports 82,83 -j DROP
        COMMIT";
    Scenario::new(rules, |lab| {
        for _ in 0..3 {
            for port in [80, 81, 82, 84] {
                let mut bytes = [0; 16];
                bytes[..4].copy_from_slice(&[3, 0xe8, 0, port]);
                lab.lan(&out(33, &bytes));
            }
        }
        lab.compare_counters("filter");
    })
}

/// Each rule for a source of its own. Packets that match leave with another hop limit.
fn by_source(rules: &[&str]) -> String {
    let line = |(number, rule): (usize, &&str)| {
        format!("-A FORWARD -s fd00:1::1{number} {rule} -j HL --hl-set 9\n")
    };
    let lines: String = rules.iter().enumerate().map(line).collect();
    format!("*mangle\n{lines}COMMIT")
}

fn v6() -> Scenario {
    let rules = [
        "-p tcp --dport 80",
        "-p udp --dport 80",
        "-p sctp --dport 81",
        "-p dccp --dport 81",
        "-p tcp --tcp-option 3",
        "-p tcp -m multiport --dports 80",
        "-p udp -m multiport --dports 81",
        "-p tcp -m tcp",
        "-p icmpv6 --icmpv6-type 128",
    ];
    Scenario::new_v6(&by_source(&rules), move |lab| {
        for number in 0..rules.len() {
            for protocol in [6, 17, 33, 58, 132] {
                let mut bytes = TCP;
                if protocol == 58 {
                    bytes[..4].copy_from_slice(&[128, 0, 0, 0]);
                }
                for length in LENGTHS.into_iter().chain([24]) {
                    let out = Packet::new(&format!("fd00:1::1{number}"), "fd00:2::9");
                    lab.lan(&out.raw(protocol, &bytes[..length]));
                }
            }
        }
    })
}

fn later_fragments_v6() -> Scenario {
    let rules = [
        "-p tcp --dport 80",
        "-p udp --sport 24576",
        "-p tcp ! --syn",
        "-p tcp --tcp-option 2",
        "-p tcp -m tcpmss ! --mss 1:2",
        "-p tcp -m multiport --dports 80",
        "-p sctp --dport 80",
        "-m hashlimit --hashlimit-upto 9/hour --hashlimit-name f --hashlimit-mode dstport",
    ];
    Scenario::new_v6(&by_source(&rules), move |lab| {
        for number in 0..rules.len() {
            for protocol in [6, 17, 132, 50, 59] {
                for (place, length) in [(1, 4), (1, 24), (2, 0), (2, 24)] {
                    let out = Packet::new(&format!("fd00:1::1{number}"), "fd00:2::9");
                    let mut packet = out.raw(protocol, &TCP[..length]);
                    packet.fragment = place;
                    lab.lan(&packet);
                }
            }
        }
    })
}

/// `hashlimit` with ports and `connlimit` find none behind it, and drop.
fn no_next_header() -> Scenario {
    let rules = [
        "-m hashlimit --hashlimit-upto 9/hour --hashlimit-name g --hashlimit-mode dstport",
        "-m hashlimit --hashlimit-above 9/hour --hashlimit-name h --hashlimit-mode srcip,srcport",
        "-m hashlimit --hashlimit-upto 9/hour --hashlimit-name i --hashlimit-mode srcip",
        "-m connlimit --connlimit-upto 9",
    ];
    Scenario::new_v6(&by_source(&rules), move |lab| {
        for number in 0..rules.len() {
            let out = Packet::new(&format!("fd00:1::1{number}"), "fd00:2::9");
            lab.lan(&out.clone().raw(59, &[7; 8]));
            lab.lan(&out.clone().raw(59, b""));
            lab.lan(&out.raw(60, &[59, 0, 1, 4, 0, 0, 0, 0, 7]));
        }
    })
}
