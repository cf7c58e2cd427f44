//! Attention as it is written down, in double precision.

use super::case::Case;
use crate::{PositionRule, attention::MASKED};

/// Everything that attention and its statistics give.
#[derive(Debug)]
pub(crate) struct Answers {
    /// `[batch, head, seq, d]`.
    pub(crate) out: Vec<f64>,
    /// `[batch, head, seq]`, as are the next two.
    pub(crate) log_sum_exp: Vec<f64>,
    pub(crate) entropy: Vec<f64>,
    pub(crate) distance: Vec<f64>,
    /// `[batch, head, query, key]`.
    pub(crate) probabilities: Vec<f64>,
}

impl Answers {
    pub(crate) fn of(case: &Case) -> Self {
        let [batch, heads, seq, d] = case.shape;
        let rows = batch * heads * seq;
        let mut all = Self {
            out: vec![0.0; rows * d],
            log_sum_exp: Vec::with_capacity(rows),
            entropy: Vec::with_capacity(rows),
            distance: Vec::with_capacity(rows),
            probabilities: Vec::with_capacity(rows * seq),
        };
        for (place, [row, head, query]) in case.places().enumerate() {
            let scores: Vec<f64> = (0..seq).map(|key| score(case, [row, head], query, key)).collect();
            let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let nothing = max == f64::NEG_INFINITY;
            let sum: f64 = scores.iter().map(|score| (score - max).exp()).sum();
            let log_sum_exp = if nothing { f64::from(MASKED) } else { max + sum.ln() };
            let weight = |score: &f64| if nothing { 0.0 } else { (score - log_sum_exp).exp() };
            let probabilities: Vec<f64> = scores.iter().map(weight).collect();
            let out = &mut all.out[place * d..][..d];
            for (key, weight) in probabilities.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
                let values = &case.v[case.offset([row, head, key])..][..d];
                out.iter_mut().zip(values).for_each(|(out, value)| *out += weight * f64::from(*value));
            }
            let surprise = |weight: &f64| if *weight > 0.0 { -weight * weight.ln() } else { 0.0 };
            all.entropy.push(probabilities.iter().map(surprise).sum());
            let far = |(key, weight): (usize, &f64)| weight * key.abs_diff(query) as f64;
            all.distance.push(probabilities.iter().enumerate().map(far).sum());
            all.log_sum_exp.push(log_sum_exp);
            all.probabilities.extend(probabilities);
        }
        all
    }

    /// Sums over the queries of weight × probability, `[batch, head, key]`; `weights` is `[batch, seq]`.
    pub(crate) fn column_sums(&self, case: &Case, weights: &[f32]) -> Vec<f64> {
        let seq = case.shape[2];
        self.columns(case, |column, [row, query], value| column + f64::from(weights[row * seq + query]) * value)
    }

    /// The largest probability that each key gets, `[batch, head, key]`.
    pub(crate) fn column_maxima(&self, case: &Case) -> Vec<f64> {
        self.columns(case, |column, _, value| column.max(value))
    }

    fn columns(&self, case: &Case, mut take: impl FnMut(f64, [usize; 2], f64) -> f64) -> Vec<f64> {
        let [batch, heads, seq, _] = case.shape;
        let mut columns = vec![0.0; batch * heads * seq];
        for (place, [row, head, query]) in case.places().enumerate() {
            let columns = &mut columns[(row * heads + head) * seq..][..seq];
            for (column, value) in columns.iter_mut().zip(&self.probabilities[place * seq..]) {
                *column = take(*column, [row, query], *value);
            }
        }
        columns
    }

    /// The mean of some heads of a row, `[query, key]`.
    pub(crate) fn mean(&self, case: &Case, row: usize, heads: std::ops::Range<usize>) -> Vec<f64> {
        let [_, all_heads, seq, _] = case.shape;
        let share = 1.0 / heads.len() as f64;
        let mut mean = vec![0.0; seq * seq];
        for head in heads {
            let plane = &self.probabilities[(row * all_heads + head) * seq * seq..][..seq * seq];
            mean.iter_mut().zip(plane).for_each(|(mean, value)| *mean += share * value);
        }
        mean
    }

    /// The gradients at q, k and v, `[batch, head, seq, d]` each.
    pub(crate) fn gradients(&self, case: &Case) -> [Vec<f64>; 3] {
        let [_, _, seq, d] = case.shape;
        let scale = 1.0 / (d as f64).sqrt();
        let [mut of_q, mut of_k, mut of_v] = [0; 3].map(|_| vec![0.0; case.q.len()]);
        for (place, [row, head, query]) in case.places().enumerate() {
            let at_query = case.offset([row, head, query]);
            let grad_out = &case.grad_out[at_query..][..d];
            let delta: f64 = grad_out.iter().zip(&self.out[at_query..]).map(|(grad, out)| f64::from(*grad) * out).sum();
            let probabilities = &self.probabilities[place * seq..][..seq];
            for (key, weight) in probabilities.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
                let at_key = case.offset([row, head, key]);
                let of_score = weight * (dot(grad_out, &case.v[at_key..]) - delta) * scale;
                for channel in 0..d {
                    of_q[at_query + channel] += of_score * f64::from(case.k[at_key + channel]);
                    of_k[at_key + channel] += of_score * f64::from(case.q[at_query + channel]);
                    of_v[at_key + channel] += weight * f64::from(grad_out[channel]);
                }
            }
        }
        [of_q, of_k, of_v]
    }
}

/// Minus infinity where a key is not seen.
fn score(case: &Case, [row, head]: [usize; 2], query: usize, key: usize) -> f64 {
    let d = case.shape[3];
    if !case.are_together(row, query, key) {
        return f64::NEG_INFINITY;
    }
    let position = match &case.rule {
        PositionRule::None => 0.0,
        PositionRule::Alibi(slopes) => -f64::from(slopes[head]) * key.abs_diff(query) as f64,
        PositionRule::Blocks(list) => {
            let seen = list.seen_by(head, query / list.size());
            let listed = seen.iter().find(|listed| listed.block == key / list.size());
            listed.map_or(f64::NEG_INFINITY, |listed| f64::from(listed.offset))
        }
    };
    let product = dot(&case.q[case.offset([row, head, query])..][..d], &case.k[case.offset([row, head, key])..]);
    product / (d as f64).sqrt() + position
}

/// Over as many numbers as the first has.
fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}
