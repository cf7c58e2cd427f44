//! Pictures of the window in sizes and looks that must hold, for eyes; `STRANDSCOPE_PICTURES` names a folder for them.

use egui::{Theme, vec2};
use egui_kittest::Harness;

use super::stage::{self, Stage};

fn keep(harness: &mut Harness<'_>, name: &str) {
    let picture = harness.render().expect("an adapter draws");
    assert!(picture.width() > 0, "{name} has pixels");
    if let Some(folder) = std::env::var_os("STRANDSCOPE_PICTURES") {
        picture.save(std::path::Path::new(&folder).join(format!("{name}.png"))).expect("the folder can be written to");
    }
}

#[test]
fn scored_example_in_every_size_and_theme() {
    for (name, size, scale, theme) in [
        ("light_1280", [1_280.0, 800.0], 1.0, Theme::Light),
        ("dark_1280", [1_280.0, 800.0], 1.0, Theme::Dark),
        ("light_900", [900.0, 600.0], 1.0, Theme::Light),
        ("dark_4k_200", [1_920.0, 1_080.0], 2.0, Theme::Dark),
    ] {
        let stage = Stage::default();
        let mut harness = stage::open(&stage, size, scale);
        harness.ctx.set_theme(theme);
        stage.play_scores(1.0);
        harness.run();
        keep(&mut harness, name);
        let at = vec2(size[0] * 0.5, size[1] * 0.55);
        harness.hover_at(at.to_pos2());
        harness.run();
        keep(&mut harness, &format!("{name}_hover"));
    }
}
