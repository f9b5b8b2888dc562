//! Instructions per packet, counted by valgrind: a figure that no other process disturbs.

use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Counts are of what happens within this function only.
const MEASURED: &str = "*Rig*measured*";

/// Prints instructions per packet of each scenario.
///
/// # Errors
/// Valgrind is missing or fails, or a scenario does.
pub(crate) fn run(scenarios: &[String], keep: Option<&Path>) -> Result<()> {
    for name in scenarios {
        println!("{name:<46} {:>10.1}  instructions/packet", instructions(name, keep)?);
    }
    Ok(())
}

/// Instructions per packet of the rounds that would be timed: two rounds against one, so that what
/// comes before them cancels out.
pub(crate) fn instructions(name: &str, keep: Option<&Path>) -> Result<f64> {
    crate::named(name)?;
    let one = total(name, 1, None)?;
    let two = total(name, 2, keep)?;
    ensure!(two > one, "{name}: two rounds took no more instructions than one");
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let difference = (two - one) as f64;
    Ok(difference / crate::rig::POOL as f64)
}

/// Instructions within the measured function.
fn total(name: &str, rounds: usize, keep: Option<&Path>) -> Result<u64> {
    let own = std::env::current_exe().context("cannot find this program")?;
    let directory = keep.map_or_else(std::env::temp_dir, Path::to_path_buf);
    let out = match keep {
        Some(_) => format!("callgrind.{}.out", name.replace('/', "-")),
        None => format!("sluice-bench-callgrind-{}", std::process::id()),
    };
    let out: PathBuf = directory.join(out);
    let output = Command::new("valgrind")
        .arg("--tool=callgrind")
        .arg(format!("--toggle-collect={MEASURED}"))
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(own)
        .args(["rounds", name, &rounds.to_string()])
        .output()
        .context("cannot start valgrind; apt install valgrind")?;
    let text = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{name} under valgrind: {text}");
    if keep.is_none() {
        std::fs::remove_file(&out).ok();
    }
    collected(&text).with_context(|| format!("no count in valgrind's output: {text}"))
}

/// Of the line `==123== Collected : 456`.
fn collected(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.split_once("Collected :"))?;
    line.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_read() {
        let text = "==9== Events    : Ir\n==9== Collected : 50000\n==9==\n";
        assert_eq!(collected(text), Some(50_000));
        assert_eq!(collected("==9== nothing"), None);
    }
}
