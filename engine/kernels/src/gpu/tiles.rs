//! What is known of a batch before its first product, as words for the kernels.

use std::f32::consts::LOG2_E;

use crate::{
    blocks::BlockList,
    problem::{Problem, Rule},
    segments::sequences,
};

/// Positions of a step: the unit in which ranges and norms are kept. Tiles are one step or several, or a part of one.
pub(crate) const STEP: u32 = 32;

/// Stands for the logarithm of a tail that is never light enough to be left out.
const NEVER: f32 = -1e30;

/// No norm is known yet when work is sized: products of norms are about so large, in nats.
const USUAL_BOUND: f64 = 16.0;

/// Words of the plan, and where each part of it begins.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PlanWords {
    words: Vec<u32>,
    /// Attention heads of the batch, `batch · heads + head`, those with the most work first: `[batch · head]`.
    pub(crate) order_at: u32,
    /// Slopes and tails to the base 2, `[head, 2]`: `m·log2 e` and `log2(1 − e^−m)`.
    pub(crate) slopes_at: u32,
    /// `[batch, seq]`; 0 where hidden.
    pub(crate) segments_at: u32,
    /// First and end of the positions that those of a step may see, `[batch, step, 2]`; the first is the larger where
    /// there are none.
    pub(crate) ranges_at: u32,
    /// Key blocks by query block; of no meaning without a list.
    pub(crate) seen: ListAt,
    /// Query blocks by key block.
    pub(crate) seeing: ListAt,
}

/// Where a block list begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ListAt {
    /// Pointers into the pairs, `[head · blocks + 1]`.
    pub(crate) pointers: u32,
    /// Pairs of a block and the bits of what is added to its scores, in nats.
    pub(crate) pairs: u32,
}

impl PlanWords {
    /// Of a problem whose sizes all fit a word.
    pub(crate) fn new(problem: &Problem<'_>) -> Self {
        let mut plan = Self {
            words: Vec::new(),
            order_at: 0,
            slopes_at: 0,
            segments_at: 0,
            ranges_at: 0,
            seen: ListAt::default(),
            seeing: ListAt::default(),
        };
        plan.order_at = plan.push(order(problem));
        plan.slopes_at = plan.push((0..problem.heads).flat_map(|head| slope_and_tail(problem, head)));
        plan.segments_at = match problem.segments {
            Some(segments) => plan.push(segments.iter().copied()),
            None => plan.push(std::iter::repeat_n(1, problem.batch * problem.seq)),
        };
        plan.ranges_at = plan.push(ranges(problem).into_iter().flatten());
        if let Rule::Blocks(list) = problem.rule {
            plan.seen = plan.push_list(list);
            plan.seeing = plan.push_list(&list.transposed());
        }
        plan
    }

    /// Adds words of a kernel's own, and tells where they begin.
    pub(crate) fn push(&mut self, words: impl IntoIterator<Item = u32>) -> u32 {
        let at = word(self.words.len());
        self.words.extend(words);
        at
    }

    fn push_list(&mut self, list: &BlockList) -> ListAt {
        let mut pairs = Vec::new();
        let mut pointers = vec![0];
        for (head, block) in (0..list.heads()).flat_map(|head| (0..list.blocks()).map(move |block| (head, block))) {
            pairs.extend(list.seen_by(head, block).iter().flat_map(|seen| [word(seen.block), seen.offset.to_bits()]));
            pointers.push(word(pairs.len() / 2));
        }
        ListAt { pointers: self.push(pointers), pairs: self.push(pairs) }
    }

    /// All words.
    pub(crate) fn words(&self) -> &[u32] {
        &self.words
    }
}

/// A size that was checked to fit a word.
pub(crate) fn word(size: usize) -> u32 {
    u32::try_from(size).expect("sizes that do not fit a word are refused before")
}

/// First and end of the positions that those of each step may see, `[batch, step]`.
fn ranges(problem: &Problem<'_>) -> Vec<[u32; 2]> {
    let (seq, step) = (problem.seq, STEP as usize);
    let mut all = vec![[u32::MAX, 0]; problem.batch * seq.div_ceil(step)];
    for (row, of_row) in all.chunks_mut(seq.div_ceil(step)).enumerate() {
        for sequence in sequences(problem.segments_of(row), seq) {
            for range in &mut of_row[sequence.start / step..sequence.end.div_ceil(step)] {
                *range = [range[0].min(word(sequence.start)), range[1].max(word(sequence.end))];
            }
        }
    }
    all
}

/// Attention heads of the batch, those that reach farthest first.
fn order(problem: &Problem<'_>) -> Vec<u32> {
    let mut order: Vec<usize> = (0..problem.batch * problem.heads).collect();
    order.sort_by(|a, b| {
        let [a, b] = [a, b].map(|head_row| problem.rule.slope(head_row % problem.heads));
        a.total_cmp(&b)
    });
    order.into_iter().map(word).collect()
}

/// Bits of the slope and of the tail of an attention head.
fn slope_and_tail(problem: &Problem<'_>, head: usize) -> [u32; 2] {
    let slope = problem.rule.slope(head);
    let light = problem.skip && slope > 0.0;
    let tail = if light { (-(-slope).exp_m1()).log2() } else { NEVER };
    [(slope * LOG2_E).to_bits(), tail.to_bits()]
}

/// Keys that a query of an attention head looks at, about: enough to size work by.
pub(crate) fn usual_keys(problem: &Problem<'_>, head: usize) -> f64 {
    if let Rule::Blocks(list) = problem.rule {
        let listed: usize = (0..list.blocks()).map(|block| list.seen_by(head, block).len()).sum();
        return (listed * list.size()) as f64 / list.blocks().max(1) as f64;
    }
    let slope = f64::from(problem.rule.slope(head));
    let far = if problem.skip && slope > 0.0 {
        let beyond = 2.0 * USUAL_BOUND + 25.0 * std::f64::consts::LN_2 - (-(-slope).exp_m1()).ln();
        2.0 * beyond / slope + 2.0 * f64::from(STEP)
    } else {
        f64::INFINITY
    };
    let ranges = ranges(problem);
    let of_steps = ranges.iter().map(|[first, end]| far.min(f64::from(end.saturating_sub(*first))));
    of_steps.sum::<f64>() / ranges.len().max(1) as f64
}

/// Scores that there are: pairs of positions of one sequence, in all attention heads.
pub(crate) fn all_scores(problem: &Problem<'_>) -> u64 {
    let of_rows = (0..problem.batch).flat_map(|row| sequences(problem.segments_of(row), problem.seq));
    of_rows.map(|sequence| (sequence.len() as u64).pow(2)).sum::<u64>() * problem.heads as u64
}

/// Rows of each item of an attention head: blocks cut into tiles.
pub(crate) fn rows_of_items(seq: u32, block: u32, tile: u32) -> impl Iterator<Item = u32> {
    let of_block = move |first: u32| (first.min(seq)..(first + block).min(seq)).step_by(tile as usize);
    let blocks = (0..seq.div_ceil(block)).map(move |number| number * block);
    // A block that ends before its last tile begins still has that item, with nothing in it.
    blocks.flat_map(move |first| {
        let end = (first + block).min(seq);
        let tiles = of_block(first).map(move |begin| (end - begin).min(tile));
        tiles.chain(std::iter::repeat(0)).take(block.div_ceil(tile) as usize)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{blocks::Listed, watch::Watch};

    fn problem<'a>(seq: usize, rule: Rule<'a>, segments: Option<&'a [u32]>, watch: &'a Watch) -> Problem<'a> {
        Problem { batch: 1, heads: 2, seq, d: 16, rule, segments, skip: true, row_statistics: false, watch }
    }

    #[test]
    fn a_step_sees_the_sequences_that_touch_it() {
        let watch = Watch::default();
        let mut segments = vec![0; 130];
        segments[2..40].fill(1);
        segments[40..64].fill(2);
        let packed = problem(130, Rule::Slopes(&[]), Some(&segments), &watch);
        assert_eq!(ranges(&packed), [[2, 40], [2, 64], [u32::MAX, 0], [u32::MAX, 0], [u32::MAX, 0]]);
        assert_eq!(ranges(&problem(33, Rule::Slopes(&[]), None, &watch)), [[0, 33]; 2]);
        assert_eq!(all_scores(&packed), 2 * (38 * 38 + 24 * 24));
    }

    #[test]
    fn heads_that_reach_farthest_come_first() {
        let watch = Watch::default();
        let problem = Problem { batch: 2, ..problem(8, Rule::Slopes(&[0.5, 0.25]), None, &watch) };
        assert_eq!(order(&problem), [1, 3, 0, 2]);
        let plan = PlanWords::new(&problem);
        let [slope, tail] = [0, 1].map(|word| f32::from_bits(plan.words()[plan.slopes_at as usize + word]));
        assert!(
            (slope - 0.5 / 2f32.ln()).abs() < 1e-6 && (tail - 0.393_469_36_f32.log2()).abs() < 1e-6,
            "{slope} {tail}"
        );
        assert!(usual_keys(&problem, 0) <= 8.0, "there are no more");
    }

    #[test]
    fn a_block_list_is_there_from_both_sides() {
        let watch = Watch::default();
        let seen = |block| Listed { block, offset: 1.0 };
        let lists = vec![vec![seen(1)], vec![seen(0), seen(1)], vec![], vec![seen(0)]];
        let list = BlockList::new(8, 2, lists).expect("every block is there");
        let plan = PlanWords::new(&problem(16, Rule::Blocks(&list), None, &watch));
        let part = |at: u32, count: usize| plan.words()[at as usize..][..count].to_vec();
        let one = 1f32.to_bits();
        assert_eq!(part(plan.seen.pointers, 5), [0, 1, 3, 3, 4]);
        assert_eq!(part(plan.seen.pairs, 8), [1, one, 0, one, 1, one, 0, one]);
        assert_eq!(part(plan.seeing.pointers, 5), [0, 1, 3, 4, 4]);
        assert_eq!(part(plan.seeing.pairs, 8), [1, one, 0, one, 1, one, 1, one]);
    }

    #[test]
    fn items_cover_every_row_once() {
        assert_eq!(rows_of_items(70, 70, 32).collect::<Vec<_>>(), [32, 32, 6]);
        assert_eq!(rows_of_items(20, 8, 32).collect::<Vec<_>>(), [8, 8, 4]);
        assert_eq!(rows_of_items(70, 64, 32).collect::<Vec<_>>(), [32, 32, 6, 0]);
    }
}
