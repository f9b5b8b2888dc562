//! The words of `sluice` itself. The tools that imitate others (`ip`, `conntrack`, `iptables` …)
//! get their words unparsed: their grammars are their own.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use sluice_control::proto::{Family, PortRange, Prefix};

use super::failure::Failure;
use super::trace::{any_port, any_prefix};

/// Where the gateway listens unless told otherwise.
pub(crate) const DEFAULT_SERVER: &str = "unix:/run/sluice/sluice.sock";

#[derive(Debug, Parser)]
#[command(
    name = "sluice",
    version,
    about = "Router, NAT gateway and stateful firewall on DPDK",
    long_about = "Sluice forwards, filters and translates packets on DPDK and speaks the language of \
                  Linux's own tools.\n\nThe commands below talk to a running gateway over gRPC (except \
                  `check` and `doctor`).",
    after_long_help = TOOLS_HELP,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(crate) struct Arguments {
    /// The gateway to talk to: unix:PATH, tcp:HOST:PORT or http://HOST:PORT.
    #[arg(short = 'S', long = "server", value_name = "ADDRESS", env = "SLUICE_SERVER",
          default_value = DEFAULT_SERVER)]
    pub(crate) server: String,

    #[command(subcommand)]
    pub(crate) command: Command,
}

const TOOLS_HELP: &str = "\
Tools, with the options and output of the programs they are named after:
  iptables, ip6tables                  one rule at a time (iptables 1.8.9)
  iptables --explain …                 which rules would decide a packet (--explain --help)
  iptables-save, ip6tables-save        print the rules: [-c] [-t TABLE] [-f FILE]
  iptables-restore, ip6tables-restore  load rules: [-c] [-n] [-t] [-T TABLE] [FILE]
  ipset COMMAND …                      named sets of addresses, networks and ports (ipset 7.17)
  ip [-4|-6] [-br] [-j] [-s] [-batch FILE] route|neigh|addr|link|rule …
  conntrack -L|-G|-D|-F|-E|-C|-S …        the connection table (conntrack-tools 1.4.7)
  arp [-n] [-i IF] | -s ADDRESS MAC | -d ADDRESS
The binary also answers when it is called by these names.

Exit status: 0 done; 1 refused or failed, with the reason on stderr; 2 wrong usage.

Examples:
  sluice check -c /etc/sluice/sluice.toml
  sluice config push /etc/sluice/sluice.toml
  sluice stats --json
  sluice trace -i lan -p tcp --dport 80 --count 3
  sluice iptables --explain -i lan -p tcp -s 10.1.0.2 -d 192.168.1.9 --dport 80
  sluice ip route add 10.9.0.0/16 via 192.168.1.1
  sluice conntrack -L -p tcp --state ESTABLISHED
  sluice iptables-save | sluice -S tcp:192.0.2.1:7777 iptables-restore";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Validate a configuration file and the rules files it names; start nothing
    Check(CheckArgs),
    /// Push a whole configuration to the gateway, or print the one in force
    Config(ConfigArgs),
    /// Check this machine for what the gateway needs; print the command that mends each lack
    Doctor(DoctorArgs),
    /// Show the lists of `-m recent`, or change one
    Recent(RecentArgs),
    /// Run the gateway in the foreground until SIGTERM
    Run(RunArgs),
    /// Show counters: interfaces, workers, drops by reason, connections, packet memory
    Stats(StatsArgs),
    /// Show what becomes of chosen packets: every table, chain, rule and verdict, NAT, routing, the end
    Trace(TraceArgs),
    #[command(external_subcommand)]
    Tool(Vec<String>),
}

#[derive(Debug, Args)]
#[command(
    long_about = "Validate a configuration file and the rules files it names.\n\nEvery error is \
                        printed with file, line, column and what to write instead. Nothing is started \
                        and no gateway is asked. Exit status 1 when there is an error."
)]
pub(crate) struct CheckArgs {
    /// The configuration file
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Print the findings as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(
    long_about = "Run the gateway in the foreground.\n\nOpens the devices the configuration names, starts the \
                        workers and the API, and runs until SIGTERM or SIGINT; then it gives everything back. \
                        A wrong configuration is refused with every error, and nothing is started. Log lines go \
                        to stderr; RUST_LOG chooses how many."
)]
pub(crate) struct RunArgs {
    /// The configuration file
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(crate) action: ConfigAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigAction {
    /// Replace the running configuration by FILE and the rules files it names, whole or not at all
    Push {
        /// The configuration file; rules files it names are read relative to it
        file: PathBuf,
        /// Have the gateway validate it, and change nothing
        #[arg(long)]
        check: bool,
        /// Print the answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the configuration in force
    Get {
        /// Print configuration, rules and generation as JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct RecentArgs {
    #[command(subcommand)]
    pub(crate) action: RecentAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RecentAction {
    /// Print the names of all lists
    List {
        /// Print them as JSON
        #[arg(long)]
        json: bool,
    },
    /// Print a list as Linux does in /proc/net/xt_recent/NAME, the longest unseen address first
    Show {
        /// The list: what rules say behind `--name`, or DEFAULT
        name: String,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Change a list by what Linux takes in /proc/net/xt_recent/NAME
    Write {
        /// The list
        name: String,
        /// `+ADDRESS` puts an address in or stamps it, `-ADDRESS` takes it out, `/` takes all out
        #[arg(allow_hyphen_values = true)]
        change: String,
    },
}

#[derive(Debug, Args)]
#[command(
    long_about = "Show the gateway's counters.\n\nPackets balance: received + originated = sent + \
                        local + dropped + held, summed over the workers. Bytes count from the Ethernet \
                        header, without FCS."
)]
pub(crate) struct StatsArgs {
    /// Print everything as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(
    long_about = "Show what becomes of packets, step by step: every table, chain, rule and verdict they pass, what \
                  connection tracking says, NAT, routing, whether the fast path would have taken them, and how \
                  they end, with the reason if they are dropped.\n\nThe options choose packets as they stand when \
                  they arrive, before any translation; all that are given must hold. Without any, the packets are \
                  shown that TRACE rules choose (`sluice iptables -t raw -A PREROUTING … -j TRACE`). Chosen packets \
                  take the long way through the rules, with the same outcome and the same counters. Steps that come \
                  faster than they can be shown are left out, and their number is told.\n\nA line is that of \
                  `xtables-monitor --trace`, with the rule's number in place of its handle:\n  TRACE: FAMILY PACKET \
                  TABLE:CHAIN:rule:NUMBER:VERDICT  RULE",
    after_long_help = "Examples:\n  sluice trace -i lan -p tcp -d 192.168.1.9 --dport 80 --count 3\n  sluice trace \
                       --host 10.1.0.2 --timeout 10 --json\n  sluice trace        packets that TRACE rules choose"
)]
pub(crate) struct TraceArgs {
    /// Interface the packets come in by; without it also those the gateway itself sends
    #[arg(short = 'i', long = "in-interface", value_name = "NAME")]
    pub(crate) interface: Option<String>,
    /// Protocol: tcp, udp, icmp, icmpv6 … or a number
    #[arg(short = 'p', long, value_name = "PROTOCOL")]
    pub(crate) protocol: Option<String>,
    /// Source address or network
    #[arg(short = 's', long, value_name = "ADDRESS[/LENGTH]", value_parser = any_prefix)]
    pub(crate) source: Option<Prefix>,
    /// Destination address or network
    #[arg(short = 'd', long, value_name = "ADDRESS[/LENGTH]", value_parser = any_prefix)]
    pub(crate) destination: Option<Prefix>,
    /// Source or destination address or network
    #[arg(long, value_name = "ADDRESS[/LENGTH]", value_parser = any_prefix)]
    pub(crate) host: Option<Prefix>,
    /// Source port or range
    #[arg(long, alias = "source-port", value_name = "PORT[:PORT]", value_parser = any_port)]
    pub(crate) sport: Option<PortRange>,
    /// Destination port or range
    #[arg(long, alias = "destination-port", value_name = "PORT[:PORT]", value_parser = any_port)]
    pub(crate) dport: Option<PortRange>,
    /// Source or destination port or range
    #[arg(long, value_name = "PORT[:PORT]", value_parser = any_port)]
    pub(crate) port: Option<PortRange>,
    /// IPv4 only
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub(crate) ipv4: bool,
    /// IPv6 only
    #[arg(short = '6', long)]
    pub(crate) ipv6: bool,
    /// Every packet, not those of TRACE rules
    #[arg(long)]
    pub(crate) all: bool,
    /// End after so many packets
    #[arg(short = 'c', long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) count: Option<u32>,
    /// End after so many seconds
    #[arg(long, value_name = "SECONDS")]
    pub(crate) timeout: Option<u64>,
    /// One JSON object a step
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Print the checks as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// A tool that answers to another program's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    Arp,
    Bridge,
    Conntrack,
    Ip,
    Ipset,
    Iptables(Family),
    IptablesSave(Family),
    IptablesRestore(Family),
}

impl Tool {
    const ALL: [(&str, Tool); 11] = [
        ("arp", Tool::Arp),
        ("bridge", Tool::Bridge),
        ("conntrack", Tool::Conntrack),
        ("ip", Tool::Ip),
        ("ipset", Tool::Ipset),
        ("iptables", Tool::Iptables(Family::Ipv4)),
        ("iptables-save", Tool::IptablesSave(Family::Ipv4)),
        ("iptables-restore", Tool::IptablesRestore(Family::Ipv4)),
        ("ip6tables", Tool::Iptables(Family::Ipv6)),
        ("ip6tables-save", Tool::IptablesSave(Family::Ipv6)),
        ("ip6tables-restore", Tool::IptablesRestore(Family::Ipv6)),
    ];

    /// The tool of that name; Debian's `-nft` and `-legacy` names count too.
    pub(crate) fn from_name(name: &str) -> Option<Tool> {
        let plain = name.replace("-nft", "").replace("-legacy", "");
        Self::ALL.iter().find(|(known, _)| *known == plain).map(|(_, tool)| *tool)
    }

    pub(crate) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, tool)| *tool == self).map_or("sluice", |(name, _)| name)
    }
}

/// The error for a word that is no command, with the one that was probably meant.
pub(crate) fn unknown_command(word: &str) -> Failure {
    let own = ["check", "config", "doctor", "recent", "run", "stats", "trace"];
    let known = own.into_iter().chain(Tool::ALL.iter().map(|(name, _)| *name));
    Failure::Usage(match sluice_config::diagnostic::nearest(word, known) {
        Some(near) => format!("unknown command `{word}`; did you mean `{near}`?"),
        None => format!("unknown command `{word}`; `sluice --help` lists them"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_grammar_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_server_option_goes_before_the_tool_and_the_tools_words_stay_whole() {
        let words = ["sluice", "-S", "unix:/x", "iptables", "-S", "INPUT", "--help"];
        let parsed = Arguments::try_parse_from(words).expect("parses");
        assert_eq!(parsed.server, "unix:/x");
        let Command::Tool(words) = parsed.command else { panic!("not a tool") };
        assert_eq!(words, ["iptables", "-S", "INPUT", "--help"]);
    }

    #[test]
    fn an_address_to_take_out_of_a_list_is_no_option() {
        let parsed = Arguments::try_parse_from(["sluice", "recent", "write", "ssh", "-10.1.0.2"]);
        let Command::Recent(args) = parsed.expect("parses").command else { panic!("not recent") };
        assert!(matches!(args.action, RecentAction::Write { change, .. } if change == "-10.1.0.2"));
    }

    #[test]
    fn names_lead_to_tools_and_back() {
        for (name, tool) in Tool::ALL {
            assert_eq!(Tool::from_name(name), Some(tool));
            assert_eq!(tool.name(), name);
        }
        assert_eq!(
            Tool::from_name("ip6tables-nft-save"),
            Some(Tool::IptablesSave(Family::Ipv6)),
            "Debian's alternative names"
        );
        assert_eq!(Tool::from_name("sluice"), None);
    }

    #[test]
    fn a_mistyped_command_is_answered_with_the_right_one() {
        let line = unknown_command("conntrak").line("sluice").unwrap_or_default();
        assert!(line.contains("did you mean `conntrack`?"), "{line}");
    }
}
