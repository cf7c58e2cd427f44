//! Dense layers.

use burn::tensor::{DType, Device, Tensor};

use super::{
    Numbers,
    compare::{Tolerance, assert_close},
    values,
};
use crate::{
    Between, HiddenAct, Watch, add_layer_norm, add_linear,
    cpu::activation::{ACTS, activated},
    feed_forward, linear,
};

/// Rows: one, the fewest that the kernels take, and parts of a block, and of one more than threads take at once.
const ROWS: [usize; 5] = [1, 48, 97, 200, 600];

/// Sums of up to 770 rounded products; the sums are of order 1, as are those of the second table of a feed-forward.
const TOLERANCE: Tolerance = Tolerance(1.2e-5, 2e-6);

/// Weights that keep values of order 1.
fn table(numbers: &mut Numbers, outputs: usize, inputs: usize) -> Vec<f32> {
    let scale = 1.0 / (inputs as f32).sqrt();
    numbers.values(outputs * inputs).into_iter().map(|value| value * scale).collect()
}

fn vector(values: &[f32]) -> Tensor<1> {
    Tensor::from_floats(values, &Device::flex())
}

/// `x·Wᵀ + b` in double precision.
fn product(x: &[f64], weight: &[f32], bias: Option<&[f32]>, inputs: usize) -> Vec<f64> {
    let of_row = |row: &[f64]| -> Vec<f64> {
        let sums =
            weight.chunks(inputs).map(|weight| row.iter().zip(weight).map(|(x, weight)| x * f64::from(*weight)).sum());
        let bias = bias.into_iter().flatten().map(|bias| f64::from(*bias)).chain(std::iter::repeat(0.0));
        sums.zip(bias).map(|(sum, bias): (f64, f64)| sum + bias).collect()
    };
    x.chunks(inputs).flat_map(of_row).collect()
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

#[test]
fn linear_agrees() {
    let mut numbers = Numbers(1);
    for rows in ROWS {
        for (inputs, outputs) in [(24, 7), (24, 100), (770, 7), (770, 100), (1, 1)] {
            let (x, weight) = (numbers.values(rows * inputs), table(&mut numbers, outputs, inputs));
            for bias in [None, Some(numbers.values(outputs))] {
                let of_x = vector(&x).reshape([1, rows, inputs]);
                let of_weight = vector(&weight).reshape([outputs, inputs]);
                let of_bias = bias.as_deref().map(vector);
                let got = linear(of_x.clone(), of_weight.clone(), of_bias.clone(), &Watch::default());
                let want = product(&wide(&x), &weight, bias.as_deref(), inputs);
                let name = format!("{rows} rows, {inputs} → {outputs}");
                assert_close(&name, &[1, rows, outputs], &values(got), &want, TOLERANCE);

                let onto = numbers.values(rows * outputs);
                let of_onto = vector(&onto).reshape([1, rows, outputs]);
                let got = add_linear(of_onto.clone(), of_x, of_weight, of_bias, &Watch::default());
                let want: Vec<f64> = want.iter().zip(wide(&onto)).map(|(want, onto)| want + onto).collect();
                assert_close(&name, &[1, rows, outputs], &values(got), &want, TOLERANCE);
                assert_eq!(values(of_onto), onto, "what is added to is not written over where it is still in use");
            }
        }
    }
}

#[test]
fn feed_forward_agrees() {
    let mut numbers = Numbers(2);
    let sizes = [(24, 33, 7), (770, 100, 100), (7, 770, 24)];
    for (act, gated) in ACTS.into_iter().flat_map(|act| [(act, false), (act, true)]) {
        for (rows, (inputs, inner, outputs)) in ROWS.into_iter().flat_map(|rows| sizes.map(|sizes| (rows, sizes))) {
            let x = numbers.values(rows * inputs);
            let first = if gated { 2 * inner } else { inner };
            let [up, down] = [(first, inputs), (outputs, inner)].map(|(to, from)| table(&mut numbers, to, from));
            for biases in [None, Some([numbers.values(first), numbers.values(outputs)])] {
                let [of_up, of_down] = match &biases {
                    Some(biases) => biases.each_ref().map(|bias| Some(bias.as_slice())),
                    None => [None; 2],
                };
                let got = feed_forward(
                    vector(&x).reshape([1, rows, inputs]),
                    (vector(&up).reshape([first, inputs]), of_up.map(vector)),
                    (vector(&down).reshape([outputs, inner]), of_down.map(vector)),
                    Between { act, gated },
                    &Watch::default(),
                );
                let wide = product(&wide(&x), &up, of_up, inputs);
                let middle = wide.chunks(first).flat_map(|row| {
                    let (gate, up) = row.split_at(inner);
                    let factors = up.iter().copied().chain(std::iter::repeat(1.0));
                    gate.iter().zip(factors).map(|(gate, up)| activated(act, *gate) * up).collect::<Vec<_>>()
                });
                let want = product(&middle.collect::<Vec<_>>(), &down, of_down, inner);
                let name = format!("{act:?}, gated {gated}, of {rows} rows, {inputs} → {inner} → {outputs}");
                assert_close(&name, &[1, rows, outputs], &values(got), &want, TOLERANCE);
            }
        }
    }
}

#[test]
fn activations_far_from_zero_agree() {
    let inputs: Vec<f32> = (-96i16..=96).map(|input| f32::from(input) * 1.5).collect();
    let rows = inputs.len();
    for act in ACTS.into_iter().filter(|act| *act != HiddenAct::Gelu) {
        let both = (vector(&[1.0, 0.0]).reshape([2, 1]), Some(vector(&[0.0, 1.0])));
        let down = (vector(&[1.0]).reshape([1, 1]), None);
        let between = Between { act, gated: true };
        let got = feed_forward(vector(&inputs).reshape([1, rows, 1]), both, down, between, &Watch::default());
        let want: Vec<f64> = wide(&inputs).into_iter().map(|input| activated(act, input)).collect();
        assert_close(&format!("{act:?}"), &[rows], &values(got), &want, Tolerance(1e-6, 1e-6));
    }
}

#[test]
fn add_layer_norm_agrees() {
    let mut numbers = Numbers(3);
    for rows in ROWS {
        for width in [7, 24, 100, 770] {
            let x: Vec<f32> = numbers.values(rows * width).into_iter().map(|value| 3.0 * value + 10.0).collect();
            let (scale, shift) = (numbers.values(width), numbers.values(width));
            for residual in [None, Some(numbers.values(rows * width))] {
                let shaped = |values: &Vec<f32>| vector(values).reshape([1, rows, width]);
                let of_residual = residual.as_ref().map(shaped);
                let got = add_layer_norm(shaped(&x), of_residual, vector(&scale), vector(&shift), 1e-5);
                let residual = residual.unwrap_or_else(|| vec![0.0; rows * width]);
                let sums = x.iter().zip(&residual).map(|(x, residual)| f64::from(*x) + f64::from(*residual));
                let sums: Vec<f64> = sums.collect();
                let normalized = sums.chunks(width).flat_map(|row| {
                    let mean = row.iter().sum::<f64>() / width as f64;
                    let variance = row.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / width as f64;
                    let factor = 1.0 / (variance + 1e-5).sqrt();
                    let of_channel = move |value: &f64| (value - mean) * factor;
                    row.iter().map(of_channel).zip(&scale).zip(&shift)
                });
                let want = normalized.map(|((value, scale), shift)| value * f64::from(*scale) + f64::from(*shift));
                let name = format!("layer norm of {rows} rows of {width}");
                assert_close(&name, &[1, rows, width], &values(got), &want.collect::<Vec<_>>(), TOLERANCE);
            }
        }
    }
}

#[test]
fn weights_in_half_precision_are_computed_with_in_single() {
    let mut numbers = Numbers(5);
    let weight = table(&mut numbers, 100, 130);
    for dtype in [DType::F16, DType::BF16] {
        let stored = vector(&weight).reshape([100, 130]).cast(dtype);
        let widened = stored.clone().cast(DType::F32);
        for rows in ROWS {
            let x = vector(&numbers.values(rows * 130)).reshape([1, rows, 130]);
            let [got, want] =
                [&stored, &widened].map(|table| linear(x.clone(), table.clone(), None, &Watch::default()));
            assert_eq!(values(got), values(want), "{dtype:?}, {rows} rows");
        }
    }
}

#[test]
fn what_is_not_finite_stays_in_its_row() {
    let mut numbers = Numbers(4);
    let (mut x, weight) = (numbers.values(60 * 24), table(&mut numbers, 10, 24));
    let of_weight = vector(&weight).reshape([10, 24]);
    let of = |x: &[f32]| values(linear(vector(x).reshape([60, 24]), of_weight.clone(), None, &Watch::default()));
    let clean = of(&x);
    x[31 * 24 + 3] = f32::NAN;
    for (row, (got, clean)) in of(&x).chunks(10).zip(clean.chunks(10)).enumerate() {
        let right = if row == 31 { got.iter().all(|value| value.is_nan()) } else { got == clean };
        assert!(right, "row {row}: {got:?}, without it {clean:?}");
    }
}
