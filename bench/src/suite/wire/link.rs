//! What lies between the generator and whatever is measured, and where both run.

use super::super::namespace::Namespace;
use anyhow::{Result, ensure};
use dpdk::Device;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The gateway's interfaces.
pub(super) const SIDES: [&str; 2] = ["lan", "wan"];
/// How long others may take to make their ports.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// A kind of ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// Shared memory; the generator is the client.
    Memif,
    /// Shared memory as between a host and its guest: the gateway is the host's side (vhost-user), the
    /// generator the guest's (virtio-user).
    Vhost,
    /// Two veth pairs, packet sockets at all four ends.
    AfPacket,
    /// The gateway's taps; the generator has packet sockets on their kernel side.
    Tap,
}

impl Link {
    /// All of them, in the order of the report.
    pub(crate) const ALL: [Self; 4] = [Self::Memif, Self::Vhost, Self::AfPacket, Self::Tap];

    /// As scenarios are called.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Memif => "memif",
            Self::Vhost => "vhost",
            Self::AfPacket => "af_packet",
            Self::Tap => "tap",
        }
    }

    /// For the report.
    pub(super) const fn describe(self) -> &'static str {
        match self {
            Self::Memif => "memif",
            Self::Vhost => "vhost-user and virtio-user",
            Self::AfPacket => "af_packet on veth pairs",
            Self::Tap => "taps, af_packet on their kernel side",
        }
    }

    /// The device of what is measured, on one side.
    pub(super) fn device(self, folder: &Path, side: usize) -> Result<Device> {
        let (socket, name) = (socket(folder, side), SIDES[side]);
        Ok(match self {
            Self::Memif => format!("memif:{},role=server,id={side}", socket.display()),
            Self::Vhost => format!("vdev:net_vhost{side},iface={}", socket.display()),
            Self::AfPacket => format!("af_packet:{name}0"),
            Self::Tap => format!("tap:{name}0"),
        }
        .parse()?)
    }

    /// The generator's device at the other end.
    pub(super) fn far_device(self, folder: &Path, side: usize) -> String {
        let (socket, name) = (socket(folder, side), SIDES[side]);
        match self {
            Self::Memif => format!("memif:{},role=client,id={side}", socket.display()),
            Self::Vhost => {
                format!("vdev:net_virtio_user{side},path={},queue_size=1024", socket.display())
            }
            Self::AfPacket => format!("af_packet:{name}1"),
            Self::Tap => format!("af_packet:{name}0"),
        }
    }

    /// Whether the generator has a namespace of its own. Packet sockets of two processes in one can clash: the
    /// driver makes up its fanout group's number of process and interface, and the kernel keeps one device a group.
    const fn wants_two_namespaces(self) -> bool {
        match self {
            Self::AfPacket => true,
            Self::Memif | Self::Vhost | Self::Tap => false,
        }
    }

    /// Whether the other process has made what the generator's port of a side needs.
    fn is_there(self, place: &Place, folder: &Path, side: usize) -> bool {
        match self {
            Self::Memif | Self::Vhost => place.near.listens(&socket(folder, side)),
            Self::AfPacket => true,
            Self::Tap => {
                let script = format!("ip link show up dev {}0 | grep -q UP", SIDES[side]);
                place.near.shell(&script).is_ok()
            }
        }
    }

    /// Waits for what the generator's ports need of the other process.
    pub(super) fn wait(self, place: &Place, folder: &Path) -> Result<()> {
        let begin = Instant::now();
        while !(0..SIDES.len()).all(|side| self.is_there(place, folder, side)) {
            ensure!(begin.elapsed() < PATIENCE, "the ports to measure do not appear");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Removes what a process that was killed leaves behind.
    pub(super) fn clear(folder: &Path) {
        for side in 0..SIDES.len() {
            // Only two of the links have any.
            let _ = std::fs::remove_file(socket(folder, side));
        }
    }
}

fn socket(folder: &Path, side: usize) -> PathBuf {
    folder.join(format!("{}.sock", SIDES[side]))
}

/// Where both sides run, and the interfaces between them.
pub(super) struct Place {
    near: Namespace,
    far: Option<Namespace>,
}

impl Place {
    pub(super) fn new(link: Link, cores: usize) -> Result<Self> {
        let near = Namespace::new(cores)?;
        let far = link.wants_two_namespaces().then(|| Namespace::new(cores)).transpose()?;
        if let Some(far) = &far {
            for side in SIDES {
                near.shell(&format!(
                    "ip link add {side}0 type veth peer name {side}1 netns {} && ip link set {side}0 up",
                    far.id()
                ))?;
                far.shell(&format!("ip link set {side}1 up"))?;
            }
        }
        Ok(Self { near, far })
    }

    /// Of what is measured.
    pub(super) const fn near(&self) -> &Namespace {
        &self.near
    }

    /// Of the generator.
    pub(super) fn far(&self) -> &Namespace {
        self.far.as_ref().unwrap_or(&self.near)
    }
}
