//! Owns the scenarios of IPv4 datagrams in fragments that take more than putting them together.

use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};
use sluice_tests::frame::{Packet, flags};

use crate::conntrack::STATEFUL;
use crate::{INSIDE, OUTSIDE};

differential!(
    marks_of_congestion,
    marks_of_congestion_untracked,
    headers_in_pieces,
    headers_in_pieces_translated
);

fn out() -> Packet {
    Packet::new(INSIDE, OUTSIDE)
}

/// Every two marks, and three where these differ (RFC 3168 section 5.3).
pub(crate) fn play_marks(lab: &mut Lab, out: fn() -> Packet) {
    let mut id = 0x2000;
    let mut play = |marks: &[u8]| {
        id += 1;
        let packet = out().tos(0x20).udp(1000 + id, 53, &[7; 64]).id(id);
        for (part, mark) in packet.fragments(&[16, 24][..marks.len() - 1]).iter().zip(marks) {
            let tos = 0x20 | mark;
            lab.lan(&part.clone().tos(tos));
        }
    };
    for first in 0..4 {
        for second in 0..4 {
            play(&[first, second]);
        }
    }
    for marks in [[1, 2, 3], [3, 1, 1], [2, 2, 1], [0, 1, 2], [3, 3, 0]] {
        play(&marks);
    }
}

fn marks_of_congestion() -> Scenario {
    Scenario::new(STATEFUL, |lab| play_marks(lab, out))
}

fn marks_of_congestion_untracked() -> Scenario {
    Scenario::new("", |lab| play_marks(lab, out))
}

fn play_pieces(lab: &mut Lab) {
    let mut id = 0x2000;
    for data in [0, 64, 100] {
        for sizes in
            [&[8][..], &[16], &[8, 8], &[16, 8], &[8, 8, 8], &[8, 16], &[24], &[24, 8], &[32]]
        {
            id += 1;
            let packet = out().tcp((id, 80), flags::SYN, 1, 0, &vec![7; data]).id(id);
            for part in packet.fragments(sizes) {
                lab.lan(&part);
            }
        }
    }
}

fn headers_in_pieces() -> Scenario {
    Scenario::new(STATEFUL, play_pieces)
}

fn headers_in_pieces_translated() -> Scenario {
    let rules = "
        *nat
        -A POSTROUTING -o wan0 -j SNAT --to-source 192.168.1.146
        COMMIT";
    Scenario::new(rules, play_pieces)
}
