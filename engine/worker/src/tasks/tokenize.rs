//! Bases as the model sees them.

use strandscope_genome::grouped;

use super::files::FileTasks;
use crate::{
    ErrorKind, JobError, Outcome, Token, TokenizeRequest,
    engine::{Job, Stop},
};

/// Most tokens that a stretch is cut into, about: each takes some two hundred bytes until it is written.
const MOST_TOKENS: u64 = 12_500_000;

impl FileTasks {
    /// Cuts a region into tokens, with spans on the contig.
    pub(super) fn tokenize(&mut self, request: &TokenizeRequest, job: &Job) -> Result<Outcome, Stop> {
        let folder = self.known.model(request.model.as_deref())?;
        let loaded = self.tokenizer.of(&folder)?;
        let genome = self.genomes.open(&request.genome, job)?;
        let region = genome.clip(&request.region)?;
        let most_bp = loaded.tokenizer.typical_bp(MOST_TOKENS);
        if region.len_bp() > most_bp {
            let (length, most) = (grouped(region.len_bp()), grouped(most_bp));
            let message = format!(
                "cannot cut '{}' into tokens: it has {length} bases, and at most {most} are taken at once; cut a \
                 stretch out of it into a file of its own",
                region.contig
            );
            return Err(JobError::new(ErrorKind::BadInput, message).into());
        }
        let bases = genome.read(&region)?;
        // Only a file needs to say where it comes from, and a fingerprint of a large genome takes time.
        if self.setting.command_line.is_some() {
            let sha256 = self.genomes.sha256(&request.genome, job)?;
            let model = (&folder, loaded.sha256()?);
            let record = self.setting.record(model, None, (&request.genome, sha256), String::new);
            job.record(record, Vec::new());
        }
        let encoding = loaded.tokenizer.encode(&bases)?;
        if job.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        if encoding.unknown_bp > 0 {
            let count = encoding.unknown_bp;
            job.warn(format!("{count} bases of {region} are unknown to the tokenizer of {}", folder.name()));
        }
        let on_contig = |(start, end): (usize, usize)| (region.start_bp + start as u64, region.start_bp + end as u64);
        let tokens = encoding.ids.iter().zip(&encoding.spans).map(|(&id, span)| Token {
            id,
            text: loaded.tokenizer.token_text(id).unwrap_or_default().to_owned(),
            span: span.map(on_contig),
        });
        let tokens = tokens.collect();
        Ok(Outcome::Tokens { region, tokens })
    }
}
