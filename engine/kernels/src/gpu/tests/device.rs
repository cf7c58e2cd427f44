//! Devices, tensors on them, and comparisons.

use std::{
    ops::ControlFlow,
    pin::pin,
    task::{Context, Poll, Waker},
};

use super::super::{
    backward::{Backward, backward},
    context::Gpu,
    error::KernelError,
    forward::{Form, Forward, forward_with},
    parameters::bytes_of,
    plan::Plan,
    view::View,
};
use crate::{
    problem::{Problem, Rule},
    reach::Kept,
    tests::case::Case,
    watch::Watch,
};

/// How much of an adapter a test asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gpu) enum Allow {
    /// The default limits of WebGPU and no features.
    Defaults,
    /// Everything it has.
    All,
}

/// A device, if there is an adapter.
pub(in crate::gpu) fn gpu(allow: Allow) -> Option<Gpu> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let Ok(adapter) = ready(instance.request_adapter(&wgpu::RequestAdapterOptions::default())) else {
        assert!(std::env::var("REQUIRE_GPU").as_deref() != Ok("1"), "REQUIRE_GPU is set, and there is no adapter");
        eprintln!("skipped: there is no adapter");
        return None;
    };
    let (device, queue) = ready(adapter.request_device(&descriptor(&adapter, allow))).expect("a device");
    Some(Gpu::new(device, queue).expect("a few bytes").with_adapter(&adapter))
}

#[expect(unsafe_code, reason = "experimental features are among all of them")]
fn descriptor(adapter: &wgpu::Adapter, allow: Allow) -> wgpu::DeviceDescriptor<'static> {
    match allow {
        Allow::Defaults => wgpu::DeviceDescriptor::default(),
        Allow::All => wgpu::DeviceDescriptor {
            required_features: adapter.features(),
            required_limits: adapter.limits(),
            // SAFETY: the experimental features in use are those that the kernels are written for.
            experimental_features: unsafe { wgpu::ExperimentalFeatures::enabled() },
            ..Default::default()
        },
    }
}

/// The outcome of something that is known at once, as everything here is off the web.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("adapters and devices are there at once"),
    }
}

/// Goes on whatever happens.
pub(in crate::gpu) fn on(_: f64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// How tensors lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lie {
    /// `[batch, head, seq, d]` each.
    Apart,
    /// All in one `[batch, seq, tensor, head, d]`.
    Together,
}

/// Something that no kernel may read as a result: 3.4e38.
const JUNK: u32 = 0x7f7f_7f7f;

/// Tensors of a case on a device.
pub(super) struct Tensors {
    shape: [usize; 4],
    lie: Lie,
    pub(super) views: Vec<View>,
}

impl Tensors {
    /// Of these values, and `more` that are to be written.
    pub(super) fn new(gpu: &Gpu, shape: [usize; 4], lie: Lie, values: &[&[f32]], more: usize) -> Self {
        let count = values.len() + more;
        let words = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        let mut all: Vec<Vec<u32>> = values.iter().map(|values| words(values)).collect();
        all.resize(count, vec![JUNK; shape.iter().product()]);
        let small = shape.map(|size| u32::try_from(size).expect("small"));
        let views = match lie {
            Lie::Apart => {
                let view =
                    |words: &Vec<u32>| View::contiguous(gpu.buffer_of("a tensor", words).expect("memory"), small);
                all.iter().map(view).collect()
            }
            Lie::Together => Self::together(gpu, small, &all),
        };
        Self { shape, lie, views }
    }

    fn together(gpu: &Gpu, [_, heads, seq, d]: [u32; 4], all: &[Vec<u32>]) -> Vec<View> {
        let tensors = u32::try_from(all.len()).expect("few");
        let whole = all.len() * all[0].len();
        // A binding that begins inside the buffer, and numbers before the first that belong to someone else.
        let (offset_bytes, before) = (256u64, 4u32);
        let mut words = vec![JUNK; 64 + before as usize + whole];
        let strides = [seq * tensors * heads * d, d, tensors * heads * d];
        for (tensor, values) in all.iter().enumerate() {
            for (index, value) in values.iter().enumerate() {
                words[64
                    + before as usize
                    + place([heads, seq, d].map(|size| size as usize), all.len(), tensor, index)] = *value;
            }
        }
        let buffer = gpu.buffer_of("tensors", &words).expect("memory");
        let view = |tensor| View {
            buffer: buffer.clone(),
            offset_bytes,
            size_bytes: (words.len() as u64 - 64) * 4,
            start: before + tensor * heads * d,
            strides,
        };
        (0..tensors).map(view).collect()
    }

    /// The values of one of them, `[batch, head, seq, d]`.
    pub(super) fn read(&self, gpu: &Gpu, tensor: usize) -> Vec<f32> {
        let buffer = &self.views[tensor].buffer;
        let count: usize = self.shape.iter().product();
        let words = gpu.read(buffer, 0, u32::try_from(buffer.size() / 4).expect("small")).expect("read");
        let [_, heads, seq, d] = self.shape;
        let at = |index| match self.lie {
            Lie::Apart => index,
            Lie::Together => 68 + place([heads, seq, d], self.views.len(), tensor, index),
        };
        (0..count).map(|index| f32::from_bits(words[at(index)])).collect()
    }
}

/// Where a number of `[batch, head, seq, d]` stands in `[batch, seq, tensor, head, d]`.
fn place([heads, seq, d]: [usize; 3], tensors: usize, tensor: usize, index: usize) -> usize {
    let (channel, position, head, row) = (index % d, index / d % seq, index / d / seq % heads, index / d / seq / heads);
    (((row * seq + position) * tensors + tensor) * heads + head) * d + channel
}

/// What the forward pass gives.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    pub(super) out: Vec<f32>,
    pub(super) log_sums: Vec<f32>,
    pub(super) entropy: Vec<f32>,
    pub(super) distance: Vec<f32>,
    pub(super) kept: Kept,
}

/// How a case is computed.
#[derive(Clone, Copy, Debug)]
pub(super) struct How {
    pub(super) form: Form,
    pub(super) skip: bool,
    pub(super) lie: Lie,
    pub(super) statistics: bool,
}

impl How {
    pub(super) fn plain() -> Self {
        Self { form: Form::Plain, skip: true, lie: Lie::Apart, statistics: true }
    }
}

/// A case as the kernels take it.
pub(super) fn with_plan<T>(gpu: &Gpu, case: &Case, how: How, act: impl FnOnce(&Plan) -> T) -> T {
    let watch = Watch::default();
    let [batch, heads, seq, d] = case.shape;
    let rule = Rule::of(&case.rule);
    let segments = case.segments.as_deref();
    let (skip, row_statistics) = (how.skip, how.statistics);
    let problem = Problem { batch, heads, seq, d, rule, segments, skip, row_statistics, watch: &watch };
    act(&Plan::new(gpu, &problem).expect("a plan"))
}

/// The forward pass of a case.
pub(super) fn attend(gpu: &Gpu, case: &Case, how: How) -> Result<Found, KernelError> {
    let [batch, heads, seq, _] = case.shape;
    let tensors = Tensors::new(gpu, case.shape, how.lie, &[&case.q, &case.k, &case.v], 1);
    let [q, k, v, out] = &tensors.views[..] else { unreachable!("four tensors") };
    let rows = batch * heads * seq;
    let [log_sums, statistics] =
        [rows, 2 * rows].map(|count| gpu.buffer_of("rows", &vec![JUNK; count]).expect("memory"));
    let [bound_sums, bound_statistics] =
        [&log_sums, &statistics].map(|buffer| wgpu::BufferBinding { buffer, offset: 0, size: None });
    let inputs =
        Forward { q, k, v, out, log_sums: &bound_sums, statistics: how.statistics.then_some(&bound_statistics) };
    let kept = with_plan(gpu, case, how, |plan| forward_with(gpu, plan, how.form, inputs, &mut on)?.kept(gpu, plan))?;
    let read = |buffer, first: usize| {
        let [first, count] = [first, rows].map(|size| u32::try_from(size).expect("small"));
        gpu.read(buffer, first, count).map(|words| words.into_iter().map(f32::from_bits).collect::<Vec<_>>())
    };
    Ok(Found {
        out: tensors.read(gpu, 3),
        log_sums: read(&log_sums, 0)?,
        entropy: read(&statistics, 0)?,
        distance: read(&statistics, rows)?,
        kept,
    })
}

/// The gradients of a case at q, k and v, and how much the two sweeps looked at.
pub(super) fn gradients(gpu: &Gpu, case: &Case, how: How) -> Result<([Vec<f32>; 3], [Kept; 2]), KernelError> {
    let [batch, heads, seq, _] = case.shape;
    let tensors = Tensors::new(gpu, case.shape, how.lie, &[&case.q, &case.k, &case.v, &case.grad_out], 4);
    let [q, k, v, grad_out, out, grad_q, grad_k, grad_v] = &tensors.views[..] else { unreachable!("eight tensors") };
    let log_sums = gpu.buffer_of("rows", &vec![JUNK; batch * heads * seq])?;
    let log_sums = &wgpu::BufferBinding { buffer: &log_sums, offset: 0, size: None };
    let kept = with_plan(gpu, case, How { statistics: false, ..how }, |plan| {
        let inputs = Forward { q, k, v, out, log_sums, statistics: None };
        forward_with(gpu, plan, how.form, inputs, &mut on)?;
        let inputs = Backward { q, k, v, out, log_sums, grad_out, grad_q, grad_k, grad_v };
        backward(gpu, plan, inputs, &mut on)?.kept(gpu, plan)
    })?;
    Ok(([5, 6, 7].map(|tensor| tensors.read(gpu, tensor)), kept))
}

/// Room for differences: absolute, and in proportion to what is expected.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room(pub(super) f64, pub(super) f64);

/// Fails where numbers lie too far apart; tells the largest difference in parts of the room there is.
pub(super) fn compare(name: &str, got: &[f32], want: &[f64], room: Room) -> f64 {
    assert_eq!(got.len(), want.len(), "{name}: as many numbers");
    let share = |got: f32, want: f64| {
        let share = (f64::from(got) - want).abs() / (room.0 + room.1 * want.abs());
        if share.is_nan() { f64::INFINITY } else { share }
    };
    let shares = got.iter().zip(want).map(|(got, want)| share(*got, *want));
    let (index, worst) = shares.enumerate().fold((0, 0.0), |worst, next| if next.1 > worst.1 { next } else { worst });
    assert!(
        worst <= 1.0,
        "{name}[{index}]: got {}, want {}, room {room:?}, off by {worst} of it",
        got[index],
        want[index]
    );
    worst
}

/// Bits of numbers, to see whether they are the very same.
pub(super) fn bits(values: &[f32]) -> Vec<u8> {
    bytes_of(&values.iter().map(|value| value.to_bits()).collect::<Vec<_>>())
}

/// The room of a form: more where it stages numbers in half precision.
pub(super) fn room_of(form: Form, plain: Room) -> Room {
    if form.is_single() { plain } else { Room(plain.0.max(5e-3), plain.1.max(1e-3)) }
}

/// The forms that a device is to be tested with; those that default limits allow are tested on a device of those.
pub(super) fn forms(gpu: &Gpu, allow: Allow, d: usize) -> Vec<Form> {
    let all = Form::on(gpu, u32::try_from(d).expect("small"));
    match allow {
        Allow::Defaults => all,
        Allow::All => all.into_iter().filter(|form| *form != Form::Plain).collect(),
    }
}
