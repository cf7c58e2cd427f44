//! Gradients at queries, keys and values.

use burn::tensor::{Device, Tensor};
use proptest::prelude::*;

use super::{
    Numbers,
    case::{self, Case, cases},
    compare::{Tolerance, assert_close},
    plain::Answers,
    values,
};
use crate::{AttentionInput, Conduct, PositionRule, attention, reference};

/// The gradients of `Σ out ∘ grad_out` at q, k and v, through burn.
pub(super) fn gradients(case: &Case, conduct: &Conduct) -> [Vec<f32>; 3] {
    let device = Device::flex().autodiff();
    let mut input = case.input(&device);
    for tensor in [&mut input.q, &mut input.k, &mut input.v] {
        *tensor = tensor.clone().require_grad();
    }
    let weights = case.tensor(&case.grad_out, &device);
    let found = (attention(&input, conduct).out * weights).sum().backward();
    let AttentionInput { q, k, v, .. } = input;
    [q, k, v].map(|tensor| values(tensor.grad(&found).expect("it was asked for")))
}

#[track_caller]
pub(super) fn check(case: &Case, answers: &Answers, got: [Vec<f32>; 3], tolerance: Tolerance) {
    for ((of, got), want) in ["queries", "keys", "values"].into_iter().zip(got).zip(answers.gradients(case)) {
        assert_close(&case.name(&format!("gradient at {of}")), &case.shape, &got, &want, tolerance);
    }
}

#[test]
fn every_shape_rule_and_mask_agrees() {
    for case in cases() {
        let answers = Answers::of(&case);
        check(&case, &answers, gradients(&case, &Conduct::default()), Tolerance::GRADIENT);
        let input = case.input(&Device::flex());
        let forward = reference::attention_in_blocks(&input);
        let grad_out = case.tensor(&case.grad_out, &Device::flex());
        let twin: [Tensor<4>; 3] = reference::gradients_in_blocks(&input, &forward, grad_out);
        check(&case, &answers, twin.map(values), Tolerance::GRADIENT);
    }
}

#[test]
fn far_apart_scores_lose_no_more_than_their_own_rounding() {
    for (number, rule) in [PositionRule::None, PositionRule::Alibi(vec![0.5, 0.05])].into_iter().enumerate() {
        let case = Case::new(&mut Numbers(number as u64), [1, 2, 200, 64], rule).spread(200.0);
        check(&case, &Answers::of(&case), gradients(&case, &Conduct::default()), Tolerance::SHARP_GRADIENT);
    }
}

#[test]
fn one_that_needs_none_gets_none() {
    let case = cases().nth(9).expect("there are more");
    let device = Device::flex().autodiff();
    let mut input = case.input(&device);
    input.k = input.k.require_grad();
    let found = (attention(&input, &Conduct::default()).out * case.tensor(&case.grad_out, &device)).sum().backward();
    assert!(input.q.grad(&found).is_none(), "nothing was asked for at the queries");
    let got = values(input.k.grad(&found).expect("it was asked for"));
    let [_, want, _] = Answers::of(&case).gradients(&case);
    assert_close("gradient at keys alone", &case.shape, &got, &want, Tolerance::GRADIENT);
}

#[test]
fn hidden_positions_have_no_gradient() {
    let shape = [1, 2, 90, 32];
    let case = Case::new(&mut Numbers(8), shape, PositionRule::Alibi(vec![0.3, 0.1])).segmented(vec![0; 90]);
    let got = gradients(&case, &Conduct::default());
    assert!(got.iter().flatten().all(|value| *value == 0.0), "nothing is seen, so nothing matters");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn odd_shapes_agree(seed: u64, seq in 1usize..150, heads in 1usize..4, d in 1usize..50, kind in 0usize..12) {
        let mut numbers = Numbers(seed);
        let shape = [1, heads, seq, d];
        let rule = case::rule(&mut numbers, kind % 4, shape);
        let mut case = Case::new(&mut numbers, shape, rule);
        case.segments = match kind / 4 {
            0 => None,
            1 => Some(case::with_holes(&mut numbers, shape)),
            _ => Some(case::packed(&mut numbers, shape)),
        };
        check(&case, &Answers::of(&case), gradients(&case, &Conduct::default()), Tolerance::GRADIENT);
    }
}
