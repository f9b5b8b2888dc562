//! What stands in a packet, and how long it is.

use super::{check, check_both};
use sluice_config::netfilter::Family;

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
fn u32() {
    check_both(&[
        "-A FORWARD -m u32 --u32 0=0",
        "-A FORWARD -m u32 ! --u32 0=0",
        "-A FORWARD -m u32 --u32 '6&0xFF=1 && 4&0x3FFF=0 && 0>>22&0x3C@0>>24=0:5,7'",
        "-A FORWARD -m u32 --u32 '0 >> 22 & 0x3C @ 12 >> 26 & 0x3C @ 0 = 0x5353 : 0x5454 , 1'",
        "-A FORWARD -m u32 --u32 0<<010=010",
        "-A FORWARD -m u32 --u32 0<<31>>31=1",
        "-A FORWARD -m u32 --u32 0<<32=1",
        "-A FORWARD -m u32 --u32 '0=0&&0@1>>32=1'",
        "-A FORWARD -m u32 --u32 0&32@32=1",
        "-A FORWARD -m u32 --u32 ''",
        "-A FORWARD -m u32 --u32 0",
        "-A FORWARD -m u32 --u32 0=",
        "-A FORWARD -m u32 --u32 =0",
        "-A FORWARD -m u32 --u32 '0=0&&'",
        "-A FORWARD -m u32 --u32 '0=0&&=1'",
        "-A FORWARD -m u32 --u32 '0=&&0=1'",
        "-A FORWARD -m u32 --u32 '0=0&0=1'",
        "-A FORWARD -m u32 --u32 '0=0 0=1'",
        "-A FORWARD -m u32 --u32 '0=0,'",
        "-A FORWARD -m u32 --u32 '0=0:'",
        "-A FORWARD -m u32 --u32 '0=x'",
        "-A FORWARD -m u32 --u32 'x=0'",
        "-A FORWARD -m u32 --u32 '0<1=0'",
        "-A FORWARD -m u32 --u32 '0>1=0'",
        "-A FORWARD -m u32 --u32 '0+1=0'",
        "-A FORWARD -m u32 --u32 '0&=0'",
        "-A FORWARD -m u32 --u32 '0@x=0'",
        "-A FORWARD -m u32 --u32 0=4294967295",
        "-A FORWARD -m u32 --u32 0=4294967296",
        "-A FORWARD -m u32 --u32 0=-1",
        "-A FORWARD -m u32 --u32 0=9:5",
        "-A FORWARD -m u32 --u32 0=0,1,2,3,4,5,6,7,8,9",
        "-A FORWARD -m u32 --u32 0=0,1,2,3,4,5,6,7,8,9,10",
        "-A FORWARD -m u32 --u32 0@1@2@3@4@5@6@7@8@9=0",
        "-A FORWARD -m u32 --u32 0@1@2@3@4@5@6@7@8@9@10=0",
        "-A FORWARD -m u32 --u32 0=0&&0=0&&0=0&&0=0&&0=0&&0=0&&0=0&&0=0&&0=0&&0=0",
        "-A FORWARD -m u32 --u32 0=0&&0=0&&0=0&&0=0&&0=0&&0=0&&0=0&&0=0&&0=0&&0=0&&0=0",
        "-A FORWARD -m u32 --u32 0=0&&0=0&&0=0&&0=0&&0=0&&0=0&&0=0&&0=0&&0=0&&0=0&&0=0&&0=0",
        "-A FORWARD -m u32",
    ]);
}

#[test]
fn bpf() {
    check_both(&[
        "-A FORWARD -m bpf --bytecode '1,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0'",
        "-A FORWARD -m bpf --bytecode '4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0,'",
        "-A FORWARD -m bpf --bytecode ' 1,  6  0  0  1 x'",
        "-A FORWARD -m bpf --bytecode '1,6 0 0 4294967295'",
        "-A FORWARD -m bpf --bytecode '1,6 0 0'",
        "-A FORWARD -m bpf --bytecode '1,6 0 0 x'",
        "-A FORWARD -m bpf --bytecode '2,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '1,6 0 0 1,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '0,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '65,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '1'",
        "-A FORWARD -m bpf --bytecode '1,'",
        "-A FORWARD -m bpf --bytecode '1;6 0 0 1'",
        "-A FORWARD -m bpf --bytecode ''",
        "-A FORWARD -m bpf --bytecode x",
        "-A FORWARD -m bpf",
        "-A FORWARD -m bpf --object-pinned /nowhere",
        "-A FORWARD -m bpf --bytecode '1,6 0 0 1' --bytecode '1,6 0 0 1'",
        "-A FORWARD -m bpf ! --bytecode '1,6 0 0 1'",
        // What the kernel refuses.
        "-A FORWARD -m bpf --bytecode '1,32 0 0 0'",
        "-A FORWARD -m bpf --bytecode '2,21 0 1 6,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '3,21 0 1 6,6 0 0 1,6 0 0 0'",
        "-A FORWARD -m bpf --bytecode '2,5 0 0 0,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '2,5 0 0 1,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '2,52 0 0 0,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '2,148 0 0 0,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '2,148 0 0 2,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '2,100 0 0 31,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '2,100 0 0 32,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '2,96 0 0 1,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '3,2 0 0 1,96 0 0 1,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '2,2 0 0 16,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '2,40 0 0 4294963200,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '2,40 0 0 4294963201,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '2,40 0 0 4294963260,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '2,40 0 0 4294963264,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '2,40 0 0 4294967292,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '2,99 0 0 1,6 0 0 1'",
        "-A FORWARD -m bpf --bytecode '2,177 0 0 0,22 0 0 0'",
        "-A FORWARD -m bpf --bytecode '2,132 0 0 0,14 0 0 0'",
        "-A FORWARD -m bpf --bytecode '2,60 0 0 0,22 0 0 0'",
        "-A FORWARD -m bpf --bytecode '2,128 0 0 0,22 0 0 0'",
        "-A FORWARD -m bpf --bytecode '2,7 0 0 0,22 0 0 0'",
        "-A FORWARD -m bpf --bytecode '4,21 0 1 6,2 0 0 1,96 0 0 1,22 0 0 0'",
    ]);
}

#[test]
fn length() {
    check_both(&[
        "-A FORWARD -m length --length 128 -j ACCEPT",
        "-A FORWARD -m length ! --length 64:1500",
        "-A FORWARD -m length --length :100",
        "-A FORWARD -m length --length 100:",
        "-A FORWARD -m length --length :",
        "-A FORWARD -m length --length 0",
        "-A FORWARD -m length --length 65535",
        "-A FORWARD -m length --length 65536",
        "-A FORWARD -m length --length 5:4",
        "-A FORWARD -m length --length 5:5",
        "-A FORWARD -m length --length 1:2:3",
        "-A FORWARD -m length --length foo",
        "-A FORWARD -m length --length 5x",
        "-A FORWARD -m length --length 5:x",
        "-A FORWARD -m length --length 0x10:020",
        "-A FORWARD -m length --length ''",
        "-A FORWARD -m length --length -1",
        "-A FORWARD -m length --length 1 --length 2",
        "-A FORWARD -m length",
    ]);
}
