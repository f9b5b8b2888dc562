//! `-m hashlimit`: a rate for each source, destination, port, or any of them together (kernel `xt_hashlimit`, revision 3).
//!
//! ```text
//!   HashLimit (a rule) ── key of the packet ──> Table (by name) ──> bucket ── Rate: is it within?
//! ```

mod rate;
mod table;

pub use rate::Rate;
pub use table::Table;

use self::table::{Key, Times};
use super::{Condition, Kept};
use crate::address::{Address, IpVersion};
use crate::rules::View;
use crate::wire::extensions::{AUTHENTICATION, ESP, FRAGMENT, NONE};
use crate::wire::{protocol, u32_at};
use std::time::Duration;

/// What tells buckets apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mode {
    /// `srcip`, and the mask of what counts of it as [`Address::to_bits`] has it.
    pub source: Option<u128>,
    /// `dstip`.
    pub destination: Option<u128>,
    /// `srcport`.
    pub source_port: bool,
    /// `dstport`.
    pub destination_port: bool,
}

/// One use of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct HashLimit {
    /// The table.
    pub table: Kept<Table>,
    /// `--hashlimit-above`.
    pub above: bool,
}

/// On what terms packets are counted. As in the kernel they are those of the first rule that names the table, and other
/// rules that do must bear with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// What tells buckets apart.
    pub mode: Mode,
    /// How much a bucket gives.
    pub rate: Rate,
    /// How long a bucket nobody asks is kept.
    pub expire: Duration,
    /// How often those that were kept so long are looked for.
    pub collect: Duration,
}

impl HashLimit {
    fn key<A: Address>(&self, view: &View<'_, A>) -> Option<Key> {
        let mode = self.table.terms().mode;
        let (source, destination) = match mode.source_port || mode.destination_port {
            true => ports(view)?,
            false => (0, 0),
        };
        let port = |wanted: bool, port: u16| if wanted { port } else { 0 };
        Some(Key {
            source: mode.source.map_or(0, |mask| view.source.to_bits() & mask),
            destination: mode.destination.map_or(0, |mask| view.destination.to_bits() & mask),
            ports: (port(mode.source_port, source), port(mode.destination_port, destination)),
        })
    }
}

/// What stands where ports do, by the kernel's `proto_ports_offset`: of ESP and AH halves of the index. None where it is
/// cut short.
fn ports<A: Address>(view: &View<'_, A>) -> Option<(u16, u16)> {
    use protocol::{DCCP, SCTP, TCP, UDP, UDP_LITE};
    // Of a later fragment's ports the kernel has an idea in IPv4 only.
    let v6 = A::VERSION == IpVersion::V6;
    let number = if v6 && view.is_later_fragment() { FRAGMENT } else { view.headers.protocol };
    let at = match number {
        TCP | UDP | UDP_LITE | SCTP | DCCP => {
            return Some((view.source_port()?.get(), view.destination_port()?.get()));
        }
        ESP => 0,
        AUTHENTICATION => 4,
        // Kernel `ipv6_skip_exthdr` goes no further.
        NONE if v6 => return None,
        _ => return Some((0, 0)),
    };
    let index = u32_at(view.layer4_bytes(), at)?;
    Some(((index >> 16) as u16, index as u16))
}

impl<A: Address> Condition<A> for HashLimit {
    fn holds(&self, view: &View<'_, A>) -> bool {
        let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let Terms { rate, expire, collect, .. } = self.table.terms();
        let (expire, collect) = (nanoseconds(expire), nanoseconds(collect));
        let times = Times { now: view.around.now.0, expire, collect };
        let ask = if view.is_dry() { Table::find } else { Table::ask };
        // What is cut short before its ports is dropped.
        let Some(key) = self.key(view) else { return view.hotdrop() };
        match ask(&self.table, key, rate, times, view.length) {
            Some(within) => within != self.above,
            // There is no room for another address.
            None => view.hotdrop(),
        }
    }
    fn keeps(&self) -> Option<&'static str> {
        Some("hashlimit")
    }
}
