//! Owns what a router did in a scenario, as text that may be compared.

use super::seen::Seen;

/// What a router did in a scenario.
#[derive(Debug)]
pub struct Transcript {
    pub(super) steps: Vec<Step>,
    pub(super) connections: Vec<String>,
}

/// What came out after one frame went in, and where in the scenario that was.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) place: String,
    pub(super) out: Vec<Seen>,
    /// Counters, where these were asked for.
    pub(super) said: String,
}

impl Step {
    pub(super) fn text(&self) -> String {
        let line = |seen: &Seen| {
            let hex =
                |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            let (ethernet, packet) = seen.frame.split_at(14);
            format!("    {}: {} {}\n", seen.interface, hex(ethernet), hex(packet))
        };
        if !self.said.is_empty() {
            self.said.clone()
        } else if self.out.is_empty() {
            "    nothing\n".into()
        } else {
            self.out.iter().map(line).collect()
        }
    }
}

/// The same with its timeout, to the nearest hundred.
pub(super) fn left(line: &str, aliases: &[(u16, u16)]) -> String {
    let seconds = line.split_whitespace().nth(2).and_then(|word| word.parse::<u32>().ok());
    let seconds = seconds.expect("a line of conntrack has its timeout");
    let hundreds = (seconds + 50) / 100 * 100;
    connection(line, aliases).replacen("TIME", &hundreds.to_string(), 1) + "\n"
}

/// A line of `conntrack -L` without what depends on the moment: timeout and use count.
pub(super) fn connection(line: &str, aliases: &[(u16, u16)]) -> String {
    let mut words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    if words.len() > 2 {
        words[2] = "TIME".into();
    }
    words.retain(|word| !word.starts_with("use="));
    for word in &mut words {
        for (actual, canonical) in aliases {
            for side in ["sport", "dport"] {
                if *word == format!("{side}={actual}") {
                    *word = format!("{side}={canonical}");
                }
            }
        }
    }
    words.join(" ")
}
