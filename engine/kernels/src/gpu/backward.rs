//! The backward pass: nothing of the forward pass is needed but its output and its log-sum-exp.

use super::{
    context::{Gpu, Launch},
    error::KernelError,
    forward::check_rows,
    norms::Workspace,
    pace::{Grid, Watching},
    parameters::Parameters,
    plan::{Keeping, Plan, part},
    source::{Constant, Kernel},
    tiles::STEP,
    view::View,
};
#[cfg(test)]
use crate::reach::Kept;

/// What is known of each query.
pub(super) const ROW_PRODUCTS: Kernel =
    Kernel { name: "row_products", text: include_str!("../../../../shaders/row_products.wgsl"), buffers: 5 };

/// How far queries reach, from each step outward.
pub(super) const RUNNING_EXCESS: Kernel =
    Kernel { name: "running_excess", text: include_str!("../../../../shaders/running_excess.wgsl"), buffers: 1 };

/// The gradient at the queries.
pub(super) const QUERY: Kernel = Kernel {
    name: "attention_backward_query",
    text: include_str!("../../../../shaders/attention_backward_query.wgsl"),
    buffers: 7,
};

/// The gradients at keys and values.
pub(super) const KEY: Kernel = Kernel {
    name: "attention_backward_key",
    text: include_str!("../../../../shaders/attention_backward_key.wgsl"),
    buffers: 8,
};

/// Positions of a tile of both.
const TILE: u32 = 32;

/// What the backward pass works on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backward<'a> {
    /// Queries, keys and values.
    pub(crate) q: &'a View,
    pub(crate) k: &'a View,
    pub(crate) v: &'a View,
    /// What the forward pass gave.
    pub(crate) out: &'a View,
    pub(crate) log_sums: &'a wgpu::BufferBinding<'a>,
    /// The gradient at its output.
    pub(crate) grad_out: &'a View,
    /// Get the gradients.
    pub(crate) grad_q: &'a View,
    pub(crate) grad_k: &'a View,
    pub(crate) grad_v: &'a View,
}

/// How much the two sweeps have looked at, as soon as someone asks.
#[derive(Debug)]
#[cfg_attr(not(test), expect(dead_code, reason = "tests alone look at it"))]
pub(crate) struct BothLooked {
    queries: Workspace,
    keys: Places,
}

#[cfg(test)]
impl BothLooked {
    /// Of the sweep for the queries, and of that for keys and values; waits for them.
    ///
    /// # Errors
    /// When the device is lost.
    pub(crate) fn kept(&self, gpu: &Gpu, plan: &Plan) -> Result<[Kept; 2], KernelError> {
        let of_queries = self.queries.kept(gpu, plan, TILE)?;
        let items = plan.head_rows() * plan.items_of_head(TILE);
        let visited = gpu.read(&self.queries.buffer, self.keys.visited_at, items)?;
        Ok([of_queries, Kept { scores: plan.scores(TILE, &visited), ..of_queries }])
    }
}

/// Where the kernels of this pass keep what they tell one another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places {
    /// By how much scores can exceed a row's logarithm, `[batch, head, step]`.
    excess_at: u32,
    /// The largest of these up to a step, and from it on.
    up_to_at: u32,
    from_at: u32,
    /// Queries visited, of each item.
    visited_at: u32,
    /// Levels and deltas, `[batch, head, seq, 2]`.
    rows_at: u32,
}

impl Places {
    /// From `begin` on, and how many words they take.
    pub(super) fn new(plan: &Plan, begin: u32) -> (Self, u32) {
        let steps = plan.head_rows() * plan.steps();
        let visited_at = begin + 3 * steps;
        let rows_at = visited_at + plan.head_rows() * plan.items_of_head(TILE);
        let places =
            Self { excess_at: begin, up_to_at: begin + steps, from_at: begin + 2 * steps, visited_at, rows_at };
        (places, rows_at - begin + 2 * plan.head_rows() * plan.seq)
    }
}

/// The gradients of attention, without atomic operations: one sweep keeps queries, the other keys.
///
/// # Errors
/// When tensors do not fit, the device is lost or has no memory, or the one who watches ends the work.
pub(crate) fn backward(
    gpu: &Gpu,
    plan: &Plan,
    tensors: Backward<'_>,
    watching: &mut Watching<'_>,
) -> Result<BothLooked, KernelError> {
    check(gpu, plan, tensors)?;
    let items = plan.head_rows() * plan.items_of_head(TILE);
    let workspace = Workspace::new(gpu, plan, items, Places::new(plan, 0).1)?;
    let (places, _) = Places::new(plan, workspace.own_at);
    workspace.measure(gpu, plan, [tensors.q, tensors.k], &mut part(watching, 0.0..0.02))?;
    look_at_rows(gpu, plan, &workspace, places, tensors, &mut part(watching, 0.02..0.04))?;
    at_queries(gpu, plan, &workspace, places, tensors, &mut part(watching, 0.04..0.45))?;
    at_keys(gpu, plan, &workspace, places, tensors, &mut part(watching, 0.45..1.0))?;
    Ok(BothLooked { queries: workspace, keys: places })
}

fn look_at_rows(
    gpu: &Gpu,
    plan: &Plan,
    workspace: &Workspace,
    places: Places,
    tensors: Backward<'_>,
    watching: &mut Watching<'_>,
) -> Result<(), KernelError> {
    let pipeline = gpu.pipeline(&ROW_PRODUCTS, &width(plan))?;
    let buffers = [
        tensors.grad_out.binding(),
        tensors.out.binding(),
        wgpu::BindingResource::Buffer(tensors.log_sums.clone()),
        plan.buffer.as_entire_binding(),
        workspace.buffer.as_entire_binding(),
    ];
    let parameters = row_parameters(plan, workspace, places, tensors);
    let launch = Launch { pipeline: &pipeline, parameters, buffers: &buffers };
    let mut work = Grid::new([plan.steps(), plan.head_rows(), 1], f64::from(2 * STEP * plan.d));
    gpu.run(launch, &mut work, &mut part(watching, 0.0..0.9))?;

    let pipeline = gpu.pipeline(&RUNNING_EXCESS, &[])?;
    let buffers = [workspace.buffer.as_entire_binding()];
    let launch = Launch { pipeline: &pipeline, parameters: excess_parameters(plan, places), buffers: &buffers };
    let mut work = Grid::new([plan.head_rows(), 1, 1], f64::from(4 * plan.steps()));
    gpu.run(launch, &mut work, &mut part(watching, 0.9..1.0))
}

fn at_queries(
    gpu: &Gpu,
    plan: &Plan,
    workspace: &Workspace,
    places: Places,
    tensors: Backward<'_>,
    watching: &mut Watching<'_>,
) -> Result<(), KernelError> {
    let pipeline = gpu.pipeline(&QUERY, &width(plan))?;
    let buffers = [
        tensors.q.binding(),
        tensors.k.binding(),
        tensors.v.binding(),
        tensors.grad_out.binding(),
        tensors.grad_q.binding(),
        plan.buffer.as_entire_binding(),
        workspace.buffer.as_entire_binding(),
    ];
    let parameters = query_parameters(plan, workspace, places, tensors);
    let launch = Launch { pipeline: &pipeline, parameters, buffers: &buffers };
    gpu.run(launch, &mut plan.items(TILE, 6 * plan.d), watching)
}

fn at_keys(
    gpu: &Gpu,
    plan: &Plan,
    workspace: &Workspace,
    places: Places,
    tensors: Backward<'_>,
    watching: &mut Watching<'_>,
) -> Result<(), KernelError> {
    let pipeline = gpu.pipeline(&KEY, &width(plan))?;
    let buffers = [
        tensors.q.binding(),
        tensors.k.binding(),
        tensors.v.binding(),
        tensors.grad_out.binding(),
        tensors.grad_k.binding(),
        tensors.grad_v.binding(),
        plan.buffer.as_entire_binding(),
        workspace.buffer.as_entire_binding(),
    ];
    let launch = Launch { pipeline: &pipeline, parameters: key_parameters(plan, places, tensors), buffers: &buffers };
    gpu.run(launch, &mut plan.items(TILE, 8 * plan.d), watching)
}

fn width(plan: &Plan) -> [(&'static str, Constant); 1] {
    [("HEAD_DIM", Constant::Count(plan.d))]
}

pub(super) fn row_parameters(plan: &Plan, workspace: &Workspace, places: Places, tensors: Backward<'_>) -> Parameters {
    (tensors.grad_out.parameter("grad_out").and(&tensors.out.parameter("out")))
        .count("first_x", 0)
        .count("first_y", 0)
        .count("heads", plan.heads)
        .count("seq", plan.seq)
        .number("scale", plan.scale())
        .count("segments_at", plan.words.segments_at)
        .count("key_norms_at", workspace.key_norms_at)
        .count("tile_queries_at", workspace.tile_queries_at)
        .count("excess_at", places.excess_at)
        .count("rows_at", places.rows_at)
}

pub(super) fn excess_parameters(plan: &Plan, places: Places) -> Parameters {
    Parameters::default()
        .count("first_x", 0)
        .count("steps", plan.steps())
        .count("excess_at", places.excess_at)
        .count("up_to_at", places.up_to_at)
        .count("from_at", places.from_at)
}

pub(super) fn query_parameters(
    plan: &Plan,
    workspace: &Workspace,
    places: Places,
    tensors: Backward<'_>,
) -> Parameters {
    inputs(tensors)
        .and(&tensors.grad_q.parameter("grad_q"))
        .and(&plan.parameters(TILE, Keeping::Queries))
        .count("excess_at", places.excess_at)
        .count("rows_at", places.rows_at)
        .count("visited_at", workspace.visited_at)
}

pub(super) fn key_parameters(plan: &Plan, places: Places, tensors: Backward<'_>) -> Parameters {
    inputs(tensors)
        .and(&tensors.grad_k.parameter("grad_k"))
        .and(&tensors.grad_v.parameter("grad_v"))
        .and(&plan.parameters(TILE, Keeping::Keys))
        .count("up_to_at", places.up_to_at)
        .count("from_at", places.from_at)
        .count("rows_at", places.rows_at)
        .count("visited_at", places.visited_at)
}

fn inputs(tensors: Backward<'_>) -> Parameters {
    (tensors.q.parameter("q"))
        .and(&tensors.k.parameter("k"))
        .and(&tensors.v.parameter("v"))
        .and(&tensors.grad_out.parameter("grad_out"))
}

fn check(gpu: &Gpu, plan: &Plan, tensors: Backward<'_>) -> Result<(), KernelError> {
    let Backward { q, k, v, out, log_sums, grad_out, grad_q, grad_k, grad_v } = tensors;
    let inputs = [("q", q), ("k", k), ("v", v), ("out", out), ("grad_out", grad_out)];
    for (name, view) in inputs.into_iter().chain([("grad_q", grad_q), ("grad_k", grad_k), ("grad_v", grad_v)]) {
        view.check(name, gpu, plan.shape())?;
    }
    check_rows("log_sums", plan, log_sums, 1)
}
