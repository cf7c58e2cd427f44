//! Pictures of real work on real data, for eyes; `STRANDSCOPE_PICTURES` names a folder for them.

use std::time::Duration;

use egui::{Key, Modifiers, Theme, pos2};

use super::{
    browse::{Opened, open_in, yeast_in},
    pictures::keep,
    scored::scored_pten,
    stage::go_to,
};

const SIZE: [f32; 2] = [1_400.0, 900.0];

/// Draws the window in a theme, with the pointer over its lanes, when what was asked for in view has come.
fn shoot(opened: &mut Opened, theme: Theme, name: &str) {
    opened.harness.ctx.set_theme(theme);
    let size = opened.harness.ctx.content_rect().size();
    opened.harness.hover_at(pos2(size.x * 0.5, size.y * 0.62));
    for _ in 0..40 {
        opened.harness.step();
        std::thread::sleep(Duration::from_millis(10));
    }
    keep(&mut opened.harness, name);
}

/// Yeast chromosome I with its genes, scored for where it comes from.
fn scored_yeast(size: [f32; 2], scale: f32) -> Opened {
    let mut opened = yeast_in(size, scale);
    opened.score("Where a sequence", "chrI:24,001-54,000");
    opened
}

#[test]
fn yeast_chromosome_with_genes_and_scores() {
    shoot(&mut scored_yeast(SIZE, 1.0), Theme::Light, "scene_yeast_light");
    shoot(&mut scored_yeast([900.0, 600.0], 1.0), Theme::Dark, "scene_yeast_900_dark");
}

#[test]
fn pten_with_features_and_splice_sites() {
    shoot(&mut scored_pten(SIZE, 1.0), Theme::Dark, "scene_pten_dark");
    shoot(&mut scored_pten([1_920.0, 1_080.0], 2.0), Theme::Light, "scene_pten_4k_200_light");
}

#[test]
fn known_sites_judge_the_scores() {
    let mut opened = scored_pten(SIZE, 1.0);
    let name = "NT_030059.13";
    let bed = opened
        .write("donors.bed", &format!("{name}\t67652\t67653\tdonor 4\t0\t+\n{name}\t69814\t69815\tdonor 5\t0\t+\n"));
    opened.drop(&[bed]);
    opened.wait("Features of donors.bed");
    opened.press(Modifiers::NONE, Key::J);
    opened.show("Judge");
    opened.click("donors.bed");
    opened.wait("donor by donors.bed");
    shoot(&mut opened, Theme::Light, "scene_judged_light");
}

#[test]
fn two_heads_are_compared() {
    let mut opened = scored_pten(SIZE, 1.0);
    opened.click("Keep tracks to compare");
    opened.pick_head("Core promoter");
    opened.press(Modifiers::COMMAND, Key::Enter);
    opened.wait("Scored in");
    shoot(&mut opened, Theme::Light, "scene_two_heads_light");
}

#[test]
fn two_loci_both_strands_and_a_band_of_shuffles() {
    let mut opened = scored_pten(SIZE, 1.0);
    go_to(&mut opened.harness, "67,560-67,700");
    opened.press(Modifiers::NONE, Key::D);
    go_to(&mut opened.harness, "69,760-69,900");
    opened.press(Modifiers::COMMAND, Key::Enter);
    opened.wait("Scored in");
    opened.press(Modifiers::NONE, Key::R);
    opened.press(Modifiers::NONE, Key::T);
    shoot(&mut opened, Theme::Dark, "scene_two_loci_dark");
}

#[test]
fn layouts_of_three_kinds_of_work() {
    let mut opened = scored_pten(SIZE, 1.0);
    opened.press(Modifiers::COMMAND, Key::R);
    for (command, name) in
        [("layout clinician", "clinician"), ("layout teacher", "teacher"), ("layout biologist", "biologist")]
    {
        opened.command(command);
        shoot(&mut opened, Theme::Light, &format!("scene_{name}_light"));
    }
}

#[test]
fn a_report_of_bad_rows() {
    let mut opened = yeast_in(SIZE, 1.0);
    let bed = opened.write(
        "bad.bed",
        "chrI\t100\t200\tgood\nchrI\t1e2\t300\tfloat\nchrQ\t5\t9\tnowhere\nchrI 5 9 blanks\nchrI\t900\t400\tbackwards\n",
    );
    opened.drop(&[bed]);
    opened.wait("Features of bad.bed");
    opened.show("Tracks");
    opened.click("4 rows left out");
    shoot(&mut opened, Theme::Light, "scene_bad_rows_light");
}

#[test]
fn an_empty_start() {
    let mut opened = open_in(&[], SIZE, 1.0);
    shoot(&mut opened, Theme::Dark, "scene_empty_dark");
}
