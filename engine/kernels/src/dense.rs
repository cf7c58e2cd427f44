//! Dense layers: on the processor kernels of our own, elsewhere and under differentiation burn's operations, which are
//! also their twins.
//!
//! Weights stand as checkpoints store them, `[out, in]`.

use std::ops::Range;

use burn::{
    backend::Flex,
    tensor::{DType, Device, Tensor, TensorData, module},
};

use half::{bf16, f16};

use crate::{
    activation::HiddenAct,
    attention::is_processor,
    cpu::{self, Stored, Table},
    watch::Watch,
};

/// With fewer rows than this, packing the weights takes longer than it saves.
const FEWEST_ROWS: usize = 48;

/// Rows that burn's operations compute at once.
const ROWS: usize = 4096;

/// `x·Wᵀ + b`.
///
/// # Shapes
/// `[…, in] → […, out]`
pub fn linear<const D: usize>(x: Tensor<D>, weight: Tensor<2>, bias: Option<Tensor<1>>, watch: &Watch) -> Tensor<D> {
    if !pays(&x) {
        return module::linear(x, wide(weight).transpose(), bias);
    }
    let mut shape = x.dims();
    shape[D - 1] = weight.dims()[0];
    // Zeros that are only asked for, not written: the system gives them page by page.
    let zeros = tensor(vec![0.0; shape.iter().product()], shape);
    add_linear(zeros, x, weight, bias, watch)
}

/// `onto + x·Wᵀ + b`.
///
/// # Shapes
/// `[…, out], […, in] → […, out]`
pub fn add_linear<const D: usize>(
    onto: Tensor<D>,
    x: Tensor<D>,
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
    watch: &Watch,
) -> Tensor<D> {
    let shape = onto.dims();
    let [outputs, inputs] = weight.dims();
    if !pays(&x) {
        let rows = shape.iter().product::<usize>() / outputs;
        let x = x.reshape([1, rows, inputs]);
        let weight = wide(weight).transpose();
        let sums = in_parts(onto.reshape([1, rows, outputs]), |part, onto| {
            onto + module::linear(x.clone().slice_dim(1, part), weight.clone(), bias.clone())
        });
        return sums.reshape(shape);
    }
    let (x, weight, bias) = (Host::new(x), Host::new(weight), bias.map(Host::new));
    let mut out = to_change(onto);
    cpu::add_linear(&mut out, x.values(), table(&weight, bias.as_ref(), inputs), watch);
    tensor(out, shape)
}

/// Weights, `[out, in]`, and what is added, `[out]`.
pub type Affine = (Tensor<2>, Option<Tensor<1>>);

/// What stands between the two tables of a feed-forward layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Between {
    /// The activation function.
    pub act: HiddenAct,
    /// Whether it acts on the first half of what the first table gives, which then weighs the second half (Shazeer 2020,
    /// arXiv 2002.05202): SwiGLU, GEGLU.
    pub gated: bool,
}

/// `second(act(first(x)))`, or with a gate `second(act(gate) ⊙ up)`.
///
/// # Shapes
/// `[batch, seq, in] → [batch, seq, out]`
pub fn feed_forward(x: Tensor<3>, first: Affine, second: Affine, between: Between, watch: &Watch) -> Tensor<3> {
    if !pays(&x) {
        let middle = between.forward(module::linear(x, wide(first.0).transpose(), first.1));
        return module::linear(middle, wide(second.0).transpose(), second.1);
    }
    let [batch, seq, inputs] = x.dims();
    let [outputs, wide] = second.0.dims();
    let x = Host::new(x);
    let [first, second] = [first, second].map(|(weight, bias)| (Host::new(weight), bias.map(Host::new)));
    let (first, second) = (table(&first.0, first.1.as_ref(), inputs), table(&second.0, second.1.as_ref(), wide));
    let out = cpu::feed_forward(x.values(), first, second, between, watch);
    tensor(out, [batch, seq, outputs])
}

impl Between {
    /// In tensor operations.
    fn forward(self, wide: Tensor<3>) -> Tensor<3> {
        if !self.gated {
            return self.act.forward(wide);
        }
        let half = wide.dims()[2] / 2;
        let gate = wide.clone().slice_dim(2, 0..half);
        self.act.forward(gate) * wide.slice_dim(2, half..2 * half)
    }
}

/// What `of` makes of each row of `x` by itself.
///
/// On a GPU many rows go part by part, and in place: what lies between, often wider, is never in memory for the whole
/// of a long sequence.
///
/// # Shapes
/// `[batch, seq, width] → [batch, seq, width]`
pub fn by_rows(x: Tensor<3>, of: impl Fn(Tensor<3>) -> Tensor<3>) -> Tensor<3> {
    let shape = x.dims();
    in_parts(x.reshape([1, shape[0] * shape[1], shape[2]]), |_, x| of(x)).reshape(shape)
}

/// The same, told which rows they are; `[1, row, width]`.
fn in_parts(mut x: Tensor<3>, of: impl Fn(Range<usize>, Tensor<3>) -> Tensor<3>) -> Tensor<3> {
    let [_, rows, width] = x.dims();
    let device = x.device();
    if rows <= ROWS || is_processor(&device) || device.is_autodiff() {
        return of(0..rows, x);
    }
    for first in (0..rows).step_by(ROWS) {
        let part = first..(first + ROWS).min(rows);
        let made = of(part.clone(), x.clone().slice_dim(1, part.clone()));
        x = x.slice_assign([0..1, part, 0..width], made);
    }
    x
}

/// Normalizes the last axis of `x + residual` to mean 0 and variance 1, then scales and shifts (Ba et al. 2016,
/// arXiv 1607.06450).
///
/// # Shapes
/// `[…, width] → […, width]`
pub fn add_layer_norm<const D: usize>(
    x: Tensor<D>,
    residual: Option<Tensor<D>>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    epsilon: f64,
) -> Tensor<D> {
    if !pays(&x) {
        let x = match residual {
            Some(residual) => x + residual,
            None => x,
        };
        return module::layer_norm(x, weight, Some(bias), epsilon);
    }
    let shape = x.dims();
    let mut values = to_change(x);
    let (residual, weight, bias) = (residual.map(Host::new), Host::new(weight), Host::new(bias));
    #[expect(clippy::cast_possible_truncation, reason = "the processor computes in single precision")]
    let epsilon = epsilon as f32;
    cpu::add_layer_norm(&mut values, residual.as_ref().map(Host::values), [weight.values(), bias.values()], epsilon);
    tensor(values, shape)
}

/// A table in single precision, in whatever type it is stored.
fn wide(weight: Tensor<2>) -> Tensor<2> {
    if weight.dtype() == DType::F32 { weight } else { weight.cast(DType::F32) }
}

/// Whether the kernels of our own take these rows.
fn pays<const D: usize>(x: &Tensor<D>) -> bool {
    let shape = x.dims();
    let device = x.device();
    let rows: usize = shape[..D - 1].iter().product();
    rows >= FEWEST_ROWS && is_processor(&device) && !device.is_autodiff() && x.dtype() == DType::F32
}

fn table<'a>(weight: &'a Host, bias: Option<&'a Host>, inputs: usize) -> Table<'a> {
    Table { weight: weight.stored(), bias: bias.map(Host::values), inputs }
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

/// The values of a tensor on the processor, to be changed: copied where somebody else holds them too.
fn to_change<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    let tensor = Host::new(tensor);
    if !tensor.0.is_unique() {
        // Burn's way out copies bytes, and then copies them again to where numbers may lie.
        return tensor.values().to_vec();
    }
    tensor.0.into_data().try_into_vec().expect("in single precision")
}

/// The values of a tensor on the processor, in order, without a copy where they already are.
struct Host(<Flex as burn::backend::BackendTypes>::FloatTensorPrimitive);

impl Host {
    fn new<const D: usize>(tensor: Tensor<D>) -> Self {
        let tensor = tensor.try_into_primitive::<Flex>().expect("a tensor of the processor");
        Self(if tensor.is_contiguous() { tensor } else { tensor.to_contiguous() })
    }

    /// Weights, in whatever type they are stored.
    fn stored(&self) -> Stored<'_> {
        let of_f16 = || self.0.as_slice::<f16>().map(Stored::F16);
        let of_bf16 = || self.0.as_slice::<bf16>().map(Stored::Bf16);
        let stored = self.0.as_slice::<f32>().map(Stored::F32).or_else(of_f16).or_else(of_bf16);
        stored.expect("in order, and in single or half precision")
    }

    fn values(&self) -> &[f32] {
        self.0.as_slice::<f32>().expect("in order, and in single precision")
    }
}
