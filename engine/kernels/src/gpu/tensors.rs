//! Attention on burn's tensors, where they lie.

use std::{any::Any, ops::ControlFlow};

use burn::{
    backend::wgpu::{AutoCompiler, CubeBackend, CubeTensor},
    tensor::{DType, Shape, Tensor},
};
use cubecl::wgpu::{WgpuResource, WgpuServer};

use super::{
    backward::{Backward, backward},
    error::KernelError,
    forward::{Forward, forward_with},
    opened::Opened,
    pace::Watching,
    view::View,
};
use crate::{backend::Asked, watch::Watch};

/// What attention gives on a GPU.
pub(crate) struct Attended {
    /// `[batch, head, seq, d]`, of which the values of a position lie side by side over all attention heads.
    pub(crate) out: Tensor<4>,
    /// `[batch, head, seq]`.
    pub(crate) log_sums: Tensor<3>,
    /// Entropy and distance, `[2, batch, head, seq]`, where asked for.
    pub(crate) rows: Option<Tensor<4>>,
}

/// Room for what attention gives, with whatever stood there before.
fn room(q: &CubeTensor, row_statistics: bool) -> [CubeTensor; 3] {
    let [batch, heads, seq, d] = q.meta.shape().dims();
    let rows = if row_statistics { [2, batch, heads, seq] } else { [1, 1, 1, 1] };
    [empty(q, &[batch, seq, heads, d]), empty(q, &[batch, heads, seq]), empty(q, &rows)]
}

/// A tensor on the device of another.
fn empty(like: &CubeTensor, shape: &[usize]) -> CubeTensor {
    let bytes = shape.iter().product::<usize>().max(1) * size_of::<f32>();
    let (client, device) = (like.client.clone(), like.device.clone());
    let handle = client.empty(bytes);
    CubeTensor::new_contiguous(client, device, Shape::from(shape.to_vec()), handle, DType::F32)
}

fn tensor<const D: usize>(primitive: CubeTensor) -> Tensor<D> {
    Tensor::from_primitive::<CubeBackend>(primitive)
}

/// A tensor `[batch, head, seq, d]` where it lies, and stays as long as this lives.
pub(super) struct Placed {
    pub(super) view: View,
    _part: Part,
}

/// Where a tensor `[batch, head, seq, d]` lies.
pub(super) fn placed(name: &'static str, tensor: &CubeTensor) -> Result<Placed, KernelError> {
    let strides = tensor.meta.strides();
    let wrong = |problem: &str| KernelError::Tensor { tensor: name, problem: problem.to_owned() };
    if tensor.dtype != DType::F32 {
        return Err(wrong("is not of single precision"));
    }
    if strides[3] != 1 {
        return Err(wrong("has the channels of a position apart"));
    }
    let stride = |axis: usize| u32::try_from(strides[axis]).map_err(|_| wrong("is larger than kernels count"));
    let part = bound(tensor)?;
    let view = View {
        buffer: part.buffer.clone(),
        offset_bytes: part.offset,
        size_bytes: part.size,
        start: 0,
        strides: [stride(0)?, stride(1)?, stride(2)?],
    };
    Ok(Placed { view, _part: part })
}

/// The part of a buffer that a tensor has; burn does not move it as long as this lives.
pub(super) struct Part {
    buffer: wgpu::Buffer,
    offset: u64,
    size: u64,
    _held: Box<dyn Any>,
}

impl Part {
    pub(super) fn binding(&self) -> wgpu::BufferBinding<'_> {
        wgpu::BufferBinding { buffer: &self.buffer, offset: self.offset, size: std::num::NonZero::new(self.size) }
    }
}

fn bound(tensor: &CubeTensor) -> Result<Part, KernelError> {
    let found = tensor.client.get_resource::<WgpuServer<AutoCompiler>>(tensor.handle.clone());
    let found = found.map_err(|error| KernelError::NoTensor { problem: error.to_string() })?;
    let WgpuResource { buffer, offset, size, .. } = found.resource().clone();
    Ok(Part { buffer, offset, size: size.next_multiple_of(4), _held: Box::new(found) })
}

/// The part of a buffer of a tensor whose values stand in order, of single precision.
pub(super) fn bound_in_order(name: &'static str, tensor: &CubeTensor) -> Result<Part, KernelError> {
    let (shape, strides) = (tensor.meta.shape(), tensor.meta.strides());
    let mut expected = 1;
    for axis in (0..shape.num_dims()).rev() {
        if tensor.dtype != DType::F32 || (shape[axis] > 1 && strides[axis] != expected) {
            let problem = "does not lie in order in single precision".to_owned();
            return Err(KernelError::Tensor { tensor: name, problem });
        }
        expected *= shape[axis];
    }
    bound(tensor)
}

/// Hands over to the queue what burn has put off, so that kernels see its results.
pub(super) fn flush(tensor: &CubeTensor) -> Result<(), KernelError> {
    tensor.client.flush().map_err(|error| KernelError::NoTensor { problem: error.to_string() })
}

/// Passes on to a watch what kernels tell of `scores`, and to kernels whether to end.
pub(super) fn told_to(watch: &Watch, scores: u64) -> impl FnMut(f64) -> ControlFlow<()> {
    let mut told = 0;
    move |share| {
        let done = portion(scores, share).max(told);
        watch.add(done - told);
        told = done;
        if watch.is_stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of it is no larger than itself")]
fn portion(of: u64, share: f64) -> usize {
    (of as f64 * share.clamp(0.0, 1.0)) as usize
}

impl Opened {
    /// Attention of q, k and v, `[batch, head, seq, d]`, in the fastest form that agrees with the processor.
    pub(crate) fn attend(
        &self,
        [q, k, v]: &[CubeTensor; 3],
        asked: &Asked,
        row_statistics: bool,
    ) -> Result<Attended, KernelError> {
        let plan = self.plan(&asked.problem(q.meta.shape().dims(), row_statistics))?;
        let form = self.agreement.form(&self.gpu, &plan)?;
        let [out, log_sums, rows] = room(q, row_statistics);
        let inputs = [placed("q", q)?, placed("k", k)?, placed("v", v)?];
        let [of_log_sums, of_rows] = [bound(&log_sums)?, bound(&rows)?];
        let (statistics, of_log_sums) = (of_rows.binding(), of_log_sums.binding());
        let place = placed("out", &out)?;
        let of_out = swapped(&place.view);
        let tensors = Forward {
            q: &inputs[0].view,
            k: &inputs[1].view,
            v: &inputs[2].view,
            out: &of_out,
            log_sums: &of_log_sums,
            statistics: row_statistics.then_some(&statistics),
        };
        flush(q)?;
        let watching: &mut Watching<'_> = &mut told_to(&asked.watch, plan.all_scores);
        let looked = forward_with(&self.gpu, &plan, form, tensors, watching)?;
        let _ = watching(1.0);
        if asked.count {
            self.look_at_memory();
            asked.watch.keep(looked.kept(&self.gpu, &plan)?);
        }
        Ok(Attended::new([out, log_sums, rows], row_statistics))
    }

    /// The gradients at q, k and v.
    pub(crate) fn attend_backward(&self, saved: &Saved<'_>, asked: &Asked) -> Result<[Tensor<4>; 3], KernelError> {
        let [q, k, v, out, grad_out] = saved.tensors;
        let shape = q.meta.shape().dims::<4>();
        let plan = self.plan(&asked.problem(shape, false))?;
        self.agreement.backward(&self.gpu, &plan)?;
        let [batch, heads, seq, d] = shape;
        let gradients = [0; 3].map(|_| empty(q, &[batch, seq, heads, d]));
        let [q_at, k_at] = [placed("q", q)?, placed("k", k)?];
        let inputs = [q_at, k_at, placed("v", v)?, placed("out", out)?, placed("grad_out", grad_out)?];
        let places = gradients.iter().map(|gradient| placed("gradient", gradient)).collect::<Result<Vec<_>, _>>()?;
        let views: Vec<View> = places.iter().map(|place| swapped(&place.view)).collect();
        let log_sums = bound_in_order("log_sums", saved.log_sums)?;
        let log_sums = log_sums.binding();
        let tensors = Backward {
            q: &inputs[0].view,
            k: &inputs[1].view,
            v: &inputs[2].view,
            out: &inputs[3].view,
            log_sums: &log_sums,
            grad_out: &inputs[4].view,
            grad_q: &views[0],
            grad_k: &views[1],
            grad_v: &views[2],
        };
        flush(q)?;
        let _working = backward(&self.gpu, &plan, tensors, &mut told_to(&asked.watch, plan.all_scores))?;
        if asked.count {
            self.look_at_memory();
        }
        Ok(gradients.map(|gradient| tensor::<4>(gradient).swap_dims(1, 2)))
    }
}

impl Attended {
    /// What stands in place of attention that could not be computed.
    pub(crate) fn nothing(q: &CubeTensor, row_statistics: bool) -> Self {
        Self::new(room(q, row_statistics), row_statistics)
    }

    fn new([out, log_sums, rows]: [CubeTensor; 3], row_statistics: bool) -> Self {
        Self {
            out: tensor::<4>(out).swap_dims(1, 2),
            log_sums: tensor(log_sums),
            rows: row_statistics.then(|| tensor(rows)),
        }
    }
}

/// What the gradients are computed from.
pub(crate) struct Saved<'a> {
    /// q, k, v, what the forward pass gave, and the gradient there.
    pub(crate) tensors: [&'a CubeTensor; 5],
    /// `[batch, head, seq]`.
    pub(crate) log_sums: &'a CubeTensor,
}

/// A tensor that lies as `[batch, seq, head, d]`, read as `[batch, head, seq, d]`.
fn swapped(view: &View) -> View {
    let [batch, seq, head] = view.strides;
    View { strides: [batch, head, seq], ..view.clone() }
}
