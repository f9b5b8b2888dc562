//! SANE: the port of a scan.

use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};

use super::{Control, Ends, MASQUERADE, MASQUERADED, PLAIN, PLAIN_V6, connect, rules};

differential!(plain, plain_v6, masqueraded);

const START: &str = "\0\0\0\x07\0\0\0\x01";

fn scans(lab: &mut Lab, ends: Ends) {
    let mut control = Control::connect(lab, ends, 4000, 6566);
    control.client(lab, START);
    control.server(lab, "\0\0\0\0\0\0\x04\x01\0\0\x12\x34");
    connect(lab, ends, 6000, 1024, 1024);
    connect(lab, ends, 6001, 1025, 1025);
    connect(lab, ends, 6002, 1025, 1025);
    // Not asked for, refused, of another size, with something before the port.
    control.server(lab, "\0\0\0\0\0\0\x04\x02\0\0\x12\x34");
    connect(lab, ends, 6003, 1026, 1026);
    for answer in ["\0\0\0\x01\0\0\x04\x03", "\0\0\0\0\0\x01\x04\x03", "\0\0\0\0\0\0\x04"] {
        control.client(lab, START);
        control.server(lab, answer);
        control.server(lab, "\0\0\0\0\0\0\x04\x03");
        connect(lab, ends, 6004, 1027, 1027);
    }
    control.client(lab, START);
    control.client(lab, "\0\0\0\x07\0\0\0\x01 ");
    control.server(lab, "\0\0\0\0\0\0\x04\x04");
    connect(lab, ends, 6005, 1028, 1028);
    control.client(lab, START);
    control.client(lab, "\0\0\0\x06\0\0\0\x01");
    control.server(lab, "\0\0\0\0\0\0\x04\x05");
    connect(lab, ends, 6006, 1029, 1029);
    control.close(lab);
}

fn plain() -> Scenario {
    Scenario::new(&rules(""), |lab| scans(lab, PLAIN))
}

fn plain_v6() -> Scenario {
    Scenario::new_v6(&rules(""), |lab| scans(lab, PLAIN_V6))
}

/// Rules say how the expected connection is translated.
fn masqueraded() -> Scenario {
    Scenario::new(&rules(MASQUERADE), |lab| scans(lab, MASQUERADED))
}
