//! What connection tracking, its marks and the host's sockets know of a packet.

use super::{check, check_both};
use sluice_config::netfilter::Family;

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
        "-A FORWARD -m conntrack --ctstate E,R,U,S,D,I",
        "-A FORWARD -m conntrack --ctstate NEW,FOO,BAR",
        "-A FORWARD -m conntrack --ctstate NEW,,BAR",
        "-A FORWARD -m conntrack --ctstatus E,S,A,C",
        "-A FORWARD -m conntrack --ctstatus NONE,ASSURED",
        "-A FORWARD -m conntrack --ctstatus NONE,",
        "-A FORWARD -m conntrack --ctstatus FOO,ASSURED",
        "-A FORWARD -m conntrack --ctorigsrcport 1:2:3",
        "-A FORWARD -m conntrack --ctorigsrcport ''",
        "-A FORWARD -m conntrack --ctorigsrcport 5:0",
        "-A FORWARD -m state --state E,N",
        "-A FORWARD -m state --state ,N",
        "-A FORWARD -m state --state FOO,NEW",
        "-A FORWARD -m conntrack --ctexpire 5x",
        "-A FORWARD -m conntrack --ctproto TCP",
        "-A FORWARD -m conntrack --ctproto all",
        "-A FORWARD -m conntrack --ctproto ''",
        "-A FORWARD -m conntrack --ctproto icmpv6",
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
fn connlimit() {
    check_both(&[
        "-A FORWARD -m connlimit --connlimit-above 2 -j REJECT",
        "-A FORWARD -m connlimit --connlimit-upto 0x10 --connlimit-mask 24 -j ACCEPT",
        "-A FORWARD -m connlimit ! --connlimit-above 2 --connlimit-daddr --connlimit-mask 0",
        "-A FORWARD -m connlimit ! --connlimit-upto 2 --connlimit-saddr --connlimit-mask 32",
        "-A FORWARD -m connlimit --connlimit-above 4294967295",
        "-A FORWARD -m connlimit --connlimit-above 4294967296",
        "-A FORWARD -m connlimit --connlimit-above foo",
        "-A FORWARD -m connlimit --connlimit-above -1",
        "-A FORWARD -m connlimit --connlimit-above 1 --connlimit-mask 33",
        "-A FORWARD -m connlimit --connlimit-above 1 --connlimit-mask 128",
        "-A FORWARD -m connlimit --connlimit-above 1 --connlimit-mask 129",
        "-A FORWARD -m connlimit --connlimit-above 1 --connlimit-mask 255.255.240.0",
        "-A FORWARD -m connlimit --connlimit-above 1 --connlimit-mask 255.0.255.0",
        "-A FORWARD -m connlimit --connlimit-above 1 --connlimit-mask 1.2.3",
        "-A FORWARD -m connlimit --connlimit-above 1 --connlimit-mask 1.2.3.4.5",
        "-A FORWARD -m connlimit --connlimit-above 1 --connlimit-mask ffff:ff00::",
        "-A FORWARD -m connlimit --connlimit-above 1 --connlimit-mask ffff::ffff",
        "-A FORWARD -m connlimit --connlimit-above 1 --connlimit-mask foo",
        "-A FORWARD -m connlimit --connlimit-above 1 --connlimit-mask ''",
        "-A FORWARD -m connlimit --connlimit-above 1 --connlimit-mask -1",
        "-A FORWARD -m connlimit --connlimit-above 1 --connlimit-upto 2",
        "-A FORWARD -m connlimit --connlimit-upto 1 --connlimit-above 2",
        "-A FORWARD -m connlimit --connlimit-above 1 --connlimit-saddr --connlimit-daddr",
        "-A FORWARD -m connlimit --connlimit-above 1 --connlimit-above 1",
        "-A FORWARD -m connlimit --connlimit-above 1 ! --connlimit-mask 2",
        "-A FORWARD -m connlimit --connlimit-mask 24",
        "-A FORWARD -m connlimit",
        "-t raw -A PREROUTING -m connlimit --connlimit-above 2",
        "-t mangle -A FORWARD -m connlimit --connlimit-above 2",
        "-t nat -A PREROUTING -m connlimit --connlimit-above 2",
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
