//! What a step reads: rows as they stand or varied as the recipe says, in batches of equal length.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use strandscope_genome::reverse_complement;

use crate::{dataset::Row, recipe::HeadRecipe};

/// Shortest length a row is cut to.
const SHORTEST_CROP_BP: usize = 60;

/// One row as a step reads it.
pub(super) struct Sample {
    /// Number of the row where it is read as it stands.
    pub(super) unchanged: Option<usize>,
    pub(super) sequence: Vec<u8>,
    /// Index into the head's labels.
    pub(super) label: usize,
}

/// The rows of an epoch in batches of equal length, in an order of its own.
pub(super) fn batches(recipe: &HeadRecipe, rows: &[Row], epoch: u64) -> Vec<Vec<Sample>> {
    let mut random = ChaCha8Rng::seed_from_u64(recipe.seed.wrapping_mul(1_000_003).wrapping_add(epoch));
    let mut by_length: BTreeMap<usize, Vec<Sample>> = BTreeMap::new();
    for (number, row) in rows.iter().enumerate() {
        let sample = sample(recipe, number, row, &mut random);
        by_length.entry(sample.sequence.len()).or_default().push(sample);
    }
    let mut batches = Vec::new();
    for (length, mut samples) in by_length {
        samples.shuffle(&mut random);
        let rows = (recipe.schedule.batch_bp / length.max(1)).max(1);
        while !samples.is_empty() {
            batches.push(samples.split_off(samples.len().saturating_sub(rows)));
        }
    }
    batches.shuffle(&mut random);
    batches
}

/// A row as it stands, or varied as the recipe says.
fn sample(recipe: &HeadRecipe, number: usize, row: &Row, random: &mut ChaCha8Rng) -> Sample {
    let schedule = &recipe.schedule;
    let draws: [f64; 2] = [random.random(), random.random()];
    let mut sample = Sample { unchanged: Some(number), sequence: row.sequence.clone(), label: row.label };
    if draws[0] < schedule.antisense_share {
        let background = recipe.background().unwrap_or(row.label);
        sample = Sample { unchanged: None, sequence: reverse_complement(&row.sequence), label: background };
    } else if draws[0] < schedule.antisense_share + schedule.other_strand_share {
        sample = Sample { unchanged: None, sequence: reverse_complement(&row.sequence), label: row.label };
    }
    let spare = sample.sequence.len().saturating_sub(SHORTEST_CROP_BP) / 20;
    if draws[1] < schedule.crop_share && spare > 0 {
        // Steps of 20 bp, so that rows of equal length are found for a batch.
        let cut = 10 * random.random_range(1..=spare);
        let kept = cut..sample.sequence.len() - cut;
        sample = Sample { unchanged: None, sequence: sample.sequence[kept].to_vec(), label: sample.label };
    }
    sample
}
