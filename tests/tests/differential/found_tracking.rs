//! Owns the least scenarios of differences that random rounds have found in connection tracking and translation.

use sluice_tests::differential;
use sluice_tests::differential::Scenario;
use sluice_tests::frame::{self, Packet, addresses, flags};

use crate::{FAR, INSIDE, INSIDE_2, OUTSIDE, ROUTER_IN, ROUTER_OUT};

differential!(
    an_error_that_quotes_less_than_translation_writes,
    an_error_that_quotes_no_layer_4,
    an_error_of_the_host_itself_before_tracking,
    what_nat_finds_no_place_for_in_input,
    what_stands_for_a_connection_before_tracking,
    a_reset_closes_its_connection,
    a_translation_to_what_is_there,
    lengths_that_cannot_be,
    a_mark_of_nat_is_the_first_packets_alone,
    the_second_packet_of_a_translated_connection,
);

fn an_error_that_quotes_less_than_translation_writes() -> Scenario {
    let rules = "
        *nat
        :PREROUTING ACCEPT [0:0]
        :POSTROUTING ACCEPT [0:0]
        -A PREROUTING -d 198.51.100.7 -j DNAT --to-destination 192.168.1.9
        -A POSTROUTING -o wan0 -p tcp -j SNAT --to-source 192.168.1.146
        COMMIT
        *filter
        :FORWARD ACCEPT [0:0]
        -A FORWARD -p icmp
        COMMIT";
    Scenario::new(rules, |lab| {
        // Both ends translated, one, the other, none.
        let flows = [
            Packet::new(INSIDE, FAR).tcp((1000, 80), flags::SYN, 1, 0, b""),
            Packet::new(INSIDE, OUTSIDE).tcp((1001, 80), flags::SYN, 1, 0, b""),
            Packet::new(INSIDE, FAR).udp(1002, 53, b"data"),
            Packet::new(INSIDE, OUTSIDE).udp(1003, 53, b"data"),
        ];
        for flow in flows {
            let sent = lab.lan(&flow);
            let Some(seen) = sent.first() else { continue };
            let (source, _) = addresses(seen.packet());
            for quote in [24, 27, 28] {
                let quote = &seen.packet()[..quote];
                lab.wan(&Packet::new(OUTSIDE, &source.to_string()).icmp_error(3, 3, 0, quote));
            }
        }
        lab.compare_counters("filter");
    })
}

/// Of protocols without ports nothing is read, and nothing written.
fn an_error_that_quotes_no_layer_4() -> Scenario {
    let rules = "
        *nat
        :POSTROUTING ACCEPT [0:0]
        -A POSTROUTING -o wan0 -j SNAT --to-source 192.168.1.146
        COMMIT
        *filter
        :FORWARD ACCEPT [0:0]
        -A FORWARD -p icmp -m conntrack --ctstate RELATED
        COMMIT";
    Scenario::new(rules, |lab| {
        for protocol in [33, 47, 99] {
            let sent = lab.lan(&Packet::new(INSIDE, OUTSIDE).raw(protocol, &[0; 16]));
            let Some(seen) = sent.first() else { continue };
            for quote in [20, 22, 24, 28] {
                let quote = &seen.packet()[..quote];
                lab.wan(&Packet::new(OUTSIDE, ROUTER_OUT).icmp_error(3, 2, 0, quote));
            }
        }
        lab.compare_counters("filter");
    })
}

fn an_error_of_the_host_itself_before_tracking() -> Scenario {
    let rules = "
        *raw
        :OUTPUT ACCEPT [0:0]
        -A OUTPUT -m conntrack --ctstate RELATED
        -A OUTPUT -m conntrack --ctstate INVALID
        -A OUTPUT -m conntrack --ctstate NEW
        -A OUTPUT -p icmp -m icmp --icmp-type 3/3 -j CT --notrack
        COMMIT
        *filter
        :OUTPUT ACCEPT [0:0]
        -A OUTPUT -m conntrack --ctstate RELATED
        -A OUTPUT -m conntrack --ctstate UNTRACKED
        COMMIT";
    Scenario::new(rules, |lab| {
        // Nobody listens there, and nobody speaks that protocol.
        lab.lan(&Packet::new(INSIDE, ROUTER_IN).udp(1000, 5999, b"closed"));
        lab.lan(&Packet::new(INSIDE, ROUTER_IN).raw(99, b"unknown"));
        lab.compare_counters("raw");
        lab.compare_counters("filter");
    })
}

/// Protocols without ports have but one place; the second connection is dropped where it would be confirmed.
fn what_nat_finds_no_place_for_in_input() -> Scenario {
    let rules = "
        *nat
        :INPUT ACCEPT [0:0]
        -A INPUT -p 99 -j SNAT --to-source 192.0.2.9
        COMMIT
        *filter
        :INPUT ACCEPT [0:0]
        -A INPUT -p 99
        COMMIT
        *security
        :INPUT ACCEPT [0:0]
        -A INPUT -p 99
        COMMIT";
    Scenario::new(rules, |lab| {
        for source in [INSIDE, INSIDE_2] {
            lab.lan(&Packet::new(source, ROUTER_IN).raw(99, b"data"));
        }
        for table in ["nat", "filter", "security"] {
            lab.compare_counters(table);
        }
    })
}

fn what_stands_for_a_connection_before_tracking() -> Scenario {
    let asked = "
        -A CHAIN -m conntrack --ctstate NEW
        -A CHAIN -m conntrack --ctstate INVALID
        -A CHAIN -m conntrack --ctdir ORIGINAL
        -A CHAIN -m conntrack --ctdir REPLY
        -A CHAIN -m conntrack --ctproto 17
        -A CHAIN -m conntrack ! --ctproto 17
        -A CHAIN -m conntrack --ctorigsrc 10.1.0.0/16
        -A CHAIN -m conntrack ! --ctrepldst 10.1.0.0/16
        -A CHAIN -m conntrack --ctproto 17 --ctorigsrcport 0:100
        -A CHAIN -m conntrack --ctstatus NONE
        -A CHAIN -m conntrack --ctstatus CONFIRMED
        -A CHAIN -m conntrack ! --ctstatus SEEN_REPLY
        -A CHAIN -m conntrack --ctexpire 0:10
        -A CHAIN -m conntrack --ctexpire 1:1000";
    let [before, after] = ["PREROUTING", "OUTPUT"].map(|chain| asked.replace("CHAIN", chain));
    let rules = format!(
        "*raw
        :PREROUTING ACCEPT [0:0]
        :OUTPUT ACCEPT [0:0]
        -A PREROUTING -i lan0 -j CT --zone 3
        {before}
        -A OUTPUT -j CT --ctevents new
        -A OUTPUT -p icmp -m icmp --icmp-type 0 -j CT --notrack
        {after}
        COMMIT"
    );
    Scenario::new(&rules, |lab| {
        lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, 53, b"data"));
        lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, 53, b"data").spoil(9));
        lab.wan(&Packet::new(OUTSIDE, INSIDE).udp(53, 1000, b"data"));
        lab.lan(&Packet::new(INSIDE, ROUTER_IN).ping(1, 1, b"data"));
        lab.compare_counters("raw");
    })
}

fn a_reset_closes_its_connection() -> Scenario {
    let rules = "
        *mangle
        :POSTROUTING ACCEPT [0:0]
        -A POSTROUTING -m conntrack --ctstate INVALID
        -A POSTROUTING -m connbytes --connbytes 0:0 --connbytes-dir both --connbytes-mode packets
        -A POSTROUTING -m connbytes --connbytes 1:1 --connbytes-dir both --connbytes-mode packets
        -A POSTROUTING -m connbytes --connbytes 2:2 --connbytes-dir both --connbytes-mode packets
        -A POSTROUTING -m connbytes --connbytes 3 --connbytes-dir both --connbytes-mode packets
        COMMIT
        *filter
        :FORWARD ACCEPT [0:0]
        -A FORWARD -p tcp -m length --length 44 -j REJECT --reject-with tcp-reset
        COMMIT";
    Scenario::new(rules, |lab| {
        let segment = |data| Packet::new(INSIDE, OUTSIDE).tcp((1000, 80), flags::ACK, 1, 9, data);
        lab.lan(&segment(b""));
        lab.compare_counters("mangle");
        lab.lan(&segment(b"data"));
        lab.compare_counters("mangle");
        lab.lan(&segment(b""));
        lab.compare_counters("mangle");
    })
}

/// It is none, for what is asked of the connection, and for redirects.
fn a_translation_to_what_is_there() -> Scenario {
    let rules = "
        *nat
        :PREROUTING ACCEPT [0:0]
        :POSTROUTING ACCEPT [0:0]
        -A PREROUTING -p udp -j DNAT --to-destination :53
        -A POSTROUTING -o wan0 -j SNAT --to-source 10.1.0.2
        -A POSTROUTING -o lan0 -j SNAT --to-source 10.1.0.2
        COMMIT
        *filter
        :FORWARD ACCEPT [0:0]
        -A FORWARD -m conntrack --ctstate DNAT
        -A FORWARD -m conntrack --ctstate SNAT
        COMMIT";
    let scenario = Scenario::new(rules, |lab| {
        // As many as it takes for the short ways, too.
        for port in 1000..1006 {
            for _ in 0..2 {
                lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(port, 53, b"data"));
            }
            lab.wan(&Packet::new(OUTSIDE, INSIDE).udp(53, port, b"data"));
            lab.lan(&Packet::new(INSIDE_2, OUTSIDE).udp(port + 100, 53, b"data"));
            lab.lan(&Packet::new(INSIDE_2, OUTSIDE).udp(port + 200, 54, b"data"));
        }
        // The first is told of no better way, the second is.
        for _ in 0..2 {
            lab.lan(&Packet::new(INSIDE, INSIDE_2).udp(1000, 53, b"data"));
        }
        lab.compare_counters("filter");
        lab.compare_counters("nat");
        lab.compare_tool("conntrack -L --dst-nat 2>/dev/null | wc -l");
        lab.compare_tool("conntrack -L --src-nat 2>/dev/null | wc -l");
    });
    scenario.with(|setup| setup.with_sysctl("net.ipv4.conf.all.send_redirects", 1))
}

/// They are looked at where checksums are not.
fn lengths_that_cannot_be() -> Scenario {
    let rules = "
        *filter
        :FORWARD ACCEPT [0:0]
        -A FORWARD -m conntrack --ctstate INVALID
        -A FORWARD -m conntrack --ctstate NEW
        -A FORWARD -m conntrack --ctstate ESTABLISHED
        COMMIT";
    let scenario = Scenario::new(rules, |lab| {
        let packet = |protocol: u8, length: u16, sum: u16| {
            let head = frame::words(&[1000, 53, length, sum]);
            Packet::new(INSIDE, OUTSIDE).raw(protocol, &[&head, &b"data"[..]].concat())
        };
        for protocol in [frame::UDP, frame::UDP_LITE] {
            for length in [0, 7, 8, 11, 12, 13, 100] {
                lab.lan(&packet(protocol, length, 7));
                lab.lan(&packet(protocol, length, 0));
            }
            lab.wan(&Packet::new(OUTSIDE, INSIDE).raw(protocol, &packet(protocol, 12, 7).payload));
        }
        lab.compare_counters("filter");
    });
    scenario.with(|setup| setup.with_sysctl("net.netfilter.nf_conntrack_checksum", 0))
}

fn a_mark_of_nat_is_the_first_packets_alone() -> Scenario {
    let rules = "
        *nat
        :PREROUTING ACCEPT [0:0]
        -A PREROUTING -j MARK --or-mark 0xfe
        COMMIT
        *security
        :FORWARD ACCEPT [0:0]
        -A FORWARD -m mark --mark 0 -j DROP
        -A OUTPUT -m conntrack --ctstate NEW
        COMMIT";
    Scenario::new(rules, |lab| {
        for server in [OUTSIDE, FAR] {
            for port in [1000, 1001, 1002] {
                for _ in 0..3 {
                    lab.lan(&Packet::new(INSIDE, server).udp(port, 53, b"data"));
                }
                lab.wan(&Packet::new(server, INSIDE).udp(53, port, b"data"));
                lab.lan(&Packet::new(INSIDE, server).udp(port, 53, b"data"));
            }
        }
        lab.compare_counters("security");
        lab.compare_counters("nat");
    })
}

/// What the first packet met before it was translated is not what the second meets.
fn the_second_packet_of_a_translated_connection() -> Scenario {
    let rules = "
        *mangle
        -A PREROUTING -m conntrack --ctstate DNAT
        -A PREROUTING -m conntrack --ctreplsrc 192.168.1.1
        -A PREROUTING -m conntrack --ctreplsrcport 8080
        -A FORWARD -m conntrack --ctstate DNAT
        -A FORWARD -m conntrack --ctstate SNAT
        -A FORWARD -m conntrack --ctrepldst 192.168.1.146
        -A POSTROUTING -m conntrack --ctstate SNAT
        COMMIT
        *nat
        -A PREROUTING -p udp --dport 53 -j DNAT --to-destination :8080
        -A PREROUTING -p udp --dport 54 -j DNAT --to-destination 192.168.1.1
        -A POSTROUTING -p udp --dport 55 -j SNAT --to-source 192.168.1.146
        COMMIT";
    Scenario::new(rules, |lab| {
        for (port, ttl, size) in
            [(53, 64, 0), (54, 64, 0), (55, 64, 0), (53, 2, 200), (54, 2, 200), (55, 2, 200)]
        {
            let from = 1000 + port + u16::from(ttl);
            let data = vec![7; size];
            lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(from, port, &data).ttl(ttl).tos(8));
            lab.compare_counters("mangle");
            lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(from, port, b"").tos(2));
            lab.compare_counters("mangle");
        }
    })
}
