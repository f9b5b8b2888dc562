//! The matches: one file each, one line here each.

mod comment;
mod connlimit;
mod conntrack;
mod dscp;
mod ecn;
mod hashlimit;
mod hl;
mod icmp;
mod icmp6;
mod iprange;
mod length;
mod limit;
mod mark;
mod multiport;
mod recent;
mod state;
mod string;
mod tcp;
mod time;
mod tos;
mod ttl;
mod udp;

pub use comment::Comment;
pub use connlimit::Connlimit;
pub use conntrack::{Conntrack, CtDirection, CtStates, CtStatus};
pub use dscp::Dscp;
pub use ecn::Ecn;
pub use hashlimit::{HashKey, Hashlimit};
pub use hl::Hl;
pub use icmp::{Icmp, IcmpType};
pub use icmp6::Icmp6;
pub use iprange::{AddressRange, Iprange};
pub use length::Length;
pub use limit::Limit;
pub use mark::Mark;
pub use multiport::{Multiport, PortSide};
pub use recent::{Recent, RecentAction};
pub use state::State;
pub use string::{Algorithm, StringMatch};
pub use tcp::{Tcp, TcpFlags};
pub use time::Time;
pub use tos::Tos;
pub use ttl::{HopComparison, Ttl};
pub use udp::Udp;

use super::words::{Words, bang};
use super::{Negatable, PortRange};

/// Lists every match once: its name in the text, its variant.
macro_rules! matches {
    ($($name:literal => $variant:ident,)*) => {
        /// One `-m NAME` with its options.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Match {
            $(#[doc = concat!("`-m ", $name, "`")] $variant($variant),)*
        }

        impl Match {
            /// Every match's name.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            /// A match of that name before any of its options.
            pub(crate) fn blank(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant($variant::default())),)*
                    _ => None,
                }
            }

            /// Its name in the text.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)* }
            }

            pub(crate) fn words(&self) -> &dyn Words {
                match self { $(Self::$variant(words) => words,)* }
            }

            pub(crate) fn words_mut(&mut self) -> &mut dyn Words {
                match self { $(Self::$variant(words) => words,)* }
            }
        }
    };
}

matches! {
    "comment" => Comment,
    "connlimit" => Connlimit,
    "conntrack" => Conntrack,
    "dscp" => Dscp,
    "ecn" => Ecn,
    "hashlimit" => Hashlimit,
    "hl" => Hl,
    "icmp" => Icmp,
    "icmp6" => Icmp6,
    "iprange" => Iprange,
    "length" => Length,
    "limit" => Limit,
    "mark" => Mark,
    "multiport" => Multiport,
    "recent" => Recent,
    "state" => State,
    "string" => StringMatch,
    "tcp" => Tcp,
    "time" => Time,
    "tos" => Tos,
    "ttl" => Ttl,
    "udp" => Udp,
}

/// `[!] RANGE` as it comes back from the kernel: every port is no condition, and outside a range
/// that begins at 0 is inside the rest.
fn ports(range: PortRange, negated: bool) -> Option<Negatable<PortRange>> {
    match (negated, range.min, range.max) {
        (false, 0, u16::MAX) => None,
        (true, 0, max) if max > 0 && max < u16::MAX => {
            Some(Negatable::plain(PortRange { min: max + 1, max: u16::MAX }))
        }
        (negated, _, _) => Some(Negatable { negated, value: range }),
    }
}

/// `! 0:65535`, which the tools leave out of what they give the kernel.
fn idle(range: Option<Negatable<PortRange>>) -> bool {
    range == Some(Negatable::not(PortRange::ALL))
}

/// ` [!] --OPTION RANGE`; nothing for every port.
fn save_ports(out: &mut String, option: &str, range: Option<Negatable<PortRange>>) {
    if let Some(range) = range.filter(|range| range.value != PortRange::ALL) {
        out.push_str(&format!("{} --{option} {}", bang(&range), range.value));
    }
}

/// ` dpt:PORT` or ` dpts:LOW:HIGH`; nothing for every port.
fn list_ports(
    out: &mut String,
    column: &str,
    range: Option<Negatable<PortRange>>,
    numeric: bool,
    transport: char,
) {
    let Some(range) = range.filter(|range| range.negated || range.value != PortRange::ALL) else {
        return;
    };
    let (min, max) = (range.value.min, range.value.max);
    let bang = if range.negated { "!" } else { "" };
    let min_name = port_name(min, numeric, transport);
    if min == max {
        out.push_str(&format!(" {column}:{bang}{min_name}"));
    } else {
        let max_name = port_name(max, numeric, transport);
        out.push_str(&format!(" {column}s:{bang}{min_name}:{max_name}"));
    }
}

fn port_name(port: u16, numeric: bool, transport: char) -> String {
    let name = if numeric { None } else { super::services::name(port, transport) };
    name.map_or_else(|| port.to_string(), str::to_owned)
}
