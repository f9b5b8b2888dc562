//! Targets that track, report, copy, and hand packets to others.

use sluice_config::netfilter::Family;

use super::{check, check_both};

#[test]
fn copies_and_checksums() {
    check_both(&[
        "-t mangle -A POSTROUTING -j CHECKSUM",
        "-t mangle -A POSTROUTING -j CHECKSUM --checksum-fill",
        "-t mangle -A POSTROUTING -p udp --dport 68 -j CHECKSUM --checksum-fill",
        "-t mangle -A POSTROUTING -j CHECKSUM --checksum-fill --checksum-fill",
        "-t mangle -A POSTROUTING -j CHECKSUM ! --checksum-fill",
        "-A INPUT -j CHECKSUM --checksum-fill",
        "-t mangle -A POSTROUTING ! -p udp -j CHECKSUM --checksum-fill",
        "-t mangle -A PREROUTING -j TEE",
        "-t mangle -A PREROUTING -j TEE --oif lo",
        "-t mangle -A PREROUTING -j TEE --gateway ''",
    ]);
}

#[test]
fn copies_and_checksums_of_ipv4() {
    check(
        Family::V4,
        &[
            "-t mangle -A POSTROUTING -p icmp -j CHECKSUM --checksum-fill",
            "-t mangle -A PREROUTING -j TEE --gateway 10.0.0.1",
            "-t mangle -A PREROUTING -j TEE --gateway 10.1",
            "-t mangle -A PREROUTING -j TEE --gateway 10.0.0.1/24",
            "-t mangle -A PREROUTING -j TEE --gateway 0.0.0.0",
            "-t mangle -A PREROUTING -j TEE --gateway 10.0.0.1 --oif lo",
            "-t mangle -A PREROUTING -j TEE --gateway 10.0.0.1 --oif nope",
            "-t mangle -A PREROUTING -j TEE --gateway 10.0.0.1 --oif e+",
            "-t mangle -A PREROUTING -j TEE --gateway 10.0.0.1 --oif 01234567890123456",
            "-t mangle -A PREROUTING -j TEE --gateway 10.0.0.1 --gateway 10.0.0.1",
            "-t mangle -A PREROUTING -j TEE ! --gateway 10.0.0.1",
            "-A INPUT -j TEE --gateway 10.0.0.1",
            "-t nat -A PREROUTING -j TEE --gateway 10.0.0.1",
            "-t mangle -A PREROUTING -j TEE --gateway 10.0.0.1 --oif ''",
        ],
    );
}

#[test]
fn copies_and_checksums_of_ipv6() {
    check(
        Family::V6,
        &[
            "-t mangle -A PREROUTING -j TEE --gateway 2001:db8::1",
            "-t mangle -A PREROUTING -j TEE --gateway 10.0.0.1",
            "-t mangle -A PREROUTING -j TEE --gateway ::",
        ],
    );
}

#[test]
fn reports_and_queues() {
    check_both(&[
        "-A INPUT -j NFLOG",
        "-A INPUT -j NFLOG --nflog-group 5",
        "-A INPUT -j NFLOG --nflog-group 65536",
        "-A INPUT -j NFLOG --nflog-group x",
        "-A INPUT -j NFLOG --nflog-group 0",
        "-A INPUT -j NFLOG --nflog-prefix abc",
        "-A INPUT -j NFLOG --nflog-prefix 'abc def: '",
        "-A INPUT -j NFLOG --nflog-prefix ''",
        "-A INPUT -j NFLOG --nflog-prefix 0123456789012345678901234567890123456789012345678901234567890123456789",
        "-A INPUT -j NFLOG --nflog-prefix 012345678901234567890123456789012345678901234567890123456789012",
        "-A INPUT -j NFLOG --nflog-prefix 0123456789012345678901234567890123456789012345678901234567890123",
        "-A INPUT -j NFLOG --nflog-size 0",
        "-A INPUT -j NFLOG --nflog-size 100",
        "-A INPUT -j NFLOG --nflog-size x",
        "-A INPUT -j NFLOG --nflog-threshold 3",
        "-A INPUT -j NFLOG --nflog-threshold 0",
        "-A INPUT -j NFLOG --nflog-threshold 65536",
        "-A INPUT -j NFLOG --nflog-threshold 1",
        "-A INPUT -j NFLOG --nflog-group 5 --nflog-group 5",
        "-A INPUT -j NFLOG ! --nflog-group 5",
        "-A INPUT -j NFLOG --nflog-group 1 --nflog-prefix a --nflog-size 3 --nflog-threshold 4",
        "-t nat -A PREROUTING -j NFLOG --nflog-group 1",
        "-t mangle -A FORWARD -j NFQUEUE",
        "-t mangle -A FORWARD -j NFQUEUE --queue-num 5",
        "-t mangle -A FORWARD -j NFQUEUE --queue-num 65535",
        "-t mangle -A FORWARD -j NFQUEUE --queue-num 65536",
        "-t mangle -A FORWARD -j NFQUEUE --queue-num x",
        "-t mangle -A FORWARD -j NFQUEUE --queue-balance 1:5",
        "-t mangle -A FORWARD -j NFQUEUE --queue-balance 5:1",
        "-t mangle -A FORWARD -j NFQUEUE --queue-balance 5:5",
        "-t mangle -A FORWARD -j NFQUEUE --queue-balance 5",
        "-t mangle -A FORWARD -j NFQUEUE --queue-balance 0:65535",
        "-t mangle -A FORWARD -j NFQUEUE --queue-balance 5:",
        "-t mangle -A FORWARD -j NFQUEUE --queue-balance :5",
        "-t mangle -A FORWARD -j NFQUEUE --queue-balance 1:5:6",
        "-t mangle -A FORWARD -j NFQUEUE --queue-balance 1:x",
        "-t mangle -A FORWARD -j NFQUEUE --queue-balance 1:65536",
        "-t mangle -A FORWARD -j NFQUEUE --queue-num 5 --queue-balance 1:5",
        "-t mangle -A FORWARD -j NFQUEUE --queue-num 5 --queue-bypass",
        "-t mangle -A FORWARD -j NFQUEUE --queue-bypass",
        "-t mangle -A FORWARD -j NFQUEUE --queue-cpu-fanout",
        "-t mangle -A FORWARD -j NFQUEUE --queue-num 3 --queue-cpu-fanout",
        "-t mangle -A FORWARD -j NFQUEUE --queue-balance 1:5 --queue-cpu-fanout",
        "-t mangle -A FORWARD -j NFQUEUE --queue-balance 1:5 --queue-cpu-fanout --queue-bypass",
        "-t mangle -A FORWARD -j NFQUEUE ! --queue-num 5",
        "-t mangle -A FORWARD -j NFQUEUE --queue-num 5 --queue-num 5",
        "-A FORWARD -j NFQUEUE --queue-num 5",
        "-t nat -A POSTROUTING -j NFQUEUE --queue-num 5",
        "-A INPUT -j AUDIT",
        "-A INPUT -j AUDIT --type accept",
        "-A INPUT -j AUDIT --type drop",
        "-A INPUT -j AUDIT --type reject",
        "-A INPUT -j AUDIT --type x",
        "-A INPUT -j AUDIT --type DROP",
        "-A INPUT -j AUDIT --type drop --type drop",
        "-A INPUT -j AUDIT ! --type drop",
        "-A INPUT -j QUEUE",
        "-A INPUT -j IDLETIMER",
        "-A INPUT -j IDLETIMER --timeout 5",
        "-A INPUT -j IDLETIMER --label x",
        "-A INPUT -j IDLETIMER --timeout 5 --label x",
        "-A INPUT -j IDLETIMER --timeout 0 --label x",
        "-A INPUT -j IDLETIMER --timeout x --label x",
        "-A INPUT -j IDLETIMER --timeout 5 --label ''",
        "-A INPUT -j IDLETIMER --timeout 5 --label 01234567890123456789012345678",
        "-A INPUT -j IDLETIMER --timeout 5 --label 'a b'",
        "-A INPUT -j LOG",
        "-A INPUT -j LOG --log-level 7 --log-prefix 'a b'",
        "-A INPUT -j LOG --log-level debug",
        "-A INPUT -j LOG --log-level DEBUG",
        "-A INPUT -j LOG --log-level warn",
        "-A INPUT -j LOG --log-level warning",
        "-A INPUT -j LOG --log-level err",
        "-A INPUT -j LOG --log-level error",
        "-A INPUT -j LOG --log-level panic",
        "-A INPUT -j LOG --log-level 8",
        "-A INPUT -j LOG --log-level x",
        "-A INPUT -j LOG --log-level ''",
        "-A INPUT -j LOG --log-level -1",
        "-A INPUT -j LOG --log-level 0x3",
        "-A INPUT -j LOG --log-prefix ''",
        "-A INPUT -j LOG --log-prefix 012345678901234567890123456789",
        "-A INPUT -j LOG --log-prefix 0123456789012345678901234567890",
        "-A INPUT -j LOG --log-prefix 01234567890123456789012345678",
        "-A INPUT -j LOG --log-tcp-sequence --log-tcp-options --log-ip-options --log-uid --log-macdecode",
        "-A INPUT -j LOG --log-level 3 --log-level 3",
        "-A INPUT -j LOG ! --log-uid",
        "-A INPUT -j LOG --log-uid --log-uid",
        "-A INPUT -j LOG --log-pre x",
        "-A INPUT -j LOG --log-tcp x",
        "-t nat -A PREROUTING -j LOG",
        "-A INPUT -j LOG --log-level 7x",
        "-A INPUT -j LOG --log-prefix x --log-prefix y",
        "-A INPUT -j NFLOG --nflog-prefix 01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567",
        "-A INPUT -j NFLOG --nflog-prefix 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456",
        "-A INPUT -j NFLOG --nflog-prefix 012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345",
        "-A INPUT -j NFLOG --nflog-size 4294967296",
    ]);
}

#[test]
fn reports_and_queues_of_ipv6() {
    check(Family::V6, &["-t raw -A PREROUTING -j NFLOG --nflog-group 1"]);
}

#[test]
fn tracking() {
    check_both(&[
        "-A INPUT -j TRACE",
        "-t raw -A PREROUTING -j TRACE",
        "-t raw -A PREROUTING -j TRACE --x",
        "-t raw -A PREROUTING -j NOTRACK",
        "-t raw -A PREROUTING -j NOTRACK --zone 1",
        "-t raw -A PREROUTING -j NOTRACK --notrack",
        "-A INPUT -j NOTRACK",
        "-t raw -A PREROUTING -j CT",
        "-t raw -A PREROUTING -j CT --notrack",
        "-t raw -A PREROUTING -j CT --notrack --zone 1",
        "-t raw -A PREROUTING -j CT --zone 1 --notrack",
        "-t raw -A PREROUTING -j CT --zone 0",
        "-t raw -A PREROUTING -j CT --zone 65535",
        "-t raw -A PREROUTING -j CT --zone 65536",
        "-t raw -A PREROUTING -j CT --zone x",
        "-t raw -A PREROUTING -j CT --zone mark",
        "-t raw -A PREROUTING -j CT --zone-orig 5",
        "-t raw -A PREROUTING -j CT --zone-reply 5",
        "-t raw -A PREROUTING -j CT --zone-orig mark",
        "-t raw -A PREROUTING -j CT --zone-reply mark",
        "-t raw -A PREROUTING -j CT --zone-orig 1 --zone-reply 5",
        "-t raw -A PREROUTING -j CT --zone-orig 1 --zone 5",
        "-t raw -A PREROUTING -j CT --zone 5 --zone 5",
        "-t raw -A PREROUTING -j CT --zone-orig 0",
        "-t raw -A PREROUTING -p tcp -j CT --timeout foo",
        "-t raw -A PREROUTING -j CT --timeout foo",
        "-t raw -A PREROUTING -p tcp -j CT --timeout 01234567890123456789012345678901",
        "-t raw -A PREROUTING -p tcp -j CT --timeout 012345678901234567890123456789012",
        "-t raw -A PREROUTING -p tcp -j CT --timeout foo --notrack",
        "-t raw -A PREROUTING -j CT --ctevents new",
        "-t raw -A PREROUTING -j CT --ctevents new,related,destroy,reply,assured,protoinfo,helper,mark,natseqinfo,secmark",
        "-t raw -A PREROUTING -j CT --ctevents mark,new",
        "-t raw -A PREROUTING -j CT --ctevents nope",
        "-t raw -A PREROUTING -j CT --ctevents new,nope",
        "-t raw -A PREROUTING -j CT --ctevents ''",
        "-t raw -A PREROUTING -j CT --expevents new",
        "-t raw -A PREROUTING -j CT --expevents destroy",
        "-t raw -A PREROUTING -j CT --expevents new,destroy",
        "-t raw -A PREROUTING -j CT --ctevents new --expevents new --zone 4",
        "-t raw -A PREROUTING -j CT --ctevents new --notrack",
        "-t raw -A PREROUTING -j CT --ctevents new --ctevents new",
        "-t raw -A PREROUTING -j CT ! --notrack",
        "-t raw -A PREROUTING -j CT --notrack --notrack",
        "-t raw -A PREROUTING -j CT --notr",
        "-A INPUT -j CT --notrack",
        "-t raw -A OUTPUT -j CT --zone 1",
        "-A INPUT -j TRACE --nothing",
        "-t raw -A PREROUTING -j CT --ctevents new,new",
        "-t raw -A PREROUTING -j CT --expevents new,new",
        "-t raw -A PREROUTING -j CT --zone 1x",
        "-t raw -A PREROUTING -j CT --zone-orig 65536",
        "-t raw -A PREROUTING -j CT --zone-reply x",
        "-t raw -A PREROUTING -j CT --zone-orig 1 --zone-orig 1",
        "-t raw -A PREROUTING -j CT --zone-reply 1 --zone-orig 2",
        "-t raw -A PREROUTING -j CT --zone mark --zone-orig 2",
        "-t raw -A PREROUTING -j CT --zone 3 --zone-reply 0",
        "-t raw -A PREROUTING -j CT --zone 3 --zone-orig mark",
        "-t raw -A PREROUTING ! -p tcp -j CT --timeout ftp",
        "-t raw -A PREROUTING -p tcp -j CT --timeout ''",
    ]);
}

#[test]
fn tracking_of_ipv6() {
    check(Family::V6, &["-t raw -A OUTPUT -j TRACE", "-t raw -A OUTPUT -j CT --notrack"]);
}
