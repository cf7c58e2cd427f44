//! What is attended to, on the device.

use std::f32::consts::LOG2_E;

use super::{
    context::Gpu,
    error::KernelError,
    pace::{Items, Watching},
    parameters::Parameters,
    tiles::{self, ListAt, PlanWords, STEP, word},
};
use crate::problem::Problem;

/// Sizes, rules and segments of a batch, ready for every kernel and every layer.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) batch: u32,
    pub(crate) heads: u32,
    pub(crate) seq: u32,
    pub(crate) d: u32,
    /// Whether listed blocks alone are seen.
    pub(crate) listed: bool,
    /// Positions of a block; without a list all of `seq`.
    pub(crate) block: u32,
    /// Whether entropy and distance are asked for.
    pub(crate) row_statistics: bool,
    /// Where things stand in the buffer.
    pub(crate) words: PlanWords,
    /// The words on the device.
    pub(crate) buffer: wgpu::Buffer,
    /// Pairs of positions of one sequence, in all attention heads.
    pub(crate) all_scores: u64,
    /// Keys that a query of each attention head looks at, about.
    usual_keys: Vec<f64>,
}

/// Which side a kernel keeps while it walks over the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keeping {
    /// A tile of queries.
    Queries,
    /// A tile of keys.
    Keys,
}

impl Plan {
    /// Puts a problem on the device; its watch is not looked at.
    ///
    /// # Errors
    /// When sizes do not fit what kernels count with, or there is no memory.
    pub(crate) fn new(gpu: &Gpu, problem: &Problem<'_>) -> Result<Self, KernelError> {
        check(problem)?;
        let words = PlanWords::new(problem);
        let buffer = gpu.buffer_of("the plan of attention", words.words())?;
        let [batch, heads, seq, d] = [problem.batch, problem.heads, problem.seq, problem.d].map(word);
        Ok(Self {
            batch,
            heads,
            seq,
            d,
            listed: problem.rule.block_size().is_some(),
            block: problem.rule.block_size().map_or(seq, word),
            row_statistics: problem.row_statistics,
            words,
            buffer,
            all_scores: tiles::all_scores(problem),
            usual_keys: (0..problem.heads).map(|head| tiles::usual_keys(problem, head)).collect(),
        })
    }

    /// `[batch, head, seq, d]`.
    pub(crate) fn shape(&self) -> [u32; 4] {
        [self.batch, self.heads, self.seq, self.d]
    }

    /// Attention heads of the whole batch.
    pub(crate) fn head_rows(&self) -> u32 {
        self.batch * self.heads
    }

    /// Steps of a row.
    pub(crate) fn steps(&self) -> u32 {
        self.seq.div_ceil(STEP)
    }

    /// Items of an attention head for a kernel with such tiles.
    pub(crate) fn items_of_head(&self, tile: u32) -> u32 {
        self.seq.div_ceil(self.block) * self.block.div_ceil(tile)
    }

    /// One item for each tile of each attention head, in the order of the plan; `operations` is what one score takes.
    pub(crate) fn items(&self, tile: u32, operations: u32) -> Items {
        let order = &self.words.words()[self.words.order_at as usize..][..self.head_rows() as usize];
        let of_score = f64::from(operations);
        let run = |head_row: &u32| {
            let keys = self.usual_keys[(head_row % self.heads) as usize];
            (self.items_of_head(tile), f64::from(tile.min(self.block)) * keys * of_score)
        };
        Items::new(order.iter().map(run).collect())
    }

    /// The parameters that every kernel over tiles begins with.
    pub(crate) fn parameters(&self, tile: u32, keeping: Keeping) -> Parameters {
        let ListAt { pointers, pairs } = match keeping {
            Keeping::Queries => self.words.seen,
            Keeping::Keys => self.words.seeing,
        };
        Parameters::default()
            .count("first_item", 0)
            .count("items_of_head", self.items_of_head(tile))
            .count("heads", self.heads)
            .count("seq", self.seq)
            .count("listed", u32::from(self.listed))
            .count("block", self.block)
            .count("order_at", self.words.order_at)
            .count("slopes_at", self.words.slopes_at)
            .count("segments_at", self.words.segments_at)
            .count("ranges_at", self.words.ranges_at)
            .count("pointers_at", pointers)
            .count("pairs_at", pairs)
            .number("scale", self.scale())
    }

    /// `log2 e / √d`: with it scores are logarithms to the base 2.
    pub(crate) fn scale(&self) -> f32 {
        LOG2_E / (self.d as f32).sqrt()
    }

    /// Scores that a kernel has looked at, from the keys that each item visited.
    pub(crate) fn scores(&self, tile: u32, visited: &[u32]) -> u64 {
        let of_heads = visited.chunks(self.items_of_head(tile) as usize);
        let of_head = |visited: &[u32]| {
            let rows = tiles::rows_of_items(self.seq, self.block, tile);
            visited.iter().zip(rows).map(|(keys, rows)| u64::from(*keys) * u64::from(rows)).sum::<u64>()
        };
        of_heads.map(of_head).sum::<u64>().min(self.all_scores)
    }
}

/// Passes on a share of a part of the work as one of the whole.
pub(crate) fn part(
    watching: &mut Watching<'_>,
    done: std::ops::Range<f64>,
) -> impl FnMut(f64) -> std::ops::ControlFlow<()> {
    move |share| watching(done.start + share * (done.end - done.start))
}

/// Whether kernels can count what a problem has.
fn check(problem: &Problem<'_>) -> Result<(), KernelError> {
    let Problem { batch, heads, seq, d, .. } = *problem;
    let refuse = |problem: String| Err(KernelError::Problem { problem });
    if [batch, heads, seq, d].contains(&0) {
        return refuse(format!("it is empty: {batch} windows of {seq} tokens, {heads} attention heads of width {d}"));
    }
    if d > 128 || !d.is_multiple_of(4) {
        return refuse(format!("attention heads have {d} channels, and kernels take up to 128, in fours"));
    }
    // A power of two below the largest word, so that sums of a few sizes and counts fit as well.
    let most = 1usize << 30;
    if batch.checked_mul(heads).and_then(|all| all.checked_mul(seq)).is_none_or(|all| all > most) {
        return refuse(format!(
            "{batch} windows of {seq} tokens with {heads} attention heads are more than kernels count"
        ));
    }
    if problem.segments.is_some_and(|segments| segments.len() != batch * seq) {
        return refuse(format!("{batch} windows of {seq} tokens have segments of another size"));
    }
    match problem.rule {
        crate::problem::Rule::Slopes(slopes) if !slopes.is_empty() && slopes.len() != heads => {
            refuse(format!("{heads} attention heads have {} slopes", slopes.len()))
        }
        crate::problem::Rule::Slopes(slopes) if slopes.iter().any(|slope| !(0.0..1e6).contains(slope)) => {
            refuse("a slope is negative or not a number".to_owned())
        }
        crate::problem::Rule::Blocks(list) if list.heads() != heads || list.blocks() != seq.div_ceil(list.size()) => {
            let (blocks, of) = (list.blocks(), list.heads());
            refuse(format!("a list of {blocks} blocks for {of} attention heads does not fit {seq} tokens and {heads}"))
        }
        _ => Ok(()),
    }
}
