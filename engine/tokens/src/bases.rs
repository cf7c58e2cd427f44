//! Letters of a sequence, as tokenizers read them.

use crate::TokenError;

/// The sequence in upper case, with the U of RNA as the T of DNA; one byte for each base.
///
/// # Errors
///
/// When a byte is neither a letter nor one of `-`, `*`, `.`.
pub(crate) fn upper_case(bases: &[u8]) -> Result<String, TokenError> {
    let mut text = String::with_capacity(bases.len());
    for (index, &base) in bases.iter().enumerate() {
        if !(base.is_ascii_alphabetic() || matches!(base, b'-' | b'*' | b'.')) {
            return Err(TokenError::NotABase { position: index + 1, character: char::from(base) });
        }
        let base = base.to_ascii_uppercase();
        text.push(char::from(if base == b'U' { b'T' } else { base }));
    }
    Ok(text)
}

/// The bases that k-mers are made of; each is two bits of a k-mer's number.
pub(crate) const BASES: [u8; 4] = *b"ACGT";

/// The place of a letter in [`BASES`].
pub(crate) fn code_of(letter: u8) -> Option<usize> {
    match letter {
        b'A' => Some(0),
        b'C' => Some(1),
        b'G' => Some(2),
        b'T' => Some(3),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_base_has_its_place() {
        let codes = BASES.map(code_of);
        assert_eq!(codes, [Some(0), Some(1), Some(2), Some(3)], "the order of the constant");
        assert_eq!([b'a', b'N', b'U', 0xff].map(code_of), [None; 4], "nothing else has one");
    }
}
