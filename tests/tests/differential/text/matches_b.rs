//! The text of further matches, as [`super::check`] has the real tool judge it.

use super::{check, check_both, check_with_sets};
use sluice_config::netfilter::{Family, SetFamily, Sets};

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
fn connmark() {
    check_both(&[
        "-A FORWARD -m connmark --mark 1",
        "-A FORWARD -m connmark ! --mark 0x10/0xff",
        "-A FORWARD -m connmark --mark 010/0xffffffff",
        "-A FORWARD -m connmark --mark 0",
        "-A FORWARD -m connmark --mark 0/0",
        "-A FORWARD -m connmark",
        "-A FORWARD -m connmark --mark x",
        "-A FORWARD -m connmark --mark 1x",
        "-A FORWARD -m connmark --mark 1/2x",
        "-A FORWARD -m connmark --mark 1/x",
        "-A FORWARD -m connmark --mark 1/",
        "-A FORWARD -m connmark --mark -1",
        "-A FORWARD -m connmark --mark 4294967296",
        "-A FORWARD -m connmark --mark 1 --mark 1",
        "-A FORWARD -m connmark --mark 1 -m connmark --mark 2",
    ]);
}

#[test]
fn statistic() {
    check_both(&[
        "-A FORWARD -m statistic --mode random --probability 0.5",
        "-A FORWARD -m statistic --mode random ! --probability 0.33333333349",
        "-A FORWARD -m statistic --mode random --probability 0.1",
        "-A FORWARD -m statistic --mode random --probability 1",
        "-A FORWARD -m statistic --mode random --probability 0",
        "-A FORWARD -m statistic --mode random --probability 1e-3",
        "-A FORWARD -m statistic --mode random --probability .25",
        "-A FORWARD -m statistic --mode random --probability 0.00000000024",
        "-A FORWARD -m statistic --mode random --probability 1.1",
        "-A FORWARD -m statistic --mode random --probability -0.1",
        "-A FORWARD -m statistic --mode random --probability x",
        "-A FORWARD -m statistic --mode random --probability 0.5x",
        "-A FORWARD -m statistic --mode random",
        "-A FORWARD -m statistic --mode nth",
        "-A FORWARD -m statistic --mode often",
        "-A FORWARD -m statistic",
        "-A FORWARD -m statistic --probability 0.5",
        "-A FORWARD -m statistic --every 5 --packet 1",
        "-A FORWARD -m statistic --mode nth --every 5 --packet 2",
        "-A FORWARD -m statistic --mode nth ! --every 5 --packet 0",
        "-A FORWARD -m statistic --mode nth --packet 2 --every 5",
        "-A FORWARD -m statistic --mode nth --every 5 --packet 5",
        "-A FORWARD -m statistic --mode nth --every 5",
        "-A FORWARD -m statistic --mode nth --packet 0",
        "-A FORWARD -m statistic --mode nth --packet 1",
        "-A FORWARD -m statistic --mode nth --every 0 --packet 0",
        "-A FORWARD -m statistic --mode nth --every 1 --packet 0",
        "-A FORWARD -m statistic --mode nth --every 4294967295 --packet 7",
        "-A FORWARD -m statistic --mode nth --every 3 ! --packet 0",
        "-A FORWARD -m statistic --mode nth --probability 0.5",
        "-A FORWARD -m statistic --mode nth --every 2 --packet 0 --probability 0.5",
        "-A FORWARD -m statistic --mode random --every 2 --packet 0 --probability 0.5",
        "-A FORWARD -m statistic ! --mode random --probability 0.5",
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
fn tcpmss() {
    check_both(&[
        "-A FORWARD -p tcp -m tcpmss --mss 536",
        "-A FORWARD -p tcp -m tcpmss ! --mss 536:1460",
        "-A FORWARD -p tcp -m tcpmss --mss 536:536",
        "-A FORWARD -p tcp -m tcpmss --mss 536:",
        "-A FORWARD -p tcp -m tcpmss --mss :536",
        "-A FORWARD -p tcp -m tcpmss --mss :",
        "-A FORWARD -p tcp -m tcpmss --mss ''",
        "-A FORWARD -p tcp -m tcpmss --mss 1461:536",
        "-A FORWARD -p tcp -m tcpmss --mss 1:2:3",
        "-A FORWARD -p tcp -m tcpmss --mss 1:2:",
        "-A FORWARD -p tcp -m tcpmss --mss 0x10:020",
        "-A FORWARD -p tcp -m tcpmss --mss 65536",
        "-A FORWARD -p tcp -m tcpmss --mss 1:65536",
        "-A FORWARD -p tcp -m tcpmss --mss -1",
        "-A FORWARD -p tcp -m tcpmss --mss 1-2",
        "-A FORWARD -p tcp -m tcpmss --mss x",
        "-A FORWARD -p tcp -m tcpmss --mss 1:x",
        "-A FORWARD -p tcp -m tcpmss",
        "-A FORWARD -m tcpmss --mss 536",
        "-A FORWARD ! -p tcp -m tcpmss --mss 536",
        "-A FORWARD -p udp -m tcpmss --mss 536",
        "-A FORWARD -p tcp --tcp-flags SYN,RST SYN -m tcpmss --mss 1400:65495",
        "-A FORWARD -p tcp --tcp-flags SYN,RST -j ACCEPT",
        "-A FORWARD -p tcp --tcp-flags SYN,RST",
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

#[test]
fn owner() {
    check_both(&[
        "-A OUTPUT -m owner --uid-owner 0",
        "-A OUTPUT -m owner --uid-owner root --gid-owner daemon",
        "-A OUTPUT -m owner ! --uid-owner 1234 ! --gid-owner 4321",
        "-A OUTPUT -m owner --uid-owner 0-10 --gid-owner 5:6",
        "-A OUTPUT -m owner --uid-owner 7-7",
        "-A OUTPUT -m owner --uid-owner 10-5",
        "-A OUTPUT -m owner --gid-owner 10-5",
        "-A OUTPUT -m owner --uid-owner 65534 --gid-owner 65534",
        "-A OUTPUT -m owner --uid-owner nosuchuser",
        "-A OUTPUT -m owner --gid-owner nosuchgroup",
        "-A OUTPUT -m owner --uid-owner 5-",
        "-A OUTPUT -m owner --uid-owner 5-x",
        "-A OUTPUT -m owner --uid-owner -5",
        "-A OUTPUT -m owner --uid-owner 5-6-7",
        "-A OUTPUT -m owner --uid-owner 4294967294",
        "-A OUTPUT -m owner --uid-owner 4294967295",
        "-A OUTPUT -m owner --uid-owner ''",
        "-A OUTPUT -m owner --socket-exists",
        "-A OUTPUT -m owner ! --socket-exists",
        "-A OUTPUT -m owner --gid-owner 10 --suppl-groups",
        "-A OUTPUT -m owner --suppl-groups --gid-owner 10",
        "-A OUTPUT -m owner --suppl-groups",
        "-A OUTPUT -m owner --gid-owner 10 ! --suppl-groups",
        "-A OUTPUT -m owner",
        "-A OUTPUT -m owner --uid-owner 1 --uid-owner 2",
        "-A OUTPUT -m owner --pid-owner 1",
        "-A INPUT -m owner --uid-owner 0",
        "-A FORWARD -m owner --uid-owner 0",
        "-t nat -A POSTROUTING -m owner --uid-owner 0",
        "-t nat -A PREROUTING -m owner --uid-owner 0",
        "-N c ; -A c -m owner --uid-owner 0 ; -A INPUT -j c",
        "-N c ; -A c -m owner --uid-owner 0 ; -A OUTPUT -j c",
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
fn helper() {
    check_both(&[
        "-A FORWARD -m helper --helper ftp",
        "-A FORWARD -m helper ! --helper ftp-2121",
        "-A FORWARD -m helper --helper 'a b'",
        "-A FORWARD -m helper --helper 'a.b'",
        "-A FORWARD -m helper --helper ''",
        "-A FORWARD -m helper --helper abcdefghijklmnopqrstuvwxyz0123456789",
        "-A FORWARD -m helper",
        "-A FORWARD -m helper --helper a --helper b",
    ]);
}

#[test]
fn connbytes() {
    check_both(&[
        "-A FORWARD -m connbytes --connbytes 10:20 --connbytes-dir both --connbytes-mode packets",
        "-A FORWARD -m connbytes ! --connbytes 10:20 --connbytes-dir original --connbytes-mode bytes",
        "-A FORWARD -m connbytes --connbytes 10 --connbytes-dir reply --connbytes-mode avgpkt",
        "-A FORWARD -m connbytes ! --connbytes 10 --connbytes-dir reply --connbytes-mode avgpkt",
        "-A FORWARD -m connbytes --connbytes 10: --connbytes-dir reply --connbytes-mode avgpkt",
        "-A FORWARD -m connbytes --connbytes :10 --connbytes-dir reply --connbytes-mode avgpkt",
        "-A FORWARD -m connbytes ! --connbytes :10 --connbytes-dir reply --connbytes-mode avgpkt",
        "-A FORWARD -m connbytes --connbytes 0:0 --connbytes-dir reply --connbytes-mode avgpkt",
        "-A FORWARD -m connbytes ! --connbytes 5:5 --connbytes-dir reply --connbytes-mode avgpkt",
        "-A FORWARD -m connbytes --connbytes 20:10 --connbytes-dir both --connbytes-mode packets",
        "-A FORWARD -m connbytes --connbytes 1:2:3 --connbytes-dir both --connbytes-mode packets",
        "-A FORWARD -m connbytes --connbytes x --connbytes-dir both --connbytes-mode packets",
        "-A FORWARD -m connbytes --connbytes 1x --connbytes-dir both --connbytes-mode packets",
        "-A FORWARD -m connbytes --connbytes 18446744073709551615 --connbytes-dir both --connbytes-mode packets",
        "-A FORWARD -m connbytes --connbytes 18446744073709551616 --connbytes-dir both --connbytes-mode packets",
        "-A FORWARD -m connbytes --connbytes 1:2 --connbytes-dir none --connbytes-mode packets",
        "-A FORWARD -m connbytes --connbytes 1:2 --connbytes-dir both --connbytes-mode bits",
        "-A FORWARD -m connbytes --connbytes 1:2 --connbytes-dir both",
        "-A FORWARD -m connbytes --connbytes 1:2 --connbytes-mode packets",
        "-A FORWARD -m connbytes --connbytes-dir both --connbytes-mode packets",
        "-A FORWARD -m connbytes",
    ]);
}

#[test]
fn quota_and_cpu() {
    check_both(&[
        "-A FORWARD -m quota --quota 1000",
        "-A FORWARD -m quota ! --quota 0x10",
        "-A FORWARD -m quota --quota 0",
        "-A FORWARD -m quota --quota 18446744073709551615",
        "-A FORWARD -m quota --quota 18446744073709551616",
        "-A FORWARD -m quota --quota -1",
        "-A FORWARD -m quota --quota 1k",
        "-A FORWARD -m quota",
        "-A FORWARD -m cpu --cpu 0",
        "-A FORWARD -m cpu ! --cpu 4294967295",
        "-A FORWARD -m cpu --cpu 4294967296",
        "-A FORWARD -m cpu --cpu x",
        "-A FORWARD -m cpu",
    ]);
}

#[test]
fn ipsec_headers() {
    check_both(&[
        "-A FORWARD -p esp -m esp --espspi 5",
        "-A FORWARD -p esp --espspi 5",
        "-A FORWARD -p 50 --espspi 5",
        "-A FORWARD -p esp -m esp ! --espspi 0x100:0x200",
        "-A FORWARD -p esp -m esp --espspi :",
        "-A FORWARD -p esp -m esp ! --espspi :",
        "-A FORWARD -p esp -m esp --espspi 5:",
        "-A FORWARD -p esp -m esp --espspi :5",
        "-A FORWARD -p esp -m esp --espspi 9:5",
        "-A FORWARD -p esp -m esp --espspi ''",
        "-A FORWARD -p esp -m esp --espspi 1:2:3",
        "-A FORWARD -p esp -m esp --espspi x",
        "-A FORWARD -p esp -m esp --espspi 4294967296",
        "-A FORWARD -p esp -m esp",
        "-A FORWARD -m esp --espspi 5",
        "-A FORWARD ! -p esp -m esp --espspi 5",
        "-A FORWARD -p ah -m ah --ahspi 5",
        "-A FORWARD -p ah --ahspi 5",
        "-A FORWARD -p ah -m ah ! --ahspi 1:2",
        "-A FORWARD -p ah -m ah ! --ahspi :",
        "-A FORWARD -p ah -m ah",
        "-A FORWARD -m ah --ahspi 5",
        "-A FORWARD -m ah",
        "-A FORWARD ! -p ah -m ah",
        "-A FORWARD -p ah -m ah --ahspi 5 --ahlen 24",
        "-A FORWARD -p ah -m ah ! --ahspi 5 ! --ahlen 24 --ahres",
        "-A FORWARD -p ah -m ah --ahlen 0",
        "-A FORWARD -p ah -m ah ! --ahlen 0",
        "-A FORWARD -m ah --ahlen x",
        "-A FORWARD -m ah ! --ahres",
    ]);
}

#[test]
fn socket() {
    check_both(&[
        "-t mangle -A PREROUTING -m socket",
        "-t mangle -A PREROUTING -m socket --transparent",
        "-t mangle -A PREROUTING -m socket --restore-skmark --nowildcard --transparent",
        "-t mangle -A PREROUTING -p tcp -m socket --nowildcard",
        "-t mangle -A PREROUTING -m socket ! --transparent",
        "-t mangle -A PREROUTING -m socket --transparent --transparent",
        "-A INPUT -m socket",
        "-A FORWARD -m socket",
        "-A OUTPUT -m socket",
        "-t nat -A PREROUTING -m socket",
    ]);
}

#[test]
fn sctp() {
    check_both(&[
        "-A FORWARD -p sctp -m sctp --sport 1",
        "-A FORWARD -p sctp --dport 80",
        "-A FORWARD -p sctp -m sctp ! --sport 1:65535 ! --dport :",
        "-A FORWARD -p sctp -m sctp --sport : --dport 5:",
        "-A FORWARD -p sctp -m sctp --source-port http --destination-port :amqp",
        "-A FORWARD -p sctp -m sctp --dport 5672",
        "-A FORWARD -p sctp -m sctp --dport amqp",
        "-A FORWARD -p sctp -m sctp --sport 9:5",
        "-A FORWARD -p sctp -m sctp --sport 65536",
        "-A FORWARD -p sctp -m sctp --sport x",
        "-A FORWARD -p sctp -m sctp --sport 1 --sport 2",
        "-A FORWARD -p sctp -m sctp --dport 1 --destination-port 2",
        "-A FORWARD -p sctp -m sctp",
        "-A FORWARD -m sctp --sport 1",
        "-A FORWARD ! -p sctp -m sctp --sport 1",
        "-A FORWARD -p tcp -m sctp --sport 1",
        "-A FORWARD -p sctp -m sctp --chunk-types all DATA",
        "-A FORWARD -p sctp -m sctp ! --chunk-types any data,Init,SACK",
        "-A FORWARD -p sctp -m sctp --chunk-types only I_DATA,RE_CONFIG,PAD,ASCONF,ASCONF_ACK,FORWARD_TSN,I_FORWARD_TSN",
        "-A FORWARD -p sctp -m sctp --chunk-types only ALL",
        "-A FORWARD -p sctp -m sctp --chunk-types only none",
        "-A FORWARD -p sctp -m sctp --chunk-types only ,",
        "-A FORWARD -p sctp -m sctp --chunk-types any ALL,DATA",
        "-A FORWARD -p sctp -m sctp --chunk-types any DATA:Be",
        "-A FORWARD -p sctp -m sctp --chunk-types any DATA:BeI,ABORT:T,SHUTDOWN_COMPLETE:t",
        "-A FORWARD -p sctp -m sctp --chunk-types any DATA:B,DATA:e",
        "-A FORWARD -p sctp -m sctp --chunk-types any I_DATA:B",
        "-A FORWARD -p sctp -m sctp --chunk-types any DATA:-",
        "-A FORWARD -p sctp -m sctp --chunk-types any DATA:X",
        "-A FORWARD -p sctp -m sctp --chunk-types any INIT:B",
        "-A FORWARD -p sctp -m sctp --chunk-types any INIT:-,SACK:-,ERROR:-,DATA:-",
        "-A FORWARD -p sctp -m sctp --chunk-types any INIT:-,SACK:-,ERROR:-,DATA:-,ABORT:-",
        "-A FORWARD -p sctp -m sctp --chunk-types any NOTHING",
        "-A FORWARD -p sctp -m sctp --chunk-types some DATA",
        "-A FORWARD -p sctp -m sctp --chunk-types any",
        "-A FORWARD -p sctp -m sctp --chunk-types any --sport 1",
        "-A FORWARD -p sctp -m sctp --chunk-types any DATA --chunk-types any DATA",
    ]);
}

#[test]
fn dccp() {
    check_both(&[
        "-A FORWARD -p dccp -m dccp --sport 1",
        "-A FORWARD -p dccp --dport 80",
        "-A FORWARD -p dccp -m dccp ! --sport 1:65535 ! --dport :",
        "-A FORWARD -p dccp -m dccp --sport : --dport 5:",
        "-A FORWARD -p dccp -m dccp --source-port http --destination-port :ssh",
        "-A FORWARD -p dccp -m dccp --sport 9:5",
        "-A FORWARD -p dccp -m dccp --sport x",
        "-A FORWARD -p dccp -m dccp --sport 1:2:3",
        "-A FORWARD -p dccp -m dccp --sport 1 --sport 2",
        "-A FORWARD -p dccp -m dccp",
        "-A FORWARD -m dccp --sport 1",
        "-A FORWARD -p udp -m dccp --sport 1",
        "-A FORWARD -p dccp -m dccp --dccp-types REQUEST",
        "-A FORWARD -p dccp -m dccp ! --dccp-types request,Data,ACK,SYNCACK",
        "-A FORWARD -p dccp -m dccp --dccp-types INVALID",
        "-A FORWARD -p dccp -m dccp --dccp-types RESET,INVALID",
        "-A FORWARD -p dccp -m dccp --dccp-types ,",
        "-A FORWARD -p dccp -m dccp --dccp-types SOME",
        "-A FORWARD -p dccp -m dccp --dccp-option 5",
        "-A FORWARD -p dccp -m dccp ! --dccp-option 255",
        "-A FORWARD -p dccp -m dccp --dccp-option 0",
        "-A FORWARD -p dccp -m dccp --dccp-option 256",
    ]);
}

#[test]
fn u32() {
    check_both(&[
        "-A FORWARD -m u32 --u32 0=0",
        "-A FORWARD -m u32 ! --u32 0=0",
        "-A FORWARD -m u32 --u32 '6&0xFF=1 && 4&0x3FFF=0 && 0>>22&0x3C@0>>24=0:5,7'",
        "-A FORWARD -m u32 --u32 '0 >> 22 & 0x3C @ 12 >> 26 & 0x3C @ 0 = 0x5353 : 0x5454 , 1'",
        "-A FORWARD -m u32 --u32 0<<010=010",
        "-A FORWARD -m u32 --u32 0<<31>>31=1",
        "-A FORWARD -m u32 --u32 0<<32=1",
        "-A FORWARD -m u32 --u32 '0=0&&0@1>>32=1'",
        "-A FORWARD -m u32 --u32 0&32@32=1",
        "-A FORWARD -m u32 --u32 ''",
        "-A FORWARD -m u32 --u32 0",
        "-A FORWARD -m u32 --u32 0=",
        "-A FORWARD -m u32 --u32 =0",
        "-A FORWARD -m u32 --u32 '0=0&&'",
        "-A FORWARD -m u32 --u32 '0=0&&=1'",
        "-A FORWARD -m u32 --u32 '0=&&0=1'",
        "-A FORWARD -m u32 --u32 '0=0&0=1'",
        "-A FORWARD -m u32 --u32 '0=0 0=1'",
        "-A FORWARD -m u32 --u32 '0=0,'",
        "-A FORWARD -m u32 --u32 '0=0:'",
        "-A FORWARD -m u32 --u32 '0=x'",
        "-A FORWARD -m u32 --u32 'x=0'",
        "-A FORWARD -m u32 --u32 '0<1=0'",
        "-A FORWARD -m u32 --u32 '0>1=0'",
        "-A FORWARD -m u32 --u32 '0+1=0'",
        "-A FORWARD -m u32 --u32 '0&=0'",
        "-A FORWARD -m u32 --u32 '0@x=0'",
        "-A FORWARD -m u32 --u32 0=4294967295",
        "-A FORWARD -m u32 --u32 0=4294967296",
        "-A FORWARD -m u32 --u32 0=-1",
        "-A FORWARD -m u32 --u32 0=9:5",
        "-A FORWARD -m u32 --u32 0=0,1,2,3,4,5,6,7,8,9",
        "-A FORWARD -m u32 --u32 0=0,1,2,3,4,5,6,7,8,9,10",
        "-A FORWARD -m u32 --u32 0@1@2@3@4@5@6@7@8@9=0",
        "-A FORWARD -m u32 --u32 0@1@2@3@4@5@6@7@8@9@10=0",
        "-A FORWARD -m u32 --u32 0=0&&0=0&&0=0&&0=0&&0=0&&0=0&&0=0&&0=0&&0=0&&0=0",
        "-A FORWARD -m u32 --u32 0=0&&0=0&&0=0&&0=0&&0=0&&0=0&&0=0&&0=0&&0=0&&0=0&&0=0",
        "-A FORWARD -m u32 --u32 0=0&&0=0&&0=0&&0=0&&0=0&&0=0&&0=0&&0=0&&0=0&&0=0&&0=0&&0=0",
        "-A FORWARD -m u32",
    ]);
}

#[test]
fn bpf() {
    check_both(&[
        "-A FORWARD -m bpf --bytecode '1,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0'",
        "-A FORWARD -m bpf --bytecode '4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0,'",
        "-A FORWARD -m bpf --bytecode ' 1,  6  0  0  1 x'",
        "-A FORWARD -m bpf --bytecode '1,6 0 0 4294967295'",
        "-A FORWARD -m bpf --bytecode '1,6 0 0'",
        "-A FORWARD -m bpf --bytecode '1,6 0 0 x'",
        "-A FORWARD -m bpf --bytecode '2,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '1,6 0 0 1,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '0,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '65,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '1'",
        "-A FORWARD -m bpf --bytecode '1,'",
        "-A FORWARD -m bpf --bytecode '1;6 0 0 1'",
        "-A FORWARD -m bpf --bytecode ''",
        "-A FORWARD -m bpf --bytecode x",
        "-A FORWARD -m bpf",
        "-A FORWARD -m bpf --object-pinned /nowhere",
        "-A FORWARD -m bpf --bytecode '1,6 0 0 1' --bytecode '1,6 0 0 1'",
        "-A FORWARD -m bpf ! --bytecode '1,6 0 0 1'",
        // What the kernel refuses.
        "-A FORWARD -m bpf --bytecode '1,32 0 0 0'",
        "-A FORWARD -m bpf --bytecode '2,21 0 1 6,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '3,21 0 1 6,6 0 0 1,6 0 0 0'",
        "-A FORWARD -m bpf --bytecode '2,5 0 0 0,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '2,5 0 0 1,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '2,52 0 0 0,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '2,148 0 0 0,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '2,148 0 0 2,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '2,100 0 0 31,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '2,100 0 0 32,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '2,96 0 0 1,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '3,2 0 0 1,96 0 0 1,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '2,2 0 0 16,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '2,40 0 0 4294963200,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '2,40 0 0 4294963201,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '2,40 0 0 4294963260,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '2,40 0 0 4294963264,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '2,40 0 0 4294967292,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '2,99 0 0 1,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '2,177 0 0 0,22 0 0 0'",
        "-A FORWARD -m bpf --bytecode '2,132 0 0 0,14 0 0 0'",
        "-A FORWARD -m bpf --bytecode '2,60 0 0 0,22 0 0 0'",
        "-A FORWARD -m bpf --bytecode '2,128 0 0 0,22 0 0 0'",
        "-A FORWARD -m bpf --bytecode '2,7 0 0 0,22 0 0 0'",
        "-A FORWARD -m bpf --bytecode '4,21 0 1 6,2 0 0 1,96 0 0 1,22 0 0 0'",
    ]);
}

#[test]
fn fragments_of_v6() {
    check(
        Family::V6,
        &[
            "-A FORWARD -m frag",
            "-A FORWARD -m frag --fragid 5",
            "-A FORWARD -m frag ! --fragid 5:9 ! --fraglen 8",
            "-A FORWARD -m frag --fragid :",
            "-A FORWARD -m frag ! --fragid :",
            "-A FORWARD -m frag --fragid 9:5 --fraglen 0",
            "-A FORWARD -m frag --fragid x",
            "-A FORWARD -m frag --fraglen x",
            "-A FORWARD -m frag --fragres --fragfirst --fragmore",
            "-A FORWARD -m frag --fraglast",
            "-A FORWARD -m frag --fraglast --fragmore",
            "-A FORWARD -m frag ! --fragfirst",
            "-A FORWARD -m frag --fragfirst --fragfirst",
            "-A FORWARD -p ipv6-frag -m frag --fragfirst",
            "-A FORWARD -f",
        ],
    );
    check(Family::V4, &["-A FORWARD -m frag --fragfirst", "-A FORWARD -m rt", "-A FORWARD -m mh"]);
}

#[test]
fn routing_header() {
    check(
        Family::V6,
        &[
            "-A FORWARD -m rt",
            "-A FORWARD -m rt --rt-type 0",
            "-A FORWARD -m rt ! --rt-type 4294967295 ! --rt-segsleft 1:5 ! --rt-len 24",
            "-A FORWARD -m rt --rt-segsleft 3 --rt-len 0",
            "-A FORWARD -m rt --rt-segsleft :",
            "-A FORWARD -m rt ! --rt-segsleft :",
            "-A FORWARD -m rt --rt-type 4294967296",
            "-A FORWARD -m rt --rt-type x",
            "-A FORWARD -m rt --rt-segsleft x",
            "-A FORWARD -m rt --rt-type 0 --rt-0-res",
            "-A FORWARD -m rt --rt-type 0 --rt-0-addrs fd00::1,FD00::2 --rt-0-not-strict",
            "-A FORWARD -m rt --rt-type 0 --rt-0-addrs fd00::1 --rt-0-res",
            "-A FORWARD -m rt --rt-0-res --rt-type 0",
            "-A FORWARD -m rt --rt-type 2 --rt-0-res",
            "-A FORWARD -m rt ! --rt-type 0 --rt-0-res",
            "-A FORWARD -m rt --rt-0-addrs fd00::1",
            "-A FORWARD -m rt --rt-type 0 --rt-0-addrs ''",
            "-A FORWARD -m rt --rt-type 0 --rt-0-addrs fd00::1,",
            "-A FORWARD -m rt --rt-type 0 --rt-0-addrs 10.0.0.1",
            "-A FORWARD -m rt --rt-type 0 --rt-0-not-strict",
            "-A FORWARD -m rt --rt-type 0 --rt-0-addrs ::1,::2,::3,::4,::5,::6,::7,::8,::9,::a,::b,::c,::d,::e,::f,::10",
            "-A FORWARD -m rt --rt-type 0 --rt-0-addrs ::1,::2,::3,::4,::5,::6,::7,::8,::9,::a,::b,::c,::d,::e,::f,::10,::11",
            "-A FORWARD -m rt --rt-type 0 ! --rt-0-res",
        ],
    );
}

#[test]
fn option_headers() {
    check(
        Family::V6,
        &[
            "-A FORWARD -m hbh",
            "-A FORWARD -m hbh --hbh-len 5",
            "-A FORWARD -m hbh ! --hbh-len 0 --hbh-opts 1,2:3,0",
            "-A FORWARD -m hbh --hbh-opts 5:255,0x10:010",
            "-A FORWARD -m hbh --hbh-opts 300:300",
            "-A FORWARD -m hbh --hbh-opts -1:+2",
            "-A FORWARD -m hbh --hbh-opts 0:1",
            "-A FORWARD -m hbh --hbh-opts ''",
            "-A FORWARD -m hbh --hbh-opts x",
            "-A FORWARD -m hbh --hbh-opts 5x",
            "-A FORWARD -m hbh --hbh-opts 5:x",
            "-A FORWARD -m hbh --hbh-opts 5:2x",
            "-A FORWARD -m hbh --hbh-opts 5:",
            "-A FORWARD -m hbh --hbh-opts 5,",
            "-A FORWARD -m hbh --hbh-opts 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16",
            "-A FORWARD -m hbh --hbh-opts 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16:1",
            "-A FORWARD -m hbh --hbh-opts 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17",
            "-A FORWARD -m hbh --hbh-len x",
            "-A FORWARD -m hbh ! --hbh-opts 5",
            "-A FORWARD -m hbh --hbh-opts 5 --hbh-opts 6",
            "-A FORWARD -m dst",
            "-A FORWARD -m dst ! --dst-len 5 --dst-opts 149:92,12:12,123:12",
            "-A FORWARD -m dst --dst-len 0",
            "-A FORWARD -m dst --dst-opts 0:1",
            "-A FORWARD -m dst --dst-opts x",
            "-A FORWARD -m dst --dst-opts 5:x",
            "-A FORWARD -m dst --dst-len x",
            "-A FORWARD -m dst --hbh-len 5",
        ],
    );
}

#[test]
fn headers_of_v6() {
    check(
        Family::V6,
        &[
            "-A FORWARD -m ipv6header --header hop-by-hop",
            "-A FORWARD -m ipv6header ! --header frag,dst",
            "-A FORWARD -m ipv6header --header hop,dst,route,frag,auth,esp,none,prot --soft",
            "-A FORWARD -m ipv6header --header 0,60,43,44,51,50,59,255",
            "-A FORWARD -m ipv6header --header ipv6-route,ipv6-opts,ah,ipv6-nonxt,protocol",
            "-A FORWARD -m ipv6header --header ''",
            "-A FORWARD -m ipv6header --header ,",
            "-A FORWARD -m ipv6header --header foo",
            "-A FORWARD -m ipv6header --header 6",
            "-A FORWARD -m ipv6header --header tcp",
            "-A FORWARD -m ipv6header",
            "-A FORWARD -m ipv6header --soft",
            "-A FORWARD -m ipv6header --header frag ! --soft",
            "-A FORWARD -m ipv6header --header frag --header frag",
        ],
    );
}

#[test]
fn mobility_and_eui64() {
    check(
        Family::V6,
        &[
            "-A FORWARD -p mh -m mh --mh-type 1",
            "-A FORWARD -p mh --mh-type binding-update",
            "-A FORWARD -p 135 -m mh --mh-type bu:BA",
            "-A FORWARD -p mobility-header -m mh ! --mh-type home-test:careof-test",
            "-A FORWARD -p mh -m mh --mh-type home",
            "-A FORWARD -p mh -m mh --mh-type ''",
            "-A FORWARD -p mh -m mh --mh-type 3:",
            "-A FORWARD -p mh -m mh --mh-type :3",
            "-A FORWARD -p mh -m mh --mh-type :",
            "-A FORWARD -p mh -m mh ! --mh-type :",
            "-A FORWARD -p mh -m mh --mh-type 9:200",
            "-A FORWARD -p mh -m mh --mh-type 5:3",
            "-A FORWARD -p mh -m mh --mh-type 256",
            "-A FORWARD -p mh -m mh --mh-type x",
            "-A FORWARD -p mh -m mh",
            "-A FORWARD -m mh --mh-type 1",
            "-A FORWARD ! -p mh -m mh --mh-type 1",
            "-A FORWARD -m eui64",
            "-A INPUT -m eui64 -j DROP",
            "-A OUTPUT -m eui64",
            "-t nat -A POSTROUTING -m eui64",
            "-A FORWARD -m eui64 --header frag",
        ],
    );
    check(Family::V4, &["-A FORWARD -m eui64", "-A FORWARD -m hbh", "-A FORWARD -m dst"]);
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

/// The sets that [`MAKE_SETS`] makes.
struct SomeSets;

const MAKE_SETS: &str = "
ipset create four hash:ip
ipset create six hash:ip family inet6
ipset create ports bitmap:port range 0-9
ipset create abcdefghijklmnopqrstuvwxyz01234 list:set
";

impl Sets for SomeSets {
    fn family(&self, name: &str) -> Option<SetFamily> {
        match name {
            "four" => Some(SetFamily::Only(Family::V4)),
            "six" => Some(SetFamily::Only(Family::V6)),
            "ports" | "abcdefghijklmnopqrstuvwxyz01234" => Some(SetFamily::Any),
            _ => None,
        }
    }
}

#[test]
fn set() {
    let lines = [
        "-A FORWARD -m set --match-set four src",
        "-A FORWARD -m set --match-set six dst",
        "-A FORWARD -m set ! --match-set ports src,dst",
        "-A FORWARD -m set --match-set nothing src",
        "-A FORWARD -m set --match-set nothing other",
        "-A FORWARD -m set --match-set '' src",
        "-A FORWARD -m set --match-set ports",
        "-A FORWARD -m set --match-set ports -j ACCEPT",
        "-A FORWARD -m set --match-set",
        "-A FORWARD -m set",
        "-A FORWARD -m set --return-nomatch",
        "-A FORWARD -m set --match-set ports other",
        "-A FORWARD -m set --match-set ports srcdst,dstsrc",
        "-A FORWARD -m set --match-set ports ''",
        "-A FORWARD -m set --match-set ports src,",
        "-A FORWARD -m set --match-set ports src,dst,src,dst,src,dst",
        "-A FORWARD -m set --match-set ports src,dst,src,dst,src,dst,src",
        "-A FORWARD -m set --match-set abcdefghijklmnopqrstuvwxyz01234 src",
        "-A FORWARD -m set --match-set abcdefghijklmnopqrstuvwxyz012345 src",
        "-A FORWARD -m set --match-set ports src --match-set ports dst",
        "-A FORWARD -m set --match-set ports src -m set --match-set ports dst",
        "-A FORWARD -m set --match-set ports src --return-nomatch",
        "-A FORWARD -m set --match-set ports src --return-nomatch --return-nomatch",
        "-A FORWARD -m set --match-set ports src ! --return-nomatch",
        "-A FORWARD -m set --match-set ports src --update-counters --update-subcounters",
        "-A FORWARD -m set --match-set ports src ! --update-counters",
        "-A FORWARD -m set --match-set ports src ! --update-subcounters ! --update-counters --return-nomatch",
        "-A FORWARD -m set --match-set ports src --packets-eq 5 --bytes-eq 0x10",
        "-A FORWARD -m set --match-set ports src ! --packets-eq 5 ! --bytes-eq 7",
        "-A FORWARD -m set --match-set ports src --packets-lt 5 --bytes-gt 18446744073709551615",
        "-A FORWARD -m set --match-set ports src --packets-gt 5 --bytes-lt 7",
        "-A FORWARD -m set --match-set ports src ! --packets-gt 5",
        "-A FORWARD -m set --match-set ports src ! --bytes-lt 5",
        "-A FORWARD -m set --match-set ports src --packets-gt 5 --packets-lt 7",
        "-A FORWARD -m set --match-set ports src --bytes-gt 5 ! --bytes-lt 7",
        "-A FORWARD -m set --match-set ports src --packets-eq x",
        "-A FORWARD -m set --match-set ports src --bytes-gt 18446744073709551616",
        "-A FORWARD -m set --packets-eq 5",
        "-A FORWARD -j SET --add-set ports src",
        "-A FORWARD -j SET --add-set four src",
        "-A FORWARD -j SET --add-set six src",
        "-A FORWARD -j SET --del-set nothing src",
        "-A FORWARD -j SET --add-set ports",
        "-A FORWARD -j SET --del-set ports -i eth0",
    ];
    check_with_sets(Family::V4, MAKE_SETS, &SomeSets, &lines);
    check_with_sets(Family::V6, MAKE_SETS, &SomeSets, &lines);
}
