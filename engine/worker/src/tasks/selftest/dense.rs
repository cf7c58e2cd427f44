//! Dense layers of the device against plain loops.

use burn::tensor::{Device, Tensor, TensorData};
use strandscope_analysis::predict::host as fetch;
use strandscope_kernels::{Between, HiddenAct, Watch, add_layer_norm, feed_forward, linear};

use super::{
    super::noise::noise,
    check::{Comparison, Report, Tolerance, exact},
    host,
};
use crate::engine::Stop;

/// Rows of a few and of many: on the processor they take different ways.
const ROWS: [usize; 2] = [7, 61];

/// Width of the rows; neither this nor the others are multiples of what kernels like.
const WIDTH: usize = 99;
const WIDE: usize = 70;
const EPSILON: f64 = 1e-5;

/// Does the checks of dense layers.
pub(super) fn check(device: &Device, report: &mut Report<'_>) -> Result<(), Stop> {
    let planned = |name: &str| [(format!("dense/{name}"), Tolerance::STATES)];
    report.run(planned("linear"), || compared(device, of_linear))?;
    report.run(planned("swiglu"), || compared(device, of_swiglu))?;
    report.run(planned("layer norm"), || compared(device, of_layer_norm))
}

/// A layer on the device and on the host, given a number of rows.
type Layer = fn(&Device, usize) -> (Tensor<3>, Vec<f64>);

fn compared(device: &Device, layer: Layer) -> Result<[Comparison; 1], Stop> {
    let mut comparison = Comparison::default();
    for rows in ROWS {
        let (is, should_be) = layer(device, rows);
        comparison = comparison.with("output", exact(&fetch(is)?), should_be, Tolerance::STATES);
    }
    Ok([comparison])
}

fn of_linear(device: &Device, rows: usize) -> (Tensor<3>, Vec<f64>) {
    let x = noise(1, rows * WIDTH);
    let (weight, bias) = weights(2, WIDTH, WIDE);
    let (table, added) = (table(&weight, WIDTH, device), Some(list(&bias, device)));
    let is = linear(tensor(&x, [1, rows, WIDTH], device), table, added, &Watch::default());
    (is, host::linear(&in_double(&x), &weight, &bias, WIDTH))
}

fn of_swiglu(device: &Device, rows: usize) -> (Tensor<3>, Vec<f64>) {
    let x = noise(1, rows * WIDTH);
    let (w12, b12) = weights(2, WIDTH, 2 * WIDE);
    let (w3, b3) = weights(4, WIDE, WIDTH);
    let between = Between { act: HiddenAct::Silu, gated: true };
    let is = feed_forward(
        tensor(&x, [1, rows, WIDTH], device),
        (table(&w12, WIDTH, device), Some(list(&b12, device))),
        (table(&w3, WIDE, device), Some(list(&b3, device))),
        between,
        &Watch::default(),
    );
    (is, host::swiglu(&in_double(&x), (&w12, &b12), (&w3, &b3), WIDTH))
}

fn of_layer_norm(device: &Device, rows: usize) -> (Tensor<3>, Vec<f64>) {
    // Means far from 0, as sums of many layers have them.
    let x: Vec<f32> = noise(1, rows * WIDTH).iter().map(|value| value + 3.0).collect();
    let residual = noise(2, rows * WIDTH);
    let (weight, bias) = (noise(3, WIDTH), noise(4, WIDTH));
    let shape = [1, rows, WIDTH];
    let is = add_layer_norm(
        tensor(&x, shape, device),
        Some(tensor(&residual, shape, device)),
        list(&weight, device),
        list(&bias, device),
        EPSILON,
    );
    let sum: Vec<f64> = exact(&x).zip(exact(&residual)).map(|(x, residual)| x + residual).collect();
    (is, host::layer_norm(&sum, &weight, &bias, EPSILON))
}

/// Weights whose outputs vary as much as the inputs, and what is added.
fn weights(seed: u64, inputs: usize, outputs: usize) -> (Vec<f32>, Vec<f32>) {
    let scale = (inputs as f32).sqrt().recip();
    let weight = noise(seed, inputs * outputs).iter().map(|value| value * scale).collect();
    (weight, noise(seed + 1, outputs))
}

fn in_double(values: &[f32]) -> Vec<f64> {
    exact(values).collect()
}

fn tensor(values: &[f32], shape: [usize; 3], device: &Device) -> Tensor<3> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), device)
}

fn table(values: &[f32], inputs: usize, device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len() / inputs, inputs]), device)
}

fn list(values: &[f32], device: &Device) -> Tensor<1> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), device)
}
