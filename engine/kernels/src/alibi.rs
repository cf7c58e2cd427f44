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
        let exponents = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 0.5, 1.5, 2.5, 3.5];
        let expected = exponents.map(|exponent: f64| single((-exponent).exp2()));
        assert_eq!(alibi_slopes(12), expected);
    }

    #[test]
    fn one_head_has_the_smallest_slope() {
        assert_eq!(alibi_slopes(1), [(-8.0f32).exp2()]);
    }
}
