//! The tracks in view as a picture for a publication: PNG, with the figures' origin in its metadata.

mod canvas;
mod draw;
mod png_file;

use std::path::Path;

use strandscope_ui::Figure;
use strandscope_worker::{ErrorKind, JobError};

/// Draws `figure` and writes it to `path`, whole or not at all.
pub(crate) fn save(figure: &Figure, path: &Path, force: bool) -> Result<(), JobError> {
    let picture = draw::picture(figure).map_err(|error| JobError {
        kind: ErrorKind::Runtime,
        message: "the figure cannot be drawn; save the table instead, and please report this".to_owned(),
        causes: vec![error.to_string()],
    })?;
    png_file::write(&picture, &metadata(figure), path, force)
}

/// What stands in the file beside the picture, as `(keyword, text)`.
fn metadata(figure: &Figure) -> Vec<(&'static str, String)> {
    vec![
        ("Title", figure.title.clone()),
        ("Software", concat!("Strandscope ", env!("CARGO_PKG_VERSION")).to_owned()),
        ("Description", figure.subtitle.clone()),
        ("Provenance", figure.provenance.join("\n")),
        ("Disclaimer", "Research use only; not for diagnosis.".to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use strandscope_ui::{FigureColours, FigureStep, FigureTrack};
    use strandscope_worker::genome::Region;

    use super::*;

    fn figure() -> Figure {
        let step = |index: u64| FigureStep {
            start_bp: 100 + index,
            end_bp: 101 + index,
            low: index as f32 / 100.0,
            high: index as f32 / 60.0,
        };
        Figure {
            title: "chr1:101-160".into(),
            subtitle: "ref.fa · splice · built-in".into(),
            region: Region::new("chr1", 100, 160),
            bases: b"ACGTNacgtn".repeat(6),
            tokens: (0..10).map(|token| (100 + token * 6, 106 + token * 6)).collect(),
            tracks: vec![FigureTrack {
                name: "donor".into(),
                unit: "probability".into(),
                colour: [200, 80, 60],
                range: (0.0, 1.0),
                steps: (0..50).map(step).collect(),
                missing: vec![(150, 160, "n_run".into())],
                threshold: Some(0.5),
            }],
            provenance: vec!["program: strandscope 0.1.0".into(), "model: grinder sha256:00".into()],
            colours: FigureColours {
                background: [255, 255, 255],
                text: [20, 20, 20],
                faint: [150, 150, 150],
                missing: [225, 225, 225],
                bases: [[80, 170, 120], [80, 140, 210], [230, 170, 70], [220, 90, 90], [120, 120, 120]],
            },
        }
    }

    #[test]
    fn a_figure_shows_its_track_and_names_its_origin() {
        let picture = draw::picture(&figure()).unwrap();
        let has = |colour: [u8; 3]| picture.rgb.chunks_exact(3).any(|pixel| pixel == colour);
        assert!(has([200, 80, 60]), "the track's colour");
        assert!(has([80, 170, 120]) && has([220, 90, 90]), "colours of letters");
        let folder = std::env::temp_dir().join(format!("strandscope-figure-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("figure.png");
        save(&figure(), &path, false).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let holds = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
        assert!(bytes.starts_with(b"\x89PNG") && holds(b"model: grinder sha256:00"), "metadata");
        assert_eq!(save(&figure(), &path, false).unwrap_err().kind, ErrorKind::Usage, "an existing file is kept");
        assert!(save(&figure(), &path, true).is_ok(), "unless forced");
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn odd_figures_are_drawn_too() {
        let empty = Figure { tracks: Vec::new(), bases: Vec::new(), tokens: Vec::new(), ..figure() };
        assert!(draw::picture(&empty).is_ok(), "no tracks");
        let mut odd = figure();
        odd.region = Region::new("chr1", 0, 3_000_000_000);
        odd.bases.clear();
        odd.tracks[0].range = (0.5, 0.5);
        odd.tracks[0].steps[0].high = f32::NAN;
        odd.subtitle = "long ".repeat(500);
        assert!(draw::picture(&odd).is_ok(), "a whole chromosome, a flat range, not a number");
    }
}
