use super::*;

const GOOD: &str = r#"
[gateway]
cores = [2, 3]
[[interface]]
name = "lan"
device = "af_packet:lan0"
address = ["10.1.0.1/16", "fd00:1::1/64"]
mac = "02:00:00:00:00:01"
mtu = 1500
queues = 2
promiscuous = true
[[interface]]
name = "lan.5"
vlan = { parent = "lan", id = 5 }
address = ["10.5.0.1/24"]
[[interface]]
name = "wan"
device = "tap:w0"
address = ["192.168.1.2/24"]
take_default_route = true
twin = "wan-host"
[[interface]]
name = "br0"
bridge = { ports = ["p1", "p2"] }
address = ["10.7.0.1/24"]
[[interface]]
name = "p1"
device = "af_packet:p1"
[[interface]]
name = "p2"
device = "af_packet:p2"
[[route]]
to = "default"
via = "192.168.1.1"
[[route]]
to = "10.9.0.0/16"
type = "blackhole"
[[route]]
to = "fd00:9::/48"
via = "fd00:1::9"
interface = "lan"
source = "fd00:1::1"
metric = 7
table = 100
mtu = 1400
[[neighbour]]
address = "192.168.1.1"
mac = "02:00:00:00:00:02"
interface = "wan"
[rules]
iptables = "rules.v4"
log = "file:/tmp/with \"quotes\""
nflog = "unix:/run/nflog.sock"
[api]
listen = ["unix:/run/s.sock", "tcp:127.0.0.1:5000"]
metrics = "127.0.0.1:9477"
[sysctl]
"net.ipv4.ip_forward" = 1
net.ipv4.icmp_ratelimit = "0"
"net.ipv4.conf.lan.5.rp_filter" = 2
"net.core.somaxconn" = "many"
[timeouts.long]
protocol = "tcp"
family = "ipv6"
established = 864000
syn_sent2 = 0
unacknowledged = 60
[timeouts."voice.1"]
protocol = "udp"
unreplied = 10
replied = 600
[timeouts.as_it_is]
protocol = "generic"
"#;

#[test]
fn reads_everything_and_writes_it_back() {
    let config = Config::parse(GOOD, "good").unwrap();
    assert_eq!(config.gateway.workers, Workers::Cores(vec![2, 3]));
    assert_eq!(config.interfaces.len(), 6);
    assert_eq!(config.interfaces[0].address[0].to_string(), "10.1.0.1/16");
    assert_eq!(config.routes[0].to.to_string(), "0.0.0.0/0");
    assert_eq!(config.sysctl.icmp().ratelimit_ms, 0);
    assert_eq!(config.sysctl.rp_filter("lan.5"), crate::sysctl::RpFilter::Loose);
    let long = &config.timeouts["long"];
    assert_eq!(long.protocol, TimeoutProtocol::Tcp);
    assert_eq!(
        long.seconds,
        [("established", 864_000), ("syn_sent2", 0), ("unacknowledged", 60)].into()
    );
    assert!(
        long.is_for(crate::netfilter::Family::V6) && !long.is_for(crate::netfilter::Family::V4)
    );
    assert_eq!(config.timeouts["voice.1"].seconds["replied"], 600);
    let text = config.to_toml();
    assert_eq!(Config::parse(&text, "again"), Ok(config), "{text}");
}

#[test]
fn an_empty_file_is_the_default() {
    assert_eq!(Config::parse("", "empty"), Ok(Config::default()));
}

#[test]
fn odd_names_of_settings_are_written_back_too() {
    for name in ["net.a\\nb", "net.a\\\"b", "net.a\\\\b", "net.a\\tb = 0", "net.é"] {
        let text = format!("[sysctl]\n\"{name}\" = 1\n");
        let config = Config::parse(&text, "odd").unwrap();
        assert_eq!(Config::parse(&config.to_toml(), "again"), Ok(config), "{name}");
    }
}

/// The errors of a text, one a line.
fn errors(text: &str) -> String {
    let errors = Config::parse(text, "f").unwrap_err();
    errors.iter().map(|error| format!("{error}\n")).collect()
}

#[test]
fn a_bridge_has_ports_with_devices_and_without_addresses() {
    let text = r#"[[interface]]
name = "lan"
device = "af_packet:lan"
address = ["10.1.0.1/16"]
[[interface]]
name = "lan.5"
vlan = { parent = "lan", id = 5 }
[[interface]]
name = "br0"
bridge = { ports = ["lan", "lan.5"] }
[[interface]]
name = "br1"
bridge = { ports = [] }
"#;
    let said = errors(text);
    for wanted in [
        "port `lan` has an address",
        "port `lan.5` has no device of its own",
        "a bridge has at least one port",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
}

#[test]
fn names_every_error_of_a_file_at_once() {
    let text = r#"[gatway]
[gateway]
workers = 0
[[interface]]
name = "lan"
device = "af_packet:lan0"
adress = ["10.1.0.1/16"]
mtu = 40
mac = "02:00"
[[interface]]
name = "a-name-of-16-by-"
device = "lan0"
address = ["10.1.0.1"]
[[route]]
to = "10.0.0.1/8"
type = "blackhol"
"#;
    assert_eq!(
        errors(text),
        r#"f:1:2: error: unknown key `gatway` in the file
  help: did you mean `gateway`?
f:3:11: error: 0 is no number of workers
  help: write a number from 1 to 128
f:7:1: error: unknown key `adress` in [[interface]]
  help: did you mean `address`?
f:8:7: error: 40 is no MTU
  help: write a number from 68 to 9600
f:9:7: error: `02:00` is no MAC address
  help: write six hexadecimal bytes, as in `02:00:00:00:00:01`
f:11:8: error: interface name `a-name-of-16-by-` has 16 bytes
  help: use 1 to 15 bytes without spaces, `/` and `:`
f:12:10: error: `lan0` names no device
  help: say what drives it, as in `af_packet:lan0`
f:13:12: error: `10.1.0.1` has no prefix length
  help: write the prefix length too, as in `10.1.0.1/24`
f:15:6: error: `10.0.0.1/8` has bits outside its prefix
  help: write `10.0.0.0/8`
f:16:8: error: `blackhol` is no type of route
  help: did you mean `blackhole`?
"#
    );
}

#[test]
fn names_what_only_the_whole_file_shows() {
    let text = r#"[[interface]]
name = "lan"
device = "af_packet:lan0"
address = ["10.1.0.1/16", "10.1.0.1/24"]
[[interface]]
name = "lan"
device = "af_packet:lan0"
[[interface]]
name = "v"
vlan = { parent = "wam", id = 4095 }
[[route]]
to = "0.0.0.0/0"
"#;
    assert_eq!(
        errors(text),
        r#"f:4:27: error: address 10.1.0.1 is given twice
  help: an address belongs to one interface; leave one out
f:6:8: error: interface `lan` is defined twice
  help: give each its own name
f:7:10: error: another interface already has this device
  help: name another, or leave one out
f:10:31: error: 4095 is no VLAN id
  help: write a number from 1 to 4094
f:11:1: error: the route leads nowhere
  help: add `via`, `interface` or a type such as `type = "blackhole"`
"#
    );
}

#[test]
fn names_references_to_nothing() {
    let text = r#"[[interface]]
name = "lan"
device = "af_packet:lan0"
address = ["10.1.0.1/16"]
[[interface]]
name = "v"
vlan = { parent = "lam", id = 5 }
[[route]]
to = "0.0.0.0/0"
via = "192.168.1.1"
[[route]]
to = "0.0.0.0/0"
via = "10.1.0.1"
[[neighbour]]
address = "10.1.0.2"
mac = "02:00:00:00:00:02"
interface = "dmz"
[sysctl]
"net.ipv4.ip_forwrd" = 1
"net.ipv4.ip_default_ttl" = 0
"net.ipv4.conf.lab.rp_filter" = 1
"kernel.panic" = 1
"net.ipv4.ip_forward" = "yes"
"#;
    let found = errors(text);
    for line in [
        "f:7:8: error: no interface is named `lam`\n  help: did you mean `lan`?",
        "f:10:7: error: next hop 192.168.1.1 is on no connected subnet",
        "f:11:1: error: route to 0.0.0.0/0 is given twice",
        "f:13:7: error: next hop 10.1.0.1 is the gateway itself",
        "f:17:13: error: no interface is named `dmz`",
        "f:19:1: error: unknown setting `net.ipv4.ip_forwrd`\n  help: did you mean `net.ipv4.ip_forward`?",
        "f:20:1: error: `0` is no value for net.ipv4.ip_default_ttl",
        "f:21:1: error: no interface is named `lab`",
        "f:22:1: error: `kernel.panic` means nothing here",
        "f:23:1: error: `yes` is no value for net.ipv4.ip_forward",
    ] {
        assert!(found.contains(line), "{line}\nnot in\n{found}");
    }
}

#[test]
fn names_what_is_wrong_with_timeout_policies() {
    let text = r#"[timeouts.a]
protocol = "tcp"
establish = 5
replied = 5
close = -1
[timeouts.b]
protocol = "dccp"
replied = 5
[timeouts.c]
family = "inet"
[timeouts.d]
protocol = "udp"
family = "inet"
[timeouts."with blanks"]
protocol = "icpmv6"
[timeouts]
e = 7
"#;
    assert_eq!(
        errors(text),
        r#"f:3:1: error: unknown key `establish` in [timeouts.a]
  help: did you mean `established`?
f:4:1: error: unknown key `replied` in [timeouts.a]
  help: [timeouts.a] knows protocol, family, syn_sent, syn_recv, established, fin_wait, close_wait, last_ack, time_wait, close, syn_sent2, retrans, unacknowledged
f:5:9: error: -1 is no number of seconds
  help: write a number from 0 to 2147483647
f:7:12: error: `dccp` is no protocol with timeouts
  help: its states are not followed here; write `generic`
f:9:11: error: `protocol` is missing in [timeouts.c]
  help: add `protocol = "tcp"`
f:13:10: error: `inet` is no IP version
  help: write `ipv4` or `ipv6`, or leave it out for both
f:14:11: error: `with blanks` is no policy's name
  help: use 1 to 31 bytes without spaces, quotes and control characters
f:15:12: error: `icpmv6` is no protocol with timeouts
  help: did you mean `icmpv6`?
f:17:1: error: policy `e` must be a table
  help: write `[timeouts.NAME]`, a table for each policy
"#
    );
}

#[test]
fn a_syntax_error_has_its_place() {
    let found = errors("[gateway]\nworkers = \n[api\n");
    assert!(found.starts_with("f:2:"), "{found}");
    assert!(found.contains("f:3:"), "{found}");
}
