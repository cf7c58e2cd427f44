//! The questions to the statistics.

use std::slice;

use super::{Example, SEQ, SLOPES, apart, by_head, numbers, on, worse};
use crate::{
    cpu::{self, Source},
    gpu::{
        context::Gpu,
        error::KernelError,
        norms::Workspace,
        plan::Plan,
        statistics::{COLUMNS, Columns, ColumnsForm, Groups, MAP, Sweep, SweepPlan, TOP, WINDOW},
        tiles::word,
    },
};

/// Where the cells of the map begin, and the end of the last.
const EDGES: [usize; 4] = [3, 50, 120, SEQ];

/// Partners of each query.
const PLACES: usize = 3;

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Question {
    /// Sums and maxima of keys, entropy and distance of queries.
    Sums,
    /// The strongest partners.
    Partners,
    /// A map in cells.
    Map,
    /// Single pairs.
    CutOut,
}

impl Question {
    /// The kernel that is in doubt.
    pub(super) fn kernel(self) -> &'static str {
        match self {
            Self::Sums => COLUMNS.name,
            Self::Partners => TOP.name,
            Self::Map => MAP.name,
            Self::CutOut => WINDOW.name,
        }
    }
}

/// What the processor knows of the example.
struct Truth<'a> {
    /// `[head, seq]`.
    entropy: Vec<f32>,
    /// Both attention heads.
    source: Source<'a>,
}

impl Truth<'_> {
    /// As questions about pairs take it.
    fn sources(&self) -> &[Source<'_>] {
        slice::from_ref(&self.source)
    }
}

impl Example {
    /// The largest difference between the answers of the device and of the processor.
    pub(super) fn answers(&self, gpu: &Gpu, question: Question) -> Result<f32, KernelError> {
        let problem = self.problem(true);
        let plan = Plan::new(gpu, &problem)?;
        let sweep_plan = SweepPlan::new(gpu, &problem)?;
        let forward = self.on_processor(&problem);
        let log_sums = by_head(&forward.log_sum_exp, 1);
        let of_log_sums = gpu.buffer_of_floats("an example", &log_sums)?;
        let (q, k) = (self.upload(gpu, 0)?, self.upload(gpu, 1)?);
        let workspace = Workspace::new(gpu, &plan, 0, 0)?;
        workspace.measure(gpu, &plan, [&q, &k], &mut on)?;
        let norms = workspace.buffer.as_entire_binding();
        let sweep = Sweep::new(gpu, &sweep_plan, [q, k], of_log_sums.as_entire_binding(), norms, &mut on)?;
        let [q, k] = [0, 1].map(|tensor| self.strided(&self.values[tensor]));
        let source = Source { problem, q, k, log_sum_exp: &log_sums, row: 0, heads: 0..SLOPES.len() };
        let truth = Truth { entropy: by_head(&forward.entropy, 1), source };
        match question {
            Question::Sums => sums(gpu, &sweep, &truth),
            Question::Partners => partners(gpu, &sweep, &truth),
            Question::Map => map(gpu, &sweep, &truth),
            Question::CutOut => cut_out(gpu, &sweep, &truth),
        }
    }
}

fn sums(gpu: &Gpu, sweep: &Sweep<'_>, truth: &Truth<'_>) -> Result<f32, KernelError> {
    let weights = numbers(5, SEQ);
    let of_weights = gpu.buffer_of_floats("an example", &weights)?;
    let asked = Columns { weights: of_weights.as_entire_binding(), count: 1, form: ColumnsForm::Wide };
    let found = sweep.columns(&asked, &mut on)?;
    let rows = SLOPES.len() * SEQ;
    let Source { problem, q, k, log_sum_exp, .. } = &truth.source;
    let columns = cpu::columns(problem, [*q, *k], log_sum_exp, &[&weights]);
    let sums = apart(&gpu.floats(&found.sums, rows)?, &columns.sums);
    let maxima = apart(&gpu.floats(&found.maxima, rows)?, &columns.max);
    let spread = sweep.rows(None, 0, &mut on)?.spread;
    let entropy = apart(&gpu.floats(&spread, rows)?, &truth.entropy);
    Ok(worse(worse(sums, maxima), entropy))
}

/// The mean of both attention heads.
fn both() -> Groups {
    Groups::mean(0..1, 0..SLOPES.len())
}

fn partners(gpu: &Gpu, sweep: &Sweep<'_>, truth: &Truth<'_>) -> Result<f32, KernelError> {
    let found = sweep.top(&both(), word(PLACES), &mut on)?;
    let shares = gpu.floats(&found.values, SEQ * PLACES)?;
    let keys = gpu.read(&found.indices, 0, word(SEQ * PLACES))?;
    let want: Vec<f32> = cpu::partners(truth.sources(), PLACES).into_iter().map(|(_, share)| share).collect();
    // Of equal ones either may be named: what counts is that a key has the share that is told.
    let all = cpu::cut_out(truth.sources(), [0..SEQ, 0..SEQ]);
    let of_key = |(place, key): (usize, &u32)| {
        let key = usize::try_from(*key).ok().filter(|key| *key < SEQ);
        key.map_or(f32::NAN, |key| all[place / PLACES * SEQ + key])
    };
    let named: Vec<f32> = keys.iter().enumerate().map(of_key).collect();
    Ok(worse(apart(&shares, &want), apart(&named, &want)))
}

fn map(gpu: &Gpu, sweep: &Sweep<'_>, truth: &Truth<'_>) -> Result<f32, KernelError> {
    let edges = EDGES.map(word);
    let found = sweep.map(&both(), [&edges, &edges], &mut on)?;
    let cells = (EDGES.len() - 1).pow(2);
    let want = cpu::cells(truth.sources(), &EDGES);
    // Sums are of the order of the length.
    let sums = apart(&gpu.floats(&found.sums, cells)?, &want.sum) / SEQ as f32;
    Ok(worse(sums, apart(&gpu.floats(&found.maxima, cells)?, &want.max)))
}

fn cut_out(gpu: &Gpu, sweep: &Sweep<'_>, truth: &Truth<'_>) -> Result<f32, KernelError> {
    let ranges = [5..SEQ - 9, 17..SEQ - 1];
    let want = cpu::cut_out(truth.sources(), ranges.clone());
    let found = sweep.window(&both(), ranges, &mut on)?;
    Ok(apart(&gpu.floats(&found, want.len())?, &want))
}
