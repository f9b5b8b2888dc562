//! Targets that write to packets or refuse them.

use sluice_config::netfilter::Family;

use super::{check, check_both};

#[test]
fn hop_limit_of_ipv4() {
    check(
        Family::V4,
        &[
            "-t mangle -A FORWARD -j TTL",
            "-t mangle -A FORWARD -j TTL --ttl-set 64",
            "-t mangle -A FORWARD -j TTL --ttl-set 0",
            "-t mangle -A FORWARD -j TTL --ttl-set 255",
            "-t mangle -A FORWARD -j TTL --ttl-set 256",
            "-t mangle -A FORWARD -j TTL --ttl-set x",
            "-t mangle -A FORWARD -j TTL --ttl-set 0x10",
            "-t mangle -A FORWARD -j TTL --ttl-inc 1",
            "-t mangle -A FORWARD -j TTL --ttl-inc 0",
            "-t mangle -A FORWARD -j TTL --ttl-dec 0",
            "-t mangle -A FORWARD -j TTL --ttl-dec 1",
            "-t mangle -A FORWARD -j TTL --ttl-dec 256",
            "-t mangle -A FORWARD -j TTL --ttl-dec 1 --ttl-inc 1",
            "-t mangle -A FORWARD -j TTL --ttl-set 1 --ttl-inc 1",
            "-t mangle -A FORWARD -j TTL --ttl-set 1 --ttl-set 1",
            "-t mangle -A FORWARD -j TTL ! --ttl-set 1",
            "-A FORWARD -j TTL --ttl-set 1",
            "-t nat -A POSTROUTING -j TTL --ttl-set 1",
            "-t mangle -A FORWARD -j HL --hl-set 1",
            "-t mangle -A FORWARD -j HL",
        ],
    );
}

#[test]
fn hop_limit_of_ipv6() {
    check(
        Family::V6,
        &[
            "-t mangle -A FORWARD -j TTL --ttl-set 1",
            "-t mangle -A FORWARD -j HL",
            "-t mangle -A FORWARD -j HL --hl-set 64",
            "-t mangle -A FORWARD -j HL --hl-set 0",
            "-t mangle -A FORWARD -j HL --hl-set 256",
            "-t mangle -A FORWARD -j HL --hl-inc 1",
            "-t mangle -A FORWARD -j HL --hl-inc 0",
            "-t mangle -A FORWARD -j HL --hl-dec 0",
            "-t mangle -A FORWARD -j HL --hl-dec 3",
            "-t mangle -A FORWARD -j HL --hl-dec 3 --hl-set 3",
            "-t mangle -A FORWARD -j HL --hl-dec 3 --hl-inc 3",
            "-A FORWARD -j HL --hl-set 64",
            "-t mangle -A FORWARD -j TTL",
        ],
    );
}

#[test]
fn reject() {
    check_both(&[
        "-A INPUT -j REJECT",
        "-t mangle -A INPUT -j REJECT",
        "-t nat -A INPUT -j REJECT",
        "-t raw -A PREROUTING -j REJECT",
    ]);
}

#[test]
fn reject_of_ipv4() {
    check(
        Family::V4,
        &[
            "-A INPUT -j REJECT --reject-with icmp-net-unreachable",
            "-A INPUT -j REJECT --reject-with net-unreach",
            "-A INPUT -j REJECT --reject-with host-unreach",
            "-A INPUT -j REJECT --reject-with icmp-proto-unreachable",
            "-A INPUT -j REJECT --reject-with port-unreach",
            "-A INPUT -j REJECT --reject-with net-prohib",
            "-A INPUT -j REJECT --reject-with host-prohib",
            "-A INPUT -j REJECT --reject-with admin-prohib",
            "-A INPUT -j REJECT --reject-with icmp-admin-prohibited",
            "-A INPUT -j REJECT --reject-with tcp-reset",
            "-A INPUT -p tcp -j REJECT --reject-with tcp-reset",
            "-A INPUT -p tcp -j REJECT --reject-with tcp-rst",
            "-A INPUT -p udp -j REJECT --reject-with tcp-reset",
            "-A INPUT -j REJECT --reject-with icmp",
            "-A INPUT -j REJECT --reject-with x",
            "-A INPUT -j REJECT --reject-with ''",
            "-A INPUT -j REJECT --reject-with icmp6-no-route",
            "-A INPUT -j REJECT --reject-with net-unreach --reject-with net-unreach",
            "-A INPUT -j REJECT ! --reject-with net-unreach",
        ],
    );
}

#[test]
fn reject_of_ipv6() {
    check(
        Family::V6,
        &[
            "-A INPUT -j REJECT --reject-with icmp6-no-route",
            "-A INPUT -j REJECT --reject-with no-route",
            "-A INPUT -j REJECT --reject-with adm-prohibited",
            "-A INPUT -j REJECT --reject-with addr-unreach",
            "-A INPUT -j REJECT --reject-with port-unreach",
            "-A INPUT -j REJECT --reject-with policy-fail",
            "-A INPUT -j REJECT --reject-with reject-route",
            "-A INPUT -p tcp -j REJECT --reject-with tcp-reset",
            "-A INPUT -j REJECT --reject-with icmp-net-unreachable",
            "-A INPUT -j REJECT --reject-with tcp-reset",
        ],
    );
}

#[test]
fn tcp() {
    check_both(&[
        "-t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu",
        "-t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1400",
        "-t mangle -A FORWARD -p tcp --syn -j TCPMSS --set-mss 1400",
        "-t mangle -A FORWARD -p tcp --syn -j TCPMSS --set-mss 65495",
        "-t mangle -A FORWARD -p tcp --syn -j TCPMSS --set-mss 65496",
        "-t mangle -A FORWARD -p tcp --syn -j TCPMSS --set-mss 0",
        "-t mangle -A FORWARD -p tcp --syn -j TCPMSS --set-mss 0x5b4",
        "-t mangle -A FORWARD -p tcp --syn -j TCPMSS --set-mss abc",
        "-t mangle -A FORWARD -p tcp --syn -j TCPMSS --set-mss -1",
        "-t mangle -A FORWARD -p tcp --syn -j TCPMSS --set-mss",
        "-t mangle -A FORWARD -p tcp --syn -j TCPMSS",
        "-t mangle -A FORWARD -p tcp --syn -j TCPMSS --set-mss 1 --set-mss 2",
        "-t mangle -A FORWARD -p tcp --syn -j TCPMSS --set-mss 1 --clamp-mss-to-pmtu",
        "-t mangle -A FORWARD -p tcp --syn -j TCPMSS --clamp-mss-to-pmtu --set-mss 2",
        "-t mangle -A FORWARD -p tcp --syn -j TCPMSS ! --set-mss 1",
        "-t mangle -A FORWARD -p tcp -j TCPMSS --set-mss 1400",
        "-t mangle -A FORWARD -j TCPMSS --set-mss 1400",
        "-t mangle -A FORWARD -p udp -j TCPMSS --set-mss 1400",
        "-t mangle -A FORWARD ! -p tcp -j TCPMSS --set-mss 1400",
        "-A FORWARD -p tcp --syn -j TCPMSS --clamp-mss-to-pmtu",
        "-t nat -A POSTROUTING -p tcp --syn -j TCPMSS --clamp-mss-to-pmtu",
        "-t raw -A OUTPUT -p tcp --syn -j TCPMSS --clamp-mss-to-pmtu",
        "-t raw -A PREROUTING -p tcp --syn -j TCPMSS --clamp-mss-to-pmtu",
        "-t raw -A PREROUTING -p tcp --syn -j TCPMSS --set-mss 1400",
        "-A INPUT -p tcp --syn -j TCPMSS --clamp-mss-to-pmtu",
        "-t mangle -A POSTROUTING -p tcp --syn -j TCPMSS --clamp-mss-to-pmtu",
        "-t mangle -A OUTPUT -p tcp --tcp-flags ALL SYN -j TCPMSS --clamp-mss-to-pmtu",
        "-t mangle -A OUTPUT -p tcp --tcp-flags SYN NONE -j TCPMSS --clamp-mss-to-pmtu",
        "-t mangle -A OUTPUT -p tcp ! --syn -j TCPMSS --clamp-mss-to-pmtu",
        "-t mangle -A OUTPUT -p tcp --tcp-flags SYN,ACK SYN,ACK -j TCPMSS --clamp-mss-to-pmtu",
        "-t mangle -N U ; -t mangle -A U -p tcp --syn -j TCPMSS --clamp-mss-to-pmtu ; -t mangle -A PREROUTING -j U",
        "-t mangle -N U ; -t mangle -A U -p tcp --syn -j TCPMSS --set-mss 3 ; -t mangle -A PREROUTING -j U",
        "-t mangle -A FORWARD -p tcp --syn -j TCPMSS --clamp",
        "-t mangle -A FORWARD -p tcp -j TCPOPTSTRIP",
        "-t mangle -A FORWARD -p tcp -j TCPOPTSTRIP --strip-options mss",
        "-t mangle -A FORWARD -p tcp -j TCPOPTSTRIP --strip-options wscale,mss,sack-permitted,sack,timestamp,md5",
        "-t mangle -A FORWARD -p tcp -j TCPOPTSTRIP --strip-options 2,3,4,5,8,19,255",
        "-t mangle -A FORWARD -p tcp -j TCPOPTSTRIP --strip-options 100,7",
        "-t mangle -A FORWARD -p tcp -j TCPOPTSTRIP --strip-options 256",
        "-t mangle -A FORWARD -p tcp -j TCPOPTSTRIP --strip-options 0",
        "-t mangle -A FORWARD -p tcp -j TCPOPTSTRIP --strip-options 1",
        "-t mangle -A FORWARD -p tcp -j TCPOPTSTRIP --strip-options x",
        "-t mangle -A FORWARD -p tcp -j TCPOPTSTRIP --strip-options 2,x",
        "-t mangle -A FORWARD -p tcp -j TCPOPTSTRIP --strip-options 2,",
        "-t mangle -A FORWARD -p tcp -j TCPOPTSTRIP --strip-options ,2",
        "-t mangle -A FORWARD -p tcp -j TCPOPTSTRIP --strip-options ''",
        "-t mangle -A FORWARD -p tcp -j TCPOPTSTRIP --strip-options MSS",
        "-t mangle -A FORWARD -p tcp -j TCPOPTSTRIP --strip-options 2,2",
        "-t mangle -A FORWARD -p tcp -j TCPOPTSTRIP --strip-options 2 --strip-options 2",
        "-t mangle -A FORWARD -p tcp -j TCPOPTSTRIP ! --strip-options 2",
        "-t mangle -A FORWARD -j TCPOPTSTRIP --strip-options 2",
        "-A FORWARD -p tcp -j TCPOPTSTRIP --strip-options 2",
        "-t mangle -A PREROUTING -p tcp -j TCPOPTSTRIP --strip-options 2",
        "-A INPUT -p tcp -j SYNPROXY",
        "-A INPUT -j SYNPROXY",
        "-A INPUT -p tcp --syn -j SYNPROXY --sack-perm --timestamp --wscale 7 --mss 1460 --ecn",
        "-A INPUT -p tcp -j SYNPROXY --wscale 14",
        "-A INPUT -p tcp -j SYNPROXY --wscale 15",
        "-A INPUT -p tcp -j SYNPROXY --wscale 0",
        "-A INPUT -p tcp -j SYNPROXY --wscale x",
        "-A INPUT -p tcp -j SYNPROXY --mss 65535",
        "-A INPUT -p tcp -j SYNPROXY --mss 65536",
        "-A INPUT -p tcp -j SYNPROXY --mss 0",
        "-A INPUT -p tcp -j SYNPROXY --ecn --ecn",
        "-A INPUT -p tcp -j SYNPROXY ! --ecn",
        "-A INPUT -p tcp -j SYNPROXY --timestamp --ecn",
        "-A FORWARD -p tcp -j SYNPROXY",
        "-A OUTPUT -p tcp -j SYNPROXY",
        "-t mangle -A FORWARD -p tcp -j SYNPROXY",
        "-t mangle -A INPUT -p tcp -j SYNPROXY",
        "-t mangle -A PREROUTING -p tcp -j SYNPROXY",
        "-t raw -A PREROUTING -p tcp -j SYNPROXY",
        "-t security -A INPUT -p tcp -j SYNPROXY",
        "-t nat -A INPUT -p tcp -j SYNPROXY",
        "-A INPUT ! -p tcp -j SYNPROXY",
        "-A INPUT -p tcp -j SYNPROXY --sack",
        "-A INPUT -p tcp -j SYNPROXY --mss x",
        "-A INPUT -p tcp -j SYNPROXY --wscale 256",
        "-N U ; -A U -p tcp -j SYNPROXY ; -A OUTPUT -j U",
    ]);
}

#[test]
fn tcp_of_ipv4() {
    check(
        Family::V4,
        &[
            "-t mangle -A FORWARD -p tcp -j ECN",
            "-t mangle -A FORWARD -p tcp -j ECN --ecn-tcp-remove",
            "-t mangle -A FORWARD -j ECN --ecn-tcp-remove",
            "-t mangle -A FORWARD -p udp -j ECN --ecn-tcp-remove",
            "-t mangle -A FORWARD -p tcp -j ECN --ecn-tcp-cwr 1",
            "-t mangle -A FORWARD -p tcp -j ECN --ecn-tcp-ece 0",
            "-t mangle -A FORWARD -p tcp -j ECN --ecn-tcp-ece 2",
            "-t mangle -A FORWARD -p tcp -j ECN --ecn-tcp-ece 1 --ecn-tcp-cwr 1",
            "-t mangle -A FORWARD -p tcp -j ECN --ecn-tcp-ece 1 --ecn-tcp-cwr 0 --ecn-ip-ect 2",
            "-t mangle -A FORWARD -p tcp -j ECN --ecn-tcp-remove --ecn-tcp-cwr 0",
            "-t mangle -A FORWARD -j ECN --ecn-ip-ect 2",
            "-t mangle -A FORWARD -j ECN --ecn-ip-ect 4",
            "-t mangle -A FORWARD -j ECN --ecn-ip-ect x",
            "-t mangle -A FORWARD -j ECN --ecn-tcp-cwr x",
            "-A FORWARD -p tcp -j ECN --ecn-tcp-remove",
            "-t mangle -A FORWARD -p tcp -j ECN --ecn-tcp-remove --ecn-tcp-remove",
            "-t mangle -A FORWARD -p tcp -j ECN ! --ecn-tcp-remove",
        ],
    );
}

#[test]
fn tcp_of_ipv6() {
    check(
        Family::V6,
        &[
            "-t mangle -A FORWARD -p tcp --syn -j TCPMSS --clamp-mss-to-pmtu",
            "-t mangle -A FORWARD -p tcp --syn -j TCPMSS --set-mss 1220",
            "-t mangle -A FORWARD -p tcp --syn -j TCPMSS --set-mss 65476",
            "-t mangle -A FORWARD -p tcp --syn -j TCPMSS --set-mss 65475",
            "-t mangle -A FORWARD -p tcp -j ECN --ecn-tcp-remove",
            "-A INPUT -p tcp -j SYNPROXY --mss 1440",
            "-t mangle -A FORWARD -p tcp -j ECN",
        ],
    );
}

#[test]
fn type_of_service() {
    check_both(&[
        "-t mangle -A FORWARD -j TOS",
        "-t mangle -A FORWARD -j TOS --set-tos 4",
        "-t mangle -A FORWARD -j TOS --set-tos 0x10",
        "-t mangle -A FORWARD -j TOS --set-tos 16/0x3f",
        "-t mangle -A FORWARD -j TOS --set-tos 0xff/0x0",
        "-t mangle -A FORWARD -j TOS --set-tos 256",
        "-t mangle -A FORWARD -j TOS --set-tos 1/256",
        "-t mangle -A FORWARD -j TOS --set-tos 1/x",
        "-t mangle -A FORWARD -j TOS --set-tos 1/2/3",
        "-t mangle -A FORWARD -j TOS --set-tos x",
        "-t mangle -A FORWARD -j TOS --set-tos Minimize-Delay",
        "-t mangle -A FORWARD -j TOS --set-tos minimize-delay",
        "-t mangle -A FORWARD -j TOS --set-tos Minimize",
        "-t mangle -A FORWARD -j TOS --set-tos Maximize-Throughput",
        "-t mangle -A FORWARD -j TOS --set-tos Maximize-Reliability",
        "-t mangle -A FORWARD -j TOS --set-tos Minimize-Cost",
        "-t mangle -A FORWARD -j TOS --set-tos Normal-Service",
        "-t mangle -A FORWARD -j TOS --set-tos Normal-Service/0xff",
        "-t mangle -A FORWARD -j TOS --set-tos 0x10/0x3f",
        "-t mangle -A FORWARD -j TOS --set-tos 0x08/0x3f",
        "-t mangle -A FORWARD -j TOS --set-tos 0x00/0x3f",
        "-t mangle -A FORWARD -j TOS --set-tos 0x11/0x3f",
        "-t mangle -A FORWARD -j TOS --and-tos 0x3f",
        "-t mangle -A FORWARD -j TOS --or-tos 0x3f",
        "-t mangle -A FORWARD -j TOS --xor-tos 0x3f",
        "-t mangle -A FORWARD -j TOS --and-tos 256",
        "-t mangle -A FORWARD -j TOS --or-tos x",
        "-t mangle -A FORWARD -j TOS --xor-tos Minimize-Cost",
        "-t mangle -A FORWARD -j TOS --and-tos 1 --or-tos 1",
        "-t mangle -A FORWARD -j TOS --set-tos 1 --or-tos 1",
        "-t mangle -A FORWARD -j TOS --set-tos 1 --set-tos 1",
        "-t mangle -A FORWARD -j TOS --set-tos 0/0",
        "-t mangle -A FORWARD -j TOS --or-tos 0",
        "-t mangle -A FORWARD -j TOS --set-tos 0x1/0x1",
        "-t mangle -A FORWARD -j TOS ! --set-tos 0x1/0x1",
        "-A FORWARD -j TOS --set-tos 1",
        "-t mangle -A FORWARD -j DSCP",
        "-t mangle -A FORWARD -j DSCP --set-dscp 10",
        "-t mangle -A FORWARD -j DSCP --set-dscp 0x3f",
        "-t mangle -A FORWARD -j DSCP --set-dscp 64",
        "-t mangle -A FORWARD -j DSCP --set-dscp x",
        "-t mangle -A FORWARD -j DSCP --set-dscp-class EF",
        "-t mangle -A FORWARD -j DSCP --set-dscp-class ef",
        "-t mangle -A FORWARD -j DSCP --set-dscp-class AF99",
        "-t mangle -A FORWARD -j DSCP --set-dscp-class VA",
        "-t mangle -A FORWARD -j DSCP --set-dscp-class LE",
        "-t mangle -A FORWARD -j DSCP --set-dscp 1 --set-dscp-class EF",
        "-t mangle -A FORWARD -j DSCP --set-dscp-class EF --set-dscp 1",
        "-t mangle -A FORWARD -j DSCP --set-dscp 1 --set-dscp 2",
        "-t mangle -A FORWARD -j DSCP ! --set-dscp 1",
        "-A FORWARD -j DSCP --set-dscp 1",
        "-t mangle -A INPUT -j DSCP --set-dscp-class ''",
        "-t mangle -A INPUT -j DSCP --set-dscp-class",
        "-t mangle -A INPUT -j DSCP --set-dscp-c be",
    ]);
}

#[test]
fn type_of_service_of_ipv4() {
    check(Family::V4, &["-t mangle -A INPUT -j DSCP --set-d 4"]);
}

#[test]
fn type_of_service_of_ipv6() {
    check(
        Family::V6,
        &["-t mangle -A FORWARD -j TOS --set-tos 1", "-t mangle -A FORWARD -j DSCP --set-dscp 1"],
    );
}
