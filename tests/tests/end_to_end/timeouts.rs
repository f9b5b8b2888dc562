//! Owns the tests of timeout policies in a gateway that runs: connections follow them through new configurations.

use std::fs;
use std::net::UdpSocket;

use sluice_tests::gateway::Gateway;
use sluice_tests::process::Output;
use sluice_tests::router::Setup;
use sluice_tests::{Topology, on_sluice};

use crate::MASQUERADE;

on_sluice!(a_policy_through_new_configurations, rules_that_name_no_policy);

const POLICY: &str = "
    [timeouts.voice]
    protocol = \"udp\"
    unreplied = 500
";
const RULE: &str = "-A PREROUTING -p udp -m udp --dport 9999 -j CT --timeout voice";

fn setup() -> Setup {
    Setup::new(&format!("*raw\n{RULE}\nCOMMIT\n{MASQUERADE}")).with_timeouts(POLICY)
}

/// Seconds that the only UDP connection has left.
fn left(gateway: &Gateway) -> u32 {
    let listed = gateway.must("conntrack -L -p udp");
    let words: Vec<&str> = listed.split_whitespace().collect();
    assert_eq!(listed.lines().count(), 1, "{listed}");
    words[2].parse().unwrap_or_else(|_| panic!("no seconds in {listed}"))
}

/// Pushes the running configuration with `from` replaced in it and in its rules.
fn push(gateway: &Gateway, changes: &[(&str, &str)]) -> Output {
    let file = gateway.configuration();
    let folder = file.parent().unwrap();
    let replaced =
        |text: String| changes.iter().fold(text, |text, (from, to)| text.replace(from, to));
    let rules = fs::read_to_string(folder.join("iptables.rules")).unwrap();
    fs::write(folder.join("next.rules"), replaced(rules)).unwrap();
    let toml = replaced(fs::read_to_string(&file).unwrap());
    let next = folder.join("next.toml");
    fs::write(&next, toml.replace("iptables.rules", "next.rules")).unwrap();
    gateway.sluice(&format!("config push {}", next.display()))
}

fn a_policy_through_new_configurations(workers: u32) {
    let net = Topology::new();
    let gateway = Gateway::start(&net.router, net.scratch(), &setup(), workers);
    let sender = net.client.enter(|| UdpSocket::bind("0.0.0.0:0").unwrap());
    sender.connect("192.168.1.9:9999").unwrap();
    net.client.must("ping -c 1 -W 2 192.168.1.9");
    // What the server says of its closed port comes back as an error.
    let says = || {
        let _ = sender.send(b"question").or_else(|_| sender.send(b"question"));
        std::thread::sleep(std::time::Duration::from_millis(200));
    };
    says();
    assert!((490..=500).contains(&left(&gateway)), "{}", left(&gateway));
    // Other seconds, for the connection there is.
    assert_eq!(push(&gateway, &[("= 500", "= 800")]).code, 0);
    assert!(left(&gateway) <= 500, "its end stands until its next packet");
    says();
    assert!((790..=800).contains(&left(&gateway)), "{}", left(&gateway));
    // The rule is taken away: the connection keeps its policy.
    gateway.must("iptables -t raw -F");
    says();
    assert!((790..=800).contains(&left(&gateway)), "{}", left(&gateway));
    // So is the policy: the connection goes on as any.
    let gone = [(RULE, ""), ("[timeouts.voice]", "[timeouts.other]")];
    assert_eq!(push(&gateway, &gone).code, 0);
    says();
    assert!(left(&gateway) <= 30, "{}", left(&gateway));
    assert!(gateway.must("config get").contains("[timeouts.other]"));
}

/// In the words of iptables, or with file and line; and nothing changes.
fn rules_that_name_no_policy(workers: u32) {
    let net = Topology::new();
    let gateway = Gateway::start(&net.router, net.scratch(), &setup(), workers);
    let refused = "iptables v1.8.9 (nf_tables):  RULE_APPEND failed";
    for (rule, reason) in [
        ("-p udp -j CT --timeout nope", "No such file or directory"),
        ("-p tcp -j CT --timeout voice", "Invalid argument"),
        ("-j CT --timeout voice", "Invalid argument"),
    ] {
        let said = gateway.sluice(&format!("iptables -t raw -A OUTPUT {rule}"));
        let expected = format!("{refused} ({reason}): rule in chain OUTPUT\n");
        assert_eq!((said.code, said.stderr), (4, expected), "{rule}");
    }
    // Of both families where it says none.
    gateway.must("ip6tables -t raw -A OUTPUT -p udp -j CT --timeout voice");
    let text = "printf '*raw\\n-A OUTPUT -p udp -j CT --timeout nope\\nCOMMIT\\n'";
    let restore = gateway.spelled("iptables-restore -n");
    let said = sluice_tests::process::shell(&[], &format!("{text} | {restore}"));
    assert_eq!(said.code, 4, "{said:?}");
    assert!(said.stderr.contains("line 2: RULE_APPEND failed (No such file"), "{said:?}");
    let rules = || gateway.must("iptables -t raw -S");
    let before = rules();
    let said = push(&gateway, &[("[timeouts.voice]", "[timeouts.vocie]")]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.stderr.contains("next.rules:2:"), "{said:?}");
    assert!(said.stderr.contains("did you mean `vocie`?"), "{said:?}");
    assert_eq!(rules(), before);
}
