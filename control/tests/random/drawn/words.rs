//! What rules are made of, as templates. In a template `~` is now and then `! `, `{a|b}` is a or b, `[a]` is a or nothing, `·`
//! is a blank within a word, and `$` with a letter is something drawn: see [`Family::thing`].

use super::choices::Choices;
use sluice_config::netfilter::Family as Tool;

/// Protocols that have matches of their own.
const PROTOCOLS: [(&str, &[&str]); 8] = [
    ("tcp", &TCP),
    ("udp", &UDP),
    ("{icmp|ipv6-icmp}", &ICMP),
    ("{sctp|132}", &SCTP),
    ("dccp", &DCCP),
    ("{esp|ah}", &IPSEC),
    ("{mh|135}", &["-m mh ~--mh-type {0|1:3|binding-update|$b}"]),
    ("{47|0|59|udplite|$b}", &["-m multiport ~--ports $l"]),
];

const TCP: [&str; 11] = [
    "~--dport $p",
    "~--sport $p",
    "~--syn",
    "~--tcp-flags {SYN,ACK|ALL|FIN,RST,PSH} {SYN|NONE|ACK,FIN}",
    "~--tcp-option $b",
    "-m tcpmss ~--mss {536|1000:1460|$p}",
    "-m multiport ~--dports $l",
    "-m multiport ~--sports $l",
    "-m multiport ~--ports $l",
    "-m ecn ~--ecn-tcp-cwr ~--ecn-tcp-ece",
    "-m ecn ~--ecn-ip-ect {0|1|2|3} --ecn-tcp-ece",
];
const UDP: [&str; 4] =
    ["~--dport $p", "~--sport $p", "-m multiport ~--dports $l", "-m multiport ~--ports $l"];
const ICMP: [&str; 2] = [
    "-m icmp ~--icmp-type {8|0|3/4|any|$b|$b/$b}",
    "-m icmp6 ~--icmpv6-type {128|129|1/4|2|$b|$b/$b}",
];
const SCTP: [&str; 3] = [
    "-m sctp ~--dport $p",
    "-m sctp ~--chunk-types {all|any|only} {DATA|INIT,ABORT|DATA:Be,SACK|ALL|NONE}",
    "-m sctp ~--sport $p ~--chunk-types {any|only} {SHUTDOWN_COMPLETE:T|COOKIE_ECHO}",
];
const DCCP: [&str; 3] = [
    "-m dccp ~--dport $p",
    "-m dccp ~--dccp-types {REQUEST,RESPONSE|DATA|RESET|INVALID}",
    "-m dccp ~--dccp-option $b",
];
const IPSEC: [&str; 3] =
    ["-m esp ~--espspi {$d|1:$d}", "-m ah ~--ahspi {$d|1:$d} [--ahlen $b] [--ahres]", "-m ah"];

/// Matches of any protocol.
pub const MATCHES: [&str; 70] = [
    "~-s $n",
    "~-s $n",
    "~-d $n",
    "~-d $n",
    "~-i $i",
    "~-o $i",
    "~-f",
    "-m addrtype ~--src-type $k [--limit-iface-in]",
    "-m addrtype ~--dst-type $k [--limit-iface-out]",
    "-m bpf --bytecode $g",
    "-m comment --comment {a·b|\"|\\|é}",
    "-m connbytes ~--connbytes {$d|0:$w|$w:$d} --connbytes-dir {original|reply|both} --connbytes-mode {packets|bytes|avgpkt}",
    "-m connlimit {--connlimit-above|--connlimit-upto} {0|1|$b} [--connlimit-mask {0|8|24|32}] [{--connlimit-saddr|--connlimit-daddr}]",
    "-m connmark ~--mark $x",
    "-m conntrack ~--ctstate $c",
    "-m conntrack ~--ctstate $c ~--ctstatus {NONE|EXPECTED|SEEN_REPLY,ASSURED|CONFIRMED}",
    "-m conntrack ~--ctorigsrc $n ~--ctrepldst $n",
    "-m conntrack ~--ctorigdst $n ~--ctreplsrc $n --ctdir {ORIGINAL|REPLY}",
    "-m conntrack ~--ctproto $b ~--ctorigsrcport $p ~--ctorigdstport $p",
    "-m conntrack ~--ctproto {6|17} ~--ctreplsrcport $p ~--ctrepldstport $p ~--ctexpire {$w|0:$w}",
    "-m cpu ~--cpu {0|1|$d}",
    "-m dscp ~--dscp {0x04|0|$b}",
    "-m dscp ~--dscp-class {EF|AF11|BE}",
    "-m dst ~--dst-len $b [--dst-opts {1|5:2,30|$b:$b,$b}]",
    "-m ecn ~--ecn-ip-ect {0|1|2|3}",
    "-m eui64",
    "-m frag [~--fragid {$d|0:$d}] [--fragres] [{--fragfirst|--fragmore|--fraglast}] [~--fraglen $d]",
    "-m hashlimit --hashlimit-{upto|above} {1|5|1000}/{sec|min|hour|day} [--hashlimit-burst {1|5|$w}] [--hashlimit-mode $h] --hashlimit-name $q [--hashlimit-htable-max {1|2|$w}] [--hashlimit-htable-size {1|$w}]",
    "-m hashlimit --hashlimit-{upto|above} {512|$w}{b|kb|mb}/s [--hashlimit-burst {1|2}{kb|mb}] [--hashlimit-mode $h] [--hashlimit-srcmask {0|8|32}] --hashlimit-name $q [--hashlimit-htable-expire {1|$w}] [--hashlimit-htable-gcinterval {1|$w}]",
    "-m hashlimit --hashlimit-above {1|$b}/sec --hashlimit-mode $h [--hashlimit-dstmask {0|9|32}] --hashlimit-name $q [--hashlimit-rate-match] [--hashlimit-rate-interval $b]",
    "-m hbh ~--hbh-len $b [--hbh-opts {1|5:2,30|$b:$b}]",
    "-m helper ~--helper {ftp|sip}",
    "-m hl --hl-{lt|gt|eq} $b",
    "-m iprange ~--src-range $r",
    "-m iprange ~--dst-range $r",
    "-m ipv6header ~--header {hop,dst|auth|prot|frag,route|none} [--soft]",
    "-m length ~--length {0:60|28|$w:$w|$w}",
    "-m limit --limit {1|5|1000}/{sec|min|hour|day} [--limit-burst {1|5|$w}]",
    "-m mac ~--mac-source $m",
    "-m mark ~--mark $x",
    "-m owner ~--uid-owner 0",
    "-m physdev ~--physdev-in $i",
    "-m physdev ~--physdev-is-bridged",
    "-m pkttype ~--pkt-type {unicast|broadcast|multicast}",
    "-m policy --dir in --pol {none|ipsec}",
    "-m policy --dir out --pol ipsec --strict ~--reqid 1 ~--proto esp ~--mode tunnel",
    "-m quota ~--quota {0|100|$d}",
    "-m recent ~--set [--name $q] [{--rsource|--rdest}]",
    "-m recent ~--{rcheck|update} [--seconds {1|60}] [--hitcount {1|2|$b}] [--rttl] [--name $q] [{--rsource|--rdest}]",
    "-m recent ~--{rcheck|update} --seconds {1|60} --reap [--name $q] [--mask $a]",
    "-m recent ~--remove [--name $q] [{--rsource|--rdest}]",
    "-m rpfilter [--loose] [--validmark] [--accept-local] [--invert]",
    "-m rt ~--rt-type $b [~--rt-segsleft $b] [~--rt-len $d] [--rt-0-res]",
    "-m rt --rt-type 0 --rt-0-addrs $a,$a [--rt-0-not-strict]",
    "-m set ~--match-set $s $f",
    "-m set ~--match-set $s $f [--return-nomatch] [! --update-counters] [--packets-{eq|lt|gt} $b] [--bytes-{eq|lt|gt} $w]",
    "-m socket --transparent",
    "-m state ~--state $c",
    "-m statistic --mode random ~--probability {0|0.5|1|0.001}",
    "-m statistic --mode nth ~--every {1|2|$d} [--packet {0|1}]",
    "-m string --algo {bm|kmp} ~--string {ooxx|data|a|aaaa} [--from $w] [--to $w] [--icase]",
    "-m string --algo {bm|kmp} [--from {0|14|60}] ~--hex-string {$y|xX} [--icase]",
    "-m time --timestart {00:00|23:59:59} --timestop {12:00|00:00} [~--weekdays {Mon,Tue|7}] [--contiguous]",
    "-m time [--datestart 1970-01-01T00:00:00] [--datestop 2038-01-19T03:14:07] [~--monthdays {1,31|29}] [--kerneltz]",
    "-m tos ~--tos {0x10/0x3f|0|$b/$b}",
    "-m ttl --ttl-{lt|gt} $b",
    "-m ttl ~--ttl-eq {63|64|$b}",
    "-m u32 ~--u32 $u",
    "-m u32 ~--u32 $u",
    "-m mark ~--mark {0|1|2}",
];

/// What rules do.
pub const TARGETS: [&str; 64] = [
    "",
    "-j ACCEPT",
    "-j ACCEPT",
    "-j DROP",
    "-j RETURN",
    "{-j|-g} $j",
    "{-j|-g} $j",
    "{-j|-g} $j",
    "-j AUDIT --type accept",
    "-j CHECKSUM --checksum-fill",
    "-j CLASSIFY --set-class 1:{1|2}",
    "-j CONNMARK --set-xmark $x",
    "-j CONNMARK --{and|or|xor}-mark $d",
    "-j CONNMARK --{save|restore}-mark [--nfmask $d] [--ctmask $d]",
    "-j CONNMARK --{restore|save}-mark --{left|right}-shift-mark {1|31}",
    "-j CT --notrack",
    "-j CT --zone{|-orig|-reply} {0|1|$w|mark}",
    "-j CT --ctevents {new,destroy|mark|reply,assured}",
    "-j NOTRACK",
    "-j DNAT --to-destination $e [--random] [--persistent]",
    "-j DNAT --to-destination $e",
    "-j DNAT --to-destination $r [--random]",
    "-j DNAT --to-destination :{80|8000-8003|1-65535}",
    "-j DNPT --src-pfx {fd00:1::/64|fd00:2::/56|$n} --dst-pfx {fd00:5::/64|fd00:2::/56|$n}",
    "-j SNPT --src-pfx {fd00:1::/64|fd00:2::/56|$n} --dst-pfx {fd00:5::/64|fd00:2::/56|$n}",
    "-j DSCP --set-dscp {0x04|0|0x3f}",
    "-j DSCP --set-dscp-class {EF|AF11}",
    "-j ECN --ecn-tcp-remove",
    "-j ECN --ecn-ip-ect {0|1|2|3}",
    "-j HL --hl-{set|inc|dec} $b",
    "-j IDLETIMER --timeout 5 --label a",
    "-j LOG [--log-prefix $t] [--log-level {0|7|debug}] [--log-tcp-sequence] [--log-tcp-options] [--log-ip-options] [--log-macdecode] [--log-uid]",
    "-j LOG --log-tcp-sequence --log-tcp-options --log-ip-options [--log-macdecode]",
    "-j MARK --set-xmark $x",
    "-j MARK --set-mark $x",
    "-j MARK --{and|or|xor}-mark $d",
    "-j MASQUERADE",
    "-j MASQUERADE [--to-ports {1024-3000|1|65535}] [--random] [--random-fully]",
    "-j NETMAP --to $n",
    "-j NFLOG [--nflog-group $w] [--nflog-prefix $t] [--nflog-size {0|1|40|$w}] [--nflog-threshold $b]",
    "-j NFQUEUE --queue-num 1",
    "-j REDIRECT [--to-ports {80|8000-8003|1-65535}] [--random]",
    "-j REJECT",
    "-j REJECT",
    "-j REJECT --reject-with tcp-reset",
    "-j REJECT --reject-with {icmp-net-unreachable|icmp-proto-unreachable|icmp-admin-prohibited|icmp6-no-route|icmp6-policy-fail|icmp6-port-unreachable}",
    "-j SET --{add|del}-set $s $f [--exist] [--timeout $b]",
    "-j SET --add-set $s $f --exist",
    "-j SET --map-set $s $f [--map-mark] [--map-prio] [--map-queue]",
    "-j SNAT --to-source $e [--random] [--persistent]",
    "-j SNAT --to-source $e [--random-fully]",
    "-j SNAT --to-source $r [--random]",
    "-j SNAT --to-source $a",
    "-j SYNPROXY [--sack-perm] [--timestamp] [--wscale {0|7|14}] [--mss {536|1460}] [--ecn]",
    "-j SYNPROXY --sack-perm --timestamp --wscale 7 --mss 1460",
    "-j TCPMSS --set-mss {0|536|1460|65535}",
    "-j TCPMSS --clamp-mss-to-pmtu",
    "-j TCPOPTSTRIP --strip-options {2|3,8|sack-permitted,timestamp|$b}",
    "-j TEE --gateway $a [--oif $i]",
    "-j TOS --set-tos {0x10/0x3f|0|$b/$b}",
    "-j TOS --{and|or|xor}-tos $b",
    "-j TRACE",
    "-j TTL --ttl-{set|inc|dec} $b",
    "-j ACCEPT",
];

/// The sets that rules name: with `4` or `6` behind where they have a family.
pub const SETS: [(&str, &str); 14] = [
    ("ip", "hash:ip timeout 60 counters comment"),
    ("ip-mask", "hash:ip netmask 24 maxelem 4"),
    ("net", "hash:net counters"),
    ("ip-port", "hash:ip,port timeout 5 forceadd maxelem 8"),
    ("net-port", "hash:net,port"),
    ("ip-port-ip", "hash:ip,port,ip timeout 0"),
    ("ip-port-net", "hash:ip,port,net"),
    ("ip-mark", "hash:ip,mark markmask 0xff"),
    ("net-net", "hash:net,net counters"),
    ("net-iface", "hash:net,iface"),
    ("mac", "hash:mac timeout 60"),
    ("bitmap", "bitmap:ip range 10.1.0.0/24 timeout 60 counters"),
    ("ports", "bitmap:port range 1-1024"),
    ("list", "list:set size 4 timeout 60"),
];

/// What `ipset` is told.
pub const SET_COMMANDS: [&str; 7] = [
    "{add|del|test} {ip|ip-mask|net}$v {$a|$n} [timeout {0|1|$b}] [nomatch] [-exist]",
    "{add|del|test} {ip-port|net-port}$v {$a|$n},{$w|tcp:$w|udp:1-9} [-exist]",
    "{add|del} {ip-port-ip|ip-port-net}$v $a,{$w|tcp:$w},{$a|$n} [-exist]",
    "{add|del} {ip-mark$v $a,$d|net-net$v $n,$n|net-iface$v $n,lan} [-exist]",
    "{add|del} {mac $m|bitmap 10.1.0.{0|1|2|255}|ports {1|80|53}|list ip$v|list net$v} [timeout $b] [-exist]",
    "{flush|list|save} {ip$v|net$v|list|ports|mac}",
    "{flush|swap ip4 ip-mask4|rename ip$v other|destroy net$v|list|save|help|version}",
];

/// The addresses of one family, and the words that depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family(pub Tool);

const ADDRESSES4: [&str; 8] = [
    "10.1.0.2",
    "192.168.1.1",
    "192.168.1.146",
    "10.1.0.1",
    "198.51.100.7",
    "192.168.1.200",
    "10.5.0.9",
    "224.0.0.5",
];
const ADDRESSES6: [&str; 8] = [
    "fd00:1::2",
    "fd00:2::9",
    "fd00:2::1",
    "fd00:1::1",
    "fd00:6::7",
    "fd00:2::c8",
    "fd00:3::1",
    "ff02::5",
];
const RANGES4: [&str; 4] = [
    "10.1.0.2-10.1.0.9",
    "192.168.1.1-192.168.1.146",
    "0.0.0.0-255.255.255.255",
    "198.51.100.7-198.51.100.9",
];
const RANGES6: [&str; 4] =
    ["fd00:1::2-fd00:1::9", "fd00:2::1-fd00:2::c8", "::-ffff::", "fd00:6::7-fd00:6::9"];

impl Family {
    fn either<T>(self, v4: T, v6: T) -> T {
        match self.0 {
            Tool::V4 => v4,
            Tool::V6 => v6,
        }
    }

    /// Fills a template in, word by word.
    pub fn words(self, choices: &mut Choices<'_>, template: &str) -> Vec<String> {
        let text = self.text(choices, template);
        text.split(' ').filter(|word| !word.is_empty()).map(|word| word.replace('·', " ")).collect()
    }

    fn text(self, choices: &mut Choices<'_>, template: &str) -> String {
        let mut text = String::new();
        let mut rest = template;
        while let Some(at) = rest.find(['{', '[', '~', '$']) {
            text.push_str(&rest[..at]);
            let tail = &rest[at + 1..];
            rest = match rest.as_bytes()[at] {
                b'~' => {
                    text.push_str(if choices.once_in(5) { "! " } else { "" });
                    tail
                }
                b'$' => {
                    text.push_str(&self.thing(choices, &tail[..1]));
                    &tail[1..]
                }
                b'{' => {
                    let end = closing(tail, b'{', b'}');
                    let all = split(&tail[..end]);
                    let chosen = choices.one(&all);
                    text.push_str(&self.text(choices, chosen));
                    &tail[end + 1..]
                }
                _ => {
                    let end = closing(tail, b'[', b']');
                    if choices.below(2) == 1 {
                        text.push_str(&self.text(choices, &tail[..end]));
                    }
                    &tail[end + 1..]
                }
            };
        }
        text + rest
    }

    /// Something drawn, by its letter.
    fn thing(self, choices: &mut Choices<'_>, letter: &str) -> String {
        let inner = |template: &str, choices: &mut Choices<'_>| self.text(choices, template);
        match letter {
            "a" => choices.one(self.either(&ADDRESSES4, &ADDRESSES6)).to_owned(),
            "b" => choices.byte().to_string(),
            "c" => inner(
                "{NEW|ESTABLISHED|RELATED,ESTABLISHED|INVALID|UNTRACKED,NEW|SNAT|DNAT,NEW}",
                choices,
            ),
            "d" => match choices.below(4) {
                0 => choices.byte().to_string(),
                1 => choices.u32().to_string(),
                2 => format!("{:#x}", choices.u32()),
                _ => u32::MAX.to_string(),
            },
            "e" => {
                let port = inner("{|:80|:8000-8003|:1-65535|:$w}", choices);
                let address = inner("$a", choices);
                if port.is_empty() {
                    address
                } else {
                    self.either(address.clone(), format!("[{address}]")) + &port
                }
            }
            "f" => {
                inner("{src|dst|src,dst|dst,dst|src,src,dst|dst,src,src|src,dst,dst,dst}", choices)
            }
            "g" => program(choices),
            "h" => inner(
                "{srcip|dstip|srcip,dstip|srcport|srcip,dstport|srcip,srcport,dstip,dstport}",
                choices,
            ),
            "i" => inner("{lan|wan|lan.5|lan+|+|none}", choices),
            "j" => inner("{A|B|C|D}", choices),
            "k" => inner(
                "{LOCAL|UNICAST|UNICAST,LOCAL|MULTICAST|BROADCAST|UNREACHABLE,PROHIBIT|ANYCAST|BLACKHOLE}",
                choices,
            ),
            "l" => inner("{80|80,443|1:79,81:90,$p|0:65535|53,80,$w,$w,$w}", choices),
            "m" => inner("02:00:00:00:00:{10|11|ff|09}", choices),
            "n" => {
                let lengths: [&str; 6] = self.either(
                    ["32", "24", "16", "0", "255.255.0.255", "9"],
                    ["128", "64", "48", "0", "ffff::ffff", "65"],
                );
                format!("{}/{}", inner("$a", choices), choices.one(&lengths))
            }
            "p" => inner("{80|53|1024:65535|0:1023|$w|$w:$w}", choices),
            "q" => inner("{a|b}", choices),
            "r" => choices.one(self.either(&RANGES4, &RANGES6)).to_owned(),
            "s" => {
                let (name, kind) = choices.one(&SETS);
                if has_family(kind) { name.to_owned() + self.digit() } else { name.to_owned() }
            }
            "t" => inner("{x|a·long·prefix:·|é|\"|%s%n}", choices),
            "u" => tests(choices),
            "v" => self.digit().to_owned(),
            "w" => choices.u16().to_string(),
            "x" => inner("{0|1|$d}[/{1|$d}]", choices),
            "y" => {
                let count = 1 + choices.below(4);
                let bytes: String =
                    choices.bytes(count).iter().map(|byte| format!("{byte:02x}")).collect();
                format!("|{bytes}|")
            }
            other => panic!("nothing is called ${other}"),
        }
    }

    pub fn digit(self) -> &'static str {
        self.either("4", "6")
    }

    /// The parts of a rule behind its chain.
    pub fn rule(self, choices: &mut Choices<'_>) -> Vec<String> {
        let mut words = Vec::new();
        let mut own: &[&str] = &[];
        if choices.below(2) == 0 {
            let (name, matches) = choices.one(&PROTOCOLS);
            let not = if choices.once_in(8) { "! " } else { "" };
            words.extend(self.words(choices, &format!("{not}-p {name}")));
            if not.is_empty() {
                own = matches;
            }
        }
        for _ in 0..choices.one(&[0, 1, 1, 2, 3]) {
            let of_protocol = !own.is_empty() && choices.below(2) == 0;
            let template = choices.one(if of_protocol { own } else { &MATCHES });
            words.extend(self.words(choices, template));
        }
        let target = choices.one(&TARGETS);
        words.extend(self.words(choices, target));
        words
    }
}

/// Whether a set of that kind holds addresses of one family.
pub fn has_family(kind: &str) -> bool {
    kind.starts_with("hash:") && !kind.starts_with("hash:mac")
}

/// Where a bracket that is open closes.
fn closing(text: &str, open: u8, close: u8) -> usize {
    let mut depth = 0;
    let end = text.bytes().position(|byte| {
        depth += usize::from(byte == open);
        let ends = byte == close && depth == 0;
        depth -= usize::from(byte == close && depth > 0);
        ends
    });
    end.unwrap_or_else(|| panic!("nothing closes {text}"))
}

/// The choices between the bars of one level.
fn split(text: &str) -> Vec<&str> {
    let (mut depth, mut begin, mut all) = (0_u32, 0, Vec::new());
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            b'|' if depth == 0 => {
                all.push(&text[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    all.push(&text[begin..]);
    all
}

/// Tests of `-m u32`.
pub fn tests(choices: &mut Choices<'_>) -> String {
    let number = |choices: &mut Choices<'_>| match choices.below(3) {
        0 => choices.below(64).to_string(),
        1 => format!("{:#x}", choices.one(&[0x3c, 0xff, 0xffff, 0xf_ffff, 0x8000_0000_u32])),
        _ => choices.u32().to_string(),
    };
    let test = |choices: &mut Choices<'_>| {
        let mut text = number(choices);
        for _ in 0..choices.below(5) {
            text += choices.one(&["&", "<<", ">>", "@"]);
            text += &number(choices);
        }
        text.push('=');
        for at in 0..=choices.below(3) {
            text += if at > 0 { "," } else { "" };
            text += &number(choices);
            if choices.below(2) == 1 {
                text.push(':');
                text += &number(choices);
            }
        }
        text
    };
    let count = 1 + choices.below(3);
    let all: Vec<_> = (0..count).map(|_| test(choices)).collect();
    all.join("&&")
}

/// A classic BPF program, sound more often than not.
pub fn program(choices: &mut Choices<'_>) -> String {
    const CODES: [u16; 37] = [
        0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0x80, 0x00, 0x60, 0x01, 0x81, 0x61, 0xb1, 0x02, 0x03,
        0x04, 0x0c, 0x14, 0x24, 0x34, 0x3c, 0x44, 0x54, 0x64, 0x6c, 0x74, 0x7c, 0x84, 0x94, 0x9c,
        0xa4, 0x05, 0x15, 0x25, 0x45, 0x07, 0x87,
    ];
    let count = choices.below(12);
    let mut all = Vec::new();
    for at in 0..count {
        let odd = choices.once_in(40);
        let code = if odd { choices.u16() } else { choices.one(&CODES) };
        let left = count - at;
        let jumps = [choices.below(left), choices.below(left)];
        let k = match choices.below(4) {
            0 => choices.below(64) as u32,
            1 => 0xffff_f000 + 4 * choices.below(16) as u32,
            2 => choices.one(&[0xffff_ffff, 0xfff0_0000, 0xffe0_0000, 31, 32, 0x7fff_ffff]),
            _ => choices.u32(),
        };
        // Jumps further than the program is long are refused, which is soon known.
        let k = if code == 5 { choices.below(left) as u32 } else { k };
        let k = if matches!(code, 0x02 | 0x03 | 0x60 | 0x61) { k % 16 } else { k };
        let k = if matches!(code, 0x64 | 0x74) { k % 32 } else { k };
        all.push(format!("{code}·{}·{}·{k}", jumps[0], jumps[1]));
    }
    all.push(choices.one(&["22·0·0·0", "6·0·0·1", "6·0·0·0"]).to_owned());
    format!("{},{}", all.len(), all.join(","))
}
