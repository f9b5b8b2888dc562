//! Links.

use super::device;
use crate::controller::{ApplyError, Controller};
use crate::proto;
use crate::server::{Plane, PortCounters};
use sluice_config::gateway::{Interface as Configured, InterfaceKind};
use sluice_dataplane::address::Mac;
use sluice_dataplane::ids::InterfaceId;
use sluice_dataplane::interface::Interface;
use tonic::Status;

pub(super) fn list(
    plane: &Plane,
    asked: &proto::ListLinksRequest,
) -> Result<proto::ListLinksResponse, Status> {
    let controller = plane.lock();
    if !asked.name.is_empty() {
        device(&controller, &asked.name)?;
    }
    let links = controller
        .interfaces
        .iter()
        .filter(|(_, interface)| asked.name.is_empty() || asked.name == interface.name)
        .map(|(id, interface)| message(plane, &controller, id.link_number(), interface));
    Ok(proto::ListLinksResponse { links: links.collect() })
}

fn configured<'a>(controller: &'a Controller, name: &str) -> Option<&'a Configured> {
    controller.running.config.interfaces.iter().find(|asked| asked.name == name)
}

/// The port of an interface, or of the one below it.
fn port(plane: &Plane, controller: &Controller, interface: &Interface) -> Option<PortCounters> {
    let carrier = match configured(controller, &interface.name).map(|asked| &asked.kind) {
        Some(InterfaceKind::Vlan { parent, .. }) => parent,
        Some(InterfaceKind::Device(_) | InterfaceKind::Bridge { .. }) | None => &interface.name,
    };
    plane.hardware.port(carrier)
}

/// Whether there is a link below an interface: of a bridge, behind one of its ports that are up.
fn carrier(plane: &Plane, controller: &Controller, interface: &Interface) -> bool {
    let interfaces = &controller.interfaces;
    let below = match configured(controller, &interface.name).map(|asked| &asked.kind) {
        Some(InterfaceKind::Vlan { parent, .. }) => interfaces.named(parent),
        Some(InterfaceKind::Device(_) | InterfaceKind::Bridge { .. }) | None => {
            interfaces.named(&interface.name)
        }
    };
    match below.and_then(|(id, _)| interfaces.bridge(id)) {
        Some(bridge) => bridge
            .ports
            .iter()
            .filter_map(|port| interfaces.get(*port))
            .any(|own| own.up && plane.hardware.port(&own.name).is_none_or(|port| port.link_up)),
        None => port(plane, controller, interface).is_none_or(|port| port.link_up),
    }
}

/// Whether packets leave by an interface now.
pub(super) fn forwards(plane: &Plane, controller: &Controller, interface: &Interface) -> bool {
    interface.up && carrier(plane, controller, interface)
}

fn message(
    plane: &Plane,
    controller: &Controller,
    index: u32,
    interface: &Interface,
) -> proto::Link {
    let asked = configured(controller, &interface.name);
    let id = controller.interfaces.named(&interface.name).map(|(id, _)| id);
    let master = id.and_then(|id| controller.interfaces.master(id));
    let master = master.and_then(|bridge| controller.interfaces.get(bridge.id));
    let (device, vlan_parent, vlan_id) = match asked.map(|asked| &asked.kind) {
        Some(InterfaceKind::Device(device)) => (device.to_string(), String::new(), 0),
        Some(InterfaceKind::Vlan { parent, id }) => (String::new(), parent.clone(), (*id).into()),
        Some(InterfaceKind::Bridge { .. }) | None => Default::default(),
    };
    let below = port(plane, controller, interface).unwrap_or_default();
    // A sub-interface shares its parent's port, whose counters are not its own.
    let own = if vlan_id == 0 { below } else { PortCounters::default() };
    proto::Link {
        index,
        name: interface.name.clone(),
        mtu: interface.mtu.into(),
        mac: interface.mac.0.to_vec(),
        admin_up: interface.up,
        carrier: match asked.map(|asked| &asked.kind) {
            Some(InterfaceKind::Bridge { .. } | InterfaceKind::Vlan { .. }) => {
                carrier(plane, controller, interface)
            }
            Some(InterfaceKind::Device(_)) | None => below.link_up,
        },
        device,
        vlan_parent,
        vlan_id,
        promiscuous: asked.is_some_and(|asked| asked.promiscuous),
        counters: Some(proto::LinkCounters {
            rx_bytes: own.rx_bytes,
            rx_packets: own.rx_packets,
            rx_errors: own.rx_errors,
            rx_dropped: own.rx_no_buffer,
            rx_missed: own.rx_missed,
            rx_multicast: 0,
            tx_bytes: own.tx_bytes,
            tx_packets: own.tx_packets,
            tx_errors: own.tx_errors,
            tx_dropped: own.tx_dropped,
        }),
        master: master.map(|bridge| bridge.name.clone()).unwrap_or_default(),
        bridge: id.is_some_and(|id| controller.interfaces.bridge(id).is_some()),
    }
}

/// What bridges know: the MACs of their ports, and those learned.
pub(super) fn list_fdb(
    plane: &Plane,
    asked: &proto::ListFdbRequest,
) -> Result<proto::ListFdbResponse, Status> {
    let controller = plane.lock();
    let interfaces = &controller.interfaces;
    if !asked.bridge.is_empty() {
        let (id, _) = device(&controller, &asked.bridge)?;
        if interfaces.bridge(id).is_none() {
            return Err(Status::not_found(format!("{} is no bridge", asked.bridge)));
        }
    }
    let now = (plane.clock)();
    let mut entries = Vec::new();
    for bridge in interfaces.bridges() {
        let Some(master) = interfaces.get(bridge.id).map(|own| &own.name) else { continue };
        if !asked.bridge.is_empty() && asked.bridge != *master {
            continue;
        }
        let mut entry = |mac: Mac, port: InterfaceId, permanent: bool, age: u32| {
            let Some(port) = interfaces.get(port) else { return };
            entries.push(proto::FdbEntry {
                mac: mac.0.to_vec(),
                port: port.name.clone(),
                master: master.clone(),
                permanent,
                age,
            });
        };
        for port in &bridge.ports {
            if let Some(own) = interfaces.get(*port) {
                entry(own.mac, *port, true, 0);
            }
        }
        for known in bridge.fdb.entries(now).filter(|known| bridge.ports.contains(&known.port)) {
            entry(known.mac, known.port, false, known.age);
        }
    }
    entries.sort_by(|a, b| {
        (&a.master, &a.port, a.permanent, &a.mac).cmp(&(&b.master, &b.port, b.permanent, &b.mac))
    });
    Ok(proto::ListFdbResponse { entries })
}

/// Changes the MTU and whether an interface is used; gives an interface that went down. What the device itself must
/// do needs a restart.
pub(super) fn set(
    plane: &Plane,
    asked: &proto::SetLinkRequest,
) -> Result<Option<InterfaceId>, Status> {
    let mut controller = plane.lock();
    device(&controller, &asked.name)?;
    if asked.promiscuous.is_some() || !asked.mac.is_empty() {
        return Err(Status::unimplemented(
            "promiscuous mode and MAC are set at start; change the configuration and restart sluice",
        ));
    }
    if let Some(mtu) = asked.mtu {
        let mtu = u16::try_from(mtu)
            .map_err(|_| Status::invalid_argument("mtu greater than device maximum"))?;
        let mut config = controller.running.config.clone();
        if let Some(own) = config.interfaces.iter_mut().find(|own| own.name == asked.name) {
            own.mtu = Some(mtu);
        }
        super::apply(plane, &mut controller, config)?;
    }
    let (Some(up), (id, interface)) = (asked.up, device(&controller, &asked.name)?) else {
        return Ok(None);
    };
    if interface.up == up {
        return Ok(None);
    }
    let failed = |error: ApplyError| Status::failed_precondition(error.to_string());
    controller.set_link(id, up, (plane.clock)()).map_err(failed)?;
    if up {
        return Ok(None);
    }
    super::neighbours::lose(plane, &mut controller, id);
    Ok(Some(id))
}
