//! Datagrams in fragments, and whole ones with the header of a fragment.

use super::{INSIDE, OUTSIDE, ROUTER_IN, STATEFUL, out};
use crate::fragments::play_marks;
use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};
use sluice_tests::frame::{FRAGMENT, Packet, UDP, flags};

differential!(
    marks_of_congestion,
    alone_untracked,
    alone_tracked,
    alone_translated,
    padding_for_the_router
);

fn marks_of_congestion() -> Scenario {
    Scenario::new_v6(STATEFUL, |lab| play_marks(lab, out))
}

/// `inner` behind the header of a fragment that is all there is, with these bits in it.
fn alone(inner: &Packet, before: &[u8], bits: (u8, u16)) -> Packet {
    let (reserved, place) = bits;
    let [high, low] = place.to_be_bytes();
    let [id_high, id_low] = inner.id.to_be_bytes();
    let header = [inner.protocol, reserved, high, low, 0, 0, id_high, id_low];
    let mut packet = inner.clone();
    packet.payload = [before, &header[..], &inner.payload[..]].concat();
    packet.protocol = if before.is_empty() { FRAGMENT } else { 60 };
    packet
}

const BITS: [(u8, u16); 4] = [(0, 0), (1, 0), (0, 2), (0, 6)];
/// Destination options, of which the next header is that of a fragment.
const OPTIONS: [u8; 8] = [FRAGMENT, 0, 1, 4, 0, 0, 0, 0];

fn play(lab: &mut Lab) {
    for bits in BITS {
        lab.lan(&alone(&out().udp(1000, 53, b"whole").tos(0x11), &[], bits));
    }
    for packet in [
        out().udp(1001, 53, b""),
        out().udp(1002, 53, &[7; 1436]),
        out().tcp((1000, 80), flags::SYN, 1, 0, b""),
        out().ping(7, 1, b"echo"),
        out().raw(99, b"any"),
    ] {
        lab.lan(&alone(&packet, &[], (0, 0)));
        lab.lan(&alone(&packet, &OPTIONS, (0, 0)));
    }
    // What holds nothing at all is never complete.
    lab.lan(&alone(&out().raw(59, b"").id(9), &[], (0, 0)));
    // Options behind it; others before, hop by hop.
    let udp = out().udp(1003, 53, b"behind").payload;
    let behind = out().raw(60, &[&[UDP, 0, 1, 4, 0, 0, 0, 0][..], &udp[..]].concat());
    lab.lan(&alone(&behind, &[], (0, 0)));
    let mut hop = alone(&out().udp(1004, 53, b"hop"), &[], (0, 0));
    hop.options = vec![1, 4, 0, 0, 0, 0];
    lab.lan(&hop);
    // The last hop, and for the router itself.
    lab.lan(&alone(&out().udp(1005, 53, b"last").ttl(1), &[], (0, 0)));
    for size in [4, 1400] {
        let ping = Packet::new(INSIDE, ROUTER_IN).ping(7, 1, &vec![7; size]);
        lab.lan(&alone(&ping, &[], (0, 0)));
    }
    lab.lan(&alone(&Packet::new(INSIDE, ROUTER_IN).udp(1000, 9, b"closed"), &[], (0, 0)));
}

fn answered(lab: &mut Lab) {
    play(lab);
    lab.wan(&alone(&Packet::new(OUTSIDE, INSIDE).udp(53, 1000, b"answer"), &[], (0, 0)));
}

fn alone_untracked() -> Scenario {
    Scenario::new_v6("", answered)
}

fn alone_tracked() -> Scenario {
    Scenario::new_v6(STATEFUL, answered)
}

fn alone_translated() -> Scenario {
    Scenario::new_v6(super::SNAT, |lab| {
        play(lab);
        let back = Packet::new(OUTSIDE, "fd00:2::1").udp(53, 1000, b"answer");
        lab.wan(&alone(&back, &[], (0, 0)));
    })
}

/// Options of a packet for the router are looked at, those of one that goes on are not.
fn padding_for_the_router() -> Scenario {
    Scenario::new_v6("", |lab| {
        for to in [ROUTER_IN, OUTSIDE] {
            let ping = Packet::new(INSIDE, to).ping(7, 1, b"echo");
            let mut play = |options: &[u8]| {
                let units = u8::try_from((options.len() + 2) / 8 - 1).unwrap();
                let header = [&[58, units], options].concat();
                lab.lan(&Packet::new(INSIDE, to).raw(60, &[&header[..], &ping.payload].concat()));
            };
            play(&[1, 4, 0, 0, 0, 0]);
            play(&[0; 6]);
            play(&[0; 14]);
            play(&[1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            play(&[1, 5, 0, 0, 0, 0, 0, 1, 5, 0, 0, 0, 0, 0]);
            play(&[0, 1, 4, 0, 0, 0, 0, 1, 5, 0, 0, 0, 0, 0]);
            play(&[1, 4, 0, 7, 0, 0]);
            play(&[1, 3, 0, 0, 0, 0]);
            play(&[1, 3, 0, 0, 0, 0x1e]);
            play(&[0x1e, 4, 1, 2, 3, 4]);
            play(&[0x5e, 4, 1, 2, 3, 4]);
            play(&[0x9e, 4, 1, 2, 3, 4]);
            play(&[0xde, 4, 1, 2, 3, 4]);
            play(&[1, 9, 0, 0, 0, 0]);
            play(&[0x1e, 2, 1, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        }
    })
}
