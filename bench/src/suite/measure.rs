//! What a scenario is made of: something to measure, and what it is compared with.

use super::packets::Effort;
use crate::report::{Average, Figure};
use anyhow::{Context, Result};
use std::time::Instant;

/// Something that can be measured again and again.
pub(crate) trait Measurement {
    /// Samples of one more round.
    ///
    /// # Errors
    /// What was measured did not do what it should.
    fn round(&mut self, effort: &Effort) -> Result<Vec<f64>>;

    /// Looks back on all rounds.
    ///
    /// # Errors
    /// They did not measure what they claim to.
    fn finish(&mut self) -> Result<()> {
        Ok(())
    }
}

/// A measurement that is a function.
pub(crate) struct Function<F>(pub(crate) F);

impl<F: FnMut() -> Result<Vec<f64>>> Measurement for Function<F> {
    fn round(&mut self, _effort: &Effort) -> Result<Vec<f64>> {
        (self.0)()
    }
}

/// A measurement, and another of the same unit that takes turns with it.
pub(crate) struct Comparison {
    pub(crate) unit: &'static str,
    pub(crate) average: Average,
    pub(crate) harness: String,
    pub(crate) subject: Box<dyn Measurement>,
    pub(crate) baseline: Option<(String, Box<dyn Measurement>)>,
}

impl Comparison {
    /// Rounds of both by turns, so that what disturbs one disturbs the other: their ratio is the median of what the turns
    /// say, each compared with its own baseline.
    ///
    /// # Errors
    /// Either fails.
    pub(crate) fn run(mut self, name: &str, effort: Effort) -> Result<Figure> {
        let (mut samples, mut against, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        let begin = Instant::now();
        for round in 0..effort.rounds {
            if round > 0 && begin.elapsed() > effort.time {
                break;
            }
            let own = |subject: &mut dyn Measurement| {
                subject.round(&effort).with_context(|| format!("scenario {name}"))
            };
            let Some((baseline, other)) = self.baseline.as_mut().filter(|_| effort.compare) else {
                samples.extend(own(&mut *self.subject)?);
                continue;
            };
            let mut others = || {
                let failed = || format!("scenario {name}, baseline {baseline}");
                other.round(&effort).with_context(failed)
            };
            // Whoever comes first finds the caches as the other has left them the turn before.
            let (own, other) = if round.is_multiple_of(2) {
                let own = own(&mut *self.subject)?;
                (own, others()?)
            } else {
                let other = others()?;
                (own(&mut *self.subject)?, other)
            };
            ratios.push(self.average.of(&own) / self.average.of(&other));
            against.extend(other);
            samples.extend(own);
        }
        self.subject.finish().with_context(|| format!("scenario {name}"))?;
        let figure = Figure::new(name, &self.harness, self.unit, &samples, self.average);
        Ok(match self.baseline.filter(|_| effort.compare) {
            Some((baseline, mut other)) => {
                other.finish().with_context(|| format!("scenario {name}, baseline {baseline}"))?;
                figure.against_in_turns(baseline, self.average.of(&against), &ratios)
            }
            None => figure,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one sample a round.
    fn samples(all: &'static [f64]) -> Box<dyn Measurement> {
        let mut next = all.iter();
        Box::new(Function(move || {
            next.next().map(|sample| vec![*sample]).context("no more rounds")
        }))
    }

    #[test]
    fn a_turn_is_compared_with_its_own_baseline() {
        // The machine slows down, and once something disturbs the baseline alone.
        let comparison = Comparison {
            unit: "cycles",
            average: Average::Median,
            harness: "h".to_owned(),
            subject: samples(&[1.0, 2.0, 40.0, 80.0, 90.0]),
            baseline: Some(("b".to_owned(), samples(&[2.0, 4.0, 8.0, 160.0, 180.0]))),
        };
        let effort = Effort { rounds: 5, ..Effort::FULL };
        let figure = comparison.run("x", effort).unwrap();
        assert_eq!((figure.value, figure.baseline_value), (40.0, Some(8.0)));
        assert_eq!(figure.ratio, Some(0.5));
    }
}
