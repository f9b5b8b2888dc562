//! LOG: the kernel's line about a packet, and where it goes. Made by a control thread, never by a worker.

mod line;
mod sink;
mod v4;
mod v6;

#[cfg(test)]
mod tests;

pub use line::{Subject, line, words};
pub use sink::{Sink, SinkError};
