//! Network address translation: which tuple a connection gets, and how its packets are rewritten.
//!
//! ```text
//!  first packet    rule -> NatRange -> select_destination / select_source -> reply tuple
//!  every packet    Rewrite::between(tuple, peer reversed) -> Rewrite::apply(frame)
//!  ICMP errors     translate_error (outer and quoted header)
//! ```
//!
//! The choice follows the kernel's `nf_nat_core.c`: a port is kept where the resulting tuple is free.

mod best_address;
pub mod icmp_error;
pub mod mappings;
pub mod masquerade;
mod ports;
mod quote;
pub mod range;
pub mod rewrite;
#[cfg(test)]
mod samples;
pub mod select;
#[cfg(test)]
mod workers_tests;

pub use icmp_error::{outer_addresses, translate_error};
pub use mappings::SourceMappings;
pub use masquerade::masquerade_address;
pub use range::NatRange;
pub use rewrite::{Delta, Rewrite};
pub use select::{Manip, TupleSpace, select_destination, select_null, select_source};
