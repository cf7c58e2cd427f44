//! A stretch of a contig.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A stretch of a contig, 0-based and half-open.
///
/// Shown and parsed as people write it, 1-based and inclusive: `chr7:1,001-2,000` is `1000..2000`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Region {
    /// Name of the contig, as in the FASTA header up to the first blank.
    pub contig: String,
    /// First base, 0-based.
    pub start_bp: u64,
    /// One past the last base, 0-based.
    pub end_bp: u64,
}

/// Text that is no region.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "region '{text}' cannot be read: {reason}. Write CONTIG or CONTIG:START-END, 1-based, for example chr7:1,001-2,000"
)]
pub struct ParseRegionError {
    /// What was given.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl Region {
    /// The stretch `start_bp..end_bp` of `contig`, 0-based and half-open.
    pub fn new(contig: impl Into<String>, start_bp: u64, end_bp: u64) -> Self {
        Self { contig: contig.into(), start_bp, end_bp }
    }

    /// Number of bases.
    pub fn len_bp(&self) -> u64 {
        self.end_bp.saturating_sub(self.start_bp)
    }

    /// Whether there is not a single base in it.
    pub fn is_empty(&self) -> bool {
        self.len_bp() == 0
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}-{}", self.contig, grouped(self.start_bp.saturating_add(1)), grouped(self.end_bp))
    }
}

impl FromStr for Region {
    type Err = ParseRegionError;

    /// Reads `CONTIG:START-END`; contig names may hold colons, so the last one counts.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = |reason| ParseRegionError { text: text.to_owned(), reason };
        let (contig, range) = text.rsplit_once(':').ok_or_else(|| error("there is no ':' in it"))?;
        let (start, end) = range.split_once('-').ok_or_else(|| error("there is no '-' after the ':'"))?;
        let number = |digits: &str| digits.trim().replace(',', "").parse::<u64>();
        let start = number(start).map_err(|_| error("the start is not a whole number"))?;
        let end = number(end).map_err(|_| error("the end is not a whole number"))?;
        if contig.is_empty() {
            return Err(error("the contig has no name"));
        }
        if start == 0 {
            return Err(error("positions begin at 1"));
        }
        if end < start {
            return Err(error("the end lies before the start"));
        }
        Ok(Self::new(contig, start - 1, end))
    }
}

/// `1234567` as `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in "\\PC{0,40}", range in "[0-9,: -]{0,12}") {
            for text in [text.clone(), format!("{text}:{range}")] {
                if let Ok(region) = text.parse::<Region>() {
                    prop_assert_eq!(region.to_string().parse(), Ok(region));
                }
            }
        }
    }

    #[test]
    fn shown_and_parsed_one_based() {
        let region = Region::new("HLA-A*01:01", 999, 1_234_567);
        assert_eq!(region.to_string(), "HLA-A*01:01:1,000-1,234,567");
        assert_eq!(region.to_string().parse(), Ok(region));
    }

    #[test]
    fn nonsense_is_refused_with_the_reason() {
        for text in ["chr1", "chr1:5", ":1-2", "chr1:0-5", "chr1:9-5", "chr1:a-b", "chr1:1-99999999999999999999"] {
            let error = text.parse::<Region>().expect_err(text);
            assert_eq!(error.text, text);
        }
    }
}
