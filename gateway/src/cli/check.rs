//! `sluice check`: validates a configuration file and the rules files it names; asks no gateway.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use serde_json::json;
use sluice_config::netfilter::{Family, Ruleset};
use sluice_config::{Config, Diagnostic};
use sluice_control::sets::SharedSets;
use sluice_dataplane::time::Instant;

use super::arguments::CheckArgs;
use super::failure::{Failure, strerror};
use super::output;

/// Runs `sluice check`.
pub(crate) fn run(args: &CheckArgs) -> Result<ExitCode, Failure> {
    let found = check(&args.config)?;
    if args.json {
        output::print_json(&findings_json(&found), true)?;
    } else {
        for diagnostic in &found {
            output::complain(&diagnostic.to_string());
        }
        match found.len() {
            0 => output::print(&format!("{}: valid\n", args.config.display()))?,
            1 => output::complain("sluice: 1 error"),
            n => output::complain(&format!("sluice: {n} errors")),
        }
    }
    Ok(if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Every finding about the file, in its order. An unreadable configuration file is a failure; an
/// unreadable rules file is a finding.
fn check(file: &Path) -> Result<Vec<Diagnostic>, Failure> {
    let name = file.display().to_string();
    let text = fs::read_to_string(file).map_err(|error| {
        Failure::Refused(format!("cannot read {name}: {}", strerror(&error.to_string())))
    })?;
    let config = match Config::parse(&text, &name) {
        Ok(config) => config,
        Err(found) => return Ok(found),
    };
    let folder = file.parent().unwrap_or(Path::new(""));
    let named = [
        ("iptables", &config.rules.iptables, Some(Family::V4)),
        ("ip6tables", &config.rules.ip6tables, Some(Family::V6)),
        ("ipset", &config.rules.ipset, None),
    ];
    let mut found = Vec::new();
    for (key, path, family) in named {
        let Some(path) = path.as_ref().map(|path| folder.join(path)) else { continue };
        match (fs::read_to_string(&path), family) {
            (Err(error), _) => found.push(unreadable(&name, &text, key, &path, &error)),
            (Ok(rules), Some(family)) => {
                let file = path.display().to_string();
                let policies = Some(&config.timeouts);
                let parsed = Ruleset::parse_with_policies(family, &rules, &file, policies);
                found.extend(parsed.err().unwrap_or_default());
            }
            (Ok(sets), None) => {
                let file = path.display().to_string();
                found.extend(SharedSets::load(&sets, &file, Instant::default()).err());
            }
        }
    }
    Ok(found)
}

/// A rules file that cannot be read, told at the line that names it.
fn unreadable(
    name: &str,
    text: &str,
    key: &str,
    path: &Path,
    error: &std::io::Error,
) -> Diagnostic {
    let names_it = |line: &str| line.split_once('=').is_some_and(|(word, _)| word.trim() == key);
    let line = text.lines().position(names_it).map_or(1, |at| at + 1);
    Diagnostic {
        file: name.to_owned(),
        line,
        column: 1,
        message: format!(
            "cannot read {key} rules {}: {}",
            path.display(),
            strerror(&error.to_string())
        ),
        help: Some("paths are relative to the configuration file; or remove the key".into()),
    }
}

fn findings_json(found: &[Diagnostic]) -> serde_json::Value {
    let findings: Vec<_> = found
        .iter()
        .map(|d| {
            json!({
                "severity": "error", "file": d.file, "line": d.line, "column": d.column,
                "message": d.message, "help": d.help,
            })
        })
        .collect();
    json!({ "valid": found.is_empty(), "diagnostics": findings })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[[interface]]\nname = \"lan\"\ndevice = \"tap:lan0\"\n";

    /// Checks `text` as a file in a folder of its own.
    fn check_text(test: &str, text: &str) -> Vec<Diagnostic> {
        let folder = std::env::temp_dir().join(format!("sluice-{test}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("s.toml"), text).expect("written");
        let found = check(&folder.join("s.toml")).expect("readable");
        fs::remove_dir_all(&folder).expect("removed");
        found
    }

    #[test]
    fn a_valid_file_has_no_findings() {
        assert_eq!(check_text("valid", GOOD), []);
    }

    #[test]
    fn an_unknown_key_is_found_where_it_stands() {
        let found = check_text("unknown", &format!("{GOOD}adress = [\"10.0.0.1/8\"]\n"));
        let first = found.first().expect("a finding");
        assert_eq!(first.line, 4, "{first}");
    }

    #[test]
    fn a_missing_rules_file_is_told_at_the_line_that_names_it() {
        let found = check_text("rules", &format!("{GOOD}[rules]\niptables = \"nope.v4\"\n"));
        let first = found.first().expect("a finding");
        assert_eq!(first.line, 5);
        assert!(first.message.contains("nope.v4"), "{first}");
    }

    #[test]
    fn every_error_of_a_rules_file_is_found_in_that_file() {
        let folder = std::env::temp_dir().join(format!("sluice-check-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let rules = "*filter\n-A INPUT --frob\n-A INPUT -p tcp --dport nope\nCOMMIT\n";
        fs::write(folder.join("bad.v4"), rules).expect("written");
        fs::write(folder.join("s.toml"), format!("{GOOD}[rules]\niptables = \"bad.v4\"\n"))
            .expect("written");
        let found = check(&folder.join("s.toml")).expect("readable");
        fs::remove_dir_all(&folder).expect("removed");
        assert!(found.iter().all(|d| d.file.ends_with("bad.v4")), "{found:?}");
        let lines: Vec<usize> = found.iter().map(|d| d.line).collect();
        assert_eq!(lines, [2, 3], "{found:?}");
    }

    #[test]
    fn rules_name_the_timeout_policies_of_the_file() {
        let folder = std::env::temp_dir().join(format!("sluice-policies-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let rules = "*raw\n-A PREROUTING -p tcp -j CT --timeout long\n-A OUTPUT -p udp -j CT --timeout \
                     long\n-A OUTPUT -p tcp -j CT --timeout lnog\nCOMMIT\n";
        fs::write(folder.join("r.v4"), rules).expect("written");
        let policy = "[timeouts.long]\nprotocol = \"tcp\"\nestablished = 7\n";
        fs::write(folder.join("s.toml"), format!("{GOOD}{policy}[rules]\niptables = \"r.v4\"\n"))
            .expect("written");
        let wrong = check(&folder.join("s.toml")).expect("readable");
        fs::write(folder.join("r.v4"), "*raw\n-A PREROUTING -p tcp -j CT --timeout long\nCOMMIT\n")
            .expect("written");
        let right = check(&folder.join("s.toml")).expect("readable");
        fs::remove_dir_all(&folder).expect("removed");
        // As the tool, it stops at the first rule of a table that the kernel refuses.
        assert!(matches!(&wrong[..], [d] if d.line == 3), "{wrong:?}");
        assert_eq!(right, []);
    }

    #[test]
    fn a_missing_configuration_is_a_failure() {
        assert!(matches!(check(Path::new("/nonexistent.toml")), Err(Failure::Refused(_))));
    }
}
