//! What attention did, on the GPU: a second sweep over its tiles with the saved log-sum-exp of each row.
//!
//! A [`Sweep`] finds out once how far each step of queries reaches (`attention_reach.wgsl`); from then on every kernel
//! visits the same pairs of tiles, whether it keeps queries or keys. What is left out stays below 2⁻²⁴ of each row.
//! Results are buffers on the GPU. A number that is not finite, in q, k or what follows from them, comes out as
//! not-a-number wherever it takes part.

use std::ops::Range;

mod asked;
mod cells;
mod maps;
mod plan;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod truth;

pub(crate) use asked::{Columns, ColumnsForm, ColumnsFound, Groups, LookedAt, RowsFound, TopFound};
pub(super) use maps::{MAP, WINDOW};
pub(crate) use plan::SweepPlan;

use self::plan::TILE;
use super::{
    context::{Gpu, Launch},
    error::KernelError,
    pace::{Grid, Items, Watching, Work},
    parameters::Parameters,
    source::{Constant, Kernel},
    tiles::{STEP, word},
    view::View,
};
#[cfg(test)]
use crate::reach::Kept;

const REACH: Kernel =
    Kernel { name: "attention_reach", text: include_str!("../../../../shaders/attention_reach.wgsl"), buffers: 5 };

pub(super) const COLUMNS: Kernel =
    Kernel { name: "attention_columns", text: include_str!("../../../../shaders/attention_columns.wgsl"), buffers: 8 };

const COLUMNS_WIDE: Kernel = Kernel {
    name: "attention_columns_wide",
    text: include_str!("../../../../shaders/attention_columns_wide.wgsl"),
    buffers: 8,
};

const ROWS: Kernel =
    Kernel { name: "attention_rows", text: include_str!("../../../../shaders/attention_rows.wgsl"), buffers: 8 };

pub(super) const TOP: Kernel =
    Kernel { name: "attention_top", text: include_str!("../../../../shaders/attention_top.wgsl"), buffers: 8 };

/// Positions of a tile where shares pass through workgroup memory.
const SMALL_TILE: u32 = 32;

/// Queries of a tile of `attention_columns_wide.wgsl`.
const WIDE_QUERIES: u32 = 128;

/// Vectors that a kernel takes at once.
pub(crate) const MOST_VECTORS: u32 = 4;

/// The most partners of a query.
pub(crate) const MOST_PARTNERS: u32 = 8;

/// One layer, ready to be asked.
#[derive(Debug)]
pub(crate) struct Sweep<'a> {
    gpu: &'a Gpu,
    plan: &'a SweepPlan,
    q: View,
    k: View,
    /// `[batch, head, seq]`.
    log_sums: wgpu::BindingResource<'a>,
    /// Reach of each step of queries, then what workgroups tell of themselves.
    outlook: wgpu::Buffer,
}

impl<'a> Sweep<'a> {
    /// From queries and keys `[batch, head, seq, d]`, the log-sum-exp `[batch, head, seq]` that the forward pass gave,
    /// and norms that begin with the largest `‖k‖` of each attention head `[batch, head]` (3e38 where one is not finite).
    ///
    /// # Errors
    /// When a tensor does not lie as kernels read it, there is no memory, or the one who watches ends the work.
    pub(crate) fn new(
        gpu: &'a Gpu,
        plan: &'a SweepPlan,
        [q, k]: [View; 2],
        log_sums: wgpu::BindingResource<'a>,
        norms: wgpu::BindingResource<'_>,
        watching: &mut Watching<'_>,
    ) -> Result<Self, KernelError> {
        let shape = [plan.batch, plan.heads, plan.seq, plan.d];
        q.check("q", gpu, shape)?;
        k.check("k", gpu, shape)?;
        // The smallest tiles are as large as a step: there are no more workgroups to tell of than steps.
        let words = 2 * u64::from(plan.head_rows()) * u64::from(plan.seq.div_ceil(STEP));
        let outlook = gpu.buffer("the outlook of attention", 4 * words)?;
        let sweep = Self { gpu, plan, q, k, log_sums, outlook };
        let buffers = [
            sweep.q.binding(),
            sweep.log_sums.clone(),
            plan.buffer.as_entire_binding(),
            norms,
            sweep.outlook.as_entire_binding(),
        ];
        let size = [plan.seq.div_ceil(STEP), plan.head_rows(), 1];
        let mut work = Grid::new(size, f64::from(2 * STEP * plan.d));
        sweep.run(REACH, &[sweep.head_dim()], sweep.parameters(), &buffers, &mut work, watching)?;
        Ok(sweep)
    }

    /// Weighted sums and maxima over the queries.
    ///
    /// # Errors
    /// When there are no weights or more than 4 vectors of them, and as for [`Sweep::new`].
    pub(crate) fn columns(
        &self,
        asked: &Columns<'_>,
        watching: &mut Watching<'_>,
    ) -> Result<ColumnsFound, KernelError> {
        if !(1..=MOST_VECTORS).contains(&asked.count) {
            return refused(format!("{} vectors of weights, where a sweep takes 1 to {MOST_VECTORS}", asked.count));
        }
        let plan = self.plan;
        let found = ColumnsFound {
            sums: self.numbers("column sums", [asked.count, plan.head_rows(), plan.seq])?,
            maxima: self.numbers("column maxima", [1, plan.head_rows(), plan.seq])?,
            looked_at: self.looked_at(plan.head_rows(), TILE, plan.head_rows()),
        };
        let mut buffers = self.inputs();
        buffers.extend([asked.weights.clone(), found.sums.as_entire_binding(), found.maxima.as_entire_binding()]);
        let sums = ("SUMS", Constant::Count(asked.count));
        let parameters = self.parameters_with(plan.of_keys);
        let mut work = self.items_of_heads();
        if asked.form == ColumnsForm::Wide && self.can_be_wide() {
            self.run(COLUMNS_WIDE, &[self.head_dim(), sums], parameters, &buffers, &mut work, watching)?;
        } else {
            self.run(COLUMNS, &self.constants(TILE, &[sums]), parameters, &buffers, &mut work, watching)?;
        }
        Ok(found)
    }

    /// Entropy, expected distance, and sums over the keys weighted by `count` vectors `[sum, batch, seq]`.
    ///
    /// # Errors
    /// When there are more than 4 vectors, and as for [`Sweep::new`].
    pub(crate) fn rows(
        &self,
        vectors: Option<wgpu::BindingResource<'_>>,
        count: u32,
        watching: &mut Watching<'_>,
    ) -> Result<RowsFound, KernelError> {
        if count > MOST_VECTORS || vectors.is_some() != (count > 0) {
            return refused(format!("{count} vectors of numbers, where a sweep takes up to {MOST_VECTORS}"));
        }
        let plan = self.plan;
        let found = RowsFound {
            spread: self.numbers("entropy and distance", [2, plan.head_rows(), plan.seq])?,
            sums: self.numbers("row sums", [count, plan.head_rows(), plan.seq])?,
            looked_at: self.looked_at(plan.head_rows(), TILE, plan.head_rows()),
        };
        let mut buffers = self.inputs();
        let vectors = vectors.unwrap_or_else(|| self.gpu.spare());
        buffers.extend([vectors, found.spread.as_entire_binding(), found.sums.as_entire_binding()]);
        let constants = self.constants(TILE, &[("SUMS", Constant::Count(count))]);
        let parameters = self.parameters_with(plan.of_queries);
        self.run(ROWS, &constants, parameters, &buffers, &mut self.items_of_heads(), watching)?;
        Ok(found)
    }

    /// The strongest partners of each query in the mean of each group of attention heads.
    ///
    /// # Errors
    /// When groups do not fit or more than 8 partners are asked for, and as for [`Sweep::new`].
    pub(crate) fn top(
        &self,
        groups: &Groups,
        places: u32,
        watching: &mut Watching<'_>,
    ) -> Result<TopFound, KernelError> {
        if !(1..=MOST_PARTNERS).contains(&places) {
            return refused(format!("{places} partners of each query, where 1 to {MOST_PARTNERS} can be kept"));
        }
        self.check(groups)?;
        let seq = self.plan.seq;
        let members = self.gpu.buffer_of("members of groups", &groups.words())?;
        let found = TopFound {
            values: self.numbers("partners", [groups.lines(), seq, places])?,
            indices: self.numbers("partners", [groups.lines(), seq, places])?,
            looked_at: self.looked_at(groups.lines(), SMALL_TILE, groups.lines() * groups.averaged()),
        };
        let mut buffers = self.inputs();
        let outputs = [&members, &found.values, &found.indices];
        buffers.extend(outputs.map(wgpu::Buffer::as_entire_binding));
        let constants = self.constants(SMALL_TILE, &[("PLACES", Constant::Count(places))]);
        let run = |members: &Vec<u32>| {
            let cost = f64::from(SMALL_TILE) * self.plan.cost_of_query(members.iter().copied());
            (seq.div_ceil(SMALL_TILE), cost)
        };
        let runs = groups.rows.clone().flat_map(|_| groups.members.iter().map(run));
        let mut work = Items::new(runs.collect());
        self.run(TOP, &constants, self.parameters_of(groups, [0; 4]), &buffers, &mut work, watching)?;
        Ok(found)
    }

    /// The share of scores that the last request looked at.
    ///
    /// # Errors
    /// When the device is lost.
    #[cfg(test)]
    pub(crate) fn kept(&self, looked_at: &LookedAt) -> Result<Kept, KernelError> {
        let counts = self.gpu.read(&self.outlook, self.kept_at(), looked_at.words)?;
        Ok(Kept { scores: counts.into_iter().map(u64::from).sum(), of: looked_at.of, norm_bound: 0.0 })
    }

    /// Builds a kernel and runs it.
    fn run(
        &self,
        kernel: Kernel,
        constants: &[(&'static str, Constant)],
        parameters: Parameters,
        buffers: &[wgpu::BindingResource<'_>],
        work: &mut dyn Work,
        watching: &mut Watching<'_>,
    ) -> Result<(), KernelError> {
        let pipeline = self.gpu.pipeline(&kernel, constants)?;
        self.gpu.run(Launch { pipeline: &pipeline, parameters, buffers }, work, watching)
    }

    /// The bindings that all kernels begin with.
    fn inputs(&self) -> Vec<wgpu::BindingResource<'_>> {
        let (plan, outlook) = (self.plan.buffer.as_entire_binding(), self.outlook.as_entire_binding());
        vec![self.q.binding(), self.k.binding(), self.log_sums.clone(), plan, outlook]
    }

    /// A buffer for numbers of that shape.
    fn numbers(&self, what: &'static str, shape: [u32; 3]) -> Result<wgpu::Buffer, KernelError> {
        let words: u64 = shape.into_iter().map(u64::from).product();
        let most = self.gpu.limits().max_storage_buffer_binding_size;
        if words > u64::from(u32::MAX) || 4 * words > most {
            return refused(format!(
                "{what} take {} bytes, of which {} can bind {most}",
                4 * words,
                self.gpu.adapter()
            ));
        }
        // In tests, places that no kernel writes to are told from zeros.
        #[cfg(test)]
        if words > 0 {
            return self.gpu.buffer_of(what, &vec![0x4b4b_4b4b; usize::try_from(words).expect("it fits a word")]);
        }
        self.gpu.buffer(what, 4 * words)
    }

    fn parameters(&self) -> Parameters {
        self.parameters_for(Groups::FIRST, [0; 4], [0; 2])
    }

    fn parameters_with(&self, tiles: [u32; 2]) -> Parameters {
        self.parameters_for(Groups::FIRST, [0; 4], tiles)
    }

    fn parameters_of(&self, groups: &Groups, area: [u32; 4]) -> Parameters {
        let of_groups = [groups.averaged(), word(groups.members.len()), word(groups.rows.start)];
        self.parameters_for(of_groups, area, [0; 2])
    }

    /// What all kernels are told.
    fn parameters_for(
        &self,
        [averaged, groups, first_window]: [u32; 3],
        area: [u32; 4],
        [tile_pointers, tiles]: [u32; 2],
    ) -> Parameters {
        let plan = self.plan;
        self.q
            .parameter("queries")
            .and(&self.k.parameter("keys"))
            .words("area", &area)
            .count("batch", plan.batch)
            .count("heads", plan.heads)
            .count("seq", plan.seq)
            .number("scale", std::f32::consts::LOG2_E / (plan.d as f32).sqrt())
            .count("packed", u32::from(plan.packed))
            .count("averaged", averaged)
            .count("groups", groups)
            .count("first_item", 0)
            .count("first_x", 0)
            .count("first_y", 0)
            .count("first_z", 0)
            .count("kept_at", self.kept_at())
            .count("order_at", plan.words.order_at)
            .count("segments_at", plan.words.segments_at)
            .count("ranges_at", plan.words.ranges_at)
            .count("slopes_at", plan.words.slopes_at)
            .count("block_pointers_at", plan.words.seen.pointers)
            .count("blocks_at", plan.words.seen.pairs)
            .count("blocks", plan.blocks)
            .count("tile_pointers_at", tile_pointers)
            .count("tiles_at", tiles)
            .count("first_window", first_window)
    }

    /// Where in the outlook workgroups tell of themselves.
    fn kept_at(&self) -> u32 {
        self.plan.head_rows() * self.plan.seq.div_ceil(STEP)
    }

    /// What the workgroups of a request will have told: `lines` times the tiles of a sequence, of so many attention
    /// heads.
    fn looked_at(&self, lines: u32, tile: u32, heads: u32) -> LookedAt {
        let seq = u64::from(self.plan.seq);
        LookedAt { words: lines * self.plan.seq.div_ceil(tile), of: u64::from(heads) * seq * seq }
    }

    /// One item for each tile of each attention head, in the order of the plan.
    fn items_of_heads(&self) -> Items {
        let plan = self.plan;
        let run =
            |head_row: &u32| (plan.seq.div_ceil(TILE), f64::from(TILE) * plan.cost_of_query([head_row % plan.heads]));
        Items::new(plan.order().iter().map(run).collect())
    }

    fn head_dim(&self) -> (&'static str, Constant) {
        ("HEAD_DIM", Constant::Count(self.plan.d))
    }

    /// What the constants of a shader are, with some of its own.
    fn constants(&self, tile: u32, own: &[(&'static str, Constant)]) -> Vec<(&'static str, Constant)> {
        let mut constants = vec![
            self.head_dim(),
            ("TILE", Constant::Count(tile)),
            ("LISTED", Constant::Switch(self.plan.block.is_some())),
            ("BLOCK", Constant::Count(self.plan.block.unwrap_or(TILE))),
        ];
        constants.extend_from_slice(own);
        constants
    }

    /// Whether the keys of a tile fit into workgroup memory beside a part of the queries; block lists are for the plain
    /// form.
    fn can_be_wide(&self) -> bool {
        let of_keys = 16 * TILE * ((self.plan.d / 4) | 1);
        // Staged channels and, of each query, its level, its segment and its weights; one visit.
        let of_queries = 16 * WIDE_QUERIES * 5 + 24 * WIDE_QUERIES + 16;
        self.plan.block.is_none() && of_keys + of_queries <= self.gpu.limits().max_compute_workgroup_storage_size
    }

    /// Whether groups name what is there.
    fn check(&self, groups: &Groups) -> Result<(), KernelError> {
        let (batch, heads) = (self.plan.batch, self.plan.heads);
        let Range { start, end } = groups.rows;
        if start >= end || end > batch as usize {
            return refused(format!("rows {start} to {end} of a batch of {batch}"));
        }
        let averaged = groups.averaged();
        let fits = |group: &Vec<u32>| word(group.len()) == averaged && group.iter().all(|head| *head < heads);
        if averaged == 0 || groups.members.len() > heads as usize || !groups.members.iter().all(fits) {
            return refused(format!(
                "groups of attention heads that are uneven, too many, or beyond the {heads} there are"
            ));
        }
        Ok(())
    }
}

fn refused<T>(problem: String) -> Result<T, KernelError> {
    Err(KernelError::Problem { problem })
}
