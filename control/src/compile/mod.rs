//! From the language's model to the form the data plane runs.

mod bounds;
mod error;
mod layout;
mod matches;
pub mod rules;
mod states;
mod targets;

pub use error::CompileError;
pub use layout::Layout;
pub use rules::{Before, Compiled, World, compile, compile_after};
pub use states::{RECENT, States};

use sluice_dataplane::address::Address;

/// A mask of leading ones, as [`Address::to_bits`] has it.
fn leading<A: Address>(prefix: u8) -> u128 {
    let bits = 8 * A::SIZE as u32;
    let host = bits.saturating_sub(prefix.into());
    let all = u128::MAX >> (u128::BITS - bits);
    all.checked_shr(host).and_then(|ones| ones.checked_shl(host)).unwrap_or(0)
}
