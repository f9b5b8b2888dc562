//! Owns the scenarios of rates that are measured and not used up: `--hashlimit-rate-match`. The tables keep
//! their entries, which the kernel else forgets at a moment of its own.

use sluice_tests::differential;
use sluice_tests::differential::Scenario;
use sluice_tests::frame::{Packet, flags};
use std::time::Duration;

use crate::{INSIDE, INSIDE_2, OUTSIDE};

differential!(windows_of_packets, windows_of_bytes, a_table_ends_with_its_rules);

fn windows_of_packets() -> Scenario {
    let rules = "
        *filter
        -A FORWARD -p udp --dport 1 -m hashlimit --hashlimit-upto 2/second --hashlimit-burst 1 --hashlimit-mode srcip --hashlimit-htable-expire 60000 --hashlimit-rate-match --hashlimit-name one -j ACCEPT
        -A FORWARD -p udp --dport 1 -j DROP
        -A FORWARD -p udp --dport 2 -m hashlimit --hashlimit-above 3/second --hashlimit-burst 1 --hashlimit-mode srcip --hashlimit-htable-expire 60000 --hashlimit-rate-match --hashlimit-rate-interval 2 --hashlimit-name two -j DROP
        -A FORWARD -p udp --dport 3 -m hashlimit --hashlimit-upto 60/minute --hashlimit-burst 2 --hashlimit-mode dstport --hashlimit-htable-expire 60000 --hashlimit-rate-match --hashlimit-name three -j ACCEPT
        -A FORWARD -p udp --dport 3 -j DROP
        COMMIT";
    Scenario::new(rules, |lab| {
        let udp = |source: &str, port| Packet::new(source, OUTSIDE).udp(1000, port, b"how fast");
        // Five at once are too many, and close the next window too.
        for _ in 0..5 {
            lab.lan(&udp(INSIDE, 1));
        }
        lab.lan(&udp(INSIDE_2, 1));
        lab.wait(Duration::from_millis(1100));
        lab.lan(&udp(INSIDE, 1));
        lab.lan(&udp(INSIDE, 1));
        lab.lan(&udp(INSIDE_2, 1));
        // Two in one window are not.
        lab.wait(Duration::from_millis(1300));
        lab.lan(&udp(INSIDE, 1));
        lab.lan(&udp(INSIDE, 1));
        for _ in 0..6 {
            lab.lan(&udp(INSIDE, 2));
        }
        lab.wait(Duration::from_millis(900));
        lab.lan(&udp(INSIDE, 2));
        lab.wait(Duration::from_millis(1500));
        lab.lan(&udp(INSIDE, 2));
        // One a second and a burst of two, in a window of a minute.
        for _ in 0..4 {
            lab.lan(&udp(INSIDE, 3));
        }
    })
}

fn windows_of_bytes() -> Scenario {
    let rules = "
        *filter
        -A FORWARD -p tcp -m hashlimit --hashlimit-upto 1kb/s --hashlimit-mode srcip --hashlimit-htable-expire 60000 --hashlimit-rate-match --hashlimit-name bytes -j ACCEPT
        -A FORWARD -p tcp -j DROP
        -A FORWARD -p udp -m hashlimit --hashlimit-above 1kb/s --hashlimit-burst 3kb --hashlimit-mode srcip --hashlimit-htable-expire 60000 --hashlimit-rate-match --hashlimit-name many -j DROP
        COMMIT";
    Scenario::new(rules, |lab| {
        let tcp =
            |bytes| Packet::new(INSIDE, OUTSIDE).tcp((1, 2), flags::SYN, 1, 0, &vec![7; bytes]);
        // 500, 900, 1000, 1100 bytes of which 1008 may come.
        for bytes in [460, 360, 60, 60] {
            lab.lan(&tcp(bytes));
        }
        lab.wait(Duration::from_millis(2000));
        for bytes in [100, 968, 100] {
            lab.lan(&tcp(bytes));
        }
        for _ in 0..5 {
            lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1, 2, &[7; 772]));
        }
        lab.wait(Duration::from_millis(1100));
        lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1, 2, b"short"));
    })
}

/// Rules that go, and come again at once, begin anew.
fn a_table_ends_with_its_rules() -> Scenario {
    let rules = "
        *filter
        -A FORWARD -m hashlimit --hashlimit-above 1/hour --hashlimit-burst 1 --hashlimit-mode srcip --hashlimit-name a -j DROP
        -A FORWARD -m recent --name b --rcheck -j DROP
        -A FORWARD -m recent --name b --set
        COMMIT";
    Scenario::new("", move |lab| {
        for _ in 0..3 {
            lab.load_rules(rules);
            for _ in 0..2 {
                lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, 1, b"anew"));
            }
            lab.compare_counters("filter");
            lab.load_rules("*filter\nCOMMIT");
        }
    })
}
