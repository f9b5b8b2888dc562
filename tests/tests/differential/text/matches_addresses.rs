//! Addresses, interfaces and who a packet is from or for.

use super::{check, check_both};
use sluice_config::netfilter::Family;

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
            "-A FORWARD -s fd00:1::/64 -d ::2 -j ACCEPT",
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

/// Networks have names in listings without `-n`.
#[test]
fn named_networks() {
    check(
        Family::V4,
        &[
            "-A FORWARD -s 127.0.0.0/8 ! -d 169.254.0.0/16",
            "-A FORWARD -s 127.0.0.0/9 -d 0.0.0.0/8",
            "-A FORWARD -s 127.0.0.1/255.0.0.255 -d 127.0.1.1",
            "-A FORWARD -s 169.254.0.0 -d 127.0.0.0",
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
        "-A FORWARD -p AH",
        "-A FORWARD ! -p ah",
        "-A FORWARD -p 43",
        "-A FORWARD -p ipv6-frag",
        "-A FORWARD -p ipv6-opts",
        "-A FORWARD -p ipv6-icmp",
        "-A FORWARD -p icmpv6",
        "-A FORWARD -i lan0 -o wan0",
        "-A FORWARD ! -i lan0 ! -o wan+",
        "-A FORWARD -i +",
        "-A FORWARD -i a/b -o c/d",
        "-A FORWARD -i ''",
        "-A FORWARD -i abcdefghijklmno",
        "-A FORWARD -i abcdefghijklmnop",
        "-A INPUT -o wan0",
    ]);
}

#[test]
fn iprange() {
    check(
        Family::V4,
        &[
            "-A FORWARD -m iprange --src-range 10.1.0.5-10.1.0.9 -j ACCEPT",
            "-A FORWARD -m iprange ! --src-range 10.1.0.5-10.1.0.9 --dst-range 192.0.2.1 -j DROP",
            "-A FORWARD -m iprange --src-range 10.1.0.5 ! --dst-range 1.2.3.4-1.2.3.5",
            "-A FORWARD -m iprange --src-range 10-11",
            "-A FORWARD -m iprange --src-range 10.1-10.2.3",
            "-A FORWARD -m iprange --src-range 0x10.010.0.1",
            "-A FORWARD -m iprange --src-range 10.1.0.256",
            "-A FORWARD -m iprange --src-range 10.1.0.1-",
            "-A FORWARD -m iprange --src-range -10.1.0.1",
            "-A FORWARD -m iprange --src-range ''",
            "-A FORWARD -m iprange --src-range 10.1.0.1-10.1.0.2-10.1.0.3",
            "-A FORWARD -m iprange --src-range foo",
            "-A FORWARD -m iprange --src-range fd00::1",
            "-A FORWARD -m iprange --src-range 10.1.0.1 --src-range 10.1.0.2",
            "-A FORWARD -m iprange --src-range 10.1.0.9-10.1.0.5",
            "-A FORWARD -m iprange --src-range 9.0.0.1-9.0.0.0 --dst-range 10.0.0.1-10.0.0.0",
            "-A FORWARD -m iprange --src-range",
            "-A FORWARD -m iprange",
            "-A FORWARD -m iprange --foo",
        ],
    );
    check(
        Family::V6,
        &[
            "-A FORWARD -m iprange --src-range fd00:1::5-fd00:1::9 -j ACCEPT",
            "-A FORWARD -m iprange ! --src-range ::1 ! --dst-range ::-::ffff:1.2.3.4 -j DROP",
            "-A FORWARD -m iprange --src-range ::1:0-::1.2.3.4",
            "-A FORWARD -m iprange --src-range 1::2-1::1",
            "-A FORWARD -m iprange --src-range 1::2::3",
            "-A FORWARD -m iprange --src-range 10.1.0.1",
            "-A FORWARD -m iprange",
        ],
    );
}

#[test]
fn addrtype() {
    check_both(&[
        "-A FORWARD -m addrtype --dst-type LOCAL -j ACCEPT",
        "-A FORWARD -m addrtype ! --src-type LOCAL --dst-type MULTICAST,UNICAST",
        "-A FORWARD -m addrtype --dst-type local,anycast",
        "-A FORWARD -m addrtype --dst-type L,UN,UNI,M",
        "-A FORWARD -m addrtype --dst-type unspec",
        "-A FORWARD -m addrtype --dst-type UNREACHABLE",
        "-A FORWARD -m addrtype --dst-type BROADCAST",
        "-A FORWARD -m addrtype --dst-type BLACKHOLE",
        "-A FORWARD -m addrtype ! --dst-type PROHIBIT",
        "-A FORWARD -m addrtype --src-type THROW,NAT,XRESOLVE",
        "-A FORWARD -m addrtype",
        "-A FORWARD -m addrtype --dst-type",
        "-A FORWARD -m addrtype --dst-type ",
        "-A FORWARD -m addrtype --dst-type ''",
        "-A FORWARD -m addrtype --dst-type LOCAL,",
        "-A FORWARD -m addrtype --dst-type ,LOCAL",
        "-A FORWARD -m addrtype --dst-type LOCAL,FOO,UNICAST",
        "-A FORWARD -m addrtype --dst-type LOCALS",
        "-A FORWARD -m addrtype --dst-type LOCAL --dst-type LOCAL",
        "-A FORWARD -m addrtype --dst-type LOCAL --limit-iface-in",
        "-A FORWARD -m addrtype --dst-type LOCAL --limit-iface-out",
        "-A FORWARD -m addrtype --dst-type LOCAL ! --limit-iface-out",
        "-A FORWARD -m addrtype --dst-type LOCAL --limit-iface-in --limit-iface-out",
        "-A FORWARD -m addrtype --limit-iface-in",
        "-A INPUT -m addrtype --dst-type LOCAL --limit-iface-in",
        "-A INPUT -m addrtype --dst-type LOCAL --limit-iface-out",
        "-A OUTPUT -m addrtype --dst-type LOCAL --limit-iface-in",
        "-A OUTPUT -m addrtype --dst-type LOCAL --limit-iface-out",
        "-t nat -A PREROUTING -m addrtype --dst-type LOCAL --limit-iface-out",
        "-t nat -A POSTROUTING -m addrtype --dst-type LOCAL --limit-iface-in",
        "-N c ; -A c -m addrtype --dst-type LOCAL --limit-iface-in ; -A OUTPUT -j c",
    ]);
}

#[test]
fn mac() {
    check_both(&[
        "-A FORWARD -m mac --mac-source 00:11:22:AA:bb:CC",
        "-A FORWARD -m mac ! --mac-source 0:1:2:3:4:5",
        "-A FORWARD -m mac --mac-source :::::",
        "-A FORWARD -m mac --mac-source 00:11:22:33:44",
        "-A FORWARD -m mac --mac-source 00:11:22:33:44:55:66",
        "-A FORWARD -m mac --mac-source 00:11:22:33:44:555",
        "-A FORWARD -m mac --mac-source 00-11-22-33-44-55",
        "-A FORWARD -m mac --mac-source 00:11:22:33:44:5g",
        "-A FORWARD -m mac --mac-source -1:+2:33:44:55:66",
        "-A FORWARD -m mac --mac-source 0x:11:22:33:44:55",
        "-A FORWARD -m mac --mac-source +:11:22:33:44:55",
        "-A FORWARD -m mac",
        "-A INPUT -m mac --mac-source 00:11:22:33:44:55",
        "-t mangle -A PREROUTING -m mac --mac-source 00:11:22:33:44:55",
        "-A OUTPUT -m mac --mac-source 00:11:22:33:44:55",
        "-t mangle -A POSTROUTING -m mac --mac-source 00:11:22:33:44:55",
        "-N c ; -A c -m mac --mac-source 00:11:22:33:44:55 ; -A OUTPUT -j c",
        "-N c ; -A c -m mac --mac-source 00:11:22:33:44:55 ; -A FORWARD -j c",
    ]);
}

#[test]
fn pkttype() {
    check_both(&[
        "-A FORWARD -m pkttype --pkt-type unicast",
        "-A FORWARD -m pkttype ! --pkt-type broadcast",
        "-A FORWARD -m pkttype --pkt-type Multicast",
        "-A FORWARD -m pkttype --pkt-type otherhost",
        "-A FORWARD -m pkttype --pkt-type bcast",
        "-A FORWARD -m pkttype --pkt-type mcast",
        "-A FORWARD -m pkttype --pkt-type host",
        "-A FORWARD -m pkttype --pkt-type uni",
        "-A FORWARD -m pkttype --pkt-type ''",
        "-A FORWARD -m pkttype",
        "-A FORWARD -m pkttype --pkt-type host --pkt-type host",
    ]);
}

#[test]
fn physdev() {
    check_both(&[
        "-A FORWARD -m physdev --physdev-in eth0",
        "-A FORWARD -m physdev ! --physdev-in eth+ --physdev-out eth1",
        "-A FORWARD -m physdev --physdev-is-bridged",
        "-A FORWARD -m physdev ! --physdev-is-bridged ! --physdev-is-in ! --physdev-is-out",
        "-A FORWARD -m physdev --physdev-is-out --physdev-is-in --physdev-is-bridged --physdev-out a --physdev-in b",
        "-A FORWARD -m physdev --physdev-in +",
        "-A FORWARD -m physdev --physdev-in ''",
        "-A FORWARD -m physdev",
        "-A FORWARD -m physdev --physdev-in",
        "-A FORWARD -m physdev --physdev-in abcdefghijklmno",
        "-A FORWARD -m physdev --physdev-in abcdefghijklmnop",
        "-A FORWARD -m physdev --physdev-in a --physdev-in b",
        "-A FORWARD -m physdev --physdev-i a",
        "-A FORWARD -m physdev --physdev-is-b",
        "-A INPUT -m physdev --physdev-out eth0",
        "-A INPUT -m physdev --physdev-in eth0",
        "-A OUTPUT -m physdev --physdev-in eth0",
        "-A OUTPUT -m physdev --physdev-out eth0",
        "-A OUTPUT -m physdev --physdev-is-out",
        "-A OUTPUT -m physdev --physdev-is-out --physdev-is-bridged",
        "-A OUTPUT -m physdev --physdev-is-out ! --physdev-is-bridged",
        "-t nat -A PREROUTING -m physdev --physdev-out eth0",
        "-t nat -A POSTROUTING -m physdev --physdev-out eth0",
    ]);
}

#[test]
fn rpfilter() {
    check_both(&[
        "-t raw -A PREROUTING -m rpfilter",
        "-t raw -A PREROUTING -m rpfilter --invert -j DROP",
        "-t mangle -A PREROUTING -m rpfilter --invert --accept-local --validmark --loose",
        "-t raw -A PREROUTING -m rpfilter ! --loose",
        "-t raw -A PREROUTING -m rpfilter --loose --loose",
        "-t raw -A OUTPUT -m rpfilter --loose",
        "-t nat -A PREROUTING -m rpfilter --loose",
        "-t nat -A OUTPUT -m rpfilter --loose",
        "-A FORWARD -m rpfilter",
        "-N c ; -A c -m rpfilter",
        "-t raw -N c ; -t raw -A c -m rpfilter ; -t raw -A PREROUTING -j c",
        "-t raw -N c ; -t raw -A c -m rpfilter ; -t raw -A OUTPUT -j c",
    ]);
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
