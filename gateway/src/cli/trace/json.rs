//! Steps as JSON objects: the fields a step has, under the names of the interface.

use serde_json::{Map, Value, json};
use sluice_control::proto::{Connection, Family, TraceKind as Kind, TraceStep};

use super::text;

/// One step.
pub(super) fn step(step: &TraceStep) -> Value {
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| drop(out.insert(name.to_owned(), value));
    put("packet", json!(step.packet_number));
    put("family", json!(if step.family() == Family::Ipv6 { "ipv6" } else { "ipv4" }));
    put("worker", json!(step.worker));
    put("timestamp_us", json!(step.timestamp_us));
    put("step", json!(name(step.kind())));
    if step.lost > 0 {
        put("lost", json!(step.lost));
    }
    match step.kind() {
        Kind::Cached => put("cached", json!(step.cached)),
        Kind::Connection => put("reply", json!(step.reply)),
        Kind::Rule | Kind::Depends => put("number", json!(step.rule)),
        Kind::Found => {
            put("expected", json!(step.expectation.is_some()));
            put("line", json!(text::found(step)));
            if let Some(connection) = &step.connection {
                put("connection", found(connection));
            }
        }
        Kind::Unspecified
        | Kind::Packet
        | Kind::Return
        | Kind::Policy
        | Kind::Source
        | Kind::Destination
        | Kind::Local
        | Kind::Forward
        | Kind::End => {}
    }
    let texts = [
        ("line", step.packet.trim_end()),
        ("table", &step.table),
        ("chain", &step.chain),
        ("rule", &step.text),
        ("verdict", &step.verdict),
        ("target", &step.target),
        ("depends", &step.depends),
        ("state", &step.state),
        ("from", &step.from),
        ("to", &step.to),
        ("interface", &step.interface),
        ("next_hop", &step.next_hop),
        ("reason", &step.reason),
        ("answer", &step.answer),
    ];
    for (name, text) in texts {
        if !text.is_empty() {
            put(name, json!(text));
        }
    }
    Value::Object(out)
}

/// What is worth knowing of a connection, in fields.
fn found(connection: &Connection) -> Value {
    let status = connection.status.unwrap_or_default();
    json!({
        "timeout_s": connection.timeout_s,
        "state": connection.state,
        "mark": connection.mark,
        "zone": connection.zone,
        "helper": connection.helper,
        "seen_reply": status.seen_reply,
        "assured": status.assured,
        "expected": status.expected,
        "source_nat": status.source_nat,
        "destination_nat": status.destination_nat,
    })
}

const fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Unspecified => "unknown",
        Kind::Packet => "packet",
        Kind::Cached => "cached",
        Kind::Rule => "rule",
        Kind::Depends => "depends",
        Kind::Return => "return",
        Kind::Policy => "policy",
        Kind::Connection => "connection",
        Kind::Found => "found",
        Kind::Source => "source-nat",
        Kind::Destination => "destination-nat",
        Kind::Local => "local",
        Kind::Forward => "forward",
        Kind::End => "end",
    }
}
