//! `sluice doctor`: what this machine has and lacks, with the command that mends each lack.

use std::fmt::Write;
use std::process::ExitCode;

use dpdk::doctor::Check;
use serde_json::{Value, json};

use super::arguments::DoctorArgs;
use super::failure::Failure;
use super::output;

/// Runs `sluice doctor`. Exit code 1 when a check fails.
pub(crate) fn run(args: &DoctorArgs) -> Result<ExitCode, Failure> {
    let checks = dpdk::doctor::checks();
    if args.json {
        output::print_json(&json(&checks), true)?;
    } else {
        output::print(&text(&checks))?;
    }
    let healthy = checks.iter().all(|check| check.ok);
    Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// A line for each check, and below a failing one the command that mends it.
fn text(checks: &[Check]) -> String {
    let width = checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    let mut out = String::new();
    for Check { name, ok, detail, remedy } in checks {
        let mark = if *ok { "ok  " } else { "FAIL" };
        let _ = writeln!(out, "{mark}  {name:<width$}  {detail}");
        if let Some(remedy) = remedy {
            let _ = writeln!(out, "      {:width$}  mend: {remedy}", "");
        }
    }
    match checks.iter().filter(|check| !check.ok).count() {
        0 => out.push_str("everything is in order\n"),
        n => {
            let _ = writeln!(
                out,
                "{n} of {} checks failed; run the commands above as root",
                checks.len()
            );
        }
    }
    out
}

fn json(checks: &[Check]) -> Value {
    let checks: Vec<Value> = checks
        .iter()
        .map(|check| {
            json!({
                "name": check.name, "ok": check.ok,
                "detail": check.detail, "remedy": check.remedy,
            })
        })
        .collect();
    json!({ "checks": checks })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_check_names_its_remedy() {
        let checks = [
            Check { name: "DPDK", ok: true, detail: "DPDK 22.11.8".into(), remedy: None },
            Check {
                name: "huge pages",
                ok: false,
                detail: "none".into(),
                remedy: Some("sysctl -w vm.nr_hugepages=512".into()),
            },
        ];
        assert_eq!(
            text(&checks),
            "ok    DPDK        DPDK 22.11.8\n\
             FAIL  huge pages  none\n                  \
             mend: sysctl -w vm.nr_hugepages=512\n\
             1 of 2 checks failed; run the commands above as root\n"
        );
        assert_eq!(json(&checks).pointer("/checks/1/ok"), Some(&Value::Bool(false)));
    }
}
