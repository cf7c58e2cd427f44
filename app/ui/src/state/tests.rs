//! Events in, orders and state out.

use std::{path::PathBuf, sync::Arc, time::Duration};

use strandscope_worker::{
    Contig, ErrorKind, Event, ExportFormat, ExportRequest, GenomeSummary, JobError, JobId, Located, ModelEntry,
    Outcome, RunRecord, Task, TrackChunk,
    card::{Activation, HeadCard, HeadKind, Label, ModelCard, StrandRule},
    genome::{Region, Strand, Track, TrackLayout},
};

use super::{lanes::Lane, *};
use crate::locus::Place;

mod cards;

/// A state whose orders are sent at once, and the tasks that were.
struct Played {
    state: State,
    tasks: Vec<(JobId, Task)>,
    cancelled: Vec<JobId>,
}

impl Played {
    fn new() -> Self {
        let mut played = Self { state: State::new(vec![]), tasks: vec![], cancelled: vec![] };
        played.send();
        let job = played.last();
        played.finish(
            job,
            Outcome::Library(Library { heads: vec![head("splice"), head("promoter")], ..Library::default() }),
        );
        played
    }

    fn send(&mut self) {
        for order in self.state.take_orders() {
            match order {
                Order::Run(purpose, task) => {
                    let job = JobId(self.tasks.len() as u64 + 1);
                    self.tasks.push((job, *task));
                    self.state.sent(job, purpose);
                }
                Order::Cancel(job) => self.cancelled.push(job),
            }
        }
    }

    fn post(&mut self, event: Event) {
        self.state.on_event(event, 0.0);
        self.send();
    }

    fn finish(&mut self, job: JobId, outcome: Outcome) {
        self.post(Event::Finished { job, outcome, elapsed: Duration::from_secs(1) });
    }

    fn open(&mut self, path: &str, lengths: &[u64]) {
        self.state.open(path.into());
        self.send();
        let job = self.last();
        let contigs = lengths.iter().enumerate().map(|(number, &length_bp)| Contig {
            name: format!("chr{}", number + 1),
            length_bp,
            ..Contig::default()
        });
        let summary = GenomeSummary { path: path.into(), contigs: contigs.collect(), warnings: vec![] };
        self.finish(job, Outcome::Genome(summary));
    }

    fn go_to(&mut self, place: Place) {
        self.state.genome.as_mut().expect("open").go_to(place);
    }

    /// The lanes of heads and of attention.
    fn lanes(&self) -> Vec<Lane> {
        self.state.lanes().into_iter().filter(Lane::is_of_model).collect()
    }

    /// Whether attention for what is in view is on its way.
    fn is_attention_coming(&self) -> bool {
        let region = self.state.genome.as_ref().expect("open").region();
        self.state.is_coming(&self.state.attention_lane(), &region)
    }

    fn score(&mut self) -> JobId {
        self.state.head = Some("splice".into());
        self.state.options.attention = false;
        self.state.score_view();
        self.send();
        self.last()
    }

    fn last(&self) -> JobId {
        self.tasks.last().expect("something was asked").0
    }
}

fn head(name: &str) -> HeadEntry {
    let card = HeadCard {
        name: name.into(),
        title: name.into(),
        description: String::new(),
        kind: HeadKind::Base,
        labels: vec![Label { name: "donor".into(), description: String::new(), background: false }],
        activation: Activation::Softmax,
        input_length_bp: 1_000,
        context_bp: None,
        strand: StrandRule::Stranded,
        training: vec![],
        figures: vec![],
        calibration: Vec::new(),
        intended_use: String::new(),
        limits: vec![],
        licence: String::new(),
        citation: vec![],
        model_sha256: String::new(),
        command: String::new(),
    };
    HeadEntry { card, sha256: None, source: "built-in".into(), origin: None, commercial_use: None }
}

fn model(name: &str) -> ModelCard {
    ModelCard {
        name: name.into(),
        title: name.into(),
        description: String::new(),
        family: "dnabert".into(),
        parameters: 1,
        context_tokens: 512,
        training: vec![],
        figures: vec![],
        licence: String::new(),
        citation: vec![],
        command: String::new(),
    }
}

fn chunk(start_bp: u64, length_bp: u64) -> TrackChunk {
    let region = Region::new("chr1", start_bp, start_bp + length_bp);
    let part = Track {
        name: "donor".into(),
        label: "donor".into(),
        unit: "probability".into(),
        region: region.clone(),
        strand: Strand::Forward,
        layout: TrackLayout::Bins { width_bp: 1 },
        values: vec![0.5; usize::try_from(length_bp).expect("short")],
        missing: vec![],
    };
    TrackChunk { track: 0, part, whole: region }
}

fn error(message: &str) -> JobError {
    JobError { kind: ErrorKind::BadInput, message: message.into(), causes: vec!["cause".into()] }
}

#[test]
fn opening_shows_the_first_record_from_its_start() {
    let mut played = Played::new();
    played.open("a.fa", &[1_000_000, 50]);
    let genome = played.state.genome.as_ref().expect("open");
    assert_eq!(genome.region(), Region::new("chr1", 0, 10_000), "the start of a long record");
}

#[test]
fn a_file_without_records_is_a_failure_that_says_so() {
    let mut played = Played::new();
    played.open("a.fa", &[]);
    let failure = played.state.failure.as_ref().expect("a failure");
    assert!(failure.text().contains("a.fa holds no sequence"), "{}", failure.text());
}

#[test]
fn results_of_a_file_that_was_closed_are_dropped() {
    let mut played = Played::new();
    played.open("a.fa", &[5_000]);
    let old = played.score();
    played.open("b.fa", &[5_000]);
    assert_eq!(played.cancelled, [old], "what the old file was asked is cancelled");
    played.post(Event::TrackChunk { job: old, chunk: chunk(0, 10) });
    played.post(Event::Failed { job: old, error: error("late") });
    assert!(played.state.scores.is_empty(), "late values are dropped");
    assert_eq!(played.state.failure, None, "late failures too");
}

#[test]
fn scores_arrive_in_parts_and_stay_when_cancelled() {
    let mut played = Played::new();
    played.open("a.fa", &[5_000]);
    let job = played.score();
    played.post(Event::Started { job, total: 10, unit: "windows".into() });
    played.post(Event::TrackChunk { job, chunk: chunk(0, 100) });
    assert!(!played.state.scores.is_empty(), "the first part is there before the end");
    played.state.cancel_analyses();
    played.send();
    assert_eq!(played.cancelled, [job], "the engine is told");
    played.post(Event::Cancelled { job });
    assert!(!played.state.scores.is_empty(), "what had arrived is kept");
    assert!(!played.state.jobs.analysing(), "nothing runs any more");
    assert_eq!(played.state.message.as_deref(), Some("Cancelled; what had arrived is kept"), "and the user is told");
}

#[test]
fn another_head_drops_scores_and_scores_the_view_again() {
    let mut played = Played::new();
    played.open("a.fa", &[5_000]);
    let job = played.score();
    played.post(Event::TrackChunk { job, chunk: chunk(0, 100) });
    played.finish(job, Outcome::Run(RunRecord::default()));
    played.state.pick_head("promoter");
    played.send();
    assert!(played.state.scores.is_empty(), "another head's scores are gone");
    let Some((_, Task::Score(request))) = played.tasks.last() else { panic!("nothing was scored again") };
    assert_eq!(request.head, "promoter", "with the new head");
}

#[test]
fn a_record_is_scored_with_what_is_in_view_first() {
    let mut played = Played::new();
    played.open("a.fa", &[1_000_000]);
    played.state.head = Some("splice".into());
    played.state.options.attention = false;
    played.state.score_record();
    played.send();
    let regions: Vec<Region> = played
        .tasks
        .iter()
        .filter_map(|(_, task)| match task {
            Task::Score(request) => request.regions.first().cloned(),
            _ => None,
        })
        .collect();
    assert_eq!(regions, [Region::new("chr1", 0, 10_000), Region::new("chr1", 0, 65_536)], "view, then piece by piece");

    // Where one scrolls to is scored next; a pause holds the rest back.
    played.go_to(Place::Stretch(0, 500_000, 510_000));
    let finish = |played: &mut Played| {
        let job = played.last();
        played.finish(job, Outcome::Run(RunRecord::default()));
    };
    let last = |played: &Played| match played.tasks.last() {
        Some((_, Task::Score(request))) => request.regions[0].clone(),
        other => panic!("{other:?}"),
    };
    finish(&mut played);
    assert_eq!(last(&played), Region::new("chr1", 458_752, 524_288), "what is in view now");
    played.state.pause_record(true);
    let asked = played.tasks.len();
    finish(&mut played);
    assert_eq!(played.tasks.len(), asked, "paused");
    played.state.pause_record(false);
    played.send();
    assert_eq!(last(&played), Region::new("chr1", 524_288, 589_824), "it goes on from there");
    played.state.cancel_analyses();
    played.send();
    assert!(played.state.record_run.is_none(), "stopped");
}

#[test]
fn bases_are_asked_for_once_and_only_when_near() {
    let mut played = Played::new();
    played.open("a.fa", &[100_000_000]);
    played.state.ask_for_view();
    played.send();
    let asked = played.tasks.len();
    played.state.ask_for_view();
    played.send();
    assert_eq!(played.tasks.len(), asked, "nothing twice");
    played.go_to(Place::Stretch(0, 0, 100_000_000));
    played.state.ask_for_view();
    played.send();
    assert_eq!(played.tasks.len(), asked, "a whole chromosome is not read");
}

#[test]
fn a_block_that_cannot_be_read_is_told_once() {
    let mut played = Played::new();
    played.open("a.fa", &[5_000]);
    played.state.ask_for_view();
    played.send();
    let jobs: Vec<JobId> =
        played.tasks.iter().filter(|(_, task)| matches!(task, Task::ReadBases { .. })).map(|(job, _)| *job).collect();
    played.post(Event::Failed { job: jobs[0], error: error("the disk is gone") });
    assert_eq!(
        played.state.failure.as_ref().map(|failure| failure.what.as_str()),
        Some("The sequence could not be read"),
        "told"
    );
    let asked = played.tasks.len();
    played.state.failure = None;
    played.state.ask_for_view();
    played.send();
    assert_eq!(played.tasks.len(), asked, "not asked again in every frame");
}

#[test]
fn strands_ticked_during_the_first_run_are_scored() {
    let mut played = Played::new();
    played.open("a.fa", &[5_000]);
    let first = played.score();
    played.state.set_both_strands(true);
    played.send();
    assert_eq!(played.cancelled, [first], "the run without them is given up");
    let Some((_, Task::Score(request))) = played.tasks.last() else { panic!("nothing was scored again") };
    assert!(request.both_strands, "with both");
}

#[test]
fn attention_ticked_after_scoring_is_computed_once() {
    let mut played = Played::new();
    played.open("a.fa", &[50_000]);
    let job = played.score();
    played.post(Event::TrackChunk { job, chunk: chunk(0, 10_000) });
    played.finish(job, Outcome::Run(RunRecord::default()));
    for wanted in [true, false, true] {
        played.state.set_attention(wanted);
        played.send();
    }
    let asked = |played: &Played| -> Vec<(JobId, Region)> {
        let tasks = played.tasks.iter().filter_map(|(job, task)| match task {
            Task::Attention(request) => Some((*job, request.region.clone())),
            _ => None,
        });
        tasks.collect()
    };
    let [(job, region)] = &asked(&played)[..] else { panic!("asked {:?}", asked(&played)) };
    assert_eq!(*region, Region::new("chr1", 0, 10_000), "what is in view");
    assert!(played.is_attention_coming(), "it is on its way");
    played.go_to(Place::Stretch(0, 20_000, 21_000));
    assert!(!played.is_attention_coming(), "but not where one looks now");
    played.post(Event::TrackChunk { job: *job, chunk: chunk(0, 10_000) });
    played.finish(*job, Outcome::Run(RunRecord::default()));
    played.state.genome.as_mut().expect("open").go_back();
    played.state.set_attention(true);
    played.send();
    assert_eq!(asked(&played).len(), 1, "what is there is not computed again");
}

#[test]
fn the_disagreement_of_both_strands_goes_with_its_label() {
    let mut played = Played::new();
    played.state.head = Some("splice".into());
    assert!(played.state.is_label_shown("donor.disagreement"), "shown with it");
    played.state.toggle_label("donor");
    assert!(!played.state.is_label_shown("donor.disagreement"), "hidden with it");
}

#[test]
fn kept_tracks_stay_above_those_of_the_next_head_and_are_scored_with_them() {
    let mut played = Played::new();
    played.open("a.fa", &[5_000]);
    let job = played.score();
    played.post(Event::TrackChunk { job, chunk: chunk(0, 1_000) });
    played.state.keep_tracks(true);
    played.state.pick_head("promoter");
    played.send();
    let heads_scored = |played: &Played, from: usize| -> Vec<String> {
        let scores = played.tasks[from..].iter().filter_map(|(_, task)| match task {
            Task::Score(request) => Some(request.head.clone()),
            _ => None,
        });
        scores.collect()
    };
    assert_eq!(heads_scored(&played, played.tasks.len() - 2), ["promoter", "splice"], "both, the picked one first");
    let lanes = played.lanes();
    let named: Vec<_> = lanes.iter().map(|lane| lane.of.as_deref()).collect();
    assert_eq!(named, [Some("splice"), Some("promoter")], "the kept one above");
    assert_ne!(lanes[0].ink, lanes[1].ink, "told apart");
    // What comes for the kept head goes to its own tracks.
    let of_splice = played.last();
    played.post(Event::TrackChunk { job: of_splice, chunk: chunk(0, 2_000) });
    assert_eq!(played.state.layers(&lanes[0], "chr1")[0].track.values.len(), 2_000);
    assert!(played.state.layers(&lanes[1], "chr1").is_empty(), "nothing came for the other");

    // Picked again, it is drawn once; dropped, it is gone, and its work stops.
    played.state.pick_head("splice");
    played.send();
    assert_eq!(played.lanes().len(), 1, "the other was not to be kept");
    played.state.pick_head("promoter");
    played.send();
    let job = played.last();
    played.state.drop_kept("splice");
    played.send();
    assert!(played.cancelled.contains(&job) && played.lanes().len() == 1, "{:?}", played.cancelled);
}

#[test]
fn tokens_and_attention_are_those_of_the_model_of_the_head() {
    let mut played = Played::new();
    let own = HeadEntry { source: "/library/bert".into(), ..head("bert") };
    let model = ModelEntry {
        card: model("bert"),
        source: own.source.clone(),
        sha256: None,
        origin: None,
        commercial_use: None,
    };
    let library = played.state.library.as_mut().expect("listed");
    library.heads.push(own);
    library.models.push(model);
    played.open("a.fa", &[3_000]);
    played.state.ask_for_view();
    played.state.pick_head("bert");
    played.state.ask_for_view();
    played.state.score_view();
    played.send();
    let models: Vec<_> = played
        .tasks
        .iter()
        .filter_map(|(_, task)| match task {
            Task::Tokenize(request) => Some(request.model.as_deref()),
            Task::Attention(request) => Some(request.model.as_deref()),
            _ => None,
        })
        .collect();
    assert_eq!(models, [None, Some("bert"), Some("bert")], "tokens, then tokens and attention of the other");
}

#[test]
fn what_was_fetched_is_listed_at_once() {
    let mut played = Played::new();
    played.state.get_model("dnabert-6");
    played.send();
    let job = played.last();
    assert!(played.state.library_job().is_some(), "it is told");
    played.open("a.fa", &[5_000]);
    played.post(Event::Failed { job, error: error("no such host") });
    assert!(played.state.failure.is_none() && played.state.library_failure.is_some(), "told where it was asked");
    assert!(matches!(played.tasks.last(), Some((_, Task::ListModels))), "what was begun is listed");
    played.state.get_model("dnabert-6");
    played.send();
    let job = played.last();
    played.finish(job, Outcome::Written { paths: vec![], notes: vec!["dnabert-6 is in the library".into()] });
    assert!(matches!(played.tasks.last(), Some((_, Task::ListModels))), "what is new is listed");
    assert!(played.state.library_failure.is_none(), "the next try clears it");
}

#[test]
fn what_is_saved_names_the_runs_it_comes_from_and_no_others() {
    let mut played = Played::new();
    played.open("a.fa", &[50_000]);
    for (start_bp, end_bp) in [(0, 100), (200, 300), (1_000, 1_100)] {
        played.go_to(Place::Stretch(0, start_bp, end_bp));
        let job = played.score();
        played.post(Event::TrackChunk { job, chunk: chunk(start_bp, 100) });
        played.finish(job, Outcome::Run(RunRecord { command: format!("score {start_bp}"), ..RunRecord::default() }));
    }
    let command = |start_bp, end_bp| {
        let record = crate::export::record(
            &played.state,
            &crate::export::lanes(&played.state),
            &Region::new("chr1", start_bp, end_bp),
        );
        record.map(|record| record.command)
    };
    assert_eq!(command(50, 60).as_deref(), Some("score 0"), "not the newest");
    assert_eq!(command(50, 250).as_deref(), Some("score 200 && score 0"), "both that are in view");
    assert_eq!(command(400, 500), None, "none");
}

#[test]
fn bins_that_begin_before_the_track_are_counted() {
    let mut played = Played::new();
    played.open("a.fa", &[5_000]);
    let job = played.score();
    let mut chunk = chunk(1_100, 1_000);
    chunk.part.layout = TrackLayout::Bins { width_bp: 125 };
    chunk.part.values = vec![0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
    played.post(Event::TrackChunk { job, chunk });
    let lane = played.lanes().remove(0);
    let layers = played.state.layers(&lane, "chr1");
    assert_eq!(layers[0].track.values_in(1_100, 2_100), 0..9, "1,000..1,125 up to 2,000..2,125");
    assert_eq!(layers[0].track.values_in(1_124, 1_126), 0..2, "on both sides of a border");
    assert_eq!(layers[0].extent(2_000, 2_100).map(|extent| extent.high), Some(0.9), "the last one");
}

#[test]
fn tracks_that_must_not_replace_a_file_are_kept_for_another_try() {
    let mut played = Played::new();
    let request = |force| ExportRequest {
        tracks: vec![chunk(0, 10).part],
        format: ExportFormat::Tsv,
        path: "a.tsv".into(),
        force,
        record: None,
    };
    played.state.export(Arc::new(request(true)), "a.tsv".into(), false);
    played.send();
    let job = played.last();
    played.post(Event::Failed { job, error: error("it exists") });
    assert_eq!(
        played.state.not_saved.take(),
        Some((Arc::new(request(false)), error("it exists"))),
        "to be asked again"
    );
    assert_eq!(played.state.failure, None, "not as a failure as well");
    played.state.export(Arc::new(request(false)), "a.tsv".into(), true);
    played.send();
    let job = played.last();
    played.post(Event::Failed { job, error: error("the disk is full") });
    assert!(played.state.not_saved.is_none() && played.state.failure.is_some(), "another failure is told");
}

#[test]
fn a_file_that_is_being_opened_outlives_the_engine() {
    let mut played = Played::new();
    played.state.open("a.fa".into());
    played.send();
    let job = played.last();
    played.post(Event::Stopped { error: error("no device") });
    let contigs = vec![Contig { name: "chr1".into(), length_bp: 3_000, ..Contig::default() }];
    played.finish(job, Outcome::Genome(GenomeSummary { path: "a.fa".into(), contigs, warnings: vec![] }));
    assert!(played.state.genome.is_some(), "files are read by another thread");
    played.state.ask_for_view();
    played.state.open("b.fa".into());
    played.send();
    let before = played.tasks.len();
    played.state.on_restart();
    played.state.ask_for_view();
    played.send();
    let anew = &played.tasks[before..];
    let is_asked = |which: fn(&Task) -> bool| anew.iter().any(|(_, task)| which(task));
    assert!(is_asked(|task| *task == Task::OpenGenome { path: "b.fa".into() }), "the file is opened after all");
    assert!(is_asked(|task| matches!(task, Task::ListModels)), "heads are listed");
    assert!(is_asked(|task| matches!(task, Task::Tokenize(_))), "tokens are asked for anew");
    assert!(is_asked(|task| matches!(task, Task::ReadBases { .. })), "and bases");
}

#[test]
fn a_stopped_engine_leaves_what_is_shown() {
    let mut played = Played::new();
    played.open("a.fa", &[5_000]);
    let job = played.score();
    played.post(Event::TrackChunk { job, chunk: chunk(0, 100) });
    played.post(Event::Stopped { error: error("the device was lost") });
    assert_eq!(played.state.stopped.as_deref(), Some("the device was lost\nbecause cause"), "told, with the cause");
    assert!(!played.state.scores.is_empty(), "scores stay");
    assert!(!played.state.jobs.analysing(), "nothing is waited for");
}

#[test]
fn warnings_are_listed_once_with_how_often_they_came() {
    let mut played = Played::new();
    played.open("a.fa", &[5_000]);
    let job = played.score();
    for _ in 0..3 {
        played.post(Event::Warning { job, message: "a window was padded".into() });
    }
    assert_eq!(played.state.warnings.list(), [("a window was padded".to_owned(), 3)], "once, three times");
}

#[test]
fn only_the_file_that_was_opened_last_is_shown() {
    let mut played = Played::new();
    played.state.open(PathBuf::from("slow.fa"));
    played.send();
    let slow = played.last();
    played.open("fast.fa", &[100]);
    assert_eq!(played.cancelled, [slow], "the first is given up");
    played.finish(slow, Outcome::Genome(GenomeSummary { path: "slow.fa".into(), contigs: vec![], warnings: vec![] }));
    assert_eq!(played.state.genome.map(|genome| genome.file_name()).as_deref(), Some("fast.fa"), "it comes too late");
}

#[test]
fn only_the_place_that_was_sought_last_is_gone_to() {
    let mut played = Played::new();
    played.open("genome.fa", &[50_000]);
    let sought = |played: &Played| {
        let tasks = played.tasks.iter().filter(|(_, task)| matches!(task, Task::Locate(_)));
        tasks.map(|(job, _)| *job).collect::<Vec<_>>()
    };
    for text in ["NM_1:c.1A>G", "NM_1:c.9A>G"] {
        played.state.locate(text.into());
        played.send();
    }
    let [first, second] = sought(&played)[..] else { panic!("both are sought") };
    assert_eq!(played.cancelled, [first], "the first is given up");
    let located = |start_bp| {
        Outcome::Located(Located {
            region: Region::new("chr1", start_bp, start_bp + 1),
            note: format!("at {start_bp}"),
        })
    };
    played.finish(first, located(40_000));
    assert_eq!(played.state.message, None, "it comes too late");
    played.finish(second, located(20_000));
    assert_eq!(played.state.message.as_deref(), Some("at 20000"), "the second is shown");
}
