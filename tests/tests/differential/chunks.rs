//! Matches of SCTP's chunks, DCCP's types and options, and AH's index in the header that `-p` names, in both families.

use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};
use sluice_tests::frame::Packet;

use crate::matches::shown;

differential!(chunks, chunks_v6, dccp, dccp_v6, cut_short);

const CHUNKS: [&str; 11] = [
    "-p sctp -m sctp --chunk-types any DATA,INIT",
    "-p sctp -m sctp --chunk-types all SACK,DATA",
    "-p sctp -m sctp --chunk-types only SACK,DATA --dport 81",
    "-p sctp -m sctp ! --chunk-types any DATA --dport 82",
    "-p sctp -m sctp ! --chunk-types all DATA,SACK --dport 83",
    "-p sctp -m sctp ! --chunk-types only DATA,SACK --dport 84",
    "-p sctp -m sctp --chunk-types any DATA:Be --dport 85",
    "-p sctp -m sctp --chunk-types all DATA:U,ABORT:T --dport 86",
    "-p sctp -m sctp --chunk-types only DATA:u,ABORT --dport 87",
    "-p sctp -m sctp --chunk-types any I_DATA,ASCONF_ACK,FORWARD_TSN --dport 88",
    "-p sctp -m sctp --chunk-types only NONE --dport 89",
];

fn play_chunks(lab: &mut Lab, packet: &Packet) {
    let data: &[u8] = &[0, 3, 0, 17, 0, 0, 0, 1, 0, 1, 0, 1, 0, 0, 0, 0, b'x', 0, 0, 0];
    let urgent: &[u8] = &[0, 4, 0, 16, 0, 0, 0, 1, 0, 1, 0, 1, 0, 0, 0, 0];
    let sack: &[u8] = &[3, 0, 0, 16, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0];
    let (abort, kept): (&[u8], &[u8]) = (&[6, 0, 0, 4], &[6, 1, 0, 4]);
    for port in [80, 81, 82, 83, 84, 85, 86, 87, 88, 89] {
        for list in [
            &[data][..],
            &[sack],
            &[urgent],
            &[sack, data],
            &[sack, data, urgent],
            &[urgent, kept],
            &[urgent, abort],
            &[data, abort],
            &[&[64, 0, 0, 4]],
            &[sack, &[128, 0, 0, 4], &[192, 0, 0, 4]],
            // The last is longer than the packet; none at all; no length; half a header.
            &[sack, &[0, 3, 0, 99]],
            &[],
            &[sack, &[9, 0, 0, 0]],
            &[sack, &[0, 3]],
        ] {
            lab.lan(&packet.clone().sctp((1000, port), 0, &list.concat()));
        }
    }
}

fn chunks() -> Scenario {
    Scenario::new(&shown(&CHUNKS), |lab| {
        play_chunks(lab, &Packet::new(crate::INSIDE, crate::OUTSIDE));
    })
}

fn chunks_v6() -> Scenario {
    Scenario::new_v6(&shown(&CHUNKS), |lab| {
        play_chunks(lab, &Packet::new("fd00:1::2", "fd00:2::9"));
    })
}

const DCCP: [&str; 7] = [
    "-p dccp -m dccp --dccp-types REQUEST,ACK",
    "-p dccp -m dccp ! --dccp-types REQUEST,DATA --dport 81",
    "-p dccp -m dccp --dccp-types INVALID",
    "-p dccp -m dccp --dccp-option 38 --dport 82",
    "-p dccp -m dccp ! --dccp-option 38 --dport 83",
    "-p dccp -m dccp --dccp-types RESET,DATAACK --dccp-option 1 --dport 84",
    "-p dccp -m dccp --dccp-option 255 --dport 85",
];

fn play_dccp(lab: &mut Lab, packet: &Packet) {
    for port in [80, 81, 82, 83, 84, 85] {
        for kind in 0..12_u8 {
            for (long, words, options) in [
                (0, 8, &[][..]),
                (1, 8, &[38, 4, 1, 2, 0, 0, 0, 0]),
                (1, 9, &[0, 1, 38, 2, 255, 3, 38, 0]),
                (0, 3, &[]),
                (0, 60, &[]),
            ] {
                let header = [3, 0xe8, 0, port, words, 0, 0, 0, kind << 1 | long, 0, 0, 1];
                let bytes = [&header[..], &[2; 8], options, &[1; 24]].concat();
                lab.lan(&packet.clone().raw(33, &bytes));
            }
        }
    }
}

fn dccp() -> Scenario {
    Scenario::new(&shown(&DCCP), |lab| {
        play_dccp(lab, &Packet::new(crate::INSIDE, crate::OUTSIDE));
    })
}

fn dccp_v6() -> Scenario {
    Scenario::new_v6(&shown(&DCCP), |lab| {
        play_dccp(lab, &Packet::new("fd00:1::2", "fd00:2::9"));
    })
}

/// A header that is not all there is dropped by the rule that asks for it.
fn cut_short() -> Scenario {
    let rules = shown(&[
        "-p ah -m ah --ahspi 1:9",
        "-p esp -m esp ! --espspi 7",
        "-p sctp -m sctp --chunk-types any DATA",
        "-p dccp -m dccp --dccp-types DATA",
    ]);
    Scenario::new(&rules, |lab| {
        for protocol in [51, 50, 132, 33] {
            let packet = Packet::new(crate::INSIDE, crate::OUTSIDE).raw(protocol, &[0; 64]);
            for part in packet.fragments(&[24]) {
                lab.lan(&part);
            }
            for length in [3, 4, 7, 8, 11, 12, 15, 16] {
                let bytes = [&[0, 0, 0, 7, 0, 0, 0, 7][..], &[4; 8]].concat();
                let packet = Packet::new(crate::INSIDE, crate::OUTSIDE);
                lab.lan(&packet.raw(protocol, &bytes[..length]));
            }
        }
    })
}
