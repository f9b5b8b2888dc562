//! `-m tcp`: ports, flags and options of TCP.

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{
    Given, Look, Opt, Surroundings, Words, bang, number, opt, port_range,
};
use crate::netfilter::{Negatable, PortRange, Protocol};

/// The options; each absent one matches anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tcp {
    /// `--sport`
    pub source_port: Option<Negatable<PortRange>>,
    /// `--dport`
    pub destination_port: Option<Negatable<PortRange>>,
    /// `--tcp-flags`, `--syn`
    pub flags: Option<Negatable<TcpFlags>>,
    /// `--tcp-option`: the kind of a TCP option that must be present.
    pub option: Option<Negatable<u8>>,
}

/// Of the flags in `mask`, exactly those in `set` are on. Bits as in the TCP header: FIN 1, SYN 2,
/// RST 4, PSH 8, ACK 16, URG 32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TcpFlags {
    /// Flags looked at.
    pub mask: u8,
    /// Flags of them that are on.
    pub set: u8,
}

impl TcpFlags {
    /// `--syn`: SYN on; RST, ACK and FIN off.
    pub const SYN: Self = Self { mask: 0x17, set: 0x02 };

    /// Whether a segment with these flags is meant.
    pub fn matches(&self, flags: u8) -> bool {
        flags & self.mask == self.set
    }
}

/// Flags by name, in the order the tools print them.
const FLAGS: [(&str, u8); 6] =
    [("FIN", 1), ("SYN", 2), ("RST", 4), ("PSH", 8), ("ACK", 16), ("URG", 32)];

impl TcpFlags {
    fn parse(text: &str) -> Result<u8, Fault> {
        let mut bits = 0;
        for word in text.split(',').filter(|word| !word.is_empty()) {
            bits |= match word.to_ascii_uppercase().as_str() {
                "ALL" => 0x3f,
                "NONE" => 0,
                flag => {
                    FLAGS.iter().find(|(name, _)| *name == flag).map(|(_, bit)| *bit).ok_or_else(
                        || {
                            Fault::usage(format!("Unknown TCP flag `{word}'"))
                                .help("flags are FIN, SYN, RST, PSH, ACK, URG, ALL and NONE")
                        },
                    )?
                }
            };
        }
        Ok(bits)
    }

    fn names(bits: u8) -> String {
        let names: Vec<&str> =
            FLAGS.iter().filter(|(_, bit)| bits & bit != 0).map(|(name, _)| *name).collect();
        if names.is_empty() { "NONE".to_owned() } else { names.join(",") }
    }
}

impl Tcp {
    /// The tools translate ports and flags into other terms, and give only the rest to the kernel's
    /// own match, which then looks at the rule's protocol itself.
    fn is_left_to_the_kernel(&self) -> bool {
        self.option.is_some() || *self == Self::default()
    }
}

impl Words for Tcp {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[
            opt("source-port").alias(&["sport"]).negatable(),
            opt("destination-port").alias(&["dport"]).negatable(),
            opt("syn").arguments(0).negatable(),
            opt("tcp-flags").arguments(2).negatable(),
            opt("tcp-option").negatable(),
        ];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        match given.option {
            "source-port" => {
                self.source_port = super::ports(port_range(given.argument(0))?, given.negated);
            }
            "destination-port" => {
                self.destination_port = super::ports(port_range(given.argument(0))?, given.negated);
            }
            "syn" | "tcp-flags" if self.flags.is_some() => {
                let message = "Only one of `--syn' or `--tcp-flags'  allowed";
                return Err(Fault::usage(message).help("keep one of them"));
            }
            "syn" => self.flags = given.negatable(TcpFlags::SYN),
            "tcp-flags" => {
                let mask = given.argument(0);
                let set = given.second("--tcp-flags requires two args.")?;
                let flags = TcpFlags { mask: TcpFlags::parse(mask)?, set: TcpFlags::parse(set)? };
                let none = TcpFlags { mask: 0, set: 0 };
                self.flags = given.negatable(flags).filter(|_| given.negated || flags != none);
            }
            _ => {
                let text = given.argument(0);
                let kind =
                    number(text).and_then(|kind| u8::try_from(kind).ok()).filter(|kind| *kind != 0);
                let kind = kind.ok_or_else(|| {
                    Fault::usage(format!("Bad TCP option \"{text}\""))
                        .help("write a number from 1 to 255")
                })?;
                self.option = given.negatable(kind);
            }
        }
        Ok(())
    }

    fn finish(&mut self, rule: &Surroundings<'_>) -> Result<(), Fault> {
        if self.is_left_to_the_kernel() {
            return Ok(());
        }
        // `! -p tcp` passes the tools' check as well.
        if rule.protocol.is_none_or(|protocol| protocol.value != Protocol::TCP) {
            return Err(
                Fault::usage("TCP match requires '-p tcp'").help("write `-p tcp` before it")
            );
        }
        if !self.vanishes() {
            self.source_port = self.source_port.filter(|_| !super::idle(self.source_port));
            self.destination_port =
                self.destination_port.filter(|_| !super::idle(self.destination_port));
            self.flags = self.flags.filter(|flags| flags.value.mask != 0);
        }
        Ok(())
    }

    fn vanishes(&self) -> bool {
        let idle = |range: Option<_>| range.is_none() || super::idle(range);
        let idle_flags = self.flags.is_none_or(|flags| flags.value.mask == 0);
        !self.is_left_to_the_kernel()
            && idle(self.source_port)
            && idle(self.destination_port)
            && idle_flags
    }

    fn fits(&self, protocol: Option<Negatable<Protocol>>) -> bool {
        !self.is_left_to_the_kernel() || protocol == Some(Negatable::plain(Protocol::TCP))
    }

    fn repeated(&self, _extension: &str, option: &Opt) -> String {
        format!("Only one `--{}' allowed", option.name)
    }

    fn save(&self, out: &mut String) {
        super::save_ports(out, "sport", self.source_port);
        super::save_ports(out, "dport", self.destination_port);
        if let Some(option) = &self.option {
            out.push_str(&format!("{} --tcp-option {}", bang(option), option.value));
        }
        if let Some(flags) = self.flags.filter(|flags| flags.negated || flags.value.mask != 0) {
            let (mask, set) = (TcpFlags::names(flags.value.mask), TcpFlags::names(flags.value.set));
            out.push_str(&format!("{} --tcp-flags {mask} {set}", bang(&flags)));
        }
    }

    fn list(&self, out: &mut String, look: Look) {
        out.push_str(" tcp");
        super::list_ports(out, "spt", self.source_port, look.numeric, 't');
        super::list_ports(out, "dpt", self.destination_port, look.numeric, 't');
        if let Some(option) = &self.option {
            let bang = if option.negated { "!" } else { "" };
            out.push_str(&format!(" option={bang}{}", option.value));
        }
        if let Some(flags) = self.flags.filter(|flags| flags.negated || flags.value.mask != 0) {
            let bang = if flags.negated { "!" } else { "" };
            let TcpFlags { mask, set } = flags.value;
            out.push_str(&match look.numeric {
                true => format!(" flags:{bang}0x{mask:02X}/0x{set:02X}"),
                false => format!(" flags:{bang}{}/{}", TcpFlags::names(mask), TcpFlags::names(set)),
            });
        }
    }
}
