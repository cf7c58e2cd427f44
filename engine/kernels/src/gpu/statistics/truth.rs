//! Inputs of statistics, and what must come of them in double precision.

use crate::{
    PositionRule,
    alibi::alibi_slopes,
    blocks::BlockList,
    problem::{Problem, Rule},
    tests::{case, plain::Answers},
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

/// What must come of it.
pub(crate) struct Truth {
    case: case::Case,
    answers: Answers,
    /// The log-sum-exp `[batch, head, seq]` in single precision.
    pub(crate) log_sums: Vec<f32>,
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

    pub(crate) fn truth(&self) -> Truth {
        let rule = match &self.blocks {
            Some(blocks) => PositionRule::Blocks(blocks.clone()),
            None => PositionRule::Alibi(self.slopes.clone()),
        };
        let (q, k, v, grad_out) = (self.q.clone(), self.k.clone(), vec![0.0; self.q.len()], Vec::new());
        let case = case::Case { shape: self.shape, q, k, v, grad_out, segments: self.segments.clone(), rule };
        let answers = Answers::of(&case);
        Truth { log_sums: answers.log_sum_exp.iter().map(|sum| single(*sum)).collect(), answers, case }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "rounding to single precision is meant")]
pub(crate) fn single(value: f64) -> f32 {
    value as f32
}

impl Truth {
    /// The mean probabilities of some attention heads of a row of the batch, `[query, key]`.
    pub(crate) fn mean(&self, row: usize, members: &[u32]) -> Vec<f64> {
        let mut mean = vec![0.0; self.case.shape[2].pow(2)];
        for head in members.iter().map(|head| *head as usize) {
            let of_head = self.answers.mean(&self.case, row, head..head + 1);
            mean.iter_mut().zip(of_head).for_each(|(mean, value)| *mean += value / members.len() as f64);
        }
        mean
    }

    /// `Σ_i w_i·P_ij` and `max_i P_ij` of each key, `[batch, head, seq]`.
    pub(crate) fn columns(&self, weights: &[f32]) -> (Vec<f64>, Vec<f64>) {
        (self.answers.column_sums(&self.case, weights), self.answers.column_maxima(&self.case))
    }

    /// Entropy, expected distance and `Σ_j P_ij·u_j` of each query, `[batch, head, seq]`.
    pub(crate) fn rows(&self, vector: &[f32]) -> [Vec<f64>; 3] {
        let [_, heads, seq, _] = self.case.shape;
        let lines = self.answers.probabilities.chunks(seq).enumerate();
        let sum = |(line, of_line): (usize, &[f64])| {
            let of_row = &vector[line / seq / heads * seq..][..seq];
            of_line.iter().zip(of_row).map(|(p, u)| p * f64::from(*u)).sum()
        };
        [self.answers.entropy.clone(), self.answers.distance.clone(), lines.map(sum).collect()]
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
