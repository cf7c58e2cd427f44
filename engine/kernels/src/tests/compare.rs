//! Comparisons that tell what is wrong.

/// What a number may differ by: `absolute + relative · |want|`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tolerance(pub(super) f64, pub(super) f64);

impl Tolerance {
    /// Outputs of order 1: sums of up to some hundred rounded products.
    pub(super) const OUT: Self = Self(3e-6, 0.0);
    /// Gradients are sums over all queries or keys, of differences of numbers as large as 20.
    pub(super) const GRADIENT: Self = Self(5e-6, 2e-6);
    /// Logarithms carry the rounding of their own size.
    pub(super) const LOG_SUM_EXP: Self = Self(2e-6, 2e-6);
    /// Sums over queries, entropies and distances add up what rounding does to each probability.
    pub(super) const SUM: Self = Self(2e-5, 1e-5);
    /// Probabilities carry the rounding of scores, as large as these are.
    pub(super) const PROBABILITY: Self = Self(1e-5, 0.0);
    /// Scores of 100 are rounded by 4e-6 each, and weigh in with the size of values and other scores.
    pub(super) const SHARP_OUT: Self = Self(1e-4, 2e-5);
    pub(super) const SHARP_GRADIENT: Self = Self(5e-4, 2e-5);
    pub(super) const SHARP_PROBABILITY: Self = Self(3e-5, 0.0);
}

/// Holds numbers of a shape against what they should be; a number that should be none must be none.
#[track_caller]
pub(super) fn assert_close<T: Copy + Into<f64>>(
    what: &str,
    shape: &[usize],
    got: &[f32],
    want: &[T],
    tolerance: Tolerance,
) {
    let Tolerance(absolute, relative) = tolerance;
    assert_eq!(got.len(), shape.iter().product::<usize>(), "{what}: numbers of shape {shape:?}");
    assert_eq!(got.len(), want.len(), "{what}: as many as wanted");
    let (mut beyond, mut largest) = (0, 0.0);
    let mut worst = (0.0, 0);
    for (at, (&got, &want)) in got.iter().zip(want).enumerate() {
        let (got, want) = (f64::from(got), want.into());
        if got.is_nan() && want.is_nan() {
            continue;
        }
        let (apart, limit) = ((got - want).abs(), absolute + relative * want.abs());
        largest = f64::max(largest, apart);
        if apart > limit || apart.is_nan() {
            beyond += 1;
            let times = if apart.is_nan() { f64::INFINITY } else { apart / limit.max(1e-30) };
            if times > worst.0 {
                worst = (times, at);
            }
        }
    }
    if beyond > 0 {
        let at = worst.1;
        let want: f64 = want[at].into();
        panic!(
            "{what}: {beyond} of {} beyond tolerance; at {:?} got {:e}, want {want:e}, tolerance {:e}; largest \
             difference {largest:e}",
            got.len(),
            index(at, shape),
            got[at],
            absolute + relative * want.abs(),
        );
    }
    eprintln!("{what}: largest difference {largest:e}");
}

fn index(mut at: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (place, size) in index.iter_mut().zip(shape).rev() {
        *place = at % size;
        at /= size;
    }
    index
}
