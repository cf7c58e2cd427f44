//! Numbers that are none, and infinite ones: told where they matter, harmless everywhere else.

use std::ops::Range;

use burn::tensor::Device;

use super::{
    Numbers,
    case::{self, Case},
    compare::{Tolerance, assert_close},
    gradients::gradients,
    statistics::statistics,
    values,
};
use crate::{Conduct, MeanOf, PositionRule, attention_with_rows};

const SHAPE: [usize; 4] = [2, 3, 140, 32];
/// Sequences of each row. Their borders lie inside tiles.
const SEQUENCES: [Range<usize>; 3] = [0..45, 50..100, 100..140];
/// Row of the batch, attention head and position of what is not finite, in the second sequence.
const SPOT: [usize; 3] = [1, 1, 77];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    Q,
    K,
    V,
    GradOut,
}

fn clean(number: usize) -> Case {
    let mut numbers = Numbers(40 + number as u64);
    let of_row: Vec<u32> = (0..140).map(|position| number_of(position).unwrap_or(0)).collect();
    let rule = case::rule(&mut numbers, number, SHAPE);
    Case::new(&mut numbers, SHAPE, rule).segmented(of_row.repeat(2))
}

fn number_of(position: usize) -> Option<u32> {
    SEQUENCES.iter().zip(1..).find(|(sequence, _)| sequence.contains(&position)).map(|(_, number)| number)
}

fn spoilt(case: &Case, part: Part, [row, head, position]: [usize; 3], value: f32) -> Case {
    let mut case = case.clone();
    let at = case.offset([row, head, position]) + 5;
    let values = match part {
        Part::Q => &mut case.q,
        Part::K => &mut case.k,
        Part::V => &mut case.v,
        Part::GradOut => &mut case.grad_out,
    };
    values[at] = value;
    case
}

/// What should come of a spoilt case: as without, but none where `is_spoilt`.
#[track_caller]
fn check(name: &str, got: &[f32], clean: &[f32], shape: &[usize], is_spoilt: impl Fn([usize; 3]) -> bool) {
    let [_, heads, seq, _] = SHAPE;
    let width = got.len() / (SHAPE[0] * heads * seq);
    let want = clean.iter().enumerate().map(|(at, value)| {
        let place = at / width;
        if is_spoilt([place / seq / heads, place / seq % heads, place % seq]) { f32::NAN } else { *value }
    });
    assert_close(name, shape, got, &want.collect::<Vec<_>>(), Tolerance(3e-6, 3e-6));
}

fn in_sequence([row, head, position]: [usize; 3]) -> bool {
    [row, head] == SPOT[..2] && SEQUENCES[1].contains(&position)
}

#[test]
fn only_what_they_reach_is_not_a_number() {
    for number in 0..4 {
        let clean = clean(number);
        let device = Device::flex();
        let (want, want_rows) = attention_with_rows(&clean.input(&device), &Conduct::default());
        for (part, value) in [Part::Q, Part::K, Part::V]
            .into_iter()
            .flat_map(|part| [f32::NAN, f32::INFINITY, f32::NEG_INFINITY].map(|value| (part, value)))
        {
            let case = spoilt(&clean, part, SPOT, value);
            let name = case.name(&format!("{value} in {part:?}"));
            let is_spoilt = |place: [usize; 3]| if part == Part::Q { place == SPOT } else { in_sequence(place) };
            let (got, rows) = attention_with_rows(&case.input(&device), &Conduct::default());
            check(&name, &values(got.out), &values(want.out.clone()), &SHAPE, is_spoilt);
            check(&name, &values(got.log_sum_exp), &values(want.log_sum_exp.clone()), &SHAPE[..3], is_spoilt);
            for (got, want) in [(&rows.entropy, &want_rows.entropy), (&rows.distance, &want_rows.distance)] {
                check(&name, &case.by_head(got), &case.by_head(want), &SHAPE[..3], is_spoilt);
            }
        }
    }
}

#[test]
fn gradients_of_the_sequence_alone_are_not_numbers() {
    for number in 0..4 {
        let clean = clean(number);
        let want = gradients(&clean, &Conduct::default());
        for part in [Part::Q, Part::K, Part::V, Part::GradOut] {
            let case = spoilt(&clean, part, SPOT, f32::NAN);
            let got = gradients(&case, &Conduct::default());
            for (got, want) in got.iter().zip(&want) {
                check(&case.name(&format!("gradients with none in {part:?}")), got, want, &SHAPE, in_sequence);
            }
        }
    }
}

#[test]
fn columns_of_the_sequence_alone_are_not_numbers() {
    for number in 0..4 {
        let clean = clean(number);
        let columns = |case: &Case| statistics(case, &Device::flex(), &Conduct::default()).columns(&[&[1.0; 2 * 140]]);
        let want = columns(&clean);
        for part in [Part::Q, Part::K, Part::V] {
            let case = spoilt(&clean, part, SPOT, f32::NAN);
            let got = columns(&case);
            let name = case.name(&format!("columns with none in {part:?}"));
            check(&name, &got.sums, &want.sums, &SHAPE[..3], in_sequence);
            check(&name, &got.max, &want.max, &SHAPE[..3], in_sequence);
        }
    }
}

#[test]
fn pairs_of_the_sequence_alone_are_not_numbers() {
    // With a slope so steep that the ends of the sequence are out of each other's reach, too.
    for rule in [PositionRule::None, PositionRule::Alibi(vec![3.0; 3])] {
        let clean = Case { rule, ..clean(0) };
        let [_, _, seq, _] = SHAPE;
        let of = MeanOf { row: SPOT[0], heads: 0..3 };
        let statistics = |case: &Case| statistics(case, &Device::flex(), &Conduct::default());
        let want = statistics(&clean).cut_out(&of, 0..seq, 0..seq);
        let edges = [0, 45, 50, 100, 140];
        let want_map = statistics(&clean).map(&of, &edges);
        for part in [Part::Q, Part::K, Part::V] {
            let case = spoilt(&clean, part, SPOT, f32::NAN);
            let found = statistics(&case);
            let name = case.name(&format!("pairs with none in {part:?}"));
            let spoilt = |query: usize, key: usize| [query, key].iter().all(|place| SEQUENCES[1].contains(place));
            let none = |(at, value): (usize, &f32)| if spoilt(at / seq, at % seq) { f32::NAN } else { *value };
            let cut_out: Vec<f32> = want.iter().enumerate().map(none).collect();
            let got = found.cut_out(&of, 0..seq, 0..seq);
            assert_close(&name, &[seq, seq], &got, &cut_out, Tolerance::PROBABILITY);
            // The third cell of the third row is the sequence.
            let map = found.map(&of, &edges);
            for (got, want) in [(map.sum, &want_map.sum), (map.max, &want_map.max)] {
                let mut want = want.clone();
                want[2 * 4 + 2] = f32::NAN;
                assert_close(&name, &[4, 4], &got, &want, Tolerance::SUM);
            }
            for (query, (_, value)) in found.partners(&of, 1).into_iter().enumerate() {
                assert_eq!(value.is_nan(), SEQUENCES[1].contains(&query), "{name}: partner of query {query}: {value}");
            }
        }
    }
}

#[test]
fn hidden_ones_do_no_harm() {
    for number in 0..4 {
        let clean = clean(number);
        let mut case = clean.clone();
        for position in (0..140).filter(|position| number_of(*position).is_none()) {
            for part in [Part::Q, Part::K, Part::V] {
                case = spoilt(&case, part, [SPOT[0], SPOT[1], position], f32::NAN);
                case = spoilt(&case, part, [0, 0, position], f32::INFINITY);
            }
        }
        let [got, want] = [&case, &clean].map(|case| {
            let (found, rows) = attention_with_rows(&case.input(&Device::flex()), &Conduct::default());
            let columns = statistics(case, &Device::flex(), &Conduct::default()).columns(&[&[1.0; 2 * 140]]);
            let [q, k, v] = gradients(case, &Conduct::default());
            [
                values(found.out),
                values(found.log_sum_exp),
                rows.entropy,
                rows.distance,
                columns.sums,
                columns.max,
                q,
                k,
                v,
            ]
        });
        for (got, want) in got.iter().zip(&want) {
            assert!(got == want, "{}", case.name("hidden numbers that are none"));
        }
    }
}
