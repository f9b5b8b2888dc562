//! Two reports beside one another: which figures differ by more than noise.
//!
//! ```text
//!   first     min ├────────┤ value            noise: the two stretches from the best sample to the average meet,
//!   second            min ├─────┤ value       or the averages are within a tenth
//! ```

use super::{Average, Figure};
use anyhow::{Context, Result, ensure};
use std::path::Path;

/// Averages that are no further apart are noise, however alike the samples of a run were.
const TENTH: f64 = 0.1;

/// A figure of both reports.
struct Pair<'a> {
    first: &'a Figure,
    second: &'a Figure,
}

impl Pair<'_> {
    /// How many times as much the second run says.
    fn ratio(&self) -> f64 {
        times(self.second.value, self.first.value)
    }

    /// The same of the best samples, which neighbours disturb least.
    fn best_ratio(&self) -> f64 {
        times(self.second.min, self.first.min)
    }

    fn is_noise(&self) -> bool {
        let (first, second) = (stretch(self.first), stretch(self.second));
        let meet = first.0 <= second.1 && second.0 <= first.1;
        meet || (self.ratio() - 1.0).abs() <= TENTH
    }

    fn line(&self) -> String {
        let judged = if self.is_noise() { "" } else { "  DIFFERS" };
        let Figure { name, unit, value, min, .. } = self.first;
        format!(
            "{name:<46} {value:>12.1} {:>12.1} {:>6.2} {min:>12.1} {:>12.1} {:>6.2}  {unit}{judged}",
            self.second.value,
            self.ratio(),
            self.second.min,
            self.best_ratio(),
        )
    }
}

/// Nothing is as much as nothing.
fn times(value: f64, base: f64) -> f64 {
    if value == base { 1.0 } else { value / base }
}

/// From the best sample to the average, whichever is the greater.
fn stretch(figure: &Figure) -> (f64, f64) {
    (figure.min.min(figure.value), figure.min.max(figure.value))
}

/// Prints the figures that two reports have both, and how far apart they are.
///
/// # Errors
/// A file is no report, or they have no figure in common.
pub(crate) fn compare(first: &Path, second: &Path) -> Result<()> {
    let (first, second) = (read(first)?, read(second)?);
    let pairs = pairs(&first, &second);
    ensure!(!pairs.is_empty(), "the reports have no figure in common");
    println!(
        "{:<46} {:>12} {:>12} {:>6} {:>12} {:>12} {:>6}",
        "scenario", "first", "second", "ratio", "best, first", "second", "ratio"
    );
    pairs.iter().for_each(|pair| println!("{}", pair.line()));
    let noise = pairs.iter().filter(|pair| pair.is_noise()).count();
    println!(
        "{noise} of {} within noise; apart in the median row: averages {:.1}%, best samples {:.1}%",
        pairs.len(),
        100.0 * median_distance(pairs.iter().map(Pair::ratio)),
        100.0 * median_distance(pairs.iter().map(Pair::best_ratio)),
    );
    Ok(())
}

fn pairs<'a>(first: &'a [Figure], second: &'a [Figure]) -> Vec<Pair<'a>> {
    let both = |first: &'a Figure| {
        let second = second.iter().find(|second| second.name == first.name)?;
        Some(Pair { first, second })
    };
    first.iter().filter_map(both).collect()
}

fn read(path: &Path) -> Result<Vec<Figure>> {
    let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is no report", path.display()))
}

/// How far from one the middle one of these ratios is, up or down.
fn median_distance(ratios: impl Iterator<Item = f64>) -> f64 {
    let apart: Vec<f64> = ratios.map(|ratio| ratio.max(1.0 / ratio) - 1.0).collect();
    Average::Median.of(&apart)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(name: &str, samples: &[f64]) -> Figure {
        Figure::new(name, "h", "u", samples, Average::Median)
    }

    #[test]
    fn noise_is_where_the_stretches_meet_or_the_averages_are_close() {
        let judge = |first: &[f64], second: &[f64]| {
            let (first, second) = (figure("x", first), figure("x", second));
            Pair { first: &first, second: &second }.is_noise()
        };
        assert!(judge(&[50.0, 60.0, 90.0], &[58.0, 80.0, 99.0]));
        assert!(judge(&[58.0, 80.0, 99.0], &[50.0, 60.0, 90.0]));
        assert!(!judge(&[50.0, 60.0, 900.0], &[70.0, 80.0, 99.0]));
        assert!(judge(&[100.0], &[109.0]) && !judge(&[100.0], &[112.0]));
        assert!(judge(&[0.0], &[0.0]) && !judge(&[0.0], &[3.0]));
    }

    #[test]
    fn only_what_both_reports_have_is_compared() {
        let first = [figure("a", &[1.0]), figure("b", &[1.0])];
        let second = [figure("b", &[2.0]), figure("c", &[1.0])];
        let pairs = pairs(&first, &second);
        assert_eq!(pairs.len(), 1);
        assert_eq!((pairs[0].first.name.as_str(), pairs[0].ratio()), ("b", 2.0));
    }

    #[test]
    fn a_report_that_was_written_is_read_again() {
        let directory = std::env::temp_dir().join(format!("sluice-compare-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("report.json");
        let figures = [figure("a", &[1.0, 2.0]).against("b", 4.0)];
        std::fs::write(&path, serde_json::to_vec(&figures).unwrap()).unwrap();
        let read = read(&path).unwrap();
        std::fs::remove_dir_all(&directory).unwrap();
        assert_eq!((read[0].unit.as_ref(), read[0].ratio), ("u", Some(0.5)));
    }

    #[test]
    fn distances_count_up_and_down_alike() {
        assert!((median_distance([0.5, 1.0, 2.0].into_iter()) - 1.0).abs() < 1e-9);
    }
}
