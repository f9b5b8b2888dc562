//! `-m set` and SET, where there are sets and where there are none.

use super::check_with_sets;
use sluice_config::netfilter::{Family, SetFamily, Sets};

/// The sets that [`MAKE_SETS`] makes.
struct SomeSets;

const MAKE_SETS: &str = "
ipset create four hash:ip
ipset create six hash:ip family inet6
ipset create ports bitmap:port range 0-9
ipset create abcdefghijklmnopqrstuvwxyz01234 list:set
";

impl Sets for SomeSets {
    fn family(&self, name: &str) -> Option<SetFamily> {
        match name {
            "four" => Some(SetFamily::Only(Family::V4)),
            "six" => Some(SetFamily::Only(Family::V6)),
            "ports" | "abcdefghijklmnopqrstuvwxyz01234" => Some(SetFamily::Any),
            _ => None,
        }
    }
}

#[test]
fn set() {
    let lines = [
        "-A FORWARD -m set --match-set four src",
        "-A FORWARD -m set --match-set six dst",
        "-A FORWARD -m set ! --match-set ports src,dst",
        "-A FORWARD -m set --match-set nothing src",
        "-A FORWARD -m set --match-set nothing other",
        "-A FORWARD -m set --match-set '' src",
        "-A FORWARD -m set --match-set ports",
        "-A FORWARD -m set --match-set ports -j ACCEPT",
        "-A FORWARD -m set --match-set",
        "-A FORWARD -m set",
        "-A FORWARD -m set --return-nomatch",
        "-A FORWARD -m set --match-set ports other",
        "-A FORWARD -m set --match-set ports srcdst,dstsrc",
        "-A FORWARD -m set --match-set ports ''",
        "-A FORWARD -m set --match-set ports src,",
        "-A FORWARD -m set --match-set ports src,dst,src,dst,src,dst",
        "-A FORWARD -m set --match-set ports src,dst,src,dst,src,dst,src",
        "-A FORWARD -m set --match-set abcdefghijklmnopqrstuvwxyz01234 src",
        "-A FORWARD -m set --match-set abcdefghijklmnopqrstuvwxyz012345 src",
        "-A FORWARD -m set --match-set ports src --match-set ports dst",
        "-A FORWARD -m set --match-set ports src -m set --match-set ports dst",
        "-A FORWARD -m set --match-set ports src --return-nomatch",
        "-A FORWARD -m set --match-set ports src --return-nomatch --return-nomatch",
        "-A FORWARD -m set --match-set ports src ! --return-nomatch",
        "-A FORWARD -m set --match-set ports src --update-counters --update-subcounters",
        "-A FORWARD -m set --match-set ports src ! --update-counters",
        "-A FORWARD -m set --match-set ports src ! --update-subcounters ! --update-counters --return-nomatch",
        "-A FORWARD -m set --match-set ports src --packets-eq 5 --bytes-eq 0x10",
        "-A FORWARD -m set --match-set ports src ! --packets-eq 5 ! --bytes-eq 7",
        "-A FORWARD -m set --match-set ports src --packets-lt 5 --bytes-gt 18446744073709551615",
        "-A FORWARD -m set --match-set ports src --packets-gt 5 --bytes-lt 7",
        "-A FORWARD -m set --match-set ports src ! --packets-gt 5",
        "-A FORWARD -m set --match-set ports src ! --bytes-lt 5",
        "-A FORWARD -m set --match-set ports src --packets-gt 5 --packets-lt 7",
        "-A FORWARD -m set --match-set ports src --bytes-gt 5 ! --bytes-lt 7",
        "-A FORWARD -m set --match-set ports src --packets-eq x",
        "-A FORWARD -m set --match-set ports src --bytes-gt 18446744073709551616",
        "-A FORWARD -m set --packets-eq 5",
        "-A FORWARD -j SET --add-set ports src",
        "-A FORWARD -j SET --add-set four src",
        "-A FORWARD -j SET --add-set six src",
        "-A FORWARD -j SET --del-set nothing src",
        "-A FORWARD -j SET --add-set ports",
        "-A FORWARD -j SET --del-set ports -i eth0",
    ];
    check_with_sets(Family::V4, MAKE_SETS, &SomeSets, &lines);
    check_with_sets(Family::V6, MAKE_SETS, &SomeSets, &lines);
}
