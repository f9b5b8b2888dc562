//! Neighbours: who is next on the link, and by which MAC.
//!
//! ```text
//!   worker                                       control thread
//!   find, link, mark_used ──> table <─────────── machine (RFC 4861, the kernel's neighbour.c)
//!   park ──> pending           Event::Wanted ──> handle, poll ──> Output::Solicit …
//!   arp, ndp: parse ─────────> Event::Seen ────>
//!   take <──────────────────── Output::Resolved, Output::Failed
//! ```

pub mod machine;
pub mod pending;
pub mod state;
pub mod table;

pub use machine::Machine;
pub use pending::Pending;
pub use state::{Event, Kind, Neighbour, Output, Settings, State};
pub use table::{Link, NeighbourTable};
