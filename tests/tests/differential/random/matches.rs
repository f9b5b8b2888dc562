//! Owns what a rule may ask, as templates of [`Dice::text`].
//!
//! Kept out is what is drawn at random or depends on the moment: `statistic --mode random`, `time` of day; and `connlimit`,
//! of which the kernel has its own idea (docs/NETFILTER.md). Rates are so slow that no token comes back while a round lasts.

use super::about::About;
use super::dice::Dice;
use super::family::Family;
use super::settings::Settings;

/// The protocols that flows are made of and the options that go with them.
pub(super) fn protocol(dice: &mut Dice, family: Family) -> &'static str {
    let v4 = [
        "-p udp",
        "-p udp",
        "-p tcp",
        "-p tcp",
        "-p tcp",
        "-p icmp",
        "-p udplite",
        "-p sctp",
        "! -p tcp",
        "! -p udp",
        "! -p icmp",
    ];
    let v6 = [
        "-p udp",
        "-p udp",
        "-p tcp",
        "-p tcp",
        "-p tcp",
        "-p ipv6-icmp",
        "-p udplite",
        "-p sctp",
        "! -p tcp",
        "! -p udp",
        "! -p ipv6-icmp",
    ];
    if let Some(special) = dice.about.protocol(dice, family) {
        return special;
    }
    match family {
        Family::V4 => dice.one(&v4),
        Family::V6 => dice.one(&v6),
    }
}

/// A match that may stand in a rule of this protocol in this chain.
pub(super) fn draw(
    dice: &mut Dice,
    family: Family,
    table: &str,
    chain: &str,
    protocol: &str,
) -> String {
    let of_protocol: &[&str] = match protocol {
        "-p tcp" => &TCP,
        "-p udp" => &UDP,
        "-p icmp" => &ICMP,
        "-p udplite" => &UDP[3..6],
        "-p sctp" => &SCTP,
        "-p ipv6-icmp" => &ICMP6,
        _ => &[],
    };
    let of_family: &[&str] = match family {
        Family::V4 => &V4,
        Family::V6 => &V6,
    };
    let before_routing = matches!(table, "raw" | "mangle") && chain == "PREROUTING";
    // Raw's OUTPUT is told of connections of which it should not know (docs/NETFILTER.md).
    let told = dice.about != About::Untracked && (table != "raw" || chain == "PREROUTING");
    let special = dice.about.matching(dice, family, chain, protocol);
    let asks = |template: &str| template.contains("conntrack") || template.contains("helper");
    let special = special.filter(|template| told || !asks(template));
    let template = match dice.below(8) {
        4 | 7 if special.is_some() => special.unwrap_or_default(),
        5 if dice.settings == Settings::Accounts && told && dice.once_in(3) => dice.one(&ACCOUNTS),
        0..=2 if !of_protocol.is_empty() => dice.one(of_protocol),
        3 if before_routing => "-m rpfilter {--loose|--invert|--loose --invert|--accept-local|}",
        3 if matches!(chain, "PREROUTING" | "INPUT" | "FORWARD") && dice.once_in(4) => {
            "-m mac ~--mac-source 02:00:00:00:0{1|2}:02"
        }
        3 if matches!(chain, "OUTPUT" | "POSTROUTING") && dice.once_in(6) => {
            "-m policy --dir out --pol none"
        }
        3 if matches!(chain, "PREROUTING" | "INPUT" | "FORWARD") && dice.once_in(6) => {
            "-m policy --dir in --pol none"
        }
        3 => interface(dice, chain),
        4 => dice.one(of_family),
        5 if told => dice.one(if table == "raw" { &CONNECTION[2..] } else { &CONNECTION }),
        6 if dice.memory => dice.one(&REMEMBERING),
        _ => dice.one(&COMMON),
    };
    dice.text(template)
}

fn interface(dice: &mut Dice, chain: &str) -> &'static str {
    let inward = "~-i {lan0|wan0|lan+|eth0|+}";
    let outward = "~-o {lan0|wan0|wan+|eth0|+}";
    match chain {
        "PREROUTING" | "INPUT" => inward,
        "OUTPUT" | "POSTROUTING" => outward,
        _ => dice.one(&[inward, outward]),
    }
}

const COMMON: [&str; 24] = [
    "-m set ~--match-set {<hosts>|<nets>|<all>} {src|dst}",
    "-m set ~--match-set <ports> {src,dst|dst,dst|src,src|dst,src}",
    "-m set ~--match-set <ways> {src,src|dst,dst|src,dst}",
    "~-s {<in>|<in2>|<out>|<far>|<net-in>|<net-out>|<net-far>|<own-in>}",
    "~-d {<in>|<in2>|<out>|<far>|<net-in>|<net-out>|<net-far>|<own-in>|<own-out>}",
    "~-s {<in>|<in2>|<out>|<far>|<net-in>|<net-out>|<net-far>|<own-in>}",
    "~-d {<in>|<in2>|<out>|<far>|<net-in>|<net-out>|<net-far>|<own-in>|<own-out>}",
    "-m length ~--length {0:60|28|40:84|100:|61:1500}",
    "-m tos ~--tos {0x10/0x3f|0x00|0x01/0x03|0x10}",
    "-m dscp ~--dscp {0x04|0x00|0x2e}",
    "-m dscp ~--dscp-class {EF|AF11|CS1|BE}",
    "-m ecn ~--ecn-ip-ect {0|1|2|3}",
    "-m mark ~--mark {0x1/0x1|0x2/0x2|0x0|0x3|0x10/0xf0}",
    "-m mark ~--mark {0x1/0x1|0x2/0x2|0x0|0x3|0x10/0xf0}",
    "-m iprange ~--src-range {<in>-<in2>|<in2>-<pool-in>|<out>-<pool-out>}",
    "-m iprange ~--dst-range {<out>-<pool-out>|<far>-<far2>|<own-in>-<in>}",
    "-m string --algo {bm|kmp} ~--string {ooxx|data|answer|oxo}",
    "-m string --algo {bm|kmp} --{from 0|from 28|from 44|to 45|to 60|from 20 --to 32|from 28 --to 41|from 40 --to 60} ~--string {ooxx|data|oxo}",
    "-m string --algo {bm|kmp} --icase ~--hex-string |4F4f|xX",
    "-m addrtype ~--dst-type {LOCAL|UNICAST|UNICAST,LOCAL|MULTICAST|UNREACHABLE}",
    "-m addrtype ~--src-type {LOCAL|UNICAST|UNICAST,LOCAL|MULTICAST|UNREACHABLE}",
    "-m pkttype ~--pkt-type {unicast|multicast|broadcast}",
    "-m comment --comment drawn",
    "-m physdev ~--physdev-is-bridged",
];

const V4: [&str; 4] = [
    "-m ttl --ttl-{lt|gt|eq} {1|2|60|63|64}",
    "-m ttl ~--ttl-eq {1|2|63|64}",
    "~-f",
    "-m addrtype ~--{dst|src}-type {BROADCAST|BLACKHOLE|PROHIBIT,LOCAL}",
];

const V6: [&str; 3] = [
    "-m hl --hl-{lt|gt|eq} {1|2|60|63|64}",
    "-m hl ~--hl-eq {1|2|63|64}",
    "-m addrtype ~--dst-type ANYCAST",
];

const CONNECTION: [&str; 24] = [
    "-m connmark ~--mark {0x1/0x1|0x2/0x2|0x0|0x3}",
    "-m connmark ~--mark {0x1/0x1|0x2/0x2|0x10/0xf0}",
    "-m conntrack ~--ctstate {NEW|ESTABLISHED|RELATED|INVALID|UNTRACKED|SNAT|DNAT}",
    "-m conntrack ~--ctstate {NEW,ESTABLISHED|RELATED,ESTABLISHED|INVALID,UNTRACKED|NEW,SNAT,INVALID}",
    "-m conntrack --ctstate {NEW|RELATED,ESTABLISHED|INVALID}",
    "-m conntrack --ctstate {NEW|RELATED,ESTABLISHED|INVALID}",
    "-m conntrack --ctdir {ORIGINAL|REPLY}",
    "-m conntrack --ctstate {NEW|ESTABLISHED} --ctdir {ORIGINAL|REPLY}",
    "-m conntrack ~--ctproto {6|17|1|58}",
    "-m conntrack ~--ctorigsrc {<in>|<out>|<net-in>}",
    "-m conntrack ~--ctorigdst {<out>|<own-out>|<net-far>}",
    "-m conntrack ~--ctreplsrc {<out>|<in>|<net-far>}",
    "-m conntrack ~--ctrepldst {<own-out>|<in>|<pool-out>}",
    "-m conntrack --ctproto 17 ~--ctorigsrcport {1024:1200|1100|0:65535}",
    "-m conntrack --ctproto {6|17} ~--ctorigdstport {53|80|1:100}",
    "-m conntrack --ctproto {6|17} ~--ctreplsrcport {53|80|8000:9000}",
    "-m conntrack --ctproto {6|17} ~--ctrepldstport {1024:1200|5000:5010}",
    "-m conntrack ~--ctstatus {NONE|EXPECTED|SEEN_REPLY|ASSURED|CONFIRMED|SEEN_REPLY,ASSURED}",
    "-m conntrack ~--ctexpire {0:200|100:700|1000:432000}",
    "-m state ~--state {NEW|ESTABLISHED|RELATED|INVALID|UNTRACKED|NEW,RELATED}",
    "-m state --state {NEW|RELATED,ESTABLISHED|INVALID}",
    "-m helper ~--helper ftp",
    "-m conntrack --ctstate NEW --ctorigsrc {<in>|<net-in>} ~--ctorigdst <out>",
    "-m conntrack ~--ctstate NEW ~--ctproto {6|17}",
];

const ACCOUNTS: [&str; 4] = [
    "-m connbytes ~--connbytes {1:1|2:3|4} --connbytes-dir {original|reply|both} --connbytes-mode packets",
    "-m connbytes ~--connbytes {0:64|41:10000|200} --connbytes-dir {original|reply|both} --connbytes-mode bytes",
    "-m connbytes ~--connbytes {0:0|28:45|46:100} --connbytes-dir {original|reply|both} --connbytes-mode avgpkt",
    "-m connbytes ~--connbytes 0 --connbytes-dir both --connbytes-mode packets",
];

const REMEMBERING: [&str; 20] = [
    "-m limit --limit {10000|5000}/second --limit-burst 10000",
    "-m hashlimit --hashlimit-{upto|above} 10000/second --hashlimit-burst 10000 --hashlimit-mode srcip --hashlimit-name hD",
    "-m set --match-set <counts> {src|dst}",
    "-m set --match-set <counts> {src|dst} --{packets-gt 1|packets-lt 3|packets-eq 2|bytes-gt 100|bytes-lt 200}",
    "-m set --match-set <counts> {src|dst} ! --update-counters",
    "-m statistic --mode nth ~--every {2|3|4} --packet {0|1}",
    "-m statistic --mode nth ~--every {2|3|4} --packet {0|1}",
    "-m quota ~--quota {100|300|1000}",
    "-m quota ~--quota {100|300|1000}",
    "-m limit --limit 1/{hour|day} --limit-burst {1|2|5}",
    "-m limit --limit 1/{hour|day} --limit-burst {1|2|5}",
    "-m recent ~--set --name {A|B} --r{source|dest}",
    "-m recent ~--set --name {A|B} --r{source|dest}",
    "-m recent ~--{rcheck|update} --name {A|B} --r{source|dest}",
    "-m recent ~--{rcheck|update} --seconds 1000 --hitcount {1|2|3} --name {A|B} --r{source|dest}",
    "-m recent ~--{rcheck|update} --rttl --name {A|B} --r{source|dest}",
    "-m recent ~--remove --name {A|B} --r{source|dest}",
    "-m hashlimit --hashlimit-{upto|above} {1|2|10}/hour --hashlimit-burst {1|2|4} --hashlimit-mode srcip --hashlimit-name hA",
    "-m hashlimit --hashlimit-{upto|above} {1|2|10}/hour --hashlimit-burst {1|2|4} --hashlimit-mode {dstip|srcip,dstip|dstip,dstport|srcport} --hashlimit-name hB",
    "-m hashlimit --hashlimit-{upto|above} 1/hour --hashlimit-burst 2 --hashlimit-mode srcip --hashlimit-srcmask {8|16|32} --hashlimit-name hC",
];

const TCP: [&str; 16] = [
    "-m tcp ~--dport {80|1:100|81:65535|1024:1100}",
    "-m tcp ~--sport {80|1:100|1024:1100|1100:1300}",
    "-m tcp ~--syn",
    "-m tcp ~--syn",
    "-m tcp ~--tcp-flags {SYN,ACK SYN,ACK|ALL ACK|ALL NONE|FIN,RST RST|RST,FIN,PSH NONE|ACK,PSH PSH|ALL FIN,PSH,URG}",
    "-m tcp ~--tcp-flags {SYN,ACK SYN|SYN,ACK,FIN,RST RST|ALL SYN,ACK|SYN,FIN SYN,FIN}",
    "-m tcp ~--tcp-option {2|3|4|5|8|253}",
    "-m tcpmss ~--mss {536|1000:1460|0:1400}",
    "-m multiport ~--dports {80,443|1:79,81:90|53,80|1024:1300}",
    "-m multiport ~--sports {80|1024:1100,1200|1:1023}",
    "-m multiport ~--ports {80|53,1024:1100}",
    "-m string --algo bm ~--string data",
    "-m ecn ~--ecn-tcp-cwr",
    "-m ecn ~--ecn-tcp-ece",
    "-m tcp --sport 1024:1300 ~--dport 80 ~--syn",
    "-m tcp ~--tcp-option 2 --tcp-flags SYN SYN",
];

const UDP: [&str; 8] = [
    "-m udp ~--dport {53|54|1:100|1024:}",
    "-m udp ~--sport {53|1024:1100|1100:1300}",
    "-m udp ~--sport 1024:1200 ~--dport {53|54}",
    "-m multiport ~--dports {53,54|53|1:50,55:90|1024:1300}",
    "-m multiport ~--sports {53|1024:1100,1200|1:1023}",
    "-m multiport ~--ports {53|80,1024:1100}",
    "-m udp ~--dport 53",
    "-m udp --dport 53:54",
];

const ICMP: [&str; 4] = [
    "-m icmp ~--icmp-type {8|0|3|11|13|5}",
    "-m icmp ~--icmp-type {3/1|3/3|3/4|11/0|8/0|3/13}",
    "-m icmp --icmp-type {any|echo-request|destination-unreachable}",
    "-m icmp ~--icmp-type {echo-reply|time-exceeded|parameter-problem}",
];

const ICMP6: [&str; 3] = [
    "-m icmp6 ~--icmpv6-type {128|129|1|3|4|2}",
    "-m icmp6 ~--icmpv6-type {1/0|1/1|1/4|3/0|4/1}",
    "-m icmp6 ~--icmpv6-type {echo-request|packet-too-big|destination-unreachable}",
];

const SCTP: [&str; 7] = [
    "-m sctp ~--dport {80|1:79}",
    "-m sctp ~--chunk-types {any|all|only} {DATA,INIT|SACK,DATA|DATA:Be|ABORT:T,DATA|NONE}",
    "-m sctp ~--chunk-types {any|all|only} {I_DATA,SACK|ABORT,DATA:U} --dport 80",
    "-m sctp ~--chunk-types {any|all|only} {INIT,COOKIE_ECHO|SHUTDOWN,SHUTDOWN_ACK|HEARTBEAT}",
    "-m sctp ~--dport 80",
    "-m multiport ~--dports {80|1:79,81:90|1024:1300}",
    "-m sctp --sport 1024:1060 ~--chunk-types any SACK",
];
