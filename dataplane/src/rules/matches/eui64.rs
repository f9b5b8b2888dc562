//! `-m eui64`: an IPv6 source made from its sender's Ethernet address (RFC 4291 appendix A), kernel `ip6t_eui64`.

use super::Condition;
use crate::address::Address;
use crate::rules::View;
use crate::wire::extensions;

/// Asks nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Eui64;

impl<A: Address> Condition<A> for Eui64 {
    fn holds(&self, view: &View<'_, A>) -> bool {
        let packet = extensions::packet(view.data, view.headers);
        let (Some(&[a, b, c, d, e, f]), Some(own)) = (
            view.data.get(6..).and_then(<[u8]>::first_chunk),
            packet.get(16..).and_then(<[u8]>::first_chunk),
        ) else {
            return false;
        };
        *own == [a ^ 2, b, c, 0xff, 0xfe, d, e, f]
    }
}
