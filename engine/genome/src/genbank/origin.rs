//! The sequence of a record.

use super::header::Complaint;
use crate::fasta::{Letter, Oddities, Oddity, letter, why_foreign};

/// The sequences of a file may take this much memory.
const MOST_BP: u64 = 2 << 30;

/// Takes the lines below ORIGIN.
#[derive(Default)]
pub(super) struct Origin {
    /// The bases, if they are wanted.
    pub(super) bases: Vec<u8>,
    pub(super) length_bp: u64,
    has_upper_case: bool,
}

impl Origin {
    /// Takes a line: the number of its first base, and bases in blocks.
    pub(super) fn line(
        &mut self,
        text: &[u8],
        keep: bool,
        (line, record): (u64, &str),
        oddities: &mut Oddities,
    ) -> Result<(), Complaint> {
        let text = text.trim_ascii();
        let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (number, letters) = text.split_at(digits);
        self.check_number(number)?;
        let mut counts = [0_u64; 7];
        for &byte in letters {
            let meaning = letter(byte);
            match meaning {
                Letter::Blank => continue,
                Letter::Foreign => return Err(why_foreign(byte)),
                _ => counts[meaning as usize] += 1,
            }
            self.has_upper_case |= byte.is_ascii_uppercase();
            if keep {
                self.bases.push(byte);
            }
        }
        self.length_bp += counts.iter().sum::<u64>();
        for (meaning, oddity) in [
            (Letter::Uracil, Oddity::Uracil),
            (Letter::Ambiguous, Oddity::Ambiguous),
            (Letter::Gap, Oddity::Gap),
            (Letter::Star, Oddity::Star),
        ] {
            oddities.note(oddity, counts[meaning as usize], line, record);
        }
        Ok(())
    }

    /// Lines say which base they begin with: what was lost or doubled above shows here.
    fn check_number(&self, digits: &[u8]) -> Result<(), Complaint> {
        let next = self.length_bp + 1;
        let number: Option<u64> = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
        if digits.is_empty() || number == Some(next) {
            return Ok(());
        }
        let digits = String::from_utf8_lossy(digits);
        let reason = format!(
            "the line says that it begins with base {digits}, and {} bases go before it: bases are missing or too many",
            self.length_bp
        );
        Err((reason, "export or download the record again"))
    }

    /// Refuses more than fits: `before_bp` bases of other records are in memory as well.
    pub(super) fn check_memory(&self, keep: bool, before_bp: u64) -> Result<(), Complaint> {
        if !keep || before_bp + self.length_bp <= MOST_BP {
            return Ok(());
        }
        let reason = "its sequences are longer than 2 GiB, and those of a GenBank file are kept in memory";
        Err((reason.to_owned(), "convert it to FASTA or 2bit"))
    }

    /// Lower case that is everywhere means nothing.
    pub(super) fn settle_case(&mut self) {
        if !self.has_upper_case {
            self.bases.make_ascii_uppercase();
        }
    }
}
