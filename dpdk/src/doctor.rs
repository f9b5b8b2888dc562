//! What the machine has and lacks, for `sluice doctor`: each check with the command that mends it.

use std::{ffi::CString, fs, path::Path};

use crate::hugepages::huge_pages;

/// One thing looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What.
    pub name: &'static str,
    /// Whether it is as it should be.
    pub ok: bool,
    /// What was found, and what that means.
    pub detail: String,
    /// The command that mends it.
    pub remedy: Option<String>,
}

impl Check {
    fn new(name: &'static str, ok: bool, detail: impl Into<String>, remedy: &str) -> Self {
        let remedy = (!ok && !remedy.is_empty()).then(|| remedy.to_owned());
        Self { name, ok, detail: detail.into(), remedy }
    }
}

/// All checks, in the order in which an operator would mend them.
pub fn checks() -> Vec<Check> {
    let mut checks = vec![library(), drivers(), pages(), iommu(), vfio(), tun()];
    checks.extend(capabilities(effective(&status())));
    checks.extend([cores(), uplink()]);
    checks
}

fn library() -> Check {
    let version = crate::eal::version();
    let ok = version.contains(" 22.11");
    Check::new("DPDK", ok, version, "apt install libdpdk-dev dpdk")
}

/// Where Debian's EAL looks for drivers.
const DRIVER_FOLDERS: [&str; 2] =
    ["/usr/lib/x86_64-linux-gnu/dpdk/pmds-23.0", "/usr/lib/aarch64-linux-gnu/dpdk/pmds-23.0"];

fn drivers() -> Check {
    let found =
        DRIVER_FOLDERS.iter().map(|folder| driver_names(Path::new(folder))).max_by_key(Vec::len);
    let found = found.unwrap_or_default();
    let needed = ["net_af_packet", "net_tap", "net_pcap", "net_null", "mempool_ring", "bus_vdev"];
    let missing: Vec<&str> =
        needed.into_iter().filter(|need| !found.iter().any(|name| name == need)).collect();
    let detail = match missing.is_empty() {
        true => {
            let cards = found.iter().filter(|name| name.starts_with("net_")).count();
            format!("{cards} network drivers")
        }
        false => format!("missing: {}", missing.join(", ")),
    };
    Check::new("drivers", missing.is_empty(), detail, "apt install libdpdk-dev dpdk")
}

/// `librte_net_tap.so` is `net_tap`.
fn driver_names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let (name, _) = name.strip_prefix("librte_")?.split_once(".so")?;
            Some(name.to_owned())
        })
        .collect();
    names.sort();
    names.dedup();
    names
}

fn pages() -> Check {
    let sizes = huge_pages();
    let detail = match sizes.is_empty() {
        true => "this kernel has none; running on ordinary pages, which is slower".into(),
        false => sizes
            .iter()
            .map(|pages| {
                format!("{} of {} kB free of {}", pages.free, pages.size >> 10, pages.total)
            })
            .collect::<Vec<_>>()
            .join("; "),
    };
    let ok = sizes.iter().any(|pages| pages.free > 0);
    Check::new("huge pages", ok, detail, "sysctl -w vm.nr_hugepages=1024")
}

fn iommu() -> Check {
    let groups = fs::read_dir("/sys/kernel/iommu_groups").map_or(0, Iterator::count);
    let detail = match groups {
        0 => "no IOMMU groups: network cards (pci:) need one, other devices do not".into(),
        groups => format!("{groups} groups"),
    };
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    Check::new("IOMMU", groups > 0, detail, iommu_remedy(&processor))
}

/// A virtual machine has no firmware switch to turn: VFIO does without there, at the price of its protection.
fn iommu_remedy(processor: &str) -> &'static str {
    let flag = |line: &str, flag| {
        line.starts_with("flags") && line.split_whitespace().any(|word| word == flag)
    };
    if processor.lines().any(|line| flag(line, "hypervisor")) {
        "modprobe vfio enable_unsafe_noiommu_mode=1"
    } else if processor.contains("AuthenticAMD") {
        "sed -i 's/^GRUB_CMDLINE_LINUX=\"/&amd_iommu=on iommu=pt /' /etc/default/grub && update-grub && reboot"
    } else {
        "sed -i 's/^GRUB_CMDLINE_LINUX=\"/&intel_iommu=on iommu=pt /' /etc/default/grub && update-grub && reboot"
    }
}

fn vfio() -> Check {
    let ok = Path::new("/sys/bus/pci/drivers/vfio-pci").exists();
    let detail = match ok {
        true => "vfio-pci is there: `dpdk-devbind.py -b vfio-pci ADDRESS` gives it a card",
        false => "no vfio-pci driver: network cards (pci:) need it, other devices do not",
    };
    Check::new("VFIO", ok, detail, "modprobe vfio-pci")
}

fn tun() -> Check {
    let opened = fs::OpenOptions::new().read(true).write(true).open("/dev/net/tun");
    let (detail, remedy) = match &opened {
        Ok(_) => ("/dev/net/tun".to_owned(), ""),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            (format!("/dev/net/tun: {error}"), "chmod 666 /dev/net/tun")
        }
        Err(error) => (
            format!("/dev/net/tun: {error}: no tap: devices, no local traffic"),
            "modprobe tun || (mkdir -p /dev/net && mknod /dev/net/tun c 10 200)",
        ),
    };
    Check::new("TAP", opened.is_ok(), detail, remedy)
}

/// Capabilities, their bit numbers (`linux/capability.h`) and what each is for.
const CAPABILITIES: [(&str, u32, &str); 4] = [
    ("CAP_NET_ADMIN", 12, "making TAP interfaces and configuring others"),
    ("CAP_NET_RAW", 13, "af_packet and af_xdp devices"),
    ("CAP_SYS_ADMIN", 21, "physical addresses for network cards without IOMMU; af_xdp"),
    ("CAP_IPC_LOCK", 14, "locked memory: network cards, af_xdp, long af_packet rings"),
];

fn status() -> String {
    fs::read_to_string("/proc/self/status").unwrap_or_default()
}

/// The effective set, of `/proc/self/status`.
fn effective(status: &str) -> u64 {
    status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}

/// Those of the capabilities `names` that this process does not hold.
pub fn lacking(names: &[&'static str]) -> Vec<&'static str> {
    let held = effective(&status());
    let holds = |name: &str| {
        CAPABILITIES.iter().any(|(known, bit, _)| *known == name && held >> bit & 1 == 1)
    };
    names.iter().copied().filter(|name| !holds(name)).collect()
}

/// The command that gives this program the capabilities `names`.
pub fn grant(names: &[&str]) -> String {
    let program =
        std::env::current_exe().map_or_else(|_| "sluice".into(), |path| path.display().to_string());
    format!("setcap {}+ep {program}", names.join(",").to_lowercase())
}

fn capabilities(held: u64) -> Vec<Check> {
    let remedy = grant(&CAPABILITIES.map(|(name, _, _)| name));
    CAPABILITIES
        .iter()
        .map(|(name, bit, purpose)| {
            let ok = held >> bit & 1 == 1;
            let detail = format!("{}: {purpose}", if ok { "held" } else { "not held" });
            Check::new(name, ok, detail, &remedy)
        })
        .collect()
}

fn cores() -> Check {
    let usable: Vec<usize> =
        core_affinity::get_core_ids().unwrap_or_default().iter().map(|core| core.id).collect();
    let isolated = fs::read_to_string("/sys/devices/system/cpu/isolated").unwrap_or_default();
    let isolated = match isolated.trim() {
        "" => "none isolated".into(),
        list => format!("isolated: {list}"),
    };
    Check::new(
        "cores",
        !usable.is_empty(),
        format!("{} usable, {isolated}", usable.len()),
        "taskset -pc 0-$(($(nproc --all) - 1)) $$",
    )
}

fn uplink() -> Check {
    let detail = match default_route_interface() {
        Some(name) => {
            format!("`{name}` carries the default route; Sluice does not take it unasked")
        }
        None => "no default route here".into(),
    };
    Check::new("default route", true, detail, "")
}

/// The kernel interface that carries the host's default route, by IPv4 or else IPv6.
pub fn default_route_interface() -> Option<String> {
    let read = |file| fs::read_to_string(file).unwrap_or_default();
    default_route_v4(&read("/proc/net/route"))
        .or_else(|| default_route_v6(&read("/proc/net/ipv6_route")))
}

/// Columns: interface, destination, gateway, flags, refcnt, use, metric, mask.
fn default_route_v4(table: &str) -> Option<String> {
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let (name, destination) = (words.next()?, words.next()?);
            let (flags, metric, mask) = (words.nth(1)?, words.nth(2)?, words.next()?);
            usable(flags, destination, mask).then_some((metric.parse::<u32>().ok()?, name))
        })
        .min_by_key(|(metric, _)| *metric)
        .map(|(_, name)| name.to_owned())
}

/// Columns: destination, its length, source, its length, gateway, metric, refcnt, use, flags,
/// interface.
fn default_route_v6(table: &str) -> Option<String> {
    table
        .lines()
        .filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [destination, length, _, _, _, metric, _, _, flags, name] = words.as_slice() else {
                return None;
            };
            let metric = u32::from_str_radix(metric, 16).ok()?;
            usable(flags, destination, length).then_some((metric, *name))
        })
        .min_by_key(|(metric, _)| *metric)
        .map(|(_, name)| name.to_owned())
}

/// Up, not a reject route (`RTF_UP`, `RTF_REJECT`), and to everywhere.
fn usable(flags: &str, destination: &str, mask: &str) -> bool {
    let zero = |digits: &str| digits.bytes().all(|digit| digit == b'0');
    let flags = u32::from_str_radix(flags, 16).unwrap_or(0);
    flags & 0x1 != 0 && flags & 0x200 == 0 && zero(destination) && zero(mask)
}

/// Whether the kernel has an interface called `name` in this network namespace. Asks the kernel:
/// `/sys/class/net` shows the namespace it was mounted in.
pub fn has_interface(name: &str) -> bool {
    let Ok(name) = CString::new(name) else { return false };
    // SAFETY: a NUL-terminated string that outlives the call.
    unsafe { libc::if_nametoindex(name.as_ptr()) != 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failing_check_has_a_command() {
        let checks = checks();
        assert!(checks.len() >= 12);
        for check in checks {
            assert_eq!(check.ok, check.remedy.is_none(), "{check:?}");
            assert!(!check.detail.is_empty(), "{check:?}");
        }
    }

    #[test]
    fn capabilities_are_bits_of_the_effective_set() {
        let held = |mask: &str| -> Vec<bool> {
            let status = format!("Name:\tx\nCapPrm:\t000001ffffffffff\nCapEff:\t{mask}\n");
            capabilities(effective(&status)).iter().map(|check| check.ok).collect()
        };
        assert_eq!(held("000001ffffffffff"), [true; 4]);
        assert_eq!(held("0000000000003000"), [true, true, false, false]);
        assert_eq!(effective(""), 0);
        assert_eq!(lacking(&["CAP_NO_SUCH"]), ["CAP_NO_SUCH"]);
        assert!(
            grant(&["CAP_NET_RAW", "CAP_IPC_LOCK"])
                .starts_with("setcap cap_net_raw,cap_ipc_lock+ep /")
        );
    }

    #[test]
    fn the_iommu_is_switched_on_where_the_machine_has_its_switch() {
        let remedy = |cpu: &str| iommu_remedy(cpu);
        assert!(
            remedy("vendor_id\t: GenuineIntel\nflags\t\t: fpu vmx\n").contains("intel_iommu=on")
        );
        assert!(remedy("vendor_id\t: AuthenticAMD\nflags\t\t: fpu svm\n").contains("amd_iommu=on"));
        let guest = "vendor_id\t: AuthenticAMD\nflags\t\t: fpu hypervisor\n";
        assert_eq!(remedy(guest), "modprobe vfio enable_unsafe_noiommu_mode=1");
    }

    #[test]
    fn the_default_route_of_the_lowest_metric_counts() {
        let table = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n\
            eth1\t00000000\t0101A8C0\t0003\t0\t0\t200\t00000000\t0\t0\t0\n\
            eth0\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0\n\
            lan0\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n\
            half\t00000000\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0\n\
            none\t00000000\t00000000\t0201\t0\t0\t0\t00000000\t0\t0\t0\n";
        assert_eq!(default_route_v4(table).as_deref(), Some("eth0"));
        assert_eq!(default_route_v4("Iface\tDestination\n"), None);
    }

    #[test]
    fn the_ipv6_default_route_is_found_and_the_reject_route_is_not() {
        let zero = "0".repeat(32);
        let line = |length: &str, metric: &str, flags: &str, name: &str| {
            format!("{zero} {length} {zero} 00 {zero} {metric} 00000001 00000000 {flags} {name}\n")
        };
        let reject = line("00", "ffffffff", "00200200", "lo");
        assert_eq!(default_route_v6(&reject), None);
        let table = format!(
            "{}{}{reject}",
            line("40", "1", "00000001", "a"),
            line("00", "400", "00000003", "eth0")
        );
        assert_eq!(default_route_v6(&table).as_deref(), Some("eth0"));
    }

    #[test]
    fn the_loopback_exists() {
        assert!(has_interface("lo") && !has_interface("nosuch0") && !has_interface("a\0b"));
    }
}
