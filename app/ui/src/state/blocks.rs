//! What was read of a genome, in blocks: asked for once, read ahead, and let go when far away.

use std::collections::BTreeMap;

/// A block as it stands.
#[derive(Clone, Debug)]
enum Block<T> {
    Asked,
    Held(T),
    Failed,
}

/// Blocks of equal width of the records of a genome.
#[derive(Clone, Debug)]
pub(crate) struct Blocks<T> {
    width_bp: u64,
    kept: usize,
    blocks: BTreeMap<(usize, u64), Block<T>>,
}

impl<T> Blocks<T> {
    /// Blocks of `width_bp` bases, of which at most `kept` stay in memory.
    pub(crate) fn new(width_bp: u64, kept: usize) -> Self {
        Self { width_bp, kept, blocks: BTreeMap::new() }
    }

    /// Blocks of `start_bp..end_bp` and one more on either side that have not been asked for; from now on they have.
    ///
    /// Each is `(block, start_bp, end_bp)`. Those in view come first.
    pub(crate) fn ask(&mut self, record: usize, start_bp: u64, end_bp: u64, length_bp: u64) -> Vec<(u64, u64, u64)> {
        if length_bp == 0 || end_bp <= start_bp {
            return Vec::new();
        }
        let (first, last) = (start_bp / self.width_bp, (end_bp - 1) / self.width_bp);
        let mut numbers: Vec<u64> = (first..=last).collect();
        numbers.extend([Some(last + 1), first.checked_sub(1)].into_iter().flatten());
        let mut asked = Vec::new();
        for number in numbers {
            let (from, to) = (number * self.width_bp, ((number + 1) * self.width_bp).min(length_bp));
            if from < to && !self.blocks.contains_key(&(record, number)) {
                self.blocks.insert((record, number), Block::Asked);
                asked.push((number, from, to));
            }
        }
        if !asked.is_empty() {
            self.let_go(record, u64::midpoint(first, last));
        }
        asked
    }

    /// Keeps what was read.
    pub(crate) fn put(&mut self, record: usize, number: u64, value: T) {
        self.blocks.insert((record, number), Block::Held(value));
    }

    /// A block could not be read; it is not asked for again until [`Blocks::retry`].
    pub(crate) fn fail(&mut self, record: usize, number: u64) {
        self.blocks.insert((record, number), Block::Failed);
    }

    /// Forgets failures and what has not arrived.
    pub(crate) fn retry(&mut self) {
        self.blocks.retain(|_, block| matches!(block, Block::Held(_)));
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.blocks.clear();
    }

    /// The block that holds a base, and where it begins.
    pub(crate) fn holding(&self, record: usize, position_bp: u64) -> Option<(u64, &T)> {
        let number = position_bp / self.width_bp;
        match self.blocks.get(&(record, number))? {
            Block::Held(value) => Some((number * self.width_bp, value)),
            Block::Asked | Block::Failed => None,
        }
    }

    /// The blocks that overlap `start_bp..end_bp` and are here, with where they begin.
    pub(crate) fn overlapping(&self, record: usize, start_bp: u64, end_bp: u64) -> impl Iterator<Item = (u64, &T)> {
        let numbers = start_bp / self.width_bp..end_bp.div_ceil(self.width_bp).max(start_bp / self.width_bp);
        self.blocks.range((record, numbers.start)..(record, numbers.end)).filter_map(
            |(&(_, number), block)| match block {
                Block::Held(value) => Some((number * self.width_bp, value)),
                Block::Asked | Block::Failed => None,
            },
        )
    }

    /// Drops the blocks farthest from where one looks.
    fn let_go(&mut self, record: usize, middle: u64) {
        while self.blocks.len() > self.kept {
            let distance = |&(other, number): &(usize, u64)| (other != record, number.abs_diff(middle));
            let Some(farthest) = self.blocks.keys().max_by_key(|key| distance(key)).copied() else { return };
            self.blocks.remove(&farthest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_once_and_reads_ahead() {
        let mut blocks = Blocks::new(100, 10);
        assert_eq!(blocks.ask(0, 150, 250, 1_000), [(1, 100, 200), (2, 200, 300), (3, 300, 400), (0, 0, 100)], "ahead");
        assert_eq!(blocks.ask(0, 150, 250, 1_000), [], "only once");
        blocks.put(0, 1, "b");
        assert_eq!(blocks.holding(0, 199), Some((100, &"b")), "what was put");
        assert_eq!(blocks.holding(0, 200), None, "not here yet");
        assert_eq!(blocks.overlapping(0, 0, 1_000).collect::<Vec<_>>(), [(100, &"b")], "only what is here");
    }

    #[test]
    fn contig_ends_cut_blocks() {
        let mut blocks: Blocks<()> = Blocks::new(100, 10);
        assert_eq!(blocks.ask(0, 0, 150, 150), [(0, 0, 100), (1, 100, 150)], "nothing past the end");
        assert_eq!(blocks.ask(1, 0, 0, 0), [], "an empty record");
    }

    #[test]
    fn far_blocks_are_let_go() {
        let mut blocks: Blocks<()> = Blocks::new(10, 4);
        blocks.ask(0, 0, 10, 10_000);
        blocks.ask(0, 500, 510, 10_000);
        blocks.ask(0, 900, 910, 10_000);
        assert!(blocks.blocks.len() <= 4, "kept {}", blocks.blocks.len());
        assert!(blocks.blocks.contains_key(&(0, 90)), "where one looks is kept");
    }
}
