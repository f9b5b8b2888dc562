//! `ip neigh`.

use sluice_control::proto::{
    Change, ChangeNeighbourRequest, Family, FlushNeighboursRequest, ListNeighboursRequest,
    Neighbour, NeighbourState, Prefix,
};

use super::neigh_text;
use super::words::{self, Words, abbreviates, wrong};
use super::{HELP, Options, print_records, refused, usage};
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::cli::remote::Remote;
use crate::cli::wire;

/// Runs `ip neigh`.
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
        _ if abbreviates(command, "get") => return get(words, options, remote).await,
        _ if ["show", "list", "lst"].iter().any(|name| abbreviates(command, name)) => {
            return show(words, options, remote).await;
        }
        _ if abbreviates(command, "flush") => return flush(words, options, remote).await,
        _ if abbreviates(command, "help") => return Ok(output::print(HELP)?),
        _ => {
            let text = format!("Command \"{command}\" is unknown, try \"ip neigh help\".");
            return Err(usage(text));
        }
    };
    let neighbour = parse_entry(words, options.family)?;
    let request = ChangeNeighbourRequest { change: change.into(), neighbour: Some(neighbour) };
    let answer = remote.network().await?.change_neighbour(request).await;
    let missing = "RTNETLINK answers: No such file or directory";
    let exists = "RTNETLINK answers: File exists";
    answer.map(drop).map_err(|status| refused(status, missing, exists))
}

/// `ADDRESS [lladdr MAC] [nud STATE] [router] dev IF`
fn parse_entry(mut words: Words<'_>, family: Family) -> Result<Neighbour, Failure> {
    let mut neighbour =
        Neighbour { state: NeighbourState::Permanent.into(), ..Neighbour::default() };
    while let Some(word) = words.next() {
        match word {
            "lladdr" => {
                let text = words.value()?;
                neighbour.mac = wire::parse_mac(text)
                    .ok_or_else(|| usage(format!("\"{text}\" is invalid lladdr.")))?;
            }
            "nud" => neighbour.set_state(state(words.value()?)?),
            "dev" => neighbour.interface = words.value()?.to_owned(),
            "router" => neighbour.router = true,
            "extern_learn" | "use" | "managed" => {}
            "to" => neighbour.address = wire::octets(words::address(words.value()?, family)?),
            word => {
                if !neighbour.address.is_empty() {
                    let text =
                        format!("Error: either \"to\" is duplicate, or \"{word}\" is a garbage.");
                    return Err(usage(text));
                }
                neighbour.address = wire::octets(words::address(word, family)?);
            }
        }
    }
    if neighbour.interface.is_empty() || neighbour.address.is_empty() {
        return Err(usage("Device and destination are required arguments.".to_owned()));
    }
    Ok(neighbour)
}

fn state(text: &str) -> Result<NeighbourState, Failure> {
    const STATES: [NeighbourState; 8] = [
        NeighbourState::Permanent,
        NeighbourState::Reachable,
        NeighbourState::Noarp,
        NeighbourState::Stale,
        NeighbourState::Incomplete,
        NeighbourState::Delay,
        NeighbourState::Probe,
        NeighbourState::Failed,
    ];
    STATES
        .into_iter()
        .find(|state| neigh_text::state_name(*state).eq_ignore_ascii_case(text))
        .ok_or_else(|| wrong(text, "nud state is bad"))
}

/// Which entries to show or flush.
#[derive(Debug, Default)]
struct Filter {
    interface: String,
    /// None: all but NOARP, as in iproute2.
    states: Option<Vec<NeighbourState>>,
    to: Option<Prefix>,
}

impl Filter {
    fn parse(mut words: Words<'_>, family: Family) -> Result<Self, Failure> {
        let mut filter = Self::default();
        while let Some(word) = words.next() {
            match word {
                "dev" => filter.interface = words.value()?.to_owned(),
                "nud" => match words.value()? {
                    "all" => filter.states = Some(Vec::new()),
                    text => filter.states.get_or_insert_default().push(state(text)?),
                },
                "to" => filter.to = Some(words::prefix(words.value()?, family)?),
                word => filter.to = Some(words::prefix(word, family)?),
            }
        }
        Ok(filter)
    }

    fn passes(&self, neighbour: &Neighbour) -> bool {
        let state = neighbour.state();
        let wanted = match &self.states {
            None => state != NeighbourState::Noarp,
            Some(states) => states.is_empty() || states.contains(&state),
        };
        wanted
            && self
                .to
                .as_ref()
                .is_none_or(|to| wire::same_prefix(&neighbour.address, &to.address, to.length))
    }
}

async fn show(words: Words<'_>, options: Options, remote: &Remote) -> Result<(), Failure> {
    let filter = Filter::parse(words, options.family)?;
    let mut listed = list(options.family, &filter.interface, remote).await?;
    listed.retain(|neighbour| filter.passes(neighbour));
    print(&listed, !filter.interface.is_empty(), options)
}

async fn get(words: Words<'_>, options: Options, remote: &Remote) -> Result<(), Failure> {
    let wanted = parse_entry(words, options.family)?;
    let mut listed = list(options.family, &wanted.interface, remote).await?;
    listed.retain(|neighbour| neighbour.address == wanted.address);
    if listed.is_empty() {
        let text = "RTNETLINK answers: No such file or directory";
        return Err(Failure::Verbatim(text.to_owned()));
    }
    print(&listed, false, options)
}

async fn list(family: Family, interface: &str, remote: &Remote) -> Result<Vec<Neighbour>, Failure> {
    let request = ListNeighboursRequest { family: family.into(), interface: interface.to_owned() };
    let answer = remote.network().await?.list_neighbours(request).await;
    let unknown = format!("Cannot find device \"{interface}\"");
    Ok(answer.map_err(|status| refused(status, &unknown, ""))?.into_inner().neighbours)
}

fn print(listed: &[Neighbour], same_interface: bool, options: Options) -> Result<(), Failure> {
    if options.json {
        let rendered: serde_json::Value = listed
            .iter()
            .map(|n| neigh_text::entry_json(n, same_interface, options.statistics))
            .collect();
        return Ok(output::print_json(&rendered, options.pretty)?);
    }
    let line = |n: &Neighbour| match options.brief {
        true => neigh_text::brief(n),
        false => neigh_text::entry(n, same_interface, options.statistics),
    };
    print_records(&listed.iter().map(line).collect::<Vec<_>>(), options)
}

async fn flush(words: Words<'_>, options: Options, remote: &Remote) -> Result<(), Failure> {
    if words.peek().is_none() {
        return Err(usage("Flush requires arguments.".to_owned()));
    }
    let filter = Filter::parse(words, options.family)?;
    let request = FlushNeighboursRequest {
        family: options.family.into(),
        interface: filter.interface,
        states: filter.states.unwrap_or_default().into_iter().map(i32::from).collect(),
        to: filter.to,
    };
    let answer = remote.network().await?.flush_neighbours(request).await;
    let count = answer.map_err(|status| refused(status, "", ""))?.into_inner().count;
    if options.statistics {
        output::print(&match count {
            0 => "Nothing to flush.\n".to_owned(),
            n => format!(
                "*** Round 1, deleting {n} entries ***\n*** Flush is complete after 1 round ***\n"
            ),
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Neighbour, Failure> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse_entry(Words::new(&words), Family::Unspecified)
    }

    #[test]
    fn an_entry_is_permanent_unless_said_otherwise() {
        let entry = read("10.1.0.8 lladdr 02:00:00:00:00:08 dev v0").expect("valid");
        assert_eq!(entry.state(), NeighbourState::Permanent);
        assert_eq!(entry.mac, [2, 0, 0, 0, 0, 8]);
        let entry = read("to fd00::1 dev v0 nud stale router").expect("valid");
        assert_eq!(entry.state(), NeighbourState::Stale);
        assert!(entry.router && entry.address.len() == 16);
    }

    #[test]
    fn refusals() {
        let said = |line: &str| read(line).expect_err(line).to_string();
        assert_eq!(said("1.2.3.4"), "Device and destination are required arguments.");
        assert_eq!(said("1.2.3.4 lladdr zz dev v0"), "\"zz\" is invalid lladdr.");
        assert_eq!(
            said("1.2.3.4 nud frob dev v0"),
            "Error: argument \"frob\" is wrong: nud state is bad"
        );
    }

    #[test]
    fn noarp_is_shown_on_request_only() {
        let noarp = Neighbour { state: NeighbourState::Noarp.into(), ..Neighbour::default() };
        let filter = |line: &str| {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            Filter::parse(Words::new(&words), Family::Unspecified).expect("valid")
        };
        assert!(!filter("").passes(&noarp));
        assert!(filter("nud noarp").passes(&noarp));
        assert!(filter("nud all").passes(&noarp));
        assert!(!filter("nud stale").passes(&noarp));
    }
}
