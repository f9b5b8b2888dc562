//! The flags of a TCP header, RFC 9293 section 3.1 and RFC 3168.

/// No more data.
pub const FIN: u8 = 0x01;
/// Opens a connection.
pub const SYN: u8 = 0x02;
/// Ends a connection at once.
pub const RST: u8 = 0x04;
/// Push.
pub const PSH: u8 = 0x08;
/// The acknowledgement number counts.
pub const ACK: u8 = 0x10;
/// The urgent pointer counts.
pub const URG: u8 = 0x20;
/// Congestion was met on the way.
pub const ECE: u8 = 0x40;
/// The congestion window was reduced.
pub const CWR: u8 = 0x80;
/// The flags of segments that open or end something.
pub const CONTROL: u8 = FIN | SYN | RST;
