//! Steps as lines, in the form of `xtables-monitor --trace`: the packet, then one line for each step with the family
//! (2 or 10), the packet's number, and `table:chain:rule:NUMBER:VERDICT` with the rule behind it.

use sluice_control::proto::{Family, TraceKind as Kind, TraceStep};

use crate::cli::conntrack;

/// A step's line.
pub(super) fn line(step: &TraceStep) -> String {
    let body = match step.kind() {
        Kind::Packet => return format!("PACKET: {} {}\n", tag(step), step.packet.trim_end()),
        Kind::Unspecified => return String::new(),
        Kind::Cached => match step.cached {
            true => "yes, had it not been traced: its verdict is cached".to_owned(),
            false => "no: rules and routing decide".to_owned(),
        },
        Kind::Rule => {
            let jump = match step.target.as_str() {
                "" => String::new(),
                chain => format!(":{chain}"),
            };
            format!("{}:{}{jump}  {}", place(step), step.verdict, rule(step))
        }
        Kind::Depends => format!("{}  {}", depends(step), rule(step)),
        Kind::Return => format!("{}:return:", chain(step)),
        Kind::Policy => format!("{}:policy:{}", chain(step), step.verdict),
        Kind::Connection => match step.reply {
            true => format!("{} REPLY", step.state),
            false => step.state.clone(),
        },
        Kind::Found => found(step),
        Kind::Source => format!("SRC {} -> {}", step.from, step.to),
        Kind::Destination => format!("DST {} -> {}", step.from, step.to),
        Kind::Local => "LOCAL".to_owned(),
        Kind::Forward => format!("OUT={} VIA={}", step.interface, step.next_hop),
        Kind::End => end(step),
    };
    format!(" {}: {} {body}\n", title(step.kind()), tag(step))
}

const fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::Unspecified | Kind::Packet => "PACKET",
        Kind::Rule | Kind::Return | Kind::Policy => "TRACE",
        Kind::Cached => "FAST",
        Kind::Depends => "DEPENDS",
        Kind::Connection => "STATE",
        Kind::Found => "FOUND",
        Kind::Source | Kind::Destination => "NAT",
        Kind::Local | Kind::Forward => "ROUTE",
        Kind::End => "END",
    }
}

fn tag(step: &TraceStep) -> String {
    let family = if step.family() == Family::Ipv6 { 10 } else { 2 };
    format!("{family} {:08x}", step.packet_number)
}

/// `filter:FORWARD`; where the rules have changed since, nobody can say.
fn chain(step: &TraceStep) -> String {
    match step.chain.as_str() {
        "" => "?:?".to_owned(),
        chain => format!("{}:{chain}", step.table),
    }
}

/// `filter:FORWARD:rule:3`.
pub(super) fn place(step: &TraceStep) -> String {
    match step.kind() {
        Kind::Policy => format!("{}:policy", chain(step)),
        _ => format!("{}:rule:{}", chain(step), step.rule),
    }
}

/// `-t filter -A FORWARD …`.
pub(super) fn rule(step: &TraceStep) -> String {
    match step.text.as_str() {
        "" => String::new(),
        text => format!("-t {} {text}", step.table),
    }
}

/// What a rule's answer depends on.
pub(super) fn depends(step: &TraceStep) -> String {
    format!("{}:{} as it stands now", place(step), step.depends)
}

/// The connection or expectation that a packet meets, as `conntrack -L` lists it.
pub(super) fn found(step: &TraceStep) -> String {
    let connection = step.connection.as_ref().map(conntrack::connection_line);
    let expectation = step.expectation.as_ref().map(conntrack::expectation_line);
    connection.or(expectation).unwrap_or_default()
}

fn end(step: &TraceStep) -> String {
    let mut out = step.verdict.clone();
    for (name, value) in [("OUT", &step.interface), ("VIA", &step.next_hop)] {
        if !value.is_empty() {
            out.push_str(&format!(" {name}={value}"));
        }
    }
    for value in [&step.reason, &step.answer] {
        if !value.is_empty() {
            out.push_str(&format!(" {value}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(kind: Kind) -> TraceStep {
        TraceStep {
            kind: kind.into(),
            packet_number: 42,
            table: "filter".into(),
            chain: "FORWARD".into(),
            ..TraceStep::default()
        }
    }

    #[test]
    fn steps_are_lines() {
        let jump = TraceStep {
            rule: 3,
            verdict: "JUMP".into(),
            target: "mine".into(),
            text: "-A FORWARD -j mine".into(),
            ..step(Kind::Rule)
        };
        assert_eq!(
            line(&jump),
            " TRACE: 2 0000002a filter:FORWARD:rule:3:JUMP:mine  -t filter -A FORWARD -j mine\n"
        );
        let policy = TraceStep { verdict: "DROP".into(), ..step(Kind::Policy) };
        assert_eq!(line(&policy), " TRACE: 2 0000002a filter:FORWARD:policy:DROP\n");
        assert_eq!(line(&step(Kind::Return)), " TRACE: 2 0000002a filter:FORWARD:return:\n");
        let cached = TraceStep { cached: true, ..step(Kind::Cached) };
        assert!(line(&cached).starts_with(" FAST: 2 0000002a yes"), "{}", line(&cached));
        let end = TraceStep {
            verdict: "DROPPED".into(),
            reason: "reject".into(),
            answer: "tcp-reset".into(),
            ..step(Kind::End)
        };
        assert_eq!(line(&end), " END: 2 0000002a DROPPED reject tcp-reset\n");
    }
}
