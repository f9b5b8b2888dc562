//! `--tcp-option`, `-m tcpmss`: options of a TCP header.

use super::Condition;
use crate::address::Address;
use crate::rules::View;
use crate::wire::layer4::Layer4Kind;
use crate::wire::tcp_options;

/// Bytes of a TCP header without options.
const HEADER: usize = 20;

/// `--tcp-option`: whether an option of that kind is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpOption {
    /// The option's kind.
    pub kind: u8,
    /// `!`.
    pub invert: bool,
}

impl<A: Address> Condition<A> for TcpOption {
    fn holds(&self, view: &View<'_, A>) -> bool {
        match view.layer4.kind {
            Layer4Kind::Tcp(_) => self.is_there(view) != self.invert,
            // A header that says a wrong length of itself.
            Layer4Kind::OddTcp { .. } => view.hotdrop(),
            Layer4Kind::Udp { .. }
            | Layer4Kind::Icmp { .. }
            | Layer4Kind::Icmp6 { .. }
            | Layer4Kind::Gre { .. }
            | Layer4Kind::Other
            | Layer4Kind::Truncated => false,
        }
    }
}

impl TcpOption {
    /// Also where TCPMSS is about to add it.
    fn is_there<A: Address>(&self, view: &View<'_, A>) -> bool {
        self.kind == tcp_options::MSS && view.added.mss.is_some()
            || self.kind == tcp_options::NOP && view.added.nothing > 0
            || tcp_options::each(view.data, view.headers).any(|(kind, _)| kind == self.kind)
    }
}

/// `--mss`: the maximum segment size that a segment offers; one that offers none matches only `!`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mss {
    /// Smallest.
    pub from: u16,
    /// Largest.
    pub to: u16,
    /// `!`.
    pub invert: bool,
}

impl<A: Address> Condition<A> for Mss {
    fn holds(&self, view: &View<'_, A>) -> bool {
        // The kernel does not ask whether it is a later fragment.
        let header = view.transport();
        let length = header.get(12).map_or(0, |offset| usize::from(offset >> 4) * 4);
        if length < HEADER || header.len() < length {
            return view.hotdrop();
        }
        let value = tcp_options::mss(view.data, view.headers)
            .and_then(|at| view.data.get(at.start + 2..at.end)?.first_chunk())
            .map(|bytes| u16::from_be_bytes(*bytes));
        view.added.mss.or(value).is_some_and(|mss| (self.from..=self.to).contains(&mss))
            != self.invert
    }
}
