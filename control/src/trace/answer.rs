//! What the sender of a refused packet gets, in the words of REJECT where it has one.

use sluice_dataplane::rules::targets::RejectWith;
use sluice_dataplane::wire::icmp_error::IcmpError;

pub(super) const fn of(with: RejectWith) -> &'static str {
    match with {
        RejectWith::TcpReset => "tcp-reset",
        RejectWith::Icmp(error) => icmp(error),
    }
}

pub(super) const fn icmp(error: IcmpError) -> &'static str {
    match error {
        IcmpError::NetUnreachable => "icmp-net-unreachable",
        IcmpError::HostUnreachable => "icmp-host-unreachable",
        IcmpError::ProtocolUnreachable => "icmp-proto-unreachable",
        IcmpError::PortUnreachable => "icmp-port-unreachable",
        IcmpError::FragmentationNeeded { .. } => "icmp-fragmentation-needed",
        IcmpError::NetProhibited => "icmp-net-prohibited",
        IcmpError::HostProhibited => "icmp-host-prohibited",
        IcmpError::AdminProhibited => "icmp-admin-prohibited",
        IcmpError::TimeExceeded => "icmp-ttl-exceeded",
        IcmpError::ReassemblyTimeExceeded => "icmp-reassembly-time-exceeded",
        IcmpError::ParameterProblem { .. } => "icmp-parameter-problem",
        IcmpError::Redirect { .. } => "icmp-redirect",
        IcmpError::V6NoRoute => "icmp6-no-route",
        IcmpError::V6AdminProhibited => "icmp6-adm-prohibited",
        IcmpError::V6BeyondScope => "icmp6-beyond-scope",
        IcmpError::V6AddressUnreachable => "icmp6-addr-unreachable",
        IcmpError::V6PortUnreachable => "icmp6-port-unreachable",
        IcmpError::V6PolicyFail => "icmp6-policy-fail",
        IcmpError::V6RejectRoute => "icmp6-reject-route",
        IcmpError::V6PacketTooBig { .. } => "icmp6-packet-too-big",
        IcmpError::V6HopLimit => "icmp6-hop-limit-exceeded",
        IcmpError::V6ReassemblyTime => "icmp6-reassembly-time-exceeded",
        IcmpError::V6ParameterProblem { .. } => "icmp6-parameter-problem",
    }
}
