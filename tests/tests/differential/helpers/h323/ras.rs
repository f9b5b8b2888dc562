//! H.323: registrations, admissions and what gatekeepers say.

use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};

use super::encoder::{Said, Signal, tpkt};
use super::ras_encoder::{
    admission_confirm, admission_request, gatekeeper_confirm, gatekeeper_request, info_response,
    location_confirm, location_request, registration_confirm, registration_request,
    unregistration_request,
};
use super::{Talk, at, compare_expected, connect, rules, turned};
use crate::FAR;
use crate::helpers::{Ends, INWARDS, MASQUERADE, MASQUERADED, PLAIN, PLAIN_V6};

differential!(
    plain,
    plain_v6,
    masqueraded,
    to_a_gatekeeper_inside,
    from_a_gatekeeper,
    another_gatekeeper,
    odd_messages,
);

const GATEKEEPER_INSIDE: &str = "
    *nat
    -A PREROUTING -i wan0 -p udp --dport 1719 -j DNAT --to-destination 10.1.0.2
    COMMIT";

fn ask(lab: &mut Lab, ends: Ends, said: &[u8]) {
    ends.by_client(lab, |packet| packet.udp(1718, 1719, said));
}

fn answer(lab: &mut Lab, ends: Ends, said: &[u8]) {
    ends.by_server(lab, |packet| packet.udp(1719, 1718, said));
}

/// An endpoint registers, is called, calls, and goes.
fn register(lab: &mut Lab, ends: Ends, far: &'static str) {
    let place = |address, port| at(address, port).unwrap();
    let own = |port| place(ends.client, port);
    let seen = |port| place(ends.client_seen, port);
    ask(lab, ends, &gatekeeper_request(own(1718)));
    answer(lab, ends, &gatekeeper_confirm(place(ends.server, 1719)));
    ask(lab, ends, &registration_request(&[own(1720), own(1721)], &[own(1718)], Some(900)));
    compare_expected(lab);
    answer(lab, ends, &registration_confirm(&[place(ends.server, 1720), seen(1720)], None));
    lab.compare_timeouts();
    // What is expected does not last as long.
    lab.compare_tool("conntrack -L expect 2>/dev/null | awk '$1 > 240'");
    // The gatekeeper calls, more than once; each call has its helper.
    for port in [3000, 3001] {
        let mut call = Talk::open(lab, turned(ends), [port, 1720, 1720]);
        let said = Said { h245: at(ends.server, port - 1000), ..Said::default() };
        call.client(lab, &tpkt(&said.q931(Signal::Setup)));
        let said = Said { h245: at(ends.client, port - 1010), ..Said::default() };
        call.server(lab, &tpkt(&said.q931(Signal::Connect)));
        compare_expected(lab);
    }
    // It wants to call.
    ask(lab, ends, &admission_request(None, Some(own(1720))));
    ask(lab, ends, &admission_request(Some(place(far, 1720)), Some(own(1725))));
    answer(lab, ends, &admission_confirm(place(far, 1726)));
    compare_expected(lab);
    let beyond = Ends { server: far, server_seen: far, ..ends };
    for port in [3002, 3003] {
        connect(lab, beyond, [port, 1726, 1726]);
    }
    // It wants to answer.
    ask(lab, ends, &admission_request(Some(own(1720)), Some(own(1720))));
    answer(lab, ends, &admission_confirm(seen(1720)));
    ask(lab, ends, &location_request(own(1718)));
    answer(lab, ends, &location_confirm(place(far, 1727), place(far, 1719)));
    ask(lab, ends, &info_response(own(1718), &[own(1729), own(1720)]));
    compare_expected(lab);
    // Again, otherwise, for so long.
    ask(lab, ends, &registration_request(&[own(1720)], &[own(1718)], None));
    answer(lab, ends, &registration_confirm(&[seen(1720)], Some(60)));
    lab.compare_timeouts();
    compare_expected(lab);
    ask(lab, ends, &unregistration_request(&[own(1720)]));
    lab.compare_timeouts();
    compare_expected(lab);
    ask(lab, ends, &admission_request(Some(own(1720)), None));
    connect(lab, turned(ends), [3004, 1720, 1720]);
}

fn plain() -> Scenario {
    Scenario::new(&rules(""), |lab| register(lab, PLAIN, FAR))
}

fn plain_v6() -> Scenario {
    Scenario::new_v6(&rules(""), |lab| register(lab, PLAIN_V6, "2001:db8::7"))
}

fn masqueraded() -> Scenario {
    Scenario::new(&rules(MASQUERADE), |lab| register(lab, MASQUERADED, FAR))
}

fn to_a_gatekeeper_inside() -> Scenario {
    Scenario::new(&rules(GATEKEEPER_INSIDE), |lab| register(lab, INWARDS, FAR))
}

/// The gatekeeper is inside, and all that an endpoint says it says.
fn from_a_gatekeeper() -> Scenario {
    Scenario::new(&rules(GATEKEEPER_INSIDE), |lab| {
        let ends = INWARDS;
        let own = |port| at(ends.server, port).unwrap();
        ask(lab, ends, b"");
        answer(lab, ends, &gatekeeper_request(own(1719)));
        answer(lab, ends, &registration_request(&[own(1720)], &[own(1719)], None));
        compare_expected(lab);
        answer(lab, ends, &info_response(own(1719), &[own(1720)]));
        answer(lab, ends, &location_request(own(1719)));
        answer(lab, ends, &admission_request(Some(own(1720)), None));
        let seen = at(ends.server_seen, 1720).unwrap();
        ask(lab, ends, &registration_confirm(&[seen], Some(77)));
        ask(lab, ends, &admission_confirm(seen));
        connect(lab, ends, [3000, 1720, 1720]);
        answer(lab, ends, &unregistration_request(&[own(1720)]));
        compare_expected(lab);
    })
}

/// A gatekeeper names another port, where the helper goes on; but there nobody names another again.
fn another_gatekeeper() -> Scenario {
    Scenario::new(&rules(MASQUERADE), |lab| {
        let ends = MASQUERADED;
        let place = |address, port| at(address, port).unwrap();
        ask(lab, ends, &gatekeeper_request(place(ends.client, 1718)));
        answer(lab, ends, &gatekeeper_confirm(place(ends.server, 1750)));
        compare_expected(lab);
        let request = registration_request(
            &[place(ends.client, 1720)],
            &[place(ends.client, 1718)],
            Some(600),
        );
        ends.by_client(lab, |packet| packet.udp(1718, 1750, &request));
        compare_expected(lab);
        let confirm = gatekeeper_confirm(place(ends.server, 1760));
        ends.by_server(lab, |packet| packet.udp(1750, 1718, &confirm));
        compare_expected(lab);
        lab.compare_timeouts();
    })
}

fn odd_messages() -> Scenario {
    Scenario::new(&rules(MASQUERADE), |lab| {
        let ends = MASQUERADED;
        let place = |address, port| at(address, port).unwrap();
        let own = |port| place(ends.client, port);
        // The loopback address first.
        let local = place("127.0.0.1", 1720);
        ask(lab, ends, &registration_request(&[local, own(1720)], &[local, own(1718)], None));
        compare_expected(lab);
        answer(lab, ends, &registration_confirm(&[local, own(1720)], None));
        ask(lab, ends, &info_response(own(1718), &[local, own(1720)]));
        ask(lab, ends, &unregistration_request(&[local, own(1720)]));
        // More addresses than count, of which the last is the endpoint's.
        for count in [9, 10, 11] {
            let mut many: Vec<_> = (0..count).map(|port| place(FAR, 1000 + port)).collect();
            many.push(own(1800 + count));
            ask(lab, ends, &registration_request(&many, &[own(1718)], None));
        }
        compare_expected(lab);
        // A time to live is read with as much behind it; octets that are otherwise, and an early end.
        let message = registration_request(&[own(1720)], &[own(1718)], Some(700));
        for end in 0..message.len() {
            ask(lab, ends, &message[..end]);
        }
        compare_expected(lab);
        for change in [0x41, 0x80, 0x16] {
            for at in 0..message.len() {
                let mut message = message.clone();
                message[at] ^= change;
                ask(lab, ends, &message);
            }
        }
        compare_expected(lab);
    })
}
