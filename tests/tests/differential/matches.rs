//! Owns the scenarios of single matches: what each holds for, first of all what its neighbours in value do not.
//!
//! A rule that matches marks the packet by its DSCP, so that every packet comes out and says which rules it met.

use sluice_tests::differential;
use sluice_tests::differential::Scenario;
use sluice_tests::frame::{Packet, flags};
use std::time::Duration;

use crate::{FAR, INSIDE, INSIDE_2, OUTSIDE, ROUTER_IN};

differential!(
    addresses,
    header_fields,
    tcp_options,
    strings,
    connections,
    connection_limits,
    rates,
    recent_addresses,
    knocking,
    every_nth_and_quotas,
    kinds_of_addresses,
    changes_of_rules
);

/// Rules of mangle FORWARD that set DSCP 1, 2, 3 … where they match; the last that does shows.
pub(crate) fn shown(matches: &[&str]) -> String {
    let rules: Vec<String> = matches
        .iter()
        .zip(1..)
        .map(|(rule, number)| format!("-A FORWARD {rule} -j DSCP --set-dscp {number}"))
        .collect();
    format!("*mangle\n{}\nCOMMIT", rules.join("\n"))
}

fn addresses() -> Scenario {
    let rules = shown(&[
        "-m iprange --src-range 10.1.0.3-10.1.0.5",
        "-m iprange --dst-range 198.51.100.0-198.51.100.7",
        "-m iprange ! --src-range 10.1.0.2-10.1.0.4 --dst-range 192.168.1.9-192.168.1.9",
        "-m mac --mac-source 02:00:00:00:00:99",
        "-m mac ! --mac-source 02:00:00:00:00:99 -m pkttype --pkt-type broadcast",
        "-m pkttype ! --pkt-type unicast",
    ]);
    Scenario::new(&rules, |lab| {
        for source in ["10.1.0.2", "10.1.0.3", "10.1.0.5", "10.1.0.6"] {
            for destination in [OUTSIDE, FAR, "198.51.100.8"] {
                lab.lan(&Packet::new(source, destination).udp(1, 2, b"whose"));
            }
        }
    })
}

fn header_fields() -> Scenario {
    let rules = shown(&[
        "-m ttl --ttl-eq 9",
        "-m ttl --ttl-lt 5",
        "-m ttl --ttl-gt 100",
        "-m length --length 40:60",
        "-m tos --tos 0x10/0x3f",
        "-m dscp --dscp-class AF11",
        "-m ecn --ecn-ip-ect 1",
        "-p tcp -m ecn --ecn-tcp-ece ! --ecn-tcp-cwr",
        "-p esp -m esp --espspi 256:512",
        "-p ah -m ah ! --ahspi 7",
        "-p udp -m length ! --length 0:1000",
        "-p sctp --dport 80",
    ]);
    Scenario::new(&rules, |lab| {
        let packet = || Packet::new(INSIDE, OUTSIDE).udp(1000, 53, b"fields");
        for ttl in [3, 5, 6, 9, 10, 11, 101, 102] {
            lab.lan(&packet().ttl(ttl));
        }
        for tos in [0x10, 0x50, 0x28, 0x2a, 0x01, 0x02, 0x03] {
            lab.lan(&packet().tos(tos));
        }
        for length in [11, 12, 32, 33, 980] {
            lab.lan(&Packet::new(INSIDE, FAR).udp(1000, 53, &vec![7; length]));
        }
        let ack = flags::SYN;
        for more in [0, 0x40, 0x80, 0xc0] {
            lab.lan(&Packet::new(INSIDE, OUTSIDE).tcp((1, 80), ack | more, 1, 0, b""));
        }
        for spi in [255_u32, 256, 512, 513] {
            let esp = [&spi.to_be_bytes()[..], &[0; 12]].concat();
            lab.lan(&Packet::new(INSIDE, OUTSIDE).raw(50, &esp));
            let ah = [&[59, 4, 0, 0][..], &(spi - 249).to_be_bytes(), &[0; 16]].concat();
            lab.lan(&Packet::new(INSIDE, OUTSIDE).raw(51, &ah));
        }
        for port in [80, 81] {
            lab.lan(&Packet::new(INSIDE, OUTSIDE).sctp((1000, port), 0, &[0; 4]));
        }
    })
}

fn tcp_options() -> Scenario {
    let rules = shown(&[
        "-p tcp --tcp-option 3",
        "-p tcp ! --tcp-option 2 --dport 81",
        "-p tcp -m tcpmss --mss 1000:1400",
        "-p tcp -m tcpmss ! --mss 0:1400 --dport 82",
        "-p tcp --tcp-flags ALL SYN,PSH",
        "-p tcp --syn --dport 83",
    ]);
    let all: [&[u8]; 8] = [
        &[],
        &[2, 4, 3, 231],
        &[2, 4, 3, 232],
        &[2, 4, 5, 120],
        &[2, 4, 5, 121],
        &[1, 3, 3, 7, 2, 4, 4, 176],
        // Malformed: an option without a length, one that goes beyond the header.
        &[5, 0, 2, 4],
        &[1, 1, 2, 9],
    ];
    Scenario::new(&rules, move |lab| {
        for options in all {
            for port in [80, 81, 82, 83] {
                let packet = Packet::new(INSIDE, OUTSIDE);
                lab.lan(&packet.tcp_with((1000, port), flags::SYN, [1, 0], options, b""));
            }
        }
        lab.lan(&Packet::new(INSIDE, OUTSIDE).tcp((1000, 83), flags::ACK, 1, 1, b""));
    })
}

fn strings() -> Scenario {
    let rules = shown(&[
        "-m string --algo bm --string ooxx",
        "-m string --algo kmp --string OoXx --icase",
        "-m string --algo bm --hex-string |00ff|end",
        "-m string --algo kmp --string edge --from 28 --to 36",
        "-m string --algo bm ! --string a -p tcp",
    ]);
    Scenario::new(&rules, |lab| {
        for data in [
            &b"nothing"[..],
            b"ooxx",
            b"before ooxx after",
            b"oOXx",
            b"oox",
            b"x\x00\xffend",
            b"\x00\xfeend",
            b"edge and more",
            b"1edge",
            b"1234edge",
            b"12345edge",
        ] {
            lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, 53, data));
        }
        for data in [&b"a"[..], b"b"] {
            lab.lan(&Packet::new(INSIDE, OUTSIDE).tcp((1, 2), flags::SYN, 1, 0, data));
        }
    })
}

fn connections() -> Scenario {
    let rules = format!(
        "{}\n*nat\n-A POSTROUTING -o wan0 -j SNAT --to-source 192.168.1.200\nCOMMIT",
        shown(&[
            "-m conntrack --ctproto 17 --ctdir ORIGINAL",
            "-m conntrack --ctdir REPLY",
            "-m conntrack --ctorigsrc 10.1.0.3/32 --ctorigdstport 50:60",
            "-m conntrack ! --ctrepldst 192.168.1.200 -p udp --dport 54",
            "-m conntrack --ctreplsrcport 55 --ctdir REPLY",
            "-m conntrack --ctstatus ASSURED",
            "-m conntrack --ctstatus SEEN_REPLY -p icmp",
            "-m conntrack --ctexpire 100:400",
            "-m connmark --mark 1/1",
        ])
    );
    Scenario::new(&rules, |lab| {
        for (source, own) in [(INSIDE, 1000), (INSIDE_2, 1001)] {
            for port in [53, 54, 55] {
                lab.lan(&Packet::new(source, OUTSIDE).udp(own, port, b"question"));
            }
        }
        for port in [53, 54, 55] {
            lab.wan(&Packet::new(OUTSIDE, "192.168.1.200").udp(port, 1000, b"answer"));
        }
        lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, 53, b"again"));
        lab.lan(&Packet::new(INSIDE, OUTSIDE).ping(7, 1, b"echo"));
        lab.wan(&Packet::new(OUTSIDE, "192.168.1.200").pong(7, 1, b"echo"));
        lab.lan(&Packet::new(INSIDE, OUTSIDE).ping(7, 2, b"echo"));
        lab.lan(&Packet::new(INSIDE, OUTSIDE).tcp((1000, 80), flags::SYN, 1, 0, b""));
        lab.wan(&Packet::new(OUTSIDE, "192.168.1.200").tcp(
            (80, 1000),
            flags::SYN | flags::ACK,
            9,
            2,
            b"",
        ));
        lab.lan(&Packet::new(INSIDE, OUTSIDE).tcp((1000, 80), flags::ACK, 2, 10, b""));
        lab.lan(&Packet::new(INSIDE, OUTSIDE).tcp((1000, 80), flags::ACK, 2, 10, b"data"));
    })
}

fn connection_limits() -> Scenario {
    let rules = "
        *filter
        -A FORWARD -p tcp --syn -m connlimit --connlimit-above 2 -j DROP
        -A FORWARD -p udp -m connlimit --connlimit-upto 1 --connlimit-daddr --connlimit-mask 24 -j ACCEPT
        -A FORWARD -p udp -j DROP
        COMMIT";
    Scenario::new(rules, |lab| {
        use flags::{ACK, FIN, RST, SYN};
        let out = |port| Packet::new(INSIDE, OUTSIDE).tcp((port, 80), SYN, 1, 0, b"");
        for port in [1, 2] {
            lab.lan(&out(port));
            let answer = Packet::new(OUTSIDE, INSIDE).tcp((80, port), SYN | ACK, 1, 2, b"");
            lab.wan(&answer);
            lab.lan(&Packet::new(INSIDE, OUTSIDE).tcp((port, 80), ACK, 2, 2, b""));
        }
        // The third of this host is one too many; another host has its own count.
        lab.lan(&out(3));
        lab.lan(&Packet::new(INSIDE_2, OUTSIDE).tcp((3, 80), SYN, 1, 0, b""));
        // One that is reset makes room.
        lab.lan(&Packet::new(INSIDE, OUTSIDE).tcp((1, 80), RST, 2, 0, b""));
        lab.lan(&out(4));
        // So does one that both ends have closed.
        lab.lan(&Packet::new(INSIDE, OUTSIDE).tcp((2, 80), FIN | ACK, 2, 2, b""));
        lab.wan(&Packet::new(OUTSIDE, INSIDE).tcp((80, 2), FIN | ACK, 2, 3, b""));
        lab.lan(&Packet::new(INSIDE, OUTSIDE).tcp((2, 80), ACK, 3, 3, b""));
        lab.lan(&out(5));
        for (host, port) in [(OUTSIDE, 1), ("192.168.1.10", 2), (FAR, 3)] {
            lab.lan(&Packet::new(INSIDE, host).udp(1000, port, b"whose"));
        }
    })
}

fn rates() -> Scenario {
    let rules = "
        *filter
        -A FORWARD -p udp --dport 1 -m limit --limit 2/second --limit-burst 3 -j ACCEPT
        -A FORWARD -p udp --dport 1 -j DROP
        -A FORWARD -p udp --dport 2 -m hashlimit --hashlimit-upto 1/second --hashlimit-burst 2 --hashlimit-mode srcip --hashlimit-name two -j ACCEPT
        -A FORWARD -p udp --dport 2 -j DROP
        -A FORWARD -p udp -m hashlimit --hashlimit-above 1/min --hashlimit-burst 1 --hashlimit-mode dstip,dstport --hashlimit-name three --hashlimit-dstmask 24 -j DROP
        -A FORWARD -p tcp -m hashlimit --hashlimit-upto 1kb/s --hashlimit-burst 1kb --hashlimit-mode srcip --hashlimit-name four -j ACCEPT
        -A FORWARD -p tcp -j DROP
        COMMIT";
    Scenario::new(rules, |lab| {
        for _ in 0..5 {
            lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, 1, b"limit"));
        }
        lab.wait(Duration::from_millis(700));
        for _ in 0..3 {
            lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, 1, b"limit"));
        }
        for source in [INSIDE, INSIDE_2] {
            for port in [1000, 1001, 1000] {
                lab.lan(&Packet::new(source, OUTSIDE).udp(port, 2, b"by source"));
            }
        }
        for (destination, port) in
            [(OUTSIDE, 3), ("192.168.1.10", 3), (OUTSIDE, 4), (FAR, 3), (FAR, 3)]
        {
            lab.lan(&Packet::new(INSIDE, destination).udp(1000, port, b"by destination"));
        }
        for _ in 0..5 {
            lab.lan(&Packet::new(INSIDE, OUTSIDE).tcp((1, 2), flags::SYN, 1, 0, &[7; 460]));
        }
    })
}

fn recent_addresses() -> Scenario {
    let rules = "
        *filter
        -A FORWARD -p tcp --dport 22 -m recent --name ssh --rcheck --seconds 3600 --hitcount 3 -j DROP
        -A FORWARD -p tcp --dport 22 -m recent --name ssh --set -j ACCEPT
        -A FORWARD -p udp --dport 1 -m recent --name one --rdest --set -j ACCEPT
        -A FORWARD -p udp --dport 2 -m recent --name one --rdest --update --seconds 1 -j DROP
        -A FORWARD -p udp --dport 3 -m recent --name one --rdest --remove -j DROP
        -A FORWARD -p udp --dport 4 -m recent ! --rcheck --mask 255.255.255.0 --name net -j DROP
        -A FORWARD -p udp --dport 5 -m recent --set --mask 255.255.255.0 --name net -j DROP
        -A FORWARD -p udp --dport 6 -m recent --rcheck --rttl --name ttl -j DROP
        -A FORWARD -p udp --dport 7 -m recent --set --name ttl -j ACCEPT
        COMMIT";
    Scenario::new(rules, |lab| {
        let udp = |to: &str, port| Packet::new(INSIDE, to).udp(1000, port, b"recent");
        for _ in 0..5 {
            lab.lan(&Packet::new(INSIDE, OUTSIDE).tcp((1000, 22), flags::SYN, 1, 0, b""));
        }
        lab.lan(&Packet::new(INSIDE_2, OUTSIDE).tcp((1000, 22), flags::SYN, 1, 0, b""));
        for (to, port) in [(OUTSIDE, 2), (OUTSIDE, 1), (OUTSIDE, 2), (FAR, 2)] {
            lab.lan(&udp(to, port));
        }
        lab.wait(Duration::from_millis(600));
        // Prolonged by the update, so it is still there later.
        lab.lan(&udp(OUTSIDE, 2));
        lab.wait(Duration::from_millis(600));
        lab.lan(&udp(OUTSIDE, 2));
        lab.wait(Duration::from_millis(1300));
        lab.lan(&udp(OUTSIDE, 2));
        for port in [3, 3, 4, 5, 4] {
            lab.lan(&udp(OUTSIDE, port));
        }
        lab.lan(&Packet::new(INSIDE_2, OUTSIDE).udp(1000, 4, b"same net"));
        lab.lan(&udp(OUTSIDE, 7));
        lab.lan(&udp(OUTSIDE, 6));
        lab.lan(&udp(OUTSIDE, 6).ttl(33));
    })
}

/// A door that a ping of the right size opens for a while.
fn knocking() -> Scenario {
    let rules = "
        *filter
        :INPUT DROP [0:0]
        :FORWARD DROP [0:0]
        -A INPUT -p icmp --icmp-type 8 -m length --length 128 -m recent --set --name open --rsource -j ACCEPT
        -A INPUT -p icmp --icmp-type 8 -j ACCEPT
        -A FORWARD -p tcp --dport 22 -m state --state NEW -m recent --rcheck --seconds 1 --name open --rsource -j ACCEPT
        COMMIT";
    Scenario::new(rules, |lab| {
        let ssh = |port| Packet::new(INSIDE, OUTSIDE).tcp((port, 22), flags::SYN, 1, 0, b"");
        lab.lan(&ssh(1));
        lab.lan(&Packet::new(INSIDE, ROUTER_IN).ping(1, 1, &[0; 99]));
        lab.lan(&ssh(2));
        lab.lan(&Packet::new(INSIDE, ROUTER_IN).ping(1, 2, &[0; 100]));
        lab.lan(&ssh(3));
        lab.wait(Duration::from_millis(1300));
        lab.lan(&ssh(4));
    })
}

fn every_nth_and_quotas() -> Scenario {
    let rules = "
        *filter
        -A FORWARD -p udp --dport 1 -m statistic --mode nth --every 3 --packet 0 -j DROP
        -A FORWARD -p udp --dport 2 -m statistic --mode nth ! --every 3 --packet 1 -j DROP
        -A FORWARD -p udp --dport 3 -m quota --quota 100 -j ACCEPT
        -A FORWARD -p udp --dport 3 -j DROP
        -A FORWARD -p udp --dport 4 -m statistic --mode random --probability 1 -j DROP
        -A FORWARD -p udp --dport 5 -m statistic --mode random --probability 0 -j DROP
        COMMIT";
    Scenario::new(rules, |lab| {
        for port in 1..6 {
            for length in [8, 8, 30, 8, 8, 8, 8] {
                lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, port, &vec![7; length]));
            }
        }
    })
}

fn kinds_of_addresses() -> Scenario {
    let rules = "
        *mangle
        -A PREROUTING -m addrtype --dst-type LOCAL -j MARK --or-mark 1
        -A PREROUTING -m addrtype --dst-type BROADCAST -j DROP
        -A PREROUTING -m addrtype ! --dst-type UNICAST -m addrtype --src-type UNICAST -j MARK --or-mark 2
        -A PREROUTING -m addrtype --dst-type LOCAL --limit-iface-in -j MARK --or-mark 4
        -A PREROUTING -m rpfilter -j MARK --or-mark 8
        -A PREROUTING -m rpfilter --loose --invert -j MARK --or-mark 16
        -A FORWARD -m mark --mark 8/9 -j DSCP --set-dscp 8
        -A FORWARD -m mark --mark 0/8 -j DSCP --set-dscp 9
        -A FORWARD -m physdev --physdev-is-bridged -j DROP
        -A FORWARD -m physdev ! --physdev-is-bridged -j TOS --set-tos 0x3/0x3
        -A FORWARD -m policy --dir in --pol ipsec -j DROP
        -A FORWARD -m helper --helper ftp -j DROP
        -A INPUT -m mark ! --mark 1/1 -j DROP
        -A INPUT -m mark --mark 4/4 -p icmp -m length --length 0:40 -j DROP
        COMMIT";
    Scenario::new(rules, |lab| {
        for destination in [ROUTER_IN, "192.168.1.146", "10.1.255.255", OUTSIDE, FAR, "224.0.0.5"] {
            for length in [8, 40] {
                lab.lan(&Packet::new(INSIDE, destination).ping(1, 1, &vec![7; length]));
            }
        }
        // A source from the other side.
        lab.lan(&Packet::new(OUTSIDE, FAR).udp(1, 2, b"spoofed"));
        lab.wan(&Packet::new(INSIDE, "10.1.0.9").udp(1, 2, b"spoofed"));
    })
}

/// What rules remember outlives changes of other rules, and ends with a new set of rules.
fn changes_of_rules() -> Scenario {
    let rules = |more: &str| {
        format!(
            "*filter\n{more}\n-A FORWARD -p udp --dport 1 -m limit --limit 1/hour --limit-burst 3 -j ACCEPT
             -A FORWARD -p udp --dport 1 -j DROP\n-A FORWARD -p udp --dport 2 -m recent --set --name kept -j ACCEPT
             -A FORWARD -p udp --dport 3 -m recent ! --rcheck --name kept -j DROP\nCOMMIT"
        )
    };
    Scenario::new(&rules(""), move |lab| {
        let udp = |port| Packet::new(INSIDE, OUTSIDE).udp(1000, port, b"kept");
        for port in [1, 1, 3, 2, 3] {
            lab.lan(&udp(port));
        }
        // Restored as a whole: every rule is new, but the list is named by one at any moment.
        lab.load_rules(&rules("-A FORWARD -p udp --dport 9 -j DROP"));
        for port in [1, 1, 1, 1, 3] {
            lab.lan(&udp(port));
        }
    })
}
