//! The packet that an ICMP error quotes: where its layer-4 header is, as far as it was quoted.

use crate::address::{Address, IpVersion};

/// Where things are in a quoted packet, in bytes from the start of its IP header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quote {
    /// Start of the layer-4 header.
    pub(super) l4: usize,
    /// Its protocol number.
    pub(super) protocol: u8,
    /// Whether ports follow: false for all fragments but the first.
    pub(super) has_ports: bool,
}

impl Quote {
    /// Reads the IP header at the start of `bytes`; none where it is no header of this family or
    /// ends before layer 4.
    pub(super) fn read<A: Address>(bytes: &[u8]) -> Option<Self> {
        match A::VERSION {
            IpVersion::V4 => Self::read_v4(bytes),
            IpVersion::V6 => Self::read_v6(bytes),
        }
    }

    fn read_v4(bytes: &[u8]) -> Option<Self> {
        let header: &[u8; 20] = bytes.first_chunk()?;
        let l4 = usize::from(header[0] & 0x0f) * 4;
        let offset = u16::from_be_bytes([header[6] & 0x1f, header[7]]);
        let fits = header[0] >> 4 == 4 && l4 >= 20 && l4 <= bytes.len();
        fits.then_some(Self { l4, protocol: header[9], has_ports: offset == 0 })
    }

    fn read_v6(bytes: &[u8]) -> Option<Self> {
        let header: &[u8; 40] = bytes.first_chunk()?;
        if header[0] >> 4 != 6 {
            return None;
        }
        let (mut l4, mut protocol, mut has_ports) = (40, header[6], true);
        // Every extension header is at least 8 bytes long: the walk ends.
        while has_ports {
            let extension: &[u8; 4] = match protocol {
                0 | 43 | 44 | 51 | 60 => bytes.get(l4..)?.first_chunk()?,
                _ => break,
            };
            let [next, size, offset_high, offset_low] = *extension;
            l4 += match protocol {
                44 => 8,
                51 => (usize::from(size) + 2) * 4,
                _ => (usize::from(size) + 1) * 8,
            };
            has_ports = protocol != 44 || u16::from_be_bytes([offset_high, offset_low]) >> 3 == 0;
            protocol = next;
        }
        (l4 <= bytes.len()).then_some(Self { l4, protocol, has_ports })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::{V4, V6};
    use proptest::prelude::*;

    #[test]
    fn extension_headers_are_skipped() {
        let mut bytes = vec![0; 40 + 8 + 16 + 8 + 8];
        bytes[0] = 0x60;
        bytes[5] = 40;
        bytes[6] = 0; // hop-by-hop, 8 bytes
        bytes[40] = 60; // destination options, 16 bytes
        bytes[48..50].copy_from_slice(&[44, 1]);
        bytes[64] = 17; // first fragment of UDP
        let quote = Quote { l4: 72, protocol: 17, has_ports: true };
        assert_eq!(Quote::read::<V6>(&bytes), Some(quote));
        bytes[67] = 8;
        assert_eq!(Quote::read::<V6>(&bytes), Some(Quote { has_ports: false, ..quote }));
        assert_eq!(Quote::read::<V6>(&bytes[..66]), None, "cut in the fragment header");
        assert_eq!(Quote::read::<V4>(&bytes), None);
    }

    #[test]
    fn options_and_fragments_of_ipv4() {
        let mut bytes = vec![0; 32];
        (bytes[0], bytes[3], bytes[9]) = (0x46, 100, 6);
        let quote = Quote { l4: 24, protocol: 6, has_ports: true };
        assert_eq!(Quote::read::<V4>(&bytes), Some(quote));
        bytes[7] = 1;
        assert_eq!(Quote::read::<V4>(&bytes), Some(Quote { has_ports: false, ..quote }));
        bytes[0] = 0x4f;
        assert_eq!(Quote::read::<V4>(&bytes), None, "options beyond the quote");
        bytes[0] = 0x44;
        assert_eq!(Quote::read::<V4>(&bytes), None, "header too short");
    }

    proptest! {
        #[test]
        fn any_bytes_are_safe(mut bytes in proptest::collection::vec(any::<u8>(), 0..120), v6: bool) {
            if let Some(first) = bytes.first_mut() {
                *first = if v6 { 0x60 } else { 0x40 | (*first & 0x0f) };
            }
            for quote in [Quote::read::<V4>(&bytes), Quote::read::<V6>(&bytes)].into_iter().flatten() {
                prop_assert!(quote.l4 <= bytes.len());
            }
        }
    }
}
