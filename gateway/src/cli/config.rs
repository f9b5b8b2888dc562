//! `sluice config push|get`: the whole configuration, there and back.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::json;
use sluice_control::proto::{
    Configuration, Diagnostic, GetConfigRequest, GetConfigResponse, PushRequest, PushResponse,
    RuleFile, diagnostic::Severity,
};

use super::arguments::{ConfigAction, ConfigArgs};
use super::failure::{Failure, strerror};
use super::output;
use super::remote::Remote;

/// Runs `sluice config`.
pub(crate) async fn run(args: &ConfigArgs, remote: &Remote) -> Result<ExitCode, Failure> {
    match &args.action {
        ConfigAction::Push { file, check, json } => push(file, *check, *json, remote).await,
        ConfigAction::Get { json } => get(*json, remote).await,
    }
}

async fn push(
    file: &Path,
    check_only: bool,
    json: bool,
    remote: &Remote,
) -> Result<ExitCode, Failure> {
    let configuration = read(file)?;
    let request = PushRequest { configuration: Some(configuration), check_only };
    let answer = remote.config().await?.push(request).await?.into_inner();
    let refused = answer.diagnostics.iter().any(|d| d.severity() == Severity::Error);
    for diagnostic in &answer.diagnostics {
        output::complain(&diagnostic_text(diagnostic));
    }
    if json {
        output::print_json(&push_json(&answer), true)?;
    } else if refused {
        output::complain(&format!(
            "sluice: refused; generation {} stays in force",
            answer.generation
        ));
    } else if check_only {
        output::print("valid; nothing was changed\n")?;
    } else {
        output::print(&format!("generation {} is in force\n", answer.generation))?;
    }
    Ok(if refused { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

async fn get(json: bool, remote: &Remote) -> Result<ExitCode, Failure> {
    let answer = remote.config().await?.get(GetConfigRequest {}).await?.into_inner();
    if json {
        output::print_json(&get_json(&answer), true)?;
    } else {
        output::print(&answer.configuration.unwrap_or_default().toml)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The configuration file and the texts of the rules files it names, relative to its folder.
fn read(file: &Path) -> Result<Configuration, Failure> {
    let toml = read_text(file)?;
    let named = named_rules(&toml);
    let folder = file.parent().unwrap_or(Path::new(""));
    let load = |path: &Option<PathBuf>| -> Result<Option<RuleFile>, Failure> {
        let Some(path) = path else { return Ok(None) };
        let text = read_text(&folder.join(path))?;
        Ok(Some(RuleFile { file: path.display().to_string(), text }))
    };
    Ok(Configuration {
        file: file.display().to_string(),
        iptables: load(&named.iptables)?,
        ip6tables: load(&named.ip6tables)?,
        ipset: load(&named.ipset)?,
        toml,
    })
}

fn read_text(file: &Path) -> Result<String, Failure> {
    fs::read_to_string(file).map_err(|error| {
        Failure::Refused(format!(
            "cannot read {}: {}",
            file.display(),
            strerror(&error.to_string())
        ))
    })
}

/// The rules files a configuration names.
#[derive(Debug, Default, PartialEq, Eq)]
struct NamedRules {
    iptables: Option<PathBuf>,
    ip6tables: Option<PathBuf>,
    ipset: Option<PathBuf>,
}

/// Reads only `[rules]`. A text that does not parse names none: the gateway says what is wrong.
fn named_rules(toml: &str) -> NamedRules {
    let Ok(table) = toml.parse::<toml::Table>() else { return NamedRules::default() };
    let path = |key: &str| Some(PathBuf::from(table.get("rules")?.get(key)?.as_str()?));
    NamedRules { iptables: path("iptables"), ip6tables: path("ip6tables"), ipset: path("ipset") }
}

/// One finding the way compilers print it.
pub(crate) fn diagnostic_text(diagnostic: &Diagnostic) -> String {
    let severity = match diagnostic.severity() {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut place = diagnostic.file.clone();
    if diagnostic.line > 0 {
        place = format!("{place}:{}:{}", diagnostic.line, diagnostic.column);
    }
    let mut text = format!("{place}: {severity}: {}", diagnostic.message);
    if !diagnostic.help.is_empty() {
        text.push_str("\n  help: ");
        text.push_str(&diagnostic.help);
    }
    text
}

fn push_json(answer: &PushResponse) -> serde_json::Value {
    let diagnostics: Vec<_> = answer
        .diagnostics
        .iter()
        .map(|d| {
            json!({
                "severity": match d.severity() {
                    Severity::Error => "error",
                    Severity::Warning => "warning",
                },
                "file": d.file, "line": d.line, "column": d.column,
                "message": d.message, "help": d.help,
            })
        })
        .collect();
    json!({
        "applied": answer.applied,
        "generation": answer.generation,
        "diagnostics": diagnostics,
    })
}

fn get_json(answer: &GetConfigResponse) -> serde_json::Value {
    let configuration = answer.configuration.clone().unwrap_or_default();
    let rules = |file: &Option<RuleFile>| {
        file.as_ref().map(|file| json!({ "file": file.file, "text": file.text }))
    };
    json!({
        "generation": answer.generation,
        "file": configuration.file,
        "toml": configuration.toml,
        "iptables": rules(&configuration.iptables),
        "ip6tables": rules(&configuration.ip6tables),
        "ipset": rules(&configuration.ipset),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_rules_files_and_nothing_else() {
        let named = named_rules("[rules]\niptables = \"r.v4\"\nlog = \"syslog\"\n");
        assert_eq!(named.iptables, Some(PathBuf::from("r.v4")));
        assert_eq!(named.ip6tables, None);
        assert_eq!(named_rules("[rules\n"), NamedRules::default());
    }

    #[test]
    fn reads_rules_relative_to_the_configuration() {
        let folder = std::env::temp_dir().join(format!("sluice-config-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("s.toml"), "[rules]\niptables = \"r.v4\"\n").expect("written");
        let missing = read(&folder.join("s.toml")).expect_err("r.v4 is missing");
        assert!(missing.to_string().contains("r.v4"), "{missing}");
        fs::write(folder.join("r.v4"), "*filter\nCOMMIT\n").expect("written");
        let read = read(&folder.join("s.toml")).expect("complete");
        let rules = read.iptables.expect("named");
        assert_eq!((rules.file.as_str(), rules.text.as_str()), ("r.v4", "*filter\nCOMMIT\n"));
        fs::remove_dir_all(&folder).expect("removed");
    }

    #[test]
    fn diagnostics_name_the_place_and_the_remedy() {
        let mut diagnostic = Diagnostic {
            severity: Severity::Error.into(),
            file: "s.toml".into(),
            line: 3,
            column: 7,
            message: "unknown key `adress`".into(),
            help: "write `address`".into(),
        };
        assert_eq!(
            diagnostic_text(&diagnostic),
            "s.toml:3:7: error: unknown key `adress`\n  help: write `address`"
        );
        diagnostic.line = 0;
        diagnostic.help.clear();
        diagnostic.set_severity(Severity::Warning);
        assert_eq!(diagnostic_text(&diagnostic), "s.toml: warning: unknown key `adress`");
    }
}
