//! `-m udp`: ports of UDP.

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Surroundings, Words, opt};
use crate::netfilter::{Negatable, PortRange, Protocol};

/// The options; each absent one matches anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Udp {
    /// `--sport`
    pub source_port: Option<Negatable<PortRange>>,
    /// `--dport`
    pub destination_port: Option<Negatable<PortRange>>,
}

impl Words for Udp {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[
            opt("source-port").alias(&["sport"]).negatable(),
            opt("destination-port").alias(&["dport"]).negatable(),
        ];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        let range = super::ports(given.port_range("udp")?, given.negated);
        match given.option {
            "source-port" => self.source_port = range,
            _ => self.destination_port = range,
        }
        Ok(())
    }

    fn finish(&mut self, rule: &Surroundings<'_>) -> Result<(), Fault> {
        // Without ports it is the kernel that refuses. `! -p udp` passes the tools' check as well.
        let other = rule.protocol.is_none_or(|protocol| protocol.value != Protocol::UDP);
        if *self != Self::default() && other {
            return Err(
                Fault::usage("UDP match requires '-p udp'").help("write `-p udp` before it")
            );
        }
        if !self.vanishes() {
            self.source_port = self.source_port.filter(|_| !super::idle(self.source_port));
            self.destination_port =
                self.destination_port.filter(|_| !super::idle(self.destination_port));
        }
        Ok(())
    }

    fn vanishes(&self) -> bool {
        let idle = |range: Option<_>| range.is_none() || super::idle(range);
        *self != Self::default() && idle(self.source_port) && idle(self.destination_port)
    }

    fn fits(&self, protocol: Option<Negatable<Protocol>>) -> bool {
        *self != Self::default() || protocol == Some(Negatable::plain(Protocol::UDP))
    }

    fn save(&self, out: &mut String) {
        super::save_ports(out, "sport", self.source_port);
        super::save_ports(out, "dport", self.destination_port);
    }

    fn list(&self, out: &mut String, look: Look) {
        out.push_str(" udp");
        super::list_ports(out, "spt", self.source_port, look.numeric, 'u');
        super::list_ports(out, "dpt", self.destination_port, look.numeric, 'u');
    }
}
