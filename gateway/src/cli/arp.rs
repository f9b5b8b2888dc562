//! `arp`: the IPv4 neighbour table in net-tools' words and columns.

use std::fmt::Write;
use std::net::Ipv4Addr;
use std::process::ExitCode;

use sluice_control::proto::{
    Change, ChangeNeighbourRequest, Family, ListNeighboursRequest, Neighbour, NeighbourState,
};
use tonic::Code;

use super::failure::Failure;
use super::getopt::{self, Item, Spec, Takes};
use super::output;
use super::remote::Remote;
use super::wire;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Ignored,
    Bsd,
    Interface,
    Set,
    Delete,
    Help,
}

const SPECS: &[Spec<Key>] = &[
    Spec { key: Key::Ignored, short: Some('n'), long: &["numeric"], takes: Takes::Nothing },
    Spec { key: Key::Ignored, short: Some('v'), long: &["verbose"], takes: Takes::Nothing },
    Spec { key: Key::Ignored, short: Some('e'), long: &[], takes: Takes::Nothing },
    Spec { key: Key::Bsd, short: Some('a'), long: &["all"], takes: Takes::Nothing },
    Spec { key: Key::Interface, short: Some('i'), long: &["device"], takes: Takes::Value },
    Spec { key: Key::Set, short: Some('s'), long: &["set"], takes: Takes::Nothing },
    Spec { key: Key::Delete, short: Some('d'), long: &["delete"], takes: Takes::Nothing },
    Spec { key: Key::Help, short: Some('h'), long: &["help"], takes: Takes::Nothing },
];

const HELP: &str = "\
Usage: arp [-n] [-a] [-i IF] [ADDRESS]    show the IPv4 neighbours
       arp [-i IF] -s ADDRESS MAC         set a permanent one
       arp [-i IF] -d ADDRESS             delete one
Names are never resolved; -n is the only way. IPv6: `sluice ip -6 neigh`.
";

#[derive(Debug, PartialEq, Eq)]
enum Ask {
    Help,
    Show { bsd: bool, interface: String, address: Option<Ipv4Addr> },
    Set { interface: String, address: Ipv4Addr, mac: Vec<u8> },
    Delete { interface: String, address: Ipv4Addr },
}

/// Runs `arp`.
pub(crate) async fn run(words: &[String], remote: &Remote) -> Result<ExitCode, Failure> {
    let (change, address, interface, mac) = match parse(words)? {
        Ask::Help => {
            output::print(HELP)?;
            return Ok(ExitCode::SUCCESS);
        }
        Ask::Show { bsd, interface, address } => {
            show(remote, bsd, interface, address).await?;
            return Ok(ExitCode::SUCCESS);
        }
        Ask::Set { interface, address, mac } => (Change::Replace, address, interface, mac),
        Ask::Delete { interface, address } => (Change::Delete, address, interface, Vec::new()),
    };
    let neighbour = Neighbour {
        address: address.octets().to_vec(),
        interface,
        mac,
        state: NeighbourState::Permanent.into(),
        ..Neighbour::default()
    };
    let request = ChangeNeighbourRequest { change: change.into(), neighbour: Some(neighbour) };
    match remote.network().await?.change_neighbour(request).await {
        Ok(_) => Ok(ExitCode::SUCCESS),
        Err(status) if status.code() == Code::NotFound => {
            Err(Failure::Verbatim(format!("No ARP entry for {address}")))
        }
        Err(status) => Err(status.into()),
    }
}

async fn show(
    remote: &Remote,
    bsd: bool,
    interface: String,
    only: Option<Ipv4Addr>,
) -> Result<(), Failure> {
    let request = ListNeighboursRequest { family: Family::Ipv4.into(), interface };
    let listed = remote.network().await?.list_neighbours(request).await?.into_inner();
    let mut neighbours = listed.neighbours;
    if let Some(only) = only {
        neighbours.retain(|n| n.address == only.octets());
        if neighbours.is_empty() {
            output::print(&format!("{only} ({only}) -- no entry\n"))?;
            return Ok(());
        }
    }
    Ok(output::print(&if bsd { bsd_text(&neighbours) } else { table(&neighbours) })?)
}

fn table(neighbours: &[Neighbour]) -> String {
    if neighbours.is_empty() {
        return String::new();
    }
    let mut out =
        "Address                  HWtype  HWaddress           Flags Mask            Iface\n"
            .to_owned();
    for n in neighbours {
        let address = wire::address_text(&n.address);
        let _ = match n.mac.is_empty() {
            true => writeln!(out, "{address:<23}          (incomplete){:30}{}", "", n.interface),
            false => writeln!(
                out,
                "{address:<23}  ether   {:<18}  {:<21} {}",
                wire::mac_text(&n.mac),
                flags(n),
                n.interface
            ),
        };
    }
    out
}

fn bsd_text(neighbours: &[Neighbour]) -> String {
    let mut out = String::new();
    for n in neighbours {
        let address = wire::address_text(&n.address);
        let _ = match n.mac.is_empty() {
            true => writeln!(out, "? ({address}) at <incomplete> on {}", n.interface),
            false => {
                let permanent = if flags(n) == "CM" { " PERM" } else { "" };
                let mac = wire::mac_text(&n.mac);
                writeln!(out, "? ({address}) at {mac} [ether]{permanent} on {}", n.interface)
            }
        };
    }
    out
}

/// C: complete; M: permanent.
fn flags(neighbour: &Neighbour) -> &'static str {
    if neighbour.state() == NeighbourState::Permanent { "CM" } else { "C" }
}

fn parse(words: &[String]) -> Result<Ask, Failure> {
    let usage = |message: String| Failure::Usage(format!("{message}; `sluice arp -h` tells more"));
    let (mut bsd, mut set, mut delete) = (false, false, false);
    let mut interface = String::new();
    let mut plain = Vec::new();
    for item in getopt::parse(words, SPECS).map_err(|p| usage(getopt::complaint(&p)))? {
        match item {
            Item::Word(word) => plain.push(word),
            Item::Option { key, value, .. } => match key {
                Key::Ignored => {}
                Key::Bsd => bsd = true,
                Key::Interface => interface = value.unwrap_or_default(),
                Key::Set => set = true,
                Key::Delete => delete = true,
                Key::Help => return Ok(Ask::Help),
            },
        }
    }
    let address = |word: &String| {
        word.parse::<Ipv4Addr>().map_err(|_| usage(format!("`{word}` is no IPv4 address")))
    };
    match (set, delete, plain.as_slice()) {
        (false, false, []) => Ok(Ask::Show { bsd, interface, address: None }),
        (false, false, [word]) => Ok(Ask::Show { bsd, interface, address: Some(address(word)?) }),
        (true, false, [word, mac]) => {
            let mac = wire::parse_mac(mac)
                .ok_or_else(|| usage(format!("`{mac}` is no hardware address")))?;
            Ok(Ask::Set { interface, address: address(word)?, mac })
        }
        (false, true, [word]) => Ok(Ask::Delete { interface, address: address(word)? }),
        (true, _, _) => Err(usage("-s needs ADDRESS and MAC".into())),
        (_, true, _) => Err(usage("-d needs ADDRESS".into())),
        (false, false, _) => Err(usage("too many words".into())),
    }
}

#[cfg(test)]
mod tests {
    //! Expected lines: net-tools 2.10 on Debian 12.

    use super::*;

    fn sample() -> Vec<Neighbour> {
        let permanent = Neighbour {
            address: vec![10, 1, 0, 254],
            interface: "v0".into(),
            mac: vec![2, 0, 0, 0, 0, 2],
            state: NeighbourState::Permanent.into(),
            ..Neighbour::default()
        };
        let failed = Neighbour {
            address: vec![10, 1, 0, 7],
            interface: "v0".into(),
            state: NeighbourState::Failed.into(),
            ..Neighbour::default()
        };
        vec![permanent, failed]
    }

    #[test]
    fn the_table() {
        assert_eq!(
            table(&sample()),
            "Address                  HWtype  HWaddress           Flags Mask            Iface\n\
             10.1.0.254               ether   02:00:00:00:00:02   CM                    v0\n\
             10.1.0.7                         (incomplete)                              v0\n"
        );
        assert_eq!(table(&[]), "");
    }

    #[test]
    fn bsd_style() {
        assert_eq!(
            bsd_text(&sample()),
            "? (10.1.0.254) at 02:00:00:00:00:02 [ether] PERM on v0\n\
             ? (10.1.0.7) at <incomplete> on v0\n"
        );
    }

    #[test]
    fn words() {
        let read =
            |line: &str| parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(
            read("-i v0 -s 10.1.0.66 02:00:00:00:00:66").expect("valid"),
            Ask::Set {
                interface: "v0".into(),
                address: Ipv4Addr::new(10, 1, 0, 66),
                mac: vec![2, 0, 0, 0, 0, 0x66]
            }
        );
        assert!(matches!(read("-an"), Ok(Ask::Show { bsd: true, .. })));
        assert!(matches!(read("-d 10.1.0.1"), Ok(Ask::Delete { .. })));
        assert!(matches!(read("-s 10.1.0.1"), Err(Failure::Usage(_))));
        assert!(matches!(read("-d fd00::1"), Err(Failure::Usage(_))));
    }
}
