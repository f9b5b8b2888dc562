//! TCPMSS and TCPOPTSTRIP: targets that write to the options of a TCP header.

use crate::address::{Address, IpVersion};
use crate::rules::View;
use crate::snapshot::NextHop;
use crate::wire::layer4::Layer4Kind;
use crate::wire::tcp_options::{self, MSS, NOP};

/// TCPMSS: the largest maximum segment size a segment may offer (kernel `xt_TCPMSS`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MssLimit {
    /// `--set-mss`.
    Fixed(u16),
    /// `--clamp-mss-to-pmtu`: what fits into the MTU of the way out and of the way back.
    PathMtu,
}

/// What becomes of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rules) enum Clamped {
    /// It goes on.
    Done,
    /// It goes on, once the option with that value has been put before its other options.
    Add(u16),
    /// It is dropped: no segment fits, or it is not one.
    Drop,
}

impl MssLimit {
    pub(in crate::rules) fn apply<A: Address>(self, view: &mut View<'_, A>) -> Clamped {
        let Layer4Kind::Tcp(tcp) = view.layer4.kind else {
            return if view.is_later_fragment() { Clamped::Done } else { Clamped::Drop };
        };
        let limit = match self {
            Self::Fixed(mss) => mss,
            Self::PathMtu => match path_mtu(view).and_then(|mtu| mtu.checked_sub(least::<A>())) {
                None | Some(0) => return Clamped::Drop,
                Some(mss) => mss,
            },
        };
        if let Some(at) = tcp_options::mss(view.data, view.headers) {
            let offered = view.data.get(at.start + 2..at.end).and_then(<[u8]>::first_chunk);
            if offered.is_some_and(|mss| u16::from_be_bytes(*mss) > limit) {
                let from_header = at.start + 2 - usize::from(view.headers.l4);
                tcp_options::replace(view.data, view.headers, from_header, &limit.to_be_bytes());
            }
            return Clamped::Done;
        }
        // One that carries data, or is full of options, goes on as it is.
        if tcp.payload_len > 0 || tcp.data_offset + 4 * view.added.nothing >= 60 {
            return Clamped::Done;
        }
        // What a host assumes that is told nothing: RFC 9293 section 3.7.1, RFC 8200 section 8.3.
        Clamped::Add(limit.min(match A::VERSION {
            IpVersion::V4 => 536,
            IpVersion::V6 => 1220,
        }))
    }
}

/// Bytes of the headers of IP and TCP.
fn least<A: Address>() -> u16 {
    match A::VERSION {
        IpVersion::V4 => 40,
        IpVersion::V6 => 60,
    }
}

/// The smaller MTU of the way out and the way back to the source.
fn path_mtu<A: Address>(view: &View<'_, A>) -> Option<u16> {
    let around = &view.around;
    let mtu = |id| Some(around.interfaces.get(id)?.mtu);
    let back = match around.route(view.source) {
        Some(
            NextHop::Local(interface)
            | NextHop::Broadcast(interface)
            | NextHop::Connected(interface)
            | NextHop::Gateway { interface, .. },
        ) => mtu(interface),
        Some(NextHop::Blackhole | NextHop::Unreachable | NextHop::Prohibit | NextHop::Throw)
        | None => None,
    };
    let out = mtu(view.egress?)?;
    Some(back.map_or(out, |back| back.min(out)))
}

/// TCPOPTSTRIP: options that are written over with nothing. Bit n of the set: kind n.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptionStrip {
    /// Kinds 0 to 127, and 128 to 255.
    pub kinds: [u128; 2],
}

impl OptionStrip {
    const fn has(self, kind: u8) -> bool {
        self.kinds[(kind >> 7) as usize] & 1 << (kind & 127) != 0
    }

    /// Whether the packet goes on: what is no segment does not (kernel `xt_TCPOPTSTRIP`).
    #[must_use]
    pub(in crate::rules) fn apply<A: Address>(self, view: &mut View<'_, A>) -> bool {
        const NOTHING: [u8; 40] = [NOP; 40];
        let Layer4Kind::Tcp(tcp) = view.layer4.kind else { return view.is_later_fragment() };
        if self.has(MSS) {
            view.added.strip();
        }
        let length = tcp.data_offset;
        let l4 = usize::from(view.headers.l4);
        let mut rest = 0;
        loop {
            // Found anew each time: the one before has become several of one byte. What begins at the very last byte the
            // kernel does not look at.
            let last = l4 + usize::from(length) - 1;
            let next = tcp_options::each(view.data, view.headers)
                .filter(|(_, at)| (rest..last).contains(&at.start))
                .find(|(kind, _)| *kind != NOP && self.has(*kind));
            let Some((_, at)) = next.filter(|(_, at)| at.end <= l4 + usize::from(length)) else {
                return true;
            };
            rest = at.end;
            let nothing = NOTHING.get(..at.len()).unwrap_or(&NOTHING);
            tcp_options::replace(view.data, view.headers, at.start - l4, nothing);
        }
    }
}
