//! The settings of connection tracking, under the names and with the defaults of the kernel's
//! `net.netfilter.nf_conntrack_*`.

use super::policy::{Policies, PolicyId};
use super::sctp_state::SctpConnectionState;
use super::tcp_state::TcpConnectionState;

/// What the operator can set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConntrackSettings {
    /// `max`: connections per IP version, over all workers; zero: as many as the tables have room
    /// for.
    pub max: u32,
    /// `checksum`: packets with a wrong layer-4 checksum are INVALID. The pipeline looks.
    pub checksum: bool,
    /// `acct`: connections that begin get accounts; also where a rule asks for them.
    pub accounting: bool,
    /// `tcp_loose`: pick up connections of which the opening was not seen.
    pub tcp_loose: bool,
    /// `tcp_be_liberal`: segments outside the window are valid.
    pub tcp_be_liberal: bool,
    /// `tcp_ignore_invalid_rst`: a RST outside the window does not make it INVALID.
    pub tcp_ignore_invalid_rst: bool,
    /// `tcp_max_retrans`: repetitions without an answer after which `tcp.max_retrans` applies.
    pub tcp_max_retrans: u8,
    /// `*_timeout_*`, of connections without a policy.
    pub timeouts: Timeouts,
    /// Those of connections to which CT has given one.
    pub policies: Policies,
}

/// Seconds that connections may rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// `tcp_timeout_*`.
    pub tcp: TcpTimeouts,
    /// `udp_timeout`.
    pub udp: u32,
    /// `udp_timeout_stream`.
    pub udp_stream: u32,
    /// `icmp_timeout`.
    pub icmp: u32,
    /// `icmpv6_timeout`.
    pub icmpv6: u32,
    /// `gre_timeout`.
    pub gre: u32,
    /// `gre_timeout_stream`.
    pub gre_stream: u32,
    /// `sctp_timeout_*`.
    pub sctp: SctpTimeouts,
    /// `generic_timeout`.
    pub generic: u32,
}

/// Seconds that an SCTP connection may rest in each state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SctpTimeouts {
    /// `closed`.
    pub closed: u32,
    /// `cookie_wait`.
    pub cookie_wait: u32,
    /// `cookie_echoed`.
    pub cookie_echoed: u32,
    /// `established`.
    pub established: u32,
    /// `shutdown_sent`.
    pub shutdown_sent: u32,
    /// `shutdown_recd`.
    pub shutdown_received: u32,
    /// `shutdown_ack_sent`.
    pub shutdown_ack_sent: u32,
    /// `heartbeat_sent`.
    pub heartbeat_sent: u32,
}

/// Seconds that a TCP connection may rest in each state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpTimeouts {
    /// `syn_sent`.
    pub syn_sent: u32,
    /// After simultaneous SYNs: the kernel has no sysctl for it.
    pub syn_sent2: u32,
    /// `syn_recv`.
    pub syn_recv: u32,
    /// `established`.
    pub established: u32,
    /// `fin_wait`.
    pub fin_wait: u32,
    /// `close_wait`.
    pub close_wait: u32,
    /// `last_ack`.
    pub last_ack: u32,
    /// `time_wait`.
    pub time_wait: u32,
    /// `close`.
    pub close: u32,
    /// `max_retrans`: after too many repetitions, or with a window of zero.
    pub max_retrans: u32,
    /// `unacknowledged`: while data waits for its acknowledgement.
    pub unacknowledged: u32,
}

impl ConntrackSettings {
    /// The bound that `max` sets.
    pub(super) const fn bound(&self) -> usize {
        if self.max == 0 { usize::MAX } else { self.max as usize }
    }

    /// Those that connections with this policy follow.
    #[inline]
    pub(super) fn timeouts_of(&self, policy: PolicyId) -> &Timeouts {
        if policy.is_none() { &self.timeouts } else { self.given(policy) }
    }

    /// A connection whose policy is no more goes on like those that have none.
    #[cold]
    #[inline(never)]
    fn given(&self, policy: PolicyId) -> &Timeouts {
        self.policies.get(policy).unwrap_or(&self.timeouts)
    }
}

impl TcpTimeouts {
    /// Seconds for `state`.
    #[must_use]
    pub const fn of(&self, state: TcpConnectionState) -> u32 {
        match state {
            TcpConnectionState::None | TcpConnectionState::SynSent => self.syn_sent,
            TcpConnectionState::SynSent2 => self.syn_sent2,
            TcpConnectionState::SynRecv => self.syn_recv,
            TcpConnectionState::Established => self.established,
            TcpConnectionState::FinWait => self.fin_wait,
            TcpConnectionState::CloseWait => self.close_wait,
            TcpConnectionState::LastAck => self.last_ack,
            TcpConnectionState::TimeWait => self.time_wait,
            TcpConnectionState::Close => self.close,
        }
    }
}

impl SctpTimeouts {
    /// Seconds for `state`.
    #[must_use]
    pub const fn of(&self, state: SctpConnectionState) -> u32 {
        match state {
            SctpConnectionState::None | SctpConnectionState::Closed => self.closed,
            SctpConnectionState::CookieWait => self.cookie_wait,
            SctpConnectionState::CookieEchoed => self.cookie_echoed,
            SctpConnectionState::Established => self.established,
            SctpConnectionState::ShutdownSent => self.shutdown_sent,
            SctpConnectionState::ShutdownReceived => self.shutdown_received,
            SctpConnectionState::ShutdownAckSent => self.shutdown_ack_sent,
            SctpConnectionState::HeartbeatSent => self.heartbeat_sent,
        }
    }
}

impl Default for ConntrackSettings {
    fn default() -> Self {
        Self {
            max: 262_144,
            checksum: true,
            accounting: false,
            tcp_loose: true,
            tcp_be_liberal: false,
            tcp_ignore_invalid_rst: false,
            tcp_max_retrans: 3,
            timeouts: Timeouts::default(),
            policies: Policies::default(),
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        const DAY: u32 = 24 * 60 * 60;
        Self {
            tcp: TcpTimeouts {
                syn_sent: 120,
                syn_sent2: 120,
                syn_recv: 60,
                established: 5 * DAY,
                fin_wait: 120,
                close_wait: 60,
                last_ack: 30,
                time_wait: 120,
                close: 10,
                max_retrans: 300,
                unacknowledged: 300,
            },
            udp: 30,
            udp_stream: 120,
            icmp: 30,
            icmpv6: 30,
            gre: 30,
            gre_stream: 180,
            sctp: SctpTimeouts {
                closed: 10,
                cookie_wait: 3,
                cookie_echoed: 3,
                established: 210,
                shutdown_sent: 3,
                shutdown_received: 3,
                shutdown_ack_sent: 3,
                heartbeat_sent: 30,
            },
            generic: 600,
        }
    }
}
