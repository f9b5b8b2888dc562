//! Safe wrappers over DPDK 22.11: with `dpdk-sys`, the one home of `unsafe` in Sluice.
//!
//! ```text
//!   Eal ◄── Port ◄── RxQueue ──► Burst of Mbuf ──► TxQueue ──► Port
//!    ▲        └─────────► Mempool ◄── alloc/free ──┘
//!    └── ThreadGuard: a worker with a mempool cache of its own
//! ```
//!
//! An arrow points to what is kept alive: a queue holds its port, a port its pool and the EAL, so
//! nothing is freed while something can still reach it, and everything is freed once. Errors are
//! made from `errno` in [`error`] and nowhere else.

mod address;
#[cfg(feature = "baselines")]
pub mod baseline;
mod burst;
pub mod cpu;
pub mod device;
pub mod doctor;
mod eal;
pub mod error;
mod ethdev;
pub mod hugepages;
mod kernel_drops;
mod kernel_mtu;
mod mbuf;
pub mod memory;
mod mempool;
mod peer_segments;
mod port;
mod queue;
mod stats;
mod thread;

pub use burst::{BURST, Burst};
pub use device::{Device, DeviceError, MacAddress, Shape};
pub use eal::{Eal, EalConfig, MemoryMode, version};
pub use error::{Errno, Error, Result};
pub use mbuf::{Checksum, L4Checksum, Mbuf, TxChecksum};
pub use mempool::{HEADROOM, Mempool, PoolConfig};
pub use peer_segments::CutSegments;
pub use port::{Link, Port, PortConfig, PortInfo, Queues};
pub use queue::{RxQueue, TxQueue};
pub use stats::{PortStats, QueueStats};
pub use thread::{ThreadGuard, Worker, spawn_worker};
