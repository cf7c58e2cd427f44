//! Whether kernels give on this adapter what the processor gives: the forms of the forward pass, the backward pass, and
//! each question to the statistics, each asked before it is first used.
//!
//! Drivers are wrong now and then, and a wrong number looks like any other. A form that disagrees, or does not compile,
//! is not used, and the log says so.

mod sweeps;

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    sync::{Mutex, PoisonError},
};

use super::{
    backward::{self, Backward, backward},
    context::Gpu,
    error::KernelError,
    forward::{Form, Forward, forward_with},
    plan::Plan,
    view::View,
};
use crate::{
    cpu::{self, Strided},
    problem::{Problem, Rule},
    watch::Watch,
};
pub(crate) use sweeps::Question;

/// Positions of the example: several tiles, and a part of one.
const SEQ: usize = 197;

/// Reaching through all of it, and through some.
const SLOPES: [f32; 2] = [0.004, 0.25];

/// Numbers of order 1 may lie so far apart: beyond what rounding does, below what anybody would look at.
const ROOM: f32 = 1e-4;

/// What was found out, for each operation and width of attention heads.
#[derive(Debug, Default)]
pub(crate) struct Agreement(Mutex<BTreeMap<(Operation, u32), bool>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Operation {
    /// With or without entropy and distance.
    Forward(Form, bool),
    Backward,
    Statistics(Question),
}

impl Operation {
    /// The kernel that is in doubt.
    fn kernel(self) -> &'static str {
        match self {
            Self::Forward(form, _) => form.kernel().name,
            Self::Backward => backward::QUERY.name,
            Self::Statistics(question) => question.kernel(),
        }
    }
}

impl Agreement {
    /// The fastest form of the forward pass that suits a plan and agrees.
    ///
    /// # Errors
    /// When none does, or the device fails.
    pub(crate) fn form(&self, gpu: &Gpu, plan: &Plan) -> Result<Form, KernelError> {
        let mut last = None;
        for form in Form::preferred(gpu, plan) {
            match self.check(gpu, Operation::Forward(form, plan.row_statistics), plan.d) {
                Ok(()) => return Ok(form),
                Err(error) if error.is_of_one_kernel() => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(last.expect("the plain form is for every device"))
    }

    /// The form for attention heads of a width that is used on a device, where one is.
    ///
    /// # Errors
    /// When none agrees, or the device fails.
    pub(crate) fn form_of_width(&self, gpu: &Gpu, d: usize) -> Result<Form, KernelError> {
        self.form(gpu, &Plan::new(gpu, &Example::new(d).problem(false))?)
    }

    /// Whether a form was tried at a width and is not used.
    pub(crate) fn is_refused(&self, form: Form, d: u32) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&(Operation::Forward(form, false), d)) == Some(&false)
    }

    /// Whether the backward pass agrees.
    ///
    /// # Errors
    /// When it does not, or the device fails.
    pub(crate) fn backward(&self, gpu: &Gpu, plan: &Plan) -> Result<(), KernelError> {
        self.check(gpu, Operation::Backward, plan.d)
    }

    /// Whether the answers to a question to the statistics agree.
    ///
    /// # Errors
    /// When they do not, or the device fails.
    pub(crate) fn statistics(&self, gpu: &Gpu, question: Question, d: u32) -> Result<(), KernelError> {
        self.check(gpu, Operation::Statistics(question), d)
    }

    fn check(&self, gpu: &Gpu, operation: Operation, d: u32) -> Result<(), KernelError> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = || KernelError::Disagrees { kernel: operation.kernel(), adapter: gpu.adapter().to_owned() };
        match known.get(&(operation, d)) {
            Some(true) => return Ok(()),
            Some(false) => return Err(refused()),
            None => {}
        }
        let off = match Example::new(d as usize).off_by(gpu, operation) {
            Ok(off) if gpu.rehearsal().is_wrong(operation.kernel()) => off + 1.0,
            Ok(off) => off,
            Err(error) if error.is_of_one_kernel() => {
                known.insert((operation, d), false);
                tracing::warn!(%error, "a kernel is not used on this adapter");
                return Err(error);
            }
            Err(error) => return Err(error),
        };
        // What is not a number is not close to one.
        let agrees = off <= ROOM;
        known.insert((operation, d), agrees);
        if agrees {
            return Ok(());
        }
        let (kernel, adapter, driver) = (operation.kernel(), gpu.adapter(), gpu.driver());
        tracing::warn!(kernel, adapter, driver, off, "a kernel disagrees with the processor, and is not used");
        Err(refused())
    }
}

/// A small attention.
struct Example {
    d: usize,
    /// q, k, v and the gradient at the output, `[head, seq, d]`.
    values: [Vec<f32>; 4],
    watch: Watch,
}

impl Example {
    fn new(d: usize) -> Self {
        let values = [1u32, 2, 3, 4].map(|seed| numbers(seed, SLOPES.len() * SEQ * d));
        Self { d, values, watch: Watch::default() }
    }

    fn problem(&self, row_statistics: bool) -> Problem<'_> {
        Problem {
            batch: 1,
            heads: SLOPES.len(),
            seq: SEQ,
            d: self.d,
            rule: Rule::Slopes(&SLOPES),
            segments: None,
            skip: true,
            row_statistics,
            watch: &self.watch,
        }
    }

    /// The largest difference between the device and the processor.
    fn off_by(&self, gpu: &Gpu, operation: Operation) -> Result<f32, KernelError> {
        match operation {
            Operation::Forward(form, row_statistics) => self.forward(gpu, form, row_statistics),
            Operation::Backward => self.backward(gpu),
            Operation::Statistics(question) => self.answers(gpu, question),
        }
    }

    fn forward(&self, gpu: &Gpu, form: Form, row_statistics: bool) -> Result<f32, KernelError> {
        let problem = self.problem(row_statistics);
        let plan = Plan::new(gpu, &problem)?;
        let [q, k, v] = [0, 1, 2].map(|tensor| self.upload(gpu, tensor));
        let (q, k, v, out) = (q?, k?, v?, self.empty(gpu)?);
        let rows = SLOPES.len() * SEQ;
        let [log_sums, spread] = [rows, 2 * rows].map(|count| gpu.buffer("rows of an example", 4 * count as u64));
        let (log_sums, spread) = (log_sums?, spread?);
        let [of_log_sums, of_spread] = [&log_sums, &spread].map(whole);
        let statistics = row_statistics.then_some(&of_spread);
        let tensors = Forward { q: &q, k: &k, v: &v, out: &out, log_sums: &of_log_sums, statistics };
        forward_with(gpu, &plan, form, tensors, &mut on)?;
        let want = self.on_processor(&problem);
        let mut off = apart(&gpu.floats(&out.buffer, rows * self.d)?, &by_head(&want.out, self.d));
        off = worse(off, apart(&gpu.floats(&log_sums, rows)?, &by_head(&want.log_sum_exp, 1)));
        if row_statistics {
            let found = gpu.floats(&spread, 2 * rows)?;
            off = worse(off, apart(&found[..rows], &by_head(&want.entropy, 1)));
            // Distances are of the order of the length.
            off = worse(off, apart(&found[rows..], &by_head(&want.distance, 1)) / SEQ as f32);
        }
        Ok(off)
    }

    fn backward(&self, gpu: &Gpu) -> Result<f32, KernelError> {
        let problem = self.problem(false);
        let plan = Plan::new(gpu, &problem)?;
        let forward = self.on_processor(&problem);
        let (out, log_sums) = (by_head(&forward.out, self.d), by_head(&forward.log_sum_exp, 1));
        let [q, k, v, grad_out] = [0, 1, 2, 3].map(|tensor| self.upload(gpu, tensor));
        let (q, k, v, grad_out) = (q?, k?, v?, grad_out?);
        let of_out = View::contiguous(gpu.buffer_of_floats("an example", &out)?, self.shape());
        let of_log_sums = gpu.buffer_of_floats("an example", &log_sums)?;
        let [grad_q, grad_k, grad_v] = [(); 3].map(|()| self.empty(gpu));
        let (grad_q, grad_k, grad_v) = (grad_q?, grad_k?, grad_v?);
        let tensors = Backward {
            q: &q,
            k: &k,
            v: &v,
            out: &of_out,
            log_sums: &whole(&of_log_sums),
            grad_out: &grad_out,
            grad_q: &grad_q,
            grad_k: &grad_k,
            grad_v: &grad_v,
        };
        backward(gpu, &plan, tensors, &mut on)?;
        let [q, k, v, grad_out] = [0, 1, 2, 3].map(|tensor| self.strided(&self.values[tensor]));
        let saved = cpu::Saved { q, k, v, out: self.strided(&out), log_sum_exp: &log_sums, grad_out };
        let want = cpu::backward(&problem, saved);
        let mut off = 0f32;
        for (view, want) in [(&grad_q, want.q), (&grad_k, want.k), (&grad_v, want.v)] {
            off = worse(off, apart(&gpu.floats(&view.buffer, want.len())?, &want));
        }
        Ok(off)
    }

    fn on_processor(&self, problem: &Problem<'_>) -> cpu::Forward {
        let [q, k, v] = [0, 1, 2].map(|tensor| self.strided(&self.values[tensor]));
        cpu::forward(problem, q, k, v)
    }

    fn strided<'a>(&self, values: &'a [f32]) -> Strided<'a> {
        let d = self.d;
        Strided { values, start: 0, strides: [SLOPES.len() * SEQ * d, SEQ * d, d], d }
    }

    fn shape(&self) -> [u32; 4] {
        [1, SLOPES.len(), SEQ, self.d].map(super::tiles::word)
    }

    fn upload(&self, gpu: &Gpu, tensor: usize) -> Result<View, KernelError> {
        Ok(View::contiguous(gpu.buffer_of_floats("an example", &self.values[tensor])?, self.shape()))
    }

    fn empty(&self, gpu: &Gpu) -> Result<View, KernelError> {
        let bytes = self.values[0].len() * size_of::<f32>();
        Ok(View::contiguous(gpu.buffer("an example", bytes as u64)?, self.shape()))
    }
}

/// Numbers between −2 and 2 that follow no order.
fn numbers(seed: u32, count: usize) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        // Numerical Recipes, 3rd edition, §7.1.7: the high bits of a linear congruence are random enough.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 22) as f32 - 2.0
    };
    (0..count).map(|_| next()).collect()
}

/// Values `[seq, head, width]` as `[head, seq, width]`.
fn by_head(values: &[f32], width: usize) -> Vec<f32> {
    let of_head = |head: usize| values.chunks(width).skip(head).step_by(SLOPES.len()).flatten().copied();
    (0..SLOPES.len()).flat_map(of_head).collect()
}

/// The larger difference; not a number where one of them is not.
fn worse(a: f32, b: f32) -> f32 {
    if b > a || b.is_nan() { b } else { a }
}

/// The largest difference; not a number where one is not.
fn apart(found: &[f32], want: &[f32]) -> f32 {
    let differences = found.iter().zip(want).map(|(found, want)| (found - want).abs());
    differences.fold(0.0, worse)
}

fn whole(buffer: &wgpu::Buffer) -> wgpu::BufferBinding<'_> {
    wgpu::BufferBinding { buffer, offset: 0, size: None }
}

fn on(_: f64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_number_is_close_to_nothing() {
        assert!(apart(&[1.0, f32::NAN, 2.0], &[1.0, 1.0, 2.0]).is_nan(), "one is enough");
        assert!(worse(f32::NAN, 0.0).is_nan() && worse(0.0, f32::NAN).is_nan(), "in either place");
        assert_eq!(apart(&[1.0, 3.0], &[1.5, 3.0]), 0.5);
    }
}
