//! Owns the scenarios of IPv4 options that are malformed, and of those that an ICMP error brings back.

use sluice_tests::differential;
use sluice_tests::differential::Scenario;
use sluice_tests::frame::Packet;

use crate::{FAR, INSIDE, OUTSIDE, ROUTER_IN, ROUTER_OUT};

differential!(malformed, malformed_fragments, errors);

/// The sender is told which byte is wrong, once the packet has passed PREROUTING and has a route.
fn malformed() -> Scenario {
    let rules = "
        *mangle
        -A PREROUTING -p udp -m comment --comment seen
        -A FORWARD -p udp -m comment --comment forwarded
        COMMIT";
    Scenario::new(rules, |lab| {
        let lists: [&[u8]; 16] = [
            &[7, 3],
            &[7, 2, 4, 0],
            &[7, 7, 3, 0, 0, 0, 0, 0],
            &[7, 7, 6, 0, 0, 0, 0, 0],
            &[68, 3, 5, 0],
            &[68, 8, 4, 0, 0, 0, 0, 0],
            &[68, 5, 5, 0, 0],
            &[68, 8, 9, 0xf0, 0, 0, 0, 0],
            &[0x82, 0],
            &[1, 1, 0x82, 9],
            &[0x94, 3, 0, 0],
            &[0x83, 7, 4, 10, 1, 0, 3],
            &[0x83, 7, 3, 10, 1, 0, 3],
            &[7, 7, 8, 1, 2, 3, 4, 7, 7, 8, 1, 2, 3, 4],
            &[0x99, 30, 0, 0],
            &[1, 0x99],
        ];
        for (at, options) in lists.into_iter().enumerate() {
            // What is not for the router the kernel below a packet socket answers, and not so often.
            let others: &[&str] = if at == 0 { &[OUTSIDE, FAR, "203.0.113.9"] } else { &[] };
            for &to in others.iter().chain(&[ROUTER_IN]) {
                let packet = Packet::new(INSIDE, to).options(options).udp(1000, 53, b"data");
                lab.lan(&packet.ttl(if to == FAR { 1 } else { 64 }));
            }
        }
        lab.compare_counters("mangle");
    })
}

/// An error brings records back with the router's address in them, and quotes a header that has it too.
fn errors() -> Scenario {
    let rules = "
        *filter
        -A FORWARD -p udp --dport 54 -j REJECT
        COMMIT";
    Scenario::new(rules, |lab| {
        let record = |slots: u8, used: u8| {
            let mut option = vec![7, 3 + 4 * slots, 4 + 4 * used];
            option.resize(usize::from(3 + 4 * slots), 9);
            option
        };
        let others: [&[u8]; 3] =
            [&[0x94, 4, 0, 0], &[0x82, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[1, 1]];
        let mut lists: Vec<Vec<u8>> = others.map(<[u8]>::to_vec).to_vec();
        for (slots, used) in [(1, 0), (1, 1), (2, 0), (2, 1), (9, 0), (9, 8), (9, 9)] {
            lists.push(record(slots, used));
        }
        lists.push([vec![1], record(2, 0), vec![0x94, 4, 0, 0]].concat());
        lists.push([vec![0x94, 4, 0, 0], record(3, 1)].concat());
        for (at, options) in lists.into_iter().enumerate() {
            let with = |to| Packet::new(INSIDE, to).options(&options);
            lab.lan(&with(OUTSIDE).udp(1000, 53, b"data").ttl(1));
            lab.lan(&with(OUTSIDE).udp(1000, 54, b"data"));
            lab.lan(&with(FAR).udp(1000, 54, &[7; 900]));
            // The host's stack says no more at once.
            if at % 4 == 1 {
                lab.lan(&with(ROUTER_IN).udp(1000, 33434, b"data"));
            }
        }
    })
}

fn malformed_fragments() -> Scenario {
    let rules = "
        *filter
        -A INPUT -m conntrack --ctstate NEW
        COMMIT";
    Scenario::new(rules, |lab| {
        let packet = Packet::new(INSIDE, ROUTER_IN).options(&[7, 3]).udp(1000, 53, &[7; 64]);
        for part in packet.fragments(&[32]) {
            lab.lan(&part);
        }
        lab.lan(&Packet::new(INSIDE, ROUTER_OUT).ping(7, 1, b"a sound one"));
    })
}
