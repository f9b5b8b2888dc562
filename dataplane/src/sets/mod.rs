//! Named sets as `ipset` has them: what `-m set` asks and what the SET target changes.
//!
//! ```text
//!   rule ──SetRef──> name ──> Set ──┬─> Hash: shards of open addressing, read without a lock
//!                     ^             └─> List: members, each a SetRef
//!   Sets (by name) ───┘
//! ```
//!
//! A rule holds a [`SetRef`]; while one lives the set is referenced, and [`Sets::destroy`] refuses. Workers call
//! [`SetRef::test`], [`SetRef::map`], [`SetRef::add`] and [`SetRef::del`] with a [`Query`]: no allocation, and never a wait. Commands come through
//! [`Sets`] and [`Set`]. What [`Sets::all`] gives must be maintained off the packet path, every second or so and where the
//! [`Bell`] is heard: that frees what has timed out, makes room ahead of what packets add, and makes late what a packet
//! could not do at once. Time is handed in.
//!
//! What a set says of a packet it says of the whole connection until it changes, unless something was met that ends by itself or counts packets
//! ([`Query::fleeting`]): verdicts may depend on it ([`Set::watch`]) as long as [`SetChanges`] counts no further.

mod bounds;
#[cfg(test)]
mod burst_tests;
mod changes;
mod entry;
mod hash;
mod key;
mod kind;
mod late;
mod list;
mod query;
mod reference;
mod registry;
mod set;
mod skbinfo;
mod table;
#[cfg(test)]
mod tests;

pub use changes::SetChanges;
pub use entry::{Entry, Refusal};
pub use key::Key;
pub use kind::{Header, Kind, Second};
pub use late::Bell;
pub use list::Place;
pub use query::{Addition, Compare, Direction, Directions, MatchOptions, Query};
pub use reference::SetRef;
pub use registry::{Sets, SetsError};
pub use set::Set;
pub use skbinfo::{MarkMap, SkbInfo};
