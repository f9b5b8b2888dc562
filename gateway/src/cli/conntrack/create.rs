//! `conntrack -I` and `-A`: a connection as the options describe it.

use std::process::id;

use sluice_control::proto::{
    ConnectionFilter, CreateConnectionRequest, Family, GreKeys, IcmpQuery, MaskedAddress,
    NatFilter, Ports, Tuple, tuple::Layer4,
};
use tonic::Code;

use super::options::Key;
use super::{failed, protocol, usage};
use crate::cli::failure::Failure;
use crate::cli::remote::Remote;

/// Creates it; how many there are more now.
pub(super) async fn perform(
    remote: &Remote,
    asked: CreateConnectionRequest,
    unless_there: bool,
) -> Result<u32, Failure> {
    let Err(status) = remote.conntrack().await?.create(asked).await else { return Ok(1) };
    let why = match status.code() {
        Code::AlreadyExists if unless_there => return Ok(0),
        Code::AlreadyExists => "Such conntrack exists, try -U to update",
        Code::InvalidArgument => "invalid parameters",
        Code::ResourceExhausted => "Cannot allocate memory",
        // What the kernel would take, and make nothing of.
        Code::FailedPrecondition => status.message(),
        _ => return Err(status.into()),
    };
    Err(failed(&format!("Operation failed: {why}")))
}

/// What the options say of addresses, ports, zones and translation.
pub(super) fn request(
    filter: &ConnectionFilter,
    given: &[Key],
) -> Result<CreateConnectionRequest, Failure> {
    let number = filter.protocol.unwrap_or_default();
    let bytes = |masked: &Option<MaskedAddress>| {
        masked.as_ref().map(|masked| masked.address.clone()).unwrap_or_default()
    };
    let ends = |source: Vec<u8>, destination: Vec<u8>, layer4| Tuple {
        source,
        destination,
        layer4,
        zone: 0,
    };
    let original_ports = (filter.original_source_port, filter.original_destination_port);
    let reply_ports = (filter.reply_source_port, filter.reply_destination_port);
    let [of_original, of_reply] =
        [[Key::Source, Key::Destination], [Key::ReplySource, Key::ReplyDestination]]
            .map(|keys| keys.iter().any(|key| given.contains(key)));
    let query = IcmpQuery {
        r#type: filter.icmp_type.unwrap_or_default(),
        code: filter.icmp_code.unwrap_or_default(),
        id: filter.icmp_id.unwrap_or_default(),
    };
    let first = match of_original {
        true => ends(
            bytes(&filter.original_source),
            bytes(&filter.original_destination),
            layer4(number, original_ports, query),
        ),
        // The answers are described: what they answer goes the other way.
        false => ends(
            bytes(&filter.reply_destination),
            bytes(&filter.reply_source),
            layer4(number, (reply_ports.1, reply_ports.0), query),
        ),
    };
    let reply = match of_original && of_reply {
        true => Some(reply(filter, &first, number, reply_ports, query)?),
        false => None,
    };
    let family = match first.source.len() {
        4 => Family::Ipv4,
        _ => Family::Ipv6,
    };
    let mut asked = CreateConnectionRequest {
        family: family.into(),
        protocol: number,
        original: Some(first),
        reply,
        zone: filter.zone.unwrap_or_default(),
        mark: filter.mark.map_or(0, |mark| mark.value),
        source_nat: filter.source_nat.clone(),
        destination_nat: filter.destination_nat.clone(),
        portid: id(),
        ..CreateConnectionRequest::default()
    };
    zones(&mut asked, filter)?;
    Ok(asked)
}

/// The answers' tuple as it is before translation. What `-n` and `-g` change need not be said.
fn reply(
    filter: &ConnectionFilter,
    first: &Tuple,
    number: u32,
    ports: (Option<u32>, Option<u32>),
    query: IcmpQuery,
) -> Result<Tuple, Failure> {
    let moved = |nat: &Option<NatFilter>| nat.as_ref().is_some_and(|nat| nat.address.is_some());
    let end = |said: &Option<MaskedAddress>, moved: bool, else_end: &Vec<u8>| match said {
        Some(masked) if !moved => Some(masked.address.clone()),
        _ if moved => Some(else_end.clone()),
        _ => None,
    };
    let source = end(&filter.reply_source, moved(&filter.destination_nat), &first.destination);
    let destination = end(&filter.reply_destination, moved(&filter.source_nat), &first.source);
    let missing = || failed("Operation failed: invalid parameters");
    let needs_ports = protocol::has_ports(number) || number == protocol::GRE;
    if needs_ports && (ports.0.is_none() || ports.1.is_none()) {
        return Err(missing());
    }
    let answer = protocol::answer(number, query.r#type).ok_or_else(missing)?;
    Ok(Tuple {
        source: source.ok_or_else(missing)?,
        destination: destination.ok_or_else(missing)?,
        layer4: layer4(number, ports, IcmpQuery { r#type: answer, ..query }),
        zone: 0,
    })
}

fn layer4(number: u32, ports: (Option<u32>, Option<u32>), query: IcmpQuery) -> Option<Layer4> {
    let (source, destination) = (ports.0.unwrap_or_default(), ports.1.unwrap_or_default());
    match number {
        // The kernel follows it without ports.
        protocol::DCCP => Some(Layer4::Ports(Ports { source: 0, destination: 0 })),
        protocol::GRE => Some(Layer4::Gre(GreKeys { source, destination })),
        _ if protocol::has_ports(number) => Some(Layer4::Ports(Ports { source, destination })),
        _ if protocol::has_queries(number) => Some(Layer4::Icmp(query)),
        _ => None,
    }
}

fn zones(asked: &mut CreateConnectionRequest, filter: &ConnectionFilter) -> Result<(), Failure> {
    let of_one = (filter.original_zone, filter.reply_zone);
    if of_one == (None, None) {
        return Ok(());
    }
    if filter.zone.is_some() {
        return Err(failed("Operation failed: invalid parameters"));
    }
    let Some(original) = &mut asked.original else { return Err(usage("which connection?")) };
    original.zone = of_one.0.unwrap_or_default();
    // A reply without addresses is that of the answers.
    let reply = asked.reply.get_or_insert_default();
    reply.zone = of_one.1.unwrap_or_default();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::read::{self, Ask, Task};
    use super::*;

    fn asked(line: &str) -> CreateConnectionRequest {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        match read::parse(&words).expect(line) {
            Ask::Table(task) => match *task {
                Task::Create { asked, .. } => *asked,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_connection_and_its_answers() {
        let plain = asked("-I -p udp -s 10.0.0.1 -d 10.0.0.2 --sport 5 --dport 6 -t 9 -m 3");
        assert_eq!((plain.timeout_s, plain.mark, plain.protocol), (9, 3, 17));
        assert_eq!(plain.reply, None);
        let back =
            asked("-I -p udp -r 10.0.0.2 -q 10.0.0.1 --reply-port-src 6 --reply-port-dst 5 -t 9");
        assert_eq!((back.original, back.reply), (plain.original, None));
    }

    #[test]
    fn what_a_translation_changes_need_not_be_said() {
        let ports = "--sport 5 --dport 6 --reply-port-src 6 --reply-port-dst 7 -t 9";
        let saved =
            asked(&format!("-A -p udp -s 10.0.0.1 -d 10.0.0.2 -r 10.0.0.2 -n 9.9.9.9 {ports}"));
        let reply = saved.reply.expect("it is said");
        assert_eq!(reply.destination, [10, 0, 0, 1]);
        assert_eq!(reply.layer4, Some(Layer4::Ports(Ports { source: 6, destination: 7 })));
        assert!(saved.source_nat.is_some() && saved.destination_nat.is_none());
    }

    #[test]
    fn zones_of_one_direction() {
        let zoned = asked("-I -p 253 -s 10.0.0.1 -d 10.0.0.2 -t 9 --reply-zone 4");
        assert_eq!((zoned.original.unwrap().zone, zoned.reply.unwrap().zone), (0, 4));
    }
}
