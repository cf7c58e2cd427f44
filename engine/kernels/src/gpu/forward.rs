//! The forward pass.

use super::{
    context::{Gpu, Launch},
    error::KernelError,
    norms::Workspace,
    pace::Watching,
    parameters::Parameters,
    plan::{Keeping, Plan, part},
    source::{Constant, Kernel},
    view::View,
};
use crate::reach::Kept;

/// On every adapter.
pub(super) const PLAIN: Kernel =
    Kernel { name: "attention_forward", text: include_str!("../../../../shaders/attention_forward.wgsl"), buffers: 8 };

/// With more workgroup memory: larger tiles.
pub(super) const TILED: Kernel = Kernel {
    name: "attention_forward_tiled",
    text: include_str!("../../../../shaders/attention_forward_tiled.wgsl"),
    buffers: 8,
};

/// On matrix units; no device has run it yet.
pub(super) const MATRIX: Kernel = Kernel {
    name: "attention_forward_matrix",
    text: include_str!("../../../../shaders/attention_forward_matrix.wgsl"),
    buffers: 8,
};

/// The ways to compute the same, from the one that runs anywhere to the fastest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Form {
    /// Small tiles within the default limits.
    Plain,
    /// Larger tiles, in 29 KiB of workgroup memory.
    Tiled,
    /// The same with numbers of half precision in workgroup memory.
    TiledHalf,
    /// Matrix units of 16 × 16 × 16, which take half precision.
    Matrix,
}

impl Form {
    /// Those that this device can run at a width of attention heads, the plain one first.
    pub(crate) fn on(gpu: &Gpu, d: u32) -> Vec<Self> {
        let (limits, features) = (gpu.limits(), gpu.features());
        let memory = u64::from(limits.max_compute_workgroup_storage_size);
        let half = features.contains(wgpu::Features::SHADER_F16);
        let needed = wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX | wgpu::Features::SUBGROUP;
        let units = gpu.has_matrices() && half && d.is_multiple_of(16) && features.contains(needed);
        let has_room = memory >= 30_000 && limits.max_compute_invocations_per_workgroup >= 256;
        let offered = [
            (Self::Plain, true),
            (Self::Tiled, has_room),
            (Self::TiledHalf, has_room && half),
            (Self::Matrix, units && memory >= 17_400 + 192 * u64::from(d)),
        ];
        offered.into_iter().filter(|(_, is_offered)| *is_offered).map(|(form, _)| form).collect()
    }

    /// All that there are.
    pub(crate) const ALL: [Self; 4] = [Self::Plain, Self::Tiled, Self::TiledHalf, Self::Matrix];

    /// What it is called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Tiled => "tiled",
            Self::TiledHalf => "tiled, half precision",
            Self::Matrix => "cooperative matrices",
        }
    }

    /// Those of single precision that are of use for a plan, the fastest first.
    pub(crate) fn preferred(gpu: &Gpu, plan: &Plan) -> Vec<Self> {
        let mut forms = Self::on(gpu, plan.d);
        forms.retain(|form| form.is_single() && (*form == Self::Plain || form.suits(plan)));
        forms.reverse();
        forms
    }

    /// Whether all numbers are of single precision.
    pub(crate) fn is_single(self) -> bool {
        matches!(self, Self::Plain | Self::Tiled)
    }

    /// Whether it is of use for a plan: blocks of a list should fill tiles.
    fn suits(self, plan: &Plan) -> bool {
        !plan.listed || plan.block.is_multiple_of(self.tile())
    }

    pub(super) fn kernel(self) -> &'static Kernel {
        match self {
            Self::Plain => &PLAIN,
            Self::Tiled | Self::TiledHalf => &TILED,
            Self::Matrix => &MATRIX,
        }
    }

    /// Queries of an item.
    pub(super) fn tile(self) -> u32 {
        match self {
            Self::Plain => 32,
            Self::Tiled | Self::TiledHalf | Self::Matrix => 64,
        }
    }

    /// What is replaced in its text.
    pub(super) fn constants(self, d: u32, row_statistics: bool) -> Vec<(&'static str, Constant)> {
        let mut constants =
            vec![("HEAD_DIM", Constant::Count(d)), ("ROW_STATISTICS", Constant::Switch(row_statistics))];
        if self == Self::TiledHalf {
            constants.extend([("Elem", Constant::Type("f16")), ("CHUNK", Constant::Count(16))]);
        }
        constants
    }
}

/// What the forward pass works on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Forward<'a> {
    /// Queries, keys and values.
    pub(crate) q: &'a View,
    pub(crate) k: &'a View,
    pub(crate) v: &'a View,
    /// Gets the weighted means of the values.
    pub(crate) out: &'a View,
    /// Gets `[batch, head, seq]`; what a kernel binds.
    pub(crate) log_sums: &'a wgpu::BufferBinding<'a>,
    /// Gets entropy and distance, `[2, batch, head, seq]`, where the plan asks for them.
    pub(crate) statistics: Option<&'a wgpu::BufferBinding<'a>>,
}

/// How much was looked at, as soon as someone asks.
#[derive(Debug)]
pub(crate) struct Looked {
    workspace: Workspace,
    tile: u32,
}

impl Looked {
    /// Waits for the pass.
    ///
    /// # Errors
    /// When the device is lost.
    pub(crate) fn kept(&self, gpu: &Gpu, plan: &Plan) -> Result<Kept, KernelError> {
        self.workspace.kept(gpu, plan, self.tile)
    }
}

/// Attention, `softmax(q·kᵀ/√d + position) · v`, in one form.
///
/// # Errors
/// When tensors do not fit, the form does not compile here, the device is lost or has no memory, or the one who watches
/// ends the work.
pub(crate) fn forward_with(
    gpu: &Gpu,
    plan: &Plan,
    form: Form,
    tensors: Forward<'_>,
    watching: &mut Watching<'_>,
) -> Result<Looked, KernelError> {
    check(gpu, plan, tensors)?;
    let pipeline = gpu.pipeline(form.kernel(), &form.constants(plan.d, plan.row_statistics))?;
    let tile = form.tile();
    let workspace = Workspace::new(gpu, plan, plan.head_rows() * plan.items_of_head(tile), 0)?;
    workspace.measure(gpu, plan, [tensors.q, tensors.k], &mut part(watching, 0.0..0.05))?;
    let statistics = tensors.statistics.filter(|_| plan.row_statistics).cloned().map(wgpu::BindingResource::Buffer);
    let buffers = [
        tensors.q.binding(),
        tensors.k.binding(),
        tensors.v.binding(),
        tensors.out.binding(),
        wgpu::BindingResource::Buffer(tensors.log_sums.clone()),
        statistics.unwrap_or_else(|| gpu.spare()),
        plan.buffer.as_entire_binding(),
        workspace.buffer.as_entire_binding(),
    ];
    let parameters = parameters(plan, tile, &workspace, tensors);
    let launch = Launch { pipeline: &pipeline, parameters, buffers: &buffers };
    gpu.run(launch, &mut plan.items(tile, 4 * plan.d), &mut part(watching, 0.05..1.0))?;
    Ok(Looked { workspace, tile })
}

/// The block of parameters of every form.
pub(super) fn parameters(plan: &Plan, tile: u32, workspace: &Workspace, tensors: Forward<'_>) -> Parameters {
    (tensors.q.parameter("q"))
        .and(&tensors.k.parameter("k"))
        .and(&tensors.v.parameter("v"))
        .and(&tensors.out.parameter("out"))
        .and(&plan.parameters(tile, Keeping::Queries))
        .count("key_norms_at", workspace.key_norms_at)
        .count("tile_queries_at", workspace.tile_queries_at)
        .count("visited_at", workspace.visited_at)
        .count("batch", plan.batch)
}

fn check(gpu: &Gpu, plan: &Plan, tensors: Forward<'_>) -> Result<(), KernelError> {
    let Forward { q, k, v, out, log_sums, statistics } = tensors;
    for (name, view) in [("q", q), ("k", k), ("v", v), ("out", out)] {
        view.check(name, gpu, plan.shape())?;
    }
    check_rows("log_sums", plan, log_sums, 1)?;
    match statistics {
        _ if !plan.row_statistics => Ok(()),
        Some(statistics) => check_rows("statistics", plan, statistics, 2),
        None => Err(KernelError::Tensor { tensor: "statistics", problem: "is asked for, and not there".to_owned() }),
    }
}

/// Whether a buffer has room for some numbers of each row.
pub(super) fn check_rows(
    name: &'static str,
    plan: &Plan,
    binding: &wgpu::BufferBinding<'_>,
    numbers: u64,
) -> Result<(), KernelError> {
    let needed = u64::from(plan.head_rows()) * u64::from(plan.seq) * 4 * numbers;
    let size = binding.size.map_or(binding.buffer.size().saturating_sub(binding.offset), |size| size.get());
    if size < needed || binding.offset + size > binding.buffer.size() {
        let problem = format!("has {size} bytes where {needed} are needed");
        return Err(KernelError::Tensor { tensor: name, problem });
    }
    Ok(())
}
