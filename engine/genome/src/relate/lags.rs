//! Correlation of two tracks, one of them shifted.

use super::correlation::correlation;

/// Pearson's correlation of `a[i]` with `b[i + lag]` for each lag from `-most_lag` to `most_lag`, over the pairs of
/// which both values are finite; NaN where fewer than two are left or a side is constant among them.
///
/// A peak at a positive lag says that `b` does later (further right) what `a` does. Nothing where lengths differ.
///
/// The time is bounded by (values + stretches between gaps) × lags. 1,000,000 values with ±1,000 lags take one or two
/// seconds, ten times that where every other value is missing; longer tracks are to be binned first. What is summed of
/// one side alone comes from running totals, so that for each lag only the products are summed.
///
/// ```
/// use strandscope_genome::lagged;
///
/// let a = [0.0, 1.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0];
/// let b = [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 2.0, 0.0];
/// let best = lagged(&a, &b, 3).into_iter().max_by(|x, y| x.1.total_cmp(&y.1)).unwrap();
/// assert_eq!(best.0, 2);
/// ```
pub fn lagged<T: Copy + Into<f64>>(a: &[T], b: &[T], most_lag: usize) -> Vec<(i64, f64)> {
    let Ok(last) = i64::try_from(most_lag) else { return Vec::new() };
    if a.len() != b.len() {
        return Vec::new();
    }
    let (a, b) = (Side::of(a), Side::of(b));
    let products = products(&a.values, &b.values, last);
    (-last..=last).zip(products).map(|(lag, product)| (lag, at_lag(&a, &b, lag, product))).collect()
}

fn at_lag(a: &Side, b: &Side, lag: i64, product: f64) -> f64 {
    let of_a = a.totals_beside(b, lag);
    let of_b = b.totals_beside(a, -lag);
    let count = of_a.count as f64;
    let square = |side: &Side, totals: &Totals| {
        let square = totals.squares - totals.sum * totals.sum / count;
        // What is left of equal values after rounding is no variance.
        let whole = side.totals.last().map_or(0.0, |totals| totals.squares);
        if square > 1e-12 * whole { square } else { 0.0 }
    };
    let product = product - of_a.sum * of_b.sum / count;
    correlation(of_a.count, square(a, &of_a), square(b, &of_b), product).unwrap_or(f64::NAN)
}

/// One of the two tracks.
struct Side {
    /// Distances from the mean, 0 where a value is missing.
    values: Vec<f64>,
    /// Sums of all values before each, and one more.
    totals: Vec<Totals>,
    /// Stretches without a gap.
    known: Vec<(i64, i64)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    count: u64,
    sum: f64,
    squares: f64,
}

impl Side {
    fn of<T: Copy + Into<f64>>(raw: &[T]) -> Self {
        let finite = || raw.iter().map(|&value| value.into()).filter(|value: &f64| value.is_finite());
        let count = finite().count();
        // Small numbers keep their digits in the running totals.
        let mean = if count == 0 { 0.0 } else { finite().map(|value| value / count as f64).sum::<f64>() };
        let mut side = Self { values: Vec::new(), totals: vec![Totals::default()], known: Vec::new() };
        let mut total = Totals::default();
        for (at, &value) in (0..).zip(raw) {
            let value: f64 = value.into();
            let value = if value.is_finite() {
                match side.known.last_mut() {
                    Some((_, end)) if *end == at => *end += 1,
                    _ => side.known.push((at, at + 1)),
                }
                total.count += 1;
                value - mean
            } else {
                0.0
            };
            total.sum += value;
            total.squares += value * value;
            side.values.push(value);
            side.totals.push(total);
        }
        side
    }

    /// Totals of the values whose partner `lag` further right in `other` is known.
    fn totals_beside(&self, other: &Self, lag: i64) -> Totals {
        let mut totals = Totals::default();
        for &(start, end) in &other.known {
            let (from, to) = (self.total_before(start.saturating_sub(lag)), self.total_before(end.saturating_sub(lag)));
            totals.count += to.count - from.count;
            totals.sum += to.sum - from.sum;
            totals.squares += to.squares - from.squares;
        }
        totals
    }

    fn total_before(&self, at: i64) -> Totals {
        let at = usize::try_from(at.max(0)).unwrap_or(usize::MAX);
        self.totals[at.min(self.values.len())]
    }
}

/// For each lag the sum of the products of `a[i]` and `b[i + lag]`.
fn products(a: &[f64], b: &[f64], last: i64) -> Vec<f64> {
    /// Values of `a` that stay in the cache while all lags are tried.
    const BLOCK: usize = 4_096;
    let mut sums = (-last..=last).map(|_| 0.0).collect::<Vec<_>>();
    for (number, part) in a.chunks(BLOCK).enumerate() {
        let start = number * BLOCK;
        for (lag, sum) in (-last..=last).zip(&mut sums) {
            // The part of `b` beside this part of `a`, as far as there is one.
            let skipped = usize::try_from(-lag).unwrap_or(0).saturating_sub(start);
            let shifted = start.checked_add_signed(isize::try_from(lag).unwrap_or(0)).unwrap_or(0);
            if let (Some(a), Some(b)) = (part.get(skipped..), b.get(shifted..)) {
                *sum += dot(a, b);
            }
        }
    }
    sums
}

/// Sum of products, as far as the shorter one goes; in lanes, so that it becomes vector code.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let length = a.len().min(b.len());
    let ((a, rest_a), (b, rest_b)) = (a[..length].as_chunks::<8>(), b[..length].as_chunks::<8>());
    let mut lanes = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..8 {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    lanes.iter().sum::<f64>() + rest_a.iter().zip(rest_b).map(|(a, b)| a * b).sum::<f64>()
}
