//! `iptables`, `iptables-save`, `iptables-restore` and their IPv6 twins: the words and the rules
//! text go to the gateway as they are, its answer comes back as it is.

mod restore;
mod save;

use std::io::Write;
use std::process::ExitCode;

use sluice_control::proto::{Family, RulesCommandRequest};

use super::failure::Failure;
use super::output;
use super::remote::Remote;

pub(crate) use restore::run as restore;
pub(crate) use save::run as save;

/// The version whose language, output and exit codes are spoken.
const VERSION: &str = "v1.8.9 (nf_tables)";

/// `iptables …`: one command line, applied by the gateway.
pub(crate) async fn command(
    family: Family,
    words: &[String],
    remote: &Remote,
) -> Result<ExitCode, Failure> {
    if let [word] = words
        && (word == "-V" || word == "--version")
    {
        output::print(&format!("{} {VERSION}\n", program(family, "")))?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(described) = words.strip_prefix(&["--explain".to_owned()]) {
        return super::trace::explain(family, described, remote).await;
    }
    let request = RulesCommandRequest { family: family.into(), arguments: words.to_vec() };
    let answer = remote.rules().await?.command(request).await?.into_inner();
    output::print(&answer.stdout)?;
    std::io::stderr().lock().write_all(answer.stderr.as_bytes())?;
    Ok(exit_code(answer.exit_code))
}

/// The name the user knows the tool by: "iptables" or "ip6tables" with a suffix.
fn program(family: Family, suffix: &str) -> String {
    match family {
        Family::Ipv6 => format!("ip6tables{suffix}"),
        Family::Ipv4 | Family::Unspecified => format!("iptables{suffix}"),
    }
}

/// A code from the gateway; one that no process can return counts as failure.
fn exit_code(code: u32) -> ExitCode {
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
