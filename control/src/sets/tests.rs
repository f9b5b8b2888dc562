//! Command lines carried out, without a gateway. The comparison with the real tool is among the differential tests.

use super::*;
use sluice_config::ipset::split;

fn words(line: &str) -> Vec<String> {
    split(line)
}

/// Runs lines and gives all that was said, exit codes other than 0 in front.
fn said(sets: &SharedSets, lines: &str, now: Instant) -> String {
    let mut text = String::new();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let answer = run(sets, &words(line), "", now);
        if answer.code != 0 {
            text += &format!("{} ", answer.code);
        }
        text += &answer.stdout;
        text += &answer.stderr;
    }
    text
}

#[test]
fn what_is_saved_restores_the_same_sets() {
    let text = "\
create a hash:ip family inet hashsize 1024 maxelem 65536 timeout 100 counters comment bucketsize 12 initval 0x00000001
add a 10.0.0.1 timeout 50 packets 3 bytes 4 comment \"two words\"
create n hash:net family inet hashsize 1024 maxelem 65536 bucketsize 12 initval 0x00000002
add n 10.0.0.0/8 nomatch
create p hash:ip,port,net family inet6 hashsize 64 maxelem 9 bucketsize 12 initval 0x00000003
add p 2001:db8::1,tcp:80,2001:db8::/32
create i hash:net,iface family inet hashsize 1024 maxelem 65536 bucketsize 12 initval 0x00000004
add i 0.0.0.0/0,eth wildcard
create m hash:mac hashsize 1024 maxelem 65536 bucketsize 12 initval 0x00000005
add m 02:00:00:00:00:0A
create k hash:ip,port family inet hashsize 1024 maxelem 65536 skbinfo bucketsize 12 initval 0x00000006
add k 10.0.0.1,udp:53 skbmark 0x1/0xff skbprio 1:10 skbqueue 2
create b bitmap:ip range 10.0.0.0-10.0.255.255 netmask 24
add b 10.0.3.0
create l list:set size 8
add l n
add l a
";
    let sets = SharedSets::default();
    let now = Instant(5);
    let answer = run(&sets, &words("restore"), text, now);
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
    assert_eq!(said(&sets, "save", now), text);
    let (one, other) = ("2001:0db8::1", "n");
    assert_eq!(
        said(&sets, &format!("test p {one},80,2001:db8::9\ntest l {other}"), now),
        "Warning: 2001:db8::1,tcp:80,2001:db8::9 is in set p.\nWarning: n is in set l.\n"
    );
}

#[test]
fn a_wrong_line_is_named_and_a_file_of_the_configuration_is_refused() {
    let text = "create a hash:ip\n\n# so\nadd a 1.2.3.4\nadd a nonsense\n";
    let answer = run(&SharedSets::default(), &words("restore"), text, Instant(5));
    assert_eq!(
        (answer.code, answer.stderr.as_str()),
        (
            1,
            "ipset v7.17: Error in line 5: Syntax error: cannot parse nonsense: resolving to IPv4 address failed\n"
        )
    );
    let found = SharedSets::load(text, "sets", Instant(5)).expect_err("line 5 is wrong");
    assert_eq!((found.file.as_str(), found.line), ("sets", 5));
}

#[test]
fn exist_and_quiet() {
    let sets = SharedSets::default();
    let text = said(
        &sets,
        "create a hash:ip
         create a hash:ip -exist
         create a hash:net -exist
         add a 1.1.1.1
         -! add a 1.1.1.1
         -q add a 1.1.1.1
         del a 2.2.2.2 -exist
         destroy b",
        Instant(5),
    );
    assert_eq!(
        text,
        "1 ipset v7.17: Set cannot be created: set with the same name already exists\n\
         1 1 ipset v7.17: The set with the given name does not exist\n"
    );
}

/// As the tool says it.
#[test]
fn a_range_of_ipv6_is_no_address() {
    let sets = SharedSets::default();
    let lines = "\
create a hash:ip,port family inet6
create n hash:ip,port,ip family inet6
create m hash:ip family inet6 netmask 64
add a ::/0,1
add a ::/127,1
add a fd00::1/0,1
add n fd00::1,tcp:1,fd00::-fd00::2
add m fd00::/64
add a fd00::1/128,1";
    let refused = ["::/0", "::/127", "fd00::1/0", "fd00::-fd00::2", "fd00::/64"].map(|text| {
        format!("1 ipset v7.17: Syntax error: plain IP address must be supplied: {text}\n")
    });
    assert_eq!(said(&sets, lines, Instant(0)), refused.concat());
}
