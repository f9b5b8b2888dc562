//! `bridge fdb show`: where the hosts of bridges are, in iproute2's words.

use std::process::ExitCode;

use serde_json::{Value, json};
use sluice_control::proto::{FdbEntry, ListFdbRequest};
use tonic::Code;

use super::failure::Failure;
use super::output;
use super::remote::Remote;
use super::wire;

const HELP: &str = "\
Usage: bridge [-s] [-j] [-p] fdb [show] [br BRIDGE] [dev PORT]
MACs are learned, and forgotten 300 seconds after a host's last frame.
";

/// What is asked.
#[derive(Debug, Default, PartialEq, Eq)]
struct Ask {
    help: bool,
    statistics: bool,
    json: bool,
    pretty: bool,
    bridge: String,
    port: String,
}

/// Runs `bridge`.
pub(crate) async fn run(words: &[String], remote: &Remote) -> Result<ExitCode, Failure> {
    let ask = parse(words)?;
    if ask.help {
        output::print(HELP)?;
        return Ok(ExitCode::SUCCESS);
    }
    let request = ListFdbRequest { bridge: ask.bridge.clone() };
    let answer = remote.network().await?.list_fdb(request).await;
    let mut entries = match answer {
        Ok(answer) => answer.into_inner().entries,
        Err(status) if status.code() == Code::NotFound => {
            let text = format!("Cannot find bridge device \"{}\"", ask.bridge);
            return Err(Failure::Verbatim(text));
        }
        Err(status) => return Err(status.into()),
    };
    entries.retain(|entry| ask.port.is_empty() || entry.port == ask.port);
    if ask.json {
        let all: Value = entries.iter().map(|entry| entry_json(entry, &ask)).collect();
        output::print_json(&all, ask.pretty)?;
    } else {
        let lines: String = entries.iter().map(|entry| line(entry, &ask)).collect();
        output::print(&lines)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn parse(words: &[String]) -> Result<Ask, Failure> {
    let mut ask = Ask::default();
    let mut words = words.iter().map(String::as_str);
    let object = loop {
        match words.next() {
            Some("-s" | "-stats" | "-statistics") => ask.statistics = true,
            Some("-j" | "-json" | "--json") => ask.json = true,
            Some("-p" | "-pretty") => ask.pretty = true,
            other => break other,
        }
    };
    match object {
        Some("fdb") => {}
        None | Some("help" | "-h" | "-help" | "--help") => return Ok(Ask { help: true, ..ask }),
        Some(other) => {
            let text = format!("Object \"{other}\" is unknown, try \"bridge help\".");
            return Err(Failure::UsageVerbatim(text));
        }
    }
    match words.next() {
        None | Some("show" | "list" | "lst") => {}
        Some("help") => return Ok(Ask { help: true, ..ask }),
        Some(other) => {
            let text = format!("Command \"{other}\" is unknown, try \"bridge fdb help\".");
            return Err(Failure::UsageVerbatim(text));
        }
    }
    while let Some(word) = words.next() {
        let place = match word {
            "br" => &mut ask.bridge,
            "dev" | "brport" => &mut ask.port,
            port => {
                ask.port = port.to_owned();
                continue;
            }
        };
        let missing =
            || Failure::UsageVerbatim("Command line is not complete. Try option \"help\"".into());
        *place = words.next().ok_or_else(missing)?.to_owned();
    }
    Ok(ask)
}

/// As `bridge` writes it; the port goes unsaid where it was asked for.
fn line(entry: &FdbEntry, ask: &Ask) -> String {
    let port = match ask.port.as_str() {
        "" => format!("dev {} ", entry.port),
        _ => String::new(),
    };
    let used = match ask.statistics {
        true => format!("used {0}/{0} ", entry.age),
        false => String::new(),
    };
    let state = if entry.permanent { "permanent" } else { "" };
    format!("{} {port}{used}master {} {state}\n", wire::mac_text(&entry.mac), entry.master)
}

fn entry_json(entry: &FdbEntry, ask: &Ask) -> Value {
    let state = if entry.permanent { "permanent" } else { "" };
    let mut out = json!({
        "mac": wire::mac_text(&entry.mac), "ifname": entry.port, "flags": [],
        "master": entry.master, "state": state,
    });
    if ask.statistics {
        out["used"] = json!(entry.age);
        out["updated"] = json!(entry.age);
    }
    out
}

#[cfg(test)]
mod tests {
    //! The expected lines are what iproute2 6.1 printed for the same entries in the kernel.

    use super::*;

    fn asked(line: &str) -> Result<Ask, Failure> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    fn sample(permanent: bool) -> FdbEntry {
        let (mac, port, master) = (vec![2, 0, 0, 0, 1, 0xa2], "e1".into(), "br0".into());
        FdbEntry { mac, port, master, permanent, age: 3 }
    }

    #[test]
    fn lines() {
        let ask = |line| asked(line).expect("valid");
        let learned = sample(false);
        assert_eq!(line(&learned, &ask("fdb show")), "02:00:00:00:01:a2 dev e1 master br0 \n");
        assert_eq!(line(&learned, &ask("fdb show dev e1")), "02:00:00:00:01:a2 master br0 \n");
        assert_eq!(
            line(&learned, &ask("-s fdb show br br0")),
            "02:00:00:00:01:a2 dev e1 used 3/3 master br0 \n"
        );
        assert_eq!(
            line(&sample(true), &ask("fdb")),
            "02:00:00:00:01:a2 dev e1 master br0 permanent\n"
        );
        assert_eq!(
            entry_json(&learned, &ask("-j fdb")).to_string(),
            r#"{"mac":"02:00:00:00:01:a2","ifname":"e1","flags":[],"master":"br0","state":""}"#
        );
    }

    #[test]
    fn refusals() {
        let said = |line: &str| asked(line).expect_err(line).to_string();
        assert_eq!(said("frob"), "Object \"frob\" is unknown, try \"bridge help\".");
        assert_eq!(said("fdb frob"), "Command \"frob\" is unknown, try \"bridge fdb help\".");
        assert!(said("fdb show br").contains("not complete"));
    }
}
