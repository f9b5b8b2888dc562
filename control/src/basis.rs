//! What a generation of rules is compiled from, and what comes of it.
//!
//! ```text
//!   Controller ── basis ──> Basis ── compile ──> Ready ── put ──> Controller
//! ```
//!
//! Both steps in the middle need no controller: it may be asked other things while hundreds of thousands of rules are
//! read and compiled. Between them nobody else may change what is configured.

use crate::compile::{Before, CompileError, Layout, States, World, compile_after};
use crate::sets::SharedSets;
use crate::tally::Tally;
use crate::timeouts;
use sluice_config::gateway::Config;
use sluice_config::netfilter::{Family, Ruleset};
use sluice_dataplane::interface::Interfaces;
use sluice_dataplane::snapshot::{IpSettings, Snapshot};
use sluice_dataplane::stamp::Stamp;
use std::sync::Arc;

/// One of each family.
#[derive(Debug, Clone, Default)]
pub struct Both<T> {
    /// IPv4.
    pub v4: T,
    /// IPv6.
    pub v6: T,
}

impl<T> Both<T> {
    /// The one of that family.
    pub const fn of(&self, family: Family) -> &T {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }

    /// The one of that family, to change.
    pub const fn of_mut(&mut self, family: Family) -> &mut T {
        match family {
            Family::V4 => &mut self.v4,
            Family::V6 => &mut self.v6,
        }
    }
}

/// Everything rules are compiled from. Copies of it share what is large.
#[derive(Debug)]
pub struct Basis {
    /// The configuration.
    pub config: Config,
    /// Rules, with what was counted until now.
    pub rules: Both<Ruleset>,
    /// Named sets.
    pub sets: SharedSets,
    pub(crate) interfaces: Interfaces,
    pub(crate) states: Arc<States>,
    pub(crate) workers: usize,
    /// In force, and compiled with these sets.
    pub(crate) previous: Arc<Snapshot>,
    pub(crate) previous_sets: SharedSets,
    pub(crate) layouts: Both<Arc<Layout>>,
    pub(crate) tallies: Both<Tally>,
}

/// Rules that can be put in force.
#[derive(Debug)]
pub struct Ready {
    pub(crate) rules: Both<Ruleset>,
    pub(crate) layouts: Both<Arc<Layout>>,
    /// Where `rules` had counted up to.
    pub(crate) tallies: Both<Tally>,
    /// Without its next hops.
    pub(crate) snapshot: Snapshot,
}

/// What is no longer in force. To drop it takes time, with much in it; what only its rules remembered goes with it.
#[derive(Debug)]
pub struct Retired {
    pub(crate) old: Option<(Arc<Snapshot>, [Ruleset; 2])>,
    pub(crate) states: Arc<States>,
}

impl Drop for Retired {
    fn drop(&mut self) {
        drop(self.old.take());
        self.states.sweep();
    }
}

impl Basis {
    /// Compiles what has changed since the rules in force.
    ///
    /// # Errors
    /// The first rule that cannot be compiled.
    pub fn compile(self) -> Result<Ready, CompileError> {
        let Self { config, rules, sets, interfaces, previous, layouts, .. } = self;
        let sysctl = &config.sysctl;
        let mut conntrack = timeouts::settings(&config, &previous.conntrack.policies);
        let policies = &conntrack.policies;
        let world = World {
            interfaces: &interfaces,
            states: &self.states,
            sets: &sets,
            policies,
            workers: self.workers,
        };
        let same_world = interfaces == previous.interfaces
            && *policies == previous.conntrack.policies
            && sets.is(&self.previous_sets);
        let before4 = Before { rules: &previous.rules4, layout: &layouts.v4, same_world };
        let before6 = Before { rules: &previous.rules6, layout: &layouts.v6, same_world };
        let compiled4 = compile_after(&rules.v4, world, before4)?;
        let compiled6 = compile_after(&rules.v6, world, before6)?;
        let (rules4, rules6) = (compiled4.rules, compiled6.rules);
        conntrack.accounting |= rules4.needs_accounting() || rules6.needs_accounting();
        Ok(Ready {
            layouts: Both { v4: compiled4.layout.into(), v6: compiled6.layout.into() },
            tallies: self.tallies,
            snapshot: Snapshot {
                number: previous.number.wrapping_add(1),
                rules4,
                rules6,
                next_hops: Vec::new(),
                ip: IpSettings {
                    forward4: sysctl.ip_forward(),
                    forward6: sysctl.ipv6_forwarding(),
                    default_ttl: sysctl.ip_default_ttl(),
                    ignore_echo: sysctl.get("net.ipv4.icmp_echo_ignore_all") == Some(1),
                    icmp_rate_mask: sysctl.icmp().ratemask,
                },
                conntrack,
                stamp: Stamp::fresh(),
                interfaces,
            },
            rules,
        })
    }
}
