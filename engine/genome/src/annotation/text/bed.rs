//! BED: a feature per row, 0-based and half-open as our own.

use std::path::Path;

use super::{
    Flow, Format, Landmark, Setting,
    bed_blocks::{Span, blocks_of, thick_of, with_thick},
    bed_shape::{BedShape, colour, most_own},
    fields::{Refusal, judged, reported_row, score, too_few_columns, whole_number},
};
use crate::{Feature, GenomeError, Strand, annotation::AnnotationKind};

/// Reads the rows of a BED file.
pub(in crate::annotation) struct Bed {
    shape: Option<BedShape>,
    most_own: usize,
}

impl Bed {
    /// Begins with the file at `path`.
    pub(in crate::annotation) fn new(path: &Path) -> Self {
        Self { shape: None, most_own: most_own(path) }
    }

    /// Whether a row has shown which columns the file has.
    pub(in crate::annotation) fn has_shape(&self) -> bool {
        self.shape.is_some()
    }
}

/// Whether a line is not a row: a comment, or one that tells a browser how to draw.
fn is_beside(line: &str) -> bool {
    let word = line.split([' ', '\t']).next().unwrap_or_default();
    line.starts_with('#') || ((word == "track" || word == "browser") && line.split('\t').count() < 3)
}

impl Format for Bed {
    fn line(&mut self, number: u64, line: &str, setting: &mut Setting<'_, '_>) -> Result<Flow, GenomeError> {
        if is_beside(line) {
            return Ok(Flow::More);
        }
        let columns: Vec<&str> = line.split('\t').map(str::trim_end).collect();
        let row = reported_row(number, line, &columns, 1, Some(2));
        let judgement = self.feature(number, line, &columns, setting).map(|placed| setting.features.push(placed));
        (setting.rows)(judged(row, judgement));
        Ok(Flow::More)
    }

    fn finish(self: Box<Self>, _: &mut Setting<'_, '_>) -> Result<(AnnotationKind, Vec<Landmark>), GenomeError> {
        Ok((AnnotationKind::Bed, Vec::new()))
    }
}

impl Bed {
    fn feature(
        &mut self,
        number: u64,
        line: &str,
        columns: &[&str],
        setting: &mut Setting<'_, '_>,
    ) -> Result<(u32, Feature), Refusal> {
        if columns.len() < 3 {
            return Err(too_few_columns(line, columns.len(), "BED", "3 to 12"));
        }
        let (start_bp, end_bp) = (whole_number(columns[1], "start")?, whole_number(columns[2], "end")?);
        if end_bp < start_bp {
            let reason = format!("its end {end_bp} lies before its start {start_bp}");
            return Err(Refusal::coordinates(reason, "write the smaller position first"));
        }
        let contig = setting.contigs.number(columns[0])?;
        setting.contigs.check_end(contig, end_bp)?;
        let mut feature = Feature { start_bp, end_bp, line: number, ..Feature::default() };
        let most = self.most_own;
        let shape = *self.shape.get_or_insert_with(|| BedShape::of(number, columns, most, &mut setting.notices));
        if columns.len() != shape.columns {
            let counts = format!("{} columns, and {} in line {}", columns.len(), shape.columns, shape.line);
            setting.notices.count("Rows with another number of columns than the first", number, &counts);
        }
        fill(&mut feature, columns, shape, setting)?;
        Ok((contig, feature))
    }
}

/// Takes what stands in the columns after the third.
fn fill(
    feature: &mut Feature,
    columns: &[&str],
    shape: BedShape,
    setting: &mut Setting<'_, '_>,
) -> Result<(), Refusal> {
    let own = |index: usize| columns.get(index).copied().filter(|_| index < shape.own);
    let line = feature.line;
    feature.name = own(3).filter(|&name| name != ".").unwrap_or_default().to_owned();
    feature.score = own(4).map_or(Ok(None), score).unwrap_or_else(|()| {
        setting.notices.count("Scores that are no numbers are left out", line, columns[4]);
        None
    });
    feature.strand = own(5).map_or(Ok(None), strand)?;
    feature.colour = own(8).map_or(Ok(None), colour).unwrap_or_else(|()| {
        setting.notices.count("Colours that are not red,green,blue are left out", line, columns[8]);
        None
    });
    let bounds = (feature.start_bp, feature.end_bp);
    let thick = match own(6).zip(own(7)) {
        Some((start, end)) => thick_of(start, end, bounds)?,
        None => None,
    };
    if shape.own == 12 && columns.len() > 9 {
        let blocks = blocks_of(&columns[9..columns.len().min(12)], bounds)?;
        check_blocks(&blocks, bounds, line, setting);
        feature.blocks = with_thick(&blocks, thick);
    } else if thick.is_some_and(|thick| thick != bounds) {
        feature.blocks = with_thick(&[bounds], thick);
    }
    let more = columns.iter().enumerate().skip(shape.own);
    feature.attributes = more.map(|(index, &value)| (format!("column {}", index + 1), value.to_owned())).collect();
    Ok(())
}

/// Tells of blocks that BED does not allow and that can be drawn all the same.
fn check_blocks(blocks: &[Span], bounds: Span, line: u64, setting: &mut Setting<'_, '_>) {
    let ends = blocks.first().map(|block| block.0).zip(blocks.iter().map(|block| block.1).max());
    if ends != Some(bounds) {
        let found = ends.map_or_else(|| "no blocks".to_owned(), |(start, end)| format!("blocks from {start} to {end}"));
        setting.notices.count("Rows whose blocks do not reach from start to end", line, &found);
    }
    if let Some(pair) = blocks.windows(2).find(|pair| pair[1].0 < pair[0].1) {
        let found = format!("a block to {} and one from {}", pair[0].1, pair[1].0);
        setting.notices.count("Rows whose blocks overlap", line, &found);
    }
}

fn strand(text: &str) -> Result<Option<Strand>, Refusal> {
    match text {
        "+" => Ok(Some(Strand::Forward)),
        "-" => Ok(Some(Strand::Reverse)),
        "." | "" => Ok(None),
        _ => {
            let reason = format!("strand is '{}', and the column holds +, - or .", crate::error::shortened(text));
            Err(Refusal::columns(reason, "write +, - or ."))
        }
    }
}
