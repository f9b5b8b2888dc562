//! What must hold before anything is started: every refusal here names the setting and leaves the host as it was.

use super::ports::{device, twin_name};
use anyhow::{Context, Result, bail};
use dpdk::Device;
use dpdk::doctor::{grant, lacking};
use sluice_config::Config;
use sluice_config::gateway::{Interface, InterfaceKind};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

/// This process's claims on kernel interfaces: no second gateway takes one while they live.
#[derive(Debug)]
pub(super) struct Claims(
    #[expect(dead_code, reason = "a claim is held, not used")] Vec<UnixListener>,
);

/// Looks at everything a start needs, and claims the kernel interfaces it uses.
///
/// # Errors
/// Names the interface, what is missing, and what to do.
pub(super) fn check(config: &Config) -> Result<Claims> {
    let mut claims = Vec::new();
    for interface in &config.interfaces {
        if let InterfaceKind::Device(asked) = &interface.kind {
            let device = device(asked)?;
            refuse_default_route(interface, &device)?;
            require(interface, &device.to_string(), device.capabilities())?;
            device.check().with_context(|| format!("interface {}", interface.name))?;
            // A card is its driver's, which knows by itself that it is in use.
            if let (Some(name), false) = (device.interface(), matches!(device, Device::Pci { .. }))
            {
                claims.push(claim(interface, &name)?);
            }
        }
        if !interface.address.is_empty() {
            let name = twin_name(interface);
            require(
                interface,
                &format!("its twin {name} in the host's stack"),
                &["CAP_NET_ADMIN"],
            )?;
            claims.push(claim(interface, &name)?);
            refuse_foreign_twin(interface, &name)?;
        }
    }
    Ok(Claims(claims))
}

/// Refuses a device that carries the host's default route, unless told otherwise.
fn refuse_default_route(interface: &Interface, device: &Device) -> Result<()> {
    let Some(carrier) = dpdk::doctor::default_route_interface() else { return Ok(()) };
    if device.interface().as_deref() == Some(carrier.as_str()) && !interface.take_default_route {
        bail!(
            "interface {}: {carrier} carries this host's default route, and taking it over would cut the \
             host off; say take_default_route = true if that is meant",
            interface.name
        );
    }
    Ok(())
}

fn require(interface: &Interface, what: &str, capabilities: &[&'static str]) -> Result<()> {
    let missing = lacking(capabilities);
    if !missing.is_empty() {
        bail!(
            "interface {}: {what} needs {}, which this process lacks; run as root, or `{}`",
            interface.name,
            missing.join(" and "),
            grant(&missing)
        );
    }
    Ok(())
}

/// A name of the abstract socket namespace, which is the network namespace's own, and is free again when the
/// process is gone, however it ended.
fn claim(interface: &Interface, device: &str) -> Result<UnixListener> {
    let claimed = SocketAddr::from_abstract_name(format!("sluice/interface/{device}"))
        .and_then(|address| UnixListener::bind_addr(&address));
    claimed.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => anyhow::anyhow!(
            "interface {}: another sluice in this network namespace (or another interface of this file) already \
             uses {device}; stop it, or give this interface another device or twin",
            interface.name
        ),
        _ => anyhow::Error::from(error)
            .context(format!("interface {}: {device} cannot be claimed", interface.name)),
    })
}

/// A twin is made by Sluice and goes away with it: one that is there already is somebody else's.
fn refuse_foreign_twin(interface: &Interface, name: &str) -> Result<()> {
    if dpdk::doctor::has_interface(name) {
        bail!(
            "interface {}: the host has an interface {name} already, the name of its twin; remove it \
             (`ip link del {name}`), or name the twin otherwise: twin = \"NAME\"",
            interface.name
        );
    }
    Ok(())
}
