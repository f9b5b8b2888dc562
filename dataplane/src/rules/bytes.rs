//! The packet's bytes, for matches that read them by number.

use super::View;
use crate::address::Address;
use crate::ids::InterfaceId;

/// Bytes of an Ethernet header without a VLAN tag, and of the MACs in it.
const ETHERNET: u32 = 14;
const MACS: u32 = 12;

impl<A: Address> View<'_, A> {
    /// `N` bytes of the IP packet, the first of them `at` bytes after its header's beginning; none where that is beyond
    /// its end.
    pub(in crate::rules) fn bytes<const N: usize>(&self, at: u32) -> Option<[u8; N]> {
        let packet = self.data.get(self.headers.l3.into()..self.headers.end.into())?;
        packet.get(usize::try_from(at).ok()?..)?.first_chunk().copied()
    }

    /// The same, `at` bytes after the beginning of the Ethernet header. A VLAN tag is not there, as in the kernel; what
    /// the host sends has no such header yet.
    pub(in crate::rules) fn link_bytes<const N: usize>(&self, at: u32) -> Option<[u8; N]> {
        if self.ingress == InterfaceId::HOST {
            return None;
        }
        let mut bytes = [0; N];
        for (byte, further) in bytes.iter_mut().zip(0..) {
            *byte = self.link_byte(at.checked_add(further)?)?;
        }
        Some(bytes)
    }

    fn link_byte(&self, at: u32) -> Option<u8> {
        if let Some(at) = at.checked_sub(ETHERNET) {
            return self.bytes(at).map(|[byte]| byte);
        }
        // The type stands right before the IP header, behind a tag if there is one.
        let from = if at < MACS { 0 } else { u32::from(self.headers.l3).checked_sub(ETHERNET)? };
        self.data.get(usize::try_from(from + at).ok()?).copied()
    }
}
