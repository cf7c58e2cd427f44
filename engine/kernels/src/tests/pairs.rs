//! Partners, maps and cut-outs.

use burn::tensor::Device;

use super::{
    Numbers,
    case::{Case, cases, packed},
    compare::{Tolerance, assert_close},
    plain::Answers,
    statistics::statistics,
};
use crate::{Conduct, MeanOf, NO_PARTNER, PooledMap, PositionRule, partners, pooled_map};

/// Below this a probability may be told as none.
const NONE: f64 = 1.0 / (1 << 24) as f64;

/// Partners `[seq, place]` are those of the mean `[query, key]`; ones as strong may stand for each other.
#[track_caller]
fn check_partners(name: &str, got: &[(u32, f32)], mean: &[f64], places: usize, tolerance: f64) {
    let seq = got.len() / places;
    for (query, (got, row)) in got.chunks(places).zip(mean.chunks(seq)).enumerate() {
        let mut want: Vec<f64> = row.to_vec();
        want.sort_by(|a, b| b.total_cmp(a));
        want.resize(places.max(seq), 0.0);
        let mut seen = Vec::new();
        for (place, (&(key, value), want)) in got.iter().zip(want).enumerate() {
            let of_key = row.get(key as usize).copied().unwrap_or(0.0);
            let none = key == NO_PARTNER && value == 0.0 && want < NONE + tolerance;
            let right = (f64::from(value) - want).abs() <= tolerance && (of_key - want).abs() <= tolerance;
            assert!(none || right, "{name}: place {place} of query {query}: got {key}: {value:e}, want {want:e}");
            assert!(key == NO_PARTNER || !seen.contains(&key), "{name}: query {query} names key {key} twice");
            seen.push(key);
        }
        assert!(got.windows(2).all(|pair| pair[0].1 >= pair[1].1), "{name}: query {query}: the strongest first");
    }
}

#[track_caller]
fn check_map(name: &str, got: &PooledMap, mean: &[f64], edges: &[usize]) {
    let bins = edges.len() - 1;
    let seq = mean.len().isqrt();
    let (mut sum, mut max) = (vec![0.0; bins * bins], vec![0.0; bins * bins]);
    for query_bin in 0..bins {
        for key_bin in 0..bins {
            let cell = query_bin * bins + key_bin;
            for query in edges[query_bin]..edges[query_bin + 1] {
                let row = &mean[query * seq..][edges[key_bin]..edges[key_bin + 1]];
                sum[cell] += row.iter().sum::<f64>();
                max[cell] = row.iter().copied().fold(max[cell], f64::max);
            }
        }
    }
    assert_close(&format!("{name}: sums of cells"), &[bins, bins], &got.sum, &sum, Tolerance::SUM);
    assert_close(&format!("{name}: maxima of cells"), &[bins, bins], &got.max, &max, Tolerance::PROBABILITY);
}

#[test]
fn pairs_of_every_shape_rule_and_mask_agree() {
    for (number, case) in cases().enumerate() {
        let [batch, heads, seq, _] = case.shape;
        let conduct = Conduct { skip: number % 3 > 0, ..Conduct::default() };
        let (answers, statistics) = (Answers::of(&case), statistics(&case, &Device::flex(), &conduct));
        let of = MeanOf { row: batch - 1, heads: heads / 3..heads };
        let mean = answers.mean(&case, of.row, of.heads.clone());
        let places = 1 + number % 5;
        check_partners(&case.name("partners"), &statistics.partners(&of, places), &mean, places, 1e-5);

        for mut edges in [vec![0, seq / 3, seq / 3 + 1, seq * 2 / 3, seq], vec![seq / 4, seq / 2], vec![0, seq]] {
            edges.sort_unstable();
            edges.dedup();
            check_map(&case.name("map"), &statistics.map(&of, &edges), &mean, &edges);
        }
        for (queries, keys) in [(0..seq, 0..seq), (seq / 3..seq * 2 / 3, seq / 2..seq), (seq / 2..seq / 2, 0..seq)] {
            let got = statistics.cut_out(&of, queries.clone(), keys.clone());
            let shape = [queries.len(), keys.len()];
            let want: Vec<f64> = queries.flat_map(|query| mean[query * seq..][keys.clone()].to_vec()).collect();
            assert_close(&case.name("cut-out"), &shape, &got, &want, Tolerance::PROBABILITY);
        }
    }
}

#[test]
fn several_layers_give_their_mean() {
    let mut numbers = Numbers(2);
    let shape = [2, 3, 130, 32];
    let segments = packed(&mut numbers, shape);
    let layer =
        |_| Case::new(&mut numbers, shape, PositionRule::Alibi(vec![0.5, 0.1, 0.01])).segmented(segments.clone());
    let cases = [0; 3].map(layer);
    let of = MeanOf { row: 1, heads: 1..3 };
    let mut mean = vec![0.0; 130 * 130];
    for case in &cases {
        let layer = Answers::of(case).mean(case, of.row, of.heads.clone());
        mean.iter_mut().zip(layer).for_each(|(mean, value)| *mean += value / 3.0);
    }
    let layers = cases.each_ref().map(|case| statistics(case, &Device::flex(), &Conduct::default()));
    let layers = layers.each_ref();
    check_partners("partners in three layers", &partners(&layers, &of, 4), &mean, 4, 1e-5);
    let edges = [0, 40, 41, 130];
    check_map("a map of three layers", &pooled_map(&layers, &of, &edges), &mean, &edges);
}

#[test]
fn equal_partners_stand_in_order() {
    let mut case = Case::new(&mut Numbers(1), [1, 1, 100, 16], PositionRule::None);
    case.k.fill(0.0);
    let statistics = statistics(&case, &Device::flex(), &Conduct::default());
    let found = statistics.partners(&MeanOf { row: 0, heads: 0..1 }, 3);
    let keys: Vec<u32> = found.iter().map(|(key, _)| *key).collect();
    assert_eq!(keys, [0, 1, 2].repeat(100), "of equal ones the first keys");
}
