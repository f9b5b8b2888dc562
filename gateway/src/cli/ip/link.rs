//! `ip link`.

use sluice_control::proto::{Link, ListLinksRequest, SetLinkRequest};

use super::link_text;
use super::words::{Words, abbreviates, wrong};
use super::{HELP, Options, not_listed, print_records, refused, usage};
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::cli::remote::Remote;
use crate::cli::wire;

/// Runs `ip link`.
pub(super) async fn run(
    mut words: Words<'_>,
    options: Options,
    remote: &Remote,
) -> Result<(), Failure> {
    let command = words.next().unwrap_or("show");
    if abbreviates(command, "set") {
        let request = parse_set(words)?;
        let missing = format!("Cannot find device \"{}\"", request.name);
        let answer = remote.network().await?.set_link(request).await;
        answer.map(drop).map_err(|status| refused(status, &missing, ""))
    } else if ["show", "list", "lst"].iter().any(|name| abbreviates(command, name)) {
        show(words, options, remote).await
    } else if abbreviates(command, "help") {
        Ok(output::print(HELP)?)
    } else {
        Err(usage(format!("Command \"{command}\" is unknown, try \"ip link help\".")))
    }
}

/// `[dev] IF [up|down] [mtu N] [address MAC] [promisc on|off]`
fn parse_set(mut words: Words<'_>) -> Result<SetLinkRequest, Failure> {
    let mut request = SetLinkRequest::default();
    while let Some(word) = words.next() {
        match word {
            "up" => request.up = Some(true),
            "down" => request.up = Some(false),
            "mtu" => request.mtu = Some(words.number("mtu")?),
            "promisc" => {
                request.promiscuous = Some(match words.value()? {
                    "on" => true,
                    "off" => false,
                    text => return Err(wrong(text, "must be \"on\" or \"off\"")),
                });
            }
            "address" => {
                let text = words.value()?;
                request.mac = wire::parse_mac(text)
                    .ok_or_else(|| usage(format!("\"{text}\" is invalid lladdr.")))?;
            }
            "dev" => request.name = words.value()?.to_owned(),
            word if request.name.is_empty() => request.name = word.to_owned(),
            word => {
                let text =
                    format!("Error: either \"dev\" is duplicate, or \"{word}\" is a garbage.");
                return Err(usage(text));
            }
        }
    }
    if request.name.is_empty() {
        return Err(usage("Not enough of information: \"dev\" argument is required.".to_owned()));
    }
    Ok(request)
}

async fn show(mut words: Words<'_>, options: Options, remote: &Remote) -> Result<(), Failure> {
    let mut name = String::new();
    let mut up_only = false;
    while let Some(word) = words.next() {
        match word {
            "up" => up_only = true,
            "dev" => name = words.value()?.to_owned(),
            word => name = word.to_owned(),
        }
    }
    let mut links = list(&name, remote).await?;
    links.retain(|link| link.admin_up || !up_only);
    if options.json {
        let rendered: serde_json::Value =
            links.iter().map(|link| link_text::entry_json(link, options.statistics)).collect();
        return Ok(output::print_json(&rendered, options.pretty)?);
    }
    let record = |link: &Link| match options.brief {
        true => link_text::brief(link),
        false => link_text::entry(link, options.statistics, options.details),
    };
    print_records(&links.iter().map(record).collect::<Vec<_>>(), options)
}

/// The link of that name, or all. An unknown name is an error.
pub(super) async fn list(name: &str, remote: &Remote) -> Result<Vec<Link>, Failure> {
    let request = ListLinksRequest { name: name.to_owned() };
    let answer = remote.network().await?.list_links(request).await;
    let mut links = answer.map_err(|status| not_listed(status, name))?.into_inner().links;
    if !name.is_empty() {
        links.retain(|link| link.name == name);
        if links.is_empty() {
            return Err(Failure::Verbatim(format!("Device \"{name}\" does not exist.")));
        }
    }
    Ok(links)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<SetLinkRequest, Failure> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse_set(Words::new(&words))
    }

    #[test]
    fn only_what_is_said_changes() {
        let request = read("dev v0 mtu 1400 up").expect("valid");
        assert_eq!((request.mtu, request.up, request.promiscuous), (Some(1400), Some(true), None));
        assert!(request.mac.is_empty());
        let request = read("v0 down promisc on address 2:0:0:0:0:1").expect("valid");
        assert_eq!((request.up, request.promiscuous), (Some(false), Some(true)));
        assert_eq!(request.mac, [2, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn refusals() {
        let said = |line: &str| read(line).expect_err(line).to_string();
        assert_eq!(
            said("dev v0 frob"),
            "Error: either \"dev\" is duplicate, or \"frob\" is a garbage."
        );
        assert!(said("up").contains("\"dev\" argument is required"));
        assert!(said("v0 promisc maybe").contains("must be \"on\" or \"off\""));
    }
}
