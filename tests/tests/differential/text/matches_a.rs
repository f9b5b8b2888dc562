//! Matches by address range, content, time, counts and header fields.

use sluice_config::netfilter::Family;

use super::{check, check_both};

#[test]
fn limit() {
    check_both(&[
        "-A FORWARD -m limit -j ACCEPT",
        "-A FORWARD -m limit --limit 5/min --limit-burst 7 -j ACCEPT",
        "-A FORWARD -m limit --limit 20000/s -j ACCEPT",
        "-A FORWARD -m limit --limit foo -j ACCEPT",
    ]);
}

#[test]
fn icmp() {
    check(Family::V4, &["-A FORWARD -p icmp --icmp-type 8 -j ACCEPT"]);
}
