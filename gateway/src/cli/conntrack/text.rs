//! One connection as conntrack-tools prints it:
//!
//! ```text
//! tcp      6 431999 ESTABLISHED src=… dst=… sport=… dport=… src=… dst=… sport=… dport=… [ASSURED] mark=0 use=1
//! proto  num timeout state       original tuple              reply tuple                status
//! ```

use std::fmt::Write;

use sluice_control::proto::{
    Connection, ConnectionEvent, ConnectionEventKind, DirectionCounters, Family, Tuple,
    tuple::Layer4,
};

use super::words::{Form, Style};
use super::{protocol, save, xml};
use crate::cli::wire;

/// Parts of a line that depend on why it is printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    Listing,
    /// It has just been deleted.
    Deletion,
    Event {
        kind: ConnectionEventKind,
        /// Its mark is told even where it is zero.
        marked: bool,
    },
}

impl Occasion {
    /// Whether a mark is told.
    pub(super) const fn shows(self, mark: u32) -> bool {
        mark != 0 || !matches!(self, Self::Event { marked: false, .. })
    }

    /// Whether it is told because it is no more.
    pub(super) const fn is_end(self) -> bool {
        matches!(self, Self::Event { kind: ConnectionEventKind::Destroy, .. })
    }

    /// Whether it is told as it happens.
    pub(super) const fn is_event(self) -> bool {
        matches!(self, Self::Event { .. })
    }
}

/// The line of a connection that is no event, without a newline.
pub(super) fn entry(connection: &Connection, style: Style, occasion: Occasion) -> String {
    match style.form {
        Form::Plain => line(connection, style, occasion),
        Form::Xml => xml::flow(connection, None, occasion),
        Form::Save => save::command(connection, occasion),
    }
}

/// `[NEW]` and the like, as wide as the widest.
pub(super) const fn label(kind: ConnectionEventKind) -> &'static str {
    match kind {
        ConnectionEventKind::New => "    [NEW]",
        ConnectionEventKind::Update => " [UPDATE]",
        ConnectionEventKind::Destroy => "[DESTROY]",
        ConnectionEventKind::Unspecified => "[UNKNOWN]",
    }
}

/// `[SECONDS.MICROS]` and a tab, where the time is asked for.
pub(super) fn time(timestamp_us: u64, style: Style) -> String {
    if !style.timestamp {
        return String::new();
    }
    let (seconds, micros) = (timestamp_us / 1_000_000, timestamp_us % 1_000_000);
    format!("[{seconds}.{micros:06}]\t")
}

/// The line of an event, with its newline.
pub(super) fn event(event: &ConnectionEvent, style: Style) -> String {
    let kind = event.kind();
    let occasion = Occasion::Event { kind, marked: event.marked };
    let connection = event.connection.clone().unwrap_or_default();
    match style.form {
        Form::Plain => {
            let time = time(event.timestamp_us, style);
            let line = line(&connection, style, occasion);
            format!("{time}{} {line}{}\n", label(kind), operator(event.portid))
        }
        Form::Xml => {
            let when = style.timestamp.then_some(event.timestamp_us);
            xml::flow(&connection, when, occasion) + "\n"
        }
        Form::Save => save::command(&connection, occasion) + &operator(event.portid) + "\n",
    }
}

/// The process that has asked for what is told, by number and, while it runs, by name.
fn operator(portid: u32) -> String {
    if portid == 0 {
        return String::new();
    }
    let name = std::fs::read_to_string(format!("/proc/{portid}/comm")).unwrap_or_default();
    match name.trim_end() {
        "" => format!(" [USERSPACE] portid={portid}"),
        name => format!(" [USERSPACE] portid={portid} progname={name}"),
    }
}

fn line(connection: &Connection, style: Style, occasion: Occasion) -> String {
    let mut out = String::new();
    let status = connection.status.unwrap_or_default();
    if style.extended {
        out.push_str(match connection.family() {
            Family::Ipv6 => "ipv6     10 ",
            Family::Ipv4 | Family::Unspecified => "ipv4     2 ",
        });
    }
    let _ = write!(out, "{:<8} {} ", protocol::name(connection.protocol), connection.protocol);
    // A connection that has expired has no time left to tell.
    let expired = occasion.is_end();
    if !(expired && connection.timeout_s == 0) {
        let _ = write!(out, "{} ", connection.timeout_s);
    }
    if !connection.state.is_empty() {
        let _ = write!(out, "{} ", connection.state);
    }
    push_tuple(&mut out, connection.original.as_ref());
    push_zone(&mut out, "orig", connection.original.as_ref());
    push_counters(&mut out, connection.original_counters.as_ref());
    if !status.seen_reply {
        out.push_str("[UNREPLIED] ");
    }
    push_tuple(&mut out, connection.reply.as_ref());
    push_zone(&mut out, "reply", connection.reply.as_ref());
    push_counters(&mut out, connection.reply_counters.as_ref());
    if status.offload {
        out.push_str("[OFFLOAD] ");
    } else if status.assured {
        out.push_str("[ASSURED] ");
    }
    // Events carry a mark only when there is one.
    if occasion.shows(connection.mark) {
        let _ = write!(out, "mark={} ", connection.mark);
    }
    if connection.zone != 0 {
        let _ = write!(out, "zone={} ", connection.zone);
    }
    if !connection.helper.is_empty() && !expired {
        let _ = write!(out, "helper={} ", connection.helper);
    }
    if !occasion.is_event() {
        let _ = write!(out, "use={} ", connection.r#use);
    }
    if style.id {
        let _ = write!(out, "id={} ", connection.id);
    }
    out.truncate(out.trim_end().len());
    out
}

fn push_tuple(out: &mut String, tuple: Option<&Tuple>) {
    let Some(tuple) = tuple else { return };
    let source = wire::address_text(&tuple.source);
    let destination = wire::address_text(&tuple.destination);
    let _ = write!(out, "src={source} dst={destination} ");
    let _ = match &tuple.layer4 {
        Some(Layer4::Ports(p)) => write!(out, "sport={} dport={} ", p.source, p.destination),
        Some(Layer4::Icmp(i)) => write!(out, "type={} code={} id={} ", i.r#type, i.code, i.id),
        Some(Layer4::Gre(g)) => {
            write!(out, "srckey={:#x} dstkey={:#x} ", g.source, g.destination)
        }
        None => Ok(()),
    };
}

/// The zone of one direction alone.
fn push_zone(out: &mut String, direction: &str, tuple: Option<&Tuple>) {
    if let Some(zone) = tuple.map(|tuple| tuple.zone).filter(|&zone| zone != 0) {
        let _ = write!(out, "zone-{direction}={zone} ");
    }
}

fn push_counters(out: &mut String, counters: Option<&DirectionCounters>) {
    if let Some(counters) = counters {
        let _ = write!(out, "packets={} bytes={} ", counters.packets, counters.bytes);
    }
}

#[cfg(test)]
pub(super) mod tests {
    //! The expected lines are what conntrack 1.4.7 printed for the same connections in the kernel.

    use super::*;
    use sluice_control::proto::{ConnectionStatus, GreKeys, IcmpQuery, Ports};

    pub(in super::super) fn ports(
        source: [u8; 4],
        destination: [u8; 4],
        sport: u32,
        dport: u32,
    ) -> Option<Tuple> {
        Some(Tuple {
            source: source.to_vec(),
            destination: destination.to_vec(),
            layer4: Some(Layer4::Ports(Ports { source: sport, destination: dport })),
            zone: 0,
        })
    }

    pub(in super::super) fn tcp() -> Connection {
        Connection {
            family: Family::Ipv4.into(),
            protocol: 6,
            timeout_s: 431_999,
            state: "ESTABLISHED".into(),
            original: ports([10, 1, 0, 2], [192, 168, 1, 9], 40000, 80),
            reply: ports([192, 168, 1, 9], [192, 168, 1, 146], 80, 40000),
            status: Some(ConnectionStatus {
                seen_reply: true,
                assured: true,
                ..ConnectionStatus::default()
            }),
            r#use: 1,
            id: 2_428_786_378,
            ..Connection::default()
        }
    }

    #[test]
    fn an_established_translated_connection() {
        assert_eq!(
            entry(&tcp(), Style::default(), Occasion::Listing),
            "tcp      6 431999 ESTABLISHED src=10.1.0.2 dst=192.168.1.9 sport=40000 dport=80 \
             src=192.168.1.9 dst=192.168.1.146 sport=80 dport=40000 [ASSURED] mark=0 use=1"
        );
    }

    #[test]
    fn zones_of_one_direction_stand_behind_its_tuple() {
        let mut connection = Connection {
            protocol: 17,
            timeout_s: 29,
            original: ports([10, 9, 9, 1], [10, 9, 9, 1], 45544, 2),
            reply: ports([10, 9, 9, 1], [10, 9, 9, 1], 2, 45544),
            r#use: 1,
            ..Connection::default()
        };
        connection.original.as_mut().unwrap().zone = 6;
        assert_eq!(
            entry(&connection, Style::default(), Occasion::Listing),
            "udp      17 29 src=10.9.9.1 dst=10.9.9.1 sport=45544 dport=2 zone-orig=6 [UNREPLIED] \
             src=10.9.9.1 dst=10.9.9.1 sport=2 dport=45544 mark=0 use=1"
        );
        connection.original.as_mut().unwrap().zone = 0;
        connection.reply.as_mut().unwrap().zone = 7;
        assert_eq!(
            entry(&connection, Style::default(), Occasion::Listing),
            "udp      17 29 src=10.9.9.1 dst=10.9.9.1 sport=45544 dport=2 [UNREPLIED] \
             src=10.9.9.1 dst=10.9.9.1 sport=2 dport=45544 zone-reply=7 mark=0 use=1"
        );
    }

    #[test]
    fn an_unreplied_one_with_zone_mark_and_counters() {
        let connection = Connection {
            protocol: 17,
            timeout_s: 29,
            original: ports([10, 1, 0, 2], [192, 168, 1, 9], 4000, 54),
            original_counters: Some(DirectionCounters { packets: 1, bytes: 60 }),
            reply: ports([10, 9, 9, 9], [10, 1, 0, 2], 54, 4000),
            reply_counters: Some(DirectionCounters::default()),
            mark: 5,
            zone: 7,
            r#use: 1,
            ..Connection::default()
        };
        assert_eq!(
            entry(&connection, Style::default(), Occasion::Listing),
            "udp      17 29 src=10.1.0.2 dst=192.168.1.9 sport=4000 dport=54 packets=1 bytes=60 \
             [UNREPLIED] src=10.9.9.9 dst=10.1.0.2 sport=54 dport=4000 packets=0 bytes=0 mark=5 \
             zone=7 use=1"
        );
    }

    #[test]
    fn icmpv6_extended_with_id() {
        let icmp = |source: u8, destination: u8, kind| {
            let mut from = vec![0xfd; 1];
            from.resize(15, 0);
            let mut to = from.clone();
            from.push(source);
            to.push(destination);
            let layer4 = Some(Layer4::Icmp(IcmpQuery { r#type: kind, code: 0, id: 9 }));
            Some(Tuple { source: from, destination: to, layer4, zone: 0 })
        };
        let connection = Connection {
            family: Family::Ipv6.into(),
            protocol: 58,
            timeout_s: 29,
            original: icmp(1, 2, 128),
            reply: icmp(2, 1, 129),
            r#use: 1,
            id: 42,
            ..Connection::default()
        };
        let style = Style { extended: true, id: true, timestamp: true, ..Style::default() };
        assert_eq!(
            entry(&connection, style, Occasion::Listing),
            "ipv6     10 icmpv6   58 29 src=fd00::1 dst=fd00::2 type=128 code=0 id=9 [UNREPLIED] \
             src=fd00::2 dst=fd00::1 type=129 code=0 id=9 mark=0 use=1 id=42"
        );
    }

    #[test]
    fn protocols_without_ports_and_with_keys() {
        let bare = |source: [u8; 4], destination: [u8; 4], layer4| {
            Some(Tuple {
                source: source.to_vec(),
                destination: destination.to_vec(),
                layer4,
                zone: 0,
            })
        };
        let mut connection = Connection {
            protocol: 253,
            timeout_s: 29,
            original: bare([10, 1, 0, 2], [192, 168, 1, 9], None),
            reply: bare([192, 168, 1, 9], [10, 1, 0, 2], None),
            r#use: 1,
            ..Connection::default()
        };
        assert_eq!(
            entry(&connection, Style::default(), Occasion::Listing),
            "unknown  253 29 src=10.1.0.2 dst=192.168.1.9 [UNREPLIED] src=192.168.1.9 \
             dst=10.1.0.2 mark=0 use=1"
        );
        connection.protocol = 47;
        let keys = |source, destination| Some(Layer4::Gre(GreKeys { source, destination }));
        connection.original = bare([10, 1, 0, 2], [192, 168, 1, 9], keys(1, 2));
        connection.reply = bare([192, 168, 1, 9], [10, 1, 0, 2], keys(2, 1));
        assert_eq!(
            entry(&connection, Style::default(), Occasion::Listing),
            "gre      47 29 src=10.1.0.2 dst=192.168.1.9 srckey=0x1 dstkey=0x2 [UNREPLIED] \
             src=192.168.1.9 dst=10.1.0.2 srckey=0x2 dstkey=0x1 mark=0 use=1"
        );
    }

    #[test]
    fn events_leave_out_use_and_a_zero_mark() {
        let mut new = ConnectionEvent {
            kind: ConnectionEventKind::New.into(),
            connection: Some(tcp()),
            marked: false,
            portid: 0,
            lost: 0,
            timestamp_us: 1_795_432_578_061_656,
        };
        let style = Style { timestamp: true, ..Style::default() };
        assert_eq!(
            event(&new, style),
            "[1795432578.061656]\t    [NEW] tcp      6 431999 ESTABLISHED src=10.1.0.2 \
             dst=192.168.1.9 sport=40000 dport=80 src=192.168.1.9 dst=192.168.1.146 sport=80 \
             dport=40000 [ASSURED]\n"
        );
        new.kind = ConnectionEventKind::Destroy.into();
        if let Some(connection) = &mut new.connection {
            connection.timeout_s = 0;
            connection.state.clear();
        }
        assert_eq!(
            event(&new, Style::default()),
            "[DESTROY] tcp      6 src=10.1.0.2 dst=192.168.1.9 sport=40000 dport=80 \
             src=192.168.1.9 dst=192.168.1.146 sport=80 dport=40000 [ASSURED]\n"
        );
    }
}
