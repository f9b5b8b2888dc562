//! The host's side: twins get the gateway's addresses and routes, and the kernel is kept off the interfaces
//! that Sluice has taken over.

use super::ports::{Opened, device, twin_name};
use anyhow::{Context, Result, bail};
use dpdk::Device;
use sluice_config::Config;
use sluice_config::gateway::{InterfaceKind, RouteKind};
use std::process::Command;
use tracing::warn;

/// Lower priority than any route the host has of its own.
const METRIC: &str = "20480";

/// Sets up all twins, and silences the kernel on taken-over interfaces.
pub(super) fn configure(config: &Config, opened: &Opened) -> Result<()> {
    for interface in &config.interfaces {
        if let InterfaceKind::Device(asked) = &interface.kind {
            silence_kernel(&device(asked)?);
        }
    }
    for twin in &opened.open.twins {
        let Some(interface) = config.interfaces.iter().find(|i| i.name == twin.interface) else {
            continue;
        };
        let name = twin_name(interface);
        // The data plane speaks ARP and neighbour discovery; the host must not.
        sysctl(&format!("net/ipv6/conf/{name}/accept_dad"), "0");
        sysctl(&format!("net/ipv6/conf/{name}/addr_gen_mode"), "1");
        sysctl(&format!("net/ipv4/conf/{name}/rp_filter"), "0");
        // The gateway's ICMP errors about what the host itself sent come from the gateway's own addresses.
        sysctl(&format!("net/ipv4/conf/{name}/accept_local"), "1");
        ip(&[
            "link",
            "set",
            "dev",
            &name,
            "arp",
            "off",
            "mtu",
            &interface.mtu.unwrap_or(1500).to_string(),
            "up",
        ])?;
        for address in &interface.address {
            // Without `nodad` the kernel calls an IPv6 address tentative until a work queue of its has
            // run, and refuses a route with that source in between.
            let text = address.to_string();
            let mut words = vec!["addr", "replace", &text, "dev", &name, "noprefixroute"];
            words.extend(address.addr().is_ipv6().then_some("nodad"));
            ip(&words)?;
            let subnet = address.trunc().to_string();
            if address.prefix_len() < address.max_prefix_len() {
                ip(&[
                    "route",
                    "replace",
                    &subnet,
                    "dev",
                    &name,
                    "src",
                    &address.addr().to_string(),
                    "metric",
                    METRIC,
                ])?;
            }
        }
    }
    mirror_routes(config);
    Ok(())
}

/// The operator's routes, so that the host's own packets find a twin and a source address.
fn mirror_routes(config: &Config) {
    for route in config.routes.iter().filter(|route| route.kind == RouteKind::Unicast) {
        let through =
            config.interfaces.iter().find(|interface| match (&route.interface, route.via) {
                (Some(name), _) => interface.name == *name,
                (None, Some(via)) => interface.address.iter().any(|net| net.contains(&via)),
                (None, None) => false,
            });
        let Some(interface) = through.filter(|interface| !interface.address.is_empty()) else {
            continue;
        };
        let (to, name) = (route.to.to_string(), twin_name(interface));
        let via = route.via.map(|via| via.to_string());
        let mut words = vec!["route", "replace", &to];
        if let Some(via) = &via {
            words.extend(["via", via]);
        }
        words.extend(["dev", &name, "onlink", "metric", METRIC]);
        if let Err(error) = ip(&words) {
            warn!("the host does not know the route to {to}: {error:#}");
        }
    }
}

/// A packet socket only copies frames: without this the kernel would answer them too.
fn silence_kernel(device: &Device) {
    if !matches!(device, Device::AfPacket { .. }) {
        return;
    }
    if let Some(name) = device.interface() {
        sysctl(&format!("net/ipv4/conf/{name}/rp_filter"), "1");
        sysctl(&format!("net/ipv4/conf/{name}/arp_ignore"), "8");
        sysctl(&format!("net/ipv4/conf/{name}/forwarding"), "0");
        sysctl(&format!("net/ipv6/conf/{name}/disable_ipv6"), "1");
        offloads_off(&name);
    }
}

/// Segments merged on receipt are longer than the wire carries. Not every driver has every switch, and a
/// frame that is too large all the same is dropped, counted and said.
pub(super) fn offloads_off(name: &str) {
    for switch in ["gro", "lro", "rx-gro-hw"] {
        if Command::new("ethtool").args(["-K", name, switch, "off"]).output().is_err() {
            return warn!(
                "ethtool cannot be run; install it, so that {name} does not merge segments"
            );
        }
    }
}

fn sysctl(path: &str, value: &str) {
    let file = format!("/proc/sys/{path}");
    if let Err(error) = std::fs::write(&file, value) {
        warn!("{file} could not be set to {value}: {error}");
    }
}

fn ip(words: &[&str]) -> Result<()> {
    let output =
        Command::new("ip").args(words).output().context("ip cannot be run; install iproute2")?;
    if !output.status.success() {
        bail!("ip {}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
