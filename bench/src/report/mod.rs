//! Figures: as a table for people, as JSON for programs.

mod compare;
mod html;
mod targets;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::path::{Path, PathBuf};

pub(crate) use compare::compare;
pub(crate) use targets::Target;

/// One benchmark's result.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Figure {
    /// Which benchmark.
    pub(crate) name: String,
    /// What carried the packets.
    pub(crate) harness: String,
    /// Of the numbers below.
    pub(crate) unit: Cow<'static, str>,
    /// Median of all samples, unless the scenario says otherwise.
    pub(crate) value: f64,
    /// The best sample.
    pub(crate) min: f64,
    /// The worst sample.
    pub(crate) max: f64,
    /// What it is compared with, measured in the same run.
    pub(crate) baseline: Option<String>,
    /// Of the same unit.
    pub(crate) baseline_value: Option<f64>,
    /// `value` / `baseline_value`; where both took turns, the median of the turns' ratios, which less disturbs.
    pub(crate) ratio: Option<f64>,
}

/// Which of the samples' averages speaks for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Average {
    /// The middle one: what a packet costs when nobody disturbs.
    Median,
    /// The mean without the highest fiftieth, which other processes cause: for costs that come in waves.
    TrimmedMean,
}

impl Average {
    /// Of these samples; not a number where there are none.
    pub(crate) fn of(self, samples: &[f64]) -> f64 {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        match self {
            Self::Median => sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN),
            Self::TrimmedMean => {
                let kept = sorted.len() - sorted.len().div_ceil(50);
                mean(sorted.get(..kept).unwrap_or(&sorted))
            }
        }
    }
}

impl Figure {
    /// Of samples in `unit`.
    pub(crate) fn new(
        name: &str,
        harness: &str,
        unit: &'static str,
        samples: &[f64],
        average: Average,
    ) -> Self {
        Self {
            name: name.to_owned(),
            harness: harness.to_owned(),
            unit: unit.into(),
            value: average.of(samples),
            min: samples.iter().copied().fold(f64::NAN, f64::min),
            max: samples.iter().copied().fold(f64::NAN, f64::max),
            baseline: None,
            baseline_value: None,
            ratio: None,
        }
    }

    /// One number that is what it is.
    pub(crate) fn single(name: &str, harness: &str, unit: &'static str, value: f64) -> Self {
        Self::new(name, harness, unit, &[value], Average::Median)
    }

    /// Compared with `baseline`, which came to `value`.
    pub(crate) fn against(mut self, baseline: impl Into<String>, value: f64) -> Self {
        self.baseline = Some(baseline.into());
        self.baseline_value = Some(value);
        self.ratio = Some(self.value / value);
        self
    }

    /// The same, where both took turns: `ratios` are what the turns say.
    pub(crate) fn against_in_turns(
        self,
        baseline: impl Into<String>,
        value: f64,
        ratios: &[f64],
    ) -> Self {
        Self { ratio: Some(Average::Median.of(ratios)), ..self.against(baseline, value) }
    }

    /// A line of the table.
    pub(crate) fn line(&self) -> String {
        let ratio = match (&self.baseline, self.ratio) {
            (Some(baseline), Some(ratio)) => format!("  {ratio:.2} x {baseline}"),
            (None, _) | (_, None) => String::new(),
        };
        let target = Target::of(&self.name).map_or_else(String::new, |target| {
            let met = if target.is_met(self) { "met" } else { "NOT MET" };
            format!("  {}: {met}", target.text())
        });
        format!(
            "{:<46} {:>10.1} {:>10.1} {:>12.1}  {}{ratio}{target}",
            self.name, self.value, self.min, self.max, self.unit
        )
    }
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 samples")]
fn mean(samples: &[f64]) -> f64 {
    samples.iter().sum::<f64>() / samples.len() as f64
}

/// The table's head.
pub(crate) fn head() -> String {
    format!("{:<46} {:>10} {:>10} {:>12}", "scenario", "value", "min", "max")
}

/// `bench/report.json` in the target directory.
pub(crate) fn default_path() -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    target.join("bench").join("report.json")
}

/// Writes the figures as JSON, and beside that file the page, and its plots one by one.
///
/// # Errors
/// A file cannot be written.
pub(crate) fn write(figures: &[Figure], machine: &str, path: &Path) -> Result<()> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)
            .with_context(|| format!("cannot make {}", directory.display()))?;
    }
    let plots = html::plots(figures)?;
    let page = html::page(figures, &plots, machine)?.into_bytes();
    let mut files = vec![
        (path.to_path_buf(), serde_json::to_vec_pretty(figures)?),
        (path.with_extension("html"), page),
    ];
    files
        .extend(plots.into_iter().map(|(name, svg)| (path.with_file_name(name), svg.into_bytes())));
    for (path, bytes) in files {
        std::fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
        println!("written to {}", path.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_is_the_average_asked_for() {
        let of = |average| Figure::new("x", "h", "u", &[5.0, 1.0, 9.0, 2.0, 3.0], average);
        let figure = of(Average::Median);
        assert_eq!((figure.value, figure.min, figure.max), (3.0, 1.0, 9.0));
        let samples: Vec<f64> = (1..=100).map(f64::from).chain([1e9]).collect();
        let figure = Figure::new("x", "h", "u", &samples, Average::TrimmedMean);
        assert!(figure.value < 60.0, "{}", figure.value);
    }
}
