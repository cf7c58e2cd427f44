//! Statistics against scikit-learn and scipy, and against plain counting.

use proptest::prelude::*;
use serde::Deserialize;

use super::*;

/// Sums of a hundred doubles differ in their last digits by the order of summing.
const TOLERANCE: f64 = 1e-12;

#[derive(Deserialize)]
struct Reference {
    bins: usize,
    precision: f64,
    pairs: Pairs,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Pairs {
    a: Vec<Option<f64>>,
    b: Vec<Option<f64>>,
    pearson: f64,
    spearman: f64,
    lagged: Vec<f64>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    scores: Vec<f64>,
    labels: Vec<bool>,
    auroc: f64,
    auprc: f64,
    points: usize,
    youden: f64,
    f1: f64,
    recall_at_precision: f64,
    mean_scores: Vec<f64>,
    positive_shares: Vec<f64>,
    counts: Vec<u64>,
    calibration_error: f64,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("../../../tests/reference/relate.json")).unwrap()
}

fn assert_close(what: &str, got: f64, want: f64) {
    assert!((got - want).abs() <= TOLERANCE, "{what}: got {got}, want {want}, tolerance {TOLERANCE}");
}

#[test]
fn correlations_are_those_of_scipy() {
    let pairs = reference().pairs;
    let known = |values: &[Option<f64>]| values.iter().map(|value| value.unwrap_or(f64::NAN)).collect::<Vec<_>>();
    let (a, b) = (known(&pairs.a), known(&pairs.b));
    assert_close("pearson", pearson(&a, &b).unwrap(), pairs.pearson);
    assert_close("spearman", spearman(&a, &b).unwrap(), pairs.spearman);
    let lagged = lagged(&a, &b, pairs.lagged.len() / 2);
    assert_eq!(lagged.len(), pairs.lagged.len(), "one for each lag");
    for ((lag, got), want) in lagged.into_iter().zip(pairs.lagged) {
        assert_close(&format!("lag {lag}"), got, want);
    }
}

#[test]
fn curves_are_those_of_scikit_learn() {
    let reference = reference();
    for case in reference.cases {
        let name = &case.name;
        let curve = RocCurve::of(&case.scores, &case.labels).unwrap();
        assert_close(&format!("{name}: AUROC"), curve.auroc, case.auroc);
        assert_close(&format!("{name}: AUPRC"), curve.auprc, case.auprc);
        assert_eq!(curve.points.len(), case.points, "{name}: few points are all kept");
        assert_close(&format!("{name}: J"), curve.best_youden.youden, case.youden);
        assert_close(&format!("{name}: F1"), curve.best_f1.f1, case.f1);
        let recall = curve.at_precision(reference.precision).map_or(0.0, |cut| cut.recall);
        assert_close(&format!("{name}: recall"), recall, case.recall_at_precision);

        let found = reliability(&case.scores, &case.labels, reference.bins).unwrap();
        assert_close(&format!("{name}: ECE"), found.calibration_error, case.calibration_error);
        assert_eq!(found.bins.iter().map(|bin| bin.count).collect::<Vec<_>>(), case.counts, "{name}");
        let filled = found.bins.iter().filter(|bin| bin.count > 0);
        for ((bin, mean), share) in filled.zip(case.mean_scores).zip(case.positive_shares) {
            assert_close(&format!("{name}: mean up to {}", bin.high), bin.mean_score.unwrap(), mean);
            assert_close(&format!("{name}: share up to {}", bin.high), bin.positive_share.unwrap(), share);
        }
    }
}

#[test]
fn what_has_no_answer_has_none() {
    assert_eq!(pearson(&[1.0], &[1.0]), None, "one pair");
    assert_eq!(pearson(&[1.0, 2.0], &[1.0]), None, "lengths differ");
    assert_eq!(spearman(&[1.0, 2.0, 3.0], &[1.0, 2.0]), None, "lengths differ");
    assert_eq!(pearson(&[0.1; 10_000], &(0..10_000).map(f64::from).collect::<Vec<_>>()), None, "constant");
    assert_eq!(pearson(&[f64::INFINITY, 1.0, 2.0], &[1.0, 1.0, 2.0]), Some(1.0), "infinity is no number");
    assert_eq!(lagged(&[1.0, 2.0], &[1.0], 1), []);
    assert!(lagged(&[0.1; 50], &[0.1; 50], 60).iter().all(|(_, value)| value.is_nan()), "constant or too far");
    assert_eq!(lagged::<f32>(&[], &[], 1).len(), 3);

    let lengths = RelateError::Lengths { scores: 1, labels: 0 };
    assert_eq!(RocCurve::of(&[1.0], &[]), Err(lengths));
    assert_eq!(reliability(&[1.0], &[], 3), Err(lengths));
    assert_eq!(
        RocCurve::of(&[0.5, f64::NAN], &[true, false]),
        Err(RelateError::OneClass { positives: 1, negatives: 0 })
    );
    assert_eq!(reliability(&[0.5, 1.5], &[true, true], 3), Err(RelateError::NoProbability { score: 1.5, case: 2 }));
    assert_eq!(reliability(&[f64::NAN], &[true], 3), Err(RelateError::NoScores));
}

#[test]
fn scores_that_are_all_equal_tell_nothing() {
    let curve = RocCurve::of(&[0.5_f32; 5], &[true, false, false, true, false]).unwrap();
    assert_eq!((curve.auroc, curve.auprc), (0.5, 0.4));
    assert_eq!(curve.points.len(), 2, "the two ends");
    assert_eq!((curve.best_youden.youden, curve.best_f1.recall), (0.0, 1.0));
    assert_eq!(curve.at_precision(0.5), None);
    assert_eq!(curve.at_threshold(0.6).true_positives, 0);
    assert_eq!(curve.at_threshold(0.5).false_positives, 3);
}

#[test]
fn long_curves_are_thinned_and_keep_their_ends() {
    let scores = (0..100_000_u32).map(|at| f64::from(at.wrapping_mul(2_654_435_761) >> 8)).collect::<Vec<_>>();
    let labels = (0..100_000).map(|at| at % 3 == 0).collect::<Vec<_>>();
    let curve = RocCurve::of(&scores, &labels).unwrap();
    assert!((100..1_100).contains(&curve.points.len()), "{} points", curve.points.len());
    let (first, last) = (curve.points[0], curve.points[curve.points.len() - 1]);
    assert_eq!((first.true_positive_share, first.false_positive_share, first.precision), (0.0, 0.0, 1.0));
    assert_eq!((last.true_positive_share, last.false_positive_share), (1.0, 1.0));
}

proptest! {
    #[test]
    fn auroc_is_the_share_of_pairs_in_order(cases in prop::collection::vec((0_u8..12, any::<bool>()), 2..60)) {
        let (scores, labels): (Vec<f32>, Vec<bool>) = cases.iter().map(|&(score, label)| (f32::from(score), label)).unzip();
        let Ok(curve) = RocCurve::of(&scores, &labels) else { return Ok(()) };
        let (mut in_order, mut pairs) = (0_u32, 0_u32);
        for (positive, _) in cases.iter().filter(|case| case.1) {
            for (negative, _) in cases.iter().filter(|case| !case.1) {
                in_order += 1 + u32::from(positive > negative) - u32::from(positive < negative);
                pairs += 2;
            }
        }
        prop_assert!((curve.auroc - f64::from(in_order) / f64::from(pairs)).abs() < TOLERANCE);
        for cut in [curve.best_youden, curve.best_f1] {
            prop_assert_eq!(cut, curve.at_threshold(cut.threshold));
        }
        for threshold in 0..12_u8 {
            let cut = curve.at_threshold(f64::from(threshold));
            prop_assert!(cut.youden <= curve.best_youden.youden + TOLERANCE && cut.f1 <= curve.best_f1.f1 + TOLERANCE);
        }
    }

    #[test]
    fn moments_of_parts_are_those_of_the_whole(
        pairs in prop::collection::vec((-1e3_f64..1e3, prop_oneof![5 => -1.0_f64..1.0, 1 => Just(f64::NAN)]), 0..80),
        cut in any::<usize>(),
    ) {
        let (a, b): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
        let cut = cut % (a.len() + 1);
        let (mut whole, mut parts, mut rest) = (Moments::default(), Moments::default(), Moments::default());
        whole.extend(&a, &b);
        a[..cut].iter().zip(&b[..cut]).for_each(|(&a, &b)| parts.push(a, b));
        rest.extend(&a[cut..], &b[cut..]);
        parts.merge(&rest);
        prop_assert_eq!(parts.count, whole.count);
        for (part, whole) in [(parts.pearson(), whole.pearson()), (parts.variance_a(), whole.variance_a()), (parts.variance_b(), whole.variance_b())] {
            let (Some(part), Some(whole)) = (part, whole) else { prop_assert_eq!(part, whole); continue };
            prop_assert!((part - whole).abs() <= 1e-9 * (1.0 + whole.abs()), "{} and {}", part, whole);
        }
    }

    #[test]
    fn lags_are_correlations_of_what_overlaps(
        pairs in prop::collection::vec(
            (prop_oneof![4 => -9.0_f64..9.0, 1 => Just(f64::NAN)], prop_oneof![4 => -9.0_f64..9.0, 1 => Just(f64::NAN)]),
            0..40,
        ),
        most_lag in 0_usize..50,
    ) {
        let (a, b): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        for (lag, got) in lagged(&a, &b, most_lag) {
            let skipped = usize::try_from(lag.abs()).unwrap().min(a.len());
            let (left, right) = (&a[..a.len() - skipped], &b[skipped..]);
            let want = if lag >= 0 { pearson(left, right) } else { pearson(&a[skipped..], &b[..b.len() - skipped]) };
            match want {
                Some(want) => prop_assert!((got - want).abs() < 1e-6, "lag {}: {} and {}", lag, got, want),
                None => prop_assert!(got.is_nan(), "lag {lag}: {got}"),
            }
        }
    }
}
