//! `-j SET`, with sets to write to.

use sluice_config::netfilter::{Family, SetFamily, Sets};

use super::check_with_sets;

/// The sets that [`MAKE`] makes.
struct Made;

/// Commands that make them.
const MAKE: &str = "
ipset create s4 hash:ip timeout 10
ipset create s4net hash:net
ipset create s42 hash:ip,port,ip skbinfo
ipset create s6 hash:ip family inet6
";

impl Sets for Made {
    fn family(&self, name: &str) -> Option<SetFamily> {
        match name {
            "s4" | "s4net" | "s42" => Some(SetFamily::Only(Family::V4)),
            "s6" => Some(SetFamily::Only(Family::V6)),
            _ => None,
        }
    }
}

const LINES: &[&str] = &[
    "-t mangle -A FORWARD -j SET",
    "-t mangle -A FORWARD -j SET --add-set s4",
    "-t mangle -A FORWARD -j SET --add-set 01234567890123456789012345678901234 src",
    "-t mangle -A FORWARD -j SET --exist",
    "-t mangle -A FORWARD -j SET --map-mark",
    "-t mangle -A FORWARD -j SET --add-set s4 src",
    "-t mangle -A FORWARD -j SET --add-set s4 dst",
    "-t mangle -A FORWARD -j SET --add-set s4 src,dst",
    "-t mangle -A FORWARD -j SET --add-set s4 src,dst,src,dst,src,dst,src",
    "-t mangle -A FORWARD -j SET --add-set s4 foo",
    "-t mangle -A FORWARD -j SET --add-set s4 src,foo",
    "-t mangle -A FORWARD -j SET --add-set s4 ''",
    "-t mangle -A FORWARD -j SET --add-set s42 src,dst,src",
    "-t mangle -A FORWARD -j SET --add-set s4 src --exist",
    "-t mangle -A FORWARD -j SET --add-set s4 src --timeout 5",
    "-t mangle -A FORWARD -j SET --add-set s4 src --timeout 0",
    "-t mangle -A FORWARD -j SET --add-set s4 src --timeout x",
    "-t mangle -A FORWARD -j SET --add-set s4 src --timeout 4294967295",
    "-t mangle -A FORWARD -j SET --add-set s4 src --timeout 4294967294",
    "-t mangle -A FORWARD -j SET --add-set s4net src --timeout 10",
    "-t mangle -A FORWARD -j SET --add-set s4 src --exist --timeout 10",
    "-t mangle -A FORWARD -j SET --exist --add-set s4 src",
    "-t mangle -A FORWARD -j SET --timeout 10 --add-set s4 src",
    "-t mangle -A FORWARD -j SET --del-set s4 src",
    "-t mangle -A FORWARD -j SET --del-set s4 src --exist",
    "-t mangle -A FORWARD -j SET --del-set s4 src --timeout 3",
    "-t mangle -A FORWARD -j SET --add-set s4 src --del-set s4 dst",
    "-t mangle -A FORWARD -j SET --del-set s4 dst --add-set s4 src",
    "-t mangle -A FORWARD -j SET --add-set s4 src --add-set s4 src",
    "-t mangle -A FORWARD -j SET --del-set s4 src --del-set s4 src",
    "-t mangle -A FORWARD -j SET --exist --exist --add-set s4 src",
    "-t mangle -A FORWARD -j SET --timeout 1 --timeout 2 --add-set s4 src",
    "-t mangle -A FORWARD -j SET ! --add-set s4 src",
    "-t mangle -A FORWARD -j SET --map-set s42 src,dst,src",
    "-t mangle -A FORWARD -j SET --map-set s42 src,dst,src --map-mark",
    "-t mangle -A FORWARD -j SET --map-set s42 src,dst,src --map-prio",
    "-t mangle -A FORWARD -j SET --map-set s42 src,dst,src --map-queue",
    "-t mangle -A FORWARD -j SET --map-set s42 src,dst,src --map-mark --map-prio --map-queue",
    "-t mangle -A FORWARD -j SET --map-mark --map-set s42 src,dst,src",
    "-t mangle -A FORWARD -j SET --map-set s4 src --map-mark",
    "-t mangle -A FORWARD -j SET --map-set s42 src,dst,src --map-mark --map-mark",
    "-t mangle -A FORWARD -j SET --map-set s42 src,dst,src --map-mark --add-set s4 src",
    "-t mangle -A PREROUTING -j SET --map-set s42 src,dst,src --map-prio",
    "-t mangle -A POSTROUTING -j SET --map-set s42 src,dst,src --map-prio",
    "-t mangle -A OUTPUT -j SET --map-set s42 src,dst,src --map-queue",
    "-t mangle -A PREROUTING -j SET --map-set s42 src,dst,src --map-mark",
    "-A FORWARD -j SET --map-set s42 src,dst,src --map-mark",
    "-A FORWARD -j SET --map-set s42 src,dst,src --map-prio",
    "-t nat -A POSTROUTING -j SET --map-set s42 src,dst,src --map-prio",
    "-A FORWARD -j SET --add-set s4 src",
    "-t nat -A POSTROUTING -j SET --add-set s4 src",
    "-A FORWARD -j SET --add-set s4 src --map-mark",
    "-A FORWARD -j SET --add-set s4 src --ex",
    "-t mangle -A FORWARD -j SET --add-set nope src",
    "-t mangle -A FORWARD -j SET --add-set s6 src",
    "-t mangle -A FORWARD -j SET --add-set s6 src,dst --exist",
];

#[test]
fn sets() {
    check_with_sets(Family::V4, MAKE, &Made, LINES);
    check_with_sets(Family::V6, MAKE, &Made, LINES);
}
