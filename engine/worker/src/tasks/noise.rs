//! Numbers that look random and are the same everywhere: each is a function of a seed and of its place.

/// Mixes the bits of a number (`SplitMix64`, Steele et al. 2014).
fn mixed(number: u64) -> u64 {
    let mut bits = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// Values spread evenly between −√3 and √3, so that their mean is 0 and their variance 1.
///
/// Value `i` is `√12 · (top 24 bits of mixed(2⁴⁰·seed + i + 1) / 2²⁴ − ½)`, exact up to one rounding.
pub(crate) fn noise(seed: u64, count: usize) -> Vec<f32> {
    let first = (seed << 40).wrapping_add(1);
    let value = |place: u64| {
        // As many bits as a single-precision number holds.
        let top = (mixed(first.wrapping_add(place)) >> 40) as u32;
        (top as f32 / 16_777_216.0 - 0.5) * 12f32.sqrt()
    };
    (0..count as u64).map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_of_order_one_and_differ_by_seed() {
        let values = noise(7, 40_000);
        let moment = |power: i32| values.iter().map(|value| f64::from(*value).powi(power)).sum::<f64>() / 40_000.0;
        assert!(moment(1).abs() < 0.02 && (moment(2) - 1.0).abs() < 0.02, "{} {}", moment(1), moment(2));
        assert!(values.iter().all(|value| value.abs() <= 1.733), "within bounds");
        assert_eq!(noise(7, 3), values[..3], "by place");
        assert_ne!(noise(8, 3), values[..3], "by seed");
    }
}
