//! What the figures are to be.

use super::Figure;

/// What of a figure a target is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    /// Its value, at most.
    Value,
    /// Its value over its baseline's, at most.
    Ratio,
    /// Its value over its baseline's, at least.
    Scaling,
    /// Its value less its baseline's, at most.
    Difference,
}

/// A scenario's target.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    about: About,
    limit: f64,
}

/// The first name that a scenario's begins with decides.
const TARGETS: &[(&str, About, f64)] = &[
    ("forward/1-routes/1-flow", About::Value, 30.0),
    ("forward/100k-routes/random", About::Value, 50.0),
    ("nat/established/64k-flows/random/no-rx-checksum", About::Value, f64::INFINITY),
    ("nat/established/1-flows/", About::Value, 45.0),
    ("nat/established/10k-flows/random", About::Value, 55.0),
    ("nat/established/64k-flows/random", About::Value, 65.0),
    ("nat/established/1M-flows/sequential", About::Value, 90.0),
    ("nat/established/1M-flows/random", About::Value, 110.0),
    ("nat/established/4M-flows/random", About::Value, 130.0),
    ("nat/established-tcp/1-flows/", About::Value, 75.0),
    ("nat/established-tcp/10k-flows/random", About::Value, 85.0),
    ("nat/established-tcp/64k-flows/random", About::Value, 95.0),
    ("nat/established-tcp/1M-flows/sequential", About::Value, 120.0),
    ("nat/established-tcp/1M-flows/random", About::Value, 140.0),
    ("nat/established-tcp/4M-flows/random", About::Value, 160.0),
    ("nat/reply/1M-flows/random", About::Value, 110.0),
    ("nat/new", About::Value, 350.0),
    ("nat/churn", About::Value, 500.0),
    ("rules/established/10k", About::Ratio, 1.02),
    ("rules/first/10k", About::Ratio, 1.5),
    ("fib/lookup/1M/", About::Ratio, 1.0),
    ("fib/update/1M", About::Value, 10.0),
    ("memory/per-session", About::Value, 160.0),
    ("scale/workers/2", About::Scaling, 1.9),
    ("handoff/all-wrong", About::Difference, 100.0),
    ("swap/", About::Value, 0.0),
    ("latency/during-swap/nat/p99.9", About::Difference, 50.0),
    ("latency/during-swap/routes/p99.9", About::Difference, 50.0),
    ("latency/during-swap/rules/p99.9", About::Difference, 50.0),
    ("start/time", About::Value, 1000.0),
];

impl Target {
    /// The target of a scenario, if it has one.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let (_, about, limit) = TARGETS.iter().find(|(prefix, ..)| name.starts_with(prefix))?;
        limit.is_finite().then_some(Self { about: *about, limit: *limit })
    }

    /// Whether a figure meets it.
    pub(crate) fn is_met(self, figure: &Figure) -> bool {
        let (value, ratio) = (figure.value, figure.ratio);
        match self.about {
            About::Value => value <= self.limit,
            About::Ratio => ratio.is_some_and(|ratio| ratio <= self.limit),
            About::Scaling => ratio.is_some_and(|ratio| ratio >= self.limit),
            About::Difference => {
                figure.baseline_value.is_some_and(|baseline| value - baseline <= self.limit)
            }
        }
    }

    /// In words.
    pub(crate) fn text(self) -> String {
        let limit = self.limit;
        match self.about {
            About::Value => format!("≤ {limit}"),
            About::Ratio => format!("≤ {limit} × baseline"),
            About::Scaling => format!("≥ {limit} × baseline"),
            About::Difference => format!("≤ baseline + {limit}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scenarios_own_target_is_found() {
        let target = Target::of("nat/established/1-flows/random").unwrap();
        assert!(target.is_met(&Figure::single("", "", "", 44.0)));
        assert!(!target.is_met(&Figure::single("", "", "", 46.0)));
        assert!(Target::of("nat/established/64k-flows/random/no-rx-checksum").is_none());
        let target = Target::of("rules/established/10k").unwrap();
        assert!(target.is_met(&Figure::single("", "", "", 101.0).against("10 rules", 100.0)));
        assert!(!target.is_met(&Figure::single("", "", "", 103.0).against("10 rules", 100.0)));
        assert!(!target.is_met(&Figure::single("", "", "", 1.0)), "without its baseline");
    }
}
