//! Places as HGVS writes them: `NC_000010.10:g.89692905C>T`, `NM_000314.4:c.388C>T`, `PTEN:c.210-7_210-3del`.
//!
//! Only where a change lies is read here, with what is written after it kept as text.
//! Nomenclature: <https://hgvs-nomenclature.org/stable/>, version 21.

use thiserror::Error;

use crate::{BlockKind, Feature, Strand};

/// A place in HGVS's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HgvsPlace {
    /// The sequence it counts on: an accession, a gene, a contig; nothing where that is left out.
    pub reference: Option<String>,
    /// How positions are counted.
    pub counting: HgvsCounting,
    /// First position.
    pub start: HgvsPosition,
    /// Last position; the first one where it is a single base.
    pub end: HgvsPosition,
    /// What is written after the positions: `C>T`, `del`, `insA`; may be empty.
    pub change: String,
}

/// How positions are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HgvsCounting {
    /// `g.` or `m.`: bases of the contig.
    Genomic,
    /// `c.`: from the first base of the start codon on the transcript.
    Coding,
    /// `n.`: from the first base of the transcript.
    NonCoding,
}

/// A position: `388`, `-14`, `*6`, `209+1`, `210-7`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HgvsPosition {
    /// Whether it counts from the base after the stop codon (`*`).
    pub is_after_stop: bool,
    /// The number; below 0 before the start codon, never 0.
    pub base: i64,
    /// Bases into the intron beside it: after it where positive, before it where negative.
    pub intron: i64,
}

/// Why a text is no place, or a place is not on a transcript.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{text}: {reason}; {remedy}")]
pub struct HgvsError {
    /// What was given.
    pub text: String,
    /// What is wrong.
    pub reason: String,
    /// What the user can do.
    pub remedy: String,
}

impl HgvsPlace {
    /// Whether a text looks as if it were meant as HGVS, right or wrong.
    pub fn is_meant_by(text: &str) -> bool {
        let rest = text.rsplit_once(':').map_or(text, |(_, rest)| rest).trim();
        let mut letters = rest.chars();
        let (kind, dot, first) = (letters.next(), letters.next(), letters.next());
        matches!(kind, Some('g' | 'm' | 'c' | 'n'))
            && dot == Some('.')
            && first.is_some_and(|first| first.is_ascii_digit() || "-*(".contains(first))
    }

    /// Reads a place.
    ///
    /// ```
    /// use strandscope_genome::HgvsPlace;
    ///
    /// let place = HgvsPlace::parse("NM_000314.4:c.210-7_210-3del")?;
    /// assert_eq!((place.start.base, place.start.intron, place.end.intron), (210, -7, -3));
    /// assert_eq!(place.change, "del");
    /// # Ok::<(), strandscope_genome::HgvsError>(())
    /// ```
    ///
    /// # Errors
    /// When it is not written as HGVS has it.
    pub fn parse(text: &str) -> Result<Self, HgvsError> {
        let text = text.trim();
        let wrong = |reason: &str| HgvsError {
            text: text.to_owned(),
            reason: reason.to_owned(),
            remedy: "write it like NC_000010.10:g.89692905C>T or NM_000314.4:c.388C>T".to_owned(),
        };
        let (reference, rest) = match text.rsplit_once(':') {
            Some((reference, rest)) => (Some(reference.trim()).filter(|name| !name.is_empty()), rest.trim()),
            None => (None, text),
        };
        // `NM_000314.4(PTEN)` names the gene as well.
        let reference = reference.map(|name| name.split('(').next().unwrap_or(name).to_owned());
        let (kind, rest) = rest.split_once('.').ok_or_else(|| wrong("there is no 'g.', 'c.' or 'n.' in it"))?;
        let counting = match kind {
            "g" | "m" => HgvsCounting::Genomic,
            "c" => HgvsCounting::Coding,
            "n" => HgvsCounting::NonCoding,
            "p" => return Err(wrong("a change of a protein does not say which base has changed")),
            _ => return Err(wrong("positions are counted in a way that is not known here")),
        };
        let is_position = |letter: char| letter.is_ascii_digit() || "+-*_".contains(letter);
        let end = rest.find(|letter| !is_position(letter)).unwrap_or(rest.len());
        let (positions, change) = rest.split_at(end);
        if positions.is_empty() {
            return Err(wrong("there is no position in it, or an uncertain one"));
        }
        let (first, last) = positions.split_once('_').unwrap_or((positions, positions));
        let position = |text: &str| HgvsPosition::parse(text).ok_or_else(|| wrong("a position is no number"));
        let (start, end) = (position(first)?, position(last)?);
        if counting == HgvsCounting::Genomic && !(start.is_plain() && end.is_plain() && end.base >= start.base) {
            return Err(wrong("positions of a contig are numbers from 1, the lower one first"));
        }
        Ok(Self { reference, counting, start, end, change: change.to_owned() })
    }

    /// The stretch of the contig, 0-based and half-open, of a place that is counted on the contig itself.
    pub fn on_contig(&self) -> Option<(u64, u64)> {
        let number = |position: HgvsPosition| u64::try_from(position.base).ok();
        (self.counting == HgvsCounting::Genomic).then_some(())?;
        Some((number(self.start)?.checked_sub(1)?, number(self.end)?))
    }

    /// The stretch of the contig, 0-based and half-open, of a place that is counted on a transcript.
    ///
    /// # Errors
    /// When the transcript has no coding part, ends before the place, or has no intron there.
    pub fn on_transcript(&self, transcript: &Feature) -> Result<(u64, u64), HgvsError> {
        let wrong = |reason: String| HgvsError {
            text: format!("{}{}", transcript.name, self.positions()),
            reason,
            remedy: "check the version of the transcript".to_owned(),
        };
        let exons = Exons::of(transcript).map_err(wrong)?;
        let wanted_coding = self.counting == HgvsCounting::Coding;
        let place = |position| exons.place(position, wanted_coding).map_err(wrong);
        let (start, end) = (place(self.start)?, place(self.end)?);
        Ok((start.min(end), start.max(end) + 1))
    }

    fn positions(&self) -> String {
        let kind = if self.counting == HgvsCounting::Coding { "c" } else { "n" };
        if self.start == self.end {
            format!(":{kind}.{}", self.start.text())
        } else {
            format!(":{kind}.{}_{}", self.start.text(), self.end.text())
        }
    }
}

impl HgvsPosition {
    fn parse(text: &str) -> Option<Self> {
        let (is_after_stop, rest) = text.strip_prefix('*').map_or((false, text), |rest| (true, rest));
        let sign = if rest.starts_with('-') { 1 } else { 0 };
        let intron_at = rest[sign..].find(['+', '-']).map(|at| at + sign);
        let (base, intron) = rest.split_at(intron_at.unwrap_or(rest.len()));
        let base: i64 = base.parse().ok()?;
        let intron: i64 = if intron.is_empty() { 0 } else { intron.trim_start_matches('+').parse().ok()? };
        let is_known = base != 0 && !(is_after_stop && base < 0) && !(intron_at.is_some() && intron == 0);
        is_known.then_some(Self { is_after_stop, base, intron })
    }

    /// Whether it is a number and nothing else.
    fn is_plain(self) -> bool {
        !self.is_after_stop && self.intron == 0 && self.base > 0
    }

    fn text(self) -> String {
        let star = if self.is_after_stop { "*" } else { "" };
        let intron = if self.intron == 0 { String::new() } else { format!("{:+}", self.intron) };
        format!("{star}{}{intron}", self.base)
    }
}

/// The exons of a transcript in the direction in which it is read.
struct Exons {
    /// `(start_bp, end_bp)` of each.
    list: Vec<(u64, u64)>,
    is_reverse: bool,
    /// Bases of the transcript before its first coding base, and up to its last one.
    coding: Option<(u64, u64)>,
}

impl Exons {
    fn of(transcript: &Feature) -> Result<Self, String> {
        let Some(strand) = transcript.strand else { return Err("the transcript has no strand".to_owned()) };
        let mut list: Vec<(u64, u64)> = Vec::new();
        let mut blocks = transcript.blocks.clone();
        blocks.sort_by_key(|block| block.start_bp);
        for block in &blocks {
            // Coding and untranslated parts of one exon stand side by side.
            match list.last_mut() {
                Some(last) if last.1 == block.start_bp => last.1 = block.end_bp,
                _ => list.push((block.start_bp, block.end_bp)),
            }
        }
        if list.is_empty() {
            list.push((transcript.start_bp, transcript.end_bp));
        }
        let is_reverse = strand == Strand::Reverse;
        if is_reverse {
            list.reverse();
        }
        let mut exons = Self { list, is_reverse, coding: None };
        let coding = blocks.iter().filter(|block| block.kind == BlockKind::Coding);
        let ends = coding.clone().map(|block| block.start_bp).min().zip(coding.map(|block| block.end_bp).max());
        if let Some((start_bp, end_bp)) = ends {
            let (first, last) = if is_reverse { (end_bp - 1, start_bp) } else { (start_bp, end_bp - 1) };
            exons.coding = exons.number_of(first).zip(exons.number_of(last).map(|last| last + 1));
        }
        Ok(exons)
    }

    /// How many bases of the transcript come before this one of the contig.
    fn number_of(&self, bp: u64) -> Option<u64> {
        let mut before = 0;
        for &(start_bp, end_bp) in &self.list {
            if (start_bp..end_bp).contains(&bp) {
                return Some(before + if self.is_reverse { end_bp - 1 - bp } else { bp - start_bp });
            }
            before += end_bp - start_bp;
        }
        None
    }

    /// Where a position of the transcript lies on the contig.
    fn place(&self, position: HgvsPosition, is_coding: bool) -> Result<u64, String> {
        let number = self.transcript_number(position, is_coding)?;
        let mut before = 0;
        for &(start_bp, end_bp) in &self.list {
            let length = end_bp - start_bp;
            if number < before + length {
                let offset = number - before;
                let bp = if self.is_reverse { end_bp - 1 - offset } else { start_bp + offset };
                let is_beside = match position.intron {
                    0 => true,
                    1.. => offset + 1 == length,
                    _ => offset == 0,
                };
                if !is_beside {
                    return Err(format!("base {} is not at that end of an exon", position.text()));
                }
                let along = if self.is_reverse { -position.intron } else { position.intron };
                return bp.checked_add_signed(along).ok_or_else(|| "it lies before the contig begins".to_owned());
            }
            before += length;
        }
        Err(format!("the transcript has {before} bases and ends before {}", position.text()))
    }

    /// Number of a base among those of the transcript, from 0.
    fn transcript_number(&self, position: HgvsPosition, is_coding: bool) -> Result<u64, String> {
        let from = |start: u64, offset: i64| {
            start.checked_add_signed(offset).ok_or_else(|| format!("the transcript begins after {}", position.text()))
        };
        if !is_coding {
            let is_number = position.base > 0 && !position.is_after_stop;
            return if is_number { from(0, position.base - 1) } else { Err("n. counts from 1".to_owned()) };
        }
        let Some((first, end)) = self.coding else { return Err("the transcript has no coding part".to_owned()) };
        match position {
            HgvsPosition { is_after_stop: true, base, .. } => from(end, base - 1),
            HgvsPosition { base, .. } if base > 0 => from(first, base - 1),
            HgvsPosition { base, .. } => from(first, base),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Block;

    /// Two exons, 100..200 and 300..400, coding from 150 to 350.
    fn transcript(strand: Strand) -> Feature {
        let block = |start_bp, end_bp, kind| Block { start_bp, end_bp, kind };
        let blocks = vec![
            block(100, 150, BlockKind::Untranslated),
            block(150, 200, BlockKind::Coding),
            block(300, 350, BlockKind::Coding),
            block(350, 400, BlockKind::Untranslated),
        ];
        Feature { name: "T".into(), start_bp: 100, end_bp: 400, strand: Some(strand), blocks, ..Feature::default() }
    }

    fn on(text: &str, strand: Strand) -> Result<(u64, u64), String> {
        let place = HgvsPlace::parse(text).map_err(|error| error.to_string())?;
        place.on_transcript(&transcript(strand)).map_err(|error| error.reason)
    }

    #[test]
    fn positions_of_a_transcript_lie_where_hgvs_says() {
        for (text, forward, reverse) in [
            ("T:c.1A>G", (150, 151), (349, 350)),
            ("T:c.-1", (149, 150), (350, 351)),
            ("T:c.50", (199, 200), (300, 301)),
            ("T:c.50+1G>T", (200, 201), (299, 300)),
            ("T:c.51-2A>G", (298, 299), (201, 202)),
            ("T:c.100", (349, 350), (150, 151)),
            ("T:c.*3", (352, 353), (147, 148)),
            ("T:c.50+1_51-1del", (200, 300), (200, 300)),
            ("T:n.1", (100, 101), (399, 400)),
        ] {
            assert_eq!(on(text, Strand::Forward), Ok(forward), "{text} forward");
            assert_eq!(on(text, Strand::Reverse), Ok(reverse), "{text} reverse");
        }
    }

    #[test]
    fn what_is_not_on_the_transcript_is_refused_with_the_reason() {
        for (text, reason) in [
            ("T:c.40+1", "not at that end of an exon"),
            ("T:c.50-1", "not at that end of an exon"),
            ("T:c.-51", "begins after"),
            ("T:c.*51", "ends before"),
            ("T:n.201", "has 200 bases"),
        ] {
            let error = on(text, Strand::Forward).expect_err(text);
            assert!(error.contains(reason), "{text}: {error}");
        }
        let plain = Feature { blocks: vec![], ..transcript(Strand::Forward) };
        let place = HgvsPlace::parse("T:c.5").expect("a place");
        assert!(place.on_transcript(&plain).is_err(), "without a coding part there is no c.");
    }

    #[test]
    fn places_on_a_contig() {
        let place = HgvsPlace::parse("NC_000010.10:g.89692905C>T").expect("a place");
        assert_eq!(
            (place.reference.as_deref(), place.on_contig()),
            (Some("NC_000010.10"), Some((89_692_904, 89_692_905)))
        );
        assert_eq!(HgvsPlace::parse("g.5_9del").expect("a place").on_contig(), Some((4, 9)), "without a contig");
        for wrong in ["g.0A>T", "g.9_5del", "g.5+1G>A", "p.Arg130Ter", "x.5", "chr1:100-200", "g.(1_2)_5del", ""] {
            assert!(HgvsPlace::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_meant_as_hgvs_is_told_from_names() {
        let meant = ["c.76A>G", "NM_1:c.-3", "chr1:g.5A>T", "c.elegans", "chrI:1-5", "BRCA1", "m.3243A>G"];
        let found = meant.map(HgvsPlace::is_meant_by);
        assert_eq!(found, [true, true, true, false, false, false, true]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[ -~]{0,30}", positions in "[0-9+*_-]{0,12}") {
            for text in [text.clone(), format!("T:c.{positions}"), format!("g.{positions}")] {
                if let Ok(place) = HgvsPlace::parse(&text) {
                    let _ = (place.on_contig(), place.on_transcript(&transcript(Strand::Reverse)));
                }
            }
        }
    }
}
