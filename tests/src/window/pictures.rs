//! Pictures of the window in sizes, looks and states that must hold, for eyes; `STRANDSCOPE_PICTURES` names a folder
//! for them.

use egui::{Modifiers, Theme, accesskit::Role, pos2};
use egui_kittest::{Harness, kittest::Queryable};
use strandscope_ui::Start;
use strandscope_worker::{ErrorKind, Event, JobError};

use super::stage::{self, Bare, Stage};

const SIZE: [f32; 2] = [1_280.0, 800.0];

pub(crate) fn keep(harness: &mut Harness<'_, Bare>, name: &str) {
    let picture = harness.render().expect("an adapter draws");
    assert!(picture.width() > 0, "{name} has pixels");
    if let Some(folder) = std::env::var_os("STRANDSCOPE_PICTURES") {
        picture.save(std::path::Path::new(&folder).join(format!("{name}.png"))).expect("the folder can be written to");
    }
}

fn scored(size: [f32; 2], scale: f32, theme: Theme) -> (Stage, Harness<'static, Bare>) {
    let stage = Stage::default();
    let mut harness = stage::open(&stage, size, scale);
    harness.ctx.set_theme(theme);
    stage.play_scores(100);
    harness.run();
    (stage, harness)
}

#[test]
fn scored_example_in_every_size_and_theme() {
    for (name, size, scale, theme) in [
        ("light_1280", SIZE, 1.0, Theme::Light),
        ("dark_1280", SIZE, 1.0, Theme::Dark),
        ("light_900", [900.0, 600.0], 1.0, Theme::Light),
        ("dark_4k_200", [1_920.0, 1_080.0], 2.0, Theme::Dark),
        ("light_4k", [3_840.0, 2_160.0], 1.0, Theme::Light),
    ] {
        let (_, mut harness) = scored(size, scale, theme);
        harness.hover_at(pos2(size[0] * 0.5, size[1] * 0.55));
        harness.run();
        keep(&mut harness, name);
    }
}

#[test]
fn letters_when_near() {
    for theme in [Theme::Light, Theme::Dark] {
        let (_, mut harness) = scored(SIZE, 1.0, theme);
        for _ in 0..6 {
            harness.key_press(egui::Key::Plus);
        }
        harness.run();
        harness.hover_at(pos2(500.0, 300.0));
        harness.run();
        keep(&mut harness, &format!("letters_{theme:?}"));
    }
}

#[test]
fn whole_record_while_it_is_scored() {
    let (stage, mut harness) = scored(SIZE, 1.0, Theme::Light);
    harness.get_by_label("Reverse strand too").click();
    harness.run();
    harness.key_press_modifiers(Modifiers::SHIFT, egui::Key::Z);
    harness.get_by_label("Cancel").click();
    harness.run();
    stage.post(Event::Cancelled { job: stage.score_jobs().last().expect("scoring").0 });
    harness.key_press_modifiers(Modifiers::COMMAND, egui::Key::Enter);
    harness.run();
    stage.play_scores(60);
    harness.run();
    keep(&mut harness, "record_running");
}

#[test]
fn nothing_open_and_nothing_that_can_be_opened() {
    for theme in [Theme::Light, Theme::Dark] {
        let stage = Stage::default();
        let start = Start { files: vec!["/data/broken.fa".into()], examples: vec![stage::example()] };
        let mut harness = stage::open_with(&stage, SIZE, 1.0, start);
        harness.ctx.set_theme(theme);
        stage.post(Event::Failed { job: stage.opening_job(), error: broken() });
        harness.run();
        keep(&mut harness, &format!("broken_{theme:?}"));
        harness.get_by_label("Close the message").click();
        harness.run();
        keep(&mut harness, &format!("empty_{theme:?}"));
    }
}

fn broken() -> JobError {
    JobError {
        kind: ErrorKind::BadInput,
        message:
            "/data/broken.fa cannot be read as FASTA: record chr2 has an unknown letter 'J' at 1,204. Use A, C, G, \
                  T, N or IUPAC codes."
                .into(),
        causes: vec!["line 22 holds 'ACGTJJA'".into()],
    }
}

#[test]
fn dialogs_and_menus() {
    let (_, mut harness) = scored(SIZE, 1.0, Theme::Light);
    harness.key_press(egui::Key::F1);
    harness.run();
    keep(&mut harness, "shortcuts");
    harness.key_press(egui::Key::Escape);
    harness.run();
    harness.key_press_modifiers(Modifiers::COMMAND, egui::Key::S);
    harness.run();
    keep(&mut harness, "save_path");
    harness.key_press(egui::Key::Escape);
    harness.run();
    for (role, label, name) in [
        (Role::Button, "Save what is seen", "save_menu"),
        (Role::Button, "Appearance", "view_menu"),
        (Role::Button, "1 warning", "warnings"),
        (Role::ComboBox, "Head", "heads"),
    ] {
        harness.get_by_role_and_label(role, label).click();
        harness.run();
        keep(&mut harness, name);
        harness.key_press(egui::Key::Escape);
        harness.run();
    }
}

#[test]
fn a_card_that_is_edited() {
    for (name, size, theme) in [
        ("card_light_1280", SIZE, Theme::Light),
        ("card_dark_1280", SIZE, Theme::Dark),
        ("card_light_900", [900.0, 600.0], Theme::Light),
        ("card_dark_900", [900.0, 600.0], Theme::Dark),
    ] {
        let (stage, mut harness) = scored(size, 1.0, theme);
        super::cards::edit(&mut harness);
        super::cards::fill(&mut harness, "Name of label 2", "gain/loss");
        keep(&mut harness, name);
        super::cards::fill(&mut harness, "Name of label 2", "gain");
        super::cards::refuse(&stage, &mut harness);
        harness.key_press(egui::Key::Escape);
        harness.run();
        keep(&mut harness, &format!("{name}_refused"));
    }
}

#[test]
fn a_place_that_does_not_exist() {
    let (_, mut harness) = scored(SIZE, 1.0, Theme::Dark);
    stage::go_to(&mut harness, "chr99:5-10");
    keep(&mut harness, "no_such_place");
}
