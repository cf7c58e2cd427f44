//! What leaving out far keys changes: next to nothing.

use burn::tensor::Device;

use super::{
    Numbers,
    case::Case,
    compare::{Tolerance, assert_close},
    gradients::gradients,
    statistics::statistics,
    values,
};
use crate::{Conduct, Kept, MeanOf, PositionRule, alibi_slopes, attention_with_rows};

const SEQ: usize = 3000;

/// 2⁻²⁴: what is left out of a row or a column weighs less.
const LEFT_OUT: f64 = 1.0 / (1 << 24) as f64;

fn long() -> Case {
    Case::new(&mut Numbers(11), [1, 8, SEQ, 32], PositionRule::Alibi(alibi_slopes(8)))
}

fn conduct(skip: bool) -> Conduct {
    Conduct { skip, ..Conduct::default() }
}

#[test]
fn far_keys_are_left_out_and_not_missed() {
    let case = long();
    let input = case.input(&Device::flex());
    let [on, off] = [true, false].map(|skip| {
        let conduct = conduct(skip);
        let found = attention_with_rows(&input, &conduct);
        (found, conduct.watch)
    });
    let all = (8 * SEQ * SEQ) as u64;
    let Kept { scores, of, norm_bound } = on.1.kept();
    assert_eq!((of, on.1.done()), (all, all), "the whole square is done, looked at or not");
    assert!(scores > 0 && on.1.kept().fraction() < 0.7, "far keys of most heads do not count, but {:?}", on.1.kept());
    eprintln!("kept {}", on.1.kept().fraction());
    assert!((1.0..100.0).contains(&norm_bound), "norms of values of order 1 are told: {norm_bound}");
    assert_eq!((off.1.kept().scores, off.1.done()), (all, all), "nothing is left out unless asked to");
    assert!((off.1.kept().fraction() - 1.0).abs() < f64::EPSILON, "all of it");

    let (on, off) = (on.0, off.0);
    let largest_value = 3.5;
    // Both are rounded: to half a unit in the last place of values below 4, over a few additions.
    let rounding = 5e-7;
    let shape = case.shape;
    let limit = Tolerance(2.0 * LEFT_OUT * largest_value + rounding, 0.0);
    assert_close("out, with and without", &shape, &values(on.0.out), &values(off.0.out), limit);
    let limit = Tolerance(LEFT_OUT, 2.4e-7);
    let told = [on.0.log_sum_exp, off.0.log_sum_exp].map(values);
    assert_close("log-sum-exp, with and without", &shape[..3], &told[0], &told[1], limit);
    // Far keys count for as much as they are far.
    let limit = Tolerance(LEFT_OUT * SEQ as f64, 1e-6);
    assert_close("distance, with and without", &[SEQ, 8], &on.1.distance, &off.1.distance, limit);
    let limit = Tolerance(LEFT_OUT * 24.0 + 1e-6, 1e-6);
    assert_close("entropy, with and without", &[SEQ, 8], &on.1.entropy, &off.1.entropy, limit);
}

#[test]
fn what_is_left_out_of_a_row_is_lighter_than_a_number_resolves() {
    let case = long();
    let [on, off] = [true, false].map(|skip| statistics(&case, &Device::flex(), &conduct(skip)));
    for head in [0, 2, 4] {
        let of = MeanOf { row: 0, heads: head..head + 1 };
        let queries = 1400..1500;
        let [on, off] = [&on, &off].map(|statistics| statistics.cut_out(&of, queries.clone(), 0..SEQ));
        let mut left_out_somewhere = false;
        for (query, (on, off)) in queries.zip(on.chunks(SEQ).zip(off.chunks(SEQ))) {
            let left_out =
                on.iter().zip(off).filter(|(on, _)| **on == 0.0).map(|(_, off)| f64::from(*off)).sum::<f64>();
            assert!(left_out < LEFT_OUT, "head {head}, query {query}: {left_out:e} is left out");
            left_out_somewhere |= left_out > 0.0;
        }
        assert!(left_out_somewhere, "head {head}: something is left out");
    }
}

#[test]
fn columns_and_gradients_do_not_miss_what_is_left_out() {
    let case = Case::new(&mut Numbers(12), [1, 4, 1500, 32], PositionRule::Alibi(vec![0.7, 0.25, 0.1, 0.04]));
    let weights = Numbers(13).values(1500);
    let [on, off] = [true, false].map(|skip| statistics(&case, &Device::flex(), &conduct(skip)).columns(&[&weights]));
    let limit = Tolerance(2.0 * LEFT_OUT * 3.5 + 1e-6, 1e-6);
    assert_close("column sums, with and without", &case.shape[..3], &on.sums, &off.sums, limit);
    assert_close("column maxima, with and without", &case.shape[..3], &on.max, &off.max, Tolerance(LEFT_OUT, 1e-6));
    let found = [true, false].map(|skip| gradients(&case, &conduct(skip)));
    for (on, off) in found[0].iter().zip(&found[1]) {
        assert_close("gradients, with and without", &case.shape, on, off, Tolerance::OUT);
    }
}

#[test]
fn without_slopes_all_is_looked_at() {
    for rule in [PositionRule::None, PositionRule::Alibi(vec![0.0; 2])] {
        let case = Case::new(&mut Numbers(1), [1, 2, 400, 16], rule);
        let conduct = conduct(true);
        attention_with_rows(&case.input(&Device::flex()), &conduct);
        assert_eq!(conduct.watch.kept().scores, 2 * 400 * 400, "nothing falls off with the distance");
    }
}

#[test]
fn large_hidden_values_do_not_keep_keys_in_reach() {
    let mut case = Case::new(&mut Numbers(4), [1, 1, 2000, 16], PositionRule::Alibi(vec![0.5]));
    let mut segments = vec![1; 2000];
    segments[1500] = 0;
    for values in [&mut case.q, &mut case.k] {
        values[1500 * 16..1501 * 16].fill(1e6);
    }
    let (case, conduct) = (case.segmented(segments), conduct(true));
    attention_with_rows(&case.input(&Device::flex()), &conduct);
    assert!(conduct.watch.kept().fraction() < 0.3, "but {:?}", conduct.watch.kept());
    assert!(conduct.watch.kept().norm_bound < 100.0, "hidden values bound nothing, but {:?}", conduct.watch.kept());
}
