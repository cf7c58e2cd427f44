//! What other programs wrote, against what pyBigWig reads from it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::*;
use crate::{Aliases, BlockKind, Contig, Hooks, Strand};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/signals").join(name)
}

fn expected() -> Value {
    serde_json::from_slice(&std::fs::read(fixture("expected.json")).expect("read")).expect("JSON")
}

fn open(name: &str) -> Signal {
    Signal::open(&fixture(name), None, &mut Hooks::default()).expect(name)
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|number| number.as_f64().unwrap_or(f64::NAN)).collect()
}

/// Contig, first base, end and bins of an expected region.
fn place(region: &Value) -> (&str, u64, u64, usize) {
    let number = |key: &str| region[key].as_u64().expect("a number");
    let bins = region.get("bins").and_then(Value::as_u64).unwrap_or(1);
    (region["contig"].as_str().expect("a name"), number("start"), number("end"), usize::try_from(bins).expect("few"))
}

/// Sums in another order differ in the last bits of single precision.
fn is_near(got: f32, want: f64) -> bool {
    (got.is_nan() && want.is_nan()) || (f64::from(got) - want).abs() <= 2e-6 * want.abs().max(1.0)
}

fn compare(signal: &mut Signal, wanted: &Value, what: &str) {
    for region in wanted["regions"].as_array().expect("regions") {
        let (contig, start_bp, end_bp, count) = place(region);
        let got = signal.exact_summary(contig, start_bp, end_bp, count).expect("a summary");
        let (min, mean, max) = (numbers(&region["min"]), numbers(&region["mean"]), numbers(&region["max"]));
        let coverage = numbers(&region["coverage"]);
        for (index, bin) in got.iter().enumerate() {
            let at = format!("{what} {contig}:{start_bp}-{end_bp} bin {index} of {count}: {bin:?}");
            assert!(is_near(bin.min, min[index]) && is_near(bin.max, max[index]), "extremes, {at}");
            assert!(is_near(bin.mean, mean[index]), "want mean {}, {at}", mean[index]);
            let width_bp = ((end_bp - start_bp) as f64) / count as f64;
            assert!((bin.covered_bp as f64 - coverage[index] * width_bp).abs() <= 1.0, "covered, {at}");
        }
    }
    for (contig, ends) in wanted["ends"].as_object().expect("ends") {
        let length_bp = wanted["contigs"][contig].as_u64().expect("a length");
        for (start_bp, key) in [(0, "first"), (length_bp - 20, "last")] {
            let values = signal.values(contig, start_bp, start_bp + 20).expect("values");
            let want = numbers(&ends[key]);
            let same = values.iter().zip(&want).all(|(got, want)| is_near(*got, *want));
            assert!(same, "{what} {contig} {key}: got {values:?}, want {want:?}");
        }
    }
}

#[test]
fn every_form_of_the_file_has_the_values_that_pybigwig_reads() {
    let expected = expected();
    for name in ["values.bw", "big_endian.bw", "unpacked.bw", "version3.bw", "values.bedgraph"] {
        compare(&mut open(name), &expected["values"], name);
    }
    compare(&mut open("steps.bw"), &expected["steps"], "steps.bw");
}

#[test]
fn wig_has_the_values_of_the_bigwig_file_made_of_it() {
    let (mut wig, mut bigwig) = (open("steps.wig"), open("steps.bw"));
    assert_eq!((wig.kind(), bigwig.kind(), wig.refused_count()), (SignalKind::Wig, SignalKind::BigWig, 0), "kinds");
    for (contig, end_bp) in [("chr1", 300), ("chr2", 3_000)] {
        let (wig, bigwig) = (wig.values(contig, 0, end_bp), bigwig.values(contig, 0, end_bp));
        let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect::<Vec<_>>();
        assert_eq!(bits(wig.expect("values")), bits(bigwig.expect("values")), "{contig}");
    }
}

#[test]
fn bins_made_from_zoom_levels_are_near_those_of_all_values() {
    let mut signal = open("values.bw");
    let reduction_bp = signal.zoom_bp(0, 100_000, 20).expect("wide bins come from a zoom level");
    assert!(u64::from(reduction_bp) * 8 <= 5_000, "eight fit into a bin, {reduction_bp}");
    assert_eq!(signal.zoom_bp(0, 500, 20), None, "narrow ones do not");
    let zoomed = signal.summary("chr1", 0, 100_000, 20).expect("zoomed");
    let exact = signal.exact_summary("chr1", 0, 100_000, 20).expect("exact");
    for (zoomed, exact) in zoomed.iter().zip(&exact) {
        assert!((zoomed.mean - exact.mean).abs() < 0.3, "{zoomed:?} {exact:?}");
        assert!(zoomed.min <= exact.min && zoomed.max >= exact.max, "extremes of all values: {zoomed:?} {exact:?}");
    }
}

#[test]
fn the_extent_is_that_of_the_file() {
    for name in ["values.bw", "unpacked.bw", "big_endian.bw", "values.bedgraph"] {
        let (min, max) = open(name).extent().expect("read").expect("values");
        assert!(is_near(min, -2.990_305_185_317_993) && is_near(max, 8.999_274_253_845_215), "{name}: {min} {max}");
    }
}

#[test]
fn a_track_line_names_and_colours_the_track() {
    let signal = open("values.bedgraph");
    assert_eq!((signal.name(), signal.colour()), (Some("made up"), Some([10, 20, 30])), "as it says");
    assert_eq!(signal.kind(), SignalKind::BedGraph, "kind");
}

#[test]
fn names_and_lengths_are_those_of_the_reference() {
    let contigs = ["2", "1"].map(|name| Contig { name: name.into(), length_bp: 30_000, ..Contig::default() });
    let aliases = Aliases::of(&contigs);
    let mut signal =
        Signal::open(&fixture("values.bw"), Some((&aliases, &contigs)), &mut Hooks::default()).expect("opened");
    assert_eq!(signal.contigs(), contigs, "in the order of the reference");
    assert_eq!(signal.warnings().len(), 2, "chrM is left out, chr1 is longer: {:?}", signal.warnings());
    assert!(signal.values("1", 0, 30_000).is_ok(), "by the name of the reference");
    assert!(signal.values("1", 0, 30_001).is_err() && signal.values("chr1", 0, 1).is_err(), "no base, no name");
    let text = Signal::open(&fixture("values.bedgraph"), Some((&aliases, &contigs)), &mut Hooks::default());
    let text = text.expect("opened");
    let words: Vec<_> = text.refused_rows().iter().map(|row| format!("{:?}", row.status)).collect();
    assert!(words.iter().any(|word| word.contains("unknown_contig")), "chrM");
    assert!(words.iter().any(|word| word.contains("beyond_end")), "the end of chr1");
}

#[test]
fn features_are_those_that_pybigwig_reads() {
    let mut file = BigBed::open(&fixture("features.bb"), None).expect("opened");
    assert_eq!(file.count().expect("read"), 602, "features of the file");
    for region in expected()["features"].as_array().expect("regions") {
        let (contig, start_bp, end_bp, _) = place(region);
        let got = file.features(contig, start_bp, end_bp, usize::MAX).expect("features");
        let want = region["features"].as_array().expect("features");
        let shown = |feature: &crate::Feature| (feature.start_bp, feature.end_bp, feature.name.clone());
        let wanted = |entry: &Value| {
            let rest = entry[2].as_str().expect("text");
            (
                entry[0].as_u64().expect("start"),
                entry[1].as_u64().expect("end"),
                rest.split('\t').next().expect("a name").to_owned(),
            )
        };
        let (got, want): (Vec<_>, Vec<_>) = (got.iter().map(shown).collect(), want.iter().map(wanted).collect());
        assert_eq!(got, want, "{contig}:{start_bp}-{end_bp}");
    }
    assert_eq!(file.features("chr1", 0, 100_000, 7).expect("features").len(), 7, "no more than asked for");
    assert!(file.warnings().is_empty(), "nothing odd: {:?}", file.warnings());
}

#[test]
fn columns_of_a_feature_become_what_they_mean() {
    let mut file = BigBed::open(&fixture("features.bb"), None).expect("opened");
    let found = file.find("t1.1", 1, &mut Hooks::default()).expect("names");
    let (start_bp, end_bp) = (found[0].start_bp, found[0].end_bp);
    assert_eq!((found[0].name.as_str(), found[0].contig.as_str()), ("T1.1", "chr1"), "whatever its case");
    let features = file.features("chr1", start_bp, end_bp, usize::MAX).expect("features");
    let feature = features.iter().find(|feature| feature.name == "T1.1").expect("it is there");
    assert_eq!(feature.attribute("geneName"), Some("GENE0"), "a column behind those of BED");
    assert!(matches!(feature.strand, None | Some(Strand::Forward | Strand::Reverse)), "a strand or none");
    let coding = feature.blocks.iter().find(|block| block.kind == BlockKind::Coding).expect("a coding part");
    assert_eq!(coding.start_bp, start_bp + 10, "where the thick stretch begins");
    assert_eq!(file.find("GENE0", 99, &mut Hooks::default()).expect("names").len(), 6, "of two contigs");
}

#[test]
fn density_counts_the_features_of_each_bin() {
    let mut file = BigBed::open(&fixture("features.bb"), None).expect("opened");
    let density = file.density("chr2", 0, 30_000, 37, &mut Hooks::default()).expect("counts");
    for (index, count) in density.iter().enumerate() {
        let cut = |index: usize| (30_000 * index / 37) as u64;
        let features = file.features("chr2", cut(index), cut(index + 1), usize::MAX).expect("features");
        assert_eq!(*count as usize, features.len(), "bin {index}");
    }
}

#[test]
fn reports_hold_what_is_in_the_file() {
    let bigwig = inspect_signal(&fixture("values.bw"), None, &mut Hooks::default()).expect("read");
    assert_eq!((bigwig.kind.as_str(), bigwig.covered_bp, bigwig.n_contigs), ("bigwig", 104_539, 3), "as pyBigWig says");
    let text = inspect_signal(&fixture("values.bedgraph"), None, &mut Hooks::default()).expect("read");
    assert_eq!((text.kind.as_str(), text.covered_bp, text.mean), ("bedgraph", 104_539, bigwig.mean), "the same");
    let features = inspect_signal(&fixture("features.bb"), None, &mut Hooks::default()).expect("read");
    assert_eq!((features.kind.as_str(), features.n_features), ("bigbed", Some(602)), "features");
    assert!(serde_json::to_string(&features).expect("JSON").contains("\"covered_bp\""), "it can be printed");

    // Of a contig that is shorter in the sequence no more is covered than there is.
    let known = BigBed::open(&fixture("features.bb"), None).expect("opened").contigs().to_vec();
    let short: Vec<Contig> = known.into_iter().map(|contig| Contig { length_bp: 500, ..contig }).collect();
    let aliases = Aliases::default();
    let cut = inspect_signal(&fixture("features.bb"), Some((&aliases, &short)), &mut Hooks::default()).expect("read");
    assert!(cut.contigs.iter().all(|contig| contig.covered_bp <= 500), "{:?}", cut.contigs);
}

#[test]
fn what_is_written_is_read_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("copy.bw");
    let mut source = open("values.bw");
    let contigs = source.contigs().to_vec();
    let mut writer = BigWigWriter::create(&path, false, &contigs).expect("created");
    for contig in &contigs {
        let values = source.values(&contig.name, 0, contig.length_bp).expect("values");
        for (start_bp, value) in (0..).zip(values) {
            writer.push(&contig.name, start_bp, start_bp + 1, value).expect("in order");
        }
    }
    writer.finish().expect("written");
    let mut copy = Signal::open(&path, None, &mut Hooks::default()).expect("opened");
    compare(&mut copy, &expected()["values"], "the copy");
    let bins = copy.summary("chr1", 0, 100_000, 100).expect("zoomed");
    assert!(copy.zoom_bp(0, 100_000, 100).is_some(), "it has zoom levels");
    for (zoomed, exact) in bins.iter().zip(source.exact_summary("chr1", 0, 100_000, 100).expect("exact")) {
        assert!((zoomed.mean - exact.mean).abs() < 0.5, "{zoomed:?} {exact:?}");
    }
}

#[test]
fn values_that_the_format_cannot_hold_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let contigs = ["b", "a"].map(|name| Contig { name: name.into(), length_bp: 100, ..Contig::default() });
    let mut writer = BigWigWriter::create(&folder.path().join("a.bw"), false, &contigs).expect("created");
    writer.push("b", 10, 20, 1.0).expect("the first");
    writer.push("b", 20, 30, f32::NAN).expect("left out");
    for (contig, start_bp, end_bp) in [("b", 19, 21), ("b", 30, 30), ("b", 90, 101), ("c", 0, 1), ("b", 0, 1 << 40)] {
        let error = writer.push(contig, start_bp, end_bp, 1.0).expect_err("refused").to_string();
        assert!(error.contains("a.bw") && error.contains("another format"), "{error}");
    }
    writer.push("a", 0, 5, 2.0).expect("the next contig");
    assert!(writer.push("b", 50, 60, 1.0).is_err(), "it is done");
    let twice = [contigs[0].clone(), contigs[0].clone()];
    assert!(BigWigWriter::create(&folder.path().join("b.bw"), false, &twice).is_err(), "one name, two contigs");
}

#[test]
fn a_file_without_values_is_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("none.bw");
    let contigs: Vec<Contig> =
        (0..70_000).map(|number| Contig { name: format!("c{number}"), length_bp: 9, ..Contig::default() }).collect();
    BigWigWriter::create(&path, false, &contigs).expect("created").finish().expect("written");
    let mut signal = Signal::open(&path, None, &mut Hooks::default()).expect("opened");
    assert_eq!(signal.contigs(), contigs, "in several levels of nodes");
    assert_eq!(signal.extent().expect("read"), None, "no value");
    assert_eq!(signal.summary("c69999", 0, 9, 3).expect("bins")[1].covered_bp, 0, "nothing there");
}
