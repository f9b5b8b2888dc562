//! H.323: many channels, those of several callers, and messages that cannot be read as they stand.

use sluice_tests::differential;
use sluice_tests::differential::Scenario;

use super::encoder::{Channel, Per, Said, Signal, tpkt};
use super::{Talk, at, compare_expected, rules, stream};
use crate::INSIDE_2;
use crate::helpers::{Ends, MASQUERADE, MASQUERADED, PLAIN};

differential!(many_channels, of_two_callers, twice_the_same, odd_messages);

/// Four channels are translated, and of what is expected the oldest gives way.
fn many_channels() -> Scenario {
    Scenario::new(&rules(MASQUERADE), |lab| {
        let ends = MASQUERADED;
        let mut talk = Talk::open(lab, ends, [4000, 1720, 1720]);
        for ports in [[5000, 5001], [5001, 5002], [5004, 5006], [5008, 5009], [1, 65_535]] {
            let said = Said {
                fast_start: ports
                    .map(|port| Channel::of(at(ends.client, port), None).open(Per::new()))
                    .to_vec(),
                ..Said::default()
            };
            talk.client(lab, &tpkt(&said.q931(Signal::Connect)));
            compare_expected(lab);
        }
        let mut control = Talk::open(lab, ends, [4001, 1720, 1720]);
        for port in 1500..1522 {
            let data = Channel { stack: at(ends.client, port), ..Channel::default() };
            let said = Said { tunnelled: vec![data.response()], ..Said::default() };
            control.client(lab, &tpkt(&said.q931(Signal::Alerting)));
        }
        compare_expected(lab);
    })
}

/// Both have the same ports.
fn of_two_callers() -> Scenario {
    Scenario::new(&rules(MASQUERADE), |lab| {
        let ends = MASQUERADED;
        let other = Ends { client: INSIDE_2, ..ends };
        for (ends, from) in [(ends, 4000), (other, 4001)] {
            let mut talk = Talk::open(lab, ends, [from, 1720, 1720]);
            for (media, control) in [(5000, 5001), (5000, 5001), (5002, 5003)] {
                let channel = Channel::of(at(ends.client, media), at(ends.client, control));
                let said = Said { fast_start: vec![channel.open(Per::new())], ..Said::default() };
                talk.client(lab, &tpkt(&said.q931(Signal::Setup)));
                compare_expected(lab);
            }
        }
        stream(lab, ends, [5000, 5000], 6000);
        // What the other has said first has given way to what it has said last.
        stream(lab, other, [5002, 5004], 6000);
        stream(lab, other, [5003, 5005], 6001);
    })
}

/// Two calls of one caller announce the same: without translation the second does not pass.
fn twice_the_same() -> Scenario {
    Scenario::new(&rules(""), |lab| {
        let ends = PLAIN;
        let mut talks = [4000, 4001].map(|from| Talk::open(lab, ends, [from, 1720, 1720]));
        let (media, stack) = (at(ends.client, 5000), at(ends.client, 1503));
        let data = Channel { stack, ..Channel::default() };
        for said in [
            Said { h245: at(ends.client, 1731), ..Said::default() },
            Said { fast_start: vec![Channel::of(media, None).open(Per::new())], ..Said::default() },
            Said { tunnelled: vec![data.response()], ..Said::default() },
        ] {
            for talk in &mut talks {
                talk.client(lab, &tpkt(&said.q931(Signal::Alerting)));
                compare_expected(lab);
            }
        }
    })
}

/// What cannot be read, or not to its end, and what stands beside it.
fn odd_messages() -> Scenario {
    Scenario::new(&rules(MASQUERADE), |lab| {
        let ends = MASQUERADED;
        let mut talk = Talk::open(lab, ends, [4000, 1720, 1720]);
        let said = Said {
            h245: at(ends.client, 1731),
            source: at(ends.client, 4000),
            fast_start: vec![Channel::of(at(ends.client, 5000), None).open(Per::new())],
            tunnelled: vec![
                Channel { stack: at(ends.client, 1503), ..Channel::default() }.response(),
            ],
            ..Said::default()
        };
        for signal in [Signal::Setup, Signal::Progress] {
            let message = said.q931(signal);
            // Every octet in its turn is another.
            for at in 0..message.len() {
                let mut message = message.clone();
                message[at] ^= 1 << (at % 8) | 0x10;
                talk.client(lab, &tpkt(&message));
                if at % 20 == 0 {
                    compare_expected(lab);
                }
            }
            // It ends too early, in the segment and by its own account.
            for end in (0..message.len()).step_by(7) {
                talk.client(lab, &tpkt(&message[..end]));
                let mut shorter = message.clone();
                shorter[16] = shorter[16].wrapping_sub(end as u8);
                talk.client(lab, &tpkt(&shorter));
            }
            compare_expected(lab);
        }
    })
}
