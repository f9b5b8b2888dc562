//! `-m sctp`: ports and chunks of SCTP (kernel: xt_sctp).

use crate::netfilter::fault::Fault;
use crate::netfilter::services;
use crate::netfilter::words::{Given, Look, Opt, Words, bang, number16, opt, port_range};
use crate::netfilter::{Negatable, PortRange, Protocol};

/// The options; each absent one matches anything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sctp {
    /// `--sport`
    pub source_port: Option<Negatable<PortRange>>,
    /// `--dport`
    pub destination_port: Option<Negatable<PortRange>>,
    /// `--chunk-types`
    pub chunks: Option<Negatable<SctpChunks>>,
}

/// `any|all|only LIST`: which chunks a packet must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SctpChunks {
    /// How the packet's chunks are compared with the types.
    pub scope: ChunkScope,
    /// Chunk types: bit n of word n / 32 stands for type n.
    pub types: [u32; 8],
    /// What the flags of some types must be; at most four.
    pub flags: Vec<ChunkFlags>,
}

/// How a packet's chunks are compared with the types asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChunkScope {
    /// `any`: one of them is there.
    Any,
    /// `all`: each of them is there.
    All,
    /// `only`: nothing else is there.
    Only,
}

/// What the flags of a chunk must be: `flags & mask == set`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChunkFlags {
    /// The type, where it is below 15. For the others the tools hand the kernel the type's place in
    /// their list (15 for I_DATA), so that their flags are asked of a type no packet has.
    pub chunk: u8,
    /// Flags looked at.
    pub mask: u8,
    /// Flags of them that are on.
    pub set: u8,
}

/// The kernel's XT_NUM_SCTP_FLAGS.
const MAX_FLAGS: usize = 4;

/// Name, type and the letters of the flags from bit 7 down.
const TYPES: [(&str, u8, &str); 22] = [
    ("DATA", 0, "----IUBE"),
    ("INIT", 1, "--------"),
    ("INIT_ACK", 2, "--------"),
    ("SACK", 3, "--------"),
    ("HEARTBEAT", 4, "--------"),
    ("HEARTBEAT_ACK", 5, "--------"),
    ("ABORT", 6, "-------T"),
    ("SHUTDOWN", 7, "--------"),
    ("SHUTDOWN_ACK", 8, "--------"),
    ("ERROR", 9, "--------"),
    ("COOKIE_ECHO", 10, "--------"),
    ("COOKIE_ACK", 11, "--------"),
    ("ECN_ECNE", 12, "--------"),
    ("ECN_CWR", 13, "--------"),
    ("SHUTDOWN_COMPLETE", 14, "-------T"),
    ("I_DATA", 64, "----IUBE"),
    ("RE_CONFIG", 130, "--------"),
    ("PAD", 132, "--------"),
    ("ASCONF", 193, "--------"),
    ("ASCONF_ACK", 128, "--------"),
    ("FORWARD_TSN", 192, "--------"),
    ("I_FORWARD_TSN", 194, "--------"),
];

impl SctpChunks {
    /// Whether a type is in the list.
    pub fn contains(&self, chunk: u8) -> bool {
        let word = self.types.get(usize::from(chunk / 32)).copied().unwrap_or_default();
        word & 1 << (chunk % 32) != 0
    }

    fn parse(scope: &str, list: &str) -> Result<Self, Fault> {
        let scope = match scope.to_ascii_uppercase().as_str() {
            "ANY" => ChunkScope::Any,
            "ALL" => ChunkScope::All,
            "ONLY" => ChunkScope::Only,
            _ => {
                let message = "Match type has to be one of \"ALL\", \"ANY\" or \"ONLY\"";
                return Err(Fault::usage(message).help("as in `--chunk-types any INIT,DATA`"));
            }
        };
        let mut chunks = Self { scope, types: [0; 8], flags: Vec::new() };
        match list.to_ascii_uppercase().as_str() {
            "ALL" => chunks.types = [u32::MAX; 8],
            "NONE" => {}
            _ => list
                .split(',')
                .filter(|word| !word.is_empty())
                .try_for_each(|word| chunks.add(word))?,
        }
        Ok(chunks)
    }

    /// `TYPE[:FLAGS]`
    fn add(&mut self, word: &str) -> Result<(), Fault> {
        let (name, flags) = word.split_once(':').map_or((word, ""), |(name, flags)| (name, flags));
        let mut known = TYPES.iter().zip(0..);
        let found = known.find(|((own, _, _), _)| own.eq_ignore_ascii_case(name));
        let ((_, chunk, letters), nth) = found.ok_or_else(|| {
            let names = TYPES.map(|(name, _, _)| name);
            let near = crate::diagnostic::nearest(&name.to_ascii_uppercase(), names);
            let help = near.map_or_else(
                || "types are DATA, INIT, SACK and so on".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            Fault::usage(format!("Unknown sctp chunk `{name}'")).help(help)
        })?;
        if let Some(types) = self.types.get_mut(usize::from(chunk / 32)) {
            *types |= 1 << (chunk % 32);
        }
        flags.chars().try_for_each(|flag| self.add_flag(nth, letters, flag))
    }

    /// A capital letter for a flag that is on, a small one for one that is off.
    fn add_flag(&mut self, nth: u8, letters: &str, flag: char) -> Result<(), Fault> {
        let place = letters.chars().position(|letter| letter == flag.to_ascii_uppercase());
        let Some(place) = place else {
            return Err(Fault::usage(format!("Invalid flags for chunk type {nth}"))
                .help("DATA has I, U, B and E, ABORT and SHUTDOWN_COMPLETE have T"));
        };
        let bit = 0x80 >> place;
        let set = if flag.is_ascii_uppercase() { bit } else { 0 };
        if let Some(flags) = self.flags.iter_mut().find(|flags| flags.chunk == nth) {
            flags.mask |= bit;
            flags.set |= set;
            return Ok(());
        }
        if self.flags.len() == MAX_FLAGS {
            let message = "Number of chunk types with flags exceeds currently allowed limit. \
                           Increasing this limit involves changing IPT_NUM_SCTP_FLAGS and \
                           recompiling both the kernel space and user space modules";
            return Err(Fault::usage(message).help("four types can have flags"));
        }
        self.flags.push(ChunkFlags { chunk: nth, mask: bit, set });
        Ok(())
    }

    fn text(&self, numeric: bool) -> String {
        let scope = match self.scope {
            ChunkScope::Any => "any",
            ChunkScope::All => "all",
            ChunkScope::Only => "only",
        };
        if self.types == [0; 8] {
            return format!(" {scope} NONE");
        }
        if self.types == [u32::MAX; 8] {
            return format!(" {scope} ALL");
        }
        let types = (0..=u8::MAX).filter(|chunk| self.contains(*chunk));
        let types: Vec<String> = types.map(|chunk| self.type_text(chunk, numeric)).collect();
        format!(" {scope} {}", types.join(","))
    }

    fn type_text(&self, chunk: u8, numeric: bool) -> String {
        let name = TYPES.iter().find(|(_, own, _)| *own == chunk).map(|(name, _, _)| *name);
        let mut text = match name {
            Some(name) if !numeric => name.to_owned(),
            Some(_) | None => format!("0x{chunk:04X}"),
        };
        let flags = self.flags.iter().find(|flags| flags.chunk == chunk);
        let letters = TYPES.get(usize::from(chunk)).map(|(_, _, letters)| *letters);
        if let (Some(flags), Some(letters)) = (flags, letters) {
            text.push(':');
            for (letter, nth) in letters.chars().zip(0..) {
                let bit = 0x80 >> nth;
                match (flags.mask & bit != 0, flags.set & bit != 0) {
                    (true, true) => text.push(letter),
                    (true, false) => text.push(letter.to_ascii_lowercase()),
                    (false, _) => {}
                }
            }
        }
        text
    }
}

/// `PORT[:PORT]`; names are those of SCTP's services alone.
fn ports(text: &str) -> Result<PortRange, Fault> {
    let named = |word: &&str| !word.is_empty() && number16(word).is_none();
    let strange = text.splitn(2, ':').filter(named).find(|word| !services::is_sctp(word));
    match strange {
        None => port_range(text),
        Some(word) => Err(Fault::usage(format!("invalid port/service `{word}' specified"))
            .help("write a port number from 0 to 65535")),
    }
}

/// ` [!] --OPTION MIN[:MAX]`
fn save_ports(out: &mut String, option: &str, range: &Option<Negatable<PortRange>>) {
    if let Some(range) = range {
        out.push_str(&format!("{} --{option} {}", bang(range), range.value));
    }
}

impl Words for Sctp {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[
            opt("source-port").alias(&["sport"]).negatable(),
            opt("destination-port").alias(&["dport"]).negatable(),
            opt("chunk-types").arguments(2).negatable(),
        ];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        let ports = || ports(given.argument(0));
        match given.option {
            "source-port" => self.source_port = given.negatable(ports()?),
            "destination-port" => self.destination_port = given.negatable(ports()?),
            _ => {
                let list = given.second("--chunk-types requires two args")?;
                self.chunks = given.negatable(SctpChunks::parse(given.argument(0), list)?);
            }
        }
        Ok(())
    }

    fn repeated(&self, _extension: &str, option: &Opt) -> String {
        format!("Only one `--{}' allowed", option.name)
    }

    fn fits(&self, protocol: Option<Negatable<Protocol>>) -> bool {
        protocol == Some(Negatable::plain(Protocol::SCTP))
    }

    fn save(&self, out: &mut String) {
        save_ports(out, "sport", &self.source_port);
        save_ports(out, "dport", &self.destination_port);
        if let Some(chunks) = &self.chunks {
            out.push_str(&format!("{} --chunk-types{}", bang(chunks), chunks.value.text(false)));
        }
    }

    fn list(&self, out: &mut String, look: Look) {
        out.push_str(" sctp");
        super::list_ports(out, "spt", self.source_port, look.numeric, 's');
        super::list_ports(out, "dpt", self.destination_port, look.numeric, 's');
        if let Some(chunks) = &self.chunks {
            out.push_str(&format!("{}{}", bang(chunks), chunks.value.text(look.numeric)));
        }
    }
}
