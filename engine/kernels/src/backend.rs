//! Attention as an operation of burn's backends: the kernels of this crate on the processor and on the GPU, the twin
//! where a GPU does not run them, and under differentiation the gradients that belong to each.

use std::sync::Arc;

use burn::{
    backend::{
        Autodiff, AutodiffBackend, Backend, Flex,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
            grads::Gradients,
            ops::{Backward, Ops, OpsKind},
        },
        backend_extension,
        tensor::FloatTensor,
        wgpu::CubeBackend,
    },
    tensor::{Device, Tensor, TensorData},
};

use crate::{
    attention::{Attention, AttentionInput, Conduct, PositionRule},
    cpu::{self, Strided},
    gpu,
    problem::{Problem, Rule},
    reference::{attention_in_blocks, gradients_in_blocks},
    segments::Segments,
    statistics::RowStatistics,
    watch::Watch,
};

/// What is asked of attention, beside its tensors.
#[derive(Clone, Debug)]
pub struct Asked {
    pub(crate) rule: PositionRule,
    pub(crate) segments: Option<Segments>,
    pub(crate) skip: bool,
    pub(crate) watch: Watch,
    pub(crate) count: bool,
}

impl Asked {
    pub(crate) fn new(input: &AttentionInput, conduct: &Conduct) -> Self {
        Self {
            rule: input.rule.clone(),
            segments: input.segments.clone(),
            skip: conduct.skip,
            watch: conduct.watch.clone(),
            count: conduct.count,
        }
    }

    /// The same for the kernels; `shape` is that of the queries.
    pub(crate) fn problem(&self, [batch, heads, seq, d]: [usize; 4], row_statistics: bool) -> Problem<'_> {
        let rule = Rule::of(&self.rule);
        let segments = self.segments.as_ref().map(Segments::numbers);
        Problem { batch, heads, seq, d, rule, segments, skip: self.skip, row_statistics, watch: &self.watch }
    }

    fn input(&self, [q, k, v]: [Tensor<4>; 3]) -> AttentionInput {
        AttentionInput { q, k, v, segments: self.segments.clone(), rule: self.rule.clone() }
    }
}

/// A backend that attention runs on.
#[backend_extension(Autodiff, Cube, Flex)]
pub trait AttentionBackend: Backend {
    /// Attention of q, k and v, `[batch, head, seq, d]`: its output of the same shape, and the log-sum-exp,
    /// `[batch, head, seq]`.
    fn attend(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        asked: Asked,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);

    /// The gradients at q, k and v, from what [`Self::attend`] gave and the gradient at its output.
    fn attend_backward(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        out: FloatTensor<Self>,
        log_sum_exp: FloatTensor<Self>,
        grad_out: FloatTensor<Self>,
        asked: Asked,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
}

impl AttentionBackend for Flex {
    fn attend(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        asked: Asked,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let (found, _) = attend_on_processor([q, k, v].map(Tensor::from_primitive::<Self>), &asked, false);
        (primitive(found.out), primitive(found.log_sum_exp))
    }

    fn attend_backward(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        out: FloatTensor<Self>,
        log_sum_exp: FloatTensor<Self>,
        grad_out: FloatTensor<Self>,
        asked: Asked,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let tensors = [q, k, v, out, grad_out].map(Tensor::<4>::from_primitive::<Self>);
        let shape = tensors[0].dims();
        let told: Vec<f32> = Tensor::<3>::from_primitive::<Self>(log_sum_exp)
            .into_data()
            .try_into_vec()
            .expect("the processor computes in single precision");
        let found = with_values(tensors, |[q, k, v, out, grad_out]| {
            let saved = cpu::Saved { q, k, v, out, log_sum_exp: &told, grad_out };
            cpu::backward(&asked.problem(shape, false), saved)
        });
        let tensor =
            |values: Vec<f32>| primitive(Tensor::<4>::from_data(TensorData::new(values, shape), &Device::flex()));
        (tensor(found.q), tensor(found.k), tensor(found.v))
    }
}

impl AttentionBackend for CubeBackend {
    fn attend(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        asked: Asked,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let tensors = [q, k, v];
        let (out, log_sum_exp) = match attend_on_gpu(&tensors, &asked, false) {
            Some(found) => (found.out, found.log_sums),
            None => {
                let found = attention_in_blocks(&asked.input(tensors.map(Tensor::from_primitive::<Self>)));
                (found.out, found.log_sum_exp)
            }
        };
        (on_gpu(out), on_gpu(log_sum_exp))
    }

    fn attend_backward(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        out: FloatTensor<Self>,
        log_sum_exp: FloatTensor<Self>,
        grad_out: FloatTensor<Self>,
        asked: Asked,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let saved = gpu::Saved { tensors: [&q, &k, &v, &out, &grad_out], log_sums: &log_sum_exp };
        if let Some(opened) = opened(&q) {
            let found = opened.attend_backward(&saved, &asked);
            match found {
                Ok(gradients) => {
                    let [q, k, v] = gradients.map(on_gpu);
                    return (q, k, v);
                }
                Err(error) if error.is_of_one_kernel() => tracing::debug!(%error, "gradients by the twin"),
                Err(error) => {
                    opened.note_unless_cancelled(error);
                    return (q, k, v);
                }
            }
        }
        let input = asked.input([q, k, v].map(Tensor::from_primitive::<Self>));
        let forward = Attention {
            out: Tensor::from_primitive::<Self>(out),
            log_sum_exp: Tensor::from_primitive::<Self>(log_sum_exp),
        };
        let [q, k, v] = gradients_in_blocks(&input, &forward, Tensor::from_primitive::<Self>(grad_out));
        (on_gpu(q), on_gpu(k), on_gpu(v))
    }
}

/// Attention by the kernels; `None` where they are not made for it, so that the twin has to do.
///
/// What went wrong with the device is noted there, and then nothing is in what is returned.
pub(crate) fn attend_on_gpu(
    tensors: &[FloatTensor<CubeBackend>; 3],
    asked: &Asked,
    row_statistics: bool,
) -> Option<gpu::Attended> {
    let opened = opened(&tensors[0])?;
    match opened.attend(tensors, asked, row_statistics) {
        Ok(found) => Some(found),
        Err(error) if error.is_of_one_kernel() => {
            tracing::debug!(%error, "attention by the twin");
            None
        }
        Err(error) => {
            opened.note_unless_cancelled(error);
            Some(gpu::Attended::nothing(&tensors[0], row_statistics))
        }
    }
}

/// The GPU that a tensor is on, where kernels can run on it.
fn opened(tensor: &FloatTensor<CubeBackend>) -> Option<Arc<gpu::Opened>> {
    gpu::opened(&Tensor::<4>::from_primitive::<CubeBackend>(tensor.clone()).device())
}

impl<B: AttentionBackend, C: CheckpointStrategy> AttentionBackend for Autodiff<B, C> {
    fn attend(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        asked: Asked,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let (inputs, nodes) =
            ([q.primitive(), k.primitive(), v.primitive()].map(Clone::clone), [q.node(), k.node(), v.node()]);
        let [of_q, of_k, of_v] = inputs.clone();
        let (out, log_sum_exp) = B::attend(of_q, of_k, of_v, asked.clone());
        let told = Self::from_inner(log_sum_exp.clone());
        let out = match Attend.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(operation) => {
                let [q, k, v] = inputs;
                let saved = Saved::<B> { q, k, v, out: out.clone(), log_sum_exp, asked };
                operation.finish(saved, out)
            }
            OpsKind::UnTracked(operation) => operation.finish(out),
        };
        (out, told)
    }

    fn attend_backward(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        out: FloatTensor<Self>,
        log_sum_exp: FloatTensor<Self>,
        grad_out: FloatTensor<Self>,
        asked: Asked,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let [q, k, v, out, log_sum_exp, grad_out] =
            [q, k, v, out, log_sum_exp, grad_out].map(|tensor| tensor.primitive().clone());
        // Gradients of gradients are not asked for anywhere.
        let (q, k, v) = B::attend_backward(q, k, v, out, log_sum_exp, grad_out, asked);
        (Self::from_inner(q), Self::from_inner(k), Self::from_inner(v))
    }
}

/// The step of the graph.
#[derive(Debug)]
struct Attend;

/// What the gradients are computed from.
#[derive(Clone, Debug)]
struct Saved<B: Backend> {
    q: FloatTensor<B>,
    k: FloatTensor<B>,
    v: FloatTensor<B>,
    out: FloatTensor<B>,
    log_sum_exp: FloatTensor<B>,
    asked: Asked,
}

impl<B: AttentionBackend> Backward<B, 3> for Attend {
    type State = Saved<B>;

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let Saved { q, k, v, out, log_sum_exp, asked } = ops.state;
        let grad_out = grads.consume::<B>(&ops.node);
        let (q, k, v) = B::attend_backward(q, k, v, out, log_sum_exp, grad_out, asked);
        for (parent, gradient) in ops.parents.into_iter().zip([q, k, v]) {
            if let Some(parent) = parent {
                grads.register::<B>(parent.id, gradient);
            }
        }
    }
}

/// Attention of tensors on the processor; the statistics of rows are empty where they are not asked for.
pub(crate) fn attend_on_processor(
    tensors: [Tensor<4>; 3],
    asked: &Asked,
    row_statistics: bool,
) -> (Attention, RowStatistics) {
    let [batch, heads, seq, d] = tensors[0].dims();
    let found =
        with_values(tensors, |[q, k, v]| cpu::forward(&asked.problem([batch, heads, seq, d], row_statistics), q, k, v));
    asked.watch.keep(found.kept);
    let device = Device::flex();
    let out = Tensor::<4>::from_data(TensorData::new(found.out, [batch, seq, heads, d]), &device);
    let log_sum_exp = Tensor::<3>::from_data(TensorData::new(found.log_sum_exp, [batch, seq, heads]), &device);
    (
        Attention { out: out.swap_dims(1, 2), log_sum_exp: log_sum_exp.swap_dims(1, 2) },
        RowStatistics { entropy: found.entropy, distance: found.distance },
    )
}

/// Calls `work` with the values of tensors `[batch, head, seq, d]` on the processor, without a copy where those of a
/// position stand together.
pub(crate) fn with_values<T, const N: usize>(tensors: [Tensor<4>; N], work: impl FnOnce([Strided<'_>; N]) -> T) -> T {
    with_all_values(tensors.into(), |values| work(std::array::from_fn(|index| values[index])))
}

/// The same for any number of tensors.
pub(crate) fn with_all_values<T>(tensors: Vec<Tensor<4>>, work: impl FnOnce(&[Strided<'_>]) -> T) -> T {
    let tensors = tensors.into_iter().map(|tensor| {
        let tensor = tensor.try_into_primitive::<Flex>().expect("a tensor of the processor");
        let strides = tensor.layout().strides();
        let plain = strides.iter().all(|stride| *stride >= 0) && (strides[3] == 1 || tensor.layout().shape()[3] <= 1);
        if plain { tensor } else { tensor.to_contiguous() }
    });
    let tensors: Vec<_> = tensors.collect();
    let values = tensors.iter().map(|tensor| {
        let layout = tensor.layout();
        let stride = |axis: usize| layout.strides()[axis].unsigned_abs();
        Strided {
            values: tensor.storage::<f32>(),
            start: layout.start_offset(),
            strides: [stride(0), stride(1), stride(2)],
            d: layout.shape()[3],
        }
    });
    work(&values.collect::<Vec<_>>())
}

fn primitive<const D: usize>(tensor: Tensor<D>) -> FloatTensor<Flex> {
    tensor.try_into_primitive::<Flex>().expect("a tensor of the processor")
}

fn on_gpu<const D: usize>(tensor: Tensor<D>) -> FloatTensor<CubeBackend> {
    tensor.try_into_primitive::<CubeBackend>().expect("a tensor of the GPU")
}
