//! Text of any shape is read, or refused, in a time that grows with its length: what took minutes once. Each of these takes
//! a fraction of a second here, and the bound is loose.

#![allow(clippy::unwrap_used, reason = "what cannot be written fails the test")]

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use sluice_config::Config;
use sluice_config::netfilter::{Family, Invocation, Ruleset};

const MANY: u32 = 30_000;

/// What it comes to, soon.
fn soon<T>(what: &str, action: impl FnOnce() -> T) -> T {
    let begin = Instant::now();
    let done = action();
    assert!(begin.elapsed() < Duration::from_secs(10), "{what} took {:?}", begin.elapsed());
    done
}

fn lines(line: impl Fn(u32) -> String) -> String {
    (0..MANY).fold(String::new(), |mut text, number| {
        writeln!(text, "{}", line(number)).unwrap();
        text
    })
}

fn filter(body: &str) -> Result<Ruleset, String> {
    let text = format!("*filter\n{body}COMMIT\n");
    Ruleset::parse(Family::V4, &text, "rules").map_err(|wrong| wrong[0].message.clone())
}

#[test]
fn rules_come_and_go_at_the_front() {
    let rules =
        lines(|number| format!("-I FORWARD -s 10.1.{}.{} -j DROP", number >> 8, number & 255));
    let gone = lines(|_| "-D FORWARD 1".into());
    soon("insertion and deletion", || filter(&(rules + &gone))).unwrap();
}

#[test]
fn chains_are_renamed_and_listed() {
    let chains = lines(|number| format!(":C{number} - [0:0]"));
    let names = lines(|number| format!("-E C{number} D{number}"));
    let calls = lines(|number| format!("-A FORWARD -j D{number}"));
    let ruleset = soon("renaming", || filter(&(chains + &names + &calls))).unwrap();
    let list = Invocation::parse(Family::V4, &["-L", "-n"]).unwrap();
    let text = soon("listing", || list.run(&ruleset)).unwrap().output;
    assert!(text.contains("Chain D7 (1 references)\n"));
}

#[test]
fn words_are_megabytes_long() {
    let long = "x".repeat(2_000_000);
    for rule in ["-j ", "-m ", "--", "-s ", "-i ", "-p ", "-m u32 --u32 ", "-m bpf --bytecode "] {
        let said = soon(rule, || filter(&format!("-A FORWARD {rule}{long}\n")));
        assert!(said.is_err(), "{rule}");
    }
    let key = format!("[gateway]\n{long} = 1\n[sysctl]\n\"net.{long}\" = 1\n");
    assert!(soon("a key", || Config::parse(&key, "toml")).is_err());
}

#[test]
fn a_line_asks_for_millions_of_rules() {
    let addresses: Vec<String> =
        (0..2000).map(|number| format!("10.1.{}.{}", number >> 8, number & 255)).collect();
    let list = addresses.join(",");
    let said = soon("pairs", || filter(&format!("-A FORWARD -s {list} -d {list} -j DROP\n")));
    assert_eq!(said.unwrap_err(), "too many source and destination IP addresses");
}

/// As deep as the kernel lets chains be, each of which leads to the next twice; and deeper.
#[test]
fn chains_lead_to_the_next_again_and_again() {
    let ladder = |count: u32| {
        let chains =
            (0..=count).fold(String::new(), |text, at| text + &format!(":C{at} - [0:0]\n"));
        (0..count).fold(chains + "-A FORWARD -j C0\n", |text, at| {
            text + &format!("-A C{at} -j C{}\n", at + 1).repeat(2)
        })
    };
    assert!(soon("14", || filter(&ladder(14))).is_ok());
    assert!(soon("40", || filter(&ladder(40))).unwrap_err().contains("Too many links"));
}

#[test]
fn a_configuration_is_long_or_wrong_in_every_line() {
    let wrong = format!("[gateway]\n{}", lines(|number| format!("key{number} = 1")));
    let errors = soon("errors", || Config::parse(&wrong, "toml")).unwrap_err();
    assert_eq!(errors.len(), 100);
    let routes = lines(|number| {
        format!(
            "[[route]]\nto = \"10.{}.{}.0/24\"\nvia = \"192.168.1.1\"",
            number >> 8,
            number & 255
        )
    });
    let text = format!(
        "[[interface]]\nname = \"wan\"\ndevice = \"vdev:net_null0\"\naddress = [\"192.168.1.2/24\"]\n{routes}"
    );
    soon("routes", || Config::parse(&text, "toml")).unwrap();
    let deep = format!("a = {}", "[".repeat(100_000));
    assert!(soon("brackets", || Config::parse(&deep, "toml")).is_err());
}
