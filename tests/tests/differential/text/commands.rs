//! The words of a command line: addresses, protocols, interfaces, counters.

use sluice_config::netfilter::Family;

use super::{check, check_both};

#[test]
fn addresses() {
    check_both(&[
        "-A INPUT -p tcp ! --dport 80 -j ACCEPT",
        "-A INPUT -p tcp --dport ! 80 -j ACCEPT",
        "-A INPUT -p tcp --dport 80 -j ACCEPT ; -D INPUT -p tcp -m tcp --dport 80 -j ACCEPT",
        "--delete INPUT 1",
        "--de INPUT 1",
        "--delete-chain",
        "-A INPUT --match tcp -p tcp --dport 80 -j ACCEPT",
        "-A INPUT -s",
    ]);
}

#[test]
fn addresses_of_ipv4() {
    check(
        Family::V4,
        &[
            "-A INPUT -s 1.1.1.1,2.2.2.2 -j ACCEPT",
            "-I INPUT -s 1.1.1.1,2.2.2.2 -j ACCEPT",
            "-A INPUT -j RETURN ; -I INPUT 2 -s 1.1.1.1,2.2.2.2 -j ACCEPT",
            "-A INPUT -s 1.1.1.1,2.2.2.2 -d 3.3.3.3,4.4.4.4 -j ACCEPT",
            "-I INPUT -s 1.1.1.1,2.2.2.2 -d 3.3.3.3,4.4.4.4 -j ACCEPT",
            "-A INPUT ! -s 1.1.1.1,2.2.2.2 -j ACCEPT",
            "-A INPUT -s 1.1.1.1,2.2.2.2 ! -d 3.3.3.3 -j ACCEPT",
            "-A INPUT -s 1.1.1.1, -j ACCEPT",
            "-A INPUT -s ,1.1.1.1 -j ACCEPT",
            "-A INPUT -s '1.1.1.1, 2.2.2.2' -j ACCEPT",
            "-A INPUT -s 1.1.1.1,x -j ACCEPT",
            "-A INPUT -s example.com -j ACCEPT",
            "-A INPUT -s 1.1.1.1/33 -j ACCEPT",
            "-A INPUT -s 1.1.1.1/x -j ACCEPT",
            "-A INPUT -s 1.1.1.1/ -j ACCEPT",
            "-A INPUT -s 1.1.1.1/24/24 -j ACCEPT",
            "-A INPUT -s 1.1.1.1/255.255.0.255 -j ACCEPT",
            "-A INPUT -s 1.1.1.1/255.255.0.0 -j ACCEPT",
            "-A INPUT -s 1.1.1.1/0 -j ACCEPT",
            "-A INPUT -s 0/0 -j ACCEPT",
            "-A INPUT ! -s 0/0 -j ACCEPT",
            "-A INPUT -s 10/8 -j ACCEPT",
            "-A INPUT -s 10.1/16 -j ACCEPT",
            "-A INPUT -s 10.1 -j ACCEPT",
            "-A INPUT -s 1.1.1.256 -j ACCEPT",
            "-A INPUT -s 1.1.1.1.1 -j ACCEPT",
            "-A INPUT -s 0x01.1.1.1 -j ACCEPT",
            "-A INPUT -s '' -j ACCEPT",
            "-A INPUT -s 2001:db8::1 -j ACCEPT",
            "-A INPUT -s 1.1.1.1 -s 2.2.2.2 -j ACCEPT",
            "-A INPUT -d 1.1.1.1 -d 2.2.2.2 -j ACCEPT",
            "-A INPUT -s ! 1.1.1.1 -j ACCEPT",
            "-A INPUT ! ! -s 1.1.1.1 -j ACCEPT",
            "-A INPUT -s 1.1.1.1,2.2.2.2 -j ACCEPT ; -D INPUT -s 1.1.1.1,2.2.2.2 -j ACCEPT",
            "-A INPUT -s 1.1.1.1,2.2.2.2 -j ACCEPT ; -D INPUT -s 1.1.1.1,3.3.3.3 -j ACCEPT",
            "-A INPUT -s 1.1.1.1 -j ACCEPT ; -C INPUT -s 1.1.1.1,2.2.2.2 -j ACCEPT",
            "-A INPUT -j ACCEPT ; -R INPUT 1 -s 1.1.1.1,2.2.2.2 -j DROP",
            "-A INPUT --source 1.1.1.1 --destination 2.2.2.2 -j ACCEPT",
            "-A INPUT --src 1.1.1.1 --dst 2.2.2.2 -j ACCEPT",
            "-A INPUT --src=1.1.1.1 --dst=2.2.2.2 -j ACCEPT",
            "-A INPUT -s1.1.1.1 -d2.2.2.2 -jACCEPT",
            "-F -s 1.1.1.1",
            "-A INPUT -s 010.1.1.1 -j ACCEPT",
            "-A INPUT -s 08.1.1.1 -j ACCEPT",
            "-A INPUT -s 0001.1.1.1 -j ACCEPT",
            "-A INPUT -s 1.1.1. -j ACCEPT",
            "-A INPUT -s 1..1.1 -j ACCEPT",
            "-A INPUT -s .1.1.1 -j ACCEPT",
            "-A INPUT -s ' 1.1.1.1' -j ACCEPT",
            "-A INPUT -s '1.1.1.1 ' -j ACCEPT",
            "-A INPUT -s '1.1.1.1 ,2.2.2.2' -j ACCEPT",
            "-A INPUT -s 1.1.1.1/0x18 -j ACCEPT",
            "-A INPUT -s 1.1.1.1/08 -j ACCEPT",
            "-A INPUT -s 1.1.1.1/255.255 -j ACCEPT",
            "-A INPUT -s 1.1.1.1/-1 -j ACCEPT",
            "-A INPUT -s 0.0.0.0/0,1.1.1.1 -j ACCEPT",
            "-A INPUT -s 1.1.1.1,1.1.1.1 -j ACCEPT",
            "-A INPUT -s x -p nope -j ACCEPT",
            "-A INPUT -s x -j NOPE",
            "-A INPUT -s x -i ''",
            "-A INPUT -s x foo",
            "-F -s x",
            "-A INPUT -s x -o eth0",
            "-A INPUT -p tcp --dport x -s y",
            "-R INPUT 1 -s 1.1.1.1,2.2.2.2 -o eth0 -j ACCEPT",
            "-t nat -A POSTROUTING -j DROP -s x",
        ],
    );
}

#[test]
fn addresses_of_ipv6() {
    check(
        Family::V6,
        &[
            "-A INPUT -s 2001:db8::1,2001:db8::2 -j ACCEPT",
            "-A INPUT -s 2001:db8::1/64 -j ACCEPT",
            "-A INPUT -s 2001:db8::1/129 -j ACCEPT",
            "-A INPUT -s 2001:db8::1/ffff::0 -j ACCEPT",
            "-A INPUT -s 2001:db8::1/ffff:0:ffff:: -j ACCEPT",
            "-A INPUT -s 1.1.1.1 -j ACCEPT",
            "-A INPUT -s x -j ACCEPT",
            "-A INPUT -s ::/0 -j ACCEPT",
            "-A INPUT ! -s ::/0 -j ACCEPT",
            "-A INPUT -s [::1] -j ACCEPT",
            "-A INPUT -s ::ffff:1.2.3.4 -j ACCEPT",
        ],
    );
}

#[test]
fn counters() {
    check_both(&[
        "-P INPUT DROP -c 3 4",
        "-A INPUT -c 3 -j ACCEPT",
        "-A INPUT -c x 4 -j ACCEPT",
        "-A INPUT -c 3 x -j ACCEPT",
        "-A INPUT -c 3,x -j ACCEPT",
        "-A INPUT -c",
        "-A INPUT -c 3 -4 -j ACCEPT",
        "-A INPUT -c 3, -j ACCEPT",
        "-A INPUT -c ,3 -j ACCEPT",
        "-A INPUT -c 1 2 -c 3 4 -j ACCEPT",
    ]);
}

#[test]
fn counters_of_ipv4() {
    check(Family::V4, &["-A INPUT -c 3,4,5 -j ACCEPT"]);
}

#[test]
fn interfaces_and_fragments() {
    check_both(&[
        "-A INPUT -i eth0 -j ACCEPT",
        "-A INPUT ! -i eth0 -j ACCEPT",
        "-A INPUT -i ! eth0 -j ACCEPT",
        "-A INPUT -i eth+ -j ACCEPT",
        "-A INPUT -i + -j ACCEPT",
        "-A INPUT ! -i + -j ACCEPT",
        "-A INPUT -i '' -j ACCEPT",
        "-A INPUT -i 0123456789012345 -j ACCEPT",
        "-A INPUT -i 012345678901234 -j ACCEPT",
        "-A INPUT -i eth0 -i eth1 -j ACCEPT",
        "-A INPUT -o eth0 -j ACCEPT",
        "-A OUTPUT -i eth0 -j ACCEPT",
        "-A FORWARD -i eth0 -o eth1 -j ACCEPT",
        "-A OUTPUT -o eth0 -j ACCEPT",
        "-t nat -A PREROUTING -o eth0 -j ACCEPT",
        "-t nat -A POSTROUTING -i eth0 -j ACCEPT",
        "-t mangle -A POSTROUTING -o eth0 -j ACCEPT",
        "-N U ; -A U -i eth0 -o eth1 -j ACCEPT ; -A INPUT -j U",
        "-A INPUT -f -j ACCEPT",
        "-A INPUT ! -f -j ACCEPT",
        "-A INPUT -f -f -j ACCEPT",
        "-A INPUT --in-interface lo -j ACCEPT",
        "-A OUTPUT --out-interface lo -j ACCEPT",
        "-A INPUT --fragments -j ACCEPT",
        "-A INPUT --frag -j ACCEPT",
        "-A INPUT -i",
        "-A INPUT -ieth0 -j ACCEPT",
        "-A OUTPUT -oeth0 -j ACCEPT",
        "-A INPUT --in-interface=eth0 -j ACCEPT",
        "-A INPUT -o eth0 -j NOPE",
    ]);
}

#[test]
fn protocols() {
    check_both(&[
        "-A INPUT ! -p tcp -j ACCEPT",
        "-A INPUT ! -p all -j ACCEPT",
        "-A INPUT -p ! tcp -j ACCEPT",
        "-A INPUT -p all -j ACCEPT",
        "-A INPUT -p 0 -j ACCEPT",
        "-A INPUT -p 255 -j ACCEPT",
        "-A INPUT -p 256 -j ACCEPT",
        "-A INPUT -p nope -j ACCEPT",
        "-A INPUT -p TCP -j ACCEPT",
        "-A INPUT -p '' -j ACCEPT",
        "-A INPUT -p tcp -p udp -j ACCEPT",
        "-A INPUT -p tcp,udp -j ACCEPT",
        "-A INPUT -p esp -j ACCEPT",
        "-A INPUT -p gre -j ACCEPT",
        "-A INPUT -p igmp -j ACCEPT",
        "-A INPUT -p udplite -j ACCEPT",
        "-A INPUT -p mh -j ACCEPT",
        "-A INPUT -p ipv6-mh -j ACCEPT",
        "-A INPUT -p sctp -j ACCEPT",
        "-A INPUT -p dccp -j ACCEPT",
        "-A INPUT -p ospf -j ACCEPT",
        "-A INPUT -p vrrp -j ACCEPT",
        "-A INPUT --protocol tcp -j ACCEPT",
        "-A INPUT --proto tcp -j ACCEPT",
        "-A INPUT -p",
        "-A INPUT -ptcp -j ACCEPT",
        "-A INPUT --protocol=tcp --jump=ACCEPT",
        "-A INPUT -p ip -j ACCEPT",
        "-A INPUT -p hopopt -j ACCEPT",
        "-A INPUT ! -p ip -j ACCEPT",
        "-A INPUT -p IPv6-ICMP -j ACCEPT",
        "-A INPUT -p ICMP -j ACCEPT",
        "-A INPUT -p ospfigp -j ACCEPT",
        "-A INPUT -p 59 -j ACCEPT",
        "-A INPUT -p 0x6 -j ACCEPT",
        "-A INPUT -p 06 -j ACCEPT",
        "-A INPUT -o eth0 -p nope",
        "-A INPUT -p cphb -j ACCEPT",
        "-A INPUT -p ipsec-ah -j ACCEPT",
        "-A INPUT -p ipsec-esp -j ACCEPT",
        "-A INPUT -p ip-encap -j ACCEPT",
        "-A INPUT -p ethernet -j ACCEPT",
        "-A INPUT -p ax.25 -j ACCEPT",
    ]);
}

#[test]
fn protocols_of_ipv4() {
    check(
        Family::V4,
        &[
            "-A INPUT -p icmpv6 -j ACCEPT",
            "-A INPUT -p ipv6-icmp -j ACCEPT",
            "-A INPUT -p ah -j ACCEPT",
            "-A INPUT -p icmp6 -j ACCEPT",
        ],
    );
}

#[test]
fn protocols_of_ipv6() {
    check(
        Family::V6,
        &[
            "-A INPUT -p icmp -j ACCEPT",
            "-A INPUT -p icmpv6 -j ACCEPT",
            "-A INPUT -p ipv6-icmp -j ACCEPT",
            "-A INPUT -p ipv6-nonxt -j ACCEPT",
        ],
    );
}

#[test]
fn words() {
    check_both(&[
        "-A INPUT -j ACCEPT --foo",
        "-A INPUT -j ACCEPT foo",
        "-A INPUT -j accept",
        "-A INPUT -j Reject",
        "-t mangle -A FORWARD -j FOO",
        "-A",
        "-A INPUT",
        "-A INPUT -j ACCEPT extra",
        "-A NOPE",
        "-A INPUT 2 -j ACCEPT",
        "-A ''",
        "-A INPUT ! -j ACCEPT",
        "-A INPUT ! -g FOO",
        "-A INPUT ! -m tcp",
        "-A INPUT -j ACCEPT !",
        "! -A INPUT -j ACCEPT",
        "-t nat -P PREROUTING DROP",
        "-t nat -P PREROUTING ACCEPT",
        "-t mangle -P PREROUTING DROP",
        "-t raw -P PREROUTING DROP",
        "-t security -P INPUT DROP",
        "-A INPUT -A OUTPUT -j ACCEPT",
        "-A INPUT -D INPUT -j ACCEPT",
        "-t",
        "-t security -A INPUT -j ACCEPT",
        "-t security -A PREROUTING -j ACCEPT",
        "-t nat -A FORWARD -j ACCEPT",
        "-t raw -A INPUT -j ACCEPT",
        "-A PREROUTING -j ACCEPT",
        "-t nat -A PREROUTING -j DROP",
        "-t nat -N DROP",
        "-w -A INPUT -j ACCEPT",
        "-w 5 -A INPUT -j ACCEPT",
        "-4 -A INPUT -j ACCEPT",
        "-6 -A INPUT -j ACCEPT",
        "-A INPUT -6 -j ACCEPT",
        "-V",
        "--version",
        "-A INPUT -V",
        "-n",
        "-j ACCEPT",
        "-Q",
        "--nope",
        "--",
        "-A INPUT -- -j ACCEPT",
        "-",
        "foo",
        "--append INPUT --jump ACCEPT",
        "--app INPUT --jump ACCEPT",
        "--in INPUT -j ACCEPT",
        "--a INPUT",
        "-A INPUT --goto INPUT",
        "-A INPUT -g NOPE",
        "-A INPUT -g ACCEPT",
        "-A INPUT -g ''",
        "-A INPUT -j ''",
        "-A INPUT -j 'a b'",
        "-A INPUT -j NOPE",
        "-A INPUT -j INPUT",
        "-A INPUT -j OUTPUT",
        "-A INPUT -j PREROUTING",
        "-A INPUT -j a23456789012345678901234567890",
        "-A INPUT -j ACCEPT -j DROP",
        "-A INPUT -j ACCEPT -g FOO",
        "-A INPUT -m nope -j ACCEPT",
        "-A INPUT -m '' -j ACCEPT",
        "-A INPUT -m",
        "-A INPUT -j",
        "-n -A INPUT -j ACCEPT",
        "-x -A INPUT -j ACCEPT",
        "--line-numbers -A INPUT -j ACCEPT",
        "-n -F",
        "-n -P INPUT DROP",
        "-A INPUT -g OUTPUT",
        "-A NOPE -j NOPE",
        "-A a23456789012345678901234567890 -j ACCEPT",
        "-t nat -A POSTROUTING -j DROP",
        "-t nat -N U ; -t nat -A U -j DROP",
        "-t nat -D POSTROUTING -j DROP",
        "-t nat -j DROP",
    ]);
}
