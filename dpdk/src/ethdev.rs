//! The part of a port that it shares with its queues: its number, its state and its end.

use std::{
    ffi::CStr,
    mem::zeroed,
    ops::RangeInclusive,
    ptr::{null, null_mut},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use dpdk_sys as sys;

use crate::{
    eal::Eal,
    error::{Errno, Error, Result, c_string},
    kernel_drops::{KernelDropSource, KernelDrops},
    kernel_mtu,
    mempool::{HEADROOM, Mempool},
    port::PortConfig,
};

const RX_CHECKSUMS: u64 = sys::RTE_ETH_RX_OFFLOAD_IPV4_CKSUM as u64
    | sys::RTE_ETH_RX_OFFLOAD_UDP_CKSUM as u64
    | sys::RTE_ETH_RX_OFFLOAD_TCP_CKSUM as u64;
pub(crate) const TX_CHECKSUMS: u64 = sys::RTE_ETH_TX_OFFLOAD_IPV4_CKSUM as u64
    | sys::RTE_ETH_TX_OFFLOAD_UDP_CKSUM as u64
    | sys::RTE_ETH_TX_OFFLOAD_TCP_CKSUM as u64;

/// `RTE_ETH_RSS_*`: addresses, and ports of TCP and UDP over IPv4 and IPv6. In `rte_ethdev.h` these
/// are shifts by `RTE_ETH_FLOW_*`: IPv4 2 with TCP 4 and UDP 5, IPv6 8 with TCP 10 and UDP 11.
const RSS: u64 = 1 << 2 | 1 << 4 | 1 << 5 | 1 << 8 | 1 << 10 | 1 << 11;

/// An open port. Its device is given back when the `Port` and all queues are gone.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) id: u16,
    pub(crate) name: String,
    /// The largest MTU that the ring of an af_packet port was made for.
    ring_mtu: Option<u16>,
    /// Queues that exist: the port must not stop under them.
    queues: AtomicUsize,
    /// Ethdev's control functions want one caller at a time.
    state: Mutex<State>,
    eal: Eal,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) running: bool,
    /// Queues to report statistics of.
    pub(crate) queues: usize,
    /// The pool that the driver may hold packets of, until it is configured anew or closed.
    pub(crate) pool: Option<Mempool>,
    /// What the kernel lost of its traffic.
    drops: KernelDropSource,
}

impl Inner {
    /// Of a port that the calling thread has just opened.
    pub(crate) fn new(id: u16, name: &str, ring_mtu: Option<u16>, eal: Eal) -> Self {
        let (queues, state) = (AtomicUsize::new(0), Mutex::default());
        let port = Self { id, name: name.into(), ring_mtu, queues, state, eal };
        if let Ok(info) = port.raw_info() {
            port.state().drops = KernelDropSource::of_new_port(&driver_name(&info), info.if_index);
        }
        port
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn queue_made(&self) {
        self.queues.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn queue_dropped(&self) {
        // Release: what the queue did comes before the port's stop, which reads with Acquire.
        self.queues.fetch_sub(1, Ordering::Release);
    }

    pub(crate) fn has_queues(&self) -> bool {
        self.queues.load(Ordering::Acquire) > 0
    }

    /// Makes an error of what a call for `operation` returned.
    pub(crate) fn check(&self, operation: &'static str, code: i32) -> Result<()> {
        Errno::check(code).map(drop).map_err(|errno| self.failed(operation, errno))
    }

    fn failed(&self, operation: &'static str, errno: Errno) -> Error {
        let remedy = match errno.0 {
            libc::ENOTSUP => "its driver cannot do that; leave the setting out",
            libc::EBUSY => "stop the port first",
            libc::ENOMEM => "give more memory, or use fewer or shorter queues",
            libc::EPERM | libc::EACCES => "run as root, or with CAP_NET_ADMIN and CAP_NET_RAW",
            libc::EIO | libc::ENODEV => "the device is gone; check its interface with `ip link`",
            _ => "check the value; EAL's log says more",
        };
        Error::Port { port: self.name.clone(), operation, errno, remedy }
    }

    pub(crate) fn started(&self, operation: &'static str) -> Error {
        Error::Started { port: self.name.clone(), operation }
    }

    pub(crate) fn raw_info(&self) -> Result<sys::rte_eth_dev_info> {
        let mut info = sys::rte_eth_dev_info::default();
        // SAFETY: the port is open; the call writes to `info` only.
        let code = unsafe { sys::rte_eth_dev_info_get(self.id, &mut info) };
        self.check("ask its driver", code)?;
        Ok(info)
    }

    /// The MTU: of an af_packet port that of the kernel interface, see `kernel_mtu`.
    pub(crate) fn mtu(&self) -> Result<u16> {
        if let Some(interface) = packet_socket(&self.raw_info()?) {
            return kernel_mtu::get(interface).map_err(|errno| self.failed("read the MTU", errno));
        }
        let mut mtu = 0;
        // SAFETY: the port is open; the call writes to `mtu` only.
        let code = unsafe { sys::rte_eth_dev_get_mtu(self.id, &mut mtu) };
        self.check("read the MTU", code).map(|()| mtu)
    }

    /// Whether the link is up, by the driver's word `says`: of an af_packet port by the kernel interface's state. One
    /// that is gone is down.
    pub(crate) fn carrier(&self, says: bool) -> bool {
        match self.raw_info().ok().as_ref().and_then(packet_socket) {
            Some(interface) => says && kernel_mtu::running(interface).unwrap_or(false),
            None => says,
        }
    }

    pub(crate) fn set_mtu(&self, mtu: u16) -> Result<()> {
        let info = self.raw_info()?;
        self.check_mtu(&info, mtu)?;
        if let Some(interface) = packet_socket(&info) {
            let set = kernel_mtu::set(interface, mtu);
            return set.map_err(|errno| self.failed("set the MTU", errno));
        }
        // SAFETY: the port is open.
        match self.check("set the MTU", unsafe { sys::rte_eth_dev_set_mtu(self.id, mtu) }) {
            // A driver without the notion takes frames of any length.
            Err(Error::Port { errno: Errno(libc::ENOTSUP), .. }) => Ok(()),
            result => result,
        }
    }

    /// What the kernel lost since the port was opened or the last reset.
    pub(crate) fn kernel_drops(&self, state: &mut State) -> Result<KernelDrops> {
        let info = self.raw_info()?;
        Ok(state.drops.read(&driver_name(&info), info.if_index))
    }

    /// Counts what the kernel loses from here.
    pub(crate) fn reset_kernel_drops(&self, state: &mut State) -> Result<()> {
        let info = self.raw_info()?;
        state.drops.reset(&driver_name(&info), info.if_index);
        Ok(())
    }

    fn check_mtu(&self, info: &sys::rte_eth_dev_info, asked: u16) -> Result<()> {
        let (least, most) = self.mtu_limits(info).into_inner();
        let (port, driver) = (self.name.clone(), driver_name(info));
        match (least..=most).contains(&asked) {
            true => Ok(()),
            false => Err(Error::Mtu { port, driver, asked, least, most }),
        }
    }

    /// What the driver can carry; of an af_packet port, what its ring was made for.
    pub(crate) fn mtu_limits(&self, info: &sys::rte_eth_dev_info) -> RangeInclusive<u16> {
        let frame =
            info.max_rx_pktlen.saturating_sub(sys::RTE_ETHER_HDR_LEN + sys::RTE_ETHER_CRC_LEN);
        let declared = info.max_mtu.min(u16::try_from(frame).unwrap_or(u16::MAX));
        info.min_mtu..=self.ring_mtu.unwrap_or(declared)
    }

    pub(crate) fn set_promiscuous(&self, on: bool) -> Result<()> {
        // SAFETY: the port is open.
        let code = unsafe {
            match on {
                true => sys::rte_eth_promiscuous_enable(self.id),
                false => sys::rte_eth_promiscuous_disable(self.id),
            }
        };
        match self.check("set promiscuity", code) {
            // A driver that cannot filter (pcap, ring, memif) hands over everything anyway.
            Err(Error::Port { errno: Errno(libc::ENOTSUP), .. }) => Ok(()),
            result => result,
        }
    }

    /// Everything before the start: queues, offloads and MTU of a stopped port.
    pub(crate) fn configure(&self, config: &PortConfig, pool: &Mempool) -> Result<()> {
        let info = self.raw_info()?;
        for (direction, asked, most) in [
            ("receive", config.rx_queues, info.max_rx_queues),
            ("transmit", config.tx_queues, info.max_tx_queues),
        ] {
            if asked > most {
                let (port, driver) = (self.name.clone(), driver_name(&info));
                return Err(Error::Queues { port, driver, direction, asked, most });
            }
        }
        config.mtu.map_or(Ok(()), |mtu| self.check_mtu(&info, mtu))?;
        let conf = eth_conf(config, &info, pool.data_room());
        // SAFETY: the port is stopped; the configuration is copied.
        let code = unsafe {
            sys::rte_eth_dev_configure(self.id, config.rx_queues, config.tx_queues, &conf)
        };
        self.check("configure", code)?;
        config.mtu.map_or(Ok(()), |mtu| self.set_mtu(mtu))?;
        self.set_up_queues(config, pool)
    }

    fn set_up_queues(&self, config: &PortConfig, pool: &Mempool) -> Result<()> {
        let (mut rx, mut tx) = (config.rx_descriptors, config.tx_descriptors);
        // SAFETY: the port is configured; the call writes to the two counts only.
        let code = unsafe { sys::rte_eth_dev_adjust_nb_rx_tx_desc(self.id, &mut rx, &mut tx) };
        self.check("choose ring sizes", code)?;
        // SAFETY: the port is open. -1 stands for any NUMA node, also as an unsigned number.
        let socket = unsafe { sys::rte_eth_dev_socket_id(self.id) } as u32;
        for queue in 0..config.rx_queues {
            // SAFETY: the port is configured with that queue; `start` keeps the pool alive.
            let code = unsafe {
                sys::rte_eth_rx_queue_setup(self.id, queue, rx, socket, null(), pool.raw())
            };
            self.check("set up a receive queue", code)?;
        }
        for queue in 0..config.tx_queues {
            // SAFETY: the port is configured with that queue.
            let code = unsafe { sys::rte_eth_tx_queue_setup(self.id, queue, tx, socket, null()) };
            self.check("set up a transmit queue", code)?;
        }
        Ok(())
    }
}

impl Drop for Inner {
    /// Stops the port, closes it and gives the device back, so that it can be opened again.
    fn drop(&mut self) {
        let device = self.raw_info().map_or(null_mut(), |info| info.device);
        let running = self.state().running;
        // The interface must be free once the driver has closed its own descriptors.
        self.state().drops.close();
        let mut ports = self.eal.ports();
        // SAFETY: the last handle is gone, and with it all queues; the number is ours until it is
        // taken from the set. After the close, only the device may be named, not the port.
        unsafe {
            if running {
                sys::rte_eth_dev_stop(self.id);
            }
            sys::rte_eth_dev_close(self.id);
            if !device.is_null() {
                sys::rte_dev_remove(device);
            }
        }
        ports.remove(&self.id);
    }
}

/// EAL's number of the port called `name`.
pub(crate) fn find(name: &str) -> Result<Option<u16>> {
    let text = c_string("the port name", name)?;
    let mut id = 0;
    // SAFETY: the text outlives the call, which writes to `id` only.
    let code = unsafe { sys::rte_eth_dev_get_port_by_name(text.as_ptr(), &mut id) };
    Ok((code == 0).then_some(id))
}

pub(crate) fn driver_name(info: &sys::rte_eth_dev_info) -> String {
    if info.driver_name.is_null() {
        return "unknown".into();
    }
    // SAFETY: a driver's name is a static NUL-terminated string.
    unsafe { CStr::from_ptr(info.driver_name) }.to_string_lossy().into_owned()
}

/// The number of the kernel interface behind an af_packet port.
fn packet_socket(info: &sys::rte_eth_dev_info) -> Option<u32> {
    (info.if_index > 0 && driver_name(info) == "net_af_packet").then_some(info.if_index)
}

fn eth_conf(
    config: &PortConfig,
    info: &sys::rte_eth_dev_info,
    data_room: u16,
) -> sys::rte_eth_conf {
    // SAFETY: a C struct of numbers and pointers, for which all zeroes mean the defaults.
    let mut conf: sys::rte_eth_conf = unsafe { zeroed() };
    if config.checksums {
        conf.rxmode.offloads |= info.rx_offload_capa & RX_CHECKSUMS;
        conf.txmode.offloads |= info.tx_offload_capa & TX_CHECKSUMS;
    }
    if let Some(mtu) = config.mtu {
        if packet_socket(info).is_none() {
            conf.rxmode.mtu = mtu.into();
        }
        // Ethernet header and two VLAN tags more.
        if u32::from(mtu) + 22 > u32::from(data_room.saturating_sub(HEADROOM)) {
            let scatter = u64::from(sys::RTE_ETH_RX_OFFLOAD_SCATTER);
            let segments = u64::from(sys::RTE_ETH_TX_OFFLOAD_MULTI_SEGS);
            conf.rxmode.offloads |= info.rx_offload_capa & scatter;
            conf.txmode.offloads |= info.tx_offload_capa & segments;
        }
    }
    if config.rx_queues > 1 && info.flow_type_rss_offloads & RSS != 0 {
        conf.rxmode.mq_mode = sys::RTE_ETH_MQ_RX_RSS;
        conf.rx_adv_conf.rss_conf.rss_hf = info.flow_type_rss_offloads & RSS;
        conf.rxmode.offloads |= info.rx_offload_capa & u64::from(sys::RTE_ETH_RX_OFFLOAD_RSS_HASH);
    }
    conf
}
