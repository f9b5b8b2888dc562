//! Options of the IPv6 hop-by-hop header, which every router looks at, and destination options, which the receiver does:
//! RFC 8200 section 4.2, kernel `ip6_parse_tlv`.

use super::extensions::{DESTINATION, HOP_BY_HOP, length, packet};
use super::icmp_error::IcmpError;
use super::parse::Headers;
use super::{u16_at, u32_at};
use crate::drop_reason::DropReason;
use crate::flight::Stop;

const PAD1: u8 = 0;
const PADN: u8 = 1;
const ROUTER_ALERT: u8 = 5;
const JUMBO: u8 = 0xc2;
/// The kernel's `net.ipv6.max_hbh_opts_number`.
const MOST: usize = 8;
/// Padding aligns to eight bytes, so there is no use for more.
const MOST_PADDING: usize = 7;
/// ICMPv6 parameter problem: an erroneous field, an option nobody knows.
const HEADER_FIELD: u8 = 0;
const UNKNOWN_OPTION: u8 = 2;

/// Whether the packet may go on, by the options it has.
///
/// # Errors
/// A drop, or an answer where the option asks for one.
pub(crate) fn check(data: &[u8], headers: &Headers) -> Result<(), Stop> {
    let packet = packet(data, headers);
    // As the kernel does, only where it stands first, as RFC 8200 wants it.
    if packet.get(6) != Some(&HOP_BY_HOP) {
        return Ok(());
    }
    check_options(packet, 40, option)
}

/// The same for the destination options of a packet that is for the gateway itself.
///
/// # Errors
/// As there.
pub(crate) fn check_destination(data: &[u8], headers: &Headers) -> Result<(), Stop> {
    let packet = packet(data, headers);
    let mut kind = packet.get(6).copied().unwrap_or_default();
    let (mut at, end) = (40, usize::from(headers.l4.saturating_sub(headers.l3)));
    while at < end {
        let units = packet.get(at + 1).copied().unwrap_or_default();
        let Some(length) = length(kind, units) else { return Ok(()) };
        if kind == DESTINATION {
            check_options(packet, at, unknown_option)?;
        }
        (kind, at) = (packet.get(at).copied().unwrap_or_default(), at + length);
    }
    Ok(())
}

/// The options of the header at `start`; `option` judges those that are no padding, by packet, kind, place and size.
fn check_options(
    packet: &[u8],
    start: usize,
    option: impl Fn(&[u8], u8, usize, usize) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let length = packet.get(start + 1).map_or(0, |units| (usize::from(*units) + 1) * 8);
    let options = packet.get(..start + length).ok_or(BAD)?;
    let (mut at, mut padding, mut count) = (start + 2, 0, 0);
    while let Some(kind) = options.get(at).copied() {
        let size = match (kind, options.get(at + 1)) {
            (PAD1, _) => 1,
            (_, Some(length)) => usize::from(*length) + 2,
            (_, None) => return Err(BAD),
        };
        let body = options.get(at..at + size).ok_or(BAD)?;
        if matches!(kind, PAD1 | PADN) {
            padding += size;
            let hides = body.iter().skip(2).any(|byte| *byte != 0);
            if padding > MOST_PADDING || hides {
                return Err(BAD);
            }
        } else {
            count += 1;
            padding = 0;
            if count > MOST {
                return Err(BAD);
            }
            option(packet, kind, at, size)?;
        }
        at += size;
    }
    Ok(())
}

const BAD: Stop = Stop::Drop(DropReason::BadIpOptions);

/// One option that is no padding.
fn option(packet: &[u8], kind: u8, at: usize, size: usize) -> Result<(), Stop> {
    match kind {
        ROUTER_ALERT if size == 4 => Ok(()),
        ROUTER_ALERT => Err(BAD),
        JUMBO if size != 6 || at & 3 != 2 => Err(BAD),
        // No jumbogram passes here; what may be one is wrong in its length or in the header's.
        JUMBO if u32_at(packet, at + 2).is_none_or(|length| length <= 0xffff) => {
            problem(HEADER_FIELD, at + 2)
        }
        JUMBO if u16_at(packet, 4) != Some(0) => problem(HEADER_FIELD, at),
        JUMBO => Err(BAD),
        _ => unknown_option(packet, kind, at, size),
    }
}

/// An answer that points at a byte of the packet.
fn problem(code: u8, at: usize) -> Result<(), Stop> {
    let pointer = u32::try_from(at).unwrap_or(u32::MAX);
    Err(Stop::Refuse(DropReason::BadIpOptions, IcmpError::V6ParameterProblem { code, pointer }))
}

/// One that nobody knows, at `at`.
fn unknown_option(packet: &[u8], kind: u8, at: usize, _: usize) -> Result<(), Stop> {
    match kind {
        // The two high bits say what those are to do who do not know the option.
        0..=0x3f => Ok(()),
        0x40..=0x7f => Err(BAD),
        0xc0..=0xff if packet.get(24) == Some(&0xff) => Err(BAD),
        0x80..=0xff => problem(UNKNOWN_OPTION, at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::IpVersion;
    use crate::wire::parse::parse_ip;

    /// What becomes of a packet with these options to a host.
    fn judge(options: &[u8]) -> Result<(), Stop> {
        let length = options.len() + 2;
        assert_eq!(length % 8, 0);
        let mut packet = vec![0x60, 0, 0, 0, 0, length as u8, 0, 64];
        packet.resize(40, 1);
        packet.extend([59, (length / 8 - 1) as u8]);
        packet.extend(options);
        check(&packet, &parse_ip(&packet, 0, IpVersion::V6).unwrap())
    }

    /// The same of destination options, behind a routing header, of a packet for the gateway.
    fn judge_own(options: &[u8]) -> Result<(), Stop> {
        let length = options.len() + 10;
        let mut packet = vec![0x60, 0, 0, 0, 0, length as u8, 43, 64];
        packet.resize(40, 1);
        packet.extend([60, 0, 4, 0, 0, 0, 0, 0]);
        packet.extend([59, ((options.len() + 2) / 8 - 1) as u8]);
        packet.extend(options);
        check_destination(&packet, &parse_ip(&packet, 0, IpVersion::V6).unwrap())
    }

    #[test]
    fn destination_options_as_they_ask() {
        let problem = |pointer| {
            let error = IcmpError::V6ParameterProblem { code: UNKNOWN_OPTION, pointer };
            Err(Stop::Refuse(DropReason::BadIpOptions, error))
        };
        for (options, expected) in [
            (&[1, 4, 0, 0, 0, 0][..], Ok(())),
            (&[0; 14], Err(BAD)),
            (&[1, 4, 0, 0, 0, 9], Err(BAD)),
            // Nothing of a hop means anything here.
            (&[5, 3, 0, 0, 0, 0], Ok(())),
            (&[0xc2, 4, 0, 0, 0, 0], problem(50)),
            (&[0x9e, 4, 0, 0, 0, 0], problem(50)),
        ] {
            assert_eq!(judge_own(options), expected, "{options:?}");
        }
        assert_eq!(judge(&[0; 6]), Ok(()));
    }

    #[test]
    fn each_option_as_it_asks() {
        let problem = |code, pointer| {
            Err(Stop::Refuse(
                DropReason::BadIpOptions,
                IcmpError::V6ParameterProblem { code, pointer },
            ))
        };
        for (options, expected) in [
            (&[0, 0, 0, 0, 0, 0][..], Ok(())),
            (&[1, 4, 0, 0, 0, 0], Ok(())),
            (&[1, 4, 0, 0, 9, 0], Err(BAD)),
            (&[1, 5, 0, 0, 0, 0], Err(BAD)),
            (&[1, 6, 0, 0, 0, 0, 0, 0, 5, 2, 0, 0, 0, 0], Err(BAD)),
            (&[5, 2, 0, 0, 0, 0], Ok(())),
            (&[5, 3, 0, 0, 0, 0], Err(BAD)),
            (&[0x1e, 4, 9, 9, 9, 9], Ok(())),
            (&[0x5e, 4, 0, 0, 0, 0], Err(BAD)),
            (&[0, 0, 0x9e, 2, 0, 0], problem(2, 44)),
            (&[0xde, 4, 0, 0, 0, 0], problem(2, 42)),
            (&[0xc2, 4, 0, 0, 0xff, 0xff], problem(0, 44)),
            (&[0xc2, 4, 0, 1, 0, 0], problem(0, 42)),
            (&[0, 0, 0xc2, 2, 0, 0], Err(BAD)),
        ] {
            assert_eq!(judge(options), expected, "{options:?}");
        }
        let nine = [[0x1e, 0]; 9].concat();
        assert_eq!(judge(&[&nine[..], &[1, 2, 0, 0]].concat()), Err(BAD));
    }
}
