//! Multicast groups: which of them the host's programs have joined on the twins. The kernel tells nobody when that
//! changes, so it is asked now and then (`/proc/net/igmp`, `/proc/net/igmp6`).

use super::ports::Twins;
use sluice_dataplane::interface::Interfaces;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

type Joined = HashMap<String, Vec<IpAddr>>;

/// Has the data plane listen to what is joined at this moment.
pub(super) fn look(twins: &Twins, interfaces: &Interfaces) {
    // A file that is not there says that nothing is joined: a host without IPv6 has no igmp6.
    let read = |file| std::fs::read_to_string(format!("/proc/self/net/{file}")).unwrap_or_default();
    let mut joined = Joined::new();
    igmp(&read("igmp"), &mut joined);
    igmp6(&read("igmp6"), &mut joined);
    for (twin, name) in twins {
        if let Some((_, interface)) = interfaces.named(name) {
            interface.groups.set(joined.remove(twin).unwrap_or_default());
        }
    }
}

/// A line for each device (`4 sl-lan : 1 V3`), and under it one for each group, in the machine's byte order.
fn igmp(text: &str, joined: &mut Joined) {
    let mut device = "";
    for line in text.lines().skip(1) {
        let mut words = line.split_ascii_whitespace();
        let Some(first) = words.next() else { continue };
        if line.starts_with(|c: char| c.is_ascii_whitespace()) {
            let Ok(group) = u32::from_str_radix(first, 16) else { continue };
            let group = Ipv4Addr::from(group.to_ne_bytes());
            joined.entry(device.to_owned()).or_default().push(group.into());
        } else {
            device = words.next().unwrap_or_default();
        }
    }
}

/// A line for each group: `4 sl-lan ff0200…01 1 0000000C 0`.
fn igmp6(text: &str, joined: &mut Joined) {
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace().skip(1);
        let (Some(device), Some(group)) = (words.next(), words.next()) else { continue };
        let Ok(group) = u128::from_str_radix(group, 16) else { continue };
        joined.entry(device.to_owned()).or_default().push(Ipv6Addr::from_bits(group).into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_read_as_the_kernel_writes_them() {
        let mut joined = Joined::new();
        let word = |address: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(address));
        let text = format!(
            "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n\
             1\tlo        :     1      V3\n\t\t\t\t{}     1 0:00000000\t\t0\n\
             4\tsl-vxlan.calico :     2      V3\n\t\t\t\t{}     1 0:00000000\t\t0\n\t\t\t\t{}     1 0:00000000\t\t1\n",
            word([224, 0, 0, 1]),
            word([224, 0, 0, 251]),
            word([224, 0, 0, 1]),
        );
        igmp(&text, &mut joined);
        igmp6(
            "1    lo              ff020000000000000000000000000001     1 0000000C 0\n\
             4    sl-vxlan.calico ff0200000000000000000001ff000001     1 00000004 0\n\
             nonsense\n",
            &mut joined,
        );
        let expected = ["224.0.0.251", "224.0.0.1", "ff02::1:ff00:1"];
        assert_eq!(
            joined["sl-vxlan.calico"],
            expected.map(|group| group.parse::<IpAddr>().unwrap())
        );
        assert_eq!(joined["lo"].len(), 2);
    }
}
