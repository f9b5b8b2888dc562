//! Owns the least scenarios of differences that random rounds have found in errors, in what the router itself says, and in
//! protocols that are seldom seen.

use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};
use sluice_tests::frame::{self, Packet, addresses};

use crate::{FAR, INSIDE, OUTSIDE, ROUTER_IN, ROUTER_OUT};

differential!(
    an_exchange_of_udp_lite,
    a_refusal_of_what_is_not_tracked,
    each_hook_turns_one_end_of_a_quote,
    each_hook_turns_one_end_of_a_quote_v6,
    an_answer_of_several_frames,
    an_answer_of_several_frames_v6,
);

/// It is assured with the third packet, however short it was.
fn an_exchange_of_udp_lite() -> Scenario {
    let rules = "
        *filter
        :FORWARD ACCEPT [0:0]
        -A FORWARD -m conntrack --ctstatus ASSURED
        -A FORWARD -m conntrack --ctstate INVALID
        COMMIT";
    let scenario = Scenario::new(rules, |lab| {
        let data =
            |from: u16, to: u16| [&frame::words(&[from, to, 8, 7])[..], &b"data"[..]].concat();
        let out = Packet::new(INSIDE, OUTSIDE).raw(frame::UDP_LITE, &data(1000, 53));
        let back = Packet::new(OUTSIDE, INSIDE).raw(frame::UDP_LITE, &data(53, 1000));
        lab.lan(&out);
        lab.compare_timeouts();
        for _ in 0..2 {
            lab.wan(&back);
            lab.compare_timeouts();
            lab.lan(&out);
            lab.compare_timeouts();
        }
        lab.compare_counters("filter");
    });
    // Linux takes every right sum of it for wrong.
    scenario.with(|setup| setup.with_sysctl("net.netfilter.nf_conntrack_checksum", 0))
}

/// Before tracking, the answer is INVALID whatever CT would say to it.
fn a_refusal_of_what_is_not_tracked() -> Scenario {
    let rules = "
        *raw
        :PREROUTING ACCEPT [0:0]
        :OUTPUT ACCEPT [0:0]
        -A PREROUTING -p udp --dport 53 -j CT --notrack
        -A PREROUTING -p tcp --dport 80 -j CT --notrack
        -A OUTPUT -j CT --zone 3
        -A OUTPUT -j CT --notrack
        -A OUTPUT -m conntrack --ctstate NEW
        -A OUTPUT -m conntrack --ctstate INVALID
        -A OUTPUT -m conntrack --ctstate UNTRACKED
        -A OUTPUT -m conntrack --ctstate RELATED
        COMMIT
        *filter
        :FORWARD ACCEPT [0:0]
        :OUTPUT ACCEPT [0:0]
        -A FORWARD -p udp -j REJECT
        -A FORWARD -p tcp -j REJECT --reject-with tcp-reset
        -A OUTPUT -m conntrack --ctstate NEW
        -A OUTPUT -m conntrack --ctstate INVALID
        -A OUTPUT -m conntrack --ctstate UNTRACKED
        -A OUTPUT -m conntrack --ctstate RELATED
        COMMIT";
    Scenario::new(rules, |lab| {
        let out = || Packet::new(INSIDE, OUTSIDE);
        for packet in [
            // Not tracked, tracked, and of no connection at all.
            out().udp(1000, 53, b"data"),
            out().udp(1000, 54, b"data"),
            out().tcp((1000, 80), frame::flags::ACK, 1, 1, b""),
            out().tcp((1000, 81), frame::flags::SYN, 1, 0, b""),
            out().udp(1000, 53, b"data").ttl(1),
            out().udp(1000, 54, b"data").ttl(1),
            out().udp(1000, 54, b"data").spoil(9).ttl(1),
        ] {
            lab.lan(&packet);
            lab.compare_counters("raw");
            lab.compare_counters("filter");
        }
    })
}

/// What rules see between the hooks is a quote that has been turned by half.
fn each_hook_turns_one_end_of_a_quote() -> Scenario {
    let seen = |chain: &str| {
        // Quoted source and destination.
        [
            "40=0x0a010002",
            "40=0xc0a80192",
            "40=0xc0a80109",
            "40=0xc6336407",
            "44=0x0a010002",
            "44=0xc0a80192",
            "44=0xc0a80109",
            "44=0xc6336407",
        ]
        .map(|what| format!("-A {chain} -p icmp -m u32 --u32 {what}"))
        .join("\n")
    };
    let (forward, output, postrouting) = (seen("FORWARD"), seen("OUTPUT"), seen("POSTROUTING"));
    let rules = format!(
        "*nat
        :PREROUTING ACCEPT [0:0]
        :POSTROUTING ACCEPT [0:0]
        -A PREROUTING -d {FAR} -j DNAT --to-destination {OUTSIDE}
        -A POSTROUTING -o wan0 -p udp -j SNAT --to-source {ROUTER_OUT}
        COMMIT
        *mangle
        :POSTROUTING ACCEPT [0:0]
        {postrouting}
        COMMIT
        *filter
        :FORWARD ACCEPT [0:0]
        :OUTPUT ACCEPT [0:0]
        {forward}
        -A FORWARD -m length --length 33 -j REJECT
        {output}
        COMMIT"
    );
    Scenario::new(&rules, |lab| {
        let packet = |(to, port): (&str, u16), protocol: u8, data: &[u8]| {
            let head = frame::words(&[port, 53, 8 + data.len() as u16, 0]);
            match protocol {
                frame::UDP => Packet::new(INSIDE, to).udp(port, 53, data),
                _ => Packet::new(INSIDE, to).raw(protocol, &[&head, data].concat()),
            }
        };
        // Both ends translated, one, the other, none.
        for protocol in [frame::UDP, 99] {
            for (to, port) in [(FAR, 1000), (OUTSIDE, 1001)] {
                let sent = lab.lan(&packet((to, port), protocol, b"data"));
                let Some(sent) = sent.first() else { continue };
                errors(lab, sent.packet(), OUTSIDE);
                let (source, _) = addresses(sent.packet());
                let back = Packet::new(OUTSIDE, &source.to_string());
                let answered = match protocol {
                    frame::UDP => lab.wan(&back.clone().udp(53, port, b"data")),
                    _ => lab.wan(&back.clone().raw(protocol, b"an answer")),
                };
                let Some(answered) = answered.first() else { continue };
                let (server, client) = addresses(answered.packet());
                let error = Packet::new(&client.to_string(), &server.to_string());
                lab.lan(&error.icmp_error(3, 1, 0, &answered.packet()[..28]));
                all(lab);
                // The router's own.
                lab.lan(&packet((to, port), protocol, b"fives"));
                all(lab);
                if protocol == frame::UDP {
                    lab.wan(&back.udp(53, port, b"fives"));
                    all(lab);
                }
            }
        }
    })
}

/// Errors from the other end and from a router on the way.
fn errors(lab: &mut Lab, sent: &[u8], end: &str) {
    let (source, _) = addresses(sent);
    for from in [end, "192.168.1.1"] {
        for quote in [28, sent.len()] {
            let error = Packet::new(from, &source.to_string());
            lab.wan(&error.icmp_error(3, 1, 0, &sent[..quote]));
            all(lab);
        }
    }
}

fn all(lab: &mut Lab) {
    lab.compare_counters("mangle");
    lab.compare_counters("filter");
}

/// The copy shows it.
fn each_hook_turns_one_end_of_a_quote_v6() -> Scenario {
    let rules = "
        *mangle
        :POSTROUTING ACCEPT [0:0]
        -A POSTROUTING -j TEE --gateway fd00:2::fe
        COMMIT
        *nat
        :PREROUTING ACCEPT [0:0]
        -A PREROUTING -d fd00:7::/64 -j NETMAP --to fd00:2::/64
        -A POSTROUTING -o wan0 -p udp -j MASQUERADE
        COMMIT";
    Scenario::new_v6(rules, |lab| {
        let sent = lab.lan(&Packet::new("fd00:1::2", "fd00:7::9").udp(1000, 53, b"data"));
        let whole = sent.iter().find(|seen| addresses(seen.packet()).0.to_string() != "fd00:1::2");
        let Some(seen) = whole else { return };
        let (source, _) = addresses(seen.packet());
        for quote in [48, seen.packet().len()] {
            let error = Packet::new("fd00:2::9", &source.to_string());
            lab.wan(&error.icmp_error(1, 3, 0, &seen.packet()[..quote]));
        }
    })
}

/// What the host's stack says in pieces passes OUTPUT and POSTROUTING whole, and belongs to its connection.
fn an_answer_of_several_frames() -> Scenario {
    let rules = format!(
        "*nat
        :PREROUTING ACCEPT [0:0]
        -A PREROUTING -d {FAR} -j REDIRECT
        COMMIT
        {}",
        ANSWERS.replace("ECHO", "-p icmp --icmp-type 0")
    );
    Scenario::new(&rules, |lab| {
        for (number, to) in [(1, ROUTER_IN), (2, FAR)] {
            for length in [1600, 2900, 4000] {
                let whole = Packet::new(INSIDE, to).id(0x4000 + length).ping(
                    number,
                    length,
                    &vec![7; length.into()],
                );
                for part in whole.fragments(&[1376, 1376]) {
                    lab.lan(&part);
                }
                for table in ["raw", "mangle", "filter"] {
                    lab.compare_counters(table);
                }
            }
        }
    })
}

const ANSWERS: &str = "
    *raw
    :OUTPUT ACCEPT [0:0]
    -A OUTPUT ECHO -m length --length 0:1500
    -A OUTPUT ECHO -m length --length 1501:65535
    COMMIT
    *mangle
    :POSTROUTING ACCEPT [0:0]
    -A POSTROUTING ECHO -m length --length 0:1500
    -A POSTROUTING ECHO -m length --length 1501:65535
    COMMIT
    *filter
    :OUTPUT ACCEPT [0:0]
    -A OUTPUT ECHO -m conntrack --ctstate ESTABLISHED
    -A OUTPUT ECHO -m conntrack --ctstate INVALID
    COMMIT";

fn an_answer_of_several_frames_v6() -> Scenario {
    let rules = format!(
        "*nat
        :PREROUTING ACCEPT [0:0]
        -A PREROUTING -d fd00:7::9 -j REDIRECT
        COMMIT
        {}",
        ANSWERS.replace("ECHO", "-p icmpv6 --icmpv6-type 129")
    );
    Scenario::new_v6(&rules, |lab| {
        for (number, to) in [(1, "fd00:1::1"), (2, "fd00:7::9")] {
            for length in [1600, 2900, 4000] {
                let whole = Packet::new("fd00:1::2", to).id(0x4000 + length).ping(
                    number,
                    length,
                    &vec![7; length.into()],
                );
                for part in whole.fragments(&[1376, 1376]) {
                    lab.lan(&part);
                }
                // Its stack says other things, too.
                for table in ["raw", "mangle", "filter"] {
                    lab.compare_tool(&format!("ip6tables-save -c -t {table} | grep -- -A"));
                }
            }
        }
    })
}
