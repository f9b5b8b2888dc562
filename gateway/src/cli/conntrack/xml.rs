//! Connections and expectations as conntrack-tools writes them in XML (`-o xml`).

use std::fmt::Write;

use chrono::{DateTime, Datelike, Local, Timelike};
use sluice_control::proto::{
    Connection, ConnectionEventKind, DirectionCounters, Expectation, Family, Tuple, tuple::Layer4,
};

use super::protocol;
use super::text::Occasion;
use crate::cli::wire;

/// What stands before the first element, and the end of all.
pub(super) const fn frame(table: &'static str) -> [&'static str; 2] {
    match table.as_bytes() {
        b"expect" => ["<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<expect>\n", "</expect>\n"],
        _ => ["<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<conntrack>\n", "</conntrack>\n"],
    }
}

fn open(kind: Option<ConnectionEventKind>) -> &'static str {
    match kind {
        Some(ConnectionEventKind::New) => "<flow type=\"new\">",
        Some(ConnectionEventKind::Update) => "<flow type=\"update\">",
        Some(ConnectionEventKind::Destroy) => "<flow type=\"destroy\">",
        Some(ConnectionEventKind::Unspecified) | None => "<flow>",
    }
}

const fn layer3(family: Family) -> (u8, &'static str) {
    match family {
        Family::Ipv6 => (10, "ipv6"),
        Family::Ipv4 | Family::Unspecified => (2, "ipv4"),
    }
}

/// One connection, without a newline; `when` it was told, in microseconds since the Unix epoch.
pub(super) fn flow(connection: &Connection, when: Option<u64>, occasion: Occasion) -> String {
    let kind = match occasion {
        Occasion::Listing | Occasion::Deletion => None,
        Occasion::Event { kind, .. } => Some(kind),
    };
    let mut out = open(kind).to_owned();
    let directions = [
        ("original", &connection.original, &connection.original_counters),
        ("reply", &connection.reply, &connection.reply_counters),
    ];
    for (name, tuple, counters) in directions {
        let tuple = tuple.clone().unwrap_or_default();
        direction(&mut out, connection, name, &tuple, counters.as_ref());
    }
    independent(&mut out, connection, occasion);
    if let Some(moment) = when.and_then(|when| DateTime::from_timestamp_micros(when as i64)) {
        push_when(&mut out, moment.with_timezone(&Local));
    }
    let gone = occasion.is_end();
    if !connection.helper.is_empty() && !gone {
        let _ = write!(out, "<helper>{}</helper>", connection.helper);
    }
    out + "</flow>"
}

fn direction(
    out: &mut String,
    connection: &Connection,
    name: &str,
    tuple: &Tuple,
    counters: Option<&DirectionCounters>,
) {
    let (number, family) = layer3(connection.family());
    let (source, destination) =
        (wire::address_text(&tuple.source), wire::address_text(&tuple.destination));
    let _ = write!(
        out,
        "<meta direction=\"{name}\"><layer3 protonum=\"{number}\" protoname=\"{family}\">\
         <src>{source}</src><dst>{destination}</dst></layer3><layer4 protonum=\"{}\" \
         protoname=\"{}\">{}</layer4>",
        connection.protocol,
        protocol::name(connection.protocol),
        layer4(tuple)
    );
    if tuple.zone != 0 {
        let _ = write!(out, "<zone>{}</zone>", tuple.zone);
    }
    if let Some(DirectionCounters { packets, bytes }) = counters {
        let _ =
            write!(out, "<counters><packets>{packets}</packets><bytes>{bytes}</bytes></counters>");
    }
    out.push_str("</meta>");
}

/// Ports, or keys; queries have none.
fn layer4(tuple: &Tuple) -> String {
    match &tuple.layer4 {
        Some(Layer4::Ports(ports)) => {
            format!("<sport>{}</sport><dport>{}</dport>", ports.source, ports.destination)
        }
        Some(Layer4::Gre(keys)) => {
            let (source, destination) = (keys.source, keys.destination);
            format!("<srckey>{source:#x}</srckey><dstkey>{destination:#x}</dstkey>")
        }
        Some(Layer4::Icmp(_)) | None => String::new(),
    }
}

/// What both directions share.
fn independent(out: &mut String, connection: &Connection, occasion: Occasion) {
    let status = connection.status.unwrap_or_default();
    out.push_str("<meta direction=\"independent\">");
    if !connection.state.is_empty() {
        let _ = write!(out, "<state>{}</state>", connection.state);
    }
    let gone = occasion.is_end();
    if !(gone && connection.timeout_s == 0) {
        let _ = write!(out, "<timeout>{}</timeout>", connection.timeout_s);
    }
    if occasion.shows(connection.mark) {
        let _ = write!(out, "<mark>{}</mark>", connection.mark);
    }
    if connection.zone != 0 {
        let _ = write!(out, "<zone>{}</zone>", connection.zone);
    }
    if !occasion.is_event() {
        let _ = write!(out, "<use>{}</use>", connection.r#use);
    }
    let _ = write!(out, "<id>{}</id>", connection.id);
    if status.assured {
        out.push_str("<assured/>");
    }
    if !status.seen_reply {
        out.push_str("<unreplied/>");
    }
    out.push_str("</meta>");
}

/// Days of the week count from Sunday, the first.
fn push_when(out: &mut String, moment: DateTime<Local>) {
    let _ = write!(
        out,
        "<when><hour>{}</hour><min>{:02}</min><sec>{:02}</sec><wday>{}</wday><day>{}</day>\
         <month>{}</month><year>{}</year></when>",
        moment.hour(),
        moment.minute(),
        moment.second(),
        moment.weekday().num_days_from_sunday() + 1,
        moment.day(),
        moment.month(),
        moment.year()
    );
}

/// One expectation, without a newline.
pub(super) fn expectation(
    expectation: &Expectation,
    kind: Option<ConnectionEventKind>,
    when: Option<u64>,
) -> String {
    let (number, family) = layer3(expectation.family());
    let ends = |tuple: &Tuple| {
        let (source, destination) =
            (wire::address_text(&tuple.source), wire::address_text(&tuple.destination));
        format!("<src>{source}</src><dst>{destination}</dst>")
    };
    let [source_mask, whole] = super::expectations::masks(expectation);
    let flag = |set, element| if set { element } else { "" };
    let tuple = expectation.tuple.clone().unwrap_or_default();
    let master = expectation.master.clone().unwrap_or_default();
    let mut out = open(kind).to_owned();
    let _ = write!(
        out,
        "<layer3 protonum=\"{number}\" protoname=\"{family}\"><expected>{}</expected><mask>\
         <src>{source_mask}</src><dst>{whole}</dst></mask><master>{}</master></layer3><layer4 \
         protonum=\"{}\" protoname=\"{}\"><expected>{}</expected><mask>{}</mask>\
         <master>{}</master></layer4><meta><helper-name>{}</helper-name>\
         <timeout>{}</timeout><class>{}</class>{}{}</meta>",
        ends(&tuple),
        ends(&master),
        expectation.protocol,
        protocol::name(expectation.protocol),
        layer4(&tuple),
        layer4(&super::expectations::port_masks(expectation)),
        layer4(&master),
        expectation.helper,
        expectation.timeout_s,
        expectation.class,
        flag(expectation.permanent, "<permanent/>"),
        flag(expectation.inactive, "<inactive/>"),
    );
    if let Some(moment) = when.and_then(|when| DateTime::from_timestamp_micros(when as i64)) {
        push_when(&mut out, moment.with_timezone(&Local));
    }
    out + "</flow>"
}

#[cfg(test)]
mod tests {
    //! The expected lines are what conntrack 1.4.7 printed for the same connections in the kernel.

    use super::super::text::tests::{ports, tcp};
    use super::*;

    #[test]
    fn a_listed_connection() {
        let connection = Connection { mark: 9, zone: 5, helper: "ftp".into(), ..tcp() };
        let line = "<flow><meta direction=\"original\"><layer3 protonum=\"2\" protoname=\"ipv4\">\
            <src>10.1.0.2</src><dst>192.168.1.9</dst></layer3><layer4 protonum=\"6\" \
            protoname=\"tcp\"><sport>40000</sport><dport>80</dport></layer4></meta>\
            <meta direction=\"reply\"><layer3 protonum=\"2\" protoname=\"ipv4\">\
            <src>192.168.1.9</src><dst>192.168.1.146</dst></layer3><layer4 protonum=\"6\" \
            protoname=\"tcp\"><sport>80</sport><dport>40000</dport></layer4></meta>\
            <meta direction=\"independent\"><state>ESTABLISHED</state><timeout>431999</timeout>\
            <mark>9</mark><zone>5</zone><use>1</use><id>2428786378</id><assured/></meta>\
            <helper>ftp</helper></flow>";
        assert_eq!(flow(&connection, None, Occasion::Listing), line);
    }

    #[test]
    fn an_event_has_a_kind_and_a_zone_its_direction() {
        let mut connection = Connection {
            protocol: 17,
            timeout_s: 30,
            original: ports([10, 9, 9, 1], [10, 9, 9, 1], 47662, 34),
            reply: ports([10, 9, 9, 1], [10, 9, 9, 1], 34, 47662),
            id: 1_643_869_571,
            ..Connection::default()
        };
        connection.original.as_mut().unwrap().zone = 6;
        let line = "<flow type=\"new\"><meta direction=\"original\"><layer3 protonum=\"2\" \
            protoname=\"ipv4\"><src>10.9.9.1</src><dst>10.9.9.1</dst></layer3><layer4 \
            protonum=\"17\" protoname=\"udp\"><sport>47662</sport><dport>34</dport></layer4>\
            <zone>6</zone></meta><meta direction=\"reply\"><layer3 protonum=\"2\" \
            protoname=\"ipv4\"><src>10.9.9.1</src><dst>10.9.9.1</dst></layer3><layer4 \
            protonum=\"17\" protoname=\"udp\"><sport>34</sport><dport>47662</dport></layer4></meta>\
            <meta direction=\"independent\"><timeout>30</timeout><id>1643869571</id><unreplied/>\
            </meta></flow>";
        assert_eq!(
            flow(
                &connection,
                None,
                Occasion::Event { kind: ConnectionEventKind::New, marked: false }
            ),
            line
        );
    }
}
