//! The targets: one file each, one line here each.

mod audit;
mod checksum;
mod classify;
mod connmark;
mod ct;
mod dnat;
mod dscp;
mod ecn;
mod hop_limit;
mod idletimer;
mod log;
mod mark;
mod masquerade;
mod nat_range;
mod netmap;
mod nflog;
mod nfqueue;
mod npt;
mod redirect;
mod reject;
mod set;
mod snat;
mod synproxy;
mod tcpmss;
mod tcpoptstrip;
mod tee;
mod tos;
mod trace;

pub use audit::Audit;
pub use checksum::Checksum;
pub use classify::Classify;
pub use connmark::{ConnMark, ConnMarkOperation, ConnMarkShift};
pub use ct::{CONNECTION_EVENTS, Ct, CtZone};
pub use dnat::Dnat;
pub use dscp::Dscp;
pub use ecn::Ecn;
pub use hop_limit::{Hl, HopChange, Ttl};
pub use idletimer::IdleTimer;
pub use log::Log;
pub use mark::Mark;
pub use masquerade::Masquerade;
pub use nat_range::NatRange;
pub use netmap::Netmap;
pub use nflog::NfLog;
pub use nfqueue::{NfQueue, Queue};
pub use npt::{Dnpt, Prefixes, Snpt};
pub use redirect::Redirect;
pub use reject::{Reject, RejectWith};
pub use set::{Set, SetEntry};
pub use snat::Snat;
pub use synproxy::SynProxy;
pub use tcpmss::TcpMss;
pub use tcpoptstrip::TcpOptStrip;
pub use tee::Tee;
pub use tos::Tos;
pub use trace::Trace;

use super::Family;
use super::words::Words;

/// Lists every target once: its name in the text, its variant, its value before any option.
macro_rules! targets {
    ($($name:literal => $variant:ident = $blank:expr,)*) => {
        /// What a rule does with a packet it matches.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Target {
            /// `-j ACCEPT`: leaves the table.
            Accept,
            /// `-j DROP`
            Drop,
            /// `-j RETURN`: back to the calling chain, or the policy.
            Return,
            /// `-j CHAIN`: comes back after it.
            Jump(String),
            /// `-g CHAIN`: does not come back here.
            Goto(String),
            $(#[doc = concat!("`-j ", $name, "`")] $variant($variant),)*
        }

        impl Target {
            /// Every builtin target's name, aliases included.
            pub const NAMES: &'static [&'static str] =
                &["ACCEPT", "DROP", "RETURN", "NOTRACK", $($name),*];

            /// A builtin target of that name before any of its options.
            pub(crate) fn blank(name: &str, family: Family) -> Option<Self> {
                match name {
                    "ACCEPT" => Some(Self::Accept),
                    "DROP" => Some(Self::Drop),
                    "RETURN" => Some(Self::Return),
                    "NOTRACK" => Some(Self::Ct(Ct::notrack())),
                    $($name => Some(Self::$variant(blank(family, $blank))),)*
                    _ => None,
                }
            }

            /// Its name in a listing, which knows no aliases.
            pub fn name(&self) -> &str {
                match self {
                    Self::Accept => "ACCEPT",
                    Self::Drop => "DROP",
                    Self::Return => "RETURN",
                    Self::Jump(chain) | Self::Goto(chain) => chain,
                    $(Self::$variant(_) => $name,)*
                }
            }

            pub(crate) fn words(&self) -> Option<&dyn Words> {
                match self {
                    Self::Accept | Self::Drop | Self::Return | Self::Jump(_) | Self::Goto(_) => None,
                    $(Self::$variant(words) => Some(words),)*
                }
            }

            pub(crate) fn words_mut(&mut self) -> Option<&mut dyn Words> {
                match self {
                    Self::Accept | Self::Drop | Self::Return | Self::Jump(_) | Self::Goto(_) => None,
                    $(Self::$variant(words) => Some(words),)*
                }
            }
        }
    };
}

fn blank<T>(family: Family, make: impl FnOnce(Family) -> T) -> T {
    make(family)
}

targets! {
    "AUDIT" => Audit = |_| Audit::default(),
    "CHECKSUM" => Checksum = |_| Checksum,
    "CLASSIFY" => Classify = |_| Classify::default(),
    "CONNMARK" => ConnMark = |_| ConnMark::default(),
    "CT" => Ct = |_| Ct::default(),
    "DNAT" => Dnat = |_| Dnat::default(),
    "DNPT" => Dnpt = |_| Dnpt::default(),
    "DSCP" => Dscp = |_| Dscp::default(),
    "ECN" => Ecn = |_| Ecn::default(),
    "HL" => Hl = |_| Hl::default(),
    "IDLETIMER" => IdleTimer = |_| IdleTimer::default(),
    "LOG" => Log = |_| Log::default(),
    "MARK" => Mark = |_| Mark::default(),
    "MASQUERADE" => Masquerade = |_| Masquerade::default(),
    "NETMAP" => Netmap = Netmap::blank,
    "NFLOG" => NfLog = |_| NfLog::default(),
    "NFQUEUE" => NfQueue = |_| NfQueue::default(),
    "QUEUE" => Queue = |_| Queue,
    "REDIRECT" => Redirect = |_| Redirect::default(),
    "REJECT" => Reject = Reject::default_for,
    "SET" => Set = |_| Set::default(),
    "SNAT" => Snat = |_| Snat::default(),
    "SNPT" => Snpt = |_| Snpt::default(),
    "SYNPROXY" => SynProxy = |_| SynProxy::default(),
    "TCPMSS" => TcpMss = |_| TcpMss::default(),
    "TCPOPTSTRIP" => TcpOptStrip = |_| TcpOptStrip::default(),
    "TEE" => Tee = Tee::blank,
    "TOS" => Tos = |_| Tos::default(),
    "TRACE" => Trace = |_| Trace,
    "TTL" => Ttl = |_| Ttl::default(),
}

impl Target {
    /// Its name in the text; NOTRACK keeps its own.
    pub(crate) fn save_name(&self) -> &str {
        match self {
            Self::Ct(Ct { alias: true, .. }) => "NOTRACK",
            other => other.name(),
        }
    }

    /// The chain it leads to.
    pub fn chain(&self) -> Option<&str> {
        match self {
            Self::Jump(chain) | Self::Goto(chain) => Some(chain),
            _ => None,
        }
    }
}
