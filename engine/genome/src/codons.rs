//! From codons to amino acids, by the genetic codes of NCBI.

use crate::iupac::{BASES, mask_of};

/// What each codon means in some organism or organelle.
///
/// ```
/// use strandscope_genome::GeneticCode;
///
/// let code = GeneticCode::by_id(1).expect("the standard code");
/// assert_eq!(code.translate(*b"aug"), b'M');
/// assert_eq!(code.translate(*b"TAR"), b'*'); // TAA and TAG
/// assert_eq!(code.translate(*b"ATN"), b'X'); // isoleucine or methionine
/// assert_eq!(code.translate_all(b"ATGGCNTGA"), b"MA*");
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct GeneticCode {
    id: u8,
    name: &'static str,
    amino_acids: &'static [u8; 64],
    starts: &'static str,
}

const fn code(id: u8, name: &'static str, amino_acids: &'static [u8; 64], starts: &'static str) -> GeneticCode {
    GeneticCode { id, name, amino_acids, starts }
}

/// Codons in the order of NCBI (`TTT`, `TTC`, `TTA`, `TTG`, `TCT`, …), `*` for stop, and the codons that can start.
///
/// Facts of <https://www.ncbi.nlm.nih.gov/Taxonomy/Utils/wprintgc.cgi>. Codes 27, 28 and 31 are left out: some of their
/// codons are stop or amino acid depending on where they stand, which no table can tell; 7, 8 and 17 to 20 do not exist.
#[rustfmt::skip]
static CODES: [GeneticCode; 24] = [
    code(1, "Standard", b"FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", "TTG CTG ATG"),
    code(2, "Vertebrate mitochondrial", b"FFLLSSSSYY**CCWWLLLLPPPPHHQQRRRRIIMMTTTTNNKKSS**VVVVAAAADDEEGGGG", "ATT ATC ATA ATG GTG"),
    code(3, "Yeast mitochondrial", b"FFLLSSSSYY**CCWWTTTTPPPPHHQQRRRRIIMMTTTTNNKKSSRRVVVVAAAADDEEGGGG", "ATA ATG GTG"),
    code(4, "Mold, protozoan and coelenterate mitochondrial; Mycoplasma and Spiroplasma", b"FFLLSSSSYY**CCWWLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", "TTA TTG CTG ATT ATC ATA ATG GTG"),
    code(5, "Invertebrate mitochondrial", b"FFLLSSSSYY**CCWWLLLLPPPPHHQQRRRRIIMMTTTTNNKKSSSSVVVVAAAADDEEGGGG", "TTG ATT ATC ATA ATG GTG"),
    code(6, "Ciliate, dasycladacean and hexamita nuclear", b"FFLLSSSSYYQQCC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", "ATG"),
    code(9, "Echinoderm and flatworm mitochondrial", b"FFLLSSSSYY**CCWWLLLLPPPPHHQQRRRRIIIMTTTTNNNKSSSSVVVVAAAADDEEGGGG", "ATG GTG"),
    code(10, "Euplotid nuclear", b"FFLLSSSSYY**CCCWLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", "ATG"),
    code(11, "Bacterial, archaeal and plant plastid", b"FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", "TTG CTG ATT ATC ATA ATG GTG"),
    code(12, "Alternative yeast nuclear", b"FFLLSSSSYY**CC*WLLLSPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", "CTG ATG"),
    code(13, "Ascidian mitochondrial", b"FFLLSSSSYY**CCWWLLLLPPPPHHQQRRRRIIMMTTTTNNKKSSGGVVVVAAAADDEEGGGG", "TTG ATA ATG GTG"),
    code(14, "Alternative flatworm mitochondrial", b"FFLLSSSSYYY*CCWWLLLLPPPPHHQQRRRRIIIMTTTTNNNKSSSSVVVVAAAADDEEGGGG", "ATG"),
    code(15, "Blepharisma macronuclear", b"FFLLSSSSYY*QCC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", "ATG"),
    code(16, "Chlorophycean mitochondrial", b"FFLLSSSSYY*LCC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", "ATG"),
    code(21, "Trematode mitochondrial", b"FFLLSSSSYY**CCWWLLLLPPPPHHQQRRRRIIMMTTTTNNNKSSSSVVVVAAAADDEEGGGG", "ATG GTG"),
    code(22, "Scenedesmus obliquus mitochondrial", b"FFLLSS*SYY*LCC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", "ATG"),
    code(23, "Thraustochytrium mitochondrial", b"FF*LSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", "ATT ATG GTG"),
    code(24, "Rhabdopleuridae mitochondrial", b"FFLLSSSSYY**CCWWLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSSKVVVVAAAADDEEGGGG", "TTG CTG ATG GTG"),
    code(25, "Candidate division SR1 and Gracilibacteria", b"FFLLSSSSYY**CCGWLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", "TTG ATG GTG"),
    code(26, "Pachysolen tannophilus nuclear", b"FFLLSSSSYY**CC*WLLLAPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", "CTG ATG"),
    code(29, "Mesodinium nuclear", b"FFLLSSSSYYYYCC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", "ATG"),
    code(30, "Peritrich nuclear", b"FFLLSSSSYYEECC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", "ATG"),
    code(32, "Balanophoraceae plastid", b"FFLLSSSSYY*WCC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", "TTG CTG ATT ATC ATA ATG GTG"),
    code(33, "Cephalodiscidae mitochondrial", b"FFLLSSSSYYY*CCWWLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSSKVVVVAAAADDEEGGGG", "TTG CTG ATG GTG"),
];

impl GeneticCode {
    /// All codes known here, by rising number.
    pub fn all() -> &'static [Self] {
        &CODES
    }

    /// The code with this number at NCBI (`transl_table` in GenBank files).
    pub fn by_id(id: u8) -> Option<&'static Self> {
        CODES.iter().find(|code| code.id == id)
    }

    /// The standard code, number 1.
    pub fn standard() -> &'static Self {
        &CODES[0]
    }

    /// Its number at NCBI.
    pub fn id(&self) -> u8 {
        self.id
    }

    /// What it is the code of.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The codons that can start a protein, in capitals with `T`.
    pub fn starts(&self) -> impl Iterator<Item = &'static str> {
        self.starts.split(' ')
    }

    /// The amino acid of a codon: one letter, `*` for a stop.
    ///
    /// Case does not matter and `U` is `T`. A codon with IUPAC letters gives what all codons it may stand for give, and
    /// `X` where they differ or where a letter is no nucleotide code.
    pub fn translate(&self, codon: [u8; 3]) -> u8 {
        self.translate_masks(codon.map(mask_of))
    }

    /// The amino acids of `bases` from the first base on; one or two bases left at the end are not translated.
    pub fn translate_all(&self, bases: &[u8]) -> Vec<u8> {
        bases.as_chunks().0.iter().map(|&codon| self.translate(codon)).collect()
    }

    /// Whether this codon, or all it may stand for, can start a protein.
    pub fn is_start(&self, codon: [u8; 3]) -> bool {
        self.is_start_masks(codon.map(mask_of))
    }

    pub(crate) fn translate_masks(&self, masks: [u8; 3]) -> u8 {
        let mut found = None;
        for codon in expansions(masks) {
            let amino_acid = self.amino_acids[index_of(codon)];
            if *found.get_or_insert(amino_acid) != amino_acid {
                return b'X';
            }
        }
        found.unwrap_or(b'X')
    }

    pub(crate) fn is_start_masks(&self, masks: [u8; 3]) -> bool {
        let mut codons = expansions(masks).peekable();
        codons.peek().is_some() && codons.all(|codon| self.starts().any(|start| start.as_bytes() == codon))
    }
}

/// All codons of A, C, G and T that a codon of masks may stand for.
fn expansions(masks: [u8; 3]) -> impl Iterator<Item = [u8; 3]> {
    let bases = move |at: usize| BASES.iter().filter(move |&&(_, bit)| masks[at] & bit != 0).map(|&(base, _)| base);
    bases(0).flat_map(move |first| bases(1).flat_map(move |second| bases(2).map(move |third| [first, second, third])))
}

/// Place of a codon of A, C, G and T in the order of NCBI.
fn index_of(codon: [u8; 3]) -> usize {
    codon.iter().fold(0, |index, base| {
        let rank = match base {
            b'T' => 0,
            b'C' => 1,
            b'A' => 2,
            _ => 3,
        };
        4 * index + rank
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn known(id: u8) -> &'static GeneticCode {
        GeneticCode::by_id(id).unwrap()
    }

    #[test]
    fn the_codes_differ_where_they_should() {
        assert_eq!(known(1), GeneticCode::standard());
        for (id, codon, amino_acid) in [
            (1, b"TGA", b'*'),
            (2, b"TGA", b'W'),
            (2, b"AGA", b'*'),
            (3, b"CTG", b'T'),
            (4, b"TGA", b'W'),
            (6, b"TAA", b'Q'),
            (9, b"AAA", b'N'),
            (10, b"TGA", b'C'),
            (12, b"CTG", b'S'),
            (13, b"AGG", b'G'),
            (14, b"TAA", b'Y'),
            (16, b"TAG", b'L'),
            (21, b"ATA", b'M'),
            (22, b"TCA", b'*'),
            (23, b"TTA", b'*'),
            (24, b"AGG", b'K'),
            (25, b"TGA", b'G'),
            (26, b"CTG", b'A'),
            (29, b"TAG", b'Y'),
            (30, b"TAA", b'E'),
            (32, b"TAG", b'W'),
            (33, b"TAA", b'Y'),
        ] {
            assert_eq!(known(id).translate(*codon), amino_acid, "code {id}");
        }
        assert!(GeneticCode::by_id(27).is_none() && GeneticCode::by_id(0).is_none(), "codes that are not known");
    }

    #[test]
    fn every_code_is_whole() {
        for pair in GeneticCode::all().windows(2) {
            assert!(pair[0].id() < pair[1].id(), "numbers rise at {}", pair[1].id());
        }
        for code in GeneticCode::all() {
            assert!(code.is_start(*b"ATG"), "code {} starts with ATG", code.id());
            assert!(code.amino_acids.contains(&b'*'), "code {} has a stop", code.id());
            for start in code.starts() {
                let codon = start.as_bytes().try_into().unwrap();
                assert!(code.translate(codon).is_ascii_uppercase(), "code {}: {start} is an amino acid", code.id());
            }
        }
    }

    #[test]
    fn letters_for_several_bases_count_only_where_all_agree() {
        let code = known(1);
        for (codon, amino_acid) in [
            (b"CTN", b'L'),
            (b"YTR", b'L'),
            (b"MGR", b'R'),
            (b"TRA", b'*'),
            (b"RAY", b'X'),
            (b"NNN", b'X'),
            (b"A-G", b'X'),
        ] {
            assert_eq!(code.translate(*codon), amino_acid, "{}", String::from_utf8_lossy(codon));
        }
        assert!(known(11).is_start(*b"NTG") && !code.is_start(*b"NTG"), "GTG starts in bacteria");
        assert!(!code.is_start(*b"AT-"), "a gap is no base");
    }

    #[test]
    fn the_standard_code_counts_its_codons() {
        let bases = "TCAG".bytes();
        let codons = bases.clone().flat_map(|a| {
            let bases = bases.clone();
            bases.clone().flat_map(move |b| bases.clone().map(move |c| [a, b, c]))
        });
        let text = known(1).translate_all(&codons.flatten().collect::<Vec<_>>());
        assert_eq!(text, b"FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG");
    }

    proptest! {
        #[test]
        fn case_and_uracil_do_not_matter(bases in "[ACGTRYSWKMBDHVN-]{3}", id in 0..CODES.len()) {
            let code = &CODES[id];
            let codon: [u8; 3] = bases.as_bytes().try_into().unwrap();
            let other: [u8; 3] = bases.to_lowercase().replace('t', "U").as_bytes().try_into().unwrap();
            prop_assert_eq!(code.translate(codon), code.translate(other));
            prop_assert_eq!(code.is_start(codon), code.is_start(other));
        }
    }
}
