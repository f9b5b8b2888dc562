//! Owns the least scenarios of differences that random rounds have found behind IPv6 extension headers, and in what tells
//! the router's own packets from others.

use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};
use sluice_tests::frame::{FRAGMENT, Packet, TCP, flags};

const INSIDE: &str = "fd00:1::2";
const OUTSIDE: &str = "fd00:2::9";

differential!(
    an_mss_behind_a_fragment_header,
    an_mss_that_is_stripped_again,
    an_error_comes_from_where_its_cause_came,
    hops_of_what_sockets_say,
    hops_of_what_sockets_say_v6
);

/// The eight bytes of that header are no data of the segment's.
fn an_mss_behind_a_fragment_header() -> Scenario {
    let rules = "
        *mangle
        -A FORWARD -p tcp --syn -j TCPMSS --set-mss 536
        COMMIT";
    Scenario::new_v6(rules, |lab| {
        for (options, data) in
            [(&[4, 2, 1, 1][..], &b""[..]), (&[], b""), (&[], b"data"), (&[2, 4, 5, 180], b"")]
        {
            let ports = (1000, 80);
            let segment = Packet::new(INSIDE, OUTSIDE);
            let segment = segment.tcp_with(ports, flags::SYN, [1, 0], options, data);
            lab.lan(&segment);
            // Whole, and the first of two.
            for more in [0, 1] {
                let header = [TCP, 0, 0, more, 0, 0, 0, 7];
                lab.lan(&segment.clone().raw(FRAGMENT, &[&header[..], &segment.payload].concat()));
            }
        }
    })
}

/// What TCPMSS has added is an option like others to the rules behind it.
fn an_mss_that_is_stripped_again() -> Scenario {
    let rules = "
        *mangle
        -A FORWARD -p tcp -j TCPMSS --set-mss 1000
        -A FORWARD -p tcp --dport 1:3 -j TCPOPTSTRIP --strip-options 2
        -A FORWARD -p tcp --dport 2:3 -j TCPMSS --set-mss 900
        -A FORWARD -p tcp --dport 3 -j TCPOPTSTRIP --strip-options 2,3
        -A FORWARD -p tcp --dport 3 -j TCPMSS --set-mss 800
        -A FORWARD -p tcp -m tcpmss --mss 1:950
        -A FORWARD -p tcp --tcp-option 2
        -A FORWARD -p tcp --tcp-option 1
        -A FORWARD -p tcp -m length --length 48:
        -A FORWARD -p tcp --dport 4 -j TCPOPTSTRIP --strip-options 4
        -A POSTROUTING -p tcp --dport 1 -j TEE --gateway 10.1.0.3
        COMMIT";
    Scenario::new(rules, |lab| {
        for port in 1..5 {
            for words in [0, 1, 8, 9, 10] {
                let segment = Packet::new("10.1.0.2", "192.168.1.9");
                let options = [3, 3, 7, 0].repeat(words);
                lab.lan(&segment.tcp_with((1000, port), flags::SYN, [1, 0], &options, b""));
            }
            let segment = Packet::new("10.1.0.2", "192.168.1.9");
            lab.lan(&segment.tcp_with((1000, port), flags::SYN, [1, 0], &[2, 4, 5, 180], b""));
        }
        lab.compare_counters("mangle");
    })
}

/// A source that is reached by another interface than the packet came in by.
fn an_error_comes_from_where_its_cause_came() -> Scenario {
    let rules = "
        *filter
        -A FORWARD -p udp --dport 53 -j REJECT
        COMMIT";
    Scenario::new_v6(rules, |lab| {
        for source in [INSIDE, OUTSIDE, "2001:db8:7::7"] {
            for destination in [OUTSIDE, INSIDE, "2001:db8:7::9"] {
                let packet = Packet::new(source, destination).udp(1000, 53, b"");
                lab.lan(&packet);
                lab.wan(&packet);
                lab.lan(&packet.clone().ttl(1));
                lab.wan(&packet.ttl(1));
            }
        }
    })
}

/// To `recent --rttl` what no socket said has been forwarded, and has one hop more.
const SAID: &str = "
    *mangle
    -A PREROUTING -m recent --set --name said --rsource
    -A OUTPUT -p tcp -m recent --rcheck --rttl --name said --rdest
    -A OUTPUT ! -p tcp -m recent --rcheck --rttl --name said --rdest
    -A POSTROUTING -p tcp -m recent --rcheck --rttl --name said --rdest
    COMMIT
    *filter
    -A INPUT -p tcp --dport 81 -j REJECT --reject-with tcp-reset
    -A FORWARD -p tcp -j REJECT --reject-with tcp-reset
    -A FORWARD -p udp -j REJECT
    COMMIT";

/// An echo, a closed port of UDP and of TCP, refusals.
fn what_the_router_says(lab: &mut Lab, [host, router, other]: [&str; 3]) {
    for ttl in [64, 65] {
        let to = |to: &str| Packet::new(host, to).ttl(ttl);
        lab.lan(&to(router).ping(1, 1, b""));
        lab.lan(&to(router).udp(1000, 9, b""));
        lab.lan(&to(router).tcp((1000, 80), flags::SYN, 1, 0, b""));
        lab.lan(&to(router).tcp((1000, 80), flags::ACK, 1, 1, b""));
        lab.lan(&to(router).tcp((1000, 81), flags::SYN, 1, 0, b""));
        lab.lan(&to(other).tcp((1000, 81), flags::SYN, 1, 0, b""));
        lab.lan(&to(other).udp(1000, 9, b""));
        let saved = if host == INSIDE { "ip6tables-save" } else { "iptables-save" };
        lab.compare_tool(&format!("{saved} -c -t mangle"));
    }
}

fn hops_of_what_sockets_say() -> Scenario {
    Scenario::new(SAID, |lab| what_the_router_says(lab, ["10.1.0.2", "10.1.0.1", "192.168.1.9"]))
}

fn hops_of_what_sockets_say_v6() -> Scenario {
    let said =
        Scenario::new_v6(SAID, |lab| what_the_router_says(lab, [INSIDE, "fd00:1::1", OUTSIDE]));
    said.with(|setup| setup.with_sysctl("net.ipv6.icmp.ratelimit", 0))
}
