//! The values of a rule's own options: addresses, protocol, interface.

use super::fault::Fault;
use super::{AddressMask, Family, InterfacePattern, Negatable, Protocol};

/// No address at all is one rule for any; `0.0.0.0/0` likewise.
pub(super) fn each(
    addresses: &[AddressMask],
    negated: bool,
) -> Vec<Option<Negatable<AddressMask>>> {
    if addresses.is_empty() {
        return vec![None];
    }
    let one = |value: &AddressMask| match (value.prefix_length(), negated) {
        (Some(0), false) => None,
        (_, negated) => Some(Negatable { negated, value: *value }),
    };
    addresses.iter().map(one).collect()
}

/// `ADDRESS[/MASK][,…]`
pub(super) fn addresses(text: &str, family: Family) -> Result<Vec<AddressMask>, Fault> {
    text.split(',').map(|one| AddressMask::parse(one.trim_start(), family)).collect()
}

pub(super) fn protocol(text: &str, negated: bool) -> Result<Option<Negatable<Protocol>>, Fault> {
    let any = |name: &&str| text.eq_ignore_ascii_case(name);
    let all = ["all", "ip", "hopopt"].iter().any(any) || super::words::number(text) == Some(0);
    if all && negated {
        return Err(
            Fault::usage("rule would never match protocol").help("leave `-p` out, or name one")
        );
    }
    if all {
        return Ok(None);
    }
    let unknown = || {
        Fault::usage(format!("unknown protocol \"{text}\" specified"))
            .help("write a name such as tcp, udp, icmp, or a number from 0 to 255")
    };
    Protocol::from_name(text).map(|value| Some(Negatable { negated, value })).ok_or_else(unknown)
}

/// The warning about extension headers of IPv6, which are no packet's protocol there: those for
/// routing, fragments, authentication and options of the destination.
pub(super) fn header_protocol(
    family: Family,
    protocol: Option<Negatable<Protocol>>,
    word: &str,
) -> Option<String> {
    let header = protocol.is_some_and(|p| !p.negated && [43, 44, 51, 60].contains(&p.value.0));
    (header && family == Family::V6)
        .then(|| format!("Warning: never matched protocol: {word}. use extension match instead."))
}

/// The warning about a name that no interface can have.
pub(super) fn weird_interface(text: &str) -> Option<String> {
    text.contains(['/', ' ']).then(|| {
        format!(
            "Warning: weird character in interface `{text}' ('/' and ' ' are not allowed by the kernel)."
        )
    })
}

pub(super) fn interface(
    text: &str,
    negated: bool,
) -> Result<Option<Negatable<InterfacePattern>>, Fault> {
    if text.is_empty() {
        return Err(
            Fault::usage("Empty interface is likely to be undesired").help("name an interface")
        );
    }
    if text.contains('\n') {
        return Err(Fault::usage("Newlines not allowed in an interface name")
            .help("leave the line end out"));
    }
    if text.len() > 15 {
        let message = format!("interface name `{text}' must be shorter than IFNAMSIZ (15)");
        return Err(Fault::usage(message).help("names have at most 15 bytes"));
    }
    let (name, wildcard) = match text.strip_suffix('+') {
        Some(name) => (name, true),
        None => (text, false),
    };
    if name.is_empty() && !negated {
        return Ok(None);
    }
    Ok(Some(Negatable { negated, value: InterfacePattern { name: name.to_owned(), wildcard } }))
}
