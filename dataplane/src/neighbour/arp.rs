//! ARP for IPv4 over Ethernet: RFC 826, and RFC 5227 for probes.
//!
//! ```text
//!   0        2        4    5    6    8            14       18           24       28
//!   | type 1 | 0x0800 | 6  | 4  | op | sender MAC | sender | target MAC | target |
//! ```

use crate::address::{Address, Mac, V4};
use crate::drop_reason::DropReason;
use crate::ids::InterfaceId;
use crate::packet::Packet;
use crate::wire::ethernet::write_header;
use crate::wire::put;

use super::state::{Event, Kind};

const ETHERTYPE: u16 = 0x0806;
const LENGTH: usize = 28;
/// Ethernet, IPv4, and the lengths of their addresses.
const FORMAT: [u8; 6] = [0, 1, 8, 0, 6, 4];

/// What is asked or told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Who has the target?
    Request,
    /// The sender is here.
    Reply,
}

/// An ARP message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arp {
    /// Request or reply.
    pub operation: Operation,
    /// The sender's MAC.
    pub sender_mac: Mac,
    /// The sender's address; 0.0.0.0 in a probe.
    pub sender: V4,
    /// The MAC it is told to; without meaning in a request.
    pub target_mac: Mac,
    /// The address asked for, or told to.
    pub target: V4,
}

impl Arp {
    /// Reads the message at `offset` of `frame`.
    ///
    /// # Errors
    /// When it is too short, of another format or operation, or claims what no host can: a group MAC
    /// (RFC 1812 section 3.3.2), a group or loopback address.
    pub fn parse(frame: &[u8], offset: usize) -> Result<Self, DropReason> {
        let message: &[u8; LENGTH] =
            frame.get(offset..).and_then(<[u8]>::first_chunk).ok_or(DropReason::BadArp)?;
        let mac = |at: usize| message.get(at..)?.first_chunk().copied().map(Mac);
        let address = |at: usize| V4::read(message.get(at..)?);
        let operation = match message {
            [0, 1, 8, 0, 6, 4, 0, 1, ..] => Operation::Request,
            [0, 1, 8, 0, 6, 4, 0, 2, ..] => Operation::Reply,
            _ => return Err(DropReason::BadArp),
        };
        let (Some(sender_mac), Some(sender), Some(target_mac), Some(target)) =
            (mac(8), address(14), mac(18), address(24))
        else {
            return Err(DropReason::BadArp);
        };
        let arp = Self { operation, sender_mac, sender, target_mac, target };
        if arp.is_possible() { Ok(arp) } else { Err(DropReason::BadArp) }
    }

    fn is_possible(&self) -> bool {
        let unicast = |address: V4| {
            let [first, ..] = address.0;
            first < 224 && first != 127
        };
        let silent = self.sender_mac == Mac([0; 6]);
        !self.sender_mac.is_multicast() && !silent && unicast(self.sender) && unicast(self.target)
    }

    /// Whether the sender has no address yet and asks whether this one is taken.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.sender == V4::default()
    }

    /// What the message shows of its sender; nothing for a probe. `ours` says whether the target is
    /// an address of this gateway, `unicast` whether the frame was sent to its MAC. Messages whose
    /// sender is the gateway itself are the caller's to withhold.
    #[must_use]
    pub fn event(&self, interface: InterfaceId, ours: bool, unicast: bool) -> Option<Event> {
        let kind = match self.operation {
            _ if self.is_probe() => return None,
            _ if self.sender == self.target => Kind::Gratuitous,
            Operation::Request if ours => Kind::Request,
            Operation::Reply if unicast => Kind::Reply,
            Operation::Request | Operation::Reply => Kind::Overheard,
        };
        let (address, mac) = (self.sender.to_ip(), Some(self.sender_mac));
        Some(Event::Seen { interface, address, mac, kind })
    }

    /// The reply to a request: the target is at `mac`.
    #[must_use]
    pub const fn answered(&self, mac: Mac) -> Self {
        Self {
            operation: Operation::Reply,
            sender_mac: mac,
            sender: self.target,
            target_mac: self.sender_mac,
            target: self.sender,
        }
    }

    /// A request for `target` from an interface with this `mac` and address. With `target` its own
    /// address it is an announcement.
    #[must_use]
    pub fn request(mac: Mac, sender: V4, target: V4) -> Self {
        let target_mac = Mac::default();
        Self { operation: Operation::Request, sender_mac: mac, sender, target_mac, target }
    }

    /// Makes `packet`, whatever it held, the frame that carries this message to `destination`. False
    /// when the buffer is too small.
    pub fn write<P: Packet>(&self, packet: &mut P, vlan: Option<u16>, destination: Mac) -> bool {
        let at = if vlan.is_some() { 18 } else { 14 };
        if !super::resize(packet, at + LENGTH) {
            return false;
        }
        let data = packet.data_mut();
        write_header(data, destination, self.sender_mac, vlan, ETHERTYPE);
        put(data, at, &FORMAT);
        let operation = match self.operation {
            Operation::Request => 1u16,
            Operation::Reply => 2,
        };
        put(data, at + 6, &operation.to_be_bytes());
        put(data, at + 8, &self.sender_mac.0);
        put(data, at + 14, &self.sender.0);
        put(data, at + 18, &self.target_mac.0);
        put(data, at + 24, &self.target.0);
        true
    }
}

/// Turns a request frame into its reply: `mac` has the address that was asked for. The caller has
/// checked that it does. False when the buffer is too small.
pub fn answer<P: Packet>(packet: &mut P, request: &Arp, vlan: Option<u16>, mac: Mac) -> bool {
    request.answered(mac).write(packet, vlan, request.sender_mac)
}

/// Writes a request for `target`, by broadcast or, to verify a known neighbour, to its MAC. False when
/// the buffer is too small.
pub fn solicit<P: Packet>(
    packet: &mut P,
    vlan: Option<u16>,
    (mac, sender): (Mac, V4),
    target: V4,
    unicast_to: Option<Mac>,
) -> bool {
    Arp::request(mac, sender, target).write(packet, vlan, unicast_to.unwrap_or(Mac::BROADCAST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::MemoryPacket;
    use crate::wire::parse::{Payload, parse};

    use proptest::prelude::*;

    const OURS: Mac = Mac([2, 0, 0, 0, 0, 1]);
    const THEIRS: Mac = Mac([2, 0, 0, 0, 0, 2]);
    const LAN: InterfaceId = InterfaceId(3);

    fn read(packet: &MemoryPacket) -> (Mac, Mac, Option<u16>, Arp) {
        let frame = parse(packet.data()).unwrap();
        let Payload::Arp { offset } = frame.payload else { panic!("not ARP") };
        let arp = Arp::parse(packet.data(), offset.into()).unwrap();
        (frame.destination, frame.source, frame.vlan, arp)
    }

    #[test]
    fn a_request_as_linux_sends_it() {
        let mut packet = MemoryPacket::new(&[]);
        assert!(solicit(&mut packet, None, (OURS, V4([10, 0, 0, 1])), V4([10, 0, 0, 2]), None));
        let expected = [
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 6, // Ethernet
            0, 1, 8, 0, 6, 4, 0, 1, // request
            2, 0, 0, 0, 0, 1, 10, 0, 0, 1, // sender
            0, 0, 0, 0, 0, 0, 10, 0, 0, 2, // target
        ];
        assert_eq!(packet.data(), expected);
    }

    #[test]
    fn a_tagged_request_is_answered_in_place() {
        let mut packet = MemoryPacket::new(&[]);
        let request = Arp::request(THEIRS, V4([10, 0, 0, 2]), V4([10, 0, 0, 1]));
        assert!(request.write(&mut packet, Some(5), Mac::BROADCAST));
        assert!(packet.append(18), "padding to 60 bytes and more");
        let (.., vlan, request) = read(&packet);
        assert!(answer(&mut packet, &request, vlan, OURS));
        assert_eq!(packet.data().len(), 18 + LENGTH);
        let (destination, source, vlan, reply) = read(&packet);
        assert_eq!((destination, source, vlan), (THEIRS, OURS, Some(5)));
        assert_eq!(reply, request.answered(OURS));
        assert_eq!((reply.operation, reply.sender), (Operation::Reply, V4([10, 0, 0, 1])));
        assert_eq!((reply.target_mac, reply.target), (THEIRS, V4([10, 0, 0, 2])));
    }

    #[test]
    fn a_probe_is_answered_but_shows_nobody() {
        let probe = Arp::request(THEIRS, V4::default(), V4([10, 0, 0, 1]));
        assert!(probe.is_probe());
        assert_eq!(probe.event(LAN, true, false), None);
        let mut packet = MemoryPacket::new(&[]);
        assert!(answer(&mut packet, &probe, None, OURS));
        let (destination, _, _, reply) = read(&packet);
        assert_eq!(destination, THEIRS);
        assert_eq!(reply.target, V4::default());
    }

    #[test]
    fn each_message_shows_its_sender_in_its_way() {
        let request = Arp::request(THEIRS, V4([10, 0, 0, 2]), V4([10, 0, 0, 1]));
        let kind = |arp: Arp, ours, unicast| match arp.event(LAN, ours, unicast) {
            Some(Event::Seen { interface: LAN, address, mac: Some(_), kind }) => {
                assert_eq!(address, arp.sender.to_ip());
                kind
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(kind(request, true, false), Kind::Request);
        assert_eq!(kind(request, false, false), Kind::Overheard);
        assert_eq!(kind(request.answered(OURS), true, true), Kind::Reply);
        assert_eq!(kind(request.answered(OURS), true, false), Kind::Overheard);
        let announcement = Arp { target: request.sender, ..request };
        assert_eq!(kind(announcement, false, false), Kind::Gratuitous);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let good = Arp::request(THEIRS, V4([10, 0, 0, 2]), V4([10, 0, 0, 1]));
        let bad = [
            Arp { sender_mac: Mac::BROADCAST, ..good },
            Arp { sender_mac: Mac([0; 6]), ..good },
            Arp { sender: V4([224, 0, 0, 1]), ..good },
            Arp { sender: V4([255; 4]), ..good },
            Arp { target: V4([127, 0, 0, 1]), ..good },
        ];
        for arp in bad {
            let mut packet = MemoryPacket::new(&[]);
            assert!(arp.write(&mut packet, None, OURS));
            assert_eq!(Arp::parse(packet.data(), 14), Err(DropReason::BadArp), "{arp:?}");
        }
        let mut packet = MemoryPacket::new(&[]);
        assert!(good.write(&mut packet, None, OURS));
        assert_eq!(Arp::parse(packet.data(), 14), Ok(good));
        for at in 14..22 {
            let mut other = packet.clone();
            other.data_mut()[at] ^= 0x10;
            assert_eq!(Arp::parse(other.data(), 14), Err(DropReason::BadArp), "byte {at}");
        }
        assert_eq!(Arp::parse(&packet.data()[..41], 14), Err(DropReason::BadArp));
        assert_eq!(Arp::parse(packet.data(), usize::MAX), Err(DropReason::BadArp));
    }

    proptest! {
        #[test]
        fn total_over_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..64), at in 0usize..80) {
            if let Ok(arp) = Arp::parse(&bytes, at) {
                let mut packet = MemoryPacket::new(&[]);
                prop_assert!(arp.write(&mut packet, None, OURS));
                prop_assert_eq!(&packet.data()[14..], &bytes[at..at + LENGTH]);
            }
        }
    }
}
