//! Fields of the IP header, and IPsec's policies.

use super::{check, check_both};
use sluice_config::netfilter::Family;

#[test]
fn ttl_and_hl() {
    let options = [
        "--X-eq 3 -j ACCEPT",
        "! --X-eq 3 -j DROP",
        "--X 64",
        "! --X 64",
        "--X-lt 255",
        "--X-gt 0",
        "--X-gt 0x10",
        "! --X-gt 1",
        "! --X-lt 1",
        "--X-eq 256",
        "--X-eq foo",
        "--X-eq -1",
        "--X-eq 1 --X-lt 2",
        "--X-lt 2 --X-eq 1",
        "--X-lt 2 --X-gt 1",
        "--X-gt 2 --X-lt 1",
        "--X-gt 2 --X-eq 1",
        "--X 1 --X-gt 1",
        "--X-eq 1 --X-eq 1",
        "--X-eq 1 --X 1",
        "",
    ];
    for (family, name) in [(Family::V4, "ttl"), (Family::V6, "hl")] {
        let line = |options: &str| format!("-A FORWARD -m {name} {}", options.replace('X', name));
        let lines = options.map(line);
        check(family, &lines.iter().map(String::as_str).collect::<Vec<_>>());
    }
    check(Family::V4, &["-A FORWARD -m hl --hl-eq 1"]);
    check(Family::V6, &["-A FORWARD -m ttl --ttl-eq 1"]);
}

#[test]
fn tos() {
    check_both(&[
        "-A FORWARD -m tos --tos 0x10 -j ACCEPT",
        "-A FORWARD -m tos ! --tos 0x10/0x3f -j DROP",
        "-A FORWARD -m tos --tos 8/63",
        "-A FORWARD -m tos --tos 0/63",
        "-A FORWARD -m tos --tos Minimize-Delay",
        "-A FORWARD -m tos ! --tos maximize-throughput",
        "-A FORWARD -m tos --tos Maximize-Reliability",
        "-A FORWARD -m tos --tos Minimize-Cost",
        "-A FORWARD -m tos --tos Normal-Service",
        "-A FORWARD -m tos --tos Minimize",
        "-A FORWARD -m tos --tos 255",
        "-A FORWARD -m tos --tos 256",
        "-A FORWARD -m tos --tos -1",
        "-A FORWARD -m tos --tos 1/256",
        "-A FORWARD -m tos --tos 1/",
        "-A FORWARD -m tos --tos 1/x",
        "-A FORWARD -m tos --tos 1/2x",
        "-A FORWARD -m tos --tos 1x",
        "-A FORWARD -m tos --tos 0xff/0x0f",
        "-A FORWARD -m tos --tos ''",
        "-A FORWARD -m tos --tos 1 --tos 2",
        "-A FORWARD -m tos",
    ]);
}

#[test]
fn dscp() {
    check_both(&[
        "-A FORWARD -m dscp --dscp 10 -j ACCEPT",
        "-A FORWARD -m dscp ! --dscp 0x3f -j DROP",
        "-A FORWARD -m dscp --dscp 0",
        "-A FORWARD -m dscp --dscp 64",
        "-A FORWARD -m dscp --dscp foo",
        "-A FORWARD -m dscp --dscp -1",
        "-A FORWARD -m dscp --dscp-class EF",
        "-A FORWARD -m dscp ! --dscp-class af43",
        "-A FORWARD -m dscp --dscp-class CS0",
        "-A FORWARD -m dscp --dscp-class CS7",
        "-A FORWARD -m dscp --dscp-class BE",
        "-A FORWARD -m dscp --dscp-class EFx",
        "-A FORWARD -m dscp --dscp-class CS",
        "-A FORWARD -m dscp --dscp-class CS8",
        "-A FORWARD -m dscp --dscp-class ''",
        "-A FORWARD -m dscp --dscp 1 --dscp-class EF",
        "-A FORWARD -m dscp --dscp-class EF --dscp 1",
        "-A FORWARD -m dscp --dscp 1 --dscp 1",
        "-A FORWARD -m dscp",
    ]);
}

#[test]
fn ecn() {
    check_both(&[
        "-A FORWARD -m ecn --ecn-ip-ect 0 -j ACCEPT",
        "-A FORWARD -m ecn ! --ecn-ip-ect 3 -j DROP",
        "-A FORWARD -m ecn --ecn-ip-ect 4",
        "-A FORWARD -m ecn --ecn-ip-ect foo",
        "-A FORWARD -p tcp -m ecn --ecn-tcp-cwr -j ACCEPT",
        "-A FORWARD -p tcp -m ecn ! --ecn-tcp-cwr --ecn-tcp-ece ! --ecn-ip-ect 1",
        "-A FORWARD -p tcp -m ecn ! --ecn-tcp-ece",
        "-A FORWARD -m ecn --ecn-tcp-cwr",
        "-A FORWARD -p udp -m ecn --ecn-tcp-ece",
        "-A FORWARD ! -p tcp -m ecn --ecn-tcp-ece",
        "-A FORWARD -m ecn --ecn-ip-ect 1 --ecn-ip-ect 1",
        "-A FORWARD -m ecn",
    ]);
}

#[test]
fn policy() {
    check_both(&[
        "-A FORWARD -m policy --dir in --pol none",
        "-A FORWARD -m policy --dir out --pol ipsec",
        "-A FORWARD -m policy --dir in",
        "-A FORWARD -m policy --pol none",
        "-A FORWARD -m policy",
        "-A FORWARD -m policy --dir both",
        "-A FORWARD -m policy --dir in --pol some",
        "-A FORWARD -m policy --dir in --dir out",
        "-A FORWARD -m policy ! --dir in",
        "-A FORWARD -m policy --dir in --pol none --strict",
        "-A FORWARD -m policy --dir in --pol none --reqid 5",
        "-A FORWARD -m policy --dir in --pol none --next --reqid 5",
        "-A FORWARD -m policy --dir in --pol ipsec --strict",
        "-A FORWARD -m policy --dir in --pol ipsec --reqid 1 ! --spi 0x10 --proto esp",
        "-A FORWARD -m policy --dir in --pol ipsec ! --reqid 1 --spi 100 ! --proto ah",
        "-A FORWARD -m policy --dir in --pol ipsec --proto ipcomp",
        "-A FORWARD -m policy --dir in --pol ipsec --proto 50",
        "-A FORWARD -m policy --dir in --pol ipsec --proto ESP",
        "-A FORWARD -m policy --dir in --pol ipsec --proto tcp",
        "-A FORWARD -m policy --dir in --pol ipsec --proto all",
        "-A FORWARD -m policy --dir in --pol ipsec --proto nonsense",
        "-A FORWARD -m policy --dir in --pol ipsec --mode transport",
        "-A FORWARD -m policy --dir in --pol ipsec ! --mode tunnel",
        "-A FORWARD -m policy --dir in --pol ipsec --mode both",
        "-A FORWARD -m policy --dir in --pol ipsec --reqid 1 --reqid 2",
        "-A FORWARD -m policy --dir in --pol ipsec --spi 1 --spi 2",
        "-A FORWARD -m policy --dir in --pol ipsec --mode tunnel --mode tunnel",
        "-A FORWARD -m policy --dir in --pol ipsec --proto esp --proto esp",
        "-A FORWARD -m policy --dir in --pol ipsec --reqid x",
        "-A FORWARD -m policy --dir in --pol ipsec --reqid 4294967296",
        "-A FORWARD -m policy --dir in --pol ipsec --next --reqid 5",
        "-A FORWARD -m policy --dir in --pol ipsec --strict --reqid 1 --next --reqid 5",
        "-A FORWARD -m policy --dir in --pol ipsec --strict --reqid 1 --next --spi 5 --next --mode tunnel --next --proto ah",
        "-A FORWARD -m policy --dir in --pol ipsec --strict --reqid 1 --next --spi 5 --next --mode tunnel --next --proto ah --next --reqid 9",
        "-A FORWARD -m policy --dir in --pol ipsec --strict --reqid 1 --next",
        "-A FORWARD -m policy --dir in --strict --reqid 1 --next --next --reqid 5",
        "-A INPUT -m policy --dir out --pol none",
        "-A OUTPUT -m policy --dir in --pol none",
        "-t nat -A POSTROUTING -m policy --dir out --pol none -j MASQUERADE",
        "-t nat -A POSTROUTING -m policy --dir in --pol none -j MASQUERADE",
        "-t nat -A PREROUTING -m policy --dir out --pol none",
    ]);
    check(
        Family::V4,
        &[
            "-A FORWARD -m policy --dir in --pol ipsec --mode tunnel --tunnel-src 10.0.0.1 --tunnel-dst 10.1.2.3/8",
            "-A FORWARD -m policy --dir in --pol ipsec ! --mode transport ! --tunnel-src 10.0.0.1/255.255.0.0",
            "-A FORWARD -m policy --dir in --pol ipsec --mode tunnel --tunnel-dst 10.0.0.1/255.0.255.0",
            "-A FORWARD -m policy --dir in --pol ipsec --mode tunnel --tunnel-dst 0.0.0.0/0",
            "-A FORWARD -m policy --dir in --pol ipsec --tunnel-dst 10.0.0.1",
            "-A FORWARD -m policy --dir in --pol ipsec --mode transport --tunnel-dst 10.0.0.1",
            "-A FORWARD -m policy --dir in --pol ipsec ! --mode tunnel --tunnel-dst 10.0.0.1",
            "-A FORWARD -m policy --dir in --pol ipsec --mode tunnel --tunnel-dst 10.0.0.1/33",
            "-A FORWARD -m policy --dir in --pol ipsec --mode tunnel --tunnel-dst 10.0.0.1/x",
            "-A FORWARD -m policy --dir in --pol ipsec --mode tunnel --tunnel-dst 10.1",
            "-A FORWARD -m policy --dir in --pol ipsec --mode tunnel --tunnel-dst fd00::1",
            "-A FORWARD -m policy --dir in --mode tunnel --tunnel-dst 10.0.0.1 --tunnel-dst 10.0.0.1",
            "-A FORWARD -m policy --dir in --mode tunnel --tunnel-src 10.0.0.1 --tunnel-src 10.0.0.1",
        ],
    );
    check(
        Family::V6,
        &[
            "-A FORWARD -m policy --dir in --pol ipsec --mode tunnel --tunnel-src fd00::1 --tunnel-dst fd01::1/64",
            "-A FORWARD -m policy --dir in --pol ipsec --mode tunnel ! --tunnel-dst fd01::1/ffff::",
            "-A FORWARD -m policy --dir in --pol ipsec --mode tunnel --tunnel-dst ::/0",
            "-A FORWARD -m policy --dir in --pol ipsec --mode tunnel --tunnel-dst 10.0.0.1",
            "-A FORWARD -m policy --dir in --pol ipsec --mode tunnel --tunnel-dst fd01::1/129",
        ],
    );
}
