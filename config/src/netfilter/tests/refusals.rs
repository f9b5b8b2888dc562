//! What iptables-nft 1.8.9 refuses, with its words and exit codes, recorded from the tool.

use super::{build, run};
use crate::netfilter::{Family, Ruleset};

/// Made before each command.
const SETUP: &[&str] = &[
    "-N FOO",
    "-N BAR",
    "-N LOOP",
    "-A INPUT -j FOO",
    "-A FOO -j RETURN",
    "-A LOOP -j LOOP",
    "-t nat -N U",
    "-t nat -A U -j MASQUERADE",
];

/// Command, exit code, first line (and for exit code 2 the program prefix is left out).
const REFUSED: &[(&str, u8, &str)] = &[
    ("-P INPUT REJECT", 1, "iptables: Bad policy name. Run `dmesg' for more information."),
    ("-P FOO DROP", 1, "iptables: Bad built-in chain name."),
    ("-N FOO", 1, "iptables: Chain already exists."),
    ("-N INPUT", 1, "iptables: Chain already exists."),
    ("-N ACCEPT", 2, "chain name may not clash with target name"),
    ("-N LOG", 2, "chain name may not clash with target name"),
    ("-N -x", 2, "chain name not allowed to start with `-'"),
    (
        "-N a2345678901234567890123456789",
        2,
        "chain name `a2345678901234567890123456789' too long (must be under 29 chars)",
    ),
    ("-A INPUT -j NOPE", 2, "Chain 'NOPE' does not exist"),
    ("-A INPUT -g ACCEPT", 2, "Chain 'ACCEPT' does not exist"),
    ("-A NOPE -j ACCEPT", 1, "iptables: No chain/target/match by that name."),
    (
        "-X FOO",
        4,
        "iptables v1.8.9 (nf_tables):  CHAIN_DEL failed (Device or resource busy): chain FOO",
    ),
    (
        "-X INPUT",
        4,
        "iptables v1.8.9 (nf_tables):  CHAIN_DEL failed (Device or resource busy): chain INPUT",
    ),
    ("-X FORWARD", 1, "iptables: No chain/target/match by that name."),
    ("-X NOPE", 1, "iptables: No chain/target/match by that name."),
    ("-E NOPE BAZ", 1, "iptables: No chain/target/match by that name."),
    ("-E FOO BAR", 1, "iptables: File exists."),
    ("-D INPUT 5", 1, "iptables: Index of deletion too big."),
    ("-D INPUT 0", 2, "Invalid rule number `0'"),
    ("-D INPUT -j DROP", 1, "iptables: Bad rule (does a matching rule exist in that chain?)."),
    ("-I INPUT 0 -j ACCEPT", 2, "Invalid rule number `0'"),
    ("-I INPUT 3 -j ACCEPT", 1, "iptables: Index of insertion too big."),
    ("-R INPUT -j DROP", 2, "-R requires a rule number"),
    ("-R INPUT 3 -j DROP", 1, "iptables: Index of replacement too big."),
    ("-A INPUT 2 -j DROP", 2, "Bad argument `2'"),
    ("-C INPUT -j LOG", 1, "iptables: Bad rule (does a matching rule exist in that chain?)."),
    (
        "-L NOPE",
        1,
        "iptables v1.8.9 (nf_tables): chain `NOPE' in table `filter' is incompatible, use 'nft' tool.",
    ),
    ("-t foo -L", 3, "iptables v1.8.9 (nf_tables): table 'foo' does not exist"),
    ("-Q", 2, "unknown option \"-Q\""),
    ("-A INPUT --dport 80", 2, "unknown option \"--dport\""),
    ("-A INPUT -m foo", 2, "Couldn't load match `foo':No such file or directory"),
    ("-A INPUT -m tcp --dport 80", 2, "TCP match requires '-p tcp'"),
    (
        "-A INPUT -m tcp",
        4,
        "iptables v1.8.9 (nf_tables):  RULE_APPEND failed (Invalid argument): rule in chain INPUT",
    ),
    ("-A INPUT -p foo", 2, "unknown protocol \"foo\" specified"),
    ("-A INPUT ! -p all", 2, "rule would never match protocol"),
    ("-A INPUT -s 1.2.3.4/33", 2, "invalid mask `33' specified"),
    ("-A INPUT -s ::1", 2, "host/network `::1' not found"),
    (
        "-A INPUT ! -s 1.2.3.4,1.2.3.5",
        2,
        "! not allowed with multiple source or destination IP addresses",
    ),
    (
        "-A INPUT ! -s 0.0.0.0/0",
        4,
        "iptables v1.8.9 (nf_tables):  RULE_APPEND failed (Invalid argument): rule in chain INPUT",
    ),
    ("-A INPUT -s 1.2.3.4 -s 1.2.3.5", 2, "multiple -s flags not allowed"),
    ("-A INPUT -j", 2, "option \"-j\" requires an argument"),
    (
        "-A INPUT -i aaaaaaaaaaaaaaaa",
        2,
        "interface name `aaaaaaaaaaaaaaaa' must be shorter than IFNAMSIZ (15)",
    ),
    ("-A INPUT -o eth0", 2, "Can't use -o with INPUT"),
    ("-t nat -A POSTROUTING -i eth0", 2, "Can't use -i with POSTROUTING"),
    ("-A INPUT ! ! -s 1.2.3.4", 2, "multiple consecutive ! not allowed"),
    ("-A INPUT !", 2, "nothing appropriate following !"),
    ("-A INPUT ! -j DROP", 2, "cannot have ! before -j"),
    ("-A INPUT -D INPUT", 2, "Cannot use -D with -A"),
    ("-F -j DROP", 2, "Illegal option `-j' with this command"),
    ("-A INPUT -c 5", 2, "-c requires packet and byte counter"),
    ("-A INPUT -p tcp --dport 99999", 2, "invalid port/service `99999' specified"),
    ("-A INPUT -p tcp --dport 90:80", 2, "invalid portrange (min > max)"),
    ("-A INPUT -p tcp --dport 1 --dport 2", 2, "Only one `--destination-port' allowed"),
    ("-A INPUT -p tcp --tcp-flags SYN", 2, "--tcp-flags requires two args."),
    ("-A INPUT -p tcp --tcp-flags FOO SYN", 2, "Unknown TCP flag `FOO'"),
    ("-A INPUT -p icmp --icmp-type foo", 2, "Unknown ICMP type `foo'"),
    (
        "-A INPUT -p icmp --icmp-type echo",
        2,
        "Ambiguous ICMP type `echo': `echo-reply' or `echo-request'?",
    ),
    ("-A INPUT -p icmp -m icmp", 2, "icmp: option \"--icmp-type\" must be specified"),
    ("-A INPUT -m state --state FOO", 2, "Bad state \"FOO\""),
    ("-A INPUT -m conntrack", 2, "conntrack: At least one option is required"),
    (
        "-A INPUT -m conntrack ! --ctdir REPLY",
        2,
        "conntrack: option \"--ctdir\" cannot be inverted.",
    ),
    (
        "-A INPUT -m multiport --dports 1",
        2,
        "multiport needs `-p tcp', `-p udp', `-p udplite', `-p sctp' or `-p dccp'",
    ),
    (
        "-A INPUT -p tcp -m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16",
        2,
        "too many ports specified",
    ),
    (
        "-A INPUT -p tcp -m multiport --dports 1 --sports 2",
        2,
        "multiport: option \"--source-ports\" cannot be used together with \"--destination-ports\".",
    ),
    (
        "-A INPUT -m mark --mark foo",
        2,
        "mark: bad integer value for option \"--mark\", or out of range.",
    ),
    ("-A INPUT -m limit --limit 20000/s", 2, "Rate too fast \"20000/s\""),
    ("-A INPUT -m limit --limit foo", 2, "bad rate \"foo\"'"),
    ("-A INPUT -j REJECT --reject-with foo", 2, "unknown reject type \"foo\""),
    (
        "-A INPUT -j REJECT --reject-with tcp-reset",
        4,
        "iptables v1.8.9 (nf_tables):  RULE_APPEND failed (Invalid argument): rule in chain INPUT",
    ),
    (
        "-A INPUT -j SNAT --to-source 1.2.3.4",
        4,
        "iptables v1.8.9 (nf_tables):  RULE_APPEND failed (Invalid argument): rule in chain INPUT",
    ),
    (
        "-t nat -I PREROUTING -j SNAT --to-source 1.2.3.4",
        4,
        "iptables v1.8.9 (nf_tables):  RULE_INSERT failed (Invalid argument): rule in chain PREROUTING",
    ),
    (
        "-t nat -A PREROUTING -j U",
        4,
        "iptables v1.8.9 (nf_tables):  RULE_APPEND failed (Invalid argument): rule in chain PREROUTING",
    ),
    ("-t nat -A POSTROUTING -j SNAT", 2, "SNAT: option \"--to-source\" must be specified"),
    ("-t nat -A POSTROUTING -j SNAT --to-source foo", 2, "Bad IP address \"foo\""),
    (
        "-t nat -A POSTROUTING -j SNAT --to-source 1.2.3.4:80",
        2,
        "Need TCP, UDP, SCTP or DCCP with port specification",
    ),
    ("-t nat -A POSTROUTING -p tcp -j SNAT --to-source 1.2.3.4:90-80", 2, "Port range `80' funky"),
    (
        "-A INPUT -j NOTRACK",
        4,
        "iptables v1.8.9 (nf_tables):  RULE_APPEND failed (Invalid argument): rule in chain INPUT",
    ),
    (
        "-A INPUT -j LOOP",
        4,
        "iptables v1.8.9 (nf_tables):  RULE_APPEND failed (Too many links): rule in chain INPUT",
    ),
    (
        "-A BAR -j INPUT",
        4,
        "iptables v1.8.9 (nf_tables):  RULE_APPEND failed (Operation not supported): rule in chain BAR",
    ),
    ("", 2, "no command specified"),
];

#[test]
fn refuses_what_the_tool_refuses_in_its_words() {
    let ruleset = build(Family::V4, SETUP);
    for (command, code, text) in REFUSED {
        let fault = run(Family::V4, &ruleset, command).expect_err(command);
        let said = fault.command_text(Family::V4);
        let first = said.lines().next().unwrap_or_default();
        let first = match code {
            2 => first.strip_prefix("iptables v1.8.9 (nf_tables): ").unwrap_or(first),
            _ => first,
        };
        assert_eq!((first, fault.exit_code()), (*text, *code), "{command}");
    }
}

#[test]
fn a_refusal_for_usage_ends_with_the_hint() {
    let ruleset = build(Family::V4, &[]);
    let text = run(Family::V4, &ruleset, "-A INPUT -o eth0").unwrap_err().command_text(Family::V4);
    assert_eq!(
        text,
        "iptables v1.8.9 (nf_tables): Can't use -o with INPUT\n\nTry `iptables -h' or 'iptables --help' for more information."
    );
}

#[test]
fn the_nat_table_is_not_for_dropping() {
    let ruleset = build(Family::V4, &[]);
    let fault = run(Family::V4, &ruleset, "-t nat -P PREROUTING DROP").unwrap_err();
    assert!(fault.message.contains("not intended for filtering"), "{fault}");
    assert_eq!(fault.exit_code(), 2);
}

#[test]
fn chains_nest_sixteen_deep_and_no_deeper() {
    let chains = |depth: usize| {
        let mut lines: Vec<String> = (0..=depth).map(|n| format!("-N C{n}")).collect();
        lines.extend((0..depth).map(|n| format!("-A C{n} -j C{}", n + 1)));
        lines
    };
    for (depth, taken) in [(14, true), (15, false)] {
        let lines = chains(depth);
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let ruleset = build(Family::V4, &lines);
        assert_eq!(run(Family::V4, &ruleset, "-A INPUT -j C0").is_ok(), taken, "{depth}");
    }
}

/// A change is judged by what it changed, and whole where that does not do: never otherwise than all of it.
#[test]
fn one_rule_more_is_judged_as_all_of_them_are() {
    // C0 leads to C1, and so on; C16 and C20 to nothing. FORWARD is as deep as can be.
    let mut text = "*filter\n".to_owned();
    (0..22).for_each(|at| text += &format!(":C{at} - [0:0]\n"));
    (0..14).for_each(|at| text += &format!("-A C{at} -j C{}\n", at + 1));
    text += "-A FORWARD -j C0\n-A C20 -j C21\n-A C17 -m owner --uid-owner 1\n-A C18 -j C17\n-A C19 -j C18\n";
    let taken = |more: &str| {
        let ruleset = Ruleset::parse(Family::V4, &format!("{text}COMMIT\n"), "rules").unwrap();
        let whole = Ruleset::parse(Family::V4, &format!("{text}{more}\nCOMMIT\n"), "rules");
        let one = run(Family::V4, &ruleset, more);
        assert_eq!(one.is_ok(), whole.is_ok(), "{more}: {one:?}");
        if let (Ok(one), Ok(whole)) = (&one, &whole) {
            assert_eq!(one.ruleset.as_ref(), Some(whole), "{more}");
        }
        one.is_ok()
    };
    assert!(taken("-A FORWARD -j C20"));
    assert!(taken("-A C0 -j C16"));
    assert!(taken("-A C13 -j C16"));
    assert!(!taken("-A C14 -j C20"), "deeper than all");
    assert!(!taken("-A C14 -j C0"), "a circle");
    assert!(!taken("-A C13 -j C13"), "a circle of one");
    assert!(taken("-A C20 -j C20"), "nobody gets there");
    assert!(taken("-A OUTPUT -j C19"));
    assert!(!taken("-A INPUT -j C19"), "owner in INPUT");
    assert!(!taken("-A INPUT -m owner --uid-owner 1"));
    assert!(taken("-A OUTPUT -m owner --uid-owner 1"));
    assert!(taken("-A INPUT -j C20"));
}
