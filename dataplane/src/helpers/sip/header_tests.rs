use super::*;
use crate::address::{V4, V6};
use proptest::prelude::*;

fn all(text: &str, header: EndpointHeader) -> Vec<(String, u16)> {
    let mut walk = Walk::default();
    let mut found = Vec::new();
    while let Some(endpoint) = next_endpoint::<V4>(text.as_bytes(), header, &mut walk) {
        let address = std::net::Ipv4Addr::from(endpoint.address.0);
        found.push((address.to_string(), endpoint.port.get()));
    }
    found
}

fn contacts(headers: &str) -> Vec<(String, u16)> {
    all(&format!("X\r\n{headers}\r\n\r\n"), EndpointHeader::Contact)
}

#[test]
fn contacts_are_found_in_lists_and_on_continued_lines() {
    let one = ("10.0.0.1".to_owned(), 5060);
    let two = ("10.0.0.2".to_owned(), 5070);
    let both = vec![one.clone(), two.clone()];
    assert_eq!(contacts("Contact: <sip:a@10.0.0.1>,\r\n <sip:10.0.0.2:5070>"), both);
    assert_eq!(contacts("m : sip:a@10.0.0.1\r\nCONTACT:\r\n\tsip:b@10.0.0.2:5070"), both);
    // Where the first of a list cannot be read, none of it is.
    assert_eq!(contacts("Contact: <sip:a@host>, <sip:b@10.0.0.2:5070>"), vec![]);
    assert_eq!(
        contacts("Contact: <sip:b@10.0.0.2:5070>, sip:a@host, sip:10.0.0.1"),
        vec![two.clone(), one.clone()]
    );
    assert_eq!(contacts("Contact: *\r\nContact: <sip:b@10.0.0.2:5070>"), vec![two.clone()]);
    assert_eq!(contacts("Contact: <sip:b@10.0.0.2:80>"), vec![]);
    // The last user of a line is everybody's.
    assert_eq!(contacts("Contact: <sip:10.0.0.1>, <sip:b@10.0.0.2:5070>"), vec![two]);
    assert_eq!(contacts("max: <sip:a@10.0.0.1>"), vec![]);
    assert_eq!(contacts("m: <sip:a@10.0.0.1>"), vec![one.clone()]);
    // A name without its colon ends the search, as does an empty line where one newline ends it.
    assert_eq!(contacts("Contacts: no\r\nContact: <sip:a@10.0.0.1>"), vec![]);
    assert_eq!(contacts("X: y\n\nContact: <sip:a@10.0.0.1>"), vec![]);
    assert_eq!(contacts("X: y\r\n\r\nContact: <sip:a@10.0.0.1>"), vec![one]);
}

#[test]
fn numbers_are_read_of_the_first_header_of_their_name() {
    let text = b"X\r\nCSeq: 007 INVITE\r\nl:12\r\nExpires: 99999999999\r\n\r\n";
    assert_eq!(value(text, NumberHeader::CallSequence).map(|found| found.value), Some(7));
    assert_eq!(value(text, NumberHeader::ContentLength).map(|found| found.value), Some(12));
    assert_eq!(digits(text, NumberHeader::Expires).map(|found| found.len()), Some(11));
    assert_eq!(value(text, NumberHeader::Expires), None);
}

#[test]
fn the_requested_endpoint_stands_in_the_first_line() {
    let port = |text: &str| requested::<V4>(text.as_bytes()).map(|found| found.port.get());
    assert_eq!(port("INVITE sip:bob@10.0.0.1:5070 SIP/2.0\r\n"), Some(5070));
    assert_eq!(port("INVITE SIP:10.0.0.1 SIP/2.0\r\n"), Some(5060));
    assert_eq!(port("INVITE\r\n sip:10.0.0.1 \r\n"), None);
    assert_eq!(port(" sip:10.0.0.1 \r\n"), None);
    let text = b"OPTIONS sip:b@[fd00::1]:5070;lr SIP/2.0\r\n";
    let found = requested::<V6>(text).unwrap();
    assert_eq!(&text[found.place], b"[fd00::1]:5070");
}

#[test]
fn parameters_belong_to_their_value() {
    let text = b"X\r\nm: <sip:10.0.0.1>;transport=tcp;expires=60, <sip:10.0.0.2>;expires=no\r\n ;maddr=10.0.0.9\r\n";
    let mut walk = Walk::default();
    let mut ends = Vec::new();
    while let Some(found) = next_endpoint::<V4>(text, EndpointHeader::Contact, &mut walk) {
        ends.push(found.place.end);
    }
    let [one, two] = ends[..] else { panic!("{ends:?}") };
    let expires =
        |at| number_parameter(text, at, b"expires=").map(|found| found.map(|found| found.0));
    assert_eq!((expires(one), expires(two)), (Ok(Some(60)), Err(Unreadable)));
    assert_eq!(number_parameter(text, one, b"rport="), Ok(None));
    assert!(is_transport(text, one, TCP) && !is_transport(text, one, UDP));
    assert!(is_transport(text, two, UDP));
    let address = |at| address_parameter::<V4>(text, at, b"maddr=", Brackets::Needed);
    assert_eq!(address(one), None);
    assert_eq!(address(two).map(|found| found.0), Some(V4([10, 0, 0, 9])));
}

proptest! {
    #[test]
    fn no_text_is_too_strange(text in "(?s)(sip:|m:|Contact:|Via:|UDP |[\\[\\]a-f0-9.:@,; \r\n\t]){0,60}", at in 0_usize..99) {
        let text = text.as_bytes();
        let mut walk = Walk { at, ..Walk::default() };
        for header in [EndpointHeader::Contact, EndpointHeader::ViaUdp] {
            while next_endpoint::<V4>(text, header, &mut walk).is_some() {}
            while next_endpoint::<V6>(text, header, &mut walk).is_some() {}
        }
        let _ = requested::<V6>(text);
        let _ = value(text, NumberHeader::ContentLength);
        let _ = number_parameter(text, at, b"a=");
    }
}
