//! The two strands and how one is read from the other.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A strand of the double helix, relative to the record as it stands in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Strand {
    /// As in the file.
    #[default]
    Forward,
    /// The reverse complement.
    Reverse,
}

impl fmt::Display for Strand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forward => "+",
            Self::Reverse => "-",
        })
    }
}

/// The base that pairs with `base`; IUPAC codes pair with their complements, case is kept, other bytes stay.
pub fn complement(base: u8) -> u8 {
    COMPLEMENTS[usize::from(base)]
}

/// The complement of each byte.
const COMPLEMENTS: [u8; 256] = complements();

const fn complements() -> [u8; 256] {
    const FROM: &[u8; 31] = b"ACGTURYSWKMBDHVNacgturyswkmbdhv";
    const TO: &[u8; 31] = b"TGCAAYRSWMKVHDBNtgcaayrswmkvhdb";
    let mut table = [0; 256];
    let mut byte = 0_u8;
    loop {
        table[byte as usize] = byte;
        if byte == u8::MAX {
            break;
        }
        byte += 1;
    }
    let mut index = 0;
    while index < FROM.len() {
        table[FROM[index] as usize] = TO[index];
        index += 1;
    }
    table
}

/// The other strand of `bases`, read in its own direction.
pub fn reverse_complement(bases: &[u8]) -> Vec<u8> {
    bases.iter().rev().map(|&base| complement(base)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_dna_comes_back_and_base_i_pairs_with_base_n_minus_i(bases in "[ACGTRYSWKMBDHVNacgtn*-]{0,200}") {
            let bases = bases.into_bytes();
            let other = reverse_complement(&bases);
            prop_assert_eq!(&reverse_complement(&other), &bases);
            for (index, &base) in bases.iter().enumerate() {
                prop_assert_eq!(other[bases.len() - 1 - index], complement(base));
            }
        }
    }

    #[test]
    fn twice_is_identity_for_all_dna_codes() {
        let codes = b"ACGTRYSWKMBDHVNacgtryswkmbdhvn-*";
        assert_eq!(reverse_complement(&reverse_complement(codes)), codes);
        assert_eq!(reverse_complement(b"acGTNr"), b"yNACgt");
    }
}
