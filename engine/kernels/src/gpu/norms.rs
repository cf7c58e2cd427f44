//! Norms of queries and keys, which tell how far attention can reach.

use super::{
    context::{Gpu, Launch},
    error::KernelError,
    pace::{Grid, Watching},
    parameters::Parameters,
    plan::{Plan, part},
    source::{Constant, Kernel},
    tiles::STEP,
    view::View,
};
use crate::reach::Kept;

/// The largest norm of each step.
pub(super) const TILE_NORMS: Kernel =
    Kernel { name: "tile_norms", text: include_str!("../../../../shaders/tile_norms.wgsl"), buffers: 4 };

/// The largest norm of each attention head.
pub(super) const HEAD_NORMS: Kernel =
    Kernel { name: "head_norms", text: include_str!("../../../../shaders/head_norms.wgsl"), buffers: 1 };

/// What kernels of one pass tell one another and the host: words, of which many are numbers in bits.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) buffer: wgpu::Buffer,
    /// The largest `‖k‖` of each attention head, `[batch, head]`; 3e38 where one is not finite.
    pub(crate) key_norms_at: u32,
    /// The same of queries.
    pub(crate) query_norms_at: u32,
    /// The largest `‖q‖` of each step, `[batch, head, step]`.
    pub(crate) tile_queries_at: u32,
    /// The same of keys.
    pub(crate) tile_keys_at: u32,
    /// Keys or queries that each item has visited, in the order of the plan.
    pub(crate) visited_at: u32,
    /// Words of the kernel's own, behind all others.
    pub(crate) own_at: u32,
}

impl Workspace {
    /// With room for `items` and for `own` words beside the norms.
    pub(crate) fn new(gpu: &Gpu, plan: &Plan, items: u32, own: u32) -> Result<Self, KernelError> {
        let (head_rows, steps) = (plan.head_rows(), plan.head_rows() * plan.steps());
        let tile_queries_at = 2 * head_rows;
        let visited_at = tile_queries_at + 2 * steps;
        let own_at = visited_at + items;
        Ok(Self {
            buffer: gpu.buffer("norms of attention", (u64::from(own_at) + u64::from(own)) * 4)?,
            key_norms_at: 0,
            query_norms_at: head_rows,
            tile_queries_at,
            tile_keys_at: tile_queries_at + steps,
            visited_at,
            own_at,
        })
    }

    /// Fills in the norms of checked queries and keys.
    pub(crate) fn measure(
        &self,
        gpu: &Gpu,
        plan: &Plan,
        [q, k]: [&View; 2],
        watching: &mut Watching<'_>,
    ) -> Result<(), KernelError> {
        let pipeline = gpu.pipeline(&TILE_NORMS, &[("HEAD_DIM", Constant::Count(plan.d))])?;
        let buffers = [q.binding(), k.binding(), plan.buffer.as_entire_binding(), self.buffer.as_entire_binding()];
        let launch = Launch { pipeline: &pipeline, parameters: self.tile_parameters(plan, [q, k]), buffers: &buffers };
        let mut work = Grid::new([plan.steps(), plan.head_rows(), 1], f64::from(4 * STEP * plan.d));
        gpu.run(launch, &mut work, &mut part(watching, 0.0..0.9))?;

        let pipeline = gpu.pipeline(&HEAD_NORMS, &[])?;
        let buffers = [self.buffer.as_entire_binding()];
        let launch = Launch { pipeline: &pipeline, parameters: self.head_parameters(plan), buffers: &buffers };
        let mut work = Grid::new([plan.head_rows(), 1, 1], f64::from(2 * plan.steps()));
        gpu.run(launch, &mut work, &mut part(watching, 0.9..1.0))
    }

    pub(super) fn tile_parameters(&self, plan: &Plan, [q, k]: [&View; 2]) -> Parameters {
        (q.parameter("q").and(&k.parameter("k")))
            .count("first_x", 0)
            .count("first_y", 0)
            .count("heads", plan.heads)
            .count("seq", plan.seq)
            .count("segments_at", plan.words.segments_at)
            .count("tile_queries_at", self.tile_queries_at)
            .count("tile_keys_at", self.tile_keys_at)
    }

    pub(super) fn head_parameters(&self, plan: &Plan) -> Parameters {
        Parameters::default()
            .count("first_x", 0)
            .count("steps", plan.steps())
            .count("key_norms_at", self.key_norms_at)
            .count("query_norms_at", self.query_norms_at)
            .count("tile_queries_at", self.tile_queries_at)
            .count("tile_keys_at", self.tile_keys_at)
    }

    /// How much of its square a kernel with such tiles has looked at, once it is done.
    pub(crate) fn kept(&self, gpu: &Gpu, plan: &Plan, tile: u32) -> Result<Kept, KernelError> {
        let items = plan.head_rows() * plan.items_of_head(tile);
        let visited = gpu.read(&self.buffer, self.visited_at, items)?;
        let norms = gpu.read(&self.buffer, 0, 2 * plan.head_rows())?;
        let (keys, queries) = norms.split_at(plan.head_rows() as usize);
        let bound = |(key, query): (&u32, &u32)| f32::from_bits(*key) * f32::from_bits(*query) / (plan.d as f32).sqrt();
        Ok(Kept {
            scores: plan.scores(tile, &visited),
            of: plan.all_scores,
            norm_bound: keys.iter().zip(queries).map(bound).fold(0.0, f32::max),
        })
    }
}
