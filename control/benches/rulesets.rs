//! Rulesets as kube-proxy writes them: read, compiled, compiled again with one rule more, and saved.
//! `cargo bench -p sluice-control --bench rulesets`; what their packets cost, the suite of `sluice-bench` measures.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a measuring tool")]

use sluice_config::netfilter::{Family, Ruleset, SaveOptions};
use sluice_control::compile::{Before, States, World, compile, compile_after};
use sluice_control::sets::SharedSets;
use sluice_dataplane::address::V4;
use sluice_dataplane::conntrack::Policies;
use sluice_dataplane::interface::Interfaces;
use sluice_dataplane::rules::Rules;
use sluice_tests::kube;
use std::hint::black_box;
use std::time::Instant;

fn main() {
    for (services, endpoints) in [(1, 10), (1_000, 10), (10_000, 10)] {
        measure(services, endpoints);
    }
}

/// Seconds of one call, which are printed.
fn timed<T>(what: &str, action: impl FnOnce() -> T) -> T {
    let begin = Instant::now();
    let done = action();
    println!("  {what}: {:.1} ms", begin.elapsed().as_secs_f64() * 1e3);
    done
}

fn measure(services: u32, endpoints: u32) {
    let text = kube::ruleset(services, endpoints);
    println!("{services} services of {endpoints} endpoints, {} lines", text.lines().count());
    let ruleset = timed("read", || Ruleset::parse(Family::V4, &text, "kube").unwrap());
    let (interfaces, states, sets) =
        (Interfaces::default(), States::default(), SharedSets::default());
    let policies = Policies::default();
    let (interfaces, states, sets, policies) = (&interfaces, &states, &sets, &policies);
    let world = World { interfaces, states, sets, policies, workers: 1 };
    let empty = Rules::empty(1);
    let first = timed("compiled", || compile::<V4>(&ruleset, world, &empty).unwrap());
    let one = "*nat\n-A KUBE-SERVICES -p tcp -d 10.0.0.1 --dport 1 -j KUBE-MARK-MASQ\nCOMMIT\n";
    let options = sluice_config::netfilter::RestoreOptions { noflush: true, ..Default::default() };
    let more = timed("one rule more read", || ruleset.restore(one, "one", &options).unwrap());
    let before = Before { rules: &first.rules, layout: &first.layout, same_world: true };
    timed("one rule more compiled", || compile_after(&more, world, before).unwrap());
    let save = SaveOptions { counters: false, table: None, time: None };
    timed("saved", || black_box(ruleset.save(&save)).len());
}
