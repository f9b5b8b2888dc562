//! SIP (RFC 3261) with its session descriptions (RFC 4566): which calls and media it announces, and what it says of
//! addresses (kernel `nf_conntrack_sip.c`, `nf_nat_sip.c`, with their default parameters).
//!
//! ```text
//!   packet ─> message ─> dialog ─> media          what is announced
//!                 └────> translation              what is said otherwise
//!   header, sdp, address, text, written           how it is read and written
//! ```
//!
//! Everything here works on a [`Conversation`]: a packet and its connection.

mod address;
mod conversation;
mod dialog;
mod header;
mod media;
mod message;
mod sdp;
mod text;
mod translation;
mod written;

pub(crate) use conversation::{Announced, Conversation, Facts, Known, Memory, Refusal};
pub(crate) use message::{read_datagram, read_segment};
pub(crate) use sdp::Class;

#[cfg(test)]
mod tests;
