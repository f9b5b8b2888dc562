//! Owns the least scenarios of differences that random rounds have found, so that they stay closed.

use sluice_tests::differential;
use sluice_tests::differential::Scenario;
use sluice_tests::frame::{Packet, flags};

use crate::{FAR, INSIDE, INSIDE_2, OUTSIDE, ROUTER_IN, ROUTER_OUT};

differential!(
    an_error_about_a_packet_whose_connection_does_not_come_to_be,
    a_reset_instead_of_a_connection,
    an_error_about_a_packet_translated_by_half,
    security_comes_behind_nat_in_input,
    a_state_before_tracking,
    a_state_beside_what_only_a_connection_has,
    dccp_has_no_ports,
    a_fragment_that_holds_nothing,
    a_tcp_header_of_a_wrong_length,
    every_interface_and_none,
    a_table_of_hashlimit_has_the_terms_of_its_first_rule,
    a_wrong_checksum_stays_wrong,
    an_option_at_the_last_byte_is_not_stripped,
    nothing_follows_an_ipv6_header,
    output_sees_the_way_before_its_translation,
    a_refusal_of_dccp,
    an_echo_reply_has_no_flow_label,
    an_echo_request_behind_authentication,
    hashlimit_takes_an_index_for_ports,
    congestion_beside_other_flags,
);

const TABLES: [&str; 4] = ["raw", "mangle", "nat", "filter"];

fn an_error_about_a_packet_whose_connection_does_not_come_to_be() -> Scenario {
    let rules = "
        *nat
        :PREROUTING ACCEPT [0:0]
        -A PREROUTING -d 192.168.1.146 -j DNAT --to-destination 10.1.0.3
        COMMIT
        *mangle
        :POSTROUTING ACCEPT [0:0]
        -A POSTROUTING -m conntrack --ctdir REPLY
        -A POSTROUTING -m conntrack --ctorigdst 192.168.1.146 -s 10.1.0.1
        -A POSTROUTING -m conntrack --ctstate DNAT
        COMMIT
        *raw
        :OUTPUT ACCEPT [0:0]
        -A OUTPUT -m conntrack --ctstate RELATED
        -A OUTPUT -j CT --notrack
        COMMIT
        *filter
        :FORWARD ACCEPT [0:0]
        -A FORWARD -j REJECT
        COMMIT";
    Scenario::new(rules, |lab| {
        lab.lan(&Packet::new(INSIDE, ROUTER_OUT).ping(1, 1, b"data"));
        lab.lan(&Packet::new(INSIDE, ROUTER_OUT).udp(1000, 53, b"data"));
        lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, 53, b"data"));
        for table in TABLES {
            lab.compare_counters(table);
        }
    })
}

fn a_reset_instead_of_a_connection() -> Scenario {
    let rules = "
        *nat
        :PREROUTING ACCEPT [0:0]
        :POSTROUTING ACCEPT [0:0]
        -A PREROUTING -d 192.168.1.146 -j DNAT --to-destination 10.1.0.3
        -A POSTROUTING -s 10.1.0.3
        COMMIT
        *filter
        :FORWARD ACCEPT [0:0]
        :OUTPUT ACCEPT [0:0]
        -A FORWARD -p tcp -j REJECT --reject-with tcp-reset
        -A OUTPUT -m conntrack --ctdir REPLY
        COMMIT";
    Scenario::new(rules, |lab| {
        lab.lan(&Packet::new(INSIDE, ROUTER_OUT).tcp((1000, 80), flags::SYN, 1, 0, b""));
        lab.lan(&Packet::new(INSIDE, OUTSIDE).tcp((1001, 80), flags::SYN, 1, 0, b""));
        lab.compare_counters("nat");
        lab.compare_counters("filter");
    })
}

fn an_error_about_a_packet_translated_by_half() -> Scenario {
    let rules = "
        *nat
        :PREROUTING ACCEPT [0:0]
        :POSTROUTING ACCEPT [0:0]
        -A PREROUTING -d 198.51.100.7 -j DNAT --to-destination 192.168.1.9
        -A POSTROUTING -o wan0 -j SNAT --to-source 192.168.1.146
        COMMIT
        *filter
        :FORWARD ACCEPT [0:0]
        -A FORWARD -i wan0 -j REJECT
        COMMIT";
    Scenario::new(rules, |lab| {
        lab.lan(&Packet::new(INSIDE, FAR).tcp((1000, 80), flags::SYN, 1, 0, b""));
        let back = Packet::new(OUTSIDE, ROUTER_OUT);
        lab.wan(&back.tcp((80, 1000), flags::SYN | flags::ACK, 9, 2, b""));
    })
}

fn security_comes_behind_nat_in_input() -> Scenario {
    let rules = "
        *nat
        :INPUT ACCEPT [0:0]
        -A INPUT -p udp -j SNAT --to-source 10.1.0.2
        COMMIT
        *security
        :INPUT ACCEPT [0:0]
        -A INPUT -s 10.1.0.2
        -A INPUT -j DROP
        COMMIT";
    Scenario::new(rules, |lab| {
        lab.lan(&Packet::new(INSIDE_2, ROUTER_IN).udp(1000, 53, b"data"));
        lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, 53, b"data"));
        lab.compare_counters("nat");
        lab.compare_counters("security");
    })
}

fn a_state_before_tracking() -> Scenario {
    let rules = "
        *raw
        :PREROUTING ACCEPT [0:0]
        -A PREROUTING -m conntrack --ctstate UNTRACKED
        -A PREROUTING -m conntrack --ctstate INVALID
        -A PREROUTING -d 192.168.1.9 -j CT --notrack
        -A PREROUTING -m conntrack --ctstate UNTRACKED
        -A PREROUTING -m conntrack --ctstate INVALID
        COMMIT";
    Scenario::new(rules, |lab| {
        lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, 53, b"data"));
        lab.lan(&Packet::new(INSIDE, FAR).udp(1000, 53, b"data"));
        lab.compare_counters("raw");
    })
}

fn a_state_beside_what_only_a_connection_has() -> Scenario {
    let rules = "
        *filter
        :FORWARD ACCEPT [0:0]
        -A FORWARD -m conntrack ! --ctstate NEW ! --ctproto 17
        -A FORWARD -m conntrack --ctstate INVALID --ctdir ORIGINAL
        -A FORWARD -m conntrack ! --ctproto 6
        COMMIT";
    Scenario::new(rules, |lab| {
        lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, 53, b"data").spoil(9));
        lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, 53, b"data"));
        lab.compare_counters("filter");
    })
}

fn dccp_has_no_ports() -> Scenario {
    let rules = "
        *nat
        :POSTROUTING ACCEPT [0:0]
        -A POSTROUTING -o wan0 -j MASQUERADE
        COMMIT";
    Scenario::new(rules, |lab| {
        let payload = [[4, 0, 0, 80], [7; 4], [7; 4], [7; 4]].concat();
        lab.lan(&Packet::new(INSIDE, OUTSIDE).raw(33, &payload));
        lab.wan(&Packet::new(OUTSIDE, ROUTER_OUT).raw(33, &payload));
        lab.lan(&Packet::new(INSIDE, OUTSIDE).raw(33, &payload[..6]));
    })
}

fn a_fragment_that_holds_nothing() -> Scenario {
    let rules = "
        *filter
        :FORWARD ACCEPT [0:0]
        -A FORWARD -m conntrack --ctstate NEW
        COMMIT";
    Scenario::new(rules, |lab| {
        let parts = Packet::new(INSIDE, OUTSIDE).udp(1000, 53, &[7; 64]).fragments(&[40]);
        let mut nothing = parts[1].clone();
        nothing.fragment = 64;
        nothing.payload.clear();
        lab.lan(&parts[0]);
        lab.lan(&nothing);
        lab.lan(&parts[1]);
        lab.lan(&parts[0]);
        lab.compare_counters("filter");
    })
}

fn a_tcp_header_of_a_wrong_length() -> Scenario {
    let rules = "
        *raw
        :PREROUTING ACCEPT [0:0]
        -A PREROUTING -p tcp -m multiport --ports 53,1024:1100
        -A PREROUTING -p tcp -m tcp --dport 80
        -A PREROUTING -p tcp -m tcp --syn
        -A PREROUTING -p tcp -m tcp --tcp-flags SYN,ACK SYN
        -A PREROUTING -p tcp -m conntrack --ctstate INVALID
        COMMIT";
    Scenario::new(rules, |lab| {
        let segment = Packet::new(INSIDE, OUTSIDE).tcp((1056, 80), flags::SYN, 1, 0, b"");
        lab.lan(&Packet::new(INSIDE, OUTSIDE).raw(6, &[7; 44]));
        lab.lan(&segment.clone().spoil(12));
        lab.lan(&segment);
        lab.compare_counters("raw");
    })
}

fn every_interface_and_none() -> Scenario {
    let rules = "
        *mangle
        :INPUT ACCEPT [0:0]
        :OUTPUT ACCEPT [0:0]
        :ANY - [0:0]
        -A INPUT -j ANY
        -A OUTPUT -j ANY
        -A ANY -o +
        -A ANY ! -o +
        -A ANY -i +
        -A ANY ! -i +
        -A ANY ! -o lan0
        COMMIT";
    Scenario::new(rules, |lab| {
        lab.lan(&Packet::new(INSIDE, ROUTER_IN).ping(1, 1, b"data"));
        lab.compare_counters("mangle");
    })
}

fn a_table_of_hashlimit_has_the_terms_of_its_first_rule() -> Scenario {
    let limit = "-m hashlimit --hashlimit-mode srcip --hashlimit-upto 1/hour --hashlimit-name t";
    let rules = format!(
        "*mangle
        :FORWARD ACCEPT [0:0]
        -A FORWARD -p icmp {limit} --hashlimit-burst 2 --hashlimit-srcmask 8
        COMMIT
        *filter
        :FORWARD ACCEPT [0:0]
        -A FORWARD {limit} --hashlimit-burst 4 --hashlimit-srcmask 32
        COMMIT"
    );
    Scenario::new(&rules, |lab| {
        for host in [INSIDE, INSIDE_2, INSIDE, INSIDE_2] {
            lab.lan(&Packet::new(host, OUTSIDE).udp(1000, 53, b"data"));
        }
        lab.compare_counters("filter");
    })
}

fn a_wrong_checksum_stays_wrong() -> Scenario {
    let rules = "
        *mangle
        :PREROUTING ACCEPT [0:0]
        -A PREROUTING -p tcp -m tcp --syn -j TCPMSS --set-mss 536
        COMMIT";
    Scenario::new(rules, |lab| {
        let segment = Packet::new(INSIDE, OUTSIDE).tcp((1000, 80), flags::SYN, 1, 0, b"");
        lab.lan(&segment);
        lab.lan(&segment.spoil(5));
        lab.compare_counters("mangle");
    })
}

fn an_option_at_the_last_byte_is_not_stripped() -> Scenario {
    let rules = "
        *mangle
        :FORWARD ACCEPT [0:0]
        -A FORWARD -p tcp -j TCPOPTSTRIP --strip-options timestamp
        COMMIT";
    Scenario::new(rules, |lab| {
        for options in [[1, 1, 1, 8], [1, 1, 8, 2], [8, 4, 0, 0]] {
            let first = Packet::new(INSIDE, OUTSIDE);
            lab.lan(&first.tcp_with((1000, 80), flags::SYN, [1, 0], &options, b""));
        }
    })
}

fn nothing_follows_an_ipv6_header() -> Scenario {
    let rules = "
        *filter
        :FORWARD ACCEPT [0:0]
        -A FORWARD -m conntrack --ctstate INVALID -j DROP
        COMMIT";
    Scenario::new_v6(rules, |lab| {
        lab.lan(&Packet::new("fd00:1::2", "fd00:2::9").raw(59, &[7; 16]));
        lab.lan(&Packet::new("fd00:1::2", "fd00:2::9").udp(1000, 53, b"data"));
    })
}

fn output_sees_the_way_before_its_translation() -> Scenario {
    let rules = "
        *nat
        :INPUT ACCEPT [0:0]
        -A INPUT -j SNAT --to-source 198.51.100.9
        COMMIT
        *mangle
        :OUTPUT ACCEPT [0:0]
        :POSTROUTING ACCEPT [0:0]
        -A OUTPUT -o wan0
        -A OUTPUT -o lan0
        -A POSTROUTING -o wan0
        -A POSTROUTING -o lan0
        COMMIT
        *filter
        :OUTPUT ACCEPT [0:0]
        -A OUTPUT -o wan0
        -A OUTPUT -o lan0
        COMMIT";
    Scenario::new(rules, |lab| {
        lab.lan(&Packet::new(INSIDE, ROUTER_IN).ping(1, 1, b"data"));
        lab.lan(&Packet::new(INSIDE, ROUTER_IN).ping(1, 2, b"data"));
        lab.compare_counters("mangle");
        lab.compare_counters("filter");
    })
}

fn a_refusal_of_dccp() -> Scenario {
    let rules = "
        *filter
        :FORWARD ACCEPT [0:0]
        -A FORWARD -j REJECT
        COMMIT";
    Scenario::new(rules, |lab| {
        for payload in [[0; 40], [7; 40]] {
            for protocol in [33, 47, 50, 51, 136, 253] {
                lab.lan(&Packet::new(INSIDE, OUTSIDE).raw(protocol, &payload));
            }
            // A CRC of zero on a virtual link is one that was left to hardware.
            let mut sctp = payload;
            sctp[8] = 1;
            lab.lan(&Packet::new(INSIDE, OUTSIDE).raw(132, &sctp));
        }
        // Its sum is right.
        let mut payload = [0; 16];
        (payload[0], payload[1]) = (0xff, 0xff);
        lab.lan(&Packet::new(INSIDE, OUTSIDE).raw(33, &payload));
    })
}

fn an_echo_reply_has_no_flow_label() -> Scenario {
    Scenario::new_v6("", |lab| {
        for tos in [0, 0x2f] {
            let mut packet = Packet::new("fd00:1::2", "fd00:1::1").ping(1, 1, b"data").tos(tos);
            packet.label = 0x1234;
            lab.lan(&packet);
        }
    })
}

/// A host that knows no AH says so.
fn an_echo_request_behind_authentication() -> Scenario {
    Scenario::new_v6("", |lab| {
        let echo = Packet::new("fd00:1::2", "fd00:1::1").ping(1, 1, b"data");
        let header = [&[58, 4, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1][..], &[1; 12]].concat();
        lab.lan(&echo.clone().raw(51, &[&header, &echo.payload[..]].concat()));
        lab.lan(&echo);
    })
}

fn hashlimit_takes_an_index_for_ports() -> Scenario {
    let rules = "
        *filter
        :FORWARD ACCEPT [0:0]
        -A FORWARD -m hashlimit --hashlimit-mode dstip,dstport --hashlimit-above 1/hour --hashlimit-burst 1 --hashlimit-name d
        -A FORWARD -m hashlimit --hashlimit-mode srcport --hashlimit-above 1/hour --hashlimit-burst 1 --hashlimit-name s
        COMMIT";
    Scenario::new(rules, |lab| {
        for index in [[0, 0, 0, 7], [0, 0, 0, 8], [0, 1, 0, 7], [0, 0, 0, 7]] {
            lab.lan(&Packet::new(INSIDE, OUTSIDE).raw(50, &[index, [0; 4], [7; 4]].concat()));
            let header = [[59, 4, 0, 0], index, [0; 4], [1; 4], [1; 4], [1; 4]].concat();
            lab.lan(&Packet::new(INSIDE, OUTSIDE).raw(51, &header));
            lab.compare_counters("filter");
        }
        lab.lan(&Packet::new(INSIDE, OUTSIDE).raw(50, b"no"));
        lab.compare_counters("filter");
    })
}

fn congestion_beside_other_flags() -> Scenario {
    let rules = "
        *mangle
        :FORWARD ACCEPT [0:0]
        -A FORWARD -p tcp -m tos --tos 0x10 -j ECN --ecn-tcp-remove
        COMMIT
        *filter
        :FORWARD ACCEPT [0:0]
        -A FORWARD -p tcp -m ecn --ecn-tcp-ece
        -A FORWARD -p tcp -m ecn ! --ecn-tcp-ece
        -A FORWARD -p tcp -m ecn --ecn-tcp-cwr
        -A FORWARD -p tcp -m ecn ! --ecn-tcp-cwr
        COMMIT";
    Scenario::new(rules, |lab| {
        for flags in [0x02, 0x42, 0x82, 0xc2, 0xed, 0x50, 0x90, 0xff, 0x54] {
            for tos in [0, 1, 0x10] {
                lab.lan(&Packet::new(INSIDE, OUTSIDE).tcp((1000, 80), flags, 1, 0, b"").tos(tos));
            }
            lab.compare_counters("filter");
        }
    })
}
