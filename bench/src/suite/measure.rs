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
    /// Rounds of both by turns, so that what disturbs one disturbs the other.
    ///
    /// # Errors
    /// Either fails.
    pub(crate) fn run(mut self, name: &str, effort: Effort) -> Result<Figure> {
        let (mut samples, mut against) = (Vec::new(), Vec::new());
        let begin = Instant::now();
        for round in 0..effort.rounds {
            if round > 0 && begin.elapsed() > effort.time {
                break;
            }
            samples
                .extend(self.subject.round(&effort).with_context(|| format!("scenario {name}"))?);
            if let Some((baseline, other)) = self.baseline.as_mut().filter(|_| effort.compare) {
                let failed = || format!("scenario {name}, baseline {baseline}");
                against.extend(other.round(&effort).with_context(failed)?);
            }
        }
        self.subject.finish().with_context(|| format!("scenario {name}"))?;
        let figure = Figure::new(name, &self.harness, self.unit, samples, self.average);
        Ok(match self.baseline.filter(|_| effort.compare) {
            Some((baseline, mut other)) => {
                other.finish().with_context(|| format!("scenario {name}, baseline {baseline}"))?;
                let other = Figure::new("", "", self.unit, against, self.average);
                figure.against(baseline, other.value)
            }
            None => figure,
        })
    }
}
