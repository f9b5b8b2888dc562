//! What iptables-nft 1.8.9 made of these commands: the line of `iptables-save`, the row of `-nL` and
//! the row of `-vL`, recorded from the tool.

use super::{build, run, save};
use crate::netfilter::{Family, Ruleset};

#[test]
fn every_command_reads_and_prints_as_the_tool_does() {
    for (family, table) in [(Family::V4, V4), (Family::V6, V6)] {
        for [command, saved, numeric, verbose] in table {
            let ruleset = build(family, &[command]);
            let text = save(&ruleset);
            let rule = text.lines().find(|line| line.starts_with("-A ")).unwrap();
            assert_eq!(rule, *saved, "{command}");
            assert_eq!(Ruleset::parse(family, &text, "saved"), Ok(ruleset.clone()), "{command}");

            let (table, chain) = place(command);
            let list = |options: &str| {
                let outcome = run(family, &ruleset, &format!("-t {table} {options} {chain} 1"));
                outcome.unwrap().output
            };
            assert_eq!(list("-nL"), format!("{numeric}\n"), "{command}");
            assert_eq!(list("-vL"), format!("{verbose}\n"), "{command}");
        }
    }
}

/// The table and chain a command names.
fn place(command: &str) -> (&str, &str) {
    let after = |option: &str| {
        let mut words = command.split_whitespace().skip_while(|word| *word != option);
        words.nth(1)
    };
    let chain = after("-A").or_else(|| after("--append")).unwrap();
    (after("-t").unwrap_or("filter"), chain)
}

const V4: &[[&str; 4]] = &[
    [
        "-A INPUT -s 1.2.3.4",
        "-A INPUT -s 1.2.3.4/32",
        "           0    --  1.2.3.4              0.0.0.0/0           ",
        "    0     0            all  --  any    any     1.2.3.4              anywhere            ",
    ],
    [
        "-A INPUT -i + -j ACCEPT",
        "-A INPUT -j ACCEPT",
        "ACCEPT     0    --  0.0.0.0/0            0.0.0.0/0           ",
        "    0     0 ACCEPT     all  --  any    any     anywhere             anywhere            ",
    ],
    [
        "-A INPUT -i eth+ -p all ! -s 10.0.0.0/8 -d 10.1.1.0/255.255.0.255 -j DROP",
        "-A INPUT ! -s 10.0.0.0/8 -d 10.1.0.0/255.255.0.255 -i eth+ -j DROP",
        "DROP       0    -- !10.0.0.0/8           10.1.0.0/255.255.0.255 ",
        "    0     0 DROP       all  --  eth+   any    !10.0.0.0/8           10.1.0.0/255.255.0.255 ",
    ],
    [
        "-A FORWARD -f -p 0 -j ACCEPT",
        "-A FORWARD -f -j ACCEPT",
        "ACCEPT     0    -f  0.0.0.0/0            0.0.0.0/0           ",
        "    0     0 ACCEPT     all  -f  any    any     anywhere             anywhere            ",
    ],
    [
        "-A FORWARD ! -f ! -p tcp -j ACCEPT",
        "-A FORWARD ! -p tcp ! -f -j ACCEPT",
        "ACCEPT    !6    !f  0.0.0.0/0            0.0.0.0/0           ",
        "    0     0 ACCEPT    !tcp  !f  any    any     anywhere             anywhere            ",
    ],
    [
        "-A FORWARD -p tcp --dport 22:25 ! --sport :100 --syn",
        "-A FORWARD -p tcp -m tcp --sport 101:65535 --dport 22:25 --tcp-flags FIN,SYN,RST,ACK SYN",
        "           6    --  0.0.0.0/0            0.0.0.0/0            tcp spts:101:65535 dpts:22:25 flags:0x17/0x02",
        "    0     0            tcp  --  any    any     anywhere             anywhere             tcp spts:101:65535 dpts:ssh:smtp flags:FIN,SYN,RST,ACK/SYN",
    ],
    [
        "-A FORWARD -p tcp ! --syn",
        "-A FORWARD -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN",
        "           6    --  0.0.0.0/0            0.0.0.0/0            tcp flags:!0x17/0x02",
        "    0     0            tcp  --  any    any     anywhere             anywhere             tcp flags:!FIN,SYN,RST,ACK/SYN",
    ],
    [
        "-A FORWARD -p tcp --tcp-flags ALL NONE",
        "-A FORWARD -p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE",
        "           6    --  0.0.0.0/0            0.0.0.0/0            tcp flags:0x3F/0x00",
        "    0     0            tcp  --  any    any     anywhere             anywhere             tcp flags:FIN,SYN,RST,PSH,ACK,URG/NONE",
    ],
    [
        "-A FORWARD -p tcp ! --tcp-flags SYN,ACK SYN --tcp-option 5",
        "-A FORWARD -p tcp -m tcp --tcp-option 5 ! --tcp-flags SYN,ACK SYN",
        "           6    --  0.0.0.0/0            0.0.0.0/0            tcp option=5 flags:!0x12/0x02",
        "    0     0            tcp  --  any    any     anywhere             anywhere             tcp option=5 flags:!SYN,ACK/SYN",
    ],
    [
        "-A FORWARD -p tcp -m tcp --dport http",
        "-A FORWARD -p tcp -m tcp --dport 80",
        "           6    --  0.0.0.0/0            0.0.0.0/0            tcp dpt:80",
        "    0     0            tcp  --  any    any     anywhere             anywhere             tcp dpt:http",
    ],
    [
        "-A FORWARD -p tcp -m tcp --dport 80 -m tcp --sport 1:",
        "-A FORWARD -p tcp -m tcp --sport 1:65535 --dport 80",
        "           6    --  0.0.0.0/0            0.0.0.0/0            tcp spts:1:65535 dpt:80",
        "    0     0            tcp  --  any    any     anywhere             anywhere             tcp spts:tcpmux:65535 dpt:http",
    ],
    [
        "-A FORWARD -p udp --dport 1:65535",
        "-A FORWARD -p udp -m udp --dport 1:65535",
        "           17   --  0.0.0.0/0            0.0.0.0/0            udp dpts:1:65535",
        "    0     0            udp  --  any    any     anywhere             anywhere             udp dpts:1:65535",
    ],
    [
        "-A FORWARD -p tcp -m tcp",
        "-A FORWARD -p tcp -m tcp",
        "           6    --  0.0.0.0/0            0.0.0.0/0            tcp",
        "    0     0            tcp  --  any    any     anywhere             anywhere             tcp",
    ],
    [
        "-A FORWARD -p icmp",
        "-A FORWARD -p icmp",
        "           1    --  0.0.0.0/0            0.0.0.0/0           ",
        "    0     0            icmp --  any    any     anywhere             anywhere            ",
    ],
    [
        "-A FORWARD -p icmp --icmp-type 8",
        "-A FORWARD -p icmp -m icmp --icmp-type 8",
        "           1    --  0.0.0.0/0            0.0.0.0/0            icmptype 8",
        "    0     0            icmp --  any    any     anywhere             anywhere             icmp echo-request",
    ],
    [
        "-A FORWARD -p icmp --icmp-type echo-request",
        "-A FORWARD -p icmp -m icmp --icmp-type 8",
        "           1    --  0.0.0.0/0            0.0.0.0/0            icmptype 8",
        "    0     0            icmp --  any    any     anywhere             anywhere             icmp echo-request",
    ],
    [
        "-A FORWARD -p icmp --icmp-type 3/1",
        "-A FORWARD -p icmp -m icmp --icmp-type 3/1",
        "           1    --  0.0.0.0/0            0.0.0.0/0            icmptype 3 code 1",
        "    0     0            icmp --  any    any     anywhere             anywhere             icmp host-unreachable",
    ],
    [
        "-A FORWARD -p icmp ! --icmp-type any",
        "-A FORWARD -p icmp -m icmp ! --icmp-type any",
        "           1    --  0.0.0.0/0            0.0.0.0/0            icmp !type 255",
        "    0     0            icmp --  any    any     anywhere             anywhere             icmp !any",
    ],
    [
        "-A FORWARD -p icmp --icmp-type 255",
        "-A FORWARD -p icmp -m icmp --icmp-type any",
        "           1    --  0.0.0.0/0            0.0.0.0/0            icmptype 255",
        "    0     0            icmp --  any    any     anywhere             anywhere             icmp any",
    ],
    [
        "-A FORWARD -m state --state NEW,ESTABLISHED,RELATED,INVALID,UNTRACKED",
        "-A FORWARD -m state --state INVALID,NEW,RELATED,ESTABLISHED,UNTRACKED",
        "           0    --  0.0.0.0/0            0.0.0.0/0            state INVALID,NEW,RELATED,ESTABLISHED,UNTRACKED",
        "    0     0            all  --  any    any     anywhere             anywhere             state INVALID,NEW,RELATED,ESTABLISHED,UNTRACKED",
    ],
    [
        "-A FORWARD -m state ! --state NEW",
        "-A FORWARD -m state ! --state NEW",
        "           0    --  0.0.0.0/0            0.0.0.0/0            ! state NEW",
        "    0     0            all  --  any    any     anywhere             anywhere             ! state NEW",
    ],
    [
        "-A FORWARD -m conntrack --ctstate NEW,ESTABLISHED,RELATED,INVALID,UNTRACKED,SNAT,DNAT",
        "-A FORWARD -m conntrack --ctstate INVALID,NEW,RELATED,ESTABLISHED,UNTRACKED,SNAT,DNAT",
        "           0    --  0.0.0.0/0            0.0.0.0/0            ctstate INVALID,NEW,RELATED,ESTABLISHED,UNTRACKED,SNAT,DNAT",
        "    0     0            all  --  any    any     anywhere             anywhere             ctstate INVALID,NEW,RELATED,ESTABLISHED,UNTRACKED,SNAT,DNAT",
    ],
    [
        r#"-A FORWARD -m comment --comment "hello world""#,
        r#"-A FORWARD -m comment --comment "hello world""#,
        "           0    --  0.0.0.0/0            0.0.0.0/0            /* hello world */",
        "    0     0            all  --  any    any     anywhere             anywhere             /* hello world */",
    ],
    [
        "-A FORWARD -m comment --comment hello",
        "-A FORWARD -m comment --comment hello",
        "           0    --  0.0.0.0/0            0.0.0.0/0            /* hello */",
        "    0     0            all  --  any    any     anywhere             anywhere             /* hello */",
    ],
    [
        r#"-A FORWARD -m comment --comment """#,
        r#"-A FORWARD -m comment --comment """#,
        "           0    --  0.0.0.0/0            0.0.0.0/0            /*  */",
        "    0     0            all  --  any    any     anywhere             anywhere             /*  */",
    ],
    [
        r#"-A FORWARD -m comment --comment "a-b_c:d/e,f""#,
        r#"-A FORWARD -m comment --comment "a-b_c:d/e,f""#,
        "           0    --  0.0.0.0/0            0.0.0.0/0            /* a-b_c:d/e,f */",
        "    0     0            all  --  any    any     anywhere             anywhere             /* a-b_c:d/e,f */",
    ],
    [
        "-A FORWARD -p tcp -m multiport --dports 22,36,88:90",
        "-A FORWARD -p tcp -m multiport --dports 22,36,88:90",
        "           6    --  0.0.0.0/0            0.0.0.0/0            multiport dports 22,36,88:90",
        "    0     0            tcp  --  any    any     anywhere             anywhere             multiport dports ssh,36,kerberos:90",
    ],
    [
        "-A FORWARD -p udp -m multiport ! --ports 22",
        "-A FORWARD -p udp -m multiport ! --ports 22",
        "           17   --  0.0.0.0/0            0.0.0.0/0            multiport ports  !22",
        "    0     0            udp  --  any    any     anywhere             anywhere             multiport ports  !22",
    ],
    [
        "-A FORWARD -p tcp -m multiport --sports http,22",
        "-A FORWARD -p tcp -m multiport --sports 80,22",
        "           6    --  0.0.0.0/0            0.0.0.0/0            multiport sports 80,22",
        "    0     0            tcp  --  any    any     anywhere             anywhere             multiport sports http,ssh",
    ],
    [
        "-A FORWARD -m mark --mark 1",
        "-A FORWARD -m mark --mark 0x1",
        "           0    --  0.0.0.0/0            0.0.0.0/0            mark match 0x1",
        "    0     0            all  --  any    any     anywhere             anywhere             mark match 0x1",
    ],
    [
        "-A FORWARD -m mark ! --mark 0x10/0xff",
        "-A FORWARD -m mark ! --mark 0x10/0xff",
        "           0    --  0.0.0.0/0            0.0.0.0/0            mark match ! 0x10/0xff",
        "    0     0            all  --  any    any     anywhere             anywhere             mark match ! 0x10/0xff",
    ],
    [
        "-A FORWARD -m mark --mark 0x10/0xffffffff",
        "-A FORWARD -m mark --mark 0x10",
        "           0    --  0.0.0.0/0            0.0.0.0/0            mark match 0x10",
        "    0     0            all  --  any    any     anywhere             anywhere             mark match 0x10",
    ],
    [
        "-A FORWARD -m length --length 100",
        "-A FORWARD -m length --length 100",
        "           0    --  0.0.0.0/0            0.0.0.0/0            length 100",
        "    0     0            all  --  any    any     anywhere             anywhere             length 100",
    ],
    [
        "-A FORWARD -m length ! --length 100:200",
        "-A FORWARD -m length ! --length 100:200",
        "           0    --  0.0.0.0/0            0.0.0.0/0            length !100:200",
        "    0     0            all  --  any    any     anywhere             anywhere             length !100:200",
    ],
    [
        "-A FORWARD -m length --length 100:",
        "-A FORWARD -m length --length 100:65535",
        "           0    --  0.0.0.0/0            0.0.0.0/0            length 100:65535",
        "    0     0            all  --  any    any     anywhere             anywhere             length 100:65535",
    ],
    [
        "-A FORWARD -m length --length :100",
        "-A FORWARD -m length --length 0:100",
        "           0    --  0.0.0.0/0            0.0.0.0/0            length 0:100",
        "    0     0            all  --  any    any     anywhere             anywhere             length 0:100",
    ],
    [
        "-A FORWARD -m limit",
        "-A FORWARD -m limit --limit 3/hour",
        "           0    --  0.0.0.0/0            0.0.0.0/0            limit: avg 3/hour burst 5",
        "    0     0            all  --  any    any     anywhere             anywhere             limit: avg 3/hour burst 5",
    ],
    [
        "-A FORWARD -m limit --limit 10/minute --limit-burst 3",
        "-A FORWARD -m limit --limit 10/min --limit-burst 3",
        "           0    --  0.0.0.0/0            0.0.0.0/0            limit: avg 10/min burst 3",
        "    0     0            all  --  any    any     anywhere             anywhere             limit: avg 10/min burst 3",
    ],
    [
        "-A FORWARD -m limit --limit 5/min",
        "-A FORWARD -m limit --limit 5/min",
        "           0    --  0.0.0.0/0            0.0.0.0/0            limit: avg 5/min burst 5",
        "    0     0            all  --  any    any     anywhere             anywhere             limit: avg 5/min burst 5",
    ],
    [
        "-A FORWARD -m limit --limit 7/s",
        "-A FORWARD -m limit --limit 7/sec",
        "           0    --  0.0.0.0/0            0.0.0.0/0            limit: avg 7/sec burst 5",
        "    0     0            all  --  any    any     anywhere             anywhere             limit: avg 7/sec burst 5",
    ],
    [
        "-A FORWARD -m limit --limit 1/day",
        "-A FORWARD -m limit --limit 1/day",
        "           0    --  0.0.0.0/0            0.0.0.0/0            limit: avg 1/day burst 5",
        "    0     0            all  --  any    any     anywhere             anywhere             limit: avg 1/day burst 5",
    ],
    [
        "-A FORWARD -m limit --limit 10000/s",
        "-A FORWARD -m limit --limit 10000/sec",
        "           0    --  0.0.0.0/0            0.0.0.0/0            limit: avg 10000/sec burst 5",
        "    0     0            all  --  any    any     anywhere             anywhere             limit: avg 10000/sec burst 5",
    ],
    [
        "-A FORWARD -m limit --limit 90/hour",
        "-A FORWARD -m limit --limit 90/hour",
        "           0    --  0.0.0.0/0            0.0.0.0/0            limit: avg 90/hour burst 5",
        "    0     0            all  --  any    any     anywhere             anywhere             limit: avg 90/hour burst 5",
    ],
    [
        "-A FORWARD -m limit --limit 9/hour",
        "-A FORWARD -m limit --limit 9/hour",
        "           0    --  0.0.0.0/0            0.0.0.0/0            limit: avg 9/hour burst 5",
        "    0     0            all  --  any    any     anywhere             anywhere             limit: avg 9/hour burst 5",
    ],
    [
        "-A FORWARD -m limit --limit 4",
        "-A FORWARD -m limit --limit 4/sec",
        "           0    --  0.0.0.0/0            0.0.0.0/0            limit: avg 4/sec burst 5",
        "    0     0            all  --  any    any     anywhere             anywhere             limit: avg 4/sec burst 5",
    ],
    [
        "-A FORWARD -j REJECT",
        "-A FORWARD -j REJECT --reject-with icmp-port-unreachable",
        "REJECT     0    --  0.0.0.0/0            0.0.0.0/0            reject-with icmp-port-unreachable",
        "    0     0 REJECT     all  --  any    any     anywhere             anywhere             reject-with icmp-port-unreachable",
    ],
    [
        "-A FORWARD -p tcp -j REJECT --reject-with tcp-reset",
        "-A FORWARD -p tcp -j REJECT --reject-with tcp-reset",
        "REJECT     6    --  0.0.0.0/0            0.0.0.0/0            reject-with tcp-reset",
        "    0     0 REJECT     tcp  --  any    any     anywhere             anywhere             reject-with tcp-reset",
    ],
    [
        "-A FORWARD -j REJECT --reject-with icmp-net-prohib",
        "-A FORWARD -j REJECT --reject-with icmp-net-prohibited",
        "REJECT     0    --  0.0.0.0/0            0.0.0.0/0            reject-with icmp-net-prohibited",
        "    0     0 REJECT     all  --  any    any     anywhere             anywhere             reject-with icmp-net-prohibited",
    ],
    [
        "-A FORWARD -j REJECT --reject-with admin-prohib",
        "-A FORWARD -j REJECT --reject-with icmp-admin-prohibited",
        "REJECT     0    --  0.0.0.0/0            0.0.0.0/0            reject-with icmp-admin-prohibited",
        "    0     0 REJECT     all  --  any    any     anywhere             anywhere             reject-with icmp-admin-prohibited",
    ],
    [
        r#"-A FORWARD -j LOG --log-prefix "abc def: " --log-level 7 --log-tcp-sequence --log-uid --log-ip-options"#,
        r#"-A FORWARD -j LOG --log-prefix "abc def: " --log-level 7 --log-tcp-sequence --log-ip-options --log-uid"#,
        r#"LOG        0    --  0.0.0.0/0            0.0.0.0/0            LOG flags 13 level 7 prefix "abc def: ""#,
        r#"    0     0 LOG        all  --  any    any     anywhere             anywhere             LOG level debug tcp-sequence ip-options uid prefix "abc def: ""#,
    ],
    [
        "-A FORWARD -j LOG",
        "-A FORWARD -j LOG",
        "LOG        0    --  0.0.0.0/0            0.0.0.0/0            LOG flags 0 level 4",
        "    0     0 LOG        all  --  any    any     anywhere             anywhere             LOG level warn",
    ],
    [
        "-A FORWARD -j LOG --log-prefix abc --log-level warning",
        "-A FORWARD -j LOG --log-prefix abc",
        r#"LOG        0    --  0.0.0.0/0            0.0.0.0/0            LOG flags 0 level 4 prefix "abc""#,
        r#"    0     0 LOG        all  --  any    any     anywhere             anywhere             LOG level warn prefix "abc""#,
    ],
    [
        "-A FORWARD -j RETURN",
        "-A FORWARD -j RETURN",
        "RETURN     0    --  0.0.0.0/0            0.0.0.0/0           ",
        "    0     0 RETURN     all  --  any    any     anywhere             anywhere            ",
    ],
    [
        "-t raw -A PREROUTING -j NOTRACK",
        "-A PREROUTING -j NOTRACK",
        "CT         0    --  0.0.0.0/0            0.0.0.0/0            NOTRACK",
        "    0     0 CT         all  --  any    any     anywhere             anywhere             NOTRACK",
    ],
    [
        "-t raw -A PREROUTING -j CT --notrack",
        "-A PREROUTING -j CT --notrack",
        "CT         0    --  0.0.0.0/0            0.0.0.0/0            CT notrack",
        "    0     0 CT         all  --  any    any     anywhere             anywhere             CT notrack",
    ],
    [
        "-t raw -A PREROUTING -j CT --zone 5",
        "-A PREROUTING -j CT --zone 5",
        "CT         0    --  0.0.0.0/0            0.0.0.0/0            CT zone 5",
        "    0     0 CT         all  --  any    any     anywhere             anywhere             CT zone 5",
    ],
    [
        "-t mangle -A PREROUTING -j MARK --set-mark 5",
        "-A PREROUTING -j MARK --set-xmark 0x5/0xffffffff",
        "MARK       0    --  0.0.0.0/0            0.0.0.0/0            MARK set 0x5",
        "    0     0 MARK       all  --  any    any     anywhere             anywhere             MARK set 0x5",
    ],
    [
        "-t mangle -A PREROUTING -j MARK --set-xmark 5/0xff",
        "-A PREROUTING -j MARK --set-xmark 0x5/0xff",
        "MARK       0    --  0.0.0.0/0            0.0.0.0/0            MARK xset 0x5/0xff",
        "    0     0 MARK       all  --  any    any     anywhere             anywhere             MARK xset 0x5/0xff",
    ],
    [
        "-t mangle -A PREROUTING -j MARK --and-mark 5",
        "-A PREROUTING -j MARK --set-xmark 0x0/0xfffffffa",
        "MARK       0    --  0.0.0.0/0            0.0.0.0/0            MARK and 0x5",
        "    0     0 MARK       all  --  any    any     anywhere             anywhere             MARK and 0x5",
    ],
    [
        "-t mangle -A PREROUTING -j MARK --or-mark 5",
        "-A PREROUTING -j MARK --set-xmark 0x5/0x5",
        "MARK       0    --  0.0.0.0/0            0.0.0.0/0            MARK or 0x5",
        "    0     0 MARK       all  --  any    any     anywhere             anywhere             MARK or 0x5",
    ],
    [
        "-t mangle -A PREROUTING -j MARK --xor-mark 5",
        "-A PREROUTING -j MARK --set-xmark 0x5/0x0",
        "MARK       0    --  0.0.0.0/0            0.0.0.0/0            MARK xor 0x5",
        "    0     0 MARK       all  --  any    any     anywhere             anywhere             MARK xor 0x5",
    ],
    [
        "-t mangle -A PREROUTING -j MARK --set-mark 5/1",
        "-A PREROUTING -j MARK --set-xmark 0x5/0x5",
        "MARK       0    --  0.0.0.0/0            0.0.0.0/0            MARK or 0x5",
        "    0     0 MARK       all  --  any    any     anywhere             anywhere             MARK or 0x5",
    ],
    [
        "-t mangle -A PREROUTING -j DSCP --set-dscp 10",
        "-A PREROUTING -j DSCP --set-dscp 0x0a",
        "DSCP       0    --  0.0.0.0/0            0.0.0.0/0            DSCP set 0x0a",
        "    0     0 DSCP       all  --  any    any     anywhere             anywhere             DSCP set 0x0a",
    ],
    [
        "-t mangle -A PREROUTING -j DSCP --set-dscp-class EF",
        "-A PREROUTING -j DSCP --set-dscp 0x2e",
        "DSCP       0    --  0.0.0.0/0            0.0.0.0/0            DSCP set 0x2e",
        "    0     0 DSCP       all  --  any    any     anywhere             anywhere             DSCP set 0x2e",
    ],
    [
        "-t nat -A POSTROUTING -j SNAT --to-source 1.2.3.4",
        "-A POSTROUTING -j SNAT --to-source 1.2.3.4",
        "SNAT       0    --  0.0.0.0/0            0.0.0.0/0            to:1.2.3.4",
        "    0     0 SNAT       all  --  any    any     anywhere             anywhere             to:1.2.3.4",
    ],
    [
        "-t nat -A POSTROUTING -j SNAT --to-source 1.2.3.4-1.2.3.8",
        "-A POSTROUTING -j SNAT --to-source 1.2.3.4-1.2.3.8",
        "SNAT       0    --  0.0.0.0/0            0.0.0.0/0            to:1.2.3.4-1.2.3.8",
        "    0     0 SNAT       all  --  any    any     anywhere             anywhere             to:1.2.3.4-1.2.3.8",
    ],
    [
        "-t nat -A POSTROUTING -p tcp -j SNAT --to-source 1.2.3.4-1.2.3.8:1024-2048 --random --persistent",
        "-A POSTROUTING -p tcp -j SNAT --to-source 1.2.3.4-1.2.3.8:1024-2048 --random --persistent",
        "SNAT       6    --  0.0.0.0/0            0.0.0.0/0            to:1.2.3.4-1.2.3.8:1024-2048 random persistent",
        "    0     0 SNAT       tcp  --  any    any     anywhere             anywhere             to:1.2.3.4-1.2.3.8:1024-2048 random persistent",
    ],
    [
        "-t nat -A POSTROUTING -p tcp -j SNAT --to-source :1024 --random-fully",
        "-A POSTROUTING -p tcp -j SNAT --to-source :1024 --random-fully",
        "SNAT       6    --  0.0.0.0/0            0.0.0.0/0            to::1024 random-fully",
        "    0     0 SNAT       tcp  --  any    any     anywhere             anywhere             to::1024 random-fully",
    ],
    [
        "-t nat -A PREROUTING -p tcp -j DNAT --to-destination 1.2.3.4:80",
        "-A PREROUTING -p tcp -j DNAT --to-destination 1.2.3.4:80",
        "DNAT       6    --  0.0.0.0/0            0.0.0.0/0            to:1.2.3.4:80",
        "    0     0 DNAT       tcp  --  any    any     anywhere             anywhere             to:1.2.3.4:80",
    ],
    [
        "-t nat -A PREROUTING -p tcp -j DNAT --to-destination 1.2.3.4:80-90/8080",
        "-A PREROUTING -p tcp -j DNAT --to-destination 1.2.3.4:80-90/8080",
        "DNAT       6    --  0.0.0.0/0            0.0.0.0/0            to:1.2.3.4:80-90/8080",
        "    0     0 DNAT       tcp  --  any    any     anywhere             anywhere             to:1.2.3.4:80-90/8080",
    ],
    [
        "-t nat -A PREROUTING -p tcp -j DNAT --to-destination :80 --random --persistent",
        "-A PREROUTING -p tcp -j DNAT --to-destination :80 --random --persistent",
        "DNAT       6    --  0.0.0.0/0            0.0.0.0/0            to::80 random persistent",
        "    0     0 DNAT       tcp  --  any    any     anywhere             anywhere             to::80 random persistent",
    ],
    [
        "-t nat -A PREROUTING -p tcp -j REDIRECT --to-ports 8080",
        "-A PREROUTING -p tcp -j REDIRECT --to-ports 8080",
        "REDIRECT   6    --  0.0.0.0/0            0.0.0.0/0            redir ports 8080",
        "    0     0 REDIRECT   tcp  --  any    any     anywhere             anywhere             redir ports 8080",
    ],
    [
        "-t nat -A PREROUTING -p tcp -j REDIRECT --to-ports 8080-8090 --random",
        "-A PREROUTING -p tcp -j REDIRECT --to-ports 8080-8090 --random",
        "REDIRECT   6    --  0.0.0.0/0            0.0.0.0/0            redir ports 8080-8090 random",
        "    0     0 REDIRECT   tcp  --  any    any     anywhere             anywhere             redir ports 8080-8090 random",
    ],
    [
        "-t nat -A PREROUTING -j REDIRECT",
        "-A PREROUTING -j REDIRECT",
        "REDIRECT   0    --  0.0.0.0/0            0.0.0.0/0           ",
        "    0     0 REDIRECT   all  --  any    any     anywhere             anywhere            ",
    ],
    [
        "-t nat -A POSTROUTING -j MASQUERADE",
        "-A POSTROUTING -j MASQUERADE",
        "MASQUERADE  0    --  0.0.0.0/0            0.0.0.0/0           ",
        "    0     0 MASQUERADE  all  --  any    any     anywhere             anywhere            ",
    ],
    [
        "-t nat -A POSTROUTING -p udp -j MASQUERADE --to-ports 1024-2000 --random --random-fully",
        "-A POSTROUTING -p udp -j MASQUERADE --to-ports 1024-2000 --random --random-fully",
        "MASQUERADE  17   --  0.0.0.0/0            0.0.0.0/0            masq ports: 1024-2000 random random-fully",
        "    0     0 MASQUERADE  udp  --  any    any     anywhere             anywhere             masq ports: 1024-2000 random random-fully",
    ],
    [
        "-t nat -A POSTROUTING -j MASQUERADE --random",
        "-A POSTROUTING -j MASQUERADE --random",
        "MASQUERADE  0    --  0.0.0.0/0            0.0.0.0/0            random",
        "    0     0 MASQUERADE  all  --  any    any     anywhere             anywhere             random",
    ],
    [
        "-A INPUT -m comment --comment x -p tcp --dport 80 -m state --state NEW -j ACCEPT",
        "-A INPUT -p tcp -m comment --comment x -m tcp --dport 80 -m state --state NEW -j ACCEPT",
        "ACCEPT     6    --  0.0.0.0/0            0.0.0.0/0            /* x */ tcp dpt:80 state NEW",
        "    0     0 ACCEPT     tcp  --  any    any     anywhere             anywhere             /* x */ tcp dpt:http state NEW",
    ],
    [
        "-A INPUT -m state --state NEW -p tcp --dport 80 -m comment --comment x -j ACCEPT",
        "-A INPUT -p tcp -m state --state NEW -m tcp --dport 80 -m comment --comment x -j ACCEPT",
        "ACCEPT     6    --  0.0.0.0/0            0.0.0.0/0            state NEW tcp dpt:80 /* x */",
        "    0     0 ACCEPT     tcp  --  any    any     anywhere             anywhere             state NEW tcp dpt:http /* x */",
    ],
    [
        "-A INPUT -j ACCEPT -p tcp --dport 80",
        "-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT",
        "ACCEPT     6    --  0.0.0.0/0            0.0.0.0/0            tcp dpt:80",
        "    0     0 ACCEPT     tcp  --  any    any     anywhere             anywhere             tcp dpt:http",
    ],
    [
        "-A INPUT -p tcp -m multiport --dports 1,2 -m tcp --sport 5",
        "-A INPUT -p tcp -m multiport --dports 1,2 -m tcp --sport 5",
        "           6    --  0.0.0.0/0            0.0.0.0/0            multiport dports 1,2 tcp spt:5",
        "    0     0            tcp  --  any    any     anywhere             anywhere             multiport dports tcpmux,2 tcp spt:5",
    ],
    [
        "-A INPUT -p tcp --dport 80 -m mark --mark 1 -m limit --limit 5/s -m length --length 5",
        "-A INPUT -p tcp -m tcp --dport 80 -m mark --mark 0x1 -m limit --limit 5/sec -m length --length 5",
        "           6    --  0.0.0.0/0            0.0.0.0/0            tcp dpt:80 mark match 0x1 limit: avg 5/sec burst 5 length 5",
        "    0     0            tcp  --  any    any     anywhere             anywhere             tcp dpt:http mark match 0x1 limit: avg 5/sec burst 5 length 5",
    ],
    [
        "-A INPUT -p udp --sport 53 ! --dport 53",
        "-A INPUT -p udp -m udp --sport 53 ! --dport 53",
        "           17   --  0.0.0.0/0            0.0.0.0/0            udp spt:53 dpt:!53",
        "    0     0            udp  --  any    any     anywhere             anywhere             udp spt:domain dpt:!domain",
    ],
    [
        "-A INPUT -p tcp ! --dport 65535",
        "-A INPUT -p tcp -m tcp ! --dport 65535",
        "           6    --  0.0.0.0/0            0.0.0.0/0            tcp dpt:!65535",
        "    0     0            tcp  --  any    any     anywhere             anywhere             tcp dpt:!65535",
    ],
    [
        "-A INPUT -p tcp ! --dport 0",
        "-A INPUT -p tcp -m tcp ! --dport 0",
        "           6    --  0.0.0.0/0            0.0.0.0/0            tcp dpt:!0",
        "    0     0            tcp  --  any    any     anywhere             anywhere             tcp dpt:!0",
    ],
    [
        "-A INPUT -p tcp --tcp-flags ACK,SYN,FIN SYN,ACK",
        "-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,ACK SYN,ACK",
        "           6    --  0.0.0.0/0            0.0.0.0/0            tcp flags:0x13/0x12",
        "    0     0            tcp  --  any    any     anywhere             anywhere             tcp flags:FIN,SYN,ACK/SYN,ACK",
    ],
    [
        "-A INPUT ! -i eth0 ! -d 1.2.3.4",
        "-A INPUT ! -d 1.2.3.4/32 ! -i eth0",
        "           0    --  0.0.0.0/0           !1.2.3.4             ",
        "    0     0            all  --  !eth0  any     anywhere            !1.2.3.4             ",
    ],
    [
        "-A INPUT ! -i +",
        "-A INPUT ! -i +",
        "           0    --  0.0.0.0/0            0.0.0.0/0           ",
        "    0     0            all  --  !+     any     anywhere             anywhere            ",
    ],
    [
        "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED",
        "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED",
        "           0    --  0.0.0.0/0            0.0.0.0/0            ctstate RELATED,ESTABLISHED",
        "    0     0            all  --  any    any     anywhere             anywhere             ctstate RELATED,ESTABLISHED",
    ],
    [
        "-A INPUT -m state --state RELATED,ESTABLISHED",
        "-A INPUT -m state --state RELATED,ESTABLISHED",
        "           0    --  0.0.0.0/0            0.0.0.0/0            state RELATED,ESTABLISHED",
        "    0     0            all  --  any    any     anywhere             anywhere             state RELATED,ESTABLISHED",
    ],
    [
        "-A INPUT -p tcp -m conntrack --ctstate NEW -m tcp --dport 22",
        "-A INPUT -p tcp -m conntrack --ctstate NEW -m tcp --dport 22",
        "           6    --  0.0.0.0/0            0.0.0.0/0            ctstate NEW tcp dpt:22",
        "    0     0            tcp  --  any    any     anywhere             anywhere             ctstate NEW tcp dpt:ssh",
    ],
    [
        "-A INPUT -p icmp -m icmp --icmp-type redirect",
        "-A INPUT -p icmp -m icmp --icmp-type 5",
        "           1    --  0.0.0.0/0            0.0.0.0/0            icmptype 5",
        "    0     0            icmp --  any    any     anywhere             anywhere             icmp redirect",
    ],
    [
        "-A INPUT -p icmp -m icmp --icmp-type fragmentation-needed",
        "-A INPUT -p icmp -m icmp --icmp-type 3/4",
        "           1    --  0.0.0.0/0            0.0.0.0/0            icmptype 3 code 4",
        "    0     0            icmp --  any    any     anywhere             anywhere             icmp fragmentation-needed",
    ],
    [
        "-A INPUT -m conntrack ! --ctstatus ASSURED",
        "-A INPUT -m conntrack ! --ctstatus ASSURED",
        "           0    --  0.0.0.0/0            0.0.0.0/0            ! ctstatus ASSURED",
        "    0     0            all  --  any    any     anywhere             anywhere             ! ctstatus ASSURED",
    ],
    [
        "-A INPUT -m mark --mark 0x1/0x1 -j MARK --set-mark 0x5/0xf",
        "-A INPUT -m mark --mark 0x1/0x1 -j MARK --set-xmark 0x5/0xf",
        "MARK       0    --  0.0.0.0/0            0.0.0.0/0            mark match 0x1/0x1 MARK xset 0x5/0xf",
        "    0     0 MARK       all  --  any    any     anywhere             anywhere             mark match 0x1/0x1 MARK xset 0x5/0xf",
    ],
    [
        "-A INPUT -p tcp --dpor 80",
        "-A INPUT -p tcp -m tcp --dport 80",
        "           6    --  0.0.0.0/0            0.0.0.0/0            tcp dpt:80",
        "    0     0            tcp  --  any    any     anywhere             anywhere             tcp dpt:http",
    ],
    [
        "-A INPUT -m tcp -p tcp",
        "-A INPUT -p tcp -m tcp",
        "           6    --  0.0.0.0/0            0.0.0.0/0            tcp",
        "    0     0            tcp  --  any    any     anywhere             anywhere             tcp",
    ],
    [
        "-A INPUT -p 6 --dport 5",
        "-A INPUT -p tcp -m tcp --dport 5",
        "           6    --  0.0.0.0/0            0.0.0.0/0            tcp dpt:5",
        "    0     0            tcp  --  any    any     anywhere             anywhere             tcp dpt:5",
    ],
];

const V6: &[[&str; 4]] = &[
    [
        "-A INPUT -s fd00::1/64 -d 2001:db8::1 -j ACCEPT",
        "-A INPUT -s fd00::/64 -d 2001:db8::1/128 -j ACCEPT",
        "ACCEPT     0    --  fd00::/64            2001:db8::1         ",
        "    0     0 ACCEPT     all  --  any    any     fd00::/64            2001:db8::1         ",
    ],
    [
        "-A INPUT -s fd00::/ffff:: -j ACCEPT",
        "-A INPUT -s fd00::/16 -j ACCEPT",
        "ACCEPT     0    --  fd00::/16            ::/0                ",
        "    0     0 ACCEPT     all  --  any    any     fd00::/16            anywhere            ",
    ],
    [
        "-A INPUT -s ::/0",
        "-A INPUT",
        "           0    --  ::/0                 ::/0                ",
        "    0     0            all  --  any    any     anywhere             anywhere            ",
    ],
    [
        "-A INPUT -p icmpv6 --icmpv6-type echo-request -j ACCEPT",
        "-A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 128 -j ACCEPT",
        "ACCEPT     58   --  ::/0                 ::/0                 ipv6-icmptype 128",
        "    0     0 ACCEPT     ipv6-icmp --  any    any     anywhere             anywhere             ipv6-icmp echo-request",
    ],
    [
        "-A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 1/3 -j ACCEPT",
        "-A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 1/3 -j ACCEPT",
        "ACCEPT     58   --  ::/0                 ::/0                 ipv6-icmptype 1 code 3",
        "    0     0 ACCEPT     ipv6-icmp --  any    any     anywhere             anywhere             ipv6-icmp address-unreachable",
    ],
    [
        "-A INPUT -p icmpv6 -m icmpv6 --icmpv6-type router-advertisement -j ACCEPT",
        "-A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 134 -j ACCEPT",
        "ACCEPT     58   --  ::/0                 ::/0                 ipv6-icmptype 134",
        "    0     0 ACCEPT     ipv6-icmp --  any    any     anywhere             anywhere             ipv6-icmp router-advertisement",
    ],
    [
        "-A INPUT -p icmpv6 -j REJECT",
        "-A INPUT -p ipv6-icmp -j REJECT --reject-with icmp6-port-unreachable",
        "REJECT     58   --  ::/0                 ::/0                 reject-with icmp6-port-unreachable",
        "    0     0 REJECT     ipv6-icmp --  any    any     anywhere             anywhere             reject-with icmp6-port-unreachable",
    ],
    [
        "-A INPUT -j REJECT --reject-with icmp6-adm-prohibited",
        "-A INPUT -j REJECT --reject-with icmp6-adm-prohibited",
        "REJECT     0    --  ::/0                 ::/0                 reject-with icmp6-adm-prohibited",
        "    0     0 REJECT     all  --  any    any     anywhere             anywhere             reject-with icmp6-adm-prohibited",
    ],
    [
        "-A INPUT -j REJECT --reject-with adm-prohib",
        "-A INPUT -j REJECT --reject-with icmp6-adm-prohibited",
        "REJECT     0    --  ::/0                 ::/0                 reject-with icmp6-adm-prohibited",
        "    0     0 REJECT     all  --  any    any     anywhere             anywhere             reject-with icmp6-adm-prohibited",
    ],
    [
        "-A INPUT -j REJECT --reject-with icmp6-policy-fail",
        "-A INPUT -j REJECT --reject-with icmp6-policy-fail",
        "REJECT     0    --  ::/0                 ::/0                 reject-with icmp6-policy-fail",
        "    0     0 REJECT     all  --  any    any     anywhere             anywhere             reject-with icmp6-policy-fail",
    ],
    [
        "-A INPUT -p tcp -j REJECT --reject-with tcp-reset",
        "-A INPUT -p tcp -j REJECT --reject-with tcp-reset",
        "REJECT     6    --  ::/0                 ::/0                 reject-with tcp-reset",
        "    0     0 REJECT     tcp  --  any    any     anywhere             anywhere             reject-with tcp-reset",
    ],
    [
        "-A FORWARD -i eth0 ! -o eth1 -p tcp --dport 80 -m conntrack --ctstate NEW -m comment --comment x -j ACCEPT",
        "-A FORWARD -i eth0 ! -o eth1 -p tcp -m tcp --dport 80 -m conntrack --ctstate NEW -m comment --comment x -j ACCEPT",
        "ACCEPT     6    --  ::/0                 ::/0                 tcp dpt:80 ctstate NEW /* x */",
        "    0     0 ACCEPT     tcp  --  eth0   !eth1   anywhere             anywhere             tcp dpt:http ctstate NEW /* x */",
    ],
    [
        "-A FORWARD -m conntrack --ctorigsrc fd00::/64 --ctorigdst fd00::1",
        "-A FORWARD -m conntrack --ctorigsrc fd00::/64 --ctorigdst fd00::1",
        "           0    --  ::/0                 ::/0                 ctorigsrc fd00::/64 ctorigdst fd00::1",
        "    0     0            all  --  any    any     anywhere             anywhere             ctorigsrc fd00::/64 ctorigdst fd00::1",
    ],
    [
        "-t nat -A PREROUTING -p tcp -j DNAT --to-destination [fd00::5]:80",
        "-A PREROUTING -p tcp -j DNAT --to-destination [fd00::5]:80",
        "DNAT       6    --  ::/0                 ::/0                 to:[fd00::5]:80",
        "    0     0 DNAT       tcp  --  any    any     anywhere             anywhere             to:[fd00::5]:80",
    ],
    [
        "-t nat -A PREROUTING -p tcp -j DNAT --to-destination fd00::5",
        "-A PREROUTING -p tcp -j DNAT --to-destination fd00::5",
        "DNAT       6    --  ::/0                 ::/0                 to:fd00::5",
        "    0     0 DNAT       tcp  --  any    any     anywhere             anywhere             to:fd00::5",
    ],
    [
        "-t nat -A PREROUTING -p tcp -j DNAT --to-destination [fd00::5-fd00::9]:80-90",
        "-A PREROUTING -p tcp -j DNAT --to-destination [fd00::5-fd00::9]:80-90",
        "DNAT       6    --  ::/0                 ::/0                 to:[fd00::5-fd00::9]:80-90",
        "    0     0 DNAT       tcp  --  any    any     anywhere             anywhere             to:[fd00::5-fd00::9]:80-90",
    ],
    [
        "-t nat -A PREROUTING -p tcp -j DNAT --to-destination fd00::5-fd00::9",
        "-A PREROUTING -p tcp -j DNAT --to-destination fd00::5-fd00::9",
        "DNAT       6    --  ::/0                 ::/0                 to:fd00::5-fd00::9",
        "    0     0 DNAT       tcp  --  any    any     anywhere             anywhere             to:fd00::5-fd00::9",
    ],
    [
        "-t nat -A POSTROUTING -p tcp -j SNAT --to-source [fd00::5]:80",
        "-A POSTROUTING -p tcp -j SNAT --to-source [fd00::5]:80",
        "SNAT       6    --  ::/0                 ::/0                 to:[fd00::5]:80",
        "    0     0 SNAT       tcp  --  any    any     anywhere             anywhere             to:[fd00::5]:80",
    ],
    [
        "-t nat -A POSTROUTING -p tcp -j SNAT --to-source [fd00::5]",
        "-A POSTROUTING -p tcp -j SNAT --to-source fd00::5",
        "SNAT       6    --  ::/0                 ::/0                 to:fd00::5",
        "    0     0 SNAT       tcp  --  any    any     anywhere             anywhere             to:fd00::5",
    ],
    [
        "-t nat -A POSTROUTING -p tcp -j SNAT --to-source :80",
        "-A POSTROUTING -p tcp -j SNAT --to-source :80",
        "SNAT       6    --  ::/0                 ::/0                 to::80",
        "    0     0 SNAT       tcp  --  any    any     anywhere             anywhere             to::80",
    ],
    [
        "-t nat -A POSTROUTING -j MASQUERADE",
        "-A POSTROUTING -j MASQUERADE",
        "MASQUERADE  0    --  ::/0                 ::/0                ",
        "    0     0 MASQUERADE  all  --  any    any     anywhere             anywhere            ",
    ],
    [
        "-t raw -A PREROUTING -j NOTRACK",
        "-A PREROUTING -j NOTRACK",
        "CT         0    --  ::/0                 ::/0                 NOTRACK",
        "    0     0 CT         all  --  any    any     anywhere             anywhere             NOTRACK",
    ],
    [
        "-A INPUT -m length --length 5",
        "-A INPUT -m length --length 5",
        "           0    --  ::/0                 ::/0                 length 5",
        "    0     0            all  --  any    any     anywhere             anywhere             length 5",
    ],
];
