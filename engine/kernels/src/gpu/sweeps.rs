//! Statistics of burn's tensors, where they lie.

use std::{ops::Range, sync::Arc};

use burn::backend::wgpu::CubeTensor;

use super::{
    agreement::Question,
    error::KernelError,
    norms::Workspace,
    opened::Opened,
    pace::Watching,
    statistics::{Columns, ColumnsForm, Groups, MOST_PARTNERS, MOST_VECTORS, Sweep},
    tensors::{bound_in_order, flush, placed, told_to},
    tiles::word,
};
use crate::{
    attention::NO_PARTNER,
    backend::Asked,
    statistics::{ColumnStatistics, MeanOf, PooledMap, RowStatistics},
};

/// Attention whose statistics are computed on the GPU.
#[derive(Debug)]
pub(crate) struct OnGpu {
    pub(crate) opened: Arc<Opened>,
    pub(crate) q: CubeTensor,
    pub(crate) k: CubeTensor,
    /// `[batch, head, seq]`.
    pub(crate) log_sums: CubeTensor,
    pub(crate) asked: Asked,
}

impl OnGpu {
    fn shape(&self) -> [usize; 4] {
        self.q.meta.shape().dims()
    }

    /// Calls `act` with a sweep that is ready, once it is known that this adapter answers such a question.
    fn swept<T>(
        &self,
        question: Question,
        act: impl FnOnce(&Sweep<'_>, &mut Watching<'_>) -> Result<T, KernelError>,
    ) -> Result<T, KernelError> {
        let (opened, problem) = (&self.opened, self.asked.problem(self.shape(), true));
        let plan = opened.plan(&problem)?;
        let sweep_plan = opened.sweep_plan(&problem)?;
        opened.agreement.statistics(&opened.gpu, question, plan.d)?;
        let places = [placed("q", &self.q)?, placed("k", &self.k)?];
        let [q, k] = places.each_ref().map(|place| place.view.clone());
        let log_sums = bound_in_order("log_sums", &self.log_sums)?;
        let log_sums = wgpu::BindingResource::Buffer(log_sums.binding());
        flush(&self.q)?;
        let mut watching = told_to(&self.asked.watch, plan.all_scores);
        let workspace = Workspace::new(&opened.gpu, &plan, 0, 0)?;
        // The sweep itself is what takes time.
        workspace.measure(&opened.gpu, &plan, [&q, &k], &mut |_| watching(0.0))?;
        let norms = workspace.buffer.as_entire_binding();
        let sweep = Sweep::new(&opened.gpu, &sweep_plan, [q, k], log_sums, norms, &mut |_| watching(0.0))?;
        let found = act(&sweep, &mut watching);
        if self.asked.count {
            opened.look_at_memory();
        }
        found
    }

    /// Entropy and distance of each query.
    pub(crate) fn rows(&self) -> Result<RowStatistics, KernelError> {
        let [batch, heads, seq, _] = self.shape();
        let found = self.swept(Question::Sums, |sweep, watching| sweep.rows(None, 0, watching))?;
        let spread = self.opened.gpu.floats(&found.spread, 2 * batch * heads * seq)?;
        Ok(RowStatistics::by_head(&spread, [batch, heads, seq]))
    }

    /// Weighted sums and maxima over the queries.
    pub(crate) fn columns(&self, weights: &[&[f32]]) -> Result<ColumnStatistics, KernelError> {
        let [batch, heads, seq, _] = self.shape();
        let size = batch * heads * seq;
        self.swept(Question::Sums, |sweep, watching| {
            let mut found = ColumnStatistics { sums: Vec::new(), max: Vec::new() };
            for weights in weights.chunks(MOST_VECTORS as usize) {
                let buffer = self.opened.gpu.buffer_of_floats("weights of queries", &weights.concat())?;
                let (weights, count) = (buffer.as_entire_binding(), word(weights.len()));
                let columns = sweep.columns(&Columns { weights, count, form: ColumnsForm::Wide }, watching)?;
                found.sums.extend(self.opened.gpu.floats(&columns.sums, size * count as usize)?);
                found.max = self.opened.gpu.floats(&columns.maxima, size)?;
            }
            Ok(found)
        })
    }

    /// The strongest partners of each query.
    pub(crate) fn partners(&self, of: &MeanOf, places: usize) -> Result<Vec<(u32, f32)>, KernelError> {
        if places > MOST_PARTNERS as usize {
            return Err(KernelError::Problem { problem: format!("{places} partners of each query") });
        }
        let seq = self.shape()[2];
        let found = self.swept(Question::Partners, |sweep, watching| sweep.top(&group(of), word(places), watching))?;
        let keys = self.opened.gpu.read(&found.indices, 0, word(seq * places))?;
        let shares = self.opened.gpu.floats(&found.values, seq * places)?;
        Ok(keys.into_iter().zip(shares).map(|(key, share)| told(key, share)).collect())
    }

    /// A map in cells.
    pub(crate) fn map(&self, of: &MeanOf, edges: &[usize]) -> Result<PooledMap, KernelError> {
        let edges: Vec<u32> = edges.iter().map(|edge| word(*edge)).collect();
        let found = self.swept(Question::Map, |sweep, watching| sweep.map(&group(of), [&edges, &edges], watching))?;
        let cells = (edges.len() - 1).pow(2);
        Ok(PooledMap {
            sum: self.opened.gpu.floats(&found.sums, cells)?,
            max: self.opened.gpu.floats(&found.maxima, cells)?,
        })
    }

    /// The probabilities of some queries and keys.
    pub(crate) fn cut_out(&self, of: &MeanOf, ranges: [Range<usize>; 2]) -> Result<Vec<f32>, KernelError> {
        let count = ranges[0].len() * ranges[1].len();
        let found = self.swept(Question::CutOut, |sweep, watching| sweep.window(&group(of), ranges, watching))?;
        self.opened.gpu.floats(&found, count)
    }
}

fn group(of: &MeanOf) -> Groups {
    Groups::mean(of.row..of.row + 1, of.heads.clone())
}

/// What lies below what a number resolves is no partner.
fn told(key: u32, share: f32) -> (u32, f32) {
    if share < f32::EPSILON / 2.0 { (NO_PARTNER, 0.0) } else { (key, share) }
}
