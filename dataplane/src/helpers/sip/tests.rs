//! The protocol's logic on a connection that is only played.

use super::message::Rejected;
use super::sdp::Class;
use super::*;
use crate::address::{Address, L4Port, V4, V6};
use crate::conntrack::Direction;
use crate::tuple::Tuple;
use crate::wire::protocol::{TCP, UDP};
use proptest::prelude::*;
use std::ops::Range;

/// What a played connection has announced, and whether calls may come there yet.
type Expected<A> = (Announced<A>, bool);

struct Fake<A> {
    facts: Facts<A>,
    text: Vec<u8>,
    memory: Memory,
    expected: Vec<Expected<A>>,
    /// What others have announced.
    others: Vec<(Announced<A>, Refusal)>,
    grown: u32,
    redirected: Option<L4Port>,
    kept: bool,
    room: usize,
}

impl<A: Address> Conversation<A> for Fake<A> {
    fn facts(&self) -> Facts<A> {
        self.facts
    }
    fn text(&self) -> &[u8] {
        &self.text
    }
    fn replace(&mut self, place: Range<usize>, by: &[u8]) -> bool {
        assert!(place.end <= self.text.len());
        let fits = self.text.len() - place.len() + by.len() <= self.room;
        if fits {
            self.text.splice(place, by.iter().copied());
        }
        fits
    }
    fn has_grown(&mut self, by: u32) {
        self.grown = by;
    }
    fn redirect(&mut self, port: L4Port) {
        self.redirected = Some(port);
    }
    fn keep(&mut self) {
        self.kept = true;
    }
    fn memory(&mut self) -> Memory {
        self.memory
    }
    fn remember(&mut self, memory: Memory) {
        self.memory = memory;
    }
    fn announce(&mut self, announced: &Announced<A>) -> Result<(), Refusal> {
        let same = |other: &Announced<A>| {
            (other.destination, other.port) == (announced.destination, announced.port)
        };
        match self.others.iter().find(|(other, _)| same(other)) {
            Some((_, refusal)) => Err(*refusal),
            None => {
                self.expected.push((*announced, announced.class != Class::Signalling));
                Ok(())
            }
        }
    }
    fn announce_somewhere(&mut self, announced: &Announced<A>) -> Result<L4Port, Refusal> {
        self.announce(announced).map(|()| announced.port)
    }
    fn withdraw(&mut self) {
        self.expected.pop();
    }
    fn forget_media(&mut self) {
        self.expected.retain(|(announced, _)| announced.class == Class::Signalling);
    }
    fn forget_signalling(&mut self) {
        self.expected.retain(|(announced, _)| announced.class != Class::Signalling);
    }
    fn confirm_signalling(&mut self, protocol: u8, to: (A, L4Port), seconds: u32) -> bool {
        assert!(seconds > 0);
        let found = self.expected.iter_mut().find(|(announced, _)| {
            announced.class == Class::Signalling
                && (announced.protocol, announced.destination, announced.port)
                    == (protocol, to.0, to.1)
        });
        found.map(|(_, active)| *active = true).is_some()
    }
    fn known(&self, source: A, to: (A, L4Port)) -> Option<Known<A>> {
        let others = self.others.iter().map(|(other, _)| other);
        let mut known = others
            .filter(|other| (other.source, other.destination, other.port) == (source, to.0, to.1));
        known.next().map(|other| Known {
            own: false,
            alike: true,
            class: other.class,
            behind: other.behind,
        })
    }
}

const PHONE: V4 = V4([10, 1, 0, 2]);
const ROUTER: V4 = V4([192, 168, 1, 146]);
const SERVER: V4 = V4([192, 168, 1, 9]);

fn tuple<A: Address>(protocol: u8, source: A, destination: A) -> Tuple<A> {
    let port = L4Port::new(5060);
    Tuple {
        protocol,
        source,
        destination,
        source_port: port,
        destination_port: port,
        ..Tuple::default()
    }
}

/// A phone behind a router; what it or its server says.
fn says(direction: Direction, translated: bool, text: &str) -> Fake<V4> {
    let seen = if translated { ROUTER } else { PHONE };
    let (out, back) = (tuple(UDP, PHONE, SERVER), tuple(UDP, SERVER, seen));
    let (own, other) = match direction {
        Direction::Original => (out, back),
        Direction::Reply => (back, out),
    };
    Fake {
        facts: Facts { own, other, direction, translated, expected: false },
        text: text.replace('\n', "\r\n").into(),
        memory: Memory::default(),
        expected: Vec::new(),
        others: Vec::new(),
        grown: 0,
        redirected: None,
        kept: false,
        room: 1400,
    }
}

fn phone(translated: bool, text: &str) -> Fake<V4> {
    says(Direction::Original, translated, text)
}

impl<A: Address> Fake<A> {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.text).replace("\r\n", "\n")
    }
    fn ports(&self) -> Vec<u16> {
        self.expected.iter().map(|(announced, _)| announced.port.get()).collect()
    }
}

const INVITE: &str = "INVITE sip:you@192.168.1.9 SIP/2.0
Via: SIP/2.0/UDP 10.1.0.2:5060
CSeq: 3 INVITE
m: <sip:me@10.1.0.2>
l: 0

v=0
o=- 1 1 IN IP4 10.1.0.2
c=IN IP4 10.1.0.2
m=audio 4001 RTP/AVP 0
m=video 4010 RTP/AVP 31
c=IN IP4 10.1.0.2
";

#[test]
fn an_invitation_announces_pairs_of_its_media() {
    let mut plain = phone(false, INVITE);
    assert_eq!(read_datagram(&mut plain), Ok(()));
    assert_eq!((plain.ports(), plain.kept), (vec![4000, 4001, 4010, 4011], true));
    assert_eq!((plain.text(), plain.memory.invite), (INVITE.to_owned(), 3));
    let (first, _) = plain.expected[0];
    assert_eq!((first.source, first.destination, first.behind), (SERVER, PHONE, None));
}

#[test]
fn a_translated_invitation_is_written_as_the_other_end_knows_it() {
    let mut translated = phone(true, INVITE);
    assert_eq!(read_datagram(&mut translated), Ok(()));
    let expected = INVITE
        .replace("<sip:me@10.1.0.2>", "<sip:me@10.1.0.2:5060>")
        .replace("10.1.0.2", "192.168.1.146")
        .replace("l: 0", "l: 132");
    assert_eq!(translated.text(), expected);
    let (rtcp, _) = translated.expected[1];
    assert_eq!((rtcp.destination, rtcp.behind), (ROUTER, Some((PHONE, L4Port::new(4001)))));
}

#[test]
fn media_are_moved_where_others_have_their_ports() {
    let mut first = phone(true, INVITE);
    read_datagram(&mut first).unwrap();
    let mut second = phone(true, INVITE);
    second.others = vec![(first.expected[1].0, Refusal::Clash)];
    assert_eq!(read_datagram(&mut second), Ok(()));
    assert_eq!(second.ports(), [4002, 4003, 4010, 4011]);
    assert!(second.text().contains("m=audio 4002 RTP/AVP 0\n"));
    // The very same is not announced twice.
    second = phone(true, INVITE);
    second.others = vec![(first.expected[1].0, Refusal::Already)];
    assert_eq!((read_datagram(&mut second), second.expected), (Err(Rejected), vec![]));
    // Without translation it does not matter who has.
    second = phone(false, INVITE);
    let known = |class| Announced { destination: PHONE, class, ..first.expected[1].0 };
    second.others = vec![(known(Class::Video), Refusal::Already)];
    assert_eq!(read_datagram(&mut second), Ok(()));
    assert_eq!(second.ports(), [4000, 4010, 4011]);
    second = phone(false, INVITE);
    second.others = vec![(known(Class::Audio), Refusal::Already)];
    assert_eq!(read_datagram(&mut second), Ok(()));
    assert_eq!(second.ports(), [4010, 4011]);
}

#[test]
fn media_between_two_behind_one_router_go_straight() {
    let mut fake = phone(true, INVITE);
    let inside = (V4([10, 1, 0, 77]), L4Port::new(6001));
    let announced = Announced {
        class: Class::Audio,
        protocol: UDP,
        source: SERVER,
        destination: PHONE,
        port: L4Port::new(4001),
        behind: Some(inside),
    };
    fake.others = vec![(announced, Refusal::Already)];
    assert_eq!(read_datagram(&mut fake), Ok(()));
    assert!(fake.text().contains("m=audio 6000 RTP"));
    assert_eq!((fake.expected[0].0.destination, fake.expected[0].0.behind), (inside.0, None));
}

#[test]
fn calls_come_once_the_registrar_agrees() {
    const REGISTER: &str = "REGISTER sip:192.168.1.9 SIP/2.0
CSeq: 9 REGISTER
Contact: <sip:me@10.1.0.2>;expires=60
Expires: 0

";
    let mut fake = phone(true, REGISTER);
    assert_eq!(read_datagram(&mut fake), Ok(()));
    assert!(fake.text().contains("<sip:me@192.168.1.146:5060>;expires=60"));
    let mut answer = |text: &str, active: Option<bool>| {
        let mut answered = says(Direction::Reply, true, text);
        (answered.memory, answered.expected) = (fake.memory, fake.expected.clone());
        assert_eq!(read_datagram(&mut answered), Ok(()), "{text}");
        assert_eq!(answered.expected.first().map(|(_, active)| *active), active, "{text}");
        fake.expected = answered.expected;
    };
    let contact = "Contact: <sip:you@192.168.1.9>\nContact: <sip:me@192.168.1.146:5060>";
    answer(&format!("SIP/2.0 100 Trying\nCSeq: 9 REGISTER\n{contact}\n\n"), Some(false));
    answer("SIP/2.0 200 OK\nCSeq: 8 REGISTER\n\n", Some(false));
    answer(&format!("SIP/2.0 200 OK\nCSeq: 9 REGISTER\nExpires: 5\n{contact}\n\n"), Some(true));
    answer("SIP/2.0 200 OK\nCSeq: 9 REGISTER\n\n", None);
}

#[test]
fn a_phone_that_listens_elsewhere_is_answered_there() {
    let mut fake = says(Direction::Reply, true, "SIP/2.0 200 OK\nCSeq: 1 OPTIONS\n\n");
    fake.memory.listens = L4Port::new(5070);
    assert_eq!(read_datagram(&mut fake), Ok(()));
    assert_eq!(fake.redirected, Some(L4Port::new(5070)));
    let mut fake = phone(true, "OPTIONS sip:x SIP/2.0\nVia: SIP/2.0/UDP 10.1.0.2:5070\n\n");
    assert_eq!(read_datagram(&mut fake), Ok(()));
    assert_eq!((fake.memory.listens.get(), fake.redirected), (5070, None));
}

#[test]
fn segments_have_several_messages() {
    let one = "OPTIONS sip:x SIP/2.0\nl: 4\nm: sip:10.1.0.2\n\nbody";
    let grown = one.replace("10.1.0.2", "192.168.1.146:5060");
    let mut fake = phone(true, &format!("{one}{one}and"));
    (fake.facts.own.protocol, fake.facts.other.protocol) = (TCP, TCP);
    assert_eq!(read_segment(&mut fake), Ok(()));
    assert_eq!((fake.text(), fake.grown), (format!("{grown}{grown}and"), 20));
    let mut fake = phone(true, &format!("{one}{}", &one[..one.len() - 1]));
    assert_eq!(read_segment(&mut fake), Ok(()));
    assert_eq!((fake.text().len(), fake.grown), (2 * one.len() + 9, 0));
}

#[test]
fn where_there_is_no_room_a_packet_is_dropped() {
    let mut fake = phone(true, INVITE);
    read_datagram(&mut fake).unwrap();
    for room in phone(true, INVITE).text.len()..fake.text.len() {
        let mut fake = Fake { room, ..phone(true, INVITE) };
        assert_eq!(read_datagram(&mut fake), Err(Rejected), "{room}");
    }
}

fn v6_phone(text: Vec<u8>) -> Fake<V6> {
    let address = |last: u8| V6([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
    let (own, other) = (tuple(UDP, address(2), address(9)), tuple(UDP, address(9), address(7)));
    let facts =
        Facts { own, other, direction: Direction::Reply, translated: true, expected: false };
    Fake {
        facts,
        text,
        memory: Memory { listens: L4Port::new(5070), ..Memory::default() },
        expected: Vec::new(),
        others: Vec::new(),
        grown: 0,
        redirected: None,
        kept: false,
        room: 1400,
    }
}

/// Messages that are nearly right.
fn nearly_messages() -> impl Strategy<Value = String> {
    let right = prop_oneof![
        Just(INVITE.to_owned()),
        Just(INVITE.replace("10.1.0.2", "fd00::2").replace("IP4", "IP6")),
        Just(INVITE.replace("INVITE", "REGISTER").replace("l: 0", "Expires: 60\nl: 0")),
        Just(INVITE.replace("INVITE sip:you@192.168.1.9 SIP/2.0", "SIP/2.0 200 OK")),
        Just(
            INVITE
                .replace("10.1.0.2", "[fd00::2]")
                .replace("5060", "5060;maddr=[fd00::2];rport=5060;received=fd00::9")
        ),
    ];
    let edits =
        prop::collection::vec((any::<prop::sample::Index>(), 0_usize..6, "[ -~\r\n\t]{0,4}"), 0..6);
    (right, edits).prop_map(|(mut text, edits)| {
        for (at, length, other) in edits {
            let at = at.index(text.len() + 1);
            let end = (at + length).min(text.len());
            text.replace_range(at..end, &other);
        }
        text.replace('\n', "\r\n")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn no_message_is_too_strange(text in nearly_messages(), more in nearly_messages(), translated: bool, back: bool, room in 0_usize..1400) {
        let direction = if back { Direction::Reply } else { Direction::Original };
        let text = format!("{text}{more}");
        for read in [read_datagram::<V4>, read_segment::<V4>] {
            let mut fake = says(direction, translated, "");
            (fake.text, fake.room) = (text.clone().into(), text.len() + room);
            let _ = read(&mut fake);
        }
        for read in [read_datagram::<V6>, read_segment::<V6>] {
            let _ = read(&mut v6_phone(text.clone().into()));
        }
    }

    #[test]
    fn no_bytes_are_too_strange(text: Vec<u8>) {
        let _ = read_datagram(&mut v6_phone(text.clone()));
        let _ = read_segment(&mut v6_phone(text));
    }
}
