//! Bases as the model sees them.

use super::tensors::TensorTasks;
use crate::{
    Outcome, Token, TokenizeRequest,
    engine::{Job, Stop},
};

impl TensorTasks {
    /// Cuts a region into tokens, with spans on the contig.
    pub(super) fn tokenize(&mut self, request: &TokenizeRequest, job: &Job) -> Result<Outcome, Stop> {
        let model = self.shelf.model(request.model.as_deref())?;
        let genome = self.genomes.open(&request.genome, job)?;
        let region = genome.clip(&request.region)?;
        let bases = genome.read(&region)?;
        // Only a file needs to say where it comes from, and a fingerprint of a large genome takes time.
        if self.setting.command_line.is_some() {
            let sha256 = self.genomes.sha256(&request.genome, job)?;
            let record = self.setting.record(&model, None, (&request.genome, sha256), String::new);
            job.record(record, Vec::new());
        }
        let encoding = model.tokenizer.encode(&bases)?;
        if job.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        if encoding.unknown_bp > 0 {
            let count = encoding.unknown_bp;
            job.warn(format!("{count} bases of {region} are unknown to the tokenizer of {}", model.name()));
        }
        let on_contig = |(start, end): (usize, usize)| (region.start_bp + start as u64, region.start_bp + end as u64);
        let tokens = encoding.ids.iter().zip(&encoding.spans).map(|(&id, span)| Token {
            id,
            text: model.tokenizer.token_text(id).unwrap_or_default().to_owned(),
            span: span.map(on_contig),
        });
        let tokens = tokens.collect();
        Ok(Outcome::Tokens { region, tokens })
    }
}
