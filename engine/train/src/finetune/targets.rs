//! What a head should answer for a sample, and how much each place counts.

use strandscope_models::card::HeadKind;

use super::samples::Sample;
use crate::recipe::HeadRecipe;

/// Bases to either side of the centre that a base head learns from: further out may be sites nobody labelled.
const LABELLED_BP: usize = 30;

/// Bases to either side of a site that are left out of the loss.
const BESIDE_SITE_BP: usize = 2;

/// Weight of the bases around the centre, beside the two at it.
const AROUND_WEIGHT: f32 = 2.0;

/// Probabilities `[batch, place, label]` and weights `[batch, place]`, flattened.
#[derive(Default)]
pub(super) struct Targets {
    pub(super) probabilities: Vec<f32>,
    pub(super) weights: Vec<f32>,
}

impl Targets {
    /// Targets of samples of equal length, whose tokens lie at `spans`; a batch has `tokens` tokens, padding included.
    pub(super) fn new(
        recipe: &HeadRecipe,
        samples: &[Sample],
        spans: &[Vec<Option<(usize, usize)>>],
        tokens: usize,
    ) -> Self {
        let mut targets = Self::default();
        for (sample, spans) in samples.iter().zip(spans) {
            match recipe.kind {
                HeadKind::Sequence => targets.push(recipe, sample.label, 1.0),
                HeadKind::Base => targets.push_bases(recipe, sample),
                HeadKind::Token => targets.push_tokens(recipe, sample, spans, tokens),
            }
        }
        targets
    }

    #[expect(clippy::cast_possible_truncation, reason = "a share between 0 and 1, rounding to f32 is meant")]
    fn push(&mut self, recipe: &HeadRecipe, label: usize, weight: f32) {
        let smoothing = recipe.schedule.label_smoothing;
        let share = (smoothing / recipe.labels.len() as f64) as f32;
        let of = |other| if other == label { 1.0 - smoothing as f32 + share } else { share };
        self.probabilities.extend((0..recipe.labels.len()).map(of));
        self.weights.push(weight);
    }

    /// The site at the centre, background around it; the bases right beside a site teach nothing.
    fn push_bases(&mut self, recipe: &HeadRecipe, sample: &Sample) {
        let length = sample.sequence.len();
        let site = site(recipe, sample);
        let background = recipe.background().unwrap_or(0);
        let around = length.saturating_sub(1).clamp(1, 2 * LABELLED_BP) as f32;
        for position in 0..length {
            let is_site = Some(position) == site;
            let is_centre = position == length / 2 || position + 1 == length / 2;
            let is_beside = site.is_some_and(|site| !is_site && position.abs_diff(site) <= BESIDE_SITE_BP);
            let weight = if is_beside || position.abs_diff(length / 2) > LABELLED_BP {
                0.0
            } else if is_site || (site.is_none() && is_centre) {
                1.0
            } else {
                AROUND_WEIGHT / around
            };
            self.push(recipe, if is_site { sample.label } else { background }, weight);
        }
    }

    /// The token that covers the site has its label, the others are background.
    fn push_tokens(&mut self, recipe: &HeadRecipe, sample: &Sample, spans: &[Option<(usize, usize)>], tokens: usize) {
        let site = site(recipe, sample);
        let background = recipe.background().unwrap_or(0);
        for token in 0..tokens {
            let span = spans.get(token).copied().flatten();
            let is_site = span.zip(site).is_some_and(|((start, end), site)| (start..end).contains(&site));
            let weight = if span.is_some() { 1.0 } else { 0.0 };
            self.push(recipe, if is_site { sample.label } else { background }, weight);
        }
    }
}

/// The labelled base of a row; `None` where the row is background.
///
/// The site of a row lies between its two middle bases: a donor is the second of them, the first intron base, an
/// acceptor the first, the last intron base.
fn site(recipe: &HeadRecipe, sample: &Sample) -> Option<usize> {
    let label = &recipe.labels[sample.label];
    let first = recipe.left_of_centre.contains(&label.name);
    (!label.background).then(|| (sample.sequence.len() / 2).saturating_sub(usize::from(first)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(kind_of_row: &str, length_bp: usize) -> (HeadRecipe, Targets) {
        let recipe: HeadRecipe =
            toml::from_str(include_str!("../../../../assets/recipes/splice.toml")).expect("the recipe that is shipped");
        let label = recipe.labels.iter().position(|label| label.name == kind_of_row).expect("a label");
        let sample = Sample { unchanged: None, sequence: vec![b'A'; length_bp], label };
        let targets = Targets::new(&recipe, &[sample], &[Vec::new()], 0);
        (recipe, targets)
    }

    #[test]
    fn a_donor_is_right_of_the_centre_and_an_acceptor_left_of_it() {
        for (label, site) in [("donor", 70), ("acceptor", 69)] {
            let (recipe, targets) = targets(label, 140);
            let index = recipe.labels.iter().position(|known| known.name == label).expect("a label");
            let probability = |base: usize, label: usize| targets.probabilities[base * recipe.labels.len() + label];
            let labelled: Vec<usize> = (0..140).filter(|&base| probability(base, index) > 0.5).collect();
            assert_eq!(labelled, [site], "{label}");
            let silent =
                |range: std::ops::RangeInclusive<usize>| targets.weights[range].iter().filter(|w| **w == 0.0).count();
            assert_eq!(targets.weights[site], 1.0, "the site of a {label} counts in full");
            assert_eq!(silent(site - 2..=site + 2), 4, "its neighbours do not");
            assert_eq!(silent(0..=39) + silent(101..=139), 79, "nor what lies far from it");
        }
    }

    #[test]
    fn without_a_site_both_central_bases_count_in_full() {
        let (recipe, targets) = targets("none", 140);
        let background = recipe.background().expect("a background label");
        let labels = recipe.labels.len();
        assert!((0..140).all(|base| targets.probabilities[base * labels + background] > 0.9), "background everywhere");
        let full: Vec<usize> = (0..140).filter(|&base| targets.weights[base] == 1.0).collect();
        assert_eq!(full, [69, 70], "the two at the centre");
    }
}
