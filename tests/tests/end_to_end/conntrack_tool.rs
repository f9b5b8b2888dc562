//! Owns the comparison of `sluice conntrack` with conntrack-tools: the same words, the same answers and exit codes, and what
//! becomes of connections that are changed.

use std::time::Duration;

use nix::sys::signal::Signal;
use sluice_tests::gateway::{self, Gateway};
use sluice_tests::process::{self, Background};
use sluice_tests::router::Setup;
use sluice_tests::{Kind, Namespace, Router, Topology, eventually, on_every_router};

use crate::MASQUERADE;

on_every_router!(changed, marks_told);

/// Right and wrong, of tables with nothing in them.
const WORDS: &[&str] = &[
    "-L",
    "-L conntrack",
    "-L c",
    "-L expect",
    "-L exp",
    "-L dying",
    "-L unconfirmed",
    "-L foo",
    "-L confirmed",
    "-E foo",
    "-D dying",
    "-F unconfirmed",
    "-C dying",
    "-E dying",
    "-U expect",
    "-U expect -m 5",
    "-L -D",
    "-L -S",
    "-V -L",
    "-h -L",
    "-V",
    "-C",
    "-C expect",
    "-F",
    "-F -f ipv6",
    "-F expect",
    "-s 1.1.1.1",
    "-V -s 1.1.1.1",
    "-h -s 1.1.1.1",
    "--zone 5",
    "--count",
    "--counter",
    "--dump --proto tcp",
    "--list",
    "-L --foo",
    // Options that do not fit the command.
    "-L -t 5",
    "-L -i 5",
    "-L -b 5",
    "-L -e NEW",
    "-L --tuple-src 1.1.1.1",
    "-D -b 5",
    "-D -e NEW",
    "-D -z",
    "-D -j",
    "-U -e NEW",
    "-U -z",
    "-U -w 3 -m 4",
    "-U -j",
    "-E -z",
    "-E -t 5",
    "-E -i 5",
    "-E -u ASSURED",
    "-F -p tcp",
    "-C -p tcp",
    "-C -f ipv6",
    "-S -p tcp",
    "-L expect -p tcp",
    "-L expect -s 1.1.1.1",
    "-L expect -e NEW",
    "-E expect -e NEW",
    "-E expect -f ipv6",
    "-C expect -f ipv6",
    "-F expect -f ipv4",
    "-F expect -p tcp",
    "-D expect -w 3 -s 1.1.1.1",
    // Options that are missing.
    "-G",
    "-G -p udp",
    "-G -s 1.1.1.1 -d 2.2.2.2",
    "-G -p udp -s 1.1.1.1",
    "-G -p udp -r 1.1.1.1",
    "-G -p udp -s 1.1.1.1 -d 2.2.2.2",
    "-G -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 5",
    "-G -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 5 --dport 6",
    "-G -p udp -s 1.1.1.1 -d 2.2.2.2 --reply-port-src 5",
    "-G -p icmp -s 1.1.1.1 -d 2.2.2.2",
    "-G -p icmp -s 1.1.1.1 -d 2.2.2.2 --icmp-type 8",
    "-G -p icmp -s 1.1.1.1 -d 2.2.2.2 --icmp-type 8 --icmp-code 0 --icmp-id 1",
    "-G -p gre -s 1.1.1.1 -d 2.2.2.2",
    "-G expect",
    "-D expect",
    "-G expect -s 1.1.1.1",
    "-D expect -s 1.1.1.1 -d 2.2.2.2",
    "-G expect -s 1.1.1.1 -d 2.2.2.2 -p tcp",
    "-D expect -s 1.1.1.1 -d 2.2.2.2 -p tcp --sport 0 --dport 5",
    "-D expect -s 1.1.1.1 -d 2.2.2.2 -p tcp --sport 0 --dport 5 --reply-port-src 1 --reply-port-dst 2",
    "-G expect -s 1.1.1.1 -d 2.2.2.2 -p udp --sport 0 --dport 5 --reply-port-src 1 --reply-port-dst 2",
    "-L -s",
    "-L -p",
    "-D -p tcp -d",
    // Addresses.
    "-L -s foo",
    "-L -s 10.0.0.0/33",
    "-L -s 10.0.0.0/x",
    "-L -s 10.0.0.0/8",
    "-L -r 10.0.0.0/8",
    "-L -q 10.0.0.0/8",
    "-L --reply-src fd00::/8",
    "-L --mask-src 255.0.0.0",
    "-L --mask-dst 255.0.0.0 -s 1.1.1.1",
    "-L -s 10.1.0.0 --mask-src 255.255.0.0",
    "-L -d 1.1.1.1 -s ::1",
    "-L -f ipv6 -s 10.1.0.2",
    "-L -f ipv6 -f ipv4",
    "-L -f ip",
    "-L -n foo",
    "-L -n 1.2.3.4/8",
    "-L -n 1.2.3.4:",
    "-L -n 1.2.3.4:x",
    "-L -n 1.2.3.4:5",
    "-L -n [::1",
    "-L -n []:5",
    "-L -n [::1]:5",
    "-L -g 1.2.3.4",
    "-L -j 1.2.3.4:5",
    "-L -n -j",
    "-L -g 1.1.1.1 -j",
    "-L -g -n",
    // Protocols and what belongs to them.
    "-L -p foo",
    "-L -p 256",
    "-L -p UDP",
    "-L -p 6 --state NONE",
    "-L -p esp",
    "-L -p ipv6-icmp",
    "-L --dport 53",
    "-L --state ESTABLISHED",
    "-L --state ESTABLISHED -p udp",
    "-L -p tcp --state FOO",
    "-D -p udp --state ESTABLISHED",
    "-L -p tcp --mask-port-src 5",
    "-L -p udp --tuple-port-src 5",
    "-L -p icmpv6 --icmpv6-type 128",
    "-L -p icmpv6 --icmp-type 128",
    "-L -p icmp --icmpv6-type 128",
    "-L -p icmp --icmp-type 8 --icmp-code 0",
    "-L -p gre --srckey 1 --dstkey 0x2",
    "-L -p gre --sport 1",
    "-L -p gre --reply-key-src 1",
    "-D expect -p gre -s 1.1.1.1 -d 2.2.2.2 --srckey 1",
    "-G expect -p gre -s 1.1.1.1 -d 2.2.2.2 --srckey 7 --dstkey 9 --reply-key-src 9",
    "-G expect -p gre -s 1.1.1.1 -d 2.2.2.2 --srckey 7 --dstkey 9 --reply-key-src 9 --reply-key-dst 7",
    "-L -p tcp --srckey 1",
    "-L -p tcp --sport 0x50",
    "-E -p udp --mask-port-src 1",
    "-D expect -p icmp -s 1.1.1.1 -d 2.2.2.2 --icmp-type 8",
    // Lists of words.
    "-L -o foo",
    "-L -o ,",
    "-L -o id,foo,xml",
    "-L -o ext,i",
    "-L -o xml",
    "-L -o save",
    "-L -o save,extended",
    "-L -o xml,save",
    "-L -o ktimestamp,userspace",
    "-E -o foo",
    "-E -e FOO",
    "-E -e NEW,FOO",
    "-L -u FOO",
    "-L -u seen",
    "-L -u UNSET",
    "-L -u ASSURED,EXPECTED",
    "-L -u FIXED_TIMEOUT",
    "-D -u UNSET",
    "-L expect -o foo",
    "-L expect -o xml,timestamp",
    // Marks, zones, zero.
    "-L -m 5",
    "-L -m 0x10/0xf0",
    "-L -w 5",
    "-L --orig-zone 5 --reply-zone 6",
    "-L -c 5",
    "-D -c 5",
    "-L -z",
    "-L -z -f ipv6",
    "-L -z -n",
    "-L -z -p tcp",
    "-L -z -m 5",
    "-L -z -u ASSURED",
    "-L -z -s 1.1.1.1",
    "-L -z -w 5",
    "-L --nat-range 5",
    "-D -p tcp",
    "-D -m 5",
    "-D -i 5",
    "-D -s 10.0.0.0/8",
    "-U",
    "-U -m 8",
    "-U -s 9.9.9.9 -m 4 -t 5 -u SEEN_REPLY",
];

#[test]
fn the_same_words() {
    let net = Topology::new();
    let gateway = Gateway::start(&net.router, net.scratch(), &Setup::new(MASQUERADE), 1);
    let other = Namespace::new("tool");
    other.must("ip link set lo up");
    let mut different = Vec::new();
    for words in WORDS {
        let own = process::shell(&[], &gateway.spelled(&format!("conntrack {words}")));
        let tool = other.shell(&format!("conntrack {words}"));
        // Help has words of its own.
        let answers = [&own, &tool].map(|output| (output.code, &output.stdout, &output.stderr));
        if answers[0] != answers[1] {
            different.push(format!("{words}\n  own  {own:?}\n  tool {tool:?}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// Right and wrong, of connections that are made.
const MADE: &[&str] = &[
    "-I",
    "-A",
    "-I -p tcp",
    "-I -s 1.1.1.1 -d 2.2.2.2",
    "-I -p tcp -s 1.1.1.1 -d 2.2.2.2 --sport 5 --dport 6",
    "-I -p tcp -s 1.1.1.1 -d 2.2.2.2 --sport 5 --dport 6 --state ESTABLISHED",
    "-I -p tcp -s 1.1.1.1 -d 2.2.2.2 --sport 5 --dport 6 --state ESTABLISHED -t 120",
    "-I -p tcp -s 1.1.1.1 -d 2.2.2.2 --sport 5 --dport 6 --state ESTABLISHED -t 120",
    "-A -p tcp -s 1.1.1.1 -d 2.2.2.2 --sport 5 --dport 6 --state ESTABLISHED -t 120",
    "-I -p tcp -s 2.2.2.2 -d 1.1.1.1 --sport 6 --dport 5 --state ESTABLISHED -t 120",
    "-A -p tcp -s 2.2.2.2 -d 1.1.1.1 --sport 6 --dport 5 --state ESTABLISHED -t 120",
    "-I -p tcp -s 1.1.1.1 -d 2.2.2.2 --sport 7 --dport 6 --state ESTABLISHED -t 120 -u ASSURED",
    "-I -p tcp -s 1.1.1.1 -d 2.2.2.2 --sport 8 --dport 6 --state close -t 120 -u ASSURED,SEEN_REPLY",
    "-I -p tcp -s 1.1.1.1 -d 2.2.2.2 --sport 9 --dport 6 -t 120",
    "-I -p tcp -s 1.1.1.1 -d 2.2.2.2 --sport 10 --dport 6 -t 120 --state FOO",
    "-I -p tcp -s 1.1.1.1 -d 2.2.2.2 --sport 10 --dport 6 -t 120 --state NONE",
    "-I -p tcp -s 1.1.1.1 -d 2.2.2.2 --sport 10 --dport 6 -t 120 --state LISTEN -w 7",
    "-I -p tcp -s 1.1.1.1 -d 2.2.2.2 --sport 11 --dport 6 -t 120 --state SYN_SENT -u EXPECTED",
    "-A -p tcp -s 1.1.1.1 -d 2.2.2.2 --sport 11 --dport 6 -t 120 --state SYN_SENT -u EXPECTED",
    "-I -p tcp -s 1.1.1.1 -d 2.2.2.2 --sport 13 --dport 6 -t 120 --state SYN_SENT -u UNSET",
    "-I -p tcp -s 1.1.1.1 -d 2.2.2.2 --sport 14 --dport 6 -t 120 --state SYN_SENT -m 7/0xf",
    "-I -p tcp -s 1.1.1.1 -d 2.2.2.2 --sport 18 --dport 7 -t 120 --state SYN_SENT -j 9.9.9.9:1234",
    "-I -p tcp -s 1.1.1.1 -d 2.2.2.2 --sport 19 --dport 7 -t 120 --state SYN_SENT -n 9.9.9.9 -g 8.8.8.8",
    "-I -p tcp -s 1.1.1.1 -d 2.2.2.2 --sport 20 --dport 7 -t 120 --state SYN_SENT -r 3.3.3.3 -q 4.4.4.4",
    "-I -p tcp -s 1.1.1.1 -d 2.2.2.2 --sport 20 --dport 7 -t 120 --state SYN_SENT -n 9.9.9.9 -r 2.2.2.2",
    "-I -p tcp -s 1.1.1.1 -d 2.2.2.2 --sport 24 --dport 7 -t 120 --state SYN_SENT --orig-zone 5",
    "-I -p tcp -s 1.1.1.1 -d 2.2.2.2 --sport 24 --dport 7 -t 120 --state SYN_SENT --reply-zone 9",
    "-I -p tcp -s 1.1.1.1 -d 2.2.2.2 --sport 24 --dport 7 -t 120 --state SYN_SENT -w 5 --orig-zone 6",
    "-I -p tcp -s 1.1.1.1 -d 2.2.2.2 --sport 25 --dport 7 -t 0 --state SYN_SENT",
    "-I -p tcp -s 1.1.1.1 -d 2.2.2.2 --dport 6 --state CLOSE -t 5",
    "-I -p tcp -s 1.1.1.1 --sport 5 --dport 6 --state CLOSE -t 5",
    "-I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 5 --dport 6 -t 120",
    "-I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 6 -t 120",
    "-I -p udp -d 2.2.2.2 --sport 4 --dport 5 -t 5",
    "-I -p udp -q 2.2.2.2 --reply-port-src 4 --reply-port-dst 5 -t 5",
    "-I -p udp -s 1.1.1.1 -d 2.2.2.2 --reply-port-src 4 --reply-port-dst 5 -t 120",
    "-I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 4 --reply-port-dst 5 -t 5",
    "-I -p udp -s 1.1.1.1 -r 2.2.2.2 --sport 70 --dport 72 -t 120",
    "-I -p udp -s fd00::1 -d fd00::2 --sport 5 --dport 6 -t 120",
    "-I -p udp -s fd00::1 -d 1.1.1.1 --sport 5 --dport 6 -t 120",
    "-I -p udp -s 10.0.0.0/8 -d 1.1.1.1 --sport 5 --dport 6 -t 120",
    "-I -p udp -s 1.1.1.1 -d 2.2.2.0/24 --sport 5 --dport 6 -t 120",
    "-I -p udp -r 1.1.1.1/24 -q 2.2.2.2 --sport 700 --dport 50 -t 5",
    "-I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 65 --dport 60 -t 120 -n",
    "-I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 67 --dport 60 -t 120 -n 5.5.5.5:66",
    "-I -p udp -s 1.1.1.7 -d 2.2.2.2 --sport 67 --dport 60 -t 120 -n 5.5.5.5:66",
    "-I -p udp -s 1.1.1.1 -d 1.1.1.1 --sport 67 --dport 67 -t 120",
    "-I -p udp -q 1.1.1.1 -r 2.2.2.2 --reply-port-src 15 --reply-port-dst 10 -t 120",
    "-I -p udp -s 1.1.1.1 -d 2.2.2.2 -r 2.2.2.2 -n 9.9.9.9 --sport 70 --dport 73 --reply-port-src 73 --reply-port-dst 71 -t 120",
    "-I -p udp -s 1.1.1.1 -d 2.2.2.2 -g 3.3.3.3 -q 1.1.1.1 --sport 70 --dport 75 --reply-port-src 99 --reply-port-dst 70 -t 120",
    "-I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 6 -t 120 -o id",
    "-I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 9 -t 120 -e NEW",
    "-I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 9 -t 120 -z",
    "-I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 9 -t 120 -i 5",
    "-I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 9 -t 120 -c 5",
    "-I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 9 -t 120 -f ipv4",
    "-I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 9 -t 120 -f ipv6",
    "-I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 9 -t 120 --state CLOSE",
    "-I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 9 -t 120 --icmp-type 8",
    "-I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 9 -t 120 --mask-port-src 5",
    "-I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 9 -t 120 --mask-src 255.0.0.0",
    "-I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 9 -t",
    "-A -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 16 --dport 10 -t 120",
    "-I -p icmp -s 1.1.1.1 -d 2.2.2.2 -t 120",
    "-I -p icmp -s 1.1.1.1 -d 2.2.2.2 --icmp-type 8 --icmp-code 0 --icmp-id 5 -t 120",
    "-I -p icmp -s 1.1.1.1 -d 2.2.2.2 --icmp-type 8 --icmp-code 0 -t 120",
    "-I -p icmp -s 1.1.1.1 -d 2.2.2.2 --icmp-type 3 --icmp-code 0 --icmp-id 5 -t 120",
    "-I -p icmp -s 1.1.1.1 -d 2.2.2.2 --icmp-type 0 --icmp-code 0 --icmp-id 16 -t 120",
    "-I -p icmp -s 1.1.1.1 -d 2.2.2.2 --icmp-type 8 --icmp-code 0 --icmp-id 6 -n 9.9.9.9 -t 120",
    "-I -p icmp -s 1.1.1.1 -d 2.2.2.2 -r 2.2.2.2 -n 9.9.9.9 --icmp-type 8 --icmp-code 0 --icmp-id 7 -t 120",
    "-I -p icmpv6 -s fd00::1 -d fd00::2 --icmpv6-type 128 --icmpv6-code 0 --icmpv6-id 6 -t 120",
    "-I -p icmpv6 -s 1.1.1.1 -d 2.2.2.2 -t 5 --icmpv6-type 128 --icmpv6-code 0",
    "-I -p gre -s 1.1.1.1 -d 2.2.2.2 -t 120",
    "-I -p gre -s 1.1.1.1 -d 2.2.2.2 --srckey 1 --dstkey 2 -t 120",
    "-I -p sctp -s 1.1.1.1 -d 2.2.2.2 --sport 5 --dport 6 -t 120 --state ESTABLISHED",
    "-I -p sctp -s 1.1.1.1 -d 2.2.2.2 --sport 5 --dport 6 -t 120 --state ESTABLISHED --orig-vtag 5",
    "-I -p sctp -s 1.1.1.1 -d 2.2.2.2 --sport 5 --dport 6 -t 120 --orig-vtag 5 --reply-vtag 6",
    "-I -p sctp -s 1.1.1.1 -d 2.2.2.2 -t 5",
    "-I -p udplite -s 1.1.1.1 -d 2.2.2.2 --sport 6 --dport 6 -t 120",
    "-I -p 253 -s 1.1.1.1 -d 2.2.2.2 -t 120",
    "-I -p foo",
    "-I foo",
    "-I dying -p udp",
    "-A unconfirmed",
    "-I -L",
    // What changes them.
    "-U -p tcp -s 1.1.1.1 -d 2.2.2.2 --sport 9 --dport 6 --state CLOSE",
    "-U -p tcp -s 1.1.1.1 -d 2.2.2.2 --sport 7 --dport 6 -u UNSET",
    "-U -p udp --state CLOSED",
    "-U -p tcp -s 1.1.1.1 -d 2.2.2.2 --sport 9 --dport 6 -u EXPECTED",
];

#[test]
fn connections_are_made_with_the_same_words() {
    let net = Topology::new();
    let gateway = Gateway::start(&net.router, net.scratch(), &Setup::new(MASQUERADE), 2);
    let other = Namespace::new("tool");
    other.must("ip link set lo up");
    let own = |words: &str| process::shell(&[], &gateway.spelled(&format!("conntrack {words}")));
    let tool = |words: &str| other.shell(&format!("conntrack {words}"));
    let mut different = Vec::new();
    for words in MADE {
        let (own, tool) = (own(words), tool(words));
        let answers = [&own, &tool].map(|output| (output.code, &output.stdout, &output.stderr));
        if answers[0] != answers[1] {
            different.push(format!("{words}\n  own  {own:?}\n  tool {tool:?}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    let lines = |text: String| {
        let without_seconds = |line: String| {
            let words = line.split(' ').filter(|word| word.parse::<u16>().is_err());
            words.collect::<Vec<_>>().join(" ")
        };
        let mut lines: Vec<String> = text.lines().map(comparable).map(without_seconds).collect();
        lines.sort();
        lines
    };
    for words in ["-L", "-L -f ipv6", "-L -n -p udp", "-L -g -p udp", "-L -g -p tcp"] {
        assert_eq!(lines(own(words).stdout), lines(tool(words).stdout), "{words}");
    }
    let change = "-U -p tcp -s 1.1.1.1 -d 2.2.2.2 --sport 7 --dport 6";
    for words in [
        "--state CLOSE",
        "--state CLOSE",
        "--state ESTABLISHED -t 3000 -m 5",
        "-u EXPECTED",
        "-u EXPECTED,SEEN_REPLY -t 2000 -m 6",
        "-u SEEN_REPLY",
    ] {
        let (own, tool) = (own(&format!("{change} {words}")), tool(&format!("{change} {words}")));
        let answers =
            [&own, &tool].map(|output| (output.code, lines(output.stdout.clone()), &output.stderr));
        assert_eq!(answers[0], answers[1], "{words}");
    }
    // What is saved can be made again.
    let saved = own("-L -o save").stdout;
    let before = lines(own("-L").stdout);
    own("-F");
    for line in saved.lines() {
        let again = own(line);
        assert_eq!(
            (again.code, again.stderr.contains("1 flow entries have been added")),
            (0, true),
            "{line} {again:?}"
        );
    }
    let unmarked = |lines: Vec<String>| {
        lines
            .iter()
            .map(|line| line.replace("mark=7", "mark=0").replace("mark=5", "mark=0"))
            .collect::<Vec<_>>()
    };
    assert_eq!(unmarked(lines(own("-L").stdout)), unmarked(before));
}

fn tool(router: &Router, words: &str) -> process::Output {
    router.shell(&router.spelled(&format!("conntrack {words}")))
}

fn follow(router: &Router, net: &Topology) -> Background {
    let log = net.scratch().join("events");
    let events = match router {
        Router::Kernel(_) => net.router.start(&["conntrack", "-E"], &log),
        Router::Sluice(gateway) => {
            let (binary, socket) = (gateway::binary(), gateway.socket());
            Background::start(&[binary.to_str().unwrap(), "-S", &socket, "conntrack", "-E"], &log)
        }
    };
    std::thread::sleep(Duration::from_secs(1));
    events
}

/// Without what differs from run to run, and users of an entry.
fn comparable(line: &str) -> String {
    let drawn = |word: &&str| {
        !["use=", "id=", "portid=", "progname="].iter().any(|key| word.starts_with(key))
    };
    line.split_whitespace().filter(drawn).collect::<Vec<_>>().join(" ")
}

/// `-U`, and what of it is told; what is listed in other forms.
fn changed(kind: Kind) {
    let net = Topology::new();
    // By itself the kernel tells nothing of connections that began while nobody listened.
    let setup = Setup::new(MASQUERADE).with_sysctl("net.netfilter.nf_conntrack_events", 1);
    let router = Router::start(kind, &net, &setup);
    net.client.must("ping -c 1 -W 2 192.168.1.9");
    net.client.must("bash -c 'exec 3>/dev/udp/192.168.1.9/5000; echo >&3'");
    let port = {
        let listed = tool(&router, "-L -p udp --dport 5000").stdout;
        let word = listed.split_whitespace().find(|word| word.starts_with("sport=")).unwrap();
        word["sport=".len()..].to_owned()
    };
    let mut events = follow(&router, &net);
    let line = |left: &str, status: &str, assured: &str, mark: &str| {
        format!(
            "udp 17 {left} src=10.1.0.2 dst=192.168.1.9 sport={port} dport=5000 {status}\
             src=192.168.1.9 dst=192.168.1.146 sport=5000 dport={port} {assured}mark={mark}"
        )
    };
    let update = |words: &str| {
        let output = tool(&router, &format!("-U -d 192.168.1.9 {words}"));
        (comparable(&output.stdout), output.code)
    };
    let unreplied = "[UNREPLIED] ";
    let reached = update("-p udp --dport 5000 -t 3000 -m 5");
    assert_eq!(reached, (line("3000", unreplied, "", "5"), 0));
    assert_eq!(update("-p udp --dport 5000 -m 5"), (String::new(), 1), "it has that mark");
    assert_eq!(update("-p udp --dport 5001 -m 6"), (String::new(), 1), "there is none");
    let marked = update("-p udp --dport 5000 -m 0x3/0xc").0;
    assert!(marked.ends_with("mark=2"), "(5 & ~12) ^ 3: {marked}");
    assert!(update("-p udp --dport 5000 -u SEEN_REPLY").0.ends_with("mark=2"));
    assert!(update("-p udp --dport 5000 -u ASSURED,SEEN_REPLY").0.ends_with("[ASSURED] mark=2"));
    assert!(update("-p udp --dport 5000 -m 0").0.ends_with("[ASSURED] mark=0"));
    let form = |style: &str| {
        let output = tool(&router, &format!("-L -p udp --dport 5000 -o {style}")).stdout;
        output.replace(&format!(">{port}<"), ">PORT<")
    };
    let saved = form("save");
    let (start, rest) = saved.split_once(" -u ").unwrap();
    assert!(start.starts_with("-A -t 29"), "{saved}");
    let expected = format!(
        "SEEN_REPLY,ASSURED -s 10.1.0.2 -d 192.168.1.9 -r 192.168.1.9 -n 192.168.1.146 -p udp --sport \
         {port} --dport 5000 --reply-port-src 5000 --reply-port-dst {port}\n"
    );
    assert_eq!(rest, expected);
    let xml = form("xml");
    let direction = "<layer4 protonum=\"17\" protoname=\"udp\"><sport>5000</sport><dport>PORT</dport></layer4></meta>";
    assert!(
        xml.contains(direction) && xml.ends_with("<assured/></meta></flow>\n</conntrack>\n"),
        "{xml}"
    );
    assert_eq!(tool(&router, "-D -p udp --dport 5000").code, 0);
    let gone = eventually(Duration::from_secs(5), || events.said().contains("[DESTROY] udp"));
    assert!(gone, "{}", events.said());
    events.stop(Signal::SIGINT, Duration::from_secs(5));
    let said = events.said();
    let own = said.lines().filter(|line| line.contains("dport=5000")).map(comparable);
    let own: Vec<String> = own.collect();
    assert_eq!(own[0], format!("[UPDATE] {} [USERSPACE]", line("3000", unreplied, "", "5")));
    let told = |line: &&String| line.starts_with("[UPDATE]") && line.ends_with("[USERSPACE]");
    assert_eq!(own.iter().filter(told).count(), 5, "{said}");
    assert!(
        own[4].contains("[ASSURED] mark=0 "),
        "a mark of zero is told where it has changed: {said}"
    );
    let ports =
        said.lines().filter(|line| line.contains("dport=5000") && line.contains(" portid="));
    assert_eq!(ports.count(), 6, "{said}");
}

/// A mark that changes is told once the packet has passed every chain, with what else it has done.
fn marks_told(kind: Kind) {
    let net = Topology::new();
    let rules = format!(
        "*mangle
        -A FORWARD -p udp --dport 5000 -m connmark --mark 1 -j CONNMARK --set-mark 2
        -A FORWARD -p udp --dport 5000 -m connmark --mark 0 -j CONNMARK --set-mark 1
        -A FORWARD -p udp --sport 5000 -j CONNMARK --set-mark 3
        COMMIT
        {MASQUERADE}"
    );
    let router = Router::start(kind, &net, &Setup::new(&rules));
    net.client.must("ping -c 1 -W 2 192.168.1.9");
    let mut events = follow(&router, &net);
    let echo = "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((\"192.168.1.9\", 5000))
for n in range(3):
    _, peer = s.recvfrom(9)
s.sendto(b\"x\", peer)
";
    let server = net.server.start(&["python3", "-c", echo], &net.scratch().join("echo"));
    std::thread::sleep(Duration::from_secs(1));
    let ask = "import socket, time; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((\"10.1.0.2\", 6000))
for n in range(3):
    s.sendto(b\"x\", (\"192.168.1.9\", 5000)); time.sleep(0.2)
s.settimeout(5); s.recv(9)
";
    net.client.must(&format!("python3 -c '{ask}'"));
    let told = eventually(Duration::from_secs(5), || events.said().contains("mark=3"));
    assert!(told, "{}{}", events.said(), server.said());
    events.stop(Signal::SIGINT, Duration::from_secs(5));
    let said = events.said();
    let ends = "src=10.1.0.2 dst=192.168.1.9 sport=6000 dport=5000";
    let back = "src=192.168.1.9 dst=192.168.1.146 sport=5000 dport=6000";
    let own = said.lines().filter(|line| line.contains("dport=5000")).map(comparable);
    let expected = [
        format!("[NEW] udp 17 30 {ends} [UNREPLIED] {back} mark=1"),
        format!("[UPDATE] udp 17 30 {ends} [UNREPLIED] {back} mark=2"),
        format!("[UPDATE] udp 17 30 {ends} {back} mark=3"),
    ];
    assert_eq!(own.collect::<Vec<_>>(), expected, "{said}");
}
