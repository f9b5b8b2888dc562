//! Matches that count: by time, by source, or at all.

use super::{check, check_both};
use sluice_config::netfilter::Family;

#[test]
fn limit() {
    check_both(&[
        "-A FORWARD -m limit -j ACCEPT",
        "-A FORWARD -m limit --limit 5/min --limit-burst 7 -j ACCEPT",
        "-A FORWARD -m limit --limit 10/s --limit-burst 5",
        "-A FORWARD -m limit --limit 10/SECOND",
        "-A FORWARD -m limit --limit 90/minute",
        "-A FORWARD -m limit --limit 60/minute",
        "-A FORWARD -m limit --limit 61/minute",
        "-A FORWARD -m limit --limit 3/hour",
        "-A FORWARD -m limit --limit 1/day",
        "-A FORWARD -m limit --limit 1/d --limit-burst 10000",
        "-A FORWARD -m limit --limit 10000/s",
        "-A FORWARD -m limit --limit 20000/s",
        "-A FORWARD -m limit --limit 600000/min",
        "-A FORWARD -m limit --limit 3333/s",
        "-A FORWARD -m limit --limit 5",
        "-A FORWARD -m limit --limit 5/",
        "-A FORWARD -m limit --limit /s",
        "-A FORWARD -m limit --limit 5/seconds",
        "-A FORWARD -m limit --limit 5/week",
        "-A FORWARD -m limit --limit 0/s",
        "-A FORWARD -m limit --limit -5/s",
        "-A FORWARD -m limit --limit 5x/s",
        "-A FORWARD -m limit --limit ' 5/s'",
        "-A FORWARD -m limit --limit 99999999999/s",
        "-A FORWARD -m limit --limit foo",
        "-A FORWARD -m limit --limit ''",
        "-A FORWARD -m limit ! --limit 5/s",
        "-A FORWARD -m limit --limit 5/s --limit 6/s",
        "-A FORWARD -m limit --limit-burst 0",
        "-A FORWARD -m limit --limit-burst 1",
        "-A FORWARD -m limit --limit-burst 10000",
        "-A FORWARD -m limit --limit-burst 10001",
        "-A FORWARD -m limit --limit-burst foo",
        "-A FORWARD -m limit --limit-burst 0x10",
    ]);
}

#[test]
fn hashlimit_packets() {
    let lines = |options: &str| format!("-A FORWARD -m hashlimit --hashlimit-name n {options}");
    let lines: Vec<String> = [
        "--hashlimit-upto 10/s",
        "--hashlimit-above 10/sec --hashlimit-mode srcip",
        "--hashlimit 5 --hashlimit-mode srcip,dstport,srcport,dstip",
        "! --hashlimit-upto 5/min --hashlimit-mode dstip|srcip",
        "! --hashlimit-above 5/hour --hashlimit-mode ,dstip,,",
        "--hashlimit-upto 5/day --hashlimit-burst 1",
        "--hashlimit-upto 1/day --hashlimit-burst 1",
        "--hashlimit-upto 1/day --hashlimit-burst 2",
        "--hashlimit-upto 1/day",
        "--hashlimit-upto 2/day",
        "--hashlimit-upto 1/hour --hashlimit-burst 30",
        "--hashlimit-upto 1/hour --hashlimit-burst 40",
        "--hashlimit-upto 1/hour --hashlimit-burst 100",
        "--hashlimit-upto 60/min",
        "--hashlimit-upto 90/min",
        "--hashlimit-upto 61/min",
        "--hashlimit-upto 3600/hour",
        "--hashlimit-upto 7/MINUTE",
        "--hashlimit-upto 1000000/s",
        "--hashlimit-upto 1000001/s",
        "--hashlimit-upto 333333/s",
        "--hashlimit-upto 999999/s",
        "--hashlimit-upto 99999999999/day",
        "--hashlimit-upto -5/s",
        "--hashlimit-upto ' 5/s'",
        "--hashlimit-upto 5x/s",
        "--hashlimit-upto 0/s",
        "--hashlimit-upto 5/",
        "--hashlimit-upto 5/seconds",
        "--hashlimit-upto 5/week",
        "--hashlimit-upto /s",
        "--hashlimit-upto ''",
        "--hashlimit-upto foo",
        "--hashlimit-above foo",
        "--hashlimit foo",
        "--hashlimit-upto 5/s --hashlimit-above 6/s",
        "--hashlimit-upto 5/s --hashlimit 6/s",
        "--hashlimit-upto 5/s --hashlimit-mode foo",
        "--hashlimit-upto 5/s --hashlimit-mode none",
        "--hashlimit-upto 5/s --hashlimit-mode ''",
        "--hashlimit-upto 5/s --hashlimit-burst 0",
        "--hashlimit-upto 5/s --hashlimit-burst 1000000",
        "--hashlimit-upto 5/s --hashlimit-burst 1000001",
        "--hashlimit-upto 5/s --hashlimit-burst 10k",
        "--hashlimit-upto 5/s --hashlimit-burst 1m",
        "--hashlimit-upto 5/s --hashlimit-burst 3xyz",
        "--hashlimit-upto 5/s --hashlimit-burst foo",
        "--hashlimit-upto 5/s --hashlimit-srcmask 24 --hashlimit-dstmask 16",
        "--hashlimit-upto 5/s --hashlimit-srcmask 32 --hashlimit-dstmask 128",
        "--hashlimit-upto 5/s --hashlimit-srcmask 0",
        "--hashlimit-upto 5/s --hashlimit-srcmask 255.255.0.0",
        "--hashlimit-upto 5/s --hashlimit-srcmask ffff::",
        "--hashlimit-upto 5/s --hashlimit-srcmask 33",
        "--hashlimit-upto 5/s --hashlimit-dstmask 129",
        "--hashlimit-upto 5/s --hashlimit-dstmask foo",
        "",
        "--hashlimit-mode srcip",
    ]
    .map(lines)
    .into();
    check_both(&lines.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn hashlimit_bytes() {
    let lines = |options: &str| format!("-A FORWARD -m hashlimit --hashlimit-name n {options}");
    let lines: Vec<String> = [
        "--hashlimit-upto 512kb/s",
        "--hashlimit-above 512kb/s --hashlimit-mode srcip",
        "--hashlimit-upto 1mb/s --hashlimit-burst 1mb",
        "--hashlimit-upto 1mb/s --hashlimit-burst 3mb",
        "--hashlimit-upto 1mb/s --hashlimit-burst 2500kb",
        "--hashlimit-upto 1mb/s --hashlimit-burst 1kb",
        "--hashlimit-upto 1000b/s",
        "--hashlimit-upto 1000b/s --hashlimit-burst 5000",
        "--hashlimit-upto 1000b/s --hashlimit-burst 900",
        "--hashlimit-upto 16b/s",
        "--hashlimit-upto 15b/s",
        "--hashlimit-upto 1b/s",
        "--hashlimit-upto 17b/s --hashlimit-burst 17",
        "--hashlimit-upto 100mb/s",
        "--hashlimit-upto 123456b/s",
        "--hashlimit-upto 1024mb/s",
        "--hashlimit-upto 20000mb/s",
        "--hashlimit-upto 40000mb/s",
        "--hashlimit-upto 5gb/s",
        "--hashlimit-upto 5kbb/s",
        "--hashlimit-upto b/s",
        "--hashlimit-upto 0b/s",
        "--hashlimit-upto 5kb/sec",
        "--hashlimit-upto 5kb/s --hashlimit-burst 1000000000000",
        "--hashlimit-upto 5kb/s --hashlimit-burst 10000000k",
        "--hashlimit-upto 512kb/s --hashlimit-htable-expire 15000",
        "--hashlimit-upto 512kb/s --hashlimit-htable-expire 60000",
        "--hashlimit-upto 512kb/s --hashlimit-burst 1mb --hashlimit-htable-expire 60000",
    ]
    .map(lines)
    .into();
    check_both(&lines.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn hashlimit_tables() {
    let lines = |options: &str| format!("-A FORWARD -m hashlimit --hashlimit-upto 5/min {options}");
    let long = format!("--hashlimit-name {}", "x".repeat(254));
    let mut lines: Vec<String> = [
        "--hashlimit-name a.b",
        "--hashlimit-name 'two words'",
        "--hashlimit-name ''",
        "--hashlimit-name .",
        "--hashlimit-name ..",
        "--hashlimit-name a/b",
        "--hashlimit-name n --hashlimit-htable-size 100 --hashlimit-htable-max 200",
        "--hashlimit-name n --hashlimit-htable-expire 60000",
        "--hashlimit-name n --hashlimit-htable-expire 1000",
        "--hashlimit-name n --hashlimit-htable-expire 0",
        "--hashlimit-name n --hashlimit-htable-gcinterval 500",
        "--hashlimit-name n --hashlimit-htable-gcinterval 1000",
        "--hashlimit-name n --hashlimit-htable-gcinterval 0",
        "--hashlimit-name n --hashlimit-htable-size 1048576",
        "--hashlimit-name n --hashlimit-htable-max 1048577",
        "--hashlimit-name n --hashlimit-htable-max 4294967296",
        "--hashlimit-name n --hashlimit-htable-size foo",
        "--hashlimit-name n --hashlimit-rate-match",
        "--hashlimit-name n --hashlimit-rate-match --hashlimit-rate-interval 1",
        "--hashlimit-name n --hashlimit-rate-match --hashlimit-rate-interval 30",
        "--hashlimit-name n --hashlimit-rate-interval 30",
        "--hashlimit-name n --hashlimit-rate-match --hashlimit-rate-interval 0",
        "--hashlimit-name n --hashlimit-rate-match --hashlimit-rate-interval 5x",
        "--hashlimit-name n --hashlimit-rate-match --hashlimit-rate-interval foo",
        "--hashlimit-name n --hashlimit-rate-match --hashlimit-rate-interval -1",
        "--hashlimit-name n ! --hashlimit-rate-match",
        "--hashlimit-name n --hashlimit-name m",
        "--hashlimit-mode srcip",
        &long,
    ]
    .map(lines)
    .into();
    let whole = [
        "-A FORWARD -m hashlimit --hashlimit-name n --hashlimit-rate-match --hashlimit-upto 10/s",
        "-A FORWARD -m hashlimit --hashlimit-name n --hashlimit-rate-match --hashlimit-above 10/hour",
        "-A FORWARD -m hashlimit --hashlimit-name n --hashlimit-rate-match --hashlimit-above 1/day",
        "-A FORWARD -m hashlimit --hashlimit-name n --hashlimit-rate-match --hashlimit-above 512kb/s --hashlimit-rate-interval 7",
        "-A FORWARD -m hashlimit --hashlimit-name n --hashlimit-rate-match --hashlimit-above 512kb/s --hashlimit-burst 1m",
        "-A FORWARD -m hashlimit",
        "-A FORWARD -m hashlimit --hashlimit-name n",
        "-A FORWARD -m hashlimit --hashlimit-ht 5",
    ];
    lines.extend(whole.map(str::to_owned));
    check_both(&lines.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn recent() {
    let long = format!("-A FORWARD -m recent --set --name {}", "x".repeat(210));
    check(Family::V4, &[&long]);
    check_both(&[
        "-A FORWARD -m recent --set -j ACCEPT",
        "-A FORWARD -m recent --set --name SSHOPEN --rsource -j ACCEPT",
        "-A FORWARD -m recent --rcheck --seconds 15 --name SSHOPEN --rsource -j ACCEPT",
        "-A FORWARD -m recent --update --name httpuser --seconds 60 --hitcount 9 --rdest -j DROP",
        "-A FORWARD -m recent ! --rcheck --rttl --reap --seconds 4294967295",
        "-A FORWARD -m recent ! --update",
        "-A FORWARD -m recent ! --set",
        "-A FORWARD -m recent ! --remove --name a",
        "-A FORWARD -m recent --rcheck --rsource --rdest",
        "-A FORWARD -m recent --rcheck --rdest --rsource",
        "-A FORWARD -m recent --rcheck --mask 255.255.255.0",
        "-A FORWARD -m recent --rcheck --mask ffff:ffff::",
        "-A FORWARD -m recent --rcheck --mask ::1.2.3.4",
        "-A FORWARD -m recent --rcheck --mask 24",
        "-A FORWARD -m recent --rcheck --mask 255.0.255.0",
        "-A FORWARD -m recent --rcheck --mask 0",
        "-A FORWARD -m recent --rcheck --seconds 0",
        "-A FORWARD -m recent --rcheck --seconds foo",
        "-A FORWARD -m recent --rcheck --seconds 4294967296",
        "-A FORWARD -m recent --rcheck --hitcount 0",
        "-A FORWARD -m recent --rcheck --hitcount 20",
        "-A FORWARD -m recent --rcheck --hitcount 21",
        "-A FORWARD -m recent --rcheck --hitcount 255",
        "-A FORWARD -m recent --rcheck --hitcount 256",
        "-A FORWARD -m recent --rcheck --hitcount 65535",
        "-A FORWARD -m recent --rcheck --hitcount 65536",
        "-A FORWARD -m recent --rcheck --hitcount foo",
        "-A FORWARD -m recent --rcheck --reap",
        "-A FORWARD -m recent --rcheck --name ''",
        "-A FORWARD -m recent --rcheck --name .",
        "-A FORWARD -m recent --rcheck --name a/b",
        "-A FORWARD -m recent --rcheck --name 'two words'",
        "-A FORWARD -m recent --set --seconds 5",
        "-A FORWARD -m recent --set --hitcount 5",
        "-A FORWARD -m recent --remove --seconds 5",
        "-A FORWARD -m recent --set --rttl",
        "-A FORWARD -m recent --remove --rttl",
        "-A FORWARD -m recent --set --seconds 5 --reap",
        "-A FORWARD -m recent --set --rcheck",
        "-A FORWARD -m recent --remove --update",
        "-A FORWARD -m recent --update --remove --set",
        "-A FORWARD -m recent --set --set",
        "-A FORWARD -m recent --set ! --rsource",
        "-A FORWARD -m recent --name a",
        "-A FORWARD -m recent",
        "-A FORWARD -m recent --set --name a ; -A FORWARD -m recent --rcheck --hitcount 100 --name a",
    ]);
}

#[test]
fn statistic() {
    check_both(&[
        "-A FORWARD -m statistic --mode random --probability 0.5",
        "-A FORWARD -m statistic --mode random ! --probability 0.33333333349",
        "-A FORWARD -m statistic --mode random --probability 0.1",
        "-A FORWARD -m statistic --mode random --probability 1",
        "-A FORWARD -m statistic --mode random --probability 0",
        "-A FORWARD -m statistic --mode random --probability 1e-3",
        "-A FORWARD -m statistic --mode random --probability .25",
        "-A FORWARD -m statistic --mode random --probability 0.00000000024",
        "-A FORWARD -m statistic --mode random --probability 1.1",
        "-A FORWARD -m statistic --mode random --probability -0.1",
        "-A FORWARD -m statistic --mode random --probability x",
        "-A FORWARD -m statistic --mode random --probability 0.5x",
        "-A FORWARD -m statistic --mode random",
        "-A FORWARD -m statistic --mode nth",
        "-A FORWARD -m statistic --mode often",
        "-A FORWARD -m statistic",
        "-A FORWARD -m statistic --probability 0.5",
        "-A FORWARD -m statistic --every 5 --packet 1",
        "-A FORWARD -m statistic --mode nth --every 5 --packet 2",
        "-A FORWARD -m statistic --mode nth ! --every 5 --packet 0",
        "-A FORWARD -m statistic --mode nth --packet 2 --every 5",
        "-A FORWARD -m statistic --mode nth --every 5 --packet 5",
        "-A FORWARD -m statistic --mode nth --every 5",
        "-A FORWARD -m statistic --mode nth --packet 0",
        "-A FORWARD -m statistic --mode nth --packet 1",
        "-A FORWARD -m statistic --mode nth --every 0 --packet 0",
        "-A FORWARD -m statistic --mode nth --every 1 --packet 0",
        "-A FORWARD -m statistic --mode nth --every 4294967295 --packet 7",
        "-A FORWARD -m statistic --mode nth --every 3 ! --packet 0",
        "-A FORWARD -m statistic --mode nth --probability 0.5",
        "-A FORWARD -m statistic --mode nth --every 2 --packet 0 --probability 0.5",
        "-A FORWARD -m statistic --mode random --every 2 --packet 0 --probability 0.5",
        "-A FORWARD -m statistic ! --mode random --probability 0.5",
    ]);
}

#[test]
fn quota_and_cpu() {
    check_both(&[
        "-A FORWARD -m quota --quota 1000",
        "-A FORWARD -m quota ! --quota 0x10",
        "-A FORWARD -m quota --quota 0",
        "-A FORWARD -m quota --quota 18446744073709551615",
        "-A FORWARD -m quota --quota 18446744073709551616",
        "-A FORWARD -m quota --quota -1",
        "-A FORWARD -m quota --quota 1k",
        "-A FORWARD -m quota",
        "-A FORWARD -m cpu --cpu 0",
        "-A FORWARD -m cpu ! --cpu 4294967295",
        "-A FORWARD -m cpu --cpu 4294967296",
        "-A FORWARD -m cpu --cpu x",
        "-A FORWARD -m cpu",
    ]);
}
