//! What can be asked of a sweep, and what it gives.

use std::ops::Range;

use crate::gpu::tiles::word;

/// Which form of a kernel runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnsForm {
    /// Within default limits.
    #[cfg_attr(not(test), expect(dead_code, reason = "tests alone look at it"))]
    Plain,
    /// With more workgroup memory; where there is too little, or blocks are listed, the plain form runs.
    Wide,
}

/// Sums and maxima over the queries.
#[derive(Clone, Debug)]
pub(crate) struct Columns<'a> {
    /// Weights of the queries, `[sum, batch, seq]`.
    pub(crate) weights: wgpu::BindingResource<'a>,
    /// Number of sums, 1 to 4.
    pub(crate) count: u32,
    pub(crate) form: ColumnsForm,
}

/// What [`super::Sweep::columns`] gives.
#[derive(Debug)]
pub(crate) struct ColumnsFound {
    /// `Σ_i w_i·P_ij`, `[sum, batch, head, seq]`.
    pub(crate) sums: wgpu::Buffer,
    /// `max_i P_ij` over the real queries, `[batch, head, seq]`.
    pub(crate) maxima: wgpu::Buffer,
    #[cfg_attr(not(test), expect(dead_code, reason = "tests alone look at it"))]
    pub(crate) looked_at: LookedAt,
}

/// What [`super::Sweep::rows`] gives.
#[derive(Debug)]
pub(crate) struct RowsFound {
    /// Entropy in nats, then expected distance, `[2, batch, head, seq]`.
    pub(crate) spread: wgpu::Buffer,
    /// `Σ_j P_ij·u_j`, `[sum, batch, head, seq]`.
    pub(crate) sums: wgpu::Buffer,
    #[cfg_attr(not(test), expect(dead_code, reason = "tests alone look at it"))]
    pub(crate) looked_at: LookedAt,
}

/// Groups of attention heads, and rows of the batch, that are meant; P is the mean of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Groups {
    /// Rows of the batch.
    pub(crate) rows: Range<usize>,
    /// Attention heads of each group, as many in each; no more groups than there are attention heads.
    pub(crate) members: Vec<Vec<u32>>,
}

impl Groups {
    /// Members of a group, number of groups, and first row, for kernels that know none.
    pub(super) const FIRST: [u32; 3] = [1, 1, 0];

    /// Every attention head by itself.
    #[cfg(test)]
    pub(crate) fn each(rows: Range<usize>, heads: usize) -> Self {
        Self { rows, members: (0..word(heads)).map(|head| vec![head]).collect() }
    }

    /// The mean of some attention heads.
    pub(crate) fn mean(rows: Range<usize>, heads: Range<usize>) -> Self {
        Self { rows, members: vec![heads.map(word).collect()] }
    }

    /// Attention heads of a group.
    pub(super) fn averaged(&self) -> u32 {
        self.members.first().map_or(0, |group| word(group.len()))
    }

    /// Groups of all rows.
    pub(super) fn lines(&self) -> u32 {
        word(self.rows.len() * self.members.len())
    }

    /// The members as kernels read them, `[group, averaged]`.
    pub(super) fn words(&self) -> Vec<u32> {
        self.members.concat()
    }
}

/// What [`super::Sweep::top`] gives.
#[derive(Debug)]
pub(crate) struct TopFound {
    /// Probabilities, the largest first, `[row, group, seq, place]`; 0 where there is no partner.
    pub(crate) values: wgpu::Buffer,
    /// Keys, likewise; `u32::MAX` where there is no partner.
    pub(crate) indices: wgpu::Buffer,
    #[cfg_attr(not(test), expect(dead_code, reason = "tests alone look at it"))]
    pub(crate) looked_at: LookedAt,
}

/// What [`super::Sweep::map`] gives, `[row, group, bin of queries, bin of keys]`.
#[derive(Debug)]
pub(crate) struct MapFound {
    /// Sums of P: the mean of a cell is its sum by its area.
    pub(crate) sums: wgpu::Buffer,
    /// The largest P of each cell.
    pub(crate) maxima: wgpu::Buffer,
}

/// Scores that a request looked at; told by the sweep until the next request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LookedAt {
    /// Numbers of workgroups that tell of themselves.
    pub(super) words: u32,
    /// Scores that there are.
    pub(super) of: u64,
}
