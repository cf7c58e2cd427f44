//! Tables of attention, 1-based.

use std::fmt::Write as _;

use strandscope_worker::{
    AttentionMap, AttentionPairs,
    genome::{Track, tsv_cell},
};

use super::Name;

/// The head of a table of tracks.
pub(super) const TRACKS: &str = "contig\tstart\tend\tlayer\thead\tvalue";

/// The head of a table of pairs.
pub(super) const PAIRS: &str = "contig\tstart\tend\tpartner_start\tpartner_end\tlayer\thead\tvalue";

/// One row for each token.
pub(super) fn of_track(name: &Name, track: &Track) -> String {
    let contig = tsv_cell(&track.region.contig);
    let Name { layer, head, .. } = name;
    let mut text = String::new();
    for (index, value) in track.values.iter().enumerate() {
        let (start_bp, end_bp) = track.span_of(index);
        let _ = write!(text, "{contig}\t{}\t{end_bp}\t{layer}\t{head}\t", start_bp + 1);
        end(&mut text, *value);
    }
    text
}

/// One row for each cell or partner.
pub(super) fn of_pairs(name: &Name, contig: &str, pairs: &AttentionPairs) -> String {
    let contig = tsv_cell(contig);
    let Name { layer, head, .. } = name;
    let mut text = String::new();
    match pairs {
        AttentionPairs::Map(AttentionMap { edges_bp, values }) => {
            let bins = edges_bp.len().saturating_sub(1).max(1);
            for (place, value) in values.iter().enumerate() {
                let [query, key] = [place / bins, place % bins].map(|bin| (edges_bp[bin] + 1, edges_bp[bin + 1]));
                let _ = write!(text, "{contig}\t{}\t{}\t{}\t{}\t{layer}\t{head}\t", query.0, query.1, key.0, key.1);
                end(&mut text, *value);
            }
        }
        AttentionPairs::Partners(partners) => {
            for partner in partners {
                let (start, end_bp) = partner.span_bp;
                let _ = write!(text, "{contig}\t{}\t{end_bp}\t", start + 1);
                let _ = match partner.partner_bp {
                    Some((start, end)) => write!(text, "{}\t{end}", start + 1),
                    // A token before or behind the sequence.
                    None => write!(text, ".\t."),
                };
                let _ = write!(text, "\t{layer}\t{head}\t");
                end(&mut text, partner.weight);
            }
        }
    }
    text
}

/// The value and the end of a row; a dot where it is missing.
fn end(text: &mut String, value: f32) {
    let _ = if value.is_finite() { writeln!(text, "{value}") } else { writeln!(text, ".") };
}

#[cfg(test)]
mod tests {
    use strandscope_worker::{
        Partner,
        genome::{Region, Strand, TrackLayout},
    };

    use super::*;

    fn name() -> Name {
        Name::parse("received:3:mean").unwrap()
    }

    #[test]
    fn rows_name_layer_and_head_and_missing_values_are_dots() {
        let track = Track {
            name: String::new(),
            label: String::new(),
            unit: String::new(),
            region: Region::new("chr1", 10, 20),
            strand: Strand::Forward,
            layout: TrackLayout::Spans(vec![(10, 16), (16, 20)]),
            values: vec![0.5, f32::NAN],
            missing: Vec::new(),
        };
        assert_eq!(of_track(&name(), &track), "chr1\t11\t16\t3\tmean\t0.5\nchr1\t17\t20\t3\tmean\t.\n", "table");
    }

    #[test]
    fn cells_and_partners_name_both_places() {
        let map = AttentionMap { edges_bp: vec![10, 15, 20], values: vec![0.5, f32::NAN, 0.0, 1.0] };
        let text = of_pairs(&name(), "chr1", &AttentionPairs::Map(map));
        assert_eq!(text.lines().nth(1).unwrap(), "chr1\t11\t15\t16\t20\t3\tmean\t.", "{text}");
        let partner = |partner_bp| Partner { span_bp: (10, 16), partner_bp, weight: 0.25 };
        let partners = vec![partner(Some((16, 20))), partner(None)];
        let text = of_pairs(&name(), "chr1", &AttentionPairs::Partners(partners));
        assert_eq!(text, "chr1\t11\t16\t17\t20\t3\tmean\t0.25\nchr1\t11\t16\t.\t.\t3\tmean\t0.25\n", "partners");
    }
}
