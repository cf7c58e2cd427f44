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
