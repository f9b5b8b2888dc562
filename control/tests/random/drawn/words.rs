//! Words of rules and commands, filled into [templates](super::templates).

use super::choices::Choices;
use super::templates::{MATCHES, PROTOCOLS, SETS, TARGETS, has_family};
use sluice_config::netfilter::Family as Tool;

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

/// The addresses of one family, and the words that depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family(pub Tool);

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
            "o" => inner(
                "{hashsize {1|64|$w}|maxelem {1|8|$w|$d}|timeout {0|60|$d}|counters|comment|forceadd|netmask $b|markmask $d|bucketsize {2|$b}|initval $d|range {$r|$n|$w-$w}|size {1|$w}}",
                choices,
            ),
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

    /// The parts of a rule behind its chain: protocol, target, matches.
    pub fn rule(self, choices: &mut Choices<'_>) -> Vec<Vec<String>> {
        let mut parts = Vec::new();
        let mut own: &[&str] = &[];
        if choices.below(2) == 0 {
            let (name, matches) = choices.one(&PROTOCOLS);
            let not = if choices.once_in(8) { "! " } else { "" };
            parts.push(self.words(choices, &format!("{not}-p {name}")));
            if not.is_empty() {
                own = matches;
            }
        }
        let target = choices.one(&TARGETS);
        parts.push(self.words(choices, target));
        for _ in 0..choices.one(&[0, 1, 1, 2, 3]) {
            let of_protocol = !own.is_empty() && choices.below(2) == 0;
            let template = choices.one(if of_protocol { own } else { &MATCHES });
            parts.push(self.words(choices, template));
        }
        parts
    }
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
