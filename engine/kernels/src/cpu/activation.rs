//! Activation functions of many numbers at once.

use super::{exponential::exp2, isa::Isa};
use crate::activation::{HiddenAct, TANH_CUBE};

/// What `act` makes of each number, in place.
#[inline(always)]
pub(super) fn activate<I: Isa>(act: HiddenAct, values: &mut [f32]) {
    match act {
        HiddenAct::Relu => values.iter_mut().for_each(|x| *x = if *x < 0.0 { 0.0 } else { *x }),
        HiddenAct::Gelu => values.iter_mut().for_each(|x| *x = gelu::<I>(*x)),
        HiddenAct::GeluNew => values.iter_mut().for_each(|x| *x = gelu_new::<I>(*x)),
        HiddenAct::Silu => values.iter_mut().for_each(|x| *x *= logistic::<I>(*x)),
    }
}

/// `1 / (1 + e^−x)`.
#[inline(always)]
fn logistic<I: Isa>(x: f32) -> f32 {
    let power = exp2::<I>(-x.abs() * std::f32::consts::LOG2_E);
    let share = if x < 0.0 { power } else { 1.0 };
    share / (1.0 + power)
}

/// `x · Φ(x)`.
#[inline(always)]
fn gelu<I: Isa>(x: f32) -> f32 {
    let half = 0.5 * x;
    I::mul_add(half, erf::<I>(x * std::f32::consts::FRAC_1_SQRT_2), half)
}

/// GELU by a hyperbolic tangent: `x / (1 + e^−2u)` with `u = √(2/π) · (x + 0.044715 x³)`.
#[inline(always)]
fn gelu_new<I: Isa>(x: f32) -> f32 {
    /// `2 · √(2/π)`.
    const SCALE: f32 = 1.595_769;
    #[expect(clippy::cast_possible_truncation, reason = "the processor computes in single precision")]
    let cube = TANH_CUBE as f32;
    x * logistic::<I>(SCALE * I::mul_add(cube * x * x, x, x))
}

/// The error function, within 3 units in the last place of 1: a rational minimax approximation on [−4, 4], beyond which
/// it is 1 in single precision (coefficients as in Eigen, `generic_fast_erf_float`).
#[inline(always)]
fn erf<I: Isa>(x: f32) -> f32 {
    const ABOVE: [f32; 7] = [
        -2.726_142_3e-10,
        2.770_681_4e-8,
        -2.101_024e-6,
        -5.692_506_4e-5,
        -7.349_906_4e-4,
        -2.954_6e-3,
        -1.609_603_3e-2,
    ];
    const BELOW: [f32; 5] = [-1.456_607_2e-5, -2.133_740_6e-4, -1.682_827e-3, -7.373_329e-3, -1.426_474e-2];
    let within = if x < -4.0 { -4.0 } else { x };
    let within = if within > 4.0 { 4.0 } else { within };
    let square = within * within;
    let above = ABOVE[1..].iter().fold(ABOVE[0], |sum, term| I::mul_add(sum, square, *term));
    let below = BELOW[1..].iter().fold(BELOW[0], |sum, term| I::mul_add(sum, square, *term));
    within * above / below
}

/// What [`activate`] should give, in double precision.
#[cfg(test)]
pub(crate) fn activated(act: HiddenAct, x: f64) -> f64 {
    match act {
        HiddenAct::Relu => x.max(0.0),
        HiddenAct::Gelu => x * normal_share(x),
        HiddenAct::GeluNew => {
            let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3));
            0.5 * x * (1.0 + inner.tanh())
        }
        HiddenAct::Silu => x / (1.0 + (-x).exp()),
    }
}

/// Φ(x) by the series of erf, or by its continued fraction far from 0, in double precision.
#[cfg(test)]
fn normal_share(x: f64) -> f64 {
    let z = x / std::f64::consts::SQRT_2;
    if z.abs() < 3.0 {
        let mut term = z;
        let mut sum = z;
        for n in 1..200 {
            let n = f64::from(n);
            term *= -z * z / n;
            sum += term / (2.0 * n + 1.0);
        }
        return 0.5 + sum / std::f64::consts::PI.sqrt();
    }
    let fraction = (1..200).rev().fold(0.0, |rest, n| f64::from(n) / 2.0 / (z.abs() + rest));
    let tail = (-z * z).exp() / (z.abs() + fraction) / std::f64::consts::PI.sqrt() / 2.0;
    if z < 0.0 { tail } else { 1.0 - tail }
}

/// Every activation.
#[cfg(test)]
pub(crate) const ACTS: [HiddenAct; 4] = [HiddenAct::Relu, HiddenAct::Gelu, HiddenAct::GeluNew, HiddenAct::Silu];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::isa::{Baseline, on_this_processor};

    fn check<I: Isa, const R: usize, const W: usize>() {
        let of = |act, x: f32| {
            let mut values = [x];
            I::enter(|| activate::<I>(act, &mut values));
            f64::from(values[0])
        };
        for step in -4000i16..=4000 {
            let x = f32::from(step) / 256.0;
            for act in ACTS {
                let (got, want) = (of(act, x), activated(act, f64::from(x)));
                assert!(
                    (got - want).abs() <= 4e-7 * f64::from(x.abs().max(1.0)),
                    "{act:?} of {x}: got {got}, want {want}"
                );
            }
        }
        for act in ACTS {
            assert!(of(act, f32::NAN).is_nan(), "{act:?}: what is no number stays none");
        }
    }

    #[test]
    fn activations_agree() {
        check::<Baseline, 1, 1>();
        on_this_processor!(check());
    }
}
