//! `fixedStep` and `variableStep`: what the rows of wig that follow mean.

use super::{
    refused::{Refusal, Said},
    settings::{begins_with_word, setting, settings},
};

const FIX_DECLARATION: &str = "mend the declaration";
const FIX_ROW: &str = "mend the row or take it out";

/// A declaration line, and how far its rows have been read.
#[derive(Clone, Debug)]
pub(super) struct Declaration {
    pub(super) contig: String,
    line: u32,
    layout: Result<Layout, Refusal>,
    span_bp: u64,
    lacks_span: bool,
}

#[derive(Clone, Copy, Debug)]
enum Layout {
    /// The next row begins at this base, 0-based; `None` past all numbers.
    Fixed {
        next_bp: Option<u64>,
        step_bp: u64,
    },
    Variable,
}

impl Declaration {
    pub(super) fn is_one(line: &[u8]) -> bool {
        begins_with_word(line, "fixedStep") || begins_with_word(line, "variableStep")
    }

    /// Reads the declaration in line `number`; one that is wrong refuses its rows.
    pub(super) fn parse(line: &str, number: u32) -> Self {
        let is_fixed = line.starts_with("fixedStep");
        let settings = settings(line);
        let contig = setting(&settings, "chrom").unwrap_or("").to_owned();
        let count =
            |key| setting(&settings, key).map(|text| (text, text.parse::<u64>().ok().filter(|count| *count > 0)));
        let refuse = |reason: String| Refusal::new("coordinates", reason, FIX_DECLARATION);
        let needed = |key| match count(key) {
            None => Err(refuse(format!("there is no {key}= in it"))),
            Some((_, Some(number))) => Ok(number),
            Some((text, None)) => Err(refuse(format!("{key}={text} is not a whole number from 1 on"))),
        };
        let span = count("span").map_or(Ok(1), |_| needed("span"));
        let known = ["chrom", "start", "step", "span"];
        let layout = match settings.iter().find(|(key, _)| !known.contains(&key.to_ascii_lowercase().as_str())) {
            Some((key, _)) => Err(refuse(format!("'{key}=' is not known"))),
            None if contig.is_empty() => Err(refuse("there is no chrom= in it".to_owned())),
            None if is_fixed => needed("start")
                .and_then(|start| Ok(Layout::Fixed { next_bp: Some(start - 1), step_bp: needed("step")? })),
            None if count("start").or(count("step")).is_some() => {
                Err(refuse("variableStep has neither start= nor step=".to_owned()))
            }
            None => Ok(Layout::Variable),
        };
        let lacks_span = is_fixed && count("span").is_none() && needed("step").is_ok_and(|step_bp| step_bp > 1);
        let (layout, span_bp) = match span {
            Ok(span_bp) => (layout, span_bp),
            Err(refusal) => (layout.and(Err(refusal)), 1),
        };
        Self { contig, line: number, layout, span_bp, lacks_span }
    }

    /// Why its rows are left out, where they are.
    pub(super) fn refusal(&self) -> Option<&Refusal> {
        self.layout.as_ref().err()
    }

    /// Whether programs could differ about the width of its values.
    pub(super) fn lacks_span(&self) -> bool {
        self.lacks_span
    }

    /// No row that follows can be placed: one that cannot be read may have stood for a value or not.
    pub(super) fn lose_place(&mut self) {
        if let Ok(Layout::Fixed { .. }) = self.layout {
            let reason = "a row before it has too many columns, so that its place is not sure";
            self.layout = Err(Refusal::new("coordinates", reason, FIX_ROW));
        }
    }

    /// The bases and value of a row of one or two columns.
    pub(super) fn read_row(&mut self, words: &[&str]) -> Result<(Said, u64, u64, f32), (Said, Refusal)> {
        let mut said = Said { contig: self.contig.clone(), ..Said::default() };
        let layout = match &mut self.layout {
            Ok(layout) => layout,
            Err(refusal) => {
                let reason = format!("of the declaration in line {}: {}", self.line, refusal.reason);
                return Err((said, Refusal { reason, ..refusal.clone() }));
            }
        };
        if let (Layout::Fixed { .. }, [_, _]) = (&layout, words) {
            self.lose_place();
            return Err((said, Refusal::new("columns", "a row behind fixedStep has 1 column", FIX_ROW)));
        }
        let start_bp = match (layout, words) {
            (Layout::Fixed { next_bp, step_bp }, [_]) => {
                let start_bp = *next_bp;
                *next_bp = start_bp.and_then(|start_bp| start_bp.checked_add(*step_bp));
                start_bp.ok_or_else(|| Refusal::new("coordinates", "its place is past all numbers", FIX_DECLARATION))
            }
            (Layout::Variable, [start, _]) => {
                said.start = start.parse().ok();
                parse_number(start, "start").and_then(|start| {
                    let before_first = || Refusal::new("coordinates", "wig counts from 1 and it begins at 0", FIX_ROW);
                    start.checked_sub(1).ok_or_else(before_first)
                })
            }
            (Layout::Fixed { .. } | Layout::Variable, _) => {
                Err(Refusal::new("columns", "a row behind variableStep has 2 columns", FIX_ROW))
            }
        };
        let bases = start_bp.and_then(|start_bp| {
            let past_all = || Refusal::new("coordinates", "its end is past all numbers", FIX_ROW);
            Ok((start_bp, start_bp.checked_add(self.span_bp).ok_or_else(past_all)?))
        });
        let value = words.last().map_or(Ok(f32::NAN), |value| parse_value(value));
        match bases.and_then(|(start_bp, end_bp)| Ok((start_bp, end_bp, value?))) {
            Ok((start_bp, end_bp, value)) => {
                (said.start, said.end) = (start_bp.checked_add(1), Some(end_bp));
                Ok((said, start_bp, end_bp, value))
            }
            Err(refusal) => Err((said, refusal)),
        }
    }
}

/// A place on a contig.
pub(super) fn parse_number(text: &str, what: &str) -> Result<u64, Refusal> {
    let digits = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    digits.and_then(|text| text.parse().ok()).ok_or_else(|| {
        let reason = format!("the {what} '{}' is not a whole number", crate::error::shortened(text));
        Refusal::new("coordinates", reason, FIX_ROW)
    })
}

/// A value, which is a finite number.
pub(super) fn parse_value(text: &str) -> Result<f32, Refusal> {
    text.parse().ok().filter(|value: &f32| value.is_finite()).ok_or_else(|| {
        let reason = format!("the value '{}' is not a finite number", crate::error::shortened(text));
        Refusal::new("number", reason, "leave out rows that have no value")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bases(declaration: &mut Declaration, words: &[&str]) -> Option<(u64, u64, f32)> {
        declaration.read_row(words).ok().map(|(_, start_bp, end_bp, value)| (start_bp, end_bp, value))
    }

    #[test]
    fn rows_lie_where_the_declaration_says() {
        let mut fixed = Declaration::parse("fixedStep chrom=chr1 start=11 step=10 span=5", 1);
        assert_eq!(bases(&mut fixed, &["1.5"]), Some((10, 15, 1.5)), "counted from 1");
        assert_eq!(bases(&mut fixed, &["x"]), None, "no number");
        assert_eq!(bases(&mut fixed, &["2"]), Some((30, 35, 2.0)), "a refused row has a place all the same");
        let mut variable = Declaration::parse("variableStep\tchrom=chr1", 1);
        assert_eq!(bases(&mut variable, &["1", "3"]), Some((0, 1, 3.0)), "the first base");
        assert_eq!((bases(&mut variable, &["0", "3"]), bases(&mut variable, &["3"])), (None, None), "no place");
    }

    #[test]
    fn declarations_that_miss_something_are_refused() {
        let reason = |line| Declaration::parse(line, 1).refusal().map(|refusal| refusal.reason.clone());
        assert_eq!(reason("fixedStep chrom=chr1 start=1").as_deref(), Some("there is no step= in it"), "no guess");
        assert_eq!(reason("fixedStep start=1 step=1").as_deref(), Some("there is no chrom= in it"), "no contig");
        assert!(reason("fixedStep chrom=c start=0 step=1").is_some(), "wig counts from 1");
        assert!(reason("variableStep chrom=c span=x").is_some(), "no number");
        assert!(reason("variableStep chrom=c start=3").is_some(), "not of this kind");
        assert!(reason("fixedStep chrom=c start=1 stp=2 step=1").is_some(), "unknown");
        assert_eq!(reason("variableStep chrom=c"), None, "sound");
        assert!(Declaration::parse("fixedStep chrom=c start=1 step=10", 1).lacks_span(), "programs differ");
    }
}
