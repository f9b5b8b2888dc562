//! Owns the tests of `iptables-restore` and `iptables-save` with their options: both routers hold the
//! same rules after each step.

use std::fs;

use sluice_tests::router::Setup;
use sluice_tests::{Kind, Router, Topology, on_every_router};

use crate::MASQUERADE;

on_every_router!(options);

/// What is restored, with which options, and whether it is taken.
const STEPS: &[(&str, &str, bool)] = &[
    ("iptables-restore -n", "*filter\n-A FORWARD -p udp -j DROP\nCOMMIT\n", true),
    ("iptables-restore --noflush", "*mangle\n-A FORWARD -s 10.9.0.0/16 -j ACCEPT\nCOMMIT\n", true),
    ("iptables-restore --test", "*filter\n:INPUT DROP [0:0]\nCOMMIT\n", true),
    ("iptables-restore --test", "*filter\n-A FORWARD --frob\nCOMMIT\n", false),
    ("iptables-restore", "*filter\n-A FORWARD -p tcp --dport 70000 -j DROP\nCOMMIT\n", false),
    ("iptables-restore", "*filter\n-A FORWARD -j ACCEPT\n", false),
    (
        "iptables-restore -T nat",
        "*nat\n-A POSTROUTING -o wan0 -j SNAT --to-source 192.168.1.146\nCOMMIT\n\
         *filter\n:FORWARD ACCEPT [0:0]\nCOMMIT\n",
        true,
    ),
    (
        "iptables-restore -c",
        "*filter\n:INPUT ACCEPT [3:300]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n:own - [0:0]\n\
         [7:700] -A FORWARD -i lan0 -j own\n[2:128] -A own -p icmp -j RETURN\nCOMMIT\n",
        true,
    ),
    (
        "iptables-restore",
        "*filter\n:FORWARD ACCEPT [0:0]\n[9:900] -A FORWARD -j ACCEPT\nCOMMIT\n",
        true,
    ),
];

fn options(kind: Kind) {
    let said = transcript(kind);
    if kind != Kind::Kernel {
        assert_eq!(said, transcript(Kind::Kernel), "sluice first, then the kernel");
    }
}

fn transcript(kind: Kind) -> Vec<String> {
    let net = Topology::new();
    let router = Router::start(kind, &net, &Setup::new(MASQUERADE));
    let run = |words: &str| match &router {
        Router::Kernel(_) => net.router.shell(words),
        Router::Sluice(gateway) => gateway.sluice(words),
    };
    let file = net.scratch().join("restored");
    let step = |(command, text, taken): &(&str, &str, bool)| {
        fs::write(&file, text).unwrap();
        let output = run(&format!("{command} < {}", file.display()));
        assert_eq!(output.code == 0, *taken, "{command}: {output:?}");
        let mut rules = String::new();
        for save in ["iptables-save -c -t filter", "iptables-save -t nat"] {
            let saved = run(save).stdout;
            let mut lines: Vec<_> = saved.lines().filter(|line| !line.starts_with('#')).collect();
            // Of a chain the order matters, of chains it does not.
            lines.sort_by_key(|line| {
                let words = line.split_whitespace().skip_while(|word| word.starts_with('['));
                words.take(2).collect::<Vec<_>>()
            });
            rules += &format!("{save}\n{}\n", lines.join("\n"));
        }
        format!("{command} {text}\n{rules}")
    };
    STEPS.iter().map(step).collect()
}
