//! Addresses, protocols and the matches that nearly every ruleset has.

use sluice_config::netfilter::Family;

use super::{check, check_both};

#[test]
fn addresses() {
    check(
        Family::V4,
        &[
            "-A FORWARD -s 10.1.0.0/16 -d 192.0.2.1 -j ACCEPT",
            "-A FORWARD ! -s 10/8 ! -d 1.2.3.4/255.255.0.255 -j ACCEPT",
            "-A FORWARD -s 010.0.0.1/0x10",
            "-A FORWARD -s 10.1/16",
            "-A FORWARD -s 10.1.2.3/0",
            "-A FORWARD -s 1.2.3.4,5.6.7.8/8",
            "-A FORWARD -s 1.2.3",
            "-A FORWARD -s 1.2.3.4.5",
            "-A FORWARD -s 1.2.3.4/",
            "-A FORWARD -s 1.2.3.4/-1",
            "-A FORWARD -s 1.2.3.4/1.2",
            "-A FORWARD -s 1.2.3.4/255.255.255",
            "-A FORWARD -s 256.1.1.1",
            "-A FORWARD -s ''",
            "-A FORWARD -s 1.2.3.4,",
        ],
    );
    check(
        Family::V6,
        &[
            "-A FORWARD -s fd00:1::/64 -d ::1 -j ACCEPT",
            "-A FORWARD ! -s fd00:1::/ffff:: -d ::ffff:1.2.3.4",
            "-A FORWARD -s ::1.2.3.4 -d 1::2/0",
            "-A FORWARD -s fd00::1/129",
            "-A FORWARD -s fd00::1/ffff:0:ffff::",
            "-A FORWARD -s 10.1.0.1",
            "-A FORWARD -s fd00:::1",
            "-A FORWARD -s ''",
        ],
    );
}

#[test]
fn protocols_and_interfaces() {
    check_both(&[
        "-A FORWARD -p tcp -j ACCEPT",
        "-A FORWARD ! -p udp",
        "-A FORWARD -p 47",
        "-A FORWARD -p gre",
        "-A FORWARD -p TCP",
        "-A FORWARD -p 255",
        "-A FORWARD -p 256",
        "-A FORWARD -p 0x11",
        "-A FORWARD -p all",
        "-A FORWARD -p 0",
        "-A FORWARD -p esp",
        "-A FORWARD -p udplite",
        "-A FORWARD -p mh",
        "-A FORWARD -p ipv6-icmp",
        "-A FORWARD -p icmpv6",
        "-A FORWARD -i lan0 -o wan0",
        "-A FORWARD ! -i lan0 ! -o wan+",
        "-A FORWARD -i +",
        "-A INPUT -o wan0",
    ]);
}

#[test]
fn tcp() {
    check_both(&[
        "-A FORWARD -p tcp -m tcp --dport 80 -j ACCEPT",
        "-A FORWARD -p tcp ! --sport 1024:65535 --dport 22:25",
        "-A FORWARD -p tcp --sport http --dport ssh:https",
        "-A FORWARD -p tcp --sport :80",
        "-A FORWARD -p tcp --sport 80:",
        "-A FORWARD -p tcp --sport :",
        "-A FORWARD -p tcp --sport 0:65535",
        "-A FORWARD -p tcp ! --sport 0:65535",
        "-A FORWARD -p tcp ! --sport :80",
        "-A FORWARD -p tcp --sport 80:80",
        "-A FORWARD -p tcp --sport 81:80",
        "-A FORWARD -p tcp --sport 65536",
        "-A FORWARD -p tcp --sport 0x50",
        "-A FORWARD -p tcp --sport -1",
        "-A FORWARD -p tcp --sport ' 80'",
        "-A FORWARD -p tcp --sport 1:2:3",
        "-A FORWARD -p tcp --sport foo",
        "-A FORWARD -p tcp --sport ''",
        "-A FORWARD -p tcp --source-port 5 --destination-port 6",
        "-A FORWARD -p tcp --dport 5 --dport 6",
        "-A FORWARD -p tcp --syn",
        "-A FORWARD -p tcp ! --syn",
        "-A FORWARD -p tcp --tcp-flags ALL SYN,ACK",
        "-A FORWARD -p tcp ! --tcp-flags SYN,RST,ACK,FIN SYN",
        "-A FORWARD -p tcp --tcp-flags ALL NONE",
        "-A FORWARD -p tcp --tcp-flags NONE NONE",
        "-A FORWARD -p tcp --tcp-flags syn,ack syn",
        "-A FORWARD -p tcp --tcp-flags SYN ACK",
        "-A FORWARD -p tcp --tcp-flags ALL ALL",
        "-A FORWARD -p tcp --tcp-flags SYN,FOO SYN",
        "-A FORWARD -p tcp --tcp-flags SYN SYN,",
        "-A FORWARD -p tcp --tcp-flags '' ''",
        "-A FORWARD -p tcp --tcp-flags SYN",
        "-A FORWARD -p tcp --syn --tcp-flags ALL SYN",
        "-A FORWARD -p tcp --tcp-option 2",
        "-A FORWARD -p tcp ! --tcp-option 0x8",
        "-A FORWARD -p tcp --tcp-option 0",
        "-A FORWARD -p tcp --tcp-option 255",
        "-A FORWARD -p tcp --tcp-option 256",
        "-A FORWARD -p tcp --tcp-option foo",
        "-A FORWARD -p tcp --tcp-option 2 --tcp-option 3",
        "-A FORWARD -p tcp -m tcp",
        "-A FORWARD -m tcp --dport 80",
        "-A FORWARD -p udp -m tcp --dport 80",
        "-A FORWARD ! -p tcp -m tcp --dport 80",
        "-A FORWARD ! -p tcp -m tcp",
        "-A FORWARD -m tcp",
        "-A FORWARD -p tcp --sport 1 --dport 2 --syn --tcp-option 3",
    ]);
}

#[test]
fn udp() {
    check_both(&[
        "-A FORWARD -p udp --dport 53 --sport 1024:",
        "-A FORWARD -p udp ! --dport domain",
        "-A FORWARD -p udp --dport 53:54 -m udp --sport 5",
        "-A FORWARD -p udp --dport 65536",
        "-A FORWARD -p udp --dport 2:1",
        "-A FORWARD -p udp --dport 2 --dport 1",
        "-A FORWARD -p udp --syn",
        "-A FORWARD -m udp --dport 53",
        "-A FORWARD -p tcp -m udp --dport 53",
        "-A FORWARD -m udp",
        "-A FORWARD -p udp -m udp",
    ]);
}

#[test]
fn limit() {
    check_both(&[
        "-A FORWARD -m limit -j ACCEPT",
        "-A FORWARD -m limit --limit 5/min --limit-burst 7 -j ACCEPT",
        "-A FORWARD -m limit --limit 10/s --limit-burst 5",
        "-A FORWARD -m limit --limit 10/SECOND",
        "-A FORWARD -m limit --limit 90/minute",
        "-A FORWARD -m limit --limit 60/minute",
        "-A FORWARD -m limit --limit 61/minute",
        "-A FORWARD -m limit --limit 3/hour",
        "-A FORWARD -m limit --limit 1/day",
        "-A FORWARD -m limit --limit 1/d --limit-burst 10000",
        "-A FORWARD -m limit --limit 10000/s",
        "-A FORWARD -m limit --limit 20000/s",
        "-A FORWARD -m limit --limit 600000/min",
        "-A FORWARD -m limit --limit 3333/s",
        "-A FORWARD -m limit --limit 5",
        "-A FORWARD -m limit --limit 5/",
        "-A FORWARD -m limit --limit /s",
        "-A FORWARD -m limit --limit 5/seconds",
        "-A FORWARD -m limit --limit 5/week",
        "-A FORWARD -m limit --limit 0/s",
        "-A FORWARD -m limit --limit -5/s",
        "-A FORWARD -m limit --limit 5x/s",
        "-A FORWARD -m limit --limit ' 5/s'",
        "-A FORWARD -m limit --limit 99999999999/s",
        "-A FORWARD -m limit --limit foo",
        "-A FORWARD -m limit --limit ''",
        "-A FORWARD -m limit ! --limit 5/s",
        "-A FORWARD -m limit --limit 5/s --limit 6/s",
        "-A FORWARD -m limit --limit-burst 0",
        "-A FORWARD -m limit --limit-burst 1",
        "-A FORWARD -m limit --limit-burst 10000",
        "-A FORWARD -m limit --limit-burst 10001",
        "-A FORWARD -m limit --limit-burst foo",
        "-A FORWARD -m limit --limit-burst 0x10",
    ]);
}

#[test]
fn length() {
    check_both(&[
        "-A FORWARD -m length --length 128 -j ACCEPT",
        "-A FORWARD -m length ! --length 64:1500",
        "-A FORWARD -m length --length :100",
        "-A FORWARD -m length --length 100:",
        "-A FORWARD -m length --length :",
        "-A FORWARD -m length --length 0",
        "-A FORWARD -m length --length 65535",
        "-A FORWARD -m length --length 65536",
        "-A FORWARD -m length --length 5:4",
        "-A FORWARD -m length --length 5:5",
        "-A FORWARD -m length --length 1:2:3",
        "-A FORWARD -m length --length foo",
        "-A FORWARD -m length --length 5x",
        "-A FORWARD -m length --length 5:x",
        "-A FORWARD -m length --length 0x10:020",
        "-A FORWARD -m length --length ''",
        "-A FORWARD -m length --length -1",
        "-A FORWARD -m length --length 1 --length 2",
        "-A FORWARD -m length",
    ]);
}

#[test]
fn mark() {
    check_both(&[
        "-A FORWARD -m mark --mark 1 -j ACCEPT",
        "-A FORWARD -m mark ! --mark 0x10/0xff",
        "-A FORWARD -m mark --mark 0/0",
        "-A FORWARD -m mark --mark 5/0",
        "-A FORWARD -m mark --mark 0xff/0xf",
        "-A FORWARD -m mark --mark 4294967295",
        "-A FORWARD -m mark --mark 4294967296",
        "-A FORWARD -m mark --mark 1/4294967296",
        "-A FORWARD -m mark --mark 1/",
        "-A FORWARD -m mark --mark 1/x",
        "-A FORWARD -m mark --mark 1x",
        "-A FORWARD -m mark --mark -1",
        "-A FORWARD -m mark --mark foo",
        "-A FORWARD -m mark --mark ''",
        "-A FORWARD -m mark --mark 1 --mark 2",
        "-A FORWARD -m mark",
    ]);
}

#[test]
fn multiport() {
    check_both(&[
        "-A FORWARD -p tcp -m multiport --dports 22,36,88 -j ACCEPT",
        "-A FORWARD -p udp -m multiport ! --sports 1:5,7",
        "-A FORWARD -p tcp -m multiport --ports http,ssh:https",
        "-A FORWARD -p udp -m multiport --ports domain,tftp",
        "-A FORWARD -p sctp -m multiport --ports 5",
        "-A FORWARD -p dccp -m multiport --ports 5",
        "-A FORWARD -p udplite -m multiport --ports 5,80",
        "-A FORWARD -p tcp -m multiport --source-ports 5",
        "-A FORWARD -p tcp -m multiport --destination-ports 5",
        "-A FORWARD -p tcp -m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15",
        "-A FORWARD -p tcp -m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16",
        "-A FORWARD -p tcp -m multiport --dports 1:2,3:4,5:6,7:8,9:10,11:12,13:14,15",
        "-A FORWARD -p tcp -m multiport --dports 1:2,3:4,5:6,7:8,9:10,11:12,13:14,15:16",
        "-A FORWARD -p tcp -m multiport --dports 5:5",
        "-A FORWARD -p tcp -m multiport --dports 5:4",
        "-A FORWARD -p tcp -m multiport --dports 5:",
        "-A FORWARD -p tcp -m multiport --dports :5",
        "-A FORWARD -p tcp -m multiport --dports 1,",
        "-A FORWARD -p tcp -m multiport --dports ,1",
        "-A FORWARD -p tcp -m multiport --dports ''",
        "-A FORWARD -p tcp -m multiport --dports 65536",
        "-A FORWARD -p tcp -m multiport --dports foo",
        "-A FORWARD -p tcp -m multiport --dports 1:2:3",
        "-A FORWARD -p tcp -m multiport --dports 1 --sports 2",
        "-A FORWARD -p tcp -m multiport --sports 1 --ports 2",
        "-A FORWARD -p tcp -m multiport --dports 1 --dports 2",
        "-A FORWARD -p tcp -m multiport",
        "-A FORWARD -m multiport --dports 1",
        "-A FORWARD ! -p tcp -m multiport --dports 1",
        "-A FORWARD -p icmp -m multiport --dports 1",
        "-A FORWARD -m multiport --dports 1 -p tcp",
    ]);
}

#[test]
fn icmp() {
    let names = [
        "any",
        "echo-reply",
        "pong",
        "destination-unreachable",
        "network-unreachable",
        "host-unreachable",
        "protocol-unreachable",
        "port-unreachable",
        "fragmentation-needed",
        "source-route-failed",
        "network-unknown",
        "host-unknown",
        "network-prohibited",
        "host-prohibited",
        "TOS-network-unreachable",
        "TOS-host-unreachable",
        "communication-prohibited",
        "host-precedence-violation",
        "precedence-cutoff",
        "source-quench",
        "redirect",
        "network-redirect",
        "host-redirect",
        "TOS-network-redirect",
        "TOS-host-redirect",
        "echo-request",
        "ping",
        "router-advertisement",
        "router-solicitation",
        "time-exceeded",
        "ttl-exceeded",
        "ttl-zero-during-transit",
        "ttl-zero-during-reassembly",
        "parameter-problem",
        "ip-header-bad",
        "required-option-missing",
        "timestamp-request",
        "timestamp-reply",
        "address-mask-request",
        "address-mask-reply",
        "8",
        "8/0",
        "0x8/0x0",
        "3/4",
        "255",
        "255/255",
        "255/1",
        "42",
        "256",
        "3/256",
        "3/",
        "/3",
        "-1",
        "foo",
        "echo",
        "ECHO-REQ",
        "''",
        "'8 '",
    ];
    let mut lines: Vec<String> =
        names.iter().map(|name| format!("-A FORWARD -p icmp --icmp-type {name}")).collect();
    lines.extend(
        [
            "-A FORWARD -p icmp ! --icmp-type 8",
            "-A FORWARD -p icmp ! --icmp-type 3/1",
            "-A FORWARD -p icmp ! --icmp-type any",
            "-A FORWARD -p icmp ! --icmp-type echo-request",
            "-A FORWARD -p icmp -m icmp",
            "-A FORWARD -m icmp --icmp-type 8",
            "-A FORWARD -p tcp -m icmp --icmp-type 8",
            "-A FORWARD -p icmp --icmp-type 8 --icmp-type 0",
        ]
        .map(str::to_owned),
    );
    check(Family::V4, &lines.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn icmp6() {
    let names = [
        "destination-unreachable",
        "no-route",
        "communication-prohibited",
        "beyond-scope",
        "address-unreachable",
        "port-unreachable",
        "failed-policy",
        "reject-route",
        "packet-too-big",
        "time-exceeded",
        "ttl-exceeded",
        "ttl-zero-during-transit",
        "ttl-zero-during-reassembly",
        "parameter-problem",
        "bad-header",
        "unknown-header-type",
        "unknown-option",
        "echo-request",
        "ping",
        "echo-reply",
        "pong",
        "mld-listener-query",
        "mld-listener-report",
        "mld-listener-done",
        "mld-listener-reduction",
        "router-solicitation",
        "router-advertisement",
        "neighbour-solicitation",
        "neighbor-solicitation",
        "neighbour-advertisement",
        "neighbor-advertisement",
        "redirect",
        "any",
        "128",
        "128/0",
        "1/4",
        "255",
        "256",
        "1/256",
        "foo",
        "echo",
        "''",
    ];
    let mut lines: Vec<String> =
        names.iter().map(|name| format!("-A FORWARD -p icmpv6 --icmpv6-type {name}")).collect();
    lines.extend(
        [
            "-A FORWARD -p icmpv6 ! --icmpv6-type 128",
            "-A FORWARD -p icmpv6 ! --icmpv6-type 1/4",
            "-A FORWARD -p icmpv6 ! --icmpv6-type echo-request",
            "-A FORWARD -p ipv6-icmp -m icmp6 --icmpv6-type 128",
            "-A FORWARD -p icmpv6 -m icmp6",
            "-A FORWARD -m icmp6 --icmpv6-type 128",
            "-A FORWARD -p icmpv6 --icmpv6-type 1 --icmpv6-type 2",
            "-A FORWARD -p icmp --icmp-type 8",
        ]
        .map(str::to_owned),
    );
    check(Family::V6, &lines.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn conntrack() {
    check_both(&[
        "-A FORWARD -m conntrack --ctstate NEW -j ACCEPT",
        "-A FORWARD -m conntrack ! --ctstate ESTABLISHED,RELATED",
        "-A FORWARD -m conntrack --ctstate new,Invalid,untracked,SNAT,DNAT",
        "-A FORWARD -m conntrack --ctstate FOO",
        "-A FORWARD -m conntrack --ctstate NEW,",
        "-A FORWARD -m conntrack --ctstate ''",
        "-A FORWARD -m conntrack --ctstate NEWER",
        "-A FORWARD -m conntrack --ctstate N",
        "-A FORWARD -m conntrack --ctproto tcp",
        "-A FORWARD -m conntrack ! --ctproto 17",
        "-A FORWARD -m conntrack --ctproto 0",
        "-A FORWARD -m conntrack ! --ctproto 0",
        "-A FORWARD -m conntrack --ctproto foo",
        "-A FORWARD -m conntrack --ctproto 256",
        "-A FORWARD -m conntrack --ctorigsrcport 1:5 ! --ctorigdstport 80",
        "-A FORWARD -m conntrack --ctreplsrcport :5 --ctrepldstport 80:",
        "-A FORWARD -m conntrack --ctorigsrcport http",
        "-A FORWARD -m conntrack --ctorigsrcport 5:4",
        "-A FORWARD -m conntrack --ctorigsrcport 65536",
        "-A FORWARD -m conntrack --ctorigsrcport foo",
        "-A FORWARD -m conntrack --ctstatus NONE",
        "-A FORWARD -m conntrack --ctstatus EXPECTED,SEEN_REPLY,ASSURED,CONFIRMED",
        "-A FORWARD -m conntrack ! --ctstatus assured",
        "-A FORWARD -m conntrack --ctstatus FOO",
        "-A FORWARD -m conntrack --ctstatus ''",
        "-A FORWARD -m conntrack --ctexpire 5",
        "-A FORWARD -m conntrack ! --ctexpire 5:10",
        "-A FORWARD -m conntrack --ctexpire :10",
        "-A FORWARD -m conntrack --ctexpire 5:",
        "-A FORWARD -m conntrack --ctexpire 10:5",
        "-A FORWARD -m conntrack --ctexpire 1:2:3",
        "-A FORWARD -m conntrack --ctexpire foo",
        "-A FORWARD -m conntrack --ctexpire 4294967296",
        "-A FORWARD -m conntrack --ctdir ORIGINAL",
        "-A FORWARD -m conntrack --ctdir reply",
        "-A FORWARD -m conntrack --ctdir FOO",
        "-A FORWARD -m conntrack ! --ctdir REPLY",
        "-A FORWARD -m conntrack --ctstate NEW --ctstate NEW",
        "-A FORWARD -m conntrack",
        "-A FORWARD -m conntrack --ctstate NEW --ctproto tcp --ctstatus ASSURED --ctdir REPLY --ctexpire 3",
        "-A FORWARD -m state --state NEW,ESTABLISHED",
        "-A FORWARD -m state ! --state INVALID",
        "-A FORWARD -m state --state UNTRACKED,RELATED",
        "-A FORWARD -m state --state SNAT",
        "-A FORWARD -m state --state FOO",
        "-A FORWARD -m state --state NEW,",
        "-A FORWARD -m state --state ''",
        "-A FORWARD -m state",
        "-A FORWARD -m state --state NEW --state NEW",
    ]);
}

#[test]
fn conntrack_addresses() {
    check(
        Family::V4,
        &[
            "-A FORWARD -m conntrack --ctorigsrc 10.1.0.1 ! --ctorigdst 10.0.0.0/8",
            "-A FORWARD -m conntrack --ctreplsrc 10.1.2.3/255.255.0.0 --ctrepldst 10.1.2.3/0",
            "-A FORWARD -m conntrack --ctorigsrc 10.1.2.3/255.0.255.0",
            "-A FORWARD -m conntrack --ctorigsrc 10.1.2.3/33",
            "-A FORWARD -m conntrack --ctorigsrc 10.1",
            "-A FORWARD -m conntrack --ctorigsrc 10.1.2.3,10.1.2.4",
            "-A FORWARD -m conntrack --ctorigsrc fd00::1",
            "-A FORWARD -m conntrack --ctorigsrc ''",
        ],
    );
    check(
        Family::V6,
        &[
            "-A FORWARD -m conntrack --ctorigsrc fd00::1 ! --ctorigdst fd00::/8",
            "-A FORWARD -m conntrack --ctorigsrc fd00::1/129",
            "-A FORWARD -m conntrack --ctorigsrc 10.1.2.3",
        ],
    );
}

#[test]
fn comment() {
    let line = |length: usize| format!("-A FORWARD -m comment --comment {}", "x".repeat(length));
    let lines: Vec<String> = [255, 256].map(line).into();
    check(Family::V4, &lines.iter().map(String::as_str).collect::<Vec<_>>());
    check_both(&[
        "-A FORWARD -m comment --comment 'two words' -j ACCEPT",
        r#"-A FORWARD -m comment --comment 'a"b\c'"#,
        r#"-A FORWARD -m comment --comment "it's""#,
        "-A FORWARD -m comment --comment ''",
        "-A FORWARD -m comment --comment a --comment b",
        "-A FORWARD -m comment ! --comment a",
        "-A FORWARD -m comment",
    ]);
}
