//! Scores of shuffled bases.

use strandscope_genome::{Region, Strand, Track};

use super::{Tiny, bases, end_of, engine, run, score};
use crate::{ErrorKind, Event, NullBandRequest, NullRule, ScoreRequest, Task};

fn genome(tiny: &Tiny) -> std::path::PathBuf {
    let gap = "N".repeat(60);
    tiny.write("a.fa", format!(">chr1\n{}{gap}{}\n>long\n{}\n", bases(1_500), bases(900), bases(30_000)))
}

fn band(score: ScoreRequest) -> NullBandRequest {
    NullBandRequest { score, shuffles: 20, rule: NullRule::Pairs, seed: 1 }
}

fn labels(tracks: &[Track]) -> Vec<&str> {
    tracks.iter().map(|track| track.label.as_str()).collect()
}

#[test]
fn a_band_lies_behind_each_label() {
    let tiny = Tiny::new();
    let path = genome(&tiny);
    let mut engine = engine(&tiny);
    let region = [Region::new("chr1", 1_000, 1_800)];
    let splice = || score(&tiny, &path, "splice", &region);
    let real = run(&mut engine, Task::Score(splice()));
    let ended = run(&mut engine, Task::NullBand(band(splice())));
    let names =
        ["none", "donor", "acceptor"].map(|label| ["null05", "null50", "null95"].map(|end| format!("{label}.{end}")));
    assert_eq!(labels(&ended.tracks), names.concat(), "three for each label");
    for (at, of_label) in ended.tracks.chunks(3).enumerate() {
        let real = &real.tracks[at];
        for (index, value) in real.values.iter().enumerate() {
            let [low, middle, high] = [0, 1, 2].map(|band: usize| of_label[band].values[index]);
            assert_eq!(value.is_nan(), middle.is_nan(), "base {index}");
            assert!(
                value.is_nan() || (low <= middle && middle <= high && low < high),
                "base {index}: {low}, {middle}, {high}"
            );
        }
        assert_eq!((&of_label[0].region, &of_label[0].missing), (&real.region, &real.missing), "the same places");
    }
    let record = ended.record();
    assert_eq!((record.windows, record.unknown_bp), (20 * real.record().windows, 60), "of all shuffles");
    let told = ended.events.iter().find_map(|event| match event {
        Event::Started { total, unit, .. } if unit == "windows" => Some(*total),
        _ => None,
    });
    assert_eq!(told, Some(record.windows), "as was announced");
    assert!(record.command.ends_with("--null 20 --seed 1"), "{}", record.command);

    let values = |tracks: &[Track]| -> Vec<Vec<u32>> {
        tracks.iter().map(|track| track.values.iter().map(|value| value.to_bits()).collect()).collect()
    };
    let again = run(&mut engine, Task::NullBand(band(splice())));
    assert_eq!(values(&again.tracks), values(&ended.tracks), "the same bits from the same seed");
    for other in
        [NullBandRequest { seed: 99, ..band(splice()) }, NullBandRequest { rule: NullRule::Letters, ..band(splice()) }]
    {
        let other = run(&mut engine, Task::NullBand(other));
        assert_ne!(values(&other.tracks), values(&ended.tracks), "others from another");
    }
}

#[test]
fn strands_and_bins_are_those_of_the_scores() {
    let tiny = Tiny::new();
    let path = genome(&tiny);
    let mut engine = engine(&tiny);
    let both = |head| ScoreRequest { both_strands: true, ..score(&tiny, &path, head, &[Region::new("chr1", 0, 600)]) };
    let splice = run(&mut engine, Task::NullBand(band(both("splice"))));
    let strands: Vec<Strand> = splice.tracks.iter().map(|track| track.strand).collect();
    assert_eq!(strands, [[Strand::Forward; 9], [Strand::Reverse; 9]].concat(), "both of a stranded head");
    let (real, promoter) =
        (run(&mut engine, Task::Score(both("promoter"))), run(&mut engine, Task::NullBand(band(both("promoter")))));
    assert_eq!(labels(&promoter.tracks).len(), 6, "disagreement has no band: {:?}", labels(&promoter.tracks));
    let (real, null) = (&real.tracks[1], &promoter.tracks[4]);
    assert_eq!((&null.layout, &null.missing, null.values.len()), (&real.layout, &real.missing, real.values.len()));
}

#[test]
fn bands_that_say_little_or_take_long_are_refused() {
    let tiny = Tiny::new();
    let path = genome(&tiny);
    let mut engine = engine(&tiny);
    let of = |regions: &[Region]| band(score(&tiny, &path, "splice", regions));
    let one = || of(&[Region::new("chr1", 0, 600)]);
    let mut refused = |request: NullBandRequest, kind: ErrorKind, word: &str| {
        let ended = run(&mut engine, Task::NullBand(request));
        assert!(ended.error().kind == kind && ended.error().message.contains(word), "{:?}", ended.error());
    };
    refused(NullBandRequest { shuffles: 1, ..one() }, ErrorKind::Usage, "2 to 100");
    refused(NullBandRequest { shuffles: 101, ..one() }, ErrorKind::Usage, "2 to 100");
    refused(of(&[]), ErrorKind::Usage, "one region");
    refused(of(&[Region::new("long", 0, 20_001)]), ErrorKind::Usage, "20000 at most");
    refused(of(&[Region::new("chr9", 0, 100)]), ErrorKind::BadInput, "chr9");
    let job = engine.run(Task::NullBand(of(&[Region::new("long", 0, 20_000)])));
    engine.cancel(job);
    assert_eq!(end_of(&engine, job).result, Err(None), "cancelled");
}
