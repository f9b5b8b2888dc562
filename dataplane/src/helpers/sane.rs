//! The scanners of SANE (its network protocol, "SANE_NET_START"; kernel `nf_conntrack_sane.c`): the answer to a request to
//! start tells a port of the server.

use crate::wire::{u16_at, u32_at};

/// The procedure that starts a scan.
const START: u32 = 7;
/// Procedure and handle.
const REQUEST: usize = 8;

/// Whether a message of the client asks for a start; none of what is no request of that size.
pub(crate) fn asks(message: &[u8]) -> Option<bool> {
    (message.len() == REQUEST).then(|| u32_at(message, 0) == Some(START))
}

/// The port that the answer to a start tells: status, and the port in four bytes.
pub(crate) fn port(message: &[u8]) -> Option<u16> {
    let told = u32_at(message, 0) == Some(0) && u16_at(message, 4) == Some(0);
    u16_at(message, 6).filter(|_| told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_known_by_their_size() {
        assert_eq!(asks(&[0, 0, 0, 7, 0, 0, 0, 1]), Some(true));
        assert_eq!(asks(&[0, 0, 0, 6, 0, 0, 0, 1]), Some(false));
        assert_eq!((asks(&[0, 0, 0, 7]), asks(&[0; 9])), (None, None));
    }

    #[test]
    fn the_port_is_told_where_the_start_went_well() {
        assert_eq!(port(&[0, 0, 0, 0, 0, 0, 4, 1, 9]), Some(1025));
        assert_eq!(port(&[0, 0, 0, 1, 0, 0, 4, 1]), None);
        assert_eq!(port(&[0, 0, 0, 0, 0, 1, 4, 1]), None);
        assert_eq!(port(&[0, 0, 0, 0, 0, 0, 4]), None);
    }
}
