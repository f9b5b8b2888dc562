//! Matches that remember something from packet to packet.

use super::Within;
use crate::compile::leading;
use crate::compile::states::RECENT;
use sluice_config::netfilter::matches as words;
use sluice_dataplane::address::Address;
use sluice_dataplane::rules::matches::hashlimit::{HashLimit, Mode, Rate, Table, Terms};
use sluice_dataplane::rules::matches::recent::{Action, End, List, Recent};
use sluice_dataplane::rules::matches::{Match, connlimit, limit, quota, statistic};
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::time::Duration;

/// The same of tables of buckets; the name is that of the family and the table.
const HASHLIMIT: &str = "hashlimit";

/// The language counts the time between the tokens of limit in 1/10000 s.
const NANOSECONDS_PER_TICK: u64 = 100_000;

pub(super) fn limit<A: Address>(asked: &words::Limit, within: Within<'_>) -> Match<A> {
    Match::Limit(limit::Limit {
        cost: u64::from(asked.interval) * NANOSECONDS_PER_TICK,
        burst: asked.burst,
        bucket: within.own(limit::Bucket::default),
    })
}

pub(super) fn connlimit<A: Address>(asked: &words::Connlimit, within: Within<'_>) -> Match<A> {
    Match::ConnLimit(connlimit::ConnLimit {
        counts: within.own(connlimit::Counts::default),
        limit: asked.limit,
        mask: A::from_bits(leading::<A>(asked.prefix)),
        destination: asked.by_destination,
        upto: !asked.above,
    })
}

pub(super) fn recent<A: Address>(asked: &words::Recent, within: Within<'_>) -> Match<A> {
    let list = within.world.states.named(RECENT, &asked.name, || List::for_hits(asked.hit_count));
    let recent = Recent {
        list,
        action: match asked.action {
            words::RecentAction::Set => Action::Set,
            words::RecentAction::Check => Action::Check,
            words::RecentAction::Update => Action::Update,
            words::RecentAction::Remove => Action::Remove,
        },
        end: if asked.by_destination { End::Destination } else { End::Source },
        mask: A::from_ip(asked.mask).map_or(u128::MAX, Address::to_bits),
        seconds: (asked.seconds > 0).then_some(asked.seconds),
        hits: asked.hit_count,
        ttl: asked.same_ttl,
        reap: asked.reap,
        invert: asked.negated,
    };
    recent.list.make_room(asked.hit_count);
    Match::Recent(recent)
}

pub(super) fn hashlimit<A: Address>(asked: &words::Hashlimit, within: Within<'_>) -> Match<A> {
    let name = format!("{:?}/{}", A::VERSION, asked.name);
    let mask = |wanted: bool, prefix: Option<u8>| {
        wanted.then(|| prefix.map_or(u128::MAX, |prefix| leading::<A>(prefix)))
    };
    let terms = Terms {
        mode: Mode {
            source: mask(asked.key.source, asked.source_prefix),
            destination: mask(asked.key.destination, asked.destination_prefix),
            source_port: asked.key.source_port,
            destination_port: asked.key.destination_port,
        },
        rate: rate(asked),
        expire: Duration::from_millis(asked.expire.into()),
        collect: Duration::from_millis(asked.gc_interval.into()),
    };
    let table = within.world.states.named(HASHLIMIT, &name, || Table::new(terms, buckets(asked)));
    Match::HashLimit(HashLimit { table, above: asked.above })
}

fn rate(asked: &words::Hashlimit) -> Rate {
    let burst = u32::try_from(asked.burst).unwrap_or(u32::MAX);
    match (asked.rate_match, asked.bytes) {
        (false, false) => Rate::Packets { cost: asked.average.saturating_mul(1_000), burst },
        (false, true) => {
            // A chunk costs so many 2^32th of a second.
            let chunk = (u128::from(asked.average) * 1_000_000_000) >> 16;
            Rate::Bytes { chunk: u64::try_from(chunk).unwrap_or(u64::MAX), burst }
        }
        (true, bytes) => {
            // The kernel's user2rate and user2rate_bytes.
            let rate = match bytes {
                true => (u64::from(u32::MAX) / asked.average.max(1)).saturating_sub(1) << 4,
                false => 1_000_000 / asked.average.max(1),
            };
            let burst = match bytes {
                true => rate.saturating_mul(asked.burst.max(1)),
                false => rate.saturating_add(asked.burst),
            };
            Rate::Window { interval: u64::from(asked.interval) * 1_000_000_000, rate, burst, bytes }
        }
    }
}

pub(super) fn statistic<A>(asked: &words::Statistic, within: Within<'_>) -> Match<A> {
    let which = match asked.mode {
        words::StatisticMode::Random(probability) => {
            let salt = within.rule.identity.number() as u64;
            statistic::Which::Random { probability, salt }
        }
        // The kernel counts from the packet that shall be the first to match.
        words::StatisticMode::Nth { every, packet } => {
            let every = every.saturating_sub(1);
            let count = within.own(|| AtomicU32::new(every.saturating_sub(packet)));
            statistic::Which::Nth { every, count }
        }
    };
    Match::Statistic(statistic::Statistic { which, invert: asked.negated })
}

pub(super) fn quota<A>(asked: &words::Quota, within: Within<'_>) -> Match<A> {
    let left = within.own(|| AtomicU64::new(asked.bytes));
    Match::Quota(quota::Quota { left, invert: asked.negated })
}

/// How many buckets a table may have. Without a word about it, as many as the kernel gives it on a machine
/// with more than a gigabyte.
fn buckets(asked: &words::Hashlimit) -> usize {
    const CHAINS: u32 = 8192;
    const MOST: u32 = 1 << 20;
    let chains = if asked.size == 0 { CHAINS } else { asked.size };
    let most = if asked.max == 0 { chains.saturating_mul(8) } else { asked.max.max(chains) };
    most.min(MOST) as usize
}
