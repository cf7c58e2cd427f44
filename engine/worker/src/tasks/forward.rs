//! The raw network on given token ids, for comparing with other programs.

mod gradients;
mod input;
mod outputs;
mod recurrent;

use std::io::Write as _;

use strandscope_analysis::AnalysisError;
use strandscope_genome::{AtomicFile, OutputError};
use strandscope_kernels::sound;
use strandscope_models::{checkpoint::write_tensors, model::Model, network::Network};

use super::{command_line::of_forward, provenance::Setting, shelf::Shelf};
use crate::{
    ErrorKind, ForwardRequest, JobError, Outcome,
    engine::{Job, Stop},
};
use input::Input;
use outputs::Outputs;

/// Largest size of all attention probabilities together that is computed.
const MOST_PROBABILITY_BYTES: usize = 2 << 30;

/// Runs the network and writes the tensors that were asked for.
pub(crate) fn forward(shelf: &Shelf, setting: &Setting, request: &ForwardRequest, job: &Job) -> Result<Outcome, Stop> {
    let mut model = shelf.network(&request.model)?;
    if let (Network::Rmt(rmt), Some(padding)) = (&model.network, request.rmt_padding) {
        model.network = Network::Rmt(rmt.clone().with_padding(padding));
    }
    let input = Input::read(&request.input, model.sizes().vocab_size)?;
    model.check_length(input.tokens)?;
    let mut file = AtomicFile::create(&request.output, request.force)?;
    let wanted = Wanted(&request.outputs);
    wanted.check(&model, &input)?;
    job.started(1, "passes");
    let mut outputs = Outputs::compute(&model, &input, &wanted, job)?;
    if let Some(of) = request.gradients {
        gradients::add(shelf, request, of, &input, &mut outputs, job)?;
    }
    let tensors = outputs.into_tensors();
    if tensors.is_empty() {
        let message = format!(
            "none of the outputs '{}' is a tensor of this model; there are hidden.0, attention.0, logits, class_logits, \
             pooled, mean_pool, summary.attn_received, summary.attn_entropy, summary.attn_distance and summary.rollout",
            request.outputs.join(",")
        );
        return Err(JobError::new(ErrorKind::Usage, message).into());
    }
    let count = tensors.len();
    let provenance = if setting.no_provenance {
        Vec::new()
    } else {
        let (model, input) = ((&model.folder, model.sha256.as_str()), (request.input.as_path(), input.sha256));
        setting.record(model, None, input, || of_forward(request)).pairs()
    };
    let bytes = write_tensors(tensors, &provenance)?;
    file.write_all(&bytes).map_err(|error| OutputError::from_write(&request.output, error))?;
    if job.is_cancelled() {
        return Err(Stop::Cancelled);
    }
    sound(&model.network.device()).map_err(AnalysisError::from)?;
    file.commit()?;
    job.progress(1, "");
    Ok(Outcome::Written { paths: vec![request.output.clone()], notes: vec![format!("{count} tensors")] })
}

/// Names or beginnings of names; none means all.
struct Wanted<'a>(&'a [String]);

impl Wanted<'_> {
    fn takes(&self, name: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|wanted| name.starts_with(wanted.trim()))
    }

    /// Whether a tensor beginning with this is wanted, or one that it begins.
    fn takes_some(&self, stem: &str) -> bool {
        self.takes(stem) || self.0.iter().any(|wanted| wanted.trim().starts_with(stem))
    }

    /// Refuses what takes too much memory.
    fn check(&self, model: &Model, input: &Input) -> Result<(), Stop> {
        let heads = model.sizes().num_hidden_layers * model.sizes().num_attention_heads;
        let bytes = (4 * heads * input.rows).saturating_mul(input.tokens.saturating_mul(input.tokens));
        let of_pairs = ["attention.", "summary.rollout"].iter().any(|stem| self.takes_some(stem));
        if of_pairs && bytes > MOST_PROBABILITY_BYTES {
            let message = format!(
                "all attention probabilities of {} tokens take {bytes} bytes; name the outputs you need, for example \
                 --outputs hidden,logits,summary.attn_received",
                input.tokens
            );
            return Err(JobError::new(ErrorKind::Usage, message).into());
        }
        Ok(())
    }
}
