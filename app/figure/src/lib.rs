//! Tracks, maps and links of attention as a picture for a publication: PNG, with the figure's origin in its metadata.

mod canvas;
mod draw;
mod map;
mod png_file;

use strandscope_genome::Region;

pub use canvas::DrawError;

/// An RGB colour.
pub type Rgb = [u8; 3];

/// What is seen, as plain data for whoever draws it.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// The locus, as people write it.
    pub title: String,
    /// File, head and model, one line.
    pub subtitle: String,
    /// What is in view.
    pub region: Region,
    /// The bases in view with their case, where they are known and wide enough to be letters; else empty.
    pub bases: Vec<u8>,
    /// Token boundaries in view, `(start_bp, end_bp)`, where wide enough to be seen; else empty.
    pub tokens: Vec<(u64, u64)>,
    /// The tracks in view, from top to bottom.
    pub tracks: Vec<FigureTrack>,
    /// Attention between bins; maps stand below the tracks.
    pub maps: Vec<FigureMap>,
    /// Links between places; they stand below the tracks.
    pub links: Vec<FigureLinks>,
    /// Where the numbers come from, one line each, for the foot of the figure and the file's metadata.
    pub provenance: Vec<String>,
    /// Colours of everything but the tracks.
    pub colours: FigureColours,
}

/// A track of a figure.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FigureTrack {
    /// What is written beside it.
    pub name: String,
    /// Unit of its values.
    pub unit: String,
    /// Its colour.
    pub colour: Rgb,
    /// The values at its lower and upper edge.
    pub range: (f32, f32),
    /// Values in order; stretches without a value have no step.
    pub steps: Vec<FigureStep>,
    /// Stretches without values, and why.
    pub missing: Vec<(u64, u64, String)>,
    /// A line drawn across it.
    pub threshold: Option<f32>,
}

/// The lowest and the highest value of a stretch; the same where it is a single one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FigureStep {
    /// First base, 0-based.
    pub start_bp: u64,
    /// One past the last base.
    pub end_bp: u64,
    /// Lowest value.
    pub low: f32,
    /// Highest value.
    pub high: f32,
}

/// A square of cells over the region, from both sides.
#[derive(Clone, Debug, PartialEq)]
pub struct FigureMap {
    /// What is written above it.
    pub name: String,
    /// Cells on each side.
    pub bins: usize,
    /// `[row, column]`; cells without a value are NaN.
    pub values: Vec<f32>,
    /// Colour of the largest value.
    pub colour: Rgb,
}

/// Links between places of the region.
#[derive(Clone, Debug, PartialEq)]
pub struct FigureLinks {
    /// What is written beside them.
    pub name: String,
    /// A second line of it.
    pub detail: String,
    /// From, to, and how strong; the strongest first.
    pub links: Vec<(u64, u64, f32)>,
    /// Their colour.
    pub colour: Rgb,
}

/// Colours of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FigureColours {
    /// Behind everything.
    pub background: Rgb,
    /// Text.
    pub text: Rgb,
    /// Text and lines of less weight.
    pub faint: Rgb,
    /// Hatching of stretches without values.
    pub missing: Rgb,
    /// A, C, G, T and any other letter.
    pub bases: [Rgb; 5],
}

/// The colour of attention.
pub const ATTENTION: Rgb = [0x5B, 0x4A, 0x9E];

impl FigureColours {
    /// Dark on white.
    pub const PAPER: Self = Self {
        background: [0xFF; 3],
        text: [0x17, 0x20, 0x2B],
        faint: [0x66, 0x72, 0x84],
        missing: [0xB4, 0xBD, 0xC9],
        bases: [[0x0C, 0xA5, 0x92], [0x0E, 0x39, 0x72], [0xC4, 0x85, 0x1D], [0x6F, 0x02, 0x0D], [0x8A, 0x95, 0xA3]],
    };
}

impl FigureTrack {
    /// Most steps of a track: figures are not wider than this in pixels.
    pub const COLUMNS: u64 = 2_400;
}

/// The figure as a PNG file.
///
/// # Errors
/// When the font or the size of the picture does not do.
pub fn png(figure: &Figure) -> Result<Vec<u8>, DrawError> {
    let picture = draw::picture(figure)?;
    Ok(png_file::encoded(&picture, &metadata(figure))?)
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
            maps: Vec::new(),
            links: Vec::new(),
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
        let bytes = png(&figure()).unwrap();
        let holds = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
        assert!(bytes.starts_with(b"\x89PNG") && holds(b"model: grinder sha256:00"), "metadata");
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

    #[test]
    fn maps_and_links_have_their_colour_where_they_are_strong() {
        let colour = [91, 74, 158];
        let map = FigureMap { name: "layer 0".into(), bins: 2, values: vec![1.0, f32::NAN, 0.0, 0.5], colour };
        let links = FigureLinks { name: "a".into(), detail: "b".into(), links: vec![(110, 150, 0.5)], colour };
        for figure in [
            Figure { tracks: Vec::new(), maps: vec![map.clone()], ..figure() },
            Figure { tracks: Vec::new(), maps: vec![map.clone(), map], ..figure() },
            Figure { tracks: Vec::new(), links: vec![links], ..figure() },
        ] {
            let picture = draw::picture(&figure).unwrap();
            assert!(picture.rgb.chunks_exact(3).any(|pixel| pixel == colour), "{figure:?}");
        }
    }
}
