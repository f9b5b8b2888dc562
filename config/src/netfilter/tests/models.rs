//! Models of matches at random, in the one form that the tools print, and rates of hashlimit, whose
//! model only its words make.

use proptest::option::of;
use proptest::prelude::*;

use super::roundtrip::{address, negatable};
use super::{Family, Ruleset, save};
use crate::netfilter::Negatable;
use crate::netfilter::matches::*;

/// Matches of addresses, header fields, bytes and the time.
pub(super) fn header_match(family: Family) -> impl Strategy<Value = Match> {
    let range = |family| (address(family), address(family));
    let range = move |family| range(family).prop_map(|(first, last)| AddressRange { first, last });
    let comparison = prop_oneof![
        Just(HopComparison::Equal),
        Just(HopComparison::NotEqual),
        Just(HopComparison::Less),
        Just(HopComparison::Greater),
    ];
    // The tool takes 128 bytes as text, and 127 as hexadecimal.
    let bytes = proptest::collection::vec(any::<u8>(), 1..=127);
    let pattern = prop_oneof![bytes, "[ -~]{1,127}".prop_map(String::into_bytes)];
    let days = (0u32..86_400, 0u32..86_400, any::<u32>(), any::<u8>());
    let code_point = (any::<bool>(), 0u8..4);
    prop_oneof![
        (of(negatable(range(family))), negatable(range(family))).prop_map(
            |(source, destination)| {
                Match::Iprange(Iprange { source, destination: Some(destination) })
            }
        ),
        (comparison, any::<u8>()).prop_map(move |(comparison, value)| match family {
            Family::V4 => Match::Ttl(Ttl { comparison, value }),
            Family::V6 => Match::Hl(Hl { comparison, value }),
        }),
        (any::<bool>(), 0u8..64).prop_map(|(negated, value)| Match::Dscp(Dscp { negated, value })),
        (any::<bool>(), any::<u8>(), any::<u8>())
            .prop_map(|(negated, value, mask)| Match::Tos(Tos { negated, value, mask })),
        code_point.prop_map(|(negated, value)| {
            let code_point = Some(Negatable { negated, value });
            Match::Ecn(Ecn { code_point, ..Default::default() })
        }),
        (pattern, any::<bool>(), range_of_bytes(), any::<bool>(), any::<bool>()).prop_map(
            |(pattern, negated, (from, to), ignore_case, kmp)| {
                let algorithm = if kmp { Algorithm::Kmp } else { Algorithm::Bm };
                let text = StringMatch { algorithm, pattern, negated, from, to, ignore_case };
                Match::StringMatch(text)
            }
        ),
        (days, 0..=u32::MAX / 2, 0..=u32::MAX / 2, any::<bool>()).prop_map(
            |((day_start, day_stop, month_days, week_days), start, stop, kernel_zone)| {
                Match::Time(Time {
                    date_start: start,
                    date_stop: stop.max(1),
                    day_start,
                    day_stop,
                    month_days: month_days & !1 | 2,
                    week_days: week_days & !1 | 2,
                    kernel_zone,
                    contiguous: day_start >= day_stop,
                })
            }
        ),
    ]
}

fn range_of_bytes() -> impl Strategy<Value = (u16, u16)> {
    (any::<u16>(), any::<u16>()).prop_map(|(a, b)| (a.min(b), a.max(b)))
}

/// Matches that remember something of packets.
pub(super) fn counting_match(family: Family) -> impl Strategy<Value = Match> {
    let connlimit = (any::<u32>(), any::<bool>(), 0..=family.bits(), any::<bool>());
    let action = prop_oneof![Just(RecentAction::Check), Just(RecentAction::Update)];
    let conditions = (1u32..1 << 31, any::<bool>(), 0u32..65_536, any::<bool>());
    let list = ("[A-Za-z0-9.]{2,20}[a-z]", any::<bool>(), address(family));
    prop_oneof![
        connlimit.prop_map(|(limit, above, prefix, by_destination)| {
            Match::Connlimit(Connlimit { limit, above, prefix, by_destination })
        }),
        (action, any::<bool>(), conditions, list).prop_map(
            |(action, negated, conditions, (name, by_destination, mask))| {
                let (seconds, reap, hit_count, same_ttl) = conditions;
                Match::Recent(Recent {
                    action,
                    negated,
                    seconds,
                    reap,
                    hit_count,
                    same_ttl,
                    name,
                    by_destination,
                    mask,
                })
            }
        ),
    ]
}

proptest! {
    /// What hashlimit's words make is what its text makes; a burst of bytes the tools round, and
    /// what is below 32 bytes they write as none.
    #[test]
    fn rates_read_back(
        v6: bool,
        above: bool,
        rate in prop_oneof![
            (1u32..2_000_000, "second|minute|hour|day", 1u32..1_000_000).prop_map(
                |(n, unit, burst)| format!("{n}/{unit} --hashlimit-burst {burst}")
            ),
            (1u32..2_000_000, "second|minute|hour|day").prop_map(|(n, unit)| format!("{n}/{unit}")),
            (32u32..40_000, "[km]?").prop_map(|(n, unit)| format!("{n}{unit}b/s")),
        ],
        table in "(--hashlimit-htable-expire [1-9]000 )?(--hashlimit-mode src(ip|port),dstip )?",
        prefix in 0u8..=32,
        interval in "|--hashlimit-rate-interval [1-9]",
    ) {
        let family = if v6 { Family::V6 } else { Family::V4 };
        let side = if above { "above" } else { "upto" };
        let line = format!(
            "-A FORWARD -m hashlimit --hashlimit-name n --hashlimit-{side} {rate} {table} \
             --hashlimit-srcmask {prefix} {interval}"
        );
        let Ok(outcome) = super::run(family, &Ruleset::new(family), &line) else { return Ok(()) };
        let text = save(&outcome.ruleset.unwrap());
        let again = Ruleset::parse(family, &text, "text").unwrap();
        prop_assert_eq!(save(&again), text);
    }
}
