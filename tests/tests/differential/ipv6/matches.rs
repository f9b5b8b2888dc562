//! Single matches over IPv6, as `../matches.rs` has them over IPv4.

use super::{FAR, INSIDE, INSIDE_2, OUTSIDE, ROUTER_IN, ROUTER_OUT, back, out};
use crate::matches::shown;
use sluice_tests::differential;
use sluice_tests::differential::Scenario;
use sluice_tests::frame::{Packet, flags};
use std::time::Duration;

differential!(
    addresses,
    header_fields,
    transport_fields,
    strings,
    connections,
    connection_limits,
    rates,
    recent_addresses,
    every_nth_and_quotas,
    kinds_of_addresses
);

fn addresses() -> Scenario {
    let rules = shown(&[
        "-m iprange --src-range fd00:1::3-fd00:1::5",
        "-m iprange --dst-range 2001:db8::-2001:db8::7",
        "-m iprange ! --src-range fd00:1::2-fd00:1::4 --dst-range fd00:2::9-fd00:2::9",
        "-s fd00:1::/ffff:ffff:ffff:ffff::1 -d 2001:db8::8",
        "-m mac --mac-source 02:00:00:00:00:99",
        "-m pkttype ! --pkt-type unicast",
    ]);
    Scenario::new_v6(&rules, |lab| {
        for source in [INSIDE, INSIDE_2, "fd00:1::5", "fd00:1::6", "fd00:1:0:0:1::3"] {
            for destination in [OUTSIDE, FAR, "2001:db8::8"] {
                lab.lan(&Packet::new(source, destination).udp(1, 2, b"whose"));
            }
        }
    })
}

fn header_fields() -> Scenario {
    let rules = shown(&[
        "-m hl --hl-eq 9",
        "-m hl --hl-lt 5",
        "-m hl --hl-gt 100",
        "-m length --length 60:80",
        "-m tos --tos 0x10/0x3f",
        "-m dscp --dscp-class AF11",
        "-m ecn --ecn-ip-ect 1",
        "-p esp -m esp --espspi 256:512",
        "-p udp -m length ! --length 0:1000",
        "-p sctp --dport 80",
        "-p icmpv6 --icmpv6-type 128/0",
        "-p icmpv6 ! --icmpv6-type echo-request -m length --length 0:47",
        "-p icmpv6 --icmpv6-type parameter-problem",
    ]);
    Scenario::new_v6(&rules, |lab| {
        let packet = || out().udp(1000, 53, b"fields");
        for ttl in [3, 5, 6, 9, 10, 11, 101, 102] {
            lab.lan(&packet().ttl(ttl));
        }
        for tos in [0x10, 0x50, 0x28, 0x2a, 0x01, 0x02, 0x03] {
            lab.lan(&packet().tos(tos));
        }
        for length in [11, 12, 32, 33, 952, 953] {
            lab.lan(&Packet::new(INSIDE, FAR).udp(1000, 53, &vec![7; length]));
        }
        for spi in [255_u32, 256, 512, 513] {
            lab.lan(&out().raw(50, &[&spi.to_be_bytes()[..], &[0; 12]].concat()));
        }
        for port in [80, 81] {
            lab.lan(&out().sctp((1000, port), 0, &[0; 4]));
        }
        lab.lan(&out().ping(1, 1, b""));
        lab.lan(&out().pong(1, 1, b""));
        for (kind, code) in [(128, 1), (4, 0), (4, 2), (1, 0), (200, 3)] {
            lab.lan(&out().icmp(kind, code, &[0; 4], b""));
        }
        for part in out().udp(1000, 53, &[7; 64]).fragments(&[40]) {
            lab.lan(&part);
        }
    })
}

fn transport_fields() -> Scenario {
    let rules = shown(&[
        "-p tcp --tcp-option 3",
        "-p tcp ! --tcp-option 2 --dport 81",
        "-p tcp -m tcpmss --mss 1000:1400",
        "-p tcp --tcp-flags ALL SYN,PSH",
        "-p tcp -m ecn --ecn-tcp-ece ! --ecn-tcp-cwr",
        "-p udp -m multiport --dports 53,60:70",
        "-p udp --dport 71 -m multiport ! --sports 1000",
        "-p tcp -m multiport --ports 83,1001",
    ]);
    Scenario::new_v6(&rules, |lab| {
        for options in [&[][..], &[2, 4, 3, 231], &[2, 4, 3, 232], &[1, 3, 3, 7, 2, 4, 4, 176]] {
            for port in [80, 81, 83] {
                for more in [0, flags::PSH, 0x40, 0xc0] {
                    let flags = flags::SYN | more;
                    lab.lan(&out().tcp_with((1000, port), flags, [1, 0], options, b""));
                }
            }
        }
        for port in [53, 54, 59, 60, 70, 71] {
            lab.lan(&out().udp(1000, port, b"ports"));
            lab.lan(&out().udp(1001, port, b"ports").options(&[5, 2, 0, 0]));
        }
    })
}

fn strings() -> Scenario {
    let rules = shown(&[
        "-m string --algo bm --string ooxx",
        "-m string --algo kmp --string OoXx --icase",
        "-m string --algo bm --hex-string |00ff|end",
        "-m string --algo kmp --string edge --from 48 --to 56",
        "-m string --algo bm ! --string a -p tcp",
    ]);
    Scenario::new_v6(&rules, |lab| {
        for data in [
            &b"nothing"[..],
            b"ooxx",
            b"oOXx",
            b"x\x00\xffend",
            b"edge and more",
            b"1edge",
            b"1234edge",
            b"12345edge",
        ] {
            lab.lan(&out().udp(1000, 53, data));
        }
        for data in [&b"a"[..], b"b"] {
            lab.lan(&out().tcp((1, 2), flags::SYN, 1, 0, data));
        }
    })
}

fn connections() -> Scenario {
    let rules = format!(
        "{}\n*nat\n-A POSTROUTING -o wan0 -j SNAT --to-source fd00:2::200\nCOMMIT",
        shown(&[
            "-m conntrack --ctproto 17 --ctdir ORIGINAL",
            "-m conntrack --ctdir REPLY",
            "-m conntrack --ctorigsrc fd00:1::3/128 --ctorigdstport 50:60",
            "-m conntrack ! --ctrepldst fd00:2::200 -p udp --dport 54",
            "-m conntrack --ctreplsrcport 55 --ctdir REPLY",
            "-m conntrack --ctstatus ASSURED",
            "-m conntrack --ctstatus SEEN_REPLY -p icmpv6",
            "-m conntrack --ctexpire 100:400",
            "-m conntrack --ctstate SNAT --ctreplsrc fd00:2::/64 -p udp --dport 53",
            "-m connmark --mark 1/1",
        ])
    );
    Scenario::new_v6(&rules, |lab| {
        for (source, own) in [(INSIDE, 1000), (INSIDE_2, 1001)] {
            for port in [53, 54, 55] {
                lab.lan(&Packet::new(source, OUTSIDE).udp(own, port, b"question"));
            }
        }
        let answer = || Packet::new(OUTSIDE, "fd00:2::200");
        for port in [53, 54, 55] {
            lab.wan(&answer().udp(port, 1000, b"answer"));
        }
        lab.lan(&out().udp(1000, 53, b"again"));
        lab.lan(&out().ping(7, 1, b"echo"));
        lab.wan(&answer().pong(7, 1, b"echo"));
        lab.lan(&out().ping(7, 2, b"echo"));
        lab.lan(&out().tcp((1000, 80), flags::SYN, 1, 0, b""));
        lab.wan(&answer().tcp((80, 1000), flags::SYN | flags::ACK, 9, 2, b""));
        lab.lan(&out().tcp((1000, 80), flags::ACK, 2, 10, b""));
        lab.lan(&out().tcp((1000, 80), flags::ACK, 2, 10, b"data"));
    })
}

fn connection_limits() -> Scenario {
    let rules = "
        *filter
        -A FORWARD -p tcp --syn -m connlimit --connlimit-above 2 --connlimit-mask 128 -j DROP
        -A FORWARD -p udp -m connlimit --connlimit-upto 1 --connlimit-daddr --connlimit-mask 64 -j ACCEPT
        -A FORWARD -p udp -j DROP
        COMMIT";
    Scenario::new_v6(rules, |lab| {
        use flags::{ACK, RST, SYN};
        let first = |port| out().tcp((port, 80), SYN, 1, 0, b"");
        for port in [1, 2] {
            lab.lan(&first(port));
            lab.wan(&back().tcp((80, port), SYN | ACK, 1, 2, b""));
            lab.lan(&out().tcp((port, 80), ACK, 2, 2, b""));
        }
        lab.lan(&first(3));
        lab.lan(&Packet::new(INSIDE_2, OUTSIDE).tcp((3, 80), SYN, 1, 0, b""));
        lab.lan(&out().tcp((1, 80), RST, 2, 0, b""));
        lab.lan(&first(4));
        for (host, port) in [(OUTSIDE, 1), ("fd00:2::10", 2), (FAR, 3)] {
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
        -A FORWARD -p udp -m hashlimit --hashlimit-above 1/min --hashlimit-burst 1 --hashlimit-mode dstip,dstport --hashlimit-name three --hashlimit-dstmask 64 -j DROP
        -A FORWARD -p tcp -m hashlimit --hashlimit-upto 1kb/s --hashlimit-burst 1kb --hashlimit-mode srcip --hashlimit-srcmask 65 --hashlimit-name four -j ACCEPT
        -A FORWARD -p tcp -j DROP
        COMMIT";
    Scenario::new_v6(rules, |lab| {
        for _ in 0..5 {
            lab.lan(&out().udp(1000, 1, b"limit"));
        }
        lab.wait(Duration::from_millis(700));
        for _ in 0..3 {
            lab.lan(&out().udp(1000, 1, b"limit"));
        }
        for source in [INSIDE, INSIDE_2] {
            for port in [1000, 1001, 1000] {
                lab.lan(&Packet::new(source, OUTSIDE).udp(port, 2, b"by source"));
            }
        }
        for (destination, port) in
            [(OUTSIDE, 3), ("fd00:2::10", 3), (OUTSIDE, 4), (FAR, 3), (FAR, 3)]
        {
            lab.lan(&Packet::new(INSIDE, destination).udp(1000, port, b"by destination"));
        }
        for source in [INSIDE, INSIDE_2, INSIDE, "fd00:1:0:0:8000::1"] {
            lab.lan(&Packet::new(source, OUTSIDE).tcp((1, 2), flags::SYN, 1, 0, &[7; 440]));
        }
    })
}

fn recent_addresses() -> Scenario {
    let rules = "
        *filter
        -A FORWARD -p tcp --dport 22 -m recent --name ssh --rcheck --seconds 3600 --hitcount 3 -j DROP
        -A FORWARD -p tcp --dport 22 -m recent --name ssh --set -j ACCEPT
        -A FORWARD -p udp --dport 1 -m recent --name one --rdest --set -j ACCEPT
        -A FORWARD -p udp --dport 2 -m recent --name one --rdest --update --seconds 9 -j DROP
        -A FORWARD -p udp --dport 3 -m recent --name one --rdest --remove -j DROP
        -A FORWARD -p udp --dport 4 -m recent ! --rcheck --mask ffff:ffff:ffff:ffff:: --name net -j DROP
        -A FORWARD -p udp --dport 5 -m recent --set --mask ffff:ffff:ffff:ffff:: --name net -j DROP
        -A FORWARD -p udp --dport 6 -m recent --rcheck --rttl --name ttl -j DROP
        -A FORWARD -p udp --dport 7 -m recent --set --name ttl -j ACCEPT
        COMMIT";
    Scenario::new_v6(rules, |lab| {
        let udp = |to: &str, port| Packet::new(INSIDE, to).udp(1000, port, b"recent");
        for _ in 0..5 {
            lab.lan(&out().tcp((1000, 22), flags::SYN, 1, 0, b""));
        }
        lab.lan(&Packet::new(INSIDE_2, OUTSIDE).tcp((1000, 22), flags::SYN, 1, 0, b""));
        for (to, port) in [(OUTSIDE, 2), (OUTSIDE, 1), (OUTSIDE, 2), (FAR, 2), (OUTSIDE, 3)] {
            lab.lan(&udp(to, port));
        }
        for port in [2, 4, 5, 4] {
            lab.lan(&udp(OUTSIDE, port));
        }
        lab.lan(&Packet::new(INSIDE_2, OUTSIDE).udp(1000, 4, b"same net"));
        lab.lan(&udp(OUTSIDE, 7));
        lab.lan(&udp(OUTSIDE, 6));
        lab.lan(&udp(OUTSIDE, 6).ttl(33));
    })
}

fn every_nth_and_quotas() -> Scenario {
    let rules = "
        *filter
        -A FORWARD -p udp --dport 1 -m statistic --mode nth --every 3 --packet 0 -j DROP
        -A FORWARD -p udp --dport 2 -m statistic --mode nth ! --every 3 --packet 1 -j DROP
        -A FORWARD -p udp --dport 3 -m quota --quota 150 -j ACCEPT
        -A FORWARD -p udp --dport 3 -j DROP
        COMMIT";
    Scenario::new_v6(rules, |lab| {
        for port in 1..4 {
            for length in [8, 8, 30, 8, 8, 8, 8] {
                lab.lan(&out().udp(1000, port, &vec![7; length]));
            }
        }
    })
}

fn kinds_of_addresses() -> Scenario {
    let rules = "
        *mangle
        -A PREROUTING -m addrtype --dst-type LOCAL -j MARK --or-mark 1
        -A PREROUTING -m addrtype ! --dst-type UNICAST -m addrtype --src-type UNICAST -j MARK --or-mark 2
        -A PREROUTING -m addrtype --dst-type LOCAL --limit-iface-in -j MARK --or-mark 4
        -A PREROUTING -m rpfilter -j MARK --or-mark 8
        -A PREROUTING -m rpfilter --loose --invert -j MARK --or-mark 16
        -A FORWARD -m mark --mark 8/9 -j DSCP --set-dscp 8
        -A FORWARD -m mark --mark 0/8 -j DSCP --set-dscp 9
        -A FORWARD -m mark --mark 2/2 -j DSCP --set-dscp 10
        -A FORWARD -m physdev ! --physdev-is-bridged -j TOS --set-tos 0x3/0x3
        -A FORWARD -m policy --dir in --pol ipsec -j DROP
        -A INPUT -m mark ! --mark 1/1 -j DROP
        -A INPUT -m mark --mark 4/4 -p icmpv6 -m length --length 0:60 -j DROP
        COMMIT";
    Scenario::new_v6(rules, |lab| {
        for destination in [ROUTER_IN, ROUTER_OUT, OUTSIDE, FAR] {
            for length in [8, 40] {
                lab.lan(&Packet::new(INSIDE, destination).ping(1, 1, &vec![7; length]));
            }
        }
        lab.lan(&Packet::new(OUTSIDE, FAR).udp(1, 2, b"spoofed"));
        lab.wan(&Packet::new(INSIDE, "fd00:1::9").udp(1, 2, b"spoofed"));
    })
}
