//! Where attention goes.

use std::sync::{Arc, atomic::AtomicBool};

use burn::tensor::Device;
use strandscope_analysis::{
    AnalysisError,
    attention::{AttentionHost, AttentionPlan, Part, attention as follow},
    host::ReadHost,
};
use strandscope_genome::{Region, Track};
use strandscope_kernels::{Conduct, KernelError, Watch};
use strandscope_models::{folder::Folder, model::Model};

use super::{Ended, Tiny, engine, genome, run};
use crate::{
    AttentionMap, AttentionPairs, AttentionRequest, AttentionStat, ErrorKind, Event, MapPool, Partner, Pick, Task,
    WindowChoice,
};

fn attention(tiny: &Tiny, region: &Region) -> AttentionRequest {
    AttentionRequest {
        genome: genome(tiny),
        region: region.clone(),
        model: Some(tiny.name("model")),
        stat: AttentionStat::Received,
        layer: Pick::All,
        attention_head: Pick::Mean,
        window: WindowChoice::Trained,
    }
}

#[test]
fn attention_counts_unknown_bases_once_whatever_the_windows() {
    let tiny = Tiny::new();
    let region = Region::new("chr1", 1_000, 2_000);
    for window in [WindowChoice::Tokens(40), WindowChoice::Whole, WindowChoice::Tokens(u64::MAX / 5)] {
        let request = AttentionRequest { window, ..attention(&tiny, &region) };
        let ended = run(&mut engine(&tiny), Task::Attention(request));
        assert_eq!(ended.record().unknown_bp, 60, "{window:?}");
        let is_told = |event: &Event| matches!(event, Event::Warning { message, .. } if message.contains("60 bases"));
        assert_eq!(ended.events.iter().filter(|event| is_told(event)).count(), 1, "{window:?}");
    }
}

#[test]
fn attention_given_is_attention_received() {
    let tiny = Tiny::new();
    let region = Region::new("chr1", 200, 500);
    let request = attention(&tiny, &region);
    let mut engine = engine(&tiny);
    let ended = run(&mut engine, Task::Attention(request.clone()));
    let labels: Vec<&str> = ended.tracks.iter().map(|track| track.label.as_str()).collect();
    assert_eq!(labels, ["received:0:mean", "received:1:mean"]);
    for track in &ended.tracks {
        // Each token gives 1 in all; the two special tokens keep a part for themselves.
        let (sum, tokens) = (track.values.iter().sum::<f32>(), track.values.len() as f32);
        assert!(track.region == region && sum > 0.5 * tokens && sum < tokens + 2.0, "{sum} of {tokens}");
    }
    let ended = run(&mut engine, Task::Attention(AttentionRequest { layer: Pick::One(2), ..request }));
    assert_eq!(ended.error().kind, ErrorKind::Usage, "layers count from 0");
}

/// The only track of a statistic over a region that is read at once, averaged over layers and attention heads.
fn told(tiny: &Tiny, stat: AttentionStat) -> Ended {
    let region = Region::new("chr1", 200, 500);
    let request = AttentionRequest { stat, layer: Pick::Mean, ..attention(tiny, &region) };
    run(&mut engine(tiny), Task::Attention(request))
}

fn track(tiny: &Tiny, stat: AttentionStat) -> Track {
    let mut ended = told(tiny, stat);
    assert_eq!(ended.tracks.len(), 1, "{stat:?}: {:?}", ended.result);
    ended.tracks.remove(0)
}

fn pairs(tiny: &Tiny, stat: AttentionStat) -> AttentionPairs {
    let found = told(tiny, stat).events.into_iter().find_map(|event| match event {
        Event::Pairs { number: 0, pairs, .. } => Some(pairs),
        _ => None,
    });
    found.expect("pairs")
}

#[test]
fn what_one_token_gives_is_at_most_one() {
    let tiny = Tiny::new();
    for stat in [
        AttentionStat::Cls,
        AttentionStat::Row { position_bp: 333 },
        AttentionStat::Rollout { position_bp: Some(333) },
        AttentionStat::Rollout { position_bp: None },
    ] {
        let track = track(&tiny, stat);
        let sum: f32 = track.values.iter().sum();
        assert!(sum > 0.2 && sum < 1.0001 && track.values.iter().all(|value| *value >= 0.0), "{stat:?}: {sum}");
    }
    // Half of each layer's step stays where it is: most of a rollout lies on its own token.
    let rollout = track(&tiny, AttentionStat::Rollout { position_bp: Some(333) });
    let own = rollout.value_at(333).expect("a value");
    assert!(own > 0.2 && rollout.values.iter().all(|value| *value <= own), "{own} of {:?}", rollout.values);
}

#[test]
fn entropy_and_distance_stay_within_their_bounds() {
    let tiny = Tiny::new();
    let tokens = track(&tiny, AttentionStat::Received).values.len() as f32 + 2.0;
    for (stat, most) in [(AttentionStat::Entropy, tokens.ln()), (AttentionStat::Distance, tokens)] {
        let values = track(&tiny, stat).values;
        assert!(values.iter().all(|value| *value > 0.0 && *value < most), "{stat:?}: {values:?}");
    }
}

#[test]
fn a_map_adds_up_to_what_tokens_give() {
    let tiny = Tiny::new();
    let received: f32 = track(&tiny, AttentionStat::Received).values.iter().sum();
    let map = |pool| match pairs(&tiny, AttentionStat::Map { bins: 7, pool }) {
        AttentionPairs::Map(map) => map,
        other @ AttentionPairs::Partners(_) => panic!("{other:?}"),
    };
    let AttentionMap { edges_bp, values } = map(MapPool::Sum);
    assert_eq!((edges_bp.len(), edges_bp[0], edges_bp[7], values.len()), (8, 200, 500, 49));
    // What the two special tokens give is received, and no part of the map.
    let sum: f32 = values.iter().sum();
    assert!(sum <= received && sum > received - 2.0, "{sum} of {received}");
    let (mean, max) = (map(MapPool::Mean).values, map(MapPool::Max).values);
    assert!(mean.iter().zip(&max).zip(&values).all(|((mean, max), sum)| mean <= max && max <= sum), "{mean:?} {max:?}");
}

#[test]
fn partners_come_the_strongest_first() {
    let tiny = Tiny::new();
    let AttentionPairs::Partners(partners) = pairs(&tiny, AttentionStat::Top { places: 3 }) else { panic!("a map") };
    let tokens = track(&tiny, AttentionStat::Received).values.len();
    assert_eq!(partners.len(), 3 * tokens, "three for each token");
    for of_token in partners.chunks(3) {
        let weights: Vec<f32> = of_token.iter().map(|Partner { weight, .. }| *weight).collect();
        assert!(weights.is_sorted_by(|a, b| a >= b) && weights[2] > 0.0, "{weights:?}");
        assert!(of_token.iter().all(|partner| partner.span_bp == of_token[0].span_bp), "{of_token:?}");
    }
    // The strongest partner is the largest value of the row.
    let row = track(&tiny, AttentionStat::Row { position_bp: 333 });
    let of_row = partners.iter().find(|partner| (partner.span_bp.0..partner.span_bp.1).contains(&333));
    let best = of_row.filter(|partner| partner.partner_bp.is_some());
    let largest = row.values.iter().copied().fold(0.0, f32::max);
    assert!(best.is_none_or(|best| (best.weight - largest).abs() < 1e-5), "{best:?}, {largest}");
}

#[test]
fn what_cannot_be_told_across_windows_is_refused() {
    let tiny = Tiny::new();
    let region = Region::new("chr1", 0, 1_400);
    for (stat, part) in [
        (AttentionStat::Row { position_bp: 700 }, "--window-tokens whole"),
        (AttentionStat::Map { bins: 10, pool: MapPool::Mean }, "--window-tokens whole"),
    ] {
        let request = AttentionRequest { stat, window: WindowChoice::Tokens(40), ..attention(&tiny, &region) };
        let ended = run(&mut engine(&tiny), Task::Attention(request));
        assert_eq!(ended.error().kind, ErrorKind::Usage, "{stat:?}");
        assert!(ended.error().message.contains(part), "{:?}", ended.error());
    }
    for (stat, layer, part) in [
        (AttentionStat::Row { position_bp: 5_000 }, Pick::Mean, "5001"),
        (AttentionStat::Rollout { position_bp: None }, Pick::All, "rollout"),
    ] {
        let whole = WindowChoice::Whole;
        let ended = run(
            &mut engine(&tiny),
            Task::Attention(AttentionRequest { stat, layer, window: whole, ..attention(&tiny, &region) }),
        );
        assert!(ended.error().message.contains(part), "{stat:?}: {:?}", ended.error());
    }
}

/// Reads bases without end; nothing is to reach it.
struct Nobody;

impl ReadHost for Nobody {
    fn bases(&mut self, range: std::ops::Range<u64>) -> Result<Vec<u8>, AnalysisError> {
        Ok((range.start..range.end).map(|position| b"ACGGT"[(position % 5) as usize]).collect())
    }

    fn done(&mut self, _bases: u64) -> Result<(), AnalysisError> {
        Ok(())
    }

    fn on_processor(&mut self, fault: KernelError) -> Result<Model, AnalysisError> {
        Err(fault.into())
    }
}

impl AttentionHost for Nobody {
    fn part(&mut self, _number: usize, _part: Part) {
        panic!("a stopped pass has nothing to tell");
    }
}

#[test]
fn a_pass_that_was_stopped_tells_nothing() {
    let tiny = Tiny::new();
    let model = Model::load(&Folder::Disk(tiny.path("model")), &Device::flex()).expect("the tiny model");
    let tokenizer = model.tokenizer().expect("its tokenizer");
    let watch = Watch::new(Arc::new(AtomicBool::new(true)));
    let conduct = Conduct { watch, ..Conduct::default() };
    let map = AttentionStat::Map { bins: 4, pool: MapPool::Mean };
    let asked = [AttentionStat::Received, AttentionStat::Entropy, map, AttentionStat::Top { places: 2 }];
    for stat in asked.into_iter().chain([AttentionStat::Rollout { position_bp: Some(7) }]) {
        let (layer, attention_head) = (Pick::Mean, Pick::Mean);
        let region = Region::new("chr1", 0, 60);
        let plan = AttentionPlan { region, contig_bp: 60, window_bp: 60, stat, layer, attention_head };
        let ended = follow(&model, &tokenizer, &plan, &conduct, &mut Nobody);
        assert!(matches!(ended, Err(AnalysisError::Cancelled)), "{stat:?}: {ended:?}");
    }
}
