use super::*;
use proptest::prelude::*;

const LENGTHS: [usize; 15] = [144, 144, 4, 4, 4, 8, 156, 20, 208, 12, 16, 4, 136, 28, 12];

/// A whole message of that number; its body begins with these bytes.
fn message(number: u16, start: &[u8]) -> Vec<u8> {
    let length = LENGTHS[usize::from(number) - 1];
    let mut text = vec![0, 0, 0, 1, 0x1a, 0x2b, 0x3c, 0x4d];
    text.extend(number.to_be_bytes());
    text.extend([0, 0]);
    text.extend(start);
    text.resize(HEADER + length, 0);
    text
}

const NOTHING: Asked = Asked { expected: None, over: false, written: None };

fn client(control: &mut Control, number: u16, start: &[u8]) -> Asked {
    control.read(Direction::Original, &message(number, start), None)
}

fn server(control: &mut Control, number: u16, start: &[u8]) -> Asked {
    control.read(Direction::Reply, &message(number, start), None)
}

/// A connection whose session has begun.
fn begun() -> Control {
    let mut control = Control::default();
    assert_eq!(client(&mut control, 1, &[]), NOTHING);
    assert_eq!(server(&mut control, 2, &[1, 0, 1]), NOTHING);
    assert_eq!(control.session, Session::Confirmed);
    control
}

const fn keys(source: u16, destination: u16) -> Keys {
    Keys { source, destination }
}

#[test]
fn an_outgoing_call() {
    let mut control = begun();
    assert_eq!(client(&mut control, 7, &[0, 7]), NOTHING);
    let calls = Calls { client: keys(7, 9), server: keys(9, 7) };
    let expected = Asked { expected: Some(calls), ..NOTHING };
    assert_eq!(server(&mut control, 8, &[0, 9, 0, 6, 1]), NOTHING, "another's");
    assert_eq!(server(&mut control, 8, &[0, 9, 0, 7, 1]), expected);
    assert_eq!(server(&mut control, 8, &[0, 9, 0, 7, 1]), expected, "said twice");
    assert_eq!(client(&mut control, 12, &[0, 7]), NOTHING);
    assert_eq!(server(&mut control, 8, &[0, 9, 0, 7, 1]), NOTHING, "being cleared");
    assert_eq!(server(&mut control, 13, &[0, 9, 1]), Asked { over: true, ..NOTHING });
    assert_eq!(control.calls(), calls);
}

#[test]
fn an_incoming_call() {
    let mut control = begun();
    assert_eq!(server(&mut control, 11, &[0, 7]), NOTHING, "before any");
    assert_eq!(server(&mut control, 9, &[0, 9]), NOTHING);
    assert_eq!(client(&mut control, 10, &[0, 7, 0, 8, 1]), NOTHING, "another's");
    assert_eq!(server(&mut control, 11, &[0, 7]), NOTHING);
    client(&mut control, 10, &[0, 7, 0, 9, 1]);
    let calls = Calls { client: keys(7, 9), server: keys(9, 7) };
    assert_eq!(server(&mut control, 11, &[0, 7]).expected, Some(calls));
    server(&mut control, 9, &[0, 10]);
    client(&mut control, 10, &[0, 7, 0, 10, 2]);
    assert_eq!(server(&mut control, 11, &[0, 7]), NOTHING, "refused");
}

#[test]
fn a_translated_client_is_called_by_its_port() {
    let mut control = begun();
    let mut say = |direction, number, start: &[u8]| {
        control.read(direction, &message(number, start), Some(0x5000))
    };
    let (original, reply) = (Direction::Original, Direction::Reply);
    assert_eq!(say(original, 7, &[0, 7]).written, Some((12, 0x5000)));
    assert_eq!(say(reply, 8, &[0, 9, 0, 7, 1]), NOTHING);
    let asked = say(reply, 8, &[0, 9, 0x50, 0, 1]);
    assert_eq!(asked.written, Some((14, 7)));
    let calls = Calls { client: keys(7, 9), server: keys(9, 0x5000) };
    assert_eq!(asked.expected, Some(calls));
    assert_eq!(say(original, 12, &[0, 7]).written, Some((12, 0x5000)));
    for number in [14, 15] {
        assert_eq!(say(reply, number, &[0x50, 0]).written, Some((12, 7)));
    }
    assert_eq!(say(original, 15, &[0, 9]), NOTHING);
    let asked = say(reply, 13, &[0x50, 0]);
    assert_eq!((asked.over, asked.written), (true, Some((12, 7))));
    assert_eq!(control.calls(), Calls { client: keys(0x5000, 9), server: keys(9, 0x5000) });
}

#[test]
fn sessions_begin_and_end() {
    let mut control = Control::default();
    assert_eq!(server(&mut control, 2, &[1, 0, 1]), NOTHING);
    assert_eq!(control.session, Session::None, "nobody has asked");
    client(&mut control, 1, &[]);
    server(&mut control, 2, &[1, 0, 4]);
    assert_eq!(control.session, Session::Failed);
    client(&mut control, 1, &[]);
    assert_eq!(control.session, Session::Failed, "not again");
    server(&mut control, 4, &[1]);
    assert_eq!(control.session, Session::None);
    let mut control = begun();
    server(&mut control, 4, &[1]);
    assert_eq!(control.session, Session::Confirmed, "nobody has asked");
    client(&mut control, 3, &[]);
    client(&mut control, 7, &[0, 7]);
    assert_eq!(control.call, Call::None);
    server(&mut control, 4, &[2]);
    assert_eq!(control.session, Session::Failed);
}

#[test]
fn what_is_no_message() {
    let request = message(1, &[]);
    for at in [2, 3, 4, 5, 6, 7, 8, 9] {
        let mut text = request.clone();
        text[at] ^= 0x40;
        let mut control = Control::default();
        control.read(Direction::Original, &text, None);
        assert_eq!(control, Control::default());
    }
    for length in 0..request.len() {
        let mut control = Control::default();
        control.read(Direction::Original, &request[..length], None);
        assert_eq!(control, Control::default());
    }
    let mut control = Control::default();
    control.read(Direction::Original, &[&request[..], b"more"].concat(), None);
    assert_eq!(control.session, Session::Requested);
}

proptest! {
    #[test]
    fn any_bytes_are_safe(
        said in proptest::collection::vec(
            (any::<bool>(), 0..17_u16, 0..240_usize, any::<[u8; 5]>(), any::<Option<u16>>()), 0..40),
        noise in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut control = Control::default();
        control.read(Direction::Original, &noise, None);
        for (by_client, number, length, start, port) in said {
            let direction = if by_client { Direction::Original } else { Direction::Reply };
            let mut text = message(number.clamp(1, 15), &start.map(|byte| byte & 1));
            text[8..10].copy_from_slice(&number.to_be_bytes());
            text.truncate(length);
            let asked = control.read(direction, &text, port);
            if let Some((at, _)) = asked.written {
                prop_assert!(at + 2 <= text.len(), "what is written is there");
            }
        }
    }
}
