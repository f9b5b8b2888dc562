//! The settings of connection tracking: what sysctls and timeout policies say, as the data plane has it.

use sluice_config::gateway::{Config, TimeoutPolicy, TimeoutProtocol};
use sluice_config::netfilter::Family;
use sluice_config::sysctl::ConntrackTimeouts;
use sluice_dataplane::address::IpVersion;
use sluice_dataplane::conntrack::{
    ConntrackSettings, Policies, PolicyKind, SctpTimeouts, TcpTimeouts, Timeouts,
};
use sluice_dataplane::wire::protocol;

/// What the configuration asks for. Connections keep the policies of `before` that are still there.
pub(crate) fn settings(config: &Config, before: &Policies) -> ConntrackSettings {
    let asked = config.sysctl.conntrack();
    let timeouts = timeouts(&asked.timeouts);
    let policies = config
        .timeouts
        .iter()
        .map(|(name, policy)| (kind(name, policy), replaced(timeouts, policy)));
    ConntrackSettings {
        max: asked.max,
        accounting: asked.accounting,
        checksum: asked.checksum,
        tcp_loose: asked.tcp_loose,
        tcp_be_liberal: asked.tcp_be_liberal,
        tcp_ignore_invalid_rst: asked.tcp_ignore_invalid_rst,
        tcp_max_retrans: asked.tcp_max_retrans,
        policies: Policies::after(before, policies),
        timeouts,
    }
}

fn timeouts(asked: &ConntrackTimeouts) -> Timeouts {
    Timeouts {
        tcp: TcpTimeouts {
            syn_sent: asked.tcp_syn_sent,
            syn_recv: asked.tcp_syn_recv,
            established: asked.tcp_established,
            fin_wait: asked.tcp_fin_wait,
            close_wait: asked.tcp_close_wait,
            last_ack: asked.tcp_last_ack,
            time_wait: asked.tcp_time_wait,
            close: asked.tcp_close,
            max_retrans: asked.tcp_max_retrans,
            unacknowledged: asked.tcp_unacknowledged,
            ..Timeouts::default().tcp
        },
        udp: asked.udp,
        udp_stream: asked.udp_stream,
        icmp: asked.icmp,
        icmpv6: asked.icmpv6,
        gre: asked.gre,
        gre_stream: asked.gre_stream,
        sctp: SctpTimeouts {
            closed: asked.sctp_closed,
            cookie_wait: asked.sctp_cookie_wait,
            cookie_echoed: asked.sctp_cookie_echoed,
            established: asked.sctp_established,
            shutdown_sent: asked.sctp_shutdown_sent,
            shutdown_received: asked.sctp_shutdown_recd,
            shutdown_ack_sent: asked.sctp_shutdown_ack_sent,
            heartbeat_sent: asked.sctp_heartbeat_sent,
        },
        generic: asked.generic,
    }
}

fn kind(name: &str, policy: &TimeoutPolicy) -> PolicyKind {
    PolicyKind {
        name: name.to_owned(),
        protocol: match policy.protocol {
            TimeoutProtocol::Tcp => Some(protocol::TCP),
            TimeoutProtocol::Udp => Some(protocol::UDP),
            TimeoutProtocol::UdpLite => Some(protocol::UDP_LITE),
            TimeoutProtocol::Icmp => Some(protocol::ICMP),
            TimeoutProtocol::Icmpv6 => Some(protocol::ICMPV6),
            TimeoutProtocol::Gre => Some(protocol::GRE),
            TimeoutProtocol::Sctp => Some(protocol::SCTP),
            TimeoutProtocol::Generic => None,
        },
        version: policy.family.map(|family| match family {
            Family::V4 => IpVersion::V4,
            Family::V6 => IpVersion::V6,
        }),
    }
}

/// The gateway's own timeouts, those of the policy's states in their place.
fn replaced(mut timeouts: Timeouts, policy: &TimeoutPolicy) -> Timeouts {
    for (state, seconds) in &policy.seconds {
        if let Some(place) = place(&mut timeouts, policy.protocol, state) {
            *place = *seconds;
        }
    }
    timeouts
}

/// Where the timeout of a state stands, one of [`TimeoutProtocol::states`].
fn place<'a>(
    timeouts: &'a mut Timeouts,
    protocol: TimeoutProtocol,
    state: &str,
) -> Option<&'a mut u32> {
    let Timeouts { tcp, udp, udp_stream, icmp, icmpv6, gre, gre_stream, sctp, generic } = timeouts;
    Some(match (protocol, state) {
        (TimeoutProtocol::Tcp, "syn_sent") => &mut tcp.syn_sent,
        (TimeoutProtocol::Tcp, "syn_recv") => &mut tcp.syn_recv,
        (TimeoutProtocol::Tcp, "established") => &mut tcp.established,
        (TimeoutProtocol::Tcp, "fin_wait") => &mut tcp.fin_wait,
        (TimeoutProtocol::Tcp, "close_wait") => &mut tcp.close_wait,
        (TimeoutProtocol::Tcp, "last_ack") => &mut tcp.last_ack,
        (TimeoutProtocol::Tcp, "time_wait") => &mut tcp.time_wait,
        (TimeoutProtocol::Tcp, "close") => &mut tcp.close,
        (TimeoutProtocol::Tcp, "syn_sent2") => &mut tcp.syn_sent2,
        (TimeoutProtocol::Tcp, "retrans") => &mut tcp.max_retrans,
        (TimeoutProtocol::Tcp, "unacknowledged") => &mut tcp.unacknowledged,
        (TimeoutProtocol::Udp | TimeoutProtocol::UdpLite, "unreplied") => udp,
        (TimeoutProtocol::Udp | TimeoutProtocol::UdpLite, "replied") => udp_stream,
        (TimeoutProtocol::Gre, "unreplied") => gre,
        (TimeoutProtocol::Gre, "replied") => gre_stream,
        (TimeoutProtocol::Sctp, "closed") => &mut sctp.closed,
        (TimeoutProtocol::Sctp, "cookie_wait") => &mut sctp.cookie_wait,
        (TimeoutProtocol::Sctp, "cookie_echoed") => &mut sctp.cookie_echoed,
        (TimeoutProtocol::Sctp, "established") => &mut sctp.established,
        (TimeoutProtocol::Sctp, "shutdown_sent") => &mut sctp.shutdown_sent,
        (TimeoutProtocol::Sctp, "shutdown_recd") => &mut sctp.shutdown_received,
        (TimeoutProtocol::Sctp, "shutdown_ack_sent") => &mut sctp.shutdown_ack_sent,
        (TimeoutProtocol::Sctp, "heartbeat_sent") => &mut sctp.heartbeat_sent,
        (TimeoutProtocol::Icmp, "timeout") => icmp,
        (TimeoutProtocol::Icmpv6, "timeout") => icmpv6,
        (TimeoutProtocol::Generic, "timeout") => generic,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(policies: &str) -> Config {
        let text =
            format!("{policies}\n[sysctl]\n\"net.netfilter.nf_conntrack_udp_timeout\" = 9\n");
        Config::parse(&text, "f").expect("sound")
    }

    #[test]
    fn every_state_has_its_place_and_only_one() {
        for protocol in TimeoutProtocol::ALL {
            for state in protocol.states() {
                let mut timeouts = Timeouts::default();
                *place(&mut timeouts, protocol, state).expect("a place") = 77;
                let seen = protocol.states().iter().filter(|state| {
                    place(&mut timeouts, protocol, state).is_some_and(|seconds| *seconds == 77)
                });
                assert_eq!(seen.collect::<Vec<_>>(), [state], "{protocol:?}");
            }
        }
    }

    #[test]
    fn what_a_policy_leaves_out_is_as_the_sysctl_says() {
        let policy = TimeoutPolicy {
            protocol: TimeoutProtocol::Udp,
            family: None,
            seconds: [("replied", 5)].into(),
        };
        let own = settings(&config(""), &Policies::default()).timeouts;
        let timeouts = replaced(own, &policy);
        assert_eq!((timeouts.udp, timeouts.udp_stream), (9, 5));
        assert_eq!(Timeouts { udp_stream: 120, ..timeouts }, own, "and nothing else has changed");
    }

    #[test]
    fn a_policy_is_known_by_name_protocol_and_family() {
        let first = settings(
            &config("[timeouts.a]\nprotocol = \"udp\"\n[timeouts.b]\nprotocol = \"udp\""),
            &Policies::default(),
        )
        .policies;
        let numbers = |policies: &Policies| (policies.named("a"), policies.named("b"));
        let (a, b) = numbers(&first);
        assert!(a.is_some() && b.is_some() && a != b);
        let changed = config("[timeouts.a]\nprotocol = \"udp\"\nreplied = 7");
        let second = settings(&changed, &first).policies;
        assert_eq!(numbers(&second), (a, None), "other timeouts, the same policy");
        let again = config("[timeouts.a]\nprotocol = \"icmp\"\n[timeouts.b]\nprotocol = \"udp\"");
        let (third_a, third_b) = numbers(&settings(&again, &second).policies);
        assert!(![a, b].contains(&third_a), "another protocol, another policy");
        assert!(![a, b].contains(&third_b), "gone and come again, it is another");
    }
}
