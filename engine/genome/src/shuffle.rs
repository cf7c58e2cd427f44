//! Random sequences with the composition of a given one: what chance alone would give.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

use crate::iupac::{ANY_BASE, mask_of};

/// What a shuffle keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ShuffleRule {
    /// How often each letter occurs.
    Letters,
    /// How often each pair of neighbours occurs too, which keeps `CG` rare where it was rare.
    #[default]
    Pairs,
}

/// Shuffles bases; the same seed gives the same result.
///
/// Some things stay in their places: each `N`, and each letter that is no nucleotide code. What lies between two of
/// them is shuffled by itself. Which positions are in lower case stays as it is, too: letters of either case count as
/// the same, and take the case of the place they come to. Other IUPAC codes are letters like the four bases.
///
/// With [`ShuffleRule::Pairs`] the first and the last letter of each such stretch stay, as they must, so that pairs
/// with the `N` beside them are kept as well. All sequences with the same counts are equally likely (Altschul and
/// Erickson, 1985: a random Eulerian path, whose last edges form a random tree, drawn as in Wilson, 1996).
///
/// ```
/// use strandscope_genome::{ShuffleRule, shuffle_bases};
///
/// let shuffled = shuffle_bases(b"ACGTTGCAacgtNNGGC", ShuffleRule::Pairs, 7);
/// assert_eq!(shuffled.len(), 17);
/// assert_eq!(&shuffled[12..14], b"NN");
/// assert!(shuffled[8..12].iter().all(u8::is_ascii_lowercase));
/// assert_eq!(shuffled, shuffle_bases(b"ACGTTGCAacgtNNGGC", ShuffleRule::Pairs, 7));
/// ```
pub fn shuffle_bases(bases: &[u8], rule: ShuffleRule, seed: u64) -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut shuffled = bases.to_ascii_uppercase();
    for stretch in shuffled.split_mut(|&base| matches!(mask_of(base), 0 | ANY_BASE)) {
        match rule {
            ShuffleRule::Letters => shuffle(stretch, &mut rng),
            ShuffleRule::Pairs => shuffle_pairs(stretch, &mut rng),
        }
    }
    for (base, before) in shuffled.iter_mut().zip(bases) {
        if before.is_ascii_lowercase() {
            base.make_ascii_lowercase();
        } else if !before.is_ascii_uppercase() {
            *base = *before;
        }
    }
    shuffled
}

/// A number below `limit`, all equally likely (Lemire, 2019); 0 if `limit` is.
fn below(limit: usize, rng: &mut ChaCha8Rng) -> usize {
    let limit = limit as u64;
    loop {
        let product = u128::from(rng.next_u64()) * u128::from(limit);
        // The lower half tells whether the draw is among those that would favour some numbers.
        let low = product & u128::from(u64::MAX);
        if low >= u128::from(limit.wrapping_neg().checked_rem(limit).unwrap_or(0)) {
            // Below `limit`, which was a `usize`.
            return usize::try_from(product >> 64).unwrap_or(0);
        }
    }
}

/// Every order equally likely (Fisher and Yates).
fn shuffle(letters: &mut [u8], rng: &mut ChaCha8Rng) {
    for at in (1..letters.len()).rev() {
        letters.swap(at, below(at + 1, rng));
    }
}

/// A random sequence with the same pairs of neighbours.
fn shuffle_pairs(letters: &mut [u8], rng: &mut ChaCha8Rng) {
    let &mut [first, .., last] = letters else { return };
    let mut followers = Followers::of(letters);
    let tree = followers.random_tree(last, rng);
    for letter in 0..=u8::MAX {
        let follow = followers.of_letter(letter);
        let Some((end, others)) = follow.split_last_mut() else { continue };
        if letter == last {
            shuffle(follow, rng);
            continue;
        }
        // The tree's edge is walked last, so that the path can always go on and ends where it should.
        let exit = tree[usize::from(letter)];
        if *end != exit
            && let Some(found) = others.iter_mut().find(|other| **other == exit)
        {
            std::mem::swap(end, found);
        }
        shuffle(others, rng);
    }
    let mut next = followers.starts;
    let mut letter = first;
    for place in &mut letters[1..] {
        let at = &mut next[usize::from(letter)];
        letter = followers.letters[*at];
        *at += 1;
        *place = letter;
    }
}

/// The letters that follow each letter: the edges of a graph of letters.
struct Followers {
    letters: Vec<u8>,
    /// Where those of each letter begin, and where the last ones end.
    starts: [usize; 257],
}

impl Followers {
    fn of(letters: &[u8]) -> Self {
        let mut starts = [0; 257];
        for &letter in &letters[..letters.len() - 1] {
            starts[usize::from(letter) + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts;
        let mut followers = vec![0; letters.len() - 1];
        for pair in letters.windows(2) {
            let at = &mut next[usize::from(pair[0])];
            followers[*at] = pair[1];
            *at += 1;
        }
        Self { letters: followers, starts }
    }

    fn of_letter(&mut self, letter: u8) -> &mut [u8] {
        let at = usize::from(letter);
        &mut self.letters[self.starts[at]..self.starts[at + 1]]
    }

    /// For each letter the next one on its way to `root`, each tree as likely as it has edges of the graph.
    ///
    /// From each letter a random walk leads to what is already in the tree; where it crosses itself, the later exit
    /// counts, which leaves out the loop.
    fn random_tree(&mut self, root: u8, rng: &mut ChaCha8Rng) -> [u8; 256] {
        let mut exits = [0; 256];
        let mut is_in_tree = [false; 256];
        is_in_tree[usize::from(root)] = true;
        for letter in 0..=u8::MAX {
            if self.of_letter(letter).is_empty() {
                continue;
            }
            let mut at = letter;
            while !is_in_tree[usize::from(at)] {
                let follow = self.of_letter(at);
                let exit = follow[below(follow.len(), rng)];
                exits[usize::from(at)] = exit;
                at = exit;
            }
            at = letter;
            while !is_in_tree[usize::from(at)] {
                is_in_tree[usize::from(at)] = true;
                at = exits[usize::from(at)];
            }
        }
        exits
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn pairs(bases: &[u8]) -> BTreeMap<Vec<u8>, usize> {
        let mut counts = BTreeMap::new();
        for pair in bases.windows(2) {
            *counts.entry(pair.to_ascii_uppercase()).or_default() += 1;
        }
        counts
    }

    fn sorted(bases: &[u8]) -> Vec<u8> {
        let mut sorted = bases.to_ascii_uppercase();
        sorted.sort_unstable();
        sorted
    }

    /// All orders of `bases`, each once.
    fn orders(bases: &[u8]) -> Vec<Vec<u8>> {
        let sorted = sorted(bases);
        if sorted.is_empty() {
            return vec![Vec::new()];
        }
        let mut orders = Vec::new();
        for at in (0..sorted.len()).filter(|&at| at == 0 || sorted[at] != sorted[at - 1]) {
            let mut rest = sorted.clone();
            let first = rest.remove(at);
            orders.extend(self::orders(&rest).into_iter().map(|rest| [vec![first], rest].concat()));
        }
        orders
    }

    proptest! {
        #[test]
        fn counts_and_places_are_kept(bases in "([ACGT]{0,40}|[acgt]{0,9}|[ACGTRYUN*-]{0,9}|N{0,5}){0,6}", seed in any::<u64>()) {
            let bases = bases.as_bytes();
            for rule in [ShuffleRule::Letters, ShuffleRule::Pairs] {
                let shuffled = shuffle_bases(bases, rule, seed);
                prop_assert_eq!(sorted(&shuffled), sorted(bases));
                for (after, before) in shuffled.iter().zip(bases) {
                    prop_assert_eq!(after.is_ascii_lowercase(), before.is_ascii_lowercase());
                    prop_assert_eq!(matches!(after, b'N' | b'-' | b'*'), matches!(before, b'N' | b'-' | b'*'));
                }
                if rule == ShuffleRule::Pairs {
                    prop_assert_eq!(pairs(&shuffled), pairs(bases));
                }
            }
        }
    }

    /// Whether draws fall evenly on what enumeration gives: chi-squared within six sigma of its mean.
    fn assert_even(bases: &[u8], rule: ShuffleRule) {
        let expected =
            orders(bases).into_iter().filter(|order| rule == ShuffleRule::Letters || pairs(order) == pairs(bases));
        let mut counts = expected.map(|order| (order, 0_u32)).collect::<BTreeMap<_, _>>();
        let each = 200;
        for seed in 0..each * counts.len() as u64 {
            *counts.get_mut(&shuffle_bases(bases, rule, seed)).expect("an order with the same counts") += 1;
        }
        let chi = counts.values().map(|&count| (f64::from(count) - each as f64).powi(2) / each as f64).sum::<f64>();
        let freedom = (counts.len() - 1) as f64;
        assert!(counts.len() > 5, "more than a few orders: {}", counts.len());
        assert!((chi - freedom).abs() < 6.0 * (2.0 * freedom).sqrt(), "chi-squared {chi} of {freedom}");
    }

    #[test]
    fn every_order_is_equally_likely() {
        assert_even(b"AACGT", ShuffleRule::Letters);
        assert_even(b"ACAGATACCA", ShuffleRule::Pairs);
        assert_even(b"ACGACGTAACC", ShuffleRule::Pairs);
        assert_even(b"GATCACGATAAG", ShuffleRule::Pairs);
    }

    #[test]
    fn odd_sequences_are_kept() {
        for bases in [&b""[..], b"A", b"AC", b"NNN", b"AAAA", b"ACNAC"] {
            assert_eq!(shuffle_bases(bases, ShuffleRule::Pairs, 3), bases, "there is no other order");
        }
        let long = [b"A".repeat(100_000), b"C".to_vec(), b"G".repeat(100_000), b"T".to_vec()].concat();
        assert_eq!(pairs(&shuffle_bases(&long, ShuffleRule::Pairs, 3)), pairs(&long), "letters that are hard to leave");
    }

    #[test]
    fn a_seed_gives_the_same_on_every_machine() {
        let bases = b"ACGTTGCAACGATTACAGATTACA";
        let shuffled = |rule| String::from_utf8(shuffle_bases(bases, rule, 1)).unwrap();
        assert_eq!(shuffled(ShuffleRule::Letters), "GATAATCTATACACGAGAAGTTCC");
        assert_eq!(shuffled(ShuffleRule::Pairs), "ATTTTATGCGAGACACACACGTAA");
    }
}
