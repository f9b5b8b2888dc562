//! Owns the question what the stack of a router's host has said, and what of that the router has taken: it answers while
//! it is handed a packet, but the router hears of that when it likes.

use std::time::{Duration, Instant};

use nix::unistd::Pid;

use super::LATEST;

/// The stack of the host of Sluice, as its kernel counts.
#[derive(Debug)]
pub(super) struct Host {
    /// A process in its namespace.
    pid: Pid,
    /// Packets it had made when it was last asked.
    made: i64,
    /// Packets of its own that nobody will ever take.
    lost: i64,
}

impl Host {
    /// One that has nothing to say at the moment.
    pub(super) fn new(pid: Pid) -> Self {
        let mut host = Self { pid, made: 0, lost: 0 };
        host.made = host.made();
        host.lost = host.made - host.left();
        host
    }

    /// Whether it has said something since it was last asked, once the router has taken that.
    pub(super) fn has_spoken(&mut self) -> bool {
        let start = Instant::now();
        let made = self.made();
        let before = std::mem::replace(&mut self.made, made);
        while made - self.left() > self.lost {
            if start.elapsed() > LATEST {
                self.lost = made - self.left();
            }
            std::thread::sleep(Duration::from_micros(100));
        }
        self.lost = self.lost.min(made - self.left());
        made > before
    }

    /// Frames that the router has taken.
    pub(super) fn taken(&self) -> i64 {
        self.sent_by(|name| name.starts_with("sl-"))
    }

    fn made(&self) -> i64 {
        let v4 = self.read("snmp", |line| line.strip_prefix("Ip: ")?.split(' ').nth(9));
        let v6 = self
            .read("snmp6", |line| line.strip_prefix("Ip6OutRequests")?.split_whitespace().next());
        v4 + v6
    }

    /// What it has made leaves by these.
    fn left(&self) -> i64 {
        self.sent_by(|name| name.starts_with("sl-") || name == "lo")
    }

    fn sent_by(&self, own: impl Fn(&str) -> bool) -> i64 {
        self.read("dev", |line| {
            let (name, numbers) = line.split_once(':')?;
            numbers.split_whitespace().nth(9).filter(|_| own(name.trim()))
        })
    }

    /// The sum of certain words in a file under `/proc/net`, where they are numbers.
    fn read(&self, file: &str, word: impl Fn(&str) -> Option<&str>) -> i64 {
        let path = format!("/proc/{}/net/{file}", self.pid);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        text.lines().filter_map(word).filter_map(|word| word.parse::<i64>().ok()).sum()
    }
}
