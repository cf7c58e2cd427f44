//! What is shown beside the sequence: files, motifs, reading frames; opened, and read tile by tile.

use std::path::PathBuf;

use strandscope_worker::{
    FileRole, FindFeaturesRequest, FoundFeature, LocateRequest, Located, NextFeatureRequest, PastedSequence, Task,
    Tile, TileRequest, TrackSource, TrackSummary, genome::Region,
};

use super::{
    State, file_name,
    tiles::{TileKey, Tiles, level},
    work::Purpose,
};
use crate::locus::Place;

/// Most features of a tile that are drawn one by one.
const FEATURES_IN_TILE: u32 = 400;
/// Most features that a search tells.
const FOUND: u32 = 12;

/// A track beside the sequence.
#[derive(Debug)]
pub(crate) struct OpenFile {
    /// Its number; the lanes of it carry that.
    pub(crate) id: u64,
    pub(crate) summary: TrackSummary,
    pub(crate) tiles: Tiles<Tile>,
}

impl OpenFile {
    /// What is written beside it.
    pub(crate) fn name(&self) -> String {
        name_of(&self.summary.source)
    }
}

/// What a search for features has found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Search {
    /// What was searched for.
    pub(crate) text: String,
    /// What was found; `None` while it is searched.
    pub(crate) found: Option<Vec<FoundFeature>>,
    /// Whether the best is to be gone to.
    is_awaited: bool,
}

impl State {
    /// Opens files as what they are: the first sequence takes the place of the one that is open, the rest are tracks.
    pub(crate) fn open_files(&mut self, paths: Vec<PathBuf>) {
        if !paths.is_empty() {
            self.failure = None;
            self.message = None;
            self.order(Purpose::Recognise, Task::Recognise { paths });
        }
    }

    /// It is known what each of the files is.
    pub(crate) fn on_roles(&mut self, roles: Vec<(PathBuf, FileRole)>) {
        let mut tracks = Vec::new();
        let mut genome = None;
        for (path, role) in roles {
            match role {
                FileRole::Genome | FileRole::GenomeWithFeatures | FileRole::Unknown if genome.is_none() => {
                    genome = Some((path, role));
                }
                FileRole::Track(_) => tracks.push(TrackSource::File(path)),
                FileRole::Model => self.look_at_model(path),
                FileRole::Aliases => self.use_aliases(path),
                FileRole::Genome | FileRole::GenomeWithFeatures | FileRole::Unknown => self
                    .warnings
                    .add(&format!("{} was not opened: only one sequence file is open at a time.", file_name(&path))),
            }
        }
        match genome {
            Some((path, role)) => {
                if role == FileRole::GenomeWithFeatures {
                    tracks.insert(0, TrackSource::File(path.clone()));
                }
                self.open(path);
                self.waiting_tracks = tracks;
            }
            None => tracks.into_iter().for_each(|source| self.open_track(source)),
        }
    }

    /// Files are held over the window: it is asked what they would become.
    pub(crate) fn hover(&mut self, paths: Vec<PathBuf>) {
        if self.hovered.iter().map(|hovered| &hovered.0).eq(&paths) {
            return;
        }
        self.hovered = paths.iter().map(|path| (path.clone(), None)).collect();
        if !paths.is_empty() {
            self.order_instead(Purpose::Hover, Task::Recognise { paths });
        }
    }

    pub(super) fn on_hovered(&mut self, roles: Vec<(PathBuf, FileRole)>) {
        for (path, role) in roles {
            if let Some(hovered) = self.hovered.iter_mut().find(|hovered| hovered.0 == path) {
                hovered.1 = Some(role);
            }
        }
    }

    /// Makes a sequence of text that was pasted.
    pub(crate) fn paste(&mut self, text: String) {
        self.failure = None;
        self.order(Purpose::Paste, Task::KeepPasted { text });
    }

    pub(super) fn on_pasted(&mut self, pasted: PastedSequence) {
        self.open(pasted.path);
        self.pasted = Some(pasted.notes);
    }

    /// Takes names of contigs from a table, for all tracks.
    fn use_aliases(&mut self, table: PathBuf) {
        let Some(genome) = &self.genome else {
            self.message = Some("Open the sequence first; then drop the table of names again".to_owned());
            return;
        };
        let genome = genome.summary.path.clone();
        self.order(Purpose::Aliases, Task::UseAliases { table, genome });
    }

    /// Names have been taken: tracks are opened anew under them.
    pub(super) fn on_aliases(&mut self, notes: Vec<String>) {
        let sources: Vec<TrackSource> = self.files.iter().map(|file| file.summary.source.clone()).collect();
        sources.into_iter().for_each(|source| self.open_track(source));
        self.message = notes.into_iter().next();
    }

    /// A file has changed on disk: it is read anew, where it is still open.
    pub(crate) fn on_changed(&mut self, path: &std::path::Path) {
        let is_genome = self.genome.as_ref().is_some_and(|genome| genome.summary.path == path);
        if is_genome {
            self.open(path.to_owned());
        } else {
            let source = TrackSource::File(path.to_owned());
            if self.files.iter().any(|file| file.summary.source == source) {
                self.open_track(source);
            }
        }
        self.message = Some(format!("{} has changed: reading it anew", file_name(path)));
    }

    /// The files that are open.
    pub(crate) fn open_paths(&self) -> Vec<PathBuf> {
        let genome = self.genome.iter().map(|genome| genome.summary.path.clone());
        let tracks = self.files.iter().filter_map(|file| match &file.summary.source {
            TrackSource::File(path) => Some(path.clone()),
            _ => None,
        });
        genome.chain(tracks).collect()
    }

    /// Opens a track beside the sequence, once there is one.
    pub(crate) fn open_track(&mut self, source: TrackSource) {
        let Some(genome) = &self.genome else {
            if self.opening().is_some() {
                self.waiting_tracks.push(source);
            } else {
                self.refuse_track(source);
            }
            return;
        };
        let genome = genome.summary.path.clone();
        self.order(Purpose::OpenTrack(source.clone()), Task::OpenTrack { source, genome });
    }

    fn refuse_track(&mut self, source: TrackSource) {
        let message = format!(
            "{} says something about places of a sequence; open that sequence first, then drop this file again",
            name_of(&source)
        );
        let error =
            strandscope_worker::JobError { kind: strandscope_worker::ErrorKind::Usage, message, causes: vec![] };
        self.fail(&Purpose::OpenTrack(source), error);
    }

    /// A file beside the sequence is open; one that was open under this path is replaced in its place.
    pub(crate) fn on_track(&mut self, summary: TrackSummary) {
        for warning in &summary.warnings {
            self.warnings.add(warning);
        }
        if self.go_to_first_of.as_ref() == Some(&summary.source) {
            self.go_to_first_of = None;
            self.go_to_first(&summary);
        }
        if let Some(file) = self.files.iter_mut().find(|file| file.summary.source == summary.source) {
            file.summary = summary;
            file.tiles.clear();
            return;
        }
        self.next_file += 1;
        self.message = Some(format!("Opened {}", name_of(&summary.source)));
        let has_features = !summary.kind.is_signal();
        self.files.push(OpenFile { id: self.next_file, summary, tiles: Tiles::default() });
        if has_features && let Some(lane) = self.judge_next.take() {
            self.judge(self.next_file, Some(lane));
            self.show_judgement = true;
        }
    }

    /// Goes to the first feature of a track that comes after where one is, or tells that there is none.
    fn go_to_first(&mut self, summary: &TrackSummary) {
        let Some(genome) = &self.genome else { return };
        if summary.count == Some(0) {
            self.message = Some(format!("{} is nowhere in this sequence", name_of(&summary.source)));
            return;
        }
        let here = genome.contig().name.clone();
        let contig =
            if summary.contigs.contains(&here) { here } else { summary.contigs.first().cloned().unwrap_or(here) };
        let request = NextFeatureRequest {
            source: summary.source.clone(),
            genome: genome.summary.path.clone(),
            from_bp: genome.view().range_bp().0.checked_sub(1),
            contig,
            is_after: true,
        };
        self.order(Purpose::NextFeature, Task::NextFeature(request));
    }

    /// Closes a file beside the sequence.
    pub(crate) fn close_file(&mut self, id: u64) {
        self.files.retain(|file| file.id != id);
    }

    /// A file beside the sequence, by its number.
    pub(crate) fn file(&self, id: u64) -> Option<&OpenFile> {
        self.files.iter().find(|file| file.id == id)
    }

    /// Asks for the tiles of all files that are in view and have not been read.
    pub(super) fn ask_for_tiles(&mut self, record: usize, range_bp: (u64, u64), span_bp: f64) {
        let Some(genome) = &self.genome else { return };
        let (path, contig) = (genome.summary.path.clone(), genome.summary.contigs[record].clone());
        let mut tasks = Vec::new();
        for file in &mut self.files {
            if !file.summary.contigs.contains(&contig.name) {
                continue;
            }
            for key in file.tiles.ask(record, level(span_bp), range_bp) {
                let (start_bp, end_bp) = key.range_bp();
                let region = Region::new(&contig.name, start_bp, end_bp.min(contig.length_bp));
                let request = TileRequest {
                    source: file.summary.source.clone(),
                    genome: path.clone(),
                    bin_bp: 1 << key.level,
                    region,
                    most: FEATURES_IN_TILE,
                };
                tasks.push((Purpose::Tile { file: file.id, key }, Task::ReadTile(request)));
            }
        }
        for (purpose, task) in tasks {
            self.order(purpose, task);
        }
    }

    /// A tile has been read.
    pub(super) fn on_tile(&mut self, id: u64, key: TileKey, tile: Tile) {
        if let Some(file) = self.files.iter_mut().find(|file| file.id == id) {
            file.tiles.put(key, tile);
        }
    }

    /// A tile could not be read.
    pub(super) fn no_tile(&mut self, id: u64, key: TileKey) {
        if let Some(file) = self.files.iter_mut().find(|file| file.id == id) {
            file.tiles.fail(key);
        }
    }

    /// Files that hold features.
    pub(crate) fn feature_files(&self) -> impl Iterator<Item = &OpenFile> {
        self.files.iter().filter(|file| !file.summary.kind.is_signal())
    }

    /// Searches the names of features, unless that has been searched last.
    pub(crate) fn search(&mut self, text: &str) {
        if self.search.text == text || self.genome.is_none() {
            return;
        }
        let sources: Vec<TrackSource> = self.feature_files().map(|file| file.summary.source.clone()).collect();
        let found = (text.is_empty() || sources.is_empty()).then(Vec::new);
        self.search = Search { text: text.to_owned(), found, is_awaited: false };
        if self.search.found.is_none()
            && let Some(genome) = &self.genome
        {
            let genome = genome.summary.path.clone();
            let request = FindFeaturesRequest { sources, genome, text: text.to_owned(), most: FOUND };
            self.order(Purpose::Search(text.to_owned()), Task::FindFeatures(request));
        }
    }

    /// What a search has found; an older one is of no use.
    pub(super) fn on_found(&mut self, text: &str, found: Vec<FoundFeature>) {
        if self.search.text != text {
            return;
        }
        self.search.found = Some(found);
        if std::mem::take(&mut self.search.is_awaited) {
            self.go_to_first_found();
        }
    }

    /// Goes to the best that is found, or as soon as something is.
    pub(crate) fn go_to_first_found(&mut self) {
        let Some(found) = &self.search.found else {
            self.search.is_awaited = true;
            return;
        };
        let Some(genome) = &mut self.genome else { return };
        let first = found.iter().find_map(|found| Some((genome.record_named(&found.region.contig)?, &found.region)));
        match first {
            Some((record, region)) => genome.go_to(Place::Around(record, region.start_bp, region.end_bp)),
            None => self.message = Some(format!("Nothing here is called “{}”", self.search.text)),
        }
    }

    /// Goes to a place that is written as HGVS has it.
    pub(crate) fn locate(&mut self, text: String) {
        let Some(genome) = &self.genome else { return };
        let request = LocateRequest {
            text,
            sources: self.feature_files().map(|file| file.summary.source.clone()).collect(),
            genome: genome.summary.path.clone(),
            contig: genome.contig().name.clone(),
        };
        self.failure = None;
        self.order_instead(Purpose::Locate, Task::Locate(request));
    }

    pub(super) fn on_located(&mut self, located: Located) {
        let Some(genome) = &mut self.genome else { return };
        let Some(record) = genome.record_named(&located.region.contig) else { return };
        let region = &located.region;
        genome.go_to(if region.len_bp() == 1 {
            Place::Base(record, region.start_bp)
        } else {
            Place::Around(record, region.start_bp, region.end_bp)
        });
        self.message = Some(located.note);
    }

    /// Shows where a pattern fits, and goes to the first place.
    pub(crate) fn find_motif(&mut self, pattern: &str) {
        self.go_to_first_of = Some(TrackSource::Motif(pattern.to_owned()));
        self.open_track(TrackSource::Motif(pattern.to_owned()));
    }

    /// Goes to the next feature of the first selected lane that has any, or of the first file that has.
    pub(crate) fn next_feature(&mut self, is_after: bool) {
        let Some(genome) = &self.genome else { return };
        let contig = genome.contig().name.clone();
        let selected = self.feature_files().find(|file| self.arrangement.is_file_selected(file.id));
        let Some(file) = selected.or_else(|| self.feature_files().find(|file| file.summary.contigs.contains(&contig)))
        else {
            self.message = Some("No features are open on this record".to_owned());
            return;
        };
        let (start_bp, end_bp) = genome.view().range_bp();
        let middle_bp = u64::midpoint(start_bp, end_bp);
        // A feature that was just jumped to stands in the middle.
        let from_bp = self.stepped_to.filter(|at| at.0 == (start_bp, end_bp)).map_or(middle_bp, |at| at.1);
        let request = NextFeatureRequest {
            source: file.summary.source.clone(),
            genome: genome.summary.path.clone(),
            contig,
            from_bp: Some(from_bp),
            is_after,
        };
        self.order(Purpose::NextFeature, Task::NextFeature(request));
    }

    /// The next feature is known; it is shown in the middle, at the zoom one has, or whole where it is longer.
    pub(super) fn on_next_feature(&mut self, found: Vec<FoundFeature>) {
        let Some(feature) = found.into_iter().next() else {
            self.message = Some("No more features that way".to_owned());
            return;
        };
        let Some(genome) = &mut self.genome else { return };
        let Some(record) = genome.record_named(&feature.region.contig).filter(|record| *record == genome.record())
        else {
            return;
        };
        let region = &feature.region;
        let span_bp = genome.view().span_bp().max(region.len_bp() as f64 * 1.2);
        let middle_bp = (region.start_bp + region.end_bp) as f64 / 2.0;
        genome.show(middle_bp - span_bp / 2.0, span_bp, true);
        debug_assert_eq!(record, genome.record(), "features are sought on the record in view");
        self.stepped_to = Some((genome.view().range_bp(), region.start_bp));
        self.message = Some(format!("{}  {}", feature.name, region));
    }
}

/// What a track is called.
fn name_of(source: &TrackSource) -> String {
    match source {
        TrackSource::File(path) => file_name(path),
        TrackSource::Motif(pattern) => pattern.clone(),
        TrackSource::Orfs { least_bp, .. } => format!("ORFs ≥ {}", crate::locus::length(*least_bp)),
        TrackSource::GcShare => "G+C".to_owned(),
    }
}
