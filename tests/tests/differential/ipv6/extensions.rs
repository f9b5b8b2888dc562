//! Matches of IPv6 extension headers. A rule that matches marks the packet by its DSCP, the last one shows.

use super::{INSIDE, OUTSIDE, out};
use crate::matches::shown;
use sluice_tests::differential;
use sluice_tests::differential::Scenario;
use sluice_tests::frame::Packet;
use sluice_tests::topology::LAN;

differential!(
    options_of_headers,
    routing_headers,
    fragments,
    fragments_with_tracking,
    which_headers,
    authentication,
    mobility,
    addresses_from_the_card
);

const HOP_BY_HOP: u8 = 0;
const UDP: u8 = 17;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AH: u8 = 51;
const NONE: u8 = 59;
const DESTINATION: u8 = 60;

/// A datagram of UDP behind these headers: the number of each, and its bytes after the first.
fn behind(headers: &[(u8, &[u8])]) -> Packet {
    let last = Packet::new(INSIDE, OUTSIDE).udp(1000, 53, b"behind").payload;
    followed(headers, UDP, &last)
}

/// What `protocol` means, behind these headers.
fn followed(headers: &[(u8, &[u8])], protocol: u8, last: &[u8]) -> Packet {
    let mut bytes = Vec::new();
    for (place, (_, rest)) in headers.iter().enumerate() {
        bytes.push(headers.get(place + 1).map_or(protocol, |(kind, _)| *kind));
        bytes.extend(*rest);
    }
    bytes.extend(last);
    let first = headers.first().map_or(protocol, |(kind, _)| *kind);
    Packet::new(INSIDE, OUTSIDE).raw(first, &bytes)
}

fn options_of_headers() -> Scenario {
    let rules = shown(&[
        "-m dst",
        "-m dst --dst-len 8",
        "-m dst ! --dst-len 16 --dst-opts 30:4",
        "-m dst --dst-opts 30,1",
        "-m dst --dst-opts 0,0,30:1",
        "-m dst --dst-opts 30:12,7",
        "-m hbh",
        "-m hbh --hbh-opts 5:2",
        "-m hbh --hbh-opts 5,1:0",
        "-m hbh ! --hbh-len 8",
        "-m dst --dst-opts 30:4,0",
        "-m dst --dst-opts 31:200",
    ]);
    Scenario::new_v6(&rules, |lab| {
        lab.lan(&behind(&[]));
        let headers: [&[u8]; 9] = [
            &[0, 1, 4, 0, 0, 0, 0],
            &[0, 30, 4, 1, 2, 3, 4],
            &[0, 30, 2, 1, 2, 1, 0],
            &[0, 0, 0, 30, 1, 9, 0],
            &[1, 30, 4, 1, 2, 3, 4, 1, 6, 0, 0, 0, 0, 0, 0],
            &[1, 30, 12, 1, 2, 3, 4, 1, 6, 0, 0, 0, 0, 0, 0],
            &[0, 30, 12, 1, 2, 3, 4],
            // Beyond the header, the last one asked for.
            &[0, 31, 200, 1, 2, 3, 4],
            &[0, 1, 3, 0, 0, 0, 30],
        ];
        for header in headers {
            lab.lan(&behind(&[(DESTINATION, header)]));
        }
        lab.lan(&behind(&[(DESTINATION, headers[0]), (DESTINATION, headers[1])]));
        lab.lan(&behind(&[(ROUTING, &[0, 4, 0, 0, 0, 0, 0]), (DESTINATION, headers[1])]));
        for options in [&[5, 2, 0, 0, 1, 0][..], &[1, 4, 0, 0, 0, 0], &[5, 2, 0, 0, 0, 0]] {
            lab.lan(&behind(&[(HOP_BY_HOP, &[&[0], options].concat())]));
        }
        let long = [1, 1, 4, 0, 0, 0, 0, 5, 2, 0, 0, 1, 2, 0, 0];
        lab.lan(&behind(&[(HOP_BY_HOP, &long)]));
        lab.lan(&behind(&[(HOP_BY_HOP, &long), (DESTINATION, headers[1])]));
    })
}

fn routing_headers() -> Scenario {
    let (one, two) = ("fd00:9::1", "fd00:9::2");
    let rules = shown(&[
        "-m rt",
        "-m rt --rt-type 0",
        "-m rt ! --rt-type 0 --rt-segsleft 1:2",
        "-m rt ! --rt-len 8 ! --rt-segsleft 0",
        "-m rt --rt-type 0 --rt-0-res",
        &format!("-m rt --rt-type 0 --rt-0-addrs {one}"),
        &format!("-m rt --rt-type 0 --rt-0-addrs {one},{two}"),
        &format!("-m rt --rt-type 0 --rt-segsleft 1 --rt-0-addrs {two} --rt-0-not-strict"),
        &format!("-m rt --rt-type 0 --rt-segsleft 3 --rt-0-addrs {one},{one} --rt-0-not-strict"),
        &format!(
            "-m rt --rt-type 0 --rt-segsleft 4 --rt-0-res --rt-0-addrs {two} --rt-0-not-strict"
        ),
    ]);
    Scenario::new_v6(&rules, move |lab| {
        let list = |addresses: &[&str]| {
            let octets = |text: &&str| text.parse::<std::net::Ipv6Addr>().unwrap().octets();
            addresses.iter().map(octets).collect::<Vec<_>>().concat()
        };
        for (kind, left, reserved, addresses) in [
            (0, 0, 0, &[][..]),
            (0, 1, 0, &[one]),
            (0, 1, 1, &[one]),
            (0, 1, 0, &[one, two]),
            (0, 2, 0, &[one, two]),
            (0, 2, 0, &[two, one]),
            (0, 3, 0, &[one, two, one]),
            (0, 3, 7, &[two, one]),
            (0, 4, 0, &[one, two]),
            (0, 4, 9, &[one, two]),
            (2, 1, 0, &[one]),
            (4, 2, 0, &[one, two]),
            (4, 3, 0, &[one, two]),
            (9, 0, 0, &[]),
        ] {
            let addresses = list(addresses);
            let units = u8::try_from(addresses.len() / 8).unwrap();
            let header = [&[units, kind, left, 0, 0, 0, reserved], &addresses[..]].concat();
            lab.lan(&behind(&[(ROUTING, &header)]));
            lab.lan(&behind(&[(DESTINATION, &[0; 7]), (ROUTING, &header)]));
        }
        lab.lan(&behind(&[]));
    })
}

const FRAGMENTS: [&str; 9] = [
    "-m frag",
    "-m frag --fragid 7",
    "-m frag ! --fragid 7:9 --fraglen 3",
    "-m frag --fragres",
    "-m frag --fragfirst",
    "-m frag --fragid 4660 --fragmore",
    "-m frag --fragid 4661 --fraglast",
    "-m frag --fragid 4662 --fragfirst --fraglast --fragres",
    "-m dst",
];

fn play_fragments(lab: &mut sluice_tests::differential::Lab) {
    for id in [7, 9, 10, 4660, 4661, 4662] {
        for part in out().udp(1000, 53, &[7; 64]).id(id).fragments(&[24, 24]) {
            lab.lan(&part);
        }
    }
    lab.lan(&out().udp(1000, 53, b"whole"));
}

/// Whole datagrams with a fragment header, reserved bits, headers before and behind.
fn play_headers(lab: &mut sluice_tests::differential::Lab) {
    let header = |reserved, bits: u16, id: u8| {
        [&[reserved][..], &bits.to_be_bytes(), &[0, 0, 0, id]].concat()
    };
    for (reserved, bits) in [(0, 0), (1, 0), (0, 2), (0, 4)] {
        lab.lan(&behind(&[(FRAGMENT, &header(reserved, bits, 8))]));
    }
    lab.lan(&behind(&[(DESTINATION, &[0; 7]), (FRAGMENT, &header(0, 0, 7))]));
    lab.lan(&behind(&[(FRAGMENT, &header(0, 0, 7)), (DESTINATION, &[0; 7])]));
    lab.lan(&behind(&[(FRAGMENT, &header(0, 8 * 8, 99)), (DESTINATION, &[0; 7])]));
}

fn fragments() -> Scenario {
    Scenario::new_v6(&shown(&FRAGMENTS), |lab| {
        play_fragments(lab);
        play_headers(lab);
    })
}

/// Datagrams are put together before any rule sees them.
fn fragments_with_tracking() -> Scenario {
    let rules = shown(&[&FRAGMENTS[..], &["-m state --state INVALID -m frag"]].concat());
    Scenario::new_v6(&rules, play_fragments)
}

fn which_headers() -> Scenario {
    let rules = shown(&[
        "-m ipv6header --header prot",
        "-m ipv6header --header prot --soft",
        "-m ipv6header --header dst --soft",
        "-m ipv6header --header dst,prot",
        "-m ipv6header --header hop,route --soft",
        "-m ipv6header ! --header hop,route --soft",
        "-m ipv6header ! --header dst,prot -m dst",
        "-m ipv6header --header frag,prot",
        "-m ipv6header --header auth --soft",
        "-m ipv6header --header esp",
        "-m ipv6header --header none,dst",
        "-m ipv6header --header none --soft -m length --length 40",
    ]);
    Scenario::new_v6(&rules, |lab| {
        let plain: &[u8] = &[0, 1, 4, 0, 0, 0, 0];
        let routing: &[u8] = &[0, 9, 0, 0, 0, 0, 0];
        let ah: &[u8] = &[4, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1];
        let fragment: &[u8] = &[0, 0, 0, 0, 0, 0, 7];
        let later: &[u8] = &[0, 0, 8, 0, 0, 0, 7];
        for headers in [
            &[][..],
            &[(DESTINATION, plain)],
            &[(HOP_BY_HOP, plain)],
            &[(ROUTING, routing)],
            &[(HOP_BY_HOP, plain), (ROUTING, routing)],
            &[(HOP_BY_HOP, plain), (ROUTING, routing), (DESTINATION, plain)],
            &[(FRAGMENT, fragment)],
            &[(FRAGMENT, fragment), (DESTINATION, plain)],
            &[(FRAGMENT, later)],
            &[(FRAGMENT, later), (DESTINATION, plain)],
            &[(AH, ah)],
            &[(DESTINATION, plain), (AH, ah)],
        ] {
            lab.lan(&behind(headers));
            lab.lan(&followed(headers, NONE, &[]));
            lab.lan(&followed(headers, 50, &[0, 0, 0, 9, 0, 0, 0, 1]));
        }
    })
}

fn authentication() -> Scenario {
    let rules = shown(&[
        "-m ah",
        "-m ah --ahspi 7",
        "-m ah ! --ahspi 7:9 --ahlen 24",
        "-m ah ! --ahlen 24",
        "-m ah --ahres --ahspi 9",
        "-p ah",
        "-p udp",
        "-p udp --dport 54",
        "-p ah -m ah --ahspi 11",
        "-p udp -m multiport --dports 55,56",
    ]);
    Scenario::new_v6(&rules, |lab| {
        let udp = |port| out().udp(1000, port, b"behind").payload;
        let header = |units: u8, reserved: u8, spi: u8| {
            let mut header = vec![units, 0, reserved, 0, 0, 0, spi];
            header.resize(usize::from(units) * 4 + 7, 1);
            header
        };
        for spi in [6, 7, 9, 10, 11] {
            for (units, reserved) in [(4, 0), (4, 1), (2, 0), (6, 0)] {
                lab.lan(&followed(&[(AH, &header(units, reserved, spi))], UDP, &udp(53)));
            }
        }
        for port in [54, 55] {
            lab.lan(&followed(&[(AH, &header(4, 0, 6))], UDP, &udp(port)));
            let dst = (DESTINATION, &[0; 7][..]);
            lab.lan(&followed(&[dst, (AH, &header(4, 0, 6))], UDP, &udp(port)));
            lab.lan(&followed(&[(AH, &header(4, 0, 6)), dst], UDP, &udp(port)));
            lab.lan(&out().udp(1000, port, b"bare"));
        }
        // Too short for a number of a sequence.
        lab.lan(&followed(&[(AH, &[0, 0, 0, 0, 0, 0, 7])], NONE, &[]));
    })
}

fn mobility() -> Scenario {
    let rules = shown(&[
        "-p mh -m mh",
        "-p mh -m mh --mh-type binding-update",
        "-p mh -m mh --mh-type 1:3",
        "-p mh -m mh ! --mh-type 1:5",
    ]);
    Scenario::new_v6(&rules, |lab| {
        for kind in [0, 1, 3, 4, 5, 6, 255] {
            lab.lan(&out().raw(135, &[NONE, 0, kind, 0, 0, 0, 0, 0]));
        }
        // Nothing may follow, and the header must be there.
        lab.lan(&out().raw(135, &[UDP, 0, 5, 0, 0, 0, 0, 0]));
        lab.lan(&out().raw(135, &[NONE, 0, 5, 0, 0, 0]));
        lab.lan(&out().raw(135, &[NONE, 0, 5, 0, 0]));
        for part in out().raw(135, &[[NONE, 0, 5, 0, 0, 0, 0, 0]; 4].concat()).fragments(&[16]) {
            lab.lan(&part);
        }
        lab.lan(&out().udp(1, 2, b"another"));
    })
}

fn addresses_from_the_card() -> Scenario {
    let rules = "
        *raw
        -A PREROUTING -m eui64 -m length --length 52 -j DROP
        COMMIT
        *mangle
        -A FORWARD -m eui64 -j DSCP --set-dscp 1
        COMMIT";
    Scenario::new_v6(rules, |lab| {
        let octets = LAN.host_mac.split(':').map(|octet| u8::from_str_radix(octet, 16).unwrap());
        let [a, b, c, d, e, f] = octets.collect::<Vec<_>>().try_into().unwrap();
        let own =
            move |a: u8, f: u8| format!("fd00:1::{a:x}{b:02x}:{c:02x}ff:fe{d:02x}:{e:02x}{f:02x}");
        for source in [own(a ^ 2, f), own(a, f), own(a ^ 2, f ^ 1), INSIDE.to_owned()] {
            for data in [&b"longer"[..], b"data"] {
                lab.lan(&Packet::new(&source, OUTSIDE).udp(1, 2, data));
            }
        }
    })
}
