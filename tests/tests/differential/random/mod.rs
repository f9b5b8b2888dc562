//! Owns the random rounds: rulesets over every table, and conversations through them while rules change, drawn from a
//! seed; what comes out, every counter and every connection compared.
//!
//! `SLUICE_RANDOM_SEED=7` replays one seed; `SLUICE_RANDOM_SECONDS=300` plays new ones for so long in all, beginning with
//! `SLUICE_RANDOM_FIRST=1000`; with `SLUICE_RANDOM_ALL=1` a difference is no reason to stop.

mod dice;
mod family;
mod flows;
mod matches;
mod packets;
mod play;
mod round;
mod ruleset;
mod shrink;
mod targets;

use std::time::{Duration, Instant};

use sluice_tests::Kind;
use sluice_tests::duel::Duel;
use sluice_tests::router::Setup;
use sluice_tests::topology::{LAN, WAN};

use family::Family;
use play::Stage;
use shrink::Shown;

#[test]
fn kernel_repeats() {
    play(Kind::Kernel, 5, 10);
}

#[test]
fn sluice_1_worker() {
    play(Kind::Sluice { workers: 1 }, 20, 60);
}

#[test]
fn sluice_2_workers() {
    play(Kind::Sluice { workers: 2 }, 5, 30);
}

/// So many rounds, or as many as can be played in so many percent of the time that is given.
fn play(kind: Kind, usual: u64, percent: u64) {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let only = number("SLUICE_RANDOM_SEED");
    let first = only.or(number("SLUICE_RANDOM_FIRST")).unwrap_or(1);
    let seconds = number("SLUICE_RANDOM_SECONDS").map(|all| all * percent / 100);
    let all = number("SLUICE_RANDOM_ALL").is_some();
    let mut stage = Stage::new(Duel::new(kind, &setup()));
    let start = Instant::now();
    let (mut differences, mut once) = (Vec::new(), Vec::new());
    let mut rounds: u64 = 0;
    for seed in first.. {
        match difference(&mut stage, seed) {
            Some(Shown { again: true, text }) => differences.push(text),
            Some(Shown { again: false, text }) => once.push(text),
            None => {}
        }
        rounds += 1;
        let over = match seconds {
            Some(seconds) => start.elapsed() >= Duration::from_secs(seconds),
            None => rounds >= usual,
        };
        if only.is_some() || over || !differences.is_empty() && !all {
            break;
        }
    }
    let (count, single, tally) = (differences.len(), once.len(), stage.tally);
    println!(
        "{kind:?}: {rounds} rounds from seed {first}, {count} differences, {single} seen once: {tally:?}"
    );
    // On a machine with other work a frame may come late, or a host's stack say something by itself.
    if single as u64 > 1 + rounds / 50 {
        differences.extend(once);
    } else {
        once.iter().for_each(|text| println!("{text}"));
    }
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
}

/// Plays a seed. A difference is shown by the least that still has one.
fn difference(stage: &mut Stage, seed: u64) -> Option<Shown> {
    let family = if seed.is_multiple_of(3) { Family::V6 } else { Family::V4 };
    let round = round::draw(seed, family);
    let difference = stage.play(&round).err()?;
    Some(shrink::report(stage, round, difference))
}

/// Both families on both cables; errors as often as there is a reason, and no redirects.
fn setup() -> Setup {
    let mut setup = Setup::new("")
        .with_sysctl("net.ipv4.icmp_ratelimit", 0)
        .with_sysctl("net.ipv4.icmp_ratemask", 0)
        .with_sysctl("net.ipv4.ipfrag_time", 600)
        .with_sysctl("net.ipv6.ip6frag_time", 600)
        .with_sysctl("net.netfilter.nf_conntrack_frag6_timeout", 600)
        .with_sysctl("net.ipv6.icmp.ratelimit", 0)
        .with_sysctl("net.ipv4.conf.all.rp_filter", 0)
        .with_sysctl("net.ipv4.conf.all.send_redirects", 0)
        .with_route("0.0.0.0/0", "192.168.1.1")
        .with_route("::/0", "fd00:2::fe");
    for (cable, addresses) in [
        (LAN, ["10.1.0.2", "10.1.0.3", "10.1.0.200", "fd00:1::2", "fd00:1::3", "fd00:1::c8"]),
        (
            WAN,
            [
                "192.168.1.9",
                "192.168.1.1",
                "192.168.1.200",
                "fd00:2::9",
                "fd00:2::fe",
                "fd00:2::c8",
            ],
        ),
    ] {
        for address in addresses {
            setup = setup.with_neighbour(cable.interface, address, cable.host_mac);
        }
    }
    setup
}
