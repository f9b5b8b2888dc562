//! A connection as the options of a command that would make it (`-o save`), as conntrack-tools writes it.

use sluice_control::proto::{
    Connection, ConnectionEventKind, ConnectionStatus, Tuple, tuple::Layer4,
};

use super::protocol;
use super::text::Occasion;
use crate::cli::wire;

/// The line, without a newline. As the original's it has no mark.
pub(super) fn command(connection: &Connection, occasion: Occasion) -> String {
    let letter = match occasion {
        Occasion::Listing => 'A',
        Occasion::Deletion => 'D',
        Occasion::Event { kind, .. } => match kind {
            ConnectionEventKind::New | ConnectionEventKind::Unspecified => 'A',
            ConnectionEventKind::Update => 'U',
            ConnectionEventKind::Destroy => 'D',
        },
    };
    let mut words = vec![format!("-{letter}")];
    let status = connection.status.unwrap_or_default();
    if !(occasion.is_end() && connection.timeout_s == 0) {
        words.push(format!("-t {}", connection.timeout_s));
    }
    words.push(format!("-u {}", status_words(status)));
    let original = connection.original.clone().unwrap_or_default();
    let reply = connection.reply.clone().unwrap_or_default();
    let zones =
        [("-w", connection.zone), ("--orig-zone", original.zone), ("--reply-zone", reply.zone)];
    words.extend(
        zones
            .iter()
            .filter(|(_, zone)| *zone != 0)
            .map(|(option, zone)| format!("{option} {zone}")),
    );
    let moved = |bit: bool, one: &[u8], other: &[u8]| bit && one != other;
    let to = moved(status.destination_nat, &reply.source, &original.destination);
    let from = moved(status.source_nat, &reply.destination, &original.source);
    for (option, address) in [
        ("-s", &original.source),
        ("-d", &original.destination),
        (if to { "-g" } else { "-r" }, &reply.source),
        (if from { "-n" } else { "-q" }, &reply.destination),
    ] {
        words.push(format!("{option} {}", wire::address_text(address)));
    }
    words.push(match protocol::name(connection.protocol) {
        "unknown" => format!("-p {}", connection.protocol),
        name => format!("-p {name}"),
    });
    words.extend(layer4(connection.protocol, &original, &reply));
    if !connection.state.is_empty() {
        words.push(format!("--state {}", connection.state));
    }
    words.join(" ")
}

fn status_words(status: ConnectionStatus) -> String {
    let set = [
        ("SEEN_REPLY", status.seen_reply),
        ("ASSURED", status.assured),
        ("EXPECTED", status.expected),
    ];
    let set: Vec<&str> = set.iter().filter(|(_, set)| *set).map(|(word, _)| *word).collect();
    if set.is_empty() { "UNSET".to_owned() } else { set.join(",") }
}

fn layer4(number: u32, original: &Tuple, reply: &Tuple) -> Vec<String> {
    match (&original.layer4, &reply.layer4) {
        (Some(Layer4::Ports(one)), Some(Layer4::Ports(other))) => vec![
            format!("--sport {} --dport {}", one.source, one.destination),
            format!("--reply-port-src {} --reply-port-dst {}", other.source, other.destination),
        ],
        (Some(Layer4::Gre(one)), Some(Layer4::Gre(other))) => vec![
            format!("--srckey {} --dstkey {}", one.source, one.destination),
            format!("--reply-key-src {} --reply-key-dst {}", other.source, other.destination),
        ],
        (Some(Layer4::Icmp(query)), _) => {
            let name = if number == protocol::ICMPV6 { "icmpv6" } else { "icmp" };
            vec![
                format!("--{name}-type {} --{name}-code {}", query.r#type, query.code),
                format!("--{name}-id {}", query.id),
            ]
        }
        (Some(Layer4::Ports(_) | Layer4::Gre(_)) | None, _) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    //! The expected lines are what conntrack 1.4.7 printed for the same connections in the kernel.

    use super::super::text::tests::{ports, tcp};
    use super::*;

    #[test]
    fn a_translated_connection_names_its_new_ends() {
        let mut connection = tcp();
        let line = "-A -t 431999 -u SEEN_REPLY,ASSURED -s 10.1.0.2 -d 192.168.1.9 -r 192.168.1.9 -n \
                    192.168.1.146 -p tcp --sport 40000 --dport 80 --reply-port-src 80 \
                    --reply-port-dst 40000 --state ESTABLISHED";
        if let Some(status) = &mut connection.status {
            status.source_nat = true;
        }
        assert_eq!(command(&connection, Occasion::Listing), line);
        let deleted = command(&connection, Occasion::Deletion);
        assert_eq!(deleted, line.replacen("-A", "-D", 1));
    }

    #[test]
    fn a_zone_stands_before_the_ends() {
        let mut connection = Connection {
            protocol: 17,
            timeout_s: 29,
            original: ports([10, 9, 9, 1], [10, 9, 9, 1], 33849, 34),
            reply: ports([10, 9, 9, 1], [10, 9, 9, 1], 34, 33849),
            zone: 5,
            ..Connection::default()
        };
        let line = "-A -t 29 -u UNSET -w 5 -s 10.9.9.1 -d 10.9.9.1 -r 10.9.9.1 -q 10.9.9.1 -p udp \
                    --sport 33849 --dport 34 --reply-port-src 34 --reply-port-dst 33849";
        assert_eq!(command(&connection, Occasion::Listing), line);
        connection.zone = 0;
        connection.original.as_mut().unwrap().zone = 6;
        let other = line.replace("-w 5", "--orig-zone 6");
        assert_eq!(command(&connection, Occasion::Listing), other);
    }
}
