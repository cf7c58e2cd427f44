//! The same statistics in plain loops of double precision: what the kernels are measured against.

use crate::{
    alibi::alibi_slopes,
    blocks::BlockList,
    problem::{Problem, Rule},
    watch::Watch,
};

/// Positions of one input and how they see one another.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) shape: [usize; 4],
    pub(crate) slopes: Vec<f32>,
    pub(crate) blocks: Option<BlockList>,
    /// `[batch, seq]`.
    pub(crate) segments: Option<Vec<u32>>,
    pub(crate) skip: bool,
    /// `[batch, head, seq, d]`.
    pub(crate) q: Vec<f32>,
    pub(crate) k: Vec<f32>,
    pub(crate) watch: Watch,
}

/// Probabilities `[batch, head, query, key]` and the log-sum-exp `[batch, head, seq]` in single precision.
pub(crate) struct Truth {
    pub(crate) probabilities: Vec<f64>,
    pub(crate) log_sums: Vec<f32>,
    heads: usize,
    seq: usize,
}

/// Numbers between −1 and 1 that follow a fixed pattern.
pub(crate) fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

impl Case {
    /// Random states with ALiBi and without anything masked; `[batch, head, seq, d]`.
    pub(crate) fn new(shape: [usize; 4], sharpness: f32) -> Self {
        let count = shape.iter().product();
        let states = |seed| numbers(count, seed).into_iter().map(|value| value * sharpness).collect();
        Self {
            name: format!("{shape:?}"),
            shape,
            slopes: alibi_slopes(shape[1]),
            blocks: None,
            segments: None,
            skip: true,
            q: states(1),
            k: states(2),
            watch: Watch::default(),
        }
    }

    pub(crate) fn named(mut self, name: &str) -> Self {
        self.name = format!("{name} {:?}", self.shape);
        self
    }

    pub(crate) fn problem(&self) -> Problem<'_> {
        let [batch, heads, seq, d] = self.shape;
        let rule = match &self.blocks {
            Some(blocks) => Rule::Blocks(blocks),
            None => Rule::Slopes(&self.slopes),
        };
        let segments = self.segments.as_deref();
        Problem { batch, heads, seq, d, rule, segments, skip: self.skip, row_statistics: false, watch: &self.watch }
    }

    /// The largest `‖k‖` of each attention head, `[batch, head]`.
    pub(crate) fn norms(&self) -> Vec<f32> {
        let [_, _, seq, d] = self.shape;
        let norm = |key: &[f32]| {
            let norm = key.iter().map(|value| value * value).sum::<f32>().sqrt();
            if norm.is_finite() { norm } else { 3e38 }
        };
        self.k.chunks(seq * d).map(|keys| keys.chunks(d).map(norm).fold(0.0, f32::max)).collect()
    }

    /// A score, `None` where the key is not seen.
    fn score(&self, row: usize, head: usize, i: usize, j: usize) -> Option<f64> {
        let [_, heads, seq, d] = self.shape;
        let segment = |position: usize| self.segments.as_ref().map_or(1, |segments| segments[row * seq + position]);
        if segment(i) == 0 || segment(i) != segment(j) {
            return None;
        }
        let position = match &self.blocks {
            Some(list) => {
                let seen = list.seen_by(head, i / list.size()).iter().find(|seen| seen.block == j / list.size())?;
                f64::from(seen.offset)
            }
            None => -f64::from(self.slopes[head]) * i.abs_diff(j) as f64,
        };
        let at = |position: usize| ((row * heads + head) * seq + position) * d;
        let products = self.q[at(i)..][..d].iter().zip(&self.k[at(j)..][..d]);
        let product: f64 = products.map(|(q, k)| f64::from(*q) * f64::from(*k)).sum();
        Some(product / (d as f64).sqrt() + position)
    }

    pub(crate) fn truth(&self) -> Truth {
        let [batch, heads, seq, _] = self.shape;
        let mut probabilities = vec![0.0; batch * heads * seq * seq];
        let mut log_sums = Vec::new();
        for (line, of_line) in probabilities.chunks_mut(seq).enumerate() {
            let (row, head, i) = (line / seq / heads, line / seq % heads, line % seq);
            let scores: Vec<Option<f64>> = (0..seq).map(|j| self.score(row, head, i, j)).collect();
            let max = scores.iter().flatten().copied().fold(f64::MIN, f64::max);
            let sum: f64 = scores.iter().flatten().map(|score| (score - max).exp()).sum();
            let any = scores.iter().any(Option::is_some);
            log_sums.push(if any { single(max + sum.ln()) } else { -3e38 });
            for (probability, score) in of_line.iter_mut().zip(scores) {
                *probability = score.map_or(0.0, |score| (score - max).exp() / sum);
            }
        }
        Truth { probabilities, log_sums, heads, seq }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "rounding to single precision is meant")]
pub(crate) fn single(value: f64) -> f32 {
    value as f32
}

impl Truth {
    /// The mean probabilities of some attention heads of a row of the batch, `[query, key]`.
    pub(crate) fn mean(&self, row: usize, members: &[u32]) -> Vec<f64> {
        let square = self.seq * self.seq;
        let mut mean = vec![0.0; square];
        for &head in members {
            let of_head = &self.probabilities[(row * self.heads + head as usize) * square..][..square];
            mean.iter_mut().zip(of_head).for_each(|(mean, value)| *mean += value / members.len() as f64);
        }
        mean
    }

    /// `Σ_i w_i·P_ij` and `max_i P_ij` of each key, `[batch, head, seq]`.
    pub(crate) fn columns(&self, weights: &[f32]) -> (Vec<f64>, Vec<f64>) {
        let mut sums = vec![0.0; self.log_sums.len()];
        let mut maxima = sums.clone();
        for (line, of_line) in self.probabilities.chunks(self.seq).enumerate() {
            let (head_row, i) = (line / self.seq, line % self.seq);
            let weight = f64::from(weights[head_row / self.heads * self.seq + i]);
            for (j, probability) in of_line.iter().enumerate() {
                sums[head_row * self.seq + j] += weight * probability;
                let max = &mut maxima[head_row * self.seq + j];
                *max = max.max(*probability);
            }
        }
        (sums, maxima)
    }

    /// Entropy, expected distance and `Σ_j P_ij·u_j` of each query, `[batch, head, seq]`.
    pub(crate) fn rows(&self, vector: &[f32]) -> [Vec<f64>; 3] {
        let mut found = [Vec::new(), Vec::new(), Vec::new()];
        for (line, of_line) in self.probabilities.chunks(self.seq).enumerate() {
            let (row, i) = (line / self.seq / self.heads, line % self.seq);
            let each = || of_line.iter().enumerate();
            found[0].push(each().map(|(_, p)| if *p > 0.0 { -p * p.ln() } else { 0.0 }).sum());
            found[1].push(each().map(|(j, p)| p * i.abs_diff(j) as f64).sum());
            found[2].push(each().map(|(j, p)| p * f64::from(vector[row * self.seq + j])).sum());
        }
        found
    }
}

/// Sums and maxima of a matrix `[query, key]` in cells.
pub(crate) fn cells(matrix: &[f64], seq: usize, queries: &[u32], keys: &[u32]) -> (Vec<f64>, Vec<f64>) {
    let (mut sums, mut maxima) = (Vec::new(), Vec::new());
    for rows in queries.windows(2) {
        for columns in keys.windows(2) {
            let lines = matrix[rows[0] as usize * seq..rows[1] as usize * seq].chunks(seq);
            let values = lines.flat_map(|line| line[columns[0] as usize..columns[1] as usize].iter().copied());
            let (sum, max) = values.fold((0.0, 0.0f64), |(sum, max), value| (sum + value, max.max(value)));
            sums.push(sum);
            maxima.push(max);
        }
    }
    (sums, maxima)
}

/// The largest values of a line with their places, the first of equal ones first.
pub(crate) fn largest(line: &[f64], places: usize) -> Vec<(f64, usize)> {
    let mut all: Vec<(f64, usize)> = line.iter().copied().zip(0..).collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    all.truncate(places);
    all
}
