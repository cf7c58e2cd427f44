//! Every shape of tile gives the same, also those whose instructions this processor lacks.

use super::{
    Stored, Strided,
    backward::{Saved, backward_with},
    columns::columns_with,
    dense::{Table, add_linear, add_linear_with, feed_forward, feed_forward_with},
    forward::forward_with,
    isa::{Baseline, Isa, on_this_processor},
};
use crate::{
    Between, HiddenAct, Watch,
    problem::{Problem, Rule},
    tests::Numbers,
};

const SHAPE: [usize; 4] = [2, 3, 150, 40];

/// What attention and its gradients give, and dense layers, in tiles of one shape.
fn everything<I: Isa, const R: usize, const W: usize>() -> Vec<Vec<f32>> {
    let [batch, heads, seq, d] = SHAPE;
    let watch = Watch::default();
    let segments: Vec<u32> = (0..batch * seq).map(|place| [1, 1, 1, 0, 2][place % seq / 30]).collect();
    let mut numbers = Numbers(1);
    let [q, k, v, grad_out] = [0; 4].map(|_| numbers.values(batch * heads * seq * d));
    let strided = |values| Strided { values, start: 0, strides: [heads * seq * d, seq * d, d], d };
    let problem = Problem {
        batch,
        heads,
        seq,
        d,
        rule: Rule::Slopes(&[0.5, 0.03, 0.0]),
        segments: Some(&segments),
        skip: true,
        row_statistics: true,
        watch: &watch,
    };
    let found = forward_with::<I, R, W>(&problem, [strided(&q), strided(&k), strided(&v)]);
    // `[batch, seq, head]` as `[batch, head, seq]`.
    let places =
        (0..batch * heads * seq).map(|place| (place / seq / heads * seq + place % seq) * heads + place / seq % heads);
    let log_sum_exp: Vec<f32> = places.map(|place| found.log_sum_exp[place]).collect();
    let out = Strided { values: &found.out, start: 0, strides: [seq * heads * d, d, heads * d], d };
    let saved = Saved {
        q: strided(&q),
        k: strided(&k),
        v: strided(&v),
        out,
        log_sum_exp: &log_sum_exp,
        grad_out: strided(&grad_out),
    };
    let gradients = backward_with::<I, R, W>(&problem, saved);
    let columns = columns_with::<I, R, W>(&problem, [saved.q, saved.k], &log_sum_exp, &[&vec![1.0; batch * seq]]);
    let mut all = vec![gradients.q, gradients.k, gradients.v, columns.sums, columns.max];
    all.extend([found.out, found.log_sum_exp, found.entropy, found.distance]);
    all.extend(layers(add_linear_with::<I, R, W>, feed_forward_with::<I, R, W>));
    all
}

/// What dense layers give.
fn layers(
    add_linear: impl Fn(&mut [f32], &[f32], Table<'_>, &Watch),
    feed_forward: impl Fn(&[f32], Table<'_>, Table<'_>, Between, &Watch) -> Vec<f32>,
) -> [Vec<f32>; 3] {
    let mut numbers = Numbers(2);
    let x = numbers.values(900 * 40);
    // Weights that keep values of order 1.
    let mut weights = |count: usize| numbers.values(count).into_iter().map(|value| value / 7.0).collect::<Vec<_>>();
    let (up, down, narrow, bias) = (weights(2 * 50 * 40), weights(7 * 50), weights(7 * 100), weights(2 * 50));
    let table = Table { weight: Stored::F32(&up), bias: Some(&bias), inputs: 40 };
    let [down, narrow] =
        [(&down, 50), (&narrow, 100)].map(|(weight, inputs)| Table { weight: Stored::F32(weight), bias: None, inputs });
    let mut product = vec![0.5; x.len() / 40 * 100];
    let watch = Watch::default();
    add_linear(&mut product, &x, table, &watch);
    let [gated, plain] = [(HiddenAct::Silu, true), (HiddenAct::Gelu, false)].map(|(act, gated)| Between { act, gated });
    [product, feed_forward(&x, table, down, gated, &watch), feed_forward(&x, table, narrow, plain, &watch)]
}

#[test]
fn all_tiles_agree() {
    let best = on_this_processor!(everything());
    let others = [
        on_this_processor!(wide everything()),
        everything::<Baseline, 2, 16>(),
        everything::<Baseline, 6, 16>(),
        everything::<Baseline, 12, 32>(),
        everything::<Baseline, 6, 64>(),
    ];
    for (shape, other) in others.iter().enumerate() {
        check(&format!("shape {shape}"), other, &best);
    }
    // On a matrix unit, where the processor has one.
    check("layers", &layers(add_linear, feed_forward), &best[best.len() - 3..]);
}

fn check(name: &str, got: &[Vec<f32>], want: &[Vec<f32>]) {
    for (number, (got, want)) in got.iter().zip(want).enumerate() {
        assert_eq!(got.len(), want.len(), "{name}, result {number}");
        for (index, (got, want)) in got.iter().zip(want).enumerate() {
            let tolerance = 5e-6 + 5e-6 * want.abs();
            assert!(
                (got - want).abs() <= tolerance,
                "{name}, result {number} at {index}: got {got:e}, want {want:e}, tolerance {tolerance:e}",
            );
        }
    }
}
