//! What each byte of a sequence line may be.

/// What a byte means in a sequence line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Letter {
    /// `A`, `C`, `G`, `T`, `N`.
    Plain,
    /// `U`: RNA.
    Uracil,
    /// An IUPAC code for more than one base.
    Ambiguous,
    /// `-`.
    Gap,
    /// `*`.
    Star,
    /// A blank or a tab.
    Blank,
    /// Anything else.
    Foreign,
}

const LETTERS: [Letter; 256] = letters();

const fn letters() -> [Letter; 256] {
    let mut table = [Letter::Foreign; 256];
    let plain = b"ACGTNacgtn";
    let ambiguous = b"RYSWKMBDHVryswkmbdhv";
    let mut index = 0;
    while index < plain.len() {
        table[plain[index] as usize] = Letter::Plain;
        index += 1;
    }
    index = 0;
    while index < ambiguous.len() {
        table[ambiguous[index] as usize] = Letter::Ambiguous;
        index += 1;
    }
    table[b'U' as usize] = Letter::Uracil;
    table[b'u' as usize] = Letter::Uracil;
    table[b'-' as usize] = Letter::Gap;
    table[b'*' as usize] = Letter::Star;
    table[b' ' as usize] = Letter::Blank;
    table[b'\t' as usize] = Letter::Blank;
    table
}

/// What `byte` means.
pub(crate) fn letter(byte: u8) -> Letter {
    LETTERS[usize::from(byte)]
}

/// Whether `byte` takes a place in a sequence.
pub(crate) fn is_base(byte: u8) -> bool {
    !matches!(letter(byte), Letter::Blank | Letter::Foreign)
}

/// Whether `byte` may stand between bases without taking a place.
pub(crate) fn is_blank(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r' | b' ' | b'\t')
}

/// Whether all of `bytes` are `A`, `C`, `G`, `T` or `N` in either case.
///
/// Written without branches, so that it becomes vector code: nearly every line of nearly every file ends here.
pub(crate) fn all_plain(bytes: &[u8]) -> bool {
    let mut plain = true;
    for chunk in bytes.chunks(64) {
        let mut all = true;
        for &byte in chunk {
            let upper = byte & 0xdf;
            all &= (upper == b'A') | (upper == b'C') | (upper == b'G') | (upper == b'T') | (upper == b'N');
        }
        plain &= all;
    }
    plain
}

/// Why a [`Letter::Foreign`] byte is not welcome, and what to do about it.
pub(crate) fn why_foreign(byte: u8) -> (String, &'static str) {
    const CODES: &str = "use A, C, G, T, U, N or IUPAC nucleotide codes";
    match byte {
        b'0'..=b'9' => {
            let reason =
                format!("the sequence holds the digit '{}', which is not a nucleotide letter", char::from(byte));
            (reason, "take the position numbers out of the sequence lines")
        }
        b'>' => (
            "the sequence holds a '>', which is not a nucleotide letter".into(),
            "put each header on a line of its own",
        ),
        b';' => ("the sequence holds a ';' comment, which FASTA no longer knows".into(), "take the comment lines out"),
        b'E' | b'F' | b'I' | b'J' | b'L' | b'O' | b'P' | b'Q' | b'X' | b'Z' | b'e' | b'f' | b'i' | b'j' | b'l'
        | b'o' | b'p' | b'q' | b'x' | b'z' => {
            let reason = format!(
                "the sequence holds the letter '{}', which is not a nucleotide code (is this a protein?)",
                char::from(byte)
            );
            (reason, CODES)
        }
        0 => ("the sequence holds a NUL byte: the file is binary or damaged".into(), "copy or export the file again"),
        0x21..=0x7e => {
            let reason =
                format!("the sequence holds the character '{}', which is not a nucleotide code", char::from(byte));
            (reason, CODES)
        }
        0x80.. => {
            let reason = format!("the sequence holds the byte 0x{byte:02X}, which is not an ASCII letter");
            (reason, "type the letter again: some letters of other alphabets only look like A, C, G or T")
        }
        _ => (format!("the sequence holds the control character 0x{byte:02X}"), CODES),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_one_meaning() {
        let bases = (0..=255_u8).filter(|&byte| is_base(byte)).collect::<Vec<_>>();
        assert_eq!(bases.len(), 2 * 16 + 2, "16 codes in two cases, gap and star");
        for byte in 0..=255_u8 {
            assert!(!(is_base(byte) && is_blank(byte)), "byte {byte}");
            assert_eq!(all_plain(&[byte]), letter(byte) == Letter::Plain, "byte {byte}");
        }
        assert!(all_plain(&b"ACGTNacgtn".repeat(20)), "every plain letter");
        assert!(!all_plain(b"ACGTR"), "R is a code for two bases");
    }
}
