//! Owns the random rounds: rulesets over every table, and conversations through them while rules change, drawn from a
//! seed; what comes out, every counter and every connection compared.
//!
//! Five minutes are played in all, `SLUICE_RANDOM_SECONDS=3600` so many seconds, `SLUICE_RANDOM_FIRST=1000` other rounds,
//! `SLUICE_RANDOM_SEED=7` that one alone; with `SLUICE_RANDOM_ALL=1` a difference is no reason to stop. Most of the time
//! one router waits for the other, or both for the tools: three duels go on at once, `SLUICE_RANDOM_DUELS=1` fewer.

mod about;
mod associations;
mod compare;
mod dice;
mod family;
mod flows;
mod helpers;
mod matches;
mod packets;
mod play;
mod round;
mod ruleset;
mod settings;
mod shrink;
mod steps;
mod targets;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sluice_tests::Kind;
use sluice_tests::duel::Duel;

use family::Family;
use play::{Stage, Tally};
use settings::Settings;
use shrink::{Shown, Sure};

/// How long all of it takes, unless `SLUICE_RANDOM_SECONDS` says otherwise.
const SECONDS: u64 = 300;
/// Duels at once, unless `SLUICE_RANDOM_DUELS` says otherwise.
const DUELS: u64 = 3;
/// Rounds, as they are drawn now, that meet a known difference (docs/NETFILTER.md) too rare to leave something out for it, and so are
/// the kernel's alone: a translation turns an error of the gateway's own, about a packet that is not tracked, back to the gateway.
const KNOWN: [u64; 1] = [1517];

#[test]
fn kernel_repeats() {
    play(Kind::Kernel, 10);
}

#[test]
fn sluice_1_worker() {
    play(Kind::Sluice { workers: 1 }, 60);
}

#[test]
fn sluice_2_workers() {
    play(Kind::Sluice { workers: 2 }, 30);
}

/// As many rounds as can be played in so many percent of the time.
fn play(kind: Kind, percent: u64) {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let only = number("SLUICE_RANDOM_SEED");
    let first = only.or(number("SLUICE_RANDOM_FIRST")).unwrap_or(1);
    let time = Duration::from_secs(number("SLUICE_RANDOM_SECONDS").unwrap_or(SECONDS));
    let time = time * u32::try_from(percent).expect("at most 100") / 100;
    let duels = if only.is_some() { 1 } else { number("SLUICE_RANDOM_DUELS").unwrap_or(DUELS) };
    let all = number("SLUICE_RANDOM_ALL").is_some();
    let mut outcome = Outcome::default();
    for (settings, share) in [
        (Settings::Usual, 2),
        (Settings::Accounts, 1),
        (Settings::Strict, 1),
        (Settings::Liberal, 1),
    ] {
        let time = time * share / 5;
        let plays = |seed: &u64| kind == Kind::Kernel || only.is_some() || !KNOWN.contains(seed);
        let seeds = (first..=only.unwrap_or(u64::MAX))
            .filter(|seed| Settings::of(*seed) == settings && plays(seed));
        if only.is_some() && seeds.clone().next().is_none() {
            continue;
        }
        let (seeds, shared) = (Mutex::new(seeds), Mutex::new(&mut outcome));
        // A duel stays on one core: so does the thread that fights it.
        std::thread::scope(|scope| {
            for number in 0..usize::try_from(duels).expect("a few") {
                let (seeds, shared) = (&seeds, &shared);
                scope.spawn(move || {
                    let mut stage = Stage::new(Duel::new(kind, &settings.setup(), number));
                    let start = Instant::now();
                    while start.elapsed() < time && !locked(shared).over(all) {
                        let Some(seed) = locked(seeds).next() else { break };
                        let _round = Round(seed);
                        let kernels = || {
                            // Of two kernels every difference is their own.
                            (kind != Kind::Kernel).then(|| {
                                Stage::new(Duel::new(Kind::Kernel, &settings.setup(), number))
                            })
                        };
                        let shown = difference(&mut stage, seed, kind, kernels);
                        locked(shared).note(shown);
                    }
                    locked(shared).tally += stage.tally;
                });
            }
        });
        if outcome.over(all) {
            break;
        }
    }
    outcome.report(kind, first);
}

/// Names the round that does not come to its end.
struct Round(u64);

impl Drop for Round {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("SLUICE_RANDOM_SEED={} has not come to its end", self.0);
        }
    }
}

/// What a duel that has failed leaves behind is still good for the others.
fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What has come of the rounds.
#[derive(Default)]
struct Outcome {
    rounds: usize,
    differences: Vec<String>,
    /// What is perhaps none.
    doubtful: Vec<(Sure, String)>,
    tally: Tally,
}

impl Outcome {
    fn note(&mut self, shown: Option<Shown>) {
        self.rounds += 1;
        let Some(Shown { sure, text }) = shown else { return };
        println!("{text}");
        match sure {
            Sure::Again => self.differences.push(text),
            Sure::Close | Sure::Once | Sure::Kernel => self.doubtful.push((sure, text)),
        }
    }

    fn over(&self, all: bool) -> bool {
        !self.differences.is_empty() && !all
    }

    fn report(self, kind: Kind, first: u64) {
        let Self { rounds, mut differences, doubtful, tally } = self;
        let count = |sure| doubtful.iter().filter(|(own, _)| *own == sure).count();
        println!(
            "{kind:?}: {rounds} rounds from seed {first}, {} differences, {} only close together, {} not seen again, \
             {} of the kernel's own: {tally:?}",
            differences.len(),
            count(Sure::Close),
            count(Sure::Once),
            count(Sure::Kernel),
        );
        // On a machine with other work a frame may come late, or a host's stack say something by itself; not often.
        if doubtful.len() > 1 + rounds / 50 {
            differences.extend(doubtful.into_iter().map(|(_, text)| text));
        }
        assert!(differences.is_empty(), "\n{}", differences.join("\n"));
    }
}

/// Plays a seed. A difference is shown by the least that still has one.
fn difference(
    stage: &mut Stage,
    seed: u64,
    kind: Kind,
    kernels: impl FnOnce() -> Option<Stage>,
) -> Option<Shown> {
    let family = if seed.is_multiple_of(3) { Family::V6 } else { Family::V4 };
    let round = round::draw(seed, family);
    let many = matches!(kind, Kind::Sluice { workers } if workers > 1);
    let round = if many { round.for_many_workers() } else { round };
    let difference = stage.play(&round).err()?;
    Some(shrink::report(stage, round, difference, kernels))
}
