//! Real hosts with real programs on both sides of the router. Each scenario runs with the kernel as
//! the router, which shows that the scenario is right, and with Sluice on one and on two workers.

mod accounts;
mod bridge;
mod bulk;
mod conntrack_tool;
mod devices;
mod events;
mod examples;
mod explained;
mod floods;
mod helpers;
mod large;
mod local;
mod losses;
mod metrics;
mod nat;
mod nflog;
mod offloads;
mod operation;
mod operator;
mod path;
mod push;
mod refusals;
mod restore;
mod rules_that_tell;
mod soak;
mod sockets;
mod stalls;
mod synproxy;
mod timeouts;
mod trace;
mod vlan;

/// The inside goes out under the outside address.
const MASQUERADE: &str = "
    *nat
    -A POSTROUTING -s 10.1.0.0/16 -o wan0 -j MASQUERADE
    COMMIT
    *filter
    :FORWARD DROP [0:0]
    -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
    -A FORWARD -i lan0 -j ACCEPT
    COMMIT
";
