//! `-m bpf`: a program looks at the packet (kernel `xt_bpf`).

use super::Condition;
use crate::address::{Address, IpVersion};
use crate::ids::InterfaceId;
use crate::rules::bpf::{Fact, Program, Subject};
use crate::rules::matches::link::To;
use crate::rules::{Hook, View};

/// Where the packet begins with its IP header once more (`SKF_NET_OFF`), and with its Ethernet header (`SKF_LL_OFF`).
const FROM_IP: i32 = -0x10_0000;
const FROM_LINK: i32 = -0x20_0000;
/// `ARPHRD_ETHER`.
const ETHERNET: u32 = 1;

/// The program; the packet matches where it returns anything but 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bpf(pub Program);

impl<A: Address> Condition<A> for Bpf {
    fn holds(&self, view: &View<'_, A>) -> bool {
        self.0.run(view) != 0
    }
    fn keeps(&self) -> Option<&'static str> {
        self.0.asks_chance().then_some("bpf")
    }
}

impl<A: Address> Subject for View<'_, A> {
    fn read<const N: usize>(&self, offset: i32) -> Option<[u8; N]> {
        let from = |start: i32| u32::try_from(offset.checked_sub(start)?).ok();
        match offset {
            0.. => self.bytes(from(0)?),
            FROM_IP..0 => self.bytes(from(FROM_IP)?),
            FROM_LINK..FROM_IP => self.link_bytes(from(FROM_LINK)?),
            ..FROM_LINK => None,
        }
    }

    fn length(&self) -> u32 {
        self.length
    }

    fn fact(&self, fact: Fact) -> Option<u32> {
        match fact {
            Fact::Protocol => Some(match A::VERSION {
                IpVersion::V4 => 0x0800,
                IpVersion::V6 => 0x86dd,
            }),
            Fact::PacketType => Some(match To::whom(self) {
                To::Host => 0,
                To::Broadcast => 1,
                To::Multicast => 2,
                To::Other => 3,
            }),
            Fact::Interface => interface(self).map(InterfaceId::link_number),
            Fact::InterfaceKind => interface(self).map(|_| ETHERNET),
            Fact::Mark => Some(self.mark.get()),
            Fact::Cpu => Some(self.around.worker.0.into()),
            // It is off, and forgotten, by the time a rule sees the packet.
            Fact::VlanTag => Some(0),
            Fact::Random => Some((self.around.random >> 32) as u32),
        }
    }
}

/// The interface that the packet is at, numbered as `ip link` shows it from 1 on; what the host sends is at none before
/// it is sent on.
fn interface<A: Address>(view: &View<'_, A>) -> Option<InterfaceId> {
    match view.around.hook {
        Hook::Prerouting | Hook::Input | Hook::Forward => Some(view.ingress),
        Hook::Output => None,
        Hook::Postrouting => view.egress,
    }
}
