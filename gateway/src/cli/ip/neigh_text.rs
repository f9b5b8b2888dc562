//! Neighbours as `ip neigh` prints them.

use std::fmt::Write;

use serde_json::{Map, Value, json};
use sluice_control::proto::{Neighbour, NeighbourState};

use crate::cli::wire;

/// The kernel's name of a state.
pub(super) fn state_name(state: NeighbourState) -> &'static str {
    match state {
        NeighbourState::Unspecified => "NONE",
        NeighbourState::Incomplete => "INCOMPLETE",
        NeighbourState::Reachable => "REACHABLE",
        NeighbourState::Stale => "STALE",
        NeighbourState::Delay => "DELAY",
        NeighbourState::Probe => "PROBE",
        NeighbourState::Failed => "FAILED",
        NeighbourState::Noarp => "NOARP",
        NeighbourState::Permanent => "PERMANENT",
    }
}

/// One entry with its newline. `same_interface`: the user named it, so it is not repeated.
pub(super) fn entry(neighbour: &Neighbour, same_interface: bool, statistics: bool) -> String {
    let mut out = format!("{} ", wire::address_text(&neighbour.address));
    if !same_interface {
        let _ = write!(out, "dev {} ", neighbour.interface);
    }
    if !neighbour.mac.is_empty() {
        let _ = write!(out, "lladdr {} ", wire::mac_text(&neighbour.mac));
    }
    if neighbour.router {
        out.push_str("router ");
    }
    if statistics {
        let [used, confirmed, updated] = ages(neighbour);
        let _ = write!(out, " used {used}/{confirmed}/{updated}");
        out.push_str("probes 0 ");
    }
    let _ = writeln!(out, "{} ", state_name(neighbour.state()));
    out
}

/// `-br`: address, interface and hardware address in columns.
pub(super) fn brief(neighbour: &Neighbour) -> String {
    let address = wire::address_text(&neighbour.address);
    let mac = wire::mac_text(&neighbour.mac);
    format!("{address:<39} {:<16} {mac}\n", neighbour.interface)
}

/// One entry as iproute2's JSON.
pub(super) fn entry_json(neighbour: &Neighbour, same_interface: bool, statistics: bool) -> Value {
    let mut out = Map::new();
    let mut put = |key: &str, value: Value| {
        out.insert(key.to_owned(), value);
    };
    put("dst", json!(wire::address_text(&neighbour.address)));
    if !same_interface {
        put("dev", json!(neighbour.interface));
    }
    if !neighbour.mac.is_empty() {
        put("lladdr", json!(wire::mac_text(&neighbour.mac)));
    }
    if neighbour.router {
        put("router", Value::Null);
    }
    if statistics {
        let [used, confirmed, updated] = ages(neighbour);
        put("used", json!(used));
        put("confirmed", json!(confirmed));
        put("updated", json!(updated));
        put("probes", json!(0));
    }
    put("state", json!([state_name(neighbour.state())]));
    Value::Object(out)
}

/// Seconds since last use, confirmation and change.
fn ages(neighbour: &Neighbour) -> [u64; 3] {
    [neighbour.used_ms, neighbour.confirmed_ms, neighbour.updated_ms].map(|ms| ms / 1000)
}

#[cfg(test)]
mod tests {
    //! The expected lines are what iproute2 6.1 printed for the same entries in the kernel.

    use super::*;

    fn neighbour(state: NeighbourState, mac: &[u8]) -> Neighbour {
        Neighbour {
            address: vec![10, 1, 0, 8],
            interface: "v0".into(),
            mac: mac.to_vec(),
            state: state.into(),
            used_ms: 2_100,
            confirmed_ms: 62_000,
            updated_ms: 2_900,
            ..Neighbour::default()
        }
    }

    const MAC: [u8; 6] = [2, 0, 0, 0, 0, 8];

    #[test]
    fn entries() {
        let stale = neighbour(NeighbourState::Stale, &MAC);
        assert_eq!(
            entry(&stale, false, false),
            "10.1.0.8 dev v0 lladdr 02:00:00:00:00:08 STALE \n"
        );
        assert_eq!(entry(&stale, true, false), "10.1.0.8 lladdr 02:00:00:00:00:08 STALE \n");
        assert_eq!(
            entry(&stale, false, true),
            "10.1.0.8 dev v0 lladdr 02:00:00:00:00:08  used 2/62/2probes 0 STALE \n"
        );
        let failed = neighbour(NeighbourState::Failed, &[]);
        assert_eq!(entry(&failed, false, false), "10.1.0.8 dev v0 FAILED \n");
    }

    #[test]
    fn columns() {
        assert_eq!(
            brief(&neighbour(NeighbourState::Stale, &MAC)),
            "10.1.0.8                                v0               02:00:00:00:00:08\n"
        );
        assert_eq!(
            brief(&neighbour(NeighbourState::Failed, &[])),
            "10.1.0.8                                v0               \n"
        );
    }

    #[test]
    fn json_in_iproute2s_order() {
        let mut stale = neighbour(NeighbourState::Stale, &MAC);
        stale.router = true;
        assert_eq!(
            entry_json(&stale, false, true).to_string(),
            r#"{"dst":"10.1.0.8","dev":"v0","lladdr":"02:00:00:00:00:08","router":null,"used":2,"confirmed":62,"updated":2,"probes":0,"state":["STALE"]}"#
        );
    }
}
