//! Attention as it is written down, in double precision on the host.

use crate::{attention::MASKED, blocks::BlockList};

/// Values of attention.
#[derive(Clone, Debug)]
pub(super) struct Case {
    /// `[batch, head, seq, d]`.
    pub(super) shape: [usize; 4],
    pub(super) q: Vec<f32>,
    pub(super) k: Vec<f32>,
    pub(super) v: Vec<f32>,
    /// The gradient at the output.
    pub(super) grad_out: Vec<f32>,
    /// `[head]`.
    pub(super) slopes: Vec<f32>,
    pub(super) list: Option<BlockList>,
    /// `[batch, seq]`.
    pub(super) segments: Option<Vec<u32>>,
}

/// What attention gives.
#[derive(Debug)]
pub(super) struct Answers {
    /// `[batch, head, seq, d]`, as are the gradients.
    pub(super) out: Vec<f64>,
    /// `[batch, head, seq]`, as are the next two.
    pub(super) log_sums: Vec<f64>,
    pub(super) entropy: Vec<f64>,
    pub(super) distance: Vec<f64>,
    pub(super) grad_q: Vec<f64>,
    pub(super) grad_k: Vec<f64>,
    pub(super) grad_v: Vec<f64>,
}

impl Case {
    /// Numbers of mean 0 and variance 1 that only look random (`SplitMix64`: Steele et al. 2014,
    /// doi:10.1145/2714064.2660195).
    pub(super) fn new(shape: [usize; 4], seed: u64) -> Self {
        let mut state = seed;
        let mut share = move || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((mixed ^ (mixed >> 31)) >> 40) as f32 / (1u64 << 24) as f32
        };
        let mut values = || {
            let value = |_| ((0..4).map(|_| share()).sum::<f32>() - 2.0) * 3f32.sqrt();
            (0..shape.iter().product()).map(value).collect::<Vec<f32>>()
        };
        let [q, k, v, grad_out] = [0; 4].map(|_| values());
        Self { shape, q, k, v, grad_out, slopes: vec![0.0; shape[1]], list: None, segments: None }
    }

    /// Where the values of a position begin.
    pub(super) fn at(&self, [row, head, position]: [usize; 3]) -> usize {
        let [_, heads, seq, d] = self.shape;
        ((row * heads + head) * seq + position) * d
    }

    /// Minus infinity where a query does not see a key.
    fn score(&self, [row, head]: [usize; 2], i: usize, j: usize) -> f64 {
        let [_, _, seq, d] = self.shape;
        if let Some(segments) = &self.segments {
            let [query, key] = [i, j].map(|position| segments[row * seq + position]);
            if query != key || query == 0 {
                return f64::NEG_INFINITY;
            }
        }
        let offset = match &self.list {
            None => -f64::from(self.slopes[head]) * i.abs_diff(j) as f64,
            Some(list) => {
                let seen = list.seen_by(head, i / list.size());
                let listed = seen.iter().find(|listed| listed.block == j / list.size());
                listed.map_or(f64::NEG_INFINITY, |listed| f64::from(listed.offset))
            }
        };
        dot(&self.q[self.at([row, head, i])..][..d], &self.k[self.at([row, head, j])..]) / (d as f64).sqrt() + offset
    }

    /// Everything, row by row.
    pub(super) fn answers(&self) -> Answers {
        let [batch, heads, seq, d] = self.shape;
        let rows = batch * heads * seq;
        let [out, grad_q, grad_k, grad_v] = [0; 4].map(|_| vec![0.0; rows * d]);
        let [log_sums, entropy, distance] = [f64::from(MASKED), 0.0, 0.0].map(|value| vec![value; rows]);
        let mut all = Answers { out, log_sums, entropy, distance, grad_q, grad_k, grad_v };
        for place in 0..rows {
            self.row(&mut all, place, [place / seq / heads, place / seq % heads], place % seq);
        }
        all
    }

    fn row(&self, all: &mut Answers, place: usize, of: [usize; 2], i: usize) {
        let [_, _, seq, d] = self.shape;
        let scores: Vec<f64> = (0..seq).map(|j| self.score(of, i, j)).collect();
        let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if max == f64::NEG_INFINITY {
            return;
        }
        let log_sum = max + scores.iter().map(|score| (score - max).exp()).sum::<f64>().ln();
        all.log_sums[place] = log_sum;
        let shares: Vec<(usize, f64)> = (0..seq).map(|j| (j, (scores[j] - log_sum).exp())).collect();
        let seen = || shares.iter().copied().filter(|(_, share)| *share > 0.0);
        for (j, share) in seen() {
            add(&mut all.out[place * d..][..d], share, &self.v[self.at([of[0], of[1], j])..]);
            all.entropy[place] -= share * share.ln();
            all.distance[place] += share * i.abs_diff(j) as f64;
        }
        let grad_out = &self.grad_out[place * d..][..d];
        let delta: f64 = grad_out.iter().zip(&all.out[place * d..]).map(|(grad, out)| f64::from(*grad) * out).sum();
        for (j, share) in seen() {
            let key = self.at([of[0], of[1], j]);
            let of_score = share * (dot(grad_out, &self.v[key..]) - delta) / (d as f64).sqrt();
            add(&mut all.grad_q[place * d..][..d], of_score, &self.k[key..]);
            add(&mut all.grad_k[key..][..d], of_score, &self.q[place * d..]);
            add(&mut all.grad_v[key..][..d], share, grad_out);
        }
    }
}

/// Over as many numbers as the first has.
fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

/// Adds a multiple.
fn add(to: &mut [f64], factor: f64, values: &[f32]) {
    to.iter_mut().zip(values).for_each(|(to, value)| *to += factor * f64::from(*value));
}
