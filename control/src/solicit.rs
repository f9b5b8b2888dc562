//! Neighbour solicitations as whole frames.

use ipnet::IpNet;
use sluice_dataplane::address::{Address, Mac};
use sluice_dataplane::interface::Interface;
use sluice_dataplane::neighbour::{arp, ndp};
use sluice_dataplane::packet::{MemoryPacket, Packet};
use std::net::IpAddr;

/// The frame by which `interface` asks for `target`: broadcast or multicast, or unicast to confirm. None when the
/// interface has no address to ask from.
#[must_use]
pub(crate) fn frame(
    interface: &Interface,
    target: IpAddr,
    unicast_to: Option<Mac>,
) -> Option<Vec<u8>> {
    let mut packet = MemoryPacket::new(&[]);
    let (mac, vlan) = (interface.mac, interface.vlan);
    let written = match target {
        IpAddr::V4(_) => {
            let from = (mac, source(&interface.v4, target)?);
            arp::solicit(&mut packet, vlan, from, Address::from_ip(target)?, unicast_to)
        }
        IpAddr::V6(_) => {
            let from = (mac, source(&interface.v6, target)?);
            ndp::solicit(&mut packet, vlan, from, Address::from_ip(target)?, unicast_to)
        }
    };
    written.then(|| packet.data().to_vec())
}

/// The own address to ask from: that of the target's subnet, for which alone some hosts answer, else the
/// first (kernel `inet_select_addr`).
fn source<A: Address>(own: &[(A, u8)], target: IpAddr) -> Option<A> {
    let near = own.iter().find(|(address, length)| {
        IpNet::new(address.to_ip(), *length).is_ok_and(|net| net.contains(&target))
    });
    near.or_else(|| own.first()).map(|(address, _)| *address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_dataplane::address::{V4, V6};
    use sluice_dataplane::interface::ReversePathFilter;
    use std::net::Ipv6Addr;

    const MAC: Mac = Mac([2, 0, 0, 0, 0, 1]);

    fn lan(vlan: Option<u16>) -> Interface {
        let six = |text: &str| V6(text.parse::<Ipv6Addr>().unwrap().octets());
        Interface {
            name: "lan".to_owned(),
            port: 0,
            twin: None,
            vlan,
            mac: MAC,
            mtu: 1500,
            up: true,
            v4: vec![(V4([10, 0, 0, 1]), 24), (V4([10, 0, 1, 1]), 24)],
            v6: vec![(six("2001:db8::1"), 64), (six("fe80::1"), 64)],
            reverse_path: ReversePathFilter::Off,
            send_redirects: false,
            shared_media: true,
            software_peer: false,
            groups: Default::default(),
        }
    }

    #[test]
    fn an_unknown_ipv4_neighbour_is_asked_for_by_broadcast_from_its_subnet() {
        let frame = frame(&lan(None), IpAddr::from([10, 0, 1, 9]), None).unwrap();
        assert_eq!(frame[..6], [0xff; 6]);
        assert_eq!(frame[6..12], MAC.0);
        assert_eq!(frame[12..22], [8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
        assert_eq!(frame[22..28], MAC.0);
        assert_eq!(frame[28..32], [10, 0, 1, 1]);
        assert_eq!(frame[38..], [10, 0, 1, 9]);
    }

    #[test]
    fn a_target_of_no_subnet_is_asked_for_from_the_first_address() {
        let frame = frame(&lan(None), IpAddr::from([192, 0, 2, 9]), None).unwrap();
        assert_eq!(frame[28..32], [10, 0, 0, 1]);
    }

    #[test]
    fn a_known_neighbour_is_asked_by_unicast_and_a_sub_interface_tags() {
        let known = Mac([2, 0, 0, 0, 0, 9]);
        let frame = frame(&lan(Some(5)), IpAddr::from([10, 0, 0, 9]), Some(known)).unwrap();
        assert_eq!(frame[..6], known.0);
        assert_eq!(frame[12..18], [0x81, 0, 0, 5, 8, 6]);
        assert_eq!(frame.len(), 18 + 28);
    }

    #[test]
    fn an_ipv6_neighbour_is_asked_for_by_its_group() {
        let target: Ipv6Addr = "2001:db8::12:3456".parse().unwrap();
        let frame = frame(&lan(None), target.into(), None).unwrap();
        assert_eq!(frame[..6], [0x33, 0x33, 0xff, 0x12, 0x34, 0x56]);
        assert_eq!(frame[12..14], [0x86, 0xdd]);
        assert_eq!(frame[22..38], "2001:db8::1".parse::<Ipv6Addr>().unwrap().octets());
        assert_eq!(frame[54], 135);
        assert_eq!(frame[62..78], target.octets());
    }

    #[test]
    fn who_has_no_address_cannot_ask() {
        let mut lan = lan(None);
        lan.v6.clear();
        assert_eq!(frame(&lan, IpAddr::from(Ipv6Addr::LOCALHOST), None), None);
    }
}
