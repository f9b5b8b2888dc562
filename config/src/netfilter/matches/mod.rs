//! The matches: one file each, one line here each.

mod addrtype;
mod ah;
mod bpf;
mod bpf_check;
mod comment;
mod connbytes;
mod connlimit;
mod connmark;
mod conntrack;
mod cpu;
mod dccp;
pub(super) mod dscp;
mod dst;
mod ecn;
mod esp;
mod eui64;
mod frag;
mod hashlimit;
mod hbh;
mod helper;
mod hl;
mod icmp;
mod icmp6;
mod iprange;
mod ipv6header;
mod length;
mod limit;
mod mac;
mod mark;
mod mh;
mod multiport;
mod options_header;
mod owner;
mod physdev;
mod pkttype;
mod policy;
mod quota;
mod recent;
mod rpfilter;
mod rt;
mod sctp;
mod set;
mod socket;
mod state;
mod statistic;
mod string;
mod tcp;
mod tcpmss;
mod time;
pub(super) mod tos;
mod ttl;
mod u32_match;
mod udp;

pub use addrtype::{AddressTypes, Addrtype, LimitInterface};
pub use ah::Ah;
pub use bpf::{Bpf, BpfInstruction};
pub use comment::Comment;
pub use connbytes::{Connbytes, ConnbytesDirection, ConnbytesMode};
pub use connlimit::Connlimit;
pub use connmark::Connmark;
pub use conntrack::{Conntrack, CtDirection, CtStates, CtStatus};
pub use cpu::Cpu;
pub use dccp::Dccp;
pub use dscp::Dscp;
pub use dst::Dst;
pub use ecn::Ecn;
pub use esp::Esp;
pub use eui64::Eui64;
pub use frag::Frag;
pub use hashlimit::{HashKey, Hashlimit};
pub use hbh::Hbh;
pub use helper::Helper;
pub use hl::Hl;
pub use icmp::{Icmp, IcmpType};
pub use icmp6::Icmp6;
pub use iprange::{AddressRange, Iprange};
pub use ipv6header::{ExtensionHeaders, Ipv6header};
pub use length::Length;
pub use limit::Limit;
pub use mac::Mac;
pub use mark::Mark;
pub use mh::Mh;
pub use multiport::{Multiport, PortSide};
pub use options_header::{HeaderOption, OptionsHeader};
pub use owner::Owner;
pub use physdev::Physdev;
pub use pkttype::{PacketType, Pkttype};
pub use policy::{Policy, PolicyDirection, PolicyElement, PolicyMode, TunnelEnd};
pub use quota::Quota;
pub use recent::{Recent, RecentAction};
pub use rpfilter::Rpfilter;
pub use rt::Rt;
pub use sctp::{ChunkFlags, ChunkScope, Sctp, SctpChunks};
pub use set::{CounterTest, Set, SetEnd};
pub use socket::Socket;
pub use state::State;
pub use statistic::{Statistic, StatisticMode};
pub use string::{Algorithm, StringMatch};
pub use tcp::{Tcp, TcpFlags};
pub use tcpmss::Tcpmss;
pub use time::Time;
pub use tos::Tos;
pub use ttl::{HopComparison, Ttl};
pub use u32_match::{U32, U32Step, U32Test};
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
    "addrtype" => Addrtype,
    "ah" => Ah,
    "bpf" => Bpf,
    "comment" => Comment,
    "connbytes" => Connbytes,
    "connlimit" => Connlimit,
    "connmark" => Connmark,
    "conntrack" => Conntrack,
    "cpu" => Cpu,
    "dccp" => Dccp,
    "dscp" => Dscp,
    "dst" => Dst,
    "ecn" => Ecn,
    "esp" => Esp,
    "eui64" => Eui64,
    "frag" => Frag,
    "hashlimit" => Hashlimit,
    "hbh" => Hbh,
    "helper" => Helper,
    "hl" => Hl,
    "icmp" => Icmp,
    "icmp6" => Icmp6,
    "iprange" => Iprange,
    "ipv6header" => Ipv6header,
    "length" => Length,
    "limit" => Limit,
    "mac" => Mac,
    "mark" => Mark,
    "mh" => Mh,
    "multiport" => Multiport,
    "owner" => Owner,
    "physdev" => Physdev,
    "pkttype" => Pkttype,
    "policy" => Policy,
    "quota" => Quota,
    "recent" => Recent,
    "rpfilter" => Rpfilter,
    "rt" => Rt,
    "sctp" => Sctp,
    "set" => Set,
    "socket" => Socket,
    "state" => State,
    "statistic" => Statistic,
    "string" => StringMatch,
    "tcp" => Tcp,
    "tcpmss" => Tcpmss,
    "time" => Time,
    "tos" => Tos,
    "ttl" => Ttl,
    "u32" => U32,
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

/// ` [!] --OPTION MIN[:MAX]`; nothing for every number, negated or not, as the tools have it.
fn save_span(out: &mut String, option: &str, span: Option<Negatable<(u32, u32)>>) {
    if let Some(span) = span.filter(|span| span.value != (0, u32::MAX)) {
        let bang = bang(&span);
        out.push_str(&match span.value {
            (min, max) if min == max => format!("{bang} --{option} {min}"),
            (min, max) => format!("{bang} --{option} {min}:{max}"),
        });
    }
}

/// `COLUMN:[!]NUMBER` or `COLUMNs:[!]MIN:MAX`; nothing for every number.
fn span_text(column: &str, span: Option<Negatable<(u32, u32)>>) -> Option<String> {
    let span = span.filter(|span| span.negated || span.value != (0, u32::MAX))?;
    let bang = if span.negated { "!" } else { "" };
    Some(match span.value {
        (min, max) if min == max => format!("{column}:{bang}{min}"),
        (min, max) => format!("{column}s:{bang}{min}:{max}"),
    })
}
