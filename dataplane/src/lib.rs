//! Sluice's data plane: workers and the packet pipeline.
//!
//! No async runtime, no serialisation, no clock: packets, time and randomness are handed in. The whole
//! path of a packet is [`pipeline`]; who owns what is drawn in [`worker`].

pub mod address;
pub mod adjacency;
pub mod bridge;
pub mod cache;
pub mod conntrack;
mod copies;
mod datagram;
pub mod drop_reason;
pub mod explain;
pub mod fib;
mod flight;
pub mod groups;
mod helpers;
pub mod ids;
pub mod interface;
pub mod mbuf;
pub mod nat;
pub mod neighbour;
pub mod packet;
pub mod pipeline;
pub mod poll;
pub mod published;
pub mod rate_limit;
pub mod reassembly;
mod redirect_limit;
pub mod rules;
pub mod sets;
pub mod snapshot;
pub mod sockets;
pub mod stamp;
pub mod synproxy;
pub mod time;
pub mod trace;
pub mod tuple;
pub mod wire;
pub mod worker;
