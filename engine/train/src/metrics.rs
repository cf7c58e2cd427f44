//! How good answers are, in the figures people compare.
//!
//! All of them are computed from probabilities and true labels on the host, in `f64`.
//! A figure that is not defined for the data (an AUROC without positives) is `None`, `null` in JSON, never 0 or NaN.

use std::cmp::Ordering;

use serde::{Serialize, Serializer};
use strandscope_genome::{ReliabilityBin, reliability};
use strandscope_models::card::CalibrationBin;
use thiserror::Error;

/// Bins of the calibration error.
const BINS: usize = 15;
/// Bins of a reliability curve, each a tenth of the range of probabilities.
const CURVE_BINS: usize = 10;

/// Answers that cannot be judged.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum MetricsError {
    /// Two tables of different length.
    #[error("there are {answers} answers for {labels} labels: give one answer for each row")]
    Count {
        /// Rows of probabilities.
        answers: usize,
        /// True labels.
        labels: usize,
    },
    /// A row that is no answer to the question.
    #[error("answer {row} cannot be judged: {reason}")]
    Row {
        /// Index of the row, 0-based.
        row: usize,
        /// What is wrong with it.
        reason: String,
    },
}

/// How well a classifier did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Classification {
    /// Number of rows.
    pub n: usize,
    /// Share of rows whose most probable label is the true one.
    pub accuracy: Option<f64>,
    /// Matthews correlation; with more than two labels Gorodkin's `R_K`.
    pub mcc: Option<f64>,
    /// F1, averaged over the labels that are true or predicted anywhere.
    pub f1_macro: Option<f64>,
    /// Area under the ROC curve, one label against the rest, averaged over the labels that have one.
    pub auroc: Option<f64>,
    /// Average precision, one label against the rest, averaged over the labels that have one.
    pub auprc: Option<f64>,
    /// Expected calibration error of the most probable label, over 15 equal bins.
    pub ece: Option<f64>,
    /// Each label by itself, in the order of the head.
    #[serde(serialize_with = "as_object")]
    pub per_class: Vec<(String, OneLabel)>,
}

/// How well one label was told from the rest.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OneLabel {
    /// Share of the rows given this label that have it.
    pub precision: Option<f64>,
    /// Share of the rows with this label that were given it.
    pub recall: Option<f64>,
    /// Harmonic mean of the two.
    pub f1: Option<f64>,
    /// Probability that a row with the label gets a higher value than one without; equal values count half.
    pub auroc: Option<f64>,
    /// Average precision over all thresholds.
    pub auprc: Option<f64>,
    /// Rows that have the label.
    pub n: usize,
    /// How often the label held where it was given a probability.
    pub calibration: Vec<CalibrationBin>,
}

/// Judges `probabilities`, one row per example and one column per label, against the true `labels`.
///
/// The label with the highest probability is the answer, the first one of equals.
///
/// # Errors
///
/// When the tables do not fit each other or a probability is no finite number.
pub fn classification(
    probabilities: &[Vec<f32>],
    labels: &[usize],
    names: &[String],
) -> Result<Classification, MetricsError> {
    check(probabilities, labels, names.len())?;
    let answers: Vec<usize> = probabilities.iter().map(|row| argmax(row)).collect();
    let mut confusion = vec![vec![0_usize; names.len()]; names.len()];
    for (&label, &answer) in labels.iter().zip(&answers) {
        confusion[label][answer] += 1;
    }
    let per_class: Vec<_> = names
        .iter()
        .enumerate()
        .map(|(label, name)| (name.clone(), one_label(label, &confusion, probabilities, labels)))
        .collect();
    let average = |value: fn(&OneLabel) -> Option<f64>| mean(per_class.iter().filter_map(|(_, label)| value(label)));
    let right = (0..names.len()).map(|label| confusion[label][label]).sum();
    Ok(Classification {
        n: labels.len(),
        accuracy: ratio(right, labels.len()),
        mcc: correlation(&confusion),
        f1_macro: average(|label| label.f1),
        auroc: average(|label| label.auroc),
        auprc: average(|label| label.auprc),
        ece: calibration_error(probabilities, labels, &answers),
        per_class,
    })
}

fn check(probabilities: &[Vec<f32>], labels: &[usize], names: usize) -> Result<(), MetricsError> {
    if probabilities.len() != labels.len() {
        return Err(MetricsError::Count { answers: probabilities.len(), labels: labels.len() });
    }
    for (row, (values, &label)) in probabilities.iter().zip(labels).enumerate() {
        let reason = if values.len() != names {
            format!("it has {} probabilities for {names} labels", values.len())
        } else if label >= names {
            format!("its true label is number {label}, and there are {names} labels")
        } else if values.iter().any(|value| !value.is_finite()) {
            "a probability is not a finite number".to_owned()
        } else {
            continue;
        };
        return Err(MetricsError::Row { row, reason });
    }
    Ok(())
}

/// Index of the largest value, the first one of equals.
fn argmax(values: &[f32]) -> usize {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = index;
        }
    }
    best
}

fn ratio(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_usize), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}

fn one_label(label: usize, confusion: &[Vec<usize>], probabilities: &[Vec<f32>], labels: &[usize]) -> OneLabel {
    let right = confusion[label][label];
    let answered: usize = confusion.iter().map(|row| row[label]).sum();
    let n = confusion[label].iter().sum();
    let mut ranked: Vec<_> =
        probabilities.iter().zip(labels).map(|(row, &truth)| (row[label], truth == label)).collect();
    ranked.sort_by(|left, right| right.0.partial_cmp(&left.0).unwrap_or(Ordering::Equal));
    let steps = thresholds(&ranked);
    OneLabel {
        precision: ratio(right, answered),
        recall: ratio(right, n),
        f1: ratio(2 * right, answered + n),
        auroc: area_under_roc(&steps),
        auprc: average_precision(&steps),
        n,
        calibration: curve(&ranked),
    }
}

/// Rows by tenths of their probability of the label, `[0, 0.1]`, …, `(0.9, 1]`.
fn curve(ranked: &[(f32, bool)]) -> Vec<CalibrationBin> {
    let (probabilities, has): (Vec<f32>, Vec<bool>) =
        ranked.iter().map(|&(probability, has)| (within(probability), has)).unzip();
    let bins = reliability(&probabilities, &has, CURVE_BINS).map(|found| found.bins).unwrap_or_default();
    let bin = |bin: ReliabilityBin| {
        Some(CalibrationBin { probability: bin.mean_score?, share: bin.positive_share?, n: bin.count })
    };
    bins.into_iter().filter_map(bin).collect()
}

/// Rows with and without the label at or above each threshold, from the highest; equal values are one step.
fn thresholds(ranked: &[(f32, bool)]) -> Vec<(usize, usize)> {
    let mut steps = Vec::new();
    let (mut with, mut without) = (0, 0);
    for (index, &(value, has)) in ranked.iter().enumerate() {
        if has {
            with += 1;
        } else {
            without += 1;
        }
        if ranked.get(index + 1).is_none_or(|next| next.0 != value) {
            steps.push((with, without));
        }
    }
    steps
}

/// Trapezoids between thresholds; not defined when all rows have the label, or none.
fn area_under_roc(steps: &[(usize, usize)]) -> Option<f64> {
    let &(all_with, all_without) = steps.last()?;
    if all_with == 0 || all_without == 0 {
        return None;
    }
    let mut area = 0.0;
    let mut last = (0, 0);
    for &(with, without) in steps {
        area += (without - last.1) as f64 * (with + last.0) as f64 / 2.0;
        last = (with, without);
    }
    Some(area / (all_with as f64 * all_without as f64))
}

/// Precision at each threshold, weighted by the recall it adds; not defined when no row has the label.
fn average_precision(steps: &[(usize, usize)]) -> Option<f64> {
    let &(all_with, _) = steps.last()?;
    if all_with == 0 {
        return None;
    }
    let mut sum = 0.0;
    let mut last = 0;
    for &(with, without) in steps {
        sum += (with - last) as f64 * with as f64 / (with + without) as f64;
        last = with;
    }
    Some(sum / all_with as f64)
}

/// Gorodkin's `R_K` (2004), which for two labels is the Matthews correlation.
///
/// Not defined when all rows have one label or all answers are one label.
fn correlation(confusion: &[Vec<usize>]) -> Option<f64> {
    let sizes = 0..confusion.len();
    let truths: Vec<f64> = confusion.iter().map(|row| row.iter().sum::<usize>() as f64).collect();
    let answers: Vec<f64> =
        sizes.clone().map(|label| confusion.iter().map(|row| row[label]).sum::<usize>() as f64).collect();
    let right: f64 = sizes.map(|label| confusion[label][label] as f64).sum();
    let n: f64 = truths.iter().sum();
    let product = |left: &[f64], right: &[f64]| left.iter().zip(right).map(|(left, right)| left * right).sum::<f64>();
    let spread = (n * n - product(&answers, &answers)) * (n * n - product(&truths, &truths));
    (spread > 0.0).then(|| (right * n - product(&truths, &answers)) / spread.sqrt())
}

/// Mean distance between confidence and accuracy, over bins of confidence `[0, 1/15]`, …, `(14/15, 1]`; `None` without
/// rows.
fn calibration_error(probabilities: &[Vec<f32>], labels: &[usize], answers: &[usize]) -> Option<f64> {
    let confidence: Vec<f32> = probabilities.iter().zip(answers).map(|(row, &answer)| within(row[answer])).collect();
    let right: Vec<bool> = labels.iter().zip(answers).map(|(label, answer)| label == answer).collect();
    reliability(&confidence, &right, BINS).ok().map(|found| found.calibration_error)
}

/// A probability without what rounding has added: graphics processors divide to within a few last digits.
fn within(probability: f32) -> f32 {
    probability.clamp(0.0, 1.0)
}

/// Pairs as a JSON object in their own order.
fn as_object<S: Serializer>(pairs: &[(String, OneLabel)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(name, label)| (name, label)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Vec<String> {
        ["none", "donor", "acceptor"].iter().take(count).map(|&name| name.to_owned()).collect()
    }

    fn near(got: Option<f64>, want: f64, what: &str) {
        let got = got.expect(what);
        assert!((got - want).abs() < 1e-12, "{what}: got {got}, want {want}");
    }

    /// Positives at 0.9, 0.6, 0.6; negatives at 0.8, 0.6, 0.2: one positive is tied with one negative twice over.
    #[test]
    fn two_labels_by_hand() {
        let values = [(0.9, 1), (0.8, 0), (0.6, 1), (0.6, 1), (0.6, 0), (0.2, 0)];
        let probabilities: Vec<_> = values.iter().map(|&(value, _)| vec![1.0 - value, value]).collect();
        let labels: Vec<_> = values.iter().map(|&(_, label)| label).collect();
        let result = classification(&probabilities, &labels, &names(2)).expect("a table");
        // Answers: five times 1, once 0. True positives 3, false positives 2, true negatives 1, false negatives 0.
        near(result.accuracy, 4.0 / 6.0, "accuracy");
        // (3·1 − 2·0) / √(5 · 3 · 3 · 1)
        near(result.mcc, 3.0 / 45.0_f64.sqrt(), "mcc");
        let donor = &result.per_class[1].1;
        near(donor.precision, 3.0 / 5.0, "precision");
        near(donor.recall, 1.0, "recall");
        near(donor.f1, 6.0 / 8.0, "f1");
        near(result.f1_macro, (6.0 / 8.0 + 2.0 / 4.0) / 2.0, "f1_macro");
        // Of 9 pairs: 0.9 beats 3; each 0.6 loses to 0.8, ties with 0.6, beats 0.2: 3 + 1.5 + 1.5.
        near(donor.auroc, 6.0 / 9.0, "auroc");
        // Precision 1/1 adds a third of the recall, 1/2 none, 3/5 two thirds.
        near(donor.auprc, 1.0 / 3.0 + 2.0 / 3.0 * 3.0 / 5.0, "auprc");
        assert_eq!((result.n, donor.n), (6, 3), "counts");
    }

    /// Confusion, rows true: [2 1 0] [0 2 0] [1 0 1].
    #[test]
    fn three_labels_by_hand() {
        let table = [(0, 0), (0, 0), (0, 1), (1, 1), (1, 1), (2, 0), (2, 2)];
        let labels: Vec<_> = table.iter().map(|&(truth, _)| truth).collect();
        let one_hot = |answer: usize| (0..3).map(|label| if label == answer { 1.0 } else { 0.0 }).collect();
        let probabilities: Vec<Vec<f32>> = table.iter().map(|&(_, answer)| one_hot(answer)).collect();
        let result = classification(&probabilities, &labels, &names(3)).expect("a table");
        // c = 5, s = 7, truths 3 2 2, answers 3 3 1: (35 − 17) / √((49 − 19)(49 − 17)).
        near(result.mcc, 18.0 / 960.0_f64.sqrt(), "R_K");
        near(result.f1_macro, (4.0 / 6.0 + 4.0 / 5.0 + 2.0 / 3.0) / 3.0, "f1_macro");
        // All confidence is 1, two of seven are wrong.
        near(result.ece, 2.0 / 7.0, "ece");
    }

    #[test]
    fn calibration_by_hand() {
        // Confidence 0.75 twice, one right: bin error |1.5 − 1|; 0.5 once, right: |0.5 − 1|. Mean over three rows.
        let probabilities = vec![vec![0.75, 0.25], vec![0.75, 0.25], vec![0.5, 0.5]];
        let result = classification(&probabilities, &[0, 1, 0], &names(2)).expect("a table");
        near(result.ece, 1.0 / 3.0, "ece");
    }

    #[test]
    fn reliability_by_hand() {
        // 0.25 once, without; 0.75 four times, three with; 1 once, with. Probabilities that binary numbers have exactly.
        let rows = [(0.25, 0), (0.75, 1), (0.75, 0), (0.75, 1), (0.75, 1), (1.0, 1)];
        let probabilities: Vec<_> = rows.iter().map(|&(value, _)| vec![1.0 - value, value]).collect();
        let labels: Vec<_> = rows.iter().map(|&(_, label)| label).collect();
        let result = classification(&probabilities, &labels, &names(2)).expect("a table");
        let bin = |probability, share, n| CalibrationBin { probability, share, n };
        let donor = &result.per_class[1].1.calibration;
        assert_eq!(*donor, [bin(0.25, 0.0, 1), bin(0.75, 0.75, 4), bin(1.0, 1.0, 1)], "bins of donor");
    }

    #[test]
    fn what_rounding_adds_to_a_probability_is_taken_off() {
        let result = classification(&[vec![1.000_000_1, 0.0]], &[0], &names(2)).expect("a table");
        near(result.ece, 0.0, "ece");
        assert_eq!(result.per_class[0].1.calibration.len(), 1, "it has its bin");
    }

    #[test]
    fn what_is_not_defined_is_null() {
        let result = classification(&[vec![0.9, 0.1, 0.0]], &[0], &names(3)).expect("a table");
        assert_eq!((result.mcc, result.auroc), (None, None), "one row, one label");
        let text = serde_json::to_string(&result).expect("JSON");
        let start = r#"{"n":1,"accuracy":1.0,"mcc":null,"f1_macro":1.0,"auroc":null,"auprc":1.0,"ece":"#;
        assert!(text.starts_with(start), "{text}");
        let absent = r#""acceptor":{"precision":null,"recall":null,"f1":null,"auroc":null,"auprc":null,"n":0,"calibration":[{"probability":0.0,"share":0.0,"n":1}]}}}"#;
        assert!(text.ends_with(absent), "{text}");
        let nothing = classification(&[], &[], &names(2)).expect("an empty table");
        assert_eq!((nothing.n, nothing.accuracy, nothing.ece), (0, None, None), "no rows");
    }

    #[test]
    fn tables_that_do_not_fit_are_refused() {
        let refused =
            |row: Vec<f32>, label| classification(&[row], &[label], &names(2)).expect_err("refused").to_string();
        assert!(refused(vec![0.5], 0).contains("1 probabilities for 2"), "too few");
        assert!(refused(vec![0.5, 0.5], 2).contains("number 2"), "no such label");
        assert!(refused(vec![f32::NAN, 0.5], 0).contains("finite"), "not a number");
        assert!(classification(&[], &[1], &names(2)).is_err(), "no answer");
    }
}
