//! Addresses that SNMP's answers and notifications tell (RFC 3416 section 3, RFC 2962; kernel `nf_nat_snmp_basic_main.c`).
//!
//! ```text
//!   SEQUENCE { version, community, PDU { request, status, index, SEQUENCE OF SEQUENCE { name, value } } }
//!                                                                                         └ an IpAddress, perhaps
//! ```

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const NULL: u8 = 0x05;
const NAME: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const ADDRESS: u8 = 0x40;
/// Version 2c; later ones are not read.
const NEWEST: u8 = 1;

/// Puts `to` in place of `from` wherever a message tells it; whether it did anywhere. None of what is no message of version
/// 1 or 2c with bindings, as traps of version 1 are not.
pub(crate) fn translate(message: &mut [u8], from: [u8; 4], to: [u8; 4]) -> Option<bool> {
    let (message, _) = expect(message, SEQUENCE)?;
    let (version, rest) = expect(message, INTEGER)?;
    let known = matches!(version, [number] if *number <= NEWEST);
    let (_, rest) = expect(rest, OCTETS)?;
    let (tag, pdu, rest) = element(rest)?;
    let fits = known && rest.is_empty() && matches!(tag, 0xa0..=0xa3 | 0xa5..=0xa8);
    let (_, rest) = expect(pdu, INTEGER).filter(|_| fits)?;
    let (_, rest) = expect(rest, INTEGER)?;
    let (_, rest) = expect(rest, INTEGER)?;
    let (mut bindings, rest) = expect(rest, SEQUENCE)?;
    let mut changed = false;
    loop {
        // There is one at least.
        let (binding, others) = expect(bindings, SEQUENCE)?;
        changed |= translate_binding(binding, from, to)?;
        bindings = others;
        if bindings.is_empty() {
            return rest.is_empty().then_some(changed);
        }
    }
}

fn translate_binding(binding: &mut [u8], from: [u8; 4], to: [u8; 4]) -> Option<bool> {
    let (_, rest) = expect(binding, NAME)?;
    if rest.is_empty() {
        return Some(false);
    }
    let (tag, value, rest) = element(rest)?;
    if !rest.is_empty() {
        return None;
    }
    match tag {
        ADDRESS => {
            let address: &mut [u8; 4] = value.try_into().ok()?;
            let told = *address == from;
            if told {
                *address = to;
            }
            Some(told)
        }
        INTEGER | OCTETS | NULL | NAME | 0x41..=0x44 | 0x46 | 0x80..=0x82 => Some(false),
        _ => None,
    }
}

/// The content of the element that `data` begins with, which has to be of that kind, and what is behind it.
fn expect(data: &mut [u8], tag: u8) -> Option<(&mut [u8], &mut [u8])> {
    let (found, content, rest) = element(data)?;
    (found == tag).then_some((content, rest))
}

/// The element that `data` begins with: its tag of one byte, and its content, whose length is written in the definite form
/// (RFC 3417 section 8).
fn element(data: &mut [u8]) -> Option<(u8, &mut [u8], &mut [u8])> {
    let ([tag, first], behind) = data.split_first_chunk_mut()?;
    let (tag, digits) = (*tag, usize::from(first.checked_sub(0x80).unwrap_or(0)));
    let (length, behind) = match *first {
        0x80 | 0x85.. => return None,
        short @ ..0x80 => (usize::from(short), behind),
        0x81..=0x84 => {
            let (bytes, behind) = behind.split_at_mut_checked(digits)?;
            let length = bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
            (length, behind)
        }
    };
    let (content, rest) = behind.split_at_mut_checked(length)?;
    (tag & 0x1f != 0x1f).then_some((tag, content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FROM: [u8; 4] = [10, 1, 0, 2];
    const TO: [u8; 4] = [192, 168, 1, 7];

    fn tagged(tag: u8, content: &[&[u8]]) -> Vec<u8> {
        let content = content.concat();
        [vec![tag], length(content.len()), content].concat()
    }

    fn length(length: usize) -> Vec<u8> {
        match length {
            0..128 => vec![length as u8],
            128..256 => vec![0x81, length as u8],
            _ => vec![0x82, (length >> 8) as u8, length as u8],
        }
    }

    fn binding(value: &[u8]) -> Vec<u8> {
        tagged(SEQUENCE, &[&[NAME, 3, 43, 6, 1], value])
    }

    fn message(version: u8, pdu: u8, values: &[&[u8]]) -> Vec<u8> {
        let bindings: Vec<u8> = values.iter().flat_map(|value| binding(value)).collect();
        let numbers = [INTEGER, 1, 5, INTEGER, 1, 0, INTEGER, 1, 0];
        let pdu = tagged(pdu, &[&numbers, &tagged(SEQUENCE, &[&bindings])]);
        tagged(SEQUENCE, &[&[INTEGER, 1, version], b"\x04\x06public", &pdu])
    }

    #[test]
    fn the_address_becomes_the_other_wherever_it_is_told() {
        let told = [ADDRESS, 4, 10, 1, 0, 2];
        let other = [ADDRESS, 4, 10, 1, 0, 3];
        let text = tagged(OCTETS, &[&[10, 1, 0, 2].repeat(60)]);
        let mut bytes = message(1, 0xa7, &[&told, &[NULL, 0], &text, &other, &told]);
        let mut expected = bytes.clone();
        let places: Vec<usize> =
            (0..bytes.len() - 5).filter(|at| bytes[*at..*at + 6] == told).collect();
        assert_eq!(places.len(), 2);
        places.iter().for_each(|at| expected[at + 2..at + 6].copy_from_slice(&TO));
        assert_eq!(translate(&mut bytes, FROM, TO), Some(true));
        assert_eq!(bytes, expected);
        assert_eq!(translate(&mut bytes, FROM, TO), Some(false));
        assert_eq!(translate(&mut message(0, 0xa2, &[&[]]), FROM, TO), Some(false), "a name alone");
    }

    #[test]
    fn what_is_no_message_is_not_read() {
        let odd = [ADDRESS, 3, 10, 1, 0];
        for mut bytes in [
            message(1, 0xa2, &[]),
            message(2, 0xa2, &[&[]]),
            message(1, 0xa4, &[&[]]),
            message(1, 0xa2, &[&odd]),
            message(1, 0xa2, &[&[0x47, 0]]),
            message(1, 0xa2, &[&[INTEGER, 1]]),
            message(1, 0xa2, &[])[..20].to_vec(),
            vec![],
            vec![SEQUENCE, 0x80, 0, 0],
            vec![SEQUENCE, 0x84, 0xff, 0xff, 0xff, 0xff],
        ] {
            assert_eq!(translate(&mut bytes, FROM, TO), None, "{bytes:02x?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_odd(
            mut bytes in prop::collection::vec(any::<u8>(), 0..60), at: prop::sample::Index, byte: u8,
        ) {
            translate(&mut bytes, FROM, TO);
            let mut changed = message(1, 0xa2, &[&[ADDRESS, 4, 10, 1, 0, 2], &[NULL, 0]]);
            let at = at.index(changed.len());
            changed[at] = byte;
            let before = changed.len();
            translate(&mut changed, FROM, TO);
            prop_assert_eq!(before, changed.len());
        }
    }
}
