//! Output, log-sum-exp, entropy and distance.

use burn::tensor::Device;
use proptest::prelude::*;

use super::{
    Numbers,
    case::{self, Case, cases},
    compare::{Tolerance, assert_close},
    plain::Answers,
    values,
};
use crate::{Attention, Conduct, PositionRule, RowStatistics, alibi_slopes, attention, attention_with_rows, reference};

/// Holds what attention gives against the answers.
#[track_caller]
pub(super) fn check(case: &Case, answers: &Answers, found: Attention, tolerance: Tolerance) {
    let [batch, heads, seq, d] = case.shape;
    assert_close(&case.name("out"), &[batch, heads, seq, d], &values(found.out), &answers.out, tolerance);
    let told = values(found.log_sum_exp);
    let name = case.name("log-sum-exp");
    assert_close(&name, &[batch, heads, seq], &told, &answers.log_sum_exp, Tolerance::LOG_SUM_EXP);
}

#[track_caller]
pub(super) fn check_rows(case: &Case, answers: &Answers, rows: &RowStatistics, tolerance: Tolerance) {
    let shape = &case.shape[..3];
    assert_close(&case.name("entropy"), shape, &case.by_head(&rows.entropy), &answers.entropy, tolerance);
    assert_close(&case.name("distance"), shape, &case.by_head(&rows.distance), &answers.distance, tolerance);
}

#[test]
fn every_shape_rule_and_mask_agrees() {
    for case in cases() {
        let answers = Answers::of(&case);
        let input = case.input(&Device::flex());
        check(&case, &answers, attention(&input, &Conduct::default()), Tolerance::OUT);
        let (found, rows) = attention_with_rows(&input, &Conduct { skip: false, ..Conduct::default() });
        check(&case, &answers, found, Tolerance::OUT);
        check_rows(&case, &answers, &rows, Tolerance::SUM);
        check(&case, &answers, reference::attention_in_blocks(&input), Tolerance::OUT);
    }
}

#[test]
fn rows_are_the_same_under_differentiation() {
    let case = cases().nth(17).expect("there are more");
    let (found, rows) = attention_with_rows(&case.input(&Device::flex().autodiff()), &Conduct::default());
    let answers = Answers::of(&case);
    check(&case, &answers, found, Tolerance::OUT);
    check_rows(&case, &answers, &rows, Tolerance::SUM);
}

#[test]
fn far_apart_scores_lose_no_more_than_their_own_rounding() {
    for (number, rule) in [PositionRule::None, PositionRule::Alibi(vec![0.5, 0.05])].into_iter().enumerate() {
        let case = Case::new(&mut Numbers(number as u64), [1, 2, 200, 64], rule).spread(200.0);
        let answers = Answers::of(&case);
        let (found, rows) = attention_with_rows(&case.input(&Device::flex()), &Conduct::default());
        check(&case, &answers, found, Tolerance::SHARP_OUT);
        // An error of 4e-6 in a score is one of 4e-6 times the score in an entropy, and times the length in a distance.
        check_rows(&case, &answers, &rows, Tolerance(1e-4, 1e-4));
    }
}

#[test]
fn several_thousand_positions_agree() {
    let rules = [PositionRule::None, PositionRule::Alibi(vec![0.02])];
    for (number, rule) in rules.into_iter().enumerate() {
        let case = Case::new(&mut Numbers(number as u64), [1, 1, 4096, 16], rule);
        let answers = Answers::of(&case);
        let (found, rows) = attention_with_rows(&case.input(&Device::flex()), &Conduct::default());
        let statistics = crate::Statistics::new(&case.input(&Device::flex()), &found.log_sum_exp, &Conduct::default());
        check(&case, &answers, found, Tolerance::OUT);
        check_rows(&case, &answers, &rows, Tolerance::SUM);
        let weights = Numbers(9).values(4096);
        let columns = statistics.columns(&[&weights]);
        let want = answers.column_sums(&case, &weights);
        assert_close(&case.name("column sums"), &case.shape[..3], &columns.sums, &want, Tolerance::SUM);
        let want = answers.column_maxima(&case);
        assert_close(&case.name("column maxima"), &case.shape[..3], &columns.max, &want, Tolerance::PROBABILITY);
    }
}

#[test]
fn where_all_is_hidden_there_is_nothing() {
    for number in 0..4 {
        let shape = [2, 3, 70, 32];
        let mut numbers = Numbers(number as u64);
        let rule = case::rule(&mut numbers, number, shape);
        // The second row stands whole beside the hidden one.
        let segments = [vec![0; 70], vec![1; 70]].concat();
        let case = Case::new(&mut numbers, shape, rule).segmented(segments);
        let (found, rows) = attention_with_rows(&case.input(&Device::flex()), &Conduct::default());
        let hidden = 3 * 70;
        assert!(values(found.out.clone())[..hidden * 32].iter().all(|value| *value == 0.0), "outputs are 0");
        assert!(values(found.log_sum_exp.clone())[..hidden].iter().all(|value| *value < -1e38), "the sentinel");
        let statistics = rows.entropy[..hidden].iter().chain(&rows.distance[..hidden]);
        assert!(statistics.copied().all(|value| value == 0.0), "entropies and distances are 0");
        check(&case, &Answers::of(&case), found, Tolerance::OUT);
    }
}

#[test]
fn packed_sequences_are_as_each_by_itself() {
    let device = Device::flex();
    let bounds = [0, 1, 50, 53, 150, 161];
    let mut numbers = Numbers(5);
    for rule in [PositionRule::None, PositionRule::Alibi(alibi_slopes(3))] {
        let case = Case::new(&mut numbers, [1, 3, 161, 48], rule);
        let numbered = bounds.windows(2).zip(1u32..).flat_map(|(bound, number)| vec![number; bound[1] - bound[0]]);
        let packed = case.clone().segmented(numbered.collect()).input(&device);
        let (packed, packed_rows) = attention_with_rows(&packed, &Conduct::default());
        for bound in bounds.windows(2) {
            let range = bound[0]..bound[1];
            let mut alone = case.input(&device);
            for tensor in [&mut alone.q, &mut alone.k, &mut alone.v] {
                *tensor = tensor.clone().slice_dim(2, range.clone());
            }
            let (alone, rows) = attention_with_rows(&alone, &Conduct::default());
            let name = case.name(&format!("positions {range:?} of a row"));
            let part = values(packed.out.clone().slice_dim(2, range.clone()));
            assert_close(&name, &[3, range.len(), 48], &part, &values(alone.out), Tolerance::OUT);
            let part = values(packed.log_sum_exp.clone().slice_dim(2, range.clone()));
            assert_close(&name, &[3, range.len()], &part, &values(alone.log_sum_exp), Tolerance::LOG_SUM_EXP);
            let part = &packed_rows.entropy[range.start * 3..range.end * 3];
            assert_close(&name, &[range.len(), 3], part, &rows.entropy, Tolerance::SUM);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn odd_shapes_agree(seed: u64, seq in 1usize..200, heads in 1usize..4, d in 1usize..50, kind in 0usize..12) {
        let mut numbers = Numbers(seed);
        let shape = [1, heads, seq, d];
        let rule = case::rule(&mut numbers, kind % 4, shape);
        let mut case = Case::new(&mut numbers, shape, rule);
        case.segments = match kind / 4 {
            0 => None,
            1 => Some(case::with_holes(&mut numbers, shape)),
            _ => Some(case::packed(&mut numbers, shape)),
        };
        let answers = Answers::of(&case);
        let (found, rows) = attention_with_rows(&case.input(&Device::flex()), &Conduct::default());
        check(&case, &answers, found, Tolerance::OUT);
        check_rows(&case, &answers, &rows, Tolerance::SUM);
    }
}
