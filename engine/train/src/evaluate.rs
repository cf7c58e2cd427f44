//! A head on labelled sequences.

use std::collections::BTreeMap;

use strandscope_analysis::{
    between::Between,
    predict::{Prediction, Predictor},
};
use strandscope_models::card::{HeadCard, HeadKind};

use crate::{Progress, Report, TrainError, dataset::Row};

/// Bases of the rows computed at once.
const BATCH_BP: usize = 8192;

/// Probabilities of each row, in the order of the rows.
///
/// A base head is read at `site`, or at the two bases around the centre: of a label the larger value counts,
/// of a background label the smaller one (there is nothing to see only if neither base shows anything), and the
/// values are scaled to sum to 1.
/// A token head is read where its token covers the site.
///
/// # Errors
/// When a row cannot be read by the head, or `report` says to stop.
pub fn probabilities(
    predictor: &Predictor<'_>,
    rows: &[Row],
    site: Option<usize>,
    report: &mut Report<'_>,
) -> Result<Vec<Vec<f32>>, TrainError> {
    let mut by_length: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (number, row) in rows.iter().enumerate() {
        by_length.entry(row.sequence.len()).or_default().push(number);
    }
    let mut found = vec![Vec::new(); rows.len()];
    let mut done = 0;
    for (length, numbers) in by_length {
        check_length(predictor, length, site)?;
        for group in numbers.chunks((BATCH_BP / length.max(1)).max(1)) {
            let sites = site.map_or([length.max(2) / 2 - 1, length / 2], |site| [site, site]);
            let windows: Vec<&[u8]> = group.iter().map(|&number| rows[number].sequence.as_slice()).collect();
            let prediction = match predictor.head.card.context_bp {
                Some(context_bp) => between_contexts(predictor, &windows, sites, context_bp)?,
                None => predictor.predict(&windows)?,
            };
            for ((&number, places), spans) in group.iter().zip(&prediction.values).zip(&prediction.spans) {
                found[number] = match predictor.head.card.kind {
                    HeadKind::Sequence => places[0].clone(),
                    HeadKind::Base => at_site(&predictor.head.card, sites.map(|site| &places[site])),
                    HeadKind::Token => at_site(&predictor.head.card, sites.map(|site| &places[token_at(spans, site)])),
                };
            }
            done += group.len() as u64;
            if !report(Progress { step: done, steps: rows.len() as u64, note: String::new() }) {
                return Err(TrainError::Cancelled);
            }
        }
    }
    Ok(found)
}

/// Answers of a head that reads contexts apart: the stretch around the sites is answered for, what is left of the row on
/// either side is its context.
fn between_contexts(
    predictor: &Predictor<'_>,
    rows: &[&[u8]],
    sites: [usize; 2],
    context_bp: u64,
) -> Result<Prediction, TrainError> {
    let size = |bases: u64| usize::try_from(bases).unwrap_or(usize::MAX);
    let half = size(predictor.head.card.input_length_bp.saturating_sub(2 * context_bp)).div_ceil(2).max(1);
    let mut all = Prediction { values: Vec::new(), spans: Vec::new(), unknown_bp: 0 };
    for row in rows {
        let mut half = half;
        loop {
            let start = sites[1].saturating_sub(half);
            let stretch = start..(sites[1] + half).min(row.len());
            let mut found = predictor.predict_between(&Between::new(row, stretch, size(context_bp)))?;
            for (first, end) in found.spans.iter_mut().flatten().flatten() {
                (*first, *end) = (*first + start, *end + start);
            }
            // A stretch with too many tokens is cut at its end: a shorter one has the sites.
            if half == 1 || found.spans[0].iter().any(|span| covers(span, sites[1])) {
                all.spans.append(&mut found.spans);
                all.values.append(&mut found.values);
                all.unknown_bp += found.unknown_bp;
                break;
            }
            half = half.div_ceil(2);
        }
    }
    Ok(all)
}

fn check_length(predictor: &Predictor<'_>, length: usize, site: Option<usize>) -> Result<(), TrainError> {
    let name = &predictor.head.card.name;
    let refuse = |reason| Err(TrainError::Analysis(strandscope_analysis::AnalysisError::Request(reason)));
    if let Some(fixed) = predictor.head.fixed_length_bp().filter(|fixed| *fixed != length) {
        return refuse(format!("head {name} reads sequences of {fixed} bp, the table has one of {length} bp"));
    }
    match site {
        Some(site) if site >= length => refuse(format!("site offset {site} lies outside a sequence of {length} bp")),
        _ if length == 0 => refuse("the table has a sequence without a base".to_owned()),
        _ => Ok(()),
    }
}

fn token_at(spans: &[Option<(usize, usize)>], site: usize) -> usize {
    spans.iter().position(|span| covers(span, site)).unwrap_or(0)
}

fn covers(span: &Option<(usize, usize)>, site: usize) -> bool {
    span.is_some_and(|(start, end)| (start..end).contains(&site))
}

fn at_site(card: &HeadCard, places: [&Vec<f32>; 2]) -> Vec<f32> {
    let joined = card.labels.iter().zip(places[0].iter().zip(places[1]));
    let values: Vec<f32> = joined.map(|(label, (&a, &b))| if label.background { a.min(b) } else { a.max(b) }).collect();
    let sum: f32 = values.iter().sum();
    values.into_iter().map(|value| value / sum).collect()
}
