//! `-j CT --timeout`, with policies to name.

use sluice_config::Config;
use sluice_config::netfilter::{AnySet, Family};

use super::check_with;

/// Each has its family, as the kernel's do. Names of no more than four bytes: Linux 6.18 lists no more of them.
const POLICIES: &str = r#"
[timeouts.t4]
protocol = "tcp"
family = "ipv4"
established = 100
[timeouts.t6]
protocol = "tcp"
family = "ipv6"
[timeouts.u4]
protocol = "udp"
family = "ipv4"
unreplied = 7
[timeouts.ul4]
protocol = "udplite"
family = "ipv4"
[timeouts.i4]
protocol = "icmp"
family = "ipv4"
timeout = 9
[timeouts.i6]
protocol = "icmpv6"
family = "ipv6"
[timeouts.gre4]
protocol = "gre"
family = "ipv4"
[timeouts.g4]
protocol = "generic"
family = "ipv4"
[timeouts.g6]
protocol = "generic"
family = "ipv6"
"#;

const LINES: &[&str] = &[
    "-t raw -A PREROUTING -p tcp -j CT --timeout t4",
    "-t raw -A PREROUTING -p tcp -j CT --timeout t6",
    "-t raw -A PREROUTING -p tcp -j CT --timeout u4",
    "-t raw -A PREROUTING -p tcp -j CT --timeout g4",
    "-t raw -A PREROUTING -p tcp -j CT --timeout nope",
    "-t raw -A PREROUTING -p tcp -j CT --timeout T4",
    "-t raw -A PREROUTING -p tcp -j CT --timeout ''",
    "-t raw -A PREROUTING -p udp -j CT --timeout t4",
    "-t raw -A PREROUTING -p udp -j CT --timeout u4",
    "-t raw -A PREROUTING -p udp -m udp --dport 53 -j CT --timeout u4",
    "-t raw -A PREROUTING -p udplite -j CT --timeout u4",
    "-t raw -A PREROUTING -p udplite -j CT --timeout ul4",
    "-t raw -A PREROUTING -p icmp -j CT --timeout i4",
    "-t raw -A PREROUTING -p icmp -j CT --timeout i6",
    "-t raw -A PREROUTING -p icmpv6 -j CT --timeout i6",
    "-t raw -A PREROUTING -p icmpv6 -j CT --timeout i4",
    "-t raw -A PREROUTING -p gre -j CT --timeout gre4",
    "-t raw -A PREROUTING -p gre -j CT --timeout g4",
    "-t raw -A PREROUTING -p esp -j CT --timeout g4",
    "-t raw -A PREROUTING -p esp -j CT --timeout g6",
    "-t raw -A PREROUTING -p dccp -j CT --timeout g4",
    "-t raw -A PREROUTING -p 255 -j CT --timeout g6",
    "-t raw -A PREROUTING ! -p tcp -j CT --timeout t4",
    "-t raw -A PREROUTING ! -p tcp -j CT --timeout nope",
    "-t raw -A PREROUTING -j CT --timeout t4",
    "-t raw -A PREROUTING -p all -j CT --timeout t4",
    "-t raw -A OUTPUT -p tcp -j CT --timeout t4 --zone 5",
    "-t raw -A OUTPUT -p tcp -j CT --ctevents new,destroy --timeout t4",
    "-t raw -A OUTPUT -p tcp -j CT --timeout t6 --zone-orig mark",
    "-t raw -A OUTPUT -p tcp -j CT --timeout t4 --timeout t4",
    "-t raw -A OUTPUT -p tcp -j CT --timeout",
    "-t raw -A OUTPUT -p tcp -j CT ! --timeout t4",
    "-t raw -A OUTPUT -p tcp -j CT --notrack --timeout t4",
    "-t raw -A OUTPUT -p tcp -j CT --notrack --timeout nope",
    "-t raw -A OUTPUT -p tcp -j CT --helper ftp --timeout nope",
    "-t mangle -A OUTPUT -p tcp -j CT --timeout t4",
    "-t raw -N own ; -t raw -A own -p tcp -j CT --timeout t4 ; -t raw -A PREROUTING -j own",
    "-t raw -N own ; -t raw -A own -p tcp -j CT --timeout u4",
    "-t raw -A PREROUTING -p tcp -j CT --timeout t4 ; -t raw -R PREROUTING 1 -p udp -j CT --timeout t4",
    "-t raw -I OUTPUT -p tcp -j CT --timeout nope",
    "-t raw -A OUTPUT -p tcp -j CT --timeout t4 ; -t raw -C OUTPUT -p tcp -j CT --timeout t4",
    "-t raw -A OUTPUT -p tcp -j CT --timeout t4 ; -t raw -C OUTPUT -p tcp -j CT --timeout u4",
    "-t raw -A OUTPUT -p tcp -j CT --timeout t4 ; -t raw -D OUTPUT -p tcp -j CT --timeout t4",
    "-t raw -A OUTPUT -p tcp -j CT --timeout t4 ; -t raw -D OUTPUT -p tcp -j CT --timeout nope",
];

fn timeouts(family: Family) {
    let policies = Config::parse(POLICIES, "policies").expect("sound").timeouts;
    let program = env!("CARGO_BIN_EXE_timeout_policies");
    let make = format!("{program} <<'POLICIES'\n{POLICIES}POLICIES");
    check_with(family, &make, &AnySet, &policies, LINES);
}

#[test]
fn timeouts_v4() {
    timeouts(Family::V4);
}

#[test]
fn timeouts_v6() {
    timeouts(Family::V6);
}
