//! TFTP (RFC 1350; kernel `nf_conntrack_tftp.c`): whoever is asked for a transfer answers from a port of its choice.

use crate::wire::u16_at;

/// Read and write requests (RFC 1350 section 5).
const REQUESTS: [u16; 2] = [1, 2];

/// Whether a message asks for a transfer.
pub(crate) fn is_request(message: &[u8]) -> bool {
    u16_at(message, 0).is_some_and(|operation| REQUESTS.contains(&operation))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_are_requests() {
        assert!(is_request(b"\0\x01name\0octet\0") && is_request(b"\0\x02"));
        let others: [&[u8]; 5] = [b"\0\x03\0\x01data", b"\x01\0name", b"\0", b"", b"\0\0"];
        assert!(!others.iter().any(|message| is_request(message)));
    }
}
