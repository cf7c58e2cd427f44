//! Comparisons, and how they are told.

use serde::Serialize;

use crate::{
    JobError,
    engine::{Job, Stop, guarded},
};

/// How far a value may be from what it should be: `absolute + relative · |should be|`.
///
/// The constants are those that the network and attention are held to on random checkpoints (`tests/src/parity.rs`);
/// plain single precision stays below half of each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tolerance {
    absolute: f64,
    relative: f64,
}

impl Tolerance {
    /// Of what must be the same.
    pub(super) const NONE: Self = Self::absolute(0.0);
    /// Of attention's output and its gradients.
    pub(super) const ATTENTION: Self = Self::absolute(3e-6);
    /// Of the logarithm of a row's sum.
    pub(super) const LOG_SUM_EXP: Self = Self { absolute: 2e-6, relative: 2e-6 };
    /// Of what a key receives, and of entropy and distance of a query.
    pub(super) const STATISTICS: Self = Self { absolute: 2e-5, relative: 1e-5 };
    /// Of probabilities, of attention or of a head.
    pub(super) const PROBABILITIES: Self = Self::absolute(1e-5);
    /// Of states, up to about 5.
    pub(super) const STATES: Self = Self::absolute(3e-5);
    /// Of scores for the entries of the vocabulary, up to about 25.
    pub(super) const TOKEN_SCORES: Self = Self { absolute: 5e-5, relative: 1e-5 };

    const fn absolute(absolute: f64) -> Self {
        Self { absolute, relative: 0.0 }
    }

    fn at(self, should_be: f64) -> f64 {
        self.absolute + self.relative * should_be.abs()
    }
}

/// Values beside what they should be.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    /// The value that comes closest to its tolerance, or goes farthest beyond.
    worst: Option<Worst>,
    beyond: usize,
    compared: usize,
    /// Why there is nothing to compare.
    fault: Option<String>,
}

#[derive(Debug)]
struct Worst {
    what: &'static str,
    place: usize,
    is: f64,
    should_be: f64,
    difference: f64,
    tolerance: f64,
}

impl Worst {
    /// How much of the tolerance is used up; what is no number is infinitely far off.
    fn share(&self) -> f64 {
        match self.difference {
            0.0 => 0.0,
            difference if difference.is_nan() => f64::INFINITY,
            difference => difference / self.tolerance,
        }
    }
}

impl Comparison {
    /// Adds values; `what` names them where they differ.
    pub(super) fn with(
        mut self,
        what: &'static str,
        values: impl IntoIterator<Item = f64>,
        should_be: impl IntoIterator<Item = f64>,
        tolerance: Tolerance,
    ) -> Self {
        let (mut values, mut should_be) = (values.into_iter(), should_be.into_iter());
        for place in 0.. {
            match (values.next(), should_be.next()) {
                (None, None) => break,
                (Some(is), Some(should_be)) => self.see(Worst {
                    what,
                    place,
                    is,
                    should_be,
                    difference: (is - should_be).abs(),
                    tolerance: tolerance.at(should_be),
                }),
                (is, _) => {
                    let found = if is.is_none() { "fewer" } else { "more" };
                    return self.or_fault(format!("{what}: there are {found} values than there should be"));
                }
            }
        }
        self
    }

    fn see(&mut self, seen: Worst) {
        self.compared += 1;
        let share = seen.share();
        if share > 1.0 {
            self.beyond += 1;
        }
        if self.worst.as_ref().is_none_or(|worst| share > worst.share()) {
            self.worst = Some(seen);
        }
    }

    /// The same, failed for a reason of its own.
    pub(super) fn or_fault(self, fault: String) -> Self {
        Self { fault: Some(self.fault.unwrap_or(fault)), ..self }
    }

    /// Why it does not pass.
    fn reason(&self) -> Option<String> {
        if self.fault.is_some() {
            return self.fault.clone();
        }
        let Some(worst) = &self.worst else { return Some("nothing was compared".to_owned()) };
        (self.beyond > 0).then(|| {
            let Worst { what, place, is, should_be, .. } = worst;
            let (beyond, compared) = (self.beyond, self.compared);
            format!("{beyond} of {compared} values differ; {what}[{place}] is {is:e} and should be {should_be:e}")
        })
    }
}

/// A comparison as it is told.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    name: String,
    /// Of the value that comes closest to its tolerance or goes farthest beyond; nothing where there is no number.
    max_abs_diff: Option<f64>,
    /// At that value.
    tolerance: f64,
    pub(super) passed: bool,
    /// Why it did not pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Check {
    fn of(name: String, tolerance: Tolerance, comparison: &Comparison) -> Self {
        let reason = comparison.reason();
        let worst = comparison.worst.as_ref();
        Self {
            name,
            max_abs_diff: worst.map(|worst| worst.difference).filter(|difference| difference.is_finite()),
            tolerance: worst.map_or(tolerance.absolute, |worst| worst.tolerance),
            passed: reason.is_none(),
            reason,
        }
    }

    fn failed(name: String, tolerance: Tolerance, reason: String) -> Self {
        Self { name, max_abs_diff: None, tolerance: tolerance.absolute, passed: false, reason: Some(reason) }
    }
}

/// The checks so far.
pub(super) struct Report<'a> {
    job: &'a Job,
    checks: Vec<Check>,
}

impl<'a> Report<'a> {
    pub(super) fn new(job: &'a Job) -> Self {
        Self { job, checks: Vec::new() }
    }

    pub(super) fn job(&self) -> &'a Job {
        self.job
    }

    /// Does `work`, which compares for each of `planned`; where it cannot be done, all of them fail and say why.
    pub(super) fn run<const N: usize>(
        &mut self,
        planned: [(String, Tolerance); N],
        work: impl FnOnce() -> Result<[Comparison; N], Stop>,
    ) -> Result<(), Stop> {
        if self.job.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        let done = guarded("the check", work);
        if self.job.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        match done {
            Ok(comparisons) => {
                let checks = planned.into_iter().zip(&comparisons);
                self.checks
                    .extend(checks.map(|((name, tolerance), comparison)| Check::of(name, tolerance, comparison)));
            }
            Err(Stop::Cancelled) => return Err(Stop::Cancelled),
            Err(Stop::Failed(error)) => {
                let reason = why(&error);
                let failed =
                    planned.into_iter().map(|(name, tolerance)| Check::failed(name, tolerance, reason.clone()));
                self.checks.extend(failed);
            }
        }
        Ok(())
    }

    /// Counts as failed what could not even be begun.
    pub(super) fn fail(&mut self, name: &str, reason: &str) {
        self.checks.push(Check::failed(name.to_owned(), Tolerance::NONE, reason.to_owned()));
    }

    pub(super) fn into_checks(self) -> Vec<Check> {
        self.checks
    }
}

fn why(error: &JobError) -> String {
    let parts: Vec<&str> = std::iter::once(&error.message).chain(&error.causes).map(String::as_str).collect();
    parts.join(": ")
}

/// Values in double precision, which holds them exactly.
pub(super) fn exact(values: &[f32]) -> impl Iterator<Item = f64> {
    values.iter().map(|&value| f64::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[f64], should_be: &[f64], tolerance: Tolerance) -> Check {
        let comparison = Comparison::default().with("x", values.iter().copied(), should_be.iter().copied(), tolerance);
        Check::of("check".to_owned(), tolerance, &comparison)
    }

    #[test]
    fn what_is_told_is_what_decides() {
        let near = check(&[1.0, 2.000_002], &[1.0, 2.0], Tolerance::ATTENTION);
        assert!(near.passed && near.max_abs_diff.is_some_and(|difference| difference <= near.tolerance), "{near:?}");
        let far = check(&[1.0, 2.1], &[1.0, 2.0], Tolerance::ATTENTION);
        assert!(!far.passed && far.reason.as_ref().is_some_and(|text| text.contains("1 of 2")), "{far:?}");
        // 1.5e-3 is much, but not of 1,000.
        let large = check(&[1000.0015, 0.0], &[1000.0, 0.0], Tolerance { absolute: 0.0, relative: 2e-6 });
        assert!(large.passed && large.tolerance > 1.9e-3, "{large:?}");
    }

    #[test]
    fn nothing_that_is_no_number_passes() {
        for (is, should_be) in [(f64::NAN, 1.0), (1.0, f64::NAN), (f64::INFINITY, 1.0), (f64::NAN, f64::NAN)] {
            let told = check(&[0.0, is], &[0.0, should_be], Tolerance::STATES);
            assert!(!told.passed && told.max_abs_diff.is_none(), "{told:?}");
        }
    }

    #[test]
    fn nothing_compared_is_no_success() {
        assert!(!check(&[], &[], Tolerance::STATES).passed, "nothing at all");
        assert!(!check(&[1.0], &[1.0, 1.0], Tolerance::STATES).passed, "too few");
        assert!(!check(&[1.0, 1.0], &[1.0], Tolerance::STATES).passed, "too many");
        assert!(check(&[1.0], &[1.0], Tolerance::NONE).passed, "the same");
        assert!(!check(&[1.0], &[2.0], Tolerance::NONE).passed, "not the same");
    }
}
