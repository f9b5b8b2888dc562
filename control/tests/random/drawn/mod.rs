//! Rulesets and frames drawn from bytes, and a gateway that meets them. Shared with the fuzz targets.
//!
//! ```text
//!   bytes ─ Choices ─┬─ commands ─ config ─> rulesets ─ compile ─┐
//!                    ├─ commands of ipset ─> sets ───────────────┼─> workers of the simulator: no panic, and
//!                    └─ frames ──────────────────────────────────┘   every packet is accounted for
//! ```

#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be built fails the test")]
#![allow(dead_code, unreachable_pub, reason = "each user uses its part")]
#![allow(clippy::missing_panics_doc, missing_docs, reason = "for tests alone")]

pub mod choices;
pub mod frames;
pub mod packets;
pub mod play;
pub mod rules;
#[path = "../../../../dataplane/tests/support/mod.rs"]
pub mod support;
pub mod templates;
pub mod words;
