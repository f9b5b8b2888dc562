//! Owns what a rule may do with a packet, as templates of [`Dice::text`]. Translations go to single addresses, and ports
//! are kept or few enough that nothing is drawn.

use super::about::About;
use super::dice::Dice;
use super::family::Family;

/// What a rule of this protocol in this chain may do that is no jump. `chain` is a builtin one, or the builtin one that a
/// user chain belongs to.
pub(super) fn draw(
    dice: &mut Dice,
    family: Family,
    table: &str,
    chain: &str,
    protocol: &str,
) -> String {
    let ports = matches!(protocol, "-p tcp" | "-p udp" | "-p sctp");
    let tcp = protocol == "-p tcp";
    let v4 = family == Family::V4;
    let special = dice.about.target(dice, family, (table, chain), protocol);
    let tracked = dice.about != About::Untracked;
    let template = match (table, dice.below(6)) {
        ("mangle", 1..) if chain == "OUTPUT" && !dice.about.changes_own() => {
            dice.one(&["-j ACCEPT", "-j DROP"])
        }
        ("raw", 2 | 3) if chain == "OUTPUT" && dice.associations => {
            dice.one(&["-j ACCEPT", "-j DROP"])
        }
        (_, 2 | 3) if special.is_some() && dice.once_in(2) => special.unwrap_or_default(),
        ("raw", 1) if dice.once_in(6) => "-j TRACE",
        (_, 0) => "",
        (_, 1) if dice.once_in(6) => dice.one(&TELLING),
        // What CT puts in a connection's place has a mark of its own in the kernel, which lasts from packet to packet.
        (_, 1) => dice.one(if tracked && table != "raw" { &MARKS } else { &MARKS[..4] }),
        ("raw", 2 | 3) if !tracked => dice.one(&["-j ACCEPT", "-j DROP"]),
        ("raw", 2 | 3) if dice.once_in(4) => {
            "-j CT --ctevents {new|destroy|assured,reply|new,mark}"
        }
        ("raw", 2 | 3) => dice.one(&["-j CT --notrack", "-j NOTRACK", "-j ACCEPT", "-j DROP"]),
        ("mangle", 2) if matches!(chain, "FORWARD" | "POSTROUTING") && dice.once_in(4) => {
            "-j CLASSIFY --set-class 1:{1|2}"
        }
        ("mangle", 2) if tcp && matches!(chain, "FORWARD" | "OUTPUT" | "POSTROUTING") => {
            "-m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu"
        }
        ("mangle", 3) if tcp && v4 && dice.once_in(3) => "-j ECN --ecn-tcp-remove",
        ("mangle", 2..=4) if tcp => dice.one(&MANGLE_TCP),
        ("mangle", 2..=4) if v4 => dice.one(&MANGLE_V4),
        // What is for itself the kernel drops, once it has tracked it and a rule has changed its IPv6 header.
        ("mangle", 2..=4) if matches!(chain, "FORWARD" | "OUTPUT" | "POSTROUTING") => {
            dice.one(&MANGLE_V6)
        }
        ("nat", 2..=5) => match chain {
            "PREROUTING" if ports => dice.one(&DNAT_PORTS),
            "PREROUTING" => dice.one(&DNAT),
            "OUTPUT" => dice.one(&["-j DNAT --to-destination <far2>", "-j ACCEPT"]),
            "INPUT" => dice.one(&["-j SNAT --to-source <far2>", "-j ACCEPT"]),
            _ if ports => dice.one(&SNAT_PORTS),
            _ => dice.one(&SNAT),
        },
        ("filter", 2..=4) if chain == "OUTPUT" => "-j DROP",
        ("filter", 2..=4) if tcp && dice.once_in(2) => "-j REJECT --reject-with tcp-reset",
        ("filter", 2..=4) if v4 => dice.one(&FILTER_V4),
        ("filter", 2..=4) => dice.one(&FILTER_V6),
        (_, 2) if dice.memory => dice.one(&SETS),
        // A copy that gets a mark in OUTPUT is routed anew, to the kernel itself where it is for that.
        ("mangle", 5) if dice.about != About::Copies && dice.once_in(3) => {
            "-j SET --map-set <marks> {src|dst} --map-mark"
        }
        (_, _) => dice.one(&["-j ACCEPT", "-j ACCEPT", "-j ACCEPT", "-j DROP"]),
    };
    // A nat rule that drops is refused by none of the tools, but warned of by some.
    dice.text(if table == "nat" && template == "-j DROP" { "-j ACCEPT" } else { template })
}

/// What tells somebody of the packet, and changes nothing.
const TELLING: [&str; 3] = [
    "-j NFLOG --nflog-group {0|5} --nflog-prefix drawn",
    "-j NFLOG --nflog-size 40 --nflog-threshold 2",
    "-j LOG --log-prefix drawn --log-level {debug|info}",
];

const SETS: [&str; 4] = [
    "-j SET --{add-set|del-set} <hosts> {src|dst}",
    "-j SET --{add-set|del-set} <hosts> {src|dst}",
    "-j SET --{add-set|del-set} <ports> {src,dst|dst,dst|src,src}",
    "-j SET --add-set <counts> {src|dst} --exist",
];

/// The first four need no connection.
const MARKS: [&str; 17] = [
    "-j MARK --set-mark {1|2|0x10/0xf0|3/3}",
    "-j MARK --set-xmark {0x1/0x1|0x2/0xffffffff|0x3/0xf}",
    "-j MARK --{and-mark|or-mark|xor-mark} {0x1|0x2|0xfffffffe|0x10}",
    "-j MARK --or-mark {0x1|0x2}",
    "-j CONNMARK --set-mark {1|2|0x10/0xf0|3/3}",
    "-j CONNMARK --set-xmark {0x1/0x1|0x2/0xffffffff}",
    "-j CONNMARK --{and-mark|or-mark|xor-mark} {0x1|0x2|0xfffffffe}",
    "-j CONNMARK --save-mark",
    "-j CONNMARK --save-mark --nfmask {0x1|0xff} --ctmask {0x3|0xff}",
    "-j CONNMARK --restore-mark",
    "-j CONNMARK --restore-mark --nfmask {0x1|0xff} --ctmask {0x3|0xff}",
    "-j CONNMARK --save-mark --mask {0x1|0x2}",
    "-j CONNMARK --restore-mark --mask {0x1|0x2|0xf0}",
    "-j CONNMARK --save-mark --{left|right}-shift-mark {1|4}",
    "-j CONNMARK --restore-mark --{left|right}-shift-mark {1|4}",
    "-j CONNMARK --set-xmark 0x1{/0x3|/0xffffffff} --{left|right}-shift-mark {1|4}",
    "-j CONNMARK --set-mark {0x11|0x5/0xf}",
];

const MANGLE_V4: [&str; 9] = [
    "-j TTL --ttl-{set|inc|dec} {1|2|60}",
    "-j TTL --ttl-{inc|dec} {1|2|3}",
    "-j TOS --set-tos {0x10/0x3f|0x08|0x00|Minimize-Delay}",
    "-j TOS --{and-tos|or-tos|xor-tos} {0x10|0x08|0xe0}",
    "-j DSCP --set-dscp {0x04|0x00|0x2e}",
    "-j DSCP --set-dscp-class {EF|AF11|CS1|BE}",
    "-j ECN --ecn-ip-ect {0|1|2|3}",
    "-j CHECKSUM --checksum-fill",
    "-j ACCEPT",
];

const MANGLE_V6: [&str; 7] = [
    "-j HL --hl-{set|inc|dec} {1|2|60}",
    "-j HL --hl-{inc|dec} {1|2|3}",
    "-j TOS --set-tos {0x10/0x3f|0x08|0x00|Minimize-Delay}",
    "-j TOS --{and-tos|or-tos|xor-tos} {0x10|0x08|0xe0}",
    "-j DSCP --set-dscp {0x04|0x00|0x2e}",
    "-j DSCP --set-dscp-class {EF|AF11|CS1|BE}",
    "-j ACCEPT",
];

const MANGLE_TCP: [&str; 3] = [
    "-m tcp --syn -j TCPMSS --set-mss {1000|536|1460}",
    "-m tcp --syn -j TCPMSS --set-mss {1000|536}",
    "-j TCPOPTSTRIP --strip-options {2|3|2,3|sack-permitted,timestamp|8}",
];

const DNAT: [&str; 8] = [
    "-j DNAT --to-destination {<out>|<far2>|<in2>}",
    "-j DNAT --to-destination {<out>|<far2>|<in>}",
    "-j DNAT --to-destination <far2> --persistent",
    "-j REDIRECT",
    "-d <net-out> -j NETMAP --to <net-map>",
    "-d <net-far> -j NETMAP --to <net-map>",
    "-d <own-out> -j DNAT --to-destination {<in>|<in2>}",
    "-j ACCEPT",
];

const DNAT_PORTS: [&str; 6] = [
    "-j DNAT --to-destination {<out>|<far2>|<in2>}",
    "-j DNAT --to-destination {<[out]>|<[far2]>|<[in2]>}:{8080|53|8000-8003}",
    "-j DNAT --to-destination :{8080|53}",
    "-j REDIRECT --to-ports {8080|53}",
    "-d <own-out> -j DNAT --to-destination {<[in]>|<[in2]>}:{80|8080}",
    "-d <net-far> -j NETMAP --to <net-map>",
];

const SNAT: [&str; 7] = [
    "-j SNAT --to-source {<pool-out>|<own-out>|<far2>}",
    "-o wan0 -j SNAT --to-source {<pool-out>|<own-out>}",
    "-o lan0 -j SNAT --to-source {<own-in>|<pool-in>}",
    "-o {wan0|wan0|lan0} -j MASQUERADE",
    "-j MASQUERADE",
    "-s <net-in> -j NETMAP --to <net-map>",
    "-j ACCEPT",
];

const SNAT_PORTS: [&str; 5] = [
    "-j SNAT --to-source {<pool-out>|<own-out>|<far2>}",
    "-j SNAT --to-source {<[pool-out]>|<[own-out]>}:1024-{3000|2000}",
    "-o {wan0|lan0} -j MASQUERADE --to-ports 1024-3000",
    "-j MASQUERADE",
    "-s <net-in> -j NETMAP --to <net-map>",
];

const FILTER_V4: [&str; 4] = [
    "-j REJECT --reject-with icmp-{net-unreachable|host-unreachable|port-unreachable|proto-unreachable}",
    "-j REJECT --reject-with icmp-{net-prohibited|host-prohibited|admin-prohibited}",
    "-j REJECT",
    "-j DROP",
];

const FILTER_V6: [&str; 3] = [
    "-j REJECT --reject-with icmp6-{no-route|adm-prohibited|addr-unreachable|port-unreachable}",
    "-j REJECT",
    "-j DROP",
];
