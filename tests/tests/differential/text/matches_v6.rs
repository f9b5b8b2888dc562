//! Extension headers of IPv6.

use super::check;
use sluice_config::netfilter::Family;

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
