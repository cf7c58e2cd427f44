//! The genome view on real files, with the engine it has in the program: loading, moving about, arranging.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use egui::{DroppedFile, HoveredFile, Key, Modifiers, accesskit::Role};
use egui_kittest::{
    Harness,
    kittest::{NodeT, Queryable},
};
use strandscope_ui::{ServiceAnswer, Start, Window};

use super::{
    engine::{PATIENCE, engine, wait_for},
    stage::{Bare, Stage, bare, go_to},
};

pub(crate) const SIZE: [f32; 2] = [1_400.0, 900.0];

/// A window on real files, what it asks of the desktop, and a folder for a test.
pub(crate) struct Opened {
    pub(crate) harness: Harness<'static, Bare>,
    pub(crate) stage: Stage,
    folder: tempfile::TempDir,
}

pub(crate) fn asset(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/examples").join(name)
}

pub(crate) fn open(files: &[PathBuf]) -> Opened {
    open_in(files, SIZE, 1.0)
}

pub(crate) fn open_in(files: &[PathBuf], size: [f32; 2], scale: f32) -> Opened {
    let folder = tempfile::tempdir().expect("a folder");
    let stage = Stage::default();
    let start = Start { files: files.to_vec(), examples: vec![] };
    let window = Window::new(engine(folder.path()), Box::new(stage.clone()), start);
    Opened { harness: bare(window, size, scale), stage, folder }
}

/// The yeast chromosome with its genes.
pub(crate) fn yeast() -> Opened {
    yeast_in(SIZE, 1.0)
}

pub(crate) fn yeast_in(size: [f32; 2], scale: f32) -> Opened {
    let mut opened = open_in(&[asset("yeast_chrI.fa.gz"), asset("yeast_chrI.gff3.gz")], size, scale);
    opened.wait("Features of yeast_chrI.gff3.gz, ");
    opened
}

impl Opened {
    pub(crate) fn wait(&mut self, words: &str) {
        wait_for(&mut self.harness, words);
    }

    pub(crate) fn has(&self, words: &str) -> bool {
        self.harness.query_all_by_label_contains(words).next().is_some()
    }

    pub(crate) fn locus(&self) -> String {
        self.harness.get_by_label("Locus").value().expect("a text field has a value")
    }

    /// Draws frames until the locus box says this.
    pub(crate) fn wait_for_locus(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        let start = Instant::now();
        while !wanted(&self.locus()) {
            assert!(start.elapsed() < PATIENCE, "the locus stays {}", self.locus());
            std::thread::sleep(Duration::from_millis(10));
            self.harness.step();
        }
        self.locus()
    }

    pub(crate) fn press(&mut self, modifiers: Modifiers, key: Key) {
        self.harness.key_press_modifiers(modifiers, key);
        self.harness.run_steps(3);
    }

    pub(crate) fn click(&mut self, label: &str) {
        self.harness.get_by_label(label).click();
        self.harness.run_steps(3);
    }

    /// Types into a field.
    pub(crate) fn fill(&mut self, label: &str, text: &str) {
        self.harness.get_by_label(label).focus();
        self.harness.run_steps(3);
        self.harness.get_by_label(label).type_text(text);
        self.harness.run_steps(3);
    }

    /// Brings a panel to the front.
    pub(crate) fn show(&mut self, panel: &str) {
        self.harness.get_by_role_and_label(Role::Tab, &format!("{panel} panel")).click();
        self.harness.run_steps(3);
    }

    /// Finds a command in the palette and runs it.
    pub(crate) fn command(&mut self, text: &str) {
        self.press(Modifiers::COMMAND, Key::P);
        self.harness.get_by_label("Search commands").type_text(text);
        self.harness.run_steps(3);
        self.press(Modifiers::NONE, Key::Enter);
    }

    /// A folder for this test.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path
    }

    pub(crate) fn drop(&mut self, paths: &[PathBuf]) {
        let files = paths.iter().map(|path| Arc::new(Dropped(path.clone())) as _);
        self.harness.input_mut().dropped_files = files.collect();
        self.harness.step();
    }

    /// Picks a head by a part of its title.
    pub(crate) fn pick_head(&mut self, title: &str) {
        self.harness.get_by_role_and_label(Role::ComboBox, "Head").click();
        self.harness.run_steps(3);
        self.harness.get_all_by_label_contains(title).last().expect("the head").click();
        self.harness.run_steps(3);
    }

    /// Scores a place with a head, found by a part of its title.
    pub(crate) fn score(&mut self, head: &str, place: &str) {
        self.pick_head(head);
        go_to(&mut self.harness, place);
        self.press(Modifiers::COMMAND, Key::Enter);
        self.wait("Scored in");
    }

    /// Lanes from top to bottom.
    pub(crate) fn lanes(&self) -> Vec<String> {
        let lanes = self.harness.query_all_by_role(Role::ListItem);
        let mut named: Vec<(f32, String)> = lanes
            .filter_map(|node| {
                let label = node.accesskit_node().label()?;
                let name = label.strip_prefix("Lane ")?.to_owned();
                Some((node.rect().top(), name))
            })
            .collect();
        named.sort_by(|a, b| a.0.total_cmp(&b.0));
        named.into_iter().map(|(_, name)| name).collect()
    }
}

#[derive(Debug)]
struct Dropped(PathBuf);

impl DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|error| error.to_string())
    }
}

#[test]
fn files_say_what_they_will_become_and_are_dropped_together() {
    let mut opened = open(&[]);
    let bed = opened.write("mine.bed", "chrI\t100\t200\tfirst\n");
    let wig = opened.write("mine.bedgraph", "chrI\t0\t50\t0.5\nchrI\t50\t90\t2\n");
    let paths = [asset("yeast_chrI.fa.gz"), bed, wig];
    let hovered = |path: &PathBuf| HoveredFile { path: Some(path.clone()), mime: String::new() };
    opened.harness.input_mut().hovered_files = paths.iter().map(hovered).collect();
    opened.wait("yeast_chrI.fa.gz  →  a sequence to look at. mine.bed  →  a track of features. mine.bedgraph  →  a track of values");
    opened.harness.input_mut().hovered_files.clear();
    opened.drop(&paths);
    opened.wait("Features of mine.bed, 1 in view: first");
    opened.wait("Track mine.bedgraph, value: highest in view 2.000");
    assert_eq!(opened.stage.0.borrow().watched.len(), 3, "changes of all of them are told");
}

#[test]
fn genbank_files_bring_their_features() {
    let mut opened = open(&[asset("phiX174_NC_001422.gbk.gz")]);
    opened.wait("Features of phiX174_NC_001422.gbk.gz, ");
    assert!(opened.locus().starts_with("NC_001422.1:1-5,386"), "{}", opened.locus());
}

#[test]
fn bad_rows_are_told_with_line_text_and_remedy_and_the_rest_is_shown() {
    let mut opened = yeast();
    let bed = opened.write("bad.bed", "chrI\t100\t200\tgood\nchrI\t1e2\t300\tfloat\nchrQ\t5\t9\tnowhere\n");
    opened.drop(&[bed]);
    opened.wait("Features of bad.bed, 1 in view: good");
    opened.show("Tracks");
    opened.click("2 rows left out");
    for words in ["line 2", "chrI\t1e2\t300\tfloat", "line 3", "chrQ"] {
        opened.wait(words);
    }
}

#[test]
fn contigs_are_found_under_other_names() {
    let mut opened = yeast();
    // NC_001133.9 is ten bases longer than this chromosome: of another assembly, and left out.
    let bed = opened.write("numbers.bed", "I\t1000\t2000\troman\nCHRI\t3000\t4000\tloud\nNC_001133.9\t5\t9\tother\n");
    opened.drop(&[bed]);
    opened.wait("Features of numbers.bed, 2 in view: roman, loud");
    opened.show("Tracks");
    opened.wait("1 row left out");
}

#[test]
fn pasted_text_becomes_a_sequence_and_what_was_removed_is_told() {
    let mut opened = open(&[]);
    opened.harness.event(egui::Event::Paste("1 gattaca gattaca 14\n15 acgtnnac 22".to_owned()));
    opened.wait("Pasted 22 bases.  Removed");
    opened.wait_for_locus(|locus| locus == "pasted:1-22");
}

#[test]
fn a_file_that_changes_is_read_anew_in_place() {
    let mut opened = yeast();
    let bed = opened.write("mine.bed", "chrI\t100\t200\tbefore\n");
    opened.drop(std::slice::from_ref(&bed));
    opened.wait("Features of mine.bed, 1 in view: before");
    let bed = opened.write("mine.bed", "chrI\t100\t200\tafter\nchrI\t500\t700\tmore\n");
    opened.stage.0.borrow_mut().answers.push_back(ServiceAnswer::Changed(bed));
    opened.wait("Features of mine.bed, 2 in view: after, more");
}

#[test]
fn records_tell_their_composition_and_files_are_remembered() {
    let mut opened = yeast();
    opened.wait("chrI");
    let settings = || opened.stage.0.borrow().settings.clone().unwrap_or_default();
    assert!(settings().contains("yeast_chrI.fa.gz"), "remembered for the next start: {}", settings());
}

#[test]
fn features_are_gone_to_by_name_and_stepped_through() {
    let mut opened = yeast();
    go_to(&mut opened.harness, "FLO9");
    let gene = opened.wait_for_locus(|locus| locus.starts_with("chrI:2"));
    assert_eq!(gene, "chrI:23,605-28,365", "the gene with a tenth on either side");
    opened.press(Modifiers::NONE, Key::F);
    let next = opened.wait_for_locus(|locus| locus != gene);
    opened.press(Modifiers::NONE, Key::B);
    opened.wait_for_locus(|locus| locus != next);
    opened.press(Modifiers::ALT, Key::ArrowLeft);
    assert_eq!(opened.locus(), next, "back in history");
}

#[test]
fn bases_are_found_on_both_strands_and_become_a_track() {
    let mut opened = yeast();
    go_to(&mut opened.harness, "TGACGTCAY");
    opened.wait("Features of TGACGTCAY, ");
    opened.wait_for_locus(|locus| locus != "chrI:1-10,000");
    opened.show("Tracks");
    opened.wait("motif  ·  ");
}

#[test]
fn hgvs_places_are_found_on_contigs_and_transcripts() {
    let mut opened = open(&[asset("human_PTEN_GRCh37.gbk.gz")]);
    opened.wait("Features of human_PTEN_GRCh37.gbk.gz, ");
    go_to(&mut opened.harness, "PTEN:c.1A>G");
    // The start codon lies at 1,033 of the record.
    opened.wait("NT_030059.13:1,033-1,033");
    go_to(&mut opened.harness, "NT_030059.13:g.67609del");
    opened.wait("NT_030059.13:67,609-67,609");
    go_to(&mut opened.harness, "PTEN:c.99999A>G");
    opened.wait("The place could not be found");
}

#[test]
fn the_view_is_read_from_the_other_strand() {
    let mut opened = yeast();
    go_to(&mut opened.harness, "chrI:1,001-1,100");
    opened.wait("Sequence of chrI:1,001-1,100");
    opened.press(Modifiers::NONE, Key::R);
    opened.wait("Sequence of chrI:1,001-1,100, reverse complement");
    opened.press(Modifiers::NONE, Key::ArrowRight);
    assert_eq!(opened.locus(), "chrI:991-1,090 [rev]", "to the right is towards the start");
}

#[test]
fn loci_stand_side_by_side_linked_or_free() {
    let mut opened = yeast();
    go_to(&mut opened.harness, "chrI:1,001-2,000");
    opened.click("Add a locus beside this one");
    go_to(&mut opened.harness, "chrI:5,001-6,000");
    assert!(opened.has("Locus 1: chrI:1,001-2,000") && opened.has("Locus 2: chrI:5,001-6,000"), "both");
    opened.press(Modifiers::NONE, Key::PageDown);
    assert!(opened.has("Locus 1: chrI:2,001-3,000") && opened.has("Locus 2: chrI:6,001-7,000"), "moved together");
    opened.press(Modifiers::NONE, Key::L);
    opened.press(Modifiers::NONE, Key::PageDown);
    assert!(opened.has("Locus 1: chrI:2,001-3,000") && opened.has("Locus 2: chrI:7,001-8,000"), "each by itself");
    for number in 3..=8 {
        opened.press(Modifiers::NONE, Key::D);
        assert!(opened.has(&format!("Locus {number}: ")), "eight and more");
    }
    opened.click("Close locus 1");
    assert!(opened.has("Locus 1: chrI:7,001-8,000"), "the others stay");
}

#[test]
fn features_are_drawn_however_narrow_the_lanes_are() {
    let mut opened = yeast_in([900.0, 600.0], 1.0);
    go_to(&mut opened.harness, "chrI:24,001-54,000");
    opened.wait("FLO9");
    for _ in 0..3 {
        opened.press(Modifiers::NONE, Key::D);
    }
    let is_drawn = |opened: &Opened| opened.harness.query_all_by_label_contains("FLO9").count();
    assert_eq!(is_drawn(&opened), 4, "in each of four loci");
    for _ in 0..4 {
        opened.press(Modifiers::NONE, Key::D);
    }
    assert!(opened.has("No room for 8 loci side by side"), "it is said when nothing can be drawn");
    super::pictures::keep(&mut opened.harness, "no_room");
    opened.press(Modifiers::SHIFT, Key::D);
    assert!(!opened.has("No room"), "one fewer fits");
}

#[test]
fn translation_reading_frames_and_composition_are_shown() {
    let mut opened = yeast();
    go_to(&mut opened.harness, "chrI:335-649");
    opened.press(Modifiers::NONE, Key::T);
    opened.wait("Translation of six frames, Standard");
    opened.command("open reading frames");
    opened.wait("Features of ORFs ≥ 303 bp, ");
    opened.command("share of G and C");
    opened.wait("Track G+C, value: highest in view");
}

#[test]
fn lanes_are_moved_resized_pinned_grouped_and_hidden_by_keyboard() {
    let mut opened = yeast();
    opened.command("share of G and C");
    opened.wait("Track G+C");
    let find = |opened: &Opened, name: &str| opened.lanes().iter().position(|lane| lane == name).expect("a lane");
    opened.click("Lane G+C");
    let before = find(&opened, "G+C");
    opened.press(Modifiers::ALT, Key::ArrowUp);
    assert_eq!(find(&opened, "G+C"), before - 1, "one up: {:?}", opened.lanes());
    opened.press(Modifiers::NONE, Key::P);
    assert!(find(&opened, "G+C") < find(&opened, "yeast_chrI.gff3.gz"), "kept at the top: {:?}", opened.lanes());
    let height = |opened: &Opened| opened.harness.get_by_label_contains("Track G+C").rect().height();
    let low = height(&opened);
    opened.press(Modifiers { shift: true, ..Modifiers::ALT }, Key::ArrowDown);
    assert!(height(&opened) > low, "higher than {low}");
    opened.press(Modifiers::NONE, Key::Delete);
    assert!(!opened.has("Track G+C"), "closed");
}

#[test]
fn axes_and_forms_are_chosen_in_the_menu_of_a_lane() {
    let mut opened = yeast();
    opened.command("share of G and C");
    opened.wait("Track G+C");
    opened.click("Options of G+C");
    for form in ["Line", "Bars", "Points", "Heat strip", "Area"] {
        opened.click(form);
    }
    opened.click("Fixed axis");
    assert!(opened.has("Upper end of the axis"), "its ends can be set");
    opened.click("Axis for what is in view");
    opened.click("Logarithmic");
    opened.click("Keep at the top");
}

#[test]
fn regions_of_interest_are_marked_named_and_saved() {
    let mut opened = yeast();
    go_to(&mut opened.harness, "chrI:1,001-2,000");
    opened.press(Modifiers::COMMAND, Key::R);
    opened.wait("Region of interest region 1");
    opened.click("Region of interest region 1");
    opened.wait("Name of the region");
    opened.fill("Note of the region", "look again");
    opened.stage.0.borrow_mut().dialog = Some("/data/regions.bed".into());
    opened.click("Save as BED …");
    opened.harness.run_steps(3);
    let texts = opened.stage.0.borrow().texts.clone();
    assert!(texts[0].0.contains("chrI\t1000\t2000\tregion 1\t0\t.\tlook again"), "0-based: {}", texts[0].0);
}

#[test]
fn layouts_for_three_kinds_of_work_and_ones_own() {
    let mut opened = yeast();
    for (command, panel) in
        [("layout clinician", "Regions"), ("layout teacher", "Head"), ("layout biologist", "Records")]
    {
        opened.command(command);
        assert!(opened.has(&format!("{panel} panel")), "{command}");
    }
    assert_eq!(opened.harness.ctx.zoom_factor(), 1.0, "as large as before");
    opened.click("Appearance");
    opened.fill("Name of this layout", "mine");
    opened.click("Keep");
    assert!(opened.has("Forget layout mine"), "kept under its name");
}

#[test]
fn the_palette_finds_commands_heads_records_and_places() {
    let mut opened = yeast();
    opened.press(Modifiers::COMMAND, Key::K);
    opened.harness.get_by_label("Search commands").type_text("chrI:5,001-6,000");
    opened.harness.run_steps(3);
    opened.press(Modifiers::NONE, Key::Enter);
    assert_eq!(opened.locus(), "chrI:5,001-6,000", "a place");
    opened.command("show the whole record");
    assert_eq!(opened.locus(), "chrI:1-230,208", "a command");
}

#[test]
fn picked_features_tell_all_that_their_file_says() {
    let mut opened = yeast();
    go_to(&mut opened.harness, "chrI:20,001-30,000");
    opened.wait("Features of yeast_chrI.gff3.gz, ");
    opened.wait("FLO9");
    let lane = opened.harness.get_by_label_contains("Features of yeast_chrI.gff3.gz").rect();
    // The gene lies at 24,001 to 27,969: its bar is found along the middle of that.
    let x = lane.left() + lane.width() * 0.6;
    let mut y = lane.top() + 8.0;
    while !opened.has("orf_classification") && y < lane.bottom() {
        opened.harness.hover_at(egui::pos2(x, y));
        opened.harness.step();
        opened.harness.drag_at(egui::pos2(x, y));
        opened.harness.drop_at(egui::pos2(x, y));
        opened.harness.run_steps(3);
        y += 8.0;
    }
    assert!(opened.has("Show it whole"), "what can be done with it");
}

#[test]
fn a_model_that_is_dropped_shows_its_card_before_it_is_imported() {
    let mut opened = yeast();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/parity/dnabert2_classifier");
    let folder = opened.folder().join("tuned");
    std::fs::create_dir(&folder).expect("a folder");
    for file in std::fs::read_dir(&fixture).expect("the fixture") {
        let file = file.expect("a file").path();
        std::fs::copy(&file, folder.join(file.file_name().expect("a name"))).expect("copied");
    }
    opened.drop(&[folder.join("model.safetensors")]);
    opened.wait("To be added?");
    for words in ["dnabert-2", "BPE tokens", " on CPU", "SHA-256 ", "Its makers left no card", "model and head"] {
        opened.wait(words);
    }
    assert!(!opened.has("Remove tuned"), "it is not in the library yet");
    opened.click("Import tuned");
    opened.wait("Remove tuned");
    assert!(!opened.has("To be added?"), "it is there now");
    opened.click("Close");
    // What cannot be used is told in the same place.
    std::fs::remove_file(folder.join("config.json")).expect("removed");
    opened.drop(&[folder]);
    opened.wait("The folder cannot be used");
}
