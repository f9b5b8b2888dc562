//! `[timeouts.NAME]`: timeout policies, which `-j CT --timeout NAME` gives to connections (kernel
//! `nfnetlink_cttimeout.c`; the names of protocols and states are those of nfct(8), in lower case).

use std::collections::BTreeMap;

use toml::de::DeValue;

use super::reader::{Fields, Report, Wrong, string, within, wrong};
use crate::diagnostic::nearest;
use crate::netfilter::{Family, Protocol};

/// Policies by name.
pub type TimeoutPolicies = BTreeMap<String, TimeoutPolicy>;

/// How long connections rest that follow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeoutPolicy {
    /// `protocol`: whose connections it is for.
    pub protocol: TimeoutProtocol,
    /// `family`: whose rules may name it; those of both where absent.
    pub family: Option<Family>,
    /// Seconds by state, one of [`TimeoutProtocol::states`]; a state not here has the gateway's own timeout.
    pub seconds: BTreeMap<&'static str, u32>,
}

/// A protocol whose connections have timeouts of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimeoutProtocol {
    /// `tcp`
    Tcp,
    /// `udp`
    Udp,
    /// `udplite`
    UdpLite,
    /// `icmp`
    Icmp,
    /// `icmpv6`
    Icmpv6,
    /// `gre`
    Gre,
    /// `sctp`
    Sctp,
    /// `generic`: every other.
    Generic,
}

impl TimeoutProtocol {
    /// Every one.
    pub const ALL: [Self; 8] = [
        Self::Tcp,
        Self::Udp,
        Self::UdpLite,
        Self::Icmp,
        Self::Icmpv6,
        Self::Gre,
        Self::Sctp,
        Self::Generic,
    ];

    /// Its name in the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::UdpLite => "udplite",
            Self::Icmp => "icmp",
            Self::Icmpv6 => "icmpv6",
            Self::Gre => "gre",
            Self::Sctp => "sctp",
            Self::Generic => "generic",
        }
    }

    /// Of connections of this IP protocol.
    #[must_use]
    pub const fn of(protocol: Protocol) -> Self {
        match protocol.0 {
            1 => Self::Icmp,
            6 => Self::Tcp,
            17 => Self::Udp,
            47 => Self::Gre,
            58 => Self::Icmpv6,
            132 => Self::Sctp,
            136 => Self::UdpLite,
            _ => Self::Generic,
        }
    }

    /// The states that have a timeout.
    #[must_use]
    pub const fn states(self) -> &'static [&'static str] {
        match self {
            Self::Tcp => &[
                "syn_sent",
                "syn_recv",
                "established",
                "fin_wait",
                "close_wait",
                "last_ack",
                "time_wait",
                "close",
                "syn_sent2",
                "retrans",
                "unacknowledged",
            ],
            Self::Sctp => &[
                "closed",
                "cookie_wait",
                "cookie_echoed",
                "established",
                "shutdown_sent",
                "shutdown_recd",
                "shutdown_ack_sent",
                "heartbeat_sent",
            ],
            Self::Udp | Self::UdpLite | Self::Gre => &["unreplied", "replied"],
            Self::Icmp | Self::Icmpv6 | Self::Generic => &["timeout"],
        }
    }

    fn read(value: &DeValue<'_>) -> Result<Self, Wrong> {
        let text = string(value)?;
        let known = Self::ALL.map(Self::name);
        Self::ALL.into_iter().find(|protocol| protocol.name() == text).ok_or_else(|| {
            let help = match nearest(&text, known) {
                _ if text == "dccp" => {
                    "its states are not followed here; write `generic`".to_owned()
                }
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("write one of {}", known.join(", ")),
            };
            wrong(format!("`{text}` is no protocol with timeouts"), help)
        })
    }
}

impl TimeoutPolicy {
    /// What the file calls its family.
    #[must_use]
    pub fn family_word(&self) -> Option<&'static str> {
        self.family.map(|family| match family {
            Family::V4 => "ipv4",
            Family::V6 => "ipv6",
        })
    }

    /// Whether rules of this family may name it.
    #[must_use]
    pub fn is_for(&self, family: Family) -> bool {
        self.family.is_none_or(|own| own == family)
    }
}

/// The longest name, in bytes (`CTNL_TIMEOUT_NAME_MAX`, less the final zero).
const NAME_MAX: usize = 31;

/// All policies of a file.
pub(super) fn read(top: &mut Fields<'_, '_>, report: &mut Report<'_>) -> TimeoutPolicies {
    let mut policies = TimeoutPolicies::new();
    let Some((value, at)) = top.raw("timeouts") else { return policies };
    let Some(table) = value.as_table() else {
        let help = Some("write `[timeouts.NAME]`, a table for each policy".into());
        report.error(&at, "`timeouts` must be a table", help);
        return policies;
    };
    for (key, value) in table.iter() {
        let name: &str = key.get_ref();
        if !is_name(name) {
            let help = "use 1 to 31 bytes without spaces, quotes and control characters";
            report.error(&key.span(), format!("`{name}` is no policy's name"), Some(help.into()));
        }
        let Some(fields) = value.get_ref().as_table() else {
            let help = Some("write `[timeouts.NAME]`, a table for each policy".into());
            report.error(&key.span(), format!("policy `{name}` must be a table"), help);
            continue;
        };
        let fields = Fields::new(format!("[timeouts.{name}]"), fields, key.span());
        policies.extend(policy(fields, report).map(|policy| (name.to_owned(), policy)));
    }
    policies
}

/// Rules name it in text that splits at blanks and knows quotes.
fn is_name(name: &str) -> bool {
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'' | '\\');
    (1..=NAME_MAX).contains(&name.len()) && !name.contains(odd)
}

fn policy(mut fields: Fields<'_, '_>, report: &mut Report<'_>) -> Option<TimeoutPolicy> {
    if !fields.has("protocol") {
        fields.missing(report, "protocol", "\"tcp\"");
    }
    // Which keys there may be hangs on it.
    let protocol = fields.get(report, "protocol", TimeoutProtocol::read)?;
    let family = fields.get(report, "family", family);
    let number = |value: &DeValue<'_>| within(value, 0..=i64::from(i32::MAX), "number of seconds");
    let seconds = protocol
        .states()
        .iter()
        .filter_map(|state| Some((*state, fields.get(report, state, number)?)))
        .collect();
    fields.finish(report);
    Some(TimeoutPolicy { protocol, family, seconds })
}

fn family(value: &DeValue<'_>) -> Result<Family, Wrong> {
    match string(value)?.as_str() {
        "ipv4" => Ok(Family::V4),
        "ipv6" => Ok(Family::V6),
        other => Err(wrong(
            format!("`{other}` is no IP version"),
            "write `ipv4` or `ipv6`, or leave it out for both",
        )),
    }
}
