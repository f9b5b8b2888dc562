//! Opens the ports of a configuration, and a twin in the host's stack for each interface with addresses.

use super::again;
use anyhow::{Context, Result, bail};
use dpdk::device::tap_devargs;
use dpdk::{
    Device, Eal, EalConfig, Error, MacAddress, MemoryMode, Mempool, PoolConfig, Port, PortConfig,
    Queues, Shape,
};
use sluice_config::Config;
use sluice_config::gateway::{Interface, InterfaceKind};
use sluice_control::interfaces::{self, OpenPort, OpenPorts, OpenTwin};
use sluice_dataplane::address::Mac;
use sluice_dataplane::poll::QueueWatch;
use std::sync::Arc;

/// Buffers per queue that receives, and in the waiting queues of workers.
const BUFFERS: u32 = 16_384;
const ETHERNET_OVERHEAD: u16 = 18;

/// What is counted of the queues: by port, then by worker.
pub(crate) type Watches = Vec<Vec<Arc<QueueWatch>>>;

/// What was opened, in the order of port indexes: devices first, then twins.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) eal: Eal,
    pub(crate) pool: Mempool,
    pub(crate) ports: Vec<(String, Port, Queues)>,
    pub(crate) watches: Watches,
    pub(crate) open: OpenPorts,
}

/// The device of a configuration in the driver layer's words.
pub(super) fn device(asked: &sluice_config::gateway::Device) -> Result<Device> {
    let text = asked.to_string();
    text.parse::<Device>().with_context(|| format!("device {text}"))
}

/// Name of an interface's twin.
pub(super) fn twin_name(interface: &Interface) -> String {
    interface.twin.clone().unwrap_or_else(|| twin_of(&interface.name))
}

/// The twins of the interfaces that have one, which are those with addresses: a twin's name, and the interface's.
pub(super) type Twins = Vec<(String, String)>;

/// Of the interfaces that the gateway has started with: no others have twins.
pub(super) fn twins(config: &Config) -> Twins {
    let twins = config.interfaces.iter().filter(|interface| !interface.address.is_empty());
    twins.map(|twinned| (twin_name(twinned), twinned.name.clone())).collect()
}

/// Of a long name it has the end, in which the ports of one card differ.
fn twin_of(interface: &str) -> String {
    /// What the kernel leaves for it (`IFNAMSIZ`) behind the prefix.
    const ROOM: usize = 15 - "sl-".len();
    let end = (interface.len().saturating_sub(ROOM)..).find_map(|at| interface.get(at..));
    format!("sl-{}", end.unwrap_or_default())
}

/// Starts EAL and opens everything.
pub(super) fn open(config: &Config) -> Result<Opened> {
    let workers = u16::try_from(config.gateway.workers.count()).unwrap_or(u16::MAX);
    let devices: Vec<(&Interface, Device)> = config
        .interfaces
        .iter()
        .filter_map(|interface| match &interface.kind {
            InterfaceKind::Device(asked) => Some(device(asked).map(|device| (interface, device))),
            InterfaceKind::Vlan { .. } | InterfaceKind::Bridge { .. } => None,
        })
        .collect::<Result<_>>()?;
    let mtu = config
        .interfaces
        .iter()
        .filter_map(|interface| interface.mtu)
        .max()
        .unwrap_or(1500)
        .max(1500);
    let data_room = mtu + ETHERNET_OVERHEAD + 512;
    let allow = devices.iter().filter_map(|(_, device)| device.allow()).collect();
    let (eal, pool) = memory(allow, data_room)?;
    let mut opened =
        Opened { eal, pool, ports: Vec::new(), watches: Vec::new(), open: OpenPorts::default() };
    for (interface, device) in &devices {
        opened.port(interface, device, workers, data_room)?;
    }
    for interface in config.interfaces.iter().filter(|interface| !interface.address.is_empty()) {
        opened.twin(config, interface, workers)?;
    }
    Ok(opened)
}

/// EAL, and the packets' buffers in its memory.
fn memory(allow: Vec<String>, data_room: u16) -> Result<(Eal, Mempool)> {
    let eal = Eal::init(&EalConfig {
        allow,
        memory_mb: u32::from(data_room) * BUFFERS / (1 << 20) + 192,
        no_huge: again::is_second(),
        ..EalConfig::default()
    })?;
    let buffers =
        PoolConfig { data_room: data_room + 128, ..PoolConfig::new("sluice", BUFFERS - 1) };
    let pool = Mempool::new(&eal, &buffers).map_err(|error| match (error, eal.memory_mode()) {
        // EAL took a page or two, and others the rest.
        (Error::Pool { errno, .. }, MemoryMode::HugePages) => Error::HugePagesTaken { errno },
        (error, _) => error,
    })?;
    Ok((eal, pool))
}

impl Opened {
    /// Takes in a started port that carries packets of `mtu` bytes.
    fn add(&mut self, name: String, port: Port, queues: Queues, mtu: u32) {
        let workers = queues.tx.len();
        self.watches.push((0..workers).map(|_| Arc::new(QueueWatch::new(mtu))).collect());
        self.ports.push((name, port, queues));
    }

    fn next_index(&self) -> u16 {
        u16::try_from(self.ports.len()).unwrap_or(u16::MAX)
    }

    fn port(
        &mut self,
        interface: &Interface,
        device: &Device,
        workers: u16,
        data_room: u16,
    ) -> Result<()> {
        let queues = interface.queues.unwrap_or(workers).max(1);
        let shape = Shape {
            queues,
            mtu: interface.mtu.unwrap_or(1500),
            mac: interface.mac.map(|mac| MacAddress(mac.0)),
            data_room: data_room + 128,
        };
        let port = self.eal.attach(device, &interface.name, &shape)?;
        let info = port.info()?;
        let rx = queues.min(info.max_rx_queues).min(workers);
        if info.max_tx_queues < workers {
            bail!(
                "interface {}: {device} has {} transmit queues, fewer than the {workers} workers; set workers = {}",
                interface.name,
                info.max_tx_queues,
                info.max_tx_queues
            );
        }
        let asked = PortConfig {
            rx_queues: rx,
            tx_queues: workers,
            // Every frame the peer sends is looked at; the pipeline judges MACs itself.
            promiscuous: true,
            mtu: interface.mtu,
            ..PortConfig::default()
        };
        let started = port.start(&asked, &self.pool)?;
        // Behind a kernel interface is a Linux host, or a card that the kernel drives.
        let software_peer = device.interface().is_some() && !matches!(device, Device::Pci { .. });
        let mac = match interface.mac {
            Some(mac) => Mac(mac.0),
            None => Mac(port.mac()?.0),
        };
        let mtu = interface.mtu.unwrap_or(port.mtu().unwrap_or(1500));
        self.open.ports.push(OpenPort {
            interface: interface.name.clone(),
            port: self.next_index(),
            mac,
            mtu,
            software_peer,
        });
        self.add(interface.name.clone(), port, started, mtu.into());
        Ok(())
    }

    fn twin(&mut self, config: &Config, interface: &Interface, workers: u16) -> Result<()> {
        let mac = interfaces::mac(config, interface, &self.open);
        let name = twin_name(interface);
        let devargs = tap_devargs(&name, mac.map(|mac| MacAddress(mac.0)));
        let port = self.eal.attach_devargs(&devargs).with_context(|| {
            format!(
                "interface {}: its twin {name} in the host's stack cannot be made",
                interface.name
            )
        })?;
        let asked = PortConfig {
            rx_queues: workers,
            tx_queues: workers,
            promiscuous: true,
            checksums: false,
            ..PortConfig::default()
        };
        let started = port.start(&asked, &self.pool)?;
        self.open
            .twins
            .push(OpenTwin { interface: interface.name.clone(), port: self.next_index() });
        // The host's own stack keeps to the twin's MTU.
        self.add(name, port, started, u16::MAX.into());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::twin_of;

    #[test]
    fn twins_of_long_names_differ_as_these_do() {
        assert_eq!(twin_of("wan"), "sl-wan");
        assert_eq!(twin_of("vxlan.calico"), "sl-vxlan.calico");
        assert_eq!(twin_of("enp129s0f0np0"), "sl-np129s0f0np0");
        assert_eq!(twin_of("enp129s0f0np1"), "sl-np129s0f0np1");
        assert_eq!(
            twin_of("\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}123"),
            "sl-\u{fc}\u{fc}\u{fc}\u{fc}123"
        );
    }
}
