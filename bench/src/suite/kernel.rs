//! The Linux kernel as the router: frames of the same generator, the same rules, against a worker of ours.

mod router;

use super::measure::{Comparison, Measurement};
use super::packets::{self, Effort, Packets};
use super::scenario::{Established, OUT, Table};
use crate::machine::Machine;
use crate::report::Average;
use crate::ruleset::Beside;
use anyhow::Result;
use router::Router;

/// What both do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Routing {
    /// One route, one destination, no rules.
    Forward,
    /// Random packets of known connections through SNAT, and so many rules in FORWARD that do not match.
    Established {
        /// Connections.
        flows: u32,
        /// Rules.
        filters: usize,
    },
    /// The same where each packet begins a connection, from an empty table.
    New {
        /// Rules.
        filters: usize,
    },
}

/// Which of the kernel's two walks the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tables {
    /// `ip_tables`, the faster with long lists.
    Legacy,
    /// `nf_tables`, where most systems' iptables puts rules now.
    Nft,
}

impl Tables {
    /// The tool that loads them.
    const fn restore(self) -> &'static str {
        match self {
            Self::Legacy => "iptables-legacy-restore",
            Self::Nft => "iptables-nft-restore",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Legacy => "iptables-legacy",
            Self::Nft => "iptables-nft",
        }
    }
}

/// Nanoseconds a packet of a worker, against those of the kernel.
pub(super) fn against(
    machine: &Machine,
    routing: Routing,
    tables: Tables,
    effort: Effort,
) -> Result<Comparison> {
    let own = match routing {
        Routing::Forward => packets::forward(machine, Table::One, 1)?,
        Routing::Established { flows, filters } => {
            packets::established(machine, Established { flows, filters, ..OUT })?
        }
        Routing::New { filters } => packets::new(machine, 0, Beside::Filters(filters), effort)?,
    };
    let baseline: Option<(String, Box<dyn Measurement>)> = match effort.compare {
        true => {
            let router = Router::new(machine, routing, tables)?;
            let kernel = router::version()?;
            let name = match routing {
                Routing::Forward => kernel,
                Routing::Established { .. } | Routing::New { .. } => {
                    format!("{kernel}, {}", tables.name())
                }
            };
            Some((name, Box::new(router)))
        }
        false => None,
    };
    Ok(Comparison {
        unit: "ns/packet",
        average: Average::Median,
        harness: format!(
            "{}; the kernel's network stack between two veth ports",
            machine.harness()
        ),
        subject: Box::new(Nanoseconds(own)),
        baseline,
    })
}

/// A worker's cycles, as the kernel's time is told.
struct Nanoseconds(Packets);

impl Measurement for Nanoseconds {
    fn round(&mut self, effort: &Effort) -> Result<Vec<f64>> {
        let cycles = self.0.round(effort)?;
        Ok(cycles.into_iter().map(nanoseconds).collect())
    }

    fn finish(&mut self) -> Result<()> {
        self.0.finish()
    }
}

/// Of TSC cycles.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn nanoseconds(cycles: f64) -> f64 {
    cycles * 1e9 / dpdk::cpu::cycles_per_second() as f64
}
