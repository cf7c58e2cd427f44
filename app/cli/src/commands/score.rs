//! `score`: an answer of a task head for every base.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use clap::ValueEnum;
use strandscope_worker::{
    Contig, GenomeSummary, NullBandRequest, NullRule, Outcome, RunRecord, ScoreRequest, Task, TrackChunk, WindowChoice,
    genome::{OutputError, Region, Strand, TrackFiles, TrackFormat, TrackName},
};

use crate::{
    args::{ModelArg, OutputArgs, overlap, window_choice},
    console::Console,
    failure::{Failure, Result},
    input::{Input, read_small},
    output::changed,
    regions::{Contigs, Unusable},
    session::{Receiver, Session, unexpected},
};

/// Score every base of a sequence with a task head.
///
/// Without --region and --bed every record is scored, whole. The table is `contig start end strand label value reason`,
/// 1-based; where there is no value a dot stands in its place, with the reason behind it. bedGraph and BigWig are 0-based
/// and have one file for each label and strand, OUT.LABEL.bedgraph and OUT.LABEL.bw, when there are several; BigWig holds
/// each base once, in the order of the records.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Sequences; - is standard input
    #[arg(value_name = "FASTA")]
    fasta: PathBuf,
    /// A built-in head by name (promoter, splice, source), or the folder of a head
    #[arg(long, value_name = "NAME|DIR")]
    head: String,
    #[command(flatten)]
    model: ModelArg,
    /// Where: CONTIG or CONTIG:START-END, 1-based; may be given several times
    #[arg(long, value_name = "REGION")]
    region: Vec<String>,
    /// Where: the first three columns of each row
    #[arg(long, value_name = "FILE")]
    bed: Option<PathBuf>,
    /// Step between the windows of a sequence head [default: a quarter of the window]
    #[arg(long, value_name = "BP", value_parser = clap::value_parser!(u64).range(1..))]
    stride: Option<u64>,
    /// Average a symmetric head over both strands; give a stranded one's reverse strand as well
    #[arg(long)]
    both_strands: bool,
    /// Read each window in all frames of the model's words and average: six times the work for 6-mers
    #[arg(long)]
    all_frames: bool,
    /// How much is read at once [default: what the head was trained on]
    #[arg(long, value_name = "N|whole", value_parser = window_choice)]
    window_tokens: Option<WindowChoice>,
    /// How much windows of a head that answers for bases overlap, as a percentage of what they answer for, 0 to 95
    /// [default: 25]
    #[arg(long, value_name = "PERCENT", value_parser = overlap)]
    overlap: Option<f32>,
    /// Add how many windows answer for each base (windows), and how far their answers lie apart (LABEL.spread)
    #[arg(long)]
    window_votes: bool,
    /// Give what chance alone would instead: at each place the 5th, 50th and 95th percentile of so many shuffles
    /// (LABEL.null05, …) of one region of up to 20,000 bases
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=i64::from(NullBandRequest::MOST_SHUFFLES)),
          conflicts_with_all = ["window_votes", "keep_going"])]
    null: Option<u32>,
    /// What shuffles keep
    #[arg(long, value_enum, default_value_t, value_name = "RULE", requires = "null")]
    null_rule: Rule,
    /// Compute everything, and keep nothing for the next time
    #[arg(long)]
    pub(crate) no_cache: bool,
    /// Pass over what cannot be scored, count it, and end well
    #[arg(long)]
    keep_going: bool,
    /// Form of the output
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    format: Format,
    /// The same as --format json
    #[arg(long, conflicts_with = "format", help_heading = "Output")]
    json: bool,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Rule {
    /// Pairs of neighbouring bases
    #[default]
    Pairs,
    /// Single bases
    Letters,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table, 1-based
    #[default]
    Tsv,
    /// Values with their places, 0-based
    Bedgraph,
    /// The same for genome browsers, with OUT.json beside it; needs -o
    Bigwig,
    /// One object, 0-based
    Json,
}

impl Format {
    /// Whether each track has a file of its own.
    fn is_one_for_each(self) -> bool {
        matches!(self, Self::Bedgraph | Self::Bigwig)
    }
}

impl Args {
    /// Scores; `seed` is that of the first shuffle, where there are any.
    pub(crate) fn run(self, mut session: Session, console: Console, seed: Option<u64>) -> Result<()> {
        self.check_output()?;
        let input = Input::open(&self.fasta)?;
        // Whole records in a form that needs no list of them are left to the engine to open.
        let is_wanted = !self.region.is_empty() || self.bed.is_some() || self.format == Format::Bigwig;
        let genome = is_wanted.then(|| session.open_genome(&input)).transpose()?;
        let mut places =
            genome.as_ref().map_or_else(|| Ok(Places::default()), |genome| self.places(genome, &input, console))?;
        let contigs = genome.map_or_else(Vec::new, |genome| genome.contigs);
        if self.format == Format::Bigwig {
            places.put_in_order(&contigs);
        }
        let request = ScoreRequest {
            genome: input.path().to_owned(),
            regions: places.regions.clone(),
            head: self.head.clone(),
            model: self.model.model.clone(),
            stride_bp: self.stride,
            both_strands: self.both_strands,
            all_frames: self.all_frames,
            window: self.window_tokens.unwrap_or_default(),
            overlap_share: self.overlap,
            window_votes: self.window_votes,
            keep_going: self.keep_going,
        };
        let task = self.task(request, seed.unwrap_or_default());
        let Places { skipped, bed, .. } = &places;
        let (contigs, bed) = (&contigs[..], bed.as_deref());
        let mut writer = Writer { args: &self, input: &input, contigs, skipped, bed, head: Vec::new(), files: None };
        let done = session.run_into("score", task, &mut writer).map_err(|failure| input.rename(failure))?;
        let files = writer.files.ok_or_else(nothing_announced)?;
        let Outcome::Run(_) = done.outcome else { return Err(unexpected(&done.outcome)) };
        let end = done.record.map(|record| record.pairs()).unwrap_or_default();
        for path in files.finish(&changed(&writer.head, &end))?.iter().filter(|path| *path != Path::new("-")) {
            console.note(&format!("written: {}", path.display()));
        }
        Ok(())
    }

    /// Scores or, where shuffles are asked for, what these give.
    fn task(&self, score: ScoreRequest, seed: u64) -> Task {
        let Some(shuffles) = self.null else { return Task::Score(score) };
        let rule = match self.null_rule {
            Rule::Pairs => NullRule::Pairs,
            Rule::Letters => NullRule::Letters,
        };
        Task::NullBand(NullBandRequest { score, shuffles, rule, seed })
    }

    /// Refuses a file that may not be overwritten before a long read, not after it.
    fn check_output(&self) -> Result<()> {
        match &self.output.output {
            Some(path) if !self.output.force && path.is_file() && !self.format.is_one_for_each() => {
                Err(OutputError::Exists { path: path.clone() }.into())
            }
            None => self.refuse_bigwig_to_stdout(),
            Some(path) if path == Path::new("-") => self.refuse_bigwig_to_stdout(),
            Some(_) => Ok(()),
        }
    }

    fn refuse_bigwig_to_stdout(&self) -> Result<()> {
        match self.format {
            Format::Bigwig => Err(Failure::usage("BigWig cannot go to standard output; name a file with -o")),
            _ => Ok(()),
        }
    }

    /// What is to be scored; rows that cannot be had end it all unless the user said to go on.
    fn places(&self, genome: &GenomeSummary, input: &Input, console: Console) -> Result<Places> {
        if self.region.is_empty() && self.bed.is_none() {
            return Ok(Places::default());
        }
        let contigs = Contigs::new(genome, input.name());
        let mut bed_source = None;
        let mut rows = self.region.iter().map(|text| contigs.region(text)).collect::<Result<Vec<_>>>()?;
        if let Some(path) = &self.bed {
            let file = read_small(path)?;
            let bed = contigs.bed(path, &file.text);
            if bed.is_empty() {
                return Err(Failure::bad_input(format!(
                    "cannot use {}: it has no rows; BED has contig, start and end, separated by tabs",
                    path.display()
                )));
            }
            rows.extend(bed);
            let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
            bed_source = Some(format!("{name} sha256:{}", file.sha256));
        }
        let places = Places { bed: bed_source, ..Places::sorted_out(rows) };
        let Some(first) = places.skipped.first() else { return Ok(places) };
        let count = places.skipped.len();
        if !self.keep_going {
            let failure = Failure::bad_input(first.to_string());
            return Err(match count {
                1 => failure,
                _ => failure.because(format!("{} more cannot be used; --keep-going scores the others", count - 1)),
            });
        }
        if places.regions.is_empty() {
            return Err(Failure::bad_input(first.to_string()).because("nothing is left to score"));
        }
        for skipped in &places.skipped {
            console.warn(&skipped.to_string());
        }
        console.warn(&format!("passed over {count} of {} regions", count + places.regions.len()));
        Ok(places)
    }
}

fn nothing_announced() -> Failure {
    Failure::runtime("cannot write the scores: the engine did not say what they are; please report this")
}

/// Regions to score, and what was asked for and cannot be had.
#[derive(Debug, Default)]
struct Places {
    /// Empty means every record, whole.
    regions: Vec<Region>,
    skipped: Vec<Unusable>,
    /// Name and SHA-256 of the BED file, where there is one.
    bed: Option<String>,
}

impl Places {
    /// Sorts the regions by contig and place and joins those that overlap, as formats want it that hold each base once.
    fn put_in_order(&mut self, contigs: &[Contig]) {
        let numbers: HashMap<&str, usize> = contigs.iter().map(|contig| contig.name.as_str()).zip(0..).collect();
        let mut regions = std::mem::take(&mut self.regions);
        regions.sort_by_key(|region| (numbers.get(region.contig.as_str()).copied(), region.start_bp));
        for region in regions {
            match self.regions.last_mut() {
                Some(last) if last.contig == region.contig && region.start_bp <= last.end_bp => {
                    last.end_bp = last.end_bp.max(region.end_bp);
                }
                _ => self.regions.push(region),
            }
        }
    }

    fn sorted_out(rows: Vec<Result<Region, Unusable>>) -> Self {
        let mut places = Self::default();
        for row in rows {
            match row {
                Ok(region) => places.regions.push(region),
                Err(unusable) => places.skipped.push(unusable),
            }
        }
        places
    }
}

/// Opens the files once it is known what will come, and writes it as it comes.
struct Writer<'a> {
    args: &'a Args,
    input: &'a Input,
    contigs: &'a [Contig],
    skipped: &'a [Unusable],
    bed: Option<&'a str>,
    /// What was run, as it stands at the head of the files.
    head: Vec<(String, String)>,
    files: Option<TrackFiles>,
}

impl Receiver for Writer<'_> {
    fn record(&mut self, record: &RunRecord, tracks: &[(String, Strand)]) -> Result<()> {
        let format = if self.args.json { Format::Json } else { self.args.format };
        self.head = Vec::new();
        if !self.args.output.no_provenance {
            let record = self.input.rename_record(record.clone());
            self.head = if format == Format::Json { record.pairs_of_json() } else { record.pairs() };
            self.head.extend(self.bed.map(|bed| ("bed".to_owned(), bed.to_owned())));
        }
        let skipped = self.skipped.iter().enumerate();
        self.head.extend(skipped.map(|(index, skipped)| (format!("skipped {}", index + 1), skipped.to_string())));
        let path = self.args.output.output.as_deref().unwrap_or(Path::new("-"));
        let names: Vec<TrackName> =
            tracks.iter().map(|(label, strand)| TrackName { label: label.clone(), strand: *strand }).collect();
        let (head, force) = (&self.head, self.args.output.force);
        let text = |format| TrackFiles::create(path, format, &names, head, force);
        self.files = Some(match format {
            Format::Tsv => text(TrackFormat::Tsv),
            Format::Bedgraph => text(TrackFormat::BedGraph),
            Format::Json => text(TrackFormat::Json),
            Format::Bigwig => TrackFiles::create_bigwig(path, self.contigs, &names, head, force),
        }?);
        Ok(())
    }

    fn chunk(&mut self, chunk: TrackChunk) -> Result<()> {
        match &mut self.files {
            Some(files) => Ok(files.write(chunk.track, &chunk.part)?),
            None => Err(nothing_announced()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_had_is_kept_apart_in_order() {
        let unusable = |text: &str| Unusable { place: "a.bed".into(), text: text.into(), reason: "why".into() };
        let region = Region::new("chr1", 0, 5);
        let places = Places::sorted_out(vec![Err(unusable("line 1")), Ok(region.clone()), Err(unusable("line 3"))]);
        assert_eq!(places.regions, [region], "good ones");
        assert_eq!(places.skipped, [unusable("line 1"), unusable("line 3")], "others");
    }
}
