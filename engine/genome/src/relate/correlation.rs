//! Correlation of pairs of values.

/// Pearson's correlation of the pairs of which both values are finite.
///
/// `None` where lengths differ, where there are fewer than two such pairs, or where either side is constant.
///
/// ```
/// use strandscope_genome::pearson;
///
/// assert_eq!(pearson(&[1.0, 2.0, f64::NAN, 3.0], &[2.0, 4.0, 9.0, 6.0]), Some(1.0));
/// assert_eq!(pearson(&[1.0, 1.0], &[2.0, 4.0]), None);
/// ```
pub fn pearson<T: Copy + Into<f64>>(a: &[T], b: &[T]) -> Option<f64> {
    if a.len() != b.len() {
        return None;
    }
    let mut moments = Moments::default();
    moments.extend(a, b);
    moments.pearson()
}

/// Spearman's rank correlation of the pairs of which both values are finite; equal values share their mean rank.
///
/// `None` as for [`pearson`].
pub fn spearman<T: Copy + Into<f64>>(a: &[T], b: &[T]) -> Option<f64> {
    if a.len() != b.len() {
        return None;
    }
    let (a, b): (Vec<_>, Vec<_>) = finite_pairs(a, b).unzip();
    pearson(&ranks(&a), &ranks(&b))
}

fn finite_pairs<'a, T: Copy + Into<f64>>(a: &'a [T], b: &'a [T]) -> impl Iterator<Item = (f64, f64)> + 'a {
    let pairs = a.iter().zip(b).map(|(&a, &b)| (a.into(), b.into()));
    pairs.filter(|(a, b)| a.is_finite() && b.is_finite())
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order = (0..values.len()).collect::<Vec<_>>();
    order.sort_unstable_by(|&left, &right| values[left].total_cmp(&values[right]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    // `==`, so that 0 and −0 are equal.
    for equal in order.chunk_by(|&left, &right| values[left] == values[right]) {
        let mean = before as f64 + (equal.len() + 1) as f64 / 2.0;
        for &at in equal {
            ranks[at] = mean;
        }
        before += equal.len();
    }
    ranks
}

/// Means, variances and covariance of pairs that come in pieces, as of a whole genome.
///
/// ```
/// use strandscope_genome::{Moments, pearson};
///
/// let (a, b) = ([1.0, 2.0, 4.0, 3.0], [2.0, 1.0, 5.0, 6.0]);
/// let mut moments = Moments::default();
/// moments.extend(&a[..3], &b[..3]);
/// moments.push(a[3], b[3]);
/// let difference = moments.pearson().unwrap() - pearson(&a, &b).unwrap();
/// assert!(difference.abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moments {
    /// Pairs of which both values are finite.
    pub count: u64,
    /// Mean of the first values.
    pub mean_a: f64,
    /// Mean of the second values.
    pub mean_b: f64,
    /// Sums of squared and multiplied distances from the means.
    square_a: f64,
    square_b: f64,
    product: f64,
}

impl Moments {
    /// Adds a pair; nothing if one of its values is not finite.
    pub fn push(&mut self, a: f64, b: f64) {
        self.extend(&[a], &[b]);
    }

    /// Adds pairs, as many as the shorter list has, without those of which a value is not finite.
    pub fn extend<T: Copy + Into<f64>>(&mut self, a: &[T], b: &[T]) {
        // Means first, then distances from them, in parts that stay in the cache: exact and still fast.
        for (a, b) in a.chunks(4_096).zip(b.chunks(4_096)) {
            let Some((first_a, first_b)) = finite_pairs(a, b).next() else { continue };
            let (mut count, mut sum_a, mut sum_b) = (0_u64, 0.0, 0.0);
            for (a, b) in finite_pairs(a, b) {
                count += 1;
                // From the first one on, so that the mean of equal values is exactly their value.
                sum_a += a - first_a;
                sum_b += b - first_b;
            }
            let (mean_a, mean_b) = (first_a + sum_a / count as f64, first_b + sum_b / count as f64);
            let mut part = Self { count, mean_a, mean_b, ..Self::default() };
            for (a, b) in finite_pairs(a, b) {
                let (a, b) = (a - mean_a, b - mean_b);
                part.square_a += a * a;
                part.square_b += b * b;
                part.product += a * b;
            }
            self.merge(&part);
        }
    }

    /// Adds the pairs of another (Chan and others, 1979).
    pub fn merge(&mut self, other: &Self) {
        if self.count == 0 || other.count == 0 {
            if other.count > 0 {
                *self = *other;
            }
            return;
        }
        let (ours, theirs) = (self.count as f64, other.count as f64);
        let (apart_a, apart_b) = (other.mean_a - self.mean_a, other.mean_b - self.mean_b);
        let weight = ours * theirs / (ours + theirs);
        self.square_a += other.square_a + apart_a * apart_a * weight;
        self.square_b += other.square_b + apart_b * apart_b * weight;
        self.product += other.product + apart_a * apart_b * weight;
        self.mean_a += apart_a * theirs / (ours + theirs);
        self.mean_b += apart_b * theirs / (ours + theirs);
        self.count += other.count;
    }

    /// Variance of the first values, of the population; `None` without pairs.
    pub fn variance_a(&self) -> Option<f64> {
        (self.count > 0).then(|| self.square_a / self.count as f64)
    }

    /// Variance of the second values, of the population; `None` without pairs.
    pub fn variance_b(&self) -> Option<f64> {
        (self.count > 0).then(|| self.square_b / self.count as f64)
    }

    /// Pearson's correlation; `None` with fewer than two pairs or where a side is constant.
    pub fn pearson(&self) -> Option<f64> {
        correlation(self.count, self.square_a, self.square_b, self.product)
    }
}

/// The correlation from sums of squared and multiplied distances from the means.
pub(super) fn correlation(count: u64, square_a: f64, square_b: f64, product: f64) -> Option<f64> {
    let joint = square_a * square_b;
    // Roots apart where the product of the squares is too large or too small.
    let scale = if joint.is_normal() { joint.sqrt() } else { square_a.sqrt() * square_b.sqrt() };
    (count >= 2 && scale > 0.0 && scale.is_finite()).then(|| (product / scale).clamp(-1.0, 1.0))
}
