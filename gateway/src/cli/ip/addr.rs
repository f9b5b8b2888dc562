//! `ip addr`.

use std::net::{IpAddr, Ipv4Addr};

use sluice_control::proto::{
    Change, ChangeAddressRequest, Family, InterfaceAddress, Link, ListAddressesRequest, Prefix,
};

use super::addr_text::{self, Record};
use super::link;
use super::words::{self, Words, abbreviates};
use super::{HELP, Options, not_listed, print_records, refused, usage};
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::cli::remote::Remote;
use crate::cli::wire;

/// Runs `ip addr`.
pub(super) async fn run(
    mut words: Words<'_>,
    options: Options,
    remote: &Remote,
) -> Result<(), Failure> {
    let command = words.next().unwrap_or("show");
    let change = match command {
        _ if abbreviates(command, "add") => Change::Add,
        _ if abbreviates(command, "change") || command == "chg" => Change::Update,
        _ if abbreviates(command, "replace") => Change::Replace,
        _ if abbreviates(command, "delete") => Change::Delete,
        _ if ["show", "list", "lst"].iter().any(|name| abbreviates(command, name)) => {
            return show(words, options, remote).await;
        }
        _ if abbreviates(command, "flush") => return flush(words, options, remote).await,
        _ if abbreviates(command, "help") => return Ok(output::print(HELP)?),
        _ => {
            let text = format!("Command \"{command}\" is unknown, try \"ip address help\".");
            return Err(usage(text));
        }
    };
    let address = parse_entry(words, options.family)?;
    let missing = match addr_text::is_ipv6(&address) {
        // The kernel has a sentence for one family and an errno for the other.
        true => "RTNETLINK answers: Cannot assign requested address",
        false => "Error: ipv4: Address not found.",
    };
    let exists = match addr_text::is_ipv6(&address) {
        true => "RTNETLINK answers: File exists",
        false => "Error: ipv4: Address already assigned.",
    };
    let request = ChangeAddressRequest { change: change.into(), address: Some(address) };
    let answer = remote.network().await?.change_address(request).await;
    answer.map(drop).map_err(|status| refused(status, missing, exists))
}

/// `[local] ADDRESS/LENGTH [brd ADDRESS|+|-] [scope SCOPE] [label NAME] dev IF`
fn parse_entry(mut words: Words<'_>, family: Family) -> Result<InterfaceAddress, Failure> {
    let mut entry = InterfaceAddress::default();
    let mut broadcast = None;
    while let Some(word) = words.next() {
        match word {
            "dev" => entry.interface = words.value()?.to_owned(),
            "brd" | "broadcast" => broadcast = Some(words.value()?),
            "scope" => entry.scope = words.value()?.to_owned(),
            "label" | "valid_lft" | "preferred_lft" | "metric" => {
                words.value()?;
            }
            "nodad" | "noprefixroute" | "home" | "mngtmpaddr" | "autojoin" => {}
            "local" => entry.address = Some(words::prefix(words.value()?, family)?),
            word => {
                if entry.address.is_some() {
                    let text = format!(
                        "Error: either \"local\" is duplicate, or \"{word}\" is a garbage."
                    );
                    return Err(usage(text));
                }
                entry.address = Some(words::prefix(word, family)?);
            }
        }
    }
    if entry.interface.is_empty() {
        return Err(usage("Not enough information: \"dev\" argument is required.".to_owned()));
    }
    let Some(prefix) = &entry.address else {
        return Err(usage("Not enough information: an address is required.".to_owned()));
    };
    entry.broadcast = match broadcast {
        None | Some("-") => Vec::new(),
        Some("+") => last_address(prefix),
        Some(text) => wire::octets(words::address(text, Family::Ipv4)?),
    };
    Ok(entry)
}

/// The address with all host bits set (IPv4); nothing where there is no broadcast.
fn last_address(prefix: &Prefix) -> Vec<u8> {
    match wire::address(&prefix.address) {
        Some(IpAddr::V4(address)) if prefix.length < 31 => {
            let host = u32::MAX >> prefix.length;
            Ipv4Addr::from(u32::from(address) | host).octets().to_vec()
        }
        _ => Vec::new(),
    }
}

/// Which interfaces and addresses to show.
#[derive(Debug, Default)]
struct Filter {
    interface: String,
    to: Option<Prefix>,
    scope: Option<String>,
    up: bool,
}

impl Filter {
    fn parse(mut words: Words<'_>, family: Family) -> Result<Self, Failure> {
        let mut filter = Self::default();
        while let Some(word) = words.next() {
            match word {
                "to" => filter.to = Some(words::prefix(words.value()?, family)?),
                "scope" => filter.scope = Some(words.value()?.to_owned()),
                "up" => filter.up = true,
                "permanent" | "primary" => {}
                "dev" => filter.interface = words.value()?.to_owned(),
                word => filter.interface = word.to_owned(),
            }
        }
        Ok(filter)
    }

    fn passes(&self, address: &InterfaceAddress) -> bool {
        let prefix = address.address.clone().unwrap_or_default();
        self.scope.as_ref().is_none_or(|scope| scope == addr_text::scope(address))
            && self
                .to
                .as_ref()
                .is_none_or(|to| wire::same_prefix(&prefix.address, &to.address, to.length))
    }

    /// With these, interfaces without an address that passes are left out.
    fn selects_addresses(&self, family: Family) -> bool {
        family != Family::Unspecified || self.to.is_some() || self.scope.is_some()
    }
}

async fn list(
    family: Family,
    interface: &str,
    remote: &Remote,
) -> Result<Vec<InterfaceAddress>, Failure> {
    let request = ListAddressesRequest { family: family.into(), interface: interface.to_owned() };
    let answer = remote.network().await?.list_addresses(request).await;
    Ok(answer.map_err(|status| not_listed(status, interface))?.into_inner().addresses)
}

async fn show(words: Words<'_>, options: Options, remote: &Remote) -> Result<(), Failure> {
    let filter = Filter::parse(words, options.family)?;
    let links = link::list(&filter.interface, remote).await?;
    let addresses = list(options.family, &filter.interface, remote).await?;
    let selective = filter.selects_addresses(options.family);
    let records: Vec<Record<'_>> = links
        .iter()
        .filter(|link| link.admin_up || !filter.up)
        .map(|link| record(link, &addresses, &filter))
        .filter(|record| !(selective && record.addresses.is_empty()))
        .collect();
    print(&records, selective, options)
}

fn record<'a>(link: &'a Link, addresses: &'a [InterfaceAddress], filter: &Filter) -> Record<'a> {
    let of_link = addresses.iter().filter(|address| address.interface == link.name);
    Record { link, addresses: of_link.filter(|address| filter.passes(address)).collect() }
}

fn print(records: &[Record<'_>], selective: bool, options: Options) -> Result<(), Failure> {
    if options.json {
        let rendered: serde_json::Value = records
            .iter()
            .map(|record| addr_text::entry_json(record, options.statistics))
            .collect();
        return Ok(output::print_json(&rendered, options.pretty)?);
    }
    if options.oneline && !options.brief {
        let lines: Vec<String> = records.iter().flat_map(addr_text::lines).collect();
        return print_records(&lines, options);
    }
    // A selection by scope or prefix leaves the hardware lines out just as a family does.
    let family = match (options.family, selective) {
        (Family::Unspecified, true) => Family::Ipv4,
        (family, _) => family,
    };
    let text = |record: &Record<'_>| match options.brief {
        true => addr_text::brief(record),
        false => addr_text::entry(record, family, options.statistics),
    };
    print_records(&records.iter().map(text).collect::<Vec<_>>(), options)
}

async fn flush(words: Words<'_>, options: Options, remote: &Remote) -> Result<(), Failure> {
    if words.peek().is_none() {
        return Err(usage("Flush requires arguments.".to_owned()));
    }
    let filter = Filter::parse(words, options.family)?;
    let addresses = list(options.family, &filter.interface, remote).await?;
    let mut client = remote.network().await?;
    for address in addresses.into_iter().filter(|address| filter.passes(address)) {
        let request =
            ChangeAddressRequest { change: Change::Delete.into(), address: Some(address) };
        client.change_address(request).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<InterfaceAddress, Failure> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse_entry(Words::new(&words), Family::Unspecified)
    }

    #[test]
    fn broadcast_given_computed_or_absent() {
        let broadcast = |line| read(line).expect("valid").broadcast;
        assert_eq!(broadcast("10.2.0.1/24 brd + dev v1"), [10, 2, 0, 255]);
        assert_eq!(broadcast("10.2.0.1/24 brd 10.2.0.9 dev v1"), [10, 2, 0, 9]);
        assert!(broadcast("10.2.0.1/24 dev v1").is_empty());
        assert!(broadcast("10.2.0.1/31 brd + dev v1").is_empty());
        assert_eq!(broadcast("10.2.0.1/0 brd + dev v1"), [255; 4]);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            read("10.3.0.1/16").expect_err("no device").to_string(),
            "Not enough information: \"dev\" argument is required."
        );
        assert!(read("10.3.0.1/16 frob dev v0").is_err());
        assert!(read("dev v0").is_err());
    }
}
