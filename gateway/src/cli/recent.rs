//! `sluice recent`: the lists of `-m recent`, as Linux has them under `/proc/net/xt_recent`.

use std::net::IpAddr;
use std::process::ExitCode;

use serde_json::{Value, json};
use sluice_control::proto::{
    GetRecentRequest, GetRecentResponse, ListRecentRequest, RecentEntry, WriteRecentRequest,
};

use super::arguments::{RecentAction, RecentArgs};
use super::failure::Failure;
use super::output;
use super::remote::Remote;
use super::wire;

/// Milliseconds in a tick of the lists' clock.
const TICK_MS: u64 = 4;

/// Runs `sluice recent`.
pub(crate) async fn run(args: &RecentArgs, remote: &Remote) -> Result<ExitCode, Failure> {
    let mut lists = remote.recent().await?;
    match &args.action {
        RecentAction::List { json } => {
            let names = lists.list(ListRecentRequest {}).await?.into_inner().names;
            if *json {
                output::print_json(&json!(names), true)?;
            } else {
                output::print(&names.iter().map(|name| format!("{name}\n")).collect::<String>())?;
            }
        }
        RecentAction::Show { name, json } => {
            let request = GetRecentRequest { name: name.clone() };
            let list = lists.get(request).await?.into_inner();
            if *json {
                output::print_json(&json_of(name, &list), true)?;
            } else {
                output::print(&list.entries.iter().map(line).collect::<String>())?;
            }
        }
        RecentAction::Write { name, change } => {
            let request = WriteRecentRequest { name: name.clone(), change: change.clone() };
            lists.write(request).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// An entry in the words of the kernel's file.
fn line(entry: &RecentEntry) -> String {
    let stamps: Vec<String> = entry.stamps.iter().map(|stamp| format!(" {stamp}")).collect();
    format!(
        "src={} ttl: {} last_seen: {} oldest_pkt: {}{}\n",
        long(&entry.address),
        entry.ttl,
        entry.last_seen,
        entry.next,
        stamps.join(",")
    )
}

/// The address as the kernel writes it there: IPv6 without any abbreviation.
fn long(address: &[u8]) -> String {
    match wire::address(address) {
        Some(IpAddr::V6(ip)) => ip.segments().map(|part| format!("{part:04x}")).join(":"),
        Some(IpAddr::V4(_)) | None => wire::address_text(address),
    }
}

/// Keys are a contract: add, never rename. Times are milliseconds ago.
fn json_of(name: &str, list: &GetRecentResponse) -> Value {
    let ago = |tick: u64| list.now.saturating_sub(tick) * TICK_MS;
    let entry = |entry: &RecentEntry| {
        json!({
            "address": wire::address_text(&entry.address),
            "ttl": entry.ttl,
            "last_seen_ms_ago": ago(entry.last_seen),
            "seen_ms_ago": entry.stamps.iter().map(|stamp| ago(*stamp)).collect::<Vec<_>>(),
        })
    };
    json!({ "name": name, "entries": list.entries.iter().map(entry).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> RecentEntry {
        RecentEntry {
            address: vec![10, 1, 0, 2],
            ttl: 64,
            last_seen: 4_294_892_300,
            next: 2,
            stamps: vec![4_294_892_298, 4_294_892_300],
        }
    }

    #[test]
    fn lines_are_the_kernels() {
        assert_eq!(
            line(&sample()),
            "src=10.1.0.2 ttl: 64 last_seen: 4294892300 oldest_pkt: 2 4294892298, 4294892300\n"
        );
        let mut address = vec![0xfd; 1];
        address.resize(15, 0);
        address.push(1);
        let six = line(&RecentEntry { address, ..sample() });
        assert!(six.starts_with("src=fd00:0000:0000:0000:0000:0000:0000:0001 ttl: 64 "), "{six}");
    }

    #[test]
    fn programs_get_milliseconds() {
        let list = GetRecentResponse { entries: vec![sample()], now: 4_294_892_310 };
        let entry = json!({
            "address": "10.1.0.2", "ttl": 64, "last_seen_ms_ago": 40, "seen_ms_ago": [48, 40],
        });
        assert_eq!(json_of("ssh", &list), json!({ "name": "ssh", "entries": [entry] }));
    }
}
