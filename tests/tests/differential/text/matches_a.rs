//! Matches by address range, content, time, counts and header fields.

use sluice_config::netfilter::Family;

use super::{check, check_both};

#[test]
fn iprange() {
    check(
        Family::V4,
        &[
            "-A FORWARD -m iprange --src-range 10.1.0.5-10.1.0.9 -j ACCEPT",
            "-A FORWARD -m iprange ! --src-range 10.1.0.5-10.1.0.9 --dst-range 192.0.2.1 -j DROP",
            "-A FORWARD -m iprange --src-range 10.1.0.5 ! --dst-range 1.2.3.4-1.2.3.5",
            "-A FORWARD -m iprange --src-range 10-11",
            "-A FORWARD -m iprange --src-range 10.1-10.2.3",
            "-A FORWARD -m iprange --src-range 0x10.010.0.1",
            "-A FORWARD -m iprange --src-range 10.1.0.256",
            "-A FORWARD -m iprange --src-range 10.1.0.1-",
            "-A FORWARD -m iprange --src-range -10.1.0.1",
            "-A FORWARD -m iprange --src-range ''",
            "-A FORWARD -m iprange --src-range 10.1.0.1-10.1.0.2-10.1.0.3",
            "-A FORWARD -m iprange --src-range foo",
            "-A FORWARD -m iprange --src-range fd00::1",
            "-A FORWARD -m iprange --src-range 10.1.0.1 --src-range 10.1.0.2",
            "-A FORWARD -m iprange --src-range 10.1.0.9-10.1.0.5",
            "-A FORWARD -m iprange --src-range 9.0.0.1-9.0.0.0 --dst-range 10.0.0.1-10.0.0.0",
            "-A FORWARD -m iprange --src-range",
            "-A FORWARD -m iprange",
            "-A FORWARD -m iprange --foo",
        ],
    );
    check(
        Family::V6,
        &[
            "-A FORWARD -m iprange --src-range fd00:1::5-fd00:1::9 -j ACCEPT",
            "-A FORWARD -m iprange ! --src-range ::1 ! --dst-range ::-::ffff:1.2.3.4 -j DROP",
            "-A FORWARD -m iprange --src-range ::1:0-::1.2.3.4",
            "-A FORWARD -m iprange --src-range 1::2-1::1",
            "-A FORWARD -m iprange --src-range 1::2::3",
            "-A FORWARD -m iprange --src-range 10.1.0.1",
            "-A FORWARD -m iprange",
        ],
    );
}

#[test]
fn string() {
    let long = |length: usize| {
        let text = "a".repeat(length);
        [
            format!("-A FORWARD -m string --algo bm --string {text}"),
            format!("-A FORWARD -m string --algo bm --hex-string {text}"),
        ]
    };
    let long: Vec<String> = [127, 128, 129].into_iter().flat_map(long).collect();
    check(Family::V4, &long.iter().map(String::as_str).collect::<Vec<_>>());
    check_both(&[
        "-A FORWARD -m string --algo bm --string ooxx -j ACCEPT",
        "-A FORWARD -m string --algo kmp ! --string ooxx -j DROP",
        "-A FORWARD -m string --algo bm --string 'two words' --from 40 --to 1500 --icase -j DROP",
        "-A FORWARD -m string --icase --to 65535 --from 0 --string x --algo kmp",
        r#"-A FORWARD -m string --algo bm --string 'a"b\c'"#,
        r"-A FORWARD -m string --algo bm --string 'end\'",
        r#"-A FORWARD -m string --algo bm --string "it's|fine|""#,
        "-A FORWARD -m string --algo bm --string 'é'",
        "-A FORWARD -m string --algo bm --string 'tab\there'",
        "-A FORWARD -m string --algo bm --string ''",
        "-A FORWARD -m string --algo bm --string a --from 10 --to 9",
        "-A FORWARD -m string --algo bm --string a --from 10 --to 10",
        "-A FORWARD -m string --algo bm --string a --from 65536",
        "-A FORWARD -m string --algo bm --string a --to -1",
        "-A FORWARD -m string --algo bm --string a --from 0x10",
        "-A FORWARD -m string --algo bm --string a --from ' 5'",
        "-A FORWARD -m string --algo bm --string a --from '+5'",
        "-A FORWARD -m string --algo bm --string a --from ''",
        "-A FORWARD -m string --algo bm --string a --from 5x",
        "-A FORWARD -m string --algo bm --string a --from 010",
        "-A FORWARD -m string --algo bm --string a --from 08",
        "-A FORWARD -m string --algo foo --string a",
        "-A FORWARD -m string --algo BM --string a",
        "-A FORWARD -m string --algo '' --string a",
        "-A FORWARD -m string --string a",
        "-A FORWARD -m string --algo bm",
        "-A FORWARD -m string",
        "-A FORWARD -m string --algo bm --string a --hex-string b",
        "-A FORWARD -m string --algo bm --hex-string b --string a",
        "-A FORWARD -m string --algo bm --string a --string b",
        "-A FORWARD -m string --algo bm ! --icase --string b",
        "-A FORWARD -m string ! --algo bm --string b",
        "-A FORWARD -m string --algo bm --str b",
    ]);
}

#[test]
fn hex_string() {
    check_both(&[
        "-A FORWARD -m string --algo bm --hex-string '|de ad be ef|'",
        "-A FORWARD -m string --algo bm ! --hex-string '|DEADBEEF|text|00|'",
        "-A FORWARD -m string --algo bm --hex-string 'plain'",
        "-A FORWARD -m string --algo bm --hex-string '|41 42|'",
        "-A FORWARD -m string --algo bm --hex-string '|  41|42'",
        "-A FORWARD -m string --algo bm --hex-string '|41  42|'",
        "-A FORWARD -m string --algo bm --hex-string '|41 |'",
        r"-A FORWARD -m string --algo bm --hex-string 'a\|b'",
        r"-A FORWARD -m string --algo bm --hex-string 'a\\b'",
        r"-A FORWARD -m string --algo bm --hex-string 'a\'",
        r"-A FORWARD -m string --algo bm --hex-string '|4\1|'",
        r"-A FORWARD -m string --algo bm --hex-string '|41|\|'",
        r"-A FORWARD -m string --algo bm --hex-string '|\1|'",
        "-A FORWARD -m string --algo bm --hex-string '|41||42|'",
        "-A FORWARD -m string --algo bm --hex-string '||'",
        "-A FORWARD -m string --algo bm --hex-string '|'",
        "-A FORWARD -m string --algo bm --hex-string 'a|'",
        "-A FORWARD -m string --algo bm --hex-string '|4'",
        "-A FORWARD -m string --algo bm --hex-string '|41'",
        "-A FORWARD -m string --algo bm --hex-string '|4 1|'",
        "-A FORWARD -m string --algo bm --hex-string '|4g|'",
        "-A FORWARD -m string --algo bm --hex-string '|g4|'",
        "-A FORWARD -m string --algo bm --hex-string '|414|'",
        "-A FORWARD -m string --algo bm --hex-string '| '",
        "-A FORWARD -m string --algo bm --hex-string ''",
        "-A FORWARD -m string --algo bm --hex-string 'a b'",
    ]);
}

#[test]
fn time_of_day_and_days() {
    check_both(&[
        "-A FORWARD -m time -j ACCEPT",
        "-A FORWARD -m time --timestart 09:00:00 --timestop 19:00:00 -j REJECT",
        "-A FORWARD -m time --timestart 9:5 -j REJECT",
        "-A FORWARD -m time --timestop 23:59:58 -j REJECT",
        "-A FORWARD -m time --timestart 00:00 --timestop 23:59:59",
        "-A FORWARD -m time --timestart 22:00 --timestop 06:00 --contiguous",
        "-A FORWARD -m time --timestart 06:00 --timestop 22:00 --contiguous",
        "-A FORWARD -m time --timestart 06:00 --timestop 06:00 --contiguous",
        "-A FORWARD -m time --contiguous",
        "-A FORWARD -m time --timestart 24:00",
        "-A FORWARD -m time --timestart 12:60",
        "-A FORWARD -m time --timestart 12:30:60",
        "-A FORWARD -m time --timestart 12",
        "-A FORWARD -m time --timestart 12:",
        "-A FORWARD -m time --timestart :30",
        "-A FORWARD -m time --timestart 12:30x",
        "-A FORWARD -m time --timestart 12:30:15:1",
        "-A FORWARD -m time --timestart ' 1:+2: 3'",
        "-A FORWARD -m time --timestart -1:00",
        "-A FORWARD -m time --timestart foo",
        "-A FORWARD -m time --timestart ''",
        "-A FORWARD -m time ! --timestart 12:30",
        "-A FORWARD -m time --timestart 12:30 --timestart 12:30",
        "-A FORWARD -m time --weekdays 6,7 -j REJECT",
        "-A FORWARD -m time ! --weekdays Mon,Tuesday,We -j REJECT",
        "-A FORWARD -m time --weekdays 1,2,3,4,5,6,7",
        "-A FORWARD -m time ! --weekdays 1,2,3,4,5,6,7",
        "-A FORWARD -m time --weekdays 7,1,Sun,7",
        "-A FORWARD -m time --weekdays mon",
        "-A FORWARD -m time --weekdays M",
        "-A FORWARD -m time --weekdays Foo",
        "-A FORWARD -m time --weekdays 0",
        "-A FORWARD -m time --weekdays 8",
        "-A FORWARD -m time --weekdays 33",
        "-A FORWARD -m time --weekdays 1,,2",
        "-A FORWARD -m time --weekdays 1,",
        "-A FORWARD -m time --weekdays ,1",
        "-A FORWARD -m time --weekdays ''",
        "-A FORWARD -m time --monthdays 22,23",
        "-A FORWARD -m time ! --monthdays 1,2,3,4,11,12,13,21,31",
        "-A FORWARD -m time --monthdays 1,2,3,4,11,12,13,21,31",
        "-A FORWARD -m time --monthdays 0",
        "-A FORWARD -m time --monthdays 0,5",
        "-A FORWARD -m time --monthdays 32",
        "-A FORWARD -m time --monthdays 100",
        "-A FORWARD -m time --monthdays 08",
        "-A FORWARD -m time --monthdays 0x5",
        "-A FORWARD -m time --monthdays -1",
        "-A FORWARD -m time --monthdays 1,,2",
        "-A FORWARD -m time --monthdays foo",
        "-A FORWARD -m time --monthdays ''",
        "-A FORWARD -m time --weekdays 5 --monthdays 22,23,24,25,26,27,28 --timestart 1:2:3",
    ]);
}

#[test]
fn time_dates_and_zones() {
    check_both(&[
        "-A FORWARD -m time --datestart 2017-12-24 --datestop 2017-12-27 -j REJECT",
        "-A FORWARD -m time --datestart 2017",
        "-A FORWARD -m time --datestart 2020-02",
        "-A FORWARD -m time --datestart 2020-2-29T1:2:3",
        "-A FORWARD -m time --datestart 2021-02-31",
        "-A FORWARD -m time --datestart 2000-02-29T23:59",
        "-A FORWARD -m time --datestart 1999-12-31T23 --datestop 2038-01-19T03:14:06",
        "-A FORWARD -m time --datestart 1970",
        "-A FORWARD -m time --datestart 1970-01-01T00:00:01",
        "-A FORWARD -m time --datestop 1970",
        "-A FORWARD -m time --datestop 2038-01-19T03:14:07",
        "-A FORWARD -m time --datestop 2038-12-31T23:59:59",
        "-A FORWARD -m time --datestart 1969",
        "-A FORWARD -m time --datestart 2039",
        "-A FORWARD -m time --datestart 2024-13",
        "-A FORWARD -m time --datestart 2024-0-0",
        "-A FORWARD -m time --datestart 2024-",
        "-A FORWARD -m time --datestart 2024-01-32",
        "-A FORWARD -m time --datestart 2024-01-01T24",
        "-A FORWARD -m time --datestart 2024-01-01T23:60",
        "-A FORWARD -m time --datestart 2024-01-01T23:59:60",
        "-A FORWARD -m time --datestart 2024-01-01T23:59:59Z",
        "-A FORWARD -m time --datestart '2024-01-01 23:59:59'",
        "-A FORWARD -m time --datestart 2024/01",
        "-A FORWARD -m time --datestart foo",
        "-A FORWARD -m time --datestart ''",
        "-A FORWARD -m time --kerneltz --timestart 1:00",
        "-A FORWARD -m time --utc --timestart 1:00",
        "-A FORWARD -m time --localtz --timestart 1:00",
        "-A FORWARD -m time --localtz --kerneltz",
        "-A FORWARD -m time --utc --kerneltz",
        "-A FORWARD -m time --kerneltz --utc",
        "-A FORWARD -m time ! --kerneltz",
        "-A FORWARD -m time --timestart 23:00 --timestop 1:00 --contiguous --kerneltz --weekdays Fr --datestart 2020 --monthdays 1",
    ]);
}

#[test]
fn connlimit() {
    check_both(&[
        "-A FORWARD -m connlimit --connlimit-above 2 -j REJECT",
        "-A FORWARD -m connlimit --connlimit-upto 0x10 --connlimit-mask 24 -j ACCEPT",
        "-A FORWARD -m connlimit ! --connlimit-above 2 --connlimit-daddr --connlimit-mask 0",
        "-A FORWARD -m connlimit ! --connlimit-upto 2 --connlimit-saddr --connlimit-mask 32",
        "-A FORWARD -m connlimit --connlimit-above 4294967295",
        "-A FORWARD -m connlimit --connlimit-above 4294967296",
        "-A FORWARD -m connlimit --connlimit-above foo",
        "-A FORWARD -m connlimit --connlimit-above -1",
        "-A FORWARD -m connlimit --connlimit-above 1 --connlimit-mask 33",
        "-A FORWARD -m connlimit --connlimit-above 1 --connlimit-mask 128",
        "-A FORWARD -m connlimit --connlimit-above 1 --connlimit-mask 129",
        "-A FORWARD -m connlimit --connlimit-above 1 --connlimit-mask 255.255.240.0",
        "-A FORWARD -m connlimit --connlimit-above 1 --connlimit-mask 255.0.255.0",
        "-A FORWARD -m connlimit --connlimit-above 1 --connlimit-mask 1.2.3",
        "-A FORWARD -m connlimit --connlimit-above 1 --connlimit-mask 1.2.3.4.5",
        "-A FORWARD -m connlimit --connlimit-above 1 --connlimit-mask ffff:ff00::",
        "-A FORWARD -m connlimit --connlimit-above 1 --connlimit-mask ffff::ffff",
        "-A FORWARD -m connlimit --connlimit-above 1 --connlimit-mask foo",
        "-A FORWARD -m connlimit --connlimit-above 1 --connlimit-mask ''",
        "-A FORWARD -m connlimit --connlimit-above 1 --connlimit-mask -1",
        "-A FORWARD -m connlimit --connlimit-above 1 --connlimit-upto 2",
        "-A FORWARD -m connlimit --connlimit-upto 1 --connlimit-above 2",
        "-A FORWARD -m connlimit --connlimit-above 1 --connlimit-saddr --connlimit-daddr",
        "-A FORWARD -m connlimit --connlimit-above 1 --connlimit-above 1",
        "-A FORWARD -m connlimit --connlimit-above 1 ! --connlimit-mask 2",
        "-A FORWARD -m connlimit --connlimit-mask 24",
        "-A FORWARD -m connlimit",
        "-t raw -A PREROUTING -m connlimit --connlimit-above 2",
        "-t mangle -A FORWARD -m connlimit --connlimit-above 2",
        "-t nat -A PREROUTING -m connlimit --connlimit-above 2",
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
fn ttl_and_hl() {
    let options = [
        "--X-eq 3 -j ACCEPT",
        "! --X-eq 3 -j DROP",
        "--X 64",
        "! --X 64",
        "--X-lt 255",
        "--X-gt 0",
        "--X-gt 0x10",
        "! --X-gt 1",
        "! --X-lt 1",
        "--X-eq 256",
        "--X-eq foo",
        "--X-eq -1",
        "--X-eq 1 --X-lt 2",
        "--X-lt 2 --X-eq 1",
        "--X-lt 2 --X-gt 1",
        "--X-gt 2 --X-lt 1",
        "--X-gt 2 --X-eq 1",
        "--X 1 --X-gt 1",
        "--X-eq 1 --X-eq 1",
        "--X-eq 1 --X 1",
        "",
    ];
    for (family, name) in [(Family::V4, "ttl"), (Family::V6, "hl")] {
        let line = |options: &str| format!("-A FORWARD -m {name} {}", options.replace('X', name));
        let lines = options.map(line);
        check(family, &lines.iter().map(String::as_str).collect::<Vec<_>>());
    }
    check(Family::V4, &["-A FORWARD -m hl --hl-eq 1"]);
    check(Family::V6, &["-A FORWARD -m ttl --ttl-eq 1"]);
}

#[test]
fn tos() {
    check_both(&[
        "-A FORWARD -m tos --tos 0x10 -j ACCEPT",
        "-A FORWARD -m tos ! --tos 0x10/0x3f -j DROP",
        "-A FORWARD -m tos --tos 8/63",
        "-A FORWARD -m tos --tos 0/63",
        "-A FORWARD -m tos --tos Minimize-Delay",
        "-A FORWARD -m tos ! --tos maximize-throughput",
        "-A FORWARD -m tos --tos Maximize-Reliability",
        "-A FORWARD -m tos --tos Minimize-Cost",
        "-A FORWARD -m tos --tos Normal-Service",
        "-A FORWARD -m tos --tos Minimize",
        "-A FORWARD -m tos --tos 255",
        "-A FORWARD -m tos --tos 256",
        "-A FORWARD -m tos --tos -1",
        "-A FORWARD -m tos --tos 1/256",
        "-A FORWARD -m tos --tos 1/",
        "-A FORWARD -m tos --tos 1/x",
        "-A FORWARD -m tos --tos 1/2x",
        "-A FORWARD -m tos --tos 1x",
        "-A FORWARD -m tos --tos 0xff/0x0f",
        "-A FORWARD -m tos --tos ''",
        "-A FORWARD -m tos --tos 1 --tos 2",
        "-A FORWARD -m tos",
    ]);
}

#[test]
fn dscp() {
    check_both(&[
        "-A FORWARD -m dscp --dscp 10 -j ACCEPT",
        "-A FORWARD -m dscp ! --dscp 0x3f -j DROP",
        "-A FORWARD -m dscp --dscp 0",
        "-A FORWARD -m dscp --dscp 64",
        "-A FORWARD -m dscp --dscp foo",
        "-A FORWARD -m dscp --dscp -1",
        "-A FORWARD -m dscp --dscp-class EF",
        "-A FORWARD -m dscp ! --dscp-class af43",
        "-A FORWARD -m dscp --dscp-class CS0",
        "-A FORWARD -m dscp --dscp-class CS7",
        "-A FORWARD -m dscp --dscp-class BE",
        "-A FORWARD -m dscp --dscp-class EFx",
        "-A FORWARD -m dscp --dscp-class CS",
        "-A FORWARD -m dscp --dscp-class CS8",
        "-A FORWARD -m dscp --dscp-class ''",
        "-A FORWARD -m dscp --dscp 1 --dscp-class EF",
        "-A FORWARD -m dscp --dscp-class EF --dscp 1",
        "-A FORWARD -m dscp --dscp 1 --dscp 1",
        "-A FORWARD -m dscp",
    ]);
}

#[test]
fn ecn() {
    check_both(&[
        "-A FORWARD -m ecn --ecn-ip-ect 0 -j ACCEPT",
        "-A FORWARD -m ecn ! --ecn-ip-ect 3 -j DROP",
        "-A FORWARD -m ecn --ecn-ip-ect 4",
        "-A FORWARD -m ecn --ecn-ip-ect foo",
        "-A FORWARD -p tcp -m ecn --ecn-tcp-cwr -j ACCEPT",
        "-A FORWARD -p tcp -m ecn ! --ecn-tcp-cwr --ecn-tcp-ece ! --ecn-ip-ect 1",
        "-A FORWARD -p tcp -m ecn ! --ecn-tcp-ece",
        "-A FORWARD -m ecn --ecn-tcp-cwr",
        "-A FORWARD -p udp -m ecn --ecn-tcp-ece",
        "-A FORWARD ! -p tcp -m ecn --ecn-tcp-ece",
        "-A FORWARD -m ecn --ecn-ip-ect 1 --ecn-ip-ect 1",
        "-A FORWARD -m ecn",
    ]);
}
