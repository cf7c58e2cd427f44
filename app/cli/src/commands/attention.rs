//! `attention`: where the attention of a model goes.

use std::{fmt::Write as _, path::PathBuf};

use clap::ValueEnum;
use serde_json::{Value, json};
use strandscope_worker::{
    AttentionRequest, ErrorKind, Pick, RunRecord, Task, TrackAssembly, TrackChunk, WindowChoice,
    genome::{Region, Strand, Track, tsv_cell},
};

use crate::{
    args::{ModelArg, OutputArgs, pick, window_choice},
    failure::{Failure, Result},
    input::Input,
    output::{TextOutput, add_provenance},
    regions::Contigs,
    session::{Receiver, Session},
};

/// Show where the attention of a model goes.
///
/// The table is `contig start end layer head value`, 1-based, one row for each token; layers and attention heads
/// count from 0, `mean` stands where they are averaged.
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

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Stat {
    /// What each token is given by all others together
    Received,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table, 1-based
    #[default]
    Tsv,
    /// One object, 0-based
    Json,
}

impl Args {
    pub(crate) fn run(self, mut session: Session) -> Result<()> {
        let Stat::Received = self.stat;
        let input = Input::open(&self.fasta)?;
        let out = TextOutput::open(&self.output)?;
        let genome = session.open_genome(&input)?;
        let region = Contigs::new(&genome, input.name()).region(&self.region)?;
        let region = region.map_err(|unusable| Failure::bad_input(unusable.to_string()))?;
        let form = if self.json || self.format == Format::Json {
            Form::Json { tracks: TrackAssembly::default(), region: region.clone() }
        } else {
            Form::Tsv { has_head: false }
        };
        let task = Task::Attention(AttentionRequest {
            genome: input.path().to_owned(),
            region,
            model: self.model.model,
            layer: self.layer,
            attention_head: self.attention_head,
            window: self.window_tokens.unwrap_or_default(),
        });
        let named = (!self.output.no_provenance).then_some(&input);
        let mut writer = Writer { out, form, input: named, provenance: Vec::new() };
        let done = session.run_into("attention", task, &mut writer).map_err(|failure| input.rename(failure))?;
        let record = done.record.map(|record| input.rename_record(record));
        writer.finish(&session.provenance(&self.output, record.as_ref()))
    }
}

/// Writes rows as they come, or keeps them for one JSON object.
struct Writer<'a> {
    out: TextOutput,
    form: Form,
    /// Gives the record the name of the input that the user knows; `None` leaves the record out.
    input: Option<&'a Input>,
    provenance: Vec<(String, String)>,
}

enum Form {
    Tsv { has_head: bool },
    Json { tracks: TrackAssembly, region: Region },
}

impl Receiver for Writer<'_> {
    fn record(&mut self, record: &RunRecord, _tracks: &[(String, Strand)]) -> Result<()> {
        self.provenance = self.input.map(|input| input.rename_record(record.clone()).pairs()).unwrap_or_default();
        Ok(())
    }

    fn chunk(&mut self, chunk: TrackChunk) -> Result<()> {
        match &mut self.form {
            Form::Json { tracks, .. } => tracks.add(chunk),
            Form::Tsv { has_head } => {
                if !std::mem::replace(has_head, true) {
                    self.out.header(&self.provenance)?;
                    self.out.line("contig\tstart\tend\tlayer\thead\tvalue")?;
                }
                self.out.text(&as_table(&chunk.part)?)?;
            }
        }
        Ok(())
    }
}

impl Writer<'_> {
    /// Ends the output; `provenance` is final.
    fn finish(mut self, provenance: &[(String, String)]) -> Result<()> {
        if let Form::Json { tracks, region } = &self.form {
            let tracks = tracks.tracks().map(as_json).collect::<Result<Vec<_>>>()?;
            let Region { contig, start_bp, end_bp } = region;
            let mut value =
                json!({ "stat": "received", "contig": contig, "start": start_bp, "end": end_bp, "tracks": tracks });
            add_provenance(&mut value, provenance);
            self.out.line(&value.to_string())?;
        }
        self.out.finish()
    }
}

/// Layer and attention head of a track: a number each, or `mean`.
fn layer_and_head(track: &Track) -> Result<(&str, &str)> {
    let mut parts = track.label.split(':').skip(1);
    match (parts.next(), parts.next()) {
        (Some(layer), Some(head)) => Ok((layer, head)),
        _ => Err(Failure::new(
            ErrorKind::Runtime,
            format!("track '{}' does not say its layer and attention head; please report this", track.label),
        )),
    }
}

fn as_table(track: &Track) -> Result<String> {
    let (layer, head) = layer_and_head(track)?;
    let contig = tsv_cell(&track.region.contig);
    let mut text = String::new();
    for (index, value) in track.values.iter().enumerate() {
        let (start_bp, end_bp) = track.span_of(index);
        let _ = write!(text, "{contig}\t{}\t{end_bp}\t{layer}\t{head}\t", start_bp + 1);
        let _ = if value.is_finite() { writeln!(text, "{value}") } else { writeln!(text, ".") };
    }
    Ok(text)
}

fn as_json(track: &Track) -> Result<Value> {
    let (layer, head) = layer_and_head(track)?;
    let number = |text: &str| text.parse::<u64>().map_or_else(|_| json!(text), |number| json!(number));
    let spans: Vec<_> = (0..track.values.len()).map(|index| track.span_of(index)).collect();
    let values: Vec<_> = track.values.iter().map(|value| value.is_finite().then_some(value)).collect();
    Ok(json!({
        "contig": track.region.contig,
        "layer": number(layer),
        "head": number(head),
        "spans": spans,
        "values": values,
    }))
}

#[cfg(test)]
mod tests {
    use strandscope_worker::genome::TrackLayout;

    use super::*;

    #[test]
    fn rows_name_layer_and_head_and_missing_values_are_dots() {
        let track = Track {
            name: String::new(),
            label: "received:3:mean".into(),
            unit: String::new(),
            region: Region::new("chr1", 10, 20),
            strand: Strand::Forward,
            layout: TrackLayout::Spans(vec![(10, 16), (16, 20)]),
            values: vec![0.5, f32::NAN],
            missing: Vec::new(),
        };
        assert_eq!(as_table(&track).unwrap(), "chr1\t11\t16\t3\tmean\t0.5\nchr1\t17\t20\t3\tmean\t.\n", "table");
        assert_eq!(
            as_json(&track).unwrap().to_string(),
            r#"{"contig":"chr1","layer":3,"head":"mean","spans":[[10,16],[16,20]],"values":[0.5,null]}"#,
            "JSON"
        );
        let unnamed = Track { label: "received".into(), ..track };
        assert!(as_table(&unnamed).is_err(), "a track that does not say what it is");
    }
}
