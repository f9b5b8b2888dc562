//! Owns what a round is about: rules and packets that only some rounds draw, since with others they are no comparison
//! (docs/NETFILTER.md, known differences), or are too rare to meet by chance.

use sluice_tests::frame::{self, Packet};

use super::dice::Dice;
use super::family::Family;

/// What a round draws beside the usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// Nothing.
    Usual,
    /// `u32` and `bpf`, and no fragments: of those they see the first as it came.
    Bytes,
    /// Extension headers, AH, ESP and DCCP.
    Headers,
    /// Connections in zones.
    Zones,
    /// Copies, which in IPv6 keep the sizes of fragments.
    Copies,
    /// Timeout policies.
    Policies,
    /// Helpers, and what they read.
    Helpers,
    /// How connections are translated, asked before and after it is done.
    Translations,
    /// Nothing needs tracking, so that every fragment and every SCTP chunk is as it came.
    Untracked,
}

impl About {
    pub(super) fn draw(dice: &mut Dice) -> Self {
        dice.one(&[
            Self::Usual,
            Self::Usual,
            Self::Usual,
            Self::Bytes,
            Self::Headers,
            Self::Zones,
            Self::Copies,
            Self::Policies,
            Self::Helpers,
            Self::Translations,
            Self::Untracked,
        ])
    }

    /// Whether hosts may send fragments.
    pub(super) fn has_fragments(self, family: Family) -> bool {
        match self {
            Self::Bytes => false,
            Self::Copies => family == Family::V4,
            Self::Usual
            | Self::Headers
            | Self::Zones
            | Self::Policies
            | Self::Helpers
            | Self::Translations
            | Self::Untracked => true,
        }
    }

    /// Whether packets with headers of their own are drawn often.
    pub(super) fn has_headers(self) -> bool {
        matches!(self, Self::Headers | Self::Untracked)
    }

    /// Whether rules may remember packets: a copy meets them before the packet itself in the kernel, here behind it.
    pub(super) fn has_memory(self) -> bool {
        self != Self::Copies
    }

    /// Whether mangle's OUTPUT may change packets: the kernel then routes a copy by its destination.
    pub(super) fn changes_own(self) -> bool {
        self != Self::Copies
    }

    /// A protocol that rules name.
    pub(super) fn protocol(self, dice: &mut Dice, family: Family) -> Option<&'static str> {
        if !self.has_headers() || dice.once_in(2) {
            return None;
        }
        let v4 = ["-p ah", "-p esp", "-p dccp", "! -p esp", "-p sctp"];
        let v6 = ["-p mh", "-p esp", "-p dccp", "-p mh", "-p sctp"];
        let all = if family == Family::V4 { v4 } else { v6 };
        Some(dice.one(&all))
    }

    /// A match.
    pub(super) fn matching(
        self,
        dice: &mut Dice,
        family: Family,
        chain: &str,
        protocol: &str,
    ) -> Option<&'static str> {
        let v4 = family == Family::V4;
        Some(match self {
            Self::Bytes if dice.once_in(2) => dice.one(if v4 { &U32_V4 } else { &U32_V6 }),
            Self::Bytes => dice.one(if v4 { &BPF_V4 } else { &BPF_V6 }),
            Self::Zones => dice.one(&STATES),
            Self::Helpers => dice.one(&EXPECTED),
            Self::Translations => dice.one(&TRANSLATED),
            Self::Headers | Self::Untracked => match protocol {
                "-p ah" if v4 => "-m ah ~--ahspi {7|1:9|7:}",
                "-p esp" => "-m esp ~--espspi {7|1:9|256:512}",
                "-p dccp" => dice.one(&DCCP),
                "-p mh" => "-m mh ~--mh-type {binding-update|1:3|0:5}",
                _ if v4 => return None,
                _ if matches!(chain, "PREROUTING" | "INPUT" | "FORWARD") && dice.once_in(8) => {
                    "-m eui64"
                }
                _ => dice.one(&EXTENSIONS),
            },
            Self::Usual | Self::Copies | Self::Policies => return None,
        })
    }

    /// What a rule does.
    pub(super) fn target(
        self,
        dice: &mut Dice,
        family: Family,
        (table, chain): (&str, &str),
        protocol: &str,
    ) -> Option<&'static str> {
        match (self, table) {
            (Self::Policies, "raw") => match (protocol, family) {
                ("-p tcp", Family::V4) => Some("-j CT --timeout tcp4"),
                ("-p tcp", Family::V6) => Some("-j CT --timeout tcp6"),
                ("-p udp", Family::V4) => Some("-j CT --timeout udp4"),
                ("-p udp", Family::V6) => Some("-j CT --timeout udp6"),
                ("-p sctp", Family::V4) => Some("-j CT --timeout sct4"),
                ("-p sctp", Family::V6) => Some("-j CT --timeout sct6"),
                ("-p icmp", _) => Some("-j CT --timeout icm4"),
                ("-p ipv6-icmp", _) => Some("-j CT --timeout icm6"),
                _ => None,
            },
            (Self::Helpers, "raw") => match (protocol, family) {
                ("-p tcp", Family::V4) => Some(dice.one(&[FTP, FTP, IRC])),
                ("-p tcp", Family::V6) => Some(FTP),
                ("-p udp", _) => Some(dice.one(&[TFTP, TFTP, AMANDA])),
                _ => None,
            },
            (Self::Zones, "raw") if chain == "OUTPUT" || dice.once_in(3) => {
                Some("-j CT --zone {mark|3|4}")
            }
            // A zone of one direction is none of the other's, nor is none (docs/NETFILTER.md).
            (Self::Zones, "raw") => Some("-j CT --zone {3|4}"),
            // There an error about a translated packet is copied as it leaves, in the kernel as it came there.
            (Self::Copies, "mangle")
                if chain == "POSTROUTING" && !matches!(protocol, "-p udp" | "-p tcp") =>
            {
                None
            }
            (Self::Copies, "mangle") => Some("-j TEE --gateway {<in2>|<out>|<far2>}"),
            _ => None,
        }
    }

    /// A rule without which little of what the round is about would happen.
    pub(super) fn rule(
        self,
        dice: &mut Dice,
        family: Family,
        (table, chain): (&str, &str),
    ) -> Option<Vec<String>> {
        let rules: &[(&str, &str)] = match (self, table, chain) {
            (Self::Helpers, "raw", "PREROUTING") => match family {
                Family::V4 => &HELPERS,
                Family::V6 => &HELPERS_V6,
            },
            (Self::Translations, "nat", "PREROUTING") => &DESTINATIONS,
            (Self::Translations, "nat", "POSTROUTING") => &SOURCES,
            _ => return None,
        };
        if dice.once_in(6) {
            return None;
        }
        let (protocol, target) = dice.one(rules);
        Some(vec![protocol.into(), dice.text(target)])
    }

    /// The packet with something of its own around it.
    pub(super) fn packet(self, dice: &mut Dice, family: Family, packet: Packet) -> Packet {
        if !self.has_headers() || family == Family::V4 || packet.fragment != 0 || dice.once_in(2) {
            return packet;
        }
        let mut packet = packet;
        // A frame carries no more.
        if packet.payload.len() > 1300 {
            return packet;
        }
        for _ in 0..1 + dice.below(2) {
            let (kind, rest) = dice.one(&HEADERS);
            if kind == FRAGMENT && self != Self::Untracked {
                continue;
            }
            packet.payload = [&[packet.protocol], rest, &packet.payload[..]].concat();
            packet.protocol = kind;
        }
        packet
    }

    /// A protocol of few packets: its number and a whole payload with these ports.
    pub(super) fn other(
        self,
        dice: &mut Dice,
        family: Family,
        ports: [u8; 4],
    ) -> Option<(u8, Vec<u8>)> {
        if !self.has_headers() {
            return None;
        }
        let spi = [0, dice.one(&[0, 0, 1]), 0, dice.one(&[1, 7, 9])];
        let more = dice.one(&[&[7; 8][..], &[7; 20], b"ooxx"]);
        Some(match dice.below(if self == Self::Untracked { 5 } else { 4 }) {
            0 => (50, [&spi, &[0, 0, 0, 1], more].concat()),
            1 => (51, [&[59, 4, 0, 0], &spi[..], &[0, 0, 0, 1], &[1; 12], more].concat()),
            2 if family == Family::V6 => {
                (135, vec![59, 0, dice.one(&[0, 1, 3, 5, 6]), 0, 0, 0, 0, 0])
            }
            2 | 3 => {
                let kind = dice.one(&[0, 1, 2, 3, 4, 7, 12]);
                let (words, options) = dice.one(&DCCP_OPTIONS);
                let head = [words, 0, 0, 0, kind << 1 | 1, 0, 0, 1];
                (33, [&ports, &head[..], &[2; 4], options, &[1; 24]].concat())
            }
            _ => {
                let mut list = [ports, [0; 4], [0; 4]].concat();
                for _ in 0..1 + dice.below(3) {
                    list.extend(dice.one(&CHUNKS));
                }
                // Zeroes there are what a Linux peer leaves to hardware, which is filled in.
                let sum = frame::crc32c(&list).to_le_bytes();
                list[8..12].copy_from_slice(&sum);
                (frame::SCTP, list)
            }
        })
    }
}

const HELPERS: [(&str, &str); 6] = [
    ("-p tcp", FTP),
    ("-p tcp", FTP),
    ("-p tcp", IRC),
    ("-p tcp", IRC),
    ("-p udp", TFTP),
    ("-p udp", AMANDA),
];
const HELPERS_V6: [(&str, &str); 4] =
    [("-p tcp", FTP), ("-p tcp", FTP), ("-p udp", TFTP), ("-p udp", AMANDA)];
const FTP: &str = "{-m tcp --dport 21 |-m tcp --dport 21 |-m tcp --dport 21 |}-j CT --helper ftp";
const TFTP: &str = "{-m udp --dport 69 |-m udp --dport 69 |-m udp --dport 69 |}-j CT --helper tftp";
const IRC: &str = "{-m tcp --dport 6667 |-m tcp --dport 6667 |}-j CT --helper irc";
const AMANDA: &str = "{-m udp --dport 10080 |-m udp --dport 10080 |}-j CT --helper amanda";

const DESTINATION: u8 = 60;
const FRAGMENT: u8 = 44;

/// Extension headers without their first byte, each whole, and with no more padding than the kernel allows. A routing header that has no segment left is nobody's concern.
const HEADERS: [(u8, &[u8]); 8] = [
    (DESTINATION, &[0, 1, 4, 0, 0, 0, 0]),
    (DESTINATION, &[0, 30, 4, 1, 2, 3, 4]),
    (DESTINATION, &[1, 30, 12, 1, 2, 3, 4, 1, 6, 0, 0, 0, 0, 0, 0]),
    (43, &[0, 0, 0, 0, 0, 0, 0]),
    (43, &[0, 9, 0, 0, 0, 0, 0]),
    (51, &[4, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]),
    (FRAGMENT, &[0, 0, 0, 0, 0, 0, 7]),
    (FRAGMENT, &[0, 0, 0, 0, 0, 0, 8]),
];

const CHUNKS: [&[u8]; 6] = [
    &[0, 3, 0, 17, 0, 0, 0, 1, 0, 1, 0, 1, 0, 0, 0, 0, b'x', 0, 0, 0],
    &[0, 4, 0, 16, 0, 0, 0, 1, 0, 1, 0, 1, 0, 0, 0, 0],
    &[3, 0, 0, 16, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0],
    &[6, 0, 0, 4],
    &[6, 1, 0, 4],
    &[64, 0, 0, 4],
];

/// How many words the header has, and its options.
const DCCP_OPTIONS: [(u8, &[u8]); 3] =
    [(4, &[]), (6, &[38, 4, 1, 2, 0, 0, 0, 0]), (6, &[0, 1, 38, 2, 255, 3, 38, 0])];

const U32_V4: [&str; 11] = [
    "-m u32 ~--u32 0>>22&0x3C@0>>16=0x400:0x440",
    "-m u32 ~--u32 0>>22&0x3C@0&0xffff={53|80|0:100}",
    "-m u32 ~--u32 6&0xFF={6|17|1,17}",
    "-m u32 ~--u32 6&0xFF=6&&0>>22&0x3C@12>>26&0x3C@0={0x64617461|0:0xffffffff}",
    "-m u32 ~--u32 0>>22&0x3C@8={0x6f6f7878|0x64617461}",
    "-m u32 ~--u32 {24|28|36|60|196}=0:0xffffffff",
    "-m u32 ~--u32 28=0x6f6f7878,0x07070707",
    "-m u32 ~--u32 12={0x0a010002|0xc0a80109|0x0a010000:0x0a01ffff}",
    "-m u32 ~--u32 0>>24=0x46:0x4f",
    "-m u32 ~--u32 0&0xffff=0x1c:0x40&&8>>24={0:63|64}",
    "-m u32 ~--u32 {16@0=0:0xffffffff|4294967295=0|0&4@4294967292=0:0xffffffff}",
];

const U32_V6: [&str; 7] = [
    "-m u32 ~--u32 {4&0xff00=0x1100|4&0xff00=0x0600}&&40&0xffff={53|80|0:100}",
    "-m u32 ~--u32 4>>16={0:20|0:100}",
    "-m u32 ~--u32 {44|48|60|196}=0:0xffffffff",
    "-m u32 ~--u32 48=0x6f6f7878,0x07070707",
    "-m u32 ~--u32 {8|24}={0xfd000001|0xfd000002}",
    "-m u32 ~--u32 4&0xff={0:63|64}",
    "-m u32 ~--u32 0>>20={0x600|0x601:0x6ff}",
];

/// Protocol, port behind the header, what lies in the payload, the length, mark, link-layer protocol, hops, sums.
const BPF_V4: [&str; 9] = [
    "-m bpf --bytecode \"4,48 0 0 9,21 0 1 {6|17},6 0 0 1,6 0 0 0\"",
    "-m bpf --bytecode \"5,177 0 0 0,72 0 0 {0|2},37 0 1 {79|1100},6 0 0 1,6 0 0 0\"",
    "-m bpf --bytecode \"4,32 0 0 {28|40|60|200},21 0 1 {117901063|1869576312},6 0 0 1,6 0 0 0\"",
    "-m bpf --bytecode \"4,128 0 0 0,53 0 1 {40|100},6 0 0 1,6 0 0 0\"",
    "-m bpf --bytecode \"4,32 0 0 4294963220,69 0 1 {1|2|16},6 0 0 1,6 0 0 0\"",
    "-m bpf --bytecode \"4,40 0 0 4294963200,21 0 1 {2048|34525},6 0 0 1,6 0 0 0\"",
    "-m bpf --bytecode \"4,48 0 0 4293918728,37 0 1 {1|62|63},6 0 0 1,6 0 0 0\"",
    "-m bpf --bytecode \"7,48 0 0 28,7 0 0 0,128 0 0 0,156 0 0 0,21 0 1 {0|28},6 0 0 1,6 0 0 0\"",
    "-m bpf --bytecode \"6,48 0 0 9,2 0 0 15,0 0 0 0,96 0 0 15,84 0 0 {1|4},22 0 0 0\"",
];

const BPF_V6: [&str; 5] = [
    "-m bpf --bytecode \"4,48 0 0 6,21 0 1 {6|17},6 0 0 1,6 0 0 0\"",
    "-m bpf --bytecode \"4,32 0 0 {48|60|80|200},21 0 1 {117901063|1869576312},6 0 0 1,6 0 0 0\"",
    "-m bpf --bytecode \"4,128 0 0 0,53 0 1 {60|100},6 0 0 1,6 0 0 0\"",
    "-m bpf --bytecode \"4,32 0 0 4294963220,69 0 1 {1|2|16},6 0 0 1,6 0 0 0\"",
    "-m bpf --bytecode \"4,40 0 0 4294963200,21 0 1 {2048|34525},6 0 0 1,6 0 0 0\"",
];

const STATES: [&str; 3] = [
    "-m conntrack --ctstate {NEW|ESTABLISHED|RELATED|INVALID}",
    "-m conntrack --ctdir {ORIGINAL|REPLY}",
    "-m mark ~--mark {0x1/0x1|0x2/0x2|0x0}",
];

const EXPECTED: [&str; 6] = [
    "-m helper ~--helper {ftp|tftp|irc|amanda}",
    "-m helper ~--helper {ftp|tftp|ftp-21|f}",
    "-m conntrack ~--ctstatus EXPECTED",
    "-m conntrack ~--ctstate RELATED",
    "-m conntrack --ctstate RELATED,ESTABLISHED ~--ctstatus EXPECTED",
    "-m conntrack --ctstate {NEW|RELATED} ~--ctstatus {EXPECTED|NONE|CONFIRMED}",
];

const TRANSLATED: [&str; 6] = [
    "-m conntrack ~--ctstate {SNAT|DNAT}",
    "-m conntrack ~--ctstate {NEW,SNAT|NEW,DNAT|ESTABLISHED,SNAT|RELATED,DNAT|SNAT,DNAT}",
    "-m conntrack ~--ctreplsrc {<out>|<in>|<in2>|<far2>|<net-far>}",
    "-m conntrack ~--ctrepldst {<own-out>|<in>|<pool-out>|<own-in>}",
    "-m conntrack --ctproto {6|17} ~--ctreplsrcport {53|80|8080|8000:9000}",
    "-m conntrack --ctproto {6|17} ~--ctrepldstport {1024:1200|1024:3000|5000:5010}",
];

const DESTINATIONS: [(&str, &str); 3] = [
    ("-p udp", "-j DNAT --to-destination {<out>|<far2>|<in2>|:8080}"),
    ("-p tcp", "-j DNAT --to-destination {<out>|<far2>|<in2>|:8080}"),
    ("-d <far>", "-j DNAT --to-destination {<out>|<far2>}"),
];

const SOURCES: [(&str, &str); 3] = [
    ("-p udp", "-j SNAT --to-source {<own-out>|<pool-out>}"),
    ("-p tcp", "-j SNAT --to-source {<own-out>|<pool-out>}"),
    ("-s <net-in>", "-j {MASQUERADE|SNAT --to-source <own-out>}"),
];

const DCCP: [&str; 5] = [
    "-m dccp ~--dport {80|1:79}",
    "-m dccp ~--sport 1024:1060",
    "-m dccp ~--dccp-types {REQUEST,ACK|INVALID|RESET,DATAACK|DATA,RESPONSE}",
    "-m dccp ~--dccp-option {38|1|255}",
    "-m dccp ~--dccp-types DATA --dport 80",
];

const EXTENSIONS: [&str; 14] = [
    "-m frag",
    "-m frag ~--fragid {7|16384:20000|4660}",
    "-m frag --{fragfirst|fragmore|fraglast|fragres}",
    "-m rt ~--rt-type {0|9}",
    "-m rt --rt-type 0 ~--rt-segsleft {0|1:2} ~--rt-len {8|24}",
    "-m rt --rt-type 0 --rt-0-{res|addrs fd00:1::2|addrs fd00:1::2 --rt-0-not-strict}",
    "-m hbh ~--hbh-len {8|16}",
    "-m hbh --hbh-opts {5:2|1:4|5,1:0|30}",
    "-m dst ~--dst-len {8|16}",
    "-m dst --dst-opts {30:4|1:4|30,1|30:12,7}",
    "-m ipv6header ~--header {prot|dst|dst,prot|hop,prot|frag,prot|auth|route,prot|none}",
    "-m ipv6header ~--header {prot|dst|hop|frag|auth|route|esp|none|dst,route} --soft",
    "-m ah ~--ahspi {7|1:9} ~--ahlen {24|12}",
    "-m ah --ahres",
];
