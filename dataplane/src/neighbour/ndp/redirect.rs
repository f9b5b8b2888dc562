//! Redirects of neighbour discovery: RFC 4861 sections 4.5 and 4.6.3, kernel `ndisc_send_redirect`.
//!
//! ```text
//!   | 137 | 0 | checksum | zero | target | destination | 2, 1, MAC of the target | 4, length, zero, the packet's beginning |
//! ```

use crate::address::{IpVersion, Mac, V6};
use crate::packet::Packet;
use crate::wire::ethernet::write_header;
use crate::wire::parse::parse_ip;
use crate::wire::{checksum, protocol, put};

use super::{ETHERTYPE, HOP_LIMIT, IPV6, OPTION, TARGET_LINK};

const REDIRECT: u8 = 137;
const ETHERNET: usize = 14;
/// The message without options.
const MESSAGE: usize = 40;
const REDIRECTED_HEADER: u8 = 4;
/// The smallest MTU of IPv6, which no redirect exceeds.
const MOST: usize = 1280;

/// What a sender is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redirect {
    /// The router's link-local address.
    pub router: V6,
    /// Whom it tells.
    pub sender: V6,
    /// Where packets to `destination` should be sent: a router's link-local address, or the destination itself.
    pub target: V6,
    /// What they are sent to.
    pub destination: V6,
    /// The target's MAC, if it is known.
    pub link: Option<Mac>,
}

impl Redirect {
    /// Writes it as an IP packet behind room for an Ethernet header; `about` is the beginning of the packet that went the
    /// long way. False when the buffer is too small.
    pub fn write<P: Packet>(&self, out: &mut P, about: &[u8]) -> bool {
        let link = if self.link.is_some() { OPTION } else { 0 };
        // Options are whole units of eight bytes.
        let quote = (MOST - IPV6 - MESSAGE - link).min(about.len() + OPTION) & !7;
        let length = MESSAGE + link + quote;
        if !super::super::resize(out, ETHERNET + IPV6 + length) {
            return false;
        }
        let data = out.data_mut();
        data.fill(0);
        write_header(data, Mac::default(), Mac::default(), None, ETHERTYPE);
        put(data, ETHERNET, &[0x60]);
        put(data, ETHERNET + 4, &(length as u16).to_be_bytes());
        put(data, ETHERNET + 6, &[protocol::ICMPV6, HOP_LIMIT]);
        put(data, ETHERNET + 8, &self.router.0);
        put(data, ETHERNET + 24, &self.sender.0);
        let message = ETHERNET + IPV6;
        put(data, message, &[REDIRECT]);
        put(data, message + 8, &self.target.0);
        put(data, message + 24, &self.destination.0);
        if let Some(mac) = self.link {
            put(data, message + MESSAGE, &[TARGET_LINK, 1]);
            put(data, message + MESSAGE + 2, &mac.0);
        }
        let option = message + MESSAGE + link;
        put(data, option, &[REDIRECTED_HEADER, (quote / 8) as u8]);
        put(data, option + OPTION, about.get(..quote - OPTION).unwrap_or_default());
        let Ok(headers) = parse_ip(data, ETHERNET, IpVersion::V6) else { return false };
        checksum::complete_l4(data, &headers);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{MemoryPool, Pool};
    use crate::wire::checksum::{L4ChecksumState, l4_state};

    fn written(link: Option<Mac>, about: &[u8]) -> Vec<u8> {
        let six = |last| V6([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
        let [router, sender, target, destination] = [1, 2, 3, 4].map(six);
        let mut out = MemoryPool.alloc().unwrap();
        assert!(Redirect { router, sender, target, destination, link }.write(&mut out, about));
        let headers = parse_ip(out.data(), ETHERNET, IpVersion::V6).unwrap();
        assert_eq!(l4_state(out.data(), &headers), L4ChecksumState::Good);
        assert_eq!(usize::from(headers.end), out.data().len());
        out.data()[ETHERNET + IPV6..].to_vec()
    }

    #[test]
    fn whole_units_of_the_packet_are_quoted_up_to_the_smallest_mtu() {
        let about: Vec<u8> = (0..1280_u16).map(|at| at as u8).collect();
        let mac = Mac([2, 0, 0, 0, 0, 9]);
        for (taken, link, quoted) in [
            (48, None, 48),
            (55, None, 48),
            (56, Some(mac), 56),
            (1279, None, 1192),
            (1280, Some(mac), 1184),
        ] {
            let message = written(link, &about[..taken]);
            let option = MESSAGE + if link.is_some() { 8 } else { 0 };
            assert_eq!(message[option..option + 2], [4, (quoted / 8 + 1) as u8], "{taken}");
            assert_eq!(message[option + 8..], about[..quoted], "{taken}");
        }
        let message = written(Some(mac), &about[..48]);
        assert_eq!(message[..2], [137, 0]);
        assert_eq!((message[23], message[39]), (3, 4));
        assert_eq!(message[40..48], [2, 1, 2, 0, 0, 0, 0, 9]);
    }
}
