//! Powers of two of many numbers at once.

use super::isa::Isa;

/// From here on down powers are 0: the exponent that stands for it holds no number.
const LOWEST: f32 = -127.0;

/// `2^x` for `x ≤ 0`, without a branch, so that the compiler works on several numbers at once.
///
/// Within 2 units in the last place; 0 below the range of normal numbers.
#[inline(always)]
pub(crate) fn exp2<I: Isa>(x: f32) -> f32 {
    // Adding and taking off 1.5 · 2²³ rounds to a whole number.
    const ROUND: f32 = 12_582_912.0;
    let within = if x < LOWEST { LOWEST } else { x };
    let shifted = within + ROUND;
    let rest = within - (shifted - ROUND);
    // Minimax polynomial of 2^x on [−½, ½].
    let series = 1.535_336_8e-4;
    let series = I::mul_add(series, rest, 1.339_887_4e-3);
    let series = I::mul_add(series, rest, 9.618_437e-3);
    let series = I::mul_add(series, rest, 5.550_332_6e-2);
    let series = I::mul_add(series, rest, 2.402_264_8e-1);
    let series = I::mul_add(series, rest, 6.931_472e-1);
    let series = I::mul_add(series, rest, 1.0);
    // The low bits of the shifted number are the whole number: they go where the exponent stands.
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3f80_0000));
    series * power
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::isa::{Baseline, on_this_processor};

    fn check<I: Isa, const R: usize, const W: usize>() {
        let power = |x: f32| I::enter(|| exp2::<I>(x));
        // Every 1/2048 hits whole and half numbers, and what lies between.
        for step in 0..=126 * 2048u32 {
            let x = -(step as f32) / 2048.0;
            let (got, want) = (f64::from(power(x)), f64::from(x).exp2());
            assert!((got / want - 1.0).abs() <= 3e-7, "2^{x}: got {got:e}, want {want:e}");
        }
        for lowest in [-127.0, -1000.0, -3e38, f32::NEG_INFINITY] {
            assert_eq!(power(lowest).to_bits(), 0, "2^{lowest} is 0");
        }
        assert_eq!([0.0, -1.0, -126.0].map(power), [1.0, 0.5, f32::MIN_POSITIVE], "whole numbers are exact");
        assert!(power(f32::NAN).is_nan(), "what is no number stays none");
        // Probabilities may come out a little above 1.
        assert!((power(1e-5) - 1.000_006_9).abs() < 2e-7, "2^1e-5: got {}", power(1e-5));
    }

    #[test]
    fn powers_are_within_two_units() {
        check::<Baseline, 1, 1>();
        on_this_processor!(check());
    }
}
