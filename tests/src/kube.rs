//! Owns rulesets in the shape that kube-proxy writes in its iptables mode: `KUBE-SERVICES` with a rule for every service, a chain for
//! each, and one for each of its endpoints.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

/// A service's address and port are 10.96.0.1:80 for the first, and on from there.
pub fn service(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 96, 0, 1)) + number)
}

/// An endpoint listens on port 8080.
pub fn endpoint(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 128, 0, 1)) + number)
}

/// Names as kube-proxy's: sixteen letters and digits of a hash.
fn name(kind: &str, number: u32) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut mixed = (u64::from(number) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut letter = || {
        mixed = (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        char::from(LETTERS[(mixed >> 59) as usize])
    };
    format!("KUBE-{kind}-{}", (0..16).map(|_| letter()).collect::<String>())
}

/// As `iptables-save` prints it, without comments and counters at zero.
pub fn ruleset(services: u32, endpoints: u32) -> String {
    let mut text =
        String::from("*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n");
    text += ":KUBE-FORWARD - [0:0]\n";
    for rule in [
        "FORWARD -m comment --comment \"kubernetes forwarding rules\" -j KUBE-FORWARD",
        "KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP",
        "KUBE-FORWARD -m comment --comment \"kubernetes forwarding rules\" -m mark --mark 0x4000/0x4000 -j ACCEPT",
        "KUBE-FORWARD -m comment --comment \"kubernetes forwarding conntrack rule\" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    ] {
        text += &format!("-A {rule}\n");
    }
    text += "COMMIT\n*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n";
    for chain in ["KUBE-MARK-MASQ", "KUBE-NODEPORTS", "KUBE-POSTROUTING", "KUBE-SERVICES"] {
        text += &format!(":{chain} - [0:0]\n");
    }
    let chain = |text: &mut String, kind, number| writeln!(text, ":{} - [0:0]", name(kind, number));
    for at in 0..services {
        chain(&mut text, "SVC", at).expect("a string takes any text");
        for of in 0..endpoints {
            chain(&mut text, "SEP", at * endpoints + of).expect("as above");
        }
    }
    for rule in [
        "PREROUTING -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES",
        "OUTPUT -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES",
        "POSTROUTING -m comment --comment \"kubernetes postrouting rules\" -j KUBE-POSTROUTING",
        "KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000",
        "KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN",
        "KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0",
        "KUBE-POSTROUTING -m comment --comment \"kubernetes service traffic requiring SNAT\" -j MASQUERADE --random-fully",
    ] {
        text += &format!("-A {rule}\n");
    }
    for at in 0..services {
        rule_of_service(&mut text, at).expect("as above");
    }
    text += "-A KUBE-SERVICES -m comment --comment \"kubernetes service nodeports; NOTE: this must be the last rule in this chain\" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS\n";
    for at in 0..services {
        chains_of_service(&mut text, at, endpoints).expect("as above");
    }
    text + "COMMIT\n"
}

fn rule_of_service(text: &mut String, at: u32) -> std::fmt::Result {
    let (address, chain) = (service(at), name("SVC", at));
    writeln!(
        text,
        "-A KUBE-SERVICES -d {address}/32 -p tcp -m comment --comment \"ns{at}/svc{at}:http cluster IP\" -m tcp --dport 80 -j {chain}"
    )
}

fn chains_of_service(text: &mut String, at: u32, endpoints: u32) -> std::fmt::Result {
    let (address, chain) = (service(at), name("SVC", at));
    writeln!(
        text,
        "-A {chain} ! -s 10.0.0.0/8 -d {address}/32 -p tcp -m comment --comment \"ns{at}/svc{at}:http cluster IP\" -m tcp --dport 80 -j KUBE-MARK-MASQ"
    )?;
    let members = || (0..endpoints).map(|of| at * endpoints + of);
    for (number, left) in members().zip((1..=endpoints).rev()) {
        let (to, target) = (endpoint(number), name("SEP", number));
        write!(text, "-A {chain} -m comment --comment \"ns{at}/svc{at}:http -> {to}:8080\"")?;
        // The last takes what the others leave.
        if left > 1 {
            let probability = chance(left);
            write!(text, " -m statistic --mode random --probability {probability}")?;
        }
        writeln!(text, " -j {target}")?;
    }
    for number in members() {
        let (to, chain) = (endpoint(number), name("SEP", number));
        let comment = format!("-m comment --comment \"ns{at}/svc{at}:http\"");
        writeln!(text, "-A {chain} -s {to}/32 {comment} -j KUBE-MARK-MASQ")?;
        writeln!(text, "-A {chain} -p tcp {comment} -m tcp -j DNAT --to-destination {to}:8080")?;
    }
    Ok(())
}

/// One of so many, as the kernel keeps it (of 2^31) and the tool prints it.
fn chance(of: u32) -> String {
    let kept = (2_147_483_648.0 / f64::from(of)).round();
    format!("{:.11}", kept / 2_147_483_648.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart() {
        let names: std::collections::HashSet<String> =
            (0..100_000).map(|at| name("SEP", at)).collect();
        assert_eq!(names.len(), 100_000);
        assert!(names.iter().all(|name| name.len() == 25));
    }

    #[test]
    fn there_are_as_many_rules_as_kube_proxy_would_write() {
        let rules = |services, endpoints| {
            ruleset(services, endpoints).lines().filter(|line| line.starts_with("-A")).count()
                as u32
        };
        // A service has one in KUBE-SERVICES and one against its own clients; an endpoint has three.
        assert_eq!(rules(20, 3), 12 + 20 * (2 + 3 * 3));
    }
}
