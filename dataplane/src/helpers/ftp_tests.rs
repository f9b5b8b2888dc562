use super::*;
use crate::address::{V4, V6};
use proptest::prelude::*;

const CLIENT: V4 = V4([10, 0, 0, 2]);

fn client(line: &str) -> Found<V4> {
    search(Direction::Original, line.as_bytes(), CLIENT)
}

fn server(line: &str) -> Found<V4> {
    search(Direction::Reply, line.as_bytes(), CLIENT)
}

fn found<A>(form: Form, at: usize, length: usize, address: A, port: u16) -> Found<A> {
    Found::Announced(Announced { form, at, length, address, port })
}

#[test]
fn what_clients_announce() {
    let port = |at, length| found(Form::Numbers, at, length, CLIENT, 1025);
    assert_eq!(client("PORT 10,0,0,2,4,1\r\n"), port(5, 12));
    assert_eq!(client("port 10,0,0,2,4,1\r\nmore"), port(5, 12));
    assert_eq!(client("PORTal of 10,0,0,2,4,1\r\n"), Found::Partial);
    assert_eq!(client("PORTal 10,0,0,2,4,1\r\n"), port(7, 12));
    assert_eq!(client("PORT 10,00,000,2,4,0001\r\n"), port(5, 18));
    let extended = |at, length| found(Form::Extended, at, length, CLIENT, 1025);
    assert_eq!(client("EPRT |1|10.0.0.2|1025|\r\n"), extended(5, 17));
    assert_eq!(client("eprt !1!10.0.0.2!1025!"), extended(5, 17));
    for nothing in ["USER me\r\n", "PASV\r\n", "227 (10,0,0,2,4,1)\r\n", "XPORT 1\r\n", "Q"] {
        assert_eq!(client(nothing), Found::Nothing, "{nothing}");
    }
    for partial in [
        "P",
        "epr",
        "PORT",
        "PORT ",
        "PORT 10,0,0,2,4,1",
        "PORT 10,0,0,2,4,1\n",
        "PORT 10,0,0,2,4\r\n",
        "PORT 10,0,0,2,4,1,2\r\n",
        "PORT ten\r\n",
        "EPRT |2|10.0.0.2|1025|\r\n",
        "EPRT |1|10.0.0.2|0|\r\n",
        "EPRT |1|10.0.0.2|1025\r\n",
        "EPRT 11110.0.0.2|1025|\r\n",
        "EPRT |1",
    ] {
        assert_eq!(client(partial), Found::Partial, "{partial}");
    }
}

#[test]
fn what_servers_announce() {
    let passive = |at, length| found(Form::Numbers, at, length, CLIENT, 1025);
    assert_eq!(server("227 Entering Passive Mode (10,0,0,2,4,1).\r\n"), passive(27, 12));
    assert_eq!(server("227 =10,0,0,2,4,1\r\n"), passive(5, 12));
    assert_eq!(server("227 Entering Passive Mode (10,0,0,2,4,1"), Found::Partial);
    assert_eq!(server("227 none\r\n"), Found::Partial);
    assert_eq!(server("229 (|||65535|)\r\n"), found(Form::PortAlone, 5, 9, CLIENT, 65_535));
    for partial in ["22", "227", "229 (|||0|)\r\n", "229 (||1|5|)\r\n", "229 |||5|\r\n", "229 (|||"]
    {
        assert_eq!(server(partial), Found::Partial, "{partial}");
    }
    for nothing in ["220 welcome\r\n", "PORT 10,0,0,2,4,1\r\n", "230 in\r\n"] {
        assert_eq!(server(nothing), Found::Nothing, "{nothing}");
    }
}

#[test]
fn addresses_of_ipv6() {
    let own = V6::from_ip("fd00:1::2".parse().unwrap()).unwrap();
    let found_at = |at, length| found(Form::Extended, at, length, own, 1025);
    let client = |line: &str| search(Direction::Original, line.as_bytes(), own);
    assert_eq!(client("EPRT |2|fd00:1::2|1025|\r\n"), found_at(5, 18));
    assert_eq!(client("EPRT |2|fd00:1:0:0:0:0:0:2|1025|\r\n"), found_at(5, 27));
    assert_eq!(client("EPRT |1|10.0.0.2|1025|\r\n"), Found::Partial);
    // As in the kernel: the numbers take the place of the first 32 bits.
    assert_eq!(
        client("PORT 253,0,0,1,4,1\r\n"),
        found(Form::Numbers, 5, 13, own, 1025),
        "fd00:0001"
    );
}

#[test]
fn what_is_written() {
    let text = |form, address, port| {
        String::from_utf8(written::<V4>(form, address, port).as_bytes().into()).unwrap()
    };
    assert_eq!(text(Form::Numbers, CLIENT, 1025), "10,0,0,2,4,1");
    assert_eq!(text(Form::Extended, V4([255; 4]), 65_535), "|1|255.255.255.255|65535|");
    assert_eq!(text(Form::PortAlone, CLIENT, 7), "|||7|");
    let v6 = V6::from_ip("fd00:1::abcd".parse().unwrap()).unwrap();
    let written = written(Form::Extended, v6, 65_535);
    assert_eq!(written.as_bytes(), b"|2|fd00:0001:0000:0000:0000:0000:0000:abcd|65535|");
}

proptest! {
    #[test]
    fn any_bytes_are_read(
        bytes in prop::collection::vec(any::<u8>(), 0..60),
        words in prop::sample::select(vec!["", "PORT ", "EPRT |1|", "EPRT |2|", "227 (", "229 (|||"]),
        few in "[0-9,.:|()\r\n ]{0,40}",
    ) {
        let v6 = V6([7; 16]);
        for rest in [&bytes[..], few.as_bytes()] {
            let line = [words.as_bytes(), rest].concat();
            for direction in [Direction::Original, Direction::Reply] {
                let found = [
                    search(direction, &line, CLIENT).length(), search(direction, &line, v6).length(),
                ];
                for (at, length) in found.into_iter().flatten() {
                    prop_assert!(at + length <= line.len());
                }
            }
        }
    }

    #[test]
    fn what_is_written_is_read(address: [u8; 4], v6: [u8; 16], port in 1_u16..) {
        let (own, v6) = (V4(address), V6(v6));
        let line = |before: &str, text: Text, behind: &str| {
            [before.as_bytes(), text.as_bytes(), behind.as_bytes()].concat()
        };
        let numbers = line("PORT ", written(Form::Numbers, own, port), "\r\n");
        let extended = line("EPRT ", written(Form::Extended, v6, port), "\r\n");
        let alone = line("229 (", written(Form::PortAlone, own, port), ")\r\n");
        for (found, is) in [
            (search(Direction::Original, &numbers, V4([0; 4])), own),
            (search(Direction::Reply, &alone, own), own),
        ] {
            let Found::Announced(found) = found else { panic!("{found:?}") };
            prop_assert_eq!((found.address, found.port), (is, port));
        }
        let found = search(Direction::Original, &extended, V6([0; 16]));
        let Found::Announced(found) = found else { panic!("{found:?}") };
        prop_assert_eq!((found.address, found.port), (v6, port));
    }
}

impl<A> Found<A> {
    fn length(&self) -> Option<(usize, usize)> {
        match self {
            Self::Announced(found) => Some((found.at, found.length)),
            Self::Nothing | Self::Partial => None,
        }
    }
}

#[test]
fn the_two_latest_beginnings_of_lines_are_known() {
    let mut lines = Lines::default();
    assert!(!lines.begin_at(0), "nothing is known");
    for seq in [0xffff_fff0, 5, 5, 0xffff_fff0] {
        lines.note(seq);
    }
    assert!(lines.begin_at(5) && lines.begin_at(0xffff_fff0) && !lines.begin_at(0));
    lines.note(40);
    assert!(lines.begin_at(5) && lines.begin_at(40) && !lines.begin_at(0xffff_fff0));
    lines.note(2);
    assert!(!lines.begin_at(2), "older than both");
}
