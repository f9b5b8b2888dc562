//! `iptables --explain`: which rules would decide a described packet, and its fate.

use std::process::ExitCode;

use clap::Parser;
use serde_json::{Value, json};
use sluice_control::proto::{ExplainRequest, Family, Prefix, TraceKind as Kind, TraceStep};

use super::{any_prefix, json, text, words};
use crate::cli::conntrack::protocol::has_ports;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::cli::remote::Remote;

#[derive(Debug, Parser)]
#[command(
    name = "iptables --explain",
    no_binary_name = true,
    disable_version_flag = true,
    about = "Say which rules would decide a packet, and its fate",
    long_about = "Say which rules would decide a packet, and its fate.\n\nThe packet is built from the words below, \
                  which are those of rules, and goes through the code that real packets go through, with the rules, \
                  routes and neighbours in force: raw, connection tracking, mangle, nat, routing, filter and the \
                  rest in order. Every step is printed, the last line says what decided.\n\nNothing changes: no \
                  counter counts it, no limit, quota, recent list or set hears of it. Where a rule asks a match \
                  that remembers packets or draws lots, the answer is that of this moment, and a DEPENDS line names \
                  the match.\n\nWhere the packet belongs to a live connection, in either direction, or meets one \
                  that a helper expects, a FOUND line tells it as conntrack -L does, and the packet is explained as \
                  the next of it, with its state, translation, mark and helper: TCP flags that are not said are \
                  those of its next segment, as are TCP's sequence numbers and SCTP's tag. --ctstate says otherwise, and \
                  no connection is looked for: NEW takes the packet for the first of its connection; with ESTABLISHED \
                  or RELATED it meets the rules that later packets meet, but nat, which only first packets pass, is \
                  left out, and so is what it did to them.",
    after_long_help = "Exit status: 0 explained, whatever the fate; 1 refused; 2 wrong usage.\n\nExample:\n  sluice \
                       iptables --explain -i lan -p tcp -s 10.1.0.2 --sport 1000 -d 192.168.1.9 --dport 80"
)]
struct Words {
    /// Interface it comes in by; without it the gateway itself sends the packet
    #[arg(short = 'i', long = "in-interface", value_name = "NAME")]
    interface: Option<String>,
    /// tcp, udp, icmp, icmpv6 or a number
    #[arg(short = 'p', long = "protocol", value_name = "PROTOCOL", default_value = "tcp")]
    protocol: String,
    /// Source address; of the gateway's own packets, its address towards the destination
    #[arg(short = 's', long = "source", value_name = "ADDRESS", value_parser = any_prefix)]
    source: Option<Prefix>,
    /// Destination address
    #[arg(short = 'd', long = "destination", value_name = "ADDRESS", value_parser = any_prefix)]
    destination: Prefix,
    /// Source port
    #[arg(long = "sport", alias = "source-port", value_name = "PORT", default_value_t = 40_000)]
    sport: u16,
    /// Destination port; must be said of tcp, udp and others with ports
    #[arg(long = "dport", alias = "destination-port", value_name = "PORT")]
    dport: Option<u16>,
    /// SYN alone, as the first segment of a connection has it: the default where no connection is found
    #[arg(long, conflicts_with = "tcp_flags")]
    syn: bool,
    /// The TCP flags that are set, as `--tcp-flags MASK COMP` of a rule: COMP counts
    #[arg(long, num_args = 2, value_names = ["MASK", "COMP"])]
    tcp_flags: Vec<String>,
    /// ICMP or ICMPv6 type: TYPE, TYPE/CODE or a name
    #[arg(long, alias = "icmpv6-type", value_name = "TYPE", default_value = "echo-request")]
    icmp_type: String,
    /// Identifier of an ICMP query, by which a live one is found
    #[arg(long, value_name = "ID", default_value_t = 1)]
    icmp_id: u16,
    /// Connection state, whatever connections there are: NEW, ESTABLISHED, RELATED, INVALID or UNTRACKED
    #[arg(long, alias = "state", value_name = "STATE")]
    ctstate: Option<String>,
    /// Packet mark
    #[arg(long, value_name = "MARK", value_parser = words::number, default_value = "0")]
    mark: u32,
    /// Bytes of the IP packet
    #[arg(long, value_name = "BYTES")]
    length: Option<u16>,
    /// TTL or hop limit
    #[arg(long, alias = "ttl-eq", alias = "hl-eq", value_name = "HOPS", default_value_t = 64)]
    ttl: u8,
    /// TOS or traffic class
    #[arg(long, value_name = "TOS", value_parser = words::number, default_value = "0")]
    tos: u32,
    /// Taken and ignored, so that a rule's words can be used: `-m tcp`
    #[arg(short = 'm', long = "match", value_name = "NAME")]
    modules: Vec<String>,
    /// Print steps and fate as JSON
    #[arg(long)]
    json: bool,
}

/// Runs `iptables --explain`; `words` are those behind it.
pub(crate) async fn run(
    family: Family,
    words: &[String],
    remote: &Remote,
) -> Result<ExitCode, Failure> {
    let words = match Words::try_parse_from(words) {
        Ok(words) => words,
        Err(error) => {
            // Help is asked for, and no failure.
            error.print()?;
            return Ok(ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2)));
        }
    };
    let request = request(family, &words)?;
    let steps = remote.trace().await?.explain(request).await?.into_inner().steps;
    if words.json {
        let list: Vec<Value> = steps.iter().map(json::step).collect();
        output::print_json(&json!({ "steps": list, "result": fate_object(&steps) }), true)?;
    } else {
        output::print(&steps.iter().map(text::line).collect::<String>())?;
        output::print(&format!("{}\n", fate(&steps)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn request(family: Family, asked: &Words) -> Result<ExplainRequest, Failure> {
    let usage = |text: &str| Failure::Usage(text.to_owned());
    let protocol = words::protocol(&asked.protocol)?;
    if has_ports(protocol) && asked.dport.is_none() {
        return Err(usage("a packet of this protocol has ports; say --dport"));
    }
    let address = |prefix: &Prefix| match prefix.length as usize == 8 * prefix.address.len() {
        true => Ok(prefix.address.clone()),
        false => Err(usage("a packet has one address; leave /LENGTH out")),
    };
    let source = asked.source.as_ref().map(address).transpose()?;
    if source.is_none() && asked.interface.is_some() {
        return Err(usage("a packet that comes in by an interface has a source; say -s"));
    }
    let state = asked.ctstate.as_deref().unwrap_or_default().to_ascii_uppercase();
    let tcp_flags = match asked.tcp_flags.as_slice() {
        [_, flags] => Some(words::tcp_flags(flags)?),
        _ => asked.syn.then_some(0x02),
    };
    let (icmp_type, icmp_code) = words::icmp(&asked.icmp_type, family)?;
    let ports = has_ports(protocol);
    Ok(ExplainRequest {
        family: family.into(),
        interface: asked.interface.clone().unwrap_or_default(),
        protocol,
        source: source.unwrap_or_default(),
        destination: address(&asked.destination)?,
        source_port: if ports { asked.sport.into() } else { 0 },
        destination_port: asked.dport.filter(|_| ports).unwrap_or(0).into(),
        tcp_flags,
        icmp_type,
        icmp_code,
        mark: asked.mark,
        state,
        length: asked.length.unwrap_or(0).into(),
        ttl: asked.ttl.into(),
        tos: asked.tos,
        icmp_id: Some(asked.icmp_id.into()),
    })
}

/// The rule or policy that had the last word: that dropped the packet, or let it through filter.
fn deciding(steps: &[TraceStep]) -> Option<&TraceStep> {
    let dropped = steps.last().is_some_and(|end| end.verdict == "DROPPED");
    let ends = |step: &&TraceStep| match step.kind() {
        Kind::Rule | Kind::Policy => match dropped {
            true => matches!(step.verdict.as_str(), "DROP" | "REJECT"),
            false => step.table == "filter" && step.verdict == "ACCEPT",
        },
        _ => false,
    };
    steps.iter().rev().find(ends)
}

/// The last line: `dropped by filter:FORWARD:rule:3  -t filter -A FORWARD …`.
fn fate(steps: &[TraceStep]) -> String {
    let Some(end) = steps.last().filter(|step| step.kind() == Kind::End) else {
        return "=> no packet: the headers contradict one another".to_owned();
    };
    let told = match end.verdict.as_str() {
        "SENT" => format!("sent by {} to {}", end.interface, end.next_hop),
        "DELIVERED" => "delivered to the gateway's host".to_owned(),
        "ANSWERED" => "answered by the gateway".to_owned(),
        _ if end.answer.is_empty() => format!("dropped ({})", end.reason),
        _ => format!("dropped ({}) and answered with {}", end.reason, end.answer),
    };
    let unknown = if end.reason == "neighbour-unknown" {
        ", once that neighbour's MAC address is found"
    } else {
        ""
    };
    let by = match deciding(steps) {
        Some(step) if end.verdict == "DROPPED" => format!(" by {}", named(step)),
        Some(step) => format!("; let through by {}", named(step)),
        None => String::new(),
    };
    let depends = steps.iter().filter(|step| step.kind() == Kind::Depends).count();
    let depends = match depends {
        0 => String::new(),
        _ => "\n   (as things stand now: see DEPENDS above)".to_owned(),
    };
    format!("=> {told}{unknown}{by}{depends}")
}

fn named(step: &TraceStep) -> String {
    match text::rule(step).as_str() {
        "" => format!("{}:{}", text::place(step), step.verdict),
        rule => format!("{}  {rule}", text::place(step)),
    }
}

fn fate_object(steps: &[TraceStep]) -> Value {
    let mut depends: Vec<&str> = Vec::new();
    for step in steps.iter().filter(|step| step.kind() == Kind::Depends) {
        if !depends.contains(&step.depends.as_str()) {
            depends.push(&step.depends);
        }
    }
    let end = steps.last().filter(|step| step.kind() == Kind::End);
    json!({
        "verdict": end.map(|end| end.verdict.clone()),
        "decided_by": deciding(steps).map(json::step),
        "depends_on": depends,
        "text": fate(steps).trim_start_matches("=> "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::wire;
    use clap::CommandFactory;

    fn asked(line: &str) -> Result<ExplainRequest, Failure> {
        let words = Words::try_parse_from(line.split_whitespace()).expect("words");
        request(Family::Ipv4, &words)
    }

    #[test]
    fn the_grammar_is_consistent() {
        Words::command().debug_assert();
    }

    #[test]
    fn a_rules_words_describe_a_packet() {
        let line = "-i lan -p tcp -m tcp -s 10.1.0.2 --sport 1000 -d 192.168.1.9/32 --dport 80";
        let first = asked(line).expect("a packet");
        assert_eq!((first.protocol, first.tcp_flags, first.source_port), (6, None, 1000));
        assert_eq!(first.destination, wire::octets("192.168.1.9".parse().expect("address")));
        let later = asked(&format!("{line} --ctstate established")).expect("a packet");
        assert_eq!((later.tcp_flags, later.state.as_str()), (None, "ESTABLISHED"));
        let flags = asked(&format!("{line} --tcp-flags ALL SYN,ACK --mark 0x7")).expect("a packet");
        assert_eq!((flags.tcp_flags, flags.mark), (Some(0x12), 7));
        let ping = asked("-p icmp -d 10.1.0.2 --icmp-type 8/0").expect("a packet");
        assert_eq!((ping.protocol, ping.icmp_type, ping.destination_port), (1, 8, 0));
    }

    #[test]
    fn what_is_no_packet_is_refused() {
        assert!(asked("-p tcp -d 10.1.0.2").is_err(), "no port");
        assert!(asked("-p icmp -i lan -d 10.1.0.2").is_err(), "no source");
        assert!(asked("-p icmp -d 10.1.0.0/16").is_err(), "a network");
    }

    #[test]
    fn the_fate_names_what_decided() {
        let step = |kind: Kind, verdict: &str, rule| TraceStep {
            kind: kind.into(),
            table: "filter".into(),
            chain: "FORWARD".into(),
            verdict: verdict.into(),
            rule,
            text: "-A FORWARD -j DROP".into(),
            ..TraceStep::default()
        };
        let end = TraceStep { reason: "rule".into(), ..step(Kind::End, "DROPPED", 0) };
        let steps = [step(Kind::Rule, "CONTINUE", 1), step(Kind::Rule, "DROP", 2), end];
        assert_eq!(
            fate(&steps),
            "=> dropped (rule) by filter:FORWARD:rule:2  -t filter -A FORWARD -j DROP"
        );
        let through = [step(Kind::Rule, "ACCEPT", 3), step(Kind::End, "DELIVERED", 0)];
        assert!(fate(&through).contains("let through by filter:FORWARD:rule:3"));
    }
}
