//! `-m ipv6header`: which headers an IPv6 packet has, kernel `ip6t_ipv6header`.

use super::Condition;
use crate::address::Address;
use crate::rules::View;
use crate::wire::extensions::{
    self, AUTHENTICATION, DESTINATION, ESP, FRAGMENT, HOP_BY_HOP, NONE, ROUTING,
};

const FRAGMENTED: u8 = 16;

/// Which headers must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ipv6Header {
    /// A bit each, by the kernel's `ip6t_ipv6header.h`: 1 a protocol, 2 no next header, 4 ESP, 8 AH, 16 fragment,
    /// 32 routing, 64 destination options, 128 hop-by-hop options.
    pub headers: u8,
    /// Others may be there.
    pub soft: bool,
    /// `!`: with `soft`, none of them is there.
    pub invert: bool,
}

impl<A: Address> Condition<A> for Ipv6Header {
    fn holds(&self, view: &View<'_, A>) -> bool {
        let found = found(extensions::packet(view.data, view.headers));
        let unseen = if view.around.reassembled { FRAGMENTED } else { 0 };
        match found.map(|found| found & !unseen) {
            None => false,
            Some(found) if self.soft => {
                found & self.headers == if self.invert { 0 } else { self.headers }
            }
            Some(found) => (found == self.headers) != self.invert,
        }
    }
}

/// The headers of a packet; none where one has not even two bytes. Unlike the other matches this one also reads on in a
/// later fragment, and stops at a header that is longer than the packet, as the kernel does.
fn found(packet: &[u8]) -> Option<u8> {
    const PROTOCOL: u8 = 1;
    let mut kind = *packet.get(6)?;
    let (mut found, mut at) = (0, 40);
    loop {
        let bit = match kind {
            NONE => return Some(found | 2),
            ESP => {
                packet.get(at..at + 2)?;
                return Some(found | 4);
            }
            AUTHENTICATION => 8,
            FRAGMENT => FRAGMENTED,
            ROUTING => 32,
            DESTINATION => 64,
            HOP_BY_HOP => 128,
            _ => break,
        };
        let &[next, units] = packet.get(at..)?.first_chunk()?;
        found |= bit;
        at += extensions::length(kind, units)?;
        kind = next;
        if at > packet.len() {
            break;
        }
    }
    Some(match kind {
        NONE | ESP => found,
        _ => found | PROTOCOL,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::V6;
    use crate::rules::matches::testing::{Answer, ask};
    use crate::wire::samples;
    use Answer::{Fails, Holds};

    #[test]
    fn soft_and_hard() {
        // Hop-by-hop, destination options, UDP.
        let frame = samples::ipv6(0, &[60, 0, 1, 4, 0, 0, 0, 0, 17, 0, 1, 4, 0, 0, 0, 0, 1, 1]);
        for (headers, soft, invert, expected) in [
            (128 | 64 | 1, false, false, Holds),
            (128 | 64, false, false, Fails),
            (128 | 64, false, true, Holds),
            (128 | 64, true, false, Holds),
            (128 | 32, true, false, Fails),
            (128 | 32, true, true, Fails),
            (32 | 16, true, true, Holds),
        ] {
            let asked = Ipv6Header { headers, soft, invert };
            assert_eq!(ask::<V6>(&asked, &frame, 0), expected, "{asked:?}");
        }
        // A header of one byte.
        let asked = Ipv6Header { headers: 128 | 64, soft: true, invert: false };
        assert_eq!(ask::<V6>(&asked, &frame, 9), Fails);
        assert_eq!(ask::<V6>(&asked, &frame, 8), Holds);
    }
}
