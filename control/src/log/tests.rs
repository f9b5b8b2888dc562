//! Lines about packets, against what the kernel wrote about the same.

use super::line::Outer;
use super::{v4, v6};
use sluice_dataplane::rules::report::LineOptions;

const ALL: LineOptions =
    LineOptions { tcp_sequence: true, tcp_options: true, ip_options: true, mac_decode: false };

fn words(bytes: &[u8], options: LineOptions) -> String {
    let mut out = String::new();
    let outer = Some(Outer { length: bytes.len() as u32, whole: false });
    let _ = match bytes[0] >> 4 {
        4 => v4::packet(&mut out, options, bytes, outer),
        _ => v6::packet(&mut out, options, bytes, outer),
    };
    out
}

/// An IPv4 packet.
fn ip(protocol: u8, fragment: u16, payload: &[u8]) -> Vec<u8> {
    let length = (20 + payload.len()) as u16;
    let mut packet = vec![0x45, 0];
    packet.extend(length.to_be_bytes());
    packet.extend([0, 7]);
    packet.extend(fragment.to_be_bytes());
    packet.extend([63, protocol, 0, 0, 10, 1, 0, 2, 8, 8, 8, 8]);
    packet.extend(payload);
    packet
}

#[test]
fn a_segment_is_told_with_its_flags() {
    let syn =
        [0x03, 0xe8, 0, 80, 0, 0, 0, 5, 0, 0, 0, 0, 0x60, 0x02, 0x20, 0, 0, 0, 0, 0, 2, 4, 5, 0xb4];
    let head = "SRC=10.1.0.2 DST=8.8.8.8 LEN=44 TOS=0x00 PREC=0x00 TTL=63 ID=7 DF PROTO=TCP ";
    let packet = ip(6, 0x4000, &syn);
    assert_eq!(
        words(&packet, LineOptions::default()),
        format!("{head}SPT=1000 DPT=80 WINDOW=8192 RES=0x00 SYN URGP=0 ")
    );
    assert_eq!(
        words(&packet, ALL),
        format!(
            "{head}SPT=1000 DPT=80 SEQ=5 ACK=0 WINDOW=8192 RES=0x00 SYN URGP=0 OPT (020405B4) "
        )
    );
}

#[test]
fn an_error_is_told_with_what_it_quotes() {
    let quoted = ip(17, 0, &[0, 1, 0, 2, 0, 8, 0, 0]);
    let mut error = vec![3, 4, 0, 0, 0, 0, 5, 0xdc];
    error.extend(&quoted);
    assert_eq!(
        words(&ip(1, 0, &error), LineOptions::default()),
        "SRC=10.1.0.2 DST=8.8.8.8 LEN=56 TOS=0x00 PREC=0x00 TTL=63 ID=7 PROTO=ICMP TYPE=3 CODE=4 \
         [SRC=10.1.0.2 DST=8.8.8.8 LEN=28 TOS=0x00 PREC=0x00 TTL=63 ID=7 PROTO=UDP SPT=1 DPT=2 LEN=8 ] MTU=1500 "
    );
}

#[test]
fn what_is_cut_short_is_told_as_far_as_it_goes() {
    let told = |packet: &[u8]| words(packet, ALL);
    assert!(told(&ip(17, 0, &[0, 1])).ends_with("PROTO=UDP INCOMPLETE [2 bytes] "));
    assert!(told(&ip(17, 100, &[0, 1])).ends_with("FRAG:100 PROTO=UDP "));
    assert!(told(&ip(50, 0, &[0, 0, 1, 0, 0, 0, 0, 1])).ends_with("PROTO=ESP SPI=0x100 "));
    assert!(told(&ip(47, 0, &[])).ends_with("PROTO=47 "));
    assert_eq!(told(&[0x45, 0, 0]), "TRUNCATED");
}

#[test]
fn an_ipv6_packet_is_told_with_every_digit() {
    let mut packet = vec![0x60, 0, 0, 0, 0, 16, 58, 64];
    packet.extend("fd00::2".parse::<std::net::Ipv6Addr>().unwrap().octets());
    packet.extend("fd00::1".parse::<std::net::Ipv6Addr>().unwrap().octets());
    packet.extend([128, 0, 0, 0, 0, 9, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(
        words(&packet, LineOptions::default()),
        "SRC=fd00:0000:0000:0000:0000:0000:0000:0002 DST=fd00:0000:0000:0000:0000:0000:0000:0001 LEN=56 TC=0 \
         HOPLIMIT=64 FLOWLBL=0 PROTO=ICMPv6 TYPE=128 CODE=0 ID=9 SEQ=1 "
    );
}
