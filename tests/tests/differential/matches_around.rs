//! Owns the scenarios of matches that ask for what no header says, in both families: the time, and IPsec's policies.

use sluice_tests::differential;
use sluice_tests::differential::Scenario;
use sluice_tests::frame::Packet;

use crate::matches::shown;
use crate::{INSIDE, OUTSIDE, ROUTER_IN};

differential!(times, times_v6, policies, policies_v6);

const INSIDE_V6: &str = "fd00:1::2";
const OUTSIDE_V6: &str = "fd00:2::9";
const ROUTER_IN_V6: &str = "fd00:1::1";

/// Days and hours around now, so that some hold and some do not whenever this runs.
fn around_now() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let clock = |offset: i64| {
        let second = (now.cast_signed() + offset).rem_euclid(86_400);
        format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
    };
    shown(&[
        &format!("-p udp --dport 1 -m time --timestart {} --timestop {}", clock(-600), clock(600)),
        &format!("-p udp --dport 2 -m time --timestart {} --timestop {}", clock(600), clock(-600)),
        &format!("-p udp --dport 3 -m time --timestart {} --timestop {}", clock(600), clock(1200)),
        "-p udp --dport 4 -m time --weekdays Mon,Tue,Wed,Thu",
        "-p udp --dport 5 -m time ! --weekdays Mon,Wed,Fri,Sun",
        "-p udp --dport 6 -m time --monthdays 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15",
        "-p udp --dport 7 -m time --datestart 2017-12-24 --datestop 2017-12-27",
        "-p udp --dport 8 -m time --datestart 2017-12-24",
        &format!(
            "-p udp --dport 9 -m time --timestart {} --timestop {} --weekdays Mon,Tue,Wed --contiguous",
            clock(-600),
            clock(-1200)
        ),
    ])
}

fn times() -> Scenario {
    Scenario::new(&around_now(), |lab| {
        for port in 1..10 {
            lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, port, b"what time"));
        }
    })
}

fn times_v6() -> Scenario {
    Scenario::new_v6(&around_now(), |lab| {
        for port in 1..10 {
            lab.lan(&Packet::new(INSIDE_V6, OUTSIDE_V6).udp(1000, port, b"what time"));
        }
        for part in Packet::new(INSIDE_V6, OUTSIDE_V6).udp(1000, 1, &[7; 64]).fragments(&[40]) {
            lab.lan(&part);
        }
    })
}

/// Without IPsec: no packet has been or will be its business. `INSIDE` stands for the inside host.
const POLICIES: &str = "
    *mangle
    -A PREROUTING -m policy --dir in --pol none -j TOS --or-tos 0x04
    -A PREROUTING -m policy --dir in --pol ipsec -j DROP
    -A INPUT -m policy --dir in --pol none
    -A INPUT -m policy --dir in --pol ipsec --proto esp -j DROP
    -A FORWARD -m policy --dir in --pol none -j TOS --or-tos 0x08
    -A FORWARD -m policy --dir out --pol none -j TOS --or-tos 0x10
    -A FORWARD -m policy --dir in --pol ipsec ! --reqid 1 -j DROP
    -A FORWARD -m policy --dir out --pol ipsec --strict --mode tunnel --tunnel-dst INSIDE --next --spi 9 -j DROP
    -A OUTPUT -m policy --dir out --pol ipsec --mode transport -j DROP
    -A OUTPUT -m policy --dir out --pol none
    -A POSTROUTING -m policy --dir out --pol none -j TOS --or-tos 0x20
    -A POSTROUTING -m policy --dir out --pol ipsec -j DROP
    COMMIT";

fn policies() -> Scenario {
    Scenario::new(&POLICIES.replace("INSIDE", INSIDE), |lab| {
        for destination in [OUTSIDE, ROUTER_IN] {
            lab.lan(&Packet::new(INSIDE, destination).ping(1, 1, b"policies"));
        }
        lab.lan(&Packet::new(INSIDE, OUTSIDE).raw(50, &[1; 16]));
        lab.compare_counters("mangle");
    })
}

fn policies_v6() -> Scenario {
    Scenario::new_v6(&POLICIES.replace("INSIDE", INSIDE_V6), |lab| {
        for destination in [OUTSIDE_V6, ROUTER_IN_V6] {
            lab.lan(&Packet::new(INSIDE_V6, destination).ping(1, 1, b"policies"));
        }
        lab.lan(&Packet::new(INSIDE_V6, OUTSIDE_V6).raw(50, &[1; 16]));
        lab.lan(&Packet::new(INSIDE_V6, OUTSIDE_V6).options(&[5, 2, 0, 0]).udp(1, 2, b"options"));
    })
}
