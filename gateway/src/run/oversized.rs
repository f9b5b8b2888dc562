//! Frames longer than their wire carries: noticed, said once an interface, and where it can be, cured.
//!
//! A Linux host on the other end of a veth hands over TCP segments of up to 64 KB, to be cut by hardware that is
//! not there (TSO, GSO). A packet socket gets them whole or cut short; either way they are no packets of this
//! interface, and the workers drop them as `oversized`. The first one has the kernel told to cut them, see
//! [`CutSegments`]; what was dropped is sent again by its sender.

use super::host::offloads_off;
use super::ports::{Watches, device};
use dpdk::{CutSegments, Device};
use serde_json::Value;
use sluice_config::Config;
use sluice_config::gateway::InterfaceKind;
use sluice_control::server::Plane;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tracing::warn;

const TURN: Duration = Duration::from_millis(100);

/// One port's device.
struct Watched {
    interface: String,
    device: Device,
    port: usize,
    told: bool,
    /// Kept: when it goes, the peer sends super-frames again.
    _cut: Option<CutSegments>,
}

/// Starts the watch on the ports of `config`, in the order in which they were opened.
pub(super) fn start(
    config: &Config,
    watches: Watches,
    plane: Arc<Plane>,
    stop: Arc<AtomicBool>,
) -> std::io::Result<JoinHandle<()>> {
    let devices = config.interfaces.iter().filter_map(|interface| match &interface.kind {
        InterfaceKind::Device(asked) => Some((interface.name.clone(), device(asked).ok()?)),
        InterfaceKind::Vlan { .. } | InterfaceKind::Bridge { .. } => None,
    });
    let mut watched: Vec<Watched> = devices
        .enumerate()
        .map(|(port, (interface, device))| Watched {
            interface,
            device,
            port,
            told: false,
            _cut: None,
        })
        .collect();
    std::thread::Builder::new().name("oversized".into()).spawn(move || {
        while !stop.load(Ordering::Acquire) {
            for one in &mut watched {
                if let Some(queues) = watches.get(one.port) {
                    let mtu = mtu(&plane, one.port);
                    queues.iter().for_each(|queue| queue.mtu.store(mtu, Ordering::Relaxed));
                    let dropped =
                        queues.iter().any(|queue| queue.oversized.load(Ordering::Relaxed) > 0);
                    if dropped && !std::mem::replace(&mut one.told, true) {
                        one.cure(mtu);
                    }
                }
            }
            std::thread::sleep(TURN);
        }
    })
}

/// The largest MTU of the interfaces on a port: it can change while the gateway runs.
fn mtu(plane: &Plane, port: usize) -> u32 {
    let controller = plane.lock();
    let on_port = controller.interfaces.iter().filter(|(_, i)| usize::from(i.port) == port);
    on_port.map(|(_, interface)| interface.mtu.into()).max().unwrap_or(u16::MAX.into())
}

impl Watched {
    fn cure(&mut self, mtu: u32) {
        let Self { interface, device, .. } = self;
        let arrived = format!(
            "interface {interface}: frames longer than its MTU of {mtu} arrive and are dropped (oversized)"
        );
        let Device::AfPacket(name) = device else {
            return warn!("{arrived}; send smaller packets, or raise mtu of interface {interface}");
        };
        let Some(remedy) = peer_remedy(name) else {
            return warn!("{arrived}: the kernel merges what it receives; `{}`", own_remedy(name));
        };
        match CutSegments::attach(name) {
            Ok(cut) => {
                // Taken into the kernel's own receive path, they would be merged again.
                offloads_off(name);
                self._cut = Some(cut);
                warn!(
                    "{arrived}: the other end of {name} leaves segments uncut. The kernel cuts them from now on \
                     (XDP on {name} while sluice runs); faster and for good is `{remedy}`"
                );
            }
            Err(errno) => warn!(
                "{arrived}: the other end of {name} leaves segments uncut, and the kernel cannot be told to cut \
                 them ({errno}); TCP stalls until you run `{remedy}`"
            ),
        }
    }
}

fn own_remedy(name: &str) -> String {
    format!("ethtool -K {name} gro off lro off rx-gro-hw off")
}

/// The command that has the peer of the veth `name` cut its segments; none where it is no veth.
fn peer_remedy(name: &str) -> Option<String> {
    remedy_for(&ip_json(&["-d", "link", "show", "dev", name])?, ip_json)
}

/// From what `ip -j -d link show` says of the veth, and what `ask` answers about network namespaces.
fn remedy_for(link: &Value, ask: impl Fn(&[&str]) -> Option<Value>) -> Option<String> {
    let link = link.get(0)?;
    (link.pointer("/linkinfo/info_kind")?.as_str()? == "veth").then_some(())?;
    let switch = |peer: &str| format!("ethtool -K {peer} tso off gso off");
    if let Some(peer) = link.get("link").and_then(Value::as_str) {
        return Some(switch(peer));
    }
    let (index, id) = (link.get("link_index")?, link.get("link_netnsid"));
    let in_named_namespace = || {
        let namespaces = ask(&["netns", "list-id"])?;
        let namespace = find(&namespaces, "nsid", id?)?.get("name")?.as_str()?.to_owned();
        let links = ask(&["-n", &namespace, "link", "show"])?;
        let peer = switch(find(&links, "ifindex", index)?.get("ifname")?.as_str()?);
        Some(format!("ip netns exec {namespace} {peer}"))
    };
    // A container's namespace has no name; there, the number is all that is known of the peer.
    let by_number = || {
        let peer = format!("\"$(ip -o link | sed -n 's/^{index}: \\([^@:]*\\).*/\\1/p')\"");
        format!("{} # in the network namespace of its other end", switch(&peer))
    };
    Some(in_named_namespace().unwrap_or_else(by_number))
}

/// The element of a list whose `key` is `value`.
fn find<'a>(list: &'a Value, key: &str, value: &Value) -> Option<&'a Value> {
    list.as_array()?.iter().find(|one| one.get(key) == Some(value))
}

fn ip_json(words: &[&str]) -> Option<Value> {
    let output = Command::new("ip").arg("-j").args(words).output().ok()?;
    serde_json::from_slice(&output.stdout).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_command_is_for_the_other_end_of_the_cable() {
        let answer = |words: &[&str]| match words {
            ["netns", "list-id"] => Some(json!([{"nsid": 3, "name": "client"}, {"nsid": 4}])),
            ["-n", "client", ..] => {
                Some(json!([{"ifindex": 1, "ifname": "lo"}, {"ifindex": 7, "ifname": "eth0"}]))
            }
            _ => None,
        };
        let veth = |mut rest: Value| {
            rest["linkinfo"] = json!({"info_kind": "veth"});
            remedy_for(&json!([rest]), answer)
        };
        let far = veth(json!({"link_index": 7, "link_netnsid": 3}));
        assert_eq!(far.as_deref(), Some("ip netns exec client ethtool -K eth0 tso off gso off"));
        let near = veth(json!({"link": "peer0"}));
        assert_eq!(near.as_deref(), Some("ethtool -K peer0 tso off gso off"));
        let unnamed = veth(json!({"link_index": 7, "link_netnsid": 4})).unwrap();
        assert!(unnamed.contains("s/^7: ") && unnamed.contains("tso off gso off"), "{unnamed}");
        assert_eq!(remedy_for(&json!([{"ifname": "eth1"}]), answer), None);
    }
}
