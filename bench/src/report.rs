//! Figures: as a table for people, as JSON for programs.

use anyhow::{Context, Result};
use serde::Serialize;
use std::path::PathBuf;

/// One benchmark's result.
#[derive(Debug, Serialize)]
pub(crate) struct Figure {
    /// Which benchmark.
    pub(crate) name: String,
    /// What carried the packets.
    pub(crate) harness: &'static str,
    /// Of the numbers below.
    pub(crate) unit: &'static str,
    /// Median of all samples.
    pub(crate) value: f64,
    /// The best sample.
    pub(crate) min: f64,
    /// The worst sample.
    pub(crate) max: f64,
}

impl Figure {
    /// Of the cycles per packet of each sample.
    pub(crate) fn new(name: &str, mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        let at = |index: usize| samples.get(index).copied().unwrap_or(f64::NAN);
        Self {
            name: name.to_owned(),
            harness: "memory",
            unit: "cycles/packet",
            value: at(samples.len() / 2),
            min: at(0),
            max: at(samples.len().saturating_sub(1)),
        }
    }

    /// A line of the table.
    pub(crate) fn line(&self) -> String {
        format!("{:<34} {:>8.0} {:>8.0} {:>8.0}", self.name, self.value, self.min, self.max)
    }
}

/// The table's head.
pub(crate) fn head() -> String {
    format!("{:<34} {:>8} {:>8} {:>8}", "TSC cycles per packet", "median", "min", "max")
}

/// Writes `bench/report.json` in the target directory; returns its path.
///
/// # Errors
/// It cannot be written.
pub(crate) fn write(figures: &[Figure]) -> Result<PathBuf> {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    let directory = target.join("bench");
    let path = directory.join("report.json");
    std::fs::create_dir_all(&directory)
        .and_then(|()| std::fs::write(&path, serde_json::to_vec_pretty(figures)?))
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_is_the_median() {
        let figure = Figure::new("x", vec![5.0, 1.0, 9.0, 2.0, 3.0]);
        assert_eq!((figure.value, figure.min, figure.max), (3.0, 1.0, 9.0));
    }
}
