//! `attention`: where the attention of a model goes.

mod form;
mod npy;
mod picture;
mod rows;

use std::path::PathBuf;

use clap::ValueEnum;
use strandscope_worker::{
    AttentionPairs, AttentionRequest, AttentionStat, MapPool, Pick, RunRecord, Task, TrackChunk, WindowChoice,
    genome::{Region, Strand},
};

use crate::{
    args::{ModelArg, OutputArgs, pick, window_choice},
    failure::{Failure, Result},
    input::Input,
    regions::Contigs,
    session::{Receiver, Session},
};
use form::{Form, Format};

/// Show where the attention of a model goes.
///
/// The table is `contig start end layer head value`, 1-based, one row for each token; layers and attention heads
/// count from 0, `mean` stands where they are averaged. Maps and partners have `partner_start partner_end` as well.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Sequences; - is standard input
    #[arg(value_name = "FASTA")]
    fasta: PathBuf,
    /// Where: CONTIG or CONTIG:START-END, 1-based
    #[arg(long, value_name = "REGION")]
    region: String,
    #[command(flatten)]
    model: ModelArg,
    /// Layer, from 0
    #[arg(long, value_name = "N|mean|all", value_parser = pick, default_value = "mean")]
    layer: Pick,
    /// Attention head, from 0
    #[arg(long, value_name = "N|mean|all", value_parser = pick, default_value = "mean")]
    attention_head: Pick,
    /// What is told of the attention
    #[arg(long, value_enum, value_name = "STAT")]
    stat: Stat,
    /// Position on the contig whose token is meant, 1-based; for row and rollout
    #[arg(long, value_name = "POS", value_parser = clap::value_parser!(u64).range(1..))]
    query: Option<u64>,
    /// Bins on each side of a map
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=MOST_BINS))]
    bins: u32,
    /// What a cell of a map tells of the weights in it
    #[arg(long, value_enum, default_value_t)]
    pool: PoolArg,
    /// Partners of each token
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=MOST_PARTNERS))]
    partners: u32,
    /// How much is read at once [default: what the model was trained on]
    #[arg(long, value_name = "N|whole", value_parser = window_choice)]
    window_tokens: Option<WindowChoice>,
    /// Form of the output
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    format: Format,
    /// The same as --format json
    #[arg(long, conflicts_with = "format", help_heading = "Output")]
    json: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// A map of so many bins on each side takes 64 MB for each layer and attention head.
const MOST_BINS: i64 = 4096;

/// More partners than this make no list that anybody reads.
const MOST_PARTNERS: i64 = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Stat {
    /// What each token is given by all others together
    Received,
    /// How spread out each token's attention is, in nats
    Entropy,
    /// How far away each token looks on average, in tokens
    Distance,
    /// What the token before the sequence gives to each
    Cls,
    /// What the token at --query gives to each
    Row,
    /// What the token at --query, or before the sequence, draws on through all layers
    Rollout,
    /// Weights between bins of equal width
    Map,
    /// To which tokens each gives most
    Top,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum PoolArg {
    /// Their mean
    #[default]
    Mean,
    /// The largest
    Max,
    /// Their sum
    Sum,
}

impl Args {
    pub(crate) fn run(self, mut session: Session) -> Result<()> {
        let stat = self.stat()?;
        let format = if self.json { Format::Json } else { self.format };
        if format == Format::Npy && self.stat == Stat::Top {
            let reason = "partners are a list and make no array; write them with --format tsv or json";
            return Err(Failure::usage(reason.to_owned()));
        }
        let input = Input::open(&self.fasta)?;
        let form = Form::open(format, stat, &self.output)?;
        let genome = session.open_genome(&input)?;
        let region = Contigs::new(&genome, input.name()).region(&self.region)?;
        let region = region.map_err(|unusable| Failure::bad_input(unusable.to_string()))?;
        let task = Task::Attention(AttentionRequest {
            genome: input.path().to_owned(),
            region: region.clone(),
            model: self.model.model,
            stat,
            layer: self.layer,
            attention_head: self.attention_head,
            window: self.window_tokens.unwrap_or_default(),
        });
        let named = (!self.output.no_provenance).then_some(&input);
        let mut writer = Writer { form, region, input: named, provenance: Vec::new(), names: Vec::new() };
        let done = session.run_into("attention", task, &mut writer).map_err(|failure| input.rename(failure))?;
        let record = done.record.map(|record| input.rename_record(record));
        writer.form.finish(&writer.provenance, &session.provenance(&self.output, record.as_ref()))
    }

    fn stat(&self) -> Result<AttentionStat> {
        let position_bp = self.query.map(|position| position - 1);
        let needed = "name the token with --query POS: a position on the contig, counted from 1";
        if position_bp.is_some() && !matches!(self.stat, Stat::Row | Stat::Rollout) {
            return Err(Failure::usage(
                "--query goes with --stat row and --stat rollout alone; leave it out".to_owned(),
            ));
        }
        Ok(match self.stat {
            Stat::Received => AttentionStat::Received,
            Stat::Entropy => AttentionStat::Entropy,
            Stat::Distance => AttentionStat::Distance,
            Stat::Cls => AttentionStat::Cls,
            Stat::Row => {
                let position_bp = position_bp.ok_or_else(|| Failure::usage(format!("--stat row: {needed}")))?;
                AttentionStat::Row { position_bp }
            }
            Stat::Rollout => AttentionStat::Rollout { position_bp },
            Stat::Map => AttentionStat::Map {
                bins: self.bins,
                pool: match self.pool {
                    PoolArg::Mean => MapPool::Mean,
                    PoolArg::Max => MapPool::Max,
                    PoolArg::Sum => MapPool::Sum,
                },
            },
            Stat::Top => AttentionStat::Top { places: self.partners },
        })
    }
}

/// Passes what comes on to the form of the output.
struct Writer<'a> {
    form: Form,
    region: Region,
    /// Gives the record the name of the input that the user knows; `None` leaves the record out.
    input: Option<&'a Input>,
    provenance: Vec<(String, String)>,
    /// What the tracks, maps or lists are called, by number.
    names: Vec<Name>,
}

/// What a track, map or list tells.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Name {
    stat: String,
    /// A number, or `mean`.
    layer: String,
    head: String,
}

impl Receiver for Writer<'_> {
    fn record(&mut self, record: &RunRecord, tracks: &[(String, Strand)]) -> Result<()> {
        self.provenance = self.input.map(|input| input.rename_record(record.clone()).pairs()).unwrap_or_default();
        self.names = tracks.iter().map(|(label, _)| Name::parse(label)).collect::<Result<_>>()?;
        self.form.begin(&self.names, &self.region, &self.provenance)
    }

    fn chunk(&mut self, chunk: TrackChunk) -> Result<()> {
        let name = self.named(chunk.track)?;
        self.form.chunk(&name, chunk)
    }

    fn pairs(&mut self, number: usize, pairs: AttentionPairs) -> Result<()> {
        let name = self.named(number)?;
        self.form.pairs(&name, &self.region.contig, pairs)
    }
}

impl Writer<'_> {
    fn named(&self, number: usize) -> Result<Name> {
        let name = self.names.get(number).cloned();
        name.ok_or_else(|| Failure::runtime(format!("result {number} was not announced; please report this")))
    }
}

impl Name {
    /// Of a label `STAT:LAYER:HEAD`.
    fn parse(label: &str) -> Result<Self> {
        match &label.split(':').collect::<Vec<_>>()[..] {
            &[stat, layer, head] => Ok(Self { stat: stat.to_owned(), layer: layer.to_owned(), head: head.to_owned() }),
            _ => Err(Failure::runtime(format!(
                "'{label}' does not say its layer and attention head; please report this"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_names_layer_and_head() {
        let name = Name::parse("received:3:mean").unwrap();
        assert_eq!((name.layer.as_str(), name.head.as_str()), ("3", "mean"), "{name:?}");
        assert!(Name::parse("received").is_err(), "a label that does not say what it is");
    }
}
