//! What was read of a track at each zoom, in tiles of a fixed number of bins: asked for once, and let go when not looked
//! at for long.

use std::collections::BTreeMap;

/// Bins of a tile.
pub(crate) const BINS: u64 = 512;
/// Tiles kept of a track.
const KEPT: usize = 96;

/// Which tile: on level `n` a bin has `2^n` bases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TileKey {
    pub(crate) record: usize,
    pub(crate) level: u32,
    pub(crate) number: u64,
}

impl TileKey {
    /// The bases it covers, half-open; the last one of a record reaches past its end.
    pub(crate) fn range_bp(self) -> (u64, u64) {
        let width_bp = BINS << self.level;
        (self.number * width_bp, (self.number + 1) * width_bp)
    }
}

#[derive(Clone, Debug)]
enum State<T> {
    Asked,
    Held(T),
    Failed,
}

/// The tiles of one track.
#[derive(Clone, Debug)]
pub(crate) struct Tiles<T> {
    tiles: BTreeMap<TileKey, (u64, State<T>)>,
    /// Grows with every look, so that it can be told which tile was looked at last.
    looks: u64,
}

impl<T> Default for Tiles<T> {
    fn default() -> Self {
        Self { tiles: BTreeMap::new(), looks: 0 }
    }
}

/// The level of which a view of so many bases has 1,000 to 2,000 bins, however wide it is drawn, so that what is asked
/// for is what is drawn; a short view has a bin for each base.
pub(crate) fn level(span_bp: f64) -> u32 {
    const LEAST_IN_VIEW: f64 = 1_000.0;
    let mut level = 0;
    while level < 40 && ((2_u64 << level) as f64) * LEAST_IN_VIEW <= span_bp {
        level += 1;
    }
    level
}

impl<T> Tiles<T> {
    /// Tiles over `start_bp..end_bp` that have not been asked for; from now on they have.
    pub(crate) fn ask(&mut self, record: usize, level: u32, (start_bp, end_bp): (u64, u64)) -> Vec<TileKey> {
        self.looks += 1;
        let width_bp = BINS << level;
        let mut asked = Vec::new();
        for number in start_bp / width_bp..end_bp.div_ceil(width_bp) {
            let key = TileKey { record, level, number };
            let looks = self.looks;
            let entry = self.tiles.entry(key).or_insert_with(|| {
                asked.push(key);
                (looks, State::Asked)
            });
            entry.0 = looks;
        }
        while self.tiles.len() > KEPT {
            let oldest = self.tiles.iter().min_by_key(|(_, (looked, _))| *looked);
            let Some((&key, &(looked, _))) = oldest else { break };
            if looked == self.looks {
                break;
            }
            self.tiles.remove(&key);
        }
        asked
    }

    /// Keeps what was read.
    pub(crate) fn put(&mut self, key: TileKey, value: T) {
        let looks = self.looks;
        self.tiles.entry(key).or_insert((looks, State::Asked)).1 = State::Held(value);
    }

    /// A tile could not be read; it is not asked for again until [`Tiles::clear`].
    pub(crate) fn fail(&mut self, key: TileKey) {
        if let Some(tile) = self.tiles.get_mut(&key) {
            tile.1 = State::Failed;
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.tiles.clear();
    }

    /// Forgets what has not arrived.
    pub(crate) fn retry(&mut self) {
        self.tiles.retain(|_, (_, state)| matches!(state, State::Held(_)));
    }

    fn held(&self, key: TileKey) -> Option<&T> {
        match &self.tiles.get(&key)?.1 {
            State::Held(value) => Some(value),
            State::Asked | State::Failed => None,
        }
    }

    /// The best that is here for `start_bp..end_bp`: stretches of tiles of the wanted level, or where one has not
    /// arrived, of the nearest coarser one, or of finer ones. Sorted; stretches do not overlap.
    pub(crate) fn best(&self, record: usize, wanted: u32, (start_bp, end_bp): (u64, u64)) -> Vec<Piece<'_, T>> {
        let mut pieces = Vec::new();
        let width_bp = BINS << wanted;
        for number in start_bp / width_bp..end_bp.div_ceil(width_bp) {
            let key = TileKey { record, level: wanted, number };
            let (from, to) = key.range_bp();
            self.fill(key, (from.max(start_bp), to.min(end_bp)), &mut pieces);
        }
        pieces
    }

    fn fill<'a>(&'a self, key: TileKey, range_bp: (u64, u64), pieces: &mut Vec<Piece<'a, T>>) {
        const LEVELS: u32 = 40;
        if let Some(tile) = self.held(key) {
            pieces.push(Piece { key, range_bp, tile });
            return;
        }
        let coarser =
            (key.level + 1..LEVELS).map(|level| TileKey { level, number: key.number >> (level - key.level), ..key });
        let known = coarser.into_iter().find_map(|key| self.held(key).map(|tile| (key, tile)));
        if let Some((key, tile)) = known {
            pieces.push(Piece { key, range_bp, tile });
        } else if key.level > 0 {
            for half in [0, 1] {
                let finer = TileKey { level: key.level - 1, number: 2 * key.number + half, ..key };
                let (from, to) = finer.range_bp();
                if let Some(tile) = self.held(finer) {
                    let range_bp = (from.max(range_bp.0), to.min(range_bp.1));
                    if range_bp.0 < range_bp.1 {
                        pieces.push(Piece { key: finer, range_bp, tile });
                    }
                }
            }
        }
    }
}

/// A stretch, and the tile that is drawn of it.
#[derive(Debug)]
pub(crate) struct Piece<'a, T> {
    pub(crate) key: TileKey,
    /// What is to be drawn of it, half-open.
    pub(crate) range_bp: (u64, u64),
    pub(crate) tile: &'a T,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(level: u32, number: u64) -> TileKey {
        TileKey { record: 0, level, number }
    }

    #[test]
    fn a_view_has_a_thousand_bins_and_more() {
        assert_eq!([10.0, 1e3, 1.9e3, 2e3, 7.9e3, 8e3].map(level), [0, 0, 0, 1, 2, 3], "powers of two");
    }

    #[test]
    fn what_has_not_arrived_is_drawn_from_another_zoom() {
        let mut tiles = Tiles::default();
        assert_eq!(tiles.ask(0, 1, (0, 2_048)), [key(1, 0), key(1, 1)], "asked once");
        assert_eq!(tiles.ask(0, 1, (0, 2_048)), [], "and not again");
        tiles.put(key(1, 0), "fine");
        let seen = |tiles: &Tiles<&'static str>| {
            let best = tiles.best(0, 1, (100, 2_000));
            best.iter().map(|piece| (piece.range_bp, *piece.tile)).collect::<Vec<_>>()
        };
        assert_eq!(seen(&tiles), [((100, 1_024), "fine")], "half of it is here");
        tiles.put(key(3, 0), "coarse");
        assert_eq!(seen(&tiles), [((100, 1_024), "fine"), ((1_024, 2_000), "coarse")], "the rest from afar");
        let near = tiles.best(0, 2, (0, 1_500));
        assert_eq!(near.iter().map(|piece| piece.range_bp).collect::<Vec<_>>(), [(0, 1_500)], "coarser before finer");
    }

    #[test]
    fn finer_tiles_stand_in_for_a_coarse_one() {
        let mut tiles = Tiles::default();
        tiles.put(key(0, 1), "fine");
        let best = tiles.best(0, 1, (0, 1_024));
        assert_eq!(best.iter().map(|piece| piece.range_bp).collect::<Vec<_>>(), [(512, 1_024)], "as much as there is");
    }

    #[test]
    fn tiles_that_are_not_looked_at_are_let_go() {
        let mut tiles: Tiles<()> = Tiles::default();
        for number in 0..200 {
            tiles.ask(0, 0, (number * 512, (number + 1) * 512));
        }
        assert!(tiles.tiles.len() <= KEPT, "{} are kept", tiles.tiles.len());
        assert!(tiles.tiles.contains_key(&key(0, 199)), "the last one is");
    }
}
