//! Embeddings: what a model makes of a sequence, as numbers for other programs.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use strandscope_kernels::Conduct;
use strandscope_models::{model::Model, pass::Pass};
use strandscope_tokens::Tokenizer;

use crate::{
    AnalysisError,
    batch::{Batch, unknown_bp},
    device::with_spare,
    host::ReadHost,
    predict::host as fetch,
    windows::{Cores, inside},
};

/// What becomes of the states of a sequence's tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pooling {
    /// Their mean.
    #[default]
    Mean,
    /// Those of the token before the sequence; of a sequence read in several windows, the mean of theirs.
    Cls,
    /// They stay as they are.
    None,
}

/// The embedding of a sequence.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Embedding {
    /// `[hidden]`, or `[token, hidden]` without pooling.
    pub values: Vec<f32>,
    /// The bases of each token on the contig; empty where tokens were pooled.
    pub spans_bp: Vec<(u64, u64)>,
    /// Bases that the model was given as unknown.
    pub unknown_bp: u64,
}

/// The last states of the tokens of a region, pooled.
///
/// A token counts once, in the window in whose core it begins.
///
/// # Errors
/// When bases cannot be read, the model has no token before the sequence that [`Pooling::Cls`] could take, the device
/// fails and nothing takes its place, or the work is stopped.
pub fn embed(
    model: &Model,
    tokenizer: &Tokenizer,
    mut cores: Cores,
    pooling: Pooling,
    conduct: &Conduct,
    host: &mut dyn ReadHost,
) -> Result<Embedding, AnalysisError> {
    if pooling == Pooling::Cls && tokenizer.special().cls.is_none() {
        return Err(AnalysisError::Request("this model has no token before the sequence; take --pool mean".to_owned()));
    }
    let mut spare: Option<Model> = None;
    let mut pooled = Pooled::new(model.sizes().hidden_size, pooling);
    let mut start = cores.region.start;
    while start < cores.region.end {
        let core = cores.core_from(start);
        let window = cores.window_around(&core);
        let bases = host.bases(window.clone())?;
        let batch = Batch::new(&[&bases], tokenizer)?;
        if let Err(error) = model.check_length(batch.longest()) {
            cores = cores.halved().ok_or(error)?;
            continue;
        }
        let states = with_spare(model, &mut spare, host, |model| states(model, &batch, conduct))?;
        pooled.add(&states, &batch, window.start, &core);
        // Windows overlap, so that letters are counted in the cores, which do not.
        if batch.unknown_bp > 0 {
            pooled.found.unknown_bp += unknown_bp(&bases, inside(&window, &core));
        }
        start = core.end;
        host.done(start - cores.region.start)?;
    }
    pooled.finished()
}

fn states(model: &Model, batch: &Batch, conduct: &Conduct) -> Result<Vec<f32>, AnalysisError> {
    let mut pass = Pass { conduct: conduct.clone(), ..Pass::default() };
    let last = model.network.encode(&batch.tokens(), &mut pass).last;
    if conduct.watch.is_stopped() {
        return Err(AnalysisError::Cancelled);
    }
    Ok(fetch(last)?)
}

/// States put together window by window.
struct Pooled {
    hidden: usize,
    pooling: Pooling,
    found: Embedding,
    sums: Vec<f64>,
    count: u64,
}

impl Pooled {
    fn new(hidden: usize, pooling: Pooling) -> Self {
        Self { hidden, pooling, found: Embedding::default(), sums: vec![0.0; hidden], count: 0 }
    }

    /// Takes the states of a window, `[token, hidden]`.
    fn add(&mut self, states: &[f32], batch: &Batch, window_start: u64, core: &Range<u64>) {
        for (span, state) in batch.spans[0].iter().zip(states.chunks(self.hidden)) {
            let span_bp = span.map(|(start, end)| (window_start + start as u64, window_start + end as u64));
            let is_inside = span_bp.is_some_and(|(start, _)| core.contains(&start));
            match (self.pooling, span_bp) {
                (Pooling::Mean, _) if is_inside => self.sum(state),
                (Pooling::None, Some(span_bp)) if is_inside => {
                    self.found.values.extend(state);
                    self.found.spans_bp.push(span_bp);
                }
                _ => {}
            }
        }
        if self.pooling == Pooling::Cls {
            self.sum(&states[..self.hidden]);
        }
    }

    fn sum(&mut self, state: &[f32]) {
        self.sums.iter_mut().zip(state).for_each(|(sum, value)| *sum += f64::from(*value));
        self.count += 1;
    }

    /// # Errors
    /// When no token begins in the region.
    #[expect(clippy::cast_possible_truncation, reason = "embeddings are in single precision")]
    fn finished(mut self) -> Result<Embedding, AnalysisError> {
        if self.pooling != Pooling::None {
            if self.count == 0 {
                return Err(AnalysisError::Request("no token begins in the region; name a longer one".to_owned()));
            }
            self.found.values = self.sums.iter().map(|sum| (sum / self.count as f64) as f32).collect();
        }
        Ok(self.found)
    }
}
