//! Every example of the repository is read, and written and read again.

use sluice_config::Config;
use sluice_config::netfilter::{Family, Ruleset, SaveOptions};

/// Example, its configuration, its IPv4 rules, its IPv6 rules.
type Example = (&'static str, &'static str, &'static str, Option<&'static str>);

macro_rules! file {
    ($path:literal) => {
        include_str!(concat!("../../examples/", $path))
    };
}

const EXAMPLES: &[Example] = &[
    (
        "home-gateway",
        file!("home-gateway/sluice.toml"),
        file!("home-gateway/rules.v4"),
        Some(file!("home-gateway/rules.v6")),
    ),
    (
        "data-centre-nat",
        file!("data-centre-nat/sluice.toml"),
        file!("data-centre-nat/rules.v4"),
        None,
    ),
    (
        "port-forwarding",
        file!("port-forwarding/sluice.toml"),
        file!("port-forwarding/rules.v4"),
        None,
    ),
    ("plain-router", file!("plain-router/sluice.toml"), file!("plain-router/rules.v4"), None),
];

#[test]
fn configurations_load_and_survive_a_round_trip() {
    for (name, text, _, v6) in EXAMPLES {
        let config = Config::parse(text, name).unwrap_or_else(|errors| panic!("{errors:#?}"));
        assert!(config.sysctl.ip_forward(), "{name}: a gateway forwards");
        assert!(config.rules.iptables.is_some(), "{name}");
        assert_eq!(config.rules.ip6tables.is_some(), v6.is_some(), "{name}");
        assert_eq!(Config::parse(&config.to_toml(), name), Ok(config), "{name}");
    }
}

#[test]
fn rules_load_and_are_printed_as_they_stand() {
    for (name, _, v4, v6) in EXAMPLES {
        for (family, text) in [(Family::V4, Some(*v4)), (Family::V6, *v6)] {
            let Some(text) = text else { continue };
            let ruleset = Ruleset::parse(family, text, name).unwrap_or_else(|e| panic!("{e:#?}"));
            let saved = ruleset.save(&SaveOptions::default());
            let mut written: Vec<&str> =
                text.lines().filter(|line| !line.starts_with('#')).collect();
            let mut printed: Vec<&str> = saved.lines().collect();
            // Tables are printed in the tool's order, whatever order they were written in.
            written.sort_unstable();
            printed.sort_unstable();
            assert_eq!(printed, written, "{name}");
        }
    }
}
