//! Which bases an IUPAC letter may stand for, as a mask of four bits.

/// A, C, G and T, each with its bit.
pub(crate) const BASES: [(u8, u8); 4] = [(b'A', 1), (b'C', 2), (b'G', 4), (b'T', 8)];

/// The mask of `N`.
pub(crate) const ANY_BASE: u8 = 15;

const MASKS: [u8; 256] = masks();

const fn masks() -> [u8; 256] {
    // The letter of each mask; the first stands for no base.
    let letters = b"\0ACMGRSVTWYHKDBN";
    let mut table = [0; 256];
    let mut mask = 1;
    while mask < 16 {
        table[letters[mask as usize] as usize] = mask;
        table[letters[mask as usize].to_ascii_lowercase() as usize] = mask;
        mask += 1;
    }
    table[b'U' as usize] = table[b'T' as usize];
    table[b'u' as usize] = table[b'T' as usize];
    table
}

/// The bases `letter` may stand for, in either case, `U` as `T`; 0 where it is no nucleotide code (a gap, for one).
pub(crate) fn mask_of(letter: u8) -> u8 {
    MASKS[usize::from(letter)]
}

/// The mask of the letter that pairs with the letter of `mask`.
pub(crate) fn complement_mask(mask: u8) -> u8 {
    mask.reverse_bits() >> 4
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::complement;

    #[test]
    fn masks_follow_the_codes() {
        assert_eq!(mask_of(b'r'), mask_of(b'A') | mask_of(b'G'));
        assert_eq!(mask_of(b'N'), ANY_BASE);
        assert_eq!((mask_of(b'u'), mask_of(b'-'), mask_of(b'E'), mask_of(0)), (mask_of(b'T'), 0, 0, 0));
        assert_eq!((0..=255).filter(|&letter| mask_of(letter) != 0).count(), 32, "15 codes and U, in two cases");
        for letter in 0..=255 {
            assert_eq!(mask_of(complement(letter)), complement_mask(mask_of(letter)), "letter {letter}");
        }
    }
}
