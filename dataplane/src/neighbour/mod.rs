//! Neighbours: who is next on the link, and by which MAC.
//!
//! ```text
//!   worker                                       control thread
//!   find, link, mark_used ──> table <─────────── machine (RFC 4861, the kernel's neighbour.c)
//!   park ──> pending           Event::Wanted ──> handle, poll ──> Output::Solicit …
//!   arp, ndp: parse ─────────> Event::Seen ────>
//!   take <──────────────────── Output::Resolved, Output::Failed
//! ```

pub mod arp;
pub mod machine;
pub mod ndp;
pub mod pending;
pub mod state;
pub mod table;

pub use machine::Machine;
pub use pending::Pending;
pub use state::{Event, Kind, Neighbour, Output, Settings, State};
pub use table::{Link, NeighbourTable};

use crate::packet::Packet;

/// Makes the frame `size` bytes long, whatever it held; false when the buffer is too small.
fn resize<P: Packet>(packet: &mut P, size: usize) -> bool {
    let length = packet.data().len();
    if length >= size {
        packet.trim_back(length - size);
        return true;
    }
    packet.append(size - length)
}
