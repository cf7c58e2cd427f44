//! Hiding tokens: 15 % of them, of which 80 % become the mask, 10 % another token and 10 % stay (Devlin et al. 2019).

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use strandscope_tokens::SpecialIds;

/// Rows of token ids in which some were hidden.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Masked {
    /// Ids as the network reads them, row after row.
    pub(crate) ids: Vec<i64>,
    /// Places that were chosen, counted over all rows.
    pub(crate) places: Vec<i64>,
    /// The true ids at these places.
    pub(crate) answers: Vec<i64>,
}

/// Chooses places among the ids that stand for bases, anew at each call.
pub(crate) fn mask(ids: &[i64], special: &SpecialIds, vocab: usize, share: f64, random: &mut ChaCha8Rng) -> Masked {
    let fixed = [Some(special.unknown), special.cls, special.sep, special.pad, special.mask];
    let first = fixed.iter().flatten().max().map_or(0, |&last| i64::from(last) + 1);
    let hidden = special.mask.unwrap_or(special.unknown);
    let mut masked = Masked { ids: ids.to_vec(), ..Masked::default() };
    for (place, id) in (0..).zip(&mut masked.ids) {
        if *id < first || random.random::<f64>() >= share {
            continue;
        }
        masked.places.push(place);
        masked.answers.push(*id);
        match random.random::<f64>() {
            draw if draw < 0.8 => *id = i64::from(hidden),
            draw if draw < 0.9 => *id = random.random_range(first..i64::try_from(vocab).unwrap_or(i64::MAX)),
            _ => {}
        }
    }
    masked
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    const SPECIAL: SpecialIds = SpecialIds { unknown: 0, cls: Some(1), sep: Some(2), pad: Some(3), mask: Some(4) };

    #[test]
    fn special_tokens_are_never_hidden_and_answers_are_true() {
        let ids: Vec<i64> = (0..20_000).map(|place| if place % 10 == 0 { 1 } else { 5 + place % 50 }).collect();
        let masked = mask(&ids, &SPECIAL, 64, 0.15, &mut ChaCha8Rng::seed_from_u64(1));
        assert!((2_500..2_900).contains(&masked.places.len()), "15 % of 18,000, got {}", masked.places.len());
        for (&place, &answer) in masked.places.iter().zip(&masked.answers) {
            let place = usize::try_from(place).expect("a place");
            assert_eq!(ids[place], answer);
            assert_ne!(answer, 1, "special tokens stay");
        }
    }
}
