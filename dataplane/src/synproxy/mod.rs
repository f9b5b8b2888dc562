//! SYNPROXY: the gateway answers a TCP client in its server's stead and opens the connection to the server
//! once the client has shown that it is there (kernel `nf_synproxy_core.c`).
//!
//! ```text
//!   client                     gateway                        server
//!     │ SYN ──────────────────> [Step::Greet]                    │
//!     │ <──── SYN-ACK, cookie, window 0                          │    nothing is remembered so far
//!     │ ACK ──────────────────> [Step::Connect] ────────── SYN ─>│    the connection begins
//!     │                  [Step::Introduce] <───────────── SYN-ACK│
//!     │ <──── ACK, window open       ACK ───────────────────────>│
//!     │ <═════ sequence numbers, acknowledgements and timestamps shifted ═════>│
//! ```
//!
//! The pipeline says which step a packet leads to; the worker sends what it takes. The numbers are kept with
//! connection tracking, see [`crate::conntrack`].

mod cookie;
mod step;

pub use cookie::SynCookies;
pub use step::SynProxy;
pub(crate) use step::{Heard, Step, greet, introduce, open};
