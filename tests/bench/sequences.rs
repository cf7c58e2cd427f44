//! How fast sequences, features and statistics are gone through.
//!
//!     cargo bench --package strandscope-tests --bench sequences

#![expect(clippy::print_stdout, reason = "a benchmark prints what it has measured")]

use std::{hint::black_box, time::Instant};

use strandscope_worker::genome::{
    Annotation, Composition, Hooks, OrfFinder, Pattern, RocCurve, ShuffleRule, StartRule, Strands, base_runs, gc_bins,
    lagged, pearson, read_pasted, reverse_complement, shuffle_bases, spearman,
};

const BASES: usize = 50_000_000;
const MOST_HITS: usize = 10_000_000;

fn main() {
    let bases = bases();
    of_sequences(&bases);
    of_motifs(&bases);
    of_shuffles_and_text(&bases);
    of_statistics(&bases);
    of_features();
}

/// Bases that look random and are the same everywhere.
fn bases() -> Vec<u8> {
    let mut state = 1_u64;
    let mut base = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        b"ACGT"[(state >> 62) as usize]
    };
    (0..BASES).map(|_| base()).collect()
}

/// Tells how many million bases (or values) a second it did.
fn timed<T>(what: &str, count: usize, work: impl FnOnce() -> T) {
    let start = Instant::now();
    black_box(work());
    let seconds = start.elapsed().as_secs_f64();
    println!("{what}: {:.0} M/s, {seconds:.3} s", count as f64 / 1e6 / seconds);
}

fn of_sequences(bases: &[u8]) {
    timed("GC in bins of 1,000", BASES, || gc_bins(bases, 0, 1_000));
    timed("GC in bins of 10", BASES, || gc_bins(bases, 0, 10));
    timed("composition", BASES, || Composition::of(bases));
    timed("runs", BASES, || base_runs(bases, 0));
    timed("reverse complement", BASES, || reverse_complement(bases));
    for start in [StartRule::Atg, StartRule::AnyStartOfCode, StartRule::StopToStop] {
        timed(&format!("frames, {start:?}"), BASES, || OrfFinder { start, ..OrfFinder::default() }.find(bases, 0));
    }
}

fn of_motifs(bases: &[u8]) {
    let longest = "ACGTN".repeat(200);
    let letters = "ACGTR".repeat(12);
    let patterns = ["TATAWR", "TATAWAWR~1", "GGNCCNTTACGN~3", &letters, &format!("{letters}~6"), &longest];
    for text in patterns.into_iter().chain(["/G{3}.{1,7}G{3}.{1,7}G{3}.{1,7}G{3}/", "/A{8,200}/", "/(CAG){5,100}/"]) {
        let pattern = Pattern::parse(text).expect("a pattern");
        let mut hits = 0;
        timed(&format!("{text:.20}"), BASES, || hits = pattern.scan(bases, 0, Strands::Both, MOST_HITS).hits.len());
        println!("  {hits} hits");
    }
    let unlucky = vec![b'A'; 1_000_000];
    let pattern = Pattern::parse("/A{8,200}/").expect("a pattern");
    timed("A{8,200} in A only", unlucky.len(), || pattern.scan(&unlucky, 0, Strands::Both, MOST_HITS));
}

fn of_shuffles_and_text(bases: &[u8]) {
    timed("shuffle of pairs", BASES, || shuffle_bases(bases, ShuffleRule::Pairs, 1));
    timed("shuffle of letters", BASES, || shuffle_bases(bases, ShuffleRule::Letters, 1));
    let text = String::from_utf8(bases.to_vec()).expect("letters");
    timed("pasted", BASES, || read_pasted(&text));
}

fn of_statistics(bases: &[u8]) {
    let values: Vec<f32> = bases.iter().map(|&base| f32::from(base)).collect();
    let labels: Vec<bool> = values.iter().map(|&value| value > 70.0).collect();
    let (a, b) = (&values[..1_000_000], &values[7..1_000_007]);
    timed("Pearson", BASES, || pearson(&values, &values));
    timed("Spearman", a.len(), || spearman(a, b));
    timed("lags of 1,000", a.len(), || lagged(a, b, 1_000));
    let gaps: Vec<f32> = a.iter().enumerate().map(|(at, &value)| if at % 2 == 0 { f32::NAN } else { value }).collect();
    timed("lags of 1,000, every other value missing", a.len(), || lagged(&gaps, b, 1_000));
    let scores: Vec<f32> = (0..5_000_000_u32).map(|at| at.wrapping_mul(2_654_435_761) as f32).collect();
    timed("ROC curve", scores.len(), || RocCurve::of(&scores, &labels[..scores.len()]));
}

fn of_features() {
    const TIMES: u64 = 1_000;
    let mut text = "c\t0\t250000000\tchromosome\n".to_owned();
    for number in 0..200_000_u64 {
        let start = number * 1_200 + number * 7_919 % 900;
        text += &format!("c\t{start}\t{}\tGENE{number}.{}\n", start + 1 + number * 104_729 % 5_000, number * 31 % 97);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("many.bed");
    std::fs::write(&path, text).expect("written");
    let start = Instant::now();
    let annotation = Annotation::open(&path, None, &mut Hooks::default()).expect("opened");
    println!("opened {} features in {:?}", annotation.len(), start.elapsed());
    let time = |what: &str, work: &mut dyn FnMut(u64) -> usize| {
        let start = Instant::now();
        let found: usize = (0..TIMES).map(work).sum();
        println!("{what}: {:?} each, {found} found", start.elapsed() / 1_000);
    };
    time("features of 10 kb", &mut |at| annotation.features("c", at * 240_000, at * 240_000 + 10_000).count());
    time("density of 250 Mb in 2,000 bins", &mut |_| annotation.density("c", 0, 250_000_000, 2_000).len());
    time("search by prefix", &mut |at| annotation.find(&format!("gene{at}"), 20).len());
    time("search within names", &mut |at| annotation.find(&format!("{at}.9"), 20).len());
    time("search for nothing", &mut |at| annotation.find(&format!("x{at}x"), 20).len());
}
