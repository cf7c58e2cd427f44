//! What rows and columns of attention add up to.

use burn::tensor::Device;

use super::{
    Numbers,
    case::{Case, cases},
    compare::{Tolerance, assert_close},
    forward::check_rows,
    plain::Answers,
};
use crate::{Conduct, PositionRule, Statistics, attention};

/// The statistics of a case, from its own forward pass.
pub(super) fn statistics(case: &Case, device: &Device, conduct: &Conduct) -> Statistics {
    let input = case.input(device);
    let found = attention(&input, conduct);
    Statistics::new(&input, &found.log_sum_exp, conduct)
}

#[test]
fn rows_columns_and_rollout_agree() {
    for (number, case) in cases().enumerate() {
        let [batch, heads, seq, _] = case.shape;
        // Differentiation changes nothing of what is told.
        let device = if number % 2 == 0 { Device::flex() } else { Device::flex().autodiff() };
        let conduct = Conduct { skip: number % 3 > 0, ..Conduct::default() };
        let (answers, statistics) = (Answers::of(&case), statistics(&case, &device, &conduct));
        assert_eq!(statistics.heads(), heads, "attention heads");
        check_rows(&case, &answers, &statistics.rows(), Tolerance::SUM);

        let weights = [vec![1.0; batch * seq], Numbers(7).values(batch * seq)];
        let weights: Vec<&[f32]> = weights.iter().map(Vec::as_slice).collect();
        let found = statistics.columns(&weights);
        let sums: Vec<_> = weights.iter().map(|weights| answers.column_sums(&case, weights)).collect();
        let shape = [2, batch, heads, seq];
        assert_close(&case.name("column sums"), &shape, &found.sums, &sums.concat(), Tolerance::SUM);
        let maxima = answers.column_maxima(&case);
        assert_close(&case.name("column maxima"), &shape[1..], &found.max, &maxima, Tolerance::PROBABILITY);
        assert_eq!(statistics.columns(&[]).sums, [0.0; 0], "no weights, no sums");

        for ((got, weights), sums) in statistics.rollout_step(&weights).iter().zip(weights).zip(sums) {
            let of_place = |place: usize| {
                let (row, position) = (place / seq, place % seq);
                let of_heads: f64 = (0..heads).map(|head| sums[(row * heads + head) * seq + position]).sum();
                0.5 * of_heads / heads as f64 + 0.5 * f64::from(weights[place])
            };
            let want: Vec<f64> = (0..batch * seq).map(of_place).collect();
            assert_close(&case.name("a step of rollout"), &[batch, seq], got, &want, Tolerance::SUM);
        }
    }
}

#[test]
fn far_apart_scores_lose_no_more_than_their_own_rounding() {
    let case = Case::new(&mut Numbers(3), [1, 2, 200, 64], PositionRule::Alibi(vec![0.5, 0.05])).spread(200.0);
    let answers = Answers::of(&case);
    let found = statistics(&case, &Device::flex(), &Conduct::default()).columns(&[&[1.0; 200]]);
    let sums = answers.column_sums(&case, &[1.0; 200]);
    assert_close("sums of columns", &case.shape[..3], &found.sums, &sums, Tolerance::SHARP_OUT);
    let maxima = answers.column_maxima(&case);
    assert_close("maxima of columns", &case.shape[..3], &found.max, &maxima, Tolerance::SHARP_PROBABILITY);
}
