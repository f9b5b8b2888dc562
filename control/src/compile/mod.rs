//! From the language's model to the form the data plane runs.

mod error;
mod matches;
pub mod rules;
mod states;
mod targets;

pub use error::CompileError;
pub use rules::{Compiled, World, compile};
pub use states::States;
