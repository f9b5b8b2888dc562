//! Properties: no words at all make an extension panic, right, wrong or absurd.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::{Family, run};
use crate::netfilter::words::Opt;
use crate::netfilter::{Invocation, Match, Ruleset, Target};

/// Arguments that one parser or another takes, almost takes, or stumbles over, between blanks.
const ARGUMENTS: &str = "0 1 7 31 63 64 128 255 256 65535 65536 4294967295 4294967296 \
    18446744073709551615 18446744073709551616 -1 +5 0x 0xff 08 5x 5:4 4:5 : :5 5: 1:2:3 1/2 1/ /1 \
    0/0 10/s 5/day 1/ /s b/s 1b/s 5kb/s 17b/s 20000mb/s 99999999999mb/s 1é éb/s , 1,2 1,,2 ,1 é,é \
    Mon,Tu Sä NEW,é srcip,dstport 1970 1970-00-00 2038-12-31T23:59:59 2024- 12:30 10.1.0.1 \
    10.1.0.1-10.1.0.9 10 ::1 ::1-::2 ffff:: 255.0.255.0 1.2.3.4/33 1.2.3.4/ |41| |4 | a\\ |\\ |é| \
    é|é bm kmp EF é EFé Minimize-Delay SYN,ACK ALL any 3/1:4 icmp-port-unreachable \
    ::ffff:1.2.3.4 http tcp ! - -- \" \0";

/// An option with about as many arguments as it takes, and perhaps a `!`.
fn option(options: &'static [Opt]) -> impl Strategy<Value = Vec<String>> {
    let given = ARGUMENTS.split(' ').chain(["", " 5", "two words"]).collect::<Vec<_>>();
    let argument = prop_oneof![
        8 => select(given).prop_map(str::to_owned),
        1 => "\\PC{0,12}",
        1 => "[0-9a-f.:/,|x-]{0,20}",
    ];
    (0..8, select(options), vec(argument, 3), 0..8).prop_map(|(bang, option, arguments, more)| {
        let names: Vec<&str> =
            [option.name].into_iter().chain(option.aliases.iter().copied()).collect();
        let name = names[arguments[0].len() % names.len()];
        let count = if more == 0 { arguments[1].len() % 3 } else { option.arguments };
        let bang = (bang == 0 && option.negatable || bang == 1).then(|| "!".to_owned());
        let option = bang.into_iter().chain([format!("--{name}")]);
        option.chain(arguments.into_iter().take(count)).collect()
    })
}

/// A match or target, named, and some of its options.
fn extension() -> impl Strategy<Value = Vec<String>> {
    let matches = Match::NAMES
        .iter()
        .filter_map(|name| Some(("-m", *name, Match::blank(name)?.words().options())));
    let targets = Target::NAMES.iter().filter_map(|name| {
        let target = Target::blank(name, Family::V4).or_else(|| Target::blank(name, Family::V6))?;
        Some(("-j", *name, target.words()?.options()))
    });
    let mut all: Vec<_> = matches.chain(targets).collect();
    all.retain(|(_, _, options)| !options.is_empty());
    select(all).prop_flat_map(|(letter, name, options)| {
        vec(option(options), 0..4).prop_map(move |words| {
            let named = [letter.to_owned(), name.to_owned()];
            named.into_iter().chain(words.into_iter().flatten()).collect()
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn no_words_make_an_extension_panic(
        v6: bool,
        table in select(vec!["filter", "mangle", "nat", "raw"]),
        chain in select(vec!["INPUT", "FORWARD", "PREROUTING", "POSTROUTING"]),
        protocol in proptest::option::of(select(vec!["tcp", "udp", "icmp", "icmpv6", "sctp"])),
        extensions in vec(extension(), 1..3),
    ) {
        let family = if v6 { Family::V6 } else { Family::V4 };
        let mut words: Vec<String> = ["-t", table, "-A", chain].map(str::to_owned).into();
        words.extend(protocol.into_iter().flat_map(|name| ["-p".to_owned(), name.to_owned()]));
        words.extend(extensions.into_iter().flatten());
        let asked = Invocation::parse(family, &words);
        if let Ok(outcome) = asked.and_then(|asked| asked.run(&Ruleset::new(family))) {
            let ruleset = outcome.ruleset.unwrap();
            for listing in ["-S", "-L -n -v", "-L"] {
                run(family, &ruleset, &format!("-t {table} {listing}")).unwrap();
            }
        }
    }
}
