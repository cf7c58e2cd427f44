//! What comes from the engine.

use std::time::Duration;

use strandscope_worker::{Event, GenomeSummary, JobError, JobId, Library, Outcome, Task, Token};

use super::{
    Genome, Order, State, TOKEN_BLOCK_BP, TokenSpan,
    cards::CardNews,
    facts::Facts,
    file_name,
    files::Search,
    lanes::LaneId,
    marks::Marks,
    notices::Failure,
    work::{Jobs, Purpose, duration},
};

impl State {
    /// Takes in an event; events of jobs that are no longer shown are dropped. `now_s` is the window's clock.
    pub(crate) fn on_event(&mut self, event: Event, now_s: f64) {
        self.now_s = now_s;
        match event {
            Event::Ready { device } => {
                self.device = Some(device);
                self.ask_for_trust();
            }
            Event::Started { job, total, unit } => self.jobs.started(job, total, unit, now_s),
            Event::Progress { job, done, note } => self.jobs.progress(job, done, note, now_s),
            Event::Within { job, share } => self.jobs.within(job, share, now_s),
            Event::TrackChunk { job, chunk } => match self.jobs.purpose(job) {
                Some(&Purpose::Score { piece }) => self.scores_with(piece).add(piece, chunk),
                Some(&Purpose::Attention { piece }) => self.attention.add(piece, chunk),
                Some(&Purpose::NullBand { piece }) => self.null_bands.add(piece, chunk),
                _ => {}
            },
            Event::Record { job, record, .. } => {
                self.jobs.expects(job, record.memory_bytes);
                match self.jobs.purpose(job) {
                    Some(&Purpose::Score { piece }) => self.scores_with(piece).record(piece, record),
                    Some(&Purpose::Attention { piece }) => self.attention.record(piece, record),
                    _ => {}
                }
            }
            Event::Warning { job, message } => {
                if self.jobs.purpose(job).is_some() {
                    self.warnings.add(&message);
                }
            }
            Event::Finished { job, outcome, elapsed } => self.on_finished(job, outcome, elapsed),
            // The window asks for tracks of attention alone.
            Event::Pairs { .. } => {}
            Event::Cancelled { job } => self.on_cancelled(job),
            Event::Failed { job, error } => self.on_failed(job, error),
            Event::Stopped { error } => {
                self.on_stopped([vec![error.message], error.causes].concat().join("\nbecause "))
            }
        }
    }

    fn on_finished(&mut self, job: JobId, outcome: Outcome, elapsed: Duration) {
        let Some(running) = self.jobs.take(job) else { return };
        match (running.purpose, outcome) {
            (Purpose::Open(_), Outcome::Genome(summary)) => self.on_opened(summary),
            (Purpose::Recognise, Outcome::Roles(roles)) => self.on_roles(roles),
            (Purpose::Hover, Outcome::Roles(roles)) => self.on_hovered(roles),
            (Purpose::Paste, Outcome::Pasted(pasted)) => self.on_pasted(pasted),
            (Purpose::Aliases, Outcome::Written { notes, .. }) => self.on_aliases(notes),
            (Purpose::Count { record }, Outcome::Counted(counts)) => self.on_counted(record, counts),
            (Purpose::OpenTrack(_), Outcome::Track(summary)) => self.on_track(summary),
            (Purpose::Tile { file, key }, Outcome::Tile(tile)) => self.on_tile(file, key, tile),
            (Purpose::Search(text), Outcome::Found(found)) => self.on_found(&text, found),
            (Purpose::Judge, Outcome::Judged(judged)) => self.on_judged(judged),
            (Purpose::Look, Outcome::Looked(look)) => self.on_looked(*look),
            (Purpose::Relate, Outcome::Related(related)) => self.on_related(related),
            (Purpose::Locate, Outcome::Located(located)) => self.on_located(located),
            (Purpose::NextFeature, Outcome::Found(found)) => self.on_next_feature(found),
            (Purpose::Library, Outcome::Library(library)) => self.on_library(library),
            (Purpose::Bases { record, block }, Outcome::Bases { bases, .. }) => self.bases.put(record, block, bases),
            (Purpose::Tokens { record, block }, Outcome::Tokens { tokens, .. }) => {
                self.tokens.put(record, block, spans_of(tokens, block * TOKEN_BLOCK_BP));
            }
            (Purpose::Score { piece }, Outcome::Run(record)) => {
                let kept = if record.windows_cached > 0 && record.windows_cached >= record.windows {
                    ", kept from earlier"
                } else {
                    ""
                };
                self.message = Some(format!("Scored in {}{kept}", duration(elapsed.as_secs_f64())));
                self.scores_with(piece).complete(piece, record);
                self.forget_forecasts();
                self.piece_scored(piece);
            }
            (Purpose::NullBand { piece }, Outcome::Run(record)) => self.null_bands.complete(piece, record),
            (Purpose::Forecast { is_view }, outcome) => self.on_forecast(is_view, &outcome),
            (Purpose::Trust, Outcome::SelfTested(stored)) => self.on_trust(stored),
            (Purpose::SelfTest, Outcome::Json(_)) => self.ask_for_trust(),
            (Purpose::Attention { piece }, Outcome::Run(record)) => self.attention.complete(piece, record),
            (Purpose::Fetch | Purpose::Import | Purpose::Remove, Outcome::Written { notes, .. }) => {
                self.message = notes.into_iter().next();
                self.order(Purpose::Library, Task::ListModels);
            }
            (Purpose::OpenCard(head), Outcome::Card(card)) => self.cards.push(CardNews::Opened(head, Box::new(card))),
            (Purpose::SaveCard(head), Outcome::Written { notes, .. }) => {
                self.message = notes.into_iter().next();
                self.cards.push(CardNews::Saved(head));
                self.order(Purpose::Library, Task::ListModels);
            }
            (Purpose::Export { .. }, Outcome::Written { paths, notes }) => {
                for note in &notes {
                    self.warnings.add(note);
                }
                self.message = Some(match &paths[..] {
                    [path] => format!("Saved {}", path.display()),
                    _ => format!("Saved {} files: {}", paths.len(), names(&paths)),
                });
            }
            _ => {}
        }
    }

    fn on_opened(&mut self, summary: GenomeSummary) {
        let left = self.jobs.take_if(|purpose| !purpose.outlives_file());
        self.orders.extend(left.into_iter().map(Order::Cancel));
        self.bases.clear();
        self.tokens.clear();
        self.scores.clear();
        self.attention.clear();
        self.null_bands.clear();
        self.record_run = None;
        self.kept.clear();
        let reopened = self.genome.as_ref().filter(|genome| genome.summary.path == summary.path).cloned();
        if reopened.is_none() {
            self.files.clear();
            self.marks = Marks::default();
        }
        self.facts = Facts::default();
        self.calls.clear();
        self.judgement = None;
        self.relation = None;
        self.differences.clear();
        self.search = Search::default();
        self.warnings.clear();
        for warning in &summary.warnings {
            self.warnings.add(warning);
        }
        self.openings += 1;
        let path = summary.path.clone();
        self.genome = Genome::of(summary, self.openings);
        if let (Some(genome), Some(before)) = (&mut self.genome, &reopened) {
            genome.look_as(before);
        }
        self.opened.push(path.clone());
        if let Some(notes) = self.pasted.take() {
            self.message = Some(notes.join("  "));
        }
        if self.genome.is_none() {
            self.waiting_tracks.clear();
            let name = file_name(&path);
            let message = format!("{name} holds no sequence. Open a file with at least one record.");
            let error = JobError { kind: strandscope_worker::ErrorKind::BadInput, message, causes: vec![] };
            self.fail(&Purpose::Open(path), error);
            return;
        }
        // Tracks lie on the contigs as they are now.
        let again: Vec<_> = self.files.iter().map(|file| file.summary.source.clone()).collect();
        for track in again.into_iter().chain(std::mem::take(&mut self.waiting_tracks)) {
            self.open_track(track);
        }
        self.show_example();
    }

    fn on_library(&mut self, library: Library) {
        if self.head.is_none() {
            self.head = library.heads.first().map(|entry| entry.card.name.clone());
        }
        if let Some(before) = self.library.replace(library) {
            self.follow_cards(&before);
        }
        self.show_example();
    }

    /// Goes to the example's locus and scores it, once both the file and the heads are there.
    fn show_example(&mut self) {
        let Some(example) = self.waiting_example.and_then(|number| self.examples.get(number)).cloned() else { return };
        let (Some(_), Some(genome)) = (&self.library, &mut self.genome) else { return };
        if genome.summary.path != example.path {
            return;
        }
        self.waiting_example = None;
        if let Some(locus) = &example.locus
            && let Some(record) = genome.record_named(&locus.contig)
        {
            genome.show_places(&[(record, locus.start_bp, locus.end_bp)]);
        }
        self.arrangement.change(&LaneId::Translation, |setting| setting.hidden = Some(!example.translation));
        // What the view needs is small and goes first, so that letters and tokens stand before the scores come.
        self.ask_for_view();
        let Some(head) = example.head else { return };
        if self.head_named(&head).is_some() {
            self.pick_head(&head);
        }
        self.score_view();
    }

    fn on_cancelled(&mut self, job: JobId) {
        if let Some(running) = self.jobs.take(job) {
            self.not_delivered(&running.purpose);
            if running.purpose.changes_library() {
                self.order(Purpose::Library, Task::ListModels);
            }
            if running.purpose.is_analysis() && running.cancelling && !self.jobs.analysing() {
                self.message = Some("Cancelled; what had arrived is kept".to_owned());
            }
        }
    }

    fn on_failed(&mut self, job: JobId, error: JobError) {
        let Some(running) = self.jobs.take(job) else { return };
        self.not_delivered(&running.purpose);
        match running.purpose {
            Purpose::Export { kept: Some(request) } => self.not_saved = Some((request, error)),
            Purpose::OpenCard(head) | Purpose::SaveCard(head) => self.cards.push(CardNews::Failed(head, error)),
            purpose if purpose.changes_library() => {
                self.library_failure = Some(Failure { what: purpose.failed().to_owned(), error });
                self.show_models = true;
                self.order(Purpose::Library, Task::ListModels);
            }
            // A forecast that cannot be made is not missed: the run itself says why.
            Purpose::Forecast { .. } | Purpose::Trust => {}
            purpose => self.fail(&purpose, error),
        }
    }

    fn not_delivered(&mut self, purpose: &Purpose) {
        match purpose {
            Purpose::Bases { record, block } => self.bases.fail(*record, *block),
            Purpose::Tokens { record, block } => self.tokens.fail(*record, *block),
            Purpose::Tile { file, key } => self.no_tile(*file, *key),
            Purpose::Score { piece } => self.piece_lost(*piece),
            Purpose::Forecast { is_view } => self.no_forecast(*is_view),
            Purpose::Count { record } => self.not_counted(*record),
            Purpose::Search(text) => self.on_found(text, Vec::new()),
            _ => {}
        }
    }

    /// Shows why something did not work; what a view merely lacks does not push a failure of something asked aside.
    pub(super) fn fail(&mut self, purpose: &Purpose, error: JobError) {
        if purpose.doing().is_some() || self.failure.is_none() {
            self.failure = Some(Failure { what: purpose.failed().to_owned(), error });
        }
    }

    /// The thread that computes has ended; the one that reads and writes files goes on.
    fn on_stopped(&mut self, reason: String) {
        self.stopped = Some(reason);
        self.jobs.take_if(|purpose| matches!(purpose, Purpose::Library) || purpose.is_analysis());
    }

    /// Another engine runs in place of the old one: what that one has not delivered is asked for anew.
    pub(crate) fn on_restart(&mut self) {
        self.stopped = None;
        self.device = None;
        let (opening, waiting) = (self.opening(), self.waiting_example);
        self.jobs = Jobs::default();
        self.bases.retry();
        self.tokens.retry();
        self.files.iter_mut().for_each(|file| file.tiles.retry());
        self.order(Purpose::Library, Task::ListModels);
        if let Some(path) = opening {
            self.open(path);
            self.waiting_example = waiting;
        }
    }
}

/// Tokens that begin in the block at `start_bp`, or are the first to reach into it.
fn spans_of(tokens: Vec<Token>, start_bp: u64) -> Vec<TokenSpan> {
    let in_block = |&(from, to): &(u64, u64)| to > start_bp && from < start_bp + TOKEN_BLOCK_BP;
    tokens
        .into_iter()
        .filter_map(|token| {
            let (start_bp, end_bp) = token.span.filter(in_block)?;
            Some(TokenSpan { id: token.id, text: token.text, start_bp, end_bp })
        })
        .collect()
}

fn names(paths: &[std::path::PathBuf]) -> String {
    paths.iter().map(|path| file_name(path)).collect::<Vec<_>>().join(", ")
}
