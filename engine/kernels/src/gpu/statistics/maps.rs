//! Maps: attention pooled over cells, and parts of it as they are.

use std::ops::Range;

use super::{
    Sweep,
    asked::{Groups, MapFound},
    cells::{self, BAND_TILE, Side},
    plan::TILE,
    refused,
};
use crate::gpu::{
    error::KernelError,
    pace::{Grid, Watching},
    source::Kernel,
    tiles::word,
};

pub(in crate::gpu) const MAP: Kernel =
    Kernel { name: "attention_map", text: include_str!("../../../../../shaders/attention_map.wgsl"), buffers: 8 };

pub(super) const MAP_JOIN: Kernel = Kernel {
    name: "attention_map_join",
    text: include_str!("../../../../../shaders/attention_map_join.wgsl"),
    buffers: 5,
};

pub(in crate::gpu) const WINDOW: Kernel =
    Kernel { name: "attention_window", text: include_str!("../../../../../shaders/attention_window.wgsl"), buffers: 7 };

impl Sweep<'_> {
    /// Sums and maxima over cells of positions between the edges of queries and of keys, which rise.
    ///
    /// # Errors
    /// When groups do not fit or edges do not rise within the sequence, and as for [`Sweep::new`].
    pub(crate) fn map(
        &self,
        groups: &Groups,
        edges: [&[u32]; 2],
        watching: &mut Watching<'_>,
    ) -> Result<MapFound, KernelError> {
        let rise = |edges: &[u32]| edges.len() > 1 && edges.is_sorted_by(|a, b| a < b);
        if !edges.iter().all(|edges| rise(edges) && edges[edges.len() - 1] <= self.plan.seq) {
            return refused(format!("bins of a map do not rise from edge to edge up to at most {}", self.plan.seq));
        }
        self.check(groups)?;
        let [queries, keys] = edges.map(Side::new);
        let words = self.gpu.buffer_of("cells of a map", &cells::words(&queries, &keys, &groups.words()))?;
        let pieces = self.empty_map(groups, queries.pieces(), keys.pieces())?;
        let mut buffers = self.inputs();
        buffers.extend([&words, &pieces.sums, &pieces.maxima].map(wgpu::Buffer::as_entire_binding));
        let area = [&queries, &keys].map(|side| f64::from(side.largest_band().next_multiple_of(BAND_TILE)));
        let of_each = area[0] * area[1] * f64::from(groups.averaged() * 2 * self.plan.d);
        let mut work = Grid::new([keys.bands(), queries.bands(), groups.lines()], of_each);
        let parameters = self.parameters_of(groups, [0; 4]);
        self.run(MAP, &self.constants(BAND_TILE, &[]), parameters, &buffers, &mut work, watching)?;
        if queries.pieces() == queries.bins() && keys.pieces() == keys.bins() {
            return Ok(pieces);
        }
        self.joined(&pieces, &words, groups, [&queries, &keys], watching)
    }

    fn empty_map(&self, groups: &Groups, queries: u32, keys: u32) -> Result<MapFound, KernelError> {
        let shape = [groups.lines(), queries, keys];
        Ok(MapFound { sums: self.numbers("sums of a map", shape)?, maxima: self.numbers("maxima of a map", shape)? })
    }

    /// Adds up the pieces of bins that were cut.
    fn joined(
        &self,
        pieces: &MapFound,
        words: &wgpu::Buffer,
        groups: &Groups,
        [queries, keys]: [&Side; 2],
        watching: &mut Watching<'_>,
    ) -> Result<MapFound, KernelError> {
        let found = self.empty_map(groups, queries.bins(), keys.bins())?;
        let parameters = self.parameters_of(groups, [0, 0, keys.bins(), queries.bins()]);
        let buffers = [words, &pieces.sums, &pieces.maxima, &found.sums, &found.maxima];
        let buffers = buffers.map(wgpu::Buffer::as_entire_binding);
        let of_each = [queries, keys].map(|side| f64::from(side.pieces().div_ceil(side.bins())));
        let mut work = Grid::new([keys.bins(), queries.bins(), groups.lines()], 64.0 + of_each[0] * of_each[1]);
        self.run(MAP_JOIN, &[], parameters, &buffers, &mut work, watching)?;
        Ok(found)
    }

    /// P of some queries and keys, `[row, group, query, key]`.
    ///
    /// # Errors
    /// When groups do not fit or ranges do not lie within the sequence, and as for [`Sweep::new`].
    pub(crate) fn window(
        &self,
        groups: &Groups,
        [queries, keys]: [Range<usize>; 2],
        watching: &mut Watching<'_>,
    ) -> Result<wgpu::Buffer, KernelError> {
        let seq = self.plan.seq;
        if [&queries, &keys].iter().any(|range| range.is_empty() || range.end > seq as usize) {
            return refused(format!("queries {queries:?} and keys {keys:?} of {seq} positions"));
        }
        self.check(groups)?;
        let members = self.gpu.buffer_of("members of groups", &groups.words())?;
        let size = [&queries, &keys].map(|range| word(range.len()));
        let part = self.numbers("a part of attention", [groups.lines(), size[0], size[1]])?;
        let mut buffers = self.inputs();
        buffers.extend([&members, &part].map(wgpu::Buffer::as_entire_binding));
        let area = [queries.start, queries.end, keys.start, keys.end].map(word);
        let of_each = f64::from(TILE * TILE * groups.averaged() * 2 * self.plan.d);
        let mut work = Grid::new([size[1].div_ceil(TILE), size[0].div_ceil(TILE), groups.lines()], of_each);
        let parameters = self.parameters_of(groups, area);
        self.run(WINDOW, &self.constants(TILE, &[]), parameters, &buffers, &mut work, watching)?;
        Ok(part)
    }
}
