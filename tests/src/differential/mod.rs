//! Owns the comparison of Sluice with the kernel.
//!
//! A scenario is a ruleset and a function that plays hosts: it sends frames to the router and looks
//! at what comes out, as real hosts would. It is played twice, with the kernel as the router and
//! with the router under test, on the same interfaces with the same addresses. What came out of
//! every interface after every step must be equal byte for byte, and so must the connections left
//! in the table at the end.
//!
//! Left out of the comparison: the order of frames within a step, the identification of packets
//! that the router itself made, and what the scenario says was drawn at random: ports, numbers of TCP.

mod lab;
mod seen;
mod transcript;

pub(crate) use lab::End;
pub use lab::Lab;
pub use seen::Seen;
pub(crate) use seen::announces;
pub use transcript::Transcript;

use std::sync::OnceLock;

use crate::router::Setup;
use crate::topology::{DMZ, LAN, WAN};
use crate::{Kind, Namespace, Router};

/// A ruleset and what the hosts do.
pub struct Scenario {
    setup: Setup,
    play: Box<dyn Fn(&mut Lab) + Sync>,
}

impl Scenario {
    /// A scenario on the usual two interfaces. Hosts 10.1.0.2 and 10.1.0.3 are inside, 192.168.1.9
    /// and 192.168.1.1 outside; the latter is the default route.
    pub fn new(iptables: &str, play: impl Fn(&mut Lab) + Sync + 'static) -> Self {
        let mut setup = Setup::new(iptables)
            .with_sysctl("net.netfilter.nf_conntrack_acct", 1)
            .with_sysctl("net.ipv4.icmp_ratelimit", 0)
            .with_sysctl("net.ipv4.conf.all.rp_filter", 0)
            .with_sysctl("net.ipv4.conf.all.send_redirects", 0)
            .with_route("0.0.0.0/0", "192.168.1.1");
        for interface in &mut setup.interfaces {
            interface.addresses.retain(|address| !address.contains(':'));
        }
        for (cable, address) in
            [(LAN, "10.1.0.2"), (LAN, "10.1.0.3"), (WAN, "192.168.1.9"), (WAN, "192.168.1.1")]
        {
            setup = setup.with_neighbour(cable.interface, address, cable.host_mac);
        }
        Self { setup, play: Box::new(play) }
    }

    /// The same for IPv6: fd00:1::2 and fd00:1::3 are inside, fd00:2::9 and fd00:2::fe outside; the latter is the
    /// default route.
    pub fn new_v6(ip6tables: &str, play: impl Fn(&mut Lab) + Sync + 'static) -> Self {
        let mut setup = Setup::new("")
            .with_ip6tables(ip6tables)
            .with_sysctl("net.netfilter.nf_conntrack_acct", 1)
            .with_sysctl("net.ipv6.icmp.ratelimit", 0)
            .with_route("::/0", "fd00:2::fe");
        for interface in &mut setup.interfaces {
            interface.addresses.retain(|address| address.contains(':'));
        }
        for (cable, address) in
            [(LAN, "fd00:1::2"), (LAN, "fd00:1::3"), (WAN, "fd00:2::9"), (WAN, "fd00:2::fe")]
        {
            setup = setup.with_neighbour(cable.interface, address, cable.host_mac);
        }
        Self { setup, play: Box::new(play) }
    }

    /// A scenario with a bridge over these of three cables, IPv4 and IPv6: 10.1.0.2 and fd00:1::2 are behind `lan0`,
    /// 10.1.0.3 and fd00:1::3 behind `dmz0`; 192.168.1.9 is outside, if `wan0` is not in the bridge.
    pub fn bridge(
        ports: &[&str],
        iptables: &str,
        play: impl Fn(&mut Lab) + Sync + 'static,
    ) -> Self {
        let mut setup = Setup::new(iptables)
            .with_bridge(ports)
            .with_sysctl("net.netfilter.nf_conntrack_acct", 1)
            .with_sysctl("net.ipv4.icmp_ratelimit", 0)
            .with_sysctl("net.ipv4.conf.all.rp_filter", 0)
            .with_sysctl("net.ipv4.conf.all.send_redirects", 0);
        for (interface, address, mac) in [
            ("br0", "10.1.0.2", LAN.host_mac),
            ("br0", "10.1.0.3", DMZ.host_mac),
            ("br0", "fd00:1::2", LAN.host_mac),
            ("br0", "fd00:1::3", DMZ.host_mac),
        ] {
            setup = setup.with_neighbour(interface, address, mac);
        }
        if !ports.contains(&WAN.interface) {
            setup = setup.with_neighbour(WAN.interface, "192.168.1.9", WAN.host_mac);
        }
        Self { setup, play: Box::new(play) }
    }

    /// The same with a changed set-up.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(Setup) -> Setup) -> Self {
        self.setup = change(self.setup);
        self
    }

    /// Plays on the kernel and on `kind`; fails where they differ. The kernel plays once for all that share `kernel`.
    pub fn compare(&self, kernel: &OnceLock<Transcript>, kind: Kind) {
        let report = self.differences(kernel, kind);
        assert!(report.is_empty(), "differs from the kernel:\n{}", report.concat());
    }

    /// A text for every difference, the first one first.
    fn differences(&self, kernel: &OnceLock<Transcript>, kind: Kind) -> Vec<String> {
        let (kernel, tested) = match kind {
            Kind::Kernel if !self.setup.logs() => self.run_kernels(kernel),
            Kind::Kernel | Kind::Sluice { .. } => {
                let kernel = kernel.get_or_init(|| self.run(Kind::Kernel, None));
                (kernel, self.run(kind, Some(kernel)))
            }
        };
        let frames: usize = kernel.steps.iter().map(|step| step.out.len()).sum();
        assert!(frames > 0, "nothing came out of the kernel: the scenario shows nothing");
        let mut report = Vec::new();
        for (left, right) in kernel.steps.iter().zip(&tested.steps) {
            if left != right {
                report.push(format!(
                    "{}\n kernel:\n{}{kind:?}:\n{}\n",
                    left.place,
                    left.text(),
                    right.text()
                ));
            }
        }
        if kernel.connections != tested.connections {
            report.push(format!(
                "connections\n kernel:\n{}\n{kind:?}:\n{}\n",
                kernel.connections.join("\n"),
                tested.connections.join("\n")
            ));
        }
        if report.is_empty() {
            assert_eq!(kernel.steps.len(), tested.steps.len(), "not the same steps");
        }
        report
    }

    /// Two kernels at the same time: neither needs a core of its own to poll with.
    fn run_kernels<'k>(&self, kernel: &'k OnceLock<Transcript>) -> (&'k Transcript, Transcript) {
        std::thread::scope(|scope| {
            let other = scope.spawn(|| self.run(Kind::Kernel, None));
            let one = kernel.get_or_init(|| self.run(Kind::Kernel, None));
            match other.join() {
                Ok(other) => (one, other),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    fn run(&self, kind: Kind, expected: Option<&Transcript>) -> Transcript {
        let namespace = Namespace::new("router");
        // A label drawn for each flow that the router's own stack begins would be compared.
        namespace.must("sysctl -qw net.ipv6.auto_flowlabels=0");
        let scratch = tempfile::tempdir().expect("cannot make a temporary folder");
        let setup = self.setup.clone().tagged();
        let cables = [LAN, WAN, DMZ].into_iter();
        let cables = cables.filter(|c| setup.interfaces.iter().any(|i| i.name == c.interface));
        let ends = cables.map(|cable| End::new(&namespace, cable)).collect();
        let router = Router::start_in(kind, &namespace, scratch.path(), &setup);
        let counts = expected.map(|transcript| {
            transcript.steps.iter().map(|step| step.out.len()).collect::<Vec<_>>()
        });
        let mut lab = Lab::new(ends, router, setup.log_tag, counts.unwrap_or_default());
        (self.play)(&mut lab);
        lab.finish()
    }
}

/// Declares the tests of scenarios: the kernel against itself, which shows that the scenario
/// repeats and the comparison is fair, and Sluice with one and with two workers.
#[macro_export]
macro_rules! differential {
    ($($scenario:ident),+ $(,)?) => {$(
        mod $scenario {
            static KERNEL: std::sync::OnceLock<$crate::differential::Transcript> =
                std::sync::OnceLock::new();
            #[test]
            fn kernel_repeats() {
                super::$scenario().compare(&KERNEL, $crate::Kind::Kernel);
            }
            #[test]
            fn sluice_1_worker() {
                super::$scenario().compare(&KERNEL, $crate::Kind::Sluice { workers: 1 });
            }
            #[test]
            fn sluice_2_workers() {
                super::$scenario().compare(&KERNEL, $crate::Kind::Sluice { workers: 2 });
            }
        }
    )+};
}

/// Declares scenarios in which Sluice is known to differ from the kernel; docs/NETFILTER.md says how. The kernel
/// must still repeat itself, so that they can be taken up again.
#[macro_export]
macro_rules! known_to_differ {
    ($($scenario:ident),+ $(,)?) => {$(
        mod $scenario {
            #[test]
            fn kernel_repeats() {
                super::$scenario().compare(&std::sync::OnceLock::new(), $crate::Kind::Kernel);
            }
        }
    )+};
}
