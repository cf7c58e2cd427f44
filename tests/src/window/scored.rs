//! Scores on real files, with the engine the program has: heads, trust, thresholds, comparisons.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use egui::{Key, Modifiers, accesskit::Role};
use egui_kittest::kittest::Queryable;
use strandscope_worker::genome::{Genome, Region};

use super::{
    browse::{Opened, SIZE, asset, open, open_in},
    engine::PATIENCE,
    stage::go_to,
};

#[test]
fn scores_are_judged_by_known_sites_and_compared() {
    let mut opened = scored_pten(SIZE, 1.0);
    // The donors of exons 4 and 5: the first base of each intron.
    let name = "NT_030059.13";
    let bed = opened.write("donors.bed", &format!("{name}\t67652\t67653\td4\t0\t+\n{name}\t69814\t69815\td5\t0\t+\n"));
    let donor = opened.harness.get_by_label_contains("Track donor").rect();
    opened.harness.hover_at(donor.center());
    opened.harness.step();
    opened.drop(&[bed]);
    opened.wait("donor by donors.bed");
    opened.wait("2 features of the forward strand against");
    let curve = opened.harness.get_by_label_contains("Area under ROC").rect();
    assert!(curve.width() > 0.0, "the curves stand in their panel");
    opened.harness.get_all_by_label("Take").next().expect("a threshold to take").click();
    opened.harness.run_steps(3);
}

/// The PTEN gene, with the stretch around exons 4 and 5 scored for splice sites.
pub(crate) fn scored_pten(size: [f32; 2], scale: f32) -> Opened {
    let mut opened = open_in(&[asset("human_PTEN_GRCh37.gbk.gz")], size, scale);
    opened.wait("Features of human_PTEN_GRCh37.gbk.gz, ");
    opened.score("Splice", "67,001-70,500");
    opened
}

#[test]
fn work_is_foreseen_and_what_was_scored_is_kept() {
    let mut opened = scored_pten(SIZE, 1.0);
    opened.wait("View: ");
    opened.wait("kept from earlier");
    opened.press(Modifiers::COMMAND, Key::Enter);
    opened.wait(", kept from earlier");
    assert!(opened.has("Record: "), "the whole record is foreseen as well");
}

#[test]
fn windows_tell_how_many_they_are_and_how_far_they_differ() {
    let mut opened = scored_pten(SIZE, 1.0);
    opened.click("How windows agree");
    opened.wait("Track windows, ");
    opened.wait("Track donor.spread, ");
}

#[test]
fn shuffled_sequences_lie_behind_the_scores() {
    let mut opened = scored_pten(SIZE, 1.0);
    go_to(&mut opened.harness, "69,501-69,900");
    opened.press(Modifiers::NONE, Key::K);
    opened.wait("Scoring shuffled bases");
    let start = Instant::now();
    while opened.has("Scoring shuffled bases") {
        assert!(start.elapsed() < PATIENCE, "it does not end");
        std::thread::sleep(Duration::from_millis(10));
        opened.harness.step();
    }
    assert!(!opened.has("could not be scored"), "it did");
}

#[test]
fn the_threshold_calls_hits_that_can_be_stepped_through() {
    let mut opened = scored_pten(SIZE, 1.0);
    go_to(&mut opened.harness, "67,001-67,100");
    let here = opened.locus();
    opened.press(Modifiers::NONE, Key::N);
    let next = opened.wait_for_locus(|locus| locus != here);
    opened.press(Modifiers::SHIFT, Key::N);
    assert!(opened.has("No more hits that way") || opened.locus() != next, "back, or told that there is none");
}

#[test]
fn a_record_is_scored_in_pieces_that_can_be_paused() {
    let mut opened = open(&[asset("human_PTEN_GRCh37.gbk.gz")]);
    opened.wait("Features of human_PTEN_GRCh37.gbk.gz, ");
    opened.pick_head("Splice");
    opened.press(Modifiers { shift: true, ..Modifiers::COMMAND }, Key::Enter);
    opened.wait("Scoring NT_030059.13  ");
    opened.click("Pause");
    opened.wait("paused");
    opened.click("Go on");
    let start = Instant::now();
    while opened.has("Scoring NT_030059.13  ") {
        assert!(start.elapsed() < PATIENCE, "it does not end");
        std::thread::sleep(Duration::from_millis(10));
        opened.harness.step();
    }
    go_to(&mut opened.harness, "1-105,338");
    opened.wait("Track donor, probability: highest in view");
}

#[test]
fn the_card_shows_how_far_scores_can_be_taken_at_their_word() {
    let mut opened = open_in(&[asset("human_PTEN_GRCh37.gbk.gz")], [1_400.0, 2_000.0], 1.0);
    opened.wait("Features of human_PTEN_GRCh37.gbk.gz, ");
    opened.pick_head("Splice");
    opened.wait("splice_hs3d/dev.csv.gz (2529 rows)");
    // What is foreseen of the work stands above the card, and moves it when it comes.
    opened.wait("View: ");
    opened.wait("Record: ");
    let plot = opened.harness.get_by_label("Share that was right, against the score").rect();
    // The highest tenth of both labels: 0.97 on average.
    opened.harness.hover_at(plot.right_top() + egui::vec2(-12.0, 26.0));
    opened.harness.run_steps(40);
    opened.wait("Scored 0.9");
    opened.wait("; 95 % interval ");
    assert!(opened.has("Of these sequences "), "how common a label is in the data");
    opened.harness.get_by_role_and_label(Role::ComboBox, "Measured on").click();
    opened.harness.run_steps(3);
    opened.harness.get_all_by_label("splice_uci/dev.csv.gz (363 rows)").last().expect("the other data").click();
    opened.harness.run_steps(3);
    assert!(opened.has("19 % are donor"), "the other data");
    super::pictures::keep(&mut opened.harness, "card_reliability");
}

#[test]
fn a_light_tells_whether_this_device_was_tested() {
    let mut opened = open(&[]);
    opened.wait("Self-test of this device: not tested");
    opened.click("Self-test of this device: not tested");
    opened.click("Test this device");
    opened.wait("Self-test of this device: tested");
    let start = Instant::now();
    while !opened.has(" checks passed on 20") {
        assert!(start.elapsed() < PATIENCE, "it is not told when");
        opened.click("Self-test of this device: tested");
        opened.harness.run_steps(3);
    }
}

#[test]
fn what_is_clicked_in_the_overview_is_gone_to() {
    let mut opened = scored_pten(SIZE, 1.0);
    let strip = opened.harness.get_by_label("Overview of the record").rect();
    let there = egui::pos2(strip.left() + 0.9 * strip.width(), strip.center().y);
    opened.harness.hover_at(there);
    opened.harness.step();
    opened.harness.drag_at(there);
    opened.harness.drop_at(there);
    let locus = opened.wait_for_locus(|locus| !locus.starts_with("NT_030059.13:67,001"));
    // 0.9 of 105,338 bases, in the middle of as much as was in view.
    assert_eq!(locus, "NT_030059.13:93,055-96,555", "where it was clicked");
}

/// Two alleles of exon 5 of PTEN and what follows it, apart by one base: the G of the donor's GT.
fn alleles(opened: &Opened) -> PathBuf {
    let mut genome = Genome::open(&asset("human_PTEN_GRCh37.fa.gz"), opened.folder()).expect("the gene");
    let region = Region::new("NT_030059.13", 69_400, 70_200);
    let mut bases = genome.read(&region).expect("its bases");
    let reference = String::from_utf8(bases.clone()).expect("letters");
    // The donor of exon 5 is base 69,815: 414 bases after 69,401.
    assert_eq!(&reference[414..416], "GT", "the donor of exon 5");
    bases[414] = b'A';
    let variant = String::from_utf8(bases).expect("letters");
    opened.write("alleles.fa", &format!(">reference\n{reference}\n>variant\n{variant}\n"))
}

#[test]
fn alleles_are_pinned_and_compared() {
    let mut opened = open(&[]);
    let fasta = alleles(&opened);
    opened.drop(&[fasta]);
    opened.wait("Sequence of reference");
    opened.pick_head("Splice");
    go_to(&mut opened.harness, "reference:301-500");
    opened.press(Modifiers::NONE, Key::A);
    assert!(opened.has("Locus 1, A: reference:301-500"), "what was in view");
    go_to(&mut opened.harness, "variant:301-500");
    opened.wait("Locus 2, B: variant:301-500  ·  1 of 200 bases differ");
    opened.press(Modifiers::COMMAND, Key::Enter);
    opened.wait("Scored in");
    // The donor's score falls from near one to near nothing.
    opened.wait("Difference, at most 0.7");
    let site = opened.harness.get_by_label("Sequence of variant:301-500").rect();
    opened.harness.hover_at(egui::pos2(site.left() + site.width() * 114.5 / 200.0, site.center().y));
    opened.harness.run_steps(3);
    super::pictures::keep(&mut opened.harness, "compared_alleles");
    opened.press(Modifiers::NONE, Key::PageDown);
    assert!(opened.has("A: reference:501-700") && opened.has("B: variant:501-700"), "moved together");
    opened.press(Modifiers::SHIFT, Key::A);
    assert!(opened.has("A: variant:501-700") && opened.has("B: reference:501-700"), "exchanged");
    opened.click("Compare with A no more");
    assert!(!opened.has("Locus 1, A: ") && opened.has("Locus 2: reference:501-700"), "both loci stay");
}

#[test]
fn heads_are_pinned_and_compared() {
    let mut opened = scored_pten(SIZE, 1.0);
    go_to(&mut opened.harness, "69,501-69,900");
    opened.click("Pin as A, to compare with B beside it");
    opened.pick_head("Core promoter");
    opened.wait("Scored in");
    opened.wait("Locus 1, A: NT_030059.13:69,501-69,900  ·  Splice");
    opened.wait("promoter of B − donor of A");
    opened.wait("Difference, at most ");
    super::pictures::keep(&mut opened.harness, "compared_heads");
    opened.press(Modifiers::SHIFT, Key::A);
    opened.wait("Locus 1, A: NT_030059.13:69,501-69,900  ·  Core promoter");
    opened.wait("donor of B − promoter of A");
}

#[test]
fn scores_and_an_experiment_are_correlated_wherever_both_are_known() {
    let mut opened = scored_pten(SIZE, 1.0);
    // An experiment that peaks five bases right of the donors of exons 4 and 5.
    let name = "NT_030059.13";
    let mut text = String::new();
    for (from, to, value) in [(67_000, 67_657, 0), (67_657, 67_658, 9), (67_658, 69_819, 0), (69_819, 69_820, 7)] {
        text.push_str(&format!("{name}\t{from}\t{to}\t{value}\n"));
    }
    text.push_str(&format!("{name}\t69820\t105338\t0\n"));
    let experiment = opened.write("atac.bedgraph", &text);
    opened.drop(&[experiment]);
    opened.wait("Track atac.bedgraph");
    opened.show("Judge");
    opened.wait("Click the name of one lane");
    opened.click("Lane donor");
    opened.harness.get_by_label("Lane atac.bedgraph").click_modifiers(Modifiers::COMMAND);
    opened.harness.run_steps(3);
    opened.press(Modifiers::SHIFT, Key::J);
    opened.wait("3,500 bases with both");
    opened.wait("lies 5 bp further");
    super::pictures::keep(&mut opened.harness, "related");
}

#[test]
fn models_are_pinned_and_compared() {
    let mut opened = scored_pten(SIZE, 1.0);
    go_to(&mut opened.harness, "69,801-69,840");
    opened.press(Modifiers::NONE, Key::A);
    // A checkpoint of another family, with classes of its own.
    let model = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/parity/dnabert2_classifier");
    opened.drop(&[model]);
    opened.wait("Import dnabert2_classifier");
    opened.click("Import dnabert2_classifier");
    opened.wait("Remove dnabert2_classifier");
    opened.click("Close");
    opened.pick_head("dnabert2_classifier");
    opened.press(Modifiers::COMMAND, Key::Enter);
    opened.wait("Locus 1, A: NT_030059.13:69,801-69,840  ·  Splice");
    opened.wait(" of B − donor of A");
    opened.wait("Difference, at most ");
    super::pictures::keep(&mut opened.harness, "compared_models");
}
