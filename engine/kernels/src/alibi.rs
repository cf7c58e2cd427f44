//! The slopes of attention with linear biases (Press et al. 2022, arXiv 2108.12409).

/// The slope of each attention head, `[head]`.
///
/// For a power of two: `2^(−8(i+1)/heads)`.
/// Otherwise those of the next lower power of two, then every second one of the next higher, as DNABERT-2 and
/// MosaicBERT do.
pub fn alibi_slopes(heads: usize) -> Vec<f32> {
    let geometric = |count: usize| (1..=count).map(move |i| (-8.0 * i as f64 / count as f64).exp2());
    let lower = if heads.is_power_of_two() { heads } else { heads.next_power_of_two() / 2 };
    let slopes = geometric(lower).chain(geometric(2 * lower).step_by(2)).take(heads);
    slopes.map(single).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "slopes lie between 2^-8 and 1, rounding to f32 is meant")]
fn single(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twelve_heads_take_every_second_slope_of_sixteen() {
        let expected = [1, 2, 3, 4, 5, 6, 7, 8].map(|i| (-f64::from(i)).exp2());
        let extra = [0.5f64, 1.5, 2.5, 3.5].map(|i| (-i).exp2());
        let expected: Vec<f32> = expected.into_iter().chain(extra).map(|slope| slope as f32).collect();
        assert_eq!(alibi_slopes(12), expected);
    }

    #[test]
    fn one_head_has_the_smallest_slope() {
        assert_eq!(alibi_slopes(1), [(-8.0f32).exp2()]);
    }
}
