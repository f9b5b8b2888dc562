//! IRC: a client tells another where it waits.

use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};
use sluice_tests::frame::Packet;
use sluice_tests::frame::flags::{ACK, SYN};

use super::{Control, Ends, INWARDS, MASQUERADE, MASQUERADED, PLAIN, STATES, connect_back};
use crate::{FAR, INSIDE, INSIDE_2, OUTSIDE, ROUTER_OUT};

differential!(plain, masqueraded, to_a_server_inside, lines_that_announce_nothing, many, clash);

/// 10.1.0.2, as IRC writes it.
const INSIDE_NUMBER: u32 = 0x0a01_0002;

fn rules(more: &str) -> String {
    format!("*raw\n-A PREROUTING -p tcp --dport 6667 -j CT --helper irc\nCOMMIT\n{STATES}\n{more}")
}

fn enter(lab: &mut Lab, ends: Ends, port: u16) -> Control {
    let mut control = Control::connect(lab, ends, port, 6667);
    control.client(lab, "NICK me\r\n");
    control.server(lab, ":server 001 me :Welcome\r\n");
    control
}

fn says(command: &str, address: u32, port: u16) -> String {
    format!("PRIVMSG you :\x01DCC {command} file {address} {port} 77\x01\r\n")
}

/// Somebody connects to the client from outside.
fn come(lab: &mut Lab, from: &str, to: &str, port: u16) {
    for _ in 0..2 {
        lab.wan(&Packet::new(from, to).tcp((3000, port), SYN, 100, 0, b""));
    }
    lab.lan(&Packet::new(INSIDE, from).tcp((port, 3000), SYN | ACK, 900, 101, b""));
    lab.wan(&Packet::new(from, to).tcp((3000, port), ACK, 101, 901, b""));
}

fn plain() -> Scenario {
    Scenario::new(&rules(""), |lab| {
        let mut control = enter(lab, PLAIN, 4000);
        for (command, port) in ["SEND", "CHAT", "MOVE", "TSEND", "SCHAT"].iter().zip(2000..) {
            control.client(lab, &says(command, INSIDE_NUMBER, port));
            // From anywhere, once.
            come(lab, FAR, INSIDE, port);
            come(lab, OUTSIDE, INSIDE, port);
        }
        control.client(lab, "privmsg you :\x01DCC SEND f 167837698  2010\x01\n");
        come(lab, OUTSIDE, INSIDE, 2010);
        control.client(lab, " \r\nPRIVMSG you :\x01DCC SEND f 167837698 2011\x01\n");
        come(lab, OUTSIDE, INSIDE, 2011);
        // Not the server.
        control.server(lab, ":you PRIVMSG me :\x01DCC SEND f 3232235785 2012 7\x01\r\n");
        lab.lan(&Packet::new(INSIDE, OUTSIDE).tcp((3000, 2012), SYN, 100, 0, b""));
        control.close(lab);
    })
}

fn masqueraded() -> Scenario {
    Scenario::new(&rules(MASQUERADE), |lab| {
        let mut control = enter(lab, MASQUERADED, 4000);
        let said = control.client(lab, &says("SEND", INSIDE_NUMBER, 2000));
        assert_eq!(said, "PRIVMSG you :\x01DCC SEND file 3232235922 2000 77\x01\r\n");
        come(lab, FAR, ROUTER_OUT, 2000);
        control.server(lab, ":you PRIVMSG me :thanks\r\n");
        // The address that others see is its own too.
        control.client(lab, &says("CHAT", 0xc0a8_0192, 2001));
        connect_back(lab, MASQUERADED, 2001, 2001);
        control.client(lab, "PRIVMSG you :\x01DCC SEND f 0167837698  02002\x01\n");
        come(lab, OUTSIDE, ROUTER_OUT, 2002);
        control.client(lab, "PRIVMSG you :and again\r\n");
        // Another client waits at the same port.
        let ends = Ends { client: INSIDE_2, ..MASQUERADED };
        let mut other = enter(lab, ends, 4001);
        control.client(lab, &says("SEND", INSIDE_NUMBER, 65_535));
        other.client(lab, &says("SEND", 0x0a01_0003, 65_534));
        come(lab, OUTSIDE, ROUTER_OUT, 65_535);
        lab.wan(&Packet::new(FAR, ROUTER_OUT).tcp((3000, 65_534), SYN, 100, 0, b""));
        control.close(lab);
        lab.wan(&Packet::new(FAR, ROUTER_OUT).tcp((3001, 65_535), SYN, 100, 0, b""));
    })
}

fn to_a_server_inside() -> Scenario {
    let nat = "
        *nat
        -A PREROUTING -i wan0 -p tcp --dport 6667 -j DNAT --to-destination 10.1.0.2
        COMMIT";
    Scenario::new(&rules(nat), |lab| {
        let mut control = enter(lab, INWARDS, 4000);
        let said = control.client(lab, &says("SEND", 0xc0a8_0109, 2000));
        assert_eq!(said, says("SEND", 0xc0a8_0109, 2000));
        connect_back(lab, INWARDS, 2000, 2000);
        control.server(lab, ":you PRIVMSG me :thanks\r\n");
    })
}

fn lines_that_announce_nothing() -> Scenario {
    Scenario::new(&rules(""), |lab| {
        let mut control = enter(lab, PLAIN, 4000);
        for (port, line) in (2000..).zip([
            "PRIVMSG you :\x01DCC SEND f 167837699 2000 7\x01\r\n",
            "PRIVMSG you :\x01DCC SEND f 167837698 0 12345\x01\r\n",
            "PRIVMSG you :\x01DCC SEND f 167837698 2002 7\x01",
            "PRIVMSG you :\x01DCC RESUME f 167837698 2003\x01\r\n",
            "NOTICE you :\x01DCC SEND f 167837698 2004 7\x01\r\n",
            "PRIVMSG you : \x01DCC SEND f 167837698 2005 7\x01\r\n",
            "PRIVMSG you :hello :\x01DCC SEND f 167837698 2006\x01\r\n",
            "PRIVMSG you :\x01DCC SEND 167837698 2007\x01\r\n",
            "PRIVMSG you :\x01DCC SEND f 167837698x 2008 7\x01\r\n",
            "PRIVMSG you :\x01DCC CHAT c 167837698 2009\x01\n",
            "PRIVMSG y :\x01DCC SEND f 167837698 1\x01\n",
            "PRIVMSG you :\x01DCC SEND a file  167837698 2011 7\x01\r\n",
            "PRIVMSG you :\x01DCC SEND \"a file\" 167837698 2012 7\x01\r\n",
            "PRIVMSG you :\x01DCC SEND f 4462805002 2013 7\x01\r\n",
            "PRIVMSG you :\x01DCC SEND f 167837698 67550\x01\r\n",
            "PRIVMSG",
            "\r\n",
            "PING x\r\nPRIVMSG you :\x01DCC SEND f 167837698 2017 7\x01\r\n",
        ]) {
            control.client(lab, line);
            lab.wan(&Packet::new(OUTSIDE, INSIDE).tcp((3000, port), SYN, 100, 0, b""));
        }
        lab.wan(&Packet::new(OUTSIDE, INSIDE).tcp((3000, 1), SYN, 100, 0, b""));
    })
}

/// Eight at once; the oldest gives way.
fn many() -> Scenario {
    Scenario::new(&rules(""), |lab| {
        let mut control = enter(lab, PLAIN, 4000);
        for port in 2000..2008 {
            control.client(lab, &says("SEND", INSIDE_NUMBER, port));
        }
        // Again, which makes it the youngest.
        control.client(lab, &says("SEND", INSIDE_NUMBER, 2000));
        for port in 2008..2010 {
            control.client(lab, &says("SEND", INSIDE_NUMBER, port));
        }
        for port in 2000..2010 {
            come(lab, OUTSIDE, INSIDE, port);
        }
    })
}

/// Both seem to be the server to the client, from the same port: the second comes no further than to where its connection
/// would be confirmed.
fn clash() -> Scenario {
    let rules = rules(MASQUERADE) + "\n*filter\n-A FORWARD -p tcp --dport 2000\nCOMMIT";
    Scenario::new(&rules, |lab| {
        let mut control = enter(lab, MASQUERADED, 4000);
        control.client(lab, &says("SEND", INSIDE_NUMBER, 2000));
        lab.lan(&Packet::new(INSIDE_2, ROUTER_OUT).tcp((20, 2000), SYN, 100, 0, b""));
        control.client(lab, &says("SEND", INSIDE_NUMBER, 2000));
        lab.wan(&Packet::new(OUTSIDE, ROUTER_OUT).tcp((20, 2000), SYN, 100, 0, b""));
        lab.compare_counters("filter");
        lab.compare_counters("mangle");
    })
}
