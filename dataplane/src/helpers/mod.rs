//! What application protocols say of connections to come: one file a protocol, which reads its messages and touches nothing.
//! What becomes of it is [`crate::pipeline`]'s.
//!
//! ```text
//!   ftp  irc   lines of text over TCP          address and port of who waits
//!   amanda     a line of text over UDP         ports of the server
//!   sane       fields in network byte order    a port of the server
//!   pptp       fields in network byte order    numbers of a call
//!   h323       ASN.1 over TCP and UDP          addresses and ports of calls, media and data
//!   sip        lines of text over UDP or TCP   where calls and media come to, and what else has addresses
//!   tftp       a request is enough             the server answers from another port
//!   snmp       ASN.1 over UDP                  announces nothing; tells addresses
//! ```

pub(crate) mod amanda;
pub(crate) mod ftp;
pub(crate) mod h323;
pub(crate) mod irc;
pub(crate) mod pptp;
pub(crate) mod sane;
pub(crate) mod sip;
pub(crate) mod snmp;
pub(crate) mod text;
pub(crate) mod tftp;
