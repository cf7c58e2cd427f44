//! How a map is cut for its kernel: bins into pieces, pieces into bands.

use crate::gpu::tiles::word;

/// Positions that a workgroup adds up along one side at most.
const LARGEST_PIECE: u32 = 256;

/// Positions of a band of several pieces at most: the tile of the kernel.
pub(super) const BAND_TILE: u32 = 32;

/// One side of a map.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Side {
    /// Where pieces begin, and the end of the last.
    edges: Vec<u32>,
    /// The first piece of each band, and the end of the last.
    bands: Vec<u32>,
    /// The first piece of each bin, and the end of the last.
    firsts: Vec<u32>,
}

impl Side {
    /// For bins between edges that rise.
    pub(super) fn new(edges: &[u32]) -> Self {
        let mut side = Self { edges: vec![edges[0]], bands: vec![0], firsts: vec![0] };
        let mut band = 0;
        for bin in edges.windows(2) {
            let size = bin[1] - bin[0];
            let parts = size.div_ceil(LARGEST_PIECE);
            for part in 1..=parts {
                // As even as whole positions allow.
                let end = bin[0] + size / parts * part + part.min(size % parts);
                let piece = end - side.edges[side.edges.len() - 1];
                // A band ends before a piece that does not fit into its tile.
                if band > 0 && band + piece > BAND_TILE {
                    side.bands.push(word(side.edges.len() - 1));
                    band = 0;
                }
                band += piece;
                side.edges.push(end);
            }
            side.firsts.push(word(side.edges.len() - 1));
        }
        side.bands.push(word(side.edges.len() - 1));
        side
    }

    pub(super) fn pieces(&self) -> u32 {
        word(self.edges.len() - 1)
    }

    pub(super) fn bands(&self) -> u32 {
        word(self.bands.len() - 1)
    }

    pub(super) fn bins(&self) -> u32 {
        word(self.firsts.len() - 1)
    }

    /// Positions of the largest band.
    pub(super) fn largest_band(&self) -> u32 {
        let size = |band: &[u32]| self.edges[band[1] as usize] - self.edges[band[0] as usize];
        self.bands.windows(2).map(size).max().unwrap_or(0)
    }
}

/// The words that `attention_map.wgsl` and `attention_map_join.wgsl` read.
pub(super) fn words(queries: &Side, keys: &Side, members: &[u32]) -> Vec<u32> {
    const HEAD: usize = 9;
    let mut words = vec![0; HEAD];
    words[0] = queries.pieces();
    words[1] = keys.pieces();
    let parts = [&queries.edges, &keys.edges, &queries.bands, &keys.bands, members, &queries.firsts, &keys.firsts];
    for (part, values) in parts.into_iter().enumerate() {
        words[2 + part] = word(words.len());
        words.extend_from_slice(values);
    }
    words
}

/// `count` bins of nearly one size over a range of positions.
#[cfg(test)]
pub(super) fn even_edges(range: std::ops::Range<u32>, count: u32) -> Vec<u32> {
    (0..=count).map(|bin| range.start + (range.end - range.start) * bin / count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_bins_share_a_band_and_large_ones_are_cut() {
        let side = Side::new(&[5, 15, 25, 35, 45, 345, 346]);
        assert_eq!(side.edges, [5, 15, 25, 35, 45, 195, 345, 346]);
        assert_eq!(side.bands, [0, 3, 4, 5, 6, 7]);
        assert_eq!(side.firsts, [0, 1, 2, 3, 4, 6, 7]);
    }

    #[test]
    fn every_band_of_several_pieces_fits_into_a_tile() {
        for count in [1, 3, 40, 333, 1000] {
            let side = Side::new(&even_edges(17..1017, count));
            for band in side.bands.windows(2).filter(|band| band[1] - band[0] > 1) {
                let size = side.edges[band[1] as usize] - side.edges[band[0] as usize];
                assert!(size <= BAND_TILE, "{count} bins: a band of {size}");
            }
        }
    }
}
