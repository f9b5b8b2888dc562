//! Owns the least scenarios of differences that random rounds have found behind IPv6 extension headers.

use sluice_tests::differential;
use sluice_tests::differential::Scenario;
use sluice_tests::frame::{FRAGMENT, Packet, TCP, flags};

const INSIDE: &str = "fd00:1::2";
const OUTSIDE: &str = "fd00:2::9";

differential!(an_mss_behind_a_fragment_header, an_error_comes_from_where_its_cause_came);

/// The eight bytes of that header are no data of the segment's.
fn an_mss_behind_a_fragment_header() -> Scenario {
    let rules = "
        *mangle
        -A FORWARD -p tcp --syn -j TCPMSS --set-mss 536
        COMMIT";
    Scenario::new_v6(rules, |lab| {
        for (options, data) in
            [(&[4, 2, 1, 1][..], &b""[..]), (&[], b""), (&[], b"data"), (&[2, 4, 5, 180], b"")]
        {
            let ports = (1000, 80);
            let segment = Packet::new(INSIDE, OUTSIDE);
            let segment = segment.tcp_with(ports, flags::SYN, [1, 0], options, data);
            lab.lan(&segment);
            // Whole, and the first of two.
            for more in [0, 1] {
                let header = [TCP, 0, 0, more, 0, 0, 0, 7];
                lab.lan(&segment.clone().raw(FRAGMENT, &[&header[..], &segment.payload].concat()));
            }
        }
    })
}

/// A source that is reached by another interface than the packet came in by.
fn an_error_comes_from_where_its_cause_came() -> Scenario {
    let rules = "
        *filter
        -A FORWARD -p udp --dport 53 -j REJECT
        COMMIT";
    Scenario::new_v6(rules, |lab| {
        for source in [INSIDE, OUTSIDE, "2001:db8:7::7"] {
            for destination in [OUTSIDE, INSIDE, "2001:db8:7::9"] {
                let packet = Packet::new(source, destination).udp(1000, 53, b"");
                lab.lan(&packet);
                lab.wan(&packet);
                lab.lan(&packet.clone().ttl(1));
                lab.wan(&packet.ttl(1));
            }
        }
    })
}
