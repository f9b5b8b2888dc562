//! Owns the comparison of `sluice ipset` with the real tool on the kernel's sets: what is printed and the exit codes of whole
//! sessions. Not compared: sizes in memory, random hash keys, and the order of a hash's elements unless sorted.

use sluice_tests::router::Setup;
use sluice_tests::{Kind, Router, Topology};

/// One session: each line is an `ipset` command line; `<` in front of a text feeds it to the command.
fn compare(session: &str) {
    let (ours, kernel) =
        (transcript(Kind::Sluice { workers: 1 }, session), transcript(Kind::Kernel, session));
    for (said, wanted) in ours.iter().zip(&kernel) {
        assert_eq!(said, wanted, "sluice first, then the kernel");
    }
}

fn transcript(kind: Kind, session: &str) -> Vec<String> {
    let net = Topology::new();
    let router = Router::start(kind, &net, &Setup::new(""));
    let run = |words: &str| match &router {
        Router::Kernel(_) => net.router.shell(words),
        Router::Sluice(gateway) => gateway.sluice(words),
    };
    let step = |line: &str| {
        let output = run(&format!("ipset {line}"));
        let stdout = plain(&output.stdout);
        format!("$ ipset {line}\n{stdout}{}exit {}", output.stderr, output.code)
    };
    session.lines().map(str::trim).filter(|line| !line.is_empty()).map(step).collect()
}

/// Without what is nobody's business: sizes and random numbers. Elements that stand in no order are sorted.
fn plain(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut members: Vec<String> = Vec::new();
    for line in text.lines() {
        let is_member = line.starts_with("add ")
            || line.starts_with("<member>")
            || line.starts_with(|first: char| first.is_ascii_digit());
        if is_member {
            members.push(line.to_owned());
            continue;
        }
        members.sort();
        lines.append(&mut members);
        let line = match (line.split_once("initval 0x"), line.split_once("<initval>")) {
            (Some((before, _)), _) => before.to_owned(),
            (None, Some((before, _))) => before.to_owned(),
            (None, None) => line.to_owned(),
        };
        if !line.starts_with("Size in memory:") && !line.starts_with("<memsize>") {
            lines.push(line);
        }
    }
    members.sort();
    lines.append(&mut members);
    lines.iter().map(|line| format!("{line}\n")).collect()
}

#[test]
fn addresses() {
    compare(
        "create a hash:ip timeout 1000 counters comment
         add a 10.0.0.1 timeout 0 packets 3 bytes 4 comment \"hello w\"
         add a 10.0.0.1
         add a 0.0.0.0
         list a
         -exist add a 10.0.0.1 timeout 0
         save a
         test a 10.0.0.1
         test a 10.0.0.2
         del a 10.0.0.2
         -exist del a 10.0.0.2
         create a hash:ip
         create -exist a hash:ip
         add b 1.2.3.4
         test b 1.2.3.4
         create m hash:ip maxelem 1
         add m 1.1.1.1
         add m 1.1.1.2
         create e hash:ip
         add e 10.0.0.0/30
         add e 10.0.0.2-10.0.0.5
         -! add e 10.0.0.2-10.0.0.5
         del e 10.0.0.0-10.0.0.2
         list -s e
         create z hash:ip netmask 24
         add z 10.0.0.77
         test z 10.0.0.1
         list z
         create v6 hash:ip family inet6
         add v6 2001:db8::1
         add v6 1.2.3.4
         add a 2001:db8::1
         list v6
         flush a
         list -t",
    );
}

#[test]
fn networks() {
    compare(
        "create n hash:net
         add n 10.0.0.0/8
         add n 10.0.0.0/8 nomatch
         add n 10.1.0.0/16 nomatch
         add n 0.0.0.0/0
         test n 10.2.3.4
         test n 10.1.3.4
         test n 10.1.3.4 nomatch
         test n 10.1.0.0/16
         add n 1.2.3.4-1.2.3.9
         add n 1.2.3.4
         list -s n
         save n
         -o xml list n
         create six hash:net family inet6
         add six 2001:db8::/32
         add six ::/0
         test six 2001:db8::7
         list six
         create nif hash:net,iface
         add nif 10.0.0.0/8,eth0
         add nif 0.0.0.0/0,eth1
         test nif 10.0.0.1,eth0
         test nif 11.0.0.1,eth0
         list nif
         create np hash:net,port
         add np 10.0.0.0/24,tcp:80
         add np 10.0.0.0/24,80
         test np 10.0.0.7,80
         list np
         create ipn hash:ip,port,net
         add ipn 10.0.0.1,tcp:80,10.0.0.0/24
         list ipn",
    );
}

#[test]
fn ports() {
    compare(
        "create p hash:ip,port
         add p 1.2.3.4,80
         add p 1.2.3.4,udp:53
         add p 1.2.3.4,http
         add p 1.2.3.4,icmp:8/0
         add p 1.2.3.4,icmp:echo-request
         add p 1.2.3.4,icmp:ping
         add p 1.2.3.4,icmp:3/1
         add p 1.2.3.4,icmp:200/3
         add p 1.2.3.4,icmp:8
         add p 1.2.3.4,icmp:pling
         add p 1.2.3.4,47:0
         add p 1.2.3.4,gre:0
         add p 1.2.3.4,tcp:100-103
         add p 1.2.3.4
         add p 1.2.3.4,foo
         add p 1.2.3.4,80,1
         add p 1.1.1.1,tcp:70000
         add p 1.1.1.1,nosuch:1
         add p 1.1.1.1,esp:5
         add p 1.1.1.1/33,tcp:5
         list p
         create f hash:ip,port family inet6
         add f 2001:db8::1,icmpv6:ping
         add f 2001:db8::1,icmpv6:128/0
         add f 2001:db8::1,icmpv6:128
         add f 2001:db8::1,icmpv6:128/
         add f 2001:db8::1,icmpv6:/0
         add f 2001:db8::1,icmpv6:x/1
         add f 2001:db8::1,icmpv6:1/300
         add f 2001:db8::1,icmpv6:0x80/1
         add f 2001:db8::1,icmpv6:
         add f [2001:db8::1],tcp:22
         save f
         create bp bitmap:port range 100-200
         add bp 150
         add bp 99
         add bp 120-123
         add bp tcp:130
         list bp
         create g bitmap:port
         create bi bitmap:ip range 10.0.0.0/16 netmask 24
         add bi 10.0.3.1
         add bi 11.0.0.1
         list bi
         create h bitmap:ip range 10.0.0.0-10.255.255.255
         create ipi hash:ip,port,ip
         add ipi 10.0.0.1,tcp:80,10.0.0.2
         list ipi",
    );
}

#[test]
fn lists_and_names() {
    compare(
        "create a hash:ip
         create b hash:ip
         create c hash:net
         create d hash:net
         add a 1.1.1.1
         create l list:set
         add l a
         add l a
         add l zz
         add l b before zz
         add l b before a
         add l c after b
         list l
         -o xml list l
         test l a
         test l d
         del l zz
         del l d
         destroy a
         rename a x
         destroy
         swap a b
         list a
         list b
         swap a c
         swap a zz
         swap zz a
         rename d a
         rename d y
         -n list
         list -n
         create l2 list:set size 2 counters comment
         add l2 c comment hi
         add l2 l
         list l2
         save
         destroy l
         destroy l2
         destroy c
         destroy
         list",
    );
}

#[test]
fn wrong_words() {
    compare(
        "create z bogus:type
         create
         create z
         foo
         add
         add n 1.2.3.4
         create n hash:net
         add n
         add n bogus
         add n 1.2.3.4 timeout 3
         add n 1.2.3.4 packets 3
         add n 1.2.3.4 comment x
         add n 1.2.3.4 bogus x
         create z hash:ip bogus 3
         create z hash:ip hashsize x
         create z hash:ip maxelem
         create z hash:ip netmask 33
         create z hash:ip timeout 99999999
         create z hash:ip family foo
         create z hash:ip range 1-2
         create z list:set family inet
         create 01234567890123456789012345678901 hash:ip
         list nosuch
         list a b
         flush a b
         flush nosuch
         save nosuch
         destroy nosuch
         -q destroy nosuch
         -o foo list n
         -o
         version
         create e hash:ip
         add e 1.1.1.1,5
         add e 1.1.1.300
         add e 1.1.1.1 nomatch
         add e 1.1.1.1 timeout
         del e 1.1.1.1 timeout 3
         test e 1.1.1.1 timeout 3",
    );
}

#[test]
fn restored_text() {
    compare(
        "restore <<< $'create r hash:ip\\nadd r 1.1.1.1\\n# so\\n\\nadd r 1.1.1.2\\nCOMMIT\\n'
         list r
         restore <<< $'add r 1.1.1.3\\nadd r 1.1.1.1\\n'
         -exist restore <<< $'create r hash:ip\\nadd r 1.1.1.1\\nadd r 1.1.1.4\\n'
         restore <<< $'add nosuch 1.1.1.1\\n'
         restore <<< $'frob r\\n'
         restore <<< $'add r\\n'
         restore <<< $'flush r\\nadd r 9.9.9.9\\n'
         save r",
    );
}

/// What the kernel refuses leaves the lines before it done; what the tool cannot read also takes those that it had gathered.
#[test]
fn a_restore_that_fails_keeps_what_the_tool_has_sent() {
    compare(
        "create r hash:ip
         restore <<< $'add r 1.1.1.1\\nadd r 1.1.1.2\\nadd r 1.1.1.1\\nadd r 1.1.1.9\\n'
         save r
         flush r
         restore <<< $'add r 1.1.1.1\\nadd r 1.1.1.2\\nfrob r\\n'
         save r
         restore <<< $'add r 1.1.1.1\\nadd r bogus\\nadd r 1.1.1.9\\n'
         save r
         restore <<< $'add r 1.1.1.1\\nadd r 1.1.1.2 timeout 5\\n'
         save r
         flush r
         restore <<< $'add r 1.1.1.1\\nCOMMIT\\nadd r bogus\\n'
         save r
         flush r
         restore <<< $'create q hash:ip\\nadd q 1.1.1.1\\nadd nosuch 1.1.1.1\\n'
         save q
         restore <<< $'add q 1.1.1.1\\nadd r 1.1.1.1\\nadd r bogus\\n'
         save
         restore <<< $'add r 1.1.1.1\\nadd r 1.1.1.3\\ndel r 1.1.1.1\\nadd r bogus\\n'
         save r
         flush r
         restore <<< $'add r 1.1.1.1\\ntest r 1.1.1.7\\nadd r 1.1.1.9\\n'
         save r
         flush r
         restore <<< \"$(seq -f 'add r 10.0.0.%.0f' 200; seq -f 'add r 10.0.1.%.0f' 200; echo add r bogus)\"
         list -t r
         restore <<< \"$(seq -f 'add r 11.0.0.%.0f' 200; echo add r 11.0.0.7)\"
         list -t r",
    );
}

/// `skbinfo`: what elements give to packets, and `scanf`'s way of reading it.
#[test]
fn marks_priorities_and_queues() {
    compare(
        "create a hash:ip skbinfo
         add a 10.0.0.1 skbmark 0x1
         add a 10.0.0.2 skbmark 0x1/0x2
         add a 10.0.0.3 skbmark 0x1/2
         add a 10.0.0.4 skbmark 0x0
         add a 10.0.0.5 skbmark 0x0/0x0
         add a 10.0.0.6 skbmark 0x-1
         add a 10.0.0.7 skbmark 0x0x5/0x0x6
         add a 10.0.0.8 skbmark 0x1ffffffff/0x1ffffff0f
         add a 10.0.0.9 skbmark 0xffffffffffffffffff
         add a 10.0.0.10 skbmark 0x1g
         add a 10.0.0.11 skbmark 1
         add a 10.0.0.11 skbmark 0X1
         add a 10.0.0.11 skbmark -0x1
         add a 10.0.0.11 skbmark 0x
         add a 10.0.0.12 skbprio 1:10
         add a 10.0.0.13 skbprio 0x1:0x2x
         add a 10.0.0.14 skbprio 12345:10000
         add a 10.0.0.15 skbprio -1:-2
         add a 10.0.0.16 skbprio 0x:1
         add a 10.0.0.16 skbprio 1
         add a 10.0.0.16 skbprio 1:
         add a 10.0.0.16 skbprio :1
         add a 10.0.0.16 skbprio '1 :2'
         add a 10.0.0.16 skbprio '1: 2'
         add a 10.0.0.17 skbqueue 65535
         add a 10.0.0.18 skbqueue 0x10
         add a 10.0.0.19 skbqueue 0
         add a 10.0.0.20 skbqueue 65536
         add a 10.0.0.20 skbqueue x
         add a 10.0.0.20 skbqueue 1 skbprio 1:2 skbmark 0x1/0x2
         add a 10.0.0.21 skbmark
         add a 10.0.0.21 skbmark 0x1 skbmark 0x2
         list a
         save a
         -o xml list a
         add a 10.0.0.20 skbmark 0x7
         -exist add a 10.0.0.20 skbqueue 3
         -exist add a 10.0.0.2
         test a 10.0.0.20
         test a 10.0.0.20 skbmark 0x1
         del a 10.0.0.1 skbprio 1:1
         del a 10.0.0.1
         save a
         create n hash:net
         add n 10.0.0.0/8 skbmark 0x1
         add n 10.0.0.0/8 skbqueue 0
         create -exist n hash:net skbinfo
         create -exist a hash:ip skbinfo skbinfo
         create x hash:ip skbinfo 3
         create i hash:net,iface skbinfo timeout 0 counters comment forceadd
         add i 10.0.0.0/8,eth wildcard skbmark 0x5/0xf comment hi packets 3 nomatch skbprio a:b bytes 4 skbqueue 7
         list i
         -o xml list i
         create p hash:ip,port skbinfo
         add p 10.0.0.1,tcp:80-82 skbprio 1:f
         create six hash:net,port family inet6 skbinfo
         add six fd00::/8,udp:53 skbmark 0xff/0xff
         create t hash:ip,port,ip skbinfo
         create o hash:ip,port,net skbinfo
         create l list:set skbinfo counters
         add l a skbmark 0x7 skbqueue 3
         add l n skbmark 0x8 before a
         -exist add l a skbprio 1:1
         create b bitmap:port range 1-100 skbinfo
         add b 1-3 skbmark 0x1/0x1
         create bi bitmap:ip range 10.0.0.0/24 skbinfo
         add bi 10.0.0.1 skbqueue 9
         save
         flush a
         list a",
    );
}

#[test]
fn options_given_twice() {
    compare(
        "create d hash:ip timeout 3 timeout 3
         create d hash:ip hashsize 64 --hashsize 64
         create d hash:ip family inet -6
         create d hash:ip -6 family inet
         create d hash:ip maxelem 4 maxelem
         create d bitmap:port range 1-2 range 1-3
         create d list:set size 4 size 8
         create d hash:net counters counters comment comment
         create s list:set
         add d 10.0.0.0/8 timeout 4 timeout 4
         add d 10.0.0.0/8 packets 4 bytes 5 packets 4
         add d 10.0.0.0/8 comment a comment b
         add d 10.0.0.0/8 nomatch nomatch
         add s d before d after d
         save",
    );
}
