//! How fast sequences are gone through, to be read by a person:
//! `cargo test --release -p strandscope-genome speed -- --ignored --nocapture --test-threads 1`.

use std::{hint::black_box, time::Instant};

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

use super::*;

const BASES: usize = 50_000_000;

fn bases() -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut bases = vec![0; BASES];
    rng.fill_bytes(&mut bases);
    bases.iter_mut().for_each(|base| *base = b"ACGT"[usize::from(*base % 4)]);
    bases
}

/// Tells how many million bases (or values) a second it did.
fn timed<T>(what: &str, count: usize, work: impl FnOnce() -> T) {
    let start = Instant::now();
    black_box(work());
    let seconds = start.elapsed().as_secs_f64();
    eprintln!("{what}: {:.0} M/s, {seconds:.3} s", count as f64 / 1e6 / seconds);
}

#[test]
#[ignore = "a benchmark, for a person to read"]
fn speed_of_sequences() {
    let bases = bases();
    timed("GC in bins of 1,000", BASES, || gc_bins(&bases, 0, 1_000));
    timed("GC in bins of 10", BASES, || gc_bins(&bases, 0, 10));
    timed("composition", BASES, || Composition::of(&bases));
    timed("runs", BASES, || base_runs(&bases, 0));
    timed("reverse complement", BASES, || reverse_complement(&bases));
    for start in [StartRule::Atg, StartRule::AnyStartOfCode, StartRule::StopToStop] {
        timed(&format!("frames, {start:?}"), BASES, || OrfFinder { start, ..OrfFinder::default() }.find(&bases, 0));
    }
    let longest = "ACGTN".repeat(200);
    let letters = "ACGTR".repeat(12);
    let patterns = ["TATAWR", "TATAWAWR~1", "GGNCCNTTACGN~3", &letters, &format!("{letters}~6"), &longest];
    for text in patterns.into_iter().chain(["/G{3}.{1,7}G{3}.{1,7}G{3}.{1,7}G{3}/", "/A{8,200}/", "/(CAG){5,100}/"]) {
        let pattern = Pattern::parse(text).unwrap();
        let mut hits = 0;
        timed(&format!("{:.20}", text), BASES, || {
            hits = pattern.scan(&bases, 0, Strands::Both, 10_000_000).hits.len();
        });
        eprintln!("  {hits} hits");
    }
    let unlucky = [b'A'; 1_000_000];
    timed("A{8,200} in A only", unlucky.len(), || {
        Pattern::parse("/A{8,200}/").unwrap().scan(&unlucky, 0, Strands::Both, 10_000_000)
    });
}

#[test]
#[ignore = "a benchmark, for a person to read"]
fn speed_of_shuffles_and_statistics() {
    let bases = bases();
    timed("shuffle of pairs", BASES, || shuffle_bases(&bases, ShuffleRule::Pairs, 1));
    timed("shuffle of letters", BASES, || shuffle_bases(&bases, ShuffleRule::Letters, 1));
    let text = String::from_utf8(bases.clone()).unwrap();
    timed("pasted", BASES, || read_pasted(&text));
    let values = bases.iter().map(|&base| f32::from(base)).collect::<Vec<_>>();
    let labels = values.iter().map(|&value| value > 70.0).collect::<Vec<_>>();
    let (a, b) = (&values[..1_000_000], &values[7..1_000_007]);
    timed("Pearson", BASES, || pearson(&values, &values));
    timed("Spearman", a.len(), || spearman(a, b));
    timed("lags of 1,000", a.len(), || lagged(a, b, 1_000));
    let gaps = a.iter().enumerate().map(|(at, &value)| if at % 2 == 0 { f32::NAN } else { value }).collect::<Vec<_>>();
    timed("lags of 1,000, every other value missing", a.len(), || lagged(&gaps, b, 1_000));
    let scores = (0..5_000_000_u32).map(|at| at.wrapping_mul(2_654_435_761) as f32).collect::<Vec<_>>();
    timed("ROC curve", scores.len(), || RocCurve::of(&scores, &labels[..scores.len()]));
}
