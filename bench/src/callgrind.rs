//! Instructions per packet, counted by valgrind: a figure that no other process disturbs.

use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Counts are of what happens within functions of this name only: a rig's, and that of lookups. The baseline of a
/// scenario is not run under valgrind.
const MEASURED: &str = "*sluice_bench*::measured*";

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

/// How much more than the kept figure is too much.
const TOLERANCE: f64 = 1.03;

/// Compares every scenario of `file` with the figure there; or writes the figures there.
///
/// # Errors
/// The file cannot be read or written, valgrind fails, or a scenario takes more than 3% more
/// instructions than it did.
pub(crate) fn check(file: &Path, update: bool) -> Result<()> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let kept: BTreeMap<String, f64> = serde_json::from_str(&text).with_context(|| {
        format!("{}: want {{\"scenario\": instructions per packet}}", file.display())
    })?;
    let mut now = BTreeMap::new();
    let mut grown = Vec::new();
    for (name, before) in &kept {
        let count = instructions(name, None)?;
        println!("{name:<46} {count:>10.1}  instructions/packet, {before:.1} kept");
        if is_grown(count, *before) {
            grown.push(format!("{name}: {count:.1}, {:+.1}%", (count / before - 1.0) * 100.0));
        }
        now.insert(name, (count * 10.0).round() / 10.0);
    }
    if update {
        let text = serde_json::to_string_pretty(&now)? + "\n";
        return std::fs::write(file, text)
            .with_context(|| format!("cannot write {}", file.display()));
    }
    ensure!(
        grown.is_empty(),
        "more instructions per packet than {} allows:\n  {}\nIf that is as it must be: sluice-bench check --update {}",
        file.display(),
        grown.join("\n  "),
        file.display()
    );
    Ok(())
}

fn is_grown(count: f64, kept: f64) -> bool {
    count > kept * TOLERANCE
}

/// Instructions per packet of the rounds that would be timed: two rounds against one, so that what
/// comes before them cancels out.
pub(crate) fn instructions(name: &str, keep: Option<&Path>) -> Result<f64> {
    crate::named(name)?;
    let one = total(name, 1, None)?;
    let two = total(name, 2, keep)?;
    ensure!(
        two > one,
        "{name}: two rounds took no more instructions than one; only scenarios of packets and of lookups can be counted"
    );
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
    fn three_percent_more_are_too_much() {
        assert!(!is_grown(102.9, 100.0) && is_grown(103.1, 100.0) && !is_grown(50.0, 100.0));
    }

    #[test]
    fn the_count_is_read() {
        let text = "==9== Events    : Ir\n==9== Collected : 50000\n==9==\n";
        assert_eq!(collected(text), Some(50_000));
        assert_eq!(collected("==9== nothing"), None);
    }
}
